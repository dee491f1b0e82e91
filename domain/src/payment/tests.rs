//! Captures never exceed the authorization, refunds never exceed captures.

use super::{Error, Payment, PaymentState};
use crate::error::Refusal;
use crate::money::{Currency, Money};
use proptest::prelude::*;

fn money(amount: i64) -> Money {
    Money::new(amount, Currency::of("EUR").expect("a currency"))
}

fn payment() -> Payment {
    Payment::authorized("sandbox", "pay_1", money(1_000)).expect("a positive amount")
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Capture(i64),
    FailCapture,
    Void,
    Refund(i64),
}

fn make(payment: &mut Payment, step: Move) -> Result<(), Error> {
    match step {
        Move::Capture(amount) => payment.capture(money(amount)),
        Move::FailCapture => payment.fail_capture(),
        Move::Void => payment.void(),
        Move::Refund(amount) => payment.refund(money(amount)),
    }
}

/// Checks what the last of some moves comes to: a state, or a refusal.
#[track_caller]
fn check(moves: &[Move], expected: Result<PaymentState, &str>) {
    let mut payment = payment();
    let (last, first) = moves.split_last().expect("a move");
    for step in first {
        assert_eq!(make(&mut payment, *step), Ok(()), "{step:?}");
    }
    let outcome = make(&mut payment, *last)
        .map(|()| payment.state())
        .map_err(|error| error.code());
    assert_eq!(outcome, expected, "{moves:?}");
}

#[test]
fn money_is_taken_and_given_back_within_bounds() {
    use Move::{Capture, FailCapture, Refund, Void};
    use PaymentState::{CaptureFailed, Captured, PartiallyRefunded, Refunded, Voided};
    check(&[Capture(1_000)], Ok(Captured));
    check(&[Capture(1_001)], Err("payment.exceeds_authorization"));
    check(&[Capture(999), Capture(1)], Ok(Captured));
    check(&[Capture(999), Capture(2)], Err("payment.exceeds_authorization"));
    check(&[Capture(0)], Err("payment.amount_not_positive"));
    check(&[Capture(-1)], Err("payment.amount_not_positive"));
    check(&[FailCapture], Ok(CaptureFailed));
    check(&[FailCapture, FailCapture], Ok(CaptureFailed));
    check(&[FailCapture, Capture(1_000)], Ok(Captured));
    check(&[FailCapture, Void], Ok(Voided));
    check(&[Capture(1_000), FailCapture], Err("payment.captured"));
    check(&[Refund(1)], Err("payment.not_captured"));
    check(&[Capture(600), Refund(599)], Ok(PartiallyRefunded));
    check(&[Capture(600), Refund(599), Refund(1)], Ok(Refunded));
    check(&[Capture(600), Refund(601)], Err("payment.exceeds_captured"));
    check(
        &[Capture(600), Refund(600), Refund(1)],
        Err("payment.exceeds_captured"),
    );
    check(&[Capture(600), Refund(0)], Err("payment.amount_not_positive"));
    check(&[Void], Ok(Voided));
    check(&[Void, Void], Ok(Voided));
    check(&[Void, Capture(1)], Err("payment.voided"));
    check(&[Void, FailCapture], Err("payment.voided"));
    check(&[Void, Refund(1)], Err("payment.not_captured"));
    check(&[Capture(1), Void], Err("payment.captured"));
}

#[test]
fn a_payment_is_of_something_and_in_one_currency() {
    assert_eq!(
        Payment::authorized("sandbox", "pay_1", money(0)),
        Err(Error::NotPositive { amount: money(0) })
    );
    let yen = Money::new(1, Currency::of("JPY").expect("a currency"));
    assert_eq!(
        payment().capture(yen).map_err(|error| error.code()),
        Err("money.mixed_currencies")
    );
    assert_eq!(payment().state(), PaymentState::Authorized);
    assert_eq!(
        (payment().capturable(), payment().refundable()),
        (money(1_000), money(0))
    );
}

#[test]
fn every_state_has_its_urgency_and_a_name_of_its_own() {
    let mut names: Vec<&str> = PaymentState::BY_URGENCY
        .iter()
        .map(|state| state.name())
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(
        names,
        [
            "authorized",
            "capture_failed",
            "captured",
            "partially_refunded",
            "refunded",
            "voided"
        ]
    );
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        (-10_i64..700).prop_map(Move::Capture),
        Just(Move::FailCapture),
        Just(Move::Void),
        (-10_i64..700).prop_map(Move::Refund),
    ]
}

proptest! {
    #[test]
    fn any_moves_keep_the_bounds(history in prop::collection::vec(moves(), 0..20)) {
        let mut payment = payment();
        let (mut captured, mut refunded) = (0, 0);
        for step in history {
            let before = payment.clone();
            match (make(&mut payment, step), step) {
                (Ok(()), Move::Capture(amount)) => captured += amount,
                (Ok(()), Move::Refund(amount)) => refunded += amount,
                (Ok(()), Move::FailCapture | Move::Void) => {}
                (Err(_), _) => prop_assert_eq!(&payment, &before, "a refusal changes nothing"),
            }
            prop_assert_eq!(payment.invariants(), Ok(()));
            prop_assert_eq!((payment.captured(), payment.refunded()), (money(captured), money(refunded)));
            prop_assert!(refunded <= captured && captured <= 1_000);
        }
    }
}
