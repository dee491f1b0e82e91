//! Postal addresses, checked by how their country writes them.

mod formats;
mod regions;

pub use formats::{Format, Part};
pub use regions::{Region, regions_of};

use crate::country::Country;
use crate::error::{Class, FieldErrors, Refusal};
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
    /// City, town or village. Empty where a country's addresses need none.
    pub city: String,
    /// State, province or county, as addresses write it.
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
    /// City, town or village; required in most countries.
    pub city: Option<String>,
    /// State, province or county; required in some countries.
    pub region: Option<String>,
    /// Postal code; required in some countries.
    pub postal_code: Option<String>,
    /// Country code; required.
    pub country: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
}

/// Why a part of an address is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Every address needs it, or those of this country do.
    #[error("must be given{}{}", in_country(*country), expected(*example))]
    Missing {
        /// The country, where it is known.
        country: Option<Country>,
        /// What it may be, where that is known.
        example: Option<&'static str>,
    },
    /// The country has no such postal codes.
    #[error("not a postal code of {country}{}", expected(*example))]
    PostalCode {
        /// The country.
        country: Country,
        /// One that it has.
        example: Option<&'static str>,
    },
    /// The country has no such region, and all of its regions are known.
    #[error("not one of the {known} states, provinces or counties of {country}{}", expected(*example))]
    UnknownRegion {
        /// The country.
        country: Country,
        /// How many it has.
        known: usize,
        /// One of them.
        example: Option<&'static str>,
    },
}

fn in_country(country: Option<Country>) -> String {
    country
        .map(|country| format!(" in {country}"))
        .unwrap_or_default()
}

fn expected(example: Option<&str>) -> String {
    example
        .map(|example| format!(": expected one such as {example}"))
        .unwrap_or_default()
}

impl Refusal for Error {
    fn class(&self) -> Class {
        Class::Invalid
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "address.missing",
            Self::PostalCode { .. } => "address.invalid_postal_code",
            Self::UnknownRegion { .. } => "address.unknown_region",
        }
    }
}

impl Input {
    /// Returns what somebody might type who lives at a street in a country: every part that its addresses need.
    pub fn example(name: &str, line1: &str, city: &str, country: Country) -> Self {
        let format = Format::of(country);
        let region = regions_of(country)
            .first()
            .map_or(city, |region| region.written());
        Self {
            name: Some(name.to_owned()),
            line1: Some(line1.to_owned()),
            city: Some(city.to_owned()),
            region: format.needs(Part::Region).then(|| region.to_owned()),
            postal_code: format.postal_code_example().map(str::to_owned),
            country: Some(country.to_string()),
            ..Self::default()
        }
    }

    /// Makes an address as its country writes it, or notes every bad field below `pointer` and returns nothing. Blank
    /// fields are as good as absent.
    ///
    /// Names, streets and cities stay in the letters in which they were typed: that some countries print them in
    /// capitals is for whoever prints the label.
    pub fn check(self, pointer: &str, errors: &mut FieldErrors) -> Option<Address> {
        let country = Country::of(self.country.as_deref().unwrap_or_default().trim());
        let bad_before = errors.as_slice().len();
        let mut reader = Reader {
            pointer,
            country: country.as_ref().ok().copied(),
            errors,
        };
        let name = reader.text("name", self.name, ADDRESS_LINE_LENGTH_MAX, None);
        let company = reader.text("company", self.company, ADDRESS_LINE_LENGTH_MAX, None);
        let missing = reader.missing(None);
        let line1 = reader.text("line1", self.line1, ADDRESS_LINE_LENGTH_MAX, Some(missing));
        let line2 = reader.text("line2", self.line2, ADDRESS_LINE_LENGTH_MAX, None);
        let missing = reader.needs(Part::City).then(|| reader.missing(None));
        let city = reader.text("city", self.city, PLACE_LENGTH_MAX, missing);
        let region = reader.region(self.region);
        let postal_code = reader.postal_code(self.postal_code);
        let country = reader.errors.take(&format!("{pointer}/country"), country);
        let phone = reader.text("phone", self.phone, PHONE_LENGTH_MAX, None);
        if bad_before < errors.as_slice().len() {
            return None;
        }
        Some(Address {
            name,
            company,
            line1: line1?,
            line2,
            city: city.unwrap_or_default(),
            region,
            postal_code,
            country: country?,
            phone,
        })
    }
}

/// Reads the parts of one address and notes what is wrong with them.
struct Reader<'a> {
    pointer: &'a str,
    country: Option<Country>,
    errors: &'a mut FieldErrors,
}

impl Reader<'_> {
    fn format(&self) -> &'static Format {
        self.country.map_or(Format::generic(), Format::of)
    }

    fn needs(&self, part: Part) -> bool {
        self.format().needs(part)
    }

    fn missing(&self, example: Option<&'static str>) -> Error {
        Error::Missing {
            country: self.country,
            example,
        }
    }

    /// Returns one line of text, or notes what is wrong with it: `missing` where there is none and something must be.
    fn text(
        &mut self,
        name: &str,
        typed: Option<String>,
        length_max: usize,
        missing: Option<Error>,
    ) -> Option<String> {
        let typed = typed.filter(|typed| !text::is_blank(text::unwrapped(typed)));
        match (typed, missing) {
            (Some(typed), _) => self.take(name, text::line(text::unwrapped(&typed), length_max)),
            (None, Some(missing)) => self.take(name, Err(missing)),
            (None, None) => None,
        }
    }

    fn region(&mut self, typed: Option<String>) -> Option<String> {
        let known = self.country.map_or(&[][..], regions_of);
        let example = known.first().map(|region| region.written());
        let missing = self.needs(Part::Region).then(|| self.missing(example));
        let typed = self.text("region", typed, PLACE_LENGTH_MAX, missing)?;
        let country = self.country?;
        match Region::find(country, &typed) {
            Some(region) => Some(region.written_like(typed)),
            None if known.is_empty() || !self.needs(Part::Region) => Some(typed),
            None => {
                let known = known.len();
                let error = Error::UnknownRegion {
                    country,
                    known,
                    example,
                };
                self.take("region", Err(error))
            }
        }
    }

    fn postal_code(&mut self, typed: Option<String>) -> Option<String> {
        let example = self.format().postal_code_example();
        let missing = self.needs(Part::PostalCode).then(|| self.missing(example));
        let typed = self.text("postal_code", typed, POSTAL_CODE_LENGTH_MAX, missing)?;
        let country = self.country?;
        let written = self.format().postal_code(&typed);
        self.take(
            "postal_code",
            written.ok_or(Error::PostalCode { country, example }),
        )
    }

    fn take<E: Refusal>(&mut self, name: &str, read: Result<String, E>) -> Option<String> {
        self.errors.take(&format!("{}/{name}", self.pointer), read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(country: &str, region: &str, postal_code: &str) -> Input {
        let some = |text: &str| Some(text.to_owned());
        Input {
            line1: some("1 High Street"),
            city: some("Market Town"),
            country: some(country),
            region: some(region),
            postal_code: some(postal_code),
            ..Input::default()
        }
    }

    #[track_caller]
    fn check(input: Input, expected: &[(&str, &str)]) -> Vec<String> {
        let mut errors = FieldErrors::default();
        let address = input.check("/shipping_address", &mut errors);
        assert_eq!(address.is_some(), expected.is_empty());
        let listed = errors.as_slice().iter();
        let listed: Vec<(&str, &str)> = listed
            .map(|field| (field.pointer.as_str(), field.code.as_str()))
            .collect();
        assert_eq!(listed, expected);
        let messages = errors.as_slice().iter();
        messages.map(|field| field.message.clone()).collect()
    }

    #[track_caller]
    fn check_written(input: Input, region: Option<&str>, postal_code: Option<&str>) {
        let mut errors = FieldErrors::default();
        let address = input.check("", &mut errors);
        assert_eq!(errors.as_slice(), []);
        let address = address.expect("an address without bad fields");
        assert_eq!(address.region.as_deref(), region);
        assert_eq!(address.postal_code.as_deref(), postal_code);
    }

    #[test]
    fn what_lists_of_contacts_wrap_a_number_in_is_no_part_of_it() {
        let phone = |typed: &str| {
            let mut errors = FieldErrors::default();
            let input = Input {
                phone: Some(typed.to_owned()),
                country: Some(" GB ".to_owned()),
                ..input("GB", "", "SW1Y 4JH")
            };
            let address = input.check("", &mut errors);
            assert_eq!(errors.as_slice(), []);
            address.and_then(|address| address.phone)
        };
        assert_eq!(
            phone("\u{202a}+44 20 7946 0000\u{202c}").as_deref(),
            Some("+44 20 7946 0000")
        );
        assert_eq!(phone("\u{202a}\u{202c}"), None);
    }

    #[test]
    fn an_address_lists_every_bad_field() {
        check(
            Input::default(),
            &[
                ("/shipping_address/line1", "address.missing"),
                ("/shipping_address/city", "address.missing"),
                ("/shipping_address/country", "address.unknown_country"),
            ],
        );
        let bare = Input {
            country: Some("US".to_owned()),
            ..Input::default()
        };
        let messages = check(
            bare,
            &[
                ("/shipping_address/line1", "address.missing"),
                ("/shipping_address/city", "address.missing"),
                ("/shipping_address/region", "address.missing"),
                ("/shipping_address/postal_code", "address.missing"),
            ],
        );
        assert_eq!(messages[2], "must be given in US: expected one such as AL");
        let messages = check(
            input("US", "Kalifornien", "9410"),
            &[
                ("/shipping_address/region", "address.unknown_region"),
                ("/shipping_address/postal_code", "address.invalid_postal_code"),
            ],
        );
        assert_eq!(
            messages,
            [
                "not one of the 62 states, provinces or counties of US: expected one such as AL",
                "not a postal code of US: expected one such as 94103",
            ]
        );
    }

    #[test]
    fn texts_have_a_longest_length() {
        let long = |length: usize| Input {
            line1: Some("x".repeat(length)),
            ..input("GB", "", "LS1 1AA")
        };
        check(long(255), &[]);
        check(long(256), &[("/shipping_address/line1", "text.too_long")]);
        check(
            input("HK", "Kowloon", &"9".repeat(21)),
            &[("/shipping_address/postal_code", "text.too_long")],
        );
    }

    #[test]
    fn an_address_is_written_as_its_country_does() {
        check_written(input("US", "california", " 94103"), Some("CA"), Some("94103"));
        check_written(input("GB", "", "sw1a  1aa"), None, Some("SW1A 1AA"));
        check_written(input("IE", "Dublin", ""), Some("Co. Dublin"), None);
        check_written(input("IE", "Fingal", ""), Some("Fingal"), None);
        check_written(input("DE", "Bayern", "80331"), Some("Bayern"), Some("80331"));
        check_written(input("XC", "Sark", "GY10 1SA"), Some("Sark"), Some("GY10 1SA"));
    }

    #[test]
    fn a_city_may_be_absent_where_none_is_needed() {
        let without = |country: &str| Input {
            city: Some(" ".to_owned()),
            ..input(country, "Kowloon", "")
        };
        let address = without("HK").check("", &mut FieldErrors::default());
        assert_eq!(address.map(|address| address.city), Some(String::new()));
        check(without("XC"), &[("/shipping_address/city", "address.missing")]);
    }

    #[test]
    fn the_example_of_every_country_is_an_address() {
        for first in b'A'..=b'Z' {
            for second in b'A'..=b'Z' {
                let code = [first, second].map(char::from).iter().collect::<String>();
                let Ok(country) = Country::of(&code) else { continue };
                check(
                    Input::example("Ada", "1 High Street", "Market Town", country),
                    &[],
                );
            }
        }
    }

    #[test]
    fn blank_optional_fields_are_absent() {
        let blank = Input {
            name: Some("  ".to_owned()),
            line1: Some(" 1 High Street ".to_owned()),
            ..input("GB", "", "LS1 1AA")
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
