//! Coupon codes in a cart.

use super::*;
use crate::cart::{ApplyCodes, CODES_MAX, Event, RemoveCodes};
use crate::promotion::Code;

fn codes(texts: &[&str]) -> Vec<Code> {
    texts
        .iter()
        .map(|text| Code::parse(text).expect("a code of the test"))
        .collect()
}

fn apply(texts: &[&str]) -> ApplyCodes {
    ApplyCodes {
        codes: codes(texts),
        refused: Vec::new(),
    }
}

fn held(cart: &Bench<Cart>) -> Vec<&str> {
    cart.entity.codes().iter().map(Code::as_str).collect()
}

#[test]
fn applying_twice_is_applying_once_and_removing_what_is_not_there_succeeds() {
    let mut cart = open(1);
    for _ in 0..2 {
        assert_eq!(cart.run(apply(&["ten", "TEN", "Post"])), Ok(Vec::new()));
        assert_eq!(held(&cart), ["TEN", "POST"]);
    }
    for _ in 0..2 {
        assert_eq!(
            cart.run(RemoveCodes {
                codes: codes(&["post", "other"])
            }),
            Ok(())
        );
        assert_eq!(held(&cart), ["TEN"]);
    }
    let (applied, removed) = (codes(&["TEN", "POST"]), codes(&["POST"]));
    let expected = [
        Event::CodesApplied { codes: applied },
        Event::CodesRemoved { codes: removed },
    ];
    assert_eq!(cart.events[1..], expected);
}

#[test]
fn a_cart_holds_ten_codes_and_no_more() {
    let numbered: Vec<String> = (0..=CODES_MAX).map(|n| format!("CODE-{n}")).collect();
    let all: Vec<&str> = numbered.iter().map(String::as_str).collect();
    let mut cart = open(1);
    assert_eq!(cart.run(apply(&all[..10])), Ok(Vec::new()));
    assert_eq!(cart.run(apply(&all[..10])), Ok(Vec::new()));
    let refused = cart.run(apply(&all[10..]));
    assert_eq!(code(refused), Err("cart.too_many_codes"));
    assert_eq!(held(&cart).len(), 10);
}

#[test]
fn a_cart_that_a_checkout_holds_keeps_its_codes() {
    let mut cart = filled(1, &[(&variant(1), 1)]);
    assert_eq!(cart.run(apply(&["TEN"])), Ok(Vec::new()));
    assert_eq!(cart.run(lock(CHECKOUT)), Ok(()));
    assert_eq!(code(cart.run(apply(&["POST"]))), Err("cart.locked"));
    let remove = RemoveCodes {
        codes: codes(&["TEN"]),
    };
    assert_eq!(code(cart.run(remove)), Err("cart.locked"));
}
