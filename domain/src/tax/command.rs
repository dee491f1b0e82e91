//! Commands of tax zones.

use super::{Category, Error, Event, RATE_MAX, RATES_MAX, TaxRate, TaxZone, ZONES_MAX};
use crate::country::Coverage;
use crate::entity::{Command, Context, Create};
use crate::error::FieldErrors;
use crate::id::TaxZoneId;
use crate::money::Rate;
use crate::text;
use rust_decimal::Decimal;

/// The longest name of a zone or a tax.
const NAME_LENGTH_MAX: usize = 100;

/// A tax zone as staff sent it. When it changes a zone, what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// What staff call it.
    pub name: Option<String>,
    /// Country codes, or `["*"]`.
    pub countries: Option<Vec<String>>,
    /// One rate for each taxed category.
    pub rates: Option<Vec<RateDraft>>,
}

/// A rate as staff sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateDraft {
    /// The category's code.
    pub category: String,
    /// What the tax is called on a bill.
    pub name: String,
    /// A decimal text: `0.2`.
    pub rate: String,
}

/// Makes a tax zone.
#[derive(Clone, Debug)]
pub struct CreateZone {
    /// What was sent. Name and countries are required.
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
        let draft = Draft {
            name: Some(self.draft.name.unwrap_or_default()),
            countries: Some(self.draft.countries.unwrap_or_default()),
            rates: self.draft.rates,
        };
        let blank = TaxZone {
            id,
            name: String::new(),
            coverage: Coverage::Everywhere,
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
        if let Some(countries) = self.countries
            && let Some(coverage) = Coverage::check(&countries, "/countries", &mut errors)
        {
            zone.coverage = coverage;
        }
        if let Some(rates) = self.rates {
            zone.rates = read_rates(rates, &mut errors);
        }
        errors.into_result()?;
        Ok(zone)
    }
}

fn read_rates(drafts: Vec<RateDraft>, errors: &mut FieldErrors) -> Vec<TaxRate> {
    if RATES_MAX < drafts.len() {
        errors.add(
            "/rates",
            "tax.too_many_rates",
            format!("at most {RATES_MAX} rates are allowed"),
        );
        return Vec::new();
    }
    let mut rates: Vec<TaxRate> = Vec::with_capacity(drafts.len());
    for (index, draft) in drafts.into_iter().enumerate() {
        let pointer = |field: &str| format!("/rates/{index}/{field}");
        let category = errors.take(&pointer("category"), Category::parse(&draft.category));
        let name = errors.take(&pointer("name"), text::line(&draft.name, NAME_LENGTH_MAX));
        let rate = errors.take(&pointer("rate"), draft.rate.parse::<Rate>());
        let (Some(category), Some(name), Some(rate)) = (category, name, rate) else {
            continue;
        };
        if rate.is_negative() || Decimal::from(RATE_MAX) < rate.decimal() {
            let message = format!("a tax rate lies between 0 and {RATE_MAX}");
            errors.add(pointer("rate"), "tax.rate_out_of_range", message);
        }
        match rates.binary_search_by(|held| held.category.cmp(&category)) {
            Ok(_) => {
                let message = format!("the category {category} has a rate already");
                errors.add(pointer("category"), "tax.duplicate_category", message);
            }
            Err(place) => rates.insert(
                place,
                TaxRate {
                    category,
                    name: name.into(),
                    rate,
                },
            ),
        }
    }
    rates
}

#[cfg(test)]
#[path = "command_test.rs"]
mod tests;
