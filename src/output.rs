//! What the commands say: results to stdout, complaints and progress to stderr.

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// How much is told of what stands in a row, which may hold anything.
const TOLD_CHARS_MAX: usize = 1_000;
/// What stands for stdout in place of a file's name.
pub(crate) const STDOUT: &str = "-";

/// Writes one line to stdout. A reader that has gone away is not a fault.
///
/// # Errors
/// What writing to stdout met with, but for a closed pipe.
pub(crate) fn line(text: impl AsRef<str>) -> io::Result<()> {
    let written = writeln!(io::stdout().lock(), "{}", text.as_ref());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => {
            other.map_err(|error| io::Error::new(error.kind(), format!("stdout cannot be written: {error}")))
        }
    }
}

/// Returns so much of a text as one line of a report takes.
pub(crate) fn one_line(text: &str) -> String {
    let shown = text.chars().take(TOLD_CHARS_MAX);
    shown
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

/// Writes one line to stderr, for a person who watches.
pub(crate) fn note(text: impl AsRef<str>) {
    // Nobody can be told that stderr is gone.
    drop(writeln!(io::stderr().lock(), "{}", text.as_ref()));
}

/// Opens the file of a report on other files, before the work that it is about.
///
/// # Errors
/// It cannot be written, or is one of those files.
pub(crate) fn report<'a>(path: &Path, on: impl IntoIterator<Item = &'a Path>) -> anyhow::Result<File> {
    let is_same = |(a, b): (Metadata, Metadata)| (a.dev(), a.ino()) == (b.dev(), b.ino());
    let is_it = |on: &&Path| path.metadata().ok().zip(on.metadata().ok()).is_some_and(is_same);
    if let Some(on) = on.into_iter().find(is_it) {
        bail!(
            "the report would be written over {}; name another file",
            on.display()
        );
    }
    File::create(path).with_context(|| format!("cannot write the report {}", path.display()))
}

/// Writes an error with its causes to stderr.
pub(crate) fn complain(error: &anyhow::Error) {
    note(format!("error: {error:#}"));
}

/// Returns a progress bar of so many steps on stderr; it is silent when that is not a terminal.
pub(crate) fn progress(steps: u64, what: &'static str) -> ProgressBar {
    bar(
        steps,
        what,
        "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}",
    )
}

/// Returns a progress bar of so many bytes on stderr; it is silent when that is not a terminal.
pub(crate) fn progress_bytes(bytes: u64, what: &'static str) -> ProgressBar {
    bar(bytes, what, "{msg} {wide_bar} {bytes}/{total_bytes} {eta}")
}

/// Returns a progress bar of nobody knows how many steps on stderr; it is silent when that is not a terminal.
pub(crate) fn progress_open(what: &'static str) -> ProgressBar {
    bar(0, what, "{msg} {human_pos} {per_sec}")
}

fn bar(length: u64, what: &'static str, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("the templates of this module are well formed");
    ProgressBar::new(length).with_style(style).with_message(what)
}

/// Returns thousandths with a point: 1234 is `1.234`.
pub(crate) fn decimals(thousandths: u128) -> String {
    format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
}

/// Writes a number with its thousands apart.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if 0 < at && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns how many came in a second.
pub(crate) fn per_second(count: u64, time: Duration) -> u128 {
    u128::from(count) * 1_000_000 / time.as_micros().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_not_written_over_what_it_is_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let (rows, link) = (folder.path().join("rows.csv"), folder.path().join("link.csv"));
        std::fs::write(&rows, "sku\n").expect("a file");
        std::os::unix::fs::symlink(&rows, &link).expect("a link");
        for path in [&rows, &link] {
            let error = report(path, [folder.path(), &rows]).expect_err("it is the same file");
            assert!(error.to_string().contains("name another file"), "{error}");
        }
        assert_eq!(std::fs::read(&rows).expect("it is there"), b"sku\n");
        assert!(report(&folder.path().join("report.tsv"), [rows.as_path()]).is_ok());
    }

    #[test]
    fn thousandths_are_written_with_a_point() {
        assert_eq!(
            (decimals(1234), decimals(7)),
            ("1.234".to_owned(), "0.007".to_owned())
        );
        assert_eq!(
            [7, 999, 1_000, 1_234_567].map(thousands),
            ["7", "999", "1,000", "1,234,567"]
        );
        assert_eq!(per_second(10, Duration::from_millis(500)), 20);
    }
}
