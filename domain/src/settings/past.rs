//! The stored forms of past schemas.

use super::{Capture, Event, ForeignZone, Lifetimes, Limits, MergeRule, Prices, Settings};
use crate::country::Country;
use crate::entity::PastBody;
use crate::money::{Currency, Rounding};
use serde::Deserialize;

/// Schema 1: one currency.
#[derive(Deserialize)]
struct SettingsOfOneCurrency {
    currency: Currency,
    prices: Prices,
    rounding: Rounding,
    home_country: Country,
    foreign_zone: ForeignZone,
    lifetimes: Lifetimes,
    limits: Limits,
    capture: Capture,
    merge: MergeRule,
    low_stock_level: u64,
}

impl From<SettingsOfOneCurrency> for Settings {
    fn from(past: SettingsOfOneCurrency) -> Self {
        Self {
            currency: past.currency,
            currencies: Vec::new(),
            prices: past.prices,
            rounding: past.rounding,
            home_country: past.home_country,
            foreign_zone: past.foreign_zone,
            lifetimes: past.lifetimes,
            limits: past.limits,
            capture: past.capture,
            merge: past.merge,
            low_stock_level: past.low_stock_level,
            keep_used_on_cancel: false,
            tax_calculator: None,
        }
    }
}

#[derive(Deserialize)]
enum EventOfOneCurrency {
    Created(SettingsOfOneCurrency),
    Updated(SettingsOfOneCurrency),
}

pub(super) fn settings<B: PastBody>(schema: u16, body: &B) -> Result<Settings, String> {
    match schema {
        1 => body.read::<SettingsOfOneCurrency>().map(Into::into),
        other => Err(format!("settings have no schema {other}")),
    }
}

pub(super) fn event<B: PastBody>(schema: u16, body: &B) -> Result<Event, String> {
    match schema {
        1 => Ok(match body.read::<EventOfOneCurrency>()? {
            EventOfOneCurrency::Created(past) => Event::Created(past.into()),
            EventOfOneCurrency::Updated(past) => Event::Updated(past.into()),
        }),
        other => Err(format!("an event of settings has no schema {other}")),
    }
}
