//! Any history of commands keeps the invariants, and the ledger is the state.

use super::{adjust, checkout, item, order, reserve, set};
use crate::entity::Command;
use crate::inventory::{Allocate, Deallocate, Event, Hold, Pin, Release, StockItem, StockLevels, Timer};
use crate::testing::Bench;
use proptest::prelude::*;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
enum Action {
    Set(StockLevels),
    Adjust(i64),
    Reserve(u8, u64),
    Pin(u8),
    Release(u8),
    Allocate(u8),
    Deallocate(u64),
    Wait(u64),
}

fn actions() -> impl Strategy<Value = Action> {
    let levels = (
        prop::option::of(any::<bool>()),
        prop::option::of(0_u64..40),
        prop::option::of(-10_i64..10),
        prop::option::of(0_u64..20),
    )
        .prop_map(|(tracked, on_hand, buffer, low_stock_level)| StockLevels {
            tracked,
            on_hand,
            buffer,
            low_stock_level,
        });
    prop_oneof![
        1 => levels.prop_map(Action::Set),
        2 => (-20_i64..20).prop_map(Action::Adjust),
        6 => (0_u8..12, 0_u64..8).prop_map(|(n, quantity)| Action::Reserve(n, quantity)),
        3 => (0_u8..12).prop_map(Action::Pin),
        2 => (0_u8..12).prop_map(Action::Release),
        3 => (0_u8..12).prop_map(Action::Allocate),
        2 => (0_u64..6).prop_map(Action::Deallocate),
        2 => (0_u64..400).prop_map(Action::Wait),
    ]
}

/// The sums of the ledger: on_hand, reserved, allocated.
fn summed(events: &[Event]) -> (i64, i64, i64) {
    let units = |quantity: u64| i64::try_from(quantity).unwrap_or(i64::MAX);
    let (mut on_hand, mut reserved, mut allocated) = (0, 0, 0);
    for event in events {
        match event {
            Event::StockAdjusted { delta, .. } => on_hand += delta,
            Event::StockReserved { quantity, .. } => reserved += units(*quantity),
            Event::StockReleased { quantity, .. }
            | Event::ReservationExpired { quantity, .. }
            | Event::ReservationRevoked { quantity, .. } => reserved -= units(*quantity),
            Event::StockAllocated { quantity, .. } => {
                reserved -= units(*quantity);
                allocated += units(*quantity);
            }
            Event::StockDeallocated { quantity, .. } => allocated -= units(*quantity),
            Event::StockItemCreated { .. }
            | Event::StockLevelsSet { .. }
            | Event::StockRanLow { .. }
            | Event::ReservationPinned { .. } => {}
        }
    }
    (on_hand, reserved, allocated)
}

proptest! {
    #[test]
    fn any_history_keeps_the_invariants(history in prop::collection::vec(actions(), 1..80)) {
        let mut bench = item(StockLevels { tracked: Some(true), ..StockLevels::default() });
        for action in history {
            check_step(&mut bench, action)?;
        }
    }
}

/// Runs one action. The bench checks the item's invariants, and that a refusal changes nothing.
fn check_step(bench: &mut Bench<StockItem>, action: Action) -> Result<(), TestCaseError> {
    let (before, events_before) = (bench.entity.clone(), bench.events.len());
    let mut let_go = None;
    match action {
        Action::Set(levels) => attempt(bench, set(levels)),
        Action::Adjust(delta) => attempt(bench, adjust(delta)),
        Action::Reserve(n, quantity) => attempt(bench, reserve(n, quantity)),
        Action::Pin(n) => attempt(
            bench,
            Pin {
                checkout: checkout(n),
            },
        ),
        Action::Deallocate(quantity) => attempt(
            bench,
            Deallocate {
                order: order(0),
                quantity,
            },
        ),
        Action::Release(n) => {
            let_go = Some(checkout(n));
            attempt(
                bench,
                Release {
                    checkout: checkout(n),
                },
            );
        }
        Action::Allocate(n) => {
            let_go = Some(checkout(n));
            attempt(
                bench,
                Allocate {
                    checkout: checkout(n),
                    order: order(n),
                },
            );
        }
        Action::Wait(seconds) => {
            bench.now = bench.now.after(Duration::from_secs(seconds));
            prop_assert_eq!(bench.fire(Timer::Expiry), Ok(()));
            let now = bench.now;
            prop_assert!(
                !bench
                    .entity
                    .reservations()
                    .iter()
                    .any(|held| held.hold.is_over(now))
            );
        }
    }
    for held in before
        .reservations()
        .iter()
        .filter(|held| held.hold == Hold::Pinned)
    {
        let kept = bench.entity.reservation(held.checkout) == Some(held);
        prop_assert!(
            kept || let_go == Some(held.checkout),
            "a pinned reservation went: {:?}",
            held
        );
    }
    let due = bench.timers.first().map(|(_, due)| *due);
    prop_assert_eq!(due, bench.entity.wakes_at, "the item knows its timer");
    let books = |item: &StockItem| (item.on_hand(), item.reserved(), item.allocated());
    let (on_hand, reserved, allocated) = books(&bench.entity);
    let moved = books(&before) != (on_hand, reserved, allocated);
    prop_assert!(
        !moved || events_before < bench.events.len(),
        "units moved without a movement"
    );
    let sums = (
        on_hand.cast_signed(),
        reserved.cast_signed(),
        allocated.cast_signed(),
    );
    prop_assert_eq!(summed(&bench.events), sums, "the ledger sums to the state");
    Ok(())
}

/// Runs a command. A refusal is as good a step as any.
fn attempt<C: Command<StockItem>>(bench: &mut Bench<StockItem>, command: C) {
    let _ = bench.run(command);
}
