//! What happens to an order. Its number is in the order itself: it is drawn after the event is written.

use crate::event::EventBody;
use crate::id::{CartId, CheckoutId};
use crate::money::Money;
use serde::{Deserialize, Serialize};

/// What happened to an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// It was placed.
    OrderPlaced {
        /// By which checkout.
        checkout: CheckoutId,
        /// Of which cart.
        cart: CartId,
        /// What it costs.
        total: Money,
    },
    /// It will be paid, or costs nothing.
    OrderConfirmed,
    /// It was called off.
    OrderCanceled {
        /// Why.
        reason: String,
    },
    /// Money was taken.
    PaymentCaptured {
        /// The provider's name for the payment.
        reference: String,
        /// How much.
        amount: Money,
    },
    /// The provider refused to hand over the money; it is asked again, and somebody should know.
    PaymentCaptureFailed {
        /// The provider's name for the payment.
        reference: String,
        /// Why.
        reason: String,
    },
    /// Money set aside was let go.
    PaymentVoided {
        /// The provider's name for the payment.
        reference: String,
    },
    /// Money was given back.
    PaymentRefunded {
        /// The provider's name for the payment.
        reference: String,
        /// How much.
        amount: Money,
    },
    /// The provider would not let money go that was set aside, as often as it was asked; somebody should look for it there.
    PaymentVoidFailed {
        /// The provider's name for the payment.
        reference: String,
    },
}

impl EventBody for Event {
    const SCHEMA: u16 = 1;

    fn name(&self) -> &'static str {
        match self {
            Self::OrderPlaced { .. } => "order.order_placed",
            Self::OrderConfirmed => "order.order_confirmed",
            Self::OrderCanceled { .. } => "order.order_canceled",
            Self::PaymentCaptured { .. } => "order.payment_captured",
            Self::PaymentCaptureFailed { .. } => "order.payment_capture_failed",
            Self::PaymentVoided { .. } => "order.payment_voided",
            Self::PaymentRefunded { .. } => "order.payment_refunded",
            Self::PaymentVoidFailed { .. } => "order.payment_void_failed",
        }
    }
}
