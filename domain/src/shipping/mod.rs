//! Shipping methods: where they go, what they take, what they cost in each currency, how long it takes.

mod command;
mod method;
mod past;
mod tariff;

pub use command::{ConditionsDraft, CreateMethod, DeleteMethod, Draft, UpdateMethod};
pub use method::{Conditions, Event, METHODS_MAX, Offer, Parcel, ShippingMethod, offers};
pub use tariff::{CarrierRates, Charge, Charged, Measure, PriceSource, STEPS_MAX, Span, Step, Tariff};

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
