//! How a session comes to its current cart: by opening one, or with a first line.

use super::{CartView, View};
use crate::engine::{Engine, unreadable};
use crate::once::{Shown, require_no_version, shown};
use crate::request::{Outcome, Refused, Request};
use crate::runtime::Ticket;
use cartwright_domain::Refusal;
use cartwright_domain::cart::{Cart, IdleLifetimes, OpenCart, State};
use cartwright_domain::id::CartId;
use cartwright_domain::identity::{AttachCart, AttachOpenedCart, TakeCart};
use cartwright_domain::money::Currency;

impl Engine {
    /// Opens a cart and makes it the session's current one.
    ///
    /// # Errors
    /// `session.required`; `currency.not_offered`.
    pub async fn open_cart(&self, request: &Request, currency: Option<Currency>) -> Outcome<CartView> {
        let fresh = |ticket| async move {
            let cart = self.open_cart_with(request, currency, ticket).await?;
            self.cart_done(request, cart.value, None, View::Full, cart.replayed)
                .await
        };
        let replay = |receipt| async move {
            let view = self.replayed_cart::<()>(request, receipt, View::Full).await?;
            // The first time may have ended between the two commits.
            self.attach_opened(request, &view.priced.cart).await?;
            Ok(view)
        };
        self.once(request, fresh, replay).await
    }

    async fn open_cart_with(
        &self,
        request: &Request,
        currency: Option<Currency>,
        ticket: Option<Ticket>,
    ) -> Outcome<Shown<Cart>> {
        let session = Self::require_session(request)?;
        require_no_version::<Cart>(request)?;
        let command = self.opening(currency).await?;
        let id: CartId = self.draw(request, None);
        let ask = || request.ask().if_match(None);
        let create = ask().ticket(ticket.clone()).fresh();
        // One wait for both. Under a key another try may have opened another cart, which is known once it is durable.
        let create = if ticket.is_none() { create.ahead() } else { create };
        let created = self.kinds().carts.create(id, command, create).await?;
        let opened = created.decision.clone();
        let cart = shown(created)?;
        let id = cart.value.id;
        match cart.replayed {
            true => self.attach_opened(request, &cart.value).await?,
            false => {
                let attach = ask().resting_on(opened);
                let sessions = &self.kinds().sessions;
                sessions.ask(session, AttachCart { cart: id }, attach).await?;
            }
        }
        Ok(cart)
    }

    /// Makes a cart that was opened before under the request's key the current one of its session. Staff who repeat that
    /// without the cookie of then come with a session of their own, whose cart it is not.
    async fn attach_opened(&self, request: &Request, cart: &Shown<Cart>) -> Result<(), Refused> {
        let session = Self::require_session(request)?;
        if cart.state.is_owned_by(&request.caller) {
            let command = AttachOpenedCart { cart: cart.id };
            let ask = request.ask().if_match(None);
            self.kinds().sessions.ask(session, command, ask).await?;
        }
        Ok(())
    }

    async fn opening(&self, currency: Option<Currency>) -> Result<OpenCart, Refused> {
        let settings = self.kinds().current_settings().await?;
        let currency = settings.currency_of_cart(currency);
        Ok(OpenCart {
            currency: currency.map_err(|refused| Refused::from(refused.problem()))?,
            lifetimes: IdleLifetimes {
                until_abandoned: settings.lifetimes.cart,
                until_deleted: settings.lifetimes.abandoned_cart,
            },
        })
    }

    /// Opens a cart for a first line, or returns the one that was opened meanwhile: of several first lines at once all go
    /// into the same. One request of a session at a time opens its cart, and the session decides whether it is the next:
    /// the shopper may have asked for another one.
    pub(super) async fn open_for_line(&self, request: &Request) -> Result<CartId, Refused> {
        let session = Self::require_session(request)?;
        let _turn = self.inner().session_turns.take(request, [session]).await?;
        let current = self.current_of(request).await?;
        if let Some(open) = self.open_of(current).await? {
            return Ok(open.id);
        }
        let ask = || request.ask().if_match(None);
        let (id, command) = (self.draw(request, None), self.opening(None).await?);
        let opened = self
            .kinds()
            .carts
            .create(id, command, ask().fresh().ahead())
            .await?;
        let command = TakeCart {
            in_place_of: current,
            cart: id,
        };
        let take = ask().resting_on(opened.decision);
        Ok(self.kinds().sessions.ask(session, command, take).await?.reply)
    }

    /// Returns a session's current cart if it can still be changed.
    pub(super) async fn open_of(&self, current: Option<CartId>) -> Result<Option<Shown<Cart>>, Refused> {
        let Some(id) = current else { return Ok(None) };
        let carts = &self.kinds().carts;
        let found = carts.read(id).await.map_err(unreadable)?;
        match found.as_ref().map(|cart| cart.state.state()) {
            Some(State::Merged { survivor }) => carts.read(survivor).await.map_err(unreadable),
            Some(State::Completed { .. }) => Ok(None),
            Some(
                State::Created | State::Active | State::Abandoned | State::Recovered | State::Checkout { .. },
            )
            | None => Ok(found),
        }
    }
}
