//! Subscribers: what merely follows from a committed fact, behind a durable cursor.

use crate::runtime::ask::AskError;
use crate::runtime::core::{Inner, lock};
use crate::runtime::tasks::TaskEnd;
use cartwright_domain::Refusal;
use cartwright_storage::{Fact, Fault, Position, Wanted};
use futures::future::{BoxFuture, FutureExt};
use std::mem;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// How many commits' facts are read at once.
const COMMITS_PER_READ: usize = 256;
/// The cursor is moved after so many facts.
const CURSOR_FACTS: u64 = 100;
/// The cursor is moved after so long, if fewer facts have come.
const CURSOR_INTERVAL: Duration = Duration::from_secs(1);
/// How long a subscriber lets facts gather, so that it looks once for many groups.
const GATHER: Duration = Duration::from_millis(5);
/// How long what was done may take to be made safe before it is said that it waits.
const SETTLING_MAX: Duration = Duration::from_secs(5);
/// How long a subscriber that is up to date waits before it looks all the same.
const IDLE: Duration = Duration::from_secs(60);
/// How many dead letters are kept in memory; all are logged.
pub const DEAD_LETTERS_MAX: usize = 1_000;

/// Something that follows from facts: a mail, a search index.
pub trait Subscriber: Send + Sync + 'static {
    /// Returns the stable name under which its cursor is kept.
    fn name(&self) -> &'static str;

    /// Tells which facts concern it; others only move the cursor along.
    fn wants(&self) -> Wanted {
        Wanted::Every
    }

    /// Handles a fact. Every wanted one comes at least once and in order; be idempotent by its position and index.
    ///
    /// # Errors
    /// Whether the fact comes again; those behind it wait until it is handled or given up.
    fn on<'a>(&'a self, fact: &'a Fact) -> BoxFuture<'a, Result<(), Unhandled>>;

    /// Makes what it did so far safe; called before its cursor moves past it.
    ///
    /// # Errors
    /// A sentence for the log; the facts since the last move come again.
    fn settle(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Why a fact was not handled, as a sentence for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unhandled {
    /// Nothing is the matter with it, but the store or who is to take it does not work, or a later release has written
    /// what it is about: the fact comes again until it can be handled, however often that is.
    Waits(String),
    /// It may go better another time: the fact comes again, and is given up after
    /// [`crate::runtime::RuntimeOptions::deliveries_max`].
    Transient(String),
    /// It would fail however often it came: the fact is given up at once.
    Permanent(String),
}

impl From<String> for Unhandled {
    fn from(reason: String) -> Self {
        Self::Transient(reason)
    }
}

impl From<Fault> for Unhandled {
    fn from(fault: Fault) -> Self {
        match fault {
            // What a later release wrote is read again once that one is started.
            Fault::Busy | Fault::Io(_) | Fault::Newer { .. } => Self::Waits(fault.to_string()),
            Fault::Damaged { .. } => Self::Transient(fault.to_string()),
        }
    }
}

impl<X: Refusal> From<AskError<X>> for Unhandled {
    fn from(error: AskError<X>) -> Self {
        match error {
            AskError::Fault(fault) => fault.into(),
            AskError::Overloaded { .. } | AskError::Expired | AskError::Retry { .. } => {
                Self::Waits(error.to_string())
            }
            error => Self::Transient(error.to_string()),
        }
    }
}

/// A fact that a subscriber could not handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The fact.
    pub fact: Fact,
    /// The last failure.
    pub reason: String,
}

/// What a subscriber has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriberCounters {
    /// Its name.
    pub name: &'static str,
    /// Up to where it has handled facts for good: its cursor.
    pub position: Position,
    /// Facts handled for good since the start, each once.
    pub delivered: u64,
    /// Failures since the start: of facts, of making safe what was done, and of the store.
    pub failed: u64,
    /// Facts given up for good since the start, the last [`DEAD_LETTERS_MAX`] of them.
    pub dead: Vec<DeadLetter>,
    /// Why the fact that it is at waits, as long as that is so: it stands still meanwhile.
    pub waits: Option<String>,
    /// Why it cannot make safe what it did, as long as that is so: it stands still meanwhile.
    pub unsettled: Option<String>,
    /// Why what comes next cannot be read, as long as that is so: it stands still meanwhile.
    pub unread: Option<String>,
}

/// Drives one subscriber.
pub(super) struct Relay {
    subscriber: Arc<dyn Subscriber>,
    counters: Mutex<SubscriberCounters>,
    /// Whether it has ended, up to date, or has not begun.
    settled: AtomicBool,
}

impl Relay {
    pub(super) fn new(subscriber: Arc<dyn Subscriber>) -> Self {
        let counters = SubscriberCounters {
            name: subscriber.name(),
            ..SubscriberCounters::default()
        };
        Self {
            subscriber,
            counters: Mutex::new(counters),
            settled: AtomicBool::new(true),
        }
    }

    /// Tells whether nothing that it did would come again after a start.
    pub(super) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    pub(super) fn counters(&self) -> SubscriberCounters {
        lock(&self.counters).clone()
    }

    pub(super) fn start(self: Arc<Self>, inner: &Arc<Inner>) {
        let name = self.subscriber.name();
        self.settled.store(false, Ordering::Release);
        let task = {
            let inner = Arc::clone(inner);
            async move {
                let mut failures = 0;
                // What stops it is waited out.
                while let Err(stopped) = self.run(&inner, &mut failures).await {
                    let wait = inner.options.policy().backoff(failures);
                    failures += 1;
                    lock(&self.counters).failed += 1;
                    tracing::warn!(subscriber = name, why = %stopped, ?wait, "the subscriber stands still");
                    tokio::time::sleep(wait).await;
                }
                self.settled.store(true, Ordering::Release);
            }
        };
        inner.spawn("subscriber", name, TaskEnd::AtShutdown, task);
    }

    /// Delivers facts from the durable cursor on, until the engine stops; or says what it cannot go on for.
    async fn run(&self, inner: &Inner, failures: &mut u32) -> Result<(), Stopped> {
        let (name, wanted) = (self.subscriber.name(), self.subscriber.wants());
        let (mut synced, mut settling) = (inner.store.synced(), inner.settling.subscribe());
        let mut cursor = Cursor::at(inner.store.cursor(name).await?);
        lock(&self.counters).position = cursor.durable;
        loop {
            let seen = *synced.borrow_and_update();
            let before = cursor.read;
            let page = inner.store.events_after(before, COMMITS_PER_READ, wanted).await;
            lock(&self.counters).unread = page.as_ref().err().and_then(lasting);
            let (facts, read) = match page {
                Ok(page) => page,
                Err(fault) => {
                    // However often it is tried again, what was handled does not come again.
                    self.move_on(&mut cursor, inner).await?;
                    return Err(fault.into());
                }
            };
            let mut handled = cursor.read;
            for fact in &facts {
                // A commit's facts share its position: it is passed when the next one's begin.
                if handled < fact.position {
                    cursor.read = handled;
                    self.move_if_due(&mut cursor, inner).await?;
                }
                let delivered = self.deliver(inner, fact).await;
                lock(&self.counters).waits = None;
                match delivered {
                    Ok(()) => cursor.delivered += 1,
                    Err(letter) => cursor.dead.push(letter),
                }
                handled = fact.position;
                cursor.facts += 1;
            }
            cursor.read = read.max(handled);
            self.move_if_due(&mut cursor, inner).await?;
            if cursor.durable == cursor.read {
                *failures = 0;
            }
            // What is synced may end in records that are no commits: only progress is worth another look.
            if before < read && read < seen {
                continue;
            }
            if *settling.borrow_and_update() {
                return self.move_on(&mut cursor, inner).await;
            }
            let due_at = cursor.due_at();
            tokio::select! {
                // In one order, so that a simulation goes the same way twice.
                biased;
                changed = timeout_at(due_at, synced.changed()) => match changed {
                    Ok(Ok(())) => tokio::time::sleep(GATHER).await,
                    Ok(Err(_)) => return std::future::pending().await,
                    Err(_) => self.move_if_due(&mut cursor, inner).await?,
                },
                // What was synced by now is handled before it ends.
                _ = settling.changed() => {}
            }
        }
    }

    /// Moves the durable cursor, once in a while.
    async fn move_if_due(&self, cursor: &mut Cursor, inner: &Inner) -> Result<(), Stopped> {
        match CURSOR_FACTS <= cursor.facts || CURSOR_INTERVAL <= cursor.moved_at.elapsed() {
            true => self.move_on(cursor, inner).await,
            false => Ok(()),
        }
    }

    /// Moves the durable cursor to where it was read.
    async fn move_on(&self, cursor: &mut Cursor, inner: &Inner) -> Result<(), Stopped> {
        if cursor.durable < cursor.read {
            let settled = self.settle().await;
            lock(&self.counters).unsettled = settled.as_ref().err().cloned();
            settled.map_err(Stopped::Unsettled)?;
            inner
                .store
                .move_cursor(self.subscriber.name(), cursor.read)
                .await?;
            cursor.durable = cursor.read;
            cursor.moved_at = Instant::now();
            cursor.facts = 0;
            self.count(cursor);
        }
        Ok(())
    }

    /// Makes safe what was done, however long that takes, and says so where it is long.
    async fn settle(&self) -> Result<(), String> {
        let settling = AssertUnwindSafe(async { self.subscriber.settle().await }).catch_unwind();
        let settling = settling.map(|settled| settled.unwrap_or_else(|_| Err("it panicked".to_owned())));
        let mut settling = std::pin::pin!(settling);
        if let Ok(settled) = timeout(SETTLING_MAX, &mut settling).await {
            return settled;
        }
        let reason = format!("no answer in {SETTLING_MAX:?}");
        tracing::warn!(
            subscriber = self.subscriber.name(),
            reason,
            "what was done is not safe yet"
        );
        lock(&self.counters).unsettled = Some(reason);
        settling.await
    }

    /// Counts what has come of the facts up to the durable cursor. Those behind it may come again.
    fn count(&self, cursor: &mut Cursor) {
        let mut counters = lock(&self.counters);
        counters.position = cursor.durable;
        counters.delivered += mem::take(&mut cursor.delivered);
        counters.dead.append(&mut cursor.dead);
        let too_many = counters.dead.len().saturating_sub(DEAD_LETTERS_MAX);
        counters.dead.drain(..too_many);
    }

    /// Hands a fact over until it is handled or given up.
    async fn deliver(&self, inner: &Inner, fact: &Fact) -> Result<(), DeadLetter> {
        let name = self.subscriber.name();
        // In a row, for whatever reason; and those that count.
        let (mut failed, mut tried) = (0, 0);
        loop {
            let handled = AssertUnwindSafe(self.subscriber.on(fact)).catch_unwind().await;
            let handled = handled.unwrap_or_else(|_| Err("it panicked".to_owned().into()));
            let (reason, tries_max) = match handled {
                Ok(()) => return Ok(()),
                Err(Unhandled::Waits(reason)) => (reason, None),
                Err(Unhandled::Transient(reason)) => (reason, Some(inner.options.deliveries_max)),
                Err(Unhandled::Permanent(reason)) => (reason, Some(1)),
            };
            {
                let mut counters = lock(&self.counters);
                counters.failed += 1;
                counters.waits = tries_max.is_none().then(|| reason.clone());
            }
            failed += 1;
            tried += u32::from(tries_max.is_some());
            let (position, index) = (fact.position.0, fact.index);
            if tries_max.is_some_and(|max| max <= tried) {
                tracing::error!(subscriber = name, position, index, reason, "a fact was given up");
                return Err(DeadLetter {
                    fact: fact.clone(),
                    reason,
                });
            }
            tracing::warn!(
                subscriber = name,
                position,
                index,
                reason,
                "a fact was not handled and comes again"
            );
            tokio::time::sleep(inner.options.policy().backoff(failed - 1)).await;
        }
    }
}

/// Why a subscriber stands still.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error("the facts cannot be read, or its cursor not moved: {0}")]
    Store(#[from] Fault),
    #[error("what it did is not safe: {0}")]
    Unsettled(String),
}

/// Says what a fault is that asking again soon does not end.
fn lasting(fault: &Fault) -> Option<String> {
    match fault {
        Fault::Busy => None,
        Fault::Damaged { .. } | Fault::Newer { .. } | Fault::Io(_) => Some(fault.to_string()),
    }
}

/// How far a subscriber is, and how far its durable cursor.
struct Cursor {
    read: Position,
    durable: Position,
    moved_at: Instant,
    /// Facts since it was moved: all of them, those handled, and those given up.
    facts: u64,
    delivered: u64,
    dead: Vec<DeadLetter>,
}

impl Cursor {
    fn at(position: Position) -> Self {
        Self {
            read: position,
            durable: position,
            moved_at: Instant::now(),
            facts: 0,
            delivered: 0,
            dead: Vec::new(),
        }
    }

    /// Returns when the cursor must be moved, if it is behind.
    fn due_at(&self) -> Instant {
        if self.durable < self.read {
            self.moved_at + CURSOR_INTERVAL
        } else {
            Instant::now() + IDLE
        }
    }
}
