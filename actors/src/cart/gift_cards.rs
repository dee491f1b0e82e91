//! Use cases of gift cards and store credit in a cart: applying, removing, and what they cover.

use super::{CartRef, CartView, View};
use crate::engine::{Engine, Kinds, unreadable};
use crate::request::{Outcome, Refused, Request};
use crate::runtime::Published;
use cartwright_domain::cart::{ApplyStoredValue, Cart, RemoveStoredValue, State};
use cartwright_domain::id::StoredValueId;
use cartwright_domain::money::Money;
use cartwright_domain::stored_value::{self, Coverage, StoredValue, Unusable};
use cartwright_domain::{Class, Problem};
use std::sync::Arc;

impl Engine {
    /// Has a cart paid with a gift card, as far as it goes.
    ///
    /// # Errors
    /// Why it cannot be spent, each reason with a code of its own; what [`ApplyStoredValue`] refuses.
    pub async fn apply_gift_card(
        &self,
        request: &Request,
        cart: CartRef,
        code: &str,
        view: View,
    ) -> Outcome<CartView> {
        let fresh = |ticket| async move {
            let found = self.resolve(request, cart).await?;
            let unknown = || {
                let message = "there is no gift card with this code; the whole code is needed";
                Refused::from(Problem::new(Class::Invalid, "gift_card.unknown", message))
            };
            let card = self.gift_card_by_code(code).await?.ok_or_else(unknown)?;
            self.apply_value(request, &found, &card.state, view, ticket).await
        };
        let replay = |receipt| self.replayed_cart::<()>(request, receipt, view);
        self.once(request, fresh, replay).await
    }

    /// Has a cart paid with the store credit of the customer whom it is for.
    ///
    /// # Errors
    /// `store_credit.none`, also without a customer; why it cannot be spent; what [`ApplyStoredValue`] refuses.
    pub async fn apply_store_credit(
        &self,
        request: &Request,
        cart: CartRef,
        view: View,
    ) -> Outcome<CartView> {
        let fresh = |ticket| async move {
            let found = self.resolve(request, cart).await?;
            let none = || {
                let message = "the cart is nobody's, or its customer has no store credit in its currency";
                Refused::from(Problem::new(Class::Invalid, "store_credit.none", message))
            };
            let customer = self.kinds().customer_of(&found.state).await?.ok_or_else(none)?;
            let id = StoredValueId::of_credit(customer.id, found.state.currency());
            let credit = self.kinds().stored_values.read(id).await.map_err(unreadable)?;
            let credit = credit.ok_or_else(none)?;
            self.apply_value(request, &found, &credit.state, view, ticket)
                .await
        };
        let replay = |receipt| self.replayed_cart::<()>(request, receipt, view);
        self.once(request, fresh, replay).await
    }

    async fn apply_value(
        &self,
        request: &Request,
        cart: &Published<Cart>,
        value: &StoredValue,
        view: View,
        ticket: Option<crate::runtime::Ticket>,
    ) -> Outcome<CartView> {
        let (state, now) = (&cart.state, self.now());
        let unusable = value.unusable(state.currency(), state.customer(), now);
        let is_empty = value.available_to(state.checkout()).is_zero();
        if let Some(why) = unusable.or(is_empty.then_some(Unusable::Empty)) {
            return Err(why.problem(value).into());
        }
        let command = ApplyStoredValue { value: value.id() };
        let ask = request.ask().ticket(ticket);
        let answer = self.kinds().carts.ask(cart.id, command, ask).await?;
        let done = crate::once::shown(answer)?;
        self.cart_done(request, done.value, None, view, done.replayed)
            .await
    }

    /// Takes a gift card or store credit out of a cart. Taking out what is not there succeeds.
    ///
    /// # Errors
    /// What [`RemoveStoredValue`] refuses.
    pub async fn remove_stored_value(
        &self,
        request: &Request,
        cart: CartRef,
        value: StoredValueId,
        view: View,
    ) -> Outcome<CartView> {
        let found = self.resolve(request, cart).await?;
        self.change_cart(request, found.id, RemoveStoredValue { value }, None, view)
            .await
    }
}

impl Kinds {
    /// Tells what gift cards and store credit cover of a cart's total now.
    pub(super) async fn coverage(&self, cart: &Published<Cart>, total: Money) -> Result<Coverage, Refused> {
        let (cart, is_settled) = match cart.state.state() {
            State::Completed { .. } | State::Merged { .. } => (&cart.state, true),
            State::Created | State::Active | State::Checkout { .. } | State::Abandoned | State::Recovered => {
                (&cart.state, false)
            }
        };
        if cart.stored_values().is_empty() || is_settled {
            return Ok(Coverage::none(total));
        }
        let mut values: Vec<Arc<StoredValue>> = Vec::with_capacity(cart.stored_values().len());
        for id in cart.stored_values() {
            let value = self.stored_values.read(*id).await.map_err(unreadable)?;
            values.extend(value.map(|value| Arc::clone(&value.state)));
        }
        let customer = self.customer_of(cart).await?;
        Ok(stored_value::cover(
            total,
            values.iter().map(Arc::as_ref),
            customer.map(|customer| customer.id),
            cart.state().holder(),
            self.price_book.clock_now(),
        ))
    }
}
