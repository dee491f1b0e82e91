//! The one pricing pipeline: from a cart's intent to its quote (section 1 of the semantics).
//!
//! Its stages are line amounts, discount shares, shipping, tax, sums. Listed prices are never rewritten: the same
//! intent always gives the same quote, wherever the address has been in between. Work and memory grow with the
//! lines alone.

use super::{Cart, LineTax, Quote, QuoteLine, QuoteShipping, VariantFacts};
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
pub struct IntentLine<'a> {
    /// Which line.
    pub line: LineId,
    /// How many units.
    pub quantity: u32,
    /// What a unit costs now.
    pub unit_price: Price,
    /// How it is taxed.
    pub tax_category: &'a Category,
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
            lines.push(IntentLine {
                line: line.id,
                quantity: line.quantity,
                unit_price: line.unit_price(facts),
                tax_category: facts.map_or(&line.tax_category, |facts| &facts.tax_category),
            });
        }
        Self {
            currency: cart.currency(),
            lines,
            destination: cart.shipping_address().map(|address| address.country),
            shipping: cart.shipping().map(|choice| choice.method),
        }
    }
}

/// Prices an intent.
///
/// # Errors
/// [`Error::Money`] when an amount cannot be counted, or a price is in another currency than the intent.
pub fn quote(intent: &Intent<'_>, rules: &Rules<'_>) -> Result<Quote, Error> {
    let taxing = Taxing::new(intent.destination, rules);
    let zero = Money::zero(intent.currency);

    let mut lines = Vec::with_capacity(intent.lines.len());
    let mut subtotal = zero;
    for line in &intent.lines {
        let listed = line.unit_price.times(line.quantity, taxing.rounding)?;
        let (amount, home_tax_stripped) = taxing.strip(listed, line.tax_category)?;
        subtotal = subtotal.plus(amount)?;
        lines.push(QuoteLine {
            line: line.line,
            quantity: line.quantity,
            unit_price: line.unit_price,
            amount,
            home_tax_stripped,
            discount: zero,
            tax: None,
        });
    }

    let discounts = share_discount(order_discount(intent), &mut lines)?;
    let goods = subtotal.minus(discounts)?;
    let (shipping_line, shipping_unavailable) = ship(intent, rules, &taxing, goods)?;
    let shipping = shipping_line.as_ref().map_or(zero, |line| line.amount);

    let mut tax_sum = zero;
    for (line, intent_line) in lines.iter_mut().zip(&intent.lines) {
        line.tax = taxing.tax(line.value()?, intent_line.tax_category)?;
        tax_sum = tax_sum.plus(line.tax.as_ref().map_or(zero, |tax| tax.amount))?;
    }
    if let Some(tax) = shipping_line.as_ref().and_then(|line| line.tax.as_ref()) {
        tax_sum = tax_sum.plus(tax.amount)?;
    }

    let mut quote = Quote {
        currency: intent.currency,
        lines,
        shipping_line,
        shipping_unavailable,
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
    Ok(quote)
}

/// Puts the summed tax where it belongs: into the total, beside it as contained, or beside it as an estimate.
fn place_tax(quote: &mut Quote, mode: Mode, tax: Money) -> Result<(), Error> {
    if quote.estimated {
        quote.tax = None;
        quote.tax_estimate = Some(tax).filter(|_| !quote.lines.is_empty());
    }
    match mode {
        Mode::Included => quote.tax_included = tax,
        Mode::OnTop | Mode::Stripped if quote.estimated => forget_line_taxes(quote),
        Mode::OnTop | Mode::Stripped => {
            quote.tax = Some(tax);
            quote.total = quote.total.plus(tax)?;
        }
    }
    Ok(())
}

/// An estimate of tax on top stands beside the total only: the lines have no tax until a destination is known.
fn forget_line_taxes(quote: &mut Quote) {
    for line in &mut quote.lines {
        line.tax = None;
    }
    if let Some(shipping) = &mut quote.shipping_line {
        shipping.tax = None;
    }
}

/// Returns what promotions take off the order. There are none in this release: this is where they come in.
fn order_discount(intent: &Intent<'_>) -> Money {
    Money::zero(intent.currency)
}

/// Splits a discount over the lines by their amounts, and returns what was really given.
fn share_discount(discount: Money, lines: &mut [QuoteLine]) -> Result<Money, Error> {
    if discount.is_zero() {
        return Ok(discount);
    }
    let weights: Vec<i64> = lines.iter().map(|line| line.amount.amount).collect();
    let mut given = Money::zero(discount.currency);
    for (line, share) in lines.iter_mut().zip(prorate_discount(discount, &weights)?) {
        line.discount = share;
        given = given.plus(share)?;
    }
    Ok(given)
}

type Shipped = (Option<QuoteShipping>, Option<ShippingMethodId>);

/// Prices the chosen method, or names it as unavailable. Before a destination is known the home country stands in.
fn ship(intent: &Intent<'_>, rules: &Rules<'_>, taxing: &Taxing<'_>, goods: Money) -> Result<Shipped, Error> {
    let Some(chosen) = intent.shipping.filter(|_| !intent.lines.is_empty()) else {
        return Ok((None, None));
    };
    let destination = intent.destination.unwrap_or(rules.settings.home_country);
    let method = rules.methods.iter().find(|method| method.id() == chosen);
    let Some(method) = method.filter(|method| method.serves(destination, goods)) else {
        return Ok((None, Some(chosen)));
    };
    let (amount, home_tax_stripped) = taxing.strip(method.price_for(goods), method.tax_category())?;
    let line = QuoteShipping {
        method: chosen,
        amount,
        home_tax_stripped,
        tax: taxing.tax(amount, method.tax_category())?,
    };
    Ok((Some(line), None))
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

    fn lines(amounts: &[i64]) -> Vec<QuoteLine> {
        let line = |(n, amount): (u128, &i64)| QuoteLine {
            line: LineId(Uuid::from_u128(n)),
            quantity: 1,
            unit_price: Price::new(*amount * 10_000, Currency::GBP),
            amount: Money::new(*amount, Currency::GBP),
            home_tax_stripped: Money::zero(Currency::GBP),
            discount: Money::zero(Currency::GBP),
            tax: None,
        };
        (0..).zip(amounts).map(line).collect()
    }

    fn check_shares(discount: i64, amounts: &[i64], shares: &[i64], given: i64) {
        let mut lines = lines(amounts);
        let taken = share_discount(Money::new(discount, Currency::GBP), &mut lines).map(|money| money.amount);
        let listed: Vec<i64> = lines.iter().map(|line| line.discount.amount).collect();
        assert_eq!((taken, listed.as_slice()), (Ok(given), shares));
    }

    #[test]
    fn a_discount_is_shared_by_line_amounts_and_what_was_given_is_told() {
        check_shares(1_000, &[1_000, 1_000, 1_000], &[334, 333, 333], 1_000);
        check_shares(100, &[0, 300, 100], &[0, 75, 25], 100);
        check_shares(100, &[0, 0], &[0, 0], 0);
        check_shares(0, &[5], &[0], 0);
    }
}
