//! A payment provider that cannot be reached for a while.

use cartwright_domain::money::Money;
use cartwright_gateways::payment::{
    Approval, AuthorizeRequest, Error, Gateway, Notification, OperationKey, Outcome, Reference, Sandbox,
};
use futures::future::BoxFuture;
use tokio::sync::broadcast;
use tokio::time::Instant;

/// The sandbox, behind a line that is dead until then.
pub(crate) struct Outage {
    pub(crate) sandbox: Sandbox,
    pub(crate) until: Instant,
    /// Is it known without asking?
    pub(crate) is_known: bool,
}

impl Outage {
    fn reached(&self) -> Result<(), Error> {
        if Instant::now() < self.until {
            let reason = "the line is dead".to_owned();
            return Err(Error::Unavailable { reason });
        }
        Ok(())
    }
}

impl Gateway for Outage {
    fn name(&self) -> &'static str {
        self.sandbox.name()
    }

    fn fault(&self) -> Option<String> {
        let fault = self.reached().err().filter(|_| self.is_known);
        fault.map(|fault| fault.to_string())
    }

    fn authorize<'a>(
        &'a self,
        key: &'a OperationKey,
        request: AuthorizeRequest,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        Box::pin(async move {
            self.reached()?;
            self.sandbox.authorize(key, request).await
        })
    }

    fn capture<'a>(
        &'a self,
        key: &'a OperationKey,
        authorization: &'a Reference,
        amount: Money,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        Box::pin(async move {
            self.reached()?;
            self.sandbox.capture(key, authorization, amount).await
        })
    }

    fn void<'a>(
        &'a self,
        key: &'a OperationKey,
        authorization: &'a Reference,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        Box::pin(async move {
            self.reached()?;
            self.sandbox.void(key, authorization).await
        })
    }

    fn refund<'a>(
        &'a self,
        key: &'a OperationKey,
        authorization: &'a Reference,
        amount: Money,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        Box::pin(async move {
            self.reached()?;
            self.sandbox.refund(key, authorization, amount).await
        })
    }

    fn outcome<'a>(&'a self, key: &'a OperationKey) -> BoxFuture<'a, Result<Option<Outcome>, Error>> {
        Box::pin(async move {
            self.reached()?;
            self.sandbox.outcome(key).await
        })
    }

    fn notifications(&self) -> broadcast::Receiver<Notification> {
        self.sandbox.notifications()
    }
}
