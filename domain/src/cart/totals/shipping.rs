//! The third stage: what it costs to send the goods, less what promotions take off it.

use super::discounts::reduce;
use super::promotions::Promoted;
use super::tax::Taxing;
use super::trace::{Step, Trace};
use super::{Error, Intent, Rules};
use crate::address::Destination;
use crate::cart::QuoteShipping;
use crate::id::ShippingMethodId;
use crate::money::{self, Money};
use crate::shipping::{Offer, Parcel, ShippingMethod, offers};

pub(super) struct Shipped {
    pub(super) line: Option<QuoteShipping>,
    pub(super) unavailable: Option<ShippingMethodId>,
    /// Its tax, also where the line shows none.
    pub(super) tax: Money,
}

/// Prices the chosen method, or names it as unavailable. Where there is nothing to send there is no shipping. The parcel
/// is packed only where a method is chosen.
pub(super) fn ship<'p>(
    intent: &Intent<'_>,
    rules: &Rules<'_>,
    taxing: &Taxing<'_>,
    promoted: &mut Promoted,
    (parcel, trace): (impl FnOnce() -> Result<Parcel<'p>, Error>, Option<&mut Trace>),
) -> Result<Shipped, Error> {
    let without = |unavailable| Shipped {
        line: None,
        unavailable,
        tax: Money::zero(intent.currency),
    };
    let Some(chosen) = intent.shipping else {
        return Ok(without(None));
    };
    let parcel = parcel()?;
    if parcel.is_empty() {
        return Ok(without(None));
    }
    let destination = destination_of(intent, rules);
    let method = rules.methods.iter().find(|method| method.id() == chosen);
    let price = method.and_then(|method| method.price_for(destination, &parcel, taxing.rounding));
    let Some((method, charged)) = method.zip(price) else {
        return Ok(without(Some(chosen)));
    };
    let (amount, tax_stripped) = taxing.strip(charged.price, method.tax_category())?;
    let (value, taken) = take_off(amount, taxing, promoted)?;
    let discount = amount.minus(value)?;
    note(&taken, promoted, trace)?;
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

/// Returns the methods by which the goods can go, with what the quote would say that each costs, cheapest first.
pub(super) fn offer(
    intent: &Intent<'_>,
    rules: &Rules<'_>,
    taxing: &Taxing<'_>,
    promoted: &Promoted,
    parcel: &Parcel<'_>,
) -> Result<Vec<Offer>, Error> {
    let left_of = |method: &ShippingMethod, price| {
        let (amount, _) = taxing.strip(price, method.tax_category())?;
        Ok(take_off(amount, taxing, promoted)?.0)
    };
    let destination = destination_of(intent, rules);
    Ok(offers(
        rules.methods,
        destination,
        parcel,
        taxing.rounding,
        left_of,
    )?)
}

/// Returns where the goods go. Before that is known the home country stands in.
fn destination_of<'a>(intent: &Intent<'a>, rules: &Rules<'_>) -> Destination<'a> {
    let home = || rules.settings.home_country.into();
    intent.destination.unwrap_or_else(home)
}

/// What a promotion took off shipping.
struct Taken {
    base: Money,
    asked: Money,
    given: Money,
}

/// Takes what promotions give off the price of shipping, in their order, each seeing what those before left; never
/// below zero. Returns what is left, and what each of the reductions really gave.
fn take_off(
    amount: Money,
    taxing: &Taxing<'_>,
    promoted: &Promoted,
) -> Result<(Money, Vec<Taken>), money::Error> {
    let mut left = amount;
    let mut taken = Vec::with_capacity(promoted.off_shipping.len());
    for reduction in &promoted.off_shipping {
        let (base, asked) = (left, reduce(reduction.by, left, taxing.rounding)?);
        let given = Money::new(asked.amount.min(left.amount), left.currency);
        left = left.minus(given)?;
        taken.push(Taken { base, asked, given });
    }
    Ok((left, taken))
}

/// Notes with the promotions, and for who wants to know why, what they took off shipping.
fn note(taken: &[Taken], promoted: &mut Promoted, mut trace: Option<&mut Trace>) -> Result<(), Error> {
    for (reduction, &Taken { base, asked, given }) in promoted.off_shipping.iter().zip(taken) {
        let applied = &mut promoted.applied[reduction.applied];
        applied.shipping_discount = applied.shipping_discount.plus(given)?;
        if let Some(trace) = trace.as_deref_mut() {
            let step = Step {
                action: reduction.action,
                base,
                asked,
                given,
                shares: Vec::new(),
            };
            trace.add(applied.promotion, step);
        }
    }
    Ok(())
}
