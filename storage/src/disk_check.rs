//! What a disk allows: how long `fdatasync` takes after each way of writing a journal.
//!
//! The command `disk-check` shows it, and ADR 0002 rests on it.

use crate::disk::write_all_at;
use crate::journal::{ALIGNMENT, Filling, write_zeros};
use crate::{Disk, DiskFile, Opening, RealDisk};
use std::io;
use std::path::Path;
use std::time::Instant;

/// The file that is measured with, which has no name once it is open.
const PROBE: &str = "disk-check.probe";

/// How a file is prepared before it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preparation {
    /// Zeros were written and synced: the journal's default.
    Zeros,
    /// The file system has reserved the bytes.
    Allocated,
    /// Nothing: each write makes the file longer.
    Append,
}

impl Preparation {
    /// Every way, in the order in which it is measured.
    pub const ALL: [Self; 3] = [Self::Zeros, Self::Allocated, Self::Append];

    /// Returns the name for people and for JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zeros => "overwrite_zeros",
            Self::Allocated => "overwrite_allocated",
            Self::Append => "append",
        }
    }
}

/// What is written and synced, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskLoad {
    /// How many writes are measured.
    pub writes: u32,
    /// How large each is, in bytes: the size of a group.
    pub write_bytes: u32,
}

impl DiskLoad {
    /// Returns it with at least one write, of whole sectors as the journal's are: others go another way, through the
    /// system's memory.
    pub fn as_the_journal(self) -> Self {
        let sector = u32::try_from(ALIGNMENT).unwrap_or(1);
        Self {
            writes: self.writes.max(1),
            write_bytes: self.write_bytes.max(1).next_multiple_of(sector),
        }
    }
}

impl Default for DiskLoad {
    /// A thousand small groups.
    fn default() -> Self {
        Self {
            writes: 1_000,
            write_bytes: 4 * 1024,
        }
    }
}

/// What was measured of one way of writing. Times are of one write and its `fdatasync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskTimes {
    /// How the file was prepared.
    pub preparation: Preparation,
    /// How many writes were measured.
    pub writes: u32,
    /// The fastest, in microseconds.
    pub min_us: u64,
    /// The median, in microseconds.
    pub p50_us: u64,
    /// The 99th percentile, in microseconds.
    pub p99_us: u64,
    /// The slowest, in microseconds.
    pub max_us: u64,
    /// Syncs a second, one after the other. A group is one sync, so this times the commits of a group is the
    /// most that the disk allows.
    pub syncs_per_second: u64,
}

/// Measures each way of writing in a directory.
///
/// # Errors
/// The directory cannot be written, or has no room for twice as much.
pub fn disk_check(directory: impl AsRef<Path>, load: DiskLoad) -> io::Result<Vec<DiskTimes>> {
    let directory = directory.as_ref();
    Preparation::ALL
        .iter()
        .map(|preparation| disk_check_of(directory, *preparation, load))
        .collect()
}

/// Measures one way of writing in a directory, of a load [as the journal's](DiskLoad::as_the_journal).
///
/// # Errors
/// As [`disk_check`].
pub fn disk_check_of(
    directory: impl AsRef<Path>,
    preparation: Preparation,
    load: DiskLoad,
) -> io::Result<DiskTimes> {
    let DiskLoad { writes, write_bytes } = load.as_the_journal();
    let directory = directory.as_ref();
    let bytes = u64::from(writes) * u64::from(write_bytes);
    // As much stays beside it: it is not to be this that fills the disk under a server.
    let (room, wanted) = (RealDisk.room(directory)?, bytes.saturating_mul(2));
    if room < wanted {
        let message = format!(
            "{room} bytes are left on the disk, and {wanted} are needed; ask for fewer or smaller writes"
        );
        return Err(io::Error::new(io::ErrorKind::StorageFull, message));
    }
    let probe = directory.join(PROBE);
    let file = RealDisk.open(&probe, Opening::Create)?;
    // It goes with its last handle, however this ends.
    std::fs::remove_file(&probe)?;
    measure(&*file, preparation, DiskLoad { writes, write_bytes })
}

fn measure(file: &dyn DiskFile, preparation: Preparation, load: DiskLoad) -> io::Result<DiskTimes> {
    let DiskLoad { writes, write_bytes } = load;
    prepare(file, preparation, u64::from(writes) * u64::from(write_bytes))?;
    let block = vec![0xa5; usize::try_from(write_bytes).map_err(io::Error::other)?];
    let mut times = Vec::new();
    let begun = Instant::now();
    for number in 0..u64::from(writes) {
        let before = Instant::now();
        write_all_at(file, &block, number * u64::from(write_bytes))?;
        file.sync_data()?;
        times.push(u64::try_from(before.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    let elapsed_us = begun.elapsed().as_micros().max(1);
    let per_second = u128::from(writes) * 1_000_000 / elapsed_us;
    times.sort_unstable();
    Ok(DiskTimes {
        preparation,
        writes,
        min_us: percentile(&times, 0),
        p50_us: percentile(&times, 50),
        p99_us: percentile(&times, 99),
        max_us: percentile(&times, 100),
        syncs_per_second: u64::try_from(per_second).unwrap_or(u64::MAX),
    })
}

fn prepare(file: &dyn DiskFile, preparation: Preparation, bytes: u64) -> io::Result<()> {
    match preparation {
        Preparation::Zeros => write_zeros(file, 0..bytes, &Filling::default())?,
        Preparation::Allocated => file.allocate(bytes)?,
        Preparation::Append => {}
    }
    file.sync_all()
}

/// Returns the value that so many of a hundred sorted ones do not exceed.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last * percent).div_ceil(100)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_values_themselves() {
        let sorted: Vec<u64> = (1..=101).collect();
        assert_eq!(
            [0, 50, 99, 100].map(|percent| percentile(&sorted, percent)),
            [1, 51, 100, 101]
        );
        assert_eq!(percentile(&[7], 50), 7);
    }

    #[test]
    fn every_way_of_writing_is_measured_and_nothing_is_left() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let measured = disk_check(
            directory.path(),
            DiskLoad {
                writes: 5,
                write_bytes: 700,
            },
        )?;
        let asked = DiskLoad {
            writes: 0,
            write_bytes: 700,
        };
        assert_eq!(
            (asked.as_the_journal().writes, asked.as_the_journal().write_bytes),
            (1, 1_024)
        );
        let of: Vec<_> = measured
            .iter()
            .map(|times| (times.preparation, times.writes))
            .collect();
        assert_eq!(of, Preparation::ALL.map(|preparation| (preparation, 5)));
        assert!(
            measured
                .iter()
                .all(|times| times.min_us <= times.p50_us && times.p50_us <= times.max_us)
        );
        assert_eq!(std::fs::read_dir(directory.path())?.count(), 0);
        Ok(())
    }
}
