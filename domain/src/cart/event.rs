//! What happens to a cart.

use super::LockScope;
use crate::event::EventBody;
use crate::id::{CartId, CheckoutId, LineId, OrderId, StoredValueId, VariantId};
use crate::money::Currency;
use crate::promotion::Code;
use serde::{Deserialize, Serialize};

/// A fact about a cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// It was opened.
    Opened {
        /// In which currency.
        currency: Currency,
    },
    /// Units were added, to a new line or to one that is the same.
    LineAdded {
        /// Which line.
        line: LineId,
        /// Of which variant.
        variant: VariantId,
        /// How many units came.
        added: u32,
        /// How many the line holds now.
        quantity: u32,
    },
    /// A line's quantity was set.
    QuantitySet {
        /// Which line.
        line: LineId,
        /// Of which variant.
        variant: VariantId,
        /// How many units it held.
        from: u32,
        /// How many it holds now.
        quantity: u32,
    },
    /// A line was taken out.
    LineRemoved {
        /// Which line.
        line: LineId,
        /// Of which variant.
        variant: VariantId,
        /// How many units it held.
        quantity: u32,
    },
    /// Every line was taken out.
    Cleared {
        /// How many there were.
        lines: u64,
    },
    /// E-mail, addresses or the choice of shipping changed.
    DetailsUpdated,
    /// A checkout took hold of it.
    Locked {
        /// Which checkout.
        checkout: CheckoutId,
        /// How much of the cart.
        scope: LockScope,
    },
    /// A checkout that failed, expired or was abandoned let it go.
    Unlocked {
        /// Which checkout.
        checkout: CheckoutId,
    },
    /// It became an order.
    Completed {
        /// By which checkout.
        checkout: CheckoutId,
        /// Which order.
        order: OrderId,
    },
    /// Nobody had touched it for its lifetime.
    Abandoned {
        /// How many units lay in it.
        units: u64,
    },
    /// Somebody came back to it after it had been abandoned.
    Recovered,
    /// It was merged away.
    Merged {
        /// Into which cart.
        survivor: CartId,
    },
    /// It was deleted, abandoned for too long.
    Deleted,
    /// Coupon codes were applied.
    CodesApplied {
        /// Which.
        codes: Vec<Code>,
    },
    /// Coupon codes were taken out, or could no longer be used.
    CodesRemoved {
        /// Which.
        codes: Vec<Code>,
    },
    /// A gift card or store credit is to pay for it.
    StoredValueApplied {
        /// Which.
        value: StoredValueId,
    },
    /// A gift card or store credit was taken out.
    StoredValueRemoved {
        /// Which.
        value: StoredValueId,
    },
}

impl EventBody for Event {
    const SCHEMA: u16 = 1;

    fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "cart.opened",
            Self::LineAdded { .. } => "cart.line_added",
            Self::QuantitySet { .. } => "cart.quantity_set",
            Self::LineRemoved { .. } => "cart.line_removed",
            Self::Cleared { .. } => "cart.cleared",
            Self::DetailsUpdated => "cart.details_updated",
            Self::Locked { .. } => "cart.locked",
            Self::Unlocked { .. } => "cart.unlocked",
            Self::Completed { .. } => "cart.completed",
            Self::Abandoned { .. } => "cart.abandoned",
            Self::Recovered => "cart.recovered",
            Self::Merged { .. } => "cart.merged",
            Self::Deleted => "cart.deleted",
            Self::CodesApplied { .. } => "cart.codes_applied",
            Self::StoredValueApplied { .. } => "cart.stored_value_applied",
            Self::StoredValueRemoved { .. } => "cart.stored_value_removed",
            Self::CodesRemoved { .. } => "cart.codes_removed",
        }
    }
}
