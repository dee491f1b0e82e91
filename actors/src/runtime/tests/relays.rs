//! Subscribers: every fact, in order, at least once.

use super::Bench;
use super::toy::{ToyId, add};
use crate::runtime::{Subscriber, Unhandled};
use cartwright_storage::{Fact, Fault, Position, Store};
use futures::future::{BoxFuture, FutureExt};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

#[derive(Default)]
struct Diary {
    seen: Mutex<Vec<u64>>,
    /// How often the fact at this position fails, or panics when it is negative.
    fails: Mutex<Option<(u64, i32)>>,
    /// Whether there is nothing the matter with that fact, but no ink.
    waits: bool,
    /// The fact at this position is none that it could ever write down.
    refuses: Option<u64>,
    /// Nothing it writes down stays.
    fades: AtomicBool,
    /// The desk breaks down where it is to dry.
    breaks: AtomicBool,
    /// The ink does not dry before somebody says so.
    wet: Option<Arc<Notify>>,
}

impl Subscriber for Diary {
    fn name(&self) -> &'static str {
        "diary"
    }

    fn on<'a>(&'a self, fact: &'a Fact) -> BoxFuture<'a, Result<(), Unhandled>> {
        async move {
            let fails = self.fails.lock().unwrap().as_mut().map_or(0, |(position, left)| {
                let fails = if *position == fact.position.0 { *left } else { 0 };
                *left -= fails.signum();
                fails
            });
            assert!(0 <= fails, "the diary fell apart");
            if 0 < fails && self.waits {
                return Err(Unhandled::Waits("no ink".to_owned()));
            }
            if 0 < fails {
                return Err("no ink".to_owned().into());
            }
            if self.refuses == Some(fact.position.0) {
                return Err(Unhandled::Permanent("no word for it".to_owned()));
            }
            self.seen.lock().unwrap().push(fact.position.0);
            Ok(())
        }
        .boxed()
    }

    fn settle(&self) -> BoxFuture<'_, Result<(), String>> {
        let settled = match self.fades.load(Ordering::Relaxed) {
            true => Err("the ink fades".to_owned()),
            false => Ok(()),
        };
        let (wet, breaks) = (self.wet.clone(), self.breaks.load(Ordering::Relaxed));
        async move {
            assert!(!breaks, "the desk broke down");
            if let Some(wet) = wet {
                wet.notified().await;
            }
            settled
        }
        .boxed()
    }
}

/// Opens a toy of which a diary is kept.
async fn begun(diary: Diary) -> (Bench, Arc<Diary>, ToyId) {
    let (bench, diary) = (Bench::new(), Arc::new(diary));
    bench.runtime.subscribe(Arc::clone(&diary) as Arc<_>);
    bench.runtime.open().await.unwrap();
    let id = bench.open(1).await;
    (bench, diary, id)
}

#[tokio::test(start_paused = true)]
async fn what_takes_long_to_be_made_safe_is_told_while_it_does() {
    let dry = Arc::new(Notify::new());
    let diary = Diary {
        wet: Some(Arc::clone(&dry)),
        ..Diary::default()
    };
    let (bench, _, id) = begun(diary).await;
    bench.tell(id, add(1)).await.unwrap();
    let unsettled = || bench.runtime.subscribers().remove(0).unsettled;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(unsettled(), None);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(unsettled().as_deref(), Some("no answer in 5s"));
    dry.notify_one();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let counters = bench.runtime.subscribers().remove(0);
    assert_eq!((counters.unsettled, counters.position), (None, Position(2)));
}

#[tokio::test(start_paused = true)]
async fn a_panic_where_work_is_made_safe_ends_no_subscriber() {
    let diary = Diary {
        breaks: AtomicBool::new(true),
        ..Diary::default()
    };
    let (bench, diary, id) = begun(diary).await;
    bench.tell(id, add(1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let counters = bench.runtime.subscribers().remove(0);
    assert_eq!(counters.unsettled.as_deref(), Some("it panicked"));
    diary.breaks.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let counters = bench.runtime.subscribers().remove(0);
    assert_eq!((counters.unsettled, counters.position), (None, Position(2)));
}

async fn check(fails: Option<(u64, i32)>, expected: &[u64], failed: u64, dead: &[u64]) {
    let diary = Diary {
        fails: Mutex::new(fails),
        ..Diary::default()
    };
    check_diary(diary, expected, failed, dead).await;
}

async fn check_diary(diary: Diary, expected: &[u64], failed: u64, dead: &[u64]) {
    let bench = Bench::new();
    let diary = Arc::new(diary);
    bench.runtime.subscribe(Arc::clone(&diary) as Arc<_>);
    let id = bench.open(1).await; // Position 1, without a fact.
    bench.tell(id, add(1)).await.unwrap();
    bench.runtime.open().await.unwrap();
    for _ in 0..3 {
        bench.tell(id, add(1)).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(10 * 60)).await;
    assert_eq!(*diary.seen.lock().unwrap(), expected);
    let counters = bench.runtime.subscribers().remove(0);
    assert_eq!(
        (counters.failed, counters.delivered),
        (failed, expected.len() as u64)
    );
    let letters: Vec<u64> = counters
        .dead
        .iter()
        .map(|letter| letter.fact.position.0)
        .collect();
    assert_eq!(letters, dead);
    assert_eq!(bench.store.cursor("diary").await.unwrap(), Position(5));
}

#[tokio::test(start_paused = true)]
async fn facts_come_in_order() {
    check(None, &[2, 3, 4, 5], 0, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_fact_that_fails_comes_again_before_the_next() {
    check(Some((3, 4)), &[2, 3, 4, 5], 4, &[]).await;
    check(Some((3, -2)), &[2, 3, 4, 5], 2, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_fact_that_keeps_failing_is_given_up() {
    check(Some((3, 1_000)), &[2, 4, 5], 10, &[3]).await;
}

#[tokio::test(start_paused = true)]
async fn a_fact_that_waits_for_others_is_never_given_up() {
    let waiting = |times| Diary {
        fails: Mutex::new(Some((3, times))),
        waits: true,
        ..Diary::default()
    };
    check_diary(waiting(15), &[2, 3, 4, 5], 15, &[]).await;

    let (bench, diary, id) = begun(waiting(1_000)).await;
    for _ in 0..4 {
        bench.tell(id, add(1)).await.unwrap();
    }
    let told = async || {
        tokio::time::sleep(Duration::from_secs(60)).await;
        bench.runtime.subscribers().remove(0).waits
    };
    assert_eq!(told().await.as_deref(), Some("no ink"));
    *diary.fails.lock().unwrap() = None;
    assert_eq!(told().await, None);
}

#[test]
fn what_a_later_release_wrote_is_waited_for_and_what_is_damaged_is_not() {
    let newer = Fault::Newer {
        what: "the order".to_owned(),
        known: 1,
    };
    assert_eq!(
        Unhandled::from(newer.clone()),
        Unhandled::Waits(newer.to_string())
    );
    let damaged = Fault::Damaged {
        entity: "the order".to_owned(),
        reason: "flipped".to_owned(),
    };
    assert_eq!(
        Unhandled::from(damaged.clone()),
        Unhandled::Transient(damaged.to_string())
    );
}

#[tokio::test(start_paused = true)]
async fn a_fact_that_can_never_be_handled_is_given_up_at_once() {
    let diary = Diary {
        refuses: Some(3),
        ..Diary::default()
    };
    check_diary(diary, &[2, 4, 5], 1, &[3]).await;
}

#[tokio::test(start_paused = true)]
async fn what_does_not_stay_counts_as_failed_and_is_counted_once_when_it_does() {
    let diary = Diary {
        refuses: Some(3),
        fades: AtomicBool::new(true),
        ..Diary::default()
    };
    let (bench, diary, id) = begun(diary).await;
    for _ in 0..4 {
        bench.tell(id, add(1)).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(10 * 60)).await;
    let tries = diary
        .seen
        .lock()
        .unwrap()
        .iter()
        .filter(|fact| **fact == 5)
        .count() as u64;
    assert!(1 < tries, "they come again");
    let counters = bench.runtime.subscribers().remove(0);
    assert_eq!((counters.position, counters.delivered), (Position(0), 0));
    // The refusal, and that it does not stay; the last try may be under way.
    assert!(
        tries < counters.failed && counters.dead.is_empty(),
        "{counters:?}"
    );
    assert_eq!(counters.unsettled.as_deref(), Some("the ink fades"));
    diary.fades.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(10 * 60)).await;
    let counters = bench.runtime.subscribers().remove(0);
    assert_eq!((counters.position, counters.delivered), (Position(5), 3));
    assert_eq!((counters.dead.len(), counters.unsettled), (1, None));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_told_until_it_can() {
    let (bench, diary, id) = begun(Diary::default()).await;
    bench.store.damage(true);
    bench.tell(id, add(1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10 * 60)).await;
    let counters = bench.runtime.subscribers().remove(0);
    let unread = counters.unread.unwrap_or_default();
    assert!(unread.contains("the test said so"), "{unread}");
    assert!(0 < counters.failed && diary.seen.lock().unwrap().is_empty());
    bench.store.damage(false);
    tokio::time::sleep(Duration::from_secs(10 * 60)).await;
    let counters = bench.runtime.subscribers().remove(0);
    assert_eq!((counters.delivered, counters.unread), (1, None));
}

#[tokio::test(start_paused = true)]
async fn what_was_handled_in_front_of_what_cannot_be_read_does_not_come_again() {
    let (bench, diary, id) = begun(Diary::default()).await;
    bench.tell(id, add(1)).await.unwrap();
    // It is handled, and no second has passed that would move the cursor.
    tokio::time::sleep(Duration::from_millis(500)).await;
    bench.store.damage(true);
    bench.tell(id, add(1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10 * 60)).await;
    bench.store.damage(false);
    tokio::time::sleep(Duration::from_secs(10 * 60)).await;
    assert_eq!(*diary.seen.lock().unwrap(), [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_facts_go_on_behind_the_cursor() {
    let (bench, diary, id) = begun(Diary::default()).await;
    bench.tell(id, add(1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    bench.tell(id, add(1)).await.unwrap();
    let bench = bench.restart().await;
    bench.runtime.subscribe(Arc::clone(&diary) as Arc<_>);
    bench.runtime.open().await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut seen = diary.seen.lock().unwrap().clone();
    assert_eq!((seen[0], *seen.last().unwrap()), (2, 3));
    seen.dedup();
    assert_eq!(
        seen,
        [2, 3],
        "the first is behind the cursor, the second came at least once"
    );
}

#[tokio::test(start_paused = true)]
async fn a_log_that_ends_in_records_without_facts_does_not_spin() {
    let bench = Bench::new();
    let diary = Arc::new(Diary::default());
    bench.runtime.subscribe(Arc::clone(&diary) as Arc<_>);
    let id = bench.open(1).await;
    bench.tell(id, add(1)).await.unwrap();
    bench.store.run_ahead(Position(1_000));
    bench.runtime.open().await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(*diary.seen.lock().unwrap(), [2]);
}
