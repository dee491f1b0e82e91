//! The tax of a line.

use super::Money;
use cartwright_domain::cart::{LineTax, LineTaxPart};
use serde::Serialize;
use utoipa::ToSchema;

/// The tax of one line, rounded once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Tax {
    /// What the tax is called on a bill.
    #[schema(example = "VAT 20%")]
    name: String,
    /// Its rate, as an exact decimal.
    #[schema(example = "0.2")]
    rate: String,
    /// How much.
    amount: Money,
    /// Is it contained in the line's value, or does it come on top?
    included: bool,
    /// The taxes it is the sum of, where it is one of several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<TaxPart>,
}

/// One of several taxes that make up a line's: a share of the one rounded amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TaxPart {
    /// What the tax is called on a bill.
    #[schema(example = "GST 5%")]
    name: String,
    /// Its rate, as an exact decimal.
    #[schema(example = "0.05")]
    rate: String,
    /// Its share.
    amount: Money,
}

impl From<&LineTax> for Tax {
    fn from(tax: &LineTax) -> Self {
        Self {
            name: tax.name.to_string(),
            rate: tax.rate.to_string(),
            amount: tax.amount.into(),
            included: tax.included,
            parts: tax.parts.iter().map(TaxPart::from).collect(),
        }
    }
}

impl From<&LineTaxPart> for TaxPart {
    fn from(part: &LineTaxPart) -> Self {
        Self {
            name: part.name.to_string(),
            rate: part.rate.to_string(),
            amount: part.amount.into(),
        }
    }
}
