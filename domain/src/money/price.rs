//! Unit prices: up to six decimals, whatever the currency.

use super::{Currency, Error, Money, Rounding, read_decimal, write_decimal};
use crate::Detail;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How many decimals a unit price may have (section 1.1).
pub const PRICE_DECIMALS_MAX: u32 = 6;
/// Millionths in one unit of a currency.
const MILLIONTHS: i64 = 1_000_000;

/// The price of one unit: an integer count of millionths of the currency's **major** unit.
///
/// It may be finer than the minor unit (0.001 GBP); only a line amount is rounded to it. It may be negative where
/// it is the difference of two prices.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Price {
    /// Millionths of one pound, yen, dinar.
    pub millionths: i64,
    /// Of which currency.
    pub currency: Currency,
}

impl Price {
    /// Makes a price of millionths of the major unit.
    pub const fn new(millionths: i64, currency: Currency) -> Self {
        Self { millionths, currency }
    }

    /// Makes a price of a whole number of minor units.
    ///
    /// # Errors
    /// [`Error::Overflow`] past nine billion major units or so.
    pub fn of_money(money: Money) -> Result<Self, Error> {
        let millionths = money
            .amount
            .checked_mul(per_minor(money.currency))
            .ok_or(Error::Overflow)?;
        Ok(Self::new(millionths, money.currency))
    }

    /// Reads a decimal text such as `0.001`.
    ///
    /// # Errors
    /// [`Error::NotANumber`], [`Error::TooManyDecimals`] or [`Error::Overflow`].
    pub fn parse(text: &str, currency: Currency) -> Result<Self, Error> {
        let decimal = read_decimal(text)?.normalize();
        if PRICE_DECIMALS_MAX < decimal.scale() {
            return Err(Error::TooManyDecimals {
                max: PRICE_DECIMALS_MAX,
            });
        }
        let missing = PRICE_DECIMALS_MAX - decimal.scale();
        let millionths = decimal
            .mantissa()
            .checked_mul(10_i128.pow(missing))
            .ok_or(Error::Overflow)?;
        let millionths = i64::try_from(millionths).map_err(|_| Error::Overflow)?;
        Ok(Self::new(millionths, currency))
    }

    /// Returns the price as money when it is a whole number of minor units: then it is written that way.
    pub fn whole(self) -> Option<Money> {
        let per_minor = per_minor(self.currency);
        (self.millionths % per_minor == 0).then(|| Money::new(self.millionths / per_minor, self.currency))
    }

    /// Returns the exact decimal, without trailing zeros: `0.001`.
    pub fn decimal(self) -> Decimal {
        Decimal::new(self.millionths, PRICE_DECIMALS_MAX).normalize()
    }

    /// Tells whether it is below nothing.
    pub const fn is_negative(self) -> bool {
        self.millionths < 0
    }

    /// Returns the line amount: unit price times quantity, rounded once (section 1.4).
    ///
    /// # Errors
    /// [`Error::Overflow`] past 64 bits of minor units.
    pub fn times(self, quantity: u32, rounding: Rounding) -> Result<Money, Error> {
        let exact = i128::from(self.millionths) * i128::from(quantity);
        Money::from_wide(
            rounding.divide(exact, i128::from(per_minor(self.currency))),
            self.currency,
        )
    }

    /// Tells whether so many units come to more than an amount of minor units, before anything is rounded.
    pub fn exceeds(self, amount: i64, quantity: u32) -> bool {
        let exact = i128::from(self.millionths) * i128::from(quantity);
        i128::from(amount) * i128::from(per_minor(self.currency)) < exact
    }

    /// Returns this price less another, signed.
    ///
    /// # Errors
    /// [`Error::MixedCurrencies`] or [`Error::Overflow`].
    pub fn minus(self, other: Self) -> Result<Self, Error> {
        if self.currency != other.currency {
            return Err(Error::MixedCurrencies {
                left: self.currency,
                right: other.currency,
            });
        }
        let millionths = self
            .millionths
            .checked_sub(other.millionths)
            .ok_or(Error::Overflow)?;
        Ok(Self::new(millionths, self.currency))
    }
}

/// Returns how many millionths of the major unit one minor unit is. No exponent is above four.
const fn per_minor(currency: Currency) -> i64 {
    MILLIONTHS / 10_i64.pow(currency.exponent())
}

/// A price in a refusal's details stands as it does on the wire.
impl From<Price> for Detail {
    fn from(price: Price) -> Self {
        match price.whole() {
            Some(money) => money.into(),
            None => Self::Object(vec![
                ("unit_price".to_owned(), price.decimal().to_string().into()),
                ("currency".to_owned(), price.currency.code().into()),
            ]),
        }
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.whole() {
            Some(money) => fmt::Display::fmt(&money, f),
            None => {
                let decimal = self.decimal();
                write_decimal(f, decimal.mantissa(), decimal.scale())?;
                write!(f, " {}", self.currency)
            }
        }
    }
}

impl fmt::Debug for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str, code: &str) -> Result<Price, Error> {
        Price::parse(text, Currency::of(code)?)
    }

    fn check_line(unit: &str, code: &str, quantity: u32, expected: i64) -> Result<(), Error> {
        let amount = price(unit, code)?.times(quantity, Rounding::HalfUp)?;
        assert_eq!(
            (amount.amount, amount.currency.code()),
            (expected, code),
            "{quantity} x {unit}"
        );
        Ok(())
    }

    #[test]
    fn a_line_amount_is_rounded_once() -> Result<(), Error> {
        check_line("2.55", "GBP", 6, 1530)?;
        // 0.001 x 74,215 = 74.215, half up 74.22.
        check_line("0.001", "GBP", 74_215, 7422)?;
        // 0.001 x 4 = 0.004; each unit alone would already be 0.
        check_line("0.001", "GBP", 4, 0)?;
        check_line("0.001", "GBP", 5, 1)?;
        check_line("0.333333", "EUR", 3, 100)?;
        check_line("1.5", "JPY", 3, 5)?;
        check_line("0.0005", "KWD", 1, 1)?;
        check_line("0", "EUR", 1_000_000, 0)?;
        check_line("9", "EUR", 0, 0)?;
        check_line("-0.005", "EUR", 1, -1)
    }

    #[test]
    fn rounding_follows_the_setting() -> Result<(), Error> {
        let line = |rounding| {
            price("0.005", "EUR")?
                .times(1, rounding)
                .map(|money| money.amount)
        };
        assert_eq!(
            (
                line(Rounding::HalfUp)?,
                line(Rounding::HalfEven)?,
                line(Rounding::HalfDown)?
            ),
            (1, 0, 0)
        );
        Ok(())
    }

    #[test]
    fn the_largest_price_overflows_as_a_refusal() -> Result<(), Error> {
        let largest = Price::new(i64::MAX, Currency::of("CLF")?);
        assert_eq!(largest.times(u32::MAX, Rounding::HalfUp), Err(Error::Overflow));
        let whole = Money::new(i64::MAX, Currency::of("EUR")?);
        assert_eq!(Price::of_money(whole), Err(Error::Overflow));
        assert_eq!(price("9223372036854.775807", "EUR")?.millionths, i64::MAX);
        assert_eq!(price("9223372036854.775808", "EUR"), Err(Error::Overflow));
        Ok(())
    }

    #[test]
    fn what_units_come_to_is_compared_exactly() -> Result<(), Error> {
        let cent = price("0.01", "EUR")?;
        assert!(!cent.exceeds(1_000, 1_000));
        assert!(cent.exceeds(1_000, 1_001));
        // A thousand and a bit less than half a cent, which rounding would hide.
        assert!(price("10.004", "EUR")?.exceeds(1_000, 1));
        let largest = Price::new(i64::MAX, Currency::of("CLF")?);
        assert!(largest.exceeds(i64::MAX, u32::MAX));
        Ok(())
    }

    #[test]
    fn six_decimals_are_read_and_seven_refused() -> Result<(), Error> {
        assert_eq!(price("0.000001", "EUR")?.millionths, 1);
        assert_eq!(price("0.0000010", "EUR")?.millionths, 1);
        assert_eq!(price("0.0000001", "EUR"), Err(Error::TooManyDecimals { max: 6 }));
        assert_eq!(price("1e3", "EUR"), Err(Error::NotANumber));
        assert_eq!(price("1_000", "EUR"), Err(Error::NotANumber));
        Ok(())
    }

    #[test]
    fn a_whole_price_is_money_and_a_finer_one_is_not() -> Result<(), Error> {
        let eur = Currency::of("EUR")?;
        assert_eq!(price("2.55", "EUR")?.whole(), Some(Money::new(255, eur)));
        assert_eq!(Price::of_money(Money::new(255, eur)), price("2.55", "EUR"));
        assert_eq!(price("0.001", "EUR")?.whole(), None);
        assert_eq!(price("0.001", "EUR")?.to_string(), "0.001 EUR");
        assert_eq!(price("2.5", "EUR")?.to_string(), "2.50 EUR");
        assert_eq!(
            price("2.5", "EUR")?.minus(price("3.501", "EUR")?)?.to_string(),
            "-1.001 EUR"
        );
        Ok(())
    }
}
