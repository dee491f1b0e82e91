//! Commands of tax zones.

use super::rate::{NAME_LENGTH_MAX, read_rates};
use super::{Error, Event, RATES_MAX, RateDraft, TaxZone, ZONES_MAX};
use crate::entity::{Command, Context, Create};
use crate::error::FieldErrors;
use crate::existing::Existing;
use crate::id::TaxZoneId;
use crate::territory::{Territory, TerritoryDraft};
use crate::text;
use serde::{Deserialize, Serialize};

/// A tax zone as staff sent it. When it changes a zone, what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// What staff call it.
    pub name: Option<String>,
    /// Where its rates hold.
    pub territory: TerritoryDraft,
    /// Its rates, all of them.
    pub rates: Option<Vec<RateDraft>>,
}

/// Makes a tax zone.
#[derive(Clone, Debug)]
pub struct CreateZone {
    /// What was sent. A name and a place are required.
    pub draft: Draft,
    /// Which zones the store has already.
    pub existing: Existing,
}

impl Create<TaxZone> for CreateZone {
    const NAME: &'static str = "tax.create_zone";
    type Reply = ();

    fn create(self, id: TaxZoneId, cx: &mut Context<'_, TaxZone>) -> Result<(TaxZone, ()), Error> {
        if ZONES_MAX <= self.existing.count {
            return Err(Error::TooManyZones { max: ZONES_MAX });
        }
        let mut draft = self.draft;
        draft.name.get_or_insert_default();
        draft.territory.countries.get_or_insert_default();
        let blank = TaxZone {
            id,
            name: String::new(),
            territory: Territory::default(),
            rates: Vec::new(),
            created_at: self.existing.next_at(cx.now()),
        };
        let zone = draft.applied_to(blank)?;
        cx.emit(Event::Created(zone.clone()));
        Ok((zone, ()))
    }
}

/// Changes a tax zone. Carts are quoted with it from their next read.
#[derive(Clone, Debug)]
pub struct UpdateZone {
    /// What was sent.
    pub draft: Draft,
}

impl Command<TaxZone> for UpdateZone {
    const NAME: &'static str = "tax.update_zone";
    type Reply = ();

    fn apply(self, zone: &mut TaxZone, cx: &mut Context<'_, TaxZone>) -> Result<(), Error> {
        let changed = self.draft.applied_to(zone.clone())?;
        if changed != *zone {
            *zone = changed;
            cx.emit(Event::Updated(zone.clone()));
        }
        Ok(())
    }
}

/// Adds a rate to a zone, or changes the one of the same category and tax that begins at the same time.
#[derive(Clone, Debug)]
pub struct PutRate {
    /// What was sent.
    pub rate: RateDraft,
}

/// What putting a rate came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RatePut {
    /// There was none.
    Added,
    /// There was another.
    Changed,
    /// It was there already.
    Unchanged,
}

impl Command<TaxZone> for PutRate {
    const NAME: &'static str = "tax.put_rate";
    type Reply = RatePut;

    fn apply(self, zone: &mut TaxZone, cx: &mut Context<'_, TaxZone>) -> Result<RatePut, Error> {
        let mut errors = FieldErrors::default();
        let rate = self.rate.check("", &mut errors);
        let mut rates = zone.rates.clone();
        let mut put = RatePut::Unchanged;
        if let Some(rate) = rate {
            match rates.binary_search_by(|held| held.key().cmp(&rate.key())) {
                Ok(at) if rates[at] == rate => {}
                Ok(at) => {
                    rates[at] = rate;
                    put = RatePut::Changed;
                }
                Err(at) => {
                    rates.insert(at, rate);
                    put = RatePut::Added;
                }
            }
        }
        if rates.windows(2).any(|pair| pair[0].overlaps(&pair[1])) {
            let message = "another rate of the same category and tax begins before the end, or ends after the beginning";
            errors.add("/valid_until", "tax.overlapping_rates", message);
        }
        if RATES_MAX < rates.len() {
            let message = format!("the zone has {RATES_MAX} rates, the most it may have");
            errors.add("", "tax.too_many_rates", message);
        }
        errors.into_result()?;
        if put != RatePut::Unchanged {
            zone.rates = rates;
            cx.emit(Event::Updated(zone.clone()));
        }
        Ok(put)
    }
}

/// Deletes a tax zone. Placed orders keep the tax they were placed with.
#[derive(Clone, Debug)]
pub struct DeleteZone;

impl Command<TaxZone> for DeleteZone {
    const NAME: &'static str = "tax.delete_zone";
    type Reply = ();

    fn apply(self, zone: &mut TaxZone, cx: &mut Context<'_, TaxZone>) -> Result<(), Error> {
        cx.emit(Event::Deleted(zone.clone()));
        cx.erase();
        Ok(())
    }
}

impl Draft {
    fn applied_to(self, mut zone: TaxZone) -> Result<TaxZone, FieldErrors> {
        let mut errors = FieldErrors::default();
        if let Some(name) = self.name {
            zone.name = errors
                .take("/name", text::line(&name, NAME_LENGTH_MAX))
                .unwrap_or_default();
        }
        self.territory.apply_to(&mut zone.territory, "", &mut errors);
        if let Some(rates) = self.rates {
            zone.rates = read_rates(&rates, &mut errors);
        }
        errors.into_result()?;
        Ok(zone)
    }
}

#[cfg(test)]
#[path = "command_test.rs"]
mod tests;
