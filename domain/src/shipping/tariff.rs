//! What a shipping method costs in one currency: flat, by a table, or as a share of what the goods are worth.

use super::Parcel;
use crate::error::FieldErrors;
use crate::money::{self, Currency, Money, Rate, Rounding};
use serde::{Deserialize, Serialize};

/// How many steps a table may have.
pub const STEPS_MAX: usize = 200;

/// What a method costs in one currency. Amounts are minor units of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tariff {
    /// Which currency.
    pub currency: Currency,
    /// How the price is found.
    pub charge: Charge,
    /// What handling costs, on top of the charge.
    pub handling_fee: i64,
    /// The value of goods from which nothing is charged, handling included.
    pub free_from: Option<i64>,
    /// What the goods must be worth for the method to be offered.
    pub worth: Span,
}

/// How the price of shipping is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Charge {
    /// Always this much.
    Flat(i64),
    /// As the last step says that begins at or below the measure. What is below the first step is not taken.
    Table {
        /// What is measured.
        by: Measure,
        /// The steps, by where they begin; at least one.
        steps: Vec<Step>,
    },
    /// A share of what the goods are worth, rounded once, within bounds.
    Percentage {
        /// The share: 0.05 is 5%.
        rate: Rate,
        /// The least it comes to.
        at_least: Option<i64>,
        /// The most it comes to.
        at_most: Option<i64>,
    },
}

/// What a table goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Measure {
    /// Grams.
    Weight,
    /// What the goods are worth after discounts, in minor units.
    Worth,
    /// Units.
    Quantity,
}

/// A step of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Where it begins.
    pub from: u64,
    /// What shipping costs from there on.
    pub price: i64,
}

/// From one number to another, both included. An end that is not named is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The least.
    pub from: Option<u64>,
    /// The most.
    pub to: Option<u64>,
}

impl Span {
    /// Tells whether a number lies in it.
    pub fn contains(self, number: u64) -> bool {
        self.from.is_none_or(|from| from <= number) && self.to.is_none_or(|to| number <= to)
    }

    pub(super) fn check(self, pointer: &str, errors: &mut FieldErrors) {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && to < from
        {
            let message =
                format!("{to} is less than {from}, from where it goes: nothing would be in between");
            errors.add(format!("{pointer}/to"), "shipping.empty_span", message);
        }
    }
}

impl Tariff {
    /// A flat price.
    pub fn flat(price: Money, free_from: Option<i64>) -> Self {
        Self {
            currency: price.currency,
            charge: Charge::Flat(price.amount),
            handling_fee: 0,
            free_from,
            worth: Span::default(),
        }
    }

    /// Returns what it costs to send a parcel; none when it is not taken at this tariff.
    ///
    /// # Errors
    /// When the price cannot be counted.
    pub fn price(&self, parcel: &Parcel<'_>, rounding: Rounding) -> Result<Option<Money>, money::Error> {
        let worth = u64::try_from(parcel.worth.amount).unwrap_or(0);
        if parcel.worth.currency != self.currency || !self.worth.contains(worth) {
            return Ok(None);
        }
        if self.free_from.is_some_and(|from| from <= parcel.worth.amount) {
            return Ok(Some(Money::zero(self.currency)));
        }
        let charge = match &self.charge {
            Charge::Flat(price) => *price,
            Charge::Table { by, steps } => {
                let measure = match by {
                    Measure::Weight => parcel.weight_grams,
                    Measure::Worth => worth,
                    Measure::Quantity => parcel.units,
                };
                let passed = steps.partition_point(|step| step.from <= measure);
                match passed.checked_sub(1).and_then(|last| steps.get(last)) {
                    Some(step) => step.price,
                    None => return Ok(None),
                }
            }
            Charge::Percentage {
                rate,
                at_least,
                at_most,
            } => {
                let share = parcel.worth.rated(*rate, rounding)?.amount;
                let raised = at_least.map_or(share, |least| share.max(least));
                at_most.map_or(raised, |most| raised.min(most))
            }
        };
        let charge = Money::new(charge, self.currency);
        charge
            .plus(Money::new(self.handling_fee, self.currency))
            .map(Some)
    }

    /// Notes everything that is wrong with it, below `pointer`.
    pub(super) fn check(&self, pointer: &str, errors: &mut FieldErrors) {
        self.worth.check(&format!("{pointer}/worth"), errors);
        let mut not_negative = |amount: i64, field: String| {
            if amount < 0 {
                errors.add(field, "shipping.negative_amount", "must not be below zero");
            }
        };
        not_negative(self.handling_fee, format!("{pointer}/handling_fee"));
        not_negative(self.free_from.unwrap_or(0), format!("{pointer}/free_from"));
        match &self.charge {
            Charge::Flat(price) => not_negative(*price, format!("{pointer}/flat")),
            Charge::Table { steps, .. } => {
                for (at, step) in steps.iter().enumerate() {
                    not_negative(step.price, format!("{pointer}/table/steps/{at}/price"));
                }
                check_steps(steps, &format!("{pointer}/table/steps"), errors);
            }
            Charge::Percentage {
                rate,
                at_least,
                at_most,
            } => {
                not_negative(at_least.unwrap_or(0), format!("{pointer}/percentage/at_least"));
                not_negative(at_most.unwrap_or(0), format!("{pointer}/percentage/at_most"));
                if rate.is_negative() {
                    let field = format!("{pointer}/percentage/rate");
                    errors.add(field, "shipping.negative_amount", "must not be below zero");
                }
                if let (Some(least), Some(most)) = (at_least, at_most)
                    && most < least
                {
                    let field = format!("{pointer}/percentage/at_most");
                    let message = format!("the most, {most}, is below the least, {least}");
                    errors.add(field, "shipping.empty_span", message);
                }
            }
        }
    }

    /// Tells whether nothing is wrong with it.
    pub(super) fn is_sound(&self) -> bool {
        let mut errors = FieldErrors::default();
        self.check("", &mut errors);
        errors.is_empty()
    }
}

fn check_steps(steps: &[Step], pointer: &str, errors: &mut FieldErrors) {
    if steps.is_empty() || STEPS_MAX < steps.len() {
        let message = format!("a table has 1 to {STEPS_MAX} steps");
        errors.add(pointer, "shipping.bad_table", message);
    }
    for (at, pair) in steps.windows(2).enumerate() {
        if let [before, after] = pair
            && after.from <= before.from
        {
            let message = format!(
                "each step begins above the one before: {} is not above {}",
                after.from, before.from
            );
            errors.add(
                format!("{pointer}/{}/from", at + 1),
                "shipping.bad_table",
                message,
            );
        }
    }
}
