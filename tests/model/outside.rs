//! What is asked outside, and what is paid with: the sentences of the guide on tax calculators, and those of section 7 of
//! the semantics on gift cards and store credit.

use crate::case::{Calculator, Case, Form, TaxedBy, Value};
use crate::money::is_contained;

/// How many times its value a tax on top may be.
const TIMES_VALUE_MAX: i128 = 10;

/// Returns the tax of each item by the calculator, lines first and shipping after them, and who then says what tax there
/// is.
///
/// "The calculator is asked once it is known where the goods go, unless the buyer is charged no tax: for each line and
/// for shipping, with the value after discounts." "The table holds where the calculator does not answer, and where its
/// answer cannot be true: a tax below zero, above the value that contains it, or above ten times the value that it comes
/// on top of."
pub(crate) fn calculated(case: &Case, values: &[i128]) -> (Option<Vec<i128>>, TaxedBy) {
    let Some(calculator) = &case.store.calculator else {
        return (None, TaxedBy::Table);
    };
    if case.cart.destination.is_none() || case.cart.exempt || case.cart.lines.is_empty() {
        return (None, TaxedBy::Table);
    }
    let most = |value: i128| {
        if is_contained(case) {
            value
        } else {
            TIMES_VALUE_MAX * value
        }
    };
    let answer = answer(calculator, values).filter(|taxes| {
        let mut taxes = taxes.iter().zip(values);
        taxes.all(|(tax, value)| 0 <= *tax && *tax <= most(*value))
    });
    let taxed_by = match answer {
        Some(_) => TaxedBy::Calculator,
        None => TaxedBy::Fallback,
    };
    (answer, taxed_by)
}

/// Returns what a calculator says.
pub(crate) fn answer(calculator: &Calculator, values: &[i128]) -> Option<Vec<i128>> {
    match calculator {
        Calculator::Silent => None,
        Calculator::Thousandths(shares) => {
            let shares = shares.iter().cycle();
            let taxes = values.iter().zip(shares);
            Some(
                taxes
                    .map(|(value, share)| (value * share).div_euclid(1_000))
                    .collect(),
            )
        }
    }
}

/// "They cover the total in the order in which they were applied" (7.7). Returns what each pays, and what is left.
pub(crate) fn cover(case: &Case, total: i128) -> (Vec<i128>, i128) {
    let mut due = total;
    let mut paid = Vec::new();
    for value in &case.cart.values {
        let pays = spendable(case, value).min(due);
        due -= pays;
        paid.push(pays);
    }
    (paid, due)
}

/// Returns what can be spent of one: what others hold cannot, and nothing of one that is disabled, expired, another
/// customer's or of another currency.
fn spendable(case: &Case, value: &Value) -> i128 {
    let is_good = match value.form {
        Form::Card(expires_at) => expires_at.is_none_or(|expires| case.cart.now < expires),
        Form::Credit { is_own } => is_own && case.cart.has_customer,
    };
    if !is_good || !value.enabled || value.currency != case.cart.currency {
        return 0;
    }
    let held_by_own = if case.cart.in_checkout {
        0
    } else {
        value.held_by_own
    };
    value.balance - value.held_by_others - held_by_own
}
