//! The one pricing pipeline: from a cart's intent to its quote (section 1 of the semantics).
//!
//! Its stages are line amounts, discount shares, shipping, tax, sums. Listed prices are never rewritten: the same
//! intent always gives the same quote, wherever the address has been in between. Work and memory grow with the
//! lines alone.

use super::{Cart, Line, LineTax, Quote, QuoteLine, QuoteShipping, VariantFacts};
use crate::country::Country;
use crate::error::{Broken, Class, Detail, Refusal, ensure};
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
    /// As in the quote before, at this index. Since then neither the line, its price and category nor the rules and
    /// the destination have changed: whoever says so has looked. Lines that are taken over keep their order.
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

/// Prices an intent, all of it or what is not in the quote before.
///
/// # Errors
/// [`Error::Money`] when an amount cannot be counted, or a price is in another currency than the intent.
pub fn quote(intent: &Intent<'_>, rules: &Rules<'_>, before: Option<Worksheet>) -> Result<Worksheet, Error> {
    let taxing = Taxing::new(intent.destination, rules);
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

/// Prices each line, before discounts: in the place of the lines before, so that those that stay are not touched.
fn work(
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
                let (amount, home_tax_stripped) = taxing.strip(listed, tax_category)?;
                let (shown, tax) = taxing.tax_shown(amount, tax_category)?;
                let quoted = QuoteLine {
                    line,
                    quantity,
                    unit_price,
                    amount,
                    home_tax_stripped,
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
fn share_discount(
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

    fn share(discount: i64, intent: &Intent<'_>) -> Result<(i64, Vec<i64>), Error> {
        let (mut lines, mut taxes) = work(intent, &UNTAXED, None)?;
        let discount = Money::new(discount, Currency::GBP);
        let given = share_discount(discount, intent, &UNTAXED, (&mut lines, &mut taxes))?;
        Ok((
            given.amount,
            lines.iter().map(|line| line.discount.amount).collect(),
        ))
    }

    fn intent<'a>(amounts: &[i64], tax_category: &'a Category) -> Intent<'a> {
        let line = |(n, amount): (u128, &i64)| IntentLine::Listed {
            line: LineId(Uuid::from_u128(n)),
            quantity: 1,
            unit_price: Price::new(*amount * 10_000, Currency::GBP),
            tax_category,
        };
        Intent {
            currency: Currency::GBP,
            lines: (0..).zip(amounts).map(line).collect(),
            destination: None,
            shipping: None,
        }
    }

    fn check_shares(discount: i64, amounts: &[i64], shares: &[i64], given: i64) {
        let category = Category::default();
        let shared = share(discount, &intent(amounts, &category));
        assert_eq!(shared, Ok((given, shares.to_vec())));
    }

    fn check_taken_over(lines: &[Option<usize>], expected: Result<&[i64], &str>) {
        let category = Category::default();
        let (before, mut after) = (intent(&[0, 100, 200, 300], &category), intent(&[7; 6], &category));
        after.lines.truncate(lines.len());
        for (line, from) in after.lines.iter_mut().zip(lines) {
            if let Some(from) = from {
                *line = IntentLine::Quoted(*from);
            }
        }
        let rules = Rules {
            settings: &Settings::default(),
            zones: &Zones::default(),
            methods: &[],
        };
        let sheet = quote(&before, &rules, None).and_then(|before| quote(&after, &rules, Some(before)));
        let amounts = sheet.map(|sheet| sheet.quote.lines.iter().map(|line| line.amount.amount).collect());
        let expected = expected.map(<[i64]>::to_vec);
        assert_eq!(amounts, expected.map_err(|text| Broken(text.to_owned()).into()));
    }

    #[test]
    fn lines_are_taken_over_in_their_order_and_never_twice() {
        check_taken_over(&[Some(0), Some(1), Some(2), Some(3)], Ok(&[0, 100, 200, 300]));
        check_taken_over(&[Some(1), Some(3)], Ok(&[100, 300]));
        check_taken_over(&[None, Some(1), Some(3), None], Ok(&[7, 100, 300, 7]));
        check_taken_over(&[Some(2), None, Some(3)], Ok(&[200, 7, 300]));
        check_taken_over(
            &[Some(0), Some(1), Some(2), Some(3), None],
            Ok(&[0, 100, 200, 300, 7]),
        );
        check_taken_over(&[None], Ok(&[7]));
        check_taken_over(&[], Ok(&[]));
        for lines in [
            [Some(1), Some(0)],
            [None, Some(0)],
            [Some(3), Some(3)],
            [Some(0), Some(4)],
        ] {
            check_taken_over(&lines, Err("lines that are taken over keep their order"));
        }
    }

    #[test]
    fn a_discount_is_shared_by_line_amounts_and_what_was_given_is_told() {
        check_shares(1_000, &[1_000, 1_000, 1_000], &[334, 333, 333], 1_000);
        check_shares(100, &[0, 300, 100], &[0, 75, 25], 100);
        check_shares(100, &[0, 0], &[0, 0], 0);
        check_shares(0, &[5], &[0], 0);
    }
}
