//! What can be asked of a session.

use super::{Error, Event, Session, Timer, USER_AGENT_LENGTH_MAX};
use crate::entity::{Command, Context, Create};
use crate::error::Problem;
use crate::id::{CartId, SessionId};
use std::time::Duration;

/// Opens a session. The timer that ends it is set here and sets itself again.
#[derive(Clone, Debug)]
pub struct OpenSession {
    /// The digest of the secret in the shopper's cookie.
    pub secret_digest: [u8; 32],
    /// What the browser calls itself; cut to its limit.
    pub user_agent: Option<String>,
    /// How long it lives after its last visit, a setting of the store.
    pub lifetime: Duration,
}

impl Create<Session> for OpenSession {
    const NAME: &'static str = "identity.open_session";
    type Reply = ();

    fn create(self, id: SessionId, cx: &mut Context<'_, Session>) -> Result<(Session, ()), Error> {
        let Self {
            secret_digest,
            user_agent,
            lifetime,
        } = self;
        let user_agent = user_agent.map(|agent| agent.chars().take(USER_AGENT_LENGTH_MAX).collect());
        let now = cx.now();
        let session = Session {
            id,
            secret_digest,
            user_agent,
            cart: None,
            lifetime,
            created_at: now,
            last_seen: now,
        };
        cx.emit(Event::SessionOpened);
        cx.wake_at(Timer::Expiry, session.expires_at());
        Ok((session, ()))
    }
}

/// Makes a cart the shopper's current one, in place of an earlier one.
#[derive(Clone, Copy, Debug)]
pub struct AttachCart {
    /// Which.
    pub cart: CartId,
}

impl Command<Session> for AttachCart {
    const NAME: &'static str = "identity.attach_cart";
    type Reply = ();

    fn apply(self, session: &mut Session, cx: &mut Context<'_, Session>) -> Result<(), Error> {
        session.require_live(cx)?;
        if session.cart != Some(self.cart) {
            // The visit was noted where that was due, and whoever made it has the cookie's new lifetime from then.
            session.cart = Some(self.cart);
            cx.emit(Event::CartAttached { cart: self.cart });
        }
        Ok(())
    }
}

/// Makes a cart the shopper's current one that may not have become it when it was opened, unless the shopper has come
/// to a newer one since.
#[derive(Clone, Copy, Debug)]
pub struct AttachOpenedCart {
    /// Which.
    pub cart: CartId,
}

impl Command<Session> for AttachOpenedCart {
    const NAME: &'static str = "identity.attach_opened_cart";
    type Reply = ();

    fn apply(self, session: &mut Session, cx: &mut Context<'_, Session>) -> Result<(), Error> {
        // Ids begin with the time at which they were drawn.
        match session.cart {
            Some(current) if self.cart <= current => session.require_live(cx),
            Some(_) | None => AttachCart { cart: self.cart }.apply(session, cx),
        }
    }
}

/// Makes a cart that was opened the shopper's current one, in place of the one that was seen; where another one has taken
/// its place meanwhile, that stays. Answers which one is the current one.
#[derive(Clone, Copy, Debug)]
pub struct TakeCart {
    /// The current cart that was seen.
    pub in_place_of: Option<CartId>,
    /// The cart that was opened.
    pub cart: CartId,
}

impl Command<Session> for TakeCart {
    const NAME: &'static str = "identity.take_cart";
    type Reply = CartId;

    fn apply(self, session: &mut Session, cx: &mut Context<'_, Session>) -> Result<CartId, Error> {
        match session.cart {
            Some(current) if session.cart != self.in_place_of => session.require_live(cx).map(|()| current),
            Some(_) | None => AttachCart { cart: self.cart }
                .apply(session, cx)
                .map(|()| self.cart),
        }
    }
}

/// Notes that the shopper was here. Soon after the last note it changes nothing, see [`super::TOUCHES_PER_LIFETIME`].
#[derive(Clone, Copy, Debug)]
pub struct TouchSession;

impl Command<Session> for TouchSession {
    const NAME: &'static str = "identity.touch_session";
    type Reply = ();

    fn apply(self, session: &mut Session, cx: &mut Context<'_, Session>) -> Result<(), Error> {
        session.require_live(cx)?;
        if session.is_touch_due(cx.now()) {
            session.last_seen = cx.now();
        }
        Ok(())
    }
}

/// Ends a session: it is unknown afterwards. Its cart stays.
#[derive(Clone, Copy, Debug)]
pub struct EndSession;

impl Command<Session> for EndSession {
    const NAME: &'static str = "identity.end_session";
    type Reply = ();

    fn apply(self, _: &mut Session, cx: &mut Context<'_, Session>) -> Result<(), Error> {
        cx.emit(Event::SessionEnded);
        cx.erase();
        Ok(())
    }
}

/// Refuses with a given problem and changes nothing: so that a refusal found while gathering facts is kept under the
/// caller's idempotency key like any other.
#[derive(Clone, Debug)]
pub struct KeepRefusal {
    /// What was refused.
    pub problem: Problem,
}

impl Command<Session> for KeepRefusal {
    const NAME: &'static str = "identity.keep_refusal";
    type Reply = ();

    fn apply(self, _: &mut Session, _: &mut Context<'_, Session>) -> Result<(), Error> {
        Err(Error::Kept(self.problem))
    }
}

impl Session {
    fn require_live(&self, cx: &Context<'_, Self>) -> Result<(), Error> {
        if self.is_expired(cx.now()) {
            Err(Error::Expired)
        } else {
            Ok(())
        }
    }
}
