//! What is said of a code that is judged outside of a cart.

use super::Code;
use crate::cart::{CodeRefused, Unmet};
use crate::error::{Class, Problem, Refusal};
use serde::{Deserialize, Serialize};

/// What became of a code. Two bytes of a reply, so that those of one call are kept together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It is good. Where that was asked for, its use has been counted.
    Good,
    /// It is not, for this reason.
    Unmet(Unmet),
    /// It is limited by customer, and there is no such customer.
    NoSuchCustomer,
}

impl Verdict {
    /// Says why a code is refused, as it was entered; nothing where it is good.
    pub fn problem(self, entered: &str) -> Option<Problem> {
        let refused = match (self, Code::parse(entered)) {
            (Self::Good, _) => return None,
            (Self::NoSuchCustomer, _) => {
                let message = "there is no such customer";
                return Some(Problem::new(Class::NotFound, "customer.not_found", message));
            }
            (Self::Unmet(unmet), Ok(code)) => CodeRefused::new(&code, unmet, None),
            (Self::Unmet(_), Err(_)) => CodeRefused::Unknown {
                code: entered.chars().take(super::CODE_LENGTH_MAX).collect(),
            },
        };
        Some(refused.problem())
    }
}
