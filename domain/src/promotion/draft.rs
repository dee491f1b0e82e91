//! Conditions and actions as staff sent them, and how they are read: every fault is named by where it stands.

use super::{Action, Choice, Conditions, Reduction, Selection, Sets, Spread};
use crate::catalog::Handle;
use crate::error::FieldErrors;
use crate::id::{self, EntityId};
use crate::money::{Currency, Money, Rate};
use crate::settings::{CART_LINES_LIMIT_MAX, LINE_UNITS_LIMIT_MAX};
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// How many customer groups, and how many zones, a condition may name.
const NAMES_MAX: usize = 1_000;
/// The most units that a cart can be asked for: as many as one may hold where staff allow the most.
const QUANTITY_MAX: u64 = CART_LINES_LIMIT_MAX as u64 * LINE_UNITS_LIMIT_MAX as u64;
/// The most that is taken off at once, in minor units: off a million units it can still be counted.
const AMOUNT_MAX: i64 = 1_000_000_000_000;
/// The most units of a set.
const SET_UNITS_MAX: u32 = 1_000_000;

/// Conditions as they were sent; see [`Conditions`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConditionsDraft {
    /// The least value.
    pub subtotal_from: Option<Money>,
    /// The least number of units.
    pub quantity_from: Option<u64>,
    /// Some of the catalog.
    pub items: Option<SelectionDraft>,
    /// Handles of customer groups.
    pub groups: Vec<String>,
    /// Whether it is for first orders only.
    pub first_order: bool,
    /// Not before then.
    pub starts_at: Option<Timestamp>,
    /// No longer from then on.
    pub ends_at: Option<Timestamp>,
    /// The currency of the cart.
    pub currency: Option<Currency>,
    /// Ids of tax zones.
    pub zones: Vec<String>,
    /// What becomes of conditions that are there and that these do not name.
    pub rest: Rest,
}

/// What becomes of what is there and is not named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rest {
    /// It goes: what is named is all there is.
    #[default]
    Goes,
    /// It stays.
    Stays,
}

/// Some of the catalog as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelectionDraft {
    /// Ids of products.
    pub products: Vec<String>,
    /// Ids of variants.
    pub variants: Vec<String>,
    /// Handles of categories.
    pub categories: Vec<String>,
}

/// How much is taken off, as it was sent: one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReductionDraft {
    /// A part, as an exact decimal.
    pub percentage: Option<String>,
    /// An amount.
    pub fixed: Option<Money>,
}

/// What a promotion does, as it was sent; see [`Action`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionDraft {
    /// Off the order.
    Order(ReductionDraft),
    /// Off matching lines.
    Lines {
        /// Which.
        items: Option<SelectionDraft>,
        /// How much.
        reduction: ReductionDraft,
        /// Of each, or of their sum.
        spread: Spread,
    },
    /// Buy some, get some.
    Sets {
        /// How many units are bought.
        buy: u32,
        /// Of what.
        buy_items: Option<SelectionDraft>,
        /// How many units are got.
        get: u32,
        /// Of what.
        get_items: Option<SelectionDraft>,
        /// The part that is taken off the got units; all of it unless given.
        percentage: Option<String>,
        /// Which units are got.
        choice: Choice,
        /// At most so many sets.
        sets_max: Option<u32>,
    },
    /// Off shipping.
    Shipping(ReductionDraft),
}

const NEVER_APPLIES: &str = "promotion.never_applies";

impl ConditionsDraft {
    /// Returns what these make of the conditions that are there.
    pub(super) fn check(self, there: Conditions, errors: &mut FieldErrors) -> Conditions {
        let kept = match self.rest {
            Rest::Goes => Conditions::default(),
            Rest::Stays => there,
        };
        if self.subtotal_from.is_some_and(|from| from.amount < 0) {
            errors.add(
                "/conditions/subtotal_from",
                "promotion.invalid_amount",
                "must not be below zero",
            );
        }
        if self.quantity_from.is_some_and(|from| QUANTITY_MAX < from) {
            errors.add(
                "/conditions/quantity_from",
                NEVER_APPLIES,
                "no cart holds so many units",
            );
        }
        let (starts_at, ends_at) = (self.starts_at.or(kept.starts_at), self.ends_at.or(kept.ends_at));
        let is_turned = ends_at
            .zip(starts_at)
            .is_some_and(|(ends, starts)| ends <= starts);
        // One that has ended may still be asked for: carts can be priced at a time that is past.
        if is_turned {
            errors.add("/conditions/ends_at", NEVER_APPLIES, "must be after starts_at");
        }
        Conditions {
            subtotal_from: self.subtotal_from.or(kept.subtotal_from),
            quantity_from: self.quantity_from.or(kept.quantity_from),
            items: match self.items {
                Some(items) => {
                    let named = items.check("/conditions/items", errors);
                    Some(named.or(kept.items.unwrap_or_default()))
                }
                None => kept.items,
            },
            groups: named_or(
                handles(&self.groups, "/conditions/customer_groups", errors),
                kept.groups,
            ),
            first_order: self.first_order || kept.first_order,
            starts_at,
            ends_at,
            currency: self.currency.or(kept.currency),
            zones: named_or(
                ids(&self.zones, "/conditions/zones", NAMES_MAX, errors),
                kept.zones,
            ),
        }
    }
}

impl SelectionDraft {
    fn check(self, pointer: &str, errors: &mut FieldErrors) -> Selection {
        if self.products.is_empty() && self.variants.is_empty() && self.categories.is_empty() {
            errors.add(pointer, NEVER_APPLIES, "names no product, variant or category");
        }
        Selection {
            products: ids(&self.products, &format!("{pointer}/products"), usize::MAX, errors),
            variants: ids(&self.variants, &format!("{pointer}/variants"), usize::MAX, errors),
            categories: handles(&self.categories, &format!("{pointer}/categories"), errors),
        }
    }
}

impl Selection {
    /// Returns each list that names something, and the other's in place of each that does not.
    fn or(self, other: Self) -> Self {
        Self {
            products: named_or(self.products, other.products),
            variants: named_or(self.variants, other.variants),
            categories: named_or(self.categories, other.categories),
        }
    }
}

fn named_or<T>(named: BTreeSet<T>, other: BTreeSet<T>) -> BTreeSet<T> {
    if named.is_empty() { other } else { named }
}

impl ReductionDraft {
    fn check(self, pointer: &str, errors: &mut FieldErrors) -> Option<Reduction> {
        match (self.percentage, self.fixed) {
            (Some(text), None) => {
                percentage(&text, &format!("{pointer}/percentage"), errors).map(Reduction::Percentage)
            }
            (None, Some(amount)) => {
                if amount.amount <= 0 {
                    let message = "must be above zero: less would take nothing off, or charge for it";
                    errors.add(format!("{pointer}/fixed"), "promotion.invalid_amount", message);
                }
                if AMOUNT_MAX < amount.amount {
                    let message = format!("must be at most {}", Money::new(AMOUNT_MAX, amount.currency));
                    errors.add(format!("{pointer}/fixed"), "promotion.invalid_amount", message);
                }
                Some(Reduction::Fixed(amount))
            }
            (Some(_), Some(_)) | (None, None) => {
                errors.add(
                    pointer,
                    "promotion.one_reduction",
                    "needs percentage or fixed, one of the two",
                );
                None
            }
        }
    }
}

impl ActionDraft {
    /// Returns the currency of its amount.
    pub(super) fn currency(&self) -> Option<Currency> {
        match self {
            Self::Order(reduction) | Self::Lines { reduction, .. } | Self::Shipping(reduction) => {
                reduction.fixed.map(|amount| amount.currency)
            }
            Self::Sets { .. } => None,
        }
    }

    pub(super) fn check(self, pointer: &str, errors: &mut FieldErrors) -> Option<Action> {
        match self {
            Self::Order(reduction) => reduction.check(pointer, errors).map(Action::Order),
            Self::Shipping(reduction) => reduction.check(pointer, errors).map(Action::Shipping),
            Self::Lines {
                items,
                reduction,
                spread,
            } => {
                let items = items.map(|items| items.check(&format!("{pointer}/items"), errors));
                let reduction = reduction.check(pointer, errors)?;
                Some(Action::Lines {
                    items,
                    reduction,
                    spread,
                })
            }
            Self::Sets {
                buy,
                buy_items,
                get,
                get_items,
                percentage: part,
                choice,
                sets_max,
            } => {
                let mut units = |name: &str, units: u32| {
                    if !(1..=SET_UNITS_MAX).contains(&units) {
                        let message = format!("must be 1 to {SET_UNITS_MAX}");
                        errors.add(format!("{pointer}/{name}"), "promotion.invalid_quantity", message);
                    }
                };
                units("buy", buy);
                units("get", get);
                units("sets_max", sets_max.unwrap_or(1));
                let buy_items = buy_items.map(|items| items.check(&format!("{pointer}/buy_items"), errors));
                let get_items = get_items.map(|items| items.check(&format!("{pointer}/get_items"), errors));
                let part = part.as_deref().unwrap_or("1");
                let percentage = percentage(part, &format!("{pointer}/percentage"), errors)?;
                Some(Action::Sets(Sets {
                    buy,
                    buy_items,
                    get,
                    get_items,
                    percentage,
                    choice,
                    sets_max,
                }))
            }
        }
    }
}

fn percentage(text: &str, pointer: &str, errors: &mut FieldErrors) -> Option<Rate> {
    let rate = errors.take(pointer, text.parse::<Rate>())?;
    let whole = rate.fraction();
    if rate.is_zero() || rate.is_negative() || whole.1 < whole.0 {
        let message = "must be above 0 and at most 1, as in 0.1 for 10%: more would pay the shopper";
        errors.add(pointer, "promotion.invalid_percentage", message);
    }
    Some(rate)
}

fn ids<I: EntityId>(texts: &[String], pointer: &str, max: usize, errors: &mut FieldErrors) -> BTreeSet<I> {
    if max < texts.len() {
        errors.add(
            pointer,
            "promotion.too_large",
            format!("at most {max} are allowed"),
        );
        return BTreeSet::new();
    }
    let mut read = BTreeSet::new();
    for (at, text) in texts.iter().enumerate() {
        match id::parse(text) {
            Ok(id) => drop(read.insert(id)),
            Err(invalid) => errors.add(
                format!("{pointer}/{at}"),
                "promotion.invalid_id",
                invalid.to_string(),
            ),
        }
    }
    read
}

fn handles(texts: &[String], pointer: &str, errors: &mut FieldErrors) -> BTreeSet<Handle> {
    if NAMES_MAX < texts.len() {
        errors.add(
            pointer,
            "promotion.too_large",
            format!("at most {NAMES_MAX} are allowed"),
        );
        return BTreeSet::new();
    }
    let mut read = BTreeSet::new();
    for (at, text) in texts.iter().enumerate() {
        read.extend(errors.take(&format!("{pointer}/{at}"), Handle::parse(text)));
    }
    read
}
