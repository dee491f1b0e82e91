//! What gift cards and store credit cover of a total, one after the other.

use super::{Form, GIFT_CARD, STORE_CREDIT, StoredValue, Unusable};
use crate::id::{CheckoutId, CustomerId, StoredValueId};
use crate::money::Money;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// Which, and how much of the total.
    pub tender: Tender,
    /// Why nothing of it can be spent.
    pub unusable: Option<Unusable>,
}

/// A part of a total that a gift card or store credit pays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tender {
    /// Out of which.
    pub value: StoredValueId,
    /// The end of a gift card's code; nothing for store credit.
    pub last_characters: Option<String>,
    /// How much.
    pub amount: Money,
}

impl Tender {
    /// Returns the name that its payment goes by as a provider's.
    pub fn provider(&self) -> &'static str {
        match self.last_characters {
            Some(_) => GIFT_CARD,
            None => STORE_CREDIT,
        }
    }
}

impl Coverage {
    /// Returns a total that nothing covers.
    pub fn none(total: Money) -> Self {
        Self {
            parts: Vec::new(),
            due: total,
        }
    }

    /// Returns what really pays some of the total.
    pub fn tenders(&self) -> Vec<Tender> {
        let tenders = self.parts.iter().map(|part| &part.tender);
        tenders
            .filter(|tender| !tender.amount.is_zero())
            .cloned()
            .collect()
    }
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
        let tender = Tender {
            value: value.id(),
            last_characters,
            amount: Money::new(amount, total.currency),
        };
        parts.push(Covered { tender, unusable });
    }
    Coverage { parts, due }
}
