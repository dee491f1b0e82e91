//! VAT numbers of the European Union: whether they look right, and of which country they are.

use crate::country::Country;
use crate::error::{Class, Refusal};
use crate::text::text_form;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The members of the European Union: country, prefix of its VAT numbers, and the forms of what follows the prefix.
/// `9` is a digit, `A` a letter, `X` either, `S` either or one of `+` and `*`, `Y` either but for the letters I and O;
/// everything else is itself.
const MEMBERS: &[(&str, &str, &[&str])] = &[
    ("AT", "AT", &["U99999999"]),
    ("BE", "BE", &["0999999999", "1999999999"]),
    ("BG", "BG", &["999999999", "9999999999"]),
    ("CY", "CY", &["99999999A"]),
    ("CZ", "CZ", &["99999999", "999999999", "9999999999"]),
    ("DE", "DE", &["999999999"]),
    ("DK", "DK", &["99999999"]),
    ("EE", "EE", &["999999999"]),
    ("ES", "ES", &["A9999999X", "99999999A"]),
    ("FI", "FI", &["99999999"]),
    ("FR", "FR", &["YY999999999"]),
    ("GR", "EL", &["999999999"]),
    ("HR", "HR", &["99999999999"]),
    ("HU", "HU", &["99999999"]),
    ("IE", "IE", &["9S99999A", "9999999AA"]),
    ("IT", "IT", &["99999999999"]),
    ("LT", "LT", &["999999999", "999999999999"]),
    ("LU", "LU", &["99999999"]),
    ("LV", "LV", &["99999999999"]),
    ("MT", "MT", &["99999999"]),
    ("NL", "NL", &["999999999B99"]),
    ("PL", "PL", &["9999999999"]),
    ("PT", "PT", &["999999999"]),
    (
        "RO",
        "RO",
        &[
            "99",
            "999",
            "9999",
            "99999",
            "999999",
            "9999999",
            "99999999",
            "999999999",
            "9999999999",
        ],
    ),
    ("SE", "SE", &["999999999999"]),
    ("SI", "SI", &["99999999"]),
    ("SK", "SK", &["9999999999"]),
];

/// A VAT number of a member of the European Union, without blanks, dots and hyphens: `FR40303265045`.
///
/// It has the form of one. Whether it was ever given to anybody only its country can tell.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VatNumber(Arc<str>);

/// A text that does not look like a VAT number of the European Union.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a VAT number of the European Union: expected a country's prefix and the number, such as FR40303265045"
)]
pub struct InvalidVatNumber;

impl Refusal for InvalidVatNumber {
    fn class(&self) -> Class {
        Class::Invalid
    }

    fn code(&self) -> &'static str {
        "tax.invalid_vat_number"
    }
}

impl VatNumber {
    /// Reads a number, with blanks, dots and hyphens or without, in letters of either case.
    ///
    /// # Errors
    /// [`InvalidVatNumber`].
    pub fn parse(text: &str) -> Result<Self, InvalidVatNumber> {
        let number = text.replace([' ', '.', '-'], "").to_ascii_uppercase();
        let forms = forms_of(&number).ok_or(InvalidVatNumber)?;
        if forms.iter().any(|form| has_form(&number[2..], form)) {
            return Ok(Self(number.into()));
        }
        Err(InvalidVatNumber)
    }

    /// Returns the number with its prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether a country gave it.
    pub fn is_of(&self, country: Country) -> bool {
        let prefix = &self.0[..2];
        MEMBERS
            .iter()
            .any(|member| member.1 == prefix && member.0 == country.code())
    }
}

/// Tells whether a country is a member of the European Union.
pub(super) fn is_eu_member(country: Country) -> bool {
    MEMBERS.iter().any(|member| member.0 == country.code())
}

/// Returns the forms of the numbers that begin as one does, if they are of a member.
fn forms_of(number: &str) -> Option<&'static [&'static str]> {
    let prefix = number.get(..2)?;
    let member = MEMBERS.iter().find(|member| member.1 == prefix);
    member.map(|(_, _, forms)| *forms)
}

fn has_form(text: &str, form: &str) -> bool {
    let fits = |(byte, form): (u8, u8)| match form {
        b'9' => byte.is_ascii_digit(),
        b'A' => byte.is_ascii_uppercase(),
        b'X' => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
        b'S' => byte.is_ascii_digit() || byte.is_ascii_uppercase() || matches!(byte, b'+' | b'*'),
        b'Y' => byte.is_ascii_digit() || byte.is_ascii_uppercase() && !matches!(byte, b'I' | b'O'),
        other => byte == other,
    };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
}

impl fmt::Display for VatNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for VatNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for VatNumber {
    type Err = InvalidVatNumber;
    /// Reads a number as it was kept. Its form was judged when it was given, by the forms of that time.
    fn from_str(text: &str) -> Result<Self, InvalidVatNumber> {
        forms_of(text).ok_or(InvalidVatNumber)?;
        Ok(Self(text.into()))
    }
}

text_form!(VatNumber, "a VAT number of the European Union", VatNumber::as_str);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, country: Option<&str>) {
        let read = VatNumber::parse(text);
        assert_eq!(read.is_ok(), country.is_some(), "{text}");
        let (Ok(number), Some(country)) = (read, country) else {
            return;
        };
        let country = Country::of(country).expect("a country of the test");
        assert!(number.is_of(country) && is_eu_member(country), "{text}");
        assert!(!number.is_of(Country::GB), "{text}");
    }

    #[test]
    fn a_vat_number_looks_like_one_of_its_country() {
        // The forms are those of the European Commission's own list for its number check.
        check("ATU13585627", Some("AT"));
        check("be 0428.759.497", Some("BE"));
        check("EL094259216", Some("GR"));
        check("FR 40 303265045", Some("FR"));
        check("IE6433435F", Some("IE"));
        check("IE8+12345A", Some("IE"));
        check("IE8*12345A", Some("IE"));
        check("IE6433435OA", Some("IE"));
        check("NL004495445B01", Some("NL"));
        check("ESX1234567X", Some("ES"));
        check("ES12345678Z", Some("ES"));
        for text in [
            "",
            "DE",
            "DE12345678",
            "DE1234567890",
            "GB980780684",
            "GR094259216",
            "ATX13585627",
            "ES123456789",
            "FRIO303265045",
            "\u{c4}\u{d6}\u{dc}",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn a_number_that_was_taken_once_is_still_read() {
        let kept: Result<VatNumber, _> = serde_json::from_str("\"ES123456789\"");
        assert!(kept.is_ok_and(|number| number.is_of(Country::of("ES").expect("a country"))));
        assert!(serde_json::from_str::<VatNumber>("\"XX1\"").is_err());
    }
}
