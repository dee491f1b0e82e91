//! Money: integer minor units, exact rates, rounding at named places, splits that sum to the whole.
//!
//! Nothing here touches a float, wraps around, or mixes currencies in silence (section 1 of the semantics).

mod currency;
mod price;
mod prorate;
mod rate;
mod rounding;

pub use currency::Currency;
pub use price::{PRICE_DECIMALS_MAX, Price};
pub use prorate::{prorate, prorate_discount};
pub use rate::{RATE_DECIMALS_MAX, RATE_MAX, Rate};
pub use rounding::Rounding;

use crate::error::{Class, Detail, Refusal};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The most that a line may come to, in minor units; shipping is one, too. Full carts of such lines can be counted, with
/// their taxes.
pub const LINE_AMOUNT_MAX: i64 = 100_000_000_000_000;

/// An amount: an integer count of the currency's minor unit.
///
/// Every operation that could leave the range or mix currencies is checked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units: cents, yen, fils.
    pub amount: i64,
    /// Of which currency.
    pub currency: Currency,
}

impl Money {
    /// Makes an amount of minor units.
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Returns nothing, in a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// Tells whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.amount == 0
    }

    /// Adds.
    ///
    /// # Errors
    /// [`Error::MixedCurrencies`], or [`Error::Overflow`] past 64 bits.
    pub fn plus(self, other: Self) -> Result<Self, Error> {
        self.require(other.currency)?;
        let amount = self.amount.checked_add(other.amount).ok_or(Error::Overflow)?;
        Ok(Self::new(amount, self.currency))
    }

    /// Subtracts.
    ///
    /// # Errors
    /// [`Error::MixedCurrencies`], or [`Error::Overflow`] past 64 bits.
    pub fn minus(self, other: Self) -> Result<Self, Error> {
        self.require(other.currency)?;
        let amount = self.amount.checked_sub(other.amount).ok_or(Error::Overflow)?;
        Ok(Self::new(amount, self.currency))
    }

    /// Returns the amount with the other sign.
    ///
    /// # Errors
    /// [`Error::Overflow`] for the one amount without a mirror image.
    pub fn negated(self) -> Result<Self, Error> {
        let amount = self.amount.checked_neg().ok_or(Error::Overflow)?;
        Ok(Self::new(amount, self.currency))
    }

    /// Sums amounts of one currency; nothing sums to zero.
    ///
    /// # Errors
    /// As for [`Money::plus`].
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, Error> {
        let mut sum = Self::zero(currency);
        for amount in amounts {
            sum = sum.plus(amount)?;
        }
        Ok(sum)
    }

    /// Refuses another currency.
    ///
    /// # Errors
    /// [`Error::MixedCurrencies`].
    pub fn require(self, currency: Currency) -> Result<(), Error> {
        if self.currency == currency {
            return Ok(());
        }
        Err(Error::MixedCurrencies {
            left: self.currency,
            right: currency,
        })
    }

    /// Returns this share of it: a percentage amount, rounded once (section 1.3).
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn rated(self, rate: Rate, rounding: Rounding) -> Result<Self, Error> {
        let (numerator, denominator) = rate.fraction();
        let share = rounding.divide(i128::from(self.amount) * numerator, denominator);
        Self::from_wide(share, self.currency)
    }

    /// Makes an amount of what a wide calculation gave.
    pub(crate) fn from_wide(amount: i128, currency: Currency) -> Result<Self, Error> {
        let amount = i64::try_from(amount).map_err(|_| Error::Overflow)?;
        Ok(Self::new(amount, currency))
    }
}

/// Reads an exact decimal: an optional sign, digits, and at most one point among them.
fn read_decimal(text: &str) -> Result<Decimal, Error> {
    // The reader below takes `_` between digits, as Rust does.
    if text.contains('_') {
        return Err(Error::NotANumber);
    }
    Decimal::from_str_exact(text).map_err(|_| Error::NotANumber)
}

/// An amount in a refusal's details stands as it does on the wire.
impl From<Money> for Detail {
    fn from(money: Money) -> Self {
        Self::Object(vec![
            ("amount".to_owned(), money.amount.into()),
            ("currency".to_owned(), money.currency.code().into()),
        ])
    }
}

impl Money {
    /// Returns the money that a refusal's detail tells.
    pub fn of_detail(detail: &Detail) -> Option<Self> {
        let Detail::Object(fields) = detail else {
            return None;
        };
        match fields.as_slice() {
            [(_, Detail::Int(amount)), (_, Detail::Text(code))] => {
                Some(Self::new(*amount, code.parse().ok()?))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(f, i128::from(self.amount), self.currency.exponent())?;
        write!(f, " {}", self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Writes `units` with a decimal point `decimals` digits from the right.
fn write_decimal(f: &mut fmt::Formatter<'_>, units: i128, decimals: u32) -> fmt::Result {
    let sign = if units < 0 { "-" } else { "" };
    let scale = 10_u128.pow(decimals);
    let (whole, part) = (units.unsigned_abs() / scale, units.unsigned_abs() % scale);
    if decimals == 0 {
        return write!(f, "{sign}{whole}");
    }
    let width = usize::try_from(decimals).unwrap_or(0);
    write!(f, "{sign}{whole}.{part:0width$}")
}

/// Why an amount, price or rate cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No active currency, or one without a minor unit.
    #[error("{code} is not an active currency with a minor unit")]
    UnknownCurrency {
        /// What was given, cut short.
        code: String,
    },
    /// Two currencies met.
    #[error("amounts of {left} and {right} cannot be combined")]
    MixedCurrencies {
        /// One.
        left: Currency,
        /// The other.
        right: Currency,
    },
    /// Larger than can be counted.
    #[error("the amount is larger than can be counted")]
    Overflow,
    /// Not a decimal number.
    #[error("not a decimal number, which is digits with at most one point, such as 0.2")]
    NotANumber,
    /// More digits behind the point than may be.
    #[error("more than {max} decimals")]
    TooManyDecimals {
        /// How many may be.
        max: u32,
    },
    /// A rate beyond [`RATE_MAX`].
    #[error("a rate lies between -{max} and {max}")]
    RateOutOfRange {
        /// The largest.
        max: i64,
    },
    /// A share was asked for a negative weight.
    #[error("an amount cannot be split by negative weights")]
    NegativeWeight,
    /// An amount was to be split over no lines at all.
    #[error("an amount cannot be split over nothing")]
    NothingToSplitOver,
}

impl Refusal for Error {
    fn class(&self) -> Class {
        match self {
            Self::UnknownCurrency { .. }
            | Self::MixedCurrencies { .. }
            | Self::Overflow
            | Self::NotANumber
            | Self::TooManyDecimals { .. }
            | Self::RateOutOfRange { .. } => Class::Invalid,
            Self::NegativeWeight | Self::NothingToSplitOver => Class::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::UnknownCurrency { .. } => "money.unknown_currency",
            Self::MixedCurrencies { .. } => "money.mixed_currencies",
            Self::Overflow => "money.overflow",
            Self::NotANumber => "money.not_a_number",
            Self::TooManyDecimals { .. } => "money.too_many_decimals",
            Self::RateOutOfRange { .. } => "money.rate_out_of_range",
            Self::NegativeWeight => "money.negative_weight",
            Self::NothingToSplitOver => "money.nothing_to_split_over",
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        match self {
            Self::UnknownCurrency { code } => vec![("currency".to_owned(), code.as_str().into())],
            Self::TooManyDecimals { max } => vec![("decimals_max".to_owned(), (*max).into())],
            Self::RateOutOfRange { max } => vec![("rate_max".to_owned(), (*max).into())],
            Self::MixedCurrencies { left, right } => vec![
                ("left".to_owned(), left.code().into()),
                ("right".to_owned(), right.code().into()),
            ],
            Self::Overflow | Self::NotANumber | Self::NegativeWeight | Self::NothingToSplitOver => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: i64, code: &str) -> Money {
        Money::new(amount, Currency::of(code).expect("a currency of the table"))
    }

    #[test]
    fn amounts_of_two_currencies_do_not_mix() {
        let refused = money(1, "EUR").plus(money(1, "JPY")).expect_err("two currencies");
        assert_eq!(refused.code(), "money.mixed_currencies");
        assert_eq!(
            money(1, "EUR")
                .minus(money(1, "USD"))
                .map_err(|error| error.code()),
            Err("money.mixed_currencies")
        );
    }

    #[test]
    fn overflow_is_a_refusal_at_both_ends() {
        assert_eq!(money(i64::MAX, "EUR").plus(money(1, "EUR")), Err(Error::Overflow));
        assert_eq!(
            money(i64::MAX, "EUR").plus(money(0, "EUR")),
            Ok(money(i64::MAX, "EUR"))
        );
        assert_eq!(
            money(i64::MIN, "EUR").minus(money(1, "EUR")),
            Err(Error::Overflow)
        );
        assert_eq!(money(i64::MIN, "EUR").negated(), Err(Error::Overflow));
        let eur = money(0, "EUR").currency;
        assert_eq!(
            Money::sum(eur, [money(i64::MAX, "EUR"), money(1, "EUR")]),
            Err(Error::Overflow)
        );
        assert_eq!(Money::sum(eur, []), Ok(money(0, "EUR")));
    }

    #[test]
    fn an_amount_is_written_with_the_digits_of_its_currency() {
        let check = |amount, code, text: &str| assert_eq!(money(amount, code).to_string(), text);
        check(1234, "EUR", "12.34 EUR");
        check(-5, "EUR", "-0.05 EUR");
        check(1234, "JPY", "1234 JPY");
        check(1234, "KWD", "1.234 KWD");
        check(i64::MIN, "EUR", "-92233720368547758.08 EUR");
    }
}
