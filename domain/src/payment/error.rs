//! How a payment refuses.

use crate::error::{Class, Detail, Refusal};
use crate::money::{self, Money};

/// A refusal of a payment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing, or less, was to be moved.
    #[error("an amount above zero is needed, not {amount}")]
    NotPositive {
        /// The amount.
        amount: Money,
    },
    /// More was to be taken than was set aside.
    #[error("{requested} cannot be captured, {left} of the authorization are left")]
    ExceedsAuthorization {
        /// The amount.
        requested: Money,
        /// What may still be taken.
        left: Money,
    },
    /// More was to be given back than was taken.
    #[error("{requested} cannot be refunded, {left} of what was captured are left")]
    ExceedsCaptured {
        /// The amount.
        requested: Money,
        /// What may still be given back.
        left: Money,
    },
    /// Nothing was taken that could be given back.
    #[error("nothing was captured; void the payment instead")]
    NotCaptured,
    /// Money was taken, and cannot be let go.
    #[error("{captured} were captured; refund them instead")]
    Captured {
        /// How much.
        captured: Money,
    },
    /// The authorization was let go.
    #[error("the payment is voided")]
    Voided,
    /// Amounts that do not go together.
    #[error(transparent)]
    Money(#[from] money::Error),
}

impl Refusal for Error {
    fn class(&self) -> Class {
        match self {
            Self::NotPositive { .. } => Class::Invalid,
            Self::ExceedsAuthorization { .. }
            | Self::ExceedsCaptured { .. }
            | Self::NotCaptured
            | Self::Captured { .. }
            | Self::Voided => Class::Conflict,
            Self::Money(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotPositive { .. } => "payment.amount_not_positive",
            Self::ExceedsAuthorization { .. } => "payment.exceeds_authorization",
            Self::ExceedsCaptured { .. } => "payment.exceeds_captured",
            Self::NotCaptured => "payment.not_captured",
            Self::Captured { .. } => "payment.captured",
            Self::Voided => "payment.voided",
            Self::Money(error) => error.code(),
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        let amounts = |amounts: &[(&str, Money)]| {
            amounts
                .iter()
                .map(|(name, amount)| ((*name).to_owned(), (*amount).into()))
                .collect()
        };
        match self {
            Self::NotPositive { amount } => amounts(&[("amount", *amount)]),
            Self::ExceedsAuthorization { requested, left } | Self::ExceedsCaptured { requested, left } => {
                amounts(&[("requested", *requested), ("left", *left)])
            }
            Self::Captured { captured } => amounts(&[("captured", *captured)]),
            Self::NotCaptured | Self::Voided => Vec::new(),
            Self::Money(error) => error.details(),
        }
    }
}
