//! What promotions take off shipping: tables worked by hand.

use super::promotions::{Case, POST, case, code_of, off, pence, percent, promotion};
use crate::cart::Unmet;
use crate::promotion::{Action, Combination, Promotion};

#[test]
fn a_shipping_discount_stands_apart_and_order_discounts_do_not_touch_shipping() {
    let check = |actions: &[Action], off_shipping: i64, shipping: i64| {
        let promotions: Vec<_> = (1..)
            .zip(actions)
            .map(|(n, action)| promotion(n, action.clone()))
            .collect();
        let mut case = case(&[(1, 1000, 1, 0)], &promotions);
        case.shipping = Some(POST);
        let quote = case.quote().expect("the case can be priced");
        let line = quote.shipping_line.as_ref().expect("shipping is chosen");
        assert_eq!((line.amount, line.discount), (pence(395), pence(off_shipping)));
        assert_eq!(quote.shipping, pence(shipping));
    };
    check(&[Action::Order(percent("1"))], 0, 395);
    // 10% of 3.95 is 0.395, so 0.40; then 1.00 more, then all of it.
    check(&[Action::Shipping(percent("0.1"))], 40, 355);
    check(
        &[Action::Shipping(percent("0.1")), Action::Shipping(off(100))],
        140,
        255,
    );
    check(
        &[Action::Shipping(off(1000)), Action::Shipping(percent("1"))],
        395,
        0,
    );
}

#[test]
fn a_promotion_off_shipping_does_not_apply_where_nothing_is_sent() {
    let free = Promotion {
        combination: Combination::Exclusive,
        code: Some(code_of("FREE")),
        ..promotion(1, Action::Shipping(percent("1")))
    };
    let tenth = promotion(2, Action::Order(percent("0.1")));
    let mut sent = case(&[(1, 1000, 1, 0)], &[free, tenth]);
    sent.codes = vec![code_of("FREE")];
    assert_eq!(sent.check(&[0]).codes[0].unmet, None);
    let digital = Case {
        digital: true,
        ..sent
    };
    assert_eq!(digital.check(&[100]).codes[0].unmet, Some(Unmet::NothingMatches));
}
