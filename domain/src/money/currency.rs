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
const ACTIVE: &[([u8; 3], u8)] = &[
    (*b"AED", 2), (*b"AFN", 2), (*b"ALL", 2), (*b"AMD", 2), (*b"AOA", 2), (*b"ARS", 2),
    (*b"AUD", 2), (*b"AWG", 2), (*b"AZN", 2), (*b"BAM", 2), (*b"BBD", 2), (*b"BDT", 2),
    (*b"BHD", 3), (*b"BIF", 0), (*b"BMD", 2), (*b"BND", 2), (*b"BOB", 2), (*b"BOV", 2),
    (*b"BRL", 2), (*b"BSD", 2), (*b"BTN", 2), (*b"BWP", 2), (*b"BYN", 2), (*b"BZD", 2),
    (*b"CAD", 2), (*b"CDF", 2), (*b"CHE", 2), (*b"CHF", 2), (*b"CHW", 2), (*b"CLF", 4),
    (*b"CLP", 0), (*b"CNY", 2), (*b"COP", 2), (*b"COU", 2), (*b"CRC", 2), (*b"CUP", 2),
    (*b"CVE", 2), (*b"CZK", 2), (*b"DJF", 0), (*b"DKK", 2), (*b"DOP", 2), (*b"DZD", 2),
    (*b"EGP", 2), (*b"ERN", 2), (*b"ETB", 2), (*b"EUR", 2), (*b"FJD", 2), (*b"FKP", 2),
    (*b"GBP", 2), (*b"GEL", 2), (*b"GHS", 2), (*b"GIP", 2), (*b"GMD", 2), (*b"GNF", 0),
    (*b"GTQ", 2), (*b"GYD", 2), (*b"HKD", 2), (*b"HNL", 2), (*b"HTG", 2), (*b"HUF", 2),
    (*b"IDR", 2), (*b"ILS", 2), (*b"INR", 2), (*b"IQD", 3), (*b"IRR", 2), (*b"ISK", 0),
    (*b"JMD", 2), (*b"JOD", 3), (*b"JPY", 0), (*b"KES", 2), (*b"KGS", 2), (*b"KHR", 2),
    (*b"KMF", 0), (*b"KPW", 2), (*b"KRW", 0), (*b"KWD", 3), (*b"KYD", 2), (*b"KZT", 2),
    (*b"LAK", 2), (*b"LBP", 2), (*b"LKR", 2), (*b"LRD", 2), (*b"LSL", 2), (*b"LYD", 3),
    (*b"MAD", 2), (*b"MDL", 2), (*b"MGA", 2), (*b"MKD", 2), (*b"MMK", 2), (*b"MNT", 2),
    (*b"MOP", 2), (*b"MRU", 2), (*b"MUR", 2), (*b"MVR", 2), (*b"MWK", 2), (*b"MXN", 2),
    (*b"MXV", 2), (*b"MYR", 2), (*b"MZN", 2), (*b"NAD", 2), (*b"NGN", 2), (*b"NIO", 2),
    (*b"NOK", 2), (*b"NPR", 2), (*b"NZD", 2), (*b"OMR", 3), (*b"PAB", 2), (*b"PEN", 2),
    (*b"PGK", 2), (*b"PHP", 2), (*b"PKR", 2), (*b"PLN", 2), (*b"PYG", 0), (*b"QAR", 2),
    (*b"RON", 2), (*b"RSD", 2), (*b"RUB", 2), (*b"RWF", 0), (*b"SAR", 2), (*b"SBD", 2),
    (*b"SCR", 2), (*b"SDG", 2), (*b"SEK", 2), (*b"SGD", 2), (*b"SHP", 2), (*b"SLE", 2),
    (*b"SOS", 2), (*b"SRD", 2), (*b"SSP", 2), (*b"STN", 2), (*b"SVC", 2), (*b"SYP", 2),
    (*b"SZL", 2), (*b"THB", 2), (*b"TJS", 2), (*b"TMT", 2), (*b"TND", 3), (*b"TOP", 2),
    (*b"TRY", 2), (*b"TTD", 2), (*b"TWD", 2), (*b"TZS", 2), (*b"UAH", 2), (*b"UGX", 0),
    (*b"USD", 2), (*b"USN", 2), (*b"UYI", 0), (*b"UYU", 2), (*b"UYW", 4), (*b"UZS", 2),
    (*b"VED", 2), (*b"VES", 2), (*b"VND", 0), (*b"VUV", 0), (*b"WST", 2), (*b"XAD", 2),
    (*b"XAF", 0), (*b"XCD", 2), (*b"XCG", 2), (*b"XOF", 0), (*b"XPF", 0), (*b"YER", 2),
    (*b"ZAR", 2), (*b"ZMW", 2), (*b"ZWG", 2),
];

/// A currency in which amounts can be counted: an ISO 4217 code with a minor unit.
///
/// Stored and written as its three letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: [u8; 3],
    exponent: u8,
}

impl Currency {
    /// Pound sterling, the currency of a store that has not been set up.
    pub const GBP: Self = Self {
        code: *b"GBP",
        exponent: 2,
    };

    /// Finds a currency by its three capital letters.
    ///
    /// # Errors
    /// [`Error::UnknownCurrency`] when the code is not active or has no minor unit.
    pub fn of(code: &str) -> Result<Self, Error> {
        let unknown = || Error::UnknownCurrency {
            code: code.chars().take(16).collect(),
        };
        let letters: [u8; 3] = code.as_bytes().try_into().map_err(|_| unknown())?;
        let row = ACTIVE
            .binary_search_by_key(&letters, |(code, _)| *code)
            .map_err(|_| unknown())?;
        let (code, exponent) = ACTIVE[row];
        Ok(Self { code, exponent })
    }

    /// Returns the three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or("???")
    }

    /// Returns how many decimals the minor unit has: JPY 0, EUR 2, KWD 3.
    pub const fn exponent(self) -> u32 {
        self.exponent as u32
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
