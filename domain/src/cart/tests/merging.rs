//! The merge rule: tables and properties.

use super::*;
use crate::cart::merge::{Merged, Survivor, WarningKind, merge};
use crate::cart::{ApplyCodes, ApplyStoredValue, ClearLines, MergeInto, State};
use crate::catalog::CurrencyPrices;
use crate::id::{EntityId, StoredValueId};
use crate::promotion::Code;
use crate::settings::MergeRule;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn merged(customer: &Bench<Cart>, guest: &Bench<Cart>, rule: MergeRule, facts: &[VariantFacts]) -> Merged {
    let find = |id| facts.iter().find(|facts| facts.variant_id == id);
    merge(
        Some(&customer.entity),
        &guest.entity,
        rule,
        Limits::default(),
        find,
    )
}

fn listed(merged: &Merged) -> Vec<(&str, u32)> {
    merged
        .lines
        .iter()
        .map(|line| (&*line.sku, line.quantity))
        .collect()
}

fn warned(merged: &Merged) -> Vec<(&str, WarningKind)> {
    merged
        .warnings
        .iter()
        .map(|warning| (&*warning.sku, warning.kind))
        .collect()
}

fn check_rule(rule: MergeRule, expected: &[(&str, u32)]) {
    let customer = filled(1, &[(&variant(1), 2), (&variant(2), 5), (&variant(3), 1)]);
    let guest = filled(2, &[(&variant(4), 9), (&variant(1), 3), (&variant(2), 4)]);
    let merged = merged(&customer, &guest, rule, &[]);
    assert_eq!(
        (listed(&merged), merged.survivor),
        (expected.to_vec(), Survivor::Customer),
        "{rule:?}"
    );
    assert_eq!(merged.warnings, []);
    let ids = |lines: &[Arc<crate::cart::Line>]| lines.iter().map(|line| line.id).collect::<Vec<_>>();
    assert_eq!(
        ids(&merged.lines[..3]),
        ids(&customer.entity.lines().to_vec()),
        "the customer's lines keep their ids"
    );
}

#[test]
fn the_setting_decides_where_both_carts_hold_a_line() {
    check_rule(
        MergeRule::Larger,
        &[("SKU-1", 3), ("SKU-2", 5), ("SKU-3", 1), ("SKU-4", 9)],
    );
    check_rule(
        MergeRule::Sum,
        &[("SKU-1", 5), ("SKU-2", 9), ("SKU-3", 1), ("SKU-4", 9)],
    );
    check_rule(
        MergeRule::Guest,
        &[("SKU-1", 3), ("SKU-2", 4), ("SKU-3", 1), ("SKU-4", 9)],
    );
    check_rule(
        MergeRule::Customer,
        &[("SKU-1", 2), ("SKU-2", 5), ("SKU-3", 1), ("SKU-4", 9)],
    );
}

#[test]
fn a_customer_cart_that_is_missing_empty_cleared_abandoned_or_held_never_wins() {
    let guest = filled(2, &[(&variant(1), 3)]);
    let check = |customer: Option<&Cart>| {
        let merged = merge(
            customer,
            &guest.entity,
            MergeRule::Larger,
            Limits::default(),
            |_| None,
        );
        assert_eq!(
            (merged.survivor, listed(&merged)),
            (Survivor::Guest, vec![("SKU-1", 3)])
        );
    };
    check(None);
    check(Some(&open(1).entity));
    let mut cleared = filled(1, &[(&variant(2), 1)]);
    assert!(cleared.run(ClearLines).is_ok());
    check(Some(&cleared.entity));
    let full = filled(1, &[(&variant(2), 1)]);
    check(Some(&Cart {
        state: State::Abandoned,
        ..full.entity
    }));
    let mut held = filled(1, &[(&variant(2), 1)]);
    assert!(held.run(lock(CHECKOUT)).is_ok());
    check(Some(&held.entity));
}

#[test]
fn a_guest_cart_that_was_merged_away_brings_nothing_again() {
    let mut customer = filled(1, &[(&variant(1), 2)]);
    let mut guest = filled(2, &[(&variant(1), 3)]);
    customer.entity.lines = merged(&customer, &guest, MergeRule::Sum, &[]).lines.into();
    assert_eq!(quantities(&customer), [5]);
    assert!(
        guest
            .run(MergeInto {
                survivor: customer.entity.id()
            })
            .is_ok()
    );
    let again = merged(&customer, &guest, MergeRule::Sum, &[]);
    assert_eq!(
        (again.survivor, listed(&again)),
        (Survivor::Customer, vec![("SKU-1", 5)])
    );

    assert!(customer.run(ClearLines).is_ok());
    let cleared = merged(&customer, &guest, MergeRule::Sum, &[]);
    assert_eq!(
        (cleared.survivor, listed(&cleared)),
        (Survivor::Customer, vec![]),
        "not even into a cleared cart"
    );
}

#[test]
fn stock_caps_a_variant_over_all_its_lines_with_a_warning() {
    let mut customer = open(1);
    assert!(customer.run(add_row(&variant(1), 4, "1")).is_ok());
    assert!(customer.run(add_row(&variant(1), 4, "2")).is_ok());
    assert!(customer.run(add_row(&variant(1), 4, "3")).is_ok());
    let guest = filled(2, &[(&variant(2), 1)]);
    let merged = merged(
        &customer,
        &guest,
        MergeRule::Larger,
        &[stocked(1, 6), stocked(2, 0)],
    );
    assert_eq!(listed(&merged), [("SKU-1", 4), ("SKU-1", 2)]);
    let reduced = WarningKind::Reduced {
        wanted: 4,
        quantity: 2,
    };
    let expected = [
        ("SKU-1", reduced),
        ("SKU-1", WarningKind::Dropped),
        ("SKU-2", WarningKind::Dropped),
    ];
    assert_eq!(warned(&merged), expected);
}

#[test]
fn limits_cap_what_is_left() {
    let customer = filled(1, &[(&variant(1), 7), (&variant(2), 1)]);
    let guest = filled(2, &[(&variant(1), 8), (&variant(3), 1)]);
    let limits = Limits {
        cart_lines_max: 2,
        line_units_max: 10,
    };
    let merged = merge(
        Some(&customer.entity),
        &guest.entity,
        MergeRule::Sum,
        limits,
        |_| None,
    );
    assert_eq!(listed(&merged), [("SKU-1", 10), ("SKU-2", 1)]);
    let reduced = WarningKind::Reduced {
        wanted: 15,
        quantity: 10,
    };
    assert_eq!(
        warned(&merged),
        [("SKU-1", reduced), ("SKU-3", WarningKind::Dropped)]
    );
}

#[test]
fn lines_of_another_currency_are_repriced_or_dropped() {
    let euro = Currency::of("EUR").expect("in the table");
    let in_euro = |n| VariantFacts {
        prices: Some(Price::new(9_000_000, euro)).into(),
        ..variant(n)
    };
    let mut guest = open(2);
    guest.entity.currency = euro;
    assert!(guest.run(add(&in_euro(1), 2)).is_ok());
    assert!(guest.run(add(&in_euro(2), 2)).is_ok());
    let customer = filled(1, &[(&variant(3), 1)]);
    let unpriced = VariantFacts {
        prices: CurrencyPrices::default(),
        ..variant(2)
    };
    let merged = merged(
        &customer,
        &guest,
        MergeRule::Larger,
        &[priced(1, "7.50"), unpriced],
    );
    assert_eq!(listed(&merged), [("SKU-3", 1), ("SKU-1", 2)]);
    assert_eq!(merged.lines[1].price_when_added, gbp("7.50"));
    let expected = [
        ("SKU-1", WarningKind::Repriced { from: euro }),
        ("SKU-2", WarningKind::NoPrice { from: euro }),
    ];
    assert_eq!(warned(&merged), expected);
}

/// Lines of a few variants, some kept apart by a row; and the stock of each variant.
type Lines = Vec<(u128, Option<u8>, u32)>;

fn lines() -> impl Strategy<Value = Lines> {
    prop::collection::vec((0..4_u128, prop::option::of(0..2_u8), 1..9_u32), 1..8)
}

fn cart_of(id: u128, lines: &Lines) -> Bench<Cart> {
    let mut cart = open(id);
    for (n, row, quantity) in lines {
        let command = match row {
            Some(row) => add_row(&variant(*n), *quantity, &row.to_string()),
            None => add(&variant(*n), *quantity),
        };
        cart.run(command).expect("the line fits");
    }
    cart
}

proptest! {
    #[test]
    fn merging_twice_changes_nothing_and_never_exceeds_stock(
        customer in lines(),
        guest in lines(),
        stock in prop::collection::vec(prop::option::of(0..12_i64), 4),
        rule in prop::sample::select(MergeRule::ALL),
    ) {
        let (mut customer, mut guest) = (cart_of(1, &customer), cart_of(2, &guest));
        let facts: Vec<VariantFacts> = (0..4).zip(&stock).map(|(n, available)| VariantFacts {
            available: *available,
            ..variant(n)
        }).collect();
        let first = merged(&customer, &guest, rule, &facts);

        let mut units: BTreeMap<VariantId, i64> = BTreeMap::new();
        for line in &first.lines {
            *units.entry(line.variant).or_default() += i64::from(line.quantity);
        }
        for facts in &facts {
            let held = units.get(&facts.variant_id).copied().unwrap_or(0);
            prop_assert!(facts.available.is_none_or(|available| held <= available));
        }
        for (index, line) in first.lines.iter().enumerate() {
            prop_assert!(!first.lines[..index].iter().any(|other| other.is_same_as(line)), "a line stands twice");
        }

        // A merge that leaves nothing leaves a cleared cart, which never wins: there is no second merge to compare.
        prop_assume!(!first.lines.is_empty());
        customer.entity.lines = first.lines.clone().into();
        if rule == MergeRule::Sum {
            // A sum is only counted once because the guest's cart is merged away with the first.
            let survivor = customer.entity.id();
            prop_assert_eq!(code(guest.run(MergeInto { survivor })), Ok(()));
        }
        prop_assert_eq!(merged(&customer, &guest, rule, &facts).lines, first.lines);
    }

    #[test]
    fn without_caps_the_larger_quantity_of_every_line_survives(customer in lines(), guest in lines()) {
        let (customer, guest) = (cart_of(1, &customer), cart_of(2, &guest));
        let result = merged(&customer, &guest, MergeRule::Larger, &[]);
        prop_assert_eq!(&result.warnings, &vec![]);
        let held = |cart: &Bench<Cart>, line: &crate::cart::Line| {
            cart.entity.lines().iter().find(|held| held.is_same_as(line)).map_or(0, |held| held.quantity)
        };
        for line in &result.lines {
            prop_assert_eq!(line.quantity, held(&customer, line).max(held(&guest, line)));
        }
        for line in customer.entity.lines().iter().chain(guest.entity.lines()) {
            prop_assert!(result.lines.iter().any(|merged| merged.is_same_as(line)), "a line was lost");
        }
    }
}

fn with_codes(cart: Bench<Cart>, range: std::ops::Range<usize>) -> Bench<Cart> {
    let code = |number: usize| Code::parse(&format!("CODE-{number}")).expect("it is one");
    let mut cart = cart;
    let command = ApplyCodes {
        codes: range.map(code).collect(),
        refused: Vec::new(),
    };
    assert_eq!(cart.run(command), Ok(Vec::new()));
    cart
}

#[test]
fn codes_are_united_the_survivors_first_and_as_many_as_a_cart_may_hold() {
    let check = |customer: &Bench<Cart>, guest: &Bench<Cart>, expected: &[usize]| {
        let merged = merged(customer, guest, MergeRule::Larger, &[]);
        let expected: Vec<_> = expected.iter().map(|number| format!("CODE-{number}")).collect();
        assert_eq!(
            merged.codes.iter().map(Code::as_str).collect::<Vec<_>>(),
            expected
        );
    };
    let customer = with_codes(filled(1, &[(&variant(1), 2)]), 0..3);
    let guest = with_codes(filled(2, &[(&variant(1), 3)]), 2..5);
    check(&customer, &guest, &[0, 1, 2, 3, 4]);
    let empty = with_codes(filled(3, &[]), 0..3);
    check(&empty, &guest, &[2, 3, 4, 0, 1]);
    let full = with_codes(filled(4, &[(&variant(1), 3)]), 2..12);
    check(&customer, &full, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn gift_cards_and_store_credit_are_united_the_survivors_first_and_as_many_as_a_cart_may_hold() {
    let value = |n: usize| StoredValueId::from_uuid(Uuid::from_u128(n as u128));
    let paid_with = |cart: Bench<Cart>, range: std::ops::Range<usize>| {
        let mut cart = cart;
        for n in range {
            assert_eq!(cart.run(ApplyStoredValue { value: value(n) }), Ok(()));
        }
        cart
    };
    let check = |customer: &Bench<Cart>, guest: &Bench<Cart>, expected: &[usize]| {
        let merged = merged(customer, guest, MergeRule::Larger, &[]);
        let expected: Vec<_> = expected.iter().map(|n| value(*n)).collect();
        assert_eq!(merged.stored_values, expected);
    };
    let customer = paid_with(filled(1, &[(&variant(1), 2)]), 0..2);
    let guest = paid_with(filled(2, &[(&variant(1), 3)]), 1..4);
    check(&customer, &guest, &[0, 1, 2, 3]);
    let empty = paid_with(filled(3, &[]), 0..2);
    check(&empty, &guest, &[1, 2, 3, 0]);
    let full = paid_with(filled(4, &[(&variant(1), 3)]), 2..7);
    check(&customer, &full, &[0, 1, 2, 3, 4]);

    // Merged away, it brings nothing again.
    let mut guest = guest;
    let survivor = customer.entity.id();
    assert_eq!(code(guest.run(MergeInto { survivor })), Ok(()));
    check(&customer, &guest, &[0, 1]);
}
