//! Section 2 of the semantics, a function a sentence: which promotions apply, in which order, and what each takes off.

use crate::case::{Action, Case, Conditions, Given, Line, Promotion, Reduction, Selection, Sets};
use crate::money::{split_discount, zone};
use crate::ratio::Ratio;
use std::cmp::Reverse;

/// The promotions that apply.
pub(crate) struct Applied {
    /// What each took off, in order.
    pub(crate) given: Vec<Given>,
    /// What they take off shipping: of which of them, and how much.
    off_shipping: Vec<(usize, Reduction)>,
}

/// The goods of a cart while promotions apply one after the other.
struct Goods<'a> {
    case: &'a Case,
    /// What each line is worth "after earlier promotions" (1.5).
    values: Vec<i128>,
    /// What each line must come to at least.
    floors: &'a [i128],
}

/// Applies the promotions of a store to a cart.
///
/// "Both the conditions and the amounts of a later promotion see the discounted base. An `exclusive` promotion that
/// itself qualifies suppresses all others, shipping and coupon ones included; among exclusives the higher priority
/// wins" (2.2). That it itself qualifies means: on the cart as it is without any other.
pub(crate) fn applied(case: &Case, amounts: &[i128], floors: &[i128]) -> Applied {
    let mut goods = Goods {
        case,
        values: amounts.to_vec(),
        floors,
    };
    let mut applied = Applied {
        given: Vec::new(),
        off_shipping: Vec::new(),
    };
    let ordered = in_order(&case.store.promotions);
    let exclusive = ordered
        .iter()
        .find(|promotion| promotion.exclusive && goods.qualifies(promotion));
    let candidates = match exclusive {
        Some(only) => vec![*only],
        None => ordered,
    };
    for promotion in candidates {
        if goods.qualifies(promotion) {
            goods.apply(promotion, &mut applied);
        }
    }
    applied
}

/// "Higher priority number applies first; equal priority: the older promotion first" (2.2).
fn in_order(promotions: &[Promotion]) -> Vec<&Promotion> {
    let mut ordered: Vec<&Promotion> = promotions.iter().collect();
    ordered.sort_by_key(|promotion| {
        (
            Reverse(promotion.priority),
            promotion.created_at,
            promotion.number,
        )
    });
    ordered
}

impl Applied {
    /// "A code that fails a condition of the cart stays listed as not applicable and works again when it qualifies"
    /// (2.4).
    pub(crate) fn codes(&self, case: &Case) -> Vec<(String, bool)> {
        let applies = |code: &String| {
            let numbers = self.given.iter().map(|given| given.promotion);
            let mut of_code = numbers.filter_map(|number| promotion(case, number).code.as_ref());
            of_code.any(|unlocking| is_same_code(unlocking, code))
        };
        let codes = case.cart.codes.iter();
        codes.map(|code| (code.clone(), applies(code))).collect()
    }

    /// Takes off shipping what the promotions say, each seeing what the one before left: "`shipping` is after shipping
    /// promotions, whose discount is reported apart" (1.9).
    pub(crate) fn take_off_shipping(&mut self, case: &Case, amount: i128) -> i128 {
        let mut left = amount;
        for (at, reduction) in &self.off_shipping {
            let asked = match reduction {
                Reduction::Percentage(rate) => percentage(case, Ratio::whole(left), rate),
                Reduction::Fixed(fixed) => *fixed,
            };
            let taken = asked.min(left);
            self.given[*at].shipping += taken;
            left -= taken;
        }
        amount - left
    }
}

fn promotion(case: &Case, number: u8) -> &Promotion {
    let mut promotions = case.store.promotions.iter();
    let found = promotions.find(|promotion| promotion.number == number);
    found.expect("what was applied is a promotion of the store")
}

/// "Coupon codes are case-insensitive" (2.6).
fn is_same_code(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}

/// "A percentage amount" is rounded (1.3).
fn percentage(case: &Case, base: Ratio, rate: &str) -> i128 {
    (base * Ratio::decimal(rate)).rounded(case.store.rounding)
}

fn is_among(items: Option<&Selection>, line: &Line) -> bool {
    items.is_none_or(|items| {
        let on_shelf = line.shelves.iter().any(|shelf| items.shelves.contains(shelf));
        items.products.contains(&line.product) || items.variants.contains(&line.variant) || on_shelf
    })
}

/// What a set is bought of and got of: "those of the conditions unless given; of the same as is bought unless given".
fn sides<'a>(conditions: &'a Conditions, sets: &'a Sets) -> (Option<&'a Selection>, Option<&'a Selection>) {
    let bought = sets.buy_items.as_ref().or(conditions.items.as_ref());
    (bought, sets.get_items.as_ref().or(bought))
}

impl Goods<'_> {
    fn lines_of(&self, items: Option<&Selection>) -> Vec<usize> {
        let lines = self.case.cart.lines.iter().enumerate();
        lines
            .filter(|(_, line)| is_among(items, line))
            .map(|(at, _)| at)
            .collect()
    }

    fn units(&self, lines: &[usize]) -> u64 {
        lines
            .iter()
            .map(|at| u64::from(self.case.cart.lines[*at].quantity))
            .sum()
    }

    fn sum(&self, lines: &[usize]) -> i128 {
        lines.iter().map(|at| self.values[*at]).sum()
    }

    /// "A promotion has conditions. Automatic, or unlocked by a coupon code" (2.1).
    fn qualifies(&self, promotion: &Promotion) -> bool {
        let code = promotion.code.as_ref();
        let is_unlocked = code.is_none_or(|code| {
            let mut entered = self.case.cart.codes.iter();
            entered.any(|entered| is_same_code(entered, code))
        });
        promotion.enabled
            && is_unlocked
            // "With limit L never more than L orders carry the discount" (2.7).
            && !self.case.cart.used_up.contains(&promotion.number)
            && self.meets_buyer(&promotion.conditions)
            && self.meets_place_and_time(promotion)
            && self.meets_goods(&promotion.conditions)
            && self.finds_something(promotion)
    }

    /// "Customer group / first order" (2.1).
    fn meets_buyer(&self, conditions: &Conditions) -> bool {
        let cart = &self.case.cart;
        let in_group = cart.groups.iter().any(|group| conditions.groups.contains(group));
        (conditions.groups.is_empty() || in_group)
            && (!conditions.first_order || cart.has_ordered == Some(false))
    }

    /// "Date window / currency / zone" (2.1).
    fn meets_place_and_time(&self, promotion: &Promotion) -> bool {
        let (cart, conditions) = (&self.case.cart, &promotion.conditions);
        let in_zone = zone(self.case).is_some_and(|zone| conditions.zones.contains(&zone.country));
        let fixed = |action: &Action| {
            matches!(
                action,
                Action::Order(Reduction::Fixed(_))
                    | Action::Shipping(Reduction::Fixed(_))
                    | Action::Lines {
                        reduction: Reduction::Fixed(_),
                        ..
                    }
            )
        };
        let has_amounts = conditions.subtotal_from.is_some() || promotion.actions.iter().any(fixed);
        conditions.starts_at.is_none_or(|starts| starts <= cart.now)
            && conditions.ends_at.is_none_or(|ends| cart.now < ends)
            && conditions.currency.is_none_or(|currency| currency == cart.currency)
            // "Mixing currencies is an error" (1.1): amounts of another currency have no meaning here.
            && (!has_amounts || promotion.currency == cart.currency)
            && (conditions.zones.is_empty() || in_zone)
    }

    /// "Subtotal from, quantity from, product / category" (2.1), on "the discounted base" (2.2).
    fn meets_goods(&self, conditions: &Conditions) -> bool {
        let lines = self.lines_of(conditions.items.as_ref());
        let is_worth = |from: i128| from <= self.sum(&lines);
        let are_enough = |from: u64| from <= self.units(&lines);
        !lines.is_empty()
            && conditions.subtotal_from.is_none_or(is_worth)
            && conditions.quantity_from.is_none_or(are_enough)
    }

    /// "Only full sets count" (2.5). Of other actions that find nothing to act on the semantics say nothing; the engine
    /// documents that a promotion does not qualify unless one of its actions finds something.
    fn finds_something(&self, promotion: &Promotion) -> bool {
        promotion.actions.iter().any(|action| match action {
            Action::Order(_) => true,
            Action::Shipping(_) => self.case.cart.lines.iter().any(|line| !line.digital),
            Action::Lines { items, .. } => {
                let items = items.as_ref().or(promotion.conditions.items.as_ref());
                !self.lines_of(items).is_empty()
            }
            Action::Sets(sets) => 0 < self.full_sets(&promotion.conditions, sets),
        })
    }

    fn apply(&mut self, promotion: &Promotion, applied: &mut Applied) {
        let before = self.values.clone();
        for action in &promotion.actions {
            match action {
                Action::Order(reduction) => self.across(&self.lines_of(None), reduction),
                Action::Lines {
                    items,
                    reduction,
                    each,
                } => {
                    let lines = self.lines_of(items.as_ref().or(promotion.conditions.items.as_ref()));
                    if *each {
                        self.each(&lines, reduction);
                    } else {
                        self.across(&lines, reduction);
                    }
                }
                Action::Sets(sets) => self.give_sets(&promotion.conditions, sets),
                Action::Shipping(reduction) => {
                    let at = applied.given.len();
                    applied.off_shipping.push((at, reduction.clone()));
                }
            }
        }
        let taken = before.iter().zip(&self.values).map(|(before, now)| before - now);
        applied.given.push(Given {
            promotion: promotion.number,
            lines: taken.collect(),
            shipping: 0,
        });
    }

    /// "A line never goes below zero, nor below its variant's minimum price times its quantity; the difference is its
    /// room" (2.3).
    fn room(&self, line: usize) -> i128 {
        (self.values[line] - self.floors[line]).max(0)
    }

    /// "`across` (the default: computed once on the summed base, rounded, split by 1.5); order actions are always
    /// across" (2.1).
    fn across(&mut self, lines: &[usize], reduction: &Reduction) {
        let amount = match reduction {
            Reduction::Percentage(rate) => percentage(self.case, Ratio::whole(self.sum(lines)), rate),
            Reduction::Fixed(amount) => *amount,
        };
        let weights = lines.iter().map(|at| Ratio::whole(self.values[*at]));
        self.give(amount, lines, &weights.collect::<Vec<_>>());
    }

    /// "`each` (percentage: rounded per line; fixed: per unit)" (2.1), within each line's room (2.3).
    fn each(&mut self, lines: &[usize], reduction: &Reduction) {
        for at in lines {
            let amount = match reduction {
                Reduction::Percentage(rate) => percentage(self.case, Ratio::whole(self.values[*at]), rate),
                Reduction::Fixed(amount) => amount * i128::from(self.case.cart.lines[*at].quantity),
            };
            self.values[*at] -= amount.min(self.room(*at));
        }
    }

    /// "A discount is split by 1.5; every line above its room is set to its room; what is left is split again from
    /// scratch over the other lines by their values; and so on. The reported discount is what was really given" (2.3).
    fn give(&mut self, amount: i128, lines: &[usize], weights: &[Ratio]) {
        let shares = split_discount(amount, weights);
        let (mut above, mut others, mut others_weights) = (Vec::new(), Vec::new(), Vec::new());
        for ((at, share), weight) in lines.iter().zip(&shares).zip(weights) {
            if self.room(*at) < *share {
                above.push(*at);
            } else {
                others.push(*at);
                others_weights.push(*weight);
            }
        }
        if above.is_empty() {
            for (at, share) in lines.iter().zip(shares) {
                self.values[*at] -= share;
            }
            return;
        }
        let mut left = amount;
        for at in above {
            let room = self.room(at);
            self.values[at] -= room;
            left -= room;
        }
        self.give(left, &others, &others_weights);
    }

    /// "A set is X bought plus Y got; a unit serves on one side only; only full sets count; sets repeat as often as
    /// they fit unless limited" (2.5).
    fn full_sets(&self, conditions: &Conditions, sets: &Sets) -> u64 {
        let (bought, got) = sides(conditions, sets);
        let (bought, got) = (self.lines_of(bought), self.lines_of(got));
        let mut either = bought.clone();
        either.extend(got.iter().filter(|at| !bought.contains(at)));
        let (buy, get) = (u64::from(sets.buy), u64::from(sets.get));
        let fits = (self.units(&bought) / buy)
            .min(self.units(&got) / get)
            .min(self.units(&either) / (buy + get));
        fits.min(sets.sets_max.map_or(u64::MAX, u64::from))
    }

    /// "The got units are free unless a percentage is given, and are the cheapest matching ones unless the promotion
    /// says `dearest`" (2.5).
    fn give_sets(&mut self, conditions: &Conditions, sets: &Sets) {
        let (lines, weights) = self.got(conditions, sets);
        let base: Ratio = weights.iter().copied().sum();
        let amount = percentage(self.case, base, &sets.percentage);
        self.give(amount, &lines, &weights);
    }

    /// Returns the lines that units are got of, and what those units are worth: unit by unit the cheapest that may
    /// still be got, as long as enough is left of what is bought.
    fn got(&self, conditions: &Conditions, sets: &Sets) -> (Vec<usize>, Vec<Ratio>) {
        let (bought, got) = sides(conditions, sets);
        let bought = self.lines_of(bought);
        let count = self.full_sets(conditions, sets);
        let mut missing = count * u64::from(sets.get);
        let mut to_spare = self.units(&bought) - count * u64::from(sets.buy);

        let unit_value = |at: &usize| {
            let quantity = Ratio::whole(self.case.cart.lines[*at].quantity.into());
            Ratio::whole(self.values[*at]) / quantity
        };
        let mut in_turn = self.lines_of(got);
        // Of units that cost the same those give first that could not be bought, then those of the earlier line.
        in_turn.sort_by_key(|at| bought.contains(at));
        in_turn.sort_by_key(&unit_value);
        if sets.dearest {
            in_turn.sort_by_key(|at| Reverse(unit_value(at)));
        }
        let mut taken = Vec::new();
        for at in in_turn {
            let quantity = u64::from(self.case.cart.lines[at].quantity);
            let mut units = quantity.min(missing);
            if bought.contains(&at) {
                units = units.min(to_spare);
                to_spare -= units;
            }
            missing -= units;
            if 0 < units {
                taken.push((at, Ratio::whole(units.into()) * unit_value(&at)));
            }
        }
        assert_eq!(missing, 0, "full sets find all their units");
        taken.sort_by_key(|(at, _)| *at);
        taken.into_iter().unzip()
    }
}
