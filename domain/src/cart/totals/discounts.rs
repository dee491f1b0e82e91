//! How an amount comes off lines: split by their values, none below its floor (sections 1.5 and 2.3 of the semantics).

use super::trace::StepShare;
use super::{Error, SheetLine};
use crate::cart::QuoteLine;
use crate::money::{self, Money, Rounding, prorate_discount};
use crate::promotion::Reduction;

/// The lines as promotions see them: each less what earlier ones took off.
pub(super) struct Basket<'a> {
    pub(super) lines: &'a mut [QuoteLine],
    pub(super) sheet: &'a [SheetLine],
    pub(super) rounding: Rounding,
    /// The value of all lines.
    pub(super) value: Money,
    /// The units in all lines.
    pub(super) units: u64,
}

/// A line that a discount is split over, its weight, and what of it the discount is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weighed {
    pub(super) at: usize,
    pub(super) weight: i64,
    pub(super) base: i64,
}

/// What a line was given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    pub(super) at: usize,
    pub(super) base: i64,
    pub(super) amount: i64,
}

impl Basket<'_> {
    /// Returns what a line is worth now. No discount is above the amount, so that this is not below zero.
    pub(super) fn value_of(&self, at: usize) -> i64 {
        let line = &self.lines[at];
        line.amount.amount.saturating_sub(line.discount.amount)
    }

    /// Returns how much may still come off a line.
    pub(super) fn room_of(&self, at: usize) -> i64 {
        self.value_of(at).saturating_sub(self.sheet[at].floor).max(0)
    }

    /// Tells whether anything is to be sent.
    pub(super) fn is_sent(&self) -> bool {
        self.sheet.iter().any(|line| !line.digital)
    }

    pub(super) fn money(&self, amount: i64) -> Money {
        Money::new(amount, self.value.currency)
    }

    /// Takes up to `amount` off one line.
    pub(super) fn take(&mut self, at: usize, base: i64, amount: i64) -> Result<Given, Error> {
        let amount = amount.min(self.room_of(at)).max(0);
        let taken = self.money(amount);
        self.value = self.value.minus(taken)?;
        let line = &mut self.lines[at];
        line.discount = line.discount.plus(taken)?;
        Ok(Given { at, base, amount })
    }

    /// Splits an amount over lines by weight. Every line above its room is set to its room, and what is left is split
    /// again from scratch over the others, and so on.
    pub(super) fn split(&mut self, amount: Money, mut over: Vec<Weighed>) -> Result<Vec<Given>, Error> {
        let mut given = Vec::with_capacity(over.len());
        let mut left = amount;
        while !over.is_empty() && !left.is_zero() {
            let weights: Vec<i64> = over.iter().map(|line| line.weight).collect();
            let shares = prorate_discount(left, &weights)?;
            let is_above = |(line, share): (&Weighed, &Money)| self.room_of(line.at) < share.amount;
            let above: Vec<bool> = over.iter().zip(&shares).map(is_above).collect();
            let is_last = !above.contains(&true);
            let mut others = Vec::new();
            for ((line, share), above) in over.into_iter().zip(shares).zip(above) {
                if above || is_last {
                    let taken = self.take(line.at, line.base, share.amount)?;
                    left = left.minus(self.money(taken.amount))?;
                    given.push(taken);
                } else {
                    others.push(line);
                }
            }
            if is_last {
                break;
            }
            over = others;
        }
        given.retain(|given| given.amount != 0);
        given.sort_unstable_by_key(|given| given.at);
        Ok(given)
    }

    pub(super) fn step_shares(&self, given: &[Given]) -> Vec<StepShare> {
        let share = |given: &Given| StepShare {
            line: self.lines[given.at].line,
            base: self.money(given.base),
            amount: self.money(given.amount),
        };
        given.iter().map(share).collect()
    }
}

/// Returns what a reduction of a base comes to, rounded once.
pub(super) fn reduce(by: Reduction, base: Money, rounding: Rounding) -> Result<Money, money::Error> {
    match by {
        Reduction::Percentage(rate) => base.rated(rate, rounding),
        Reduction::Fixed(amount) => {
            amount.require(base.currency)?;
            Ok(amount)
        }
    }
}
