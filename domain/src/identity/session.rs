//! The session: a shopper who comes back within its lifetime.

use super::{TOUCHES_PER_LIFETIME, USER_AGENT_LENGTH_MAX};
use crate::entity::{Context, Entity, TimerName};
use crate::error::{Broken, Class, Detail, Problem, Refusal, ensure};
use crate::event::EventBody;
use crate::id::{CartId, SessionId};
use crate::kind::Kind;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A shopper's session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub(super) id: SessionId,
    /// What the cookie's secret comes to; the secret itself is nowhere.
    pub(super) secret_digest: [u8; 32],
    pub(super) user_agent: Option<String>,
    pub(super) cart: Option<CartId>,
    /// How long it lives after its last visit: the store's setting when it was opened.
    pub(super) lifetime: Duration,
    pub(super) created_at: Timestamp,
    pub(super) last_seen: Timestamp,
}

impl Session {
    /// Returns its id.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Tells whether this is the digest of the session's secret. Takes the same time wherever they differ.
    pub fn has_secret(&self, digest: &[u8; 32]) -> bool {
        let differences = self
            .secret_digest
            .iter()
            .zip(digest)
            .fold(0, |sum, (left, right)| sum | (left ^ right));
        differences == 0
    }

    /// Returns what the browser called itself when the session was opened.
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// Returns the shopper's current cart.
    pub fn cart(&self) -> Option<CartId> {
        self.cart
    }

    /// Returns when it was opened.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Returns the last visit that was written down.
    pub fn last_seen(&self) -> Timestamp {
        self.last_seen
    }

    /// Returns how long it lasts without a visit.
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Returns when it ends, unless the shopper comes back before.
    pub fn expires_at(&self) -> Timestamp {
        self.last_seen.after(self.lifetime)
    }

    /// Tells whether its time is up, whether or not the timer has been handled.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at() <= now
    }

    /// Tells whether a visit now is worth writing down.
    pub fn is_touch_due(&self, now: Timestamp) -> bool {
        self.lifetime / TOUCHES_PER_LIFETIME < now.since(self.last_seen)
    }
}

impl Entity for Session {
    const KIND: Kind = Kind::Session;
    const SCHEMA: u16 = 1;
    type Id = SessionId;
    type Event = Event;
    type Timer = Timer;
    type Error = Error;

    fn invariants(&self) -> Result<(), Broken> {
        let length = self
            .user_agent
            .as_deref()
            .map_or(0, |agent| agent.chars().count());
        ensure(
            self.created_at <= self.last_seen,
            "a session is not seen before it is opened",
        )?;
        ensure(
            length <= USER_AGENT_LENGTH_MAX,
            "a user agent is kept up to its limit",
        )
    }

    /// With a cart, all that is left to happen to it is a visit a day and its end; whom it belongs to is read without it.
    fn may_rest(&self) -> bool {
        self.cart.is_some()
    }

    /// Ends the session when nobody came for its lifetime; else looks again when that could be.
    fn wake(&mut self, timer: Timer, cx: &mut Context<'_, Self>) -> Result<(), Error> {
        match timer {
            Timer::Expiry if self.is_expired(cx.now()) => {
                cx.emit(Event::SessionExpired);
                cx.erase();
            }
            Timer::Expiry => cx.wake_at(Timer::Expiry, self.expires_at()),
        }
        Ok(())
    }
}

/// A session's durable timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Its time may be up.
    Expiry,
}

impl TimerName for Timer {
    const ALL: &'static [Self] = &[Self::Expiry];
    fn name(self) -> &'static str {
        match self {
            Self::Expiry => "expiry",
        }
    }
}

/// What happened to a session. A visit is no fact worth telling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A shopper came.
    SessionOpened,
    /// A cart became the shopper's current one.
    CartAttached {
        /// Which.
        cart: CartId,
    },
    /// The shopper ended it.
    SessionEnded,
    /// Nobody came for its lifetime.
    SessionExpired,
}

impl EventBody for Event {
    const SCHEMA: u16 = 1;

    fn name(&self) -> &'static str {
        match self {
            Self::SessionOpened => "identity.session_opened",
            Self::CartAttached { .. } => "identity.cart_attached",
            Self::SessionEnded => "identity.session_ended",
            Self::SessionExpired => "identity.session_expired",
        }
    }
}

/// A refusal of a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Its time is up.
    #[error("the session has expired; open another one")]
    Expired,
    /// A refusal from elsewhere, kept here under the caller's idempotency key.
    #[error(transparent)]
    Kept(Problem),
}

impl Refusal for Error {
    fn class(&self) -> Class {
        match self {
            Self::Expired => Class::Unauthenticated,
            Self::Kept(problem) => problem.class,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Expired => "identity.session_expired",
            Self::Kept(_) => "identity.kept_refusal",
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        match self {
            Self::Expired => Vec::new(),
            Self::Kept(problem) => problem.details.clone(),
        }
    }

    fn problem(&self) -> Problem {
        match self {
            Self::Expired => Problem::new(self.class(), self.code(), self.to_string()),
            Self::Kept(problem) => problem.clone(),
        }
    }
}
