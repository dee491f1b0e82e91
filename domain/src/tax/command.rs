//! Commands of tax zones.

use super::rate::{NAME_LENGTH_MAX, read_rates};
use super::{Error, Event, RateDraft, TaxZone, Territory, TerritoryDraft, ZONES_MAX};
use crate::country::Coverage;
use crate::entity::{Command, Context, Create};
use crate::error::FieldErrors;
use crate::id::TaxZoneId;
use crate::text;

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
    /// How many zones the store has already.
    pub existing: usize,
}

impl Create<TaxZone> for CreateZone {
    const NAME: &'static str = "tax.create_zone";
    type Reply = ();

    fn create(self, id: TaxZoneId, cx: &mut Context<'_, TaxZone>) -> Result<(TaxZone, ()), Error> {
        if ZONES_MAX <= self.existing {
            return Err(Error::TooManyZones { max: ZONES_MAX });
        }
        let mut draft = self.draft;
        draft.name.get_or_insert_default();
        draft.territory.countries.get_or_insert_default();
        let blank = TaxZone {
            id,
            name: String::new(),
            territory: Territory {
                countries: Coverage::Countries(Vec::new()),
                subdivisions: Vec::new(),
                postal_codes: Vec::new(),
            },
            rates: Vec::new(),
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
        self.territory.apply_to(&mut zone.territory, &mut errors);
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
