//! The second stage: what promotions take off the lines.

use super::tax::Taxing;
use super::{Error, Intent, IntentLine};
use crate::cart::QuoteLine;
use crate::error::Broken;
use crate::money::{Money, prorate_discount};

/// Returns what promotions take off the order. There are none in this release: this is where they come in.
pub(super) fn order_discount(intent: &Intent<'_>) -> Money {
    Money::zero(intent.currency)
}

/// Splits a discount over the lines by their amounts, and returns what was really given.
pub(super) fn share_discount(
    discount: Money,
    intent: &Intent<'_>,
    taxing: &Taxing<'_>,
    (lines, taxes): (&mut [QuoteLine], &mut [Money]),
) -> Result<Money, Error> {
    if discount.is_zero() {
        return Ok(discount);
    }
    let mut given = Money::zero(discount.currency);
    let weights: Vec<i64> = lines.iter().map(|line| line.amount.amount).collect();
    let shares = prorate_discount(discount, &weights)?;
    for (at, (line, share)) in lines.iter_mut().zip(shares).enumerate() {
        let IntentLine::Listed { tax_category, .. } = intent.lines[at] else {
            return Err(Broken("a line with a discount is priced anew".to_owned()).into());
        };
        line.discount = share;
        given = given.plus(share)?;
        (line.tax, taxes[at]) = taxing.tax_shown(line.value()?, tax_category)?;
    }
    Ok(given)
}
