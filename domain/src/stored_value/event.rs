//! The facts about stored value: its ledger, holds included. A code is in none of them.

use crate::event::EventBody;
use crate::id::{CheckoutId, OrderId};
use crate::money::Money;
use serde::{Deserialize, Serialize};

/// What happened to stored value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A gift card was issued, or store credit opened.
    Issued {
        /// With which balance.
        amount: Money,
    },
    /// Some of it is held for a checkout.
    Held {
        /// Which checkout.
        checkout: CheckoutId,
        /// How much.
        amount: Money,
    },
    /// What a checkout held is free again.
    Released {
        /// Which checkout.
        checkout: CheckoutId,
        /// How much.
        amount: Money,
    },
    /// What a checkout held paid its order.
    Used {
        /// Which checkout.
        checkout: CheckoutId,
        /// Which order.
        order: OrderId,
        /// How much.
        amount: Money,
    },
    /// Money that an order was paid with came back.
    GivenBack {
        /// Which order.
        order: OrderId,
        /// How much.
        amount: Money,
    },
    /// Staff changed the balance.
    Adjusted {
        /// How much came or, negative, went.
        amount: Money,
        /// Why.
        reason: String,
    },
    /// It cannot be spent until it is enabled again.
    Disabled,
    /// It can be spent again.
    Enabled,
    /// Its expiry or its note was changed.
    Updated,
}

impl EventBody for Event {
    const SCHEMA: u16 = 1;

    fn name(&self) -> &'static str {
        match self {
            Self::Issued { .. } => "stored_value.issued",
            Self::Held { .. } => "stored_value.held",
            Self::Released { .. } => "stored_value.released",
            Self::Used { .. } => "stored_value.used",
            Self::GivenBack { .. } => "stored_value.given_back",
            Self::Adjusted { .. } => "stored_value.adjusted",
            Self::Disabled => "stored_value.disabled",
            Self::Enabled => "stored_value.enabled",
            Self::Updated => "stored_value.updated",
        }
    }
}
