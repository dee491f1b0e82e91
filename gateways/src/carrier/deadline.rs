//! The deadline every call to a carrier has.

use super::{
    Error, Gateway, Label, LabelId, LabelRequest, OperationKey, Parcel, Rate, Tracking, TrackingNumber,
    Validation,
};
use crate::deadline::within;
use cartwright_domain::address::Address;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// A carrier whose every call ends at the deadline: what may have changed something as [`Error::Unknown`], a question
/// as [`Error::Unavailable`].
pub struct Deadlined {
    carrier: Arc<dyn Gateway>,
    deadline: Duration,
}

impl Deadlined {
    /// How long a carrier may take: a shopper waits for what shipping costs.
    pub const DEADLINE_DEFAULT: Duration = Duration::from_secs(2);

    /// Puts a deadline on each call to the carrier.
    pub fn new(carrier: Arc<dyn Gateway>, deadline: Duration) -> Self {
        Self { carrier, deadline }
    }

    fn question<'a, T: Send + 'a>(
        &self,
        call: BoxFuture<'a, Result<T, Error>>,
    ) -> BoxFuture<'a, Result<T, Error>> {
        within(self.deadline, call, Error::unanswered)
    }

    fn operation<'a, T: Send + 'a>(
        &self,
        call: BoxFuture<'a, Result<T, Error>>,
    ) -> BoxFuture<'a, Result<T, Error>> {
        within(self.deadline, call, || Error::Unknown)
    }
}

impl Gateway for Deadlined {
    fn name(&self) -> &'static str {
        self.carrier.name()
    }

    fn rates<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Vec<Rate>, Error>> {
        self.question(self.carrier.rates(parcel))
    }

    fn validate<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, Result<Validation, Error>> {
        self.question(self.carrier.validate(address))
    }

    fn buy_label<'a>(
        &'a self,
        key: &'a OperationKey,
        request: LabelRequest,
    ) -> BoxFuture<'a, Result<Label, Error>> {
        self.operation(self.carrier.buy_label(key, request))
    }

    fn void_label<'a>(&'a self, label: &'a LabelId) -> BoxFuture<'a, Result<(), Error>> {
        self.operation(self.carrier.void_label(label))
    }

    fn track<'a>(&'a self, number: &'a TrackingNumber) -> BoxFuture<'a, Result<Tracking, Error>> {
        self.question(self.carrier.track(number))
    }
}
