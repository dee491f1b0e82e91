//! The one pricing pipeline: from a cart's intent to its quote (section 1 of the semantics).
//!
//! Its stages are line amounts, discount shares, shipping, tax, sums. Listed prices are never rewritten: the same
//! intent always gives the same quote, wherever the address has been in between. Work and memory grow with the
//! lines alone.

mod discounts;
mod lines;
mod shipping;
mod sums;
mod tax;

use super::{Cart, Line, Quote, VariantFacts};
use crate::address::Destination;
use crate::error::{Broken, Class, Detail, Refusal};
use crate::id::{LineId, ShippingMethodId, VariantId};
use crate::money::{self, Currency, Money, Price};
use crate::settings::Settings;
use crate::shipping::ShippingMethod;
use crate::tax::{Category, TaxStatus, ZoneRates, Zones};
use discounts::{order_discount, share_discount};
use lines::work;
use shipping::ship;
use std::sync::Arc;
use sums::place_tax;
use tax::Taxing;

/// What is to be priced.
#[derive(Clone, Debug)]
pub struct Intent<'a> {
    /// The currency of every price.
    pub currency: Currency,
    /// The lines, in order.
    pub lines: Vec<IntentLine<'a>>,
    /// Where the goods go, once it is known.
    pub destination: Option<Destination<'a>>,
    /// What is known of the buyer that bears on tax.
    pub buyer: Option<&'a TaxStatus>,
    /// How they go, once it is chosen.
    pub shipping: Option<ShippingMethodId>,
}

/// A line to be priced.
#[derive(Clone, Copy, Debug)]
pub enum IntentLine<'a> {
    /// By what a unit costs now.
    Listed {
        /// Which line.
        line: LineId,
        /// How many units.
        quantity: u32,
        /// What a unit costs now.
        unit_price: Price,
        /// How it is taxed.
        tax_category: &'a Category,
    },
    /// As in the quote before, at this index. Since then neither the line, its price and category nor the rules, the
    /// destination and the buyer have changed: whoever says so has looked. Lines that are taken over keep their order.
    Quoted(usize),
}

/// A quote with what the next quote of the same cart needs to take lines over.
#[derive(Clone, Debug)]
pub struct Worksheet {
    /// The quote.
    pub quote: Arc<Quote>,
    /// The tax of each line, also where the quote shows none because it is an estimate.
    taxes: Vec<Money>,
}

/// What the store says about tax and shipping.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Its settings.
    pub settings: &'a Settings,
    /// Its tax zones.
    pub zones: &'a Zones,
    /// Its shipping methods.
    pub methods: &'a [Arc<ShippingMethod>],
}

/// Why there is no quote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An amount cannot be counted, or currencies met.
    #[error(transparent)]
    Money(#[from] money::Error),
    /// Parts and sums do not agree: a fault of ours.
    #[error(transparent)]
    Broken(#[from] Broken),
}

impl Refusal for Error {
    fn class(&self) -> Class {
        match self {
            Self::Money(error) => error.class(),
            Self::Broken(_) => Class::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Money(error) => error.code(),
            Self::Broken(_) => "quote.broken",
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        match self {
            Self::Money(error) => error.details(),
            Self::Broken(_) => Vec::new(),
        }
    }
}

impl<'a> Intent<'a> {
    /// Reads the intent of a cart. A variant without facts is gone; its line keeps what it cost when added.
    pub fn of_cart(
        cart: &'a Cart,
        buyer: Option<&'a TaxStatus>,
        facts: impl Fn(VariantId) -> Option<&'a VariantFacts>,
    ) -> Self {
        let mut lines = Vec::with_capacity(cart.lines().len());
        for line in cart.lines() {
            let facts = facts(line.variant);
            lines.push(IntentLine::of_line(
                line,
                facts.map(|facts| (facts.price_in(cart.currency()), &facts.tax_category)),
            ));
        }
        Self::of_lines(cart, buyer, lines)
    }

    /// Reads the intent of a cart whose lines have been read.
    pub fn of_lines(cart: &'a Cart, buyer: Option<&'a TaxStatus>, lines: Vec<IntentLine<'a>>) -> Self {
        Self {
            currency: cart.currency(),
            lines,
            destination: cart
                .shipping_address()
                .map(|address| Destination::from(&**address)),
            buyer,
            shipping: cart.shipping().map(|choice| choice.method),
        }
    }
}

impl<'a> IntentLine<'a> {
    /// Reads a line by what its variant costs now and how it is taxed. Where the variant is gone the line keeps what
    /// it cost when added.
    pub fn of_line(line: &'a Line, variant: Option<(Option<Price>, &'a Category)>) -> Self {
        Self::Listed {
            line: line.id,
            quantity: line.quantity,
            unit_price: line.unit_price(variant.and_then(|(price, _)| price)),
            tax_category: variant.map_or(&line.tax_category, |(_, category)| category),
        }
    }
}

/// Prices an intent, all of it or what is not in the quote before.
///
/// # Errors
/// [`Error::Money`] when an amount cannot be counted, or a price is in another currency than the intent.
pub fn quote(intent: &Intent<'_>, rules: &Rules<'_>, before: Option<Worksheet>) -> Result<Worksheet, Error> {
    let taxing = Taxing::new(intent.destination, intent.buyer, rules);
    let zero = Money::zero(intent.currency);

    let (mut lines, mut taxes) = work(intent, &taxing, before)?;
    let mut subtotal = zero;
    for line in &lines {
        subtotal = subtotal.plus(line.amount)?;
    }

    let discounts = share_discount(order_discount(intent), intent, &taxing, (&mut lines, &mut taxes))?;
    let goods = subtotal.minus(discounts)?;
    let shipped = ship(intent, rules, &taxing, goods)?;
    let shipping = shipped.line.as_ref().map_or(zero, |line| line.amount);

    let mut tax_sum = shipped.tax;
    for tax in &taxes {
        tax_sum = tax_sum.plus(*tax)?;
    }

    let mut quote = Quote {
        currency: intent.currency,
        lines,
        shipping_line: shipped.line,
        shipping_unavailable: shipped.unavailable,
        zone: taxing.zone.map(ZoneRates::zone),
        tax_relief: taxing.relief.clone(),
        estimated: taxing.estimated,
        subtotal,
        discounts,
        shipping,
        tax: Some(zero),
        tax_included: zero,
        tax_estimate: None,
        total: goods.plus(shipping)?,
    };
    place_tax(&mut quote, taxing.mode, tax_sum)?;
    quote.check()?;
    Ok(Worksheet {
        quote: Arc::new(quote),
        taxes,
    })
}

#[cfg(test)]
mod tests;
