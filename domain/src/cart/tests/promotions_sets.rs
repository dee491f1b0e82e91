//! Buy X, get Y: tables worked by hand.

use super::promotions::{case, lines, off, pence, products, promotion, sets};
use crate::money::Rate;
use crate::promotion::{Action, Choice, Promotion, Sets, Spread};

#[test]
fn buy_two_get_one_counts_full_sets_and_gives_the_cheapest() {
    let free = |sets: Sets| [promotion(1, Action::Sets(sets))];
    let rows = |quantity| [(1, 300, quantity, 0), (2, 100, 2, 0)];
    // 2 + 1: three units are one set, the cheapest is 1.00; five are still one; six are two.
    case(&rows(1), &free(sets(2, 1))).check(&[0, 100]);
    case(&rows(3), &free(sets(2, 1))).check(&[0, 100]);
    case(&rows(4), &free(sets(2, 1))).check(&[0, 200]);
    // Nine of the dearer and two: eleven units, three sets; both cheap ones and one of 3.00.
    case(&rows(9), &free(sets(2, 1))).check(&[300, 200]);
    let limited = Sets {
        sets_max: Some(1),
        ..sets(2, 1)
    };
    case(&rows(9), &free(limited)).check(&[0, 100]);
    let dearest = Sets {
        choice: Choice::Dearest,
        ..sets(2, 1)
    };
    case(&rows(4), &free(dearest)).check(&[600, 0]);
    // Half of one of three at 1.00 in all: a third is 0.33, half of it 0.165, so 0.17.
    let half = Sets {
        percentage: "0.5".parse().expect("a rate"),
        ..sets(2, 1)
    };
    case(&[(1, 33, 3, 0)], &free(half)).check(&[17]);
}

#[test]
fn a_unit_serves_on_one_side_only() {
    let from_to = |buy_items, get_items, buy, get| {
        let sets = Sets {
            buy_items: Some(products(buy_items)),
            get_items: Some(products(get_items)),
            ..sets(buy, get)
        };
        [promotion(1, Action::Sets(sets))]
    };
    // Buy a 1, get a 2: as many as there are pairs.
    case(&[(1, 500, 3, 0), (2, 200, 2, 0)], &from_to(&[1], &[2], 1, 1)).check(&[0, 400]);
    case(&[(1, 500, 1, 0), (2, 200, 2, 0)], &from_to(&[1], &[2], 1, 1)).check(&[0, 200]);
    // Buy two of 1 or 2, get a 2: four 1 and one 2 are one set; one 1 and two 2 too: the other 2 is bought.
    case(&[(1, 500, 4, 0), (2, 200, 1, 0)], &from_to(&[1, 2], &[2], 2, 1)).check(&[0, 200]);
    case(&[(1, 500, 1, 0), (2, 200, 2, 0)], &from_to(&[1, 2], &[2], 2, 1)).check(&[0, 200]);
    // Buy two 2, get one of 1 or 2. Three units of 2 and one of 1: the cheapest is a 2, the two others are bought.
    case(&[(1, 500, 1, 0), (2, 200, 3, 0)], &from_to(&[2], &[1, 2], 2, 1)).check(&[0, 200]);
    // Two units of 2 are both bought: what is got is the 1, although it is dearer.
    case(&[(1, 500, 1, 0), (2, 200, 2, 0)], &from_to(&[2], &[1, 2], 2, 1)).check(&[500, 0]);
}

#[test]
fn of_units_that_cost_the_same_those_of_the_earlier_line_are_got() {
    let two_of = Sets {
        sets_max: Some(1),
        ..sets(1, 2)
    };
    let free = [promotion(1, Action::Sets(two_of))];
    // Which they are is seen where a unit of one of them must leave 0.01.
    case(&[(1, 1_933, 2, 1), (2, 1_933, 5, 0)], &free).check(&[3_864, 0]);
    case(&[(2, 1_933, 5, 0), (1, 1_933, 2, 1)], &free).check(&[3_866, 0]);
}

#[test]
fn got_units_that_are_worth_a_fraction_are_rounded_with_the_percentage_only() {
    let half = Sets {
        percentage: "0.5".parse::<Rate>().expect("a rate"),
        ..sets(1, 1)
    };
    // Two units come to 0.05 after 0.95 was taken off: the got one is worth 0.025, and half of that, 0.0125, is 0.01.
    let mut first = promotion(1, Action::Order(off(95)));
    first.priority = 1;
    let then = promotion(2, Action::Sets(half));
    case(&[(1, 50, 2, 0)], &[first, then]).check(&[96]);
}

#[test]
fn got_units_of_huge_lines_are_worth_their_fraction_in_its_lowest_terms() {
    // After what came off, a unit of the first line is worth 290/3 and one of the second 295/3, whatever the lines hold:
    // 399,968 and 200,033 of them come to 58,333,485, and three tenths of that to half a penny more than 17,500,045.
    let first = |n, at: u128, amount| Promotion {
        priority: 1,
        ..promotion(n, lines(&[at], off(amount), Spread::Across))
    };
    let sets = Sets {
        buy_items: Some(products(&[1])),
        get_items: Some(products(&[1, 2])),
        percentage: "0.3".parse::<Rate>().expect("a rate"),
        sets_max: Some(600_001),
        ..sets(1, 1)
    };
    let promotions = [
        first(1, 1, 3_333_230),
        first(2, 2, 1_666_655),
        promotion(3, Action::Sets(sets)),
    ];
    let rows = [(1, 100, 999_969, 0), (2, 100, 999_993, 0)];
    let quote = case(&rows, &promotions).quote().expect("the case can be priced");
    assert_eq!(quote.promotions[2].discount, pence(17_500_046));
}
