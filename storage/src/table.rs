//! sled: the index. It can be lost at any time and is built anew from the journal.

use crate::codec::{self, Stored, Tag};
use crate::error::io_at;
use crate::filter::Filter;
use crate::index::{self, Change, EachRow, Range, Rows};
use crate::key::{self, Table};
use crate::{Fault, OpenError, Position};
use bytes::Bytes;
use cartwright_domain::Timestamp;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Large segments: with sled's own 512 KiB a start takes many times longer.
const SEGMENT_BYTES: usize = 8 * 1024 * 1024;
/// The file that sled locks while it has the tree open.
const TREE_FILE: &str = "db";
/// How often it is looked whether somebody has the tree open, and how long is waited in between.
const HELD_TRIES: u32 = 20;
const HELD_PAUSE: Duration = Duration::from_millis(20);
/// The filter takes so much less than the cache.
const FILTER_DIVISOR: u64 = 32;

/// How far the index goes and what it holds, written with every batch of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// Every commit up to here is in the index.
    pub(crate) position: Position,
    /// The number of the last process start.
    pub(crate) start: u64,
    /// The time of the last commit.
    pub(crate) at: Timestamp,
    /// Rows by table, in the order of [`Table::COUNTED`], and in the same order the sum of their checksums: a flipped
    /// byte can bring back an older value of a row, which is as sound as the one that was lost.
    pub(crate) rows: Vec<u64>,
}

impl Stored for Mark {
    const TAG: Tag = Tag::Mark;
    const SCHEMA: u16 = 1;
}

impl Mark {
    /// Counts a row in place of another of the same key.
    fn count(&mut self, key: &[u8], before: Option<&[u8]>, after: Option<&[u8]>) {
        let tables = Table::COUNTED.len();
        self.rows.resize(2 * tables, 0);
        let table = Table::COUNTED
            .iter()
            .position(|table| key.first() == Some(&table.byte()));
        let Some(table) = table else { return };
        let checksum = |value: &[u8]| u64::from(crc32c::crc32c_append(crc32c::crc32c(key), value));
        let (counts, sums) = self.rows.split_at_mut(tables);
        if let Some(value) = before {
            counts[table] = counts[table].saturating_sub(1);
            sums[table] = sums[table].wrapping_sub(checksum(value));
        }
        if let Some(value) = after {
            counts[table] += 1;
            sums[table] = sums[table].wrapping_add(checksum(value));
        }
    }
}

/// The one tree.
pub(crate) struct SledTable {
    tree: sled::Db,
    filter: Filter,
    audit: Mutex<Option<Audit>>,
    reads: AtomicU64,
}

/// A count and check of every row, as far as it has come. What is written behind it meanwhile is counted in.
#[derive(Default)]
struct Audit {
    /// The last row that was checked.
    last: Option<Vec<u8>>,
    counted: Mark,
}

impl Audit {
    fn has_passed(&self, key: &[u8]) -> bool {
        self.last.as_deref().is_some_and(|last| key <= last)
    }
}

/// How far the check of the rows has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    /// So many rows were looked at this time.
    Some(usize),
    /// All rows are sound and as many as there should be.
    All,
}

impl SledTable {
    /// Opens the tree. sled may panic on a damaged directory: the caller catches that.
    ///
    /// # Errors
    /// [`OpenError::Index`]: the index is not what it should be. Every other says nothing about the index: another
    /// process holds it, or the operating system has no room for it.
    pub(crate) fn open(directory: &Path, cache_bytes: u64) -> Result<Self, OpenError> {
        if is_held(directory) {
            return Err(OpenError::InUse {
                directory: directory.to_owned(),
                process: None,
            });
        }
        let config = sled::Config::new()
            .path(directory)
            .segment_size(SEGMENT_BYTES)
            .cache_capacity(cache_bytes)
            .mode(sled::Mode::HighThroughput)
            // Checkpoints flush; what is lost in between is replayed.
            .flush_every_ms(None);
        let filter = Filter::new(cache_bytes / FILTER_DIVISOR);
        // Every batch writes it.
        filter.add(&key::mark());
        Ok(Self {
            tree: config.open().map_err(|error| unopened(directory, error))?,
            filter,
            audit: Mutex::new(Some(Audit::default())),
            reads: AtomicU64::new(0),
        })
    }

    /// Returns how often rows were read, not counting those that were found missing without looking.
    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Reads how far the index goes.
    pub(crate) fn mark(&self) -> Result<Mark, Fault> {
        self.get(&key::mark())?
            .map_or(Ok(Mark::default()), |row| Mark::decode(&row))
    }

    /// Writes rows, of which the last change of each key counts, and the mark with its counts brought up to date.
    pub(crate) fn write(&self, changes: Vec<Change>, mark: &mut Mark) -> Result<(), Fault> {
        let newest: BTreeMap<Vec<u8>, Option<Vec<u8>>> = changes.into_iter().collect();
        let mut batch = sled::Batch::default();
        let mut audit = self.audit.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in newest {
            let before = match self.surely_lacks(&key) {
                true => None,
                false => self.tree.get(&key).map_err(fault)?,
            };
            if value.is_some() {
                self.filter.add(&key);
            }
            mark.count(&key, before.as_deref(), value.as_deref());
            if let Some(audit) = audit.as_mut().filter(|audit| audit.has_passed(&key)) {
                audit.counted.count(&key, before.as_deref(), value.as_deref());
            }
            match value {
                Some(value) => batch.insert(key, value),
                None if before.is_some() => batch.remove(key),
                None => {}
            }
        }
        batch.insert(key::mark(), index::stored(mark));
        self.tree.apply_batch(batch).map_err(fault)
    }

    /// Tells whether there is no row with a key, as far as that can be told without looking.
    pub(crate) fn surely_lacks(&self, key: &[u8]) -> bool {
        self.filter.surely_lacks(key)
    }

    /// Hands everything to the operating system. It is durable only once the files are synced.
    pub(crate) fn flush(&self) -> Result<(), Fault> {
        self.tree.flush().map_err(fault)?;
        Ok(())
    }

    /// Checks the next rows. After the last one the rows of each table must be as many as the mark says.
    ///
    /// # Errors
    /// [`Fault::Damaged`]: the index is not what it should be.
    pub(crate) fn check(&self, rows_max: usize) -> Result<Checked, Fault> {
        let damaged = |reason: String| Fault::Damaged {
            entity: "the index".to_owned(),
            reason,
        };
        let mut guard = self.audit.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(audit) = guard.as_mut() else {
            return Ok(Checked::All);
        };
        let start = audit.last.clone().map_or(Bound::Unbounded, Bound::Excluded);
        let mut rows = 0;
        for row in self.tree.range((start, Bound::Unbounded)).take(rows_max) {
            let (key, value) = row.map_err(fault)?;
            if !value.is_empty() && !codec::is_sound(&value) {
                return Err(damaged("the checksum of a row does not fit".to_owned()));
            }
            audit.counted.count(&key, None, Some(&value));
            self.filter.add(&key);
            audit.last = Some(key.to_vec());
            rows += 1;
        }
        if rows == rows_max {
            return Ok(Checked::Some(rows));
        }
        let counted = std::mem::take(&mut audit.counted.rows);
        let expected = self.mark()?.rows;
        let is_same = counted.iter().eq(&expected) || counted.iter().chain(&expected).all(|rows| *rows == 0);
        if !is_same {
            return Err(damaged(format!(
                "it holds the rows {counted:?} and not {expected:?}"
            )));
        }
        *guard = None;
        self.filter.complete();
        Ok(Checked::All)
    }
}

impl Rows for SledTable {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        if self.surely_lacks(key) {
            return Ok(None);
        }
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(self
            .tree
            .get(key)
            .map_err(fault)?
            .map(|value| Bytes::copy_from_slice(&value)))
    }

    fn walk(&self, range: Range, descending: bool, each: &mut EachRow<'_>) -> Result<(), Fault> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let mut rows = self.tree.range(range);
        while let Some(row) = if descending { rows.next_back() } else { rows.next() } {
            let (key, value) = row.map_err(fault)?;
            if each(&key, &value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Tells whether another process has the tree open, which sled would only say in a sentence. Threads of sled may hold a tree
/// for a moment after it was closed, so that one that is held is asked for some times.
fn is_held(directory: &Path) -> bool {
    let held = || {
        let file = File::open(directory.join(TREE_FILE));
        file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    };
    (0..HELD_TRIES).all(|try_number| {
        if 0 < try_number {
            std::thread::sleep(HELD_PAUSE);
        }
        held()
    })
}

fn unopened(directory: &Path, error: sled::Error) -> OpenError {
    match error {
        sled::Error::Io(error) if is_of_the_machine(&error) => io_at(directory, error),
        error => OpenError::Index(fault(error).to_string()),
    }
}

/// Tells whether the operating system refuses whatever the file holds.
fn is_of_the_machine(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let kinds = [
        Kind::OutOfMemory,
        Kind::PermissionDenied,
        Kind::QuotaExceeded,
        Kind::ReadOnlyFilesystem,
        Kind::StorageFull,
    ];
    // These two have no kind.
    let too_many_open = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
    kinds.contains(&error.kind())
        || error
            .raw_os_error()
            .is_some_and(|code| too_many_open.contains(&code))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn fault(error: sled::Error) -> Fault {
    Fault::Io(format!("the index: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_room_says_nothing_about_the_index() {
        let check = |error: io::Error, is_index: bool| {
            let told = unopened(Path::new("index"), sled::Error::Io(error));
            assert_eq!(matches!(told, OpenError::Index(_)), is_index, "{told}");
        };
        for errno in [
            Errno::NOSPC,
            Errno::DQUOT,
            Errno::MFILE,
            Errno::ACCESS,
            Errno::ROFS,
        ] {
            check(errno.into(), false);
        }
        for errno in [Errno::IO, Errno::NOTDIR, Errno::ISDIR] {
            check(errno.into(), true);
        }
        check(io::Error::other("checksum mismatch"), true);
    }

    #[test]
    fn an_older_value_that_came_back_is_found() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let row = [&[Table::COUNTED[0].byte()][..], b"row"].concat();
        let [old, new] = [1, 2].map(|position| index::stored(&Position(position)));
        let mut mark = Mark::default();
        let table = SledTable::open(directory.path(), 1 << 20)?;
        table.write(vec![(row.clone(), Some(old.clone()))], &mut mark)?;
        table.write(vec![(row.clone(), Some(new.clone()))], &mut mark)?;
        drop(table);
        for (value, is_sound) in [(new, true), (old, false)] {
            let table = SledTable::open(directory.path(), 1 << 20)?;
            table.tree.insert(&row, value).map_err(fault)?;
            assert_eq!(table.check(10).is_ok(), is_sound);
        }
        Ok(())
    }
}
