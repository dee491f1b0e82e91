//! What is true of every quote.

use super::totals::{POST, Row, Store, inclusive, on_top, stripping, sums, zone};
use super::*;
use crate::cart::Quote;
use crate::money::Money;
use crate::tax::Zones;
use proptest::prelude::*;

fn any_rows() -> impl Strategy<Value = Vec<(i64, u32, usize)>> {
    // Unit prices up to a hundred pounds, in millionths, so that many need rounding.
    prop::collection::vec((0..100_000_000_i64, 1..2_000_u32, 0..3_usize), 0..12)
}

fn rows_quote(store: &Store, rows: &[(i64, u32, usize)], destination: Option<&str>) -> Quote {
    let categories = ["standard", "books", "food"];
    let prices: Vec<String> = rows
        .iter()
        .map(|row| Price::new(row.0, Currency::GBP).decimal().to_string())
        .collect();
    let rows: Vec<Row<'_>> = prices
        .iter()
        .zip(rows)
        .map(|(price, row)| (price.as_str(), row.1, categories[row.2]))
        .collect();
    store
        .quote(&rows, destination, Some(POST))
        .expect("the rows can be priced")
}

proptest! {
    #[test]
    fn the_order_of_lines_changes_no_sum(rows in any_rows(), destination in prop::sample::select(vec![None, Some("GB"), Some("DE"), Some("US")])) {
        for store in [on_top(), inclusive(), stripping()] {
            let forward = rows_quote(&store, &rows, destination);
            let mut turned: Vec<_> = rows.clone();
            turned.reverse();
            turned.rotate_left(rows.len() / 2);
            prop_assert_eq!(sums(&rows_quote(&store, &turned, destination)), sums(&forward));
        }
    }

    #[test]
    fn contained_tax_is_within_half_a_unit_of_exact(gross in 0..100_000_000_i64, percent in 0..=100_i64) {
        let rate = format!("{}.{:02}", percent / 100, percent % 100);
        let mut store = inclusive();
        store.zones = Zones::new([zone(1, &["GB"], &[("standard", &rate)])], Timestamp::default());
        let price = Price::of_money(Money::new(gross, Currency::GBP)).expect("the amount fits").decimal().to_string();
        let quote = store.quote(&[(&price, 1, "standard")], Some("GB"), None).expect("the row can be priced");
        prop_assert_eq!(quote.total.amount, gross);
        let net = quote.lines[0].tax.as_ref().map_or(gross, |tax| tax.net.amount);
        // Twice the distance of net x (1 + rate) from the gross, in hundredths, is at most 1 + rate.
        let distance = i128::from(net) * i128::from(100 + percent) - i128::from(gross) * 100;
        prop_assert!(2 * distance.abs() <= i128::from(100 + percent));
    }

    #[test]
    fn stripped_and_stripped_off_make_the_listed_amount(rows in any_rows()) {
        let (stripped, kept) = (rows_quote(&stripping(), &rows, Some("DE")), rows_quote(&inclusive(), &rows, Some("DE")));
        for (stripped, kept) in stripped.lines.iter().zip(&kept.lines) {
            prop_assert_eq!(stripped.amount.plus(stripped.tax_stripped), Ok(kept.amount));
        }
    }
}
