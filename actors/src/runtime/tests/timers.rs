//! Durable timers.

use super::store::TestStore;
use super::toy::{Bell, Set, add};
use super::{Bench, settle};
use crate::runtime::EntityOptions;
use cartwright_domain::Timestamp;
use cartwright_storage::Store;
use std::time::Duration;

/// Timers fire within this of their time.
const SLACK: Duration = Duration::from_millis(20);

fn in_seconds(bench: &Bench, seconds: u64) -> Timestamp {
    bench.runtime.clock().now().after(Duration::from_secs(seconds))
}

async fn rings(bench: &Bench, id: super::ToyId) -> u32 {
    settle().await;
    bench.toys.read(id).await.unwrap().unwrap().state.rings
}

async fn rows(bench: &Bench) -> Vec<String> {
    let far = Timestamp::from_millis(i64::MAX);
    bench
        .store
        .timers_due(far, 100)
        .await
        .unwrap()
        .into_iter()
        .map(|timer| timer.name)
        .collect()
}

async fn set(bench: &Bench, id: super::ToyId, bell: Bell, at: Option<Timestamp>) {
    bench.tell(id, Set { bell, at }).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_timer_fires_at_its_time_and_once() {
    let bench = Bench::new();
    bench.runtime.open().await.unwrap();
    let id = bench.open(1).await;
    set(&bench, id, Bell::Ring, Some(in_seconds(&bench, 60))).await;
    tokio::time::sleep(Duration::from_secs(60) - SLACK).await;
    assert_eq!(rings(&bench, id).await, 0);
    tokio::time::sleep(SLACK + Duration::from_millis(250)).await;
    assert_eq!((rings(&bench, id).await, rows(&bench).await.len()), (1, 0));
    tokio::time::sleep(Duration::from_secs(5 * 60)).await;
    assert_eq!(
        (rings(&bench, id).await, bench.runtime.counters().timers_fired),
        (1, 1)
    );
    assert_eq!(
        bench.revision(id).await,
        1,
        "setting it changed no state, and ringing told no fact"
    );
}

#[tokio::test(start_paused = true)]
async fn a_timer_due_before_the_next_look_is_not_late() {
    let bench = Bench::new();
    bench.runtime.open().await.unwrap();
    let id = bench.open(1).await;
    set(
        &bench,
        id,
        Bell::Ring,
        Some(bench.runtime.clock().now().after(Duration::from_millis(40))),
    )
    .await;
    tokio::time::sleep(Duration::from_millis(40) + SLACK).await;
    assert_eq!(rings(&bench, id).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_timer_survives_a_restart_and_wakes_the_sleeping() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    set(&bench, id, Bell::Ring, Some(in_seconds(&bench, 60))).await;
    let bench = bench.restart().await;
    bench.runtime.open().await.unwrap();
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(
        (rings(&bench, id).await, bench.toys.counters().activations),
        (1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_timer_set_again_or_canceled_does_not_fire_at_its_old_time() {
    let bench = Bench::new();
    bench.runtime.open().await.unwrap();
    let (moved, canceled) = (bench.open(1).await, bench.open(2).await);
    for id in [moved, canceled] {
        set(&bench, id, Bell::Ring, Some(in_seconds(&bench, 60))).await;
    }
    let bench = bench.restart().await;
    set(&bench, moved, Bell::Ring, Some(in_seconds(&bench, 120))).await;
    set(&bench, canceled, Bell::Ring, None).await;
    bench.runtime.open().await.unwrap();
    assert_eq!(rows(&bench).await, ["ring"]);
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert_eq!(
        (rings(&bench, moved).await, rings(&bench, canceled).await),
        (0, 0)
    );
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert_eq!(
        (rings(&bench, moved).await, rings(&bench, canceled).await),
        (1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_timer_is_gone_and_changes_nothing() {
    let bench = Bench::new();
    bench.runtime.open().await.unwrap();
    let id = bench.open(1).await;
    set(&bench, id, Bell::Mute, Some(in_seconds(&bench, 1))).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        (
            rings(&bench, id).await,
            rows(&bench).await.len(),
            bench.revision(id).await
        ),
        (0, 0, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_timer_that_crashes_its_entity_backs_off_and_is_parked_without_holding_up_others() {
    let bench = Bench::on(&TestStore::new(), EntityOptions::default());
    bench.runtime.open().await.unwrap();
    let (bad, good) = (bench.open(1).await, bench.open(2).await);
    set(&bench, bad, Bell::Burst, Some(in_seconds(&bench, 1))).await;
    tokio::time::sleep(Duration::from_secs(3 * 60)).await;
    let counters = bench.toys.counters();
    assert_eq!((counters.restarts, counters.quarantined), (5, 1));
    assert_eq!(
        (rows(&bench).await, bench.runtime.counters().timers_parked),
        (vec!["burst".to_owned()], 1)
    );
    set(&bench, good, Bell::Ring, Some(in_seconds(&bench, 1))).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(rings(&bench, good).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_timer_whose_entity_finds_no_place_among_the_reads_is_delivered_once_there_is_one() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    set(&bench, id, Bell::Ring, Some(in_seconds(&bench, 60))).await;
    let bench = bench.restart().await;
    bench.store.crowd(true);
    bench.runtime.open().await.unwrap();
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert_eq!(
        (rows(&bench).await, bench.runtime.counters().timers_parked),
        (vec!["ring".to_owned()], 1)
    );
    bench.store.crowd(false);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((rings(&bench, id).await, rows(&bench).await.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_timer_can_erase_its_entity() {
    let bench = Bench::new();
    bench.runtime.open().await.unwrap();
    let id = bench.open(1).await;
    set(&bench, id, Bell::Last, Some(in_seconds(&bench, 1))).await;
    set(&bench, id, Bell::Ring, Some(in_seconds(&bench, 9))).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    settle().await;
    assert_eq!((bench.total(id).await, rows(&bench).await.len()), (None, 0));
    assert_eq!(super::code(bench.tell(id, add(1)).await), "toy.not_found");
}
