//! Currencies, and how many digits their minor unit has.

use super::Error;
use crate::text::text_form;
use std::fmt;
use std::str::FromStr;

/// The active currencies of ISO 4217 that have a minor unit, with its exponent, sorted by code.
///
/// From `datasets/currency-codes` (ab9b0ae8), Open Data Commons Public Domain Dedication and License. Codes without
/// a minor unit (XAU, XDR, XXX and so on) are left out: nobody can pay in them.
#[rustfmt::skip]
const ACTIVE: &[(&str, u32)] = &[
    ("AED", 2), ("AFN", 2), ("ALL", 2), ("AMD", 2), ("AOA", 2), ("ARS", 2),
    ("AUD", 2), ("AWG", 2), ("AZN", 2), ("BAM", 2), ("BBD", 2), ("BDT", 2),
    ("BHD", 3), ("BIF", 0), ("BMD", 2), ("BND", 2), ("BOB", 2), ("BOV", 2),
    ("BRL", 2), ("BSD", 2), ("BTN", 2), ("BWP", 2), ("BYN", 2), ("BZD", 2),
    ("CAD", 2), ("CDF", 2), ("CHE", 2), ("CHF", 2), ("CHW", 2), ("CLF", 4),
    ("CLP", 0), ("CNY", 2), ("COP", 2), ("COU", 2), ("CRC", 2), ("CUP", 2),
    ("CVE", 2), ("CZK", 2), ("DJF", 0), ("DKK", 2), ("DOP", 2), ("DZD", 2),
    ("EGP", 2), ("ERN", 2), ("ETB", 2), ("EUR", 2), ("FJD", 2), ("FKP", 2),
    ("GBP", 2), ("GEL", 2), ("GHS", 2), ("GIP", 2), ("GMD", 2), ("GNF", 0),
    ("GTQ", 2), ("GYD", 2), ("HKD", 2), ("HNL", 2), ("HTG", 2), ("HUF", 2),
    ("IDR", 2), ("ILS", 2), ("INR", 2), ("IQD", 3), ("IRR", 2), ("ISK", 0),
    ("JMD", 2), ("JOD", 3), ("JPY", 0), ("KES", 2), ("KGS", 2), ("KHR", 2),
    ("KMF", 0), ("KPW", 2), ("KRW", 0), ("KWD", 3), ("KYD", 2), ("KZT", 2),
    ("LAK", 2), ("LBP", 2), ("LKR", 2), ("LRD", 2), ("LSL", 2), ("LYD", 3),
    ("MAD", 2), ("MDL", 2), ("MGA", 2), ("MKD", 2), ("MMK", 2), ("MNT", 2),
    ("MOP", 2), ("MRU", 2), ("MUR", 2), ("MVR", 2), ("MWK", 2), ("MXN", 2),
    ("MXV", 2), ("MYR", 2), ("MZN", 2), ("NAD", 2), ("NGN", 2), ("NIO", 2),
    ("NOK", 2), ("NPR", 2), ("NZD", 2), ("OMR", 3), ("PAB", 2), ("PEN", 2),
    ("PGK", 2), ("PHP", 2), ("PKR", 2), ("PLN", 2), ("PYG", 0), ("QAR", 2),
    ("RON", 2), ("RSD", 2), ("RUB", 2), ("RWF", 0), ("SAR", 2), ("SBD", 2),
    ("SCR", 2), ("SDG", 2), ("SEK", 2), ("SGD", 2), ("SHP", 2), ("SLE", 2),
    ("SOS", 2), ("SRD", 2), ("SSP", 2), ("STN", 2), ("SVC", 2), ("SYP", 2),
    ("SZL", 2), ("THB", 2), ("TJS", 2), ("TMT", 2), ("TND", 3), ("TOP", 2),
    ("TRY", 2), ("TTD", 2), ("TWD", 2), ("TZS", 2), ("UAH", 2), ("UGX", 0),
    ("USD", 2), ("USN", 2), ("UYI", 0), ("UYU", 2), ("UYW", 4), ("UZS", 2),
    ("VED", 2), ("VES", 2), ("VND", 0), ("VUV", 0), ("WST", 2), ("XAD", 2),
    ("XAF", 0), ("XCD", 2), ("XCG", 2), ("XOF", 0), ("XPF", 0), ("YER", 2),
    ("ZAR", 2), ("ZMW", 2), ("ZWG", 2),
];

/// The codes as numbers, in the same order: quicker to find.
const KEYS: [u32; ACTIVE.len()] = {
    let mut keys = [0; ACTIVE.len()];
    let mut row = 0;
    while row < ACTIVE.len() {
        match ACTIVE[row].0.as_bytes() {
            [first, second, third] => keys[row] = key([*first, *second, *third]),
            _ => panic!("a code has three letters"),
        }
        row += 1;
    }
    keys
};

const fn key([first, second, third]: [u8; 3]) -> u32 {
    u32::from_be_bytes([0, first, second, third])
}

/// A currency in which amounts can be counted: an ISO 4217 code with a minor unit.
///
/// Stored and written as its three letters; in memory it is its row in the list of active ones, which is in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(u8);

impl Currency {
    /// Pound sterling, the currency of a store that has not been set up.
    pub const GBP: Self = Self(48);

    /// Finds a currency by its three capital letters.
    ///
    /// # Errors
    /// [`Error::UnknownCurrency`] when the code is not active or has no minor unit.
    pub fn of(code: &str) -> Result<Self, Error> {
        let letters: Option<[u8; 3]> = code.as_bytes().try_into().ok();
        letters
            .and_then(|letters| KEYS.binary_search(&key(letters)).ok())
            .and_then(|row| u8::try_from(row).ok())
            .map(Self)
            .ok_or_else(|| Error::UnknownCurrency {
                code: code.chars().take(16).collect(),
            })
    }

    /// Returns the three letters.
    pub fn code(&self) -> &'static str {
        ACTIVE[usize::from(self.0)].0
    }

    /// Returns how many decimals the minor unit has: JPY 0, EUR 2, KWD 3.
    pub const fn exponent(self) -> u32 {
        ACTIVE[self.0 as usize].1
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self, Error> {
        Self::of(code)
    }
}

text_form!(Currency, "the code of an active currency", Currency::code);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_has_the_minor_units_of_iso_4217() {
        assert!(ACTIVE.is_sorted_by(|left, right| left.0 < right.0));
        let count = |exponent| ACTIVE.iter().filter(|(_, held)| *held == exponent).count();
        assert_eq!(Currency::of("GBP"), Ok(Currency::GBP));
        assert_eq!(
            (count(0), count(2), count(3), count(4), ACTIVE.len()),
            (17, 139, 7, 2, 165)
        );
    }

    fn check(code: &str, expected: Option<u32>) {
        assert_eq!(
            Currency::of(code).ok().map(Currency::exponent),
            expected,
            "{code}"
        );
    }

    #[test]
    fn a_currency_without_a_minor_unit_is_refused() {
        check("JPY", Some(0));
        check("EUR", Some(2));
        check("KWD", Some(3));
        check("CLF", Some(4));
        for code in ["XAU", "XDR", "XXX", "XTS", "DEM", "eur", "EU", "EURO", ""] {
            check(code, None);
        }
    }
}
