//! Carts whose quote is frozen: they cost what was agreed on, and their lines are named as they were then, whatever
//! catalog, promotions and gift cards do later (sections 1.9, 5.1 and 6.2 of the semantics).

use super::facts::{Explained, Priced};
use super::findings::Lost;
use crate::engine::{Kinds, unreadable};
use crate::request::Refused;
use crate::runtime::Published;
use cartwright_domain::cart::totals::Trace;
use cartwright_domain::cart::{Cart, FrozenQuote, LockScope, State};
use foldhash::HashMap;
use std::sync::Arc;

impl Kinds {
    /// Prices a cart as its checkout has frozen it; none while it has not. Nothing stands against its lines any more.
    pub(super) async fn priced_as_frozen(
        &self,
        cart: &Arc<Published<Cart>>,
    ) -> Result<Option<Priced>, Refused> {
        let frozen = self.frozen_quote(&cart.state).await?;
        Ok(frozen.map(|frozen| Priced {
            cart: Arc::clone(cart),
            facts: HashMap::default(),
            // Where something is to be sent no quote is frozen without a way to send it.
            requires_shipping: frozen.quote.shipping_line.is_some(),
            quote: Arc::new(frozen.quote.clone()),
            uses: frozen.uses.clone(),
            problems: Vec::new(),
            coverage: frozen.coverage(),
            holds_until: None,
            renderings: None,
            frozen: Some(frozen),
            lost: Lost::default(),
        }))
    }

    /// Tells what a cart costs as its checkout has frozen it, and why; none while it has not.
    pub(super) async fn explained_as_frozen(
        &self,
        cart: &Arc<Published<Cart>>,
    ) -> Result<Option<Explained>, Refused> {
        let frozen = self.frozen_quote(&cart.state).await?;
        Ok(frozen.map(|frozen| Explained {
            cart: Arc::clone(cart),
            quote: Arc::new(frozen.quote.clone()),
            trace: Trace {
                looked: frozen.looked.clone(),
            },
        }))
    }

    /// Returns the quote that a cart's checkout has frozen. The checkout has it until its order alone does.
    async fn frozen_quote(&self, cart: &Cart) -> Result<Option<Arc<FrozenQuote>>, Refused> {
        let order = match cart.state() {
            State::Completed { order, .. } => order,
            State::Checkout {
                checkout,
                scope: LockScope::Everything,
            } => {
                let checkout = self.checkouts.read(checkout).await.map_err(unreadable)?;
                let Some(checkout) = checkout else { return Ok(None) };
                match &checkout.state.quote {
                    Some(frozen) => return Ok(Some(Arc::clone(frozen))),
                    None => checkout.state.order,
                }
            }
            State::Created
            | State::Active
            | State::Checkout {
                scope: LockScope::Lines,
                ..
            }
            | State::Abandoned
            | State::Recovered
            | State::Merged { .. } => return Ok(None),
        };
        let order = self.orders.read(order).await.map_err(unreadable)?;
        Ok(order.map(|order| Arc::clone(order.state.quote())))
    }
}
