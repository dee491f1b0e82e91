//! Sagas: entities that move other entities and the outside world, step by step, each driven by a supervised actor.

use crate::runtime::core::Runtime;
use crate::runtime::entities::Entities;
use crate::runtime::published::Published;
use cartwright_domain::{Command, Entity, Timestamp};
use cartwright_storage::Fault;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The steps of a saga. It stores their names, never indexes.
pub trait SagaStep: Copy + Eq + std::fmt::Debug + Send + Sync + 'static {
    /// Every step, in order.
    const ALL: &'static [Self];
    /// The stable name.
    fn name(self) -> &'static str;
}

/// Which way a step is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<T> {
    /// Forward.
    Run(T),
    /// Back: also for a step that was begun and of which nobody knows whether it worked.
    Undo(T),
}

/// What a saga in a given state does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// It takes a step.
    Act(Action<T>),
    /// It waits for a command from outside, at most until then.
    Wait(Option<Timestamp>),
    /// It is over.
    Ended,
}

/// What came of a step.
#[derive(Debug)]
pub enum Performed<C> {
    /// This command on the saga keeps the outcome; it may carry receipts to delete and the final answer.
    Record {
        /// The command.
        command: C,
        /// Receipts that go with it: in the last commit, the saga's step receipts.
        deletes: Vec<cartwright_storage::ReceiptKey>,
        /// In the last commit, the answer to the request that began the saga.
        answers: Option<crate::runtime::FinalAnswer>,
    },
    /// It failed technically, or is not settled: it is done again, after a backoff or after the given time.
    Again {
        /// For the log.
        reason: String,
        /// How long to wait; without it, a backoff that doubles.
        after: Option<Duration>,
    },
}

impl<C> Performed<C> {
    /// Keeps the outcome with this command and nothing else.
    pub fn record(command: C) -> Self {
        Self::Record {
            command,
            deletes: Vec::new(),
            answers: None,
        }
    }

    /// Asks for the step to be done again, after a backoff.
    pub fn again(reason: impl Into<String>) -> Self {
        Self::Again {
            reason: reason.into(),
            after: None,
        }
    }
}

/// A saga: an entity whose own state says what is to be done next.
///
/// While it is open it keeps a row in [`cartwright_domain::Listing::OpenSagas`], by which it is resumed.
pub trait Saga: Entity {
    /// What its steps need: other entities, gateways, the clock.
    type Env: Send + Sync + 'static;
    /// Its steps.
    type Step: SagaStep;
    /// The command that keeps a step's outcome. It must do nothing when the outcome is known already.
    type Record: Command<Self>;

    /// Returns what is next, from the committed state alone.
    fn next(&self, now: Timestamp) -> Next<Self::Step>;

    /// Tells whether the saga can only go forward: from then on a failing step raises an alarm.
    fn is_past_pivot(&self) -> bool;

    /// Takes a step. It may be taken again after a crash, under the same keys.
    fn perform(
        env: Arc<Self::Env>,
        saga: Arc<Published<Self>>,
        action: Action<Self::Step>,
    ) -> impl Future<Output = Performed<Self::Record>> + Send;
}

/// How many sagas stand at a step, and for how long the oldest has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepAge {
    /// The step, or `waiting`.
    pub step: &'static str,
    /// How many sagas.
    pub sagas: usize,
    /// How long the oldest has stood there.
    pub oldest: Duration,
}

/// What the sagas of one kind do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SagaCounters {
    /// Sagas with an actor.
    pub open: usize,
    /// Sagas that ended since the start.
    pub ended: u64,
    /// Steps that had to be done again.
    pub retries: u64,
    /// Runners that crashed.
    pub restarts: u64,
    /// Steps and their ages.
    pub steps: Vec<StepAge>,
}

/// The sagas of one kind. Cheap to clone.
pub struct Sagas<S: Saga> {
    _kind: PhantomData<fn() -> S>,
}

impl<S: Saga> Clone for Sagas<S> {
    fn clone(&self) -> Self {
        Self { _kind: PhantomData }
    }
}

impl<S: Saga> Sagas<S> {
    /// Drives the sagas of a kind. One that is created from now on gets an actor with its first commit; open ones
    /// are resumed by [`Runtime::open`].
    pub fn new(runtime: &Runtime, entities: &Entities<S>, env: Arc<S::Env>) -> Self {
        let _ = (runtime, entities, env);
        todo!()
    }

    /// Waits until the saga has ended or waits for something outside; at the deadline, returns where it stands.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn wait(&self, id: S::Id, deadline: Instant) -> Result<Option<Arc<Published<S>>>, Fault> {
        let _ = (id, deadline);
        todo!()
    }

    /// Waits until the saga's committed state is as asked for; at the deadline, returns where it stands.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn wait_for(
        &self,
        id: S::Id,
        deadline: Instant,
        reached: impl Fn(&S) -> bool + Send,
    ) -> Result<Option<Arc<Published<S>>>, Fault> {
        let _ = (id, deadline, reached);
        todo!()
    }

    /// Returns what the sagas of this kind do.
    pub fn counters(&self) -> SagaCounters {
        todo!()
    }
}
