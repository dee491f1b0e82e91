//! The names of a checkout's steps, as they are stored.

use serde::{Deserialize, Serialize};

/// How far a checkout has come: the step it is at, known or not to have worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Step {
    /// Locks the cart and reserves stock.
    ReserveStock,
    /// Waits for the shopper; the reservation runs.
    AwaitCompletion,
    /// Pins the reservations, re-reads prices and freezes the quote.
    FreezeQuote,
    /// The provider is or was asked; then the order is placed, which is the pivot, and stock allocated.
    AuthorizePayment,
    /// The provider has not answered; it is asked what happened.
    SettlePayment,
    /// The order stands and the cart is completed; the capture is tried until it works.
    CapturePayment,
    /// Undoes whatever was started.
    WalkBack,
    /// Nothing is left to do.
    Ended,
}

impl Step {
    /// Every step, in order.
    pub const ALL: &'static [Self] = &[
        Self::ReserveStock,
        Self::AwaitCompletion,
        Self::FreezeQuote,
        Self::AuthorizePayment,
        Self::SettlePayment,
        Self::CapturePayment,
        Self::WalkBack,
        Self::Ended,
    ];

    /// Returns the stable name, in storage and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReserveStock => "reserve_stock",
            Self::AwaitCompletion => "await_completion",
            Self::FreezeQuote => "freeze_quote",
            Self::AuthorizePayment => "authorize_payment",
            Self::SettlePayment => "settle_payment",
            Self::CapturePayment => "capture_payment",
            Self::WalkBack => "walk_back",
            Self::Ended => "ended",
        }
    }
}

impl From<Step> for String {
    fn from(step: Step) -> Self {
        step.name().to_owned()
    }
}

impl TryFrom<String> for Step {
    type Error = String;
    fn try_from(name: String) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|step| step.name() == name)
            .ok_or(format!("no step of a checkout is called {name}"))
    }
}
