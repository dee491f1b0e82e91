//! What every use case is told of the request it serves, and how it answers and refuses.

use crate::runtime::{Ask, AskError};
use cartwright_domain::{Caller, Problem, Revision, Seed, settings};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long what goes on after its deadline may take from then on, at most.
const FINISH_MAX: Duration = Duration::from_secs(300);

/// How long before its deadline a request no longer waits for what others do, so that what there is can still be answered:
/// so long, but no more than a part of what is left.
const SPARE: Duration = Duration::from_millis(250);
const SPARE_DIVISOR: u32 = 5;

/// One request, as a use case sees it.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asks.
    pub caller: Arc<Caller>,
    /// The request's randomness, drawn once.
    pub seed: Seed,
    /// When the caller no longer waits.
    pub deadline: Instant,
    /// Whether it goes on then, as of what is several commits and is not to be left half done. Otherwise a command that has
    /// not begun by then never runs.
    pub goes_on: bool,
    /// The revision the caller expects, from `If-Match`.
    pub if_match: Option<Revision>,
    /// The caller's idempotency key.
    pub idempotency: Option<Idempotency>,
    /// Whether the caller gets to see what is answered, which who asks for the head alone does not.
    pub is_shown: bool,
}

/// A caller's idempotency key and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Whose key it is: the caller as they came, before a session was opened for them.
    pub caller: Arc<Caller>,
    /// The key as sent.
    pub key: String,
    /// A digest of method, path and body: another request under the same key is refused.
    pub fingerprint: [u8; 32],
}

impl Request {
    /// Returns the ask for this request's command, without its idempotency key.
    pub(crate) fn ask(&self) -> Ask {
        Ask::external(Arc::clone(&self.caller), self.seed, self.ends()).if_match(self.if_match)
    }

    /// Returns when it ends at the latest, whether or not it is done.
    pub(crate) fn ends(&self) -> Instant {
        match self.goes_on {
            true => self.deadline + FINISH_MAX,
            false => self.deadline,
        }
    }

    /// Returns until when it waits for what others do, to answer with what there is by then.
    pub(crate) fn waits_until(&self) -> Instant {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let spare = SPARE.min(left / SPARE_DIVISOR);
        self.deadline.checked_sub(spare).unwrap_or(self.deadline)
    }

    /// Refuses when the caller expects another revision of what is at `current`.
    pub(crate) fn require_revision(&self, current: Revision) -> Result<(), Refused> {
        match self.if_match {
            Some(expected) if expected != current => {
                Err(AskError::<settings::Error>::Stale { current }.into())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Returns the request without what has been looked at already: the expected revision and the idempotency key.
    pub(crate) fn unconditional(&self) -> Self {
        Self {
            caller: Arc::clone(&self.caller),
            seed: self.seed,
            deadline: self.deadline,
            goes_on: self.goes_on,
            if_match: None,
            idempotency: None,
            is_shown: self.is_shown,
        }
    }

    /// Returns a request for one part of this one, with a key of its own where this has one.
    pub(crate) fn part(&self, part: &str) -> Self {
        Self {
            seed: self.seed.derive(part.as_bytes()),
            idempotency: self.idempotency.as_ref().map(|whole| Idempotency {
                // No header's value has a line's end in it, so that no caller's key is taken for a part's.
                key: format!("{}\n{part}", whole.key),
                ..whole.clone()
            }),
            ..self.clone()
        }
    }

    /// Makes a request of the engine itself, without key or expectation.
    pub fn internal(part: &str, seed: Seed, patience: Duration) -> Self {
        Self {
            caller: Arc::new(Caller::engine(part)),
            seed,
            deadline: Instant::now() + patience,
            goes_on: false,
            if_match: None,
            idempotency: None,
            is_shown: true,
        }
    }
}

/// What a use case answers: the value, and whether it was answered before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done<T> {
    /// The answer.
    pub value: T,
    /// It is the stored answer to an idempotency key, rendered again.
    pub replayed: bool,
}

impl<T> Done<T> {
    /// Wraps a fresh answer.
    pub const fn fresh(value: T) -> Self {
        Self {
            value,
            replayed: false,
        }
    }

    /// Changes the value and keeps the mark.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Done<U> {
        Done {
            value: change(self.value),
            replayed: self.replayed,
        }
    }
}

/// A use case's refusal: the problem, and whether it is a stored one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Refused {
    /// What is the case.
    pub problem: Problem,
    /// It is the stored refusal of an idempotency key.
    pub replayed: bool,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            replayed: false,
        }
    }
}

/// The result of a use case.
pub type Outcome<T> = Result<Done<T>, Refused>;
