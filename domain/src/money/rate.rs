//! Rates: exact decimals.

use super::{Error, read_decimal};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How many decimals a rate may have.
pub const RATE_DECIMALS_MAX: u32 = 12;
/// The largest magnitude of a rate. With [`RATE_DECIMALS_MAX`] it keeps every product with an amount in 128 bits.
pub const RATE_MAX: i64 = 1_000_000;

/// An exact decimal factor: a tax rate (0.2 is 20%), a percentage or an exchange rate (section 1.2).
///
/// Stored and written as a decimal text without trailing zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Decimal", into = "Decimal")]
pub struct Rate(Decimal);

impl Rate {
    /// The rate of nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// Makes a rate of a decimal.
    ///
    /// # Errors
    /// [`Error::TooManyDecimals`] or [`Error::RateOutOfRange`].
    pub fn new(decimal: Decimal) -> Result<Self, Error> {
        let decimal = decimal.normalize();
        if RATE_DECIMALS_MAX < decimal.scale() {
            return Err(Error::TooManyDecimals {
                max: RATE_DECIMALS_MAX,
            });
        }
        if Decimal::from(RATE_MAX) < decimal.abs() {
            return Err(Error::RateOutOfRange { max: RATE_MAX });
        }
        Ok(Self(decimal))
    }

    /// Returns the decimal.
    pub const fn decimal(self) -> Decimal {
        self.0
    }

    /// Tells whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// Tells whether it is below nothing.
    pub const fn is_negative(self) -> bool {
        self.0.is_sign_negative() && !self.0.is_zero()
    }

    /// Returns its weight among tax rates, of which none is below zero or above a million.
    pub(crate) fn weight(self) -> i64 {
        let (numerator, denominator) = self.fraction();
        let weight = numerator * (10_i128.pow(RATE_DECIMALS_MAX) / denominator);
        i64::try_from(weight).expect("a rate is at most 10^6 with 12 decimals")
    }

    /// Returns numerator and denominator: at most 10^18 and 10^12.
    pub(crate) fn fraction(self) -> (i128, i128) {
        (self.0.mantissa(), 10_i128.pow(self.0.scale()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Rate {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(read_decimal(text)?)
    }
}

impl TryFrom<Decimal> for Rate {
    type Error = Error;
    fn try_from(decimal: Decimal) -> Result<Self, Error> {
        Self::new(decimal)
    }
}

impl From<Rate> for Decimal {
    fn from(rate: Rate) -> Self {
        rate.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, Error>) {
        let read = text.parse::<Rate>().map(|rate| rate.to_string());
        assert_eq!(read, expected.map(str::to_owned), "{text}");
    }

    #[test]
    fn a_rate_is_read_exactly_or_refused() {
        check("0.2", Ok("0.2"));
        check("0.20", Ok("0.2"));
        check("0", Ok("0"));
        check("-0.05", Ok("-0.05"));
        check("0.000000000001", Ok("0.000000000001"));
        check("0.0000000000001", Err(Error::TooManyDecimals { max: 12 }));
        check("1000000", Ok("1000000"));
        check("1000000.1", Err(Error::RateOutOfRange { max: 1_000_000 }));
        check("twenty", Err(Error::NotANumber));
        check("0._2", Err(Error::NotANumber));
        check("", Err(Error::NotANumber));
    }
}
