//! Carts as they are answered: how much of them, and at which price.

use super::{CodeNews, Priced, Renderings};
use crate::engine::Engine;
use crate::once::Shown;
use crate::request::Refused;
use cartwright_domain::cart::Cart;
use cartwright_domain::id::LineId;

/// How much of a cart is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Everything, with what is wrong with its lines.
    Full,
    /// What changed and the totals.
    Minimal,
}

/// A cart as it is answered.
#[derive(Clone, Debug)]
pub struct CartView {
    /// The cart, priced.
    pub priced: Priced,
    /// The line that was changed, if one was.
    pub line: Option<LineId>,
    /// Codes that were refused or taken out.
    pub news: CodeNews,
}

impl CartView {
    /// Returns where to keep what is made of it, if that depends on nothing but cart, price and line.
    pub fn renderings(&self) -> Option<&Renderings> {
        let CodeNews { refused, removed } = &self.news;
        let is_news = !refused.is_empty() || !removed.is_empty();
        self.priced.renderings.as_deref().filter(|_| !is_news)
    }
}

impl From<Priced> for CartView {
    fn from(priced: Priced) -> Self {
        Self {
            priced,
            line: None,
            news: CodeNews::default(),
        }
    }
}

impl Engine {
    /// Prices a cart for as much as is answered of it.
    pub(super) async fn priced_for(&self, cart: Shown<Cart>, view: View) -> Result<Priced, Refused> {
        if cart.state.checkout().is_some() {
            // In a box: few carts that are answered have one, and every change of a cart would have room for it.
            let frozen = Box::pin(self.kinds().priced_as_frozen(&cart));
            if let Some(priced) = frozen.await? {
                return Ok(priced);
            }
        }
        match view {
            View::Full => self.kinds().priced(cart).await,
            View::Minimal => self.kinds().priced_only(cart).await,
        }
    }
}
