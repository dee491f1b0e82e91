//! The clients' own arithmetic with prices: integers only, and independent of the server's, which it checks.

use cartwright_domain::catalog::PRICE_MILLIONTHS_MAX;
use std::fmt;
use std::str::FromStr;

/// How many decimals a unit price may have.
const DECIMALS_MAX: usize = 6;

/// How many millionths of the major unit make one minor unit, for a currency of two decimals.
const MICROS_PER_MINOR: i64 = 10_000;

/// A price for one unit, in millionths of the currency's major unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct UnitPrice {
    micros: i64,
}

/// A text that is not a price.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a price; write digits with at most six decimals, and no more than a thousand million, for example 2.55"
)]
pub(crate) struct NotAPrice(String);

impl UnitPrice {
    /// The price of what is free.
    pub(crate) const FREE: Self = Self { micros: 0 };

    /// Tells whether it is below zero.
    pub(crate) fn is_negative(self) -> bool {
        self.micros < 0
    }

    /// Returns what so many units cost, in minor units of a currency of two decimals, rounded half away from zero.
    ///
    /// `None` when the amount does not fit.
    pub(crate) fn times(self, quantity: i64) -> Option<i64> {
        let exact = i128::from(self.micros) * i128::from(quantity);
        let per_minor = i128::from(MICROS_PER_MINOR);
        let halved = exact.abs().checked_add(per_minor / 2)? / per_minor;
        i64::try_from(if exact < 0 { -halved } else { halved }).ok()
    }

    /// Writes the price as the wire has it, for a currency of two decimals.
    pub(crate) fn write_json(self, currency: &str, out: &mut impl fmt::Write) -> fmt::Result {
        if self.micros % MICROS_PER_MINOR == 0 {
            return write!(
                out,
                r#"{{"amount":{},"currency":"{currency}"}}"#,
                self.micros / MICROS_PER_MINOR
            );
        }
        write!(out, r#"{{"unit_price":"{self}","currency":"{currency}"}}"#)
    }
}

impl FromStr for UnitPrice {
    type Err = NotAPrice;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || NotAPrice(text.to_owned());
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = [whole, fraction]
            .iter()
            .all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        let fraction = if DECIMALS_MAX < fraction.len() {
            fraction.trim_end_matches('0')
        } else {
            fraction
        };
        if !all_digits || whole.is_empty() || DECIMALS_MAX < fraction.len() {
            return Err(refused());
        }
        let joined = format!("{whole}{fraction:0<DECIMALS_MAX$}");
        let micros: i64 = joined.parse().map_err(|_| refused())?;
        if PRICE_MILLIONTHS_MAX < micros {
            return Err(refused());
        }
        Ok(Self {
            micros: if negative { -micros } else { micros },
        })
    }
}

impl fmt::Display for UnitPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.micros < 0 { "-" } else { "" };
        let text = format!("{:07}", self.micros.unsigned_abs());
        let (whole, fraction) = text.split_at(text.len() - DECIMALS_MAX);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> UnitPrice {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn check_amount(unit_price: &str, quantity: i64, minor: i64) {
        assert_eq!(
            price(unit_price).times(quantity),
            Some(minor),
            "{quantity} x {unit_price}"
        );
    }

    fn check_text(written: &str, read: &str) {
        assert_eq!(price(written).to_string(), read);
    }

    fn check_refused(text: &str) {
        assert_eq!(text.parse::<UnitPrice>(), Err(NotAPrice(text.to_owned())));
    }

    #[test]
    fn a_row_is_rounded_half_up_to_the_penny() {
        check_amount("2.55", 6, 1530);
        check_amount("0.001", 1, 0);
        check_amount("0.001", 4, 0);
        check_amount("0.001", 5, 1);
        check_amount("0.005", 1, 1);
        check_amount("0.0049", 1, 0);
        check_amount("11062.06", 1, 1_106_206);
        check_amount("0", 74_215, 0);
    }

    #[test]
    fn negative_rows_round_away_from_zero() {
        check_amount("-11062.06", 1, -1_106_206);
        check_amount("0.005", -1, -1);
        check_amount("-0.004", 1, 0);
    }

    #[test]
    fn an_amount_that_does_not_fit_is_none() {
        assert_eq!(price("1000000000").times(i64::MAX), None);
    }

    #[test]
    fn prices_are_read_and_written_exactly() {
        check_text("2.55", "2.55");
        check_text("2.50", "2.5");
        check_text("0.001", "0.001");
        check_text("15", "15");
        check_text("-0.10", "-0.1");
        check_text("1.00000000", "1");
        check_text("999999999.999999", "999999999.999999");
        check_text("1000000000", "1000000000");
        check_text("-1000000000", "-1000000000");
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for text in [
            "",
            ".",
            ".5",
            "-",
            "1,50",
            "1.5 ",
            "£1",
            "1.0000001",
            "1e3",
            "1000000000.000001",
            "-1000000000.000001",
            "5000000000",
            "99999999999999999999",
        ] {
            check_refused(text);
        }
    }

    #[test]
    fn the_wire_form_is_an_amount_where_whole_minor_units_suffice() {
        let mut written = String::new();
        price("2.55")
            .write_json("GBP", &mut written)
            .expect("writing to a string succeeds");
        price("0.001")
            .write_json("GBP", &mut written)
            .expect("writing to a string succeeds");
        let expected = r#"{"amount":255,"currency":"GBP"}{"unit_price":"0.001","currency":"GBP"}"#;
        assert_eq!(written, expected);
    }
}
