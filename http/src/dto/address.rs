//! Postal addresses on the wire.

use cartwright_domain::address;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where something goes, or who pays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Address {
    /// Who lives there.
    name: Option<String>,
    /// Their firm.
    company: Option<String>,
    /// Street and number.
    #[schema(example = "1 High Street")]
    line1: String,
    /// What stands below the street.
    line2: Option<String>,
    /// City, town or village.
    #[schema(example = "London")]
    city: String,
    /// State, province or county.
    region: Option<String>,
    /// Postal code.
    postal_code: Option<String>,
    /// Two capital letters of ISO 3166-1, `XA` to `XZ`, or `EU`.
    #[schema(example = "GB")]
    country: String,
    /// Telephone number, for the carrier.
    phone: Option<String>,
}

/// An address as somebody typed it. Blank optional fields are as good as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct AddressInput {
    /// Who lives there.
    name: Option<String>,
    /// Their firm.
    company: Option<String>,
    /// Street and number; needed.
    #[schema(required, example = "1 High Street")]
    line1: Option<String>,
    /// What stands below the street.
    line2: Option<String>,
    /// City, town or village; needed.
    #[schema(required, example = "London")]
    city: Option<String>,
    /// State, province or county.
    region: Option<String>,
    /// Postal code.
    postal_code: Option<String>,
    /// Two capital letters of ISO 3166-1, `XA` to `XZ`, or `EU`; needed.
    #[schema(required, example = "GB")]
    country: Option<String>,
    /// Telephone number, for the carrier.
    phone: Option<String>,
}

impl From<&address::Address> for Address {
    fn from(address: &address::Address) -> Self {
        Self {
            name: address.name.clone(),
            company: address.company.clone(),
            line1: address.line1.clone(),
            line2: address.line2.clone(),
            city: address.city.clone(),
            region: address.region.clone(),
            postal_code: address.postal_code.clone(),
            country: address.country.to_string(),
            phone: address.phone.clone(),
        }
    }
}

impl From<AddressInput> for address::Input {
    fn from(input: AddressInput) -> Self {
        Self {
            name: input.name,
            company: input.company,
            line1: input.line1,
            line2: input.line2,
            city: input.city,
            region: input.region,
            postal_code: input.postal_code,
            country: input.country,
            phone: input.phone,
        }
    }
}
