//! Tax zones on the wire.

use crate::answer::versioned;
use crate::dto::country_codes;
use cartwright_actors::Shown;
use cartwright_domain::tax;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Countries in which goods of one category are taxed alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TaxZone {
    /// Its id.
    #[schema(example = "txz_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    pub(super) id: String,
    /// What staff call it.
    name: String,
    /// Country codes, or `["*"]`.
    #[schema(example = json!(["GB"]))]
    countries: Vec<String>,
    /// Its rates, by category.
    rates: Vec<TaxRate>,
    /// How often it was changed.
    version: u64,
}

/// What one category of goods is taxed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct TaxRate {
    /// Of which goods.
    #[schema(example = "standard")]
    category: String,
    /// What the tax is called on a bill.
    #[schema(example = "VAT 20%")]
    name: String,
    /// How much, as an exact decimal.
    #[schema(example = "0.2")]
    rate: String,
}

/// A tax zone to be made, or changes to one: then, what is absent stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct TaxZoneInput {
    /// What staff call it.
    name: Option<String>,
    /// Country codes, or `["*"]`.
    #[schema(example = json!(["GB"]))]
    countries: Option<Vec<String>>,
    /// One rate for each taxed category.
    rates: Option<Vec<TaxRate>>,
}

versioned!(TaxZone);

impl From<&Shown<tax::TaxZone>> for TaxZone {
    fn from(shown: &Shown<tax::TaxZone>) -> Self {
        let zone = &shown.state;
        Self {
            id: zone.id().to_string(),
            name: zone.name().to_owned(),
            countries: country_codes(zone.coverage()),
            rates: zone.rates().iter().map(TaxRate::from).collect(),
            version: shown.revision.0,
        }
    }
}

impl From<&tax::TaxRate> for TaxRate {
    fn from(rate: &tax::TaxRate) -> Self {
        Self {
            category: rate.category.to_string(),
            name: rate.name.to_string(),
            rate: rate.rate.to_string(),
        }
    }
}

impl From<TaxZoneInput> for tax::Draft {
    fn from(input: TaxZoneInput) -> Self {
        let rates = input.rates;
        Self {
            name: input.name,
            countries: input.countries,
            rates: rates.map(|rates| rates.into_iter().map(Into::into).collect()),
        }
    }
}

impl From<TaxRate> for tax::RateDraft {
    fn from(TaxRate { category, name, rate }: TaxRate) -> Self {
        Self { category, name, rate }
    }
}
