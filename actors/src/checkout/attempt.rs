//! Beginning an attempt, or joining the one that holds the cart.

use super::asked::Attempt;
use super::{finish, validate};
use crate::engine::{Engine, unreadable};
use crate::once::{Shown, gone};
use crate::request::{Refused, Request};
use crate::runtime::{AskError, Ticket};
use cartwright_domain::EntityId;
use cartwright_domain::cart::Cart;
use cartwright_domain::checkout::{
    BeginCheckout, BeginCompletion, Checkout, Completion, Error, JoinCheckout, RefuseCheckout, Step,
};
use cartwright_domain::id::{CartId, CheckoutId, OrderId};

impl Engine {
    /// Begins an attempt. Whoever loses the race for the cart joins the winner's.
    pub(super) async fn begin(
        &self,
        request: &Request,
        cart: &Shown<Cart>,
        completion: Option<Completion>,
        ticket: Option<Ticket>,
    ) -> Result<Attempt, Refused> {
        let partition = Some(cart.id.partition());
        let (id, order): (CheckoutId, OrderId) =
            (self.draw(request, partition), self.draw(request, partition));
        let command = BeginCheckout {
            cart: cart.id,
            session: cart.state.owner(),
            order,
            completion: completion.clone(),
            answers: ticket.as_ref().map(Ticket::answers_to),
            cart_revision: request.if_match,
        };
        let ask = request.ask().if_match(None).ticket(ticket.clone()).fresh();
        match self.kinds().checkouts.create(id, command, ask).await {
            Ok(answer) => Ok(Attempt::of(&answer, id)),
            Err(AskError::KeyTaken { holder, .. }) => {
                let holder = CheckoutId::from_uuid(holder.id);
                match completion {
                    Some(completion) => self.join(request, cart, holder, completion, ticket).await,
                    None => self.join_start(request, cart.id, holder, ticket).await,
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Joins a start to the attempt that holds the cart, which keeps the key.
    pub(super) async fn join_start(
        &self,
        request: &Request,
        cart: CartId,
        id: CheckoutId,
        ticket: Option<Ticket>,
    ) -> Result<Attempt, Refused> {
        self.require_version_of_start(request, cart, id).await?;
        let ask = request.ask().if_match(None).ticket(ticket);
        let joined = self.kinds().checkouts.ask(id, JoinCheckout, ask).await?;
        Ok(Attempt::of(&joined, id))
    }

    /// Refuses a version of the cart that is neither the one that the attempt's own start named nor the one it has now.
    async fn require_version_of_start(
        &self,
        request: &Request,
        cart: CartId,
        id: CheckoutId,
    ) -> Result<(), Refused> {
        if request.if_match.is_none() {
            return Ok(());
        }
        let (carts, checkouts) = (&self.kinds().carts, &self.kinds().checkouts);
        let read = checkouts.read(id).await.map_err(unreadable)?;
        if read.is_none_or(|checkout| checkout.state.cart_revision == request.if_match) {
            return Ok(());
        }
        // It raises the cart's version by locking it.
        let is_locking = |checkout: &Checkout| checkout.step == Step::ReserveStock;
        self.wait_until(id, request.waits_until(), |checkout| !is_locking(checkout))
            .await?;
        let read = checkouts.read(id).await.map_err(unreadable)?;
        if read.is_some_and(|checkout| is_locking(&checkout.state)) {
            return Err(AskError::<Error>::Expired.into());
        }
        let cart = carts.read(cart).await.map_err(unreadable)?;
        request.require_revision(cart.ok_or_else(gone::<Cart>)?.revision)
    }

    /// Completes the attempt that holds the cart, or joins those who already do. It keeps the key, also where it has ended.
    pub(super) async fn join(
        &self,
        request: &Request,
        cart: &Shown<Cart>,
        id: CheckoutId,
        mut completion: Completion,
        ticket: Option<Ticket>,
    ) -> Result<Attempt, Refused> {
        let checkouts = &self.kinds().checkouts;
        let is_others = |checkout: &Checkout| {
            checkout.cart_revision.is_some() && checkout.cart_revision != request.if_match
        };
        // It may be refused yet for a revision that this caller has not named.
        let may_be_stale = |checkout: &Checkout| {
            is_others(checkout) && matches!(checkout.step, Step::ReserveStock | Step::FreezeQuote)
        };
        let is_starting = |checkout: &Checkout| {
            (checkout.step == Step::ReserveStock && checkout.completion.is_none()) || may_be_stale(checkout)
        };
        let mut read = checkouts.read(id).await.map_err(unreadable)?;
        if read.as_ref().is_some_and(|checkout| is_starting(&checkout.state)) {
            self.wait_until(id, request.waits_until(), |checkout| !is_starting(checkout))
                .await?;
            read = checkouts.read(id).await.map_err(unreadable)?;
            if read.as_ref().is_some_and(|checkout| is_starting(&checkout.state)) {
                // It may be completed as soon as it holds its goods: no refusal that the key would keep.
                return Err(AskError::<Error>::Expired.into());
            }
        }
        if read
            .as_ref()
            .is_some_and(|other| is_others(&other.state) && finish::was_stale(&other.state))
        {
            // The cart is free again, or is so in a moment, and this caller's to complete: no refusal that the key would keep.
            return Err(AskError::<Error>::Expired.into());
        }
        if read.is_some_and(|checkout| checkout.state.step == Step::AwaitCompletion) {
            if request.if_match.is_some() {
                // Whoever started the checkout has changed the cart, by locking it.
                let cart = self.kinds().carts.read(cart.id).await.map_err(unreadable)?;
                request.require_revision(cart.ok_or_else(gone::<Cart>)?.revision)?;
            }
            // What is missing can be added through the checkout. Lines that can no longer be had end it, which gives the
            // cart back: the saga judges them.
            let priced = self.kinds().priced(cart.clone()).await?;
            let shown = match validate::due_changed(&priced, &completion) {
                Some(problem) => Err(problem.into()),
                None => {
                    let unfinished = validate::unfinished(&priced, completion.payment_token.is_some());
                    if let Some(problem) = unfinished.or_else(|| self.unpayable(&priced)) {
                        return Err(problem.into());
                    }
                    self.as_shown(request, &priced, completion.clone()).await
                }
            };
            match shown {
                Ok(shown) => completion = shown,
                Err(refused) if validate::is_of_sums(&refused.problem) => {
                    // It ends as it would by sums that the saga finds to be others, which gives the cart back and answers
                    // the key.
                    let command = RefuseCheckout {
                        problem: refused.problem,
                        answers: ticket.as_ref().map(Ticket::answers_to),
                    };
                    let ask = request.ask().if_match(None).ticket(ticket);
                    let ended = checkouts.ask(id, command, ask).await?;
                    return Ok(Attempt::of(&ended, id));
                }
                Err(refused) => return Err(refused),
            }
        }
        let command = BeginCompletion {
            completion,
            answers: ticket.as_ref().map(Ticket::answers_to),
            cart_revision: request.if_match,
        };
        let ask = request.ask().if_match(None).ticket(ticket);
        let joined = checkouts.ask(id, command, ask).await?;
        Ok(Attempt::of(&joined, id))
    }
}
