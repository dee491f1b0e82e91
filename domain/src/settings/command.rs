//! Commands of the settings.

use super::{
    CART_LINES_LIMIT_MAX, Capture, Error, Event, ForeignZone, LIFETIME_MAX, LINE_UNITS_LIMIT_MAX,
    LOW_STOCK_LEVEL_MAX, MergeRule, Prices, Settings,
};
use crate::country::Country;
use crate::entity::{Command, Context, Create};
use crate::error::{FieldErrors, Problem};
use crate::id::SettingsId;
use crate::money::{Currency, Rounding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Settings as staff sent them. What is absent stays. Lifetimes are in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// A currency code.
    pub currency: Option<String>,
    /// The codes of all other currencies that carts may have.
    pub currencies: Option<Vec<String>>,
    /// `include_tax` or `exclude_tax`.
    pub prices: Option<String>,
    /// `half_up`, `half_even` or `half_down`.
    pub rounding: Option<String>,
    /// A country code.
    pub home_country: Option<String>,
    /// `keep_gross` or `strip_home_tax`.
    pub foreign_zone: Option<String>,
    /// See [`super::Lifetimes::session`].
    pub session_seconds: Option<u64>,
    /// See [`super::Lifetimes::cart`].
    pub cart_seconds: Option<u64>,
    /// See [`super::Lifetimes::abandoned_cart`].
    pub abandoned_cart_seconds: Option<u64>,
    /// See [`super::Lifetimes::reservation`].
    pub reservation_seconds: Option<u64>,
    /// See [`super::Lifetimes::checkout`].
    pub checkout_seconds: Option<u64>,
    /// See [`super::Lifetimes::provider`].
    pub provider_seconds: Option<u64>,
    /// Between 1 and [`CART_LINES_LIMIT_MAX`].
    pub cart_lines_max: Option<u32>,
    /// Between 1 and [`LINE_UNITS_LIMIT_MAX`].
    pub line_units_max: Option<u32>,
    /// `now` or `when_shipped`.
    pub capture: Option<String>,
    /// `larger`, `sum`, `guest` or `customer`.
    pub merge: Option<String>,
    /// At most [`LOW_STOCK_LEVEL_MAX`].
    pub low_stock_level: Option<u64>,
    /// See [`Settings::keep_used_on_cancel`].
    pub keep_used_on_cancel: Option<bool>,
    /// See [`Settings::tax_calculator`]; nothing inside for the rate table.
    pub tax_calculator: Option<Option<String>>,
}

/// Sets the store up. What the draft leaves out is as in [`Settings::default`].
#[derive(Clone, Debug, Default)]
pub struct CreateSettings {
    /// What differs from the defaults.
    pub draft: Draft,
}

impl Create<Settings> for CreateSettings {
    const NAME: &'static str = "settings.create";
    type Reply = ();

    fn create(self, _: SettingsId, cx: &mut Context<'_, Settings>) -> Result<(Settings, ()), Error> {
        let settings = self.draft.applied_to(Settings::default())?;
        cx.emit(Event::Created(settings.clone()));
        Ok((settings, ()))
    }
}

/// Changes settings, all of the named ones or none.
#[derive(Clone, Debug, Default)]
pub struct UpdateSettings {
    /// What was sent.
    pub draft: Draft,
    /// The tax calculators there are.
    pub calculators: Vec<&'static str>,
}

impl Command<Settings> for UpdateSettings {
    const NAME: &'static str = "settings.update";
    type Reply = ();

    fn apply(self, settings: &mut Settings, cx: &mut Context<'_, Settings>) -> Result<(), Error> {
        let chosen = self.draft.tax_calculator.iter().flatten();
        let mut unknown = chosen.filter(|chosen| !self.calculators.contains(&chosen.as_str()));
        let is_unknown = unknown.next().is_some();
        let changed = self.draft.applied_to(settings.clone());
        if is_unknown {
            let mut errors = changed.err().unwrap_or_default();
            let message = format!("must be null or one of {}", self.calculators.join(", "));
            errors.add("/tax_calculator", "settings.unknown_choice", message);
            return Err(errors.into());
        }
        let changed = changed?;
        if changed != *settings {
            *settings = changed;
            cx.emit(Event::Updated(settings.clone()));
        }
        Ok(())
    }
}

/// Refuses with a given problem and changes nothing: so that a refusal found while gathering facts is kept under a
/// staff member's idempotency key like any other.
#[derive(Clone, Debug)]
pub struct KeepRefusal {
    /// What was refused.
    pub problem: Problem,
}

impl Command<Settings> for KeepRefusal {
    const NAME: &'static str = "settings.keep_refusal";
    type Reply = ();

    fn apply(self, _: &mut Settings, _: &mut Context<'_, Settings>) -> Result<(), Error> {
        Err(Error::Kept(self.problem))
    }
}

/// Answers with what a member of staff's request of many commands came to, so that it is kept under their idempotency
/// key. Changes nothing.
#[derive(Clone, Debug)]
pub struct KeepReply<R> {
    /// What it came to.
    pub reply: R,
}

impl<R: Serialize + DeserializeOwned + Send + 'static> Command<Settings> for KeepReply<R> {
    const NAME: &'static str = "settings.keep_reply";
    type Reply = R;

    fn apply(self, _: &mut Settings, _: &mut Context<'_, Settings>) -> Result<R, Error> {
        Ok(self.reply)
    }
}

impl Draft {
    /// Returns the settings with the named ones replaced, all within their bounds.
    pub(super) fn applied_to(self, mut settings: Settings) -> Result<Settings, FieldErrors> {
        let mut errors = FieldErrors::default();
        if let Some(code) = self.currency {
            let former = settings.currency;
            put(
                &mut settings.currency,
                errors.take("/currency", Currency::of(&code)),
            );
            // One of the others that becomes the store's own changes places with it: as many are sold in as before.
            if settings.currencies.contains(&settings.currency) {
                settings.currencies.push(former);
            }
        }
        if let Some(codes) = self.currencies {
            settings.currencies.clear();
            for (at, code) in codes.iter().enumerate() {
                settings
                    .currencies
                    .extend(errors.take(&format!("/currencies/{at}"), Currency::of(code)));
            }
        }
        // The store's own is not another one, and none is named twice.
        settings.currencies.sort_unstable();
        settings.currencies.dedup();
        let own = settings.currency;
        settings.currencies.retain(|other| *other != own);
        if let Some(code) = self.home_country {
            put(
                &mut settings.home_country,
                errors.take("/home_country", Country::of(&code)),
            );
        }
        choose(
            &mut settings.prices,
            self.prices,
            "/prices",
            Prices::ALL,
            Prices::name,
            &mut errors,
        );
        choose(
            &mut settings.rounding,
            self.rounding,
            "/rounding",
            Rounding::ALL,
            Rounding::name,
            &mut errors,
        );
        let (zones, zone_name) = (ForeignZone::ALL, ForeignZone::name);
        choose(
            &mut settings.foreign_zone,
            self.foreign_zone,
            "/foreign_zone",
            zones,
            zone_name,
            &mut errors,
        );
        choose(
            &mut settings.capture,
            self.capture,
            "/capture",
            Capture::ALL,
            Capture::name,
            &mut errors,
        );
        choose(
            &mut settings.merge,
            self.merge,
            "/merge",
            MergeRule::ALL,
            MergeRule::name,
            &mut errors,
        );

        let lifetimes = &mut settings.lifetimes;
        for (held, seconds, pointer) in [
            (&mut lifetimes.session, self.session_seconds, "/session_seconds"),
            (&mut lifetimes.cart, self.cart_seconds, "/cart_seconds"),
            (
                &mut lifetimes.abandoned_cart,
                self.abandoned_cart_seconds,
                "/abandoned_cart_seconds",
            ),
            (
                &mut lifetimes.reservation,
                self.reservation_seconds,
                "/reservation_seconds",
            ),
            (
                &mut lifetimes.checkout,
                self.checkout_seconds,
                "/checkout_seconds",
            ),
            (
                &mut lifetimes.provider,
                self.provider_seconds,
                "/provider_seconds",
            ),
        ] {
            put(held, seconds.map(Duration::from_secs));
            check_range(held.as_secs(), 1, LIFETIME_MAX.as_secs(), pointer, &mut errors);
        }

        let limits = &mut settings.limits;
        put(&mut limits.cart_lines_max, self.cart_lines_max);
        put(&mut limits.line_units_max, self.line_units_max);
        put(&mut settings.low_stock_level, self.low_stock_level);
        put(&mut settings.keep_used_on_cancel, self.keep_used_on_cancel);
        put(&mut settings.tax_calculator, self.tax_calculator);
        check_range(
            u64::from(limits.cart_lines_max),
            1,
            u64::from(CART_LINES_LIMIT_MAX),
            "/cart_lines_max",
            &mut errors,
        );
        check_range(
            u64::from(limits.line_units_max),
            1,
            u64::from(LINE_UNITS_LIMIT_MAX),
            "/line_units_max",
            &mut errors,
        );
        check_range(
            settings.low_stock_level,
            0,
            LOW_STOCK_LEVEL_MAX,
            "/low_stock_level",
            &mut errors,
        );
        errors.into_result()?;
        Ok(settings)
    }
}

fn put<T>(held: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *held = value;
    }
}

fn choose<T: Copy>(
    held: &mut T,
    word: Option<String>,
    pointer: &str,
    all: &[T],
    name: fn(T) -> &'static str,
    errors: &mut FieldErrors,
) {
    let Some(word) = word else { return };
    let Some(choice) = all.iter().copied().find(|choice| name(*choice) == word) else {
        let names: Vec<&str> = all.iter().map(|choice| name(*choice)).collect();
        errors.add(
            pointer,
            "settings.unknown_choice",
            format!("must be one of {}", names.join(", ")),
        );
        return;
    };
    *held = choice;
}

fn check_range(value: u64, min: u64, max: u64, pointer: &str, errors: &mut FieldErrors) {
    if !(min <= value && value <= max) {
        errors.add(
            pointer,
            "settings.out_of_range",
            format!("must lie between {min} and {max}"),
        );
    }
}

#[cfg(test)]
#[path = "command_test.rs"]
mod tests;
