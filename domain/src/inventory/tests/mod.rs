//! The rules of section 3 of the semantics.

mod bounds;
mod expiry;
mod history;

use super::{
    AdjustStock, Allocate, CreateStockItem, DEFAULT_LOCATION, Deallocate, Error, Event, Held, Pin, Release,
    Reserve, SetStock, StockItem, StockLevels,
};
use crate::error::Refusal;
use crate::id::{CheckoutId, OrderId, StockItemId, VariantId};
use crate::testing::Bench;
use crate::time::Timestamp;
use std::time::Duration;
use uuid::Uuid;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
/// The store's low-stock level.
const LOW: u64 = 10;
const LIFETIME: Duration = Duration::from_secs(600);
const VARIANT: VariantId = VariantId(Uuid::from_u128(0x5ca1e));

fn checkout(n: u8) -> CheckoutId {
    CheckoutId(Uuid::from_u128(u128::from(n)))
}

fn order(n: u8) -> OrderId {
    OrderId(Uuid::from_u128(u128::from(n)))
}

fn item(levels: StockLevels) -> Bench<StockItem> {
    let id = StockItemId::of(VARIANT, DEFAULT_LOCATION);
    let mut bench = Bench::create(
        id,
        START,
        CreateStockItem {
            variant: VARIANT,
            levels,
            low_stock_level: LOW,
        },
    )
    .unwrap_or_else(|error| panic!("{error}"));
    bench.events.clear();
    bench
}

fn tracked(on_hand: u64) -> Bench<StockItem> {
    item(StockLevels {
        tracked: Some(true),
        on_hand: Some(on_hand),
        ..StockLevels::default()
    })
}

fn set(levels: StockLevels) -> SetStock {
    SetStock { levels }
}

fn on_hand(units: u64) -> SetStock {
    set(StockLevels {
        on_hand: Some(units),
        ..StockLevels::default()
    })
}

fn reserve(n: u8, quantity: u64) -> Reserve {
    Reserve {
        checkout: checkout(n),
        quantity,
        lifetime: Some(LIFETIME),
    }
}

fn adjust(delta: i64) -> AdjustStock {
    AdjustStock {
        delta,
        reason: "count".to_owned(),
        reference: None,
    }
}

/// Checks on_hand, reserved, allocated and available.
#[track_caller]
fn check_books(bench: &Bench<StockItem>, expected: (u64, u64, u64, Option<i64>)) {
    let item = &bench.entity;
    assert_eq!(
        (
            item.on_hand(),
            item.reserved(),
            item.allocated(),
            item.available()
        ),
        expected
    );
}

#[track_caller]
fn check_refused<T: std::fmt::Debug>(outcome: Result<T, Error>, code: &str, details: &[(&str, i64)]) {
    let error = outcome.expect_err("a refusal was expected");
    assert_eq!(error.code(), code);
    for (name, value) in details {
        let found = error
            .details()
            .into_iter()
            .find(|(found, _)| found == name)
            .map(|(_, detail)| detail);
        assert_eq!(found, Some((*value).into()), "{name} of {error:?}");
    }
}

#[test]
fn what_a_checkout_holds_is_available_to_it() {
    let mut bench = tracked(10);
    assert_eq!(bench.run(reserve(1, 6)), Ok(Held { quantity: 6 }));
    assert_eq!(bench.run(reserve(2, 3)), Ok(Held { quantity: 3 }));
    let check = |bench: &Bench<StockItem>, expected| {
        let to = |n| bench.entity.available_to(checkout(n));
        assert_eq!([to(1), to(2), to(3)], expected);
    };
    check(&bench, [Some(7), Some(4), Some(1)]);
    let kept_back = StockLevels {
        buffer: Some(4),
        ..StockLevels::default()
    };
    assert_eq!(bench.run(set(kept_back)), Ok(()));
    check_books(&bench, (10, 9, 0, Some(-3)));
    check(&bench, [Some(6), Some(3), Some(0)]);
    assert_eq!(
        item(StockLevels::default()).entity.available_to(checkout(1)),
        None
    );
}

#[test]
fn a_purchase_moves_units_from_available_over_reserved_to_allocated_and_back() {
    let mut bench = tracked(5);
    assert_eq!(bench.run(reserve(1, 2)), Ok(Held { quantity: 2 }));
    check_books(&bench, (5, 2, 0, Some(3)));
    assert_eq!(
        bench.run(Pin {
            checkout: checkout(1)
        }),
        Ok(Held { quantity: 2 })
    );
    assert_eq!(bench.entity.pinned(), 2);
    assert_eq!(
        bench.run(Allocate {
            checkout: checkout(1),
            order: order(1)
        }),
        Ok(Held { quantity: 2 })
    );
    check_books(&bench, (5, 0, 2, Some(3)));
    assert_eq!(bench.entity.pinned(), 0);
    assert_eq!(
        bench.run(Deallocate {
            order: order(1),
            quantity: 2
        }),
        Ok(())
    );
    check_books(&bench, (5, 0, 0, Some(5)));
    assert_eq!(
        bench.events,
        [
            Event::StockReserved {
                checkout: checkout(1),
                quantity: 2
            },
            Event::ReservationPinned {
                checkout: checkout(1),
                quantity: 2,
            },
            Event::StockAllocated {
                checkout: checkout(1),
                order: order(1),
                quantity: 2
            },
            Event::StockDeallocated {
                order: order(1),
                quantity: 2
            },
        ]
    );
}

#[test]
fn the_last_unit_is_reserved_and_one_more_is_refused_with_what_is_available() {
    let mut bench = tracked(3);
    assert_eq!(bench.run(reserve(1, 3)), Ok(Held { quantity: 3 }));
    check_refused(
        bench.run(reserve(2, 1)),
        "inventory.insufficient",
        &[("requested", 1), ("available", 0)],
    );
    assert_eq!(
        bench.run(Release {
            checkout: checkout(1)
        }),
        Ok(Held { quantity: 3 })
    );
    check_refused(
        bench.run(reserve(2, 4)),
        "inventory.insufficient",
        &[("requested", 4), ("available", 3)],
    );
    check_refused(bench.run(reserve(2, 0)), "request.invalid_fields", &[]);
}

#[test]
fn a_positive_buffer_is_kept_back_and_a_negative_one_is_a_backorder_allowance() {
    let buffered = |buffer| {
        item(StockLevels {
            tracked: Some(true),
            on_hand: Some(5),
            buffer: Some(buffer),
            low_stock_level: None,
        })
    };
    let mut kept_back = buffered(2);
    check_books(&kept_back, (5, 0, 0, Some(3)));
    check_refused(
        kept_back.run(reserve(1, 4)),
        "inventory.insufficient",
        &[("available", 3)],
    );
    let mut backorder = buffered(-2);
    check_books(&backorder, (5, 0, 0, Some(7)));
    assert_eq!(backorder.run(reserve(1, 7)), Ok(Held { quantity: 7 }));
    check_refused(
        backorder.run(reserve(2, 1)),
        "inventory.insufficient",
        &[("available", 0)],
    );
    // A buffer raised later shows as a shortage, and takes nothing away from those who hold.
    let mut raised = tracked(5);
    assert_eq!(raised.run(reserve(1, 5)), Ok(Held { quantity: 5 }));
    assert_eq!(
        raised.run(set(StockLevels {
            buffer: Some(3),
            ..StockLevels::default()
        })),
        Ok(())
    );
    check_books(&raised, (5, 5, 0, Some(-3)));
    check_refused(
        raised.run(reserve(1, 4)),
        "inventory.insufficient",
        &[("available", 2)],
    );
}

#[test]
fn what_is_untracked_never_moves() {
    let mut bench = item(StockLevels::default());
    assert_eq!(bench.entity.available(), None);
    let before = bench.entity.clone();
    assert_eq!(bench.run(reserve(1, 1_000)), Ok(Held { quantity: 0 }));
    assert_eq!(
        bench.run(Pin {
            checkout: checkout(1)
        }),
        Ok(Held { quantity: 0 })
    );
    assert_eq!(
        bench.run(Allocate {
            checkout: checkout(1),
            order: order(1)
        }),
        Ok(Held { quantity: 0 })
    );
    assert_eq!(
        bench.run(Deallocate {
            order: order(1),
            quantity: 0
        }),
        Ok(())
    );
    assert_eq!(
        bench.run(Release {
            checkout: checkout(1)
        }),
        Ok(Held { quantity: 0 })
    );
    check_refused(bench.run(adjust(1)), "inventory.untracked", &[]);
    assert_eq!(bench.entity, before);
    assert_eq!((bench.events, bench.timers), (vec![], vec![]));
}

#[test]
fn what_was_held_is_settled_exactly_when_tracking_is_switched_in_between() {
    let mut bench = tracked(5);
    assert_eq!(bench.run(reserve(1, 2)), Ok(Held { quantity: 2 }));
    let tracking = |tracked| {
        set(StockLevels {
            tracked: Some(tracked),
            ..StockLevels::default()
        })
    };
    assert_eq!(bench.run(tracking(false)), Ok(()));
    assert_eq!(bench.run(reserve(2, 9)), Ok(Held { quantity: 0 }));
    assert_eq!(
        bench.run(Pin {
            checkout: checkout(1)
        }),
        Ok(Held { quantity: 2 })
    );
    assert_eq!(
        bench.run(Allocate {
            checkout: checkout(1),
            order: order(1)
        }),
        Ok(Held { quantity: 2 })
    );
    assert_eq!(bench.run(tracking(true)), Ok(()));
    check_books(&bench, (5, 0, 2, Some(3)));
    // The second checkout held nothing, and now has to: it is refused before it is charged.
    check_refused(
        bench.run(Pin {
            checkout: checkout(2),
        }),
        "inventory.reservation_gone",
        &[("available", 3)],
    );
    assert_eq!(
        bench.run(Allocate {
            checkout: checkout(2),
            order: order(2)
        }),
        Ok(Held { quantity: 0 })
    );
    check_refused(
        bench.run(Deallocate {
            order: order(1),
            quantity: 3,
        }),
        "inventory.not_allocated",
        &[("allocated", 2)],
    );
}

#[test]
fn releasing_twice_or_nothing_succeeds() {
    let mut bench = tracked(5);
    assert_eq!(
        bench.run(Release {
            checkout: checkout(1)
        }),
        Ok(Held { quantity: 0 })
    );
    assert_eq!(bench.run(reserve(1, 2)), Ok(Held { quantity: 2 }));
    assert_eq!(
        bench.run(Pin {
            checkout: checkout(1)
        }),
        Ok(Held { quantity: 2 })
    );
    assert_eq!(
        bench.run(Release {
            checkout: checkout(1)
        }),
        Ok(Held { quantity: 2 })
    );
    assert_eq!(
        bench.run(Release {
            checkout: checkout(1)
        }),
        Ok(Held { quantity: 0 })
    );
    check_books(&bench, (5, 0, 0, Some(5)));
    assert_eq!(bench.entity.pinned(), 0);
}

#[test]
fn reserving_again_keeps_the_same_quantity_and_replaces_another() {
    let mut bench = tracked(5);
    assert_eq!(bench.run(reserve(1, 2)), Ok(Held { quantity: 2 }));
    let before = bench.entity.clone();
    bench.now = START.after(Duration::from_secs(60));
    assert_eq!(bench.run(reserve(1, 2)), Ok(Held { quantity: 2 }));
    assert_eq!(bench.entity, before);
    assert_eq!(bench.run(reserve(1, 5)), Ok(Held { quantity: 5 }));
    check_books(&bench, (5, 5, 0, Some(0)));
    check_refused(
        bench.run(reserve(1, 6)),
        "inventory.insufficient",
        &[("available", 5)],
    );
    assert_eq!(
        bench.run(Pin {
            checkout: checkout(1)
        }),
        Ok(Held { quantity: 5 })
    );
    check_refused(
        bench.run(reserve(1, 4)),
        "inventory.reservation_pinned",
        &[("quantity", 5)],
    );
}

#[test]
fn stock_cannot_be_set_below_what_is_promised_or_being_paid_for() {
    let mut bench = tracked(10);
    assert_eq!(bench.run(reserve(1, 3)), Ok(Held { quantity: 3 }));
    assert_eq!(
        bench.run(Allocate {
            checkout: checkout(1),
            order: order(1)
        }),
        Ok(Held { quantity: 3 })
    );
    assert_eq!(bench.run(reserve(2, 2)), Ok(Held { quantity: 2 }));
    assert_eq!(
        bench.run(Pin {
            checkout: checkout(2)
        }),
        Ok(Held { quantity: 2 })
    );
    let numbers = [("capacity", 4), ("allocated", 3), ("pinned", 2)];
    check_refused(bench.run(on_hand(4)), "inventory.below_committed", &numbers);
    check_refused(bench.run(adjust(-6)), "inventory.below_committed", &numbers);
    check_refused(
        bench.run(adjust(-11)),
        "inventory.below_zero",
        &[("on_hand", 10), ("delta", -11)],
    );
    assert_eq!(bench.run(on_hand(5)), Ok(()));
    check_books(&bench, (5, 2, 3, Some(0)));
}

#[test]
fn the_newest_unpinned_reservations_are_revoked_when_stock_is_taken_away() {
    let mut bench = tracked(10);
    // The ids run against the order of reserving: age counts, not the id.
    for (n, quantity) in [(9, 2), (8, 2), (7, 2), (6, 3)] {
        assert_eq!(bench.run(reserve(n, quantity)), Ok(Held { quantity }));
    }
    assert_eq!(
        bench.run(Pin {
            checkout: checkout(7)
        }),
        Ok(Held { quantity: 2 })
    );
    bench.events.clear();
    assert_eq!(bench.run(on_hand(5)), Ok(()));
    check_books(&bench, (5, 4, 0, Some(1)));
    let revoked = |n, quantity| Event::ReservationRevoked {
        variant: VARIANT,
        checkout: checkout(n),
        quantity,
        available: 1,
    };
    let adjusted = Event::StockAdjusted {
        delta: -5,
        on_hand: 5,
        reason: "set".to_owned(),
        reference: None,
    };
    assert_eq!(bench.events, [adjusted, revoked(6, 3), revoked(8, 2)]);
    check_refused(
        bench.run(Pin {
            checkout: checkout(8),
        }),
        "inventory.reservation_gone",
        &[("available", 1)],
    );
    assert_eq!(
        bench.run(Pin {
            checkout: checkout(9)
        }),
        Ok(Held { quantity: 2 })
    );
}

/// Returns how often it was said that stock has become low.
fn times_low(bench: &Bench<StockItem>) -> usize {
    let is_low = |event: &&Event| matches!(event, Event::StockRanLow { .. });
    bench.events.iter().filter(is_low).count()
}

#[test]
fn low_stock_is_said_once_until_it_has_been_above_again() {
    let mut bench = tracked(12);
    let mut said = |delta: i64| {
        bench.events.clear();
        assert_eq!(bench.run(adjust(delta)), Ok(()));
        times_low(&bench)
    };
    assert_eq!(
        [said(-1), said(-1), said(-1), said(1), said(1), said(-2)],
        [0, 1, 0, 0, 0, 1]
    );
    let low = Event::StockRanLow {
        variant: VARIANT,
        on_hand: 9,
        low_stock_level: 10,
    };
    assert_eq!(bench.events.last(), Some(&low));
}

#[test]
fn low_stock_is_said_of_units_that_have_gone_and_not_of_a_level_that_is_raised() {
    let says = |before: StockLevels, then: StockLevels| {
        let mut bench = item(before);
        bench.events.clear();
        assert_eq!(bench.run(set(then)), Ok(()));
        0 < times_low(&bench)
    };
    let of = |tracked, on_hand, low_stock_level| StockLevels {
        tracked,
        on_hand,
        buffer: None,
        low_stock_level,
    };
    let counted = of(Some(true), Some(15), None);
    assert!(!says(counted, of(None, None, Some(20))));
    assert!(says(counted, of(None, Some(10), None)));
    // Counted from now on, and fewer than were thought to be there.
    let uncounted = of(Some(false), Some(50), None);
    assert!(says(uncounted, of(Some(true), Some(5), None)));
    assert!(!says(uncounted, of(None, Some(5), None)));
}

#[test]
fn a_promise_taken_back_before_it_is_made_leaves_the_same_books() {
    // A cancellation may overtake its checkout: only sums are kept, and sums do not care.
    let mut bench = tracked(10);
    for n in [1, 2] {
        assert_eq!(bench.run(reserve(n, 3)), Ok(Held { quantity: 3 }));
        assert_eq!(
            bench.run(Pin {
                checkout: checkout(n)
            }),
            Ok(Held { quantity: 3 })
        );
    }
    let allocate = |n| Allocate {
        checkout: checkout(n),
        order: order(n),
    };
    assert_eq!(bench.run(allocate(1)), Ok(Held { quantity: 3 }));
    assert_eq!(
        bench.run(Deallocate {
            order: order(2),
            quantity: 3
        }),
        Ok(())
    );
    let early = Deallocate {
        order: order(1),
        quantity: 3,
    };
    check_refused(bench.run(early), "inventory.not_allocated", &[("allocated", 0)]);
    assert_eq!(bench.run(allocate(2)), Ok(Held { quantity: 3 }));
    check_books(&bench, (10, 0, 3, Some(7)));
}
