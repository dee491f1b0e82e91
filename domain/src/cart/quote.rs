//! The quote: what a cart costs, line by line, with its sums.

use crate::error::{Broken, ensure};
use crate::id::{LineId, PromotionId, ShippingMethodId, TaxZoneId};
use crate::money::{Currency, Error, Money, Price, Rate};
use crate::promotion::Code;
use crate::shipping::PriceSource;
use crate::tax::TaxRelief;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a cart costs. Made by [`super::totals::quote`] only, which checks [`Quote::check`] each time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The currency of every amount.
    pub currency: Currency,
    /// One for each line of the cart, in its order.
    pub lines: Vec<QuoteLine>,
    /// The shipping, a line of its own. `None` without lines, without a choice, or if the choice is unavailable.
    pub shipping_line: Option<QuoteShipping>,
    /// The chosen shipping method when it is gone, disabled or does not serve the destination.
    pub shipping_unavailable: Option<ShippingMethodId>,
    /// The zone whose rates were used: the destination's, or home for an estimate.
    pub zone: Option<TaxZoneId>,
    /// Why the buyer is charged no tax.
    pub tax_relief: Option<TaxRelief>,
    /// Who says which tax is on it.
    pub tax_source: TaxSource,
    /// Whether tax is an estimate because no destination is known. A checkout cannot complete on one.
    pub estimated: bool,
    /// The sum of the line amounts.
    pub subtotal: Money,
    /// The sum of the lines' discount shares. Shipping discounts are not in it.
    pub discounts: Money,
    /// What shipping costs, after its discount.
    pub shipping: Money,
    /// The tax on top of prices, which is in the total. `None` until a destination is known.
    pub tax: Option<Money>,
    /// The tax contained in prices, which is in no sum.
    pub tax_included: Money,
    /// The tax at the home zone's rates while no destination is known, on top or contained. In no sum.
    pub tax_estimate: Option<Money>,
    /// What is to be paid: subtotal less discounts, plus shipping, plus tax on top.
    pub total: Money,
    /// The promotions that apply, in the order in which they did.
    pub promotions: Vec<AppliedPromotion>,
    /// What became of each coupon code in the cart.
    pub codes: Vec<QuotedCode>,
}

/// Who says which tax is on a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaxSource {
    /// The store's rate table.
    Table,
    /// The calculator that the store has chosen.
    Calculator,
    /// The table, because that calculator has not answered about all of it.
    Fallback,
}

impl TaxSource {
    /// Returns the name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Calculator => "calculator",
            Self::Fallback => "fallback",
        }
    }
}

/// A promotion that applies, with what it really gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedPromotion {
    /// Which one.
    pub promotion: PromotionId,
    /// What it was called.
    pub name: Arc<str>,
    /// The code that unlocked it.
    pub code: Option<Code>,
    /// What it took off the lines: the sum of its shares.
    pub discount: Money,
    /// What it took off shipping.
    pub shipping_discount: Money,
    /// What it took off each line that it changed.
    pub shares: Vec<Share>,
}

/// What a promotion took off a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Which line.
    pub line: LineId,
    /// How much.
    pub amount: Money,
}

/// A coupon code in the cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotedCode {
    /// The code.
    pub code: Code,
    /// Why its promotion does not apply; nothing where it does.
    pub unmet: Option<Unmet>,
}

/// Why a promotion does not apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unmet {
    /// No promotion has such a code.
    NoSuchCode,
    /// Its code was not entered.
    CodeNotEntered,
    /// It has not started.
    NotStarted,
    /// It has ended.
    Ended,
    /// It is for carts in another currency.
    OtherCurrency,
    /// It is for other zones.
    OtherZone,
    /// It is for other customers.
    OtherCustomer,
    /// It is for a customer's first order.
    NotFirstOrder,
    /// The cart holds nothing that it is about, or no full set.
    NothingMatches,
    /// The goods it is about are not worth enough.
    BelowSubtotal,
    /// The goods it is about are too few.
    BelowQuantity,
    /// Another one applies that goes with no other.
    Suppressed,
    /// It was used as often as it can be, by everybody or by this shopper.
    LimitReached,
}

impl Unmet {
    /// Returns the name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoSuchCode => "no_such_code",
            Self::CodeNotEntered => "code_not_entered",
            Self::NotStarted => "not_started",
            Self::Ended => "ended",
            Self::OtherCurrency => "other_currency",
            Self::OtherZone => "other_zone",
            Self::OtherCustomer => "other_customer",
            Self::NotFirstOrder => "not_first_order",
            Self::NothingMatches => "nothing_matches",
            Self::BelowSubtotal => "below_subtotal",
            Self::BelowQuantity => "below_quantity",
            Self::Suppressed => "suppressed",
            Self::LimitReached => "limit_reached",
        }
    }
}

/// What one line costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteLine {
    /// Which line.
    pub line: LineId,
    /// How many units.
    pub quantity: u32,
    /// What a unit is listed at.
    pub unit_price: Price,
    /// Unit price times quantity, rounded once, less [`QuoteLine::tax_stripped`].
    pub amount: Money,
    /// The tax taken out of an inclusive price: the home tax abroad, where the store does so, or all of it where the
    /// buyer is charged none; else zero.
    pub tax_stripped: Money,
    /// The line's share of the discounts.
    pub discount: Money,
    /// The tax on amount less discount. `None` where the line is not taxed; tax on top also while no destination is known.
    pub tax: Option<LineTax>,
}

/// What shipping costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteShipping {
    /// Which method.
    pub method: ShippingMethodId,
    /// Where the price comes from.
    pub source: PriceSource,
    /// What it costs, less [`QuoteShipping::tax_stripped`].
    pub amount: Money,
    /// As for lines.
    pub tax_stripped: Money,
    /// What promotions took off it.
    pub discount: Money,
    /// The tax on amount less discount, in the method's own category.
    pub tax: Option<LineTax>,
}

/// The tax of one line, rounded once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineTax {
    /// What the tax is called.
    pub name: Arc<str>,
    /// Its rate.
    pub rate: Rate,
    /// The value without tax.
    pub net: Money,
    /// The tax.
    pub amount: Money,
    /// Whether the tax is contained in the line's value, or comes on top.
    pub included: bool,
    /// The taxes it is the sum of; empty where it is one.
    pub parts: Vec<LineTaxPart>,
}

/// One of several taxes that make up a line's. It is a share of the line's one rounded tax.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineTaxPart {
    /// What the tax is called.
    pub name: Arc<str>,
    /// Its rate.
    pub rate: Rate,
    /// Its share.
    pub amount: Money,
}

impl QuoteLine {
    /// Returns what the line is worth after its discount: the base of its tax.
    ///
    /// # Errors
    /// As for [`Money::minus`].
    pub fn value(&self) -> Result<Money, Error> {
        self.amount.minus(self.discount)
    }
}

impl QuoteShipping {
    /// Returns what shipping costs after its discount: the base of its tax.
    ///
    /// # Errors
    /// As for [`Money::minus`].
    pub fn value(&self) -> Result<Money, Error> {
        self.amount.minus(self.discount)
    }
}

impl Quote {
    /// Returns the number of units in all lines.
    pub fn units(&self) -> u64 {
        self.lines.iter().map(|line| u64::from(line.quantity)).sum()
    }

    /// Returns what came of a promotion, where it applies.
    pub fn applied(&self, promotion: PromotionId) -> Option<&AppliedPromotion> {
        let mut applied = self.promotions.iter();
        applied.find(|applied| applied.promotion == promotion)
    }

    /// Checks what must be true of every quote: parts and sums agree to the unit.
    ///
    /// # Errors
    /// [`Broken`] with the sentence that is not true.
    pub fn check(&self) -> Result<(), Broken> {
        let uncountable = |error: Error| Broken(format!("every sum of a quote can be counted: {error}"));
        for (holds, sentence) in self.sentences().map_err(uncountable)? {
            ensure(holds, sentence)?;
        }
        Ok(())
    }

    /// Returns what must be true, and whether it is.
    fn sentences(&self) -> Result<[(bool, &'static str); 14], Error> {
        let zero = Money::zero(self.currency);
        let (mut subtotal, mut discounts) = (zero, zero);
        let (mut on_top, mut included) = (zero, zero);
        let mut taxes_fit = true;
        let mut parts_fit = true;
        let mut lines_fit = true;

        let shipping = self
            .shipping_line
            .iter()
            .map(|line| (line.value(), line.tax.as_ref()));
        for line in &self.lines {
            subtotal = subtotal.plus(line.amount)?;
            discounts = discounts.plus(line.discount)?;
            let value = line.value()?;
            lines_fit &= 0 <= value.amount && 0 <= line.discount.amount;
        }
        let lines = self.lines.iter().map(|line| (line.value(), line.tax.as_ref()));
        for (value, tax) in lines.chain(shipping) {
            let (value, Some(tax)) = (value?, tax) else {
                continue;
            };
            let sum = if tax.included { &mut included } else { &mut on_top };
            *sum = sum.plus(tax.amount)?;
            let gross = if tax.included {
                tax.net.plus(tax.amount)?
            } else {
                tax.net
            };
            taxes_fit &= gross == value;
            let mut parts = zero;
            for part in &tax.parts {
                parts = parts.plus(part.amount)?;
            }
            parts_fit &= tax.parts.is_empty() || parts == tax.amount;
        }
        let (shipping, shipping_discount) = match &self.shipping_line {
            Some(line) => (line.value()?, line.discount),
            None => (zero, zero),
        };
        let (mut given, mut given_off_shipping) = (zero, zero);
        let mut shares_fit = true;
        for promotion in &self.promotions {
            let shares = promotion.shares.iter().map(|share| share.amount);
            shares_fit &= Money::sum(self.currency, shares)? == promotion.discount;
            given = given.plus(promotion.discount)?;
            given_off_shipping = given_off_shipping.plus(promotion.shipping_discount)?;
        }
        let goods = self.subtotal.minus(self.discounts)?;
        let total = goods.plus(self.shipping)?.plus(self.tax.unwrap_or(zero))?;

        Ok([
            (
                lines_fit,
                "no line is worth less than nothing, and no discount is negative",
            ),
            (
                subtotal == self.subtotal,
                "the subtotal is the sum of the line amounts",
            ),
            (
                discounts == self.discounts,
                "the discount shares sum to the discount",
            ),
            (
                shipping == self.shipping && 0 <= shipping.amount,
                "the shipping is that of the shipping line",
            ),
            (
                shares_fit && given == self.discounts,
                "what the promotions gave is the discount",
            ),
            (
                given_off_shipping == shipping_discount,
                "what the promotions gave off shipping is its discount",
            ),
            (taxes_fit, "each line's net and tax make up its value"),
            (parts_fit, "the parts of a line's tax sum to it"),
            (
                self.tax_relief.is_none() || (on_top.is_zero() && included.is_zero()),
                "a buyer who is relieved of tax is charged none",
            ),
            (
                on_top == self.tax.unwrap_or(zero),
                "the tax is the sum of the rounded line taxes",
            ),
            (
                included == self.tax_included,
                "the contained tax is the sum of the lines'",
            ),
            (
                self.tax.is_none() == self.estimated,
                "tax on top is absent exactly while it is an estimate",
            ),
            (total == self.total, "the total is the sum of its parts"),
            (
                !self.lines.is_empty() || self.total.is_zero(),
                "a cart without lines costs nothing",
            ),
        ])
    }
}
