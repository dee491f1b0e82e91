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
    /// Fields are out of their bounds.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
}

impl Refusal for Error {
    fn class(&self) -> Class {
        match self {
            Self::InvalidSku | Self::InvalidHandle => Class::Invalid,
            Self::Fields(fields) => fields.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::InvalidSku => "catalog.invalid_sku",
            Self::InvalidHandle => "catalog.invalid_handle",
            Self::Fields(fields) => fields.code(),
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        match self {
            Self::InvalidSku | Self::InvalidHandle => Vec::new(),
            Self::Fields(fields) => fields.details(),
        }
    }
}
