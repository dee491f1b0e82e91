//! Tax zones on the wire.

use crate::answer::versioned;
use crate::dto::{Territory, TerritoryInput, Time};
use crate::extract::{Change, Null};
use cartwright_actors::Shown;
use cartwright_domain::{Period, tax};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// Places in which goods of one category are taxed alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TaxZone {
    /// Its id.
    #[schema(example = "txz_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    pub(super) id: String,
    /// What staff call it.
    name: String,
    /// Where its rates hold.
    #[serde(flatten)]
    territory: Territory,
    /// Its rates by category, tax and beginning; past and coming ones included.
    rates: Vec<TaxRate>,
    /// How often it was changed.
    version: u64,
}

/// What one category of goods is taxed with. Rates of one tax follow one another; those of different taxes apply
/// together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct TaxRate {
    /// Of which goods.
    #[schema(example = "standard")]
    category: String,
    /// Which tax it is a rate of; `tax` when absent.
    #[serde(default = "tax_default")]
    #[schema(required = false, example = "vat")]
    tax: String,
    /// What the tax is called on a bill.
    #[schema(example = "VAT 20%")]
    name: String,
    /// How much, as an exact decimal.
    #[schema(example = "0.2")]
    rate: String,
    /// From when on it holds; from ever when absent. A date is its first instant in UTC.
    #[serde(default)]
    valid_from: Option<Time>,
    /// When it no longer holds; at the latest when the next rate of the same category and tax begins.
    #[serde(default)]
    valid_until: Option<Time>,
}

fn tax_default() -> String {
    tax::TaxCode::default().to_string()
}

/// A tax zone to be made, or changes to one: then, what is absent stays and `null` clears.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct TaxZoneInput {
    /// What staff call it.
    #[schema(nullable = false, min_length = 1)]
    name: Option<String>,
    /// Where its rates hold. Postal codes win over subdivisions, and they over countries.
    #[serde(flatten)]
    territory: TerritoryInput,
    /// All its rates.
    rates: Option<Vec<TaxRate>>,
}

versioned!(TaxZone);

impl From<&Shown<tax::TaxZone>> for TaxZone {
    fn from(shown: &Shown<tax::TaxZone>) -> Self {
        let zone = &shown.state;
        Self {
            id: zone.id().to_string(),
            name: zone.name().to_owned(),
            territory: zone.territory().into(),
            rates: zone.rates().iter().map(TaxRate::from).collect(),
            version: shown.revision.0,
        }
    }
}

impl From<&tax::TaxRate> for TaxRate {
    fn from(rate: &tax::TaxRate) -> Self {
        Self {
            category: rate.category.to_string(),
            tax: rate.tax.to_string(),
            name: rate.name.to_string(),
            rate: rate.rate.to_string(),
            valid_from: rate.validity.from.map(Time),
            valid_until: rate.validity.until.map(Time),
        }
    }
}

impl Change for TaxZoneInput {
    fn null(field: &str) -> Null {
        match field {
            "name" => Null::Refused,
            "countries" | "subdivisions" | "postal_codes" | "rates" => Null::Becomes(json!([])),
            _ => Null::Read,
        }
    }
}

impl From<TaxZoneInput> for tax::Draft {
    fn from(input: TaxZoneInput) -> Self {
        let rates = input.rates;
        Self {
            name: input.name,
            territory: input.territory.into(),
            rates: rates.map(|rates| rates.into_iter().map(Into::into).collect()),
        }
    }
}

impl From<TaxRate> for tax::RateDraft {
    fn from(sent: TaxRate) -> Self {
        Self {
            category: sent.category,
            tax: Some(sent.tax),
            name: sent.name,
            rate: sent.rate,
            validity: Period {
                from: sent.valid_from.map(|Time(at)| at),
                until: sent.valid_until.map(|Time(at)| at),
            },
        }
    }
}
