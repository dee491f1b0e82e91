//! The last stage: where sums belong.

use super::Error;
use super::tax::Mode;
use crate::cart::Quote;
use crate::money::Money;

/// Puts the summed tax where it belongs: into the total, beside it as contained, or beside it as an estimate.
pub(super) fn place_tax(quote: &mut Quote, mode: Mode, tax: Money) -> Result<(), Error> {
    if quote.estimated {
        quote.tax = None;
        quote.tax_estimate = Some(tax).filter(|_| !quote.lines.is_empty());
    }
    match mode {
        Mode::Included => quote.tax_included = tax,
        // It stands beside the total only.
        Mode::OnTop | Mode::Stripped if quote.estimated => {}
        Mode::OnTop | Mode::Stripped => {
            quote.tax = Some(tax);
            quote.total = quote.total.plus(tax)?;
        }
    }
    Ok(())
}
