//! Adding, changing and removing lines.

use super::*;
use crate::cart::{ClearLines, Error, Event, Patch, RemoveLine, SetQuantity, State, UpdateDetails};
use crate::catalog::{CurrencyPrices, ListPrice};
use crate::entity::Command;
use crate::id::PriceListId;
use std::sync::Arc;

fn set(line: LineId, quantity: u32, facts: &VariantFacts) -> SetQuantity {
    SetQuantity {
        line,
        quantity,
        facts: Some(facts.clone()),
        limits: Limits::default(),
    }
}

/// Checks that a command is accepted and leaves neither change nor event, so that the revision stays.
fn check_unchanged(cart: &mut Bench<Cart>, command: impl Command<Cart>) {
    let (before, events) = (cart.entity.clone(), cart.events.len());
    cart.now = cart.now.after(DAY);
    assert!(cart.run(command).is_ok());
    assert_eq!((&cart.entity, cart.events.len()), (&before, events));
}

fn check_refused(cart: &mut Bench<Cart>, command: impl Command<Cart>, expected: &str) -> Error {
    let before = cart.entity.clone();
    let refused = cart.run(command).err().expect("the command is refused");
    assert_eq!((refused.code(), &cart.entity), (expected, &before));
    refused
}

#[test]
fn two_hundred_adds_of_one_make_one_line_of_200() {
    let mut cart = open(1);
    for _ in 0..200 {
        assert!(cart.run(add(&variant(1), 1)).is_ok());
    }
    assert_eq!(quantities(&cart), [200]);
    assert_eq!(cart.events.len(), 201);
    assert_eq!(cart.entity.state(), State::Active);
}

#[test]
fn the_same_line_adds_up_and_an_unlike_one_stays_apart() {
    let mut cart = open(1);
    cart.caller = staff();
    let large = Attributes::from([("size".to_owned(), "L".to_owned())]);
    let overridden = |price| AddLine {
        unit_price: Some(gbp(price)),
        ..add(&variant(1), 1)
    };
    let commands = [
        add(&variant(1), 1),
        AddLine {
            options: large.clone(),
            ..add(&variant(1), 1)
        },
        AddLine {
            custom_fields: large,
            ..add(&variant(1), 1)
        },
        overridden("1.00"),
        overridden("1.01"),
        add(&variant(2), 1),
    ];
    for expected in [[1; 6], [2; 6], [3; 6]] {
        for command in &commands {
            assert!(cart.run(command.clone()).is_ok());
        }
        assert_eq!(quantities(&cart), expected);
    }
    let lines = cart.entity.lines().iter();
    let attribute_bytes: Vec<usize> = lines.map(|line| line.attribute_bytes()).collect();
    assert_eq!(attribute_bytes, [0, 5, 5, 0, 0, 0]);
}

#[test]
fn a_line_says_what_it_cost_when_it_was_added_first() {
    let mut cart = open(1);
    assert!(cart.run(add(&priced(1, "2.00"), 1)).is_ok());
    assert!(cart.run(add(&priced(1, "3.00"), 1)).is_ok());
    let line = Arc::clone(&cart.entity.lines()[0]);
    assert_eq!((line.price_when_added, line.quantity), (gbp("2.00"), 2));
    let now = Some(gbp("1.50"));
    assert_eq!(line.unit_price(now), gbp("1.50"));
    assert_eq!(
        line.unit_price(now).minus(line.price_when_added),
        Ok(gbp("-0.50"))
    );
    assert_eq!(line.unit_price(None), gbp("2.00"));
}

#[test]
fn only_staff_override_a_unit_price_and_the_line_names_them() {
    let override_at = |price| AddLine {
        unit_price: Some(gbp(price)),
        ..add(&variant(1), 1)
    };
    let mut shopper = open(1);
    assert!(shopper.run(override_at("0.01")).is_ok());
    assert_eq!(shopper.entity.lines()[0].overridden(), None);

    let mut cart = open(2);
    cart.caller = staff();
    assert!(cart.run(override_at("0.001")).is_ok());
    let held = cart.entity.lines()[0]
        .price_override
        .clone()
        .expect("the price is overridden");
    assert_eq!((held.unit_price, held.by.as_str()), (gbp("0.001"), "staff:ada"));
    assert_eq!(
        cart.entity.lines()[0].unit_price(variant(1).price(Currency::GBP, 1)),
        gbp("0.001")
    );

    assert!(cart.run(override_at("0")).is_ok(), "free lines are legal");
    check_refused(&mut cart, override_at("-0.000001"), "cart.negative_price");
    assert!(
        cart.run(override_at("1000000000")).is_ok(),
        "as a variant may cost"
    );
    check_refused(&mut cart, override_at("1000000000.000001"), "cart.price_too_high");
    let euro = Price::new(1, Currency::of("EUR").expect("in the table"));
    let in_euro = AddLine {
        unit_price: Some(euro),
        ..add(&variant(1), 1)
    };
    check_refused(&mut cart, in_euro, "cart.other_currency");
}

#[test]
fn more_units_at_a_price_that_staff_have_set_are_for_staff_to_give() {
    let mut cart = open(1);
    cart.caller = staff();
    let at_staffs_price = AddLine {
        unit_price: Some(gbp("0.01")),
        ..add(&variant(1), 3)
    };
    assert!(cart.run(at_staffs_price).is_ok());
    let line = cart.entity.lines()[0].id;
    cart.caller = Caller::default();
    check_refused(&mut cart, set(line, 4, &variant(1)), "cart.price_overridden");
    assert_eq!(code(cart.run(set(line, 2, &variant(1)))), Ok(()));
    check_refused(&mut cart, set(line, 3, &variant(1)), "cart.price_overridden");
    cart.caller = staff();
    assert_eq!(code(cart.run(set(line, 4, &variant(1)))), Ok(()));
}

#[test]
fn only_staff_say_when_a_cart_is_priced_and_the_cart_names_them() {
    let mut cart = filled(1, &[(&variant(1), 1)]);
    let at = |millis| UpdateDetails {
        priced_at: Patch::Set(Timestamp::from_millis(millis)),
        ..UpdateDetails::default()
    };
    check_unchanged(&mut cart, at(5));
    cart.caller = staff();
    assert_eq!(code(cart.run(at(5))), Ok(()));
    let held = cart.entity.pricing_date().expect("staff have set it");
    assert_eq!((held.at.millis(), held.by.as_str()), (5, "staff:ada"));
    check_unchanged(&mut cart, at(5));
    cart.caller = Caller::default();
    let clear = || UpdateDetails {
        priced_at: Patch::Clear,
        ..UpdateDetails::default()
    };
    check_unchanged(&mut cart, clear());
    cart.caller = staff();
    assert_eq!(code(cart.run(clear())), Ok(()));
    assert_eq!(cart.entity.pricing_date(), None);
}

#[test]
fn a_variant_without_a_price_is_for_sale_to_staff_who_set_one() {
    let unpriced = VariantFacts {
        prices: CurrencyPrices::default(),
        ..variant(1)
    };
    let mut cart = open(1);
    check_refused(&mut cart, add(&unpriced, 1), "cart.not_for_sale");
    cart.caller = staff();
    check_refused(&mut cart, add(&unpriced, 1), "cart.not_for_sale");
    let with_price = AddLine {
        unit_price: Some(gbp("4.00")),
        ..add(&unpriced, 1)
    };
    assert!(cart.run(with_price.clone()).is_ok());
    let disabled = VariantFacts {
        for_sale: false,
        ..unpriced
    };
    check_refused(
        &mut cart,
        AddLine {
            facts: disabled,
            ..with_price
        },
        "cart.not_for_sale",
    );
}

#[test]
fn stock_is_checked_for_the_whole_cart_over_all_lines_of_the_variant() {
    let item = stocked(1, 5);
    let mut cart = open(1);
    assert!(cart.run(add_row(&item, 2, "1")).is_ok());
    assert!(cart.run(add_row(&item, 2, "2")).is_ok());
    assert!(cart.run(add(&stocked(2, 1), 1)).is_ok());
    let refused = check_refused(&mut cart, add_row(&item, 2, "3"), "cart.insufficient_stock");
    let available = refused
        .details()
        .into_iter()
        .find(|(name, _)| name == "available");
    assert_eq!(available, Some(("available".to_owned(), 5_i64.into())));
    assert!(cart.run(add_row(&item, 1, "3")).is_ok());
    check_refused(&mut cart, add_row(&item, 1, "3"), "cart.insufficient_stock");
    assert_eq!(quantities(&cart), [2, 2, 1, 1]);

    // An oversold variant has less than nothing: the refusal says zero.
    let oversold = stocked(3, -4);
    let refused = check_refused(&mut cart, add(&oversold, 1), "cart.insufficient_stock");
    assert_eq!(refused.to_string(), "only 0 of SKU-3 are available");
}

#[test]
fn more_units_are_checked_and_fewer_never_refused() {
    let item = stocked(1, 5);
    let mut cart = filled(1, &[(&item, 5)]);
    let line = first_line(&cart);
    check_refused(&mut cart, set(line, 6, &item), "cart.insufficient_stock");
    let short = stocked(1, 1);
    assert!(cart.run(set(line, 4, &short)).is_ok());
    check_refused(&mut cart, set(line, 5, &short), "cart.insufficient_stock");
    let gone = SetQuantity {
        facts: None,
        ..set(line, 3, &item)
    };
    assert!(cart.run(gone.clone()).is_ok());
    check_refused(
        &mut cart,
        SetQuantity { quantity: 4, ..gone },
        "cart.not_for_sale",
    );
    let disabled = VariantFacts {
        for_sale: false,
        ..item
    };
    check_refused(&mut cart, set(line, 4, &disabled), "cart.not_for_sale");
    assert_eq!(quantities(&cart), [3]);
}

#[test]
fn quantity_zero_removes_the_line_and_an_emptied_cart_stays_active() {
    let mut cart = filled(1, &[(&variant(1), 2), (&variant(2), 3)]);
    let line = first_line(&cart);
    assert!(cart.run(set(line, 0, &variant(1))).is_ok());
    assert_eq!(quantities(&cart), [3]);
    check_refused(&mut cart, set(line, 1, &variant(1)), "cart.line_not_found");
    check_refused(&mut cart, RemoveLine { line }, "cart.line_not_found");
    let line = first_line(&cart);
    assert!(cart.run(RemoveLine { line }).is_ok());
    assert_eq!((quantities(&cart), cart.entity.state()), (vec![], State::Active));
    assert_eq!(
        cart.events.last(),
        Some(&Event::LineRemoved {
            line,
            variant: variant(2).variant_id,
            quantity: 3
        })
    );
}

#[test]
fn adding_nothing_is_refused() {
    check_refused(&mut open(1), add(&variant(1), 0), "cart.quantity_zero");
}

#[test]
fn what_changes_nothing_leaves_no_trace() {
    let mut cart = filled(1, &[(&variant(1), 2)]);
    let line = first_line(&cart);
    check_unchanged(&mut cart, set(line, 2, &stocked(1, 0)));
    assert!(cart.run(ClearLines).is_ok());
    assert_eq!(cart.events.last(), Some(&Event::Cleared { lines: 1 }));
    check_unchanged(&mut cart, ClearLines);
}

#[test]
fn a_line_holds_its_limit_of_units_and_no_more() {
    let limits = Limits {
        line_units_max: 10,
        ..Limits::default()
    };
    let limited = |quantity| AddLine {
        limits,
        ..add(&variant(1), quantity)
    };
    let mut cart = open(1);
    check_refused(&mut cart, limited(11), "cart.quantity_too_large");
    assert!(cart.run(limited(9)).is_ok());
    check_refused(&mut cart, limited(2), "cart.quantity_too_large");
    assert!(cart.run(limited(1)).is_ok());
    check_refused(&mut cart, limited(u32::MAX), "cart.quantity_too_large");
    let line = first_line(&cart);
    let more = SetQuantity {
        limits,
        ..set(line, 11, &variant(1))
    };
    let refused = check_refused(&mut cart, more, "cart.quantity_too_large");
    assert_eq!(refused.to_string(), "a line may hold at most 10 units");
}

#[test]
fn what_makes_a_line_come_to_too_much_is_refused() {
    // A million units come to the most, 10 to the 14th pence.
    let (most, more) = (priced(1, "1000000"), priced(1, "1000000.000001"));
    let mut cart = open(1);
    let refused = check_refused(&mut cart, add(&more, 1_000_000), "cart.line_too_much");
    assert_eq!(
        refused.to_string(),
        "a line may come to at most 1000000000000.00 GBP"
    );
    assert!(cart.run(add(&more, 999_999)).is_ok());
    check_refused(&mut cart, add(&more, 1), "cart.line_too_much");
    let line = first_line(&cart);
    check_refused(&mut cart, set(line, 1_000_000, &more), "cart.line_too_much");
    assert!(cart.run(set(line, 1_000_000, &most)).is_ok());
    assert!(cart.run(set(line, 999_999, &priced(1, "9000000000000"))).is_ok());
    cart.caller = staff();
    let overridden = AddLine {
        unit_price: Some(gbp("1000000.000001")),
        ..add(&variant(1), 1_000_000)
    };
    check_refused(&mut cart, overridden, "cart.line_too_much");
}

#[test]
fn what_is_added_to_a_line_is_priced_by_the_units_of_the_line() {
    let from_ten = VariantFacts {
        prices: CurrencyPrices::default(),
        list_prices: vec![ListPrice {
            list: PriceListId(Uuid::from_u128(1)),
            from_quantity: 10,
            price: gbp("2.00"),
        }],
        ..variant(1)
    };
    let mut cart = open(1);
    check_refused(&mut cart, add(&from_ten, 9), "cart.no_price");
    assert!(cart.run(add(&from_ten, 10)).is_ok());
    assert!(cart.run(add(&from_ten, 5)).is_ok());
    assert_eq!(quantities(&cart), [15]);
    // Another line has units of its own.
    check_refused(&mut cart, add_row(&from_ten, 5, "1"), "cart.no_price");
}

#[test]
fn what_an_empty_cart_would_refuse_is_refused_before_there_is_one() {
    let check = |add: AddLine, caller: &Caller, expected: Result<(), &str>| {
        assert_eq!(code(add.check_first(caller, Currency::GBP)), expected);
        let mut cart = open(1);
        cart.caller = caller.clone();
        assert_eq!(code(cart.run(add).map(|_| ())), expected);
    };
    let shopper = Caller::default();
    check(add(&stocked(1, 5), 5), &shopper, Ok(()));
    check(add(&stocked(1, 5), 6), &shopper, Err("cart.insufficient_stock"));
    check(add(&variant(1), 0), &shopper, Err("cart.quantity_zero"));
    let free = AddLine {
        unit_price: Some(gbp("-1")),
        ..add(&variant(1), 1)
    };
    check(free.clone(), &shopper, Ok(()));
    check(free, &staff(), Err("cart.negative_price"));
}

#[test]
fn a_cart_holds_2000_lines_and_no_more() {
    let mut cart = open(1);
    for row in 0..2_000 {
        assert!(cart.run(add_row(&variant(1), 1, &row.to_string())).is_ok());
    }
    let refused = check_refused(&mut cart, add(&variant(1), 1), "cart.too_many_lines");
    assert_eq!(
        refused.to_string(),
        "the cart holds 2000 lines, the most it may hold"
    );
    assert!(
        cart.run(add_row(&variant(1), 1, "7")).is_ok(),
        "a line that is the same still takes units"
    );
}

#[test]
fn options_and_custom_fields_are_bounded_and_every_bad_one_is_listed() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let bad = AddLine {
        options: Attributes::from([pair("size", &"x".repeat(256)), pair("", "y")]),
        custom_fields: Attributes::from([pair("a/b", "line\nbreak"), pair("fine", "")]),
        ..add(&variant(1), 1)
    };
    let refused = check_refused(&mut open(1), bad, "request.invalid_fields");
    let Error::Fields(errors) = refused else {
        panic!("expected fields, got {refused:?}")
    };
    let pointers: Vec<&str> = errors
        .as_slice()
        .iter()
        .map(|error| error.pointer.as_str())
        .collect();
    assert_eq!(pointers, ["/options/", "/options/size", "/custom_fields/a~1b"]);

    let fields = |count: usize| {
        (0..count)
            .map(|n| pair(&n.to_string(), "v"))
            .collect::<Attributes>()
    };
    let with = |count| AddLine {
        custom_fields: fields(count),
        ..add(&variant(1), 1)
    };
    assert!(open(1).run(with(20)).is_ok());
    check_refused(&mut open(1), with(21), "request.invalid_fields");
}

#[test]
fn copies_share_their_lines() {
    let cart = filled(1, &[(&variant(1), 1), (&variant(2), 1)]);
    let copy = cart.entity.clone();
    let shared = copy
        .lines()
        .iter()
        .zip(cart.entity.lines())
        .all(|(left, right)| Arc::ptr_eq(left, right));
    assert!(shared);
}
