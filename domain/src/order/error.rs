//! How an order refuses.

use super::Status;
use crate::error::{Class, Detail, FieldErrors, Refusal};
use crate::money::Money;
use crate::payment;

/// A refusal of an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The status cannot become that one from here.
    #[error("a {from} order cannot become {to}")]
    IllegalMove {
        /// The status.
        from: Status,
        /// The one asked for.
        to: Status,
    },
    /// It is canceled and stays so.
    #[error("the order is already canceled")]
    AlreadyCanceled,
    /// What was authorized is not what is to be paid.
    #[error("{authorized} were authorized for a total of {total}")]
    TotalNotAuthorized {
        /// What was set aside.
        authorized: Money,
        /// What is to be paid.
        total: Money,
    },
    /// The order has no such payment.
    #[error("the order has no payment {reference}")]
    UnknownPayment {
        /// The provider's name for it.
        reference: String,
    },
    /// The payment does not allow it.
    #[error(transparent)]
    Payment(#[from] payment::Error),
    /// Fields are out of their bounds.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
}

impl Refusal for Error {
    fn class(&self) -> Class {
        match self {
            Self::IllegalMove { .. } | Self::AlreadyCanceled => Class::Conflict,
            Self::TotalNotAuthorized { .. } => Class::Internal,
            Self::UnknownPayment { .. } => Class::NotFound,
            Self::Payment(error) => error.class(),
            Self::Fields(fields) => fields.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::IllegalMove { .. } => "order.illegal_move",
            Self::AlreadyCanceled => "order.already_canceled",
            Self::TotalNotAuthorized { .. } => "order.total_not_authorized",
            Self::UnknownPayment { .. } => "order.unknown_payment",
            Self::Payment(error) => error.code(),
            Self::Fields(fields) => fields.code(),
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        let next = |status: Status| {
            let names = status.next().iter().map(|next| next.name().into());
            vec![
                ("status".to_owned(), status.name().into()),
                ("next".to_owned(), Detail::List(names.collect())),
            ]
        };
        match self {
            Self::IllegalMove { from, .. } => next(*from),
            Self::AlreadyCanceled => next(Status::Canceled),
            Self::TotalNotAuthorized { authorized, total } => vec![
                ("authorized".to_owned(), authorized.amount.into()),
                ("total".to_owned(), total.amount.into()),
            ],
            Self::UnknownPayment { reference } => vec![("reference".to_owned(), reference.as_str().into())],
            Self::Payment(error) => error.details(),
            Self::Fields(fields) => fields.details(),
        }
    }
}
