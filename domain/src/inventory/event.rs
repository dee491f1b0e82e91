//! The ledger: every change of an item is one of these, with its quantity and what it refers to.

use crate::event::EventBody;
use crate::id::{CheckoutId, OrderId, VariantId};
use serde::{Deserialize, Serialize};

/// What happened to a stock item. Summed up, the movements give its state.
///
/// Those that others act on name the variant, because a stock item's id does not tell it. Sales and returns join
/// at the end with fulfillment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The item came into being, with nothing on hand.
    StockItemCreated {
        /// Whose stock it is.
        variant: VariantId,
        /// Where it lies.
        location: String,
    },
    /// What is counted and kept back was changed.
    StockLevelsSet {
        /// Is stock counted?
        tracked: bool,
        /// Kept back, or allowed to be sold beyond what is there.
        buffer: i64,
        /// When it counts as low.
        low_stock_level: u64,
    },
    /// An adjustment: `on_hand` changed by `delta`.
    StockAdjusted {
        /// Units that came or, negative, went.
        delta: i64,
        /// Units on hand now.
        on_hand: u64,
        /// Why.
        reason: String,
        /// What it refers to, in another system's words.
        reference: Option<String>,
    },
    /// A reservation: `reserved` rose.
    StockReserved {
        /// For whom.
        checkout: CheckoutId,
        /// Units.
        quantity: u64,
    },
    /// A release asked for by the checkout: `reserved` fell.
    StockReleased {
        /// Who held it.
        checkout: CheckoutId,
        /// Units.
        quantity: u64,
    },
    /// A release because the time was up: `reserved` fell.
    ReservationExpired {
        /// Whose stock it is.
        variant: VariantId,
        /// Who held it.
        checkout: CheckoutId,
        /// Units.
        quantity: u64,
    },
    /// A release because stock was taken away (section 3.5 of the semantics): `reserved` fell.
    ReservationRevoked {
        /// Whose stock it is.
        variant: VariantId,
        /// Who held it.
        checkout: CheckoutId,
        /// Units.
        quantity: u64,
        /// Units that can be had now.
        available: u64,
    },
    /// An allocation: `reserved` became `allocated`.
    StockAllocated {
        /// Who held it.
        checkout: CheckoutId,
        /// To whom it is promised.
        order: OrderId,
        /// Units.
        quantity: u64,
    },
    /// A deallocation: `allocated` fell.
    StockDeallocated {
        /// To whom it was promised.
        order: OrderId,
        /// Units.
        quantity: u64,
    },
    /// On hand went from above the low-stock level to it or below.
    StockRanLow {
        /// Whose stock it is.
        variant: VariantId,
        /// Units on hand.
        on_hand: u64,
        /// The level.
        low_stock_level: u64,
    },
    /// What was reserved for a time holds from now on until it is released or allocated: payment begins.
    ReservationPinned {
        /// Who holds it.
        checkout: CheckoutId,
        /// Units.
        quantity: u64,
    },
}

impl EventBody for Event {
    const SCHEMA: u16 = 1;

    fn name(&self) -> &'static str {
        match self {
            Self::StockItemCreated { .. } => "inventory.stock_item_created",
            Self::StockLevelsSet { .. } => "inventory.stock_levels_set",
            Self::StockAdjusted { .. } => "inventory.stock_adjusted",
            Self::StockReserved { .. } => "inventory.stock_reserved",
            Self::StockReleased { .. } => "inventory.stock_released",
            Self::ReservationExpired { .. } => "inventory.reservation_expired",
            Self::ReservationRevoked { .. } => "inventory.reservation_revoked",
            Self::StockAllocated { .. } => "inventory.stock_allocated",
            Self::StockDeallocated { .. } => "inventory.stock_deallocated",
            Self::StockRanLow { .. } => "inventory.stock_ran_low",
            Self::ReservationPinned { .. } => "inventory.reservation_pinned",
        }
    }
}
