//! How the catalog refuses.

use super::{HANDLE_LENGTH_MAX, SKU_LENGTH_MAX};
use crate::error::{Class, Detail, FieldErrors, Refusal};

/// A refusal of a product or variant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not the form of a SKU.
    #[error("a SKU has 1 to {SKU_LENGTH_MAX} printable characters and no space at its ends")]
    InvalidSku,
    /// Not the form of a handle.
    #[error("a handle has 1 to {HANDLE_LENGTH_MAX} characters a-z, 0-9 and single hyphens between them")]
    InvalidHandle,
    /// The store has as many price lists as it may have.
    #[error("the store has {max} price lists, the most it may have")]
    TooManyPriceLists {
        /// The most.
        max: usize,
    },
    /// Fields are out of their bounds.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
}

impl Refusal for Error {
    fn class(&self) -> Class {
        match self {
            Self::InvalidSku | Self::InvalidHandle => Class::Invalid,
            Self::TooManyPriceLists { .. } => Class::Conflict,
            Self::Fields(fields) => fields.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::InvalidSku => "catalog.invalid_sku",
            Self::InvalidHandle => "catalog.invalid_handle",
            Self::TooManyPriceLists { .. } => "catalog.too_many_price_lists",
            Self::Fields(fields) => fields.code(),
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        match self {
            Self::InvalidSku | Self::InvalidHandle => Vec::new(),
            Self::TooManyPriceLists { max } => vec![("price_lists_max".to_owned(), (*max).into())],
            Self::Fields(fields) => fields.details(),
        }
    }
}
