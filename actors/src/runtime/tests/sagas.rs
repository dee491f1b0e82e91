//! Sagas: driven to their end, whatever stops them on the way.

use super::store::TestStore;
use super::toy::ToyId;
use super::trip::{Begin, Note, Trip, TripId, UNITS, World, trip_id};
use super::{Bench, add, ask, settle};
use crate::runtime::keeper::KeeperMessage;
use crate::runtime::{Entities, EntityOptions, FinalAnswer, INTERNAL_DEADLINE, Sagas, WAITING};
use cartwright_domain::idempotency::AnswersTo;
use cartwright_domain::{Entity, Timestamp};
use cartwright_storage::{ReceiptFound, ReceiptKey, Store};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

type Paid = Arc<Mutex<BTreeMap<TripId, u32>>>;

/// An engine with trips.
struct Trips {
    bench: Bench,
    trips: Entities<Trip>,
    sagas: Sagas<Trip>,
    world: Arc<World>,
}

#[derive(Clone, Copy, Default)]
struct Weather {
    declines: bool,
    bloats: bool,
    panics: u32,
    agains: u32,
}

impl Trips {
    fn on(bench: Bench, paid: &Paid, weather: Weather) -> Self {
        let trips = Entities::new(&bench.runtime, EntityOptions::default());
        let world = Arc::new(World {
            toys: bench.toys.clone(),
            paid: Arc::clone(paid),
            declines: AtomicBool::new(weather.declines),
            bloats: weather.bloats,
            answers: Mutex::default(),
            panics: Mutex::new(weather.panics),
            agains: Mutex::new(weather.agains),
        });
        let sagas = Sagas::new(&bench.runtime, &trips, Arc::clone(&world));
        Self {
            bench,
            trips,
            sagas,
            world,
        }
    }

    /// Begins with ten in one toy and none in the other.
    async fn new(weather: Weather) -> (Self, ToyId, ToyId) {
        let trips = Self::on(
            Bench::on(&TestStore::new(), EntityOptions::default()),
            &Paid::default(),
            weather,
        );
        let (from, to) = (trips.bench.open(1).await, trips.bench.open(2).await);
        trips.bench.tell(from, add(2 * UNITS)).await.unwrap();
        (trips, from, to)
    }

    async fn begin(&self, n: u128, from: ToyId, to: ToyId) {
        // Whoever asks may be cut off from the answer.
        let mut ask = ask();
        ask.deadline = Instant::now() + Duration::from_secs(1);
        let _ = self
            .trips
            .create(trip_id(n), Begin { from, to, goes: true }, ask)
            .await;
    }

    async fn restart(self, weather: Weather) -> Self {
        let paid = Arc::clone(&self.world.paid);
        let restarted = Self::on(self.bench.restart().await, &paid, weather);
        restarted.bench.runtime.open().await.unwrap();
        restarted
    }

    async fn wait(&self, n: u128) -> Option<Arc<Trip>> {
        let deadline = Instant::now() + Duration::from_secs(30 * 60);
        let trip = self.sagas.wait(trip_id(n), deadline).await.unwrap();
        trip.map(|trip| Arc::clone(&trip.state))
    }

    async fn totals(&self, from: ToyId, to: ToyId) -> (Option<i64>, Option<i64>, usize) {
        let paid = self.world.paid.lock().unwrap().len();
        (self.bench.total(from).await, self.bench.total(to).await, paid)
    }
}

#[tokio::test(start_paused = true)]
async fn a_saga_runs_from_its_first_commit_to_its_end() {
    let (trips, from, to) = Trips::new(Weather::default()).await;
    trips.begin(1, from, to).await;
    assert!(trips.wait(1).await.unwrap().ended);
    assert_eq!(trips.totals(from, to).await, (Some(5), Some(5), 1));
    settle().await;
    let counters = trips.sagas.counters();
    assert_eq!((counters.open, counters.ended, counters.retries), (0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_a_saga_answers_is_kept_only_while_its_callers_key_counts() {
    for (expires_at, is_kept) in [(i64::MAX, true), (1, false)] {
        let (trips, from, to) = Trips::new(Weather::default()).await;
        let answers = AnswersTo {
            caller: "guest".to_owned(),
            key: "k".to_owned(),
            fingerprint: [1; 32],
            expires_at: Timestamp::from_millis(expires_at),
        };
        *trips.world.answers.lock().unwrap() = Some(FinalAnswer::to(&answers, None));
        trips.begin(1, from, to).await;
        assert!(trips.wait(1).await.unwrap().ended);
        // As of a time when both would count.
        let found = trips
            .bench
            .store
            .receipt(ReceiptKey::caller("guest", "k"), Timestamp::from_millis(0))
            .await;
        assert_eq!(
            matches!(found, Ok(ReceiptFound::Present(_))),
            is_kept,
            "{found:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_before_the_pivot_walks_back() {
    let (trips, from, to) = Trips::new(Weather {
        declines: true,
        ..Weather::default()
    })
    .await;
    trips.begin(1, from, to).await;
    assert!(trips.wait(1).await.unwrap().ended);
    assert_eq!(trips.totals(from, to).await, (Some(10), Some(0), 0));
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_is_too_large_to_be_kept_walks_back() {
    let (trips, from, to) = Trips::new(Weather {
        bloats: true,
        ..Weather::default()
    })
    .await;
    trips.begin(1, from, to).await;
    assert!(trips.wait(1).await.unwrap().ended);
    assert_eq!(trips.totals(from, to).await, (Some(10), Some(0), 0));
    assert_eq!(trips.sagas.counters().retries, 0);
}

#[tokio::test(start_paused = true)]
async fn a_participants_refusal_walks_back() {
    let (trips, from, to) = Trips::new(Weather::default()).await;
    for n in 1..=3 {
        trips.begin(n, from, to).await;
        assert!(trips.wait(n).await.unwrap().ended);
    }
    assert_eq!(trips.totals(from, to).await, (Some(0), Some(10), 2));
}

#[tokio::test(start_paused = true)]
async fn stopped_after_every_commit_a_saga_ends_as_if_never_stopped() {
    for (weather, expected) in [
        (Weather::default(), (Some(5), Some(5), 1)),
        (
            Weather {
                declines: true,
                ..Weather::default()
            },
            (Some(10), Some(0), 0),
        ),
    ] {
        let mut stopped = 0;
        for commits in 0..20 {
            let (trips, from, to) = Trips::new(weather).await;
            trips.bench.store.cut_off_after(commits);
            trips.begin(1, from, to).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            stopped += u32::from(trips.bench.store.is_cut_off());
            let trips = trips.restart(weather).await;
            let Some(trip) = trips.wait(1).await else {
                assert_eq!(commits, 0, "only without its first commit is it gone");
                continue;
            };
            assert!(trip.ended, "stopped after {commits} commits");
            assert_eq!(
                trips.totals(from, to).await,
                expected,
                "stopped after {commits} commits"
            );
            for (step, toy) in [("take", from), ("give_back", from), ("give", to)] {
                let participant = super::toy::Toy::key(toy);
                let key = ReceiptKey::Step {
                    saga: Trip::key(trip_id(1)),
                    step: step.into(),
                    participant,
                };
                let found = trips
                    .bench
                    .store
                    .receipt(key, trips.bench.runtime.clock().now())
                    .await;
                assert!(
                    matches!(found, Ok(ReceiptFound::AbsentAsOf(_))),
                    "{step} after {commits} commits"
                );
            }
        }
        assert!(
            (6..20).contains(&stopped),
            "every commit was a stop, and the last starts were whole: {stopped}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_crashes_goes_on_from_the_committed_state() {
    let (trips, from, to) = Trips::new(Weather {
        panics: 12,
        ..Weather::default()
    })
    .await;
    trips.begin(1, from, to).await;
    assert!(trips.wait(1).await.unwrap().ended);
    assert_eq!(trips.totals(from, to).await, (Some(5), Some(5), 1));
    assert_eq!(trips.sagas.counters().restarts, 12, "it is never set aside");
}

#[tokio::test(start_paused = true)]
async fn a_step_is_retried_with_growing_waits() {
    let (trips, from, to) = Trips::new(Weather {
        agains: 5,
        ..Weather::default()
    })
    .await;
    let start = Instant::now();
    trips.begin(1, from, to).await;
    settle().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let standing = trips.sagas.counters().steps;
    assert_eq!(
        (standing[0].step, standing[0].sagas, standing[0].oldest),
        ("take", 1, Duration::from_millis(50))
    );
    assert!(trips.wait(1).await.unwrap().ended);
    assert_eq!(
        start.elapsed().as_millis() / 100,
        31,
        "0.1 + 0.2 + 0.4 + 0.8 + 1.6 s"
    );
    assert_eq!(trips.sagas.counters().retries, 5);
}

#[tokio::test(start_paused = true)]
async fn a_step_whose_outcome_is_stuck_on_its_way_to_the_disk_does_not_come_to_another() {
    let (trips, from, to) = Trips::new(Weather::default()).await;
    // The trip, what is taken and the note of it get through. The note that it is paid does not.
    trips.bench.store.hold_after(3);
    trips.begin(1, from, to).await;
    settle().await;
    assert_eq!(trips.totals(from, to).await, (Some(5), Some(0), 1));
    assert_eq!(trips.bench.store.held(), 1);
    trips.world.declines.store(true, Ordering::SeqCst);
    tokio::time::sleep(4 * INTERNAL_DEADLINE).await;
    trips.bench.store.release();
    assert!(trips.wait(1).await.unwrap().ended);
    assert_eq!(trips.totals(from, to).await, (Some(5), Some(5), 1));
}

#[tokio::test(start_paused = true)]
async fn news_that_reaches_the_keeper_after_the_end_takes_no_step_again() {
    let (trips, from, to) = Trips::new(Weather::default()).await;
    // The trip, what is taken and the note of it get through. The note that it is paid does not yet.
    trips.bench.store.hold_after(3);
    trips.begin(1, from, to).await;
    settle().await;
    let taken = trips.trips.read(trip_id(1)).await.unwrap().unwrap();
    assert_eq!(taken.state.done, ["take"]);
    trips.bench.store.release();
    assert!(trips.wait(1).await.unwrap().ended);
    settle().await;
    trips.sagas.shared.tell(KeeperMessage::Published {
        id: trip_id(1),
        published: Some(taken),
        is_first: false,
    });
    settle().await;
    assert_eq!(trips.totals(from, to).await, (Some(5), Some(5), 1));
    let counters = trips.sagas.counters();
    assert_eq!((counters.open, counters.ended, counters.retries), (0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_saga_waits_for_a_command_and_a_waiter_hears_of_it() {
    let (trips, from, to) = Trips::new(Weather::default()).await;
    let begin = Begin {
        from,
        to,
        goes: false,
    };
    trips.trips.create(trip_id(1), begin, ask()).await.unwrap();
    assert!(!trips.wait(1).await.unwrap().goes, "waiting is settled");
    settle().await;
    assert_eq!(trips.sagas.counters().steps[0].step, WAITING);
    trips.trips.ask(trip_id(1), Note::Go, ask()).await.unwrap();
    assert!(trips.wait(1).await.unwrap().ended);
    assert!(trips.wait(9).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_a_waiter_learns_where_the_saga_stands() {
    let (trips, from, to) = Trips::new(Weather {
        agains: 9,
        ..Weather::default()
    })
    .await;
    trips.begin(1, from, to).await;
    let trip = trips
        .sagas
        .wait(trip_id(1), Instant::now() + Duration::from_secs(1))
        .await
        .unwrap();
    assert_eq!(trip.unwrap().state.done, [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_hears_of_the_state_it_asked_for_although_the_saga_goes_on() {
    let (trips, from, to) = Trips::new(Weather::default()).await;
    trips.begin(1, from, to).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    let has_taken = |trip: &Trip| !trip.done.is_empty();
    let trip = trips
        .sagas
        .wait_for(trip_id(1), deadline, has_taken)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(trip.state.done[0], "take");
    let never = trips
        .sagas
        .wait_for(trip_id(1), deadline, |_| false)
        .await
        .unwrap()
        .unwrap();
    assert!(never.state.ended);
    assert_eq!(Instant::now(), deadline);
}

#[tokio::test(start_paused = true)]
async fn a_saga_that_cannot_be_read_after_a_restart_raises_an_alarm() {
    let (trips, from, to) = Trips::new(Weather {
        agains: 1_000,
        ..Weather::default()
    })
    .await;
    trips.begin(1, from, to).await;
    let paid = Arc::clone(&trips.world.paid);
    let trips = Trips::on(trips.bench.restart().await, &paid, Weather::default());
    trips.bench.store.damage(true);
    trips.bench.runtime.open().await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let counters = trips.sagas.counters();
    assert_eq!(counters.open, 1);
    assert!(0 < counters.alarms, "{counters:?}");
    trips.bench.store.damage(false);
    assert!(trips.wait(1).await.unwrap().ended);
}
