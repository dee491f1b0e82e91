//! The head, the commit in flight, and who hears when.

use super::toy::{Add, Burst, Erase, Look, Open, Pad, Tell, Toy, ToyError, add};
use super::{Bench, ask, code, settle, toy_id};
use crate::runtime::{AskError, EntityOptions, Lane, RuntimeOptions};
use cartwright_domain::{Problem, Revision};
use cartwright_storage::{Rejected, Store};
use futures::future::join_all;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn simultaneous_changes_share_a_commit_and_raise_the_revision_one_by_one() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let before = bench.store.commits();
    bench.store.hold();
    let adds = (0..200).map(|_| bench.tell(id, add(1)));
    let release = async {
        while bench.store.held() == 0 {
            settle().await;
        }
        settle().await;
        bench.store.release();
    };
    let (answers, ()) = tokio::join!(join_all(adds), release);
    let mut replies: Vec<i64> = answers.into_iter().map(|answer| answer.unwrap().reply).collect();
    replies.sort_unstable();
    assert_eq!(replies, (1..=200).collect::<Vec<i64>>());
    assert_eq!(
        (bench.total(id).await, bench.revision(id).await),
        (Some(200), 201)
    );
    assert_eq!(
        bench.store.commits() - before,
        2,
        "the first alone, the others together"
    );
    assert_eq!(
        (bench.toys.counters().commits, bench.toys.counters().changes),
        (3, 201)
    );
}

#[tokio::test(start_paused = true)]
async fn what_gathers_while_a_sync_lasts_is_no_larger_than_a_commit_may_be() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let before = bench.store.commits();
    bench.store.hold();
    let bytes = 200 << 10;
    let told = (0..40).map(|_| bench.tell(id, Tell { bytes }));
    let release = async {
        settle().await;
        bench.store.release();
    };
    let (answers, ()) = tokio::join!(join_all(told), release);
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    // Of 1.2 MB each, but for the first.
    assert_eq!(bench.store.commits() - before, 8);
    assert_eq!(bench.toys.counters().mailbox_depth, 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_carries_the_published_state_of_its_commit() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let answer = bench.tell(id, add(5)).await.unwrap();
    let state = answer.state.unwrap();
    assert_eq!(
        (answer.reply, state.state.total, state.revision, answer.replayed),
        (5, 5, Revision(2), false)
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_hears_of_a_change_before_it_is_committed() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    bench.store.hold();
    let mut change = Box::pin(bench.tell(id, add(5)));
    let mut refused = Box::pin(bench.tell(id, add(-9)));
    let mut looked = Box::pin(bench.tell(id, Look {}));
    let mut stale = Box::pin(bench.toys.ask(id, Look {}, ask().if_match(Some(Revision(1)))));
    for _ in 0..8 {
        assert!(futures::poll!(&mut change).is_pending());
        assert!(futures::poll!(&mut refused).is_pending());
        assert!(futures::poll!(&mut looked).is_pending());
        assert!(futures::poll!(&mut stale).is_pending());
        settle().await;
    }
    assert_eq!((bench.total(id).await, bench.revision(id).await), (Some(0), 1));
    bench.store.release();
    assert_eq!(change.await.unwrap().reply, 5);
    assert!(matches!(
        refused.await,
        Err(AskError::Refused(ToyError::Short { total: 5 }))
    ));
    assert_eq!(looked.await.unwrap().state.unwrap().revision, Revision(2));
    let problem = Problem::from(stale.await.unwrap_err());
    assert_eq!(
        (problem.code.as_str(), problem.message.as_str()),
        ("version.stale", "the current version is 2")
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_ahead_comes_before_its_verdict_and_what_rests_on_it_falls_with_it() {
    for (refusal, expected) in [
        (None, Ok(2)),
        (Some(Rejected::Fence), Err("engine.restarted".to_owned())),
    ] {
        let bench = Bench::new();
        let (one, other) = (bench.open(1).await, bench.open(2).await);
        bench.store.hold();
        let ahead = bench.toys.ask(one, add(5), ask().ahead()).await.unwrap();
        let state = ahead.state.unwrap();
        assert_eq!(
            (ahead.reply, state.state.total, state.revision),
            (5, 5, Revision(2))
        );
        assert_eq!(bench.total(one).await, Some(0), "readers see what is durable");
        let refused = bench.toys.ask(one, add(-9), ask().ahead());
        let resting = bench.toys.ask(other, add(2), ask().resting_on(ahead.decision));
        let release = async {
            settle().await;
            assert_eq!(bench.store.held(), 2, "a refusal waits like any other");
            refusal
                .into_iter()
                .for_each(|refusal| bench.store.refuse(refusal));
            bench.store.release();
        };
        let (refused, resting, ()) = tokio::join!(refused, resting, release);
        assert!(refused.is_err());
        let rested = resting.map(|answer| answer.reply);
        assert_eq!(rested.map_err(|error| Problem::from(error).code), expected);
        let total = expected.map_or(0, |rested| rested + 3);
        assert_eq!(bench.total(one).await, Some(total));
        assert_eq!(bench.tell(one, add(1)).await.unwrap().reply, total + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_changes_nothing_makes_no_commit() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let before = bench.store.commits();
    assert_eq!(bench.tell(id, Look {}).await.unwrap().reply, 0);
    assert_eq!(code(bench.tell(id, add(-1)).await), "toy.short");
    assert_eq!((bench.store.commits() - before, bench.revision(id).await), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn the_expected_revision_must_be_the_heads() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let fresh = bench
        .toys
        .ask(id, add(1), ask().if_match(Some(Revision(1))))
        .await;
    assert_eq!(fresh.unwrap().state.unwrap().revision, Revision(2));
    assert_eq!(
        code(
            bench
                .toys
                .ask(id, add(1), ask().if_match(Some(Revision(1))))
                .await
        ),
        "version.stale"
    );
    assert_eq!(bench.total(id).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_entity_is_not_found_and_gets_no_actor() {
    let bench = Bench::new();
    assert_eq!(code(bench.tell(toy_id(9), add(1)).await), "toy.not_found");
    assert_eq!(bench.toys.counters().activations, 0);
    assert!(bench.toys.read(toy_id(9)).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn of_simultaneous_creations_one_succeeds() {
    let bench = Bench::new();
    let created = join_all((0..10).map(|_| bench.toys.create(toy_id(1), Open::default(), ask()))).await;
    let codes: Vec<String> = created
        .into_iter()
        .filter_map(Result::err)
        .map(|e| Problem::from(e).code)
        .collect();
    assert_eq!(codes, ["toy.already_exists"; 9]);
    assert_eq!(bench.store.last_number(cartwright_domain::Sequence::Toy), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_creation_leaves_nothing() {
    let bench = Bench::new();
    let open = Open {
        claims: Some("refused".to_owned()),
    };
    assert_eq!(code(bench.toys.create(toy_id(1), open, ask()).await), "toy.mute");
    settle().await;
    assert_eq!((bench.toys.counters().resident, bench.store.commits()), (0, 0));
    bench.open(1).await;
    assert_eq!(bench.total(toy_id(1)).await, Some(0));
}

#[tokio::test(start_paused = true)]
async fn numbers_are_drawn_without_gap() {
    let bench = Bench::new();
    for n in 1..=3 {
        let id = bench.open(u128::from(n)).await;
        assert_eq!(bench.toys.read(id).await.unwrap().unwrap().state.number, n);
        let refused = Open {
            claims: Some("refused".to_owned()),
        };
        assert!(bench.toys.create(toy_id(100), refused, ask()).await.is_err());
    }
    let id = toy_id(3);
    bench.tell(id, add(1)).await.unwrap();
    assert_eq!(
        bench.toys.read(id).await.unwrap().unwrap().state.number,
        3,
        "the head has the number too"
    );
}

#[tokio::test(start_paused = true)]
async fn an_erased_entity_is_unknown_and_can_be_made_anew() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    bench.tell(id, add(3)).await.unwrap();
    assert!(bench.tell(id, Erase {}).await.unwrap().state.is_none());
    assert_eq!(bench.total(id).await, None);
    assert_eq!(code(bench.tell(id, add(1)).await), "toy.not_found");
    settle().await;
    assert_eq!(bench.toys.counters().resident, 0);
    bench.open(1).await;
    assert_eq!((bench.total(id).await, bench.revision(id).await), (Some(0), 1));
}

#[tokio::test(start_paused = true)]
async fn a_refused_commit_ends_the_incarnation_and_the_next_ask_loads() {
    for rejected in [
        Rejected::Fence,
        Rejected::Revision { live: Revision(9) },
        Rejected::Unavailable("the disk is gone".to_owned()),
    ] {
        let bench = Bench::new();
        let id = bench.open(1).await;
        bench.store.hold();
        let asks = join_all([add(1), add(2), add(-50), add(4)].map(|add| bench.tell(id, add)));
        let fail = async {
            settle().await;
            bench.store.refuse(rejected);
            bench.store.release();
        };
        let (answers, ()) = tokio::join!(asks, fail);
        for answer in answers {
            assert_eq!(code(answer), "engine.restarted");
        }
        assert_eq!((bench.total(id).await, bench.revision(id).await), (Some(0), 1));
        assert_eq!(bench.tell(id, add(7)).await.unwrap().reply, 7);
        assert_eq!(
            bench.store.barriers(),
            1,
            "a load after an unclean end passes the barrier"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn changes_that_are_too_large_together_are_worth_trying_again() {
    let too_large = || Rejected::TooLarge("4 MiB".to_owned());
    for (together, expected) in [(1, "engine.too_large"), (2, "engine.restarted")] {
        let bench = Bench::new();
        let id = bench.open(1).await;
        bench.store.hold();
        let first = bench.tell(id, add(1));
        let asks = join_all((0..together).map(|_| bench.tell(id, add(2))));
        let fail = async {
            settle().await;
            bench.store.release();
            bench.store.refuse(too_large());
        };
        let (first, answers, ()) = tokio::join!(first, asks, fail);
        assert_eq!(first.unwrap().reply, 1);
        for answer in answers {
            assert_eq!(code(answer), expected);
        }
        assert_eq!(bench.tell(id, add(2)).await.unwrap().reply, 3);
    }
}

#[tokio::test(start_paused = true)]
async fn an_overtaken_incarnation_cannot_write() {
    let store = super::store::TestStore::new();
    let old = Bench::on(&store, EntityOptions::default());
    let id = old.open(1).await;
    let new = Bench::on(&old.store, EntityOptions::default());
    assert_eq!(new.tell(id, add(10)).await.unwrap().reply, 10);
    assert_eq!(code(old.tell(id, add(1)).await), "engine.restarted");
    assert_eq!(new.tell(id, add(10)).await.unwrap().reply, 20);
}

#[tokio::test(start_paused = true)]
async fn a_broken_invariant_refuses_that_command_only() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let answers = join_all([add(600), add(66), add(1)].map(|add| bench.tell(id, add))).await;
    let replies: Vec<Result<i64, String>> = answers
        .into_iter()
        .map(|a| a.map(|a| a.reply).map_err(|e| Problem::from(e).code))
        .collect();
    assert_eq!(replies, [Ok(600), Err("engine.internal".to_owned()), Ok(601)]);
}

#[tokio::test(start_paused = true)]
async fn a_change_over_the_stores_limit_is_refused_and_dropped() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    assert_eq!(
        code(bench.tell(id, Pad { bytes: 2 << 20 }).await),
        "engine.too_large"
    );
    assert_eq!(
        bench
            .tell(id, add(1))
            .await
            .unwrap()
            .state
            .unwrap()
            .state
            .padding
            .len(),
        0
    );
}

#[tokio::test(start_paused = true)]
async fn who_shares_a_commit_with_a_change_over_the_limit_may_try_again() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    bench.store.hold();
    // One is on its way; what comes meanwhile goes together.
    let first = bench.tell(id, add(1));
    let (small, large) = (bench.tell(id, add(10)), bench.tell(id, Pad { bytes: 2 << 20 }));
    let release = async {
        settle().await;
        bench.store.release();
    };
    let (first, small, large, ()) = tokio::join!(first, small, large, release);
    assert_eq!(first.unwrap().reply, 1);
    assert_eq!([code(small), code(large)], ["engine.restarted"; 2]);
    assert_eq!(bench.tell(id, add(10)).await.unwrap().reply, 11);
    let alone = bench.tell(id, Pad { bytes: 2 << 20 }).await;
    assert_eq!(code(alone), "engine.too_large");
}

#[tokio::test(start_paused = true)]
async fn an_expired_command_never_runs() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let mut late = ask();
    late.deadline = Instant::now();
    assert_eq!(code(bench.toys.ask(id, add(1), late).await), "engine.timeout");
    settle().await;
    assert_eq!(bench.total(id).await, Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_caller_waits_no_longer_than_the_deadline() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    bench.store.hold();
    let mut short = ask();
    short.deadline = Instant::now() + Duration::from_secs(3);
    assert_eq!(code(bench.toys.ask(id, add(1), short).await), "engine.timeout");
    bench.store.release();
    settle().await;
    assert_eq!(bench.total(id).await, Some(1), "it was on its way and is kept");
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_sheds_external_asks_only() {
    let options = EntityOptions {
        mailbox_max: 2,
        ..EntityOptions::default()
    };
    let bench = Bench::on(&super::store::TestStore::new(), options);
    let id = bench.open(1).await;
    bench.store.hold();
    let blocking = bench.tell(
        id,
        super::toy::Claim {
            name: Some("a".to_owned()),
        },
    );
    let adds = async {
        settle().await;
        let mut internal = ask();
        internal.lane = Lane::Internal;
        let externals = join_all((0..3).map(|_| bench.tell(id, add(1))));
        let internal = bench.toys.ask(id, Add { by: 10 }, internal);
        let release = async {
            settle().await;
            bench.store.release();
        };
        tokio::join!(externals, internal, release)
    };
    let (claimed, (externals, internal, ())) = tokio::join!(blocking, adds);
    claimed.unwrap();
    let codes: Vec<Option<String>> = externals
        .into_iter()
        .map(|answer| answer.err().map(|e| Problem::from(e).code))
        .collect();
    assert_eq!(codes, [None, None, Some("engine.entity_busy".to_owned())]);
    assert_eq!(internal.unwrap().reply, 10, "the internal lane goes first");
    assert_eq!(
        (bench.total(id).await, bench.toys.counters().mailbox_depth),
        (Some(12), 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_full_engine_or_store_sheds_before_the_mailbox() {
    let options = RuntimeOptions {
        asks_max: 1,
        ..RuntimeOptions::default()
    };
    let bench = Bench::with(&super::store::TestStore::new(), EntityOptions::default(), options);
    let id = bench.open(1).await;
    bench.store.hold();
    let release = async {
        settle().await;
        bench.store.release();
    };
    let (first, second, ()) = tokio::join!(bench.tell(id, add(1)), bench.tell(id, add(1)), release);
    assert_eq!(first.unwrap().reply, 1);
    let problem = Problem::from(second.unwrap_err());
    assert_eq!(problem.code, "engine.overloaded");
    assert_eq!(
        problem.details,
        [("retry_after".to_owned(), cartwright_domain::Detail::Int(1))]
    );
    bench.store.fill(true);
    assert_eq!(code(bench.tell(id, add(1)).await), "engine.overloaded");
    bench.store.fill(false);
    assert_eq!(bench.tell(id, add(1)).await.unwrap().reply, 2);
    assert_eq!(
        (bench.runtime.counters().shed, bench.runtime.counters().asks),
        (2, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_answers_and_lets_nothing_in() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    bench.store.hold();
    let shutdown = async {
        settle().await;
        let stop = bench.runtime.shutdown(Instant::now() + Duration::from_secs(5));
        let late = async {
            settle().await;
            assert_eq!(code(bench.tell(id, add(1)).await), "engine.overloaded");
            bench.store.release();
        };
        tokio::join!(stop, late)
    };
    let (answer, _) = tokio::join!(bench.tell(id, add(1)), shutdown);
    assert_eq!(answer.unwrap().reply, 1);
    assert_eq!(bench.runtime.counters().tasks, 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_tells_its_caller_and_loses_nothing_committed() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    bench.tell(id, add(3)).await.unwrap();
    assert_eq!(code(bench.tell(id, Burst {}).await), "engine.internal");
    settle().await;
    assert_eq!(bench.total(id).await, Some(3));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.tell(id, add(1)).await.unwrap().reply, 4);
    let _: &Toy = &bench.toys.read(id).await.unwrap().unwrap().state;
}
