//! What is asked of the disk on the way to a checkpoint, and one that refuses.

use crate::left::{contents, fill, reopen, run};
use crate::support::{open, small};
use cartwright_storage::{DiskCall, Options, Store, WatchedDisk};
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

#[test]
fn a_checkpoint_claims_nothing_before_every_file_of_the_index_is_synced() {
    let directory = tempfile::tempdir().unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    let options = Options {
        disk: WatchedDisk::by(move |call, path| {
            hears.lock().unwrap().push((call, path.to_owned()));
            Ok(())
        }),
        ..small()
    };
    let store = open(directory.path(), &options);
    run(fill(&store, 1..=8));
    heard.lock().unwrap().clear();
    run(store.close()).unwrap();
    let heard = heard.lock().unwrap();
    let at = |call, name: &str| {
        let path = directory.path().join(name);
        let found = heard.iter().position(|one| *one == (call, path.clone()));
        found.unwrap_or_else(|| panic!("{call:?} of {name} is not among {heard:?}"))
    };
    let claimed = at(DiskCall::Rename, "applied");
    for (call, name) in [
        (DiskCall::SyncAll, "index/db"),
        (DiskCall::SyncAll, "index/conf"),
        (DiskCall::SyncDirectory, "index"),
        (DiskCall::SyncAll, "applied.new"),
    ] {
        assert!(at(call, name) < claimed, "{name}");
    }
    let data = (DiskCall::SyncDirectory, directory.path().to_owned());
    assert!(heard[..claimed].contains(&data) && heard[claimed..].contains(&data));
}

#[test]
fn a_checkpoint_is_not_made_of_an_index_that_cannot_be_synced() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        disk: WatchedDisk::by(|call, path| match call {
            DiskCall::SyncAll if path.ends_with("index/db") => Err(io::Error::other("the disk is gone")),
            DiskCall::SyncData | DiskCall::SyncAll | DiskCall::SyncDirectory | DiskCall::Rename => Ok(()),
        }),
        ..small()
    };
    let store = open(directory.path(), &options);
    let before = run(async {
        fill(&store, 1..=8).await;
        contents(&store, 8).await
    });
    let told = run(store.close()).unwrap_err();
    assert!(told.to_string().contains("the disk is gone"), "{told}");
    assert!(!directory.path().join("applied").exists());
    drop(store);
    let (store, _) = reopen(directory.path());
    assert_eq!(run(contents(&store, 8)), before);
}

#[test]
fn a_checkpoint_that_cannot_be_noted_ends_nothing_and_the_next_one_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let applied = directory.path().join("applied");
    let refused = Arc::new(AtomicU32::new(0));
    let refuses = Arc::clone(&refused);
    let options = Options {
        disk: WatchedDisk::by(move |call, path| match call {
            DiskCall::Rename if path.ends_with("applied") && refuses.fetch_add(1, Ordering::Relaxed) < 2 => {
                Err(io::Error::other("no room"))
            }
            _ => Ok(()),
        }),
        checkpoint_rows: 4,
        ..small()
    };
    let store = open(directory.path(), &options);
    let mut told = Vec::new();
    for toy in 1..=2_000 {
        run(fill(&store, toy..=toy));
        told.push(store.statistics().is_checkpoint_unnoted);
        if applied.exists() && !told[told.len() - 1] {
            break;
        }
    }
    assert!(applied.exists() && 2 < refused.load(Ordering::Relaxed));
    told.dedup();
    assert_eq!(told, [false, true, false]);
    run(store.close()).unwrap();
}
