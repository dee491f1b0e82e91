//! Carriers: what it costs to send a parcel, whether an address can be reached, labels, and where a parcel is.
//!
//! What costs money carries an [`OperationKey`] that the caller has committed before the call: a repeat under the same
//! key returns the first label and buys none. Questions change nothing and may be asked as often as a carrier allows.

#[cfg(test)]
mod contract;
mod deadline;
pub mod fake;

pub use crate::operation::{InvalidKey, KEY_LENGTH_MAX, OperationKey};
pub use crate::place::Place;
pub use deadline::Deadlined;
pub use fake::Fake;

use crate::deadline::NO_ANSWER;
use cartwright_domain::address::Address;
use cartwright_domain::money::{Currency, Money};
use cartwright_domain::time::Timestamp;
use futures::future::BoxFuture;
use std::fmt;
use std::time::Duration;

/// A carrier.
pub trait Gateway: Send + Sync + 'static {
    /// Returns the stable name of the carrier.
    fn name(&self) -> &'static str;

    /// Returns what each service that takes a parcel asks for it, cheapest first; none where no service goes there.
    ///
    /// # Errors
    /// See [`Error`]. Asking changes nothing.
    fn rates<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Vec<Rate>, Error>>;

    /// Tells whether an address can be reached.
    ///
    /// # Errors
    /// See [`Error`]; an address that cannot be reached is an answer, and no error. Asking changes nothing.
    fn validate<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, Result<Validation, Error>>;

    /// Buys a label for a parcel.
    ///
    /// # Errors
    /// See [`Error`]; after [`Error::Unknown`] it may be bought, and the same key tells.
    fn buy_label<'a>(
        &'a self,
        key: &'a OperationKey,
        request: LabelRequest,
    ) -> BoxFuture<'a, Result<Label, Error>>;

    /// Gives back a label that no parcel has gone out with. Voiding what is voided changes nothing.
    ///
    /// # Errors
    /// See [`Error`].
    fn void_label<'a>(&'a self, label: &'a LabelId) -> BoxFuture<'a, Result<(), Error>>;

    /// Tells where a parcel is, and where it has been.
    ///
    /// # Errors
    /// See [`Error`]. Asking changes nothing.
    fn track<'a>(&'a self, number: &'a TrackingNumber) -> BoxFuture<'a, Result<Tracking, Error>>;
}

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Parcel {
    /// From where.
    pub from: Place,
    /// To where.
    pub to: Place,
    /// What it weighs.
    pub weight_grams: u64,
    /// Length, width and height, where they are known.
    pub size_mm: Option<[u32; 3]>,
    /// In which currency prices are wanted.
    pub currency: Currency,
}

/// What a service asks for a parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The carrier's stable code of the service.
    pub service: String,
    /// What the carrier calls it.
    pub name: String,
    /// What it asks.
    pub price: Money,
    /// Within how many working days it arrives, from and to.
    pub transit_days: (u16, u16),
}

/// Whether an address can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Validation {
    /// As it is.
    Deliverable,
    /// As the carrier would write it.
    Corrected(Box<Address>),
    /// It cannot.
    Undeliverable {
        /// Why not: lowercase, no full stop.
        message: String,
    },
}

/// A label to buy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRequest {
    /// By which service.
    pub service: String,
    /// From where.
    pub from: Place,
    /// To whom.
    pub to: Address,
    /// What it weighs.
    pub weight_grams: u64,
    /// In which currency it is paid.
    pub currency: Currency,
}

/// A label that was bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The carrier's name for it.
    pub id: LabelId,
    /// What the recipient follows the parcel by.
    pub tracking_number: TrackingNumber,
    /// What it cost.
    pub price: Money,
}

/// Where a parcel is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracking {
    /// How far it is.
    pub state: TrackingState,
    /// What happened to it, oldest first; the last is its state.
    pub events: Vec<TrackingEvent>,
}

/// Something that happened to a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackingEvent {
    /// When.
    pub at: Timestamp,
    /// How far it was then.
    pub state: TrackingState,
}

/// How far a parcel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrackingState {
    /// Its label is bought.
    Announced,
    /// The carrier has it.
    InTransit,
    /// It is on its last way.
    OutForDelivery,
    /// It has arrived.
    Delivered,
    /// Its label was given back.
    Voided,
}

macro_rules! carrier_text {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Wraps the text the carrier gave.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// Returns the text the carrier gave.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

carrier_text!(
    /// The carrier's name for a label.
    LabelId
);
carrier_text!(
    /// What a parcel is followed by.
    TrackingNumber
);

/// Why a carrier did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The carrier says no, and would say so again.
    #[error("the carrier refused ({code}): {message}")]
    Refused {
        /// The stable code, in the carrier's words.
        code: String,
        /// What a person may be told: lowercase, no full stop.
        message: String,
    },
    /// The carrier has been asked too often.
    #[error("the carrier takes no more questions for {} s", .retry_after.as_secs())]
    RateLimited {
        /// When it may be asked again.
        retry_after: Duration,
    },
    /// Certainly without effect: it was not sent, or only asked. Try again later.
    #[error("the carrier cannot be reached: {reason}")]
    Unavailable {
        /// What is in the way.
        reason: String,
    },
    /// No answer: it may or may not have happened. The same key tells.
    #[error("the carrier did not answer; it may have happened")]
    Unknown,
}

impl Error {
    /// Returns what is known where a question was not answered in time.
    fn unanswered() -> Self {
        Self::Unavailable {
            reason: NO_ANSWER.to_owned(),
        }
    }
}
