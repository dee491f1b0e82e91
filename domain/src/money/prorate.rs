//! Splitting an amount over lines so that the parts sum to the whole (section 1.5 of the semantics).

use super::{Error, Money};
use std::cmp::Reverse;

/// Splits a charge by weights: the parts always sum to it.
///
/// Each part is floored; the units left over go one by one to the largest fractional parts, ties to the earlier
/// line. A weight of zero gets nothing; if every weight is zero the charge is split evenly. A negative amount is
/// split as its positive counterpart, then mirrored.
///
/// # Errors
/// [`Error::NegativeWeight`], or [`Error::NothingToSplitOver`] when there is an amount but no weight.
pub fn prorate(charge: Money, weights: &[i64]) -> Result<Vec<Money>, Error> {
    if weights.iter().all(|weight| *weight == 0) {
        return split(charge, &vec![1; weights.len()]);
    }
    split(charge, weights)
}

/// Splits a discount by weights, as [`prorate`] does, except that over weights that are all zero there is nothing
/// to take off and every part is zero.
///
/// # Errors
/// [`Error::NegativeWeight`].
pub fn prorate_discount(discount: Money, weights: &[i64]) -> Result<Vec<Money>, Error> {
    if weights.iter().all(|weight| *weight == 0) {
        return Ok(vec![Money::zero(discount.currency); weights.len()]);
    }
    split(discount, weights)
}

fn split(amount: Money, weights: &[i64]) -> Result<Vec<Money>, Error> {
    let mut whole = 0_u128;
    for weight in weights {
        whole += u128::from(u64::try_from(*weight).map_err(|_| Error::NegativeWeight)?);
    }
    if amount.is_zero() {
        return Ok(vec![amount; weights.len()]);
    }
    if whole == 0 {
        return Err(Error::NothingToSplitOver);
    }

    // Magnitude and weight have 63 and 64 bits at most, so that no product leaves 128.
    let magnitude = u128::from(amount.amount.unsigned_abs());
    let mut parts = Vec::with_capacity(weights.len());
    let mut rests = Vec::with_capacity(weights.len());
    let mut left_over = magnitude;
    for (line, weight) in weights.iter().enumerate() {
        let exact = magnitude * u128::from(weight.unsigned_abs());
        parts.push(exact / whole);
        rests.push((Reverse(exact % whole), line));
        left_over -= exact / whole;
    }

    // Fewer units are left over than lines have a fractional part: a line without one never gets a unit.
    let left_over = usize::try_from(left_over).map_err(|_| Error::Overflow)?;
    if 0 < left_over {
        rests.select_nth_unstable(left_over - 1);
        for (_, line) in &rests[..left_over] {
            parts[*line] += 1;
        }
    }

    let sign = if amount.amount < 0 { -1 } else { 1 };
    let mut shares = Vec::with_capacity(parts.len());
    for part in parts {
        let part = i128::try_from(part).map_err(|_| Error::Overflow)?;
        shares.push(Money::from_wide(sign * part, amount.currency)?);
    }
    Ok(shares)
}

#[cfg(test)]
#[path = "prorate_test.rs"]
mod tests;
