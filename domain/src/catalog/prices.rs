//! What a unit of a variant costs: one price in each currency that it is sold in.

use super::PRICE_MILLIONTHS_MAX;
use crate::error::FieldErrors;
use crate::money::{Currency, Money, Price};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One price in each of some currencies, sorted by code. Without any, the variant is for sale to nobody. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrencyPrices(Arc<[Price]>);

impl CurrencyPrices {
    /// Returns what a unit costs in a currency.
    pub fn of(&self, currency: Currency) -> Option<Price> {
        let row = self
            .0
            .binary_search_by_key(&currency, |price| price.currency)
            .ok()?;
        self.0.get(row).copied()
    }

    /// Goes through the prices, by the codes of their currencies.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Price> + '_ {
        self.0.iter().copied()
    }

    /// Tells whether there is no price at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the first that is above the price of the same currency.
    pub(super) fn above(&self, prices: &Self) -> Option<Price> {
        self.iter().find(|price| {
            let other = prices.of(price.currency);
            other.is_some_and(|other| other.millionths < price.millionths)
        })
    }

    /// Tells whether every price lies within its bounds and in its place.
    pub(super) fn is_sound(&self) -> bool {
        self.0.is_sorted_by(|left, right| left.currency < right.currency)
            && self.0.iter().all(|price| is_in_range(*price))
    }

    /// Notes what is wrong with some prices, below `pointer`, and returns those that are right.
    pub(super) fn check(prices: &[Price], pointer: &str, errors: &mut FieldErrors) -> Self {
        let mut checked: Vec<Price> = Vec::with_capacity(prices.len());
        for (at, price) in prices.iter().enumerate() {
            let pointer = format!("{pointer}/{at}");
            check_price(*price, &pointer, errors);
            match checked.binary_search_by_key(&price.currency, |held| held.currency) {
                Ok(_) => {
                    let message = format!("there is a price in {} already", price.currency);
                    errors.add(pointer, "catalog.duplicate_price", message);
                }
                Err(place) => checked.insert(place, *price),
            }
        }
        Self(checked.into())
    }

    fn with(&self, price: Price) -> Self {
        let mut prices = self.0.to_vec();
        match prices.binary_search_by_key(&price.currency, |held| held.currency) {
            Ok(place) => prices[place] = price,
            Err(place) => prices.insert(place, price),
        }
        Self(prices.into())
    }
}

impl From<Option<Price>> for CurrencyPrices {
    fn from(price: Option<Price>) -> Self {
        Self(price.into_iter().collect())
    }
}

/// A change of what a unit costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PriceChange {
    /// This is the price in its currency; those in others stay.
    Set(Price),
    /// These are all prices, at most one in a currency. With none of them the variant is not for sale.
    Replace(Vec<Price>),
}

impl PriceChange {
    /// Returns the prices after the change. Notes what is wrong with it.
    pub(super) fn apply(&self, prices: &CurrencyPrices, errors: &mut FieldErrors) -> CurrencyPrices {
        match self {
            Self::Set(price) => {
                check_price(*price, "/price", errors);
                prices.with(*price)
            }
            Self::Replace(all) => CurrencyPrices::check(all, "/prices", errors),
        }
    }
}

/// Returns the highest unit price in a currency.
pub(crate) fn price_max(currency: Currency) -> Money {
    let max = Price::new(PRICE_MILLIONTHS_MAX, currency).whole();
    max.expect("a thousand million of a currency is a whole number of its minor units")
}

fn is_in_range(price: Price) -> bool {
    0 <= price.millionths && price.millionths <= PRICE_MILLIONTHS_MAX
}

pub(super) fn check_price(price: Price, pointer: &str, errors: &mut FieldErrors) {
    if !is_in_range(price) {
        let message = "a price is not negative and at most a thousand million of its currency";
        errors.add(pointer, "catalog.price_out_of_range", message);
    }
}
