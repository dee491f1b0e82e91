//! The one pricing pipeline: from a cart's intent to its quote (section 1 of the semantics).
//!
//! Its stages are line amounts, promotions, shipping, tax, sums. Listed prices are never rewritten: the same intent
//! always gives the same quote, wherever the address has been in between. Work and memory grow with the lines and
//! with the promotions that may apply to them, not with the others.

mod calculated;
mod discounts;
mod lines;
mod promotions;
mod sets;
mod shipping;
mod sums;
mod tax;
mod trace;

pub use calculated::{CalculatedTaxes, Taxable, TaxableItem, taxable};
pub use trace::{Looked, Step, StepShare, Trace};

use super::{Cart, Line, Quote, QuoteLine, TaxSource, VariantFacts};
use crate::address::Destination;
use crate::catalog::Handle;
use crate::customer::Customer;
use crate::error::{Broken, Class, Detail, Refusal};
use crate::id::{LineId, PromotionId, ShippingMethodId, VariantId};
use crate::money::{self, Currency, Money, Price, Rounding};
use crate::promotion::{Code, Goods, Promotions, SingleCode};
use crate::settings::Settings;
use crate::shipping::{CarrierRates, Offer, Parcel, ShippingMethod};
use crate::tax::{Category, TaxStatus, ZoneRates, Zones};
use crate::time::Timestamp;
use discounts::Basket;
use lines::work;
use promotions::{Promoted, promote};
use shipping::{offer, ship};
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
    /// How they go, once it is chosen.
    pub shipping: Option<ShippingMethodId>,
    /// When it is priced.
    pub now: Timestamp,
    /// The coupon codes in the cart.
    pub codes: &'a [Code],
    /// Those of them that are good for one order.
    pub single_codes: &'a [SingleCode],
    /// The promotions that were used as often as they can be.
    pub used_up: &'a [PromotionId],
    /// What is known about who buys.
    pub buyer: Buyer<'a>,
    /// What was asked outside.
    pub outside: Outside<'a>,
}

/// What somebody outside has answered about this cart. Nothing stands for no answer, or no question.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outside<'a> {
    /// What a carrier asks for its goods.
    pub rates: Option<&'a CarrierRates>,
    /// What a tax calculator says, also where it was asked and said nothing.
    pub taxes: Option<&'a CalculatedTaxes>,
}

/// What is known about who buys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Buyer<'a> {
    /// What bears on tax.
    pub tax: Option<&'a TaxStatus>,
    /// The groups the customer is in.
    pub groups: &'a [Handle],
    /// Whether the customer has ordered before; none while nobody can say.
    pub has_ordered: Option<bool>,
}

impl<'a> From<&'a Customer> for Buyer<'a> {
    fn from(customer: &'a Customer) -> Self {
        Self {
            tax: Some(&customer.tax),
            groups: &customer.groups,
            has_ordered: None,
        }
    }
}

/// A line to be priced.
#[derive(Clone, Debug)]
pub enum IntentLine<'a> {
    /// By what a unit costs now. In a box: of a long cart nearly all lines are as they were.
    Listed(Box<ListedLine<'a>>),
    /// As in the quote before, at this index. Since then neither the line, its price and category nor the rules, the
    /// destination and the buyer have changed: whoever says so has looked. Lines that are taken over keep their order.
    Quoted(usize),
}

/// A line with everything it is priced by.
#[derive(Clone, Debug)]
pub struct ListedLine<'a> {
    /// Which line.
    pub line: LineId,
    /// How many units.
    pub quantity: u32,
    /// What a unit costs now.
    pub unit_price: Price,
    /// What a unit costs at least, whatever comes off.
    pub minimum_price: Option<Price>,
    /// What a unit weighs.
    pub weight_grams: u32,
    /// Whether there is nothing to send.
    pub digital: bool,
    /// How it is taxed.
    pub tax_category: &'a Category,
    /// What promotions look at.
    pub goods: Goods,
}

/// What the catalog says about the variant of a line.
#[derive(Clone, Copy, Debug)]
pub struct Offered<'a> {
    /// What a unit costs now.
    pub price: Option<Price>,
    /// What a unit costs at least.
    pub minimum_price: Option<Price>,
    /// What a unit weighs.
    pub weight_grams: u32,
    /// Whether there is nothing to send.
    pub digital: bool,
    /// How it is taxed.
    pub tax_category: &'a Category,
    /// The categories of its product.
    pub categories: &'a Arc<[Handle]>,
}

/// A quote with what the next quote of the same cart needs to take lines over.
#[derive(Clone, Debug)]
pub struct Worksheet {
    /// The quote.
    pub quote: Arc<Quote>,
    sheet: Vec<SheetLine>,
}

/// What is noted about a line besides what the quote shows.
#[derive(Clone, Debug)]
struct SheetLine {
    goods: Goods,
    /// What a unit weighs.
    weight_grams: u32,
    /// Whether there is nothing to send.
    digital: bool,
    /// What it must come to at least.
    floor: i64,
    tax_category: Category,
    /// Its tax, also where the quote shows none because it is an estimate.
    tax: Money,
    /// The discount that its tax was made with. Tax is made again only where that has changed.
    taxed_at: Option<Money>,
}

/// Returns what the lines that are to be sent weigh together; none where nothing is to be sent.
pub fn weight_grams(lines: &[IntentLine<'_>], before: Option<&Worksheet>) -> Option<u64> {
    let noted =
        |at: usize| before.and_then(|before| Some((before.quote.lines.get(at)?, before.sheet.get(at)?)));
    let weights = lines.iter().filter_map(|line| match line {
        IntentLine::Listed(line) => (!line.digital).then_some((line.quantity, line.weight_grams)),
        IntentLine::Quoted(at) => {
            let (line, sheet) = noted(*at)?;
            (!sheet.digital).then_some((line.quantity, sheet.weight_grams))
        }
    });
    weights
        .map(|(units, grams)| u64::from(units) * u64::from(grams))
        .reduce(u64::saturating_add)
}

/// What the store says about tax, shipping and promotions.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Its settings.
    pub settings: &'a Settings,
    /// Its tax zones.
    pub zones: &'a Zones,
    /// Its shipping methods.
    pub methods: &'a [Arc<ShippingMethod>],
    /// Its promotions.
    pub promotions: &'a Promotions,
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
        now: Timestamp,
        buyer: Buyer<'a>,
        facts: impl Fn(VariantId) -> Option<&'a VariantFacts>,
    ) -> Self {
        let mut lines = Vec::with_capacity(cart.lines().len());
        for line in cart.lines() {
            lines.push(IntentLine::of_line(
                line,
                facts(line.variant).map(|facts| facts.offered(cart.currency(), line.quantity)),
            ));
        }
        Self::of_lines(cart, now, buyer, lines)
    }

    /// Reads the intent of a cart whose lines have been read.
    pub fn of_lines(cart: &'a Cart, now: Timestamp, buyer: Buyer<'a>, lines: Vec<IntentLine<'a>>) -> Self {
        Self {
            currency: cart.currency(),
            lines,
            destination: cart
                .shipping_address()
                .map(|address| Destination::from(&**address)),
            shipping: cart.shipping().map(|choice| choice.method),
            now,
            codes: cart.codes(),
            single_codes: &[],
            used_up: &[],
            buyer,
            outside: Outside::default(),
        }
    }
}

impl<'a> IntentLine<'a> {
    /// Reads a line by what its variant costs now and how it is taxed. Where the variant is gone the line keeps what
    /// it cost when added.
    pub fn of_line(line: &'a Line, offered: Option<Offered<'a>>) -> Self {
        Self::Listed(Box::new(ListedLine {
            line: line.id,
            quantity: line.quantity,
            unit_price: line.unit_price(offered.and_then(|offered| offered.price)),
            minimum_price: offered.and_then(|offered| offered.minimum_price),
            weight_grams: offered.map_or(0, |offered| offered.weight_grams),
            digital: offered.is_some_and(|offered| offered.digital),
            tax_category: offered.map_or(&line.tax_category, |offered| offered.tax_category),
            goods: Goods {
                variant: line.variant,
                product: line.product,
                categories: offered
                    .map(|offered| Arc::clone(offered.categories))
                    .unwrap_or_default(),
            },
        }))
    }
}

/// Prices an intent, all of it or what is not in the quote before.
///
/// # Errors
/// [`Error::Money`] when an amount cannot be counted, or a price is in another currency than the intent.
pub fn quote(intent: &Intent<'_>, rules: &Rules<'_>, before: Option<Worksheet>) -> Result<Worksheet, Error> {
    price(intent, rules, before, None)
}

/// Prices an intent as [`quote`] does, and tells of every promotion why it does or does not apply.
///
/// # Errors
/// As for [`quote`].
pub fn explain(intent: &Intent<'_>, rules: &Rules<'_>) -> Result<(Worksheet, Trace), Error> {
    let mut trace = Trace::default();
    let worksheet = price(intent, rules, None, Some(&mut trace))?;
    Ok((worksheet, trace))
}

/// Returns the shipping methods that an intent may choose, with what its quote would say that each costs, cheapest first;
/// none where there is nothing to send. The rates that were asked outside are to be those of all of them.
///
/// # Errors
/// As for [`quote`].
pub fn offers(intent: &Intent<'_>, rules: &Rules<'_>) -> Result<Vec<Offer>, Error> {
    let taxing = Taxing::new(intent.destination, intent.buyer.tax, rules);
    let left = discount(intent, rules, &taxing, None, None)?;
    let parcel = pack(intent, taxing.rounding, &left.lines, &left.sheet)?;
    offer(intent, rules, &taxing, &left.promoted, &parcel)
}

fn price(
    intent: &Intent<'_>,
    rules: &Rules<'_>,
    before: Option<Worksheet>,
    mut trace: Option<&mut Trace>,
) -> Result<Worksheet, Error> {
    let taxing = Taxing::new(intent.destination, intent.buyer.tax, rules);
    let zero = Money::zero(intent.currency);
    let calculated = intent.outside.taxes.filter(|_| taxing.may_be_calculated());

    let Discounted {
        mut lines,
        mut sheet,
        subtotal,
        discounts,
        goods,
        mut promoted,
    } = discount(intent, rules, &taxing, before, trace.as_deref_mut())?;
    let parcel = || pack(intent, taxing.rounding, &lines, &sheet);
    let shipped = ship(intent, rules, &taxing, &mut promoted, (parcel, trace))?;
    let shipping = match &shipped.line {
        Some(line) => line.value()?,
        None => zero,
    };

    let mut tax_sum = shipped.tax;
    for (at, (line, noted)) in lines.iter_mut().zip(&mut sheet).enumerate() {
        let value = line.value()?;
        if let Some(tax) = calculated.and_then(|taxes| taxes.of_line(at, line.line, value)) {
            line.tax = Some(taxing.calculated(value, tax)?);
            // The next quote may go by another answer, or by none.
            (noted.tax, noted.taxed_at) = (tax, None);
        } else if noted.taxed_at != Some(line.discount) {
            (line.tax, noted.tax) = taxing.tax_shown(value, &noted.tax_category)?;
            noted.taxed_at = Some(line.discount);
        }
        tax_sum = tax_sum.plus(noted.tax)?;
    }

    let mut quote = Quote {
        currency: intent.currency,
        lines,
        shipping_line: shipped.line,
        shipping_unavailable: shipped.unavailable,
        zone: taxing.zone.map(ZoneRates::zone),
        tax_relief: taxing.relief.clone(),
        tax_source: TaxSource::Table,
        estimated: taxing.estimated,
        subtotal,
        discounts,
        shipping,
        tax: Some(zero),
        tax_included: zero,
        tax_estimate: None,
        total: goods.plus(shipping)?,
        promotions: promoted.applied,
        codes: promoted.codes,
    };
    if let Some(taxes) = calculated {
        quote.tax_source = taxes.source_of(&quote)?;
    }
    place_tax(&mut quote, taxing.mode, tax_sum)?;
    quote.check()?;
    Ok(Worksheet {
        quote: Arc::new(quote),
        sheet,
    })
}

/// What the first two stages come to: lines, less what promotions take off them.
struct Discounted {
    lines: Vec<QuoteLine>,
    sheet: Vec<SheetLine>,
    subtotal: Money,
    discounts: Money,
    /// The subtotal less discounts.
    goods: Money,
    promoted: Promoted,
}

fn discount(
    intent: &Intent<'_>,
    rules: &Rules<'_>,
    taxing: &Taxing<'_>,
    before: Option<Worksheet>,
    trace: Option<&mut Trace>,
) -> Result<Discounted, Error> {
    let (mut lines, sheet) = work(intent, taxing, before)?;
    let (mut subtotal, mut units) = (Money::zero(intent.currency), 0);
    for line in &lines {
        subtotal = subtotal.plus(line.amount)?;
        units += u64::from(line.quantity);
    }
    let zone = taxing.zone.map(ZoneRates::zone);
    let basket = Basket {
        lines: &mut lines,
        sheet: &sheet,
        rounding: taxing.rounding,
        value: subtotal,
        units,
    };
    let promoted = promote(intent, rules, zone, basket, trace)?;
    let discounts = Money::sum(intent.currency, lines.iter().map(|line| line.discount))?;
    Ok(Discounted {
        goods: subtotal.minus(discounts)?,
        lines,
        sheet,
        subtotal,
        discounts,
        promoted,
    })
}

/// Packs what of some lines is to be sent. Goods are worth what they are listed at less discounts, whatever tax is taken
/// out of it: that of shipping is taken out of its own price.
fn pack<'a>(
    intent: &Intent<'a>,
    rounding: Rounding,
    lines: &[QuoteLine],
    sheet: &'a [SheetLine],
) -> Result<Parcel<'a>, Error> {
    let listed = |line: &QuoteLine| listed_value(line, rounding);
    let worth = lines
        .iter()
        .try_fold(Money::zero(intent.currency), |worth, line| {
            worth.plus(listed(line)?)
        })?;
    let mut parcel = Parcel::new(worth);
    parcel.rates = intent.outside.rates;
    for (line, noted) in lines.iter().zip(sheet).filter(|(_, noted)| !noted.digital) {
        parcel.add(line.quantity, noted.weight_grams, &noted.goods.categories);
    }
    Ok(parcel)
}

/// Returns what a line comes to with the tax that was taken out of its price, and discounts in proportion.
fn listed_value(line: &QuoteLine, rounding: Rounding) -> Result<Money, money::Error> {
    let value = line.value()?;
    if line.tax_stripped.is_zero() || line.amount.is_zero() {
        return Ok(value);
    }
    let listed = line.amount.plus(line.tax_stripped)?;
    let scaled = i128::from(value.amount) * i128::from(listed.amount);
    Money::from_wide(rounding.divide(scaled, line.amount.amount.into()), value.currency)
}

#[cfg(test)]
mod tests;
