//! What is asked of an entity, and what comes back.

use crate::runtime::published::Published;
use crate::runtime::receipts::{FinalAnswer, Ticket};
use cartwright_domain::{
    Caller, Class, Detail, Entity, EntityKey, Kind, Problem, Refusal, Revision, Seed, UniqueKey,
};
use cartwright_storage::{Decision, Fault, ReceiptKey};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long the engine's own work may wait for an answer. Section 5 of the design: deadlines everywhere.
pub const INTERNAL_DEADLINE: Duration = Duration::from_secs(30);

/// Which lane an ask takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// From outside: shed when a mailbox, the engine or the store is full.
    External,
    /// The engine's own work (timers, saga steps): never shed, and ahead of what waits.
    Internal,
}

/// Names a saga's step at the entity that is asked; its outcome is kept there until the saga ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepKey {
    /// The saga.
    pub saga: EntityKey,
    /// The step's stable name.
    pub step: &'static str,
    /// For an undo: the step that must not run any more. If it has not, the same commit leaves a mark that refuses
    /// a late run of it.
    pub forbids: Option<&'static str>,
}

/// Everything about an ask besides the command. It is moved from hand to hand, so what few asks have is in a box.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Who asks.
    pub caller: Arc<Caller>,
    /// The request's randomness.
    pub seed: Seed,
    /// When nobody waits any more: a command that has not run by then never does.
    pub deadline: Instant,
    /// Which lane it takes.
    pub lane: Lane,
    /// The revision the entity must be at.
    pub if_match: Option<Revision>,
    /// The request's idempotency key, opened with [`crate::runtime::Receipts::open`].
    pub ticket: Option<Box<Ticket>>,
    /// The saga's step this is.
    pub step: Option<StepKey>,
    /// Receipts that go with this commit: a saga's step receipts, in its last one.
    pub deletes: Vec<ReceiptKey>,
    /// The answer that takes the place of a running receipt, in a saga's last commit.
    pub answers: Option<Box<FinalAnswer>>,
    /// Set by [`Ask::fresh`].
    pub is_fresh: bool,
    /// Set by [`Ask::ahead`].
    pub is_ahead: bool,
    /// What the command rests on besides the entity's own state: answers that were given ahead. Should one of them
    /// come to nothing, so does the command.
    pub rests_on: Vec<Decision>,
}

impl Ask {
    /// Makes a caller's ask.
    pub fn external(caller: Arc<Caller>, seed: Seed, deadline: Instant) -> Self {
        Self {
            caller,
            seed,
            deadline,
            lane: Lane::External,
            if_match: None,
            ticket: None,
            step: None,
            deletes: Vec::new(),
            answers: None,
            is_fresh: false,
            is_ahead: false,
            rests_on: Vec::new(),
        }
    }

    /// Makes an ask of the engine's own, by the named part, with [`INTERNAL_DEADLINE`].
    pub fn internal(part: &str, seed: Seed) -> Self {
        let deadline = Instant::now() + INTERNAL_DEADLINE;
        Self {
            lane: Lane::Internal,
            ..Self::external(Arc::new(Caller::engine(part)), seed, deadline)
        }
    }

    /// Makes a saga's ask: the outcome of the step is kept by the entity that is asked.
    pub fn step(part: &str, seed: Seed, step: StepKey) -> Self {
        Self {
            step: Some(step),
            ..Self::internal(part, seed)
        }
    }

    /// Says of a creation that its id was drawn for it and is used by nobody else, so that nothing is read to learn
    /// that there is no such entity. A saga's step counts as such on its first try only.
    #[must_use]
    pub fn fresh(mut self) -> Self {
        self.is_fresh = true;
        self
    }

    /// Lets an accepted command answer as soon as its commit is on its way, before it is durable. Only for what a
    /// later commit rests on (see [`Ask::rests_on`]) and nobody outside hears of before that one is durable.
    #[must_use]
    pub fn ahead(mut self) -> Self {
        self.is_ahead = true;
        self
    }

    /// Says what was answered ahead and is assumed here: should it come to nothing, so does this.
    #[must_use]
    pub fn resting_on(mut self, decisions: impl IntoIterator<Item = Decision>) -> Self {
        self.rests_on.extend(decisions);
        self
    }

    /// Requires the entity to be at this revision, where one is given.
    #[must_use]
    pub fn if_match(mut self, revision: Option<Revision>) -> Self {
        self.if_match = revision;
        self
    }

    /// Returns what tells the request from others under the same idempotency key; zeros where it has none.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        self.ticket.as_ref().map_or([0; 32], |ticket| ticket.fingerprint)
    }

    /// Keeps the answer under the request's idempotency key, where there is one.
    #[must_use]
    pub fn ticket(mut self, ticket: Option<Ticket>) -> Self {
        self.ticket = ticket.map(Box::new);
        self
    }
}

/// What an accepted command led to.
#[derive(Debug)]
pub struct Answer<R, E: Entity> {
    /// The command's own reply.
    pub reply: R,
    /// The committed state it is part of; none if the command erased the entity.
    pub state: Option<Arc<Published<E>>>,
    /// Was it done before, under the same key?
    pub replayed: bool,
    /// Of an answer that was given ahead: what its commit hangs on. The state is then the one on its way, under the
    /// position of the entity's commit before.
    pub decision: Option<Decision>,
}

/// What is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overload {
    /// The mailbox of this one entity.
    Mailbox,
    /// The engine, its store included.
    Engine,
}

/// The code and the message of what failed for a reason of our own.
pub const INTERNAL: (&str, &str) = ("engine.internal", "the request failed for a reason of our own");

/// What the sender of an idempotency key that stands for another request must know.
const KEY_REUSED: &str = "this idempotency key was used for another request; use a new one";

/// Why an ask was not done. `Refused` holds the area's own error; everything else is the runtime's.
#[derive(Debug, thiserror::Error)]
pub enum AskError<X: Refusal> {
    /// The command said no.
    #[error(transparent)]
    Refused(X),
    /// It said no before, under the same key.
    #[error(transparent)]
    Replayed(Problem),
    /// There is no such entity.
    #[error("there is no {} {}", entity.kind.in_words(), entity.to_wire())]
    NotFound {
        /// Whose address it is.
        entity: EntityKey,
    },
    /// It is there already.
    #[error("{} {} exists already", entity.kind.in_words(), entity.to_wire())]
    AlreadyExists {
        /// Which.
        entity: EntityKey,
    },
    /// The expected revision is not the current one.
    #[error("the current version is {}", current.0)]
    Stale {
        /// The current revision.
        current: Revision,
    },
    /// A unique key belongs to another entity.
    #[error("this {} belongs to {}", key.space.in_words(), holder.to_wire())]
    KeyTaken {
        /// The key.
        key: UniqueKey,
        /// Who holds it.
        holder: EntityKey,
    },
    /// The idempotency key was used for another request.
    #[error("{KEY_REUSED}")]
    KeyReused,
    /// The request with this idempotency key is still at work.
    #[error("the request with this idempotency key is still running")]
    InProgress {
        /// The saga at work on it.
        entity: EntityKey,
    },
    /// The saga has undone this step; a late run is refused.
    #[error("step {step} was undone and can no longer run")]
    StepForbidden {
        /// The step.
        step: String,
    },
    /// Too much is waiting.
    #[error("too many requests are waiting; try again in {} ms", retry_after.as_millis())]
    Overloaded {
        /// What is full.
        scope: Overload,
        /// When trying again is worth it.
        retry_after: Duration,
    },
    /// The deadline passed. A command that had not begun never runs; whether one that had was kept is not known.
    #[error("no answer within the deadline")]
    Expired,
    /// The activation that was asked has ended before the commit, or the entity is being restarted, or the commit that
    /// it would have shared was too large for all together.
    #[error("the entity was restarted, or what shared a commit was too large; try again in {} ms", retry_after.as_millis())]
    Retry {
        /// When trying again is worth it.
        retry_after: Duration,
    },
    /// The entity keeps crashing and is set aside until the process is started again.
    #[error("{entity} is set aside because it keeps failing")]
    Quarantined {
        /// Which.
        entity: EntityKey,
    },
    /// The change is larger than the store's format allows.
    #[error("{0}")]
    TooLarge(String),
    /// Reading failed.
    #[error(transparent)]
    Fault(Fault),
    /// A programming error: a panic, or an invariant that would have been broken. The change was dropped.
    #[error("{0}")]
    Internal(String),
}

impl<X: Refusal> AskError<X> {
    /// Tells whether the same ask may succeed when repeated: nothing was decided about it.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Overloaded { .. }
            | Self::Expired
            | Self::Retry { .. }
            | Self::Quarantined { .. }
            | Self::Fault(_)
            | Self::Internal(_)
            | Self::InProgress { .. } => true,
            Self::Refused(refusal) => !refusal.class().is_final(),
            Self::Replayed(_)
            | Self::NotFound { .. }
            | Self::AlreadyExists { .. }
            | Self::Stale { .. }
            | Self::KeyTaken { .. }
            | Self::KeyReused
            | Self::StepForbidden { .. }
            | Self::TooLarge(_) => false,
        }
    }
}

/// Adds the header's worth of waiting: whole seconds, at least one.
fn with_retry_after(problem: Problem, retry_after: Duration) -> Problem {
    let seconds = retry_after.as_millis().div_ceil(1000).max(1);
    problem.with(
        "retry_after",
        Detail::Int(i64::try_from(seconds).unwrap_or(i64::MAX)),
    )
}

impl<X: Refusal> From<AskError<X>> for Problem {
    fn from(error: AskError<X>) -> Self {
        let message = error.to_string();
        let of_kind = |kind: Kind, what: &str| format!("{kind}.{what}");
        match error {
            AskError::Refused(refusal) => refusal.problem(),
            AskError::Replayed(problem) => problem,
            AskError::NotFound { entity } => {
                Self::new(Class::NotFound, &of_kind(entity.kind, "not_found"), message)
            }
            AskError::AlreadyExists { entity } => {
                Self::new(Class::Conflict, &of_kind(entity.kind, "already_exists"), message)
            }
            AskError::Stale { current } => {
                Self::new(Class::Stale, "version.stale", message).with("version", current.0)
            }
            AskError::KeyTaken { key, holder } => {
                Self::new(Class::Conflict, &format!("{}.taken", key.space), message)
                    .with("holder", holder.to_wire())
            }
            AskError::KeyReused => key_reused(),
            AskError::InProgress { .. } => with_retry_after(
                Self::new(Class::InProgress, "idempotency.in_progress", message),
                Duration::from_secs(1),
            ),
            AskError::StepForbidden { step } => {
                Self::new(Class::Conflict, "saga.step_forbidden", message).with("step", step)
            }
            AskError::Overloaded {
                scope: Overload::Mailbox,
                retry_after,
            } => with_retry_after(
                Self::new(Class::TooMany, "engine.entity_busy", message),
                retry_after,
            ),
            AskError::Overloaded {
                scope: Overload::Engine,
                retry_after,
            } => with_retry_after(
                Self::new(Class::Unavailable, "engine.overloaded", message),
                retry_after,
            ),
            AskError::Expired => Self::new(Class::Timeout, "engine.timeout", message),
            AskError::Retry { retry_after } => with_retry_after(
                Self::new(Class::Unavailable, "engine.restarted", message),
                retry_after,
            ),
            AskError::Quarantined { .. } => Self::new(Class::Unavailable, "engine.quarantined", message),
            AskError::TooLarge(_) => Self::new(Class::TooLarge, "engine.too_large", message),
            AskError::Fault(fault) => fault_problem(&fault),
            AskError::Internal(_) => internal_problem(),
        }
    }
}

/// Returns a fault of the store as a problem; no internals.
pub fn fault_problem(fault: &Fault) -> Problem {
    match fault {
        Fault::Busy => with_retry_after(
            Problem::new(Class::Unavailable, "engine.overloaded", fault.to_string()),
            Duration::from_secs(1),
        ),
        Fault::Damaged { .. } | Fault::Newer { .. } | Fault::Io(_) => {
            // Here it becomes an answer without internals, so here it is logged.
            tracing::error!(%fault, "the store could not be read");
            internal_problem()
        }
    }
}

/// Refuses what failed for a reason of our own; no internals.
pub fn internal_problem() -> Problem {
    let (code, message) = INTERNAL;
    Problem::new(Class::Internal, code, message)
}

/// Refuses an idempotency key that stands for another request.
pub(super) fn key_reused() -> Problem {
    Problem::new(Class::Invalid, "idempotency.key_reused", KEY_REUSED)
}
