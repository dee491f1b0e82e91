//! The tax zone: where its rates hold, and which.

use super::rate::RATES_MAX;
use super::{Category, Error, TaxCode, TaxRate};
use crate::country::Coverage;
use crate::entity::{Context, Entity, Keys, NoTimer, PastBody};
use crate::error::{Broken, ensure};
use crate::event::EventBody;
use crate::id::{EntityId, TaxZoneId};
use crate::kind::{Kind, Listing, ListingKey};
use crate::money::Rate;
use crate::territory::Territory;
use crate::time::{Period, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How many zones a store may have.
pub const ZONES_MAX: usize = 1_000;

/// Places in which goods of one category are taxed alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxZone {
    pub(super) id: TaxZoneId,
    pub(super) name: String,
    pub(super) territory: Territory,
    pub(super) rates: Vec<TaxRate>,
    pub(super) created_at: Timestamp,
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

    /// Returns the places in it.
    pub fn territory(&self) -> &Territory {
        &self.territory
    }

    /// Returns its rates, past and coming ones included, sorted by category, tax and beginning.
    pub fn rates(&self) -> &[TaxRate] {
        &self.rates
    }

    /// Returns when it was made.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
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
    const SCHEMA: u16 = 3;

    fn name(&self) -> &'static str {
        match self {
            Self::Created(_) => "tax.zone_created",
            Self::Updated(_) => "tax.zone_updated",
            Self::Deleted(_) => "tax.zone_deleted",
        }
    }

    fn decode_past<B: PastBody>(schema: u16, body: &B) -> Result<Self, String> {
        match schema {
            1 => body.read::<PastEvent<TaxZone1>>().map(Self::from),
            2 => body.read::<PastEvent<TaxZone2>>().map(Self::from),
            _ => Err(format!("schema {schema} is not known")),
        }
    }
}

impl Entity for TaxZone {
    const KIND: Kind = Kind::TaxZone;
    const SCHEMA: u16 = 3;
    type Id = TaxZoneId;
    type Event = Event;
    type Timer = NoTimer;
    type Error = Error;

    fn decode_past<B: PastBody>(schema: u16, body: &B) -> Result<Self, String> {
        match schema {
            1 => body.read::<TaxZone1>().map(Self::from),
            2 => body.read::<TaxZone2>().map(Self::from),
            _ => Err(format!("{} has no schema {schema}", Self::KIND)),
        }
    }

    fn invariants(&self) -> Result<(), Broken> {
        let sorted = self.rates.is_sorted_by(|left, right| left.key() < right.key());
        ensure(
            sorted,
            "a tax zone's rates differ in category, tax or beginning, and are sorted by them",
        )?;
        let apart = self.rates.windows(2).all(|pair| !pair[0].overlaps(&pair[1]));
        ensure(
            apart,
            "of one tax on one category at most one rate holds at a time",
        )?;
        ensure(self.rates.len() <= RATES_MAX, "a tax zone has at most 500 rates")?;
        ensure(
            !self.rates.iter().any(|rate| rate.rate.is_negative()),
            "no tax rate is below zero",
        )?;
        ensure(0 < self.territory.places(), "a tax zone names a place")
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

/// A zone of schema 1: of whole countries, with one rate a category, for ever.
#[derive(Deserialize)]
struct TaxZone1 {
    id: TaxZoneId,
    name: String,
    coverage: Coverage,
    rates: Vec<TaxRate1>,
}

#[derive(Deserialize)]
struct TaxRate1 {
    category: Category,
    name: Arc<str>,
    rate: Rate,
}

/// A zone of schema 2: it does not say when it was made.
#[derive(Deserialize)]
struct TaxZone2 {
    id: TaxZoneId,
    name: String,
    territory: Territory,
    rates: Vec<TaxRate>,
}

/// What happened to a zone of a past schema.
#[derive(Deserialize)]
enum PastEvent<Z> {
    Created(Z),
    Updated(Z),
    Deleted(Z),
}

impl<Z: Into<TaxZone>> From<PastEvent<Z>> for Event {
    fn from(event: PastEvent<Z>) -> Self {
        match event {
            PastEvent::Created(zone) => Self::Created(zone.into()),
            PastEvent::Updated(zone) => Self::Updated(zone.into()),
            PastEvent::Deleted(zone) => Self::Deleted(zone.into()),
        }
    }
}

impl From<TaxZone2> for TaxZone {
    fn from(zone: TaxZone2) -> Self {
        Self {
            id: zone.id,
            name: zone.name,
            territory: zone.territory,
            rates: zone.rates,
            // An imported zone has its id from its places.
            created_at: zone.id.drawn_at().unwrap_or_default(),
        }
    }
}

impl From<TaxZone1> for TaxZone {
    fn from(zone: TaxZone1) -> Self {
        let rate = |TaxRate1 { category, name, rate }| TaxRate {
            category,
            tax: TaxCode::default(),
            name,
            rate,
            validity: Period::default(),
        };
        let zone = TaxZone2 {
            id: zone.id,
            name: zone.name,
            territory: Territory {
                countries: zone.coverage,
                subdivisions: Vec::new(),
                postal_codes: Vec::new(),
            },
            rates: zone.rates.into_iter().map(rate).collect(),
        };
        Self::from(zone)
    }
}
