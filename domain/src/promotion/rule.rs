//! What a promotion is made of: when it applies, and what it takes off (section 2.1 of the semantics).

use crate::catalog::Handle;
use crate::id::{ProductId, TaxZoneId, VariantId};
use crate::money::{Currency, Money, Rate};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What must hold of a cart, all of it. What is empty or absent always holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// The value, after earlier promotions, of the lines that [`Conditions::items`] names: at least this.
    pub subtotal_from: Option<Money>,
    /// How many units those lines hold: at least this many.
    pub quantity_from: Option<u64>,
    /// The cart holds something of this; thresholds count only that, and line actions act on it.
    pub items: Option<Selection>,
    /// The customer is in one of these groups.
    pub groups: BTreeSet<Handle>,
    /// The customer has not ordered before.
    pub first_order: bool,
    /// Not before then.
    pub starts_at: Option<Timestamp>,
    /// No longer from then on.
    pub ends_at: Option<Timestamp>,
    /// The cart is in this currency.
    pub currency: Option<Currency>,
    /// The goods go to one of these zones; until a destination is known, home stands in.
    pub zones: BTreeSet<TaxZoneId>,
}

/// Some of the catalog: what is in any of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Products, with every variant of them.
    pub products: BTreeSet<ProductId>,
    /// Single variants.
    pub variants: BTreeSet<VariantId>,
    /// Categories of products.
    pub categories: BTreeSet<Handle>,
}

/// What a promotion takes off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Off the order: over every line.
    Order(Reduction),
    /// Off matching lines.
    Lines {
        /// Which; those of [`Conditions::items`] unless given, else all.
        items: Option<Selection>,
        /// How much.
        reduction: Reduction,
        /// Off each of them, or off their sum.
        spread: Spread,
    },
    /// Buy some, get some.
    Sets(Sets),
    /// Off shipping.
    Shipping(Reduction),
}

/// How much is taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reduction {
    /// A part of the base: 0.1 is ten per cent, 1 is all of it.
    Percentage(Rate),
    /// An amount.
    Fixed(Money),
}

/// Whether a reduction is of each line or of their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Spread {
    /// Computed once on the sum, rounded, and split over the lines.
    #[default]
    Across,
    /// A percentage is rounded for each line; a fixed amount comes off every unit.
    Each,
}

/// Buy X, get Y (section 2.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sets {
    /// How many units are bought in a set, at least one.
    pub buy: u32,
    /// Of what; of [`Conditions::items`] unless given, else of anything.
    pub buy_items: Option<Selection>,
    /// How many units are got in a set, at least one.
    pub get: u32,
    /// Of what; of the same as is bought unless given.
    pub get_items: Option<Selection>,
    /// The part of the got units' value that is taken off: 1 makes them free.
    pub percentage: Rate,
    /// Which of the matching units are got.
    pub choice: Choice,
    /// At most so many sets in a cart.
    pub sets_max: Option<u32>,
}

/// Which units are got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choice {
    /// Those that cost least.
    #[default]
    Cheapest,
    /// Those that cost most.
    Dearest,
}

/// Whether a promotion goes together with others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Combination {
    /// It does.
    #[default]
    Stackable,
    /// Where it qualifies there is no other.
    Exclusive,
}

impl Selection {
    /// Returns how much it names.
    pub(super) fn len(&self) -> usize {
        self.products.len() + self.variants.len() + self.categories.len()
    }
}

impl Reduction {
    /// Returns the currency it is bound to.
    pub fn currency(&self) -> Option<Currency> {
        match self {
            Self::Percentage(_) => None,
            Self::Fixed(amount) => Some(amount.currency),
        }
    }
}

impl Action {
    /// Returns the currency it is bound to.
    pub fn currency(&self) -> Option<Currency> {
        match self {
            Self::Order(reduction) | Self::Lines { reduction, .. } | Self::Shipping(reduction) => {
                reduction.currency()
            }
            Self::Sets(_) => None,
        }
    }

    /// Returns what it acts on where it says so itself; without it, it may act on anything.
    pub fn own_items(&self) -> Option<&Selection> {
        match self {
            Self::Order(_) | Self::Shipping(_) => None,
            Self::Lines { items, .. } => items.as_ref(),
            Self::Sets(sets) => sets.get_items.as_ref().or(sets.buy_items.as_ref()),
        }
    }

    /// Returns everything it names.
    pub(super) fn selections(&self) -> impl Iterator<Item = &Selection> {
        let (one, other) = match self {
            Self::Order(_) | Self::Shipping(_) => (None, None),
            Self::Lines { items, .. } => (items.as_ref(), None),
            Self::Sets(sets) => (sets.buy_items.as_ref(), sets.get_items.as_ref()),
        };
        one.into_iter().chain(other)
    }
}
