//! Who tells the verdicts, when, and that somebody does.

use crate::support::{draft, open, small, toy};
use cartwright_storage::{Done, Options, Position, Store};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// A runtime that does nothing but while it is waited on.
fn still() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn told_on(runtime: &Runtime) -> Options {
    Options {
        runtime: Some(runtime.handle().clone()),
        ..small()
    }
}

/// What was told, in order: which toy, and whether it was accepted.
type Told = Arc<Mutex<Vec<(u128, bool)>>>;

fn submit(store: &dyn Store, number: u128, expected: u64, told: &Told) {
    let told = Arc::clone(told);
    let done = Done(Box::new(move |verdict| {
        told.lock().unwrap().push((number, verdict.is_ok()));
    }));
    let draft = draft(store, toy(number), expected).with(|commit| commit.done = done);
    store.submit(draft.commit);
}

fn wait_for_commits(store: &dyn Store, commits: u64) {
    let began = Instant::now();
    while store.statistics().commits < commits {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "the commit is not written"
        );
        std::thread::yield_now();
    }
}

#[test]
fn a_runtime_tells_in_order_while_further_groups_become_durable() {
    let (directory, runtime, told) = (tempfile::tempdir().unwrap(), still(), Told::default());
    let store = open(directory.path(), &told_on(&runtime));
    submit(&store, 1, 0, &told);
    wait_for_commits(&store, 1);
    submit(&store, 2, 0, &told);
    wait_for_commits(&store, 2);
    // Both are on the disk, in two groups, and nobody has heard of either, nor have subscribers.
    assert_eq!(*told.lock().unwrap(), []);
    assert_eq!(store.statistics().waiting, 2);
    assert_eq!(*store.synced().borrow(), Position(0));
    submit(&store, 1, 7, &told);
    submit(&store, 3, 0, &told);
    runtime.block_on(store.barrier());
    let told = told.lock().unwrap();
    assert_eq!(told[..2], [(1, true), (2, true)]);
    assert!(told.contains(&(1, false)) && told.contains(&(3, true)));
    assert_eq!((told.len(), store.statistics().waiting), (4, 0));
    assert_eq!(*store.synced().borrow(), Position(3));
    drop(store);
}

#[test]
fn what_is_untold_when_the_runtime_goes_is_told_all_the_same() {
    let (directory, runtime, told) = (tempfile::tempdir().unwrap(), still(), Told::default());
    let store = open(directory.path(), &told_on(&runtime));
    submit(&store, 1, 0, &told);
    wait_for_commits(&store, 1);
    let barrier = store.barrier();
    drop(runtime);
    let waiting = still();
    waiting.block_on(barrier);
    assert_eq!(*told.lock().unwrap(), [(1, true)]);
    submit(&store, 2, 0, &told);
    waiting.block_on(store.barrier());
    assert_eq!(*told.lock().unwrap(), [(1, true), (2, true)]);
    waiting.block_on(store.close()).unwrap();
}

#[test]
fn a_store_is_closed_only_when_all_is_told() {
    let (directory, runtime, told) = (tempfile::tempdir().unwrap(), still(), Told::default());
    let store = open(directory.path(), &told_on(&runtime));
    submit(&store, 1, 0, &told);
    let closed = store.close();
    wait_for_commits(&store, 1);
    assert_eq!(*told.lock().unwrap(), []);
    runtime.block_on(closed).unwrap();
    assert_eq!(*told.lock().unwrap(), [(1, true)]);
    submit(&store, 2, 0, &told);
    runtime.block_on(store.barrier());
    assert_eq!(*told.lock().unwrap(), [(1, true), (2, false)]);
}

#[test]
fn a_panic_while_telling_on_a_runtime_aborts() {
    let (directory, runtime) = (tempfile::tempdir().unwrap(), still());
    let (aborted, why) = std::sync::mpsc::channel();
    let options = Options {
        abort: Arc::new(move |why| aborted.send(why.to_owned()).unwrap()),
        ..told_on(&runtime)
    };
    let store = open(directory.path(), &options);
    let done = Done(Box::new(|_| panic!("it was told not to")));
    store.submit(draft(&store, toy(1), 0).with(|commit| commit.done = done).commit);
    runtime.block_on(store.barrier());
    assert!(why.try_recv().unwrap().contains("teller"));
}
