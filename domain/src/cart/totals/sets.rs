//! Buy X, get Y: how many full sets there are, and which units are got (section 2.5 of the semantics).
//!
//! Units are counted line by line and never listed one by one.

use super::Error;
use super::discounts::{Basket, Weighed};
use crate::money::Money;
use crate::promotion::{Choice, Sets};
use std::cmp::Ordering;

/// Whether the units of a line may be bought, got, or either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sides {
    pub(super) bought: bool,
    pub(super) got: bool,
}

/// Returns the lines with got units, weighed by what those units are worth; nothing without a full set.
pub(super) fn got_units(
    sets: &Sets,
    basket: &Basket<'_>,
    sides: impl Fn(usize) -> Sides,
) -> Result<Vec<Weighed>, Error> {
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
        return Ok(Vec::new());
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
            let exact = i128::from(basket.value_of(at)) * i128::from(units);
            let worth = basket.rounding.divide(exact, i128::from(quantity));
            let worth = Money::from_wide(worth, basket.value.currency)?;
            got.push(Weighed {
                at,
                weight: worth.amount,
            });
        }
    }
    got.sort_unstable_by_key(|line| line.at);
    Ok(got)
}

/// Compares what a unit of two lines is worth, exactly.
fn by_unit_value(basket: &Basket<'_>, left: usize, right: usize) -> Ordering {
    let crossed = |value: usize, units: usize| {
        i128::from(basket.value_of(value)) * i128::from(basket.lines[units].quantity)
    };
    crossed(left, right).cmp(&crossed(right, left))
}
