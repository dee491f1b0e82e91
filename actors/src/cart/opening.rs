//! How a session comes to its current cart: by opening one, or with a first line.

use super::{CartView, View};
use crate::engine::{Engine, unreadable};
use crate::once::{Shown, shown};
use crate::request::{Outcome, Refused, Request};
use crate::runtime::{AskError, Ticket};
use cartwright_domain::Refusal;
use cartwright_domain::cart::{Cart, IdleLifetimes, OpenCart, State};
use cartwright_domain::id::CartId;
use cartwright_domain::identity::{AttachCart, AttachOpenedCart, TakeCart};
use cartwright_domain::money::Currency;

/// How a session is without a cart that can be changed.
pub(super) enum NoOpenCart {
    /// It names none, or one that is over.
    Over(Option<CartId>),
    /// It names one that is not there: somebody is about to open it, or it was deleted. It is opened under its name.
    Named(CartId),
}

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
            let session = Self::require_session(request)?;
            let command = AttachOpenedCart {
                cart: view.priced.cart.id,
            };
            let ask = request.ask().if_match(None);
            self.kinds().sessions.ask(session, command, ask).await?;
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
        let attach = ask().resting_on(opened);
        let sessions = &self.kinds().sessions;
        match cart.replayed {
            true => {
                sessions
                    .ask(session, AttachOpenedCart { cart: id }, attach)
                    .await?
            }
            false => sessions.ask(session, AttachCart { cart: id }, attach).await?,
        };
        Ok(cart)
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

    /// Opens a cart for a first line. Of several at once all get the same: the session decides which, and whoever comes
    /// first opens it.
    pub(super) async fn open_for_line(
        &self,
        request: &Request,
        current: NoOpenCart,
    ) -> Result<CartId, Refused> {
        let session = Self::require_session(request)?;
        let ask = || request.ask().if_match(None);
        let id = match current {
            NoOpenCart::Named(named) => named,
            NoOpenCart::Over(in_place_of) => {
                let command = TakeCart {
                    in_place_of,
                    cart: self.draw(request, None),
                };
                self.kinds().sessions.ask(session, command, ask()).await?.reply
            }
        };
        let command = self.opening(None).await?;
        match self.kinds().carts.create(id, command, ask()).await {
            Ok(_) | Err(AskError::AlreadyExists { .. }) => Ok(id),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the session's current cart if it can still be changed.
    pub(super) async fn open_current(
        &self,
        request: &Request,
    ) -> Result<Result<Shown<Cart>, NoOpenCart>, Refused> {
        let Some(id) = self.current_of(request).await? else {
            return Ok(Err(NoOpenCart::Over(None)));
        };
        let carts = &self.kinds().carts;
        let Some(found) = carts.read(id).await.map_err(unreadable)? else {
            return Ok(Err(NoOpenCart::Named(id)));
        };
        let open = match found.state.state() {
            State::Merged { survivor } => carts.read(survivor).await.map_err(unreadable)?,
            State::Completed { .. } => None,
            State::Created | State::Active | State::Abandoned | State::Recovered | State::Checkout { .. } => {
                Some(found)
            }
        };
        Ok(open.ok_or(NoOpenCart::Over(Some(id))))
    }
}
