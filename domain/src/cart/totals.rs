//! The one pricing pipeline: from a cart's intent to its quote (section 1 of the semantics).
//!
//! Its stages are line amounts, discount shares, shipping, tax, sums. Listed prices are never rewritten: the same
//! intent always gives the same quote, wherever the address has been in between. Work and memory grow with the
//! lines alone.

use super::{Cart, Line, LineTax, Quote, QuoteLine, QuoteShipping, VariantFacts};
use crate::country::Country;
use crate::error::{Broken, Class, Detail, Refusal};
use crate::id::{LineId, ShippingMethodId, VariantId};
use crate::money::{self, Currency, Money, Price, Rate, Rounding, prorate_discount};
use crate::settings::{ForeignZone, Prices, Settings};
use crate::shipping::ShippingMethod;
use crate::tax::{Category, TaxZone, Zones};
use std::sync::Arc;

/// What is to be priced.
#[derive(Clone, Debug)]
pub struct Intent<'a> {
    /// The currency of every price.
    pub currency: Currency,
    /// The lines, in order.
    pub lines: Vec<IntentLine<'a>>,
    /// Where the goods go, once it is known.
    pub destination: Option<Country>,
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
    /// As in an earlier quote, at the index. Since then neither the line, its price and category nor the rules and
    /// the destination have changed: whoever says so has looked.
    Quoted(&'a Worksheet, usize),
}

/// A quote with what the next quote of the same cart needs to take lines over.
#[derive(Clone, Debug)]
pub struct Worksheet {
    /// The quote.
    pub quote: Arc<Quote>,
    /// The tax of each line, also where the quote shows none because it is an estimate.
    taxes: Vec<Money>,
}

/// A line at work.
struct Worked<'a> {
    quoted: Arc<QuoteLine>,
    tax: Money,
    /// How it is taxed; not known of a line that is taken over.
    tax_category: Option<&'a Category>,
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
    pub fn of_cart(cart: &'a Cart, facts: impl Fn(VariantId) -> Option<&'a VariantFacts>) -> Self {
        let mut lines = Vec::with_capacity(cart.lines().len());
        for line in cart.lines() {
            let facts = facts(line.variant);
            lines.push(IntentLine::of_line(
                line,
                facts.map(|facts| (facts.price, &facts.tax_category)),
            ));
        }
        Self::of_lines(cart, lines)
    }

    /// Reads the intent of a cart whose lines have been read.
    pub fn of_lines(cart: &Cart, lines: Vec<IntentLine<'a>>) -> Self {
        Self {
            currency: cart.currency(),
            lines,
            destination: cart.shipping_address().map(|address| address.country),
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

/// Prices an intent.
///
/// # Errors
/// [`Error::Money`] when an amount cannot be counted, or a price is in another currency than the intent.
pub fn quote(intent: &Intent<'_>, rules: &Rules<'_>) -> Result<Worksheet, Error> {
    let taxing = Taxing::new(intent.destination, rules);
    let zero = Money::zero(intent.currency);

    let mut lines = Vec::with_capacity(intent.lines.len());
    let mut subtotal = zero;
    for line in &intent.lines {
        let worked = taxing.work(line)?;
        subtotal = subtotal.plus(worked.quoted.amount)?;
        lines.push(worked);
    }

    let discounts = share_discount(order_discount(intent), &mut lines, &taxing)?;
    let goods = subtotal.minus(discounts)?;
    let shipped = ship(intent, rules, &taxing, goods)?;
    let shipping = shipped.line.as_ref().map_or(zero, |line| line.amount);

    let mut tax_sum = shipped.tax;
    let (lines, taxes): (Vec<_>, Vec<_>) = lines.into_iter().map(|line| (line.quoted, line.tax)).unzip();
    for tax in &taxes {
        tax_sum = tax_sum.plus(*tax)?;
    }

    let mut quote = Quote {
        currency: intent.currency,
        lines,
        shipping_line: shipped.line,
        shipping_unavailable: shipped.unavailable,
        zone: taxing.zone.map(TaxZone::id),
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

/// Puts the summed tax where it belongs: into the total, beside it as contained, or beside it as an estimate.
fn place_tax(quote: &mut Quote, mode: Mode, tax: Money) -> Result<(), Error> {
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

/// Returns what promotions take off the order. There are none in this release: this is where they come in.
fn order_discount(intent: &Intent<'_>) -> Money {
    Money::zero(intent.currency)
}

/// Splits a discount over the lines by their amounts, and returns what was really given.
fn share_discount(discount: Money, lines: &mut [Worked<'_>], taxing: &Taxing<'_>) -> Result<Money, Error> {
    let mut given = Money::zero(discount.currency);
    if discount.is_zero() {
        return Ok(given);
    }
    let weights: Vec<i64> = lines.iter().map(|line| line.quoted.amount.amount).collect();
    for (line, share) in lines.iter_mut().zip(prorate_discount(discount, &weights)?) {
        given = given.plus(share)?;
        let quoted = Arc::make_mut(&mut line.quoted);
        quoted.discount = share;
        let category = line.tax_category.ok_or_else(untaxable)?;
        (quoted.tax, line.tax) = taxing.tax_shown(quoted.value()?, category)?;
    }
    Ok(given)
}

/// A discount changes the tax, so that its lines cannot be taken over.
fn untaxable() -> Broken {
    Broken("a line with a discount is priced anew".to_owned())
}

struct Shipped {
    line: Option<QuoteShipping>,
    unavailable: Option<ShippingMethodId>,
    /// Its tax, also where the line shows none.
    tax: Money,
}

/// Prices the chosen method, or names it as unavailable. Before a destination is known the home country stands in.
fn ship(intent: &Intent<'_>, rules: &Rules<'_>, taxing: &Taxing<'_>, goods: Money) -> Result<Shipped, Error> {
    let without = |unavailable| Shipped {
        line: None,
        unavailable,
        tax: Money::zero(intent.currency),
    };
    let Some(chosen) = intent.shipping.filter(|_| !intent.lines.is_empty()) else {
        return Ok(without(None));
    };
    let destination = intent.destination.unwrap_or(rules.settings.home_country);
    let method = rules.methods.iter().find(|method| method.id() == chosen);
    let Some(method) = method.filter(|method| method.serves(destination, goods)) else {
        return Ok(without(Some(chosen)));
    };
    let (amount, home_tax_stripped) = taxing.strip(method.price_for(goods), method.tax_category())?;
    let (shown, tax) = taxing.tax_shown(amount, method.tax_category())?;
    let line = QuoteShipping {
        method: chosen,
        amount,
        home_tax_stripped,
        tax: shown,
    };
    Ok(Shipped {
        line: Some(line),
        unavailable: None,
        tax,
    })
}

/// How tax relates to the listed prices, for this destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Prices are net; tax comes on top.
    OnTop,
    /// Prices are gross and stay so; the zone's tax is in them.
    Included,
    /// Prices are gross at home, but the goods go abroad: the home tax is taken out, the zone's comes on top.
    Stripped,
}

/// Which rates count, and how.
struct Taxing<'a> {
    mode: Mode,
    zone: Option<&'a TaxZone>,
    home: Option<&'a TaxZone>,
    rounding: Rounding,
    estimated: bool,
}

impl<'a> Taxing<'a> {
    fn new(destination: Option<Country>, rules: &Rules<'a>) -> Self {
        let settings = rules.settings;
        let home = rules.zones.of(settings.home_country);
        let zone = destination.map_or(home, |country| rules.zones.of(country));
        let foreign = zone.map(TaxZone::id) != home.map(TaxZone::id);
        let mode = match (settings.prices, settings.foreign_zone) {
            (Prices::ExcludeTax, _) => Mode::OnTop,
            (Prices::IncludeTax, ForeignZone::StripHomeTax) if foreign => Mode::Stripped,
            (Prices::IncludeTax, ForeignZone::StripHomeTax | ForeignZone::KeepGross) => Mode::Included,
        };
        Self {
            mode,
            zone,
            home,
            rounding: settings.rounding,
            estimated: destination.is_none(),
        }
    }

    /// Prices a line, before discounts.
    fn work<'b>(&self, line: &IntentLine<'b>) -> Result<Worked<'b>, Error> {
        let (line, quantity, unit_price, tax_category) = match *line {
            IntentLine::Quoted(before, at) => {
                return Ok(Worked {
                    quoted: Arc::clone(&before.quote.lines[at]),
                    tax: before.taxes[at],
                    tax_category: None,
                });
            }
            IntentLine::Listed {
                line,
                quantity,
                unit_price,
                tax_category,
            } => (line, quantity, unit_price, tax_category),
        };
        let listed = unit_price.times(quantity, self.rounding)?;
        let (amount, home_tax_stripped) = self.strip(listed, tax_category)?;
        let (shown, tax) = self.tax_shown(amount, tax_category)?;
        let quoted = QuoteLine {
            line,
            quantity,
            unit_price,
            amount,
            home_tax_stripped,
            discount: Money::zero(listed.currency),
            tax: shown,
        };
        Ok(Worked {
            quoted: Arc::new(quoted),
            tax,
            tax_category: Some(tax_category),
        })
    }

    /// Returns a listed amount without the home tax where it is to be taken out, and what was taken out.
    fn strip(&self, listed: Money, category: &Category) -> Result<(Money, Money), Error> {
        let kept = (listed, Money::zero(listed.currency));
        match self.mode {
            Mode::OnTop | Mode::Included => Ok(kept),
            Mode::Stripped => match self.home.and_then(|home| home.rate(category)) {
                Some(home) => {
                    let net = net_of(listed, home.rate, self.rounding)?;
                    Ok((net, listed.minus(net)?))
                }
                None => Ok(kept),
            },
        }
    }

    /// Returns the tax on a value as a line shows it, and how much it is. An estimate of tax on top stands beside the
    /// total only: the lines have no tax until a destination is known.
    fn tax_shown(&self, value: Money, category: &Category) -> Result<(Option<LineTax>, Money), Error> {
        let tax = self.tax(value, category)?;
        let amount = tax.as_ref().map_or(Money::zero(value.currency), |tax| tax.amount);
        let is_shown = !self.estimated || self.mode == Mode::Included;
        Ok((tax.filter(|_| is_shown), amount))
    }

    /// Returns the tax on a value, rounded once; nothing where the zone has no rate for the category.
    fn tax(&self, value: Money, category: &Category) -> Result<Option<LineTax>, Error> {
        let Some(rate) = self.zone.and_then(|zone| zone.rate(category)) else {
            return Ok(None);
        };
        let (net, amount, included) = match self.mode {
            Mode::OnTop | Mode::Stripped => (value, tax_on(value, rate.rate, self.rounding)?, false),
            Mode::Included => {
                let net = net_of(value, rate.rate, self.rounding)?;
                (net, value.minus(net)?, true)
            }
        };
        Ok(Some(LineTax {
            name: Arc::clone(&rate.name),
            rate: rate.rate,
            net,
            amount,
            included,
        }))
    }
}

/// Returns `gross / (1 + rate)`, rounded.
fn net_of(gross: Money, rate: Rate, rounding: Rounding) -> Result<Money, money::Error> {
    let (numerator, denominator) = rate.fraction();
    let net = rounding.divide(i128::from(gross.amount) * denominator, denominator + numerator);
    Money::from_wide(net, gross.currency)
}

/// Returns `net x rate`, rounded.
fn tax_on(net: Money, rate: Rate, rounding: Rounding) -> Result<Money, money::Error> {
    let (numerator, denominator) = rate.fraction();
    let tax = rounding.divide(i128::from(net.amount) * numerator, denominator);
    Money::from_wide(tax, net.currency)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const UNTAXED: Taxing<'_> = Taxing {
        mode: Mode::OnTop,
        zone: None,
        home: None,
        rounding: Rounding::HalfUp,
        estimated: false,
    };

    fn lines<'a>(amounts: &[i64], tax_category: &'a Category) -> Vec<Worked<'a>> {
        let line = |(n, amount): (u128, &i64)| Worked {
            quoted: Arc::new(QuoteLine {
                line: LineId(Uuid::from_u128(n)),
                quantity: 1,
                unit_price: Price::new(*amount * 10_000, Currency::GBP),
                amount: Money::new(*amount, Currency::GBP),
                home_tax_stripped: Money::zero(Currency::GBP),
                discount: Money::zero(Currency::GBP),
                tax: None,
            }),
            tax: Money::zero(Currency::GBP),
            tax_category: Some(tax_category),
        };
        (0..).zip(amounts).map(line).collect()
    }

    fn check_shares(discount: i64, amounts: &[i64], shares: &[i64], given: i64) {
        let category = Category::default();
        let mut lines = lines(amounts, &category);
        let taken = share_discount(Money::new(discount, Currency::GBP), &mut lines, &UNTAXED);
        let listed: Vec<i64> = lines.iter().map(|line| line.quoted.discount.amount).collect();
        assert_eq!(
            (taken.map(|money| money.amount), listed.as_slice()),
            (Ok(given), shares)
        );
    }

    #[test]
    fn a_line_that_was_taken_over_is_given_no_discount() {
        let category = Category::default();
        let mut lines = lines(&[100], &category);
        lines[0].tax_category = None;
        let given = share_discount(Money::new(10, Currency::GBP), &mut lines, &UNTAXED);
        assert_eq!(given, Err(untaxable().into()));
    }

    #[test]
    fn a_discount_is_shared_by_line_amounts_and_what_was_given_is_told() {
        check_shares(1_000, &[1_000, 1_000, 1_000], &[334, 333, 333], 1_000);
        check_shares(100, &[0, 300, 100], &[0, 75, 25], 100);
        check_shares(100, &[0, 0], &[0, 0], 0);
        check_shares(0, &[5], &[0], 0);
    }
}
