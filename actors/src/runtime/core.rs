//! The runtime itself: store, clock, options, tasks and the kinds that live in it.

use crate::runtime::clock::{Clock, ClockCheck, StartError};
use crate::runtime::receipts::Receipts;
use crate::runtime::relay::{Subscriber, SubscriberCounters};
use cartwright_storage::{Fault, Store};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

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
    /// After so many failures of one fact a subscriber goes on to the next.
    pub deliveries_max: u32,
    /// What to do about a wall clock behind the data.
    pub clock_check: ClockCheck,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        Self {
            asks_max: 10_000,
            timer_poll: Duration::from_millis(250),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(30),
            crashes_max: 5,
            crash_window: Duration::from_mins(10),
            deliveries_max: 10,
            clock_check: ClockCheck::Strict,
        }
    }
}

/// How a task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskEnd {
    /// It runs for ever and is dropped at shutdown.
    AtShutdown,
    /// It ends by itself; shutdown waits for it.
    ByItself,
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

/// Everything that entities share. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Clock,
    pub(super) options: Arc<RuntimeOptions>,
}

impl Runtime {
    /// Starts the clock on a store. Register kinds, sagas and subscribers, then call [`Runtime::open`].
    ///
    /// # Errors
    /// [`StartError`] when the wall clock is too far behind the data.
    pub fn start(store: Arc<dyn Store>, options: RuntimeOptions) -> Result<Self, StartError> {
        let clock = Clock::start(store.last_recorded_at(), options.clock_check)?;
        Ok(Self {
            store,
            clock,
            options: Arc::new(options),
        })
    }

    /// Loads rosters, resumes open sagas, and begins to fire timers and to deliver facts.
    ///
    /// # Errors
    /// A fault of the store while it is read.
    pub async fn open(&self) -> Result<(), Fault> {
        todo!()
    }

    /// Returns the clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Returns the store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Returns the look-up of idempotency keys.
    pub fn receipts(&self) -> Receipts {
        Receipts::new(Arc::clone(&self.store), self.clock)
    }

    /// Registers a subscriber. It is served from [`Runtime::open`] on.
    pub fn subscribe(&self, subscriber: Arc<dyn Subscriber>) {
        let _ = subscriber;
        todo!()
    }

    /// Returns what each subscriber has done.
    pub fn subscribers(&self) -> Vec<SubscriberCounters> {
        todo!()
    }

    /// Starts a task with a name, an owner and an end.
    pub fn spawn<F>(&self, name: &'static str, owner: String, end: TaskEnd, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let _ = (name, owner, end, task);
        todo!()
    }

    /// Returns what the runtime does.
    pub fn counters(&self) -> RuntimeCounters {
        todo!()
    }

    /// Lets nothing new in, waits for what is at work until the deadline, and ends every task. The store stays open.
    pub async fn shutdown(&self, deadline: Instant) {
        let _ = deadline;
        todo!()
    }
}
