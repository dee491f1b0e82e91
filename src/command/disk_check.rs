//! `cartwright disk-check`: what a disk's `fdatasync` allows.

use crate::cli::DiskCheck;
use crate::output::{self, decimals};
use anyhow::{Context, ensure};
use cartwright::config::{Arguments, Sources};
use cartwright_storage::{DiskLoad, DiskTimes, Preparation, disk_check};
use std::path::Path;
use std::process::ExitCode;

/// Measures and prints a table.
///
/// # Errors
/// The directory is none, or cannot be written to.
pub(crate) fn run(file: Option<&Path>, arguments: &DiskCheck) -> anyhow::Result<ExitCode> {
    let overrides = Arguments {
        data: arguments.data.clone(),
        ..Arguments::default()
    };
    let data = Sources::of_process(file, &overrides)?.load()?.data;
    ensure!(
        !data.is_file(),
        "{} is a file; name a directory with --data",
        data.display()
    );
    let directory = existing(&data);
    let load = DiskLoad {
        writes: arguments.writes,
        write_bytes: arguments.write_bytes,
    }
    .as_the_journal();
    let advice = || {
        format!(
            "cannot measure in {}; name a directory with --data that can be written to and has room",
            directory.display()
        )
    };
    let measured = disk_check(directory, load).with_context(advice)?;
    let DiskLoad { writes, write_bytes } = load;
    output::line(format!(
        "{writes} writes of {write_bytes} bytes, each with fdatasync, in {}",
        directory.display()
    ))?;
    output::line(format!(
        "{:<38}{:>9}{:>11}{:>11}{:>11}",
        "", "syncs/s", "p50 ms", "p99 ms", "max ms"
    ))?;
    for times in measured {
        output::line(row(&times))?;
    }
    output::line(
        "Changes that come at the same time share a sync, so that more of them than syncs can be answered.",
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the directory, or the nearest above it that exists: the data will be on the same disk.
fn existing(data: &Path) -> &Path {
    let above = data.ancestors().find(|path| path.is_dir());
    above.unwrap_or(Path::new("."))
}

fn row(times: &DiskTimes) -> String {
    let name = match times.preparation {
        Preparation::Zeros => "overwriting zeros, as the journal does",
        Preparation::Allocated => "overwriting reserved bytes",
        Preparation::Append => "appending",
    };
    let [p50, p99, max] =
        [times.p50_us, times.p99_us, times.max_us].map(|micros| decimals(u128::from(micros)));
    format!(
        "{name:<38}{:>9}{p50:>11}{p99:>11}{max:>11}",
        times.syncs_per_second
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_exist_yet_is_measured_above() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        assert_eq!(existing(&directory.path().join("a/b")), directory.path());
        assert_eq!(existing(directory.path()), directory.path());
        assert_eq!(existing(Path::new("not/there")), Path::new("."));
    }
}
