//! Tax: zones of places, with rates for each category of goods that hold for some time.
//!
//! A zone says what is charged where and when; [`Zones`] is what holds at one time; [`crate::cart::totals`] alone says
//! on what and how it is rounded.

mod code;
mod command;
mod rate;
mod relief;
mod vat_number;
mod zone;
mod zones;

pub use code::{CODE_LENGTH_MAX, Category, TaxCode};
pub use command::{CreateZone, DeleteZone, Draft, PutRate, RatePut, UpdateZone};
pub use rate::{NAME_LENGTH_MAX, RATE_MAX, RATES_MAX, RateDraft, TaxRate};
pub use relief::{TaxRelief, TaxStatus};
pub use vat_number::{InvalidVatNumber, VatNumber};
pub use zone::{Event, TaxZone, ZONES_MAX};
pub use zones::{CombinedRate, RatePart, ZoneRates, Zones};

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
        CODE_LENGTH_MAX
    )]
    InvalidCategory,
    /// A tax's code is not of the expected form.
    #[error(
        "the code of a tax is 1 to {} small letters, digits, - and _, starting with a letter",
        CODE_LENGTH_MAX
    )]
    InvalidTaxCode,
}

impl Refusal for Error {
    fn class(&self) -> Class {
        match self {
            Self::Fields(_) | Self::InvalidCategory | Self::InvalidTaxCode => Class::Invalid,
            Self::TooManyZones { .. } => Class::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Fields(_) => FieldErrors::CODE,
            Self::TooManyZones { .. } => "tax.too_many_zones",
            Self::InvalidCategory => "tax.invalid_category",
            Self::InvalidTaxCode => "tax.invalid_tax_code",
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        match self {
            Self::Fields(errors) => errors.details(),
            Self::TooManyZones { max } => vec![("zones_max".to_owned(), (*max).into())],
            Self::InvalidCategory | Self::InvalidTaxCode => Vec::new(),
        }
    }
}
