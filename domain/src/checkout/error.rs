//! How a checkout refuses.

use super::Step;
use crate::error::{Class, Detail, Refusal};

/// A refusal of a checkout's command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It has ended.
    #[error("the checkout has ended; start another one from the cart")]
    Ended,
    /// It is being completed and can no longer be given up or changed.
    #[error("the checkout is being completed and can no longer be abandoned")]
    InProgress,
    /// The saga is at another step than the command is for.
    #[error("the checkout is at {}, not at {}", at.name(), expected.name())]
    WrongStep {
        /// Where it is.
        at: Step,
        /// Where the command belongs.
        expected: Step,
    },
    /// The payment token is too long.
    #[error("a payment token has at most {max} characters")]
    PaymentTokenTooLong {
        /// The limit.
        max: usize,
    },
}

impl Refusal for Error {
    fn class(&self) -> Class {
        match self {
            Self::Ended | Self::WrongStep { .. } => Class::Conflict,
            Self::InProgress => Class::InProgress,
            Self::PaymentTokenTooLong { .. } => Class::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Ended => "checkout.ended",
            Self::InProgress => "checkout.in_progress",
            Self::WrongStep { .. } => "checkout.wrong_step",
            Self::PaymentTokenTooLong { .. } => "checkout.payment_token_too_long",
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        match self {
            Self::Ended | Self::InProgress => Vec::new(),
            Self::WrongStep { at, expected } => {
                vec![
                    ("at".into(), at.name().into()),
                    ("expected".into(), expected.name().into()),
                ]
            }
            Self::PaymentTokenTooLong { max } => vec![("max".into(), (*max).into())],
        }
    }
}
