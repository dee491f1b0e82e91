//! Tax calculators: what tax is on the lines of a cart, asked outside where the rate table does not do.
//!
//! A question changes nothing and may be asked as often as a calculator allows.

#[cfg(test)]
mod contract;
mod deadline;
pub mod fake;

pub use crate::place::Place;
pub use deadline::Deadlined;
pub use fake::Fake;

use crate::deadline::NO_ANSWER;
use cartwright_domain::country::Country;
use cartwright_domain::money::Currency;
use cartwright_domain::tax::Category;
use futures::future::BoxFuture;

/// A tax calculator.
pub trait Calculator: Send + Sync + 'static {
    /// Returns the stable name of the calculator, which a store chooses it by.
    fn name(&self) -> &'static str;

    /// Returns the tax of each item of a request.
    ///
    /// # Errors
    /// See [`Error`]. Asking changes nothing.
    fn calculate<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Vec<ItemTax>, Error>>;
}

/// What is to be taxed. Equal requests may be answered from what was answered before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// The currency of every value.
    pub currency: Currency,
    /// From where the goods come.
    pub from: Country,
    /// To where they go.
    pub to: Place,
    /// Whether the values contain the tax, or it comes on top.
    pub contained: bool,
    /// The lines, and shipping where there is any.
    pub items: Vec<Item>,
}

/// A line, or shipping.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Item {
    /// By what the answer names it: opaque, and unique in its request.
    pub reference: String,
    /// How it is taxed, by the store's code.
    pub category: Category,
    /// How many units.
    pub quantity: u32,
    /// What it comes to after discounts, in minor units.
    pub value: i64,
}

/// The tax of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemTax {
    /// The item's reference.
    pub reference: String,
    /// Its tax, in minor units.
    pub tax: i64,
}

/// Why a calculator did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It says no, and would say so again.
    #[error("the tax calculator refused ({code}): {message}")]
    Refused {
        /// The stable code, in the calculator's words.
        code: String,
        /// What a person may be told: lowercase, no full stop.
        message: String,
    },
    /// It did not answer. Try again later.
    #[error("the tax calculator cannot be reached: {reason}")]
    Unavailable {
        /// What is in the way.
        reason: String,
    },
}

impl Error {
    /// Returns what is known where a question was not answered in time.
    fn unanswered() -> Self {
        Self::Unavailable {
            reason: NO_ANSWER.to_owned(),
        }
    }
}
