//! A saga's steps at a participant: once each, sharing commits, and never after their undoing.

use super::toy::{Add, DONE, Toy, ToyId, add};
use super::{Bench, code, settle};
use crate::runtime::{Ask, StepKey};
use cartwright_domain::{Entity, EntityKey, Kind, Seed};
use cartwright_storage::{Outcome, ReceiptFound, ReceiptKey, Store};
use futures::future::join_all;

fn saga(n: u128) -> EntityKey {
    EntityKey {
        kind: Kind::ToySaga,
        id: uuid::Uuid::from_u128(n),
    }
}

fn step(saga_number: u128, step: &'static str, forbids: Option<&'static str>) -> Ask {
    let key = StepKey {
        saga: saga(saga_number),
        step,
        forbids,
    };
    Ask::step("test", Seed(uuid::Uuid::from_u128(1)), key)
}

async fn run(bench: &Bench, id: ToyId, by: i64, ask: Ask) -> super::Answered<i64> {
    bench.toys.ask(id, Add { by }, ask).await
}

async fn receipt(bench: &Bench, id: ToyId, step: &'static str) -> Option<Outcome> {
    let key = ReceiptKey::Step {
        saga: saga(1),
        step: step.into(),
        participant: Toy::key(id),
    };
    match bench
        .store
        .receipt(key, bench.runtime.clock().now())
        .await
        .unwrap()
    {
        ReceiptFound::Present(receipt) => Some(receipt.outcome),
        ReceiptFound::AbsentAsOf(_) => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeated_step_returns_its_first_answer() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    assert_eq!(
        run(&bench, id, 5, step(1, "reserve", None)).await.unwrap().reply,
        5
    );
    bench.tell(id, add(1)).await.unwrap();
    let again = run(&bench, id, 5, step(1, "reserve", None)).await.unwrap();
    assert_eq!(
        (again.reply, again.replayed, bench.total(id).await),
        (5, true, Some(6))
    );
    assert_eq!(
        run(&bench, id, 5, step(2, "reserve", None)).await.unwrap().reply,
        11,
        "another saga's"
    );
    let bench = bench.restart().await;
    assert_eq!(
        run(&bench, id, 5, step(1, "reserve", None)).await.unwrap().reply,
        5
    );
    assert_eq!(bench.total(id).await, Some(11));
}

#[tokio::test(start_paused = true)]
async fn a_step_is_not_repeated_after_its_participant_went_to_rest() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let first = run(&bench, id, DONE, step(1, "reserve", None)).await.unwrap();
    settle().await;
    assert_eq!(bench.toys.counters().resident, 0);
    let again = run(&bench, id, DONE, step(1, "reserve", None)).await.unwrap();
    assert_eq!(
        (first.reply, again.reply, again.replayed, bench.total(id).await),
        (DONE, DONE, true, Some(DONE))
    );
    let other = run(&bench, id, 1, step(2, "reserve", None)).await.unwrap();
    assert_eq!((other.reply, other.replayed), (DONE + 1, false));
}

#[tokio::test(start_paused = true)]
async fn a_repeat_while_the_first_is_on_its_way_runs_once() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    bench.store.hold();
    let release = async {
        settle().await;
        bench.store.release();
    };
    let (one, two, ()) = tokio::join!(
        run(&bench, id, 5, step(1, "reserve", None)),
        run(&bench, id, 5, step(1, "reserve", None)),
        release
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(
        (one.reply, one.replayed, two.reply, two.replayed),
        (5, false, 5, true)
    );
    assert_eq!(bench.revision(id).await, 2);
}

#[tokio::test(start_paused = true)]
async fn many_sagas_steps_share_a_commit() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let before = bench.store.commits();
    bench.store.hold();
    let steps = join_all((0..100).map(|n| run(&bench, id, 1, step(n, "reserve", None))));
    let release = async {
        settle().await;
        bench.store.release();
    };
    let (answers, ()) = tokio::join!(steps, release);
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(
        (bench.total(id).await, bench.store.commits() - before),
        (Some(100), 2)
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_step_stays_refused() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    assert_eq!(
        code(run(&bench, id, -5, step(1, "take", None)).await),
        "toy.short"
    );
    bench.tell(id, add(100)).await.unwrap();
    assert_eq!(
        code(run(&bench, id, -5, step(1, "take", None)).await),
        "toy.short"
    );
    assert_eq!(
        run(&bench, id, -5, step(2, "take", None)).await.unwrap().reply,
        95
    );
}

#[tokio::test(start_paused = true)]
async fn undoing_a_step_that_never_ran_forbids_it() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    assert_eq!(
        run(&bench, id, 0, step(1, "release", Some("reserve")))
            .await
            .unwrap()
            .reply,
        0
    );
    assert_eq!(receipt(&bench, id, "reserve").await, Some(Outcome::Forbidden));
    assert_eq!(
        code(run(&bench, id, 5, step(1, "reserve", None)).await),
        "saga.step_forbidden"
    );
    let bench = bench.restart().await;
    assert_eq!(
        code(run(&bench, id, 5, step(1, "reserve", None)).await),
        "saga.step_forbidden"
    );
    assert_eq!(bench.total(id).await, Some(0));
}

#[tokio::test(start_paused = true)]
async fn undoing_a_step_that_ran_leaves_its_receipt() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    bench.store.hold();
    let release = async {
        settle().await;
        bench.store.release();
    };
    let (ran, undone, ()) = tokio::join!(
        run(&bench, id, 5, step(1, "reserve", None)),
        run(&bench, id, -5, step(1, "release", Some("reserve"))),
        release
    );
    assert_eq!((ran.unwrap().reply, undone.unwrap().reply), (5, 0));
    assert!(matches!(
        receipt(&bench, id, "reserve").await,
        Some(Outcome::Done(_))
    ));
    assert_eq!(
        run(&bench, id, 5, step(1, "reserve", None)).await.unwrap().reply,
        5
    );
    assert_eq!(bench.total(id).await, Some(0));
}

#[tokio::test(start_paused = true)]
async fn the_last_commit_of_a_saga_deletes_its_receipts() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let end = bench.open(2).await;
    run(&bench, id, 5, step(1, "reserve", None)).await.unwrap();
    let mut last = super::ask();
    last.deletes.push(ReceiptKey::Step {
        saga: saga(1),
        step: "reserve".into(),
        participant: Toy::key(id),
    });
    bench.toys.ask(end, add(1), last).await.unwrap();
    assert_eq!(receipt(&bench, id, "reserve").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_look_up_older_than_the_activation_is_made_again() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    run(&bench, id, 5, step(1, "reserve", None)).await.unwrap();
    let bench = bench.restart().await;
    // The first look-up missed the receipt that the second finds.
    bench.store.outdate_look_ups(1);
    let again = run(&bench, id, 5, step(1, "reserve", None)).await.unwrap();
    assert_eq!(
        (again.reply, again.replayed, bench.store.look_ups()),
        (5, true, 2)
    );
    bench.store.outdate_look_ups(usize::MAX);
    assert_eq!(
        code(run(&bench, id, 5, step(2, "reserve", None)).await),
        "engine.restarted"
    );
    assert_eq!(bench.total(id).await, Some(5));
}
