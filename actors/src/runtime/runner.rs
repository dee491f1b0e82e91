//! The actor that drives one saga: it looks at the committed state, takes the step that is next, and keeps what came
//! of it by asking the saga's entity. It holds nothing that a restart would miss.

use crate::runtime::ask::{Ask, AskError};
use crate::runtime::entities::Entities;
use crate::runtime::published::Published;
use crate::runtime::saga::{Action, Next, Performed, READING, Saga, SagaShared, SagaStep, WAITING};
use crate::runtime::tasks::TaskEnd;
use cartwright_domain::Problem;
use cartwright_storage::{Fault, Position};
use futures::future::FutureExt;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::fmt;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;

pub(super) enum RunnerMessage<S: Saga> {
    /// Look what is next, in this newer state if there is one.
    Look(Option<Arc<Published<S>>>),
    /// The step's task has ended.
    Finished(Finished<S>),
    /// The wait after a failure is over.
    Rested,
}

/// How a step's task has ended.
pub(super) enum Finished<S: Saga> {
    /// Its outcome is committed.
    Kept(Arc<Published<S>>),
    /// There is no such saga any more.
    Gone,
    Again {
        reason: String,
        after: Option<Duration>,
        is_past_pivot: bool,
    },
    Panicked,
}

/// The saga that a runner drives.
pub(super) struct Charge<S: Saga> {
    pub(super) id: S::Id,
    pub(super) shared: Arc<SagaShared<S>>,
}

pub(super) struct Runner<S>(PhantomData<fn() -> S>);

impl<S> Runner<S> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

pub(super) struct Running<S: Saga> {
    charge: Charge<S>,
    myself: ActorRef<RunnerMessage<S>>,
    newest: Option<Arc<Published<S>>>,
    /// The state that the step at work was taken in.
    acted_on: Option<Position>,
    /// Is a step's task at work, or a backoff running?
    is_busy: bool,
    failures: u32,
    /// Has a step taken the saga past its pivot, whatever its state says?
    is_past_pivot: bool,
    alarm: Option<AbortHandle>,
}

impl<S: Saga> Running<S> {
    fn note(&mut self, published: Option<Arc<Published<S>>>) {
        let newest = self.newest.as_ref().map(|newest| newest.position);
        if let Some(published) = published.filter(|published| newest < Some(published.position)) {
            self.newest = Some(published);
        }
    }

    fn look(&mut self) {
        if self.is_busy {
            return;
        }
        if let Some(alarm) = self.alarm.take() {
            alarm.abort();
        }
        let Some(saga) = self.newest.clone() else {
            self.read();
            return;
        };
        let now = self.charge.shared.now();
        match saga.state.next(now) {
            Next::Act(action) => self.act(saga, action),
            Next::Wait(until) => {
                self.stand(WAITING);
                if let Some(until) = until {
                    let wake = self
                        .myself
                        .send_after(until.since(now), || RunnerMessage::Look(None));
                    self.alarm = Some(wake.abort_handle());
                }
            }
            Next::Ended => {
                self.charge.shared.ended.fetch_add(1, Ordering::Relaxed);
                self.myself.stop(None);
            }
        }
    }

    /// Reads the committed state, for a saga that is resumed.
    fn read(&mut self) {
        // Whoever is read again after a crash stands where it stood.
        let standing = &self.charge.shared.standing;
        standing
            .entry(self.charge.id)
            .or_insert((READING, Instant::now()));
        let (id, entities) = (self.charge.id, self.charge.shared.entities.clone());
        self.start("saga read", async move {
            let mut tries = 0;
            let read = loop {
                match entities.read(id).await {
                    // Of many that are resumed at once.
                    Err(Fault::Busy) => {
                        tokio::time::sleep(entities.shared.runtime.options.policy().backoff(tries)).await;
                        tries += 1;
                    }
                    read => break read,
                }
            };
            match read {
                Ok(published) => published.map_or(Finished::Gone, Finished::Kept),
                Err(fault) => Finished::Again {
                    reason: fault.to_string(),
                    after: None,
                    is_past_pivot: false,
                },
            }
        });
    }

    fn act(&mut self, saga: Arc<Published<S>>, action: Action<S::Step>) {
        let (Action::Run(step) | Action::Undo(step)) = action;
        self.stand(step.name());
        let acted_on = saga.position;
        self.acted_on = Some(acted_on);
        let Charge { id, shared } = &self.charge;
        let (id, env, entities) = (*id, Arc::clone(&shared.env), shared.entities.clone());
        let seed = entities.shared.runtime.options.randomness.seed();
        self.start("saga step", async move {
            // In boxes of their own: a task's future is copied whole on its way to the scheduler.
            let (command, ask, is_past_pivot) = match Box::pin(S::perform(env, saga, action)).await {
                Performed::Record {
                    command,
                    deletes,
                    answers,
                    rests_on,
                    is_past_pivot,
                } => {
                    // The caller may have used a key that is over for something else.
                    let now = entities.shared.runtime.clock.now();
                    let answers = answers.filter(|answer| now < answer.expires_at);
                    let ask = Ask {
                        deletes,
                        answers: answers.map(Box::new),
                        rests_on,
                        ..Ask::internal("saga", seed)
                    };
                    (command, ask, is_past_pivot)
                }
                Performed::Again {
                    reason,
                    after,
                    is_past_pivot,
                } => {
                    return Finished::Again {
                        reason,
                        after,
                        is_past_pivot,
                    };
                }
            };
            let mut kept = Box::pin(keep(&entities, id, acted_on, command, ask)).await;
            if let Err(NotKept::TooLarge(stands, problem)) = &kept
                && let Some(command) = stands.state.refused(problem.clone())
            {
                let ask = Ask::internal("saga", seed);
                kept = Box::pin(keep(&entities, id, acted_on, command, ask)).await;
            }
            kept.unwrap_or_else(|why| Finished::Again {
                reason: why.to_string(),
                after: None,
                is_past_pivot,
            })
        });
    }

    fn start(&mut self, name: &'static str, task: impl Future<Output = Finished<S>> + Send + 'static) {
        self.is_busy = true;
        let myself = self.myself.clone();
        let task = async move {
            let finished = AssertUnwindSafe(task)
                .catch_unwind()
                .await
                .unwrap_or(Finished::Panicked);
            let _ = myself.send_message(RunnerMessage::Finished(finished));
        };
        self.charge
            .shared
            .entities
            .shared
            .runtime
            .spawn(name, S::KIND.name(), TaskEnd::AtShutdown, task);
    }

    fn again(&mut self, reason: &str, after: Option<Duration>) {
        let options = &self.charge.shared.entities.shared.runtime.options;
        let wait = after.unwrap_or_else(|| options.policy().backoff(self.failures));
        self.failures = self.failures.saturating_add(1);
        self.charge.shared.retries.fetch_add(1, Ordering::Relaxed);
        let (saga, failures) = (S::key(self.charge.id), self.failures);
        let newest = self.newest.as_ref();
        if self.is_past_pivot || newest.is_some_and(|newest| newest.state.is_past_pivot()) {
            self.charge.shared.alarms.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(alarm = true, %saga, failures, reason, ?wait, "a step past the pivot is retried");
        } else if newest.is_none() {
            // It may be past its pivot.
            self.charge.shared.alarms.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(alarm = true, %saga, failures, reason, ?wait, "what is left to do cannot be read");
        } else {
            tracing::info!(%saga, failures, reason, ?wait, "a step is retried");
        }
        // Busy until then, so that news does not cut the wait short.
        self.myself.send_after(wait, || RunnerMessage::Rested);
    }

    /// Notes where the saga stands; the age of a step counts from its first try.
    fn stand(&mut self, step: &'static str) {
        let standing = &self.charge.shared.standing;
        let mut entry = standing.entry(self.charge.id).or_insert((step, Instant::now()));
        if entry.0 != step {
            *entry = (step, Instant::now());
        }
    }
}

/// Why a step's outcome is not kept.
enum NotKept<S: Saga> {
    /// It is larger than may be kept; this state stands.
    TooLarge(Arc<Published<S>>, Problem),
    /// For a reason that may pass.
    Failed(String),
}

impl<S: Saga> fmt::Display for NotKept<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(_, problem) => write!(f, "{problem}"),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

/// Keeps the outcome of a step.
async fn keep<S: Saga>(
    entities: &Entities<S>,
    id: S::Id,
    acted_on: Position,
    command: S::Record,
    ask: Ask,
) -> Result<Finished<S>, NotKept<S>> {
    let error = match entities.ask(id, command, ask).await {
        Ok(answer) => return Ok(answer.state.map_or(Finished::Gone, Finished::Kept)),
        Err(error) => error,
    };
    // Whether it was kept is not known before its verdict, and a step whose outcome was must not run again: it may come
    // to another.
    entities.shared.runtime.store.barrier().await;
    match entities.read(id).await {
        Ok(Some(stands)) if acted_on < stands.position => Ok(Finished::Kept(stands)),
        Ok(Some(stands)) if matches!(error, AskError::TooLarge(_)) => {
            Err(NotKept::TooLarge(stands, error.into()))
        }
        Ok(_) | Err(_) => Err(NotKept::Failed(error.to_string())),
    }
}

impl<S: Saga> Actor for Runner<S> {
    type Msg = RunnerMessage<S>;
    type State = Running<S>;
    type Arguments = Charge<S>;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        charge: Charge<S>,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(Running {
            charge,
            myself,
            newest: None,
            acted_on: None,
            is_busy: false,
            failures: 0,
            is_past_pivot: false,
            alarm: None,
        })
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            RunnerMessage::Look(news) => state.note(news),
            RunnerMessage::Finished(Finished::Kept(kept)) if Some(kept.position) == state.acted_on => {
                // Going on at once would spin.
                state.again("keeping the outcome changed nothing", None);
            }
            RunnerMessage::Finished(Finished::Kept(kept)) => {
                (state.is_busy, state.failures) = (false, 0);
                state.note(Some(kept));
            }
            RunnerMessage::Finished(Finished::Gone) => {
                state.myself.stop(None);
                return Ok(());
            }
            RunnerMessage::Rested => state.is_busy = false,
            RunnerMessage::Finished(Finished::Again {
                reason,
                after,
                is_past_pivot,
            }) => {
                state.is_past_pivot |= is_past_pivot;
                state.again(&reason, after);
            }
            RunnerMessage::Finished(Finished::Panicked) => return Err("a step panicked".into()),
        }
        state.look();
        Ok(())
    }
}
