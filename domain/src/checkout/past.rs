//! Past stored forms of checkouts, which load for ever.

use super::{Checkout, Completion, Ending, Reserved, Step};
use crate::cart::FrozenQuote;
use crate::id::{CartId, OrderId, SessionId};
use crate::idempotency::AnswersTo;
use crate::money::Money;
use crate::{Revision, Timestamp};
use serde::Deserialize;
use std::sync::Arc;

/// A checkout of schema 1: paid at a provider alone.
#[derive(Deserialize)]
pub(super) struct Checkout1 {
    cart: CartId,
    session: Option<SessionId>,
    order: OrderId,
    created_at: Timestamp,
    step: Step,
    completion: Option<Completion1>,
    reserved_until: Option<Timestamp>,
    reserved: Arc<Vec<Reserved>>,
    total: Option<Money>,
    ending: Option<Ending>,
    answers: Option<AnswersTo>,
}

#[derive(Deserialize)]
struct Completion1 {
    payment_token: Option<String>,
    expected_total: Option<Money>,
    deadline_at: Timestamp,
}

/// What was said until schema 4: when the payment is captured was looked up when it was due.
#[derive(Deserialize)]
struct Completion2 {
    payment_token: Option<String>,
    expected_total: Option<Money>,
    expected_due: Option<Money>,
    deadline_at: Timestamp,
}

/// A checkout of schema 2: with its frozen quote beside it.
#[derive(Deserialize)]
pub(super) struct Checkout2 {
    cart: CartId,
    session: Option<SessionId>,
    order: OrderId,
    created_at: Timestamp,
    step: Step,
    completion: Option<Completion2>,
    reserved_until: Option<Timestamp>,
    reserved: Arc<Vec<Reserved>>,
    total: Option<Money>,
    ending: Option<Ending>,
    answers: Option<AnswersTo>,
}

/// A checkout of schema 3: of the cart as it is, whatever its revision.
#[derive(Deserialize)]
pub(super) struct Checkout3 {
    cart: CartId,
    session: Option<SessionId>,
    order: OrderId,
    created_at: Timestamp,
    step: Step,
    completion: Option<Completion2>,
    reserved_until: Option<Timestamp>,
    reserved: Arc<Vec<Reserved>>,
    total: Option<Money>,
    quote: Option<Arc<FrozenQuote>>,
    ending: Option<Ending>,
    answers: Option<AnswersTo>,
}

/// A checkout of schema 4: of which it is not said when its payment is captured.
#[derive(Deserialize)]
pub(super) struct Checkout4 {
    cart: CartId,
    session: Option<SessionId>,
    order: OrderId,
    created_at: Timestamp,
    step: Step,
    completion: Option<Completion2>,
    reserved_until: Option<Timestamp>,
    reserved: Arc<Vec<Reserved>>,
    total: Option<Money>,
    quote: Option<Arc<FrozenQuote>>,
    ending: Option<Ending>,
    answers: Option<AnswersTo>,
    cart_revision: Option<Revision>,
}

impl From<Checkout1> for Checkout {
    fn from(past: Checkout1) -> Self {
        Self::from(Checkout2 {
            cart: past.cart,
            session: past.session,
            order: past.order,
            created_at: past.created_at,
            step: past.step,
            completion: past.completion.map(Completion2::from),
            reserved_until: past.reserved_until,
            reserved: past.reserved,
            total: past.total,
            ending: past.ending,
            answers: past.answers,
        })
    }
}

impl From<Checkout2> for Checkout {
    fn from(past: Checkout2) -> Self {
        Self::from(Checkout3 {
            cart: past.cart,
            session: past.session,
            order: past.order,
            created_at: past.created_at,
            step: past.step,
            completion: past.completion,
            reserved_until: past.reserved_until,
            reserved: past.reserved,
            total: past.total,
            quote: None,
            ending: past.ending,
            answers: past.answers,
        })
    }
}

impl From<Checkout3> for Checkout {
    fn from(past: Checkout3) -> Self {
        Self::from(Checkout4 {
            cart: past.cart,
            session: past.session,
            order: past.order,
            created_at: past.created_at,
            step: past.step,
            completion: past.completion,
            reserved_until: past.reserved_until,
            reserved: past.reserved,
            total: past.total,
            quote: past.quote,
            ending: past.ending,
            answers: past.answers,
            cart_revision: None,
        })
    }
}

impl From<Checkout4> for Checkout {
    fn from(past: Checkout4) -> Self {
        Self {
            cart: past.cart,
            session: past.session,
            order: past.order,
            created_at: past.created_at,
            step: past.step,
            completion: past.completion.map(Completion::from),
            reserved_until: past.reserved_until,
            reserved: past.reserved,
            total: past.total,
            quote: past.quote,
            ending: past.ending,
            answers: past.answers,
            cart_revision: past.cart_revision,
        }
    }
}

impl From<Completion1> for Completion2 {
    fn from(past: Completion1) -> Self {
        Self {
            payment_token: past.payment_token,
            expected_total: past.expected_total,
            expected_due: None,
            deadline_at: past.deadline_at,
        }
    }
}

impl From<Completion2> for Completion {
    fn from(past: Completion2) -> Self {
        Self {
            payment_token: past.payment_token,
            expected_total: past.expected_total,
            expected_due: past.expected_due,
            deadline_at: past.deadline_at,
            capture: None,
        }
    }
}
