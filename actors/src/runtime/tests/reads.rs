//! Reads, sleep, ceilings, rosters and listings.

use super::store::TestStore;
use super::toy::{DONE, Erase, Look, Toy, add};
use super::{Answered, Bench, PATIENCE, ask, roster_options, settle, toy_id};
use crate::runtime::EntityOptions;
use crate::runtime::entities::is_listed;
use cartwright_domain::{Kind, Listing, Unique};
use cartwright_storage::{Listed, Position, Scan, Store};
use futures::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test(start_paused = true)]
async fn reading_a_sleeping_entity_does_not_wake_it() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    bench.tell(id, add(4)).await.unwrap();
    let bench = bench.restart().await;
    let reads = join_all((0..50).map(|_| bench.total(id))).await;
    assert_eq!(reads, [Some(4); 50]);
    assert_eq!(
        (bench.store.loads(), bench.toys.counters().activations),
        (1, 0),
        "one look for all"
    );
    assert_eq!(bench.tell(id, add(1)).await.unwrap().reply, 5);
    assert_eq!(bench.store.loads(), 1, "waking takes the state that was read");
}

#[tokio::test(start_paused = true)]
async fn an_idle_entity_sleeps_and_wakes_as_it_was() {
    let bench = Bench::new();
    let (forgotten, gone) = std::sync::mpsc::channel();
    bench.toys.when_forgotten(move |id| forgotten.send(id).unwrap());
    let id = bench.open(1).await;
    bench.tell(id, add(4)).await.unwrap();
    bench.sleep().await;
    let counters = bench.toys.counters();
    assert_eq!(
        (counters.passivations, counters.resting, counters.restarts),
        (1, 1, 0)
    );
    assert_eq!(bench.total(id).await, Some(4));
    assert_eq!(bench.tell(id, add(1)).await.unwrap().state.unwrap().revision.0, 3);
    assert_eq!((bench.store.loads(), bench.store.barriers()), (1, 0));
    bench.sleep().await;
    assert!(gone.try_recv().is_err(), "what rests is in memory");
    tokio::time::sleep(Duration::from_secs(10 * 60)).await;
    assert_eq!(bench.toys.counters().resting, 0, "it leaves memory");
    assert_eq!(gone.try_iter().collect::<Vec<_>>(), [id]);
    assert_eq!(bench.tell(id, add(1)).await.unwrap().reply, 6);
}

#[tokio::test(start_paused = true)]
async fn an_entity_in_use_does_not_sleep() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    for n in 1..=10 {
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(bench.tell(id, add(1)).await.unwrap().reply, n);
    }
    assert_eq!(bench.toys.counters().activations, 1);
}

#[tokio::test(start_paused = true)]
async fn an_entity_with_a_commit_on_its_way_does_not_sleep() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    bench.store.hold();
    let slow = async {
        tokio::time::sleep(Duration::from_secs(50)).await;
        bench.store.release();
    };
    let (answer, ()) = tokio::join!(bench.tell(id, add(1)), slow);
    assert_eq!(
        (answer.unwrap().reply, bench.toys.counters().passivations),
        (1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_actor_goes_to_rest_long_before_its_state_leaves_memory() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    tokio::time::sleep(Duration::from_secs(80)).await;
    let counters = bench.toys.counters();
    assert_eq!((counters.resident, counters.resting), (0, 1));
    bench.tell(id, add(1)).await.unwrap();
    assert_eq!(bench.store.loads(), 1, "its creation looked, its waking did not");
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_and_not_there_does_not_rest() {
    let bench = Bench::new();
    assert!(bench.toys.read(toy_id(1)).await.unwrap().is_none());
    assert_eq!(bench.toys.counters().resting, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_done_rests_at_once_and_wakes_as_it_was() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    bench.tell(id, add(DONE)).await.unwrap();
    settle().await;
    let counters = bench.toys.counters();
    assert_eq!((counters.resident, counters.resting), (0, 1));
    assert_eq!(bench.total(id).await, Some(DONE));
    let looked = bench.tell(id, Look {}).await.unwrap();
    assert_eq!((looked.reply, looked.state.unwrap().revision.0), (DONE, 2));
    settle().await;
    assert_eq!(bench.toys.counters().resident, 0, "and rests again");
    assert_eq!(bench.tell(id, add(1)).await.unwrap().state.unwrap().revision.0, 3);
    settle().await;
    let counters = bench.toys.counters();
    assert_eq!(
        (counters.resident, counters.activations, bench.store.loads()),
        (1, 3, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_done_stays_awake_while_something_is_on_its_way_to_it() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    bench.store.hold();
    let more = async {
        settle().await;
        let more = bench.tell(id, add(1));
        let release = async {
            settle().await;
            bench.store.release();
        };
        tokio::join!(more, release).0
    };
    let (done, more) = tokio::join!(bench.tell(id, add(DONE)), more);
    assert_eq!((done.unwrap().reply, more.unwrap().reply), (DONE, DONE + 1));
    settle().await;
    let counters = bench.toys.counters();
    assert_eq!((counters.resident, counters.activations), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn asks_and_sleep_race_without_loss() {
    let options = EntityOptions {
        idle: Duration::from_millis(8),
        ..EntityOptions::default()
    };
    let bench = Bench::on(&TestStore::new(), options);
    let id = bench.open(1).await;
    for n in 1..=300_u64 {
        tokio::time::sleep(Duration::from_micros(n * 137 % 15_000)).await;
        let (one, two) = tokio::join!(bench.tell(id, add(1)), bench.tell(id, add(1)));
        one.unwrap();
        two.unwrap();
    }
    assert_eq!(
        (bench.total(id).await, bench.revision(id).await),
        (Some(600), 601)
    );
    assert!(
        50 < bench.toys.counters().passivations,
        "{:?}",
        bench.toys.counters()
    );
}

#[tokio::test(start_paused = true)]
async fn over_the_ceiling_the_longest_idle_sleep() {
    let options = EntityOptions {
        resident_max: 10,
        ..EntityOptions::default()
    };
    let bench = Bench::on(&TestStore::new(), options);
    for n in 0..30 {
        bench.open(n).await;
    }
    assert_eq!(bench.toys.counters().resident, 30);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(bench.toys.counters().resident, 10);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(bench.toys.counters().resting, 0, "the ceiling is for both");
    assert_eq!(bench.total(toy_id(29)).await, Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_does_not_publish_a_state_that_was_overtaken() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let bench = bench.restart().await;
    bench.store.hold_loads(true);
    let open = async {
        settle().await;
        bench.store.hold_loads(false);
    };
    let (read, answer, ()) = tokio::join!(bench.total(id), bench.tell(id, add(9)), open);
    assert!(read == Some(0) || read == Some(9), "{read:?}");
    assert_eq!(
        (answer.unwrap().reply, bench.total(id).await, bench.store.loads()),
        (9, Some(9), 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_does_not_stop_the_loading() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let bench = bench.restart().await;
    bench.store.hold_loads(true);
    let mut leaving = Box::pin(bench.tell(id, add(1)));
    assert!(futures::poll!(&mut leaving).is_pending());
    drop(leaving);
    bench.store.hold_loads(false);
    settle().await;
    assert_eq!(bench.tell(id, add(2)).await.unwrap().reply, 2);
}

#[tokio::test(start_paused = true)]
async fn a_roster_has_every_entity_when_the_answer_goes_out() {
    let bench = Bench::on(&TestStore::new(), roster_options());
    bench.runtime.open().await.unwrap();
    for n in [2, 1, 3] {
        bench.open(n).await;
        bench.tell(toy_id(n), add(10)).await.unwrap();
    }
    bench.tell(toy_id(2), Erase {}).await.unwrap();
    let ids = |bench: &Bench| -> Vec<_> {
        bench
            .toys
            .roster()
            .iter()
            .map(|toy| (toy.id, toy.state.total))
            .collect()
    };
    assert_eq!(ids(&bench), [(toy_id(1), 10), (toy_id(3), 10)]);
    let again = Bench::on(&bench.store, roster_options());
    assert_eq!(ids(&again), []);
    again.runtime.open().await.unwrap();
    assert_eq!(ids(&again), [(toy_id(1), 10), (toy_id(3), 10)]);
    let before = again.toys.roster_changes();
    again.tell(toy_id(3), add(1)).await.unwrap();
    assert_eq!(ids(&again), [(toy_id(1), 10), (toy_id(3), 11)]);
    assert_ne!(
        again.toys.roster_changes(),
        before,
        "whoever keeps what it made of a roster looks here"
    );
}

#[tokio::test(start_paused = true)]
async fn the_last_removal_from_a_roster_is_known_to_later_starts_even_if_one_ended_in_its_middle() {
    async fn start(store: &TestStore) -> Bench {
        let bench = Bench::on(store, roster_options());
        bench.runtime.open().await.unwrap();
        bench
    }
    let bench = start(&TestStore::new()).await;
    for n in [1, 2, 3] {
        bench.open(n).await;
    }
    let never = bench.toys.roster_removed();
    let refused = bench.toys.removing(std::future::ready(Ok(())));
    refused.await.unwrap().unwrap();
    assert_eq!(bench.toys.roster_removed(), never, "none was removed");
    let removal = bench.toys.removing(bench.tell(toy_id(1), Erase {}));
    removal.await.unwrap().unwrap();
    let first = bench.toys.roster_removed();
    assert!(never < first);

    let second = start(&bench.store).await;
    assert_eq!(second.toys.roster_removed(), first);
    let unsaid = second.toys.removing(async {
        second.tell(toy_id(2), Erase {}).await.unwrap();
        std::future::pending::<Answered<()>>().await
    });
    timeout(PATIENCE, unsaid).await.unwrap_err();
    let erased = second.toys.roster_removed();
    assert!(first < erased);

    let third = start(&bench.store).await;
    let found = third.toys.roster_removed();
    assert!(erased <= found, "{found:?} is before {erased:?}");
    assert_eq!(start(&bench.store).await.toys.roster_removed(), found);

    // One that nobody waits for any more comes behind another, of which nothing comes.
    let fourth = start(&bench.store).await;
    let unsaid = fourth.toys.removing(std::future::pending::<Answered<()>>());
    timeout(PATIENCE, unsaid).await.unwrap_err();
    let refused = fourth.toys.removing(std::future::ready(Ok(())));
    refused.await.unwrap().unwrap();
    fourth.tell(toy_id(3), Erase {}).await.unwrap();
    let erased = fourth.toys.roster_removed();
    assert!(found < erased);
    assert!(erased <= start(&bench.store).await.toys.roster_removed());

    // An earlier release has kept nothing.
    let removals = "removed from toy";
    bench.store.move_cursor(removals, Position(0)).await.unwrap();
    assert!(erased <= start(&bench.store).await.toys.roster_removed());
}

#[tokio::test(start_paused = true)]
async fn a_listing_is_read_page_by_page() {
    let bench = Bench::new();
    for n in 0..5 {
        bench.open(n).await;
    }
    let mut after = None;
    let mut seen = Vec::new();
    loop {
        let scan = Scan {
            of: Listing::Toy.into(),
            prefix: Vec::new(),
            after,
            descending: true,
            limit: 2,
        };
        let page = bench.toys.list(scan).await.unwrap();
        seen.push(page.items.iter().map(|toy| toy.state.number).collect::<Vec<_>>());
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, [vec![5, 4], vec![3, 2], vec![1]]);
}

#[test]
fn what_has_left_a_list_is_told_by_its_own_keys() {
    let toy = Toy {
        number: 5,
        claimed: Some("ball".to_owned()),
        ..Toy::default()
    };
    let prefix = |number: u64| number.to_be_bytes();
    assert!(is_listed(&toy, Listing::Toy.into(), &[]));
    assert!(is_listed(&toy, Listing::Toy.into(), &prefix(5)));
    assert!(!is_listed(&toy, Listing::Toy.into(), &prefix(6)));
    assert!(!is_listed(&toy, Listing::PublishedProducts.into(), &[]));
    assert!(is_listed(&toy, Listed::Unique(Unique::Toy), b"ba"));
    assert!(!is_listed(&toy, Listed::Unique(Unique::Toy), b"doll"));
    assert!(!is_listed(&Toy::default(), Listed::Unique(Unique::Toy), b""));
    assert!(is_listed(&toy, Listed::Kind(Kind::Toy), &[]));
}

#[tokio::test(start_paused = true)]
async fn a_reader_sees_the_whole_of_one_commit() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let answer = bench.toys.ask(id, add(1), ask()).await.unwrap();
    let read = bench.toys.read(id).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&read, &answer.state.unwrap()));
}
