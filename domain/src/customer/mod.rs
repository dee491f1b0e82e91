//! Customers: records that staff keep of who buys, with what bears on prices and tax. Nobody signs in with one.

mod command;
mod entity;
mod shopper;

pub use command::{CreateCustomer, DeleteCustomer, Draft, UpdateCustomer};
pub use entity::{Customer, EXTERNAL_ID_LENGTH_MAX, Event, GROUPS_MAX};
pub use shopper::{KnownAs, Shopper};

use crate::error::{Class, Detail, FieldErrors, Problem, Refusal};

/// How a customer refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fields that are not valid.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
}

impl Refusal for Error {
    fn class(&self) -> Class {
        let Self::Fields(errors) = self;
        errors.class()
    }

    fn code(&self) -> &'static str {
        FieldErrors::CODE
    }

    fn details(&self) -> Vec<(String, Detail)> {
        let Self::Fields(errors) = self;
        errors.details()
    }

    fn problem(&self) -> Problem {
        let Self::Fields(errors) = self;
        errors.problem()
    }
}
