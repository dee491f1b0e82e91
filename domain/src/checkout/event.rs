//! The facts of a checkout.

use super::Ending;
use crate::event::EventBody;
use crate::id::{CartId, OrderId};
use crate::money::Money;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What happened to a checkout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A cart is being checked out.
    Started {
        /// The cart.
        cart: CartId,
    },
    /// Cart locked and stock reserved; the shopper may complete until then.
    Reserved {
        /// When the reservation ends.
        until: Timestamp,
    },
    /// Completion was asked for.
    CompletionBegun,
    /// The quote is frozen, and the provider is about to be asked for what gift cards and store credit leave of it.
    AuthorizationBegun {
        /// What all of it costs.
        total: Money,
    },
    /// The provider did not answer in time: it may or may not have authorized.
    PaymentUnknown,
    /// The order stands.
    OrderPlaced {
        /// The order.
        order: OrderId,
    },
    /// The attempt failed and is being undone.
    WalkBackBegun {
        /// What it will come to.
        ending: Ending,
    },
    /// The attempt is over.
    Ended {
        /// What it came to.
        ending: Ending,
    },
}

impl EventBody for Event {
    const SCHEMA: u16 = 1;

    fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "checkout.started",
            Self::Reserved { .. } => "checkout.reserved",
            Self::CompletionBegun => "checkout.completion_begun",
            Self::AuthorizationBegun { .. } => "checkout.authorization_begun",
            Self::PaymentUnknown => "checkout.payment_unknown",
            Self::OrderPlaced { .. } => "checkout.order_placed",
            Self::WalkBackBegun { .. } => "checkout.walk_back_begun",
            Self::Ended { .. } => "checkout.ended",
        }
    }
}
