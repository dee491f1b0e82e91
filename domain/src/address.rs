//! Postal addresses.

use crate::country::Country;
use crate::error::FieldErrors;
use crate::text;
use serde::{Deserialize, Serialize};

/// The longest name, company or street line.
pub const ADDRESS_LINE_LENGTH_MAX: usize = 255;
/// The longest city or region.
pub const PLACE_LENGTH_MAX: usize = 100;
/// The longest postal code.
pub const POSTAL_CODE_LENGTH_MAX: usize = 20;
/// The longest telephone number.
pub const PHONE_LENGTH_MAX: usize = 40;

/// Where something goes, or who pays. Made by [`Input::check`] only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Address {
    /// Who lives there.
    pub name: Option<String>,
    /// Their firm.
    pub company: Option<String>,
    /// Street and number.
    pub line1: String,
    /// What stands below the street.
    pub line2: Option<String>,
    /// City, town or village.
    pub city: String,
    /// State, province or county.
    pub region: Option<String>,
    /// Postal code, as written there.
    pub postal_code: Option<String>,
    /// Country: it decides on tax zone and shipping.
    pub country: Country,
    /// Telephone number, for the carrier.
    pub phone: Option<String>,
}

/// Where goods go, as far as tax depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination<'a> {
    /// The country.
    pub country: Country,
    /// State, province or county, as it stands in the address.
    pub region: Option<&'a str>,
    /// Postal code, as it stands in the address.
    pub postal_code: Option<&'a str>,
}

impl From<Country> for Destination<'_> {
    fn from(country: Country) -> Self {
        Self {
            country,
            region: None,
            postal_code: None,
        }
    }
}

impl<'a> From<&'a Address> for Destination<'a> {
    fn from(address: &'a Address) -> Self {
        Self {
            country: address.country,
            region: address.region.as_deref(),
            postal_code: address.postal_code.as_deref(),
        }
    }
}

/// An address as somebody typed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// Who lives there.
    pub name: Option<String>,
    /// Their firm.
    pub company: Option<String>,
    /// Street and number; required.
    pub line1: Option<String>,
    /// What stands below the street.
    pub line2: Option<String>,
    /// City, town or village; required.
    pub city: Option<String>,
    /// State, province or county.
    pub region: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Country code; required.
    pub country: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
}

impl Input {
    /// Makes an address, or notes every bad field below `pointer` and returns nothing. Blank optional fields are
    /// as good as absent.
    pub fn check(self, pointer: &str, errors: &mut FieldErrors) -> Option<Address> {
        let mut optional = |name: &str, value: Option<String>, length_max| {
            let value = value.filter(|value| !value.trim().is_empty())?;
            errors.take(&format!("{pointer}/{name}"), text::line(&value, length_max))
        };
        let name = optional("name", self.name, ADDRESS_LINE_LENGTH_MAX);
        let company = optional("company", self.company, ADDRESS_LINE_LENGTH_MAX);
        let line2 = optional("line2", self.line2, ADDRESS_LINE_LENGTH_MAX);
        let region = optional("region", self.region, PLACE_LENGTH_MAX);
        let postal_code = optional("postal_code", self.postal_code, POSTAL_CODE_LENGTH_MAX);
        let phone = optional("phone", self.phone, PHONE_LENGTH_MAX);

        let mut required = |name: &str, value: Option<String>, length_max| {
            errors.take(
                &format!("{pointer}/{name}"),
                text::line(&value.unwrap_or_default(), length_max),
            )
        };
        let line1 = required("line1", self.line1, ADDRESS_LINE_LENGTH_MAX);
        let city = required("city", self.city, PLACE_LENGTH_MAX);
        let country = Country::of(self.country.as_deref().unwrap_or_default());
        let country = errors.take(&format!("{pointer}/country"), country);
        Some(Address {
            name,
            company,
            line1: line1?,
            line2,
            city: city?,
            region,
            postal_code,
            country: country?,
            phone,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(line1: &str, city: &str, country: &str) -> Input {
        let some = |text: &str| Some(text.to_owned());
        Input {
            line1: some(line1),
            city: some(city),
            country: some(country),
            ..Input::default()
        }
    }

    fn check(input: Input, expected: &[(&str, &str)]) {
        let mut errors = FieldErrors::default();
        let address = input.check("/shipping_address", &mut errors);
        assert_eq!(address.is_some(), expected.is_empty());
        let listed: Vec<(&str, &str)> = errors
            .as_slice()
            .iter()
            .map(|field| (field.pointer.as_str(), field.code.as_str()))
            .collect();
        assert_eq!(listed, expected);
    }

    #[test]
    fn an_address_lists_every_bad_field() {
        check(input("1 High Street", "London", "GB"), &[]);
        check(
            Input::default(),
            &[
                ("/shipping_address/line1", "text.empty"),
                ("/shipping_address/city", "text.empty"),
                ("/shipping_address/country", "address.unknown_country"),
            ],
        );
        check(input(&"x".repeat(255), "London", "XC"), &[]);
        check(
            input(&"x".repeat(256), "London", "EU"),
            &[("/shipping_address/line1", "text.too_long")],
        );
    }

    #[test]
    fn a_bad_optional_field_refuses_the_address() {
        let long = Input {
            postal_code: Some("9".repeat(21)),
            ..input("1 High Street", "London", "GB")
        };
        let mut errors = FieldErrors::default();
        let _ = long.check("", &mut errors);
        assert_eq!(
            errors.as_slice().first().map(|field| field.pointer.as_str()),
            Some("/postal_code")
        );
    }

    #[test]
    fn blank_optional_fields_are_absent() {
        let blank = Input {
            name: Some("  ".to_owned()),
            ..input(" 1 High Street ", "London", "GB")
        };
        let mut errors = FieldErrors::default();
        let address = blank.check("", &mut errors);
        assert_eq!(
            address.map(|address| (address.name, address.line1)),
            Some((None, "1 High Street".to_owned()))
        );
        assert!(errors.is_empty());
    }
}
