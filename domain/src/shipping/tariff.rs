//! What a shipping method costs in one currency: flat, by a table, or as a share of what the goods are worth.

use super::Parcel;
use crate::catalog::price_max;
use crate::error::FieldErrors;
use crate::money::{self, Currency, Money, Rate, Rounding};
use crate::text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many steps a table may have.
pub const STEPS_MAX: usize = 200;
const NEGATIVE: &str = "must not be below zero";
/// The longest code of a carrier's service.
const SERVICE_LENGTH_MAX: usize = 64;

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
    /// What a carrier asks, and something else while it does not answer.
    Carrier {
        /// The carrier's code of the service.
        service: String,
        /// The share that comes on top, rounded once: 0.1 is 10%.
        markup: Rate,
        /// What holds while the carrier does not answer. It is no carrier's.
        fallback: Box<Self>,
    },
}

/// What a carrier asks for a parcel, by its service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CarrierRates(BTreeMap<String, Money>);

impl CarrierRates {
    /// Notes what a carrier asks. Amounts below zero are nobody's price and are left out.
    pub fn new(rates: impl IntoIterator<Item = (String, Money)>) -> Self {
        let sound = rates.into_iter().filter(|(_, price)| 0 <= price.amount);
        Self(sound.collect())
    }

    /// Returns what a service asks in a currency; none where it does not take the parcel.
    pub fn of(&self, service: &str, currency: Currency) -> Option<Money> {
        let price = self.0.get(service).copied();
        price.filter(|price| price.currency == currency)
    }
}

/// Where a price of shipping comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PriceSource {
    /// The method's own tariff.
    Tariff,
    /// A carrier's service.
    Carrier,
    /// What stands in for a carrier that did not answer.
    Fallback,
}

impl PriceSource {
    /// Returns the name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tariff => "tariff",
            Self::Carrier => "carrier",
            Self::Fallback => "fallback",
        }
    }
}

/// What it costs to send a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charged {
    /// How much.
    pub price: Money,
    /// Where that comes from.
    pub source: PriceSource,
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
    pub fn price(&self, parcel: &Parcel<'_>, rounding: Rounding) -> Result<Option<Charged>, money::Error> {
        let worth = u64::try_from(parcel.worth.amount).unwrap_or(0);
        if parcel.worth.currency != self.currency || !self.worth.contains(worth) {
            return Ok(None);
        }
        // Whether the parcel is taken matters also where the buyer pays nothing.
        let Some(charged) = self.charge.price(parcel, rounding)? else {
            return Ok(None);
        };
        if self.free_from.is_some_and(|from| from <= parcel.worth.amount) {
            return Ok(Some(Charged {
                price: Money::zero(self.currency),
                source: PriceSource::Tariff,
            }));
        }
        let price = charged.price.plus(Money::new(self.handling_fee, self.currency))?;
        Ok(Some(Charged { price, ..charged }))
    }

    /// Tells whether the price depends on what a carrier asks.
    pub fn is_by_carrier(&self) -> bool {
        matches!(self.charge, Charge::Carrier { .. })
    }

    /// Notes everything that is wrong with it as staff send it, below `pointer`.
    pub(super) fn check(&self, pointer: &str, errors: &mut FieldErrors) {
        self.check_up_to(price_max(self.currency), pointer, errors);
    }

    /// Tells whether nothing is wrong with it. How large its amounts may be was not asked by earlier builds.
    pub(super) fn is_sound(&self) -> bool {
        let mut errors = FieldErrors::default();
        self.check_up_to(Money::new(i64::MAX, self.currency), "", &mut errors);
        errors.is_empty()
    }

    fn check_up_to(&self, max: Money, pointer: &str, errors: &mut FieldErrors) {
        self.worth.check(&format!("{pointer}/worth"), errors);
        check_amount(self.handling_fee, max, format!("{pointer}/handling_fee"), errors);
        check_amount(
            self.free_from.unwrap_or(0),
            max,
            format!("{pointer}/free_from"),
            errors,
        );
        self.charge.check(max, pointer, errors);
    }
}

impl Charge {
    /// Returns what it costs to send a parcel in the currency of its goods; none when it is not taken.
    fn price(&self, parcel: &Parcel<'_>, rounding: Rounding) -> Result<Option<Charged>, money::Error> {
        let price = match self {
            Self::Flat(price) => *price,
            Self::Table { by, steps } => {
                let measure = match by {
                    Measure::Weight => parcel.weight_grams,
                    Measure::Worth => u64::try_from(parcel.worth.amount).unwrap_or(0),
                    Measure::Quantity => parcel.units,
                };
                let passed = steps.partition_point(|step| step.from <= measure);
                match passed.checked_sub(1).and_then(|last| steps.get(last)) {
                    Some(step) => step.price,
                    None => return Ok(None),
                }
            }
            Self::Percentage {
                rate,
                at_least,
                at_most,
            } => {
                let share = parcel.worth.rated(*rate, rounding)?.amount;
                let raised = at_least.map_or(share, |least| share.max(least));
                at_most.map_or(raised, |most| raised.min(most))
            }
            Self::Carrier {
                service,
                markup,
                fallback,
            } => {
                let Some(rates) = parcel.rates else {
                    let stands_in = fallback.price(parcel, rounding)?;
                    return Ok(stands_in.map(|charged| Charged {
                        source: PriceSource::Fallback,
                        ..charged
                    }));
                };
                let Some(asked) = rates.of(service, parcel.worth.currency) else {
                    return Ok(None);
                };
                return Ok(Some(Charged {
                    price: asked.plus(asked.rated(*markup, rounding)?)?,
                    source: PriceSource::Carrier,
                }));
            }
        };
        Ok(Some(Charged {
            price: Money::new(price, parcel.worth.currency),
            source: PriceSource::Tariff,
        }))
    }

    fn check(&self, max: Money, pointer: &str, errors: &mut FieldErrors) {
        match self {
            Self::Flat(price) => check_amount(*price, max, format!("{pointer}/flat"), errors),
            Self::Table { steps, .. } => {
                for (at, step) in steps.iter().enumerate() {
                    check_amount(
                        step.price,
                        max,
                        format!("{pointer}/table/steps/{at}/price"),
                        errors,
                    );
                }
                check_steps(steps, &format!("{pointer}/table/steps"), errors);
            }
            Self::Percentage {
                rate,
                at_least,
                at_most,
            } => {
                let pointer = format!("{pointer}/percentage");
                let (least, most) = (at_least.unwrap_or(0), at_most.unwrap_or(0));
                check_amount(least, max, format!("{pointer}/at_least"), errors);
                check_amount(most, max, format!("{pointer}/at_most"), errors);
                check_rate(*rate, format!("{pointer}/rate"), errors);
                if let (Some(least), Some(most)) = (at_least, at_most)
                    && most < least
                {
                    let message = format!("the most, {most}, is below the least, {least}");
                    errors.add(format!("{pointer}/at_most"), "shipping.empty_span", message);
                }
            }
            Self::Carrier {
                service,
                markup,
                fallback,
            } => {
                let pointer = format!("{pointer}/carrier");
                check_rate(*markup, format!("{pointer}/markup"), errors);
                errors.take(
                    &format!("{pointer}/service"),
                    text::line(service, SERVICE_LENGTH_MAX),
                );
                if matches!(**fallback, Self::Carrier { .. }) {
                    let message = "must be flat, a table or a percentage: it stands in for the carrier";
                    errors.add(format!("{pointer}/fallback"), "shipping.bad_fallback", message);
                } else {
                    fallback.check(max, &format!("{pointer}/fallback"), errors);
                }
            }
        }
    }
}

/// Notes that a price or threshold is below zero or above the most.
pub(super) fn check_amount(amount: i64, max: Money, field: String, errors: &mut FieldErrors) {
    if amount < 0 {
        errors.add(field, "shipping.negative_amount", NEGATIVE);
    } else if max.amount < amount {
        errors.add(
            field,
            "shipping.amount_too_large",
            format!("must be at most {max}"),
        );
    }
}

fn check_rate(rate: Rate, field: String, errors: &mut FieldErrors) {
    if rate.is_negative() {
        errors.add(field, "shipping.negative_amount", NEGATIVE);
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
