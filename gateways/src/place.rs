//! Places that gateways are asked about.

use cartwright_domain::address::Destination;
use cartwright_domain::country::Country;

/// Where goods come from or go to, as far as a price or a tax depends on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The country.
    pub country: Country,
    /// State, province or county.
    pub region: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
}

impl From<Destination<'_>> for Place {
    fn from(destination: Destination<'_>) -> Self {
        Self {
            country: destination.country,
            region: destination.region.map(str::to_owned),
            postal_code: destination.postal_code.map(str::to_owned),
        }
    }
}
