//! A checkout: one attempt to turn a cart into an order (section 5 of the semantics).
//!
//! The entity is the saga's memory. It says how far the attempt has come, by the names of its steps; the work is
//! done by the saga in the actors crate. Until the order is placed every step can be walked back; afterwards the
//! saga only goes forward.

mod command;
mod error;
mod event;
mod past;
mod step;
#[cfg(test)]
mod tests;

pub use command::{
    AbandonCheckout, AwaitCompletion, BeginAuthorization, BeginCheckout, BeginCompletion, EndCheckout,
    JoinCheckout, NotePaymentUnknown, NotePlaced, Progress, RefuseCheckout, WalkBack,
};
pub use error::Error;
pub use event::Event;
pub use step::Step;

use crate::cart::FrozenQuote;
use crate::entity::{NoTimer, PastBody};
use crate::error::{Broken, Problem, ensure};
use crate::id::{CartId, CheckoutId, OrderId, SessionId, VariantId};
use crate::idempotency::AnswersTo;
use crate::kind::{Listing, ListingKey, Unique, UniqueKey};
use crate::money::Money;
use crate::settings::Capture;
use crate::{Context, Entity, Keys, Kind, Revision, Timestamp};
use past::{Checkout1, Checkout2, Checkout3, Checkout4};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Most characters in a payment token.
pub const PAYMENT_TOKEN_CHARS_MAX: usize = 512;

/// One attempt to turn a cart into an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// The cart, locked until the attempt ends.
    pub cart: CartId,
    /// The session that started it; the order will be shown to it.
    pub session: Option<SessionId>,
    /// The id the order will have.
    pub order: OrderId,
    /// When it was started.
    pub created_at: Timestamp,
    /// How far it has come.
    pub step: Step,
    /// Was completion asked for? A checkout that is only started waits for it.
    pub completion: Option<Completion>,
    /// When the reservation ends, while the checkout waits for its completion.
    pub reserved_until: Option<Timestamp>,
    /// What is reserved, by variant in ascending order; known once all of it is, or as what may be once that has failed.
    pub reserved: Arc<Vec<Reserved>>,
    /// The frozen quote's total; known once payment begins.
    pub total: Option<Money>,
    /// The frozen quote; known once payment begins, until the checkout is completed and the order alone has it. Earlier
    /// builds kept it as an entity of its own.
    pub quote: Option<Arc<FrozenQuote>>,
    /// What it came to; while the saga walks back, what it will come to.
    pub ending: Option<Ending>,
    /// The idempotency key whose receipt the saga still owes an answer.
    pub answers: Option<AnswersTo>,
    /// The revision of the cart that whoever asked last requires; another one is not locked.
    pub cart_revision: Option<Revision>,
}

/// What a caller said when asking for completion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// The provider's token for the shopper's means of payment; not needed for a total of 0.
    pub payment_token: Option<String>,
    /// The total the caller was last shown, by the caller's own word or by the engine's memory.
    pub expected_total: Option<Money>,
    /// What of it the caller was shown to be left for the payment provider; known only together with the total.
    pub expected_due: Option<Money>,
    /// When the attempt gives up on a payment of which nothing is known.
    pub deadline_at: Timestamp,
    /// When its payment is captured, by the setting when it was asked for. Not known of attempts of earlier builds.
    pub capture: Option<Capture>,
}

/// Stock held for this checkout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reserved {
    /// Of which variant.
    pub variant: VariantId,
    /// How many units; zero where the reservation went while the stock was not tracked any more.
    pub quantity: u64,
}

/// How a checkout ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// The order was placed.
    Completed,
    /// It was refused before an order existed, for this reason; nothing of it remains.
    Refused(Problem),
    /// Its reservation ran out before it was completed.
    Expired,
    /// The shopper gave it up.
    Abandoned,
}

impl Checkout {
    /// Tells whether the attempt has ended and its cart is free or completed.
    pub fn is_ended(&self) -> bool {
        self.step == Step::Ended
    }

    /// Tells whether all stock of it has been reserved, whatever came of it since: that is what a start waits for.
    pub fn has_reserved(&self) -> bool {
        // The first ends where payment begins, which is what sets the other.
        self.reserved_until.is_some() || self.total.is_some()
    }

    /// Tells whether what came of the payment is not known, or what may have come of it is being let go of.
    pub fn is_settling(&self) -> bool {
        match self.step {
            Step::SettlePayment => true,
            Step::WalkBack => self.total.is_some(),
            Step::ReserveStock
            | Step::AwaitCompletion
            | Step::FreezeQuote
            | Step::AuthorizePayment
            | Step::CapturePayment
            | Step::Ended => false,
        }
    }
}

impl Entity for Checkout {
    const KIND: Kind = Kind::Checkout;
    const SCHEMA: u16 = 5;
    type Id = CheckoutId;
    type Event = Event;
    type Timer = NoTimer;
    type Error = Error;

    fn decode_past<B: PastBody>(schema: u16, body: &B) -> Result<Self, String> {
        match schema {
            1 => body.read::<Checkout1>().map(Self::from),
            2 => body.read::<Checkout2>().map(Self::from),
            3 => body.read::<Checkout3>().map(Self::from),
            4 => body.read::<Checkout4>().map(Self::from),
            _ => Err(format!("{} has no schema {schema}", Self::KIND)),
        }
    }

    fn invariants(&self) -> Result<(), Broken> {
        let pays = matches!(
            self.step,
            Step::AuthorizePayment | Step::SettlePayment | Step::CapturePayment
        );
        ensure(
            !pays || self.total.is_some(),
            "a checkout that pays has a frozen total",
        )?;
        ensure(
            !pays || self.completion.is_some(),
            "a checkout that pays was asked to complete",
        )?;
        let ends = matches!(self.step, Step::WalkBack | Step::Ended);
        ensure(!ends || self.ending.is_some(), "a checkout that ends says how")?;
        ensure(
            self.step != Step::WalkBack || self.ending != Some(Ending::Completed),
            "a placed order is never walked back",
        )?;
        ensure(
            self.reserved
                .windows(2)
                .all(|pair| pair[0].variant < pair[1].variant),
            "reservations are in ascending order of variant",
        )?;
        let Some(quote) = &self.quote else {
            return Ok(());
        };
        ensure(
            self.total == Some(quote.quote.total),
            "a checkout's total is that of its quote",
        )?;
        quote.check()
    }

    fn keys(&self) -> Keys {
        if self.is_ended() {
            return Keys::default();
        }
        Keys {
            unique: vec![UniqueKey::new(Unique::OpenCheckout, self.cart.0.as_bytes())],
            listing: vec![ListingKey::new(Listing::OpenSagas, [Kind::Checkout.tag()])],
        }
    }

    fn may_rest(&self) -> bool {
        self.is_ended()
    }

    fn wake(&mut self, timer: NoTimer, _cx: &mut Context<'_, Self>) -> Result<(), Error> {
        match timer {}
    }
}
