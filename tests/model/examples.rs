//! Carts priced by hand: each amount is worked out above it, and must be the model's as well as the engine's.

use crate::case::{
    Action, Bill, Calculator, Cart, Case, Charge, Conditions, DatedRate, Form, Line, ListPrice, Method,
    PriceList, Promotion, Reduction, Selection, Sets, Store, TaxedBy, Value, Zone,
};
use crate::ratio::Rounding;
use crate::{engine, money};

/// Home and two other countries; the last is in no zone.
const HOME: u8 = 0;
const ABROAD: u8 = 1;
const ELSEWHERE: u8 = 2;

/// A line: unit price, quantity, least unit price. The first is of product 1, the next of product 2, and so on.
type Row = (&'static str, u32, Option<&'static str>);

/// A cart in pounds, at home, of a store whose prices have 20% tax on top; 19% abroad, and 10% of what is shipped.
fn case(rows: &[Row], promotions: Vec<Promotion>) -> Case {
    let always = |rate: &str| {
        let rate = rate.to_owned();
        vec![vec![DatedRate {
            from: None,
            until: None,
            rate,
        }]]
    };
    let rates = |standard: &str| vec![(0, always(standard)), (1, always("0.1"))];
    let zone = |country, standard| Zone {
        country,
        rates: rates(standard),
    };
    let line = |(number, (price, quantity, minimum)): (u8, &Row)| Line {
        quantity: *quantity,
        price: (*price).to_owned(),
        list_prices: Vec::new(),
        minimum: minimum.map(str::to_owned),
        category: 0,
        variant: number,
        product: number,
        shelves: Vec::new(),
        grams: 0,
        digital: false,
    };
    Case {
        store: Store {
            rounding: Rounding::HalfUp,
            inclusive: false,
            strips: false,
            home: HOME,
            zones: vec![zone(HOME, "0.2"), zone(ABROAD, "0.19")],
            methods: vec![Method {
                currency: "GBP",
                charge: Charge::Flat(395),
                handling: 0,
                free_from: Some(5_000),
                worth: (None, None),
                weight: (None, None),
                quantity: (None, None),
                only_shelves: Vec::new(),
                not_shelves: Vec::new(),
                category: 1,
                countries: Vec::new(),
                except: Vec::new(),
            }],
            promotions,
            lists: Vec::new(),
            calculator: None,
        },
        cart: Cart {
            currency: "GBP",
            lines: (1..).zip(rows).map(line).collect(),
            destination: Some(HOME),
            method: None,
            now: 1_000,
            codes: Vec::new(),
            groups: Vec::new(),
            has_ordered: None,
            exempt: false,
            used_up: Vec::new(),
            has_customer: false,
            in_checkout: false,
            values: Vec::new(),
        },
    }
}

/// A promotion of that number, the lower the older, that applies to any cart.
fn promotion(number: u8, action: Action) -> Promotion {
    Promotion {
        number,
        created_at: number.into(),
        code: None,
        priority: 0,
        exclusive: false,
        enabled: true,
        currency: "GBP",
        conditions: Conditions::default(),
        actions: vec![action],
    }
}

fn percent(rate: &str) -> Reduction {
    Reduction::Percentage(rate.to_owned())
}

fn products(numbers: &[u8]) -> Option<Selection> {
    Some(Selection {
        products: numbers.to_vec(),
        ..Selection::default()
    })
}

fn lines(numbers: &[u8], reduction: Reduction, each: bool) -> Action {
    Action::Lines {
        items: products(numbers),
        reduction,
        each,
    }
}

fn sets(buy: u32, get: u32, percentage: &str) -> Sets {
    Sets {
        buy,
        buy_items: None,
        get,
        get_items: None,
        percentage: percentage.to_owned(),
        dearest: false,
        sets_max: None,
    }
}

/// Prices a cart by both and returns the bill.
#[track_caller]
fn priced(case: &Case) -> Bill {
    let bill = money::priced(case);
    assert_eq!(engine::priced(case), bill, "the engine says what the model says");
    bill
}

#[track_caller]
fn check_discounts(case: &Case, expected: &[i128]) {
    let found: Vec<i128> = priced(case).lines.iter().map(|line| line.discount).collect();
    assert_eq!(found, expected);
}

/// Checks the tax of each line, what shipping costs, and the total.
#[track_caller]
fn check_total(case: &Case, taxes: &[i128], shipping: i128, total: i128) {
    let bill = priced(case);
    let tax = bill.lines.iter().map(|line| line.tax.as_ref());
    let found: Vec<i128> = tax.map(|tax| tax.map_or(0, |tax| tax.amount)).collect();
    assert_eq!(
        (found.as_slice(), bill.shipping, bill.total),
        (taxes, shipping, total)
    );
}

#[test]
fn a_line_is_unit_price_times_quantity_rounded_once() {
    let check = |currency, price, quantity, rounding, amount| {
        let mut case = case(&[(price, quantity, None)], Vec::new());
        (case.cart.currency, case.store.rounding) = (currency, rounding);
        assert_eq!(
            priced(&case).lines[0].amount,
            amount,
            "{quantity} x {price} {currency}"
        );
    };
    // 3 x 0.335 is 1.005: a tie.
    check("GBP", "0.335", 3, Rounding::HalfUp, 101);
    check("GBP", "0.335", 3, Rounding::HalfEven, 100);
    check("GBP", "0.335", 3, Rounding::HalfDown, 100);
    // 1,000,000 x 0.000001 is 1; a yen has no decimals, a dinar three.
    check("GBP", "0.000001", 1_000_000, Rounding::HalfUp, 100);
    check("JPY", "0.5", 3, Rounding::HalfEven, 2);
    check("KWD", "0.0015", 3, Rounding::HalfUp, 5);
}

#[test]
fn tax_is_on_top_of_what_the_discount_leaves_line_by_line() {
    // 10.00 off 20.00 + 10.00 is 6.67 + 3.33. 20% of 13.33 is 2.666, so 2.67; of 6.67 1.334, so 1.33.
    let ten = promotion(1, Action::Order(Reduction::Fixed(1_000)));
    let case = case(&[("20", 1, None), ("10", 1, None)], vec![ten]);
    check_discounts(&case, &[667, 333]);
    check_total(&case, &[267, 133], 0, 2_400);
}

#[test]
fn contained_tax_is_kept_abroad_or_stripped() {
    let mut case = case(&[("12", 1, None)], Vec::new());
    case.store.inclusive = true;
    // 12.00 / 1.2 = 10.00.
    check_total(&case, &[200], 0, 1_200);
    // 12.00 / 1.19 = 10.0840, so 10.08.
    case.cart.destination = Some(ABROAD);
    check_total(&case, &[192], 0, 1_200);
    // 12.00 / 1.2 = 10.00, and 19% of it on top.
    case.store.strips = true;
    check_total(&case, &[190], 0, 1_190);
    case.cart.destination = Some(ELSEWHERE);
    check_total(&case, &[0], 0, 1_000);
    case.store.strips = false;
    check_total(&case, &[0], 0, 1_200);
}

#[test]
fn an_estimate_is_in_no_sum() {
    let mut case = case(&[("10", 1, None)], Vec::new());
    case.cart.destination = None;
    let bill = priced(&case);
    assert_eq!(
        (bill.tax, bill.tax_estimate, bill.total),
        (None, Some(200), 1_000)
    );
    // 10.00 / 1.2 = 8.3333, so 1.67 is contained.
    case.store.inclusive = true;
    let bill = priced(&case);
    assert_eq!(
        (bill.tax_included, bill.tax_estimate, bill.total),
        (167, Some(167), 1_000)
    );
}

#[test]
fn shipping_is_a_line_of_its_own() {
    let order = promotion(1, Action::Order(percent("0.5")));
    let post = promotion(2, Action::Shipping(percent("0.1")));
    let mut case = case(&[("60", 1, None)], vec![order]);
    case.cart.method = Some(0);
    // 30.00 is left, less than the 50.00 from which it is free. 6.00 on it, 10% of 3.95 is 0.395, so 0.40.
    check_total(&case, &[600], 395, 3_000 + 395 + 600 + 40);
    // 10% off 3.95 is 0.40 again; 10% of 3.55 is 0.355, so 0.36.
    case.store.promotions.push(post);
    check_total(&case, &[600], 355, 3_000 + 355 + 600 + 36);
    case.store.promotions.clear();
    check_total(&case, &[1_200], 0, 7_200);
    case.cart.lines.clear();
    check_total(&case, &[], 0, 0);
}

#[test]
fn left_over_units_go_to_the_largest_fractions_and_the_earlier_lines() {
    let off = |amount| vec![promotion(1, Action::Order(Reduction::Fixed(amount)))];
    let three = [("10", 1, None); 3];
    // 0.3333 each: the unit that is left over goes to the first; two to the first two.
    check_discounts(&case(&three, off(100)), &[34, 33, 33]);
    check_discounts(&case(&three, off(101)), &[34, 34, 33]);
    // 1.00 over 1 : 2 : 0 is 0.3333, 0.6667 and nothing.
    check_discounts(
        &case(&[("1", 1, None), ("2", 1, None), ("0", 1, None)], off(100)),
        &[33, 67, 0],
    );
    check_discounts(&case(&[("0", 3, None)], off(100)), &[0]);
}

#[test]
fn what_a_line_has_no_room_for_goes_to_the_others() {
    let off = |amount| vec![promotion(1, Action::Order(Reduction::Fixed(amount)))];
    let rows = [("10", 1, Some("9")), ("10", 1, Some("5")), ("20", 1, None)];
    // 18.00 by 1 : 1 : 2 is 4.50, 4.50, 9.00; the first has room for 1.00. 17.00 by 1 : 2 is 5.67 and 11.33; the
    // second has room for 5.00. 12.00 are left for the third.
    check_discounts(&case(&rows, off(1_800)), &[100, 500, 1_200]);
    // 1.00 + 5.00 + 20.00 is all the room there is.
    check_discounts(&case(&rows, off(9_900)), &[100, 500, 2_000]);
    // Of each: half of 10.00 is above the room of the first, and stays where it is.
    let each = promotion(1, lines(&[1, 3], percent("0.5"), true));
    check_discounts(&case(&rows, vec![each]), &[100, 0, 1_000]);
}

#[test]
fn line_actions_are_across_their_sum_or_of_each() {
    let rows = [("0.99", 1, None), ("0.99", 2, None), ("0.99", 1, None)];
    let by = |reduction, each| case(&rows, vec![promotion(1, lines(&[1, 2], reduction, each))]);
    // 0.5% of 2.97 is 0.01485, so 0.01: 0.0033 and 0.0067. Of each: 0.00495 and 0.0099.
    check_discounts(&by(percent("0.005"), false), &[0, 1, 0]);
    check_discounts(&by(percent("0.005"), true), &[0, 1, 0]);
    // 5% of 2.97 is 0.1485, so 0.15: 0.05 and 0.10. 0.30 once is 0.10 and 0.20, of each unit 0.30 and 0.60.
    check_discounts(&by(percent("0.05"), false), &[5, 10, 0]);
    check_discounts(&by(Reduction::Fixed(30), false), &[10, 20, 0]);
    check_discounts(&by(Reduction::Fixed(30), true), &[30, 60, 0]);
}

#[test]
fn later_promotions_see_what_earlier_ones_left() {
    let row = [("100", 1, None)];
    let tenth = |number| promotion(number, Action::Order(percent("0.1")));
    let off = |priority| Promotion {
        priority,
        ..promotion(3, Action::Order(Reduction::Fixed(2_000)))
    };
    // 10% of 100.00, then 10% of 90.00; 20.00 before 10% of 80.00, or after 10% of 100.00.
    check_discounts(&case(&row, vec![tenth(2), tenth(1)]), &[1_900]);
    check_discounts(&case(&row, vec![tenth(1), off(1)]), &[2_800]);
    check_discounts(&case(&row, vec![off(0), tenth(1)]), &[3_000]);
    // 95.00 are there for the first, and no longer for the second.
    let from = |number| Promotion {
        conditions: Conditions {
            subtotal_from: Some(9_500),
            ..Conditions::default()
        },
        ..tenth(number)
    };
    check_discounts(&case(&row, vec![from(1), from(2)]), &[1_000]);
}

#[test]
fn an_exclusive_promotion_that_qualifies_is_alone() {
    let exclusive = |number, priority, rate| Promotion {
        priority,
        exclusive: true,
        ..promotion(number, Action::Order(percent(rate)))
    };
    let mut promotions = vec![
        promotion(1, Action::Order(percent("0.5"))),
        promotion(2, Action::Shipping(percent("1"))),
        exclusive(3, -2, "0.2"),
        exclusive(4, -1, "0.1"),
    ];
    // The fourth threshold holds of 10.00, not of the 5.00 that the first would leave: without others it qualifies.
    promotions[3].conditions.subtotal_from = Some(1_000);
    let mut case = case(&[("10", 1, None)], promotions);
    case.cart.method = Some(0);
    // 9.00, 20% of it, 3.95 and 10% of that.
    check_discounts(&case, &[100]);
    check_total(&case, &[180], 395, 900 + 180 + 395 + 40);
    case.store.promotions[3].conditions.subtotal_from = Some(1_001);
    check_discounts(&case, &[200]);
}

#[test]
fn got_units_are_worth_what_they_are_and_rounded_with_the_percentage() {
    let give = |sets| vec![promotion(1, Action::Sets(sets))];
    // Two units for 0.05: one is worth 0.025, half of that is 0.0125, so 0.01. Free: 0.025, so 0.03.
    check_discounts(&case(&[("0.025", 2, None)], give(sets(1, 1, "0.5"))), &[1]);
    check_discounts(&case(&[("0.025", 2, None)], give(sets(1, 1, "1"))), &[3]);
    // Three units for 0.05 and two for 0.05: four are got, the cheaper three and 0.025, together 0.075. Half of that is
    // 0.0375, so 0.04, by 0.05 : 0.025: 0.0267 and 0.0133.
    let rows = [("0.0166", 3, None), ("0.025", 2, None)];
    check_discounts(&case(&rows, give(sets(1, 4, "0.5"))), &[3, 1]);
    // Eleven units of 2 + 1 are three sets: both of 1.00 and one of 3.00.
    let rows = [("3", 9, None), ("1", 2, None)];
    check_discounts(&case(&rows, give(sets(2, 1, "1"))), &[300, 200]);
    let dearest = Sets {
        dearest: true,
        sets_max: Some(2),
        ..sets(2, 1, "1")
    };
    check_discounts(&case(&rows, give(dearest)), &[600, 0]);
}

#[test]
fn a_unit_is_bought_or_got() {
    let from = |buy_items: &[u8], get_items: &[u8]| {
        let sets = Sets {
            buy_items: products(buy_items),
            get_items: products(get_items),
            ..sets(2, 1, "1")
        };
        vec![promotion(1, Action::Sets(sets))]
    };
    // Both of product 2 are bought, so that the dearer 1 is got; of three the third is got.
    check_discounts(
        &case(&[("5", 1, None), ("2", 2, None)], from(&[2], &[1, 2])),
        &[500, 0],
    );
    check_discounts(
        &case(&[("5", 1, None), ("2", 3, None)], from(&[2], &[1, 2])),
        &[0, 200],
    );
}

#[test]
fn a_promotion_for_several_groups_applies_once() {
    let tenth = Promotion {
        conditions: Conditions {
            groups: vec![1, 2],
            ..Conditions::default()
        },
        ..promotion(1, Action::Order(percent("0.1")))
    };
    let mut case = case(&[("10", 1, None)], vec![tenth]);
    check_discounts(&case, &[0]);
    case.cart.groups = vec![2];
    check_discounts(&case, &[100]);
    case.cart.groups = vec![1, 2];
    check_discounts(&case, &[100]);
}

#[test]
fn a_code_unlocks_its_promotion_in_letters_of_any_case() {
    let coded = Promotion {
        code: Some("TEN".to_owned()),
        ..promotion(1, Action::Order(percent("0.1")))
    };
    let mut case = case(&[("10", 1, None)], vec![coded]);
    check_discounts(&case, &[0]);
    case.cart.codes = vec!["NONESUCH".to_owned(), "TEN".to_owned()];
    check_discounts(&case, &[100]);
    case.store.promotions[0].code = Some("ten".to_owned());
    check_discounts(&case, &[100]);
    case.store.promotions[0].conditions.quantity_from = Some(2);
    assert_eq!(priced(&case).codes[1], ("TEN".to_owned(), false));
}

#[test]
fn an_exempt_buyer_pays_what_is_left_without_tax() {
    let mut case = case(&[("12", 1, None)], Vec::new());
    case.cart.exempt = true;
    check_total(&case, &[0], 0, 1_200);
    // 12.00 / 1.2; abroad 12.00 / 1.19 = 10.0840.
    case.store.inclusive = true;
    check_total(&case, &[0], 0, 1_000);
    case.cart.destination = Some(ABROAD);
    check_total(&case, &[0], 0, 1_008);
}

/// A list of that number, the lower the older, for everybody and always.
fn price_list(number: u8, priority: i32, groups: &[u8]) -> PriceList {
    PriceList {
        number,
        created_at: number.into(),
        priority,
        groups: groups.to_vec(),
        from: None,
        until: None,
        enabled: true,
    }
}

fn list_price(list: u8, from_quantity: u32, price: &str) -> ListPrice {
    ListPrice {
        list,
        currency: "GBP",
        from_quantity,
        price: price.to_owned(),
    }
}

#[test]
fn of_the_lists_with_a_price_the_first_by_priority_groups_and_age_counts() {
    let mut case = case(&[("10", 10, None)], Vec::new());
    case.store.lists = vec![
        price_list(1, 0, &[]),
        price_list(2, 0, &[1]),
        price_list(3, 0, &[1]),
        price_list(4, 1, &[2]),
    ];
    let check = |case: &Case, amount| assert_eq!(priced(case).subtotal, amount);
    let row = |case: &mut Case, list, from, price| {
        case.cart.lines[0].list_prices.push(list_price(list, from, price));
    };
    // Nobody has a price: ten at 10.00.
    check(&case, 10_000);
    // By the list for everybody, above the usual price; from 11 units on it would be 9.00.
    row(&mut case, 1, 1, "11");
    row(&mut case, 1, 11, "9");
    check(&case, 11_000);
    // From 2 units on it is 8.00, from 10 on 7.50: ten are ten.
    row(&mut case, 1, 2, "8");
    row(&mut case, 1, 10, "7.5");
    check(&case, 7_500);
    // Of equal priority a list for groups counts before one for everybody, and the older of two.
    row(&mut case, 3, 1, "9.5");
    check(&case, 7_500);
    case.cart.groups = vec![1, 2];
    check(&case, 9_500);
    row(&mut case, 2, 1, "9.8");
    check(&case, 9_800);
    // The highest priority counts where it has a price for so many.
    row(&mut case, 4, 11, "1");
    check(&case, 9_800);
    row(&mut case, 4, 10, "9.99");
    check(&case, 9_990);
    // It holds from its first instant to before its last, while it is switched on.
    (case.store.lists[3].from, case.store.lists[3].until) = (Some(1_000), Some(1_001));
    check(&case, 9_990);
    case.store.lists[3].from = Some(1_001);
    case.store.lists[3].until = None;
    check(&case, 9_800);
    (case.store.lists[3].from, case.store.lists[3].until) = (None, Some(1_000));
    check(&case, 9_800);
    (case.store.lists[3].until, case.store.lists[3].enabled) = (None, false);
    check(&case, 9_800);
    // What is by a list may be discounted to the least a unit may cost, and no further: ten at 9.00.
    case.cart.lines[0].minimum = Some("9".to_owned());
    case.store.promotions = vec![promotion(1, Action::Order(percent("0.5")))];
    check_discounts(&case, &[800]);
}

#[test]
fn a_calculator_taxes_every_item_or_the_table_does() {
    let mut case = case(&[("10", 1, None), ("0", 1, None)], Vec::new());
    case.cart.method = Some(0);
    let ten = promotion(1, Action::Order(Reduction::Fixed(500)));
    case.store.promotions = vec![ten];
    let by = |case: &mut Case, calculator| {
        case.store.calculator = Some(calculator);
        let bill = priced(case);
        (bill.taxed_by, bill.tax, bill.tax_included, bill.total)
    };
    // 8.1% of 5.00 are 0.405, of nothing nothing; 10% of 3.95 are 0.395: 40, 0 and 39, all rounded down.
    let shares = || Calculator::Thousandths(vec![81, 500, 100]);
    assert_eq!(
        by(&mut case, shares()),
        (TaxedBy::Calculator, Some(79), 0, 500 + 395 + 79)
    );
    // 20% of 5.00 and 10% of 3.95, which is 0.395: 1.00 and 0.40.
    let table = (TaxedBy::Fallback, Some(140), 0, 500 + 395 + 140);
    assert_eq!(by(&mut case, Calculator::Silent), table);
    assert_eq!(by(&mut case, Calculator::Thousandths(vec![-1, 0, 0])), table);
    assert_eq!(by(&mut case, Calculator::Thousandths(vec![10_003, 0, 0])), table);
    assert_eq!(
        by(&mut case, Calculator::Thousandths(vec![10_000, 0, 0])),
        (TaxedBy::Calculator, Some(5_000), 0, 500 + 395 + 5_000)
    );
    // Contained, it is no more than what contains it.
    case.store.inclusive = true;
    assert_eq!(by(&mut case, shares()), (TaxedBy::Calculator, Some(0), 79, 895));
    // 5.00 / 1.2 = 4.1667 and 3.95 / 1.1 = 3.5909: 0.83 and 0.36.
    assert_eq!(
        by(&mut case, Calculator::Thousandths(vec![1_003, 0, 0])),
        (TaxedBy::Fallback, Some(0), 119, 895)
    );
    // Nobody is asked without a destination, and for whoever pays no tax: 10.00 / 1.2 less 5.00, and 3.95 / 1.1.
    case.cart.destination = None;
    assert_eq!(by(&mut case, shares()), (TaxedBy::Table, None, 119, 895));
    (case.cart.destination, case.cart.exempt) = (Some(HOME), true);
    assert_eq!(by(&mut case, shares()), (TaxedBy::Table, Some(0), 0, 333 + 359));
}

#[test]
fn a_promotion_that_is_used_up_takes_nothing_off_and_suppresses_nothing() {
    let mut exclusive = promotion(1, Action::Order(percent("0.5")));
    exclusive.exclusive = true;
    let tenth = promotion(2, Action::Order(percent("0.1")));
    let mut case = case(&[("10", 1, None)], vec![exclusive, tenth]);
    check_discounts(&case, &[500]);
    case.cart.used_up = vec![1];
    check_discounts(&case, &[100]);
    case.store.promotions[1].conditions.first_order = true;
    case.cart.has_ordered = Some(true);
    check_discounts(&case, &[0]);
    case.cart.has_ordered = Some(false);
    check_discounts(&case, &[100]);
}

#[test]
fn cards_and_credit_pay_in_their_order_what_can_be_spent_of_them() {
    let mut case = case(&[("10", 1, None)], Vec::new());
    let card = |balance| Value {
        form: Form::Card(None),
        currency: "GBP",
        balance,
        held_by_own: 0,
        held_by_others: 0,
        enabled: true,
    };
    let check = |case: &Case, paid: &[i128], due| {
        let bill = priced(case);
        assert_eq!((bill.total, bill.paid.as_slice(), bill.due), (1_200, paid, due));
    };
    check(&case, &[], 1_200);
    case.cart.values = vec![card(500), card(0), card(800), card(100)];
    check(&case, &[500, 0, 700, 0], 0);
    // Of 8.00 others hold 3.00, and a checkout of the cart 2.00, which is there for that checkout alone.
    (
        case.cart.values[2].held_by_others,
        case.cart.values[2].held_by_own,
    ) = (300, 200);
    check(&case, &[500, 0, 300, 100], 300);
    case.cart.in_checkout = true;
    check(&case, &[500, 0, 500, 100], 100);
    // One that has expired, is disabled, of another currency or of another customer pays nothing.
    let spoiled = |value| Value {
        form: Form::Card(Some(value)),
        ..card(500)
    };
    case.cart.values = vec![spoiled(1_000), spoiled(1_001)];
    check(&case, &[0, 500], 700);
    let disabled = Value {
        enabled: false,
        ..card(500)
    };
    let euros = Value {
        currency: "EUR",
        ..card(500)
    };
    let credit = |is_own| Value {
        form: Form::Credit { is_own },
        ..card(500)
    };
    case.cart.values = vec![disabled, euros, credit(false), credit(true)];
    check(&case, &[0, 0, 0, 0], 1_200);
    case.cart.has_customer = true;
    check(&case, &[0, 0, 0, 500], 700);
}
