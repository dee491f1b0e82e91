//! The oracle's idea of one cart: what it may hold, given what was acknowledged.
//!
//! A change that was acknowledged is in; one that was refused is not; of one that got no answer both is possible until
//! the cart itself tells.

use crate::shown::Seen;
use cartwright_actors::cart::CartView;
use cartwright_domain::cart::Cart;
use cartwright_domain::id::{CartId, CheckoutId, LineId, VariantId};
use cartwright_domain::order::Order;
use std::collections::BTreeMap;

/// Units by variant.
pub(crate) type Contents = BTreeMap<VariantId, u32>;

/// A change of a cart's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Add(VariantId, u32),
    Set(VariantId, LineId, u32),
    Remove(VariantId, LineId),
    Clear,
    /// Of the details, which are not followed,
    Details,
    /// and what it is paid and saved with, which its order tells.
    Enter(Entry),
}

/// What a shopper enters, or takes out: a code or a card by its place among those they know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Code(usize),
    NoCode(usize),
    Card(usize),
    NoCard(usize),
    /// Staff give the cart to the customer who has store credit.
    Customer,
    Credit,
}

/// One shopper's cart.
#[derive(Debug)]
pub(crate) struct Basket {
    pub(crate) id: CartId,
    /// Everything it may hold; one entry when that is known.
    possible: Vec<Contents>,
    /// A change without an answer may still arrive.
    is_unsettled: bool,
    pub(crate) lines: BTreeMap<VariantId, LineId>,
    pub(crate) has_details: bool,
    /// The checkout that was begun for it, and may still hold it.
    pub(crate) checkout: Option<CheckoutId>,
    pub(crate) may_be_locked: bool,
    /// A checkout that was begun had not locked it when that was answered, and may at any time.
    pub(crate) is_starting: bool,
    /// It costs something else than its shopper was last shown.
    pub(crate) is_news: bool,
    /// What its shopper has seen that it comes to.
    pub(crate) seen: Seen,
}

impl Basket {
    pub(crate) fn new(id: CartId) -> Self {
        Self {
            id,
            possible: vec![Contents::new()],
            is_unsettled: false,
            lines: BTreeMap::new(),
            has_details: false,
            checkout: None,
            may_be_locked: false,
            is_starting: false,
            is_news: false,
            seen: Seen::default(),
        }
    }

    pub(crate) fn is_certain(&self) -> bool {
        self.possible.len() == 1
    }

    /// Returns what it certainly holds.
    pub(crate) fn contents(&self) -> Option<&Contents> {
        match self.possible.as_slice() {
            [contents] => Some(contents),
            _ => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.possible.iter().all(BTreeMap::is_empty)
    }

    /// A change was acknowledged: the cart it led to must be what the change makes of what there may have been.
    pub(crate) fn changed(&mut self, change: Change, view: &CartView) {
        for contents in &mut self.possible {
            apply(contents, change);
        }
        self.require(&view.priced.cart.state, &format!("after {change:?}"));
        // It was changed, so nothing holds it, and whatever was asked before is in or never will be.
        (self.may_be_locked, self.is_unsettled) = (false, false);
        self.tell(&view.priced.cart.state);
    }

    /// A change got no answer.
    pub(crate) fn may_have_changed(&mut self, change: Change) {
        let changed = self.possible.iter().cloned().map(|mut contents| {
            apply(&mut contents, change);
            contents
        });
        let changed: Vec<Contents> = changed.collect();
        self.possible.extend(changed);
        self.possible.sort();
        self.possible.dedup();
        self.is_unsettled = true;
    }

    /// Several units were added one by one and at once: so many were acknowledged, so many got no answer.
    pub(crate) fn added(&mut self, variant: VariantId, done: u32, unanswered: u32) {
        let mut possible = Vec::new();
        for contents in &self.possible {
            for quantity in done..=done + unanswered {
                let mut contents = contents.clone();
                if 0 < quantity {
                    apply(&mut contents, Change::Add(variant, quantity));
                }
                possible.push(contents);
            }
        }
        possible.sort();
        possible.dedup();
        self.possible = possible;
        self.is_unsettled |= 0 < unanswered;
        if 0 < done {
            self.may_be_locked = false;
        }
    }

    /// The process has ended: what has not arrived never will.
    pub(crate) fn nothing_is_under_way(&mut self) {
        self.is_unsettled = false;
        self.seen.nothing_is_under_way();
    }

    /// The cart was read.
    pub(crate) fn read(&mut self, cart: &Cart) {
        self.require(cart, "when read");
        if !self.is_unsettled {
            self.tell(cart);
        }
    }

    /// An order was placed with it; its lines must be the cart's.
    pub(crate) fn ordered(&self, order: &Order) {
        let contents = contents_of_order(order);
        assert!(
            self.possible.contains(&contents),
            "the order of {} has {contents:?}, and the cart held {:?}",
            self.id,
            self.possible
        );
    }

    fn require(&self, cart: &Cart, when: &str) {
        let contents = contents_of(cart);
        assert!(
            self.possible.contains(&contents),
            "{} holds {contents:?} {when}, and may hold {:?}",
            self.id,
            self.possible
        );
    }

    fn tell(&mut self, cart: &Cart) {
        self.possible = vec![contents_of(cart)];
        self.lines = cart.lines().iter().map(|line| (line.variant, line.id)).collect();
    }
}

fn apply(contents: &mut Contents, change: Change) {
    match change {
        Change::Add(variant, quantity) => *contents.entry(variant).or_default() += quantity,
        Change::Set(variant, _, 0) | Change::Remove(variant, _) => {
            contents.remove(&variant);
        }
        Change::Set(variant, _, quantity) => {
            if let Some(held) = contents.get_mut(&variant) {
                *held = quantity;
            }
        }
        Change::Clear => contents.clear(),
        Change::Details | Change::Enter(_) => {}
    }
}

fn contents_of(cart: &Cart) -> Contents {
    cart.lines()
        .iter()
        .map(|line| (line.variant, line.quantity))
        .collect()
}

/// Returns what an order is for.
pub(crate) fn contents_of_order(order: &Order) -> Contents {
    let quote = order.quote();
    let lines = quote.lines.iter().zip(&quote.quote.lines);
    lines
        .map(|(line, quoted)| (line.variant, quoted.quantity))
        .collect()
}
