//! What a method costs, a function a sentence: the semantics leave it to the store, so these are the guide's sentences.

use crate::case::{Case, Charge, Line, Measure, Method, Span};
use crate::ratio::Ratio;

/// Returns what a method charges for a cart whose goods are worth so much; none where it is not offered.
pub(crate) fn price(case: &Case, method: &Method, worth: i128) -> Option<i128> {
    let sent: Vec<&Line> = case.cart.lines.iter().filter(|line| !line.digital).collect();
    let units = |line: &&Line| i128::from(line.quantity);
    let weight = sent.iter().map(|line| units(line) * i128::from(line.grams)).sum();
    let quantity = sent.iter().map(units).sum();
    let is_offered = method.currency == case.cart.currency
        && goes_there(case, method)
        && holds(method.worth, worth)
        && holds(method.weight, weight)
        && holds(method.quantity, quantity)
        && sent.iter().all(|line| takes(method, line));
    if !is_offered {
        return None;
    }
    let charge = match &method.charge {
        Charge::Flat(price) => *price,
        // "The price of the last step that begins at or below the measure. What is below the first step is not taken."
        Charge::Table(by, steps) => {
            let measure = match by {
                Measure::Weight => weight,
                Measure::Worth => worth,
                Measure::Quantity => quantity,
            };
            steps.iter().rev().find(|(from, _)| *from <= measure)?.1
        }
        // "A share of what the goods are worth, rounded once as the store rounds, at least and at most."
        Charge::Percentage(rate, at_least, at_most) => {
            let share = (Ratio::whole(worth) * Ratio::decimal(rate)).rounded(case.store.rounding);
            let share = at_least.map_or(share, |least| share.max(least));
            at_most.map_or(share, |most| share.min(most))
        }
    };
    // "The value of goods from which nothing is charged, handling included."
    if method.free_from.is_some_and(|from| from <= worth) {
        return Some(0);
    }
    Some(charge + method.handling)
}

fn goes_there(case: &Case, method: &Method) -> bool {
    let destination = case.cart.destination.unwrap_or(case.store.home);
    let goes = method.countries.is_empty() || method.countries.contains(&destination);
    goes && !method.except.contains(&destination)
}

fn holds((from, to): Span, measure: i128) -> bool {
    from.is_none_or(|from| from <= measure) && to.is_none_or(|to| measure <= to)
}

/// "Nothing but goods of products in one of these categories", and "nothing together with goods in one of these".
fn takes(method: &Method, line: &Line) -> bool {
    let on = |shelves: &[u8]| line.shelves.iter().any(|shelf| shelves.contains(shelf));
    (method.only_shelves.is_empty() || on(&method.only_shelves)) && !on(&method.not_shelves)
}
