//! Buy X, get Y: how many full sets there are, and which units are got (section 2.5 of the semantics).
//!
//! Units are counted line by line and never listed one by one.

use super::discounts::{Basket, Weighed};
use crate::money::{self, Money, Rate, Rounding};
use crate::promotion::{Choice, Sets};
use std::cmp::Ordering;

/// Something of the units that are bought and of those that are got: which they are, or whether a line's may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sides<T> {
    pub(super) bought: T,
    pub(super) got: T,
}

/// The got units of a cart, exactly: a unit of a line may be worth a fraction of a minor unit.
pub(super) struct Got {
    /// The lines with got units, weighed by what those units are worth times [`Got::scale`].
    pub(super) lines: Vec<Weighed>,
    scale: i64,
}

impl Got {
    fn sum(&self) -> i128 {
        self.lines.iter().map(|line| i128::from(line.weight)).sum()
    }

    /// Returns what the units are worth, rounded.
    ///
    /// # Errors
    /// When it cannot be counted.
    pub(super) fn worth(&self, rounding: Rounding) -> Result<i64, money::Error> {
        let worth = rounding.divide(self.sum(), i128::from(self.scale));
        i64::try_from(worth).map_err(|_| money::Error::Overflow)
    }

    /// Returns this part of what the units are worth, rounded once (section 1.3).
    ///
    /// # Errors
    /// When it cannot be counted.
    pub(super) fn part(&self, rate: Rate, basket: &Basket<'_>) -> Result<Money, money::Error> {
        let (numerator, denominator) = rate.fraction();
        let product = self.sum().checked_mul(numerator).ok_or(money::Error::Overflow)?;
        let part = basket
            .rounding
            .divide(product, denominator * i128::from(self.scale));
        Money::from_wide(part, basket.value.currency)
    }
}

/// Some units of a line: what they are worth is `value / quantity`, exactly.
struct Units {
    at: usize,
    /// The line's value times the units.
    value: i128,
    quantity: i128,
}

/// Returns by what worths are multiplied so that they are whole: the common denominator of these fractions in their lowest
/// terms. Where no number of 63 bits can be, because lines of many different huge quantities are each worth a fraction,
/// the largest factor that leaves every worth countable takes its place, and what is below it is cut.
fn scale_of(units: &[Units]) -> i128 {
    let largest = units
        .iter()
        .map(|units| units.value / units.quantity)
        .max()
        .unwrap_or(0);
    let room = i128::from(i64::MAX) / (largest + 1);
    let mut common = 1_i128;
    for units in units {
        let denominator = units.quantity / greatest_common_divisor(units.value, units.quantity);
        let shared = greatest_common_divisor(common, denominator);
        common = common.saturating_mul(denominator / shared);
        if room < common {
            return room;
        }
    }
    common
}

fn greatest_common_divisor(mut left: i128, mut right: i128) -> i128 {
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left
}

/// Returns the got units; nothing without a full set.
pub(super) fn got_units(
    sets: &Sets,
    basket: &Basket<'_>,
    sides: impl Fn(usize) -> Sides<bool>,
) -> Option<Got> {
    let (mut only_bought, mut only_got, mut either) = (0_u64, 0_u64, 0_u64);
    let mut candidates = Vec::new();
    for (at, line) in basket.lines.iter().enumerate() {
        let quantity = u64::from(line.quantity);
        let sides = sides(at);
        match (sides.bought, sides.got) {
            (true, false) => only_bought += quantity,
            (false, true) => only_got += quantity,
            (true, true) => either += quantity,
            (false, false) => {}
        }
        if sides.got && 0 < quantity {
            candidates.push((at, sides.bought));
        }
    }
    let (buy, get) = (u64::from(sets.buy), u64::from(sets.get));
    // A unit serves on one side only: each side must be full by itself, and both together.
    let mut count = ((only_bought + either) / buy)
        .min((only_got + either) / get)
        .min((only_bought + only_got + either) / (buy + get));
    count = count.min(sets.sets_max.map_or(u64::MAX, u64::from));
    if count == 0 {
        return None;
    }

    // Of the units that serve on either side, the bought side keeps as many as it needs.
    let mut either_left = either - (count * buy).saturating_sub(only_bought);
    let mut left = count * get;
    candidates.sort_by(|left, right| {
        let by_value = by_unit_value(basket, left.0, right.0);
        let by_value = match sets.choice {
            Choice::Cheapest => by_value,
            Choice::Dearest => by_value.reverse(),
        };
        by_value.then(left.1.cmp(&right.1)).then(left.0.cmp(&right.0))
    });
    let mut got = Vec::new();
    for (at, is_either) in candidates {
        let quantity = u64::from(basket.lines[at].quantity);
        let mut units = quantity.min(left);
        if is_either {
            units = units.min(either_left);
            either_left -= units;
        }
        left -= units;
        if 0 < units {
            got.push(Units {
                at,
                value: i128::from(basket.value_of(at)) * i128::from(units),
                quantity: i128::from(quantity),
            });
        }
    }
    got.sort_unstable_by_key(|units| units.at);
    let scale = scale_of(&got);
    let weigh = |units: &Units| Weighed {
        at: units.at,
        // No more than 63 bits, by the choice of the scale.
        weight: i64::try_from(units.value * scale / units.quantity).unwrap_or(i64::MAX),
        base: i64::try_from(basket.rounding.divide(units.value, units.quantity)).unwrap_or(i64::MAX),
    };
    Some(Got {
        lines: got.iter().map(weigh).collect(),
        scale: i64::try_from(scale).unwrap_or(i64::MAX),
    })
}

/// Compares what a unit of two lines is worth, exactly.
fn by_unit_value(basket: &Basket<'_>, left: usize, right: usize) -> Ordering {
    let crossed = |value: usize, units: usize| {
        i128::from(basket.value_of(value)) * i128::from(basket.lines[units].quantity)
    };
    crossed(left, right).cmp(&crossed(right, left))
}
