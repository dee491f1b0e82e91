//! The deadline every question to a calculator has.

use super::{Calculator, Error, ItemTax, Request};
use crate::deadline::within;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// A calculator whose every question ends at the deadline, as [`Error::Unavailable`].
pub struct Deadlined {
    calculator: Arc<dyn Calculator>,
    deadline: Duration,
}

impl Deadlined {
    /// How long a calculator may take: a shopper waits for what the cart costs.
    pub const DEADLINE_DEFAULT: Duration = Duration::from_secs(2);

    /// Puts a deadline on each question to the calculator.
    pub fn new(calculator: Arc<dyn Calculator>, deadline: Duration) -> Self {
        Self { calculator, deadline }
    }
}

impl Calculator for Deadlined {
    fn name(&self) -> &'static str {
        self.calculator.name()
    }

    fn calculate<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Vec<ItemTax>, Error>> {
        within(
            self.deadline,
            self.calculator.calculate(request),
            Error::unanswered,
        )
    }
}
