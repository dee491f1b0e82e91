//! The applier: the second thread, which feeds the index behind the answers.
//!
//! Nobody waits for it. States, receipts and rows stay in pending for a while and are written in their newest form
//! only, in the order of the index; then the mark moves. What came and went in the meantime costs next to nothing.

use crate::checkpoint::Checkpointer;
use crate::index::Change;
use crate::loaders::closed;
use crate::pending::{Pending, Waiting};
use crate::shared::Shared;
use crate::table::{Mark, SledTable};
use crate::{Fault, Position};
use cartwright_domain::Timestamp;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError, bounded};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How many rows are written at once while the index is read. Meanwhile it cannot be: it is a matter of a millisecond.
const ROWS_AT_ONCE: usize = 64;
/// How many rows are written at once while nobody reads the index: a batch wakes all of sled's threads, whatever is in
/// it, but larger ones than this cost more (measured, see `docs/book/design/profile.md`).
const ROWS_AT_ONCE_UNREAD: usize = 128;

/// What the committer says.
pub(crate) enum ToApplier {
    /// The index should be fed now.
    Poke,
    /// Nothing more comes.
    Close(Option<oneshot::Sender<Result<(), Fault>>>),
}

/// Writes what is pending to the index, in passes: one is open at a time.
pub(crate) struct Feeder {
    pending: Arc<Pending>,
    index: Arc<SledTable>,
    pub(crate) mark: Mark,
    pass: Option<Pass>,
    /// How often the index had been read when the last rows were written.
    reads: u64,
}

/// Rows on their way into the index.
struct Pass {
    /// What is left to write.
    left: std::vec::IntoIter<(Vec<u8>, Waiting)>,
    /// The mark once all is written.
    up_to: Position,
}

impl Feeder {
    pub(crate) fn new(pending: Arc<Pending>, index: Arc<SledTable>, mark: Mark) -> Self {
        Self {
            pending,
            index,
            mark,
            pass: None,
            reads: 0,
        }
    }

    /// Is a pass open?
    fn is_busy(&self) -> bool {
        self.pass.is_some()
    }

    /// Begins a pass if there is anything to write and none is open. Everything up to `up_to` must be in pending or in
    /// the index.
    fn begin(&mut self, up_to: Position) {
        if self.is_busy() {
            return;
        }
        let left = self.pending.begin().waiting();
        let is_behind = !left.is_empty() || self.mark.position < up_to;
        self.pass = is_behind.then(|| Pass {
            left: left.into_iter(),
            up_to,
        });
    }

    /// Returns how many rows to write: few while the index is read, so that nobody waits for long.
    fn rows_at_once(&mut self) -> usize {
        let before = std::mem::replace(&mut self.reads, self.index.reads());
        match before == self.reads {
            true => ROWS_AT_ONCE_UNREAD,
            false => ROWS_AT_ONCE,
        }
    }

    /// Writes some rows of the open pass; the last ones with the mark. Tells whether it ended the pass.
    fn advance(&mut self) -> Result<bool, Fault> {
        let rows = self.rows_at_once();
        let Some(pass) = &mut self.pass else {
            return Ok(false);
        };
        let mut changes: Vec<Change> = Vec::with_capacity(rows.min(pass.left.len()));
        for (row, waiting) in pass.left.by_ref().take(rows) {
            waiting.change(row, |change| changes.push(change));
        }
        let is_last = pass.left.len() == 0;
        if is_last {
            self.mark.position = self.mark.position.max(pass.up_to);
        }
        self.index.write(changes, &mut self.mark)?;
        if is_last {
            self.pass = None;
            self.pending.end();
        }
        Ok(is_last)
    }

    /// Writes everything that is pending: what the open pass has left, and what came in since it began.
    pub(crate) fn feed(&mut self, up_to: Position) -> Result<(), Fault> {
        self.finish()?;
        self.begin(up_to);
        self.finish()
    }

    fn finish(&mut self) -> Result<(), Fault> {
        while self.is_busy() {
            self.advance()?;
        }
        Ok(())
    }
}

/// See the module.
pub(crate) struct Applier {
    messages: Receiver<ToApplier>,
    shared: Arc<Shared>,
    feeder: Feeder,
    index_after: Duration,
    checkpoint_rows: u64,
    checkpoints: Checkpoints,
}

/// What came out of listening.
enum Heard {
    Nothing,
    Poke,
    Close(Option<oneshot::Sender<Result<(), Fault>>>),
}

impl Applier {
    pub(crate) fn new(
        messages: Receiver<ToApplier>,
        shared: Arc<Shared>,
        feeder: Feeder,
        (index_after, checkpoint_rows): (Duration, u64),
        checkpoints: Checkpoints,
    ) -> Self {
        Self {
            messages,
            shared,
            feeder,
            index_after,
            checkpoint_rows,
            checkpoints,
        }
    }

    /// Works until told to close. A fault of the index aborts the process: the next start builds it anew.
    pub(crate) fn run(mut self) {
        let told = match self.work() {
            Ok(told) => told,
            Err(fault) => {
                (self.shared.abort)(&format!(
                    "writing the index failed: {fault}; mostly the disk is full or fails: mend that and start again"
                ));
                return;
            }
        };
        let Self {
            shared,
            feeder: Feeder { index, .. },
            checkpoints,
            ..
        } = self;
        let closed = checkpoints.close(&index);
        shared.let_go(index);
        if let Err(fault) = &closed {
            tracing::warn!(%fault, "no checkpoint at the end; the next start replays");
        }
        if let Some(told) = told {
            // Whoever asked may have given up.
            let _ = told.send(closed);
        }
    }

    fn work(&mut self) -> Result<Option<oneshot::Sender<Result<(), Fault>>>, Fault> {
        let mut last_pass = Instant::now();
        let mut hurry = false;
        loop {
            match self.listen() {
                Heard::Nothing => {}
                Heard::Poke => hurry = true,
                Heard::Close(told) => {
                    self.shared.check_place()?;
                    // Into what has been put in its place no checkpoint is written.
                    self.shared.check_kept()?;
                    let up_to = self.known();
                    self.feeder.feed(up_to)?;
                    return Ok(told);
                }
            }
            if self.feeder.is_busy() {
                if self.feeder.advance()? {
                    self.passed();
                }
            } else if hurry || self.index_after <= last_pass.elapsed() {
                hurry = false;
                last_pass = Instant::now();
                self.shared.check_place()?;
                let up_to = self.known();
                self.check_kept(up_to)?;
                self.feeder.begin(up_to);
            }
        }
    }

    fn listen(&self) -> Heard {
        let heard = if self.feeder.is_busy() {
            self.messages.try_recv().map_err(|error| match error {
                TryRecvError::Empty => RecvTimeoutError::Timeout,
                TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            })
        } else {
            self.messages.recv_timeout(self.index_after)
        };
        match heard {
            Ok(ToApplier::Poke) => Heard::Poke,
            Ok(ToApplier::Close(told)) => Heard::Close(told),
            Err(RecvTimeoutError::Timeout) => Heard::Nothing,
            Err(RecvTimeoutError::Disconnected) => Heard::Close(None),
        }
    }

    /// Checks that what the index is to show is still in the journal.
    fn check_kept(&self, up_to: Position) -> Result<(), Fault> {
        match self.feeder.mark.position < up_to {
            true => self.shared.check_kept(),
            false => Ok(()),
        }
    }

    /// Returns up to where everything is in pending or in the index, and notes the time of it.
    fn known(&mut self) -> Position {
        let counters = &self.shared.counters;
        let announced = Position(counters.announced.load(Ordering::Acquire));
        let at = Timestamp::from_millis(counters.recorded_at.load(Ordering::Acquire));
        self.feeder.mark.at = self.feeder.mark.at.max(at);
        announced
    }

    /// Says how far the index is, and has a checkpoint made if one is due.
    fn passed(&self) {
        let counters = &self.shared.counters;
        counters
            .indexed
            .store(self.feeder.mark.position.0, Ordering::Release);
        if self.checkpoint_rows <= counters.rows.load(Ordering::Acquire) && self.checkpoints.begin() {
            counters.rows.store(0, Ordering::Release);
        }
    }
}

/// The thread that makes checkpoints, beside the one that feeds the index.
pub(crate) struct Checkpoints {
    checkpointer: Arc<Checkpointer>,
    orders: Sender<()>,
    thread: JoinHandle<()>,
}

impl Checkpoints {
    /// Starts the thread.
    pub(crate) fn start(
        checkpointer: Checkpointer,
        shared: Arc<Shared>,
        index: Arc<SledTable>,
    ) -> std::io::Result<Self> {
        let checkpointer = Arc::new(checkpointer);
        // Without room: an order is taken only by a thread that has nothing to do.
        let (orders, ordered) = bounded::<()>(0);
        let makes = Arc::clone(&checkpointer);
        let thread = std::thread::Builder::new()
            .name("cartwright-checkpoint".to_owned())
            .spawn(move || {
                shared.guard("checkpointer", || {
                    for () in ordered {
                        let noted = match makes.sync(&index) {
                            Ok(checkpoint) => makes.note(&checkpoint),
                            Err(fault) => {
                                (shared.abort)(&format!("a checkpoint failed: {fault}"));
                                return;
                            }
                        };
                        let is_unnoted = &shared.counters.is_checkpoint_unnoted;
                        is_unnoted.store(noted.is_err(), Ordering::Relaxed);
                        // As many rows later it is tried again.
                        if let Err(error) = noted {
                            tracing::warn!(%error, "a checkpoint cannot be noted in the file applied; until it can, a start replays more");
                        }
                    }
                });
            })?;
        Ok(Self {
            checkpointer,
            orders,
            thread,
        })
    }

    /// Orders a checkpoint, unless one is being made.
    fn begin(&self) -> bool {
        match self.orders.try_send(()) {
            Ok(()) => true,
            Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => false,
        }
    }

    /// Ends the thread and makes a last checkpoint.
    fn close(self, index: &SledTable) -> Result<(), Fault> {
        drop(self.orders);
        self.thread.join().map_err(|_| closed())?;
        let checkpoint = self.checkpointer.sync(index)?;
        let noted = self.checkpointer.note(&checkpoint);
        noted.map_err(|error| Fault::Io(format!("noting the checkpoint in the file applied: {error}")))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;
    use crate::index;
    use crate::record::Record;
    use crate::{Body, Fence, KeyChange, TimerChange};
    use bytes::Bytes;
    use cartwright_domain::{EntityKey, Kind, Revision};
    use std::path::Path;
    use uuid::Uuid;

    fn toy(number: u64) -> EntityKey {
        EntityKey {
            kind: Kind::Toy,
            id: Uuid::from_u128(number.into()),
        }
    }

    fn create(pending: &Pending, number: u64) {
        let record = Record {
            entity: toy(number),
            revision: Revision(1),
            fence: Fence::default(),
            at: Timestamp::from_millis(0),
            body: Body::Put(Bytes::from_static(b"a state")),
            keys: KeyChange::default(),
            events: Vec::new(),
            timers: TimerChange::default(),
            receipts: Vec::new(),
            receipts_deleted: Vec::new(),
        };
        let group = std::iter::once((Position(number), &record));
        pending.insert(group, std::iter::empty(), |_| false);
    }

    /// Begins a pass over so many new toys.
    fn began(directory: &Path, toys: u64) -> Feeder {
        let table = Arc::new(SledTable::open(directory, 1 << 20).unwrap());
        let pending = Arc::new(Pending::new(1 << 20, Position(0)));
        (1..=toys).for_each(|number| create(&pending, number));
        let mut feeder = Feeder::new(pending, table, Mark::default());
        feeder.begin(Position(toys));
        feeder
    }

    #[test]
    fn fewer_rows_are_written_at_once_while_the_index_is_read() {
        const ALL: u64 = 4 * ROWS_AT_ONCE_UNREAD as u64;
        let directory = tempfile::tempdir().unwrap();
        let mut feeder = began(directory.path(), ALL);
        let table = Arc::clone(&feeder.index);
        let mut written = |is_read: bool| {
            let before = feeder.pass.as_ref().unwrap().left.len();
            if is_read {
                assert!(table.mark().is_ok());
            }
            feeder.advance().unwrap();
            before - feeder.pass.as_ref().unwrap().left.len()
        };
        assert_eq!(
            [false, true, true, false].map(&mut written),
            [
                ROWS_AT_ONCE_UNREAD,
                ROWS_AT_ONCE,
                ROWS_AT_ONCE,
                ROWS_AT_ONCE_UNREAD
            ]
        );
    }

    #[test]
    fn everything_is_fed_also_what_came_in_since_the_open_pass_began() {
        const FIRST: u64 = 3 * ROWS_AT_ONCE_UNREAD as u64;
        const LAST: u64 = FIRST + 5;
        let directory = tempfile::tempdir().unwrap();
        let mut feeder = began(directory.path(), FIRST);
        let (table, pending) = (Arc::clone(&feeder.index), Arc::clone(&feeder.pending));
        feeder.advance().unwrap();
        (FIRST + 1..=LAST).for_each(|number| create(&pending, number));

        feeder.feed(Position(LAST)).unwrap();
        let is_there = |number| index::load(&*table, toy(number)).unwrap().is_some();
        let missing: Vec<_> = (1..=LAST).filter(|number| !is_there(*number)).collect();
        assert_eq!(missing, Vec::<u64>::new());
        assert_eq!(
            (table.mark().unwrap().position, pending.len()),
            (Position(LAST), 0)
        );
    }
}
