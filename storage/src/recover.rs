//! Recovery: from a data directory to an index that holds the whole journal.
//!
//! The journal decides. An index that does not open, panics, or does not hold what it should is set aside and
//! built anew; replay is blind, in order and to the end, before any reader.

use crate::checkpoint::Checkpoint;
use crate::codec::Stored;
use crate::index::{self, Change};
use crate::journal::{CutTail, Journal, JournalOptions, Opened, Reach, io_at};
use crate::key;
use crate::options::{Options, Progress};
use crate::record::{Entry, Start};
use crate::table::{Mark, SledTable};
use crate::{Disk, Fault, OpenError, Position};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const JOURNAL: &str = "journal";
const INDEX: &str = "index";
const INDEX_SET_ASIDE: &str = "index.set-aside";
/// How many rows are written to the index at once during a replay.
const ROWS_AT_ONCE: usize = 8_192;
/// After how many rows or commits progress is told.
const PROGRESS_EVERY: u64 = 10_000;

/// What a start found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// The number of this start.
    pub start: u64,
    /// The last commit.
    pub position: Position,
    /// How many segments the journal has.
    pub segments: usize,
    /// How many commits were replayed.
    pub replayed: u64,
    /// The tail of a group that was never acknowledged, and was cut.
    pub cut_tail: Option<CutTail>,
    /// Why the index was set aside and built anew.
    pub rebuilt: Option<Rebuilt>,
}

impl RecoveryReport {
    /// Says it in the log.
    pub(crate) fn log(&self) {
        if let Some(CutTail {
            segment,
            offset,
            bytes,
        }) = &self.cut_tail
        {
            tracing::warn!(
                segment,
                offset,
                bytes,
                "cut a torn tail: a group that was never acknowledged"
            );
        }
        let Self {
            start,
            position,
            segments,
            replayed,
            ..
        } = self;
        tracing::info!(
            start,
            position = position.0,
            segments,
            replayed,
            "the store is open"
        );
    }
}

/// An index that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// What was wrong with it.
    pub reason: String,
    /// Where it is now.
    pub set_aside: PathBuf,
}

/// A data directory brought up to date.
pub(crate) struct Recovered {
    pub(crate) journal: Journal,
    pub(crate) table: SledTable,
    pub(crate) mark: Mark,
    pub(crate) index_directory: PathBuf,
    pub(crate) report: RecoveryReport,
}

/// Brings a data directory up to date.
pub(crate) fn recover(directory: &Path, options: &Options) -> Result<Recovered, OpenError> {
    let index_directory = directory.join(INDEX);
    let Index {
        table,
        mark,
        rebuilt,
        at_least,
    } = open_index(directory, &index_directory, options)?;
    let mut replay = Replay::new(&table, mark, options);
    let journal_options = JournalOptions {
        disk: Arc::clone(&options.disk),
        segment_bytes: options.segment_bytes,
        fill: options.fill,
    };
    let reach = Reach {
        from: replay.from,
        at_least,
    };
    let opened = Journal::open(
        &directory.join(JOURNAL),
        journal_options,
        reach,
        |position, payload| replay.take(position, payload),
    )?;
    let Opened {
        journal,
        position,
        cut,
        segments,
    } = opened;
    let (mark, replayed) = replay
        .finish()
        .map_err(|fault| OpenError::Index(fault.to_string()))?;
    let report = RecoveryReport {
        start: mark.start,
        position,
        segments,
        replayed,
        cut_tail: cut,
        rebuilt,
    };
    Ok(Recovered {
        journal,
        table,
        mark,
        index_directory,
        report,
    })
}

struct Index {
    table: SledTable,
    mark: Mark,
    rebuilt: Option<Rebuilt>,
    /// The furthest commit that the index or a checkpoint has seen.
    at_least: Position,
}

fn open_index(directory: &Path, index: &Path, options: &Options) -> Result<Index, OpenError> {
    let checkpoint = Checkpoint::read(&*options.disk, directory);
    if let Err(Fault::Newer { what, known }) = checkpoint {
        return Err(OpenError::Newer { what, known });
    }
    let checkpointed = checkpoint
        .as_ref()
        .ok()
        .and_then(Option::as_ref)
        .map_or(Position(0), |at| at.position);
    let existed = index.exists();
    let checked = catch_unwind(AssertUnwindSafe(|| open_checked(index, checkpoint, options)));
    let reason = match checked {
        Ok(Ok((table, mark))) => {
            let at_least = checkpointed.max(mark.position);
            return Ok(Index {
                table,
                mark,
                rebuilt: None,
                at_least,
            });
        }
        Ok(Err(Fault::Newer { what, known })) => return Err(OpenError::Newer { what, known }),
        Ok(Err(fault)) => fault.to_string(),
        Err(_) => "opening it panicked".to_owned(),
    };
    let rebuilt = if existed {
        Some(set_aside(&*options.disk, directory, index, reason)?)
    } else {
        None
    };
    if !existed {
        // What the failed opening left.
        options.disk.remove(index).map_err(|error| io_at(index, error))?;
    }
    let table =
        SledTable::open(index, options.cache_bytes).map_err(|fault| OpenError::Index(fault.to_string()))?;
    Ok(Index {
        table,
        mark: Mark::default(),
        rebuilt,
        at_least: checkpointed,
    })
}

/// Opens the index and checks that it holds what it says and what the last checkpoint says.
fn open_checked(
    index: &Path,
    checkpoint: Result<Option<Checkpoint>, Fault>,
    options: &Options,
) -> Result<(SledTable, Mark), Fault> {
    let checkpoint = checkpoint?;
    let table = SledTable::open(index, options.cache_bytes)?;
    let mark = table.mark()?;
    let counted = table.count(|rows| {
        if rows.is_multiple_of(PROGRESS_EVERY) {
            tell(options, Progress::Checking { rows });
        }
    })?;
    let not_so = |reason: String| Fault::Damaged {
        entity: "the index".to_owned(),
        reason,
    };
    let same_rows = |a: &[u64], b: &[u64]| a.iter().eq(b) || (a.iter().chain(b).all(|rows| *rows == 0));
    if !same_rows(&counted, &mark.rows) {
        return Err(not_so(format!(
            "it holds the rows {counted:?} and not {:?}",
            mark.rows
        )));
    }
    if let Some(checkpoint) = checkpoint
        && mark.position < checkpoint.position
    {
        return Err(not_so(format!(
            "it ends with commit {}, before the checkpoint at {}",
            mark.position.0, checkpoint.position.0
        )));
    }
    Ok((table, mark))
}

/// Moves the index out of the way, in place of one that was set aside before.
fn set_aside(disk: &dyn Disk, directory: &Path, index: &Path, reason: String) -> Result<Rebuilt, OpenError> {
    let to = directory.join(INDEX_SET_ASIDE);
    disk.remove(&to).map_err(|error| io_at(&to, error))?;
    disk.rename(index, &to).map_err(|error| io_at(index, error))?;
    disk.sync_directory(directory)
        .map_err(|error| io_at(directory, error))?;
    tracing::warn!(reason, set_aside = %to.display(), "the index is built anew from the journal");
    Ok(Rebuilt {
        reason,
        set_aside: to,
    })
}

fn tell(options: &Options, progress: Progress) {
    if let Some(hear) = &options.progress {
        hear(progress);
    }
}

/// Writes what the journal holds after the mark to the index, blindly.
struct Replay<'a> {
    table: &'a SledTable,
    options: &'a Options,
    from: Position,
    mark: Mark,
    changes: Vec<Change>,
    replayed: u64,
}

impl<'a> Replay<'a> {
    fn new(table: &'a SledTable, mark: Mark, options: &'a Options) -> Self {
        let from = mark.position;
        Self {
            table,
            options,
            from,
            mark,
            changes: Vec::new(),
            replayed: 0,
        }
    }

    fn take(&mut self, position: Position, payload: &[u8]) -> Result<(), Fault> {
        match Entry::decode(payload)? {
            Entry::Start(Start { number, at }) => {
                self.mark.start = self.mark.start.max(number);
                self.mark.at = self.mark.at.max(at);
            }
            Entry::Cursor(moved) if self.from <= position => {
                self.changes
                    .push((key::cursor(&moved.subscriber), Some(index::stored(&moved.to))));
            }
            Entry::Commit(record) if self.from < position => {
                index::key_changes(&record, |change| self.changes.push(change));
                index::state_changes(&record, position, |change| self.changes.push(change));
                self.mark.at = self.mark.at.max(record.at);
                self.mark.position = position;
                self.replayed += 1;
                if self.replayed.is_multiple_of(PROGRESS_EVERY) {
                    tell(self.options, Progress::Replaying { position });
                }
            }
            Entry::Cursor(_) | Entry::Commit(_) => {}
        }
        if ROWS_AT_ONCE <= self.changes.len() {
            self.write()
        } else {
            Ok(())
        }
    }

    fn write(&mut self) -> Result<(), Fault> {
        self.table
            .write(std::mem::take(&mut self.changes), &mut self.mark)
    }

    /// Writes the rest and takes the next start's number.
    fn finish(mut self) -> Result<(Mark, u64), Fault> {
        self.mark.start += 1;
        self.write()?;
        Ok((self.mark, self.replayed))
    }
}
