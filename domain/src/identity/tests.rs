//! Sessions slide without a write per visit, and end exactly.

use super::{
    AttachCart, AttachOpenedCart, EndSession, Error, Event, OpenSession, Session, TakeCart, Timer,
    TouchSession, USER_AGENT_LENGTH_MAX,
};
use crate::entity::Entity;
use crate::id::{CartId, SessionId};
use crate::testing::Bench;
use crate::time::Timestamp;
use std::time::Duration;
use uuid::Uuid;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const SESSION_LIFETIME: Duration = Duration::from_secs(30 * 86_400);
const TOUCH_INTERVAL: Duration = DAY;
const DAY: Duration = Duration::from_secs(86_400);

fn opened(user_agent: Option<String>) -> Bench<Session> {
    let command = OpenSession {
        secret_digest: [7; 32],
        user_agent,
        lifetime: SESSION_LIFETIME,
    };
    Bench::create(SessionId(Uuid::from_u128(1)), START, command).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_visit_is_written_only_after_a_day() {
    let mut bench = opened(None);
    bench.now = START.after(TOUCH_INTERVAL);
    let before = bench.entity.clone();
    assert_eq!(bench.run(TouchSession), Ok(()));
    assert_eq!(bench.entity, before);
    bench.now = START.after(TOUCH_INTERVAL + Duration::from_millis(1));
    assert_eq!(bench.run(TouchSession), Ok(()));
    assert_eq!(bench.entity.expires_at(), bench.now.after(SESSION_LIFETIME));
    // The row of the timer is not touched; it looks for itself.
    assert_eq!(bench.timers, [(Timer::Expiry, START.after(SESSION_LIFETIME))]);
}

#[test]
fn a_new_cart_does_not_put_off_the_next_visit() -> Result<(), Error> {
    let mut bench = opened(None);
    bench.now = START.after(TOUCH_INTERVAL);
    bench.run(AttachCart {
        cart: CartId(Uuid::from_u128(2)),
    })?;
    bench.now = START.after(TOUCH_INTERVAL + Duration::from_millis(1));
    assert!(bench.entity.is_touch_due(bench.now));
    Ok(())
}

#[test]
fn the_timer_sets_itself_again_until_nobody_came_for_the_lifetime() {
    let mut bench = opened(None);
    bench.now = START.after(DAY * 2);
    assert_eq!(bench.run(TouchSession), Ok(()));
    bench.now = START.after(SESSION_LIFETIME);
    assert_eq!(bench.fire(Timer::Expiry), Ok(()));
    assert!(!bench.erased);
    let ends = START.after(SESSION_LIFETIME + DAY * 2);
    assert_eq!(bench.timers, [(Timer::Expiry, ends)]);
    bench.now = ends;
    assert_eq!(bench.run(TouchSession), Err(Error::Expired));
    assert_eq!(
        bench.run(AttachCart {
            cart: CartId(Uuid::from_u128(2))
        }),
        Err(Error::Expired)
    );
    assert_eq!(bench.fire(Timer::Expiry), Ok(()));
    assert!(bench.erased);
    assert_eq!(bench.events, [Event::SessionOpened, Event::SessionExpired]);
}

#[test]
fn attaching_a_cart_twice_is_attaching_it_once() {
    let mut bench = opened(None);
    let (first, second) = (CartId(Uuid::from_u128(2)), CartId(Uuid::from_u128(3)));
    for cart in [first, first, second] {
        assert_eq!(bench.run(AttachCart { cart }), Ok(()));
    }
    assert_eq!(bench.entity.cart(), Some(second));
    let attached = [
        Event::CartAttached { cart: first },
        Event::CartAttached { cart: second },
    ];
    assert_eq!(bench.events[1..], attached);
}

#[test]
fn a_cart_attached_late_does_not_take_the_place_of_a_newer_one() {
    let mut bench = opened(None);
    let [older, newer] = [2, 3].map(|id| CartId(Uuid::from_u128(id)));
    for (cart, current) in [(older, older), (newer, newer), (older, newer), (newer, newer)] {
        assert_eq!(bench.run(AttachOpenedCart { cart }), Ok(()));
        assert_eq!(bench.entity.cart(), Some(current));
    }
    assert_eq!(bench.events.len(), 3);
    bench.now = START.after(SESSION_LIFETIME);
    for cart in [older, newer] {
        assert_eq!(bench.run(AttachOpenedCart { cart }), Err(Error::Expired));
    }
}

#[test]
fn of_several_that_saw_the_same_the_first_says_which_cart_is_next() {
    let mut bench = opened(None);
    let [first, second, third] = [2, 3, 4].map(|id| CartId(Uuid::from_u128(id)));
    for (in_place_of, cart, taken) in [
        (None, first, first),
        (None, second, first),
        (None, first, first),
        (Some(first), third, third),
        (Some(first), second, third),
    ] {
        assert_eq!(bench.run(TakeCart { in_place_of, cart }), Ok(taken));
        assert_eq!(bench.entity.cart(), Some(taken));
    }
    assert_eq!(bench.events.len(), 3);
    bench.now = START.after(SESSION_LIFETIME);
    for in_place_of in [None, Some(third)] {
        let late = TakeCart {
            in_place_of,
            cart: second,
        };
        assert_eq!(bench.run(late), Err(Error::Expired));
    }
}

#[test]
fn a_session_rests_once_it_has_a_cart() {
    let mut bench = opened(None);
    assert!(!bench.entity.may_rest());
    let cart = CartId(Uuid::from_u128(2));
    assert_eq!(bench.run(AttachCart { cart }), Ok(()));
    assert!(bench.entity.may_rest());
}

#[test]
fn an_ended_session_is_gone() {
    let mut bench = opened(None);
    assert_eq!(bench.run(EndSession), Ok(()));
    assert!(bench.erased);
    assert_eq!(bench.events, [Event::SessionOpened, Event::SessionEnded]);
}

#[test]
fn only_the_secrets_digest_opens_it() {
    let session = opened(None).entity;
    let mut other = [7; 32];
    other[31] = 8;
    assert!(session.has_secret(&[7; 32]));
    assert!(!session.has_secret(&other));
    assert!(!session.has_secret(&[0; 32]));
}

#[test]
fn a_long_user_agent_is_cut_between_characters() {
    let kept = opened(Some("ä".repeat(USER_AGENT_LENGTH_MAX + 1))).entity;
    assert_eq!(
        kept.user_agent(),
        Some("ä".repeat(USER_AGENT_LENGTH_MAX).as_str())
    );
}
