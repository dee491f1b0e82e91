//! The store's settings on the wire. Lifetimes are whole seconds.

use crate::answer::versioned;
use crate::dto::nullable;
use crate::extract::{Change, Null};
use cartwright_actors::Shown;
use cartwright_domain::id::SETTINGS_ID;
use cartwright_domain::{Revision, settings};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// How the store does business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Settings {
    /// Their id, for their history.
    id: String,
    /// The currency of carts that name none.
    #[schema(example = "GBP")]
    currency: String,
    /// The other currencies that carts may have.
    #[schema(example = json!(["EUR", "USD"]))]
    currencies: Vec<String>,
    /// `include_tax` or `exclude_tax`: whether listed prices contain the home zone's tax.
    prices: &'static str,
    /// `half_up`, `half_even` or `half_down`.
    rounding: &'static str,
    /// The country whose tax zone is home.
    #[schema(example = "GB")]
    home_country: String,
    /// `keep_gross` or `strip_home_tax`: what becomes of inclusive prices abroad.
    foreign_zone: &'static str,
    /// A session, sliding.
    session_seconds: u64,
    /// A cart without activity, until it is abandoned.
    cart_seconds: u64,
    /// An abandoned cart, until it is deleted.
    abandoned_cart_seconds: u64,
    /// A stock reservation, until its checkout expires.
    reservation_seconds: u64,
    /// A checkout that has begun to pay, until its payment is voided.
    checkout_seconds: u64,
    /// A call to the payment provider, until its outcome counts as unknown.
    provider_seconds: u64,
    /// Lines a cart may hold.
    cart_lines_max: u32,
    /// Units a line may hold.
    line_units_max: u32,
    /// `now` or `when_shipped`: when authorized payments are captured. In this release nothing ships, and so nothing is
    /// captured with `when_shipped`.
    capture: &'static str,
    /// `larger`, `sum`, `guest` or `customer`: which quantity wins where two carts hold the same line. No call of this
    /// release merges carts.
    merge: &'static str,
    /// Units on hand at which stock is low, unless it says otherwise; items that are there keep the level they have.
    low_stock_level: u64,
    /// Does a canceled order's use of a limited promotion stay used?
    keep_used_on_cancel: bool,
    /// The tax calculator that carts are taxed by; `null` for the store's rate table.
    #[schema(example = "fake")]
    tax_calculator: Option<String>,
    /// How often they were changed.
    version: u64,
}

/// Changes to the settings, all of them or none. What is absent stays, `null` sets one back to its default.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct SettingsChange {
    /// The currency of carts that name none. One of the others changes places with it, any other takes its place.
    #[schema(nullable = false)]
    currency: Option<String>,
    /// All other currencies that carts may have.
    currencies: Option<Vec<String>>,
    /// `include_tax` or `exclude_tax`.
    prices: Option<String>,
    /// `half_up`, `half_even` or `half_down`.
    rounding: Option<String>,
    /// The country whose tax zone is home.
    #[schema(nullable = false)]
    home_country: Option<String>,
    /// `keep_gross` or `strip_home_tax`.
    foreign_zone: Option<String>,
    /// A session, sliding.
    session_seconds: Option<u64>,
    /// A cart without activity, until it is abandoned.
    cart_seconds: Option<u64>,
    /// An abandoned cart, until it is deleted.
    abandoned_cart_seconds: Option<u64>,
    /// A stock reservation, until its checkout expires.
    reservation_seconds: Option<u64>,
    /// A checkout that has begun to pay, until its payment is voided.
    checkout_seconds: Option<u64>,
    /// A call to the payment provider, until its outcome counts as unknown.
    provider_seconds: Option<u64>,
    /// Lines a cart may hold.
    cart_lines_max: Option<u32>,
    /// Units a line may hold.
    line_units_max: Option<u32>,
    /// `now` or `when_shipped`.
    capture: Option<String>,
    /// `larger`, `sum`, `guest` or `customer`.
    merge: Option<String>,
    /// Units on hand at which stock is low, unless it says otherwise; items that are there keep the level they have.
    low_stock_level: Option<u64>,
    /// Does a canceled order's use of a limited promotion stay used?
    keep_used_on_cancel: Option<bool>,
    /// The name of a tax calculator; `null` for the store's rate table.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    tax_calculator: Option<Option<String>>,
}

versioned!(Settings);

impl From<&Shown<settings::Settings>> for Settings {
    fn from(shown: &Shown<settings::Settings>) -> Self {
        Self::of(&shown.state, shown.revision)
    }
}

impl Settings {
    fn of(settings: &settings::Settings, revision: Revision) -> Self {
        let (lifetimes, limits) = (&settings.lifetimes, &settings.limits);
        Self {
            id: SETTINGS_ID.to_string(),
            currency: settings.currency.to_string(),
            currencies: settings.currencies.iter().map(ToString::to_string).collect(),
            prices: settings.prices.name(),
            rounding: settings.rounding.name(),
            home_country: settings.home_country.to_string(),
            foreign_zone: settings.foreign_zone.name(),
            session_seconds: lifetimes.session.as_secs(),
            cart_seconds: lifetimes.cart.as_secs(),
            abandoned_cart_seconds: lifetimes.abandoned_cart.as_secs(),
            reservation_seconds: lifetimes.reservation.as_secs(),
            checkout_seconds: lifetimes.checkout.as_secs(),
            provider_seconds: lifetimes.provider.as_secs(),
            cart_lines_max: limits.cart_lines_max,
            line_units_max: limits.line_units_max,
            capture: settings.capture.name(),
            merge: settings.merge.name(),
            low_stock_level: settings.low_stock_level,
            keep_used_on_cancel: settings.keep_used_on_cancel,
            tax_calculator: settings.tax_calculator.clone(),
            version: revision.0,
        }
    }
}

impl Change for SettingsChange {
    fn null(field: &str) -> Null {
        let default = Settings::of(&settings::Settings::default(), Revision::default());
        match field {
            "currency" | "home_country" => Null::Refused,
            _ => Null::Becomes(json!(default)[field].clone()),
        }
    }
}

impl From<SettingsChange> for settings::Draft {
    fn from(change: SettingsChange) -> Self {
        Self {
            currency: change.currency,
            currencies: change.currencies,
            prices: change.prices,
            rounding: change.rounding,
            home_country: change.home_country,
            foreign_zone: change.foreign_zone,
            session_seconds: change.session_seconds,
            cart_seconds: change.cart_seconds,
            abandoned_cart_seconds: change.abandoned_cart_seconds,
            reservation_seconds: change.reservation_seconds,
            checkout_seconds: change.checkout_seconds,
            provider_seconds: change.provider_seconds,
            cart_lines_max: change.cart_lines_max,
            line_units_max: change.line_units_max,
            capture: change.capture,
            merge: change.merge,
            low_stock_level: change.low_stock_level,
            keep_used_on_cancel: change.keep_used_on_cancel,
            tax_calculator: change.tax_calculator,
        }
    }
}
