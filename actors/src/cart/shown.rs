//! The totals callers were last shown (section 5.2 of the semantics).
//!
//! In memory and bounded: what is not remembered, the checkout finds out in its own way, see its `expected`.

use super::Priced;
use cartwright_domain::Caller;
use cartwright_domain::cart::{Quote, Sums};
use cartwright_domain::id::{CartId, SessionId};
use cartwright_domain::money::Money;
use quick_cache::sync::Cache;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How many totals are remembered; the least recently used go.
const TOTALS_MAX: usize = 100_000;

/// The totals callers were last shown for their carts.
pub(crate) struct ShownTotals {
    cache: Cache<(CartId, u64), ShownTotal>,
}

/// What a caller was last told that a cart comes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownTotal {
    /// What the cart costs.
    pub(crate) total: Money,
    /// What of it is left for the payment provider.
    pub(crate) due: Money,
    /// How they were told.
    pub(crate) how: Told,
}

/// How a caller was told what a cart comes to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Told {
    /// They were shown the cart, with what makes up its total.
    Shown(ShownSums),
    /// They were told that this is the total now.
    Total,
    /// They were told that this is left to be paid now, of the same total.
    Due,
}

/// What makes up the total that a caller was shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownSums {
    /// What its lines cost before discounts.
    pub(crate) subtotal: Money,
    /// What comes off its lines.
    pub(crate) discounts: Money,
    /// What shipping costs.
    pub(crate) shipping: Money,
    /// The tax on top.
    pub(crate) tax: Money,
}

impl ShownTotals {
    pub(crate) fn new() -> Self {
        Self {
            cache: Cache::new(TOTALS_MAX),
        }
    }

    pub(crate) fn remember(&self, caller: &Caller, priced: &Priced) {
        let shown = ShownTotal::of(priced);
        self.cache.insert((priced.cart.id, fingerprint(caller)), shown);
    }

    /// Remembers what a caller is told without being shown the cart. Where it is not said what of it is left to be paid, as
    /// much else pays as was told before; where that is not remembered, nothing is.
    pub(crate) fn told(&self, cart: CartId, caller: &Caller, how: Told, total: Money, due: Option<Money>) {
        let last = self.last(cart, caller);
        let is_known = last
            .filter(|last| last.total == total)
            .is_some_and(|last| match due {
                Some(due) => due == last.due && last.sums().is_some(),
                None => true,
            });
        if is_known {
            return;
        }
        // What was left to be paid by a refusal nobody has agreed to.
        let agreed = last.filter(|last| !matches!(last.how, Told::Due));
        let key = (cart, fingerprint(caller));
        match due.or_else(|| agreed?.due_of(total)) {
            Some(due) => self.cache.insert(key, ShownTotal { total, due, how }),
            None => drop(self.cache.remove(&key)),
        }
    }

    /// Forgets what a caller was told last, where they are told other sums again.
    pub(crate) fn told_again(&self, cart: CartId, caller: &Caller, total: Money, due: Money) {
        let last = self.last(cart, caller);
        if last.is_some_and(|last| (last.total, last.due) != (total, due)) {
            self.cache.remove(&(cart, fingerprint(caller)));
        }
    }

    pub(crate) fn last(&self, cart: CartId, caller: &Caller) -> Option<ShownTotal> {
        self.cache.get(&(cart, fingerprint(caller)))
    }

    /// Returns what a session was last shown, by itself.
    pub(crate) fn last_in(&self, cart: CartId, session: Option<SessionId>) -> Option<ShownTotal> {
        self.last(cart, &by_itself(session))
    }
}

impl ShownTotal {
    /// Returns what whoever sees the cart is shown.
    pub(crate) fn of(priced: &Priced) -> Self {
        let quote = &priced.quote;
        Self {
            total: quote.total,
            due: priced.coverage.due,
            how: Told::Shown(ShownSums::of(quote)),
        }
    }

    /// Returns what makes it up, where the cart was shown.
    pub(crate) fn sums(&self) -> Option<ShownSums> {
        match self.how {
            Told::Shown(sums) => Some(sums),
            Told::Total | Told::Due => None,
        }
    }

    /// Returns what is left of a total for the payment provider where as much else pays as was shown; nothing of another
    /// currency.
    pub(crate) fn due_of(&self, total: Money) -> Option<Money> {
        let shown = Sums {
            total: self.total,
            due: self.due,
        };
        shown.due_of(total)
    }
}

impl ShownSums {
    pub(crate) fn of(quote: &Quote) -> Self {
        Self {
            subtotal: quote.subtotal,
            discounts: quote.discounts,
            shipping: quote.shipping,
            tax: quote.tax.unwrap_or(Money::zero(quote.currency)),
        }
    }
}

/// Returns the caller who is a session and nobody else.
fn by_itself(session: Option<SessionId>) -> Caller {
    Caller {
        session,
        staff: None,
        engine: None,
    }
}

/// Tells callers apart without keeping their names. What a shop's own server is shown with a shopper's cookie, the shopper
/// is shown, whatever token comes along.
fn fingerprint(caller: &Caller) -> u64 {
    let mut hasher = DefaultHasher::new();
    match (caller.session, &caller.staff) {
        (None, Some(staff)) => staff.subject.hash(&mut hasher),
        (session, _) => session.hash(&mut hasher),
    }
    hasher.finish()
}
