//! How a stock item refuses.

use crate::error::{Class, Detail, FieldErrors, Refusal};
use crate::id::{CheckoutId, VariantId};

/// A refusal of a stock item.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is not as much as was asked for.
    #[error("{requested} were asked for, {available} are available")]
    Insufficient {
        /// Which variant.
        variant: VariantId,
        /// How many were asked for.
        requested: u64,
        /// How many can be had.
        available: u64,
    },
    /// Staff would take away what is already promised or being paid for.
    #[error(
        "{capacity} units would not cover the {allocated} promised to orders and the {pinned} being paid for"
    )]
    BelowCommitted {
        /// Units on hand and backorder allowance, as they would be.
        capacity: u64,
        /// Units promised to orders.
        allocated: u64,
        /// Units held for payments under way.
        pinned: u64,
    },
    /// An adjustment would leave fewer than no units.
    #[error("{on_hand} are on hand, {delta:+} cannot be applied")]
    BelowZero {
        /// Units on hand.
        on_hand: u64,
        /// The adjustment.
        delta: i64,
    },
    /// The checkout holds nothing here any more: it expired or was revoked.
    #[error("the reservation is gone, {available} are available")]
    ReservationGone {
        /// Which variant.
        variant: VariantId,
        /// Whose reservation.
        checkout: CheckoutId,
        /// How many can be had.
        available: u64,
    },
    /// A reservation cannot change while it is being paid for.
    #[error("the reservation of {quantity} is being paid for and cannot change")]
    ReservationPinned {
        /// How many are held.
        quantity: u64,
    },
    /// Too many checkouts hold stock of this item at a time.
    #[error("{max} checkouts hold this item, the most there may be at a time; try again in a moment")]
    TooManyReservations {
        /// The limit.
        max: usize,
    },
    /// More would be taken back from an order than is promised to all.
    #[error("{quantity} cannot be taken back, {allocated} are promised to orders")]
    NotAllocated {
        /// How many were to be taken back.
        quantity: u64,
        /// How many are promised.
        allocated: u64,
    },
    /// The item is not counted and cannot be adjusted.
    #[error("the stock of this variant is not tracked")]
    Untracked,
    /// Fields are out of their bounds.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
}

impl Refusal for Error {
    fn class(&self) -> Class {
        match self {
            Self::Insufficient { .. }
            | Self::BelowCommitted { .. }
            | Self::BelowZero { .. }
            | Self::ReservationGone { .. }
            | Self::ReservationPinned { .. }
            | Self::NotAllocated { .. }
            | Self::Untracked => Class::Conflict,
            Self::TooManyReservations { .. } => Class::TooMany,
            Self::Fields(fields) => fields.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Insufficient { .. } => "inventory.insufficient",
            Self::BelowCommitted { .. } => "inventory.below_committed",
            Self::BelowZero { .. } => "inventory.below_zero",
            Self::ReservationGone { .. } => "inventory.reservation_gone",
            Self::ReservationPinned { .. } => "inventory.reservation_pinned",
            Self::TooManyReservations { .. } => "inventory.too_many_reservations",
            Self::NotAllocated { .. } => "inventory.not_allocated",
            Self::Untracked => "inventory.untracked",
            Self::Fields(fields) => fields.code(),
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        let named = |details: &[(&str, Detail)]| {
            details
                .iter()
                .map(|(name, detail)| ((*name).to_owned(), detail.clone()))
                .collect()
        };
        match self {
            Self::Insufficient {
                variant,
                requested,
                available,
            } => named(&[
                ("variant_id", variant.to_string().into()),
                ("requested", (*requested).into()),
                ("available", (*available).into()),
            ]),
            Self::BelowCommitted {
                capacity,
                allocated,
                pinned,
            } => named(&[
                ("capacity", (*capacity).into()),
                ("allocated", (*allocated).into()),
                ("pinned", (*pinned).into()),
            ]),
            Self::BelowZero { on_hand, delta } => {
                named(&[("on_hand", (*on_hand).into()), ("delta", (*delta).into())])
            }
            Self::ReservationGone {
                variant,
                checkout,
                available,
            } => named(&[
                ("variant_id", variant.to_string().into()),
                ("checkout_id", checkout.to_string().into()),
                ("available", (*available).into()),
            ]),
            Self::ReservationPinned { quantity } => named(&[("quantity", (*quantity).into())]),
            Self::TooManyReservations { max } => named(&[("max", (*max).into())]),
            Self::NotAllocated { quantity, allocated } => named(&[
                ("quantity", (*quantity).into()),
                ("allocated", (*allocated).into()),
            ]),
            Self::Untracked => Vec::new(),
            Self::Fields(fields) => fields.details(),
        }
    }
}
