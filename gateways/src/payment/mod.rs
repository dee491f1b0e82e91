//! Payment providers: authorize, capture, void, refund, and the question what happened.
//!
//! Every call that moves money carries an [`OperationKey`] which the caller has committed before the call. A repeat
//! under the same key returns the first result and does nothing, so a step that may or may not have run is simply
//! run again, or asked about with [`Gateway::outcome`]. A provider must never treat a repeat as a new operation. What it
//! has declined it declines for good under that key: [`capture`] and [`refund`] take another one for another try.

#[cfg(test)]
mod contract;
mod deadline;
pub mod sandbox;
mod tries;

pub use crate::operation::{InvalidKey, KEY_LENGTH_MAX, OperationKey};
pub use deadline::Deadlined;
pub use sandbox::Sandbox;
pub use tries::{capture, last_outcome, refund, void};

use crate::deadline::NO_ANSWER;
use cartwright_domain::money::Money;
use futures::future::BoxFuture;
use std::fmt;
use tokio::sync::broadcast;

/// A payment provider.
pub trait Gateway: Send + Sync + 'static {
    /// Returns the stable name of the provider, as orders record it.
    fn name(&self) -> &'static str;

    /// Returns why the provider takes nothing at all, as far as that is known without asking it.
    fn fault(&self) -> Option<String> {
        None
    }

    /// Asks for an amount to be set aside for a later capture.
    ///
    /// # Errors
    /// See [`Error`]; after [`Error::Unknown`] the money may be set aside.
    fn authorize<'a>(
        &'a self,
        key: &'a OperationKey,
        request: AuthorizeRequest,
    ) -> BoxFuture<'a, Result<Approval, Error>>;

    /// Takes an amount out of what an authorization set aside. Captures never exceed the authorization
    /// (section 7.1 of the semantics).
    ///
    /// # Errors
    /// See [`Error`]; after [`Error::Unknown`] the money may be taken.
    fn capture<'a>(
        &'a self,
        key: &'a OperationKey,
        authorization: &'a Reference,
        amount: Money,
    ) -> BoxFuture<'a, Result<Approval, Error>>;

    /// Lets go of an authorization of which nothing is captured. Voiding what is voided changes nothing.
    ///
    /// # Errors
    /// See [`Error`].
    fn void<'a>(
        &'a self,
        key: &'a OperationKey,
        authorization: &'a Reference,
    ) -> BoxFuture<'a, Result<Approval, Error>>;

    /// Gives back an amount of what was captured. Refunds never exceed captures (section 7.1 of the semantics).
    ///
    /// # Errors
    /// See [`Error`]; after [`Error::Unknown`] the money may be given back.
    fn refund<'a>(
        &'a self,
        key: &'a OperationKey,
        authorization: &'a Reference,
        amount: Money,
    ) -> BoxFuture<'a, Result<Approval, Error>>;

    /// Asks what happened under a key. `None` when the provider has not seen it; an operation nobody waits for any
    /// more is then never done, so that whoever is told `None` may let go of what it was for.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the provider does not say. Asking changes nothing.
    fn outcome<'a>(&'a self, key: &'a OperationKey) -> BoxFuture<'a, Result<Option<Outcome>, Error>>;

    /// Returns what the provider tells of its own accord from now on: late, in any order, more than once.
    ///
    /// A notification is a hint to ask [`Gateway::outcome`], never an answer by itself.
    fn notifications(&self) -> broadcast::Receiver<Notification>;
}

/// The provider's name for a payment, given with its authorization and used by all that follows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference(String);

impl Reference {
    /// Wraps the text the provider gave.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text the provider gave.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What stands for the shopper's means of payment. It is not written to logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Wraps the text the storefront sent.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text for the provider.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// What to authorize.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizeRequest {
    /// What is left of the frozen quote's total once gift cards and store credit have paid, more than zero.
    pub amount: Money,
    /// The shopper's means of payment.
    pub token: Token,
    /// The checkout that pays, by its id.
    pub checkout: String,
    /// What the shopper may read on a statement.
    pub description: String,
}

/// An operation that the provider has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The payment it belongs to.
    pub reference: Reference,
    /// How much was set aside, taken, let go or given back.
    pub amount: Money,
}

/// What happened under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider has it and has not decided: ask again.
    Pending,
    /// It is done.
    Approved(Approval),
    /// It is refused for good and changed nothing.
    Declined(Decline),
}

/// What a provider tells of its own accord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The operation it is about.
    pub key: OperationKey,
    /// The checkout of the [`AuthorizeRequest`].
    pub checkout: String,
    /// What the provider says happened.
    pub outcome: Outcome,
}

/// The code of a decline where the provider knows no payment of that name.
pub const UNKNOWN_PAYMENT: &str = "unknown_payment";

/// A refusal by the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decline {
    /// The stable code, in the provider's words, but for [`UNKNOWN_PAYMENT`].
    pub code: String,
    /// What a person may be told: lowercase, no full stop.
    pub message: String,
}

/// Why a provider did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The provider refused; nothing happened and a repeat under the same key is refused again.
    #[error("payment declined ({}): {}", .0.code, .0.message)]
    Declined(Decline),
    /// Timed out, or the connection was lost: it may or may not have happened. Ask [`Gateway::outcome`].
    #[error("the payment provider did not answer; the operation may have happened")]
    Unknown,
    /// Certainly without effect: it was not sent, or only asked. Try again later.
    #[error("the payment provider cannot be reached: {reason}")]
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
