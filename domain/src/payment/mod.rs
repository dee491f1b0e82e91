//! A payment as an order keeps it: what was authorized, taken and given back (section 7.1 of the semantics).
//!
//! A *capture* takes money, a *refund* gives it back, a *void* lets go of what was only authorized. What a provider
//! did is told to a payment afterwards; a payment never asks one. Captures never exceed the authorization, refunds
//! never exceed captures.

mod error;
mod state;
#[cfg(test)]
mod tests;

pub use error::Error;
pub use state::{Payment, PaymentState};
