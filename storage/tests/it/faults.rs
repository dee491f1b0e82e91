//! The store that goes wrong on order, and the one in memory that starts again.

use crate::support::{at, draft, toy};
use cartwright_domain::{Revision, Sequence, Timestamp};
use cartwright_storage::{FaultStore, MemoryStore, Mishap, Position, Rejected, Store};
use futures::FutureExt;

fn store() -> FaultStore<MemoryStore> {
    FaultStore::new(MemoryStore::new())
}

#[test]
fn the_nth_commit_fails_and_leaves_no_trace() {
    let store = store();
    store.fail_nth(2);
    store.refuse_nth(3, Rejected::Fence);
    let verdicts = [1, 2, 3, 4].map(|number| {
        draft(&store, toy(number), 0)
            .write(&store)
            .now_or_never()
            .unwrap()
    });
    assert!(verdicts[0].is_ok() && verdicts[3].is_ok());
    assert!(matches!(verdicts[1], Err(Rejected::Unavailable(_))));
    assert_eq!(verdicts[2], Err(Rejected::Fence));
    assert_eq!(store.load(toy(2)).now_or_never().unwrap(), Ok(None));
    assert_eq!((store.submitted(), store.statistics().commits), (4, 2));
}

#[test]
fn held_verdicts_are_told_on_release_and_barriers_wait() {
    let store = store();
    store.hold();
    let mut verdict = draft(&store, toy(1), 0).submit(&store);
    assert!(verdict.try_recv().is_err());
    assert_eq!(store.held(), 1);
    // Written, but not told: the window that a test wants open.
    assert_eq!(
        store
            .load(toy(1))
            .now_or_never()
            .unwrap()
            .unwrap()
            .unwrap()
            .revision,
        Revision(1)
    );
    let mut barrier = store.barrier();
    assert!((&mut barrier).now_or_never().is_none());
    store.release();
    assert!(verdict.try_recv().unwrap().is_ok());
    assert!(barrier.now_or_never().is_some());
    assert!(
        draft(&store, toy(2), 0)
            .write(&store)
            .now_or_never()
            .unwrap()
            .is_ok()
    );
}

#[test]
fn a_lost_commit_is_not_written_and_a_lost_verdict_is() {
    let store = store();
    store.on_nth(1, Mishap::Lose);
    store.on_nth(2, Mishap::LoseVerdict);
    for number in [1, 2] {
        // Not even that nothing will come.
        let told = draft(&store, toy(number), 0).submit(&store).now_or_never();
        assert!(told.is_none());
    }
    assert_eq!(store.load(toy(1)).now_or_never().unwrap(), Ok(None));
    assert!(store.load(toy(2)).now_or_never().unwrap().unwrap().is_some());
    assert!(store.barrier().now_or_never().is_some());
}

#[test]
fn a_delayed_verdict_comes_after_so_many_commits() {
    let store = store();
    store.on_nth(1, Mishap::Delay(2));
    let mut delayed = draft(&store, toy(1), 0).submit(&store);
    assert!(
        draft(&store, toy(2), 0)
            .write(&store)
            .now_or_never()
            .unwrap()
            .is_ok()
    );
    assert!(delayed.try_recv().is_err());
    assert!(
        draft(&store, toy(3), 0)
            .write(&store)
            .now_or_never()
            .unwrap()
            .is_ok()
    );
    assert!(delayed.try_recv().unwrap().is_ok());
}

#[test]
fn a_store_that_is_cut_off_loses_every_later_commit_and_moves_no_cursor() {
    let store = store();
    store.cut_off_after(1);
    let write = |number| draft(&store, toy(number), 0).write(&store).now_or_never();
    assert!(!store.is_cut_off());
    assert!(write(1).unwrap().is_ok());
    assert!(store.is_cut_off());
    let mut lost = draft(&store, toy(2), 0).submit(&store);
    assert!((&mut lost).now_or_never().is_none());
    assert_eq!(store.load(toy(2)).now_or_never().unwrap(), Ok(None));
    assert!(store.move_cursor("mail", Position(1)).now_or_never().is_none());
    let cursor = store.inner().cursor("mail").now_or_never().unwrap();
    assert_eq!(cursor, Ok(Position::default()));
}

#[test]
fn a_restarted_memory_store_keeps_what_is_written_and_refuses_the_earlier_start() {
    let store = MemoryStore::new();
    let ordered = draft(&store, toy(1), 0)
        .numbered()
        .with(|commit| commit.at = at(5_000));
    let zombie = draft(&store, toy(1), 1);
    assert!(ordered.write(&store).now_or_never().unwrap().is_ok());
    assert_eq!(
        (store.start_number(), store.last_recorded_at()),
        (1, Timestamp::default())
    );
    assert_eq!(store.close().now_or_never().unwrap(), Ok(()));

    store.restart();
    assert_eq!((store.start_number(), store.last_recorded_at()), (2, at(5_000)));
    assert_eq!(store.last_number(Sequence::Toy), 1);
    assert_eq!(zombie.write(&store).now_or_never().unwrap(), Err(Rejected::Fence));
    // Incarnations count anew with every start.
    let next = draft(&store, toy(1), 1).with(|commit| commit.fence.incarnation = 0);
    let accepted = next.write(&store).now_or_never().unwrap().unwrap();
    assert_eq!(accepted.position, Position(2), "positions go on");
}
