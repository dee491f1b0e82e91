//! The applier: the second thread, which feeds the index behind the answers.
//!
//! Keys, timers and cursors are written at once, because somebody waits for them. States and receipts stay in
//! pending for a while and are written in their newest form only; then the mark moves.

use crate::checkpoint::Checkpointer;
use crate::index::{self, Change};
use crate::key;
use crate::loaders::closed;
use crate::pending::Waiting;
use crate::record::{CursorMove, Record};
use crate::shared::Shared;
use crate::table::{Mark, SledTable};
use crate::verdict::Refused;
use crate::{Accepted, Done, Fault, Position};
use cartwright_domain::Timestamp;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How many states are written before the applier looks whether somebody waits for keys.
const STATES_AT_ONCE: usize = 256;
/// How many groups are told at once.
const GROUPS_AT_ONCE: usize = 256;

/// A commit whose verdict is told when the index shows its rows.
pub(crate) struct Keyed {
    pub(crate) record: Arc<Record>,
    pub(crate) done: Done,
    pub(crate) accepted: Accepted,
}

/// What of a group waits for the index.
pub(crate) struct Told {
    pub(crate) up_to: Position,
    pub(crate) at: Timestamp,
    pub(crate) keyed: Vec<Keyed>,
    pub(crate) cursors: Vec<(CursorMove, oneshot::Sender<()>)>,
    /// Told after everything above: a refusal may rest on it.
    pub(crate) refused: Vec<Refused>,
    pub(crate) barriers: Vec<oneshot::Sender<()>>,
}

/// What the committer says.
pub(crate) enum ToApplier {
    /// Somebody waits for these.
    Told(Told),
    /// States should be written now.
    Poke,
    /// Nothing more comes.
    Close(Option<oneshot::Sender<Result<(), Fault>>>),
}

/// See the module.
pub(crate) struct Applier {
    messages: Receiver<ToApplier>,
    shared: Arc<Shared>,
    index: Arc<SledTable>,
    mark: Mark,
    index_after: Duration,
    checkpoint_rows: u64,
    checkpoints: Checkpoints,
}

/// States on their way into the index.
struct Pass {
    /// What is left to write.
    left: Vec<Waiting>,
    /// The mark once all is written.
    up_to: Position,
}

/// What came out of listening.
enum Heard {
    Nothing,
    Something { hurry: bool },
    Close(Option<oneshot::Sender<Result<(), Fault>>>),
}

impl Applier {
    pub(crate) fn new(
        messages: Receiver<ToApplier>,
        shared: Arc<Shared>,
        index: Arc<SledTable>,
        mark: Mark,
        (index_after, checkpoint_rows): (Duration, u64),
        checkpoints: Checkpoints,
    ) -> Self {
        Self {
            messages,
            shared,
            index,
            mark,
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
                (self.shared.abort)(&format!("writing the index failed: {fault}"));
                return;
            }
        };
        let Self {
            shared,
            index,
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
        let mut pass: Option<Pass> = None;
        let mut last_pass = Instant::now();
        let mut hurry = false;
        loop {
            let patience = if pass.is_some() {
                Duration::ZERO
            } else {
                self.index_after
            };
            match self.listen(patience)? {
                Heard::Nothing => {}
                Heard::Something { hurry: now } => hurry |= now,
                Heard::Close(told) => {
                    self.finish(pass)?;
                    return Ok(told);
                }
            }
            pass = match pass {
                Some(pass) => self.advance(pass)?,
                None if hurry || self.index_after <= last_pass.elapsed() => {
                    hurry = false;
                    last_pass = Instant::now();
                    self.begin()
                }
                None => None,
            };
        }
    }

    /// Waits for messages and does what somebody waits for.
    fn listen(&mut self, patience: Duration) -> Result<Heard, Fault> {
        let first = match self.messages.recv_timeout(patience) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => return Ok(Heard::Nothing),
            Err(RecvTimeoutError::Disconnected) => return Ok(Heard::Close(None)),
        };
        let mut groups = Vec::new();
        let mut hurry = false;
        let mut close = None;
        for message in std::iter::once(first).chain(self.messages.try_iter().take(GROUPS_AT_ONCE)) {
            match message {
                ToApplier::Told(told) => groups.push(told),
                ToApplier::Poke => hurry = true,
                ToApplier::Close(told) => close = Some(told),
            }
        }
        self.write_keys(groups)?;
        Ok(close.map_or(Heard::Something { hurry }, Heard::Close))
    }

    fn write_keys(&mut self, groups: Vec<Told>) -> Result<(), Fault> {
        let Some(up_to) = groups.last().map(|told| told.up_to) else {
            return Ok(());
        };
        let mut changes: Vec<Change> = Vec::new();
        for told in &groups {
            for keyed in &told.keyed {
                index::key_changes(&keyed.record, |change| changes.push(change));
            }
            for (moved, _) in &told.cursors {
                changes.push((key::cursor(&moved.subscriber), Some(index::stored(&moved.to))));
            }
            self.mark.at = self.mark.at.max(told.at);
        }
        if !changes.is_empty() {
            self.index.write(changes, &mut self.mark)?;
        }
        let counters = &self.shared.counters;
        counters.keys_indexed.store(up_to.0, Ordering::Release);
        for told in groups {
            let waited = told.keyed.len() + told.cursors.len();
            counters
                .waiting
                .fetch_sub(told.keyed.len() as u64, Ordering::AcqRel);
            for Keyed {
                done: Done(done),
                accepted,
                record: _,
            } in told.keyed
            {
                done(Ok(accepted));
            }
            counters
                .waiting_for_index
                .fetch_sub(waited as u64, Ordering::AcqRel);
            for Refused {
                done: Done(done),
                why,
            } in told.refused
            {
                counters.waiting.fetch_sub(1, Ordering::AcqRel);
                done(Err(why));
            }
            let cursors = told.cursors.into_iter().map(|(_, told)| told);
            for waiting in cursors.chain(told.barriers) {
                // Whoever asked may have given up.
                let _ = waiting.send(());
            }
        }
        Ok(())
    }

    /// Begins to write states, if there are any.
    fn begin(&self) -> Option<Pass> {
        // Read in this order: what was announced before the queue was empty has been told.
        let counters = &self.shared.counters;
        let announced = counters.announced.load(Ordering::Acquire);
        let told = counters.keys_indexed.load(Ordering::Acquire);
        let up_to = Position(if self.messages.is_empty() { announced } else { told });
        let left = self.shared.pending.waiting();
        let is_behind = !left.is_empty() || self.mark.position < up_to;
        is_behind.then_some(Pass { left, up_to })
    }

    /// Writes some states, at the end with the mark; then a checkpoint may be due.
    fn advance(&mut self, mut pass: Pass) -> Result<Option<Pass>, Fault> {
        let rest = pass.left.split_off(pass.left.len().min(STATES_AT_ONCE));
        let mut changes: Vec<Change> = Vec::with_capacity(pass.left.len());
        let mut written = Vec::with_capacity(pass.left.len());
        for waiting in pass.left {
            let position = match &waiting {
                Waiting::Entity(entity) => self.shared.pending.entity(*entity).map(|newest| {
                    let change = |change| changes.push(change);
                    index::state_change(*entity, &newest.body, newest.revision, newest.position, change);
                    newest.position
                }),
                Waiting::Receipt(receipt) => self.shared.pending.receipt(receipt).map(|newest| {
                    changes.push((key::receipt(receipt), newest.row.as_deref().map(index::stored)));
                    newest.position
                }),
            };
            written.extend(position.map(|position| (waiting, position)));
        }
        let is_last = rest.is_empty();
        if is_last {
            self.mark.position = self.mark.position.max(pass.up_to);
        }
        self.index.write(changes, &mut self.mark)?;
        self.shared.pending.remove(&written);
        if !is_last {
            return Ok(Some(Pass {
                left: rest,
                up_to: pass.up_to,
            }));
        }
        self.shared
            .counters
            .indexed
            .store(self.mark.position.0, Ordering::Release);
        if self.checkpoint_rows <= self.shared.counters.rows.load(Ordering::Acquire)
            && self.checkpoints.begin()
        {
            self.shared.counters.rows.store(0, Ordering::Release);
        }
        Ok(None)
    }

    /// Writes everything that is pending.
    fn finish(&mut self, mut pass: Option<Pass>) -> Result<(), Fault> {
        while let Some(some) = pass {
            pass = self.advance(some)?;
        }
        pass = self.begin();
        while let Some(some) = pass {
            pass = self.advance(some)?;
        }
        Ok(())
    }
}

/// The thread that makes checkpoints, so that nobody waits for keys meanwhile.
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
                        if let Err(fault) = makes.run(&index) {
                            (shared.abort)(&format!("a checkpoint failed: {fault}"));
                            return;
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
        self.checkpointer.run(index)?;
        Ok(())
    }
}
