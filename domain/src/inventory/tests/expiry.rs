//! Reservations end exactly, at the price of few timers.

use super::{LIFETIME, START, VARIANT, check_books, check_refused, checkout, reserve, tracked};
use crate::error::Refusal;
use crate::inventory::{Event, Held, Pin, Reserve, Timer};
use crate::time::Timestamp;
use std::time::Duration;

#[test]
fn a_reservation_expires_at_its_time_and_not_a_moment_earlier() {
    let mut bench = tracked(5);
    assert_eq!(bench.run(reserve(1, 2)), Ok(Held { quantity: 2 }));
    let expiry = START.after(LIFETIME);
    assert_eq!(bench.timers, [(Timer::Expiry, expiry)]);
    bench.now = Timestamp::from_millis(expiry.millis() - 1);
    assert_eq!(
        bench
            .run(Pin {
                checkout: checkout(9)
            })
            .map_err(|error| error.code()),
        Err("inventory.reservation_gone")
    );
    assert_eq!(bench.fire(Timer::Expiry), Ok(()));
    check_books(&bench, (5, 2, 0, Some(3)));
    bench.now = expiry;
    // Even before the timer is handled nobody can pay on it any more.
    check_refused(
        bench.run(Pin {
            checkout: checkout(1),
        }),
        "inventory.reservation_gone",
        &[("available", 5)],
    );
    assert_eq!(bench.fire(Timer::Expiry), Ok(()));
    check_books(&bench, (5, 0, 0, Some(5)));
    assert_eq!(
        bench.events.last(),
        Some(&Event::ReservationExpired {
            variant: VARIANT,
            checkout: checkout(1),
            quantity: 2
        })
    );
    assert_eq!(bench.timers, []);
}

#[test]
fn the_timer_is_not_moved_by_every_command_and_yet_never_late() {
    let mut bench = tracked(100);
    for n in 0..10 {
        bench.now = START.after(Duration::from_secs(u64::from(n)));
        assert_eq!(bench.run(reserve(n, 1)), Ok(Held { quantity: 1 }));
        assert_eq!(bench.timers, [(Timer::Expiry, START.after(LIFETIME))]);
    }
    for n in [0, 1, 3] {
        assert_eq!(
            bench.run(Pin {
                checkout: checkout(n)
            }),
            Ok(Held { quantity: 1 })
        );
    }
    bench.now = START.after(LIFETIME);
    assert_eq!(bench.fire(Timer::Expiry), Ok(()));
    check_books(&bench, (100, 10, 0, Some(90)));
    assert_eq!(
        bench.timers,
        [(Timer::Expiry, START.after(LIFETIME + Duration::from_secs(2)))]
    );
    // A shorter lifetime brings the timer forward.
    let short = Reserve {
        checkout: checkout(20),
        quantity: 1,
        lifetime: Some(Duration::from_secs(1)),
    };
    assert_eq!(bench.run(short), Ok(Held { quantity: 1 }));
    assert_eq!(
        bench.timers,
        [(Timer::Expiry, START.after(LIFETIME + Duration::from_secs(1)))]
    );
}

#[test]
fn pinned_reservations_do_not_expire() {
    let mut bench = tracked(5);
    assert_eq!(bench.run(reserve(1, 2)), Ok(Held { quantity: 2 }));
    assert_eq!(
        bench.run(Pin {
            checkout: checkout(1)
        }),
        Ok(Held { quantity: 2 })
    );
    bench.now = START.after(Duration::from_secs(86_400));
    assert_eq!(bench.fire(Timer::Expiry), Ok(()));
    check_books(&bench, (5, 2, 0, Some(3)));
    assert_eq!(bench.timers, []);
    assert_eq!(
        bench.run(Pin {
            checkout: checkout(1)
        }),
        Ok(Held { quantity: 2 })
    );
    assert_eq!(bench.entity.pinned(), 2);
}

#[test]
fn a_reservation_that_goes_on_to_the_payment_is_pinned_from_the_start() {
    let mut bench = tracked(3);
    let pinned = Reserve {
        lifetime: None,
        ..reserve(1, 2)
    };
    assert_eq!(bench.run(pinned), Ok(Held { quantity: 2 }));
    assert_eq!(bench.timers, []);
    assert_eq!((bench.entity.reserved, bench.entity.pinned), (2, 2));
    // One that was held for a time is pinned by the same command.
    assert_eq!(bench.run(reserve(2, 1)), Ok(Held { quantity: 1 }));
    let late = Reserve {
        lifetime: None,
        ..reserve(2, 1)
    };
    assert_eq!(bench.run(late), Ok(Held { quantity: 1 }));
    assert_eq!((bench.entity.reserved, bench.entity.pinned), (3, 3));
}
