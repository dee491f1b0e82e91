//! Shipping methods on the wire.

use crate::answer::versioned;
use crate::dto::{Money, country_codes, nullable};
use cartwright_actors::Shown;
use cartwright_domain::shipping;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A way to send goods, at a flat price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ShippingMethod {
    /// Its id.
    #[schema(example = "shm_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    pub(super) id: String,
    /// What shoppers see.
    name: String,
    /// The countries it goes to, or `["*"]`.
    #[schema(example = json!(["*"]))]
    countries: Vec<String>,
    /// The flat price.
    price: Money,
    /// The value of goods from which it is free.
    free_from: Option<Money>,
    /// The category it is taxed in.
    #[schema(example = "standard")]
    tax_category: String,
    /// May it be chosen?
    enabled: bool,
    /// How often it was changed.
    version: u64,
}

/// A shipping method to be made, or changes to one: then, what is absent stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct ShippingMethodInput {
    /// What shoppers see.
    name: Option<String>,
    /// The countries it goes to, or `["*"]`.
    #[schema(example = json!(["*"]))]
    countries: Option<Vec<String>>,
    /// The flat price.
    price: Option<Money>,
    /// The value of goods from which it is free; `null` takes it away.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Money>)]
    free_from: Option<Option<Money>>,
    /// The category it is taxed in; `standard` when absent.
    tax_category: Option<String>,
    /// May it be chosen? It may when absent.
    enabled: Option<bool>,
}

versioned!(ShippingMethod);

impl From<&Shown<shipping::ShippingMethod>> for ShippingMethod {
    fn from(shown: &Shown<shipping::ShippingMethod>) -> Self {
        let method = &shown.state;
        Self {
            id: method.id().to_string(),
            name: method.name().to_owned(),
            countries: country_codes(method.coverage()),
            price: method.price().into(),
            free_from: method.free_from().map(Into::into),
            tax_category: method.tax_category().to_string(),
            enabled: method.enabled(),
            version: shown.revision.0,
        }
    }
}

impl From<ShippingMethodInput> for shipping::Draft {
    fn from(input: ShippingMethodInput) -> Self {
        Self {
            name: input.name,
            countries: input.countries,
            price: input.price.map(Into::into),
            free_from: input.free_from.map(|free_from| free_from.map(Into::into)),
            tax_category: input.tax_category,
            enabled: input.enabled,
        }
    }
}
