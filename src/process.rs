//! What this process may use, and what it does use, as the kernel counts it.

use cartwright_http::registry::ProcessUsage;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs;

/// Milliseconds of a tick of the kernel's process accounting, on every Linux platform in use.
const TICK_MS: u64 = 10;

/// How many files the store, the mails and the payments may need beside the connections; of a process that may have few
/// files open, half.
const FILES_OF_THE_STORE: u64 = 256;

/// Lets this process have as many files open as it may at all, and returns how many; `None`: as many as it likes.
pub fn raise_open_files() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return limit.current;
    }
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be raised");
            limit.current
        }
    }
}

/// Returns how many connections may be open, so that the store always has the files it needs: a store that cannot open
/// one ends the process.
pub(crate) fn connections_within(wanted: u64, open_files_max: Option<u64>) -> u64 {
    let Some(files) = open_files_max else {
        return wanted;
    };
    let left = files - FILES_OF_THE_STORE.min(files / 2);
    if left < wanted {
        tracing::warn!(
            connections_max = wanted,
            open_files_max = files,
            "at most {left} connections are taken: the process may not have more files open; raise that limit (\
             LimitNOFILE of the service, or `ulimit -n`) or lower connections_max"
        );
    }
    wanted.min(left)
}

/// Returns the milliseconds of user and of system time that a process has taken so far. Nothing where there is no such
/// process.
pub fn cpu_ms(process: u32) -> Option<(u64, u64)> {
    cpu_ms_of(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// Reads user and system time from the text of `/proc/PID/stat`, where they are the 14th and 15th field.
fn cpu_ms_of(stat: &str) -> Option<(u64, u64)> {
    // The second field is a name in parentheses that may hold blanks.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11);
    let mut ms = || Some(fields.next()?.parse::<u64>().ok()? * TICK_MS);
    Some((ms()?, ms()?))
}

/// Returns what this process uses. What the kernel does not tell is zero.
pub(crate) fn usage() -> ProcessUsage {
    let id = std::process::id();
    let (user_ms, system_ms) = cpu_ms(id).unwrap_or_default();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let io = fs::read_to_string("/proc/self/io").unwrap_or_default();
    let written = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "))
        .and_then(|text| text.parse().ok());
    ProcessUsage {
        id,
        user_ms,
        system_ms,
        resident_bytes: resident_bytes_of(&status).unwrap_or(0),
        write_bytes: written.unwrap_or(0),
    }
}

/// Reads the resident memory from the text of `/proc/PID/status`, where it is in kibibytes, however large a page is.
fn resident_bytes_of(status: &str) -> Option<u64> {
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = resident.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_to_the_store() {
        let check = |wanted, open_files_max, taken| {
            assert_eq!(connections_within(wanted, open_files_max), taken);
        };
        check(10_000, None, 10_000);
        check(10_000, Some(65_536), 10_000);
        check(10_000, Some(10_256), 10_000);
        check(10_000, Some(10_255), 9_999);
        check(10_000, Some(1_024), 768);
        check(100, Some(1_024), 100);
        check(10_000, Some(300), 150);
    }

    #[test]
    fn as_many_files_may_be_open_as_the_machine_allows() {
        let raised = raise_open_files();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!((limit.current, raised), (limit.maximum, limit.maximum));
    }

    #[test]
    fn cpu_time_is_read_behind_a_name_with_blanks() {
        let stat = "4242 (cart) wright) S 1 4242 4242 0 -1 4194304 500 0 0 0 123 45 0 0 20 0 4 0 999 1 2 3";
        assert_eq!(cpu_ms_of(stat), Some((1230, 450)));
        assert_eq!(cpu_ms_of("nonsense"), None);
    }

    #[test]
    fn resident_memory_is_read_in_kibibytes() {
        let status = "Name:\tcartwright\nVmHWM:\t   90000 kB\nVmRSS:\t   12345 kB\nThreads:\t4\n";
        assert_eq!(resident_bytes_of(status), Some(12_345 * 1024));
        assert_eq!(resident_bytes_of("Name:\tkthreadd\n"), None);
        assert_eq!(resident_bytes_of("VmRSS:\t18014398509481984 kB\n"), None);
    }

    #[test]
    fn a_process_uses_memory_and_knows_its_number() {
        let usage = usage();
        assert_eq!(usage.id, std::process::id());
        assert!(cfg!(not(target_os = "linux")) || 0 < usage.resident_bytes);
    }
}
