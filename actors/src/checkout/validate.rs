//! What a cart must have before it can become an order: everything that is missing is named at once.

use super::env::{CheckoutEnv, Halt};
use crate::cart::{Priced, ShownSums, Told};
use cartwright_domain::cart::{self, CodeRefused, FrozenQuote, LineProblem, ProblemKind};
use cartwright_domain::checkout::{Checkout, Completion};
use cartwright_domain::error::FieldErrors;
use cartwright_domain::money::Money;
use cartwright_domain::stored_value::Covered;
use cartwright_domain::{Class, Detail, Problem, Refusal};
use cartwright_storage::codec::{self, SNAPSHOT_BYTES_MAX};

/// What checkout and order may take besides the quote: payments, captures, refunds, history.
const ROOM_BYTES: usize = 192 * 1024;
/// The largest stored quote that becomes an order.
const QUOTE_BYTES_MAX: usize = SNAPSHOT_BYTES_MAX - ROOM_BYTES;

/// The code of a total that is another than was shown, or may be.
const TOTAL_CHANGED: &str = "checkout.total_changed";
/// The code of an amount left to be paid that is another than was shown, or may be.
const DUE_CHANGED: &str = "checkout.amount_due_changed";

/// How many changed prices are named, of those that change a total.
const CHANGED_PRICES_MAX: usize = 50;

/// Refuses lines that are gone, disabled, short or without a price, naming each.
pub(super) fn lines(priced: &Priced) -> Result<(), Halt> {
    line_problem(priced).map_or(Ok(()), |problem| Err(Halt::Refused(problem)))
}

/// Refuses what is too large to become an order: a quote is part of its checkout and then of its order, which need room
/// for what happens to them.
pub(super) fn size(quote: &FrozenQuote) -> Result<(), Halt> {
    let bytes = codec::bytes_of(quote).map_err(|error| Halt::Again(error.to_string()))?;
    if bytes <= QUOTE_BYTES_MAX {
        return Ok(());
    }
    let message = format!(
        "the cart with all that belongs to it takes {bytes} bytes, over the {QUOTE_BYTES_MAX} of an order; take lines \
         or codes out of it, or shorten titles and custom fields"
    );
    let problem = Problem::new(Class::Conflict, "checkout.cart_too_large", message)
        .with("bytes", bytes)
        .with("bytes_max", QUOTE_BYTES_MAX);
    Err(Halt::Refused(problem))
}

/// Returns what is wrong with each line, whatever the cart's state.
fn line_problems(priced: &Priced) -> Vec<LineProblem> {
    let lines = priced.cart.state.lines();
    cart::line_problems(lines, |variant| priced.facts.get(&variant))
}

/// Returns what is wrong with the lines as one refusal.
pub(super) fn line_problem(priced: &Priced) -> Option<Problem> {
    let found = line_problems(priced);
    let first = found.first()?;
    let message = match found.len() {
        1 => format!("{}: {}", first.sku, first.kind.message()),
        several => format!(
            "{several} lines cannot be bought as they are, {} among them",
            first.sku
        ),
    };
    let mut named = Vec::with_capacity(found.len());
    for problem in &found {
        let mut detail = vec![
            ("line_id".to_owned(), Detail::from(problem.line.to_string())),
            ("sku".to_owned(), Detail::from(&*problem.sku)),
            ("code".to_owned(), Detail::from(problem.kind.code())),
            ("message".to_owned(), Detail::from(problem.kind.message())),
        ];
        if let ProblemKind::Short { available } = problem.kind {
            detail.push(("available".to_owned(), available.into()));
        }
        named.push(Detail::Object(detail));
    }
    let problem = Problem::new(Class::Conflict, "checkout.lines_unavailable", message);
    Some(problem.with("lines", Detail::List(named)))
}

/// Returns why gift cards and store credit cover less than the caller was shown, where the total itself is the same.
pub(super) fn due_changed(priced: &Priced, completion: &Completion) -> Option<Problem> {
    let (total, coverage) = (priced.quote.total, &priced.coverage);
    let expected = completion.expected_due?;
    let is_other_total = completion
        .expected_total
        .is_some_and(|expected| expected != total);
    let is_no_more = expected.currency == total.currency && coverage.due.amount <= expected.amount;
    if is_other_total || is_no_more {
        return None;
    }
    let message = format!(
        "{} are left to be paid now, no longer {expected}; show it and complete again with it as expected_amount_due",
        coverage.due
    );
    Some(due_problem(message, priced).with("expected_amount_due", expected))
}

/// Refuses an amount to be paid of which nobody knows any more whether it is what the caller was last shown.
pub(super) fn due_unknown(priced: &Priced) -> Problem {
    let message = format!(
        "{} are left to be paid, which may be another amount than was last shown; show it and complete again with it as \
         expected_amount_due",
        priced.coverage.due
    );
    due_problem(message, priced)
}

/// Tells whether a refusal is of sums that are others than were shown, or may be.
pub(super) fn is_of_sums(problem: &Problem) -> bool {
    [TOTAL_CHANGED, DUE_CHANGED].contains(&&*problem.code)
}

/// Returns the total that a refusal tells, what of it is left to be paid, and which of the two is the news.
pub(super) fn told(problem: &Problem) -> Option<(Told, Money, Money)> {
    let money = |name| {
        let found = problem.details.iter().find(|(of, _)| of == name);
        found.and_then(|(_, detail)| Money::of_detail(detail))
    };
    let total = money("total")?;
    let how = match &*problem.code {
        DUE_CHANGED => Told::Due,
        _ => Told::Total,
    };
    Some((how, total, money("amount_due").unwrap_or(total)))
}

/// Returns a refusal of the amount that is left, with what covers the rest.
fn due_problem(message: String, priced: &Priced) -> Problem {
    let coverage = &priced.coverage;
    let covers = coverage.parts.iter().map(|Covered { tender, unusable }| {
        let mut covered = vec![
            ("type".to_owned(), tender.provider().into()),
            ("id".to_owned(), tender.value.to_string().into()),
            ("amount".to_owned(), tender.amount.into()),
        ];
        if let Some(last) = &tender.last_characters {
            covered.push(("last_characters".to_owned(), last.as_str().into()));
        }
        if let Some(why) = unusable {
            covered.push(("reason".to_owned(), why.name().into()));
        }
        Detail::Object(covered)
    });
    Problem::new(Class::Conflict, DUE_CHANGED, message)
        .with("amount_due", coverage.due)
        .with("total", priced.quote.total)
        .with("payments", Detail::List(covers.collect()))
}

/// Refuses what is missing to complete: e-mail, address, shipping, payment; and before that gift cards that cover less.
pub(super) fn details(priced: &Priced, checkout: &Checkout) -> Result<(), Halt> {
    let completion = checkout.completion.as_ref();
    if let Some(changed) = completion.and_then(|completion| due_changed(priced, completion)) {
        return Err(Halt::Refused(changed));
    }
    let has_token = completion.is_some_and(|completion| completion.payment_token.is_some());
    let errors = missing(priced, has_token);
    errors
        .into_result()
        .map_err(|errors| Halt::Refused(incomplete(&errors)))
}

/// Returns everything that is missing to complete.
fn missing(priced: &Priced, has_payment: bool) -> FieldErrors {
    let (cart, quote) = (&priced.cart.state, &priced.quote);
    let mut errors = FieldErrors::default();
    if cart.lines().is_empty() {
        errors.add("/lines", "checkout.lines_missing", "the cart has no lines");
    }
    if cart.email().is_none() {
        errors.add(
            "/email",
            "checkout.email_missing",
            "an e-mail address is needed for the confirmation",
        );
    }
    if cart.shipping_address().is_none() {
        errors.add(
            "/shipping_address",
            "checkout.address_missing",
            "a shipping address is needed",
        );
    }
    match (cart.shipping(), quote.shipping_unavailable) {
        (None, _) if cart.lines().is_empty() || priced.requires_shipping => errors.add(
            "/shipping_method_id",
            "checkout.shipping_missing",
            "a shipping method is needed",
        ),
        (Some(choice), Some(_)) => {
            let message = format!(
                "the shipping method {} is not available for this cart; choose one of its shipping options",
                choice.name
            );
            errors.add("/shipping_method_id", "checkout.shipping_unavailable", message);
        }
        (_, None) | (None, Some(_)) => {}
    }
    if !has_payment && !priced.coverage.due.is_zero() {
        errors.add(
            "/payment",
            "checkout.payment_missing",
            "a payment token is needed while something is left to be paid",
        );
    }
    errors
}

/// Returns why a cart cannot be completed: everything that is missing, with every line that cannot be bought.
pub(super) fn obstacle(priced: &Priced, has_payment: bool) -> Option<Problem> {
    unfinished(priced, has_payment).or_else(|| line_problem(priced))
}

/// Returns why a cart cannot be completed yet: as [`obstacle`], but none where nothing can be added to mend it.
pub(super) fn unfinished(priced: &Priced, has_payment: bool) -> Option<Problem> {
    let mut errors = missing(priced, has_payment);
    if errors.is_empty() {
        return None;
    }
    for problem in line_problems(priced) {
        let message = format!("{} {}", problem.sku, problem.kind.message());
        errors.add(format!("/lines/{}", problem.line), problem.kind.code(), message);
    }
    Some(incomplete(&errors))
}

/// Returns what is missing as one refusal.
fn incomplete(errors: &FieldErrors) -> Problem {
    Problem {
        class: Class::Invalid,
        code: "checkout.incomplete".to_owned(),
        message: "the cart cannot be completed yet; see errors".to_owned(),
        details: errors.details(),
    }
}

/// Refuses a total that is not the one the caller was last shown (section 5.2 of the semantics).
pub(super) fn total(env: &CheckoutEnv, priced: &Priced, checkout: &Checkout) -> Result<(), Halt> {
    let completion = checkout.completion.as_ref();
    match completion.and_then(|completion| completion.expected_total) {
        Some(expected) if expected != priced.quote.total => {
            let shown = env.shown_with(expected, checkout).and_then(|shown| shown.sums());
            let changed = total_changed(expected, shown, priced);
            Err(Halt::Refused(limit_reached(&changed, priced).unwrap_or(changed)))
        }
        Some(_) | None => Ok(()),
    }
}

/// Returns a change of the total as what it is where a code of the cart would take something off, were it not used up.
fn limit_reached(changed: &Problem, priced: &Priced) -> Option<Problem> {
    let why = CodeRefused::LimitReached {
        code: priced.lost.codes.first()?.clone(),
    };
    let mut problem = why.problem();
    problem.class = Class::Conflict;
    problem.details.extend_from_slice(&changed.details);
    Some(problem)
}

/// Names what has changed since it was shown; nothing where that is not remembered.
fn total_changed(expected: Money, shown: Option<ShownSums>, priced: &Priced) -> Problem {
    let mut changed = Vec::new();
    if let Some(shown) = shown {
        let prices = changed_prices(shown.subtotal, priced).unwrap_or_default();
        changed.extend(prices.into_iter().take(CHANGED_PRICES_MAX));
        let now = ShownSums::of(&priced.quote);
        for (what, from, to) in [
            ("subtotal", shown.subtotal, now.subtotal),
            ("discounts", shown.discounts, now.discounts),
            ("shipping", shown.shipping, now.shipping),
            ("tax", shown.tax, now.tax),
        ] {
            if from != to {
                changed.push(Detail::Object(vec![
                    ("what".to_owned(), what.into()),
                    ("from".to_owned(), from.into()),
                    ("to".to_owned(), to.into()),
                ]));
            }
        }
    }
    let message = format!(
        "the total is now {}, no longer {expected}; show it and complete again with it as expected_total",
        priced.quote.total
    );
    total_problem(message, priced, changed).with("expected_total", expected)
}

/// Refuses a total of which nobody knows any more whether it is what the caller was last shown.
pub(super) fn total_unknown(priced: &Priced) -> Problem {
    let message = format!(
        "the total is {}, which may be another than was last shown; show it and complete again with it as expected_total",
        priced.quote.total
    );
    total_problem(message, priced, Vec::new())
}

/// Returns a refusal of the total, with what gift cards and store credit leave of it to be paid.
fn total_problem(message: String, priced: &Priced, changed: Vec<Detail>) -> Problem {
    Problem::new(Class::Conflict, TOTAL_CHANGED, message)
        .with("total", priced.quote.total)
        .with("amount_due", priced.coverage.due)
        .with("changed", Detail::List(changed))
}

/// Returns the lines whose unit price is no longer what it was when they were added, if with those prices they cost what
/// was shown. If they do not, nobody remembers what price of each was shown.
fn changed_prices(subtotal: Money, priced: &Priced) -> Option<Vec<Detail>> {
    let (mut changed, mut cost) = (Vec::new(), 0);
    for (line, quoted) in priced.cart.state.lines().iter().zip(&priced.quote.lines) {
        let (from, to) = (line.price_when_added, quoted.unit_price);
        if from == to || line.overridden().is_some() {
            cost += i128::from(quoted.amount.amount);
            continue;
        }
        let whole = from.whole().filter(|_| quoted.tax_stripped.is_zero())?;
        cost += i128::from(whole.amount) * i128::from(quoted.quantity);
        changed.push(Detail::Object(vec![
            ("what".to_owned(), "price".into()),
            ("line_id".to_owned(), line.id.to_string().into()),
            ("sku".to_owned(), (*line.sku).into()),
            ("from".to_owned(), from.into()),
            ("to".to_owned(), to.into()),
        ]));
    }
    (cost == i128::from(subtotal.amount)).then_some(changed)
}
