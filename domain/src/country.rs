//! Countries, as addresses, tax zones and shipping methods name them.

use crate::error::{Class, FieldErrors, Refusal};
use crate::text::text_form;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The two-letter codes of ISO 3166-1, sorted.
///
/// From `datasets/country-codes` (caa72d1e), Open Data Commons Public Domain Dedication and License.
#[rustfmt::skip]
const ASSIGNED: &[[u8; 2]] = &[
    *b"AD", *b"AE", *b"AF", *b"AG", *b"AI", *b"AL", *b"AM", *b"AO", *b"AQ", *b"AR", *b"AS", *b"AT", *b"AU", *b"AW",
    *b"AX", *b"AZ", *b"BA", *b"BB", *b"BD", *b"BE", *b"BF", *b"BG", *b"BH", *b"BI", *b"BJ", *b"BL", *b"BM", *b"BN",
    *b"BO", *b"BQ", *b"BR", *b"BS", *b"BT", *b"BV", *b"BW", *b"BY", *b"BZ", *b"CA", *b"CC", *b"CD", *b"CF", *b"CG",
    *b"CH", *b"CI", *b"CK", *b"CL", *b"CM", *b"CN", *b"CO", *b"CR", *b"CU", *b"CV", *b"CW", *b"CX", *b"CY", *b"CZ",
    *b"DE", *b"DJ", *b"DK", *b"DM", *b"DO", *b"DZ", *b"EC", *b"EE", *b"EG", *b"EH", *b"ER", *b"ES", *b"ET", *b"FI",
    *b"FJ", *b"FK", *b"FM", *b"FO", *b"FR", *b"GA", *b"GB", *b"GD", *b"GE", *b"GF", *b"GG", *b"GH", *b"GI", *b"GL",
    *b"GM", *b"GN", *b"GP", *b"GQ", *b"GR", *b"GS", *b"GT", *b"GU", *b"GW", *b"GY", *b"HK", *b"HM", *b"HN", *b"HR",
    *b"HT", *b"HU", *b"ID", *b"IE", *b"IL", *b"IM", *b"IN", *b"IO", *b"IQ", *b"IR", *b"IS", *b"IT", *b"JE", *b"JM",
    *b"JO", *b"JP", *b"KE", *b"KG", *b"KH", *b"KI", *b"KM", *b"KN", *b"KP", *b"KR", *b"KW", *b"KY", *b"KZ", *b"LA",
    *b"LB", *b"LC", *b"LI", *b"LK", *b"LR", *b"LS", *b"LT", *b"LU", *b"LV", *b"LY", *b"MA", *b"MC", *b"MD", *b"ME",
    *b"MF", *b"MG", *b"MH", *b"MK", *b"ML", *b"MM", *b"MN", *b"MO", *b"MP", *b"MQ", *b"MR", *b"MS", *b"MT", *b"MU",
    *b"MV", *b"MW", *b"MX", *b"MY", *b"MZ", *b"NA", *b"NC", *b"NE", *b"NF", *b"NG", *b"NI", *b"NL", *b"NO", *b"NP",
    *b"NR", *b"NU", *b"NZ", *b"OM", *b"PA", *b"PE", *b"PF", *b"PG", *b"PH", *b"PK", *b"PL", *b"PM", *b"PN", *b"PR",
    *b"PS", *b"PT", *b"PW", *b"PY", *b"QA", *b"RE", *b"RO", *b"RS", *b"RU", *b"RW", *b"SA", *b"SB", *b"SC", *b"SD",
    *b"SE", *b"SG", *b"SH", *b"SI", *b"SJ", *b"SK", *b"SL", *b"SM", *b"SN", *b"SO", *b"SR", *b"SS", *b"ST", *b"SV",
    *b"SX", *b"SY", *b"SZ", *b"TC", *b"TD", *b"TF", *b"TG", *b"TH", *b"TJ", *b"TK", *b"TL", *b"TM", *b"TN", *b"TO",
    *b"TR", *b"TT", *b"TV", *b"TW", *b"TZ", *b"UA", *b"UG", *b"UM", *b"US", *b"UY", *b"UZ", *b"VA", *b"VC", *b"VE",
    *b"VG", *b"VI", *b"VN", *b"VU", *b"WF", *b"WS", *b"YE", *b"YT", *b"ZA", *b"ZM", *b"ZW",
];

/// A country: an ISO 3166-1 code of two letters, one of the user-assigned codes `XA` to `XZ`, or `EU`.
///
/// The user-assigned codes stand for places without a code of their own, such as the Channel Islands as one.
/// Stored and written as its two letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// A text that names no country.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a country: expected two capital letters of ISO 3166-1, XA to XZ, or EU")]
pub struct UnknownCountry;

impl Country {
    /// The United Kingdom, the home of a store that has not been set up.
    pub const GB: Self = Self(*b"GB");

    /// Finds a country by its two capital letters.
    ///
    /// # Errors
    /// [`UnknownCountry`] for everything else, small letters included.
    pub fn of(code: &str) -> Result<Self, UnknownCountry> {
        let letters: [u8; 2] = code.as_bytes().try_into().map_err(|_| UnknownCountry)?;
        let user_assigned = letters[0] == b'X' && letters[1].is_ascii_uppercase();
        let known = user_assigned || letters == *b"EU" || ASSIGNED.binary_search(&letters).is_ok();
        if known {
            Ok(Self(letters))
        } else {
            Err(UnknownCountry)
        }
    }

    /// Returns the two letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Country {
    type Err = UnknownCountry;
    fn from_str(code: &str) -> Result<Self, UnknownCountry> {
        Self::of(code)
    }
}

text_form!(Country, "a country code of two letters", Country::code);

impl Refusal for UnknownCountry {
    fn class(&self) -> Class {
        Class::Invalid
    }

    fn code(&self) -> &'static str {
        "address.unknown_country"
    }
}

/// Which countries a territory has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Coverage {
    /// All of them, written `["*"]`.
    Everywhere,
    /// These: at least one, sorted, each once.
    Countries(Vec<Country>),
}

impl Coverage {
    /// Reads a list of country codes, or the one word `*`; notes every bad one below `pointer`.
    pub fn check(codes: &[String], pointer: &str, errors: &mut FieldErrors) -> Option<Self> {
        if codes == ["*"] {
            return Some(Self::Everywhere);
        }
        if codes.is_empty() {
            errors.add(
                pointer,
                "address.no_country",
                "must name at least one country, or be [\"*\"]",
            );
            return None;
        }
        let mut countries = Vec::new();
        for (index, code) in codes.iter().enumerate() {
            countries.extend(errors.take(&format!("{pointer}/{index}"), Country::of(code)));
        }
        if countries.len() < codes.len() {
            return None;
        }
        countries.sort_unstable();
        countries.dedup();
        Some(Self::Countries(countries))
    }

    /// Tells whether a country is among them.
    pub fn covers(&self, country: Country) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Countries(countries) => countries.binary_search(&country).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, known: bool) {
        assert_eq!(Country::of(code).is_ok(), known, "{code}");
    }

    fn check_coverage(codes: &[&str], covered: &[&str], missed: &[&str], bad: &[&str]) {
        let codes: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
        let mut errors = FieldErrors::default();
        let coverage = Coverage::check(&codes, "/countries", &mut errors);
        let pointers: Vec<&str> = errors
            .as_slice()
            .iter()
            .map(|error| error.pointer.as_str())
            .collect();
        assert_eq!(pointers, bad);
        assert_eq!(coverage.is_some(), bad.is_empty());
        let covers = |code: &&str| {
            let country = Country::of(code).expect("a country of the test");
            coverage.as_ref().is_some_and(|coverage| coverage.covers(country))
        };
        assert!(covered.iter().all(&covers), "{codes:?}");
        assert!(!missed.iter().any(covers), "{codes:?}");
    }

    #[test]
    fn coverage_is_everywhere_or_a_list_without_bad_codes() {
        check_coverage(&["*"], &["GB", "XC"], &[], &[]);
        check_coverage(&["IE", "GB", "IE"], &["GB", "IE"], &["DE", "EU"], &[]);
        check_coverage(&[], &[], &["GB"], &["/countries"]);
        check_coverage(
            &["GB", "UK", "*"],
            &[],
            &["GB"],
            &["/countries/1", "/countries/2"],
        );
    }

    #[test]
    fn codes_of_iso_3166_user_assigned_ones_and_eu_are_countries() {
        assert!(ASSIGNED.is_sorted_by(|left, right| left < right));
        for code in ["AD", "GB", "NA", "ZW", "XA", "XC", "XU", "XZ", "EU"] {
            check(code, true);
        }
        for code in ["UK", "ZZ", "gb", "GBR", "G", "", "*", "X1", "\u{e9}"] {
            check(code, false);
        }
    }
}
