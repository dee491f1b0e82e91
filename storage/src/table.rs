//! sled: the index. It can be lost at any time and is built anew from the journal.

use crate::codec::{self, Stored, Tag};
use crate::index::{self, Change, EachRow, Range, Rows};
use crate::key::{self, Table};
use crate::{Fault, Position};
use bytes::Bytes;
use cartwright_domain::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Large segments: with sled's own 512 KiB a start takes many times longer.
const SEGMENT_BYTES: usize = 8 * 1024 * 1024;

/// How far the index goes and what it holds, written with every batch of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// Every commit up to here is in the index.
    pub(crate) position: Position,
    /// The number of the last process start.
    pub(crate) start: u64,
    /// The time of the last commit.
    pub(crate) at: Timestamp,
    /// Rows by table, in the order of [`Table::COUNTED`].
    pub(crate) rows: Vec<u64>,
}

impl Stored for Mark {
    const TAG: Tag = Tag::Mark;
    const SCHEMA: u16 = 1;
}

impl Mark {
    fn count(&mut self, key: &[u8], change: i64) {
        self.rows.resize(Table::COUNTED.len(), 0);
        let table = Table::COUNTED
            .iter()
            .position(|table| key.first() == Some(&table.byte()));
        if let Some(rows) = table.and_then(|table| self.rows.get_mut(table)) {
            *rows = rows.saturating_add_signed(change);
        }
    }
}

/// The one tree.
pub(crate) struct SledTable {
    tree: sled::Db,
}

impl SledTable {
    /// Opens the tree. sled may panic on a damaged directory: the caller catches that.
    pub(crate) fn open(directory: &Path, cache_bytes: u64) -> Result<Self, Fault> {
        let config = sled::Config::new()
            .path(directory)
            .segment_size(SEGMENT_BYTES)
            .cache_capacity(cache_bytes)
            .mode(sled::Mode::HighThroughput)
            // Checkpoints flush; what is lost in between is replayed.
            .flush_every_ms(None);
        Ok(Self {
            tree: config.open().map_err(fault)?,
        })
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
        for (key, value) in newest {
            let is_there = self.tree.contains_key(&key).map_err(fault)?;
            match value {
                Some(value) => {
                    mark.count(&key, i64::from(!is_there));
                    batch.insert(key, value);
                }
                None if is_there => {
                    mark.count(&key, -1);
                    batch.remove(key);
                }
                None => {}
            }
        }
        batch.insert(key::mark(), index::stored(mark));
        self.tree.apply_batch(batch).map_err(fault)
    }

    /// Hands everything to the operating system. It is durable only once the files are synced.
    pub(crate) fn flush(&self) -> Result<(), Fault> {
        self.tree.flush().map_err(fault)?;
        Ok(())
    }

    /// Reads every row, checks it, and returns the rows by table.
    pub(crate) fn count(&self, mut progress: impl FnMut(u64)) -> Result<Vec<u64>, Fault> {
        let mut counted = Mark::default();
        counted.count(&[], 0);
        for (number, row) in (1..).zip(self.tree.iter()) {
            let (key, value) = row.map_err(fault)?;
            if !value.is_empty() && !codec::is_sound(&value) {
                let reason = "the checksum of a row does not fit".to_owned();
                return Err(Fault::Damaged {
                    entity: "the index".to_owned(),
                    reason,
                });
            }
            counted.count(&key, 1);
            progress(number);
        }
        Ok(counted.rows)
    }
}

impl Rows for SledTable {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        Ok(self
            .tree
            .get(key)
            .map_err(fault)?
            .map(|value| Bytes::copy_from_slice(&value)))
    }

    fn walk(&self, range: Range, descending: bool, each: &mut EachRow<'_>) -> Result<(), Fault> {
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

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn fault(error: sled::Error) -> Fault {
    Fault::Io(format!("the index: {error}"))
}
