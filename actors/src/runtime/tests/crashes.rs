//! Crash loops, quarantine, and what a crash does to those who wait.

use super::toy::{Burst, Open, add};
use super::{Bench, ask, code, settle, toy_id};
use crate::runtime::AskError;
use cartwright_domain::Problem;
use futures::future::FutureExt;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_told_to_retry_and_a_commit_on_its_way_still_counts() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    bench.store.hold();
    let crash = async {
        settle().await;
        let crashed = bench.tell(id, Burst {}).await;
        settle().await;
        bench.store.release();
        crashed
    };
    let first = bench.tell(id, add(1));
    let second = async {
        tokio::task::yield_now().await;
        bench.tell(id, add(2)).await
    };
    let (first, second, crashed) = tokio::join!(first, second, crash);
    assert_eq!(first.unwrap().reply, 1, "its commit outlives the actor");
    assert_eq!(code(second), "engine.restarted");
    assert_eq!(code(crashed), "engine.internal");
    assert_eq!(bench.total(id).await, Some(1));
}

#[tokio::test]
async fn an_actor_starts_in_a_task_that_has_used_up_its_turn() {
    let bench = Bench::new();
    while tokio::task::consume_budget().now_or_never().is_some() {}
    let opened = bench.toys.create(toy_id(1), Open::default(), ask().fresh()).await;
    assert!(opened.is_ok(), "{opened:?}");
}

#[tokio::test(start_paused = true)]
async fn a_crashed_entity_waits_before_it_is_loaded_again() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    assert!(bench.tell(id, Burst {}).await.is_err());
    settle().await;
    assert_eq!(bench.store.retired(), 1);
    match bench.tell(id, add(1)).await {
        Err(AskError::Retry { retry_after }) => {
            assert!(retry_after <= Duration::from_millis(100), "{retry_after:?}");
        }
        other => panic!("{other:?}"),
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(bench.tell(id, add(1)).await.unwrap().reply, 1);
    assert_eq!((bench.store.barriers(), bench.toys.counters().restarts), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_entity_that_keeps_crashing_is_set_aside_but_can_be_read() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    bench.tell(id, add(5)).await.unwrap();
    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(code(bench.tell(id, Burst {}).await));
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    assert_eq!(codes[..5], ["engine.internal"; 5]);
    assert_eq!(codes[5], "engine.quarantined");
    assert_eq!(
        (bench.toys.counters().quarantined, bench.toys.counters().resident),
        (1, 0)
    );
    assert_eq!(bench.total(id).await, Some(5));
}

#[tokio::test(start_paused = true)]
async fn one_entitys_crash_is_nobody_elses() {
    let bench = Bench::new();
    let (bad, good) = (bench.open(1).await, bench.open(2).await);
    let (crashed, answer) = tokio::join!(bench.tell(bad, Burst {}), bench.tell(good, add(1)));
    assert_eq!(
        (code(crashed).as_str(), answer.unwrap().reply),
        ("engine.internal", 1)
    );
}

#[tokio::test(start_paused = true)]
async fn an_entity_that_cannot_be_read_answers_a_fault_and_recovers() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let bench = bench.restart().await;
    bench.store.damage(true);
    assert_eq!(code(bench.tell(id, add(1)).await), "engine.internal");
    assert!(bench.toys.read(id).await.is_err());
    bench.store.damage(false);
    assert_eq!(bench.tell(id, add(1)).await.unwrap().reply, 1);
}

#[tokio::test(start_paused = true)]
async fn details_of_a_crash_stay_inside() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let problem = Problem::from(bench.tell(id, Burst {}).await.unwrap_err());
    assert_eq!(problem.message, "the request failed for a reason of our own");
}

#[tokio::test(start_paused = true)]
async fn an_entity_that_crashed_and_is_not_asked_again_leaves_memory() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    bench.tell(id, add(5)).await.unwrap();
    assert!(bench.tell(id, Burst {}).await.is_err());
    tokio::time::sleep(Duration::from_secs(10 * 60)).await;
    assert_eq!((bench.store.barriers(), bench.store.loads()), (1, 1));
    assert_eq!(bench.tell(id, add(1)).await.unwrap().reply, 6);
    assert_eq!(
        (bench.store.barriers(), bench.store.loads()),
        (1, 2),
        "the barrier was passed before"
    );
}
