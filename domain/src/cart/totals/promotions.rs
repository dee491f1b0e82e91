//! The second stage: which promotions apply, in which order, and what they take off (section 2 of the semantics).

use super::discounts::{Basket, Given, Weighed, reduce};
use super::sets::{Sides, got_units};
use super::trace::{Looked, Step, Trace};
use super::{Error, Intent, Rules};
use crate::cart::{AppliedPromotion, QuotedCode, Share, Unmet};
use crate::id::TaxZoneId;
use crate::money::{LINE_AMOUNT_MAX, Money};
use crate::promotion::{
    Action, Bounds, Chosen, Code, Combination, Promotion, Ready, Reduction, Sets, SingleCode, Spread,
};
use std::sync::Arc;

/// What promotions came to.
#[derive(Debug, Default)]
pub(super) struct Promoted {
    /// Those that apply, with what came off the lines.
    pub(super) applied: Vec<AppliedPromotion>,
    /// What is to come off shipping, in order.
    pub(super) off_shipping: Vec<OffShipping>,
    /// What became of each code.
    pub(super) codes: Vec<QuotedCode>,
}

/// A reduction of the price of shipping.
#[derive(Debug)]
pub(super) struct OffShipping {
    /// Of which of the promotions that apply.
    pub(super) applied: usize,
    /// Which of its actions.
    pub(super) action: usize,
    /// How much.
    pub(super) by: Reduction,
}

/// Applies what qualifies. With a trace, promotions that could be left out are looked at, too.
pub(super) fn promote(
    intent: &Intent<'_>,
    rules: &Rules<'_>,
    zone: Option<TaxZoneId>,
    basket: Basket<'_>,
    trace: Option<&mut Trace>,
) -> Result<Promoted, Error> {
    let mut stage = Stage {
        intent,
        zone,
        basket,
        promoted: Promoted::default(),
        verdicts: Vec::new(),
        trace,
    };
    let all = rules.promotions.all();
    if stage.trace.is_some() {
        stage.run(all.iter())?;
    } else if !(all.is_empty() || intent.lines.is_empty() && intent.codes.is_empty()) {
        let bounds = Bounds {
            subtotal: stage.basket.value,
            units: stage.basket.units,
            codes: intent.codes,
            single_codes: intent.single_codes,
            groups: intent.buyer.groups,
        };
        let goods = stage.basket.sheet.iter().map(|line| &line.goods);
        let candidates = rules.promotions.candidates(&bounds, goods);
        stage.run(candidates.into_iter().map(|rank| &all[rank]))?;
    }
    stage.name_codes(rules);
    Ok(stage.promoted)
}

struct Stage<'s, 'a> {
    intent: &'s Intent<'a>,
    zone: Option<TaxZoneId>,
    basket: Basket<'s>,
    promoted: Promoted,
    /// Of the promotions that need a code, whether they apply.
    verdicts: Vec<(Code, Option<Unmet>)>,
    trace: Option<&'s mut Trace>,
}

/// What came of looking at a promotion.
struct Found {
    unmet: Option<Unmet>,
    /// What its actions came to, where somebody wants to know.
    steps: Vec<Step>,
}

impl From<Unmet> for Found {
    fn from(unmet: Unmet) -> Self {
        Self {
            unmet: Some(unmet),
            steps: Vec::new(),
        }
    }
}

impl Stage<'_, '_> {
    /// Applies promotions in order. An exclusive one that qualifies by itself is the only one.
    fn run<'r>(&mut self, promotions: impl Iterator<Item = &'r Ready> + Clone) -> Result<(), Error> {
        let is_exclusive = |ready: &Ready| ready.promotion.combination == Combination::Exclusive;
        let mut is_alone = false;
        let mut exclusive = Vec::new();
        for ready in promotions.clone().filter(|ready| is_exclusive(ready)) {
            let found = self.look_unless(is_alone, ready)?;
            is_alone |= found.unmet.is_none();
            exclusive.push(found);
        }
        let mut exclusive = exclusive.into_iter();
        for ready in promotions {
            let judged = if is_exclusive(ready) {
                exclusive.next()
            } else {
                None
            };
            let found = match judged {
                Some(found) => found,
                None => self.look_unless(is_alone, ready)?,
            };
            self.note(ready, found);
        }
        Ok(())
    }

    /// Judges a promotion and applies it. What no change of the cart could mend comes first, because a code that fails it
    /// leaves the cart, whatever else does not hold (section 2.4 of the semantics).
    fn look_unless(&mut self, is_suppressed: bool, ready: &Ready) -> Result<Found, Error> {
        if let Some(unmet) = self.judge_shopper(&ready.promotion) {
            return Ok(unmet.into());
        }
        if is_suppressed {
            return Ok(Unmet::Suppressed.into());
        }
        match self.judge_cart(ready) {
            Some(unmet) => Ok(unmet.into()),
            None => self.apply(ready),
        }
    }

    fn note(&mut self, ready: &Ready, found: Found) {
        let promotion = &ready.promotion;
        if let Some(code) = &promotion.code {
            self.verdicts.push((code.clone(), found.unmet));
        }
        let first = self.unlocked_by(promotion).cloned();
        for single in singles_of(promotion, self.intent) {
            let unmet = match (single.used, first.as_ref() == Some(&single.code)) {
                (true, _) => Some(Unmet::LimitReached),
                (false, true) => found.unmet,
                // Another code unlocks it already.
                (false, false) => found.unmet.or(Some(Unmet::Suppressed)),
            };
            self.verdicts.push((single.code.clone(), unmet));
        }
        let Some(trace) = self.trace.as_deref_mut() else {
            return;
        };
        let (code, unmet) = match (first, singles_of(promotion, self.intent).next()) {
            (None, Some(used)) => (Some(used.code.clone()), Some(Unmet::LimitReached)),
            (first, _) => (first, found.unmet),
        };
        if promotion.is_locked() && code.is_none() {
            // What a code unlocks that was not entered is a secret.
            return;
        }
        trace.looked.push(Looked {
            promotion: promotion.id,
            name: Arc::clone(&promotion.name),
            code,
            unmet,
            steps: found.steps,
        });
    }

    /// Returns the condition that does not hold of the shopper, of the codes entered or of the time.
    fn judge_shopper(&self, promotion: &Promotion) -> Option<Unmet> {
        let (conditions, intent) = (&promotion.conditions, self.intent);
        let looked = || {
            let is_unlocked = !promotion.is_locked() || self.unlocked_by(promotion).is_some();
            unmet(is_unlocked, Unmet::CodeNotEntered)?;
            let has_ended = conditions.ends_at.is_some_and(|until| until <= intent.now);
            unmet(!has_ended, Unmet::Ended)?;
            let in_group = intent
                .buyer
                .groups
                .iter()
                .any(|group| conditions.groups.contains(group));
            unmet(conditions.groups.is_empty() || in_group, Unmet::OtherCustomer)?;
            let is_first = intent.buyer.has_ordered == Some(false);
            unmet(!conditions.first_order || is_first, Unmet::NotFirstOrder)?;
            let is_used_up = intent.used_up.contains(&promotion.id);
            unmet(!is_used_up, Unmet::LimitReached)?;
            let has_started = conditions.starts_at.is_none_or(|from| from <= intent.now);
            unmet(has_started, Unmet::NotStarted)
        };
        looked().err()
    }

    /// Returns the condition that does not hold of the cart, the cheapest to look at first.
    fn judge_cart(&self, ready: &Ready) -> Option<Unmet> {
        let (promotion, intent) = (&ready.promotion, self.intent);
        let conditions = &promotion.conditions;
        let looked = || {
            let in_currency = promotion
                .currency()
                .is_none_or(|currency| currency == intent.currency);
            unmet(in_currency, Unmet::OtherCurrency)?;
            let in_zone = self.zone.is_some_and(|zone| conditions.zones.contains(&zone));
            unmet(conditions.zones.is_empty() || in_zone, Unmet::OtherZone)?;
            let (lines, value, units) = self.measure(ready.items.as_ref());
            unmet(0 < lines, Unmet::NothingMatches)?;
            let is_worth = conditions.subtotal_from.is_none_or(|from| from.amount <= value);
            unmet(is_worth, Unmet::BelowSubtotal)?;
            let is_enough = conditions.quantity_from.is_none_or(|from| from <= units);
            unmet(is_enough, Unmet::BelowQuantity)
        };
        looked().err()
    }

    /// Returns the code of the cart that unlocks a promotion: its own, or the first that is good for one order.
    fn unlocked_by<'c>(&'c self, promotion: &'c Promotion) -> Option<&'c Code> {
        let own = promotion.code.as_ref();
        let own = own.filter(|code| self.intent.codes.contains(code));
        own.or_else(|| {
            let single = singles_of(promotion, self.intent).find(|single| !single.used);
            single.map(|single| &single.code)
        })
    }

    /// Returns how many lines hold such goods, their value now and their units.
    fn measure(&self, items: Option<&Chosen>) -> (usize, i64, u64) {
        let basket = &self.basket;
        let Some(items) = items else {
            return (basket.lines.len(), basket.value.amount, basket.units);
        };
        let (mut lines, mut value, mut units) = (0, 0_i64, 0_u64);
        for (at, line) in basket.lines.iter().enumerate() {
            if items.has(&basket.sheet[at].goods) {
                lines += 1;
                // Part of a sum that can be counted.
                value = value.saturating_add(basket.value_of(at));
                units += u64::from(line.quantity);
            }
        }
        (lines, value, units)
    }

    /// Takes off what the promotion's actions say. Where none of them has anything to act on, it does not apply.
    fn apply(&mut self, ready: &Ready) -> Result<Found, Error> {
        let promotion = &ready.promotion;
        let (mut given, mut steps) = (Vec::new(), Vec::new());
        let mut has_acted = false;
        for (at, (action, target)) in promotion.actions.iter().zip(&ready.targets).enumerate() {
            let items = target.items.as_ref().or(ready.items.as_ref());
            let acted = match action {
                Action::Order(by) => self.off_sum(*by, None)?,
                Action::Lines {
                    reduction,
                    spread: Spread::Across,
                    ..
                } => self.off_sum(*reduction, items)?,
                Action::Lines {
                    reduction,
                    spread: Spread::Each,
                    ..
                } => self.off_each(*reduction, items)?,
                Action::Sets(sets) => {
                    let bought = target.bought.as_ref().or(ready.items.as_ref());
                    self.off_sets(sets, Sides { bought, got: items })?
                }
                Action::Shipping(by) => {
                    if self.basket.is_sent() {
                        self.promoted.off_shipping.push(OffShipping {
                            applied: self.promoted.applied.len(),
                            action: at,
                            by: *by,
                        });
                        has_acted = true;
                    }
                    None
                }
            };
            let Some(acted) = acted else { continue };
            has_acted = true;
            if self.trace.is_some() {
                let sum = acted.given.iter().map(|given| given.amount).sum();
                steps.push(Step {
                    action: at,
                    base: acted.base,
                    asked: acted.asked,
                    given: self.basket.money(sum),
                    shares: self.basket.step_shares(&acted.given),
                });
            }
            given.extend(acted.given);
        }
        if !has_acted {
            return Ok(Unmet::NothingMatches.into());
        }
        let applied = self.applied(promotion, given)?;
        self.promoted.applied.push(applied);
        Ok(Found { unmet: None, steps })
    }

    /// Sums what each line was given.
    fn applied(&self, promotion: &Promotion, mut given: Vec<Given>) -> Result<AppliedPromotion, Error> {
        let zero = Money::zero(self.intent.currency);
        given.sort_by_key(|given| given.at);
        let mut discount = zero;
        let mut shares: Vec<Share> = Vec::with_capacity(given.len());
        for given in given.into_iter().filter(|given| given.amount != 0) {
            let (line, amount) = (self.basket.lines[given.at].line, self.basket.money(given.amount));
            discount = discount.plus(amount)?;
            match shares.last_mut().filter(|last| last.line == line) {
                Some(last) => last.amount = last.amount.plus(amount)?,
                None => shares.push(Share { line, amount }),
            }
        }
        Ok(AppliedPromotion {
            promotion: promotion.id,
            name: Arc::clone(&promotion.name),
            code: self.unlocked_by(promotion).cloned(),
            discount,
            shipping_discount: zero,
            shares,
        })
    }

    /// Returns the lines that hold such goods, weighed by what they are worth now.
    fn weigh(&self, items: Option<&Chosen>) -> Vec<Weighed> {
        let basket = &self.basket;
        let mut weighed = Vec::new();
        for (at, noted) in basket.sheet.iter().enumerate() {
            if items.is_none_or(|items| items.has(&noted.goods)) {
                let value = basket.value_of(at);
                weighed.push(Weighed {
                    at,
                    weight: value,
                    base: value,
                });
            }
        }
        weighed
    }

    fn off_sum(&mut self, by: Reduction, items: Option<&Chosen>) -> Result<Option<Acted>, Error> {
        let over = self.weigh(items);
        if over.is_empty() {
            return Ok(None);
        }
        let basket = &mut self.basket;
        let weights = over
            .iter()
            .map(|line| Money::new(line.weight, basket.value.currency));
        let base = Money::sum(basket.value.currency, weights)?;
        let asked = reduce(by, base, basket.rounding)?;
        let given = basket.split(asked, over)?;
        Ok(Some(Acted { base, asked, given }))
    }

    /// Takes a percentage off each line, or a fixed amount off every unit.
    fn off_each(&mut self, by: Reduction, items: Option<&Chosen>) -> Result<Option<Acted>, Error> {
        let over = self.weigh(items);
        if over.is_empty() {
            return Ok(None);
        }
        let basket = &mut self.basket;
        let (mut base, mut asked) = (basket.money(0), basket.money(0));
        let mut given = Vec::with_capacity(over.len());
        for line in over {
            let value = basket.money(line.weight);
            let of_line = match by {
                Reduction::Percentage(_) => reduce(by, value, basket.rounding)?,
                Reduction::Fixed(amount) => {
                    // No line comes to more: nothing more than that can be asked of it.
                    let all = i128::from(amount.amount) * i128::from(basket.lines[line.at].quantity);
                    Money::from_wide(all.min(LINE_AMOUNT_MAX.into()), amount.currency)?
                }
            };
            base = base.plus(value)?;
            asked = asked.plus(of_line)?;
            given.push(basket.take(line.at, line.weight, of_line.amount)?);
        }
        Ok(Some(Acted { base, asked, given }))
    }

    fn off_sets(&mut self, sets: &Sets, chosen: Sides<Option<&Chosen>>) -> Result<Option<Acted>, Error> {
        let sheet = self.basket.sheet;
        let sides = |at: usize| Sides {
            bought: chosen.bought.is_none_or(|items| items.has(&sheet[at].goods)),
            got: chosen.got.is_none_or(|items| items.has(&sheet[at].goods)),
        };
        let Some(got) = got_units(sets, &self.basket, sides) else {
            return Ok(None);
        };
        let basket = &mut self.basket;
        let (base, asked) = (
            basket.money(got.worth(basket.rounding)?),
            got.part(sets.percentage, basket)?,
        );
        let given = basket.split(asked, got.lines)?;
        Ok(Some(Acted { base, asked, given }))
    }

    /// Tells of each code in the cart whether its promotion applies.
    fn name_codes(&mut self, rules: &Rules<'_>) {
        let singles = self.intent.single_codes;
        for code in self.intent.codes {
            let verdict = self.verdicts.iter().find(|(judged, _)| judged == code);
            let unmet = match verdict {
                Some((_, unmet)) => *unmet,
                // Promotions that surely do not apply are not looked at.
                None => Some(match rules.promotions.unlocked_by(code, singles) {
                    Some(_) if singles.iter().any(|single| single.used && single.code == *code) => {
                        Unmet::LimitReached
                    }
                    Some(_) => Unmet::NothingMatches,
                    None => Unmet::NoSuchCode,
                }),
            };
            let code = code.clone();
            self.promoted.codes.push(QuotedCode { code, unmet });
        }
    }
}

/// Fails for a condition that does not hold.
fn unmet(holds: bool, unmet: Unmet) -> Result<(), Unmet> {
    if holds { Ok(()) } else { Err(unmet) }
}

/// Returns the codes of an intent that are good for one order and unlock a promotion: none where it asks for none.
fn singles_of<'c>(promotion: &'c Promotion, intent: &'c Intent<'_>) -> impl Iterator<Item = &'c SingleCode> {
    let singles = intent.single_codes.iter();
    singles.filter(|single| promotion.requires_code && single.promotion == promotion.id)
}

/// What an action came to.
struct Acted {
    base: Money,
    asked: Money,
    given: Vec<Given>,
}
