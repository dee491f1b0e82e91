//! The store that goes wrong on order.

use crate::support::{draft, toy};
use cartwright_domain::Revision;
use cartwright_storage::{FaultStore, MemoryStore, Mishap, Rejected, Store};
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
    assert!(
        draft(&store, toy(1), 0)
            .submit(&store)
            .now_or_never()
            .unwrap()
            .is_err()
    );
    assert!(
        draft(&store, toy(2), 0)
            .submit(&store)
            .now_or_never()
            .unwrap()
            .is_err()
    );
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
