//! Use cases of orders: who may see one, and the cancellation of a whole one.

mod cancellation;

pub(crate) use cancellation::CancellationEnv;

use crate::engine::{Engine, unreadable};
use crate::once::{Shown, gone};
use crate::page::{Order as Sorted, Page, PageRequest};
use crate::request::{Done, Outcome, Refused, Request};
use crate::runtime::{AskError, Opened, Ticket, TicketMode};
use cartwright_domain::id::{CancellationId, OrderId};
use cartwright_domain::idempotency::AnswersTo;
use cartwright_domain::order::Order;
use cartwright_domain::order::cancellation::{BeginCancellation, Cancellation, Error, Step};
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
    /// Answers when everything is given back, or at the deadline with the order as it then is.
    ///
    /// # Errors
    /// `order.not_found`; `cancellation.reason`; the order's refusal with the legal next statuses.
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
            Ok(done) => return Ok(done),
            Err(refused) => refused,
        };
        let ticket = ticket.map(|ticket| Ticket {
            mode: TicketMode::Answer,
            ..ticket
        });
        let receipt = self.keep_refusal(request, ticket, refused).await?;
        self.replay_cancellation(&receipt).await
    }

    async fn cancel_fresh(
        &self,
        request: &Request,
        id: OrderId,
        reason: String,
        ticket: Option<Ticket>,
    ) -> Outcome<Shown<Order>> {
        let order = self
            .kinds()
            .orders
            .read(id)
            .await
            .map_err(unreadable)?
            .ok_or_else(gone::<Order>)?;
        request.require_revision(order.revision)?;
        let answers = ticket.as_ref().map(|ticket| AnswersTo {
            caller: ticket.caller.clone(),
            key: ticket.key.clone(),
            fingerprint: ticket.fingerprint,
            expires_at: ticket.expires_at,
        });
        let cancellation: CancellationId = self.draw(request, Some(id.partition()));
        let command = BeginCancellation {
            order: id,
            reason,
            answers,
        };
        let ask = request.ask().if_match(None).ticket(ticket).fresh();
        let begun = match self
            .kinds()
            .cancellations
            .create(cancellation, command, ask)
            .await
        {
            Ok(_) => cancellation,
            // Somebody is canceling it already: whatever that comes to is the answer.
            Err(AskError::KeyTaken { holder, .. }) => CancellationId::from_uuid(holder.id),
            Err(error) => return Err(error.into()),
        };
        let sagas = &self.inner().cancellation_sagas;
        let ended = |cancellation: &Cancellation| cancellation.step == Step::Ended;
        let stands = sagas
            .wait_for(begun, request.deadline, ended)
            .await
            .map_err(unreadable)?;
        match stands.and_then(|cancellation| cancellation.state.refusal.clone()) {
            Some(problem) => Err(problem.into()),
            None => {
                let order = self
                    .kinds()
                    .orders
                    .read(id)
                    .await
                    .map_err(unreadable)?
                    .ok_or_else(gone::<Order>)?;
                Ok(Done::fresh(order))
            }
        }
    }

    async fn replay_cancellation(&self, receipt: &Receipt) -> Outcome<Shown<Order>> {
        match &receipt.outcome {
            Kept::Refused(problem) => Err(Refused {
                problem: problem.clone(),
                replayed: true,
            }),
            Kept::Done(_) => {
                let read = self.kinds().cancellations.read_behind(receipt).await;
                let read = read.map_err(unreadable)?;
                let cancellation = read.ok_or_else(gone::<Cancellation>)?;
                let order = self
                    .kinds()
                    .orders
                    .read(cancellation.state.order)
                    .await
                    .map_err(unreadable)?;
                Ok(Done {
                    value: order.ok_or_else(gone::<Order>)?,
                    replayed: true,
                })
            }
            Kept::Running | Kept::Forbidden => Err(AskError::<Error>::InProgress {
                entity: receipt.entity,
            }
            .into()),
        }
    }
}

fn may_see(request: &Request, order: &Shown<Order>, proof: &Proof) -> bool {
    let knows_token = proof
        .token
        .as_ref()
        .is_some_and(|token| order.state.has_token(token));
    knows_token || order.state.belongs_to(&request.caller)
}
