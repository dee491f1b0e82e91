//! Tables and properties of splitting.

use super::*;
use crate::money::{Currency, Price};
use proptest::prelude::*;

/// Reads `10.00 EUR`.
fn money(text: &str) -> Result<Money, Error> {
    let (amount, code) = text.split_once(' ').ok_or(Error::NotANumber)?;
    Price::parse(amount, Currency::of(code)?)?
        .whole()
        .ok_or(Error::NotANumber)
}

fn check_prorate(amount: &str, weights: &[i64], expected: &[&str]) -> Result<(), Error> {
    let code = amount.rsplit(' ').next().unwrap_or_default();
    let parts = prorate(money(amount)?, weights)?;
    let written: Vec<String> = parts.iter().map(Money::to_string).collect();
    let expected: Vec<String> = expected.iter().map(|part| format!("{part} {code}")).collect();
    assert_eq!(written, expected, "{amount} by {weights:?}");
    Ok(())
}

#[test]
fn prorated_parts_sum_to_the_total() -> Result<(), Error> {
    check_prorate("10.00 EUR", &[1, 1, 1], &["3.34", "3.33", "3.33"])?;
    check_prorate("0.01 EUR", &[5, 5], &["0.01", "0.00"])?;
    check_prorate("-10.00 EUR", &[2, 1], &["-6.67", "-3.33"])?;
    check_prorate("7 JPY", &[1, 1], &["4", "3"])?;
    // 1000 x 2/7 = 285.71, 1000 x 5/7 = 714.29: the unit goes to the larger fractional part, not the larger share.
    check_prorate("10.00 EUR", &[2, 5], &["2.86", "7.14"])?;
    // 5 x 3/8 = 1.875, 5 x 3/8 = 1.875, 5 x 2/8 = 1.25: two units are left, for the two .875.
    check_prorate("0.05 EUR", &[3, 3, 2], &["0.02", "0.02", "0.01"])?;
    check_prorate("1.000 KWD", &[1, 1, 1], &["0.334", "0.333", "0.333"])
}

#[test]
fn ties_go_to_the_earlier_line() -> Result<(), Error> {
    check_prorate("0.02 EUR", &[1, 1, 1, 1], &["0.01", "0.01", "0.00", "0.00"])?;
    // 3 x 2/6 = 1 exactly; 3 x 1/6 = 0.5 each, two units left for four ties.
    check_prorate(
        "0.03 EUR",
        &[1, 2, 1, 1, 1],
        &["0.01", "0.01", "0.01", "0.00", "0.00"],
    )
}

#[test]
fn a_line_without_value_gets_nothing() -> Result<(), Error> {
    check_prorate("0.03 EUR", &[0, 7, 0, 7], &["0.00", "0.02", "0.00", "0.01"])?;
    check_prorate("5.00 EUR", &[0, 1], &["0.00", "5.00"])
}

#[test]
fn without_any_value_a_charge_is_split_evenly_and_a_discount_is_zero() -> Result<(), Error> {
    check_prorate("0.05 EUR", &[0, 0, 0], &["0.02", "0.02", "0.01"])?;
    let discount = prorate_discount(money("0.05 EUR")?, &[0, 0, 0])?;
    assert_eq!(discount, vec![money("0.00 EUR")?; 3]);
    assert_eq!(prorate_discount(money("0.05 EUR")?, &[])?, []);
    Ok(())
}

#[test]
fn nothing_to_split_over_and_negative_weights_are_refused() -> Result<(), Error> {
    assert_eq!(prorate(money("0.05 EUR")?, &[]), Err(Error::NothingToSplitOver));
    assert_eq!(prorate(money("0.00 EUR")?, &[]), Ok(vec![]));
    assert_eq!(prorate(money("0.05 EUR")?, &[1, -1]), Err(Error::NegativeWeight));
    assert_eq!(
        prorate_discount(money("0.00 EUR")?, &[-1]),
        Err(Error::NegativeWeight)
    );
    Ok(())
}

#[test]
fn the_largest_amounts_split_without_overflow() -> Result<(), Error> {
    let eur = Currency::of("EUR")?;
    let parts = prorate(Money::new(i64::MIN, eur), &[i64::MAX, i64::MAX])?;
    assert_eq!(parts, vec![Money::new(i64::MIN / 2, eur); 2]);
    assert_eq!(
        prorate(Money::new(i64::MIN, eur), &[1])?,
        vec![Money::new(i64::MIN, eur)]
    );
    Ok(())
}

proptest! {
    #[test]
    fn parts_sum_keep_the_sign_and_lie_within_one_unit_of_exact(
        amount in any::<i64>(),
        weights in prop::collection::vec(prop_oneof![Just(0), 0..=10_i64, 0..=i64::MAX], 1..40),
    ) {
        let total = Money::new(amount, Currency::of("EUR").expect("in the table"));
        let parts = prorate(total, &weights).expect("weights are not negative");
        let sum: i128 = parts.iter().map(|part| i128::from(part.amount)).sum();
        prop_assert_eq!(sum, i128::from(amount));

        let whole: u128 = weights.iter().map(|weight| u128::from(weight.unsigned_abs())).sum();
        for (part, weight) in parts.iter().zip(&weights) {
            prop_assert!(part.amount == 0 || (part.amount < 0) == (amount < 0));
            if whole == 0 {
                continue;
            }
            prop_assert!(*weight != 0 || part.amount == 0);
            let floor = u128::from(amount.unsigned_abs()) * u128::from(weight.unsigned_abs()) / whole;
            let over = u128::from(part.amount.unsigned_abs()) - floor;
            prop_assert!(over <= 1);
        }
    }

    #[test]
    fn equal_lines_differ_by_at_most_one_unit_and_the_earlier_has_it(amount in any::<i64>(), lines in 1_usize..30) {
        let total = Money::new(amount, Currency::of("JPY").expect("in the table"));
        let parts = prorate(total, &vec![7; lines]).expect("weights are not negative");
        let magnitudes: Vec<u64> = parts.iter().map(|part| part.amount.unsigned_abs()).collect();
        prop_assert!(magnitudes.is_sorted_by(|left, right| left >= right));
        prop_assert!(magnitudes[0] - magnitudes[lines - 1] <= 1);
    }
}
