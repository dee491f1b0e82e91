//! Merging a guest's cart into a customer's when they log in (section 4.5 of the semantics).
//!
//! A pure function: it says which cart goes on and what it then holds; the use case makes it so.

use super::{CODES_MAX, Cart, Line, STORED_VALUES_MAX, State, VariantFacts};
use crate::id::{StoredValueId, VariantId};
use crate::money::Currency;
use crate::promotion::Code;
use crate::settings::{Limits, MergeRule};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a merge comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Which cart goes on.
    pub survivor: Survivor,
    /// What it then holds. Where the customer's cart goes on, its lines come first and keep their ids.
    pub lines: Vec<Arc<Line>>,
    /// The coupon codes of both, as many as a cart may hold; the next quote judges them again.
    pub codes: Vec<Code>,
    /// The gift cards and store credit of both, as many as a cart may be paid with; the next quote judges them again.
    pub stored_values: Vec<StoredValueId>,
    /// What the shopper should be told.
    pub warnings: Vec<Warning>,
}

/// Which of two carts goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survivor {
    /// The customer's; the guest's is merged away.
    Customer,
    /// The guest's, because the customer has none that counts.
    Guest,
}

/// What did not come over as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What people call the goods.
    pub sku: Arc<str>,
    /// What happened to them.
    pub kind: WarningKind,
}

/// What happened to a line that did not come over as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarningKind {
    /// Fewer units than wanted, because no more can be had or held.
    Reduced {
        /// How many were wanted.
        wanted: u32,
        /// How many it holds now.
        quantity: u32,
    },
    /// Nothing of it is left, because none can be had or the cart is full.
    Dropped,
    /// It has a price in the cart's currency now.
    Repriced {
        /// The currency it came in.
        from: Currency,
    },
    /// It has no price in the cart's currency and was left out.
    NoPrice {
        /// The currency it came in.
        from: Currency,
    },
}

impl WarningKind {
    /// Returns the stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Reduced { .. } => "merge.reduced",
            Self::Dropped => "merge.dropped",
            Self::Repriced { .. } => "merge.repriced",
            Self::NoPrice { .. } => "merge.no_price",
        }
    }
}

/// Merges a guest's cart into a customer's.
///
/// The customer's cart goes on unless there is none, or it is empty, cleared, abandoned or held by a checkout. A
/// line that both hold gets the quantity of the rule; a line that one holds stays. Then stock caps each variant over
/// all its lines, the later lines giving way first, and the limits cap the rest. A guest's cart that was merged away
/// before, or is held by a checkout or completed, brings nothing: merging twice changes nothing.
pub fn merge<'a>(
    customer: Option<&Cart>,
    guest: &Cart,
    rule: MergeRule,
    limits: Limits,
    facts: impl Fn(VariantId) -> Option<&'a VariantFacts>,
) -> Merged {
    if !is_open(guest) {
        return match customer {
            Some(customer) => unchanged(Survivor::Customer, customer),
            None => unchanged(Survivor::Guest, guest),
        };
    }
    let open = customer.filter(|customer| is_open(customer));
    let entered = open.map(Entered::of).unwrap_or_default();
    let Some(customer) = open.filter(|customer| counts(customer)) else {
        let entered = Entered::of(guest).and(&entered);
        let lines = guest.lines().to_vec();
        return capped((Survivor::Guest, entered), lines, Vec::new(), limits, facts);
    };
    let mut lines = customer.lines().to_vec();
    let mut warnings = Vec::new();
    for line in guest.lines() {
        let Some(line) = in_currency(line, customer.currency(), &facts, &mut warnings) else {
            continue;
        };
        match lines.iter_mut().find(|held| held.is_same_as(&line)) {
            Some(held) => {
                let quantity = quantity_of(rule, held.quantity, line.quantity);
                if quantity != held.quantity {
                    Arc::make_mut(held).quantity = quantity;
                }
            }
            None => lines.push(line),
        }
    }
    let entered = entered.and(&Entered::of(guest));
    capped((Survivor::Customer, entered), lines, warnings, limits, facts)
}

/// What shoppers have entered in a cart.
#[derive(Default)]
struct Entered {
    codes: Vec<Code>,
    stored_values: Vec<StoredValueId>,
}

impl Entered {
    fn of(cart: &Cart) -> Self {
        Self {
            codes: cart.codes().to_vec(),
            stored_values: cart.stored_values().to_vec(),
        }
    }

    /// Adds what else was entered, as far as a cart may hold it.
    fn and(mut self, other: &Self) -> Self {
        unite(&mut self.codes, &other.codes, CODES_MAX);
        unite(&mut self.stored_values, &other.stored_values, STORED_VALUES_MAX);
        self
    }
}

fn unite<T: Clone + PartialEq>(held: &mut Vec<T>, others: &[T], most: usize) {
    for other in others {
        if held.len() < most && !held.contains(other) {
            held.push(other.clone());
        }
    }
}

fn unchanged(survivor: Survivor, cart: &Cart) -> Merged {
    Merged {
        survivor,
        lines: cart.lines().to_vec(),
        codes: cart.codes().to_vec(),
        stored_values: cart.stored_values().to_vec(),
        warnings: Vec::new(),
    }
}

/// Tells whether a customer's cart may take lines and go on: one with lines that nobody has given up.
fn counts(cart: &Cart) -> bool {
    match cart.state() {
        State::Active | State::Recovered => !cart.lines().is_empty(),
        State::Created
        | State::Abandoned
        | State::Checkout { .. }
        | State::Completed { .. }
        | State::Merged { .. } => false,
    }
}

fn is_open(cart: &Cart) -> bool {
    cart.require_open().is_ok()
}

fn quantity_of(rule: MergeRule, customer: u32, guest: u32) -> u32 {
    match rule {
        MergeRule::Larger => customer.max(guest),
        MergeRule::Sum => customer.saturating_add(guest),
        MergeRule::Guest => guest,
        MergeRule::Customer => customer,
    }
}

/// Returns the line in the survivor's currency, at the variant's price there; a price set by staff in another
/// currency is lost with it.
fn in_currency<'a>(
    line: &Arc<Line>,
    currency: Currency,
    facts: impl Fn(VariantId) -> Option<&'a VariantFacts>,
    warnings: &mut Vec<Warning>,
) -> Option<Arc<Line>> {
    let from = line.price_when_added.currency;
    if from == currency {
        return Some(Arc::clone(line));
    }
    let price = facts(line.variant).and_then(|facts| facts.price(currency, line.quantity));
    let kind = match price {
        Some(_) => WarningKind::Repriced { from },
        None => WarningKind::NoPrice { from },
    };
    warnings.push(Warning {
        sku: Arc::clone(&line.sku),
        kind,
    });
    Some(Arc::new(Line {
        price_when_added: price?,
        price_override: None,
        ..Line::clone(line)
    }))
}

/// Caps lines by stock and limits, earlier lines first.
fn capped<'a>(
    (survivor, entered): (Survivor, Entered),
    lines: Vec<Arc<Line>>,
    mut warnings: Vec<Warning>,
    limits: Limits,
    facts: impl Fn(VariantId) -> Option<&'a VariantFacts>,
) -> Merged {
    let lines_max = usize::try_from(limits.cart_lines_max).unwrap_or(usize::MAX);
    let mut left: BTreeMap<VariantId, u32> = BTreeMap::new();
    let mut kept: Vec<Arc<Line>> = Vec::with_capacity(lines.len());
    for mut line in lines {
        let available = facts(line.variant).and_then(|facts| facts.available);
        let left = left.entry(line.variant).or_insert_with(|| match available {
            Some(available) => u32::try_from(available.max(0)).unwrap_or(u32::MAX),
            None => u32::MAX,
        });
        let wanted = line.quantity;
        let room = if kept.len() < lines_max { *left } else { 0 };
        let quantity = wanted.min(room).min(limits.line_units_max);
        if available.is_some() {
            *left -= quantity;
        }
        if quantity != wanted {
            let kind = match quantity {
                0 => WarningKind::Dropped,
                _ => WarningKind::Reduced { wanted, quantity },
            };
            warnings.push(Warning {
                sku: Arc::clone(&line.sku),
                kind,
            });
        }
        if 0 < quantity {
            if quantity != wanted {
                Arc::make_mut(&mut line).quantity = quantity;
            }
            kept.push(line);
        }
    }
    Merged {
        survivor,
        lines: kept,
        codes: entered.codes,
        stored_values: entered.stored_values,
        warnings,
    }
}
