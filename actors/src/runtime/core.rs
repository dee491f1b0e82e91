//! The runtime itself: store, clock, options, tasks and the kinds that live in it.

use crate::runtime::Lane;
use crate::runtime::ask::Overload;
use crate::runtime::births::Births;
use crate::runtime::clock::{Clock, ClockCheck, StartError};
use crate::runtime::deadlines::Deadlines;
use crate::runtime::entities::KindCounters;
use crate::runtime::envelope::Failure;
use crate::runtime::kind::SCAN_PAGE;
use crate::runtime::randomness::Randomness;
use crate::runtime::receipts::Receipts;
use crate::runtime::relay::{Relay, Subscriber, SubscriberCounters};
use crate::runtime::supervision::Policy;
use crate::runtime::tasks::{TaskEnd, Tasks};
use crate::runtime::timers::Timers;
use cartwright_domain::{EntityKey, Kind, Listing, Timestamp};
use cartwright_storage::{DueTimer, Fault, Scan, Store};
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// When a caller may try again after the engine was full.
const ENGINE_RETRY_AFTER: Duration = Duration::from_secs(1);
/// How often a shutdown looks whether everything has ended.
const SHUTDOWN_POLL: Duration = Duration::from_millis(10);
/// How long a shutdown waits for subscribers that are behind.
const SETTLE_MAX: Duration = Duration::from_secs(3);

/// The runtime's limits. Every one has a default that suits a shop on one machine.
#[derive(Clone, Debug)]
pub struct RuntimeOptions {
    /// How many external asks may be at work at once, over all entities.
    pub asks_max: usize,
    /// How often due timers are looked for.
    pub timer_poll: Duration,
    /// The first wait after a crash; it doubles up to [`RuntimeOptions::backoff_max`].
    pub backoff_min: Duration,
    /// The longest wait after a crash.
    pub backoff_max: Duration,
    /// After so many crashes within [`RuntimeOptions::crash_window`] an entity is set aside.
    pub crashes_max: usize,
    /// The time over which crashes are counted.
    pub crash_window: Duration,
    /// After so many failures of one fact that might go better a subscriber goes on to the next.
    pub deliveries_max: u32,
    /// What to do about a wall clock behind the data.
    pub clock_check: ClockCheck,
    /// The wall clock's time at the start; without it, the machine's. For runs that must go the same way again.
    pub starts_at: Option<Timestamp>,
    /// Where the engine's own work draws its randomness.
    pub randomness: Randomness,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        Self {
            asks_max: 10_000,
            timer_poll: Duration::from_millis(250),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(30),
            crashes_max: 5,
            crash_window: Duration::from_secs(10 * 60),
            deliveries_max: 10,
            clock_check: ClockCheck::Strict,
            starts_at: None,
            randomness: Randomness::Machine,
        }
    }
}

impl RuntimeOptions {
    pub(super) const fn policy(&self) -> Policy {
        Policy {
            backoff_min: self.backoff_min,
            backoff_max: self.backoff_max,
            crashes_max: self.crashes_max,
            window: self.crash_window,
        }
    }
}

/// What the runtime as a whole does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuntimeCounters {
    /// External asks at work.
    pub asks: usize,
    /// Asks that were shed because the engine or the store was full.
    pub shed: u64,
    /// Timers that fired.
    pub timers_fired: u64,
    /// Timers that are due and wait for an entity that crashed or is set aside.
    pub timers_parked: usize,
    /// Tasks at work.
    pub tasks: usize,
}

/// What came of waking an entity for a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// The firing is in its mailbox.
    Delivered,
    /// It is being restarted, or too much else waits.
    Later(Duration),
    /// It is gone, set aside, or cannot be read.
    Parked,
}

/// A kind, without its type.
pub(super) trait KindHandle: Send + Sync {
    fn kind(&self) -> Kind;
    /// Reads what must be in memory before the first ask.
    fn open(self: Arc<Self>) -> BoxFuture<'static, Result<(), Fault>>;
    /// Delivers a due timer.
    fn wake(self: Arc<Self>, timer: DueTimer) -> BoxFuture<'static, Woken>;
    /// Returns what its entities do.
    fn counters(&self) -> KindCounters;
    /// Ends every actor.
    fn stop(&self);
}

/// A kind of sagas, without its type.
pub(super) trait SagaHandle: Send + Sync {
    fn kind(&self) -> Kind;
    /// Starts the actor of an open saga.
    fn resume(&self, saga: EntityKey);
    /// Ends every actor.
    fn stop(&self);
}

pub(super) struct Inner {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Clock,
    pub(super) options: RuntimeOptions,
    pub(super) start_number: u64,
    pub(super) timers: Timers,
    /// Until when asks wait.
    pub(super) deadlines: Deadlines,
    pub(super) births: Births,
    tasks: Tasks,
    kinds: Mutex<BTreeMap<Kind, Arc<dyn KindHandle>>>,
    sagas: Mutex<Vec<Arc<dyn SagaHandle>>>,
    relays: Mutex<Vec<Arc<Relay>>>,
    pub(super) incarnations: AtomicU64,
    /// Whether subscribers are to end once they are up to date.
    pub(super) settling: watch::Sender<bool>,
    asks: AtomicUsize,
    shed: AtomicU64,
    stopping: AtomicBool,
}

/// An external ask at work.
pub(super) struct Admission<'a>(Option<&'a AtomicUsize>);

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        if let Some(asks) = self.0 {
            asks.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Inner {
    pub(super) fn next_incarnation(&self) -> u64 {
        self.incarnations.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Lets an ask in, before any mailbox. The engine's own work is never shed.
    pub(super) fn admit(&self, lane: Lane) -> Result<Admission<'_>, Failure> {
        if lane == Lane::Internal {
            return Ok(Admission(None));
        }
        let admission = Admission(Some(&self.asks));
        let asks = self.asks.fetch_add(1, Ordering::Relaxed);
        let is_full = self.options.asks_max <= asks || self.stopping.load(Ordering::Relaxed);
        if is_full || self.store.admit().is_err() {
            self.shed.fetch_add(1, Ordering::Relaxed);
            return Err(Failure::Overloaded(Overload::Engine, ENGINE_RETRY_AFTER));
        }
        Ok(admission)
    }

    pub(super) fn spawn<F>(&self, name: &'static str, owner: &str, end: TaskEnd, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(name, owner, end, task);
    }

    pub(super) fn register_kind(&self, kind: Arc<dyn KindHandle>) {
        lock(&self.kinds).insert(kind.kind(), kind);
    }

    pub(super) fn register_sagas(&self, sagas: Arc<dyn SagaHandle>) {
        lock(&self.sagas).push(sagas);
    }

    pub(super) fn kind(&self, kind: Kind) -> Option<Arc<dyn KindHandle>> {
        lock(&self.kinds).get(&kind).cloned()
    }

    async fn resume_sagas(&self) -> Result<(), Fault> {
        let sagas: Vec<_> = lock(&self.sagas).clone();
        let mut after = None;
        loop {
            let scan = Scan {
                of: Listing::OpenSagas.into(),
                prefix: Vec::new(),
                after,
                descending: false,
                limit: SCAN_PAGE,
            };
            let rows = self.store.scan(scan).await?;
            for row in &rows {
                match sagas.iter().find(|sagas| sagas.kind() == row.entity.kind) {
                    Some(sagas) => sagas.resume(row.entity),
                    None => {
                        tracing::error!(saga = %row.entity, "no part of this release drives this open saga");
                    }
                }
            }
            if rows.len() < SCAN_PAGE {
                return Ok(());
            }
            after = rows.into_iter().next_back();
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything that entities share. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    pub(super) inner: Arc<Inner>,
}

impl Runtime {
    /// Starts the clock on a store. Register kinds, sagas and subscribers, then call [`Runtime::open`].
    ///
    /// # Errors
    /// [`StartError`] when the wall clock is too far behind the data.
    pub fn start(store: Arc<dyn Store>, options: RuntimeOptions) -> Result<Self, StartError> {
        let (last, check) = (store.last_recorded_at(), options.clock_check);
        let clock = match options.starts_at {
            Some(wall) => Clock::start_at(wall, last, check)?,
            None => Clock::start(last, check)?,
        };
        let start_number = store.start_number();
        let inner = Inner {
            store,
            clock,
            options,
            start_number,
            timers: Timers::default(),
            deadlines: Deadlines::default(),
            births: Births::default(),
            tasks: Tasks::default(),
            kinds: Mutex::default(),
            sagas: Mutex::default(),
            relays: Mutex::default(),
            settling: watch::Sender::new(false),
            incarnations: AtomicU64::new(0),
            asks: AtomicUsize::new(0),
            shed: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Loads rosters, resumes open sagas, and begins to fire timers and to deliver facts.
    ///
    /// # Errors
    /// A fault of the store while it is read.
    pub async fn open(&self) -> Result<(), Fault> {
        let kinds: Vec<_> = lock(&self.inner.kinds).values().cloned().collect();
        for kind in kinds {
            kind.open().await?;
        }
        self.inner.resume_sagas().await?;
        Timers::start(&self.inner);
        let relays: Vec<_> = lock(&self.inner.relays).clone();
        for relay in relays {
            relay.start(&self.inner);
        }
        Ok(())
    }

    /// Returns the clock.
    pub fn clock(&self) -> Clock {
        self.inner.clock
    }

    /// Returns where the engine's own work draws its randomness.
    pub fn randomness(&self) -> &Randomness {
        &self.inner.options.randomness
    }

    /// Returns the store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// Returns the look-up of idempotency keys.
    pub fn receipts(&self) -> Receipts {
        Receipts::new(Arc::clone(&self.inner.store), self.inner.clock)
    }

    /// Returns the steps that a saga has tried and where, undos apart, if it is known to have begun in this process: no
    /// other has then taken one.
    pub fn steps_tried(&self, saga: EntityKey) -> Option<Vec<(&'static str, EntityKey)>> {
        self.inner.births.tried(saga)
    }

    /// Registers a subscriber. It is served from [`Runtime::open`] on.
    pub fn subscribe(&self, subscriber: Arc<dyn Subscriber>) {
        lock(&self.inner.relays).push(Arc::new(Relay::new(subscriber)));
    }

    /// Returns what each subscriber has done.
    pub fn subscribers(&self) -> Vec<SubscriberCounters> {
        lock(&self.inner.relays)
            .iter()
            .map(|relay| relay.counters())
            .collect()
    }

    /// Starts a task with a name, an owner and an end.
    pub fn spawn<F>(&self, name: &'static str, owner: &str, end: TaskEnd, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.inner.spawn(name, owner, end, task);
    }

    /// Returns what the entities of each registered kind do, in the order of the kinds.
    pub fn kind_counters(&self) -> Vec<KindCounters> {
        let kinds = lock(&self.inner.kinds);
        kinds.values().map(|kind| kind.counters()).collect()
    }

    /// Returns what the runtime does.
    pub fn counters(&self) -> RuntimeCounters {
        RuntimeCounters {
            asks: self.inner.asks.load(Ordering::Relaxed),
            shed: self.inner.shed.load(Ordering::Relaxed),
            timers_fired: self.inner.timers.fired_count(),
            timers_parked: self.inner.timers.parked_count(),
            tasks: self.inner.tasks.len(),
        }
    }

    /// Lets nothing new in, waits until the deadline for what is at work, and ends every task and actor.
    /// The store stays open; everything that was answered is in it.
    pub async fn shutdown(&self, deadline: Instant) {
        let inner = &self.inner;
        inner.stopping.store(true, Ordering::Relaxed);
        let quiet = async {
            while 0 < inner.asks.load(Ordering::Relaxed) {
                tokio::time::sleep(SHUTDOWN_POLL).await;
            }
        };
        if timeout_at(deadline, quiet).await.is_err() {
            tracing::warn!(
                asks = inner.asks.load(Ordering::Relaxed),
                "shutdown does not wait any longer"
            );
        }
        let sagas: Vec<_> = lock(&inner.sagas).drain(..).collect();
        for saga in sagas {
            saga.stop();
        }
        // What they did is not done again by the next start.
        inner.settling.send_replace(true);
        let relays = lock(&inner.relays).clone();
        let settled = async {
            while !relays.iter().all(|relay| relay.is_settled()) {
                tokio::time::sleep(SHUTDOWN_POLL).await;
            }
        };
        if timeout_at(deadline.min(Instant::now() + SETTLE_MAX), settled)
            .await
            .is_err()
        {
            tracing::warn!(
                "shutdown leaves a subscriber behind: what it did since its cursor was moved comes again"
            );
        }
        inner.tasks.end(deadline).await;
        if timeout_at(deadline, inner.store.barrier()).await.is_err() {
            tracing::warn!("shutdown leaves commits undecided");
        }
        let kinds: Vec<_> = std::mem::take(&mut *lock(&inner.kinds)).into_values().collect();
        for kind in kinds {
            kind.stop();
        }
    }
}
