//! The first stage: what each line amounts to, before discounts.

use super::tax::Taxing;
use super::{Error, Intent, IntentLine, ListedLine, SheetLine, Worksheet};
use crate::cart::QuoteLine;
use crate::cart::line::is_too_much;
use crate::error::ensure;
use crate::money::{LINE_AMOUNT_MAX, Money, Price, Rounding};
use std::sync::Arc;

/// Prices each line, before discounts: in the place of the lines before, so that those that stay are not touched but
/// for the discount they had.
pub(super) fn work(
    intent: &Intent<'_>,
    taxing: &Taxing<'_>,
    before: Option<Worksheet>,
) -> Result<(Vec<QuoteLine>, Vec<SheetLine>), Error> {
    let (mut lines, mut sheet) = match before {
        Some(Worksheet { quote, sheet }) => (Arc::unwrap_or_clone(quote).lines, sheet),
        None => (Vec::new(), Vec::new()),
    };
    let count = intent.lines.len();
    lines.reserve(count.saturating_sub(lines.len()));
    sheet.reserve(count.saturating_sub(sheet.len()));
    // What stands before here has been taken over, or has given way.
    let mut passed = 0;
    for (at, line) in intent.lines.iter().enumerate() {
        passed = passed.max(at);
        match line {
            IntentLine::Quoted(from) => {
                let from = *from;
                let is_left = (passed..lines.len()).contains(&from);
                ensure(is_left, "lines that are taken over keep their order")?;
                passed = from + 1;
                if at != from {
                    lines.swap(at, from);
                    sheet.swap(at, from);
                }
                lines[at].discount = Money::zero(intent.currency);
            }
            IntentLine::Listed(listed) => {
                let (quoted, noted) = price(listed, taxing)?;
                match lines.get_mut(at) {
                    Some(place) => (*place, sheet[at]) = (quoted, noted),
                    None => {
                        lines.push(quoted);
                        sheet.push(noted);
                    }
                }
            }
        }
    }
    lines.truncate(count);
    sheet.truncate(count);
    Ok((lines, sheet))
}

/// Prices one line. Its tax is for later: it is on what discounts leave.
fn price(listed: &ListedLine<'_>, taxing: &Taxing<'_>) -> Result<(QuoteLine, SheetLine), Error> {
    let (quantity, tax_category) = (listed.quantity, listed.tax_category);
    let gross = counted(listed.unit_price, quantity, taxing.rounding)?;
    let (amount, tax_stripped) = taxing.strip(gross, tax_category)?;
    let zero = Money::zero(gross.currency);
    let floor = match listed.minimum_price {
        Some(minimum) => {
            let minimum = counted(minimum, quantity, taxing.rounding)?;
            taxing.strip(minimum, tax_category)?.0
        }
        None => zero,
    };
    let quoted = QuoteLine {
        line: listed.line,
        quantity,
        unit_price: listed.unit_price,
        amount,
        tax_stripped,
        discount: zero,
        tax: None,
    };
    let noted = SheetLine {
        goods: listed.goods.clone(),
        weight_grams: listed.weight_grams,
        digital: listed.digital,
        floor: floor.amount,
        tax_category: tax_category.clone(),
        tax: zero,
        taxed_at: None,
    };
    Ok((quoted, noted))
}

/// Returns what so many units come to, rounded once. What is more than a line may come to, after a price has risen, is
/// counted as the most: the cart can still be read and changed, and its lines tell what is wrong.
fn counted(unit_price: Price, quantity: u32, rounding: Rounding) -> Result<Money, Error> {
    if is_too_much(unit_price, quantity) {
        return Ok(Money::new(LINE_AMOUNT_MAX, unit_price.currency));
    }
    Ok(unit_price.times(quantity, rounding)?)
}
