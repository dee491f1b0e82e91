//! Use cases of checkouts, and the saga behind them (section 5 of the semantics).

mod after;
mod back;
mod before;
mod env;
mod finish;
mod payment;
mod saga;
mod tenders;
mod uses;
mod validate;

pub(crate) use env::CheckoutEnv;

use crate::cart::{CartRef, CartView, DetailsDraft, View};
use crate::engine::{Engine, unreadable};
use crate::once::{Shown, gone};
use crate::request::{Done, Outcome, Refused, Request};
use crate::runtime::{AskError, Opened, Ticket, TicketMode};
use cartwright_domain::cart::{Cart, State};
use cartwright_domain::checkout::{
    AbandonCheckout, BeginCheckout, BeginCompletion, Checkout, Completion, Ending, Error, Step,
};
use cartwright_domain::id::{CheckoutId, OrderId};
use cartwright_domain::idempotency::AnswersTo;
use cartwright_domain::money::Money;
use cartwright_domain::order::Order;
use cartwright_domain::{Class, EntityId, Problem, Refusal};
use cartwright_storage::{Outcome as Kept, Receipt};
use std::time::Duration;
use tokio::time::Instant;

/// How much longer than the provider's deadline a completion waits for its result.
const PATIENCE_BEYOND_PROVIDER: Duration = Duration::from_secs(1);

/// A checkout as it is answered.
#[derive(Clone, Debug)]
pub struct CheckoutView {
    /// The checkout.
    pub checkout: Shown<Checkout>,
    /// The order it led to.
    pub order: Option<Shown<Order>>,
    /// Why it led to none.
    pub problem: Option<Problem>,
}

impl CheckoutView {
    /// Tells whether the attempt has come to something: an order, or its end.
    pub fn is_settled(&self) -> bool {
        self.order.is_some() || self.checkout.state.is_ended()
    }
}

/// What a caller says when completing.
#[derive(Clone, Debug, Default)]
pub struct CompletionDraft {
    /// The provider's token for the shopper's means of payment.
    pub payment_token: Option<String>,
    /// The total the caller agrees to; without it, the one last shown to them.
    pub expected_total: Option<Money>,
    /// What the caller agrees to pay at the provider; without it, what was last shown with that total.
    pub expected_due: Option<Money>,
}

impl Engine {
    /// Starts a checkout: locks the cart and reserves its stock for a time. One that is open already is answered.
    ///
    /// A revision the caller expects is the cart's, and holds for what is locked.
    ///
    /// # Errors
    /// `cart.not_found`, `version.stale`, `cart.completed`, `cart.empty`, `checkout.lines_unavailable`, a stock item's refusal.
    pub async fn start_checkout(&self, request: &Request, cart: CartRef) -> Outcome<CheckoutView> {
        let ticket = match self.open(request, TicketMode::Running).await? {
            Opened::Known(receipt) => return self.replay_checkout(request, &receipt).await,
            Opened::Fresh(ticket) => ticket,
        };
        let outcome = self.start_fresh(request, cart, ticket.clone()).await;
        self.keep_if_refused(request, ticket, outcome).await
    }

    async fn start_fresh(
        &self,
        request: &Request,
        cart: CartRef,
        ticket: Option<Ticket>,
    ) -> Outcome<CheckoutView> {
        let cart = self.resolve(request, cart).await?;
        match cart.state.state() {
            State::Checkout { checkout, .. } => return self.checkout_done(checkout, false).await,
            State::Completed { order, .. } => {
                return Err(cartwright_domain::cart::Error::Completed { order }
                    .problem()
                    .into());
            }
            State::Created | State::Active | State::Abandoned | State::Recovered | State::Merged { .. } => {}
        }
        request.require_revision(cart.revision)?;
        let priced = self.kinds().priced(cart.clone()).await?;
        if let Some(problem) = validate::line_problem(&priced) {
            return Err(problem.into());
        }
        let id = self.begin(request, &cart, None, ticket).await?;
        let deadline = request.deadline;
        self.wait_until(id, deadline, |checkout| {
            !matches!(checkout.step, Step::ReserveStock | Step::WalkBack)
        })
        .await?;
        self.settled(id).await
    }

    /// Completes a cart: start, payment and order in one, or the rest of a checkout that was started.
    ///
    /// Waits for the result at most the provider's deadline and a second; a view that is not settled then says so.
    /// A revision the caller expects is the cart's, and holds for what is locked. Where completion was asked for
    /// before, nothing is left to be changed: whatever comes of it is the answer.
    ///
    /// # Errors
    /// `version.stale`; everything that is missing at once (`checkout.incomplete`); `checkout.total_changed`; `payment.declined`;
    /// `checkout.reservation_expired`; a stock item's refusal.
    pub async fn complete_cart(
        &self,
        request: &Request,
        cart: CartRef,
        draft: CompletionDraft,
    ) -> Outcome<CheckoutView> {
        let ticket = match self.open(request, TicketMode::Running).await? {
            Opened::Known(receipt) => return self.replay_checkout(request, &receipt).await,
            Opened::Fresh(ticket) => ticket,
        };
        let outcome = match self.resolve(request, cart).await {
            Ok(cart) => self.complete_fresh(request, cart, draft, ticket.clone()).await,
            Err(refused) => Err(refused),
        };
        self.keep_if_refused(request, ticket, outcome).await
    }

    /// Completes a checkout that was started. A revision the caller expects is the checkout's.
    ///
    /// # Errors
    /// `checkout.not_found`; as [`Engine::complete_cart`].
    pub async fn complete_checkout(
        &self,
        request: &Request,
        id: CheckoutId,
        draft: CompletionDraft,
    ) -> Outcome<CheckoutView> {
        let ticket = match self.open(request, TicketMode::Running).await? {
            Opened::Known(receipt) => return self.replay_checkout(request, &receipt).await,
            Opened::Fresh(ticket) => ticket,
        };
        let outcome = self
            .complete_checkout_fresh(request, id, draft, ticket.clone())
            .await;
        self.keep_if_refused(request, ticket, outcome).await
    }

    async fn complete_checkout_fresh(
        &self,
        request: &Request,
        id: CheckoutId,
        draft: CompletionDraft,
        ticket: Option<Ticket>,
    ) -> Outcome<CheckoutView> {
        let (checkout, cart) = self.checkout_and_cart(request, id).await?;
        match checkout.state.step {
            Step::Ended => return self.settled(id).await,
            // Nothing changes a checkout that waits but its completion and its end: what is true here stays true.
            Step::ReserveStock | Step::AwaitCompletion => request.require_revision(checkout.revision)?,
            // Completion was asked for before.
            Step::FreezeQuote
            | Step::AuthorizePayment
            | Step::SettlePayment
            | Step::CapturePayment
            | Step::WalkBack => {}
        }
        self.complete_fresh(&request.unconditional(), cart, draft, ticket)
            .await
    }

    /// Completes a cart, at the revision that the caller expects of it.
    async fn complete_fresh(
        &self,
        request: &Request,
        cart: Shown<Cart>,
        draft: CompletionDraft,
        ticket: Option<Ticket>,
    ) -> Outcome<CheckoutView> {
        let settings = self.kinds().current_settings().await?;
        let shown = self.inner().shown_totals.last(cart.id, &request.caller);
        let expected_total = draft.expected_total.or(shown.map(|shown| shown.total));
        let shown_due = shown.filter(|shown| Some(shown.total) == expected_total);
        let completion = Completion {
            payment_token: draft.payment_token,
            expected_total,
            expected_due: draft.expected_due.or(shown_due.map(|shown| shown.due)),
            deadline_at: self.now().after(settings.lifetimes.checkout),
        };
        let patience = settings.lifetimes.provider + PATIENCE_BEYOND_PROVIDER;
        let deadline = request.deadline.min(Instant::now() + patience);
        let id = match cart.state.state() {
            // Completing a completed cart answers with the same order, which the checkout may not show yet: cart and
            // checkout are told of it side by side.
            State::Completed { checkout, .. } => checkout,
            State::Checkout { checkout, .. } => {
                self.join(request, &cart, checkout, completion, ticket).await?
            }
            State::Created | State::Active | State::Abandoned | State::Recovered | State::Merged { .. } => {
                request.require_revision(cart.revision)?;
                self.require_complete(&cart, &completion).await?;
                self.begin(request, &cart, Some(completion), ticket).await?
            }
        };
        self.wait_until(id, deadline, |checkout| {
            matches!(checkout.step, Step::CapturePayment | Step::Ended)
        })
        .await?;
        self.settled(id).await
    }

    /// Refuses, before anything is reserved, a cart that cannot be completed.
    async fn require_complete(&self, cart: &Shown<Cart>, completion: &Completion) -> Result<(), Refused> {
        let priced = self.kinds().priced(cart.clone()).await?;
        let obstacle = validate::due_changed(&priced, completion)
            .or_else(|| validate::obstacle(&priced, completion.payment_token.is_some()));
        obstacle.map_or(Ok(()), |problem| Err(problem.into()))
    }

    /// Begins an attempt. Whoever loses the race for the cart joins the winner's.
    async fn begin(
        &self,
        request: &Request,
        cart: &Shown<Cart>,
        completion: Option<Completion>,
        ticket: Option<Ticket>,
    ) -> Result<CheckoutId, Refused> {
        let partition = Some(cart.id.partition());
        let (id, order): (CheckoutId, OrderId) =
            (self.draw(request, partition), self.draw(request, partition));
        let command = BeginCheckout {
            cart: cart.id,
            session: cart.state.owner(),
            order,
            completion: completion.clone(),
            answers: ticket.as_ref().map(answers_to),
            cart_revision: request.if_match,
        };
        let ask = request.ask().if_match(None).ticket(ticket.clone()).fresh();
        match self.kinds().checkouts.create(id, command, ask).await {
            Ok(_) => Ok(id),
            Err(AskError::KeyTaken { holder, .. }) => {
                let holder = CheckoutId::from_uuid(holder.id);
                match completion {
                    Some(completion) => self.join(request, cart, holder, completion, ticket).await,
                    None => Ok(holder),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Completes the attempt that holds the cart, or waits with those who already do.
    async fn join(
        &self,
        request: &Request,
        cart: &Shown<Cart>,
        id: CheckoutId,
        completion: Completion,
        ticket: Option<Ticket>,
    ) -> Result<CheckoutId, Refused> {
        let checkouts = &self.kinds().checkouts;
        let read = checkouts.read(id).await.map_err(unreadable)?;
        let starting = read.is_some_and(|checkout| {
            checkout.state.step == Step::ReserveStock && checkout.state.completion.is_none()
        });
        if starting {
            self.wait_until(id, request.deadline, |checkout| {
                checkout.step != Step::ReserveStock
            })
            .await?;
        }
        let awaits = checkouts.read(id).await.map_err(unreadable)?;
        if awaits.is_none_or(|checkout| checkout.state.step != Step::AwaitCompletion) {
            return Ok(id);
        }
        if request.if_match.is_some() {
            // Whoever started the checkout has changed the cart, by locking it.
            let cart = self.kinds().carts.read(cart.id).await.map_err(unreadable)?;
            request.require_revision(cart.ok_or_else(gone::<Cart>)?.revision)?;
        }
        // What is missing can be added through the checkout. Lines that can no longer be had end it, which gives the
        // cart back: the saga judges them.
        let priced = self.kinds().priced(cart.clone()).await?;
        if let Some(problem) = validate::unfinished(&priced, completion.payment_token.is_some()) {
            return Err(problem.into());
        }
        let command = BeginCompletion {
            completion,
            answers: ticket.as_ref().map(answers_to),
            cart_revision: request.if_match,
        };
        checkouts
            .ask(id, command, request.ask().if_match(None).ticket(ticket))
            .await?;
        Ok(id)
    }

    /// Shows a checkout.
    ///
    /// # Errors
    /// `checkout.not_found`, also for somebody else's.
    pub async fn checkout(&self, request: &Request, id: CheckoutId) -> Result<CheckoutView, Refused> {
        self.checkout_and_cart(request, id).await?;
        self.checkout_view(id).await
    }

    /// Changes e-mail, addresses and shipping choice through a checkout that waits for its completion.
    ///
    /// # Errors
    /// `checkout.not_found`; `cart.locked` once payment may have begun; how it ended; every bad field.
    pub async fn update_checkout(
        &self,
        request: &Request,
        id: CheckoutId,
        draft: DetailsDraft,
    ) -> Outcome<CartView> {
        let (checkout, cart) = self.checkout_and_cart(request, id).await?;
        let ended = match &checkout.state.ending {
            // Why it was refused is no reason to refuse this.
            Some(Ending::Refused(_)) => Some(Error::Ended.problem()),
            // Of a completed one the cart says so.
            ending @ (Some(Ending::Completed | Ending::Expired | Ending::Abandoned) | None) => {
                ending.as_ref().and_then(finish::refusal)
            }
        };
        if let Some(problem) = ended {
            return Err(problem.into());
        }
        let command = self.checked_details(draft, Some(id)).await?;
        let done = self.run(&self.kinds().carts, cart.id, command, request).await?;
        self.cart_done(request, done.value, None, View::Full, done.replayed)
            .await
    }

    /// Gives up a checkout that waits for its completion: the cart is free, the stock is back.
    ///
    /// # Errors
    /// `checkout.not_found`; `checkout.in_progress` once payment may have begun; `checkout.ended`.
    pub async fn abandon_checkout(&self, request: &Request, id: CheckoutId) -> Outcome<CheckoutView> {
        self.checkout_and_cart(request, id).await?;
        let done = self
            .run(&self.kinds().checkouts, id, AbandonCheckout, request)
            .await?;
        self.wait_until(id, request.deadline, Checkout::is_ended).await?;
        Ok(Done {
            value: self.checkout_view(id).await?,
            replayed: done.replayed,
        })
    }

    async fn checkout_and_cart(
        &self,
        request: &Request,
        id: CheckoutId,
    ) -> Result<(Shown<Checkout>, Shown<Cart>), Refused> {
        let checkout = self
            .kinds()
            .checkouts
            .read(id)
            .await
            .map_err(unreadable)?
            .ok_or_else(gone::<Checkout>)?;
        match self.resolve(request, CartRef::Id(checkout.state.cart)).await {
            Ok(cart) => Ok((checkout, cart)),
            Err(refused) if refused.problem.class == Class::NotFound => Err(gone::<Checkout>()),
            Err(refused) => Err(refused),
        }
    }

    async fn wait_until(
        &self,
        id: CheckoutId,
        deadline: Instant,
        reached: impl Fn(&Checkout) -> bool + Send,
    ) -> Result<(), Refused> {
        self.inner()
            .checkout_sagas
            .wait_for(id, deadline, reached)
            .await
            .map_err(unreadable)?;
        Ok(())
    }

    pub(crate) async fn checkout_view(&self, id: CheckoutId) -> Result<CheckoutView, Refused> {
        let checkout = self
            .kinds()
            .checkouts
            .read(id)
            .await
            .map_err(unreadable)?
            .ok_or_else(gone::<Checkout>)?;
        let completed = match checkout.state.step {
            Step::CapturePayment => true,
            Step::Ended => checkout.state.ending == Some(Ending::Completed),
            Step::ReserveStock
            | Step::AwaitCompletion
            | Step::FreezeQuote
            | Step::AuthorizePayment
            | Step::SettlePayment
            | Step::WalkBack => false,
        };
        let order = match completed {
            true => self
                .kinds()
                .orders
                .read(checkout.state.order)
                .await
                .map_err(unreadable)?,
            false => None,
        };
        let problem = checkout.state.ending.as_ref().and_then(finish::refusal);
        Ok(CheckoutView {
            checkout,
            order,
            problem,
        })
    }

    async fn checkout_done(&self, id: CheckoutId, replayed: bool) -> Outcome<CheckoutView> {
        Ok(Done {
            value: self.checkout_view(id).await?,
            replayed,
        })
    }

    /// Returns where an attempt stands; one that has ended without an order is its refusal.
    async fn settled(&self, id: CheckoutId) -> Outcome<CheckoutView> {
        let view = self.checkout_view(id).await?;
        match &view.problem {
            Some(problem) if view.checkout.state.is_ended() => Err(problem.clone().into()),
            Some(_) | None => Ok(Done::fresh(view)),
        }
    }

    /// Answers a completion that was asked for before, under the same key.
    async fn replay_checkout(&self, request: &Request, receipt: &Receipt) -> Outcome<CheckoutView> {
        let refused = |problem: &Problem| Refused {
            problem: problem.clone(),
            replayed: true,
        };
        if let Kept::Refused(problem) = &receipt.outcome {
            return Err(refused(problem));
        }
        let id = CheckoutId::from_uuid(receipt.entity.id);
        let read = self.kinds().checkouts.read_behind(receipt).await;
        read.map_err(unreadable)?;
        let (checkout, _) = self.checkout_and_cart(request, id).await?;
        match (&receipt.outcome, checkout.state.step) {
            (
                Kept::Running,
                Step::SettlePayment | Step::CapturePayment | Step::Ended | Step::AwaitCompletion,
            )
            | (Kept::Done(_), _) => {
                let view = self.checkout_view(id).await?;
                match &view.problem {
                    Some(problem) if view.checkout.state.is_ended() => Err(refused(problem)),
                    Some(_) | None => Ok(Done {
                        value: view,
                        replayed: true,
                    }),
                }
            }
            (Kept::Running | Kept::Refused(_) | Kept::Forbidden, _) => {
                let error = AskError::<Error>::InProgress {
                    entity: receipt.entity,
                };
                Err(Refused::from(error))
            }
        }
    }

    async fn keep_if_refused(
        &self,
        request: &Request,
        ticket: Option<Ticket>,
        outcome: Outcome<CheckoutView>,
    ) -> Outcome<CheckoutView> {
        let refused = match outcome {
            Ok(done) => return Ok(done),
            Err(refused) => refused,
        };
        let ticket = ticket.map(|ticket| Ticket {
            mode: TicketMode::Answer,
            ..ticket
        });
        let receipt = self.keep_refusal(request, ticket, refused).await?;
        self.replay_checkout(request, &receipt).await
    }
}

fn answers_to(ticket: &Ticket) -> AnswersTo {
    AnswersTo {
        caller: ticket.caller.clone(),
        key: ticket.key.clone(),
        fingerprint: ticket.fingerprint,
        expires_at: ticket.expires_at,
    }
}
