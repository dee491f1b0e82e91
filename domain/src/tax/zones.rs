//! Which zone a destination belongs to, and what that zone charges at one time.

use super::{Category, TaxRate, TaxZone};
use crate::address::Destination;
use crate::country::{Country, Coverage};
use crate::id::TaxZoneId;
use crate::money::{self, Money, Rate, prorate};
use crate::territory::{Subdivision, postal_key};
use crate::time::{Period, Timestamp};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every zone of the store with the rates in force at one time, indexed once. Kept until a zone changes or a rate
/// begins or ends.
///
/// The most specific zone wins: one that names the postal code before one that names the subdivision, that before one
/// that names the country, and one for everywhere only where no other does. Of patterns of postal codes the longer
/// wins, and a whole code before its beginning. Among zones that name the same place the one that names the fewest
/// places wins, and of those the older. A destination in no zone is not taxed.
#[derive(Clone, Debug, Default)]
pub struct Zones {
    holds: Period,
    by_postal_code: BTreeMap<Box<str>, Arc<ZoneRates>>,
    by_beginning: BTreeMap<Box<str>, Arc<ZoneRates>>,
    by_subdivision: BTreeMap<Subdivision, Arc<ZoneRates>>,
    by_country: BTreeMap<Country, Arc<ZoneRates>>,
    everywhere: Option<Arc<ZoneRates>>,
}

/// What a zone charges at one time, by category.
#[derive(Clone, Debug)]
pub struct ZoneRates {
    zone: TaxZoneId,
    rates: BTreeMap<Category, CombinedRate>,
}

/// What one category of goods is taxed with: one rate, or the sum of several that apply together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CombinedRate {
    /// What it is called on a bill: the names of all, as in `GST 5% + PST 7%`.
    pub name: Arc<str>,
    /// How much, all together.
    pub rate: Rate,
    /// The rates it is the sum of; empty where it is one.
    pub parts: Vec<RatePart>,
    /// One for each part, in proportion to its rate.
    weights: Vec<i64>,
}

/// One of several rates that apply together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RatePart {
    /// What it is called on a bill.
    pub name: Arc<str>,
    /// How much.
    pub rate: Rate,
}

impl Zones {
    /// Indexes the zones with the rates that are in force at one time.
    pub fn new(zones: impl IntoIterator<Item = Arc<TaxZone>>, at: Timestamp) -> Self {
        let mut zones: Vec<Arc<TaxZone>> = zones.into_iter().collect();
        zones.sort_by_key(|zone| (zone.territory.places(), zone.created_at, zone.id));
        let mut index = Self::default();
        for zone in &zones {
            index.add(zone, at);
            for rate in &zone.rates {
                index.holds = index.holds.bounded_by(rate.validity, at);
            }
        }
        index
    }

    fn add(&mut self, zone: &TaxZone, at: Timestamp) {
        let rates = Arc::new(ZoneRates::new(zone, at));
        let shared = || Arc::clone(&rates);
        for codes in &zone.territory.postal_codes {
            let index = if codes.is_beginning() {
                &mut self.by_beginning
            } else {
                &mut self.by_postal_code
            };
            index.entry(codes.key().into()).or_insert_with(shared);
        }
        for subdivision in &zone.territory.subdivisions {
            self.by_subdivision.entry(*subdivision).or_insert_with(shared);
        }
        match &zone.territory.countries {
            Coverage::Everywhere => {
                self.everywhere.get_or_insert_with(shared);
            }
            Coverage::Countries(countries) => {
                for country in countries {
                    self.by_country.entry(*country).or_insert_with(shared);
                }
            }
        }
    }

    /// Returns the time around the one it was made for in which no rate begins or ends.
    pub fn holds(&self) -> Period {
        self.holds
    }

    /// Returns what the zone charges that a destination belongs to.
    pub fn of(&self, destination: Destination<'_>) -> Option<&ZoneRates> {
        let found = self
            .of_postal_code(destination)
            .or_else(|| self.of_subdivision(destination))
            .or_else(|| self.by_country.get(&destination.country))
            .or(self.everywhere.as_ref());
        found.map(Arc::as_ref)
    }

    fn of_postal_code(&self, destination: Destination<'_>) -> Option<&Arc<ZoneRates>> {
        if self.by_postal_code.is_empty() && self.by_beginning.is_empty() {
            return None;
        }
        let key = postal_key(destination)?;
        self.by_postal_code.get(key.as_str()).or_else(|| {
            let mut beginnings = (0..=key.len()).rev().filter_map(|length| key.get(..length));
            beginnings.find_map(|beginning| self.by_beginning.get(beginning))
        })
    }

    fn of_subdivision(&self, destination: Destination<'_>) -> Option<&Arc<ZoneRates>> {
        if self.by_subdivision.is_empty() {
            return None;
        }
        self.by_subdivision
            .get(&Subdivision::of_destination(destination)?)
    }
}

impl ZoneRates {
    fn new(zone: &TaxZone, at: Timestamp) -> Self {
        // Sorted by category, tax and beginning: the last that has begun stands for its tax, unless it has ended.
        let mut newest: Vec<&TaxRate> = Vec::new();
        for rate in &zone.rates {
            if rate.validity.from.is_some_and(|from| at < from) {
                continue;
            }
            match newest.last_mut() {
                Some(last) if rate.follows(last) => *last = rate,
                _ => newest.push(rate),
            }
        }
        newest.retain(|rate| rate.validity.contains(at));
        let of_category = newest.chunk_by(|left, right| left.category == right.category);
        let rates = of_category.map(|rates| (rates[0].category.clone(), CombinedRate::of(rates)));
        Self {
            zone: zone.id,
            rates: rates.collect(),
        }
    }

    /// Returns which zone it is.
    pub fn zone(&self) -> TaxZoneId {
        self.zone
    }

    /// Returns what a category is taxed with. A category without a rate is not taxed.
    pub fn rate(&self, category: &Category) -> Option<&CombinedRate> {
        self.rates.get(category)
    }
}

impl CombinedRate {
    /// Adds up the rates that apply together, at least one.
    fn of(rates: &[&TaxRate]) -> Self {
        if let [one] = rates {
            return Self {
                name: Arc::clone(&one.name),
                rate: one.rate,
                parts: Vec::new(),
                weights: Vec::new(),
            };
        }
        let names: Vec<&str> = rates.iter().map(|rate| &*rate.name).collect();
        let sum: Decimal = rates.iter().map(|rate| rate.rate.decimal()).sum();
        let part = |rate: &&TaxRate| RatePart {
            name: Arc::clone(&rate.name),
            rate: rate.rate,
        };
        Self {
            name: names.join(" + ").into(),
            rate: Rate::new(sum).expect("a zone's rates are few and low enough for their sum to be one"),
            parts: rates.iter().map(part).collect(),
            weights: rates.iter().map(|rate| rate.rate.weight()).collect(),
        }
    }

    /// Splits a tax over the parts by section 1.5, so that they sum to it.
    ///
    /// # Errors
    /// As for [`prorate`].
    pub fn split(&self, tax: Money) -> Result<Vec<Money>, money::Error> {
        prorate(tax, &self.weights)
    }
}

#[cfg(test)]
#[path = "zones_test.rs"]
mod tests;
