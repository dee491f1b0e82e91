//! The tax zone, and which zone a country belongs to.

use super::{Category, Error};
use crate::country::{Country, Coverage};
use crate::entity::{Context, Entity, Keys, NoTimer};
use crate::error::{Broken, ensure};
use crate::event::EventBody;
use crate::id::TaxZoneId;
use crate::kind::{Kind, Listing, ListingKey};
use crate::money::Rate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many zones a store may have.
pub const ZONES_MAX: usize = 1_000;
/// How many categories a zone may have a rate for.
pub const RATES_MAX: usize = 100;
/// The highest tax rate: 10 is 1,000%.
pub const RATE_MAX: i64 = 10;

/// Countries in which goods of one category are taxed alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxZone {
    pub(super) id: TaxZoneId,
    pub(super) name: String,
    pub(super) coverage: Coverage,
    pub(super) rates: Vec<TaxRate>,
}

/// What one category of goods is taxed with in a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRate {
    /// Of which goods.
    pub category: Category,
    /// What the tax is called on a bill: `VAT 20%`.
    pub name: Arc<str>,
    /// How much: 0.2 is 20%.
    pub rate: Rate,
}

impl TaxZone {
    /// Returns its id.
    pub fn id(&self) -> TaxZoneId {
        self.id
    }

    /// Returns what staff call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the countries in it.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Returns its rates, sorted by category.
    pub fn rates(&self) -> &[TaxRate] {
        &self.rates
    }

    /// Returns the rate of a category. A zone without one does not tax that category.
    pub fn rate(&self, category: &Category) -> Option<&TaxRate> {
        let row = self
            .rates
            .binary_search_by(|rate| rate.category.cmp(category))
            .ok()?;
        self.rates.get(row)
    }
}

/// What happened to a tax zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// It was made.
    Created(TaxZone),
    /// It was changed, to this.
    Updated(TaxZone),
    /// It was deleted.
    Deleted(TaxZone),
}

impl EventBody for Event {
    const SCHEMA: u16 = 1;

    fn name(&self) -> &'static str {
        match self {
            Self::Created(_) => "tax.zone_created",
            Self::Updated(_) => "tax.zone_updated",
            Self::Deleted(_) => "tax.zone_deleted",
        }
    }
}

impl Entity for TaxZone {
    const KIND: Kind = Kind::TaxZone;
    const SCHEMA: u16 = 1;
    type Id = TaxZoneId;
    type Event = Event;
    type Timer = NoTimer;
    type Error = Error;

    fn invariants(&self) -> Result<(), Broken> {
        let sorted = self
            .rates
            .is_sorted_by(|left, right| left.category < right.category);
        ensure(sorted, "a tax zone has one rate per category, sorted by category")?;
        ensure(self.rates.len() <= RATES_MAX, "a tax zone has at most 100 rates")?;
        ensure(
            !self.rates.iter().any(|rate| rate.rate.is_negative()),
            "no tax rate is below zero",
        )
    }

    fn keys(&self) -> Keys {
        Keys {
            unique: Vec::new(),
            listing: vec![ListingKey::new(Listing::TaxZones, self.name.to_lowercase())],
        }
    }

    fn wake(&mut self, timer: NoTimer, _: &mut Context<'_, Self>) -> Result<(), Error> {
        match timer {}
    }
}

/// Every zone of the store, indexed once by country. Kept until a zone changes.
///
/// The most specific zone wins: of those that name a country the one that names the fewest, and one for everywhere
/// only where no other does. Of equally specific ones the older wins, by its id. A country in no zone is not taxed.
#[derive(Clone, Debug, Default)]
pub struct Zones {
    by_country: BTreeMap<Country, Arc<TaxZone>>,
    everywhere: Option<Arc<TaxZone>>,
}

impl Zones {
    /// Indexes the zones.
    pub fn new(zones: impl IntoIterator<Item = Arc<TaxZone>>) -> Self {
        let mut zones: Vec<Arc<TaxZone>> = zones.into_iter().collect();
        zones.sort_by_key(|zone| match &zone.coverage {
            Coverage::Countries(countries) => (countries.len(), zone.id),
            Coverage::Everywhere => (usize::MAX, zone.id),
        });
        let mut index = Self::default();
        for zone in zones {
            match &zone.coverage {
                Coverage::Everywhere => index.everywhere = index.everywhere.or(Some(zone)),
                Coverage::Countries(countries) => {
                    for country in countries {
                        index
                            .by_country
                            .entry(*country)
                            .or_insert_with(|| Arc::clone(&zone));
                    }
                }
            }
        }
        index
    }

    /// Returns the zone a country belongs to.
    pub fn of(&self, country: Country) -> Option<&TaxZone> {
        self.by_country
            .get(&country)
            .or(self.everywhere.as_ref())
            .map(Arc::as_ref)
    }
}
