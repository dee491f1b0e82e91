//! The machine a run was made on, by name.

use super::Settings;
use super::report::{About, Asked};
use anyhow::Context;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;

/// Where the kernel tells about its memory and its parts.
const MEMORY: &str = "/proc/meminfo";
const PROCESSORS: &str = "/proc/cpuinfo";
const RELEASE: &str = "/proc/sys/kernel/osrelease";
const MOUNTS: &str = "/proc/self/mounts";

/// Describes this machine and this run. What the kernel does not tell is empty.
///
/// # Errors
/// The directory that is measured does not exist.
pub(super) fn about(settings: &Settings, is_directory_named: bool) -> anyhow::Result<About> {
    let directory = &settings.directory;
    let directory =
        fs::canonicalize(directory).with_context(|| format!("cannot measure in {}", directory.display()))?;
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let memory_kib: u64 = field(&read(MEMORY), "MemTotal")
        .trim_end_matches(" kB")
        .parse()
        .unwrap_or(0);
    Ok(About {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build: if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        }
        .to_owned(),
        date: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
        processor: field(&read(PROCESSORS), "model name"),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        memory_bytes: memory_kib * 1024,
        kernel: read(RELEASE).trim().to_owned(),
        filesystem: filesystem(&read(MOUNTS), &directory),
        seconds_ms: u64::try_from(settings.time.as_millis()).unwrap_or(u64::MAX),
        asked: Asked {
            connections: settings.connections,
            rounds: settings.rounds,
            carts: settings.carts,
            no_limits: !settings.limits,
            data_dir: is_directory_named,
        },
        program: program()?,
        run_ms: 0,
    })
}

/// Returns a hash of this program, by which one build is told from another of the same version.
fn program() -> anyhow::Result<String> {
    let program = std::env::current_exe().and_then(fs::read);
    let mut hasher = DefaultHasher::new();
    hasher.write(&program.context("this program cannot be read")?);
    Ok(format!("{:016x}", hasher.finish()))
}

/// Returns the first value of a name in lines of `name: value`.
fn field(text: &str, name: &str) -> String {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    let value = pairs.find(|(key, _)| key.trim() == name);
    value.map_or_else(String::new, |(_, value)| value.trim().to_owned())
}

/// Returns the type of the file system that holds a directory: of the longest mount point above it, the last mounted.
fn filesystem(mounts: &str, directory: &Path) -> String {
    let mut found = ("", 0);
    for line in mounts.lines() {
        let mut fields = line.split(' ').skip(1);
        if let (Some(point), Some(kind)) = (fields.next(), fields.next())
            && directory.starts_with(point)
            && found.1 <= point.len()
        {
            found = (kind, point.len());
        }
    }
    found.0.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_on_the_nearest_mount_above_it() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/b /tmp/far xfs rw 0 0\n";
        for (directory, kind) in [("/tmp/near", "tmpfs"), ("/tmp/far/x", "xfs"), ("/srv", "ext4")] {
            assert_eq!(filesystem(mounts, Path::new(directory)), kind);
        }
    }

    #[test]
    fn the_first_processor_is_named() {
        let text = "processor\t: 0\nmodel name\t: Fast One\nmodel name\t: Fast Two\n";
        assert_eq!(field(text, "model name"), "Fast One");
        assert_eq!(field(text, "flags"), "");
    }
}
