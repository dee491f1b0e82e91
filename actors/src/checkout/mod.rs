//! Use cases of checkouts, and the saga behind them (section 5 of the semantics).

mod after;
mod asked;
mod attempt;
mod back;
mod before;
mod env;
mod expected;
mod finish;
mod payment;
mod saga;
mod steps;
mod tenders;
mod uses;
mod validate;

pub(crate) use env::CheckoutEnv;

use asked::{Asked, Attempt};

use crate::cart::{CartRef, CartView, DetailsDraft, Priced, View};
use crate::engine::{Engine, unreadable};
use crate::once::{Shown, gone, there};
use crate::request::{Done, Outcome, Refused, Request};
use crate::runtime::{AskError, Opened, Ticket, TicketMode};
use cartwright_domain::cart::{Cart, State};
use cartwright_domain::checkout::{AbandonCheckout, Checkout, Ending, Error, Step};
use cartwright_domain::id::{CartId, CheckoutId};
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
        let ticket = match self.open_attempt(request, Asked::Start).await? {
            Opened::Known(receipt) => {
                return self.replay_checkout(request, Asked::Start, None, &receipt).await;
            }
            Opened::Fresh(ticket) => ticket,
        };
        let attempt = self.start_fresh(request, cart, ticket.clone()).await;
        self.answer(request, Asked::Start, None, ticket, attempt).await
    }

    async fn start_fresh(
        &self,
        request: &Request,
        cart: CartRef,
        ticket: Option<Ticket>,
    ) -> Result<Attempt, Refused> {
        let cart = self.resolve(request, cart).await?;
        match cart.state.state() {
            State::Checkout { checkout, .. } => {
                return self.join_start(request, cart.id, checkout, ticket).await;
            }
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
        self.begin(request, &cart, None, ticket).await
    }

    /// Completes a cart: start, payment and order in one, or the rest of a checkout that was started.
    ///
    /// Waits for the result at most the provider's deadline and a second; a view that is not settled then says so.
    /// A revision the caller expects is the cart's, and holds for what is locked. Where completion was asked for
    /// before, nothing is left to be changed: whatever comes of it is the answer.
    ///
    /// # Errors
    /// `cart.not_found`; `version.stale`; everything that is missing at once (`checkout.incomplete`);
    /// `checkout.lines_unavailable`; `checkout.cart_too_large`; `checkout.total_changed`;
    /// `checkout.amount_due_changed`; `checkout.payment_token_too_long`; `payment.declined`; `payment.unavailable`;
    /// `payment.given_up`; how the checkout ended that it joins, such as `checkout.reservation_expired`; the refusal of
    /// a stock item, of a promotion's counter, of a gift card or of store credit.
    pub async fn complete_cart(
        &self,
        request: &Request,
        cart: CartRef,
        draft: CompletionDraft,
    ) -> Outcome<CheckoutView> {
        let ticket = match self.open_attempt(request, Asked::Completion).await? {
            Opened::Known(receipt) => {
                let cart = self.cart_meant(request, cart).await;
                return self
                    .replay_checkout(request, Asked::Completion, cart, &receipt)
                    .await;
            }
            Opened::Fresh(ticket) => ticket,
        };
        let (cart, attempt) = match self.resolve(request, cart).await {
            Ok(cart) => {
                let id = cart.id;
                let attempt = self.complete_fresh(request, cart, draft, ticket.clone()).await;
                (Some(id), attempt)
            }
            Err(refused) => (None, Err(refused)),
        };
        self.answer(request, Asked::Completion, cart, ticket, attempt)
            .await
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
        let ticket = match self.open_attempt(request, Asked::Completion).await? {
            Opened::Known(receipt) => {
                let checkout = self.kinds().checkouts.read(id).await.map_err(unreadable)?;
                let cart = checkout.map(|checkout| checkout.state.cart);
                return self
                    .replay_checkout(request, Asked::Completion, cart, &receipt)
                    .await;
            }
            Opened::Fresh(ticket) => ticket,
        };
        let (cart, attempt) = match self.checkout_and_cart(request, id).await {
            Ok((checkout, cart)) => {
                let completing = self.complete_started(request, &checkout, &cart, draft, ticket.clone());
                (Some(cart.id), completing.await)
            }
            Err(refused) => (None, Err(refused)),
        };
        self.answer(request, Asked::Completion, cart, ticket, attempt)
            .await
    }

    async fn complete_started(
        &self,
        request: &Request,
        checkout: &Shown<Checkout>,
        cart: &Shown<Cart>,
        draft: CompletionDraft,
        ticket: Option<Ticket>,
    ) -> Result<Attempt, Refused> {
        match (checkout.state.step, &checkout.state.ending) {
            // Nothing changes a checkout that waits but its completion and its end: what is true here stays true.
            (Step::ReserveStock | Step::AwaitCompletion, _) => request.require_revision(checkout.revision)?,
            // What it was refused for was answered then, and may be over by now.
            (Step::Ended, Some(Ending::Refused(_))) => return Err(Error::Ended.problem().into()),
            // Completion was asked for before.
            (
                Step::FreezeQuote
                | Step::AuthorizePayment
                | Step::SettlePayment
                | Step::CapturePayment
                | Step::WalkBack
                | Step::Ended,
                _,
            ) => {}
        }
        let completion = self.completion(request, cart, draft).await?;
        self.join(&request.unconditional(), cart, checkout.id, completion, ticket)
            .await
    }

    /// Completes a cart, at the revision that the caller expects of it.
    async fn complete_fresh(
        &self,
        request: &Request,
        cart: Shown<Cart>,
        draft: CompletionDraft,
        ticket: Option<Ticket>,
    ) -> Result<Attempt, Refused> {
        let completion = self.completion(request, &cart, draft).await?;
        match cart.state.state() {
            // Completing a completed cart answers with the same order, which the checkout may not show yet: cart and
            // checkout are told of it side by side.
            State::Completed { checkout, .. } | State::Checkout { checkout, .. } => {
                self.join(request, &cart, checkout, completion, ticket).await
            }
            State::Created | State::Active | State::Abandoned | State::Recovered | State::Merged { .. } => {
                request.require_revision(cart.revision)?;
                let priced = self.kinds().priced(cart.clone()).await?;
                // Who was asked for prices may have taken so long that another completion has come to its end.
                let now = self.kinds().carts.read(cart.id).await.map_err(unreadable)?;
                let now = now.ok_or_else(gone::<Cart>)?;
                if let State::Completed { checkout, .. } | State::Checkout { checkout, .. } =
                    now.state.state()
                {
                    return self.join(request, &now, checkout, completion, ticket).await;
                }
                let obstacle = validate::due_changed(&priced, &completion)
                    .or_else(|| validate::obstacle(&priced, completion.payment_token.is_some()))
                    .or_else(|| self.unpayable(&priced));
                if let Some(problem) = obstacle {
                    return Err(problem.into());
                }
                let completion = self.as_shown(request, &priced, completion).await?;
                self.begin(request, &cart, Some(completion), ticket).await
            }
        }
    }

    /// Returns why nothing can be paid, where the provider is needed and is known to take nothing: nothing is begun then, so
    /// that neither cart nor stock waits for it.
    fn unpayable(&self, priced: &Priced) -> Option<Problem> {
        let is_needed = !priced.coverage.due.is_zero();
        self.payment_fault()
            .filter(|_| is_needed)
            .map(|_| payment::unavailable())
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
        let command = async {
            self.checkout_and_cart(request, id).await?;
            // Whoever leaves while the start still reserves has left all the same.
            let is_started = |checkout: &Checkout| Asked::Start.is_answered(checkout);
            self.wait_until(id, request.waits_until(), is_started).await?;
            let read = self.kinds().checkouts.read(id).await.map_err(unreadable)?;
            if !read.is_some_and(|checkout| is_started(&checkout.state)) {
                // It can be given up as soon as it has started: no refusal that the key would keep.
                return Err(AskError::<Error>::Expired.into());
            }
            Ok(AbandonCheckout)
        };
        let done = self
            .run_on_facts(&self.kinds().checkouts, id, command, request)
            .await?;
        self.wait_until(id, request.waits_until(), Checkout::is_ended)
            .await?;
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

    /// Opens a request's key. One under which an attempt has ended without an answer that is kept counts as unused.
    async fn open_attempt(&self, request: &Request, asked: Asked) -> Result<Opened, Refused> {
        let opened = self.open(request, TicketMode::Running).await?;
        let Opened::Known(receipt) = &opened else {
            return Ok(opened);
        };
        if receipt.outcome != Kept::Running {
            return Ok(opened);
        }
        let read = self.kinds().checkouts.read_behind(receipt).await;
        let checkout = read.map_err(unreadable)?;
        let refusal = checkout.and_then(|checkout| asked.refusal(&checkout.state));
        match refusal.is_some_and(|problem| !problem.class.is_final()) {
            true => Ok(Opened::Fresh(Ticket::again(receipt, TicketMode::Running))),
            false => Ok(opened),
        }
    }

    /// Answers from the attempt that keeps the key, once it has come to what was asked for; or keeps why there is none, which
    /// may tell the sums of `cart`.
    async fn answer(
        &self,
        request: &Request,
        asked: Asked,
        cart: Option<CartId>,
        ticket: Option<Ticket>,
        attempt: Result<Attempt, Refused>,
    ) -> Outcome<CheckoutView> {
        let refused = match attempt {
            Ok(Attempt { id, replayed }) => {
                let deadline = match asked {
                    Asked::Start => request.waits_until(),
                    Asked::Completion => {
                        let provider = self.kinds().current_settings().await?.lifetimes.provider;
                        let patience = provider + PATIENCE_BEYOND_PROVIDER;
                        request.waits_until().min(Instant::now() + patience)
                    }
                };
                self.wait_until(id, deadline, |checkout| asked.is_answered(checkout))
                    .await?;
                return self.attempt_done(request, id, asked, replayed).await;
            }
            Err(refused) => refused,
        };
        let ticket = ticket.map(|ticket| Ticket {
            mode: TicketMode::Answer,
            ..ticket
        });
        match self.keep_refusal(request, ticket, refused).await {
            Ok(receipt) => self.replay_checkout(request, asked, cart, &receipt).await,
            Err(refused) => Err(self.refusing(request, cart, refused)),
        }
    }

    /// Refuses, and remembers what the caller is told by that of the sums of a cart. What is told again may be news to them
    /// all the same, and older than what they were shown since: neither is then known to be what they saw last.
    fn refusing(&self, request: &Request, cart: Option<CartId>, refused: Refused) -> Refused {
        if let (Some(cart), Some((how, total, due))) = (cart, validate::told(&refused.problem)) {
            if refused.replayed {
                let totals = &self.inner().shown_totals;
                totals.told_again(cart, &request.caller, total, due);
            } else {
                self.told(request, cart, how, total, Some(due));
            }
        }
        refused
    }

    /// Returns where an attempt stands, or its refusal.
    async fn attempt_done(
        &self,
        request: &Request,
        id: CheckoutId,
        asked: Asked,
        replayed: bool,
    ) -> Outcome<CheckoutView> {
        let value = self.checkout_view(id).await?;
        let cart = value.checkout.state.cart;
        match asked.refusal(&value.checkout.state) {
            Some(problem) => Err(self.refusing(request, Some(cart), Refused { problem, replayed })),
            None => Ok(Done { value, replayed }),
        }
    }

    /// Returns which cart is meant, where that is known.
    async fn cart_meant(&self, request: &Request, cart: CartRef) -> Option<CartId> {
        match cart {
            CartRef::Id(id) => Some(id),
            CartRef::Current => self.current_of(request).await.ok().flatten(),
        }
    }

    /// Answers what was asked for before, under the same key. A refusal that was kept may tell the sums of `cart`.
    async fn replay_checkout(
        &self,
        request: &Request,
        asked: Asked,
        cart: Option<CartId>,
        receipt: &Receipt,
    ) -> Outcome<CheckoutView> {
        if let Kept::Refused(problem) = &receipt.outcome {
            let refused = Refused {
                problem: problem.clone(),
                replayed: true,
            };
            return Err(self.refusing(request, cart, refused));
        }
        let id = CheckoutId::from_uuid(receipt.entity.id);
        // Whose it is the key says, also once the cart is gone.
        let read = self.kinds().checkouts.read_behind(receipt).await;
        let checkout = there(read.map_err(unreadable)?, true)?;
        let is_answered = match &receipt.outcome {
            Kept::Done(_) => true,
            // Of a payment that is not settled, or is being let go of, the current outcome is told.
            Kept::Running => asked.is_answered(&checkout.state) || checkout.state.is_settling(),
            Kept::Refused(_) | Kept::Forbidden => false,
        };
        if is_answered {
            return self.attempt_done(request, id, asked, true).await;
        }
        Err(Refused::from(AskError::<Error>::InProgress {
            entity: receipt.entity,
        }))
    }
}
