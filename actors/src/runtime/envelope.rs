//! A command on its way: what it asks, and where its answer goes.

use crate::runtime::actor::{Mail, Resident};
use crate::runtime::ask::{Answer, Ask, AskError, Lane};
use crate::runtime::head::{Fate, Head};
use crate::runtime::published::{AnyPublished, Published};
use cartwright_domain::{
    Caller, Command, Context, Create, Effects, Entity, EntityId, EntityKey, Problem, Refusal, Revision,
    Timestamp, UniqueKey,
};
use cartwright_storage::codec::{self, Unstorable};
use cartwright_storage::{Decision, Outcome, Position, Receipt, Rejected};
use serde::{Serialize, de::DeserializeOwned};
use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// When a caller may try again after an activation has ended under its ask.
pub(super) const RETRY_AFTER: Duration = Duration::from_millis(100);

/// A command or a creation, run on the head.
pub(super) trait Job<E: Entity>: Send + 'static {
    type Reply: Serialize + DeserializeOwned + Send + 'static;

    /// Whether an entity that does not exist is what it needs.
    const CREATES: bool;

    /// Returns the changed copy, or refuses.
    fn run(
        self,
        id: E::Id,
        current: Option<&E>,
        cx: &mut Context<'_, E>,
    ) -> Result<(E, Self::Reply), JobError<E>>;
}

/// How a job says no.
pub(super) enum JobError<E: Entity> {
    Refused(E::Error),
    NotFound,
    AlreadyExists,
}

pub(super) struct CommandJob<C>(pub(super) C);

impl<E: Entity, C: Command<E>> Job<E> for CommandJob<C> {
    type Reply = C::Reply;
    const CREATES: bool = false;

    fn run(
        self,
        _: E::Id,
        current: Option<&E>,
        cx: &mut Context<'_, E>,
    ) -> Result<(E, Self::Reply), JobError<E>> {
        let mut working = current.ok_or(JobError::NotFound)?.clone();
        let reply = self.0.apply(&mut working, cx).map_err(JobError::Refused)?;
        Ok((working, reply))
    }
}

pub(super) struct CreateJob<C>(pub(super) C);

impl<E: Entity, C: Create<E>> Job<E> for CreateJob<C> {
    type Reply = C::Reply;
    const CREATES: bool = true;

    fn run(
        self,
        id: E::Id,
        current: Option<&E>,
        cx: &mut Context<'_, E>,
    ) -> Result<(E, Self::Reply), JobError<E>> {
        match current {
            Some(_) => Err(JobError::AlreadyExists),
            None => self.0.create(id, cx).map_err(JobError::Refused),
        }
    }
}

/// What the asker learns.
pub(super) enum Told<E: Entity, J: Job<E>> {
    Answer(Result<Answer<J::Reply, E>, AskError<E::Error>>),
    /// A receipt under the same key came first: the asker answers from it.
    Winner(Box<Receipt>),
}

/// Why nothing came of an ask, whatever the command.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    NotFound,
    Stale(Revision),
    Expired,
    Retry(Duration),
    Quarantined,
    TooLarge(String),
    Internal(String),
    Overloaded(crate::runtime::Overload, Duration),
    Fault(cartwright_storage::Fault),
}

impl Failure {
    pub(super) fn into_error<X: Refusal>(self, entity: EntityKey) -> AskError<X> {
        match self {
            Self::NotFound => AskError::NotFound { entity },
            Self::Stale(current) => AskError::Stale { current },
            Self::Expired => AskError::Expired,
            Self::Retry(retry_after) => AskError::Retry { retry_after },
            Self::Quarantined => AskError::Quarantined { entity },
            Self::TooLarge(what) => AskError::TooLarge(what),
            Self::Internal(reason) => AskError::Internal(reason),
            Self::Overloaded(scope, retry_after) => AskError::Overloaded { scope, retry_after },
            Self::Fault(fault) => AskError::Fault(fault),
        }
    }
}

impl From<Unstorable> for Failure {
    fn from(error: Unstorable) -> Self {
        match error {
            Unstorable::TooLarge { .. } => Self::TooLarge(error.to_string()),
            Unstorable::Shape { .. } => Self::Internal(error.to_string()),
        }
    }
}

/// How the commit that an answer waits for has ended.
#[derive(Clone)]
pub(super) enum Settled {
    /// It is durable; no state after an erasure.
    Committed(Option<AnyPublished>),
    /// It is on its way, for answers that are given ahead.
    Submitted(Option<AnyPublished>, Decision),
    KeyTaken {
        key: UniqueKey,
        holder: EntityKey,
    },
    ReceiptTaken(Box<Receipt>),
    Failed(Failure),
}

impl Settled {
    pub(super) fn committed<E: Entity>(state: Option<Arc<Published<E>>>) -> Self {
        Self::Committed(state.map(|state| state as AnyPublished))
    }

    /// What those learn who wait for a commit that was refused.
    pub(super) fn of(rejected: &Rejected) -> Self {
        match rejected {
            Rejected::KeyTaken { key, holder } => Self::KeyTaken {
                key: key.clone(),
                holder: *holder,
            },
            Rejected::ReceiptTaken { receipt } => Self::ReceiptTaken(receipt.clone()),
            Rejected::TooLarge(what) => Self::Failed(Failure::TooLarge(what.clone())),
            Rejected::Revision { .. } | Rejected::Fence | Rejected::Unfounded | Rejected::Unavailable(_) => {
                Self::Failed(Failure::Retry(RETRY_AFTER))
            }
        }
    }
}

/// An answer that is ready and waits for the commits it has seen.
pub(super) trait Waiting: Send {
    /// Whether it goes out as soon as the commit is on its way.
    fn is_ahead(&self) -> bool;
    fn settle(self: Box<Self>, settled: &Settled);
}

pub(super) type Waiter = Box<dyn Waiting>;

/// What the asker's look-up of a step's receipts found absent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LookedUp {
    /// As of where the step's own receipt, and the forbidden one, were looked up.
    pub(super) as_of: Position,
    /// Was there no receipt of the step to forbid?
    pub(super) forbids: bool,
}

/// What a command ran to.
pub(super) enum Ran<E: Entity> {
    /// It said no; with the problem where a receipt may have to keep it.
    Refused(Option<Problem>),
    /// It said yes; with the encoded reply where a receipt keeps it.
    Changed {
        working: E,
        effects: Effects<E>,
        reply: Option<Vec<u8>>,
    },
}

/// The head as a command sees it.
pub(super) struct Standing<'a, E: Entity> {
    pub(super) id: E::Id,
    pub(super) state: Option<&'a E>,
    pub(super) now: Timestamp,
}

/// A command of any type.
pub(super) trait Envelope<E: Entity>: Mail {
    fn key(&self) -> EntityKey;
    fn ask(&self) -> &Ask;
    fn looked_up(&self) -> LookedUp;
    /// Notes what the asker's look-up of the step's receipts found absent.
    fn note(&mut self, looked_up: LookedUp);
    /// Runs the command; the waiter answers once what it has seen is durable.
    fn run(self: Box<Self>, standing: Standing<'_, E>) -> (Ran<E>, Ask, Waiter);
    /// Refuses without running; a stale revision waits for the commits it has seen, like any refusal.
    fn refuse(self: Box<Self>, failure: Failure) -> Waiter;
    /// Answers from an earlier outcome of the same step.
    fn repeat(self: Box<Self>, outcome: &Outcome) -> Waiter;
    /// Sends the asker back to look up the step's receipt.
    fn look_up_again(self: Box<Self>);
}

pub(super) struct Letter<E: Entity, J: Job<E>> {
    pub(super) job: J,
    pub(super) ask: Ask,
    pub(super) looked_up: LookedUp,
    pub(super) key: EntityKey,
    port: Port,
    entity: PhantomData<fn() -> E>,
}

/// What comes back to the asker, in its own box: the [`Reply`], or job and ask where the look-up of the step's receipt is
/// too old for what the actor remembers. Of no type, so that waiting for it is the same for all commands.
pub(super) type Returned = Box<dyn Any + Send>;
type Port = oneshot::Sender<Returned>;

/// A letter, and where its answer will be.
pub(super) type Sent<E, J> = (Box<Letter<E, J>>, oneshot::Receiver<Returned>);

/// A command's answer, as it waits and as it comes back.
pub(super) struct Reply<E: Entity, J: Job<E>> {
    /// Until it goes back.
    port: Option<Port>,
    key: EntityKey,
    result: Result<(J::Reply, bool), AskError<E::Error>>,
    is_ahead: bool,
    /// How the commit has ended that it has waited for.
    settled: Option<Settled>,
    job: PhantomData<fn() -> J>,
}

impl<E: Entity, J: Job<E>> Waiting for Reply<E, J> {
    fn is_ahead(&self) -> bool {
        self.is_ahead
    }

    fn settle(mut self: Box<Self>, settled: &Settled) {
        self.settled = Some(settled.clone());
        if let Some(port) = self.port.take() {
            // Nobody waits any more where this fails.
            let _ = port.send(self);
        }
    }
}

impl<E: Entity, J: Job<E>> Reply<E, J> {
    /// Returns what it tells the asker.
    pub(super) fn told(self) -> Told<E, J> {
        let (state, decision) = match self.settled {
            Some(Settled::Committed(state)) => (state, None),
            Some(Settled::Submitted(state, decision)) => (state, Some(decision)),
            Some(Settled::ReceiptTaken(receipt)) => return Told::Winner(receipt),
            Some(Settled::KeyTaken { key, holder }) => {
                return Told::Answer(Err(AskError::KeyTaken { key, holder }));
            }
            Some(Settled::Failed(failure)) => return Told::Answer(Err(failure.into_error(self.key))),
            None => (None, None),
        };
        Told::Answer(self.result.map(|(reply, replayed)| Answer {
            reply,
            state: state.map(Published::of),
            replayed,
            decision,
        }))
    }
}

impl<E: Entity, J: Job<E>> Letter<E, J> {
    /// Writes a letter, and opens where its answer will be.
    pub(super) fn new(key: EntityKey, job: J, ask: Ask) -> Sent<E, J> {
        let (port, answer) = oneshot::channel();
        let letter = Self {
            job,
            ask,
            looked_up: LookedUp::default(),
            key,
            port,
            entity: PhantomData,
        };
        (Box::new(letter), answer)
    }

    fn waiter(port: Port, key: EntityKey, result: Result<(J::Reply, bool), AskError<E::Error>>) -> Waiter {
        Box::new(Reply::<E, J> {
            port: Some(port),
            key,
            result,
            is_ahead: false,
            settled: None,
            job: PhantomData,
        })
    }
}

impl<E: Entity, J: Job<E>> Mail for Letter<E, J> {
    fn hand_over(self: Box<Self>, to: &mut dyn Resident) -> Fate {
        Head::of(to).receive(Work::Command(self))
    }
}

impl<E: Entity, J: Job<E>> Envelope<E> for Letter<E, J> {
    fn key(&self) -> EntityKey {
        self.key
    }

    fn ask(&self) -> &Ask {
        &self.ask
    }

    fn looked_up(&self) -> LookedUp {
        self.looked_up
    }

    fn note(&mut self, looked_up: LookedUp) {
        self.looked_up = looked_up;
    }

    fn run(self: Box<Self>, standing: Standing<'_, E>) -> (Ran<E>, Ask, Waiter) {
        let Self {
            job, ask, key, port, ..
        } = *self;
        let keeps = ask.ticket.is_some() || ask.step.is_some();
        let mut effects = Effects::default();
        let partition = Some(standing.id.partition());
        let mut cx = Context::new(standing.now, &ask.caller, ask.seed, partition, &mut effects);
        let ran = catch_unwind(AssertUnwindSafe(|| job.run(standing.id, standing.state, &mut cx)));
        let ran = match ran {
            Ok(ran) => ran,
            Err(panic) => {
                // The caller learns at once; the panic goes on and ends the activation.
                let failed = "the command panicked".to_owned();
                Self::waiter(port, key, Err(AskError::Internal(failed.clone())))
                    .settle(&Settled::Failed(Failure::Internal(failed)));
                resume_unwind(panic);
            }
        };
        let error = match ran {
            Ok((working, reply)) => match keeps.then(|| codec::encode_reply(&reply)).transpose() {
                Ok(encoded) => {
                    let changed = Ran::Changed {
                        working,
                        effects,
                        reply: encoded,
                    };
                    let waiter = Reply::<E, J> {
                        port: Some(port),
                        key,
                        result: Ok((reply, false)),
                        is_ahead: ask.is_ahead,
                        settled: None,
                        job: PhantomData,
                    };
                    return (changed, ask, Box::new(waiter));
                }
                Err(unstorable) => Failure::from(unstorable).into_error(key),
            },
            Err(JobError::Refused(refusal)) => {
                let problem = keeps.then(|| refusal.problem());
                let waiter = Self::waiter(port, key, Err(AskError::Refused(refusal)));
                return (Ran::Refused(problem), ask, waiter);
            }
            Err(JobError::NotFound) => AskError::NotFound { entity: key },
            Err(JobError::AlreadyExists) => AskError::AlreadyExists { entity: key },
        };
        (Ran::Refused(None), ask, Self::waiter(port, key, Err(error)))
    }

    fn refuse(self: Box<Self>, failure: Failure) -> Waiter {
        Self::waiter(self.port, self.key, Err(failure.into_error(self.key)))
    }

    fn repeat(self: Box<Self>, outcome: &Outcome) -> Waiter {
        let result = decode_outcome(outcome, self.key, self.ask.step.map_or("", |step| step.step));
        Self::waiter(self.port, self.key, result.map(|reply| (reply, true)))
    }

    fn look_up_again(self: Box<Self>) {
        let _ = self.port.send(Box::new((self.job, self.ask)));
    }
}

/// Returns what a receipt says as the answer it was.
pub(super) fn decode_outcome<R: DeserializeOwned, X: Refusal>(
    outcome: &Outcome,
    entity: EntityKey,
    step: &str,
) -> Result<R, AskError<X>> {
    match outcome {
        Outcome::Done(reply) => codec::decode_reply(reply).map_err(AskError::Fault),
        Outcome::Refused(problem) => Err(AskError::Replayed(problem.clone())),
        Outcome::Running => Err(AskError::InProgress { entity }),
        Outcome::Forbidden => Err(AskError::StepForbidden {
            step: step.to_owned(),
        }),
    }
}

/// What waits in an actor: a command or a timer.
pub(super) enum Work<E: Entity> {
    Command(Box<dyn Envelope<E>>),
    Timer { name: String, due: Timestamp },
}

/// A timer's firing on its way.
struct Firing<E> {
    name: String,
    due: Timestamp,
    entity: PhantomData<fn() -> E>,
}

impl<E: Entity> Mail for Firing<E> {
    fn hand_over(self: Box<Self>, to: &mut dyn Resident) -> Fate {
        let Self { name, due, .. } = *self;
        Head::<E>::of(to).receive(Work::Timer { name, due })
    }
}

impl<E: Entity> Work<E> {
    /// Returns it as it goes to its actor.
    pub(super) fn into_mail(self) -> Box<dyn Mail> {
        match self {
            Self::Command(envelope) => envelope,
            Self::Timer { name, due } => Box::new(Firing::<E> {
                name,
                due,
                entity: PhantomData,
            }),
        }
    }

    pub(super) fn lane(&self) -> Lane {
        match self {
            Self::Command(envelope) => envelope.ask().lane,
            Self::Timer { .. } => Lane::Internal,
        }
    }

    /// Tells the asker that nothing came of it.
    pub(super) fn fail(self, failure: Failure) {
        match self {
            Self::Command(envelope) => envelope.refuse(failure.clone()).settle(&Settled::Failed(failure)),
            Self::Timer { .. } => {}
        }
    }
}

/// Tells whether an ask's time is over.
pub(super) fn is_expired(ask: &Ask, now: Instant) -> bool {
    ask.deadline <= now
}

/// The engine as the caller of a timer's firing.
pub(super) fn timer_caller() -> Caller {
    Caller::engine("timer")
}
