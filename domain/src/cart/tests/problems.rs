//! What a reader is told about lines.

use super::*;
use crate::cart::{ProblemKind, line_problems};
use crate::catalog::CurrencyPrices;
use crate::money::{LINE_AMOUNT_MAX, Money};

fn check(now: &[VariantFacts], expected: &[(&str, ProblemKind)]) {
    let mut cart = open(1);
    assert!(cart.run(add_row(&variant(1), 2, "1")).is_ok());
    assert!(cart.run(add(&variant(2), 1)).is_ok());
    assert!(cart.run(add_row(&variant(1), 3, "2")).is_ok());
    let facts = |id| now.iter().find(|facts| facts.variant_id == id);
    let problems = cart.entity.problems(facts);
    let listed: Vec<(&str, ProblemKind)> = problems
        .iter()
        .map(|problem| (&*problem.sku, problem.kind))
        .collect();
    assert_eq!(listed, expected);

    assert!(cart.run(lock(CHECKOUT)).is_ok());
    assert_eq!(
        cart.entity.problems(facts),
        problems,
        "who has started a checkout can still go back"
    );
    let freeze = LockForCheckout {
        scope: LockScope::Everything,
        ..lock(CHECKOUT)
    };
    assert!(cart.run(freeze).is_ok());
    assert_eq!(
        cart.entity.problems(facts),
        [],
        "what is being completed has nothing for its reader to mend"
    );
    assert_eq!(
        line_problems(cart.entity.lines(), facts),
        problems,
        "a checkout still sees them"
    );
}

#[test]
fn gone_disabled_unpriced_too_dear_and_short_lines_are_named() {
    check(&[variant(1), variant(2)], &[]);
    check(&[stocked(1, 5), stocked(2, 1)], &[]);
    check(&[variant(1)], &[("SKU-2", ProblemKind::Gone)]);
    let short = ProblemKind::Short { available: 4 };
    check(
        &[stocked(1, 4), variant(2)],
        &[("SKU-1", short), ("SKU-1", short)],
    );
    check(
        &[variant(1), stocked(2, -3)],
        &[("SKU-2", ProblemKind::Short { available: 0 })],
    );
    let disabled = VariantFacts {
        for_sale: false,
        available: Some(0),
        ..variant(2)
    };
    check(&[variant(1), disabled], &[("SKU-2", ProblemKind::Disabled)]);
    let unpriced = VariantFacts {
        prices: CurrencyPrices::default(),
        ..variant(2)
    };
    check(&[variant(1), unpriced], &[("SKU-2", ProblemKind::NoPrice)]);
    // Two and three units of a million millions come to too much, and one to the most.
    let risen = |n| priced(n, "1000000000000");
    let max = Money::new(LINE_AMOUNT_MAX, Currency::GBP);
    let too_much = ProblemKind::TooMuch { max };
    check(&[risen(1), risen(2)], &[("SKU-1", too_much), ("SKU-1", too_much)]);
}

#[test]
fn an_overridden_price_needs_no_other() {
    let unpriced = VariantFacts {
        prices: CurrencyPrices::default(),
        ..variant(1)
    };
    let mut cart = open(1);
    cart.caller = staff();
    assert!(
        cart.run(AddLine {
            unit_price: Some(gbp("1.00")),
            ..add(&unpriced, 1)
        })
        .is_ok()
    );
    assert_eq!(cart.entity.problems(|_| Some(&unpriced)), []);
}
