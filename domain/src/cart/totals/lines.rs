//! The first stage: what each line amounts to, before discounts.

use super::tax::Taxing;
use super::{Error, Intent, IntentLine, Worksheet};
use crate::cart::QuoteLine;
use crate::error::ensure;
use crate::money::Money;
use std::sync::Arc;

/// Prices each line, before discounts: in the place of the lines before, so that those that stay are not touched.
pub(super) fn work(
    intent: &Intent<'_>,
    taxing: &Taxing<'_>,
    before: Option<Worksheet>,
) -> Result<(Vec<QuoteLine>, Vec<Money>), Error> {
    let (mut lines, mut taxes) = match before {
        Some(Worksheet { quote, taxes }) => (Arc::unwrap_or_clone(quote).lines, taxes),
        None => (Vec::new(), Vec::new()),
    };
    let count = intent.lines.len();
    lines.reserve(count.saturating_sub(lines.len()));
    taxes.reserve(count.saturating_sub(taxes.len()));
    // What stands before here has been taken over, or has given way.
    let mut passed = 0;
    for (at, line) in intent.lines.iter().enumerate() {
        passed = passed.max(at);
        match *line {
            IntentLine::Quoted(from) => {
                let is_left = (passed..lines.len()).contains(&from);
                ensure(is_left, "lines that are taken over keep their order")?;
                passed = from + 1;
                if at != from {
                    lines.swap(at, from);
                    taxes.swap(at, from);
                }
            }
            IntentLine::Listed {
                line,
                quantity,
                unit_price,
                tax_category,
            } => {
                let listed = unit_price.times(quantity, taxing.rounding)?;
                let (amount, tax_stripped) = taxing.strip(listed, tax_category)?;
                let (shown, tax) = taxing.tax_shown(amount, tax_category)?;
                let quoted = QuoteLine {
                    line,
                    quantity,
                    unit_price,
                    amount,
                    tax_stripped,
                    discount: Money::zero(listed.currency),
                    tax: shown,
                };
                match lines.get_mut(at) {
                    Some(place) => (*place, taxes[at]) = (quoted, tax),
                    None => {
                        lines.push(quoted);
                        taxes.push(tax);
                    }
                }
            }
        }
    }
    lines.truncate(count);
    taxes.truncate(count);
    Ok((lines, taxes))
}
