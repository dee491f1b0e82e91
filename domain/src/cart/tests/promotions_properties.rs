//! What is true of every quote with promotions.

use super::promotions::{Case, POST, Row, case, lines, off, percent, products, promotion, sets};
use super::*;
use crate::cart::Quote;
use crate::cart::totals::IntentLine;
use crate::id::PromotionId;
use crate::money::Money;
use crate::promotion::{Action, Choice, Code, Combination, Conditions, Promotion, Reduction, Sets, Spread};
use proptest::prelude::*;

fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    // Least prices above the price, too: such lines give nothing.
    prop::collection::vec(
        (
            0..6_u128,
            0..5_000_i64,
            1..9_u32,
            prop_oneof![Just(0), 0..5_000_i64],
        ),
        0..9,
    )
}

fn any_reduction() -> impl Strategy<Value = Reduction> {
    prop_oneof![
        (1..=1_000_u32).prop_map(|thousandths| percent(&format!(
            "{}.{:03}",
            thousandths / 1_000,
            thousandths % 1_000
        ))),
        (1..9_000_i64).prop_map(off),
    ]
}

fn any_action() -> impl Strategy<Value = Action> {
    let spread = prop::sample::select(vec![Spread::Across, Spread::Each]);
    let choice = prop::sample::select(vec![Choice::Cheapest, Choice::Dearest]);
    let some = || prop::option::of((0..6_u128, 0..6_u128).prop_map(|(one, other)| products(&[one, other])));
    prop_oneof![
        any_reduction().prop_map(Action::Order),
        any_reduction().prop_map(Action::Shipping),
        (0..6_u128, any_reduction(), spread).prop_map(|(n, by, spread)| lines(&[n], by, spread)),
        (
            1..4_u32,
            some(),
            1..3_u32,
            some(),
            choice,
            prop::option::of(1..3_u32)
        )
            .prop_map(|(buy, buy_items, get, get_items, choice, sets_max)| {
                Action::Sets(Sets {
                    buy_items,
                    get_items,
                    choice,
                    sets_max,
                    ..sets(buy, get)
                })
            }),
    ]
}

fn any_promotions() -> impl Strategy<Value = Vec<Promotion>> {
    let conditions = (
        prop::option::of(0..20_000_i64),
        prop::option::of(0..12_u64),
        prop::option::of((0..6_u128).prop_map(|n| products(&[n]))),
    );
    let one = (
        prop::collection::vec(any_action(), 1..3),
        conditions,
        0..3_i32,
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.3),
    );
    prop::collection::vec(one, 0..7).prop_map(|drawn| {
        let mut promotions = Vec::new();
        for (n, (actions, (from, quantity_from, items), priority, is_exclusive, has_code)) in (1..).zip(drawn)
        {
            let combination = match is_exclusive {
                true => Combination::Exclusive,
                false => Combination::Stackable,
            };
            promotions.push(Promotion {
                code: has_code.then(|| Code::parse(&format!("CODE-{n}")).expect("a code")),
                priority,
                combination,
                conditions: Conditions {
                    subtotal_from: from.map(|from| Money::new(from, Currency::GBP)),
                    quantity_from,
                    items,
                    ..Conditions::default()
                },
                actions,
                ..promotion(n, Action::Order(off(1)))
            });
        }
        promotions
    })
}

fn drawn(rows: &[Row], promotions: &[Promotion]) -> Case {
    let mut case = case(rows, promotions);
    case.shipping = Some(POST);
    // Every second code was entered.
    case.codes = promotions
        .iter()
        .filter_map(|promotion| promotion.code.clone())
        .step_by(2)
        .collect();
    case
}

fn given(quote: &Quote) -> (Money, Money, Vec<(PromotionId, Money, Money)>) {
    let given = quote.promotions.iter();
    let given = given.map(|applied| (applied.promotion, applied.discount, applied.shipping_discount));
    (quote.discounts, quote.shipping, given.collect())
}

/// Tells whether two lines are of the same price and of different least ones.
fn are_told_apart_by_least_prices(rows: &[Row]) -> bool {
    rows.iter().any(|(_, price, _, least)| {
        rows.iter()
            .any(|(_, other, _, other_least)| price == other && least.min(price) != other_least.min(other))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_line_goes_below_its_floor_and_parts_sum(rows in any_rows(), promotions in any_promotions()) {
        // That shares, discounts, tax and total agree is checked of every quote as it is made.
        let quote = drawn(&rows, &promotions).quote().expect("the rows can be priced");
        for (line, (_, price, quantity, least)) in quote.lines.iter().zip(&rows) {
            let floor = least.min(price) * i64::from(*quantity);
            prop_assert!(floor <= line.amount.amount - line.discount.amount, "{line:?} is below {floor}");
            prop_assert!(0 <= line.discount.amount);
        }
    }

    #[test]
    fn a_kept_quote_is_the_one_made_from_nothing(
        rows in any_rows(),
        promotions in any_promotions(),
        changes in prop::collection::vec((0..3_u8, any::<prop::sample::Index>(), 1..9_u32), 1..6),
    ) {
        let category = Category::default();
        let mut case = drawn(&rows, &promotions);
        let all = |case: &Case| (0..case.rows.len()).map(|at| case.line(at, &category)).collect::<Vec<_>>();
        let mut sheet = case.price(all(&case), None).expect("the rows can be priced");
        for (change, place, quantity) in changes {
            // Every line is taken over but one: which is added, changed or taken out.
            let count = case.rows.len();
            let mut kept: Vec<IntentLine<'_>> = (0..count).map(IntentLine::Quoted).collect();
            match change {
                0 => {
                    case.rows.push((u128::from(quantity % 6), 777, quantity, 0));
                    kept.push(case.line(count, &category));
                }
                _ if count == 0 => continue,
                1 => {
                    let at = place.index(count);
                    case.rows[at].2 = quantity;
                    kept[at] = case.line(at, &category);
                }
                // The last one: lines are known by their place here.
                _ => {
                    case.rows.pop();
                    kept.pop();
                }
            }
            let made = case.price(all(&case), None).expect("the rows can be priced");
            sheet = case.price(kept, Some(sheet)).expect("the rows can be priced");
            prop_assert_eq!(&sheet.quote, &made.quote);
        }
    }

    #[test]
    fn the_order_of_promotions_in_the_store_does_not_matter(rows in any_rows(), promotions in any_promotions()) {
        let mut turned = promotions.clone();
        turned.reverse();
        let codes = drawn(&rows, &promotions).codes;
        let (forward, mut turned) = (drawn(&rows, &promotions), drawn(&rows, &turned));
        turned.codes = codes;
        prop_assert_eq!(turned.quote(), forward.quote());
    }

    #[test]
    fn the_order_of_lines_changes_nothing_that_one_promotion_gives(rows in any_rows(), promotions in any_promotions()) {
        let first: Vec<Promotion> = promotions
            .into_iter()
            .take(1)
            .map(|promotion| Promotion { actions: promotion.actions[..1].to_vec(), ..promotion })
            .collect();
        // But for which of units that cost the same are got, which is told where their least prices differ: those of the
        // earlier line, see of_units_that_cost_the_same_those_of_the_earlier_line_are_got.
        let has_sets = first.iter().any(|promotion| matches!(promotion.actions[0], Action::Sets(_)));
        prop_assume!(!(has_sets && are_told_apart_by_least_prices(&rows)));
        let mut turned = rows.clone();
        turned.reverse();
        let forward = drawn(&rows, &first).quote().expect("the rows can be priced");
        let turned = drawn(&turned, &first).quote().expect("the rows can be priced");
        prop_assert_eq!(given(&turned), given(&forward));
    }
}
