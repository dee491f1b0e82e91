//! Places on the wire: where tax rates hold, and where a shipping method goes.

use cartwright_domain::country::{Country, Coverage};
use cartwright_domain::territory;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Some places: each of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Territory {
    /// Country codes, or `["*"]`.
    #[schema(example = json!(["GB"]))]
    countries: Vec<String>,
    /// Parts of countries, by their codes of ISO 3166-2.
    #[schema(example = json!(["US-CA"]))]
    subdivisions: Vec<String>,
    /// Postal codes: a country and a code, or its beginning and `*`.
    #[schema(example = json!(["ES 35*", "IT 23041"]))]
    postal_codes: Vec<String>,
}

/// Places as they are sent: in a change, what is absent stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub(crate) struct TerritoryInput {
    /// Country codes, or `["*"]`.
    #[schema(example = json!(["GB"]))]
    countries: Option<Vec<String>>,
    /// Parts of countries, by their codes of ISO 3166-2.
    #[schema(example = json!(["US-CA"]))]
    subdivisions: Option<Vec<String>>,
    /// Postal codes: a country and a code, or its beginning and `*`.
    #[schema(example = json!(["ES 35*", "IT 23041"]))]
    postal_codes: Option<Vec<String>>,
}

impl From<&territory::Territory> for Territory {
    fn from(territory: &territory::Territory) -> Self {
        Self {
            countries: match &territory.countries {
                Coverage::Everywhere => vec!["*".to_owned()],
                Coverage::Countries(countries) => countries.iter().map(Country::to_string).collect(),
            },
            subdivisions: territory.subdivisions.iter().map(ToString::to_string).collect(),
            postal_codes: territory.postal_codes.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<TerritoryInput> for territory::TerritoryDraft {
    fn from(input: TerritoryInput) -> Self {
        Self {
            countries: input.countries,
            subdivisions: input.subdivisions,
            postal_codes: input.postal_codes,
        }
    }
}
