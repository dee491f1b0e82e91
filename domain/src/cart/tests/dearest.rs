//! The dearest cart that there can be is counted without an overflow.

use super::totals::{POST, Sums, drafted, on_top, sums, zone};
use super::*;
use crate::cart::totals::Error;
use crate::money::{LINE_AMOUNT_MAX, Money};
use crate::shipping::{self, ShippingMethod};
use crate::tax::Zones;
use crate::territory::TerritoryDraft;
use std::sync::Arc;

/// The post, for a share of what it takes is worth.
fn post_for(share: &str) -> Arc<ShippingMethod> {
    let charge = shipping::Charge::Percentage {
        rate: share.parse().expect("a share of the test"),
        at_least: None,
        at_most: None,
    };
    let tariff = shipping::Tariff {
        charge,
        ..shipping::Tariff::flat(Money::zero(Currency::GBP), None)
    };
    let draft = shipping::Draft {
        territory: TerritoryDraft::of(&["*"]),
        tariffs: Some(vec![tariff]),
        ..shipping::Draft::default()
    };
    drafted(POST, draft)
}

#[test]
fn a_full_cart_of_the_dearest_lines_at_the_highest_tax_can_be_counted() -> Result<(), Error> {
    let mut store = on_top();
    let highest = [("standard", "10"), ("carriage", "10")];
    store.zones = Zones::new([zone(1, &["GB"], &highest)], Timestamp::default());
    // Of 2,000 such lines this is what one of them may come to.
    store.methods = vec![post_for("0.0005")];
    // What comes to more is counted as the most: 10 to the 14th pence.
    for row in [
        ("1000000", 1_000_000, "standard"),
        ("9000000000000", 1_000_000_000, "standard"),
    ] {
        let quote = store.quote(&vec![row; 2_000], Some("GB"), Some(POST))?;
        let expected = Sums {
            subtotal: 2_000 * LINE_AMOUNT_MAX,
            shipping: LINE_AMOUNT_MAX,
            tax: Some(20_010 * LINE_AMOUNT_MAX),
            tax_included: 0,
            tax_estimate: None,
            total: 22_011 * LINE_AMOUNT_MAX,
        };
        assert_eq!(sums(&quote), expected);
    }
    // A method that costs more is not available.
    store.methods = vec![post_for("0.000501")];
    let dearest = ("1000000", 1_000_000, "standard");
    let quote = store.quote(&[dearest; 2_000], Some("GB"), Some(POST))?;
    assert_eq!(
        (quote.shipping.amount, quote.shipping_unavailable),
        (0, Some(POST))
    );
    Ok(())
}
