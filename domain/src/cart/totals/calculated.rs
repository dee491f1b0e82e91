//! Tax that a calculator outside has answered: what it is asked about, and which of its answers a quote goes by.

use super::tax::{Mode, Taxing};
use super::{Intent, Rules, Worksheet};
use crate::cart::{Quote, TaxSource};
use crate::error::{Broken, ensure};
use crate::id::LineId;
use crate::money::{Error, Money};
use crate::tax::Category;

/// How many times its value a tax on top may be.
const TIMES_VALUE_MAX: i128 = 10;

/// What a calculator is to be asked about: what a quote came to before tax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taxable {
    /// Whether the values contain the tax, or it comes on top.
    pub contained: bool,
    /// The lines in their order, and shipping after them where there is any.
    pub items: Vec<TaxableItem>,
}

/// A line that is to be taxed, or shipping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxableItem {
    /// Which line; none for shipping.
    pub line: Option<LineId>,
    /// How it is taxed.
    pub category: Category,
    /// How many units.
    pub quantity: u32,
    /// What it comes to after discounts.
    pub value: Money,
}

/// What a calculator has answered about a cart; by default nothing, because it was silent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CalculatedTaxes {
    items: Vec<Calculated>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Calculated {
    line: Option<LineId>,
    value: Money,
    tax: Money,
}

/// Returns what a calculator is to be asked about a quote; none where there is nothing to tax, while no destination is
/// known, and where the buyer is charged no tax.
///
/// # Errors
/// When a value cannot be counted.
pub fn taxable(
    worksheet: &Worksheet,
    intent: &Intent<'_>,
    rules: &Rules<'_>,
) -> Result<Option<Taxable>, Error> {
    let quote = &worksheet.quote;
    let taxing = Taxing::new(intent.destination, intent.buyer.tax, rules);
    if quote.lines.is_empty() || !taxing.may_be_calculated() {
        return Ok(None);
    }
    let mut items = Vec::with_capacity(quote.lines.len() + 1);
    for (line, noted) in quote.lines.iter().zip(&worksheet.sheet) {
        items.push(TaxableItem {
            line: Some(line.line),
            category: noted.tax_category.clone(),
            quantity: line.quantity,
            value: line.value()?,
        });
    }
    if let Some(line) = &quote.shipping_line {
        let method = rules.methods.iter().find(|method| method.id() == line.method);
        items.push(TaxableItem {
            line: None,
            category: method.map_or_else(Category::default, |method| method.tax_category().clone()),
            quantity: 1,
            value: line.value()?,
        });
    }
    Ok(Some(Taxable {
        contained: taxing.mode == Mode::Included,
        items,
    }))
}

impl Taxable {
    /// Tells whether these can be the taxes of its items, in minor units and in their order.
    ///
    /// # Errors
    /// [`Broken`] with the sentence that is not true.
    pub fn check(&self, taxes: &[i64]) -> Result<(), Broken> {
        ensure(taxes.len() == self.items.len(), "every item has one tax")?;
        for (item, tax) in self.items.iter().zip(taxes) {
            let most = match (i128::from(item.value.amount), self.contained) {
                (value, true) => value,
                (value, false) => value * TIMES_VALUE_MAX,
            };
            ensure(0 <= *tax, "no tax is negative")?;
            ensure(
                i128::from(*tax) <= most,
                "no tax is out of proportion to its value",
            )?;
        }
        Ok(())
    }

    /// Returns the answer that consists of these taxes, which were checked.
    pub fn answered(&self, taxes: &[i64]) -> CalculatedTaxes {
        let items = self.items.iter().zip(taxes).map(|(item, tax)| Calculated {
            line: item.line,
            value: item.value,
            tax: Money::new(*tax, item.value.currency),
        });
        CalculatedTaxes {
            items: items.collect(),
        }
    }
}

impl CalculatedTaxes {
    /// Returns the tax of the line at an index, if its value is what was asked about.
    pub(super) fn of_line(&self, at: usize, line: LineId, value: Money) -> Option<Money> {
        let item = self.items.get(at)?;
        (item.line == Some(line) && item.value == value).then_some(item.tax)
    }

    /// Returns the tax of shipping, if its value is what was asked about.
    pub(super) fn of_shipping(&self, value: Money) -> Option<Money> {
        let item = self.items.last()?;
        (item.line.is_none() && item.value == value).then_some(item.tax)
    }

    /// Tells whether all tax of a quote is what was answered, or the table has stood in somewhere.
    pub(super) fn source_of(&self, quote: &Quote) -> Result<TaxSource, Error> {
        let mut answered = true;
        for (at, line) in quote.lines.iter().enumerate() {
            answered &= self.of_line(at, line.line, line.value()?).is_some();
        }
        if let Some(line) = &quote.shipping_line {
            answered &= self.of_shipping(line.value()?).is_some();
        }
        Ok(match answered {
            true => TaxSource::Calculator,
            false => TaxSource::Fallback,
        })
    }
}
