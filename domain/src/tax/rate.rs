//! Rates: what a zone charges on a category of goods, and from when to when.

use super::{Category, TaxCode};
use crate::error::FieldErrors;
use crate::money::Rate;
use crate::text;
use crate::time::{Period, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How many rates a zone may have, past and coming ones included.
pub const RATES_MAX: usize = 500;
/// The highest tax rate: 10 is 1,000%.
pub const RATE_MAX: i64 = 10;
/// The longest name of a zone or a tax.
pub const NAME_LENGTH_MAX: usize = 100;

/// What one category of goods is taxed with in a zone, for some time.
///
/// A rate holds until its end or, without one, until the next rate of the same category and tax begins.
/// Rates of different taxes apply together: a state's and a county's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRate {
    /// Of which goods.
    pub category: Category,
    /// Which tax it is a rate of.
    pub tax: TaxCode,
    /// What the tax is called on a bill: `VAT 20%`.
    pub name: Arc<str>,
    /// How much: 0.2 is 20%.
    pub rate: Rate,
    /// When it holds.
    pub validity: Period,
}

/// A rate as staff sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateDraft {
    /// The category's code.
    pub category: String,
    /// The tax's code; where a zone has one tax it needs none.
    pub tax: Option<String>,
    /// What the tax is called on a bill.
    pub name: String,
    /// A decimal text: `0.2`.
    pub rate: String,
    /// When it holds.
    pub validity: Period,
}

impl TaxRate {
    /// What no two rates of a zone share, and what they are sorted by.
    pub(super) fn key(&self) -> (&Category, &TaxCode, Option<Timestamp>) {
        (&self.category, &self.tax, self.validity.from)
    }

    /// Tells whether two rates are of the same tax on the same goods.
    pub(super) fn follows(&self, earlier: &Self) -> bool {
        (&self.category, &self.tax) == (&earlier.category, &earlier.tax)
    }

    /// Tells whether a rate that follows this one begins before its end: only one of the two can be meant.
    pub(super) fn overlaps(&self, next: &Self) -> bool {
        next.follows(self) && self.validity.until.is_some() && next.validity.from < self.validity.until
    }
}

impl RateDraft {
    /// Notes that a rate is above 1, which in a table of many is what other shops write: a percentage.
    pub fn refuse_percentage(&self, pointer: &str, errors: &mut FieldErrors) {
        let rate = self.rate.parse::<Rate>();
        if rate.is_ok_and(|rate| Decimal::ONE < rate.decimal()) {
            out_of_range(format!("{} is more than 1", self.rate), pointer, errors);
        }
    }

    /// Reads a rate, or notes every bad field below `pointer`.
    pub(super) fn check(&self, pointer: &str, errors: &mut FieldErrors) -> Option<TaxRate> {
        let pointer = |field: &str| format!("{pointer}/{field}");
        let category = errors.take(&pointer("category"), Category::parse(&self.category));
        let tax = self.tax.as_deref().map_or(Ok(TaxCode::default()), TaxCode::parse);
        let tax = errors.take(&pointer("tax"), tax);
        let name = errors.take(&pointer("name"), text::line(&self.name, NAME_LENGTH_MAX));
        let rate = errors.take(&pointer("rate"), self.rate.parse::<Rate>());
        if let Some(rate) = rate
            && (rate.is_negative() || Decimal::from(RATE_MAX) < rate.decimal())
        {
            let why = format!("a tax rate lies between 0 and {RATE_MAX}");
            out_of_range(why, &pointer("rate"), errors);
        }
        if self.validity.is_empty() {
            let message = "a rate ends after it begins";
            errors.add(pointer("valid_until"), "tax.empty_period", message);
        }
        Some(TaxRate {
            category: category?,
            tax: tax?,
            name: name?.into(),
            rate: rate?,
            validity: self.validity,
        })
    }
}

fn out_of_range(why: String, pointer: &str, errors: &mut FieldErrors) {
    let message = format!("{why}; 20 per cent is 0.2");
    errors.add(pointer, "tax.rate_out_of_range", message);
}

/// Reads all rates of a zone and sorts them; notes every bad field, and every rate that cannot be told from another.
pub(super) fn read_rates(drafts: &[RateDraft], errors: &mut FieldErrors) -> Vec<TaxRate> {
    if RATES_MAX < drafts.len() {
        let message = format!("at most {RATES_MAX} rates are allowed");
        errors.add("/rates", "tax.too_many_rates", message);
        return Vec::new();
    }
    let mut rates: Vec<(usize, TaxRate)> = Vec::with_capacity(drafts.len());
    for (index, draft) in drafts.iter().enumerate() {
        let rate = draft.check(&format!("/rates/{index}"), errors);
        rates.extend(rate.map(|rate| (index, rate)));
    }
    rates.sort_by(|(_, left), (_, right)| left.key().cmp(&right.key()));
    for pair in rates.windows(2) {
        let [(first, earlier), (second, later)] = pair else {
            continue;
        };
        let (category, tax) = (&later.category, &later.tax);
        if earlier.key() == later.key() {
            let message = format!(
                "the category {category} has a rate of the tax {tax} from then on already, in /rates/{first}; rates \
                 that apply together are of different taxes"
            );
            errors.add(format!("/rates/{second}/category"), "tax.duplicate_rate", message);
        } else if earlier.overlaps(later) {
            let message = format!("the rate in /rates/{second} of the same category and tax begins before");
            errors.add(
                format!("/rates/{first}/valid_until"),
                "tax.overlapping_rates",
                message,
            );
        }
    }
    rates.into_iter().map(|(_, rate)| rate).collect()
}
