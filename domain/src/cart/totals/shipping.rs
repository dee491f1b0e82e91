//! The third stage: what it costs to send the goods, less what promotions take off it.

use super::discounts::reduce;
use super::promotions::Promoted;
use super::tax::Taxing;
use super::trace::{Step, Trace};
use super::{Error, Intent, Rules};
use crate::cart::QuoteShipping;
use crate::id::ShippingMethodId;
use crate::money::Money;
use crate::shipping::Parcel;

pub(super) struct Shipped {
    pub(super) line: Option<QuoteShipping>,
    pub(super) unavailable: Option<ShippingMethodId>,
    /// Its tax, also where the line shows none.
    pub(super) tax: Money,
}

/// Prices the chosen method, or names it as unavailable. Where there is nothing to send there is no shipping. Before a
/// destination is known the home country stands in. The parcel is packed only where a method is chosen.
pub(super) fn ship<'p>(
    intent: &Intent<'_>,
    rules: &Rules<'_>,
    taxing: &Taxing<'_>,
    promoted: &mut Promoted,
    (parcel, trace): (impl FnOnce() -> Parcel<'p>, Option<&mut Trace>),
) -> Result<Shipped, Error> {
    let without = |unavailable| Shipped {
        line: None,
        unavailable,
        tax: Money::zero(intent.currency),
    };
    let Some(chosen) = intent.shipping else {
        return Ok(without(None));
    };
    let parcel = parcel();
    if parcel.is_empty() {
        return Ok(without(None));
    }
    let home = || rules.settings.home_country.into();
    let destination = intent.destination.unwrap_or_else(home);
    let method = rules.methods.iter().find(|method| method.id() == chosen);
    let price = method.and_then(|method| method.price_for(destination, &parcel, taxing.rounding));
    let Some((method, charged)) = method.zip(price) else {
        return Ok(without(Some(chosen)));
    };
    let (amount, tax_stripped) = taxing.strip(charged.price, method.tax_category())?;
    let discount = take_off(amount, taxing, promoted, trace)?;
    let value = amount.minus(discount)?;
    let calculated = intent.outside.taxes.and_then(|taxes| taxes.of_shipping(value));
    let (shown, tax) = match calculated.filter(|_| taxing.may_be_calculated()) {
        Some(tax) => (Some(taxing.calculated(value, tax)?), tax),
        None => taxing.tax_shown(value, method.tax_category())?,
    };
    let line = QuoteShipping {
        method: chosen,
        source: charged.source,
        amount,
        tax_stripped,
        discount,
        tax: shown,
    };
    Ok(Shipped {
        line: Some(line),
        unavailable: None,
        tax,
    })
}

/// Takes what promotions give off the price of shipping, in their order, each seeing what those before left; never
/// below zero. Returns what was really given.
fn take_off(
    amount: Money,
    taxing: &Taxing<'_>,
    promoted: &mut Promoted,
    mut trace: Option<&mut Trace>,
) -> Result<Money, Error> {
    let mut left = amount;
    for reduction in &promoted.off_shipping {
        let asked = reduce(reduction.by, left, taxing.rounding)?;
        let given = Money::new(asked.amount.min(left.amount), left.currency);
        let applied = &mut promoted.applied[reduction.applied];
        applied.shipping_discount = applied.shipping_discount.plus(given)?;
        if let Some(trace) = trace.as_deref_mut() {
            let step = Step {
                action: reduction.action,
                base: left,
                asked,
                given,
                shares: Vec::new(),
            };
            trace.add(applied.promotion, step);
        }
        left = left.minus(given)?;
    }
    Ok(amount.minus(left)?)
}
