//! Unique keys and idempotency keys: what goes alone, and what a clash does.

use super::toy::{Claim, Look, Open, Toy, ToyId, add};
use super::{Bench, ask, caller, code, settle, toy_id};
use crate::runtime::{Answer, FinalAnswer, Opened, Receipts, Ticket, TicketMode};
use cartwright_domain::{Caller, Class, Command, Entity, Problem};
use cartwright_storage::{Outcome, ReceiptKey, Store};
use std::time::Duration;

fn claim(name: &str) -> Claim {
    Claim {
        name: Some(name.to_owned()),
    }
}

async fn ticket(bench: &Bench, key: &str, body: &[u8], mode: TicketMode) -> Result<Opened, String> {
    let opened = bench
        .runtime
        .receipts()
        .open(&caller(), key, Receipts::fingerprint(&[body]), mode)
        .await;
    opened.map_err(|problem| problem.code)
}

async fn fresh(bench: &Bench, key: &str, body: &[u8]) -> Ticket {
    match ticket(bench, key, body, TicketMode::Answer).await {
        Ok(Opened::Fresh(Some(ticket))) => ticket,
        other => panic!("{other:?}"),
    }
}

async fn known(bench: &Bench, key: &str, body: &[u8]) -> Result<Answer<i64, Toy>, String> {
    match ticket(bench, key, body, TicketMode::Answer).await {
        Ok(Opened::Known(receipt)) => bench
            .toys
            .replay(&receipt)
            .await
            .map_err(|error| Problem::from(error).code),
        other => panic!("{other:?}"),
    }
}

async fn ask_once<C: Command<Toy>>(
    bench: &Bench,
    id: ToyId,
    command: C,
    ticket: Ticket,
) -> super::Answered<C::Reply> {
    bench.toys.ask(id, command, ask().ticket(Some(ticket))).await
}

/// Begins a request of which a saga is to tell what came of it.
async fn run_under(bench: &Bench, id: ToyId, key: &str) -> Ticket {
    let Ok(Opened::Fresh(Some(begun))) = ticket(bench, key, b"", TicketMode::Running).await else {
        panic!("the key is unused");
    };
    ask_once(bench, id, add(1), begun.clone()).await.unwrap();
    begun
}

#[tokio::test(start_paused = true)]
async fn a_unique_key_belongs_to_one_entity() {
    let bench = Bench::new();
    let (one, two) = (bench.open(1).await, bench.open(2).await);
    bench.tell(one, claim("a")).await.unwrap();
    assert_eq!(code(bench.tell(two, claim("a")).await), "toy.taken");
    assert_eq!(bench.toys.read(two).await.unwrap().unwrap().state.claimed, None);
    bench.tell(one, Claim { name: None }).await.unwrap();
    bench.tell(two, claim("a")).await.unwrap();
    let open = Open {
        claims: Some("a".to_owned()),
    };
    assert_eq!(code(bench.toys.create(toy_id(3), open, ask()).await), "toy.taken");
}

#[tokio::test(start_paused = true)]
async fn a_clash_refuses_its_caller_only() {
    let bench = Bench::new();
    let (one, two) = (bench.open(1).await, bench.open(2).await);
    bench.tell(one, claim("a")).await.unwrap();
    let before = bench.store.commits();
    bench.store.hold();
    let release = async {
        for _ in 0..8 {
            settle().await;
        }
        bench.store.release();
    };
    let (first, clash, last, ()) = tokio::join!(
        bench.tell(two, add(1)),
        bench.tell(two, claim("a")),
        bench.tell(two, add(2)),
        release
    );
    assert_eq!(first.unwrap().reply, 1);
    assert_eq!(code(clash), "toy.taken");
    assert_eq!(last.unwrap().reply, 3, "it ran on the restored state");
    assert_eq!((bench.total(two).await, bench.revision(two).await), (Some(3), 3));
    assert_eq!(bench.store.commits() - before, 3);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_is_answered_from_its_receipt() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let first = fresh(&bench, "k", b"body").await;
    assert_eq!(ask_once(&bench, id, add(5), first).await.unwrap().reply, 5);
    bench.tell(id, add(1)).await.unwrap();
    let replay = known(&bench, "k", b"body").await.unwrap();
    let state = replay.state.unwrap();
    assert_eq!((replay.reply, replay.replayed, state.state.total), (5, true, 6));
    assert_eq!(
        ticket(&bench, "k", b"other", TicketMode::Answer).await,
        Err("idempotency.key_reused".to_owned())
    );
    assert_eq!(bench.total(id).await, Some(6));
    let bench = bench.restart().await;
    assert_eq!(known(&bench, "k", b"body").await.unwrap().reply, 5);
}

#[tokio::test(start_paused = true)]
async fn simultaneous_requests_with_one_key_are_done_once() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let first = fresh(&bench, "k", b"body").await;
    let second = fresh(&bench, "k", b"body").await;
    let other = fresh(&bench, "k", b"other").await;
    let (first, second, other) = tokio::join!(
        ask_once(&bench, id, add(5), first),
        ask_once(&bench, id, add(5), second),
        ask_once(&bench, id, add(7), other),
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(
        (first.reply, first.replayed, second.reply, second.replayed),
        (5, false, 5, true)
    );
    assert_eq!(code(other), "idempotency.key_reused");
    assert_eq!((bench.total(id).await, bench.revision(id).await), (Some(5), 2));
}

#[tokio::test(start_paused = true)]
async fn a_repeated_creation_answers_with_the_entity_made_first() {
    let bench = Bench::new();
    let (first, second) = (fresh(&bench, "k", b"").await, fresh(&bench, "k", b"").await);
    let made = bench
        .toys
        .create(toy_id(1), Open::default(), ask().ticket(Some(first)))
        .await
        .unwrap();
    let again = bench
        .toys
        .create(toy_id(2), Open::default(), ask().ticket(Some(second)))
        .await
        .unwrap();
    assert_eq!((made.state.unwrap().id, made.replayed), (toy_id(1), false));
    assert_eq!((again.state.unwrap().id, again.replayed), (toy_id(1), true));
    assert!(bench.toys.read(toy_id(2)).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_final_refusal_is_kept_and_answers_unchanged_too() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let refused = fresh(&bench, "refused", b"").await;
    assert_eq!(code(ask_once(&bench, id, add(-1), refused).await), "toy.short");
    let nothing = fresh(&bench, "nothing", b"").await;
    assert_eq!(ask_once(&bench, id, Look {}, nothing).await.unwrap().reply, 0);
    bench.tell(id, add(10)).await.unwrap();
    assert_eq!(known(&bench, "refused", b"").await.unwrap_err(), "toy.short");
    assert_eq!(known(&bench, "nothing", b"").await.unwrap().reply, 0);
    assert_eq!(bench.revision(id).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_stale_revision_is_final_under_its_key() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let first = fresh(&bench, "k", b"").await;
    let stale = ask()
        .ticket(Some(first))
        .if_match(Some(cartwright_domain::Revision(7)));
    assert_eq!(code(bench.toys.ask(id, add(1), stale).await), "version.stale");
    assert_eq!(known(&bench, "k", b"").await.unwrap_err(), "version.stale");
}

#[tokio::test(start_paused = true)]
async fn a_running_request_is_refused_until_its_saga_answers() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let begun = run_under(&bench, id, "k").await;
    assert_eq!(
        known(&bench, "k", b"").await.unwrap_err(),
        "idempotency.in_progress"
    );
    let mut last = ask();
    last.answers = Some(Box::new(FinalAnswer {
        key: begun.receipt_key(),
        fingerprint: begun.fingerprint,
        expires_at: begun.expires_at,
        outcome: Some(Outcome::Done(
            cartwright_storage::codec::encode_reply(&42_i64).unwrap(),
        )),
    }));
    bench.toys.ask(id, add(1), last).await.unwrap();
    assert_eq!(known(&bench, "k", b"").await.unwrap().reply, 42);
}

#[tokio::test(start_paused = true)]
async fn what_a_saga_refuses_for_now_is_not_kept_under_its_key() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    for (class, is_kept) in [
        (Class::Conflict, true),
        (Class::InProgress, false),
        (Class::Unavailable, false),
    ] {
        let key = format!("{class:?}");
        let begun = run_under(&bench, id, &key).await;
        let refusal = Problem::new(class, "toy.refused", "not so");
        let mut last = ask();
        last.answers = Some(Box::new(FinalAnswer::to(&begun.answers_to(), Some(refusal))));
        bench.toys.ask(id, add(1), last).await.unwrap();
        match is_kept {
            true => assert_eq!(known(&bench, &key, b"").await.unwrap_err(), "toy.refused"),
            false => drop(fresh(&bench, &key, b"").await),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_the_callers_own_and_count_for_a_day() {
    let bench = Bench::new();
    let id = bench.open(1).await;
    let first = fresh(&bench, "k", b"").await;
    ask_once(&bench, id, add(1), first.clone()).await.unwrap();
    let receipts = bench.runtime.receipts();
    let nobody = receipts
        .open(&Caller::default(), "k", [0; 32], TicketMode::Answer)
        .await;
    assert_eq!(nobody, Ok(Opened::Fresh(None)));
    let staff = Caller::of_staff("ada", cartwright_domain::caller::Role::Admin);
    assert!(matches!(
        receipts.open(&staff, "k", [0; 32], TicketMode::Answer).await,
        Ok(Opened::Fresh(Some(_)))
    ));
    tokio::time::advance(Duration::from_secs(24 * 60 * 60)).await;
    let again = fresh(&bench, "k", b"").await;
    assert_eq!(ask_once(&bench, id, add(1), again).await.unwrap().reply, 2);
    let key = ReceiptKey::Caller {
        caller: caller().name(),
        key: "k".to_owned(),
    };
    let row = bench
        .store
        .receipt(key, bench.runtime.clock().now())
        .await
        .unwrap();
    match row {
        cartwright_storage::ReceiptFound::Present(receipt) => assert_eq!(receipt.entity, Toy::key(id)),
        absent => panic!("{absent:?}"),
    }
}
