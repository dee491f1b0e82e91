//! The third stage: what it costs to send the goods.

use super::tax::Taxing;
use super::{Error, Intent, Rules};
use crate::cart::QuoteShipping;
use crate::id::ShippingMethodId;
use crate::money::Money;

pub(super) struct Shipped {
    pub(super) line: Option<QuoteShipping>,
    pub(super) unavailable: Option<ShippingMethodId>,
    /// Its tax, also where the line shows none.
    pub(super) tax: Money,
}

/// Prices the chosen method, or names it as unavailable. Before a destination is known the home country stands in.
pub(super) fn ship(
    intent: &Intent<'_>,
    rules: &Rules<'_>,
    taxing: &Taxing<'_>,
    goods: Money,
) -> Result<Shipped, Error> {
    let without = |unavailable| Shipped {
        line: None,
        unavailable,
        tax: Money::zero(intent.currency),
    };
    let Some(chosen) = intent.shipping.filter(|_| !intent.lines.is_empty()) else {
        return Ok(without(None));
    };
    let destination = intent.destination.map(|destination| destination.country);
    let destination = destination.unwrap_or(rules.settings.home_country);
    let method = rules.methods.iter().find(|method| method.id() == chosen);
    let Some(method) = method.filter(|method| method.serves(destination, goods)) else {
        return Ok(without(Some(chosen)));
    };
    let (amount, tax_stripped) = taxing.strip(method.price_for(goods), method.tax_category())?;
    let (shown, tax) = taxing.tax_shown(amount, method.tax_category())?;
    let line = QuoteShipping {
        method: chosen,
        amount,
        tax_stripped,
        tax: shown,
    };
    Ok(Shipped {
        line: Some(line),
        unavailable: None,
        tax,
    })
}
