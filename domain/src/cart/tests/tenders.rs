//! Gift cards and store credit that a cart is to be paid with.

use super::*;
use crate::cart::{
    ApplyStoredValue, Error, Event, LockForCheckout, LockScope, RemoveStoredValue, STORED_VALUES_MAX, Sums,
    Unlock,
};
use crate::id::{SessionId, StoredValueId};
use crate::money::Money;

fn value(n: usize) -> StoredValueId {
    let n = u128::try_from(n).expect("a small number");
    StoredValueId(Uuid::from_u128(n))
}

fn apply(n: usize) -> ApplyStoredValue {
    ApplyStoredValue { value: value(n) }
}

fn remove(n: usize) -> RemoveStoredValue {
    RemoveStoredValue { value: value(n) }
}

#[test]
fn applying_a_gift_card_twice_is_applying_it_once_and_it_stays_through_changes() {
    let mut cart = open(1);
    for _ in 0..2 {
        assert_eq!(cart.run(apply(1)), Ok(()));
    }
    assert_eq!(cart.run(add(&variant(1), 1)).map(|_| ()), Ok(()));
    assert_eq!(cart.entity.stored_values(), [value(1)]);
    for _ in 0..2 {
        assert_eq!(cart.run(remove(1)), Ok(()));
    }
    assert!(cart.entity.stored_values().is_empty());
    let applied = |event: &&Event| matches!(event, Event::StoredValueApplied { .. });
    let removed = |event: &&Event| matches!(event, Event::StoredValueRemoved { .. });
    let count = |is: &dyn Fn(&&Event) -> bool| cart.events.iter().filter(is).count();
    assert_eq!((count(&applied), count(&removed)), (1, 1));
}

#[test]
fn a_cart_is_paid_with_five_and_with_none_while_it_is_checked_out() {
    let mut cart = filled(1, &[(&variant(1), 1)]);
    for n in 0..STORED_VALUES_MAX {
        assert_eq!(cart.run(apply(n)), Ok(()));
    }
    let too_many = Error::TooManyStoredValues {
        max: STORED_VALUES_MAX,
    };
    assert_eq!(cart.run(apply(STORED_VALUES_MAX)), Err(too_many));
    let lock = LockForCheckout {
        checkout: CHECKOUT,
        scope: LockScope::Lines,
        shown: None,
    };
    assert_eq!(cart.run(lock), Ok(()));
    let locked = Err(Error::Locked { checkout: CHECKOUT });
    assert_eq!(cart.run(apply(0)), locked);
    assert_eq!(cart.run(remove(0)), locked);
}

#[test]
fn what_somebody_else_has_taken_out_is_noted_until_the_shopper_is_shown_what_is_left() {
    let session = SessionId(Uuid::from_u128(7));
    let (shopper, staff) = (Caller::of_session(session), Caller::of_staff("bo", Role::Admin));
    let mut cart = filled(1, &[(&variant(1), 1)]);
    cart.entity.owner = Some(session);
    for (remover, is_lost) in [(&shopper, false), (&staff, true)] {
        cart.caller = shopper.clone();
        assert_eq!(cart.run(apply(1)), Ok(()));
        assert!(!cart.entity.has_lost_cover());
        cart.caller = remover.clone();
        assert_eq!(cart.run(remove(1)), Ok(()));
        assert_eq!(cart.entity.has_lost_cover(), is_lost);
    }
    // To complete it at once nobody has to have looked; and who was shown that something else pays a part of it has not
    // seen that it is gone.
    let shown = |due| {
        let [total, due] = [500, due].map(|amount| Money::new(amount, Currency::GBP));
        Some(Sums { total, due })
    };
    for (scope, shown, is_lost) in [
        (LockScope::Everything, None, true),
        (LockScope::Lines, None, true),
        (LockScope::Lines, shown(400), true),
        (LockScope::Lines, shown(500), false),
    ] {
        cart.caller = Caller::engine("checkout");
        let lock = LockForCheckout {
            checkout: CHECKOUT,
            scope,
            shown,
        };
        assert_eq!(cart.run(lock), Ok(()));
        assert_eq!(cart.run(Unlock { checkout: CHECKOUT }), Ok(()));
        assert_eq!(cart.entity.has_lost_cover(), is_lost);
    }
}
