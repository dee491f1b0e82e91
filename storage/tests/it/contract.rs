//! What every store promises, checked on each of them.

use crate::support::{at, caller_key, draft, open, receipt, recorded, small, snapshot, toy, unique};
use cartwright_domain::{Kind, Revision, Sequence, Unique, UniqueKey};
use cartwright_storage::{
    Body, Decision, FaultStore, Fence, KEY_BYTES_MAX, Loaded, MemoryStore, Options, Outcome, Position,
    Receipt, ReceiptFound, Rejected, Store, Wanted, codec,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Runs a claim on every store.
pub(crate) fn check<F: Future<Output = ()>>(claim: impl Fn(Arc<dyn Store>) -> F) {
    let directory = tempfile::tempdir().unwrap();
    let behind_faults = tempfile::tempdir().unwrap();
    let told_by_runtime = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let on_runtime = Options {
        runtime: Some(runtime.handle().clone()),
        ..small()
    };
    let stores: [Arc<dyn Store>; 5] = [
        Arc::new(MemoryStore::new()),
        Arc::new(open(directory.path(), &small())),
        Arc::new(FaultStore::new(MemoryStore::new())),
        Arc::new(FaultStore::new(open(behind_faults.path(), &small()))),
        Arc::new(open(told_by_runtime.path(), &on_runtime)),
    ];
    for store in stores {
        runtime.block_on(claim(Arc::clone(&store)));
        runtime.block_on(store.close()).unwrap();
    }
}

#[test]
fn a_commit_is_loaded_back_with_its_revision_and_position() {
    check(|store| async move {
        assert_eq!(store.load(toy(1)).await, Ok(None));
        let first = draft(&*store, toy(1), 0).accepted(&*store).await;
        let second = draft(&*store, toy(1), 1)
            .with(|commit| {
                commit.revision = Revision(5);
                commit.body = Body::Put(snapshot("five"));
            })
            .accepted(&*store)
            .await;
        assert!(first < second);
        let loaded = Loaded {
            snapshot: snapshot("five"),
            revision: Revision(5),
            position: second,
            written_at: second,
        };
        assert_eq!(store.load(toy(1)).await, Ok(Some(loaded)));
        assert_eq!(*store.synced().borrow(), second);
        assert_eq!(store.load(toy(2)).await, Ok(None));
    });
}

#[test]
fn an_unchanged_body_moves_revision_and_position_and_keeps_the_snapshot() {
    check(|store| async move {
        let written_at = draft(&*store, toy(1), 0)
            .with(|commit| commit.body = Body::Put(snapshot("a")))
            .accepted(&*store)
            .await;
        let last = draft(&*store, toy(1), 1)
            .with(|commit| commit.body = Body::Unchanged)
            .accepted(&*store)
            .await;
        let loaded = Loaded {
            snapshot: snapshot("a"),
            revision: Revision(2),
            position: last,
            written_at,
        };
        assert_eq!(store.load(toy(1)).await, Ok(Some(loaded)));
    });
}

#[test]
fn an_erased_entity_is_gone_and_can_come_back() {
    check(|store| async move {
        draft(&*store, toy(1), 0).accepted(&*store).await;
        draft(&*store, toy(1), 1)
            .with(|commit| commit.body = Body::Erase)
            .accepted(&*store)
            .await;
        assert_eq!(store.load(toy(1)).await, Ok(None));
        let again = draft(&*store, toy(1), 0).accepted(&*store).await;
        assert_eq!(store.load(toy(1)).await.unwrap().unwrap().position, again);
    });
}

#[test]
fn a_stale_revision_is_refused_alone() {
    check(|store| async move {
        let first = draft(&*store, toy(1), 0).submit(&*store);
        let stale = draft(&*store, toy(1), 0).submit(&*store);
        let other = draft(&*store, toy(2), 0).submit(&*store);
        let first = first.await.unwrap().unwrap().position;
        assert_eq!(
            stale.await.unwrap(),
            Err(Rejected::Revision { live: Revision(1) })
        );
        assert_eq!(other.await.unwrap().unwrap().position, Position(first.0 + 1));
        assert_eq!(store.load(toy(1)).await.unwrap().unwrap().revision, Revision(1));
    });
}

#[test]
fn an_overtaken_incarnation_cannot_write() {
    check(|store| async move {
        let fence = |incarnation| Fence {
            start: store.start_number(),
            incarnation,
        };
        let by = |incarnation, expected| {
            draft(&*store, toy(1), expected)
                .with(|commit| commit.fence = fence(incarnation))
                .write(&*store)
        };
        by(3, 0).await.unwrap();
        assert_eq!(by(2, 1).await, Err(Rejected::Fence));
        by(4, 1).await.unwrap();
        store.retire(toy(1), 4);
        assert_eq!(by(3, 2).await, Err(Rejected::Fence));
        by(5, 2).await.unwrap();
        let of_another_start = Fence {
            start: store.start_number() + 1,
            incarnation: 9,
        };
        let verdict = draft(&*store, toy(1), 3)
            .with(|commit| commit.fence = of_another_start)
            .write(&*store)
            .await;
        assert_eq!(verdict, Err(Rejected::Fence));
    });
}

#[test]
fn what_rests_on_a_refused_commit_is_refused() {
    check(|store| async move {
        let decided = |expected| {
            let decision = Decision::default();
            let draft = draft(&*store, toy(1), expected);
            let verdict = draft
                .with(|commit| commit.decision = Some(decision.clone()))
                .submit(&*store);
            (decision, verdict)
        };
        let resting = |n, on: Vec<Decision>| {
            draft(&*store, toy(n), 0)
                .with(|commit| commit.rests_on = on)
                .submit(&*store)
        };
        let (accepted, _first) = decided(0);
        let (refused, _stale) = decided(0);
        let sound = resting(2, vec![accepted.clone()]);
        let unfounded = resting(3, vec![accepted, refused]);
        let never_submitted = resting(4, vec![Decision::default()]);
        assert!(sound.await.unwrap().is_ok());
        assert_eq!(unfounded.await.unwrap(), Err(Rejected::Unfounded));
        assert_eq!(never_submitted.await.unwrap(), Err(Rejected::Unfounded));
        assert_eq!(store.load(toy(3)).await, Ok(None));
    });
}

#[test]
fn a_unique_key_belongs_to_one_entity() {
    check(|store| async move {
        let first = draft(&*store, toy(1), 0).takes("a").submit(&*store);
        let clash = draft(&*store, toy(2), 0).takes("a").submit(&*store);
        first.await.unwrap().unwrap();
        let taken = Rejected::KeyTaken {
            key: unique("a"),
            holder: toy(1),
        };
        assert_eq!(clash.await.unwrap(), Err(taken.clone()));
        assert_eq!(store.lookup(unique("a")).await, Ok(Some(toy(1))));
        assert_eq!(store.lookup(unique("b")).await, Ok(None));
        store.barrier().await;
        assert_eq!(
            draft(&*store, toy(2), 0).takes("a").write(&*store).await,
            Err(taken.clone())
        );
        assert_eq!(
            draft(&*store, toy(2), 0).frees("a").write(&*store).await,
            Err(taken)
        );
        draft(&*store, toy(1), 1).takes("a").accepted(&*store).await;
    });
}

#[test]
fn whoever_hears_that_a_key_is_taken_finds_its_holder_told() {
    check(|store| async move {
        for round in 0..20 {
            let key = format!("key-{round}");
            let mut winner = draft(&*store, toy(100 + round), 0).takes(&key).submit(&*store);
            let losers =
                (0..8).map(|loser| draft(&*store, toy(1_000 + loser), 0).takes(&key).submit(&*store));
            for loser in losers.collect::<Vec<_>>() {
                assert!(matches!(loser.await.unwrap(), Err(Rejected::KeyTaken { .. })));
            }
            assert!(winner.try_recv().is_ok(), "a loser was told before the winner");
        }
    });
}

#[test]
fn a_freed_key_can_be_taken_at_once() {
    check(|store| async move {
        draft(&*store, toy(1), 0).takes("a").accepted(&*store).await;
        let freed = draft(&*store, toy(1), 1).frees("a").takes("b").submit(&*store);
        let taken = draft(&*store, toy(2), 0).takes("a").submit(&*store);
        freed.await.unwrap().unwrap();
        taken.await.unwrap().unwrap();
        assert_eq!(store.lookup(unique("a")).await, Ok(Some(toy(2))));
        assert_eq!(store.lookup(unique("b")).await, Ok(Some(toy(1))));
    });
}

#[test]
fn one_of_racing_receipts_wins_and_the_loser_learns_it() {
    check(|store| async move {
        let ReceiptFound::AbsentAsOf(absent) = store.receipt(caller_key("k"), at(0)).await.unwrap() else {
            panic!("there is no receipt yet");
        };
        let done = receipt("k", Outcome::Done(vec![1]));
        let winner = draft(&*store, toy(1), 0)
            .receipt(done.clone(), absent)
            .submit(&*store);
        let loser = draft(&*store, toy(2), 0)
            .receipt(receipt("k", Outcome::Done(vec![2])), absent)
            .submit(&*store);
        winner.await.unwrap().unwrap();
        let taken = Rejected::ReceiptTaken {
            receipt: Box::new(done.clone()),
        };
        assert_eq!(loser.await.unwrap(), Err(taken.clone()));
        assert_eq!(
            store.receipt(caller_key("k"), at(0)).await,
            Ok(ReceiptFound::Present(Box::new(done.clone())))
        );
        store.barrier().await;
        let late = draft(&*store, toy(2), 0)
            .receipt(done, Position::default())
            .write(&*store)
            .await;
        assert_eq!(late, Err(taken));
        assert_eq!(store.load(toy(2)).await, Ok(None));
    });
}

#[test]
fn only_a_running_receipt_of_the_entity_that_is_named_is_replaced() {
    check(|store| async move {
        let replace = |entity, expected, outcome, replaces| {
            let receipt = Receipt {
                entity,
                ..receipt("k", outcome)
            };
            draft(&*store, entity, expected)
                .receipt(receipt, Position::default())
                .with(move |commit| commit.receipts.put[0].replaces = Some(replaces))
                .write(&*store)
        };
        replace(toy(1), 0, Outcome::Running, toy(1)).await.unwrap();
        replace(toy(2), 0, Outcome::Running, toy(1)).await.unwrap();
        let refused = replace(toy(3), 0, Outcome::Running, toy(1)).await;
        assert!(matches!(refused, Err(Rejected::ReceiptTaken { receipt }) if receipt.entity == toy(2)));
        replace(toy(2), 1, Outcome::Done(vec![3]), toy(2)).await.unwrap();
        let done = Receipt {
            entity: toy(2),
            ..receipt("k", Outcome::Done(vec![3]))
        };
        let refused = replace(toy(2), 2, Outcome::Forbidden, toy(2)).await;
        assert_eq!(
            refused,
            Err(Rejected::ReceiptTaken {
                receipt: Box::new(done)
            })
        );
    });
}

#[test]
fn an_expired_or_deleted_receipt_does_not_count() {
    check(|store| async move {
        let put = |entity, time| {
            let draft =
                draft(&*store, entity, 0).receipt(receipt("k", Outcome::Running), Position::default());
            draft.with(|commit| commit.at = at(time)).write(&*store)
        };
        put(toy(1), 0).await.unwrap();
        assert!(matches!(
            store.receipt(caller_key("k"), at(999)).await.unwrap(),
            ReceiptFound::Present(_)
        ));
        assert!(matches!(
            store.receipt(caller_key("k"), at(1_000)).await.unwrap(),
            ReceiptFound::AbsentAsOf(_)
        ));
        assert!(matches!(
            put(toy(2), 999).await,
            Err(Rejected::ReceiptTaken { .. })
        ));
        put(toy(2), 1_000).await.unwrap();
        draft(&*store, toy(2), 1)
            .with(|commit| commit.receipts.deleted.push(caller_key("k")))
            .accepted(&*store)
            .await;
        assert!(matches!(
            store.receipt(caller_key("k"), at(0)).await.unwrap(),
            ReceiptFound::AbsentAsOf(_)
        ));
        put(toy(3), 0).await.unwrap();
    });
}

#[test]
fn numbers_have_no_gap_where_commits_are_refused() {
    check(|store| async move {
        let first = draft(&*store, toy(1), 0).numbered().submit(&*store);
        let refused = draft(&*store, toy(1), 0).numbered().submit(&*store);
        let too_large = draft(&*store, toy(3), 0)
            .numbered()
            .with(|commit| {
                let finish = Box::new(|_| cartwright_storage::Finished {
                    body: Body::Put(vec![0; codec::SNAPSHOT_BYTES_MAX + 1].into()),
                    keys: Default::default(),
                });
                commit.numbering = Some(cartwright_storage::Numbering {
                    sequence: Sequence::Toy,
                    finish,
                });
            })
            .submit(&*store);
        let second = draft(&*store, toy(2), 0).numbered().submit(&*store);
        assert_eq!(first.await.unwrap().unwrap().number, Some(1));
        assert!(matches!(refused.await.unwrap(), Err(Rejected::Revision { .. })));
        assert!(matches!(too_large.await.unwrap(), Err(Rejected::TooLarge(_))));
        assert_eq!(second.await.unwrap().unwrap().number, Some(2));
        assert_eq!(store.last_number(Sequence::Toy), 2);
        assert_eq!(store.last_number(Sequence::Order), 0);
        let key = UniqueKey::new(Unique::Toy, 2_u64.to_be_bytes());
        assert_eq!(store.lookup(key).await, Ok(Some(toy(2))));
    });
}

#[test]
fn timers_come_earliest_first_and_move() {
    check(|store| async move {
        let due = |until, limit| {
            let due = store.timers_due(at(until), limit);
            async move {
                let due = due.await.unwrap();
                due.into_iter()
                    .map(|timer| (timer.due.millis(), timer.name))
                    .collect::<Vec<_>>()
            }
        };
        let set = |entity, expected, put: &[(&str, i64)], deleted: &[(&str, i64)]| {
            let rows = |rows: &[(&str, i64)]| {
                rows.iter()
                    .map(|(name, due)| ((*name).to_owned(), at(*due)))
                    .collect::<Vec<_>>()
            };
            let (put, deleted) = (rows(put), rows(deleted));
            let draft = draft(&*store, entity, expected).with(|commit| {
                commit.timers.put = put;
                commit.timers.deleted = deleted;
            });
            draft.write(&*store)
        };
        set(toy(1), 0, &[("late", 300), ("early", 100)], &[])
            .await
            .unwrap();
        set(toy(2), 0, &[("before", -5)], &[]).await.unwrap();
        assert_eq!(due(99, 9).await, [(-5, "before".to_owned())]);
        assert_eq!(
            due(100, 9).await,
            [(-5, "before".to_owned()), (100, "early".to_owned())]
        );
        assert_eq!(due(i64::MAX, 1).await, [(-5, "before".to_owned())]);
        set(toy(1), 1, &[("early", 400)], &[("early", 100)])
            .await
            .unwrap();
        set(toy(2), 1, &[], &[("before", -5)]).await.unwrap();
        assert_eq!(
            due(i64::MAX, 9).await,
            [(300, "late".to_owned()), (400, "early".to_owned())]
        );
    });
}

#[test]
fn the_feed_has_every_fact_once_in_order() {
    check(|store| async move {
        // Two facts of a toy, but none of the second and the sixth.
        let made = |number: u128| {
            let names: &[&str] = if number % 4 == 2 { &[] } else { &["x", "y"] };
            let events = names.iter().map(|name| recorded(name)).collect();
            draft(&*store, toy(number), 0).with(|commit| commit.events = events)
        };
        let mut positions = Vec::new();
        for number in 1..=4 {
            positions.push(made(number).accepted(&*store).await);
        }
        let read = |after, commits_max| {
            let page = store.events_after(after, commits_max, Wanted::Every);
            async move {
                let (facts, read_to) = page.await.unwrap();
                let facts: Vec<_> = facts
                    .iter()
                    .map(|fact| (fact.position, fact.index, fact.entity))
                    .collect();
                (facts, read_to)
            }
        };
        let of = |number: usize| {
            let entity = toy(number as u128);
            [
                (positions[number - 1], 0, entity),
                (positions[number - 1], 1, entity),
            ]
        };
        let all = [of(1), of(3), of(4)].concat();
        assert_eq!(read(Position::default(), 100).await, (all.clone(), positions[3]));
        assert_eq!(read(Position::default(), 1).await, (of(1).to_vec(), positions[0]));
        assert_eq!(read(positions[0], 1).await, (vec![], positions[1]));
        assert_eq!(
            read(positions[1], 2).await,
            ([of(3), of(4)].concat(), positions[3])
        );
        assert_eq!(read(positions[3], 2).await, (vec![], positions[3]));
        assert_eq!(read(positions[0], 0).await, (vec![], positions[0]));
        let (facts, _) = store.events_after(positions[2], 1, Wanted::Every).await.unwrap();
        assert_eq!(facts[1].recorded, recorded("y"));
        assert_eq!(facts[1].revision, Revision(1));
        let only = |name| {
            Wanted::Only(match name {
                "y" => &[(Kind::Toy, "y")],
                "none" => &[(Kind::Toy, "none")],
                _ => &[],
            })
        };
        let (picked, read_to) = store.events_after(positions[2], 1, only("y")).await.unwrap();
        assert_eq!((picked, read_to), (vec![facts[1].clone()], positions[3]));
        for name in ["none", ""] {
            let (picked, read_to) = store.events_after(positions[2], 1, only(name)).await.unwrap();
            assert_eq!((picked, read_to), (vec![], positions[3]));
        }
        // Once more, now that the store has seen what is asked for.
        let mut later = Vec::new();
        for number in 5..=7 {
            later.push(made(number).accepted(&*store).await);
        }
        let of = |at: usize, number| [0, 1].map(|index| (later[at], index, toy(number)));
        let new = [of(0, 5), of(2, 7)].concat();
        assert_eq!(read(positions[3], 100).await, (new.clone(), later[2]));
        assert_eq!(
            read(Position::default(), 100).await,
            ([all, new].concat(), later[2])
        );
        assert_eq!(read(positions[3], 1).await, (of(0, 5).to_vec(), later[0]));
        for (name, count) in [("y", 2), ("none", 0), ("", 0)] {
            let (picked, read_to) = store.events_after(positions[3], 100, only(name)).await.unwrap();
            assert_eq!((picked.len(), read_to), (count, later[2]));
        }
    });
}

#[test]
fn the_past_of_an_entity_is_read_back_from_any_commit_of_its_own() {
    check(|store| async move {
        // So many that they fill several segments of a store that has them small.
        let mut of_one = Vec::new();
        let mut of_other = Position::default();
        for revision in 0..400 {
            let previous = of_one.last().copied().unwrap_or_default();
            let made = draft(&*store, toy(1), revision).with(|commit| {
                commit.previous = previous;
                commit.events = vec![recorded("x")];
            });
            of_one.push(made.accepted(&*store).await);
            store.move_cursor("mail", previous).await.unwrap();
            of_other = draft(&*store, toy(2), revision).accepted(&*store).await;
        }
        let last = *of_one.last().unwrap();
        assert_eq!(store.load(toy(1)).await.unwrap().unwrap().position, last);
        let (mut from, mut read) = (last, Vec::new());
        while from != Position::default() {
            let page = store.history(toy(1), from, 7).await.unwrap();
            assert!((1..=7).contains(&page.len()));
            from = page.last().unwrap().previous;
            read.extend(page);
        }
        read.reverse();
        assert_eq!(read.iter().map(|past| past.position).collect::<Vec<_>>(), of_one);
        for (revision, past) in (1..).zip(&read) {
            assert_eq!((past.revision, past.at), (Revision(revision), at(10)));
            assert_eq!(past.events, [recorded("x")]);
        }
        let of_none = [of_other, Position(u64::MAX), Position::default()];
        for from in of_none {
            assert_eq!(store.history(toy(1), from, 7).await, Ok(Vec::new()), "{from:?}");
        }
        assert_eq!(store.history(toy(1), last, 0).await, Ok(Vec::new()));
        assert_eq!(store.history(toy(3), last, 7).await, Ok(Vec::new()));
    });
}

#[test]
fn a_cursor_stays_where_it_was_moved_and_is_no_commit() {
    check(|store| async move {
        let position = draft(&*store, toy(1), 0).accepted(&*store).await;
        assert_eq!(store.cursor("mail").await, Ok(Position::default()));
        store.move_cursor("mail", position).await.unwrap();
        assert_eq!(store.cursor("mail").await, Ok(position));
        assert_eq!(store.cursor("search").await, Ok(Position::default()));
        assert_eq!(*store.synced().borrow(), position);
        assert_eq!(
            draft(&*store, toy(2), 0).accepted(&*store).await,
            Position(position.0 + 1)
        );
    });
}

#[test]
fn limits_hold_to_the_byte() {
    check(|store| async move {
        let body = |entity, bytes| {
            draft(&*store, entity, 0)
                .with(|commit| commit.body = Body::Put(vec![7; bytes].into()))
                .write(&*store)
        };
        let too_large = body(toy(1), codec::SNAPSHOT_BYTES_MAX + 1).await;
        assert!(matches!(too_large, Err(Rejected::TooLarge(_))));
        let key = |entity, bytes: usize| {
            let key = UniqueKey::new(Unique::Sku, vec![b'k'; bytes]);
            draft(&*store, entity, 0)
                .with(|commit| commit.keys.unique_put.push(key))
                .write(&*store)
        };
        key(toy(2), KEY_BYTES_MAX).await.unwrap();
        assert!(matches!(
            key(toy(3), KEY_BYTES_MAX + 1).await,
            Err(Rejected::TooLarge(_))
        ));
        let reply = |entity, name, bytes: usize| {
            let receipt = receipt(name, Outcome::Done(vec![0; bytes]));
            draft(&*store, entity, 0)
                .receipt(receipt, Position::default())
                .write(&*store)
        };
        reply(toy(4), "fits", codec::REPLY_BYTES_MAX).await.unwrap();
        assert!(matches!(
            reply(toy(5), "does not", codec::REPLY_BYTES_MAX + 1).await,
            Err(Rejected::TooLarge(_))
        ));
    });
}

#[test]
fn a_barrier_waits_for_every_verdict_before_it() {
    check(|store| async move {
        let told = Arc::new(AtomicU32::new(0));
        for number in 1..=20_u32 {
            let told = Arc::clone(&told);
            let mut draft = draft(&*store, toy(number.into()), 0);
            if number % 3 == 0 {
                draft = draft.takes(&number.to_string());
            }
            let draft = draft.with(|commit| {
                commit.done = cartwright_storage::Done(Box::new(move |_| {
                    told.fetch_add(1, Ordering::SeqCst);
                }));
            });
            drop(draft.submit(&*store));
        }
        store.barrier().await;
        assert_eq!(told.load(Ordering::SeqCst), 20);
    });
}

#[test]
fn a_closed_store_refuses_and_still_answers_everyone() {
    check(|store| async move {
        let before = draft(&*store, toy(1), 0).takes("a").submit(&*store);
        let closed = store.close();
        let after = draft(&*store, toy(2), 0).submit(&*store);
        closed.await.unwrap();
        before.await.unwrap().unwrap();
        assert!(matches!(after.await.unwrap(), Err(Rejected::Unavailable(_))));
        store.barrier().await;
    });
}
