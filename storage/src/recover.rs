//! Recovery: from a data directory to an index that holds the whole journal.
//!
//! The journal decides. An index that does not open, panics, or does not hold what it should is set aside and
//! built anew, but one that another process holds, or that the machine has no room to open, stops the start; replay is
//! blind, in order and to the end, before any reader. It goes into pending, from where the index is fed as in everyday
//! life, and only what does not fit there is written at once.

use crate::applier::Feeder;
use crate::checkpoint::{Checkpoint, is_being_built, note_being_built};
use crate::codec::Stored;
use crate::error::io_at;
use crate::journal::{
    Ahead, CutTail, Journal, JournalOptions, Opened, Reach, has_segments, identity, remove_half_made,
};
use crate::options::{Options, Progress};
use crate::pending::Pending;
use crate::record::{Entry, Record, Start};
use crate::table::{Checked, Mark, SledTable};
use crate::{Disk, Fault, OpenError, Position};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The folder of the journal in a data directory.
pub(crate) const JOURNAL: &str = "journal";
const INDEX: &str = "index";
const INDEX_SET_ASIDE: &str = "index.set-aside";
/// In the index: why it was found wanting after the start, so that the next one sets it aside.
const SUSPECT: &str = "suspect";
/// The file in the index that says which journal it is the index of.
const JOURNAL_OF: &str = "journal";
/// How many digits a salt has there.
const SALT_DIGITS: usize = 16;
/// How many rows are checked at once before the index is used.
const CHECKED_AT_ONCE: usize = 512;
/// How many while it is used: whoever writes to it waits for them.
const CHECKED_BESIDE: usize = 16;
/// How long they are checked until others have their turn. Where cores are few, whoever wakes may wait for all of it, and
/// more than once on the way of one request.
const CHECKED_BESIDE_FOR: Duration = Duration::from_micros(100);
/// How many times as long the others' turn is.
const REST: u32 = 3;
/// How long that is at most, after a read that the disk was slow to answer: a store that is closed waits for it.
const REST_MAX: Duration = Duration::from_millis(50);
/// How many entries a replay leaves for later; what is more is written to the index at once.
const REPLAYED_PENDING_MAX: usize = 200_000;
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
    /// There was no journal: one was begun.
    pub is_new: bool,
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
                "cut a torn tail: a group that was not written in full, and so not acknowledged"
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
    pub(crate) table: Arc<SledTable>,
    pub(crate) pending: Arc<Pending>,
    pub(crate) feeder: Feeder,
    pub(crate) index_directory: PathBuf,
    /// Rows of the index are still to be checked, by [`check_on`].
    pub(crate) is_unchecked: bool,
    pub(crate) report: RecoveryReport,
}

/// Brings a data directory up to date.
pub(crate) fn recover(directory: &Path, options: &Options) -> Result<Recovered, OpenError> {
    remove_half_made(&*options.disk, &directory.join(JOURNAL));
    let index_directory = directory.join(INDEX);
    let Index {
        table,
        mark,
        is_unchecked,
        rebuilt,
        at_least,
    } = open_index(directory, &index_directory, options)?;
    let table = Arc::new(table);
    let from = mark.position;
    let pending = Arc::new(Pending::new(options.pending_bytes_max, from));
    let mut replay = Replay {
        feeder: Feeder::new(Arc::clone(&pending), Arc::clone(&table), mark),
        pending: &pending,
        options,
        from,
        position: from,
        replayed: 0,
    };
    let journal_options = JournalOptions {
        disk: Arc::clone(&options.disk),
        segment_bytes: options.segment_bytes,
        fill: options.fill,
        ahead: Ahead::OnThread,
    };
    let opened = Journal::open(
        &directory.join(JOURNAL),
        journal_options,
        Reach { from, at_least },
        |position, payload| replay.take(position, payload),
    )?;
    let Opened {
        journal,
        position,
        cut,
        segments,
        is_new,
    } = opened;
    note_journal(&*options.disk, directory, &index_directory);
    let Replay {
        mut feeder, replayed, ..
    } = replay;
    feeder.mark.start += 1;
    let report = RecoveryReport {
        start: feeder.mark.start,
        position,
        segments,
        is_new,
        replayed,
        cut_tail: cut,
        rebuilt,
    };
    Ok(Recovered {
        journal,
        table,
        pending,
        feeder,
        index_directory,
        is_unchecked,
        report,
    })
}

struct Index {
    table: SledTable,
    mark: Mark,
    is_unchecked: bool,
    rebuilt: Option<Rebuilt>,
    /// The furthest commit that the index or a checkpoint has seen.
    at_least: Position,
}

fn open_index(directory: &Path, index: &Path, options: &Options) -> Result<Index, OpenError> {
    let checkpoint = Checkpoint::read(&*options.disk, directory)
        .map_err(|error| io_at(&Checkpoint::path(directory), error))?;
    let mut at_least = match &checkpoint {
        Ok(Some(checkpoint)) => checkpoint.position,
        Ok(None) | Err(_) => Position(0),
    };
    let existed = index.exists();
    check_same_store(&*options.disk, &directory.join(JOURNAL), index)?;
    let opening = AssertUnwindSafe(|| open_checked(index, checkpoint, &mut at_least, options));
    let checked = catch_unwind(opening);
    let reason = match checked {
        Ok(Ok((table, mark, checked))) => {
            return Ok(Index {
                table,
                mark,
                is_unchecked: checked != Checked::All,
                rebuilt: None,
                at_least,
            });
        }
        Ok(Err(OpenError::Index(reason))) => reason,
        Ok(Err(error)) => return Err(error),
        Err(_) => "opening it panicked".to_owned(),
    };
    if !existed {
        // What the failed opening left.
        options.disk.remove(index).map_err(|error| io_at(index, error))?;
    }
    // A start that the journal refuses changes nothing: an index goes only once another can be built.
    let reach = Reach {
        from: Position(0),
        at_least,
    };
    Journal::judge(&*options.disk, &directory.join(JOURNAL), reach, |_, payload| {
        Entry::decode(payload).map(drop)
    })?;
    let rebuilt = match existed {
        true => Some(set_aside(&*options.disk, directory, index, reason)?),
        false => None,
    };
    let table = SledTable::open(index, options.cache_bytes)?;
    table.check(CHECKED_AT_ONCE).map_err(unusable)?;
    note_being_built(index);
    Ok(Index {
        table,
        mark: Mark::default(),
        is_unchecked: false,
        rebuilt,
        at_least,
    })
}

/// Says why an index cannot be used.
fn unusable(fault: Fault) -> OpenError {
    match fault {
        Fault::Newer { what, known } => OpenError::Newer { what, known },
        Fault::Damaged { .. } | Fault::Busy | Fault::Io(_) => OpenError::Index(fault.to_string()),
    }
}

/// Opens the index and checks that it holds what it says and what the last checkpoint says, as far as there is time.
/// What its mark says that the journal holds counts also where the index cannot be used.
///
/// # Errors
/// [`OpenError::Index`]: it does not. Every other is a reason not to start.
fn open_checked(
    index: &Path,
    checkpoint: Result<Option<Checkpoint>, Fault>,
    at_least: &mut Position,
    options: &Options,
) -> Result<(SledTable, Mark, Checked), OpenError> {
    let not_so = |reason: String| {
        unusable(Fault::Damaged {
            entity: "the index".to_owned(),
            reason,
        })
    };
    let table = SledTable::open(index, options.cache_bytes)?;
    let mark = table.mark().map_err(unusable)?;
    *at_least = mark.position.max(*at_least);
    if let Ok(reason) = std::fs::read_to_string(index.join(SUSPECT)) {
        return Err(not_so(reason));
    }
    if let Some(checkpoint) = checkpoint.map_err(unusable)?
        && mark.position < checkpoint.position
        && !is_being_built(index)
    {
        return Err(not_so(format!(
            "it ends with commit {}, before the checkpoint at {}",
            mark.position.0, checkpoint.position.0
        )));
    }
    let begun = Instant::now();
    let mut rows = 0;
    loop {
        let checked = table.check(CHECKED_AT_ONCE).map_err(unusable)?;
        let Checked::Some(more) = checked else {
            return Ok((table, mark, checked));
        };
        if options.check_before_start <= begun.elapsed() {
            return Ok((table, mark, checked));
        }
        rows += more as u64;
        if (rows / PROGRESS_EVERY) != ((rows - more as u64) / PROGRESS_EVERY) {
            tell(options, Progress::Checking { rows });
        }
    }
}

/// Checks that an index that says which journal it is of is of the one beside it. Which of the two is foreign nobody can
/// tell, so that neither is touched.
///
/// # Errors
/// [`OpenError::OtherJournal`]; [`OpenError::NoJournal`].
fn check_same_store(disk: &dyn Disk, journal: &Path, index: &Path) -> Result<(), OpenError> {
    let Some(noted) = noted_journal(index) else {
        return Ok(());
    };
    match identity(disk, journal) {
        Some(own) if own != noted => Err(OpenError::OtherJournal {
            index: index.to_owned(),
        }),
        None if !has_segments(disk, journal) => Err(OpenError::NoJournal {
            journal: journal.to_owned(),
            index: index.to_owned(),
        }),
        // A first segment that is not sound is told by whoever reads it.
        Some(_) | None => Ok(()),
    }
}

/// Returns which journal an index says that it is of. One of an earlier release does not, and one whose note is damaged.
fn noted_journal(index: &Path) -> Option<u64> {
    let noted = std::fs::read_to_string(index.join(JOURNAL_OF)).ok()?;
    let salt = u64::from_str_radix(noted.get(..SALT_DIGITS)?, 16).ok()?;
    (noted == note_of(salt)).then_some(salt)
}

/// Returns what is noted of a journal: its salt, and a checksum of that, so that damage is not taken for another journal.
fn note_of(salt: u64) -> String {
    let salt = format!("{salt:016x}");
    let sum = crc32c::crc32c(salt.as_bytes());
    format!("{salt}{sum:08x}")
}

/// Notes in the index which journal it is of. Without the note it is not told from another's.
fn note_journal(disk: &dyn Disk, directory: &Path, index: &Path) {
    let own = identity(disk, &directory.join(JOURNAL));
    if let Some(own) = own.filter(|own| noted_journal(index) != Some(*own))
        && let Err(error) = std::fs::write(index.join(JOURNAL_OF), note_of(own))
    {
        tracing::warn!(%error, "which journal the index is of cannot be noted; it is not told from another's");
    }
}

/// Checks the rest of the index beside everything else, and leaves most of the time to others. Damage is
/// written down, so that the next start sets the index aside.
///
/// # Errors
/// The damage: what was served since the start may rest on it, so the process must end.
pub(crate) fn check_on(table: &SledTable, index: &Path, goes_on: impl Fn() -> bool) -> Result<(), Fault> {
    let mut begun = Instant::now();
    while goes_on() {
        match table.check(CHECKED_BESIDE) {
            Ok(Checked::Some(_)) => {
                let took = begun.elapsed();
                if CHECKED_BESIDE_FOR <= took {
                    std::thread::sleep(rest(took));
                    begun = Instant::now();
                }
            }
            Ok(Checked::All) => {
                tracing::info!("every row of the index is sound");
                return Ok(());
            }
            Err(fault) => {
                if let Err(error) = std::fs::write(index.join(SUSPECT), fault.to_string()) {
                    tracing::error!(%error, "the damage cannot be written down");
                }
                return Err(fault);
            }
        }
    }
    Ok(())
}

/// Returns how long others have their turn after one that took so long.
fn rest(took: Duration) -> Duration {
    took.saturating_mul(REST).min(REST_MAX)
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

/// Takes in what the journal holds after the mark, blindly.
struct Replay<'a> {
    feeder: Feeder,
    pending: &'a Pending,
    options: &'a Options,
    from: Position,
    position: Position,
    replayed: u64,
}

impl Replay<'_> {
    fn take(&mut self, position: Position, payload: &[u8]) -> Result<(), Fault> {
        let mark = &mut self.feeder.mark;
        match Entry::decode(payload)? {
            Entry::Start(Start { number, at }) => {
                mark.start = mark.start.max(number);
                mark.at = mark.at.max(at);
            }
            Entry::Cursor(moved) if self.from <= position => {
                let cursors = std::iter::once(&moved);
                self.pending.insert(std::iter::empty(), cursors, |_| false);
            }
            Entry::Commit(record) if self.from < position => {
                mark.at = mark.at.max(record.at);
                let record: &Record = &record;
                let group = std::iter::once((position, record));
                // What the index holds is not known before its rows were checked.
                self.pending.insert(group, std::iter::empty(), |_| false);
                self.position = position;
                self.replayed += 1;
                if self.replayed.is_multiple_of(PROGRESS_EVERY) {
                    tell(self.options, Progress::Replaying { position });
                }
            }
            Entry::Cursor(_) | Entry::Commit(_) => {}
        }
        if self.pending.is_half_full() || REPLAYED_PENDING_MAX <= self.pending.len() {
            self.feeder.feed(self.position)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_have_three_quarters_of_the_time_and_a_close_does_not_wait_for_a_slow_disk() {
        let of = |micros| rest(Duration::from_micros(micros));
        assert_eq!(of(100), Duration::from_micros(300));
        assert_eq!(of(5_000), Duration::from_millis(15));
        assert_eq!(of(60_000_000), Duration::from_millis(50));
    }
}
