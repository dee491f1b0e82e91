//! What a checkout keeps of its quote.

use super::*;
use crate::error::Class;
use crate::order::tests::{CART, CHECKOUT, START, frozen};
use crate::testing::Bench;
use uuid::Uuid;

/// A checkout that is about to pay a frozen quote.
fn paying() -> Bench<Checkout> {
    let begin = BeginCheckout {
        cart: CART,
        session: None,
        order: OrderId(Uuid::from_u128(0x0d)),
        completion: Some(Completion {
            payment_token: None,
            expected_total: None,
            expected_due: None,
            deadline_at: START,
            capture: Some(Capture::Now),
        }),
        answers: None,
        cart_revision: None,
    };
    let mut checkout = Bench::<Checkout>::create(CHECKOUT, START, begin).expect("nothing is too long");
    let note = BeginAuthorization {
        quote: frozen(1_000),
        reserved: Arc::default(),
    };
    checkout.run(Progress::Frozen(note)).expect("stock is reserved");
    checkout
}

#[test]
fn a_checkout_has_its_quote_until_the_order_has_it() {
    let mut checkout = paying();
    assert_eq!(checkout.entity.quote, Some(frozen(1_000)));
    checkout
        .run(Progress::Placed(NotePlaced))
        .expect("it has been paid");
    assert!(checkout.entity.quote.is_some(), "the capture is owed");
    checkout
        .run(Progress::Over(EndCheckout))
        .expect("the order stands");
    assert_eq!(checkout.entity.quote, None);
    assert_eq!(checkout.entity.total, Some(frozen(1_000).quote.total));
}

#[test]
fn an_attempt_that_failed_keeps_what_it_was_for() {
    let mut checkout = paying();
    let problem = Problem::new(Class::PaymentDeclined, "payment.declined", "no");
    let failed = WalkBack {
        ending: Ending::Refused(problem),
        reserved: Arc::default(),
    };
    checkout
        .run(Progress::Failed(failed))
        .expect("nothing is placed yet");
    checkout.run(Progress::Over(EndCheckout)).expect("all is undone");
    assert_eq!(checkout.entity.quote, Some(frozen(1_000)));
}

#[test]
fn the_total_of_a_checkout_is_that_of_its_quote() {
    let mut checkout = paying().entity;
    assert_eq!(checkout.invariants(), Ok(()));
    checkout.quote = Some(frozen(999));
    let broken = checkout.invariants().expect_err("the state cannot be");
    assert_eq!(broken.0, "a checkout's total is that of its quote");
}

#[test]
fn whoever_completes_what_is_being_completed_joins_it() {
    let completion = Completion {
        payment_token: None,
        expected_total: None,
        expected_due: None,
        deadline_at: START,
        capture: Some(Capture::Now),
    };
    let begin = BeginCheckout {
        cart: CART,
        session: None,
        order: OrderId(Uuid::from_u128(0x0d)),
        completion: Some(completion.clone()),
        answers: None,
        cart_revision: None,
    };
    let reserving = Bench::<Checkout>::create(CHECKOUT, START, begin).expect("nothing is too long");
    for mut checkout in [reserving, paying()] {
        let before = checkout.entity.clone();
        let join = BeginCompletion {
            completion: completion.clone(),
            answers: None,
            cart_revision: None,
        };
        checkout.run(join).expect("somebody else was first");
        assert_eq!(checkout.entity, before);
    }
}
