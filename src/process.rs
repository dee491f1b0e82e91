//! What this process uses, as the kernel counts it.

use cartwright_http::registry::ProcessUsage;
use std::fs;

/// Milliseconds of a tick of the kernel's process accounting, on every Linux platform in use.
const TICK_MS: u64 = 10;
/// Bytes of a page of memory, where the kernel does not say.
const PAGE_BYTES: u64 = 4096;

/// Returns what this process uses. What the kernel does not tell is zero.
pub(crate) fn usage() -> ProcessUsage {
    // The name in parentheses may hold blanks; the fields are counted from behind it.
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().collect())
        .unwrap_or_default();
    let ticks = |index: usize| {
        fields
            .get(index)
            .and_then(|field| field.parse::<u64>().ok())
            .unwrap_or(0)
    };
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split_whitespace()
        .nth(1)
        .and_then(|field| field.parse::<u64>().ok())
        .unwrap_or(0);
    let io = fs::read_to_string("/proc/self/io").unwrap_or_default();
    let written = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "))
        .and_then(|text| text.parse().ok());
    ProcessUsage {
        id: std::process::id(),
        user_ms: ticks(11) * TICK_MS,
        system_ms: ticks(12) * TICK_MS,
        resident_bytes: pages * PAGE_BYTES,
        write_bytes: written.unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_uses_memory_and_knows_its_number() {
        let usage = usage();
        assert_eq!(usage.id, std::process::id());
        assert!(cfg!(not(target_os = "linux")) || 0 < usage.resident_bytes);
    }
}
