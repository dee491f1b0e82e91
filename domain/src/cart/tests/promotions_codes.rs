//! Why a code does not apply, and which reason comes first.

use super::promotions::*;
use super::*;
use crate::cart::Unmet;
use crate::id::TaxZoneId;
use crate::promotion::{Action, Combination, Conditions, Promotion};
use std::collections::BTreeSet;

#[test]
fn a_code_applies_or_says_why_not() {
    let with = |conditions: Conditions| {
        let promotion = Promotion {
            code: Some(code_of("TEN")),
            conditions,
            ..promotion(1, Action::Order(percent("0.1")))
        };
        let mut case = case(&[(1, 1000, 1, 0)], &[promotion]);
        case.codes = vec![code_of("ten")];
        case
    };
    let at = |millis| Some(Timestamp::from_millis(millis));
    with(Conditions::default()).check_code(None);
    with(Conditions {
        starts_at: at(1_000),
        ends_at: at(1_001),
        ..Conditions::default()
    })
    .check_code(None);
    with(Conditions {
        starts_at: at(1_001),
        ..Conditions::default()
    })
    .check_code(Some(Unmet::NotStarted));
    with(Conditions {
        ends_at: at(1_000),
        ..Conditions::default()
    })
    .check_code(Some(Unmet::Ended));
    with(Conditions {
        subtotal_from: Some(pence(1_001)),
        ..Conditions::default()
    })
    .check_code(Some(Unmet::BelowSubtotal));
    with(Conditions {
        quantity_from: Some(2),
        ..Conditions::default()
    })
    .check_code(Some(Unmet::BelowQuantity));
    with(Conditions {
        items: Some(products(&[2])),
        ..Conditions::default()
    })
    .check_code(Some(Unmet::NothingMatches));
    let euro = Currency::of("EUR").expect("in the table");
    with(Conditions {
        currency: Some(euro),
        ..Conditions::default()
    })
    .check_code(Some(Unmet::OtherCurrency));
    with(Conditions {
        first_order: true,
        ..Conditions::default()
    })
    .check_code(Some(Unmet::NotFirstOrder));
    let groups = BTreeSet::from([group("vip")]);
    let mut vip = with(Conditions {
        groups,
        first_order: true,
        ..Conditions::default()
    });
    vip.check_code(Some(Unmet::OtherCustomer));
    (vip.groups, vip.has_ordered) = (vec![group("vip")], Some(false));
    vip.check_code(None);
    let zone = |n| BTreeSet::from([TaxZoneId(Uuid::from_u128(n))]);
    with(Conditions {
        zones: zone(1),
        ..Conditions::default()
    })
    .check_code(None);
    with(Conditions {
        zones: zone(2),
        ..Conditions::default()
    })
    .check_code(Some(Unmet::OtherZone));
    let mut unknown = with(Conditions::default());
    unknown.codes = vec![code_of("TWENTY")];
    unknown.check_code(Some(Unmet::NoSuchCode));
    unknown.codes = Vec::new();
    assert_eq!(unknown.quote().map(|quote| quote.discounts), Ok(pence(0)));
}

/// What is told of a case, and what has to be done to it for that.
type Spoilt = (Unmet, fn(&mut Case));

/// What does not hold of a promotion or a shopper, whatever is in the cart.
const OF_THE_SHOPPER: [Spoilt; 5] = [
    (Unmet::Ended, |case| {
        case.promotions[0].conditions.ends_at = Some(case.now);
    }),
    (Unmet::OtherCustomer, |case| {
        case.promotions[0].conditions.groups = BTreeSet::from([group("vip")]);
    }),
    (Unmet::NotFirstOrder, |case| {
        case.promotions[0].conditions.first_order = true;
        case.has_ordered = Some(true);
    }),
    (Unmet::LimitReached, |case| {
        case.used_up = vec![case.promotions[0].id];
    }),
    (Unmet::NotStarted, |case| {
        case.promotions[0].conditions.starts_at = Some(Timestamp::from_millis(1_001));
    }),
];

/// What does not hold of a cart, which may change.
const OF_THE_CART: [Spoilt; 7] = [
    (Unmet::Suppressed, |case| {
        case.promotions.push(Promotion {
            combination: Combination::Exclusive,
            ..promotion(2, Action::Order(off(0)))
        });
    }),
    (Unmet::OtherCurrency, |case| {
        case.promotions[0].conditions.currency = Currency::of("EUR").ok();
    }),
    (Unmet::OtherZone, |case| {
        case.promotions[0].conditions.zones = BTreeSet::from([TaxZoneId(Uuid::from_u128(2))]);
    }),
    (Unmet::NothingMatches, |case| {
        case.promotions[0].conditions.items = Some(products(&[2]));
    }),
    (Unmet::NothingMatches, |case| case.rows = Vec::new()),
    (Unmet::BelowSubtotal, |case| {
        case.promotions[0].conditions.subtotal_from = Some(pence(1_001));
    }),
    (Unmet::BelowQuantity, |case| {
        case.promotions[0].conditions.quantity_from = Some(2);
    }),
];

/// A code that nobody can use any more, or not this shopper, leaves the cart; one that the cart does not meet stays
/// (2.4). So what is final is the reason, whatever else does not hold.
#[test]
fn what_no_change_of_the_cart_could_mend_is_the_reason() {
    let with_code = || {
        let ten = Promotion {
            code: Some(code_of("TEN")),
            ..promotion(1, Action::Order(percent("0.1")))
        };
        let mut case = case(&[(1, 1000, 1, 0)], &[ten]);
        case.codes = vec![code_of("ten")];
        case
    };
    for (of_cart, spoil_cart) in OF_THE_CART {
        let mut case = with_code();
        spoil_cart(&mut case);
        case.check_code(Some(of_cart));
        for (of_shopper, spoil) in OF_THE_SHOPPER {
            let mut case = with_code();
            spoil_cart(&mut case);
            spoil(&mut case);
            case.check_code(Some(of_shopper));
        }
    }
}
