//! The deadline every call to a provider has (section 5.5 of the semantics).

use super::{Approval, AuthorizeRequest, Error, Gateway, Notification, OperationKey, Outcome, Reference};
use cartwright_domain::money::Money;
use futures::future::BoxFuture;
use std::{sync::Arc, time::Duration};
use tokio::{sync::broadcast, time::timeout};

/// A provider whose every call ends at the deadline: an operation as [`Error::Unknown`], a question as
/// [`Error::Unavailable`].
pub struct Deadlined {
    provider: Arc<dyn Gateway>,
    deadline: Duration,
}

impl Deadlined {
    /// How long a provider may take unless the settings say otherwise.
    pub const DEADLINE_DEFAULT: Duration = Duration::from_secs(5);

    /// Puts a deadline on each call to the provider.
    pub fn new(provider: Arc<dyn Gateway>, deadline: Duration) -> Self {
        Self { provider, deadline }
    }

    async fn operation(&self, call: BoxFuture<'_, Result<Approval, Error>>) -> Result<Approval, Error> {
        timeout(self.deadline, call).await.unwrap_or(Err(Error::Unknown))
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
        Box::pin(self.operation(self.provider.authorize(key, request)))
    }

    fn capture<'a>(
        &'a self,
        key: &'a OperationKey,
        authorization: &'a Reference,
        amount: Money,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        Box::pin(self.operation(self.provider.capture(key, authorization, amount)))
    }

    fn void<'a>(
        &'a self,
        key: &'a OperationKey,
        authorization: &'a Reference,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        Box::pin(self.operation(self.provider.void(key, authorization)))
    }

    fn refund<'a>(
        &'a self,
        key: &'a OperationKey,
        authorization: &'a Reference,
        amount: Money,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        Box::pin(self.operation(self.provider.refund(key, authorization, amount)))
    }

    fn outcome<'a>(&'a self, key: &'a OperationKey) -> BoxFuture<'a, Result<Option<Outcome>, Error>> {
        Box::pin(async move {
            let unanswered = || Error::Unavailable {
                reason: "no answer within the deadline".to_owned(),
            };
            timeout(self.deadline, self.provider.outcome(key))
                .await
                .unwrap_or_else(|_| Err(unanswered()))
        })
    }

    fn notifications(&self) -> broadcast::Receiver<Notification> {
        self.provider.notifications()
    }
}
