//! States, locks, timers and recovery.

use super::*;
use crate::cart::{
    ClearLines, Complete, Error, Event, LockForCheckout, LockScope, MergeInto, Patch, Recover, RemoveLine,
    Seen, SetQuantity, ShippingChoice, State, Sums, Timer, Unlock, UpdateDetails,
};
use crate::entity::{Entity, TimerName};
use crate::id::{SessionId, ShippingMethodId};
use crate::money::Money;
use crate::text::Email;

const SURVIVOR: CartId = CartId(Uuid::from_u128(99));

fn email(text: &str) -> Patch<Email> {
    Patch::Set(Email::parse(text).expect("an address of the test"))
}

fn details() -> UpdateDetails {
    UpdateDetails {
        email: email("ada@example.com"),
        ..UpdateDetails::default()
    }
}

/// Checks that every change a shopper can ask for is refused with one code.
fn check_closed(cart: &mut Bench<Cart>, expected: &str) {
    let before = cart.entity.clone();
    let line = first_line(cart);
    let set = SetQuantity {
        line,
        quantity: 0,
        facts: None,
        limits: Limits::default(),
    };
    assert_eq!(code(cart.run(add(&variant(1), 1))).err(), Some(expected));
    assert_eq!(code(cart.run(set)), Err(expected));
    assert_eq!(code(cart.run(RemoveLine { line })), Err(expected));
    assert_eq!(code(cart.run(ClearLines)), Err(expected));
    assert_eq!(code(cart.run(details())), Err(expected));
    assert_eq!(code(cart.run(lock(OTHER_CHECKOUT))), Err(expected));
    assert_eq!(cart.entity, before);
}

fn held(scope: LockScope) -> State {
    State::Checkout {
        checkout: CHECKOUT,
        scope,
    }
}

fn locked() -> Bench<Cart> {
    let mut cart = filled(1, &[(&variant(1), 2)]);
    cart.run(lock(CHECKOUT)).expect("the cart has lines");
    cart
}

#[test]
fn a_cart_is_created_until_its_first_line() {
    let mut cart = open(1);
    assert_eq!(code(cart.run(details())), Ok(()));
    assert_eq!(cart.entity.state(), State::Created);
    assert_eq!(code(cart.run(lock(CHECKOUT))), Err("cart.empty"));
    assert!(cart.run(add(&variant(1), 1)).is_ok());
    assert_eq!(cart.entity.state(), State::Active);
    assert!(cart.run(ClearLines).is_ok());
    assert_eq!(cart.entity.state(), State::Active);
    assert_eq!(code(cart.run(lock(CHECKOUT))), Err("cart.empty"));
}

#[test]
fn a_locked_cart_refuses_all_but_its_own_checkout() {
    let mut cart = locked();
    check_closed(&mut cart, "cart.locked");
    assert_eq!(
        (cart.entity.checkout(), cart.entity.order()),
        (Some(CHECKOUT), None)
    );

    let events = cart.events.len();
    assert_eq!(code(cart.run(lock(CHECKOUT))), Ok(()));
    assert_eq!(cart.events.len(), events, "locking once more changes nothing");
    let through = |checkout| UpdateDetails {
        through: Some(checkout),
        ..details()
    };
    assert_eq!(code(cart.run(through(OTHER_CHECKOUT))), Err("cart.locked"));
    assert_eq!(code(cart.run(through(CHECKOUT))), Ok(()));
    assert_eq!(cart.entity.email().map(Email::as_str), Some("ada@example.com"));
    assert_eq!(cart.entity.state(), held(LockScope::Lines));
}

#[test]
fn a_checkout_that_holds_everything_lets_no_detail_change_and_never_takes_less() {
    let mut cart = locked();
    let everything = LockForCheckout {
        checkout: CHECKOUT,
        scope: LockScope::Everything,
        shown: None,
    };
    assert_eq!(code(cart.run(everything)), Ok(()));
    let events = cart.events.len();
    for again in [everything, lock(CHECKOUT)] {
        assert_eq!(code(cart.run(again)), Ok(()));
        assert_eq!(
            (cart.entity.state(), cart.events.len()),
            (held(LockScope::Everything), events)
        );
    }
    let through = UpdateDetails {
        through: Some(CHECKOUT),
        ..details()
    };
    assert_eq!(code(cart.run(through.clone())), Err("cart.locked"));
    assert_eq!(code(cart.run(Unlock { checkout: CHECKOUT })), Ok(()));
    assert_eq!(cart.entity.state(), State::Active);
    assert_eq!(code(cart.run(through)), Err("cart.not_held"));
}

#[test]
fn letting_go_is_idempotent_and_only_for_the_holder() {
    let mut cart = locked();
    assert_eq!(
        code(cart.run(Unlock {
            checkout: OTHER_CHECKOUT
        })),
        Ok(())
    );
    assert_eq!(cart.entity.state(), held(LockScope::Lines));
    for _ in 0..2 {
        assert_eq!(code(cart.run(Unlock { checkout: CHECKOUT })), Ok(()));
        assert_eq!(cart.entity.state(), State::Active);
    }
    let unlocked = cart
        .events
        .iter()
        .filter(|event| **event == Event::Unlocked { checkout: CHECKOUT })
        .count();
    assert_eq!(unlocked, 1);
}

#[test]
fn a_completed_cart_refuses_every_change_and_names_its_order() {
    let mut cart = filled(1, &[(&variant(1), 2)]);
    let complete = Complete {
        checkout: CHECKOUT,
        order: ORDER,
    };
    assert_eq!(code(cart.run(complete)), Err("cart.not_held"));
    assert!(cart.run(lock(CHECKOUT)).is_ok());
    assert_eq!(
        code(cart.run(Complete {
            checkout: OTHER_CHECKOUT,
            order: ORDER
        })),
        Err("cart.locked")
    );
    for _ in 0..2 {
        assert_eq!(code(cart.run(complete)), Ok(()));
    }
    check_closed(&mut cart, "cart.completed");
    assert_eq!(code(cart.run(Unlock { checkout: CHECKOUT })), Ok(()));
    assert_eq!(cart.entity.order(), Some(ORDER));
    let refused = cart.run(ClearLines).expect_err("the cart is completed");
    assert_eq!(
        refused.details(),
        [("order_id".to_owned(), ORDER.to_string().into())]
    );
    let completed = cart.events.iter().filter(|event| {
        event
            == &&Event::Completed {
                checkout: CHECKOUT,
                order: ORDER,
            }
    });
    assert_eq!(completed.count(), 1);
}

#[test]
fn a_merged_cart_refuses_every_change_and_points_to_the_survivor() {
    let mut cart = filled(1, &[(&variant(1), 2)]);
    for _ in 0..2 {
        assert_eq!(code(cart.run(MergeInto { survivor: SURVIVOR })), Ok(()));
    }
    check_closed(&mut cart, "cart.merged");
    let refused = cart.run(ClearLines).expect_err("the cart is merged");
    assert_eq!(
        refused.details(),
        [("survivor".to_owned(), SURVIVOR.to_string().into())]
    );
    let mut itself = filled(1, &[(&variant(1), 2)]);
    let survivor = itself.entity.id();
    assert_eq!(code(itself.run(MergeInto { survivor })), Ok(()));
    assert_eq!(itself.entity.state(), State::Active);
}

#[test]
fn details_change_together_and_null_clears() {
    let mut cart = open(1);
    let choice = ShippingChoice {
        method: ShippingMethodId(Uuid::from_u128(5)),
        name: "Post".to_owned(),
    };
    let all = UpdateDetails {
        shipping_address: Patch::Set(address("GB")),
        shipping: Patch::Set(choice.clone()),
        ..details()
    };
    assert!(cart.run(all.clone()).is_ok());
    assert_eq!(
        cart.entity.bill_to(),
        cart.entity.shipping_address(),
        "billing defaults to shipping"
    );
    assert_eq!(
        (cart.entity.billing_address(), cart.entity.shipping()),
        (None, Some(&choice))
    );
    let events = cart.events.len();
    assert!(cart.run(all).is_ok());
    assert!(cart.run(UpdateDetails::default()).is_ok());
    assert_eq!(cart.events.len(), events, "the same details change nothing");

    let billed = UpdateDetails {
        billing_address: Patch::Set(address("FR")),
        shipping: Patch::Clear,
        ..UpdateDetails::default()
    };
    assert!(cart.run(billed).is_ok());
    let countries = (cart.entity.bill_to(), cart.entity.shipping_address());
    let country = |address: Option<&Arc<Address>>| address.map(|address| address.country.to_string());
    assert_eq!(
        (country(countries.0), country(countries.1)),
        (Some("FR".to_owned()), Some("GB".to_owned()))
    );
    assert_eq!(
        (cart.entity.shipping(), cart.entity.email().is_some()),
        (None, true)
    );
}

/// Moves the clock and fires what is due.
fn pass(cart: &mut Bench<Cart>, time: Duration) {
    cart.now = cart.now.after(time);
    for timer in Timer::ALL {
        cart.fire(*timer).expect("a cart's timers never refuse");
    }
}

fn due(cart: &Bench<Cart>, timer: Timer) -> Option<Timestamp> {
    cart.timers
        .iter()
        .find(|(set, _)| *set == timer)
        .map(|(_, due)| *due)
}

fn day(days: u32) -> Timestamp {
    Timestamp::from_millis(0).after(days * DAY)
}

#[test]
fn a_cart_is_abandoned_30_days_after_its_last_change_with_one_event() {
    let mut cart = open(1);
    assert_eq!(due(&cart, Timer::Abandonment), Some(day(30)));
    pass(&mut cart, 10 * DAY);
    assert!(cart.run(add(&variant(1), 3)).is_ok());
    assert_eq!(
        due(&cart, Timer::Abandonment),
        Some(day(30)),
        "a change moves no timer"
    );

    pass(&mut cart, 20 * DAY);
    assert_eq!(
        (cart.entity.state(), due(&cart, Timer::Abandonment)),
        (State::Active, Some(day(40)))
    );
    pass(&mut cart, 10 * DAY - Duration::from_millis(1));
    assert_eq!(cart.entity.state(), State::Active);
    pass(&mut cart, Duration::from_millis(1));
    assert_eq!(
        (cart.entity.state(), due(&cart, Timer::Deletion)),
        (State::Abandoned, Some(day(60)))
    );
    assert_eq!(due(&cart, Timer::Abandonment), None);
    pass(&mut cart, 19 * DAY);
    let abandoned = cart
        .events
        .iter()
        .filter(|event| **event == Event::Abandoned { units: 3 });
    assert_eq!((abandoned.count(), cart.erased), (1, false));
    pass(&mut cart, DAY);
    assert!(cart.erased);
    assert_eq!(cart.events.last(), Some(&Event::Deleted));
}

#[test]
fn a_cart_is_never_abandoned_under_a_checkout() {
    let mut cart = locked();
    pass(&mut cart, 30 * DAY);
    assert_eq!(cart.entity.state(), held(LockScope::Lines));
    assert_eq!(due(&cart, Timer::Abandonment), Some(day(60)));
    pass(&mut cart, 5 * DAY);
    assert!(cart.run(Unlock { checkout: CHECKOUT }).is_ok());
    pass(&mut cart, 25 * DAY);
    assert_eq!(
        (cart.entity.state(), due(&cart, Timer::Abandonment)),
        (State::Active, Some(day(65)))
    );
    pass(&mut cart, 5 * DAY);
    assert_eq!(cart.entity.state(), State::Abandoned);
}

#[test]
fn nobody_waits_for_a_completed_or_merged_cart() {
    let mut completed = locked();
    let complete = Complete {
        checkout: CHECKOUT,
        order: ORDER,
    };
    assert!(completed.run(complete).is_ok());
    let mut merged = filled(1, &[(&variant(1), 2)]);
    let survivor = CartId(Uuid::from_u128(2));
    assert!(merged.run(MergeInto { survivor }).is_ok());
    for mut cart in [completed, merged] {
        assert_eq!(cart.timers.len(), 0);
        // Earlier releases left the timer where it was.
        let before = cart.entity.clone();
        cart.timers.push((Timer::Abandonment, day(30)));
        pass(&mut cart, 30 * DAY);
        assert_eq!((&cart.entity, cart.timers.len()), (&before, 0));
    }
}

fn abandoned() -> Bench<Cart> {
    let mut cart = filled(1, &[(&variant(1), 2)]);
    pass(&mut cart, 30 * DAY);
    assert_eq!(cart.entity.state(), State::Abandoned);
    pass(&mut cart, DAY);
    cart
}

fn check_back(cart: &Bench<Cart>, state: State) {
    let recovered = cart.events.iter().filter(|event| **event == Event::Recovered);
    assert_eq!((cart.entity.state(), recovered.count()), (state, 1));
    assert_eq!(
        (due(cart, Timer::Abandonment), due(cart, Timer::Deletion)),
        (Some(day(61)), None)
    );
}

#[test]
fn a_returning_shopper_finds_the_cart_active_or_with_something_to_look_at() {
    let mut fine = abandoned();
    for _ in 0..2 {
        assert!(fine.run(Recover { problems: 0 }).is_ok());
        check_back(&fine, State::Active);
    }
    let mut changed = abandoned();
    assert!(changed.run(Recover { problems: 1 }).is_ok());
    check_back(&changed, State::Recovered);
    assert!(changed.run(Recover { problems: 0 }).is_ok());
    check_back(&changed, State::Recovered);
    assert!(changed.run(add(&variant(1), 1)).is_ok());
    check_back(&changed, State::Active);
}

#[test]
fn a_change_recovers_an_abandoned_cart() {
    let mut added = abandoned();
    assert!(added.run(add(&variant(1), 1)).is_ok());
    check_back(&added, State::Active);
    let mut checked_out = abandoned();
    assert!(checked_out.run(lock(CHECKOUT)).is_ok());
    check_back(&checked_out, held(LockScope::Lines));
    let mut refused = abandoned();
    let none = stocked(1, 0);
    assert_eq!(
        code(refused.run(add(&none, 1))).err(),
        Some("cart.insufficient_stock")
    );
    assert_eq!(refused.entity.state(), State::Abandoned);
}

#[test]
fn a_cart_belongs_to_the_session_that_opened_it_and_to_staff() -> Result<(), Error> {
    let (owner, other) = (SessionId(Uuid::from_u128(1)), SessionId(Uuid::from_u128(2)));
    let mut cart = open(1).entity;
    assert!(
        !cart.belongs_to(&Caller::default()),
        "a cart without an owner is nobody's"
    );
    cart.owner = Some(owner);
    for (caller, expected) in [
        (Caller::of_session(owner), true),
        (Caller::of_session(other), false),
        (Caller::default(), false),
        (
            Caller {
                session: Some(other),
                ..staff()
            },
            true,
        ),
    ] {
        assert_eq!(cart.belongs_to(&caller), expected, "{}", caller.name());
    }
    Ok(())
}

#[test]
fn a_state_that_cannot_be_is_found() {
    let check = |cart: Cart, sentence: &str| {
        let broken = cart.invariants().expect_err("the state cannot be");
        assert_eq!(broken.0, sentence);
    };
    let full = filled(1, &[(&variant(1), 2)]).entity;
    check(
        Cart {
            state: State::Created,
            ..full.clone()
        },
        "a cart with lines is not newly created",
    );
    let held = held(LockScope::Lines);
    check(
        Cart {
            state: held,
            lines: crate::cart::Lines::default(),
            ..full.clone()
        },
        "a checkout holds a cart with lines",
    );
    let euro = Currency::of("EUR").expect("in the table");
    check(
        Cart {
            currency: euro,
            ..full
        },
        "a line was priced in the cart's currency",
    );
}

#[test]
fn a_cart_survives_being_stored() {
    let mut cart = locked();
    assert!(
        cart.run(UpdateDetails {
            through: Some(CHECKOUT),
            shipping_address: Patch::Set(address("XC")),
            ..details()
        })
        .is_ok()
    );
    let stored = serde_json::to_string(&cart.entity).expect("a cart can be written");
    let read: Cart = serde_json::from_str(&stored).expect("a cart can be read");
    assert_eq!(read, cart.entity);
}

#[test]
fn a_cart_notes_whether_its_shopper_has_seen_it_as_it_is() {
    let session = SessionId(Uuid::from_u128(7));
    let (shopper, staff) = (Caller::of_session(session), Caller::of_staff("bo", Role::Admin));
    let both = Caller {
        session: Some(session),
        ..staff.clone()
    };
    let mut cart = open(1);
    cart.entity.owner = Some(session);
    for (caller, is_shown) in [
        (shopper.clone(), true),
        (staff, false),
        (shopper.clone(), true),
        // A shop's own server, which shows the shopper what it is answered.
        (both, true),
        (Caller::engine("test"), false),
        (Caller::of_session(SessionId(Uuid::from_u128(8))), false),
        (shopper.clone(), true),
    ] {
        cart.caller = caller;
        assert!(cart.run(add(&variant(1), 1)).is_ok());
        let is_seen = cart.entity.seen() == Seen::AsWritten;
        assert_eq!(is_seen, is_shown, "after {:?}", cart.caller);
    }
    // What locks it knows what they have seen, and what unlocks it does not.
    let sums = Sums {
        total: Money::new(500, Currency::GBP),
        due: Money::new(400, Currency::GBP),
    };
    for (shown, name) in [(Some(sums), "ada"), (None, "bea")] {
        cart.caller = Caller::engine("checkout");
        let lock = LockForCheckout {
            shown,
            ..lock(CHECKOUT)
        };
        assert_eq!(code(cart.run(lock)), Ok(()));
        assert_eq!(cart.entity.seen(), shown.map_or(Seen::Nothing, Seen::Sums));
        assert_eq!(code(cart.run(Unlock { checkout: CHECKOUT })), Ok(()));
        assert_eq!(cart.entity.seen(), Seen::Nothing);
        // Through the checkout they change it themselves, and are shown what it comes to.
        assert_eq!(code(cart.run(lock)), Ok(()));
        cart.caller = shopper.clone();
        let details = UpdateDetails {
            email: email(&format!("{name}@example.com")),
            through: Some(CHECKOUT),
            ..UpdateDetails::default()
        };
        assert_eq!(code(cart.run(details)), Ok(()));
        assert_eq!(cart.entity.seen(), Seen::AsWritten);
        assert_eq!(code(cart.run(Unlock { checkout: CHECKOUT })), Ok(()));
    }
    cart.caller = shopper;
    assert!(cart.run(ClearLines).is_ok());
    assert_eq!(cart.entity.seen(), Seen::AsWritten);
    // Nobody has seen it lie about.
    cart.now = Timestamp::from_millis(0).after(60 * DAY);
    assert_eq!(code(cart.fire(Timer::Abandonment)), Ok(()));
    assert_eq!(
        (cart.entity.state(), cart.entity.seen()),
        (State::Abandoned, Seen::Nothing)
    );
}
