//! The shipping method, and which of them a cart may choose.

use super::Error;
use crate::country::{Country, Coverage};
use crate::entity::{Context, Entity, Keys, NoTimer};
use crate::error::{Broken, ensure};
use crate::event::EventBody;
use crate::id::ShippingMethodId;
use crate::kind::{Kind, Listing, ListingKey};
use crate::money::Money;
use crate::tax::Category;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How many shipping methods a store may have.
pub const METHODS_MAX: usize = 1_000;

/// A way to send goods, at a flat price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingMethod {
    pub(super) id: ShippingMethodId,
    pub(super) name: String,
    pub(super) coverage: Coverage,
    pub(super) price: Money,
    pub(super) free_from: Option<Money>,
    pub(super) tax_category: Category,
    pub(super) enabled: bool,
}

impl ShippingMethod {
    /// Returns its id.
    pub fn id(&self) -> ShippingMethodId {
        self.id
    }

    /// Returns what shoppers see.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the countries it goes to.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Returns the flat price.
    pub fn price(&self) -> Money {
        self.price
    }

    /// Returns the value of goods from which it is free.
    pub fn free_from(&self) -> Option<Money> {
        self.free_from
    }

    /// Returns the category it is taxed in.
    pub fn tax_category(&self) -> &Category {
        &self.tax_category
    }

    /// Tells whether it may be chosen at all.
    pub fn enabled(&self) -> bool {
        self.enabled
    }

    /// Tells whether goods can go to a country by it and be paid in the currency of `goods`.
    pub fn serves(&self, destination: Country, goods: Money) -> bool {
        self.enabled && self.price.currency == goods.currency && self.coverage.covers(destination)
    }

    /// Returns what it costs for goods of this value: the subtotal less discounts, in its own currency.
    pub fn price_for(&self, goods: Money) -> Money {
        match self.free_from {
            Some(free_from) if free_from.amount <= goods.amount => Money::zero(self.price.currency),
            Some(_) | None => self.price,
        }
    }
}

/// A method that a cart may choose, with its price for that cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Which method.
    pub method: Arc<ShippingMethod>,
    /// What it costs this cart.
    pub price: Money,
}

/// Returns the methods by which goods of this value can go to a country, cheapest first, then by name.
pub fn offers(methods: &[Arc<ShippingMethod>], destination: Country, goods: Money) -> Vec<Offer> {
    let mut offers = Vec::new();
    for method in methods {
        if method.serves(destination, goods) {
            offers.push(Offer {
                method: Arc::clone(method),
                price: method.price_for(goods),
            });
        }
    }
    offers.sort_by(|left, right| {
        let price = left.price.amount.cmp(&right.price.amount);
        let name = left.method.name.cmp(&right.method.name);
        price.then(name).then(left.method.id.cmp(&right.method.id))
    });
    offers
}

/// What happened to a shipping method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// It was made.
    Created(ShippingMethod),
    /// It was changed, to this.
    Updated(ShippingMethod),
    /// It was deleted.
    Deleted(ShippingMethod),
}

impl EventBody for Event {
    const SCHEMA: u16 = 1;

    fn name(&self) -> &'static str {
        match self {
            Self::Created(_) => "shipping.method_created",
            Self::Updated(_) => "shipping.method_updated",
            Self::Deleted(_) => "shipping.method_deleted",
        }
    }
}

impl Entity for ShippingMethod {
    const KIND: Kind = Kind::ShippingMethod;
    const SCHEMA: u16 = 1;
    type Id = ShippingMethodId;
    type Event = Event;
    type Timer = NoTimer;
    type Error = Error;

    fn invariants(&self) -> Result<(), Broken> {
        ensure(0 <= self.price.amount, "a shipping price is not below zero")?;
        let same_currency = self
            .free_from
            .is_none_or(|from| from.currency == self.price.currency);
        ensure(same_currency, "a shipping method has one currency")
    }

    fn keys(&self) -> Keys {
        Keys {
            unique: Vec::new(),
            listing: vec![ListingKey::new(
                Listing::ShippingMethods,
                self.name.to_lowercase(),
            )],
        }
    }

    fn wake(&mut self, timer: NoTimer, _: &mut Context<'_, Self>) -> Result<(), Error> {
        match timer {}
    }
}
