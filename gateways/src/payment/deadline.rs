//! The deadline every call to a provider has (section 5.5 of the semantics).

use super::{Approval, AuthorizeRequest, Error, Gateway, Notification, OperationKey, Outcome, Reference};
use crate::deadline::within;
use cartwright_domain::money::Money;
use futures::future::BoxFuture;
use std::{sync::Arc, time::Duration};
use tokio::sync::broadcast;

/// A provider whose every call ends at the deadline: an operation as [`Error::Unknown`], a question as
/// [`Error::Unavailable`].
pub struct Deadlined {
    provider: Arc<dyn Gateway>,
    deadline: Duration,
}

impl Deadlined {
    /// Puts a deadline on each call to the provider.
    pub fn new(provider: Arc<dyn Gateway>, deadline: Duration) -> Self {
        Self { provider, deadline }
    }

    fn operation<'a>(
        &self,
        call: BoxFuture<'a, Result<Approval, Error>>,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        within(self.deadline, call, || Error::Unknown)
    }
}

impl Gateway for Deadlined {
    fn name(&self) -> &'static str {
        self.provider.name()
    }

    fn fault(&self) -> Option<String> {
        self.provider.fault()
    }

    fn authorize<'a>(
        &'a self,
        key: &'a OperationKey,
        request: AuthorizeRequest,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        self.operation(self.provider.authorize(key, request))
    }

    fn capture<'a>(
        &'a self,
        key: &'a OperationKey,
        authorization: &'a Reference,
        amount: Money,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        self.operation(self.provider.capture(key, authorization, amount))
    }

    fn void<'a>(
        &'a self,
        key: &'a OperationKey,
        authorization: &'a Reference,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        self.operation(self.provider.void(key, authorization))
    }

    fn refund<'a>(
        &'a self,
        key: &'a OperationKey,
        authorization: &'a Reference,
        amount: Money,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        self.operation(self.provider.refund(key, authorization, amount))
    }

    fn outcome<'a>(&'a self, key: &'a OperationKey) -> BoxFuture<'a, Result<Option<Outcome>, Error>> {
        within(self.deadline, self.provider.outcome(key), Error::unanswered)
    }

    fn notifications(&self) -> broadcast::Receiver<Notification> {
        self.provider.notifications()
    }
}
