//! Use cases of orders: who may see one, and the cancellation of a whole one.

mod cancellation;

pub(crate) use cancellation::CancellationEnv;

use crate::engine::{Engine, unreadable};
use crate::once::{Shown, gone};
use crate::page::{Order as Sorted, Page, PageRequest};
use crate::request::{Done, Outcome, Refused, Request};
use crate::runtime::{AskError, Opened, Ticket, TicketMode};
use cartwright_domain::id::{CancellationId, OrderId};
use cartwright_domain::order::cancellation::{
    BeginCancellation, Cancellation, Error, JoinCancellation, Step,
};
use cartwright_domain::order::{self, Order};
use cartwright_domain::{EntityId, Unique, UniqueKey};
use cartwright_storage::{Outcome as Kept, Receipt};

/// What a caller shows to see an order without being signed in to the session that placed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// The order's opaque token.
    pub token: Option<String>,
    /// The e-mail address it was placed with; only together with its number.
    pub email: Option<String>,
}

impl Engine {
    /// Shows an order by its number, to staff, to the session that placed it, or against its token or e-mail address.
    ///
    /// # Errors
    /// `order.not_found`, also for one the caller may not see.
    pub async fn order_by_number(
        &self,
        request: &Request,
        number: u64,
        proof: &Proof,
    ) -> Result<Shown<Order>, Refused> {
        let key = UniqueKey::new(Unique::OrderNumber, number.to_be_bytes());
        let found = self
            .inner()
            .runtime
            .store()
            .lookup(key)
            .await
            .map_err(unreadable)?;
        let id = found
            .map(|entity| OrderId::from_uuid(entity.id))
            .ok_or_else(gone::<Order>)?;
        let order = self
            .kinds()
            .orders
            .read(id)
            .await
            .map_err(unreadable)?
            .ok_or_else(gone::<Order>)?;
        let knows_email = || {
            let email = proof.email.as_ref();
            email.is_some_and(|email| order.state.has_email(email))
        };
        if may_see(request, &order, proof) || knows_email() {
            Ok(order)
        } else {
            Err(gone::<Order>())
        }
    }

    /// Shows an order by its id, to staff, to the session that placed it, or against its token.
    ///
    /// # Errors
    /// `order.not_found`, also for one the caller may not see.
    pub async fn order(
        &self,
        request: &Request,
        id: OrderId,
        proof: &Proof,
    ) -> Result<Shown<Order>, Refused> {
        let order = self
            .kinds()
            .orders
            .read(id)
            .await
            .map_err(unreadable)?
            .ok_or_else(gone::<Order>)?;
        if may_see(request, &order, proof) {
            Ok(order)
        } else {
            Err(gone::<Order>())
        }
    }

    /// Lists every order, the newest first.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn orders(&self, page: PageRequest) -> Result<Page<Shown<Order>>, Refused> {
        self.page(
            &self.kinds().orders,
            Unique::OrderNumber,
            b"",
            Sorted::Descending,
            page,
        )
        .await
    }

    /// Cancels a whole order: voids what is only authorized, refunds what is captured, gives the stock back.
    ///
    /// Answers when everything is given back, or shortly before the deadline with the order as it then is.
    ///
    /// # Errors
    /// `order.not_found`; a reason that is none; the order's refusal with the legal next statuses.
    pub async fn cancel_order(
        &self,
        request: &Request,
        id: OrderId,
        reason: String,
    ) -> Outcome<Shown<Order>> {
        let ticket = match self.open(request, TicketMode::Running).await? {
            Opened::Known(receipt) => return self.replay_cancellation(&receipt).await,
            Opened::Fresh(ticket) => ticket,
        };
        let refused = match self.cancel_fresh(request, id, reason, ticket.clone()).await {
            Ok((begun, replayed)) => {
                let sagas = &self.inner().cancellation_sagas;
                let waited = sagas
                    .wait_for(begun, request.waits_until(), Cancellation::is_ended)
                    .await;
                let cancellation = waited.map_err(unreadable)?;
                let stands = |found: &Shown<Cancellation>| found.state.step == Step::CancelOrder;
                if cancellation.as_ref().is_some_and(stands) {
                    // It may be refused yet. The key goes on standing for it.
                    return Err(AskError::<Error>::Expired.into());
                }
                return self.cancellation_done(cancellation, replayed).await;
            }
            Err(refused) => refused,
        };
        let ticket = ticket.map(|ticket| Ticket {
            mode: TicketMode::Answer,
            ..ticket
        });
        let receipt = self.keep_refusal(request, ticket, refused).await?;
        self.replay_cancellation(&receipt).await
    }

    /// Begins the cancellation or joins it; returns it, and whether that was done before under the same key.
    async fn cancel_fresh(
        &self,
        request: &Request,
        id: OrderId,
        reason: String,
        ticket: Option<Ticket>,
    ) -> Result<(CancellationId, bool), Refused> {
        let order = self
            .kinds()
            .orders
            .read(id)
            .await
            .map_err(unreadable)?
            .ok_or_else(gone::<Order>)?;
        // Who is late already stops nobody else. What moves on from here on, the saga's first step sees.
        request.require_revision(order.revision)?;
        let cancellation: CancellationId = self.draw(request, Some(id.partition()));
        let command = BeginCancellation {
            order: id,
            reason,
            answers: ticket.as_ref().map(Ticket::answers_to),
            order_revision: request.if_match,
        };
        let cancellations = &self.kinds().cancellations;
        let ask = request.ask().if_match(None);
        let begun = cancellations
            .create(cancellation, command, ask.clone().ticket(ticket.clone()).fresh())
            .await;
        let (asked, answer) = match begun {
            // Somebody is canceling it already: whether it is canceled is the answer to both, now and under this key.
            Err(AskError::KeyTaken { holder, .. }) => {
                let holder = CancellationId::from_uuid(holder.id);
                let other = cancellations.read(holder).await.map_err(unreadable)?;
                let is_done = |other: &Shown<Cancellation>| {
                    other.state.step != Step::CancelOrder && other.state.refusal.is_none()
                };
                if other.as_ref().is_some_and(is_done) {
                    // Only the money is still on its way back.
                    return Err(AskError::Refused(order::Error::AlreadyCanceled).into());
                }
                let may_be_stale = other.is_some_and(|other| {
                    let revision = other.state.order_revision;
                    revision.is_some() && revision != request.if_match
                });
                if may_be_stale {
                    // It may be refused for a revision that this caller has not named, or was. There is an answer once it is
                    // over, and none that the key would keep until then.
                    return Err(AskError::<Error>::Expired.into());
                }
                let joined = cancellations.ask(holder, JoinCancellation, ask.ticket(ticket));
                (holder, joined.await?)
            }
            begun => (cancellation, begun?),
        };
        // Another one has answered where the same request was faster.
        let id = answer.state.map_or(asked, |cancellation| cancellation.id);
        Ok((id, answer.replayed))
    }

    async fn replay_cancellation(&self, receipt: &Receipt) -> Outcome<Shown<Order>> {
        if let Kept::Refused(problem) = &receipt.outcome {
            return Err(Refused {
                problem: problem.clone(),
                replayed: true,
            });
        }
        let read = self.kinds().cancellations.read_behind(receipt).await;
        let cancellation = read.map_err(unreadable)?;
        let is_answered = match &receipt.outcome {
            Kept::Done(_) => true,
            Kept::Running => cancellation.as_ref().is_some_and(|found| found.state.is_ended()),
            Kept::Refused(_) | Kept::Forbidden => false,
        };
        match is_answered {
            true => self.cancellation_done(cancellation, true).await,
            false => Err(AskError::<Error>::InProgress {
                entity: receipt.entity,
            }
            .into()),
        }
    }

    /// Returns what a cancellation has come to: its refusal, or the order as it is now.
    async fn cancellation_done(
        &self,
        cancellation: Option<Shown<Cancellation>>,
        replayed: bool,
    ) -> Outcome<Shown<Order>> {
        let cancellation = cancellation.ok_or_else(gone::<Cancellation>)?;
        if let Some(problem) = cancellation.state.refusal.clone() {
            return Err(Refused { problem, replayed });
        }
        let orders = &self.kinds().orders;
        let order = orders.read(cancellation.state.order).await.map_err(unreadable)?;
        Ok(Done {
            value: order.ok_or_else(gone::<Order>)?,
            replayed,
        })
    }
}

fn may_see(request: &Request, order: &Shown<Order>, proof: &Proof) -> bool {
    let knows_token = proof
        .token
        .as_ref()
        .is_some_and(|token| order.state.has_token(token));
    knows_token || order.state.belongs_to(&request.caller)
}
