//! Promotions: what is taken off, when, and which code unlocks it.
//!
//! A promotion says what it takes off which carts; [`crate::cart::totals`] alone says how much that is.

mod code;
mod command;
mod coupon_code;
mod draft;
mod entity;
mod index;
mod rule;
mod uses;
mod verdict;

pub use code::{CODE_LENGTH_MAX, Code};
pub use command::{CreatePromotion, DeletePromotion, Draft, UpdatePromotion};
pub use coupon_code::{
    AddCodes, Addition, CODES_DRAWN_MAX, CouponCode, CouponCodeEvent, CreateCouponCode, DeleteCouponCode,
    Draw, DrawCodes, DrawDraft, SingleCode,
};
pub use draft::{ActionDraft, ConditionsDraft, ReductionDraft, Rest, SelectionDraft};
pub use entity::{Event, PROMOTIONS_MAX, Promotion, Timer};
pub use index::{Attempt, Goods, Promotions, Ready};
pub(crate) use index::{Bounds, Chosen};
pub use rule::{Action, Choice, Combination, Conditions, Reduction, Selection, Sets, Spread};
pub use uses::{
    CommitUse, Error as UseError, Event as UseEvent, GiveBackUse, NoteUsed, ReleaseUse, ReserveUse, SpendUse,
    USES_LIMIT_MAX, Use, UseCounter,
};
pub use verdict::Verdict;

use crate::error::{Class, Detail, FieldErrors, Refusal};

/// How a promotion refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fields that are not valid.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
    /// The store has as many promotions as it may have.
    #[error("the store has {max} promotions, the most it may have")]
    TooManyPromotions {
        /// The most.
        max: usize,
    },
    /// A coupon code is not of the expected form.
    #[error("a coupon code is 1 to {} letters, digits, - and _", CODE_LENGTH_MAX)]
    InvalidCode,
    /// Another promotion has this code.
    #[error("another promotion has the coupon code {code}")]
    CodeTaken {
        /// The code.
        code: Code,
    },
    /// Codes that are good for one order would unlock nothing.
    #[error(
        "the promotion does not ask for a code: set requires_code before it gets codes for one order each"
    )]
    RequiresNoCode,
}

impl Refusal for Error {
    fn class(&self) -> Class {
        match self {
            Self::Fields(_) | Self::InvalidCode => Class::Invalid,
            Self::TooManyPromotions { .. } | Self::CodeTaken { .. } | Self::RequiresNoCode => Class::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Fields(_) => FieldErrors::CODE,
            Self::TooManyPromotions { .. } => "promotion.too_many_promotions",
            Self::InvalidCode => "promotion.invalid_code",
            Self::CodeTaken { .. } => "promotion.code_taken",
            Self::RequiresNoCode => "promotion.requires_no_code",
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        match self {
            Self::Fields(errors) => errors.details(),
            Self::TooManyPromotions { max } => vec![("promotions_max".to_owned(), (*max).into())],
            Self::InvalidCode | Self::RequiresNoCode => Vec::new(),
            Self::CodeTaken { code } => vec![("code".to_owned(), code.as_str().into())],
        }
    }
}
