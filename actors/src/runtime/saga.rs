//! Sagas: entities that move other entities and the outside world, step by step, each driven by a supervised actor.

use crate::runtime::DashMap;
use crate::runtime::births::Births;
use crate::runtime::core::{Runtime, SagaHandle};
use crate::runtime::entities::Entities;
use crate::runtime::keeper::{Keeper, KeeperMessage};
use crate::runtime::published::Published;
use crate::runtime::receipts::FinalAnswer;
use cartwright_domain::{Command, Entity, EntityId, EntityKey, Kind, Problem, Timestamp};
use cartwright_storage::{Decision, Fault, ReceiptKey};
use ractor::{ActorRef, ActorRuntime};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// A step of a saga, by the stable name under which it is told.
pub trait SagaStep: Copy + Eq + std::fmt::Debug + Send + Sync + 'static {
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
        deletes: Vec<ReceiptKey>,
        /// In the last commit, the answer to the request that began the saga.
        answers: Option<FinalAnswer>,
        /// What participants answered ahead: the outcome is kept only together with it.
        rests_on: Vec<Decision>,
        /// See [`Performed::past_pivot`].
        is_past_pivot: bool,
    },
    /// It failed technically, or is not settled: it is done again, after a backoff or after the given time.
    Again {
        /// For the log.
        reason: String,
        /// How long to wait; without it, a backoff that doubles.
        after: Option<Duration>,
        /// See [`Performed::past_pivot`].
        is_past_pivot: bool,
    },
}

impl<C> Performed<C> {
    /// Keeps the outcome with this command and nothing else.
    pub fn record(command: C) -> Self {
        Self::Record {
            command,
            deletes: Vec::new(),
            answers: None,
            rests_on: Vec::new(),
            is_past_pivot: false,
        }
    }

    /// Keeps the outcome only together with what participants answered ahead.
    #[must_use]
    pub fn resting_on(mut self, decisions: impl IntoIterator<Item = Decision>) -> Self {
        if let Self::Record { rests_on, .. } = &mut self {
            rests_on.extend(decisions);
        }
        self
    }

    /// Asks for the step to be done again, after a backoff.
    pub fn again(reason: impl Into<String>) -> Self {
        Self::Again {
            reason: reason.into(),
            after: None,
            is_past_pivot: false,
        }
    }

    /// Says that the step has taken the saga past its pivot, which its committed state need not tell yet.
    #[must_use]
    pub fn past_pivot(mut self) -> Self {
        let (Self::Record { is_past_pivot, .. } | Self::Again { is_past_pivot, .. }) = &mut self;
        *is_past_pivot = true;
        self
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

    /// Tells whether the saga can only go forward, as far as its committed state says: from then on, and from when a
    /// step has said [`Performed::past_pivot`], a step that is done again raises an alarm.
    fn is_past_pivot(&self) -> bool;

    /// Returns the command that keeps, in place of a step's outcome that is too large to be kept, why that was refused;
    /// none where there is no way back, and the step is done again.
    fn refused(&self, problem: Problem) -> Option<Self::Record> {
        let _ = problem;
        None
    }

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
    /// The step, [`WAITING`] or [`READING`].
    pub step: &'static str,
    /// How many sagas.
    pub sagas: usize,
    /// How long the oldest has stood there.
    pub oldest: Duration,
}

/// Where a saga stands that waits for something outside.
pub const WAITING: &str = "waiting";
/// Where a saga stands that is resumed and not read yet.
pub const READING: &str = "reading";

/// What the sagas of one kind do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SagaCounters {
    /// Sagas with an actor.
    pub open: usize,
    /// Sagas that ended since the start.
    pub ended: u64,
    /// Steps that had to be done again.
    pub retries: u64,
    /// Those of them past the pivot, and of sagas that could not be read: each has raised an alarm.
    pub alarms: u64,
    /// Runners that crashed.
    pub restarts: u64,
    /// Steps and their ages, by name.
    pub steps: Vec<StepAge>,
}

/// What keeper, runners and waiters of one kind of sagas share.
pub(super) struct SagaShared<S: Saga> {
    pub(super) entities: Entities<S>,
    pub(super) env: Arc<S::Env>,
    /// Where each open saga stands, and since when.
    pub(super) standing: DashMap<S::Id, (&'static str, Instant)>,
    pub(super) ended: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) alarms: AtomicU64,
    pub(super) restarts: AtomicU64,
    waits: DashMap<S::Id, Arc<Notify>>,
    keeper: OnceLock<ActorRef<KeeperMessage<S>>>,
}

impl<S: Saga> SagaShared<S> {
    pub(super) fn now(&self) -> Timestamp {
        self.entities.shared.runtime.clock.now()
    }

    pub(super) fn births(&self) -> &Births {
        &self.entities.shared.runtime.births
    }

    pub(super) fn tell(&self, message: KeeperMessage<S>) {
        if let Some(keeper) = self.keeper.get() {
            // Fails only once the engine stops.
            let _ = keeper.send_message(message);
        }
    }

    fn observe(&self, id: S::Id, published: Option<&Arc<Published<S>>>, is_first: bool) {
        if let Some(waiting) = self.waits.get(&id) {
            waiting.notify_waiters();
        }
        if let Some(published) = published.filter(|_| is_first) {
            self.births().begin(S::key(id), published.position);
        }
        self.tell(KeeperMessage::Published {
            id,
            published: published.cloned(),
            is_first,
        });
    }
}

impl<S: Saga> SagaHandle for SagaShared<S> {
    fn kind(&self) -> Kind {
        S::KIND
    }

    fn resume(&self, saga: EntityKey) {
        self.tell(KeeperMessage::Resume(S::Id::from_uuid(saga.id)));
    }

    fn stop(&self) {
        if let Some(keeper) = self.keeper.get() {
            keeper.stop(None);
        }
    }
}

/// The sagas of one kind. Cheap to clone.
pub struct Sagas<S: Saga> {
    pub(super) shared: Arc<SagaShared<S>>,
}

impl<S: Saga> Clone for Sagas<S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S: Saga> Sagas<S> {
    /// Drives the sagas of a kind. One that is created from now on gets an actor with its first commit; open ones
    /// are resumed by [`Runtime::open`].
    pub fn new(runtime: &Runtime, entities: &Entities<S>, env: Arc<S::Env>) -> Self {
        let shared = Arc::new(SagaShared {
            entities: entities.clone(),
            env,
            standing: DashMap::default(),
            ended: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            alarms: AtomicU64::new(0),
            restarts: AtomicU64::new(0),
            waits: DashMap::default(),
            keeper: OnceLock::new(),
        });
        if let Ok((keeper, _)) = ActorRuntime::spawn_instant(None, Keeper::new(), Arc::clone(&shared)) {
            let _ = shared.keeper.set(keeper);
        }
        let observer = Arc::clone(&shared);
        entities.shared.observe(Box::new(move |id, published, is_first| {
            observer.observe(id, published, is_first);
        }));
        runtime.inner.register_sagas(Arc::clone(&shared) as Arc<_>);
        Self { shared }
    }

    /// Waits until the saga has ended or waits for something outside; at the deadline, returns where it stands.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn wait(&self, id: S::Id, deadline: Instant) -> Result<Option<Arc<Published<S>>>, Fault> {
        let is_settled = |saga: &S| !matches!(saga.next(self.shared.now()), Next::Act(_));
        self.wait_for(id, deadline, is_settled).await
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
        let waiting = Waiting::on(&self.shared.waits, id);
        loop {
            let changed = waiting.notify.notified();
            tokio::pin!(changed);
            // From here on no commit goes unnoticed.
            changed.as_mut().enable();
            let published = self.shared.entities.read(id).await?;
            let is_over = published.as_ref().is_none_or(|saga| reached(&saga.state));
            if is_over {
                return Ok(published);
            }
            if timeout_at(deadline, changed).await.is_err() {
                return self.shared.entities.read(id).await;
            }
        }
    }

    /// Returns what the sagas of this kind do.
    pub fn counters(&self) -> SagaCounters {
        let now = Instant::now();
        let mut steps: BTreeMap<&'static str, StepAge> = BTreeMap::new();
        for saga in &self.shared.standing {
            let (step, since) = *saga.value();
            let age = steps.entry(step).or_insert(StepAge {
                step,
                sagas: 0,
                oldest: Duration::ZERO,
            });
            age.sagas += 1;
            age.oldest = age.oldest.max(now.duration_since(since));
        }
        SagaCounters {
            open: self.shared.standing.len(),
            ended: self.shared.ended.load(Ordering::Relaxed),
            retries: self.shared.retries.load(Ordering::Relaxed),
            alarms: self.shared.alarms.load(Ordering::Relaxed),
            restarts: self.shared.restarts.load(Ordering::Relaxed),
            steps: steps.into_values().collect(),
        }
    }
}

/// Someone who waits for a saga's next commit.
struct Waiting<'a, I: EntityId> {
    waits: &'a DashMap<I, Arc<Notify>>,
    id: I,
    notify: Arc<Notify>,
}

impl<'a, I: EntityId> Waiting<'a, I> {
    fn on(waits: &'a DashMap<I, Arc<Notify>>, id: I) -> Self {
        let notify = Arc::clone(&waits.entry(id).or_default());
        Self { waits, id, notify }
    }
}

impl<I: EntityId> Drop for Waiting<'_, I> {
    fn drop(&mut self) {
        // The map's handle and ours: whoever waits last takes the entry away.
        self.waits
            .remove_if(&self.id, |_, notify| Arc::strong_count(notify) <= 2);
    }
}
