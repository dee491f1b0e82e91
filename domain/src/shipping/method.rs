//! The shipping method, and which of them a cart may choose.

use super::{CarrierRates, Charge, Charged, Error, PriceSource, Span, Tariff, past};
use crate::address::Destination;
use crate::catalog::Handle;
use crate::entity::{Context, Entity, Keys, NoTimer, PastBody};
use crate::error::{Broken, ensure};
use crate::event::EventBody;
use crate::id::ShippingMethodId;
use crate::kind::{Kind, Listing, ListingKey};
use crate::money::{self, Currency, LINE_AMOUNT_MAX, Money, Rounding};
use crate::tax::Category;
use crate::territory::Territory;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How many shipping methods a store may have.
pub const METHODS_MAX: usize = 1_000;

/// A way to send goods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingMethod {
    pub(super) id: ShippingMethodId,
    pub(super) name: String,
    pub(super) territory: Territory,
    pub(super) except: Territory,
    pub(super) tariffs: Vec<Tariff>,
    pub(super) conditions: Conditions,
    pub(super) delivery_days: Option<Span>,
    pub(super) tax_category: Category,
    pub(super) enabled: bool,
}

/// What a method takes, whatever it costs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// What the goods weigh together, in grams.
    pub weight_grams: Span,
    /// How many units there are.
    pub quantity: Span,
    /// It takes nothing but goods in one of these categories; anything where there is none. Sorted.
    pub only_categories: Vec<Handle>,
    /// It takes nothing together with goods in one of these categories. Sorted.
    pub not_categories: Vec<Handle>,
}

/// What is to be sent: those lines of a cart that are no digital goods.
#[derive(Clone, Debug)]
pub struct Parcel<'a> {
    /// What the cart's goods are worth: their listed prices less discounts. Tax that is taken out of those is part of it.
    pub worth: Money,
    /// What the lines weigh.
    pub weight_grams: u64,
    /// How many units they have.
    pub units: u64,
    /// The categories of each line's goods.
    pub categories: Vec<&'a [Handle]>,
    /// What the carrier asks for it, where it was asked and has answered.
    pub rates: Option<&'a CarrierRates>,
}

impl<'a> Parcel<'a> {
    /// Begins a parcel of goods that are worth so much.
    pub fn new(worth: Money) -> Self {
        Self {
            worth,
            weight_grams: 0,
            units: 0,
            categories: Vec::new(),
            rates: None,
        }
    }

    /// Adds a line: units, what one weighs, and what categories its goods are in.
    pub fn add(&mut self, units: u32, weight_grams: u32, categories: &'a [Handle]) {
        self.units += u64::from(units);
        let weight_grams = u64::from(units) * u64::from(weight_grams);
        self.weight_grams = self.weight_grams.saturating_add(weight_grams);
        self.categories.push(categories);
    }

    /// Tells whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.categories.is_empty()
    }
}

impl Conditions {
    /// Tells whether anything depends on the categories of the goods.
    pub fn use_categories(&self) -> bool {
        !self.only_categories.is_empty() || !self.not_categories.is_empty()
    }

    fn take(&self, parcel: &Parcel<'_>) -> bool {
        let has = |among: &[Handle], line: &[Handle]| line.iter().any(|category| among.contains(category));
        let mut lines = parcel.categories.iter();
        self.weight_grams.contains(parcel.weight_grams)
            && self.quantity.contains(parcel.units)
            && lines.all(|line| {
                let is_wanted = self.only_categories.is_empty() || has(&self.only_categories, line);
                is_wanted && !has(&self.not_categories, line)
            })
    }
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

    /// Returns the places it goes to.
    pub fn territory(&self) -> &Territory {
        &self.territory
    }

    /// Returns the places it does not go to all the same.
    pub fn except(&self) -> &Territory {
        &self.except
    }

    fn goes_to(&self, destination: Destination<'_>) -> bool {
        self.territory.covers(destination) && !self.except.covers(destination)
    }

    /// Returns what it costs: one tariff in each currency, by its code.
    pub fn tariffs(&self) -> &[Tariff] {
        &self.tariffs
    }

    /// Returns price and threshold where one flat tariff is all there is: no handling fee, no condition on the goods' worth.
    pub fn short_form(&self) -> (Option<Money>, Option<Money>) {
        let [tariff] = &*self.tariffs else {
            return (None, None);
        };
        let money = |amount| Money::new(amount, tariff.currency);
        match tariff.charge {
            Charge::Flat(price) if tariff.handling_fee == 0 && tariff.worth == Span::default() => {
                (Some(money(price)), tariff.free_from.map(money))
            }
            _ => (None, None),
        }
    }

    /// Returns what it takes.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Returns within how many days goods arrive, as far as that can be said.
    pub fn delivery_days(&self) -> Option<Span> {
        self.delivery_days
    }

    /// Returns the category it is taxed in.
    pub fn tax_category(&self) -> &Category {
        &self.tax_category
    }

    /// Tells whether it may be chosen at all.
    pub fn enabled(&self) -> bool {
        self.enabled
    }

    /// Tells whether what it costs in a currency depends on what a carrier asks.
    pub fn is_by_carrier(&self, currency: Currency) -> bool {
        self.enabled && self.tariff(currency).is_some_and(Tariff::is_by_carrier)
    }

    fn tariff(&self, currency: Currency) -> Option<&Tariff> {
        self.tariffs.iter().find(|tariff| tariff.currency == currency)
    }

    /// Returns what it costs to send a parcel somewhere, in the currency of the goods; none when it does not go
    /// there, does not take them, has no tariff for them or would cost more than a line may come to.
    pub fn price_for(
        &self,
        destination: Destination<'_>,
        parcel: &Parcel<'_>,
        rounding: Rounding,
    ) -> Option<Charged> {
        let is_served = self.enabled && self.goes_to(destination) && self.conditions.take(parcel);
        let tariff = self.tariff(parcel.worth.currency).filter(|_| is_served)?;
        // What cannot be counted is more than that, too.
        let charged = tariff.price(parcel, rounding).ok().flatten()?;
        (charged.price.amount <= LINE_AMOUNT_MAX).then_some(charged)
    }
}

/// A method that a cart may choose, with its price for that cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Which method.
    pub method: Arc<ShippingMethod>,
    /// What it costs this cart.
    pub price: Money,
    /// Where the price comes from.
    pub source: PriceSource,
}

/// Returns the methods by which a parcel can go somewhere, with what is left to pay of the price of each, cheapest first,
/// then by name.
///
/// # Errors
/// When a price cannot be counted.
pub fn offers(
    methods: &[Arc<ShippingMethod>],
    destination: Destination<'_>,
    parcel: &Parcel<'_>,
    rounding: Rounding,
    left_of: impl Fn(&ShippingMethod, Money) -> Result<Money, money::Error>,
) -> Result<Vec<Offer>, money::Error> {
    let mut offers = Vec::new();
    if parcel.is_empty() {
        return Ok(offers);
    }
    for method in methods {
        if let Some(Charged { price, source }) = method.price_for(destination, parcel, rounding) {
            offers.push(Offer {
                method: Arc::clone(method),
                price: left_of(method, price)?,
                source,
            });
        }
    }
    offers.sort_by(|left, right| {
        let price = left.price.amount.cmp(&right.price.amount);
        let name = left.method.name.cmp(&right.method.name);
        price.then(name).then(left.method.id.cmp(&right.method.id))
    });
    Ok(offers)
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
    const SCHEMA: u16 = 2;

    fn decode_past<B: PastBody>(schema: u16, body: &B) -> Result<Self, String> {
        past::event(schema, body)
    }

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
    const SCHEMA: u16 = 2;
    type Id = ShippingMethodId;
    type Event = Event;
    type Timer = NoTimer;
    type Error = Error;

    fn decode_past<B: PastBody>(schema: u16, body: &B) -> Result<Self, String> {
        past::method(schema, body)
    }

    fn invariants(&self) -> Result<(), Broken> {
        let is_sorted = self
            .tariffs
            .is_sorted_by(|left, right| left.currency < right.currency);
        ensure(
            is_sorted && !self.tariffs.is_empty(),
            "a shipping method has one tariff a currency, in order, and at least one",
        )?;
        let mut tariffs = self.tariffs.iter();
        ensure(tariffs.all(Tariff::is_sound), "every tariff keeps its bounds")
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
