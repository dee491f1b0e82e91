//! The store on a disk: journal, committer, pending and the index in sled, put together.

use crate::applier::{Applier, Checkpoints};
use crate::checkpoint::Checkpointer;
use crate::codec::Stored;
use crate::committer::{Committer, Item};
use crate::disk::make_directories;
use crate::error::io_at;
use crate::index;
use crate::journal::FrameBuffer;
use crate::key::{self, NAME_BYTES_MAX};
use crate::lease::Lease;
use crate::loaders::{Loaders, closed};
use crate::options::Options;
use crate::record::{CursorMove, Entry, Start};
use crate::recover::{Recovered, RecoveryReport, check_on, recover};
use crate::shared::Shared;
use crate::table::SledTable;
use crate::teller::Teller;
use crate::verdict::{Judge, counts};
use crate::view::View;
use crate::{
    Body, Commit, DueTimer, Fact, Fault, ListingRow, Loaded, OpenError, Past, Position, ReceiptFound,
    ReceiptKey, Rejected, Scan, Statistics, Store, Wanted, feed,
};
use cartwright_domain::{EntityKey, Sequence, Timestamp, UniqueKey};
use crossbeam_channel::{SendError, Sender, unbounded};
use foldhash::HashMap;
use futures::future::{BoxFuture, FutureExt, ready};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use tokio::sync::{oneshot, watch};

/// The store of a data directory.
///
/// Letting go of it closes it, without telling when; [`Store::close`] tells.
pub struct SledStore {
    items: Sender<Item>,
    shared: Arc<Shared>,
    start: u64,
    last_recorded_at: Timestamp,
    waiting_max: u64,
}

impl Drop for SledStore {
    fn drop(&mut self) {
        self.shared.is_let_go_of.store(true, Ordering::Release);
    }
}

impl SledStore {
    /// Opens the store of a data directory, makes one where there is none, and says what was found.
    ///
    /// # Errors
    /// [`OpenError`]: another process works on the directory, the journal is damaged or of a newer release, or
    /// the operating system refuses a file.
    pub fn open(directory: impl AsRef<Path>, options: &Options) -> Result<(Self, RecoveryReport), OpenError> {
        let directory = directory.as_ref();
        options.check()?;
        let io = |error| io_at(directory, error);
        make_directories(&*options.disk, directory).map_err(io)?;
        let mut lease = Lease::take(directory)?;
        let Recovered {
            mut journal,
            table,
            pending,
            feeder,
            index_directory,
            is_unchecked,
            report,
        } = recover(directory, options)?;
        lease.hold_journal()?;
        let (start, last_recorded_at) = (feeder.mark.start, feeder.mark.at);
        let position = report.position;

        let mut buffer = FrameBuffer::new();
        let entry = Entry::Start(Start {
            number: start,
            at: last_recorded_at,
        });
        buffer
            .push(position, Position::default(), |out| entry.encode(out))
            .expect("a start is small");
        journal
            .append(&mut buffer, Position(position.0 + 1))
            .map_err(io)?;

        let view = View {
            pending: &pending,
            index: &*table,
        };
        let numbers = last_numbers(&view).map_err(|fault| OpenError::Index(fault.to_string()))?;
        let shared = Arc::new(Shared::new(
            pending,
            Loaders::start(options.loaders, options.loads_waiting_max).map_err(io)?,
            journal.catalog(),
            Arc::clone(&table),
            lease,
            Arc::clone(&options.abort),
            position,
        ));
        for (sequence, number) in &numbers {
            if let Some(counter) = shared.counters.number(*sequence) {
                counter.store(*number, Ordering::Release);
            }
        }
        let indexed = feeder.mark.position.0;
        shared.counters.indexed.store(indexed, Ordering::Release);
        // What was just replayed is not checkpointed.
        shared.counters.rows.store(report.replayed, Ordering::Release);

        let checkpointer = Checkpointer::open(Arc::clone(&options.disk), directory, &index_directory)?;
        let checkpoints =
            Checkpoints::start(checkpointer, Arc::clone(&shared), Arc::clone(&table)).map_err(io)?;
        // Not bounded by themselves: `admit` refuses callers at `waiting_max`, and what the engine owes is never shed.
        let (to_applier, messages) = unbounded();
        let (items, queue) = unbounded();
        let paces = (options.index_after, options.checkpoint_rows);
        let applier = Applier::new(messages, Arc::clone(&shared), feeder, paces, checkpoints);
        let committer = Committer {
            items: queue,
            judge: Judge::new(start, position, numbers, options.commit_bytes_max()),
            journal,
            shared: Arc::clone(&shared),
            index: Arc::clone(&table),
            applier: to_applier,
            teller: Teller::start(Arc::clone(&shared), options.runtime.as_ref()),
            group_bytes_max: options.group_bytes_max(),
            checkpoint_rows: options.checkpoint_rows,
        };
        if is_unchecked {
            spawn_check(&shared, Arc::clone(&table), index_directory).map_err(io)?;
        }
        spawn("committer", &shared, move || committer.run()).map_err(io)?;
        spawn("applier", &shared, move || applier.run()).map_err(io)?;
        report.log();
        let store = Self {
            items,
            shared,
            start,
            last_recorded_at,
            waiting_max: options.waiting_max,
        };
        Ok((store, report))
    }

    /// Reads a row of the index, on a loader unless the index surely lacks it. What is pending was asked before.
    fn read_of<T: Send + 'static>(
        &self,
        row: &[u8],
        read: impl FnOnce(&View<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, Fault>> {
        match self.shared.index() {
            Ok(index) if index.surely_lacks(row) => {
                let pending = &self.shared.pending;
                let index = &index;
                ready(read(&View { pending, index })).boxed()
            }
            Ok(_) | Err(_) => self.read(read),
        }
    }

    /// Reads the index and what is pending on a loader.
    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&View<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, Fault>> {
        match self.shared.index() {
            Ok(index) => {
                let pending = Arc::clone(&self.shared.pending);
                self.shared.loaders.read(move || {
                    read(&View {
                        pending: &pending,
                        index: &index,
                    })
                })
            }
            Err(fault) => ready(Err(fault)).boxed(),
        }
    }
}

fn spawn(
    name: &'static str,
    shared: &Arc<Shared>,
    run: impl FnOnce() + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    let shared = Arc::clone(shared);
    let thread = std::thread::Builder::new().name(format!("cartwright-{name}"));
    thread.spawn(move || shared.guard(name, run))
}

/// Goes on with the check of the index, until it is over or the store is closed.
fn spawn_check(shared: &Arc<Shared>, index: Arc<SledTable>, directory: PathBuf) -> std::io::Result<()> {
    let of = Arc::clone(shared);
    let check = spawn("check", shared, move || {
        if let Err(fault) = check_on(&index, &directory, || of.index().is_ok()) {
            (of.abort)(&format!("the check of the index found damage: {fault}"));
        }
    })?;
    shared.keep_check(check);
    Ok(())
}

fn last_numbers(table: &View<'_>) -> Result<HashMap<Sequence, u64>, Fault> {
    Sequence::ALL
        .iter()
        .map(|sequence| Ok((*sequence, index::last_number(table, *sequence)?)))
        .collect()
}

impl Store for SledStore {
    fn submit(&self, commit: Commit) {
        self.shared.counters.waiting.fetch_add(1, Ordering::AcqRel);
        if let Err(SendError(Item::Commit(commit))) = self.items.send(Item::Commit(Box::new(commit))) {
            (commit.done.0)(Err(Rejected::closed()));
        }
    }

    fn barrier(&self) -> BoxFuture<'static, ()> {
        let (told, hear) = oneshot::channel();
        // A barrier that cannot be sent, or is dropped, has nothing left to wait for.
        let _ = self.items.send(Item::Barrier(told));
        hear.map(|_| ()).boxed()
    }

    fn retire(&self, entity: EntityKey, incarnation: u64) {
        // Nobody writes to a store that takes no more.
        let _ = self.items.send(Item::Retire(entity, incarnation));
    }

    fn admit(&self) -> Result<(), Fault> {
        let waiting = self.shared.counters.waiting.load(Ordering::Relaxed);
        if self.shared.pending.is_full() || self.waiting_max <= waiting {
            Err(Fault::Busy)
        } else {
            Ok(())
        }
    }

    fn load(&self, entity: EntityKey) -> BoxFuture<'static, Result<Option<Loaded>, Fault>> {
        let newest = self.shared.pending.entity(entity);
        let (revision, position) = match newest {
            None => return self.read_of(&key::entity(entity), move |view| index::load(view.index, entity)),
            Some(newest) => match newest.body {
                Body::Erase => return ready(Ok(None)).boxed(),
                Body::Put(snapshot) => {
                    let loaded = Loaded {
                        snapshot,
                        revision: newest.revision,
                        position: newest.position,
                        written_at: newest.written_at,
                    };
                    return ready(Ok(Some(loaded))).boxed();
                }
                Body::Unchanged => (newest.revision, newest.position),
            },
        };
        self.read(move |view| {
            let loaded = index::load(view.index, entity)?;
            Ok(loaded.map(|loaded| match loaded.position < position {
                true => Loaded {
                    revision,
                    position,
                    ..loaded
                },
                false => loaded,
            }))
        })
    }

    fn lookup(&self, key: UniqueKey) -> BoxFuture<'static, Result<Option<EntityKey>, Fault>> {
        let row = key::unique(&key);
        match self.shared.pending.row(&row) {
            Some(value) => {
                let holder = value.map(|row| EntityKey::decode(&row));
                ready(holder.transpose()).boxed()
            }
            None => self.read_of(&row, move |view| index::holder(view, &key)),
        }
    }

    fn receipt(&self, key: ReceiptKey, now: Timestamp) -> BoxFuture<'static, Result<ReceiptFound, Fault>> {
        // Read before the look-up: whatever was committed up to here is in pending or in the index.
        let as_of = *self.shared.synced.borrow();
        if let Some(newest) = self.shared.pending.receipt(&key) {
            let found = match newest {
                Some(receipt) if counts(&receipt, now) => {
                    ReceiptFound::Present(Box::new(receipt.as_ref().clone()))
                }
                Some(_) | None => ReceiptFound::AbsentAsOf(as_of),
            };
            return ready(Ok(found)).boxed();
        }
        let row = key::receipt(&key);
        self.read_of(&row, move |view| {
            Ok(match index::receipt(view.index, &key)? {
                Some(receipt) if counts(&receipt, now) => ReceiptFound::Present(Box::new(receipt)),
                Some(_) | None => ReceiptFound::AbsentAsOf(as_of),
            })
        })
    }

    fn scan(&self, scan: Scan) -> BoxFuture<'static, Result<Vec<ListingRow>, Fault>> {
        self.read(move |view| view.scan(&scan))
    }

    fn events_after(
        &self,
        after: Position,
        commits_max: usize,
        wanted: Wanted,
    ) -> BoxFuture<'static, Result<(Vec<Fact>, Position), Fault>> {
        let synced = *self.shared.synced.borrow();
        if synced <= after || commits_max == 0 {
            return ready(Ok((Vec::new(), after))).boxed();
        }
        let recent = &self.shared.recent;
        if let Some(read) = recent.facts_after(after, synced, commits_max, wanted) {
            return ready(Ok(read)).boxed();
        }
        let catalog = Arc::clone(&self.shared.catalog);
        self.shared
            .loaders
            .read(move || feed::read(&catalog, after, synced, commits_max, wanted))
    }

    fn history(
        &self,
        entity: EntityKey,
        from: Position,
        commits_max: usize,
    ) -> BoxFuture<'static, Result<Vec<Past>, Fault>> {
        if commits_max == 0 || *self.shared.synced.borrow() < from {
            return ready(Ok(Vec::new())).boxed();
        }
        let catalog = Arc::clone(&self.shared.catalog);
        self.shared
            .loaders
            .read(move || feed::history(&catalog, entity, from, commits_max))
    }

    fn synced(&self) -> watch::Receiver<Position> {
        self.shared.synced.subscribe()
    }

    fn timers_due(&self, until: Timestamp, limit: usize) -> BoxFuture<'static, Result<Vec<DueTimer>, Fault>> {
        self.read(move |view| index::timers_due(view, until, limit))
    }

    fn cursor(&self, name: &str) -> BoxFuture<'static, Result<Position, Fault>> {
        let name = name.to_owned();
        self.read(move |view| index::cursor(view, &name))
    }

    fn move_cursor(&self, name: &str, to: Position) -> BoxFuture<'static, Result<(), Fault>> {
        if NAME_BYTES_MAX < name.len() {
            let reason = format!("the name of a cursor takes more than {NAME_BYTES_MAX} bytes");
            return ready(Err(Fault::Io(reason))).boxed();
        }
        let (told, hear) = oneshot::channel();
        let moved = CursorMove {
            subscriber: name.to_owned(),
            to,
        };
        // One that cannot be sent is dropped, and so are its listeners.
        let _ = self.items.send(Item::Cursor(moved, told));
        hear.map(|told| told.map_err(|_| closed())).boxed()
    }

    fn last_number(&self, sequence: Sequence) -> u64 {
        self.shared
            .counters
            .number(sequence)
            .map_or(0, |number| number.load(Ordering::Acquire))
    }

    fn start_number(&self) -> u64 {
        self.start
    }

    fn last_recorded_at(&self) -> Timestamp {
        self.last_recorded_at
    }

    fn statistics(&self) -> Statistics {
        let counters = &self.shared.counters;
        // Let go of before anything else is asked: whoever syncs waits for it.
        let synced = *self.shared.synced.borrow();
        Statistics {
            synced,
            applied: Position(counters.indexed.load(Ordering::Acquire)),
            groups: counters.groups.load(Ordering::Relaxed),
            journal_bytes: counters.journal_bytes.load(Ordering::Relaxed),
            zeroed_bytes: self.shared.catalog.zeroed_bytes(),
            commits: counters.commits.load(Ordering::Relaxed),
            snapshot_bytes: counters.snapshot_bytes.load(Ordering::Relaxed),
            pending_bytes: self.shared.pending.bytes(),
            waiting: counters.waiting.load(Ordering::Relaxed),
            writing_for: counters.writing.lasts(),
            reading_for: self.shared.loaders.reading_for(),
            unread_ago: self.shared.loaders.failed_ago(),
            is_checkpoint_unnoted: counters.is_checkpoint_unnoted.load(Ordering::Relaxed),
        }
    }

    fn close(&self) -> BoxFuture<'static, Result<(), Fault>> {
        let (told, hear) = oneshot::channel();
        // A store that takes no more is closed.
        let _ = self.items.send(Item::Close(told));
        hear.map(|told| told.unwrap_or(Ok(()))).boxed()
    }
}
