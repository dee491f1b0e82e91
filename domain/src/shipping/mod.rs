//! Shipping methods: where they go, what they cost, from which value of goods they are free.

mod command;
mod method;

pub use command::{CreateMethod, DeleteMethod, Draft, UpdateMethod};
pub use method::{Event, METHODS_MAX, Offer, ShippingMethod, offers};

use crate::error::{Class, Detail, FieldErrors, Refusal};

/// How a shipping method refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fields that are not valid.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
    /// The store has as many methods as it may have.
    #[error("the store has {max} shipping methods, the most it may have")]
    TooManyMethods {
        /// The most.
        max: usize,
    },
}

impl Refusal for Error {
    fn class(&self) -> Class {
        match self {
            Self::Fields(_) => Class::Invalid,
            Self::TooManyMethods { .. } => Class::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Fields(_) => FieldErrors::CODE,
            Self::TooManyMethods { .. } => "shipping.too_many_methods",
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        match self {
            Self::Fields(errors) => errors.details(),
            Self::TooManyMethods { max } => vec![("methods_max".to_owned(), (*max).into())],
        }
    }
}
