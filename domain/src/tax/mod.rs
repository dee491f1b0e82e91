//! Tax: zones of countries, with one rate for each category of goods.
//!
//! A zone says what is charged where; [`crate::cart::totals`] alone says on what and how it is rounded.

mod category;
mod command;
mod zone;

pub use category::{CATEGORY_LENGTH_MAX, Category};
pub use command::{CreateZone, DeleteZone, Draft, RateDraft, UpdateZone};
pub use zone::{Event, RATE_MAX, RATES_MAX, TaxRate, TaxZone, ZONES_MAX, Zones};

use crate::error::{Class, Detail, FieldErrors, Refusal};

/// How a tax zone refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fields that are not valid.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
    /// The store has as many zones as it may have.
    #[error("the store has {max} tax zones, the most it may have")]
    TooManyZones {
        /// The most.
        max: usize,
    },
    /// A category's code is not of the expected form.
    #[error(
        "a tax category is 1 to {} small letters, digits, - and _, starting with a letter",
        CATEGORY_LENGTH_MAX
    )]
    InvalidCategory,
}

impl Refusal for Error {
    fn class(&self) -> Class {
        match self {
            Self::Fields(_) | Self::InvalidCategory => Class::Invalid,
            Self::TooManyZones { .. } => Class::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Fields(_) => FieldErrors::CODE,
            Self::TooManyZones { .. } => "tax.too_many_zones",
            Self::InvalidCategory => "tax.invalid_category",
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        match self {
            Self::Fields(errors) => errors.details(),
            Self::TooManyZones { max } => vec![("zones_max".to_owned(), (*max).into())],
            Self::InvalidCategory => Vec::new(),
        }
    }
}
