//! What gift cards and store credit cover of a total, one after the other.

use super::{Form, StoredValue, Unusable};
use crate::id::{CheckoutId, CustomerId, StoredValueId};
use crate::money::Money;
use crate::time::Timestamp;

/// How a total is to be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// What each covers, in the order in which they were applied.
    pub parts: Vec<Covered>,
    /// What is left for the payment provider.
    pub due: Money,
}

/// What one gift card or store credit covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Which.
    pub id: StoredValueId,
    /// `gift_card` or `store_credit`.
    pub provider: &'static str,
    /// The end of a gift card's code.
    pub last_characters: Option<String>,
    /// How much of the total.
    pub amount: Money,
    /// Why nothing of it can be spent.
    pub unusable: Option<Unusable>,
}

/// Spreads a total over what is applied, in that order. What `checkout` holds is there for it.
pub fn cover<'a>(
    total: Money,
    applied: impl IntoIterator<Item = &'a StoredValue>,
    customer: Option<CustomerId>,
    checkout: Option<CheckoutId>,
    now: Timestamp,
) -> Coverage {
    let mut due = total;
    let mut parts = Vec::new();
    for value in applied {
        let available = value.available_to(checkout);
        let empty = || available.is_zero().then_some(Unusable::Empty);
        let unusable = value.unusable(total.currency, customer, now).or_else(empty);
        let amount = match unusable {
            None => available.amount.min(due.amount).max(0),
            Some(_) => 0,
        };
        due.amount -= amount;
        let last_characters = match value.form() {
            Form::GiftCard(card) => Some(card.code.last_characters().to_owned()),
            Form::StoreCredit { .. } => None,
        };
        parts.push(Covered {
            id: value.id(),
            provider: value.provider(),
            last_characters,
            amount: Money::new(amount, total.currency),
            unusable,
        });
    }
    Coverage { parts, due }
}
