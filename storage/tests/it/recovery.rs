//! What a start makes of what a kill left, and of an index that cannot be believed; and when the process ends.

use crate::left::{contents, fill, flip, killed_after, reopen, run, segments};
use crate::support::{at, copy, draft, lazy, open, small, toy};
use cartwright_domain::{EntityKey, Sequence};
use cartwright_storage::{
    Body, DiskCall, OpenError, Options, Position, SledStore, Store, Wanted, WatchedDisk,
};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn everything_is_there_after_a_close_and_after_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), &small());
    let before = run(async {
        fill(&store, 1..=40).await;
        let before = contents(&store, 40).await;
        store.close().await.unwrap();
        before
    });
    let (store, report) = reopen(directory.path());
    assert_eq!((report.start, report.replayed, report.cut_tail), (2, 0, None));
    assert_eq!(run(contents(&store, 40)), before);

    let (left, before) = killed_after(40, &lazy());
    let (store, report) = reopen(left.path());
    assert_eq!((report.start, report.replayed, report.rebuilt), (2, 40, None));
    assert_eq!(run(contents(&store, 40)), before);
    assert_eq!(store.last_recorded_at(), at(10));
}

/// Spoils the index of a closed store; the next start builds it anew and everything is there.
fn check_rebuilt(spoil: impl Fn(&Path)) {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), &small());
    let before = run(async {
        fill(&store, 1..=30).await;
        store.move_cursor("mail", Position(12)).await.unwrap();
        store.close().await.unwrap();
        drop(store);
        let (store, _) = reopen(directory.path());
        let before = contents(&store, 30).await;
        store.close().await.unwrap();
        before
    });
    spoil(&directory.path().join("index"));
    let replayed = Arc::new(AtomicU64::new(0));
    let (store, report) = reopen(directory.path());
    replayed.store(report.replayed, Ordering::SeqCst);
    assert_eq!((report.start, report.replayed), (3, 30), "{report:?}");
    run(async {
        assert_eq!(contents(&store, 30).await, before);
        assert_eq!(store.cursor("mail").await, Ok(Position(12)));
        assert_eq!(store.last_number(Sequence::Toy), 10);
        store.close().await.unwrap();
    });
    drop(store);
    let (_, report) = reopen(directory.path());
    assert_eq!((report.replayed, report.rebuilt), (0, None));
}

#[test]
fn an_index_that_is_gone_is_built_anew() {
    check_rebuilt(|index| std::fs::remove_dir_all(index).unwrap());
}

#[test]
fn an_index_that_is_garbage_is_built_anew() {
    check_rebuilt(|index| {
        for name in ["db", "conf"] {
            let length = std::fs::metadata(index.join(name)).unwrap().len();
            std::fs::write(index.join(name), vec![0xa5; usize::try_from(length).unwrap()]).unwrap();
        }
    });
}

#[test]
fn an_index_that_is_a_file_is_built_anew() {
    check_rebuilt(|index| {
        std::fs::remove_dir_all(index).unwrap();
        std::fs::write(index, b"not a directory").unwrap();
    });
}

#[test]
fn an_index_that_lost_its_content_is_built_anew() {
    check_rebuilt(|index| {
        std::fs::remove_dir_all(index).unwrap();
        let empty = tempfile::tempdir().unwrap();
        run(open(empty.path(), &small()).close()).unwrap();
        copy(&empty.path().join("index"), index);
        std::fs::remove_file(index.join("journal")).unwrap();
    });
}

/// Fills a store and closes it.
fn filled() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), &small());
    run(async {
        fill(&store, 1..=30).await;
        store.close().await.unwrap();
    });
    directory
}

#[test]
fn index_and_journal_of_two_stores_are_told_apart_and_left_as_they_are() {
    let (own, other) = (filled(), filled());
    // As many commits, so that nothing else tells one from the other.
    for part in ["index", "journal"] {
        let mixed = tempfile::tempdir().unwrap();
        copy(own.path(), mixed.path());
        let exchanged = mixed.path().join(part);
        std::fs::remove_dir_all(&exchanged).unwrap();
        copy(&other.path().join(part), &exchanged);
        let _ = std::fs::remove_file(mixed.path().join("applied"));
        let opened = SledStore::open(mixed.path(), &small()).map(|_| ());
        assert!(
            matches!(opened, Err(OpenError::OtherJournal { .. })),
            "{part}: {opened:?}"
        );
        // What the message says helps.
        std::fs::remove_dir_all(mixed.path().join("index")).unwrap();
        run(reopen(mixed.path()).0.close()).unwrap();
    }
}

#[test]
fn an_index_whose_journal_is_gone_stops_the_start() {
    let directory = filled();
    let _ = std::fs::remove_file(directory.path().join("applied"));
    std::fs::remove_dir_all(directory.path().join("journal")).unwrap();
    for _ in 0..2 {
        let opened = SledStore::open(directory.path(), &small()).map(|_| ());
        assert!(matches!(opened, Err(OpenError::NoJournal { .. })), "{opened:?}");
    }
}

#[test]
fn an_index_with_flipped_bytes_is_never_believed() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), &small());
    let before = run(async {
        fill(&store, 1..=30).await;
        store.close().await.unwrap();
        drop(store);
        contents(&reopen(directory.path()).0, 30).await
    });
    let db = directory.path().join("index/db");
    let bytes = std::fs::read(&db).unwrap();
    let written: Vec<_> = (0..bytes.len() as u64)
        .filter(|at| bytes[usize::try_from(*at).unwrap()] != 0)
        .collect();
    for spot in written.iter().step_by(written.len() / 12) {
        let spoiled = tempfile::tempdir().unwrap();
        copy(directory.path(), spoiled.path());
        flip(&spoiled.path().join("index/db"), *spot);
        let (store, _) = reopen(spoiled.path());
        assert_eq!(run(contents(&store, 30)), before, "flipped at {spot}");
    }
}

#[test]
fn a_kill_between_checkpoint_and_mark_loses_nothing() {
    // The checkpoint of a closed store with the index of an earlier kill: the mark is behind what was applied.
    let (left, _) = killed_after(12, &lazy());
    let directory = tempfile::tempdir().unwrap();
    copy(left.path(), directory.path());
    let (store, _) = reopen(directory.path());
    let before = run(async {
        let before = contents(&store, 12).await;
        store.close().await.unwrap();
        before
    });
    drop(store);
    std::fs::remove_dir_all(directory.path().join("index")).unwrap();
    copy(&left.path().join("index"), &directory.path().join("index"));
    let (store, report) = reopen(directory.path());
    assert!(report.rebuilt.unwrap().reason.contains("before the checkpoint"));
    assert_eq!(run(contents(&store, 12)), before);

    // And the other way: the index is ahead of the file `applied`, which was never replaced.
    let (store, applied) = (store, directory.path().join("applied"));
    run(store.close()).unwrap();
    drop(store);
    std::fs::remove_file(&applied).unwrap();
    let (store, report) = reopen(directory.path());
    assert_eq!((report.replayed, report.rebuilt), (0, None));
    assert_eq!(run(contents(&store, 12)), before);
}

#[test]
fn a_build_of_the_index_that_is_broken_off_goes_on_where_it_was() {
    let directory = filled();
    let index = directory.path().join("index");
    let before = {
        let (store, _) = reopen(directory.path());
        let before = run(contents(&store, 30));
        run(store.close()).unwrap();
        before
    };
    std::fs::remove_dir_all(&index).unwrap();
    // So little is left for later that the replay itself writes to the index, and the start ends before a checkpoint.
    let broken_off = Options {
        pending_bytes_max: 12_000,
        disk: WatchedDisk::by(|call, _| match call {
            DiskCall::SyncData => Err(std::io::Error::other("the power is gone")),
            _ => Ok(()),
        }),
        ..lazy()
    };
    SledStore::open(directory.path(), &broken_off).err().unwrap();
    let (store, report) = reopen(directory.path());
    assert_eq!(report.rebuilt, None);
    assert!((1..30).contains(&report.replayed), "{report:?}");
    assert_eq!(run(contents(&store, 30)), before);
    run(store.close()).unwrap();
    drop(store);

    // From then on the checkpoint is about this index.
    assert!(!index.join("being-built").exists());
    let (_, report) = reopen(directory.path());
    assert_eq!((report.replayed, report.rebuilt), (0, None));
}

#[test]
fn a_second_process_is_refused_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), &small());
    let check = |named: Option<u32>| {
        let error = SledStore::open(directory.path(), &small()).err().unwrap();
        assert!(
            matches!(error, OpenError::InUse { process, .. } if process == named),
            "{error}"
        );
        let message = error.to_string();
        assert!(
            message.contains(&directory.path().display().to_string()) && message.contains("--data"),
            "{message}"
        );
    };
    check(Some(std::process::id()));
    // Who cleans up must not open the directory to a second process.
    std::fs::remove_file(directory.path().join("lock")).unwrap();
    check(None);
    run(store.close()).unwrap();
    let (_, report) = reopen(directory.path());
    assert_eq!(report.start, 2);
}

#[test]
fn an_index_that_another_process_holds_is_not_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), &small());
    run(store.close()).unwrap();
    drop(store);
    let held = std::fs::File::open(directory.path().join("index/db")).unwrap();
    held.try_lock().unwrap();
    let error = SledStore::open(directory.path(), &small()).err().unwrap();
    assert!(matches!(error, OpenError::InUse { process: None, .. }), "{error}");
    assert!(!directory.path().join("index.set-aside").exists());
    drop(held);
    let (_, report) = reopen(directory.path());
    assert_eq!(report.rebuilt, None);
}

#[test]
fn a_failed_sync_aborts_and_answers_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let (aborted, why) = std::sync::mpsc::channel();
    let syncs = Arc::new(AtomicU64::new(0));
    let options = Options {
        // The first sync is that of the start.
        disk: WatchedDisk::by(move |call, _| {
            if call == DiskCall::SyncData && syncs.fetch_add(1, Ordering::SeqCst) == 2 {
                return Err(std::io::Error::other("the disk is gone"));
            }
            Ok(())
        }),
        abort: Arc::new(move |why| aborted.send(why.to_owned()).unwrap()),
        ..small()
    };
    let store = open(directory.path(), &options);
    run(async {
        draft(&store, toy(1), 0).accepted(&store).await;
        let unanswered = draft(&store, toy(2), 0).submit(&store).await;
        assert!(unanswered.is_err(), "nobody may be answered");
    });
    assert!(why.recv().unwrap().contains("the disk is gone"));
}

/// Says of every segment that is to be made but the first whether the disk takes it: by whether it is made ahead.
fn segments_made(
    takes: impl FnMut(bool) -> bool + Send + 'static,
    abort: impl Fn(&str) + Send + Sync + 'static,
) -> Options {
    let (takes, made) = (Mutex::new(takes), AtomicU64::new(0));
    Options {
        disk: WatchedDisk::by(move |call, path| {
            let is_segment = call == DiskCall::Rename && path.ends_with("spare");
            if is_segment && 0 < made.fetch_add(1, Ordering::SeqCst) {
                let is_ahead = std::thread::current().name() == Some("cartwright-spare");
                if !takes.lock().unwrap()(is_ahead) {
                    return Err(std::io::ErrorKind::StorageFull.into());
                }
            }
            Ok(())
        }),
        abort: Arc::new(abort),
        ..small()
    }
}

#[test]
fn a_segment_that_could_not_be_made_ahead_is_made_when_it_is_needed() {
    let directory = tempfile::tempdir().unwrap();
    let options = segments_made(|ahead| !ahead, |why| panic!("{why}"));
    let store = open(directory.path(), &options);
    run(async {
        fill(&store, 1..=200).await;
        store.close().await.unwrap();
    });
    assert!(2 < segments(directory.path()).len());
}

#[test]
fn a_segment_that_could_not_be_made_ahead_is_tried_again_before_it_is_needed() {
    let directory = tempfile::tempdir().unwrap();
    let (tried, tries) = std::sync::mpsc::channel();
    let mut left = 2_u32;
    let takes = move |ahead| {
        left = left.saturating_sub(1);
        tried.send(ahead).unwrap();
        left == 0
    };
    let store = open(directory.path(), &segments_made(takes, |why| panic!("{why}")));
    assert_eq!((tries.recv(), tries.recv()), (Ok(true), Ok(true)));
    run(store.close()).unwrap();
}

#[test]
fn a_segment_that_cannot_be_made_when_it_is_needed_aborts() {
    let directory = tempfile::tempdir().unwrap();
    let (aborted, why) = std::sync::mpsc::channel();
    let abort = move |why: &str| aborted.send(why.to_owned()).unwrap();
    let store = open(directory.path(), &segments_made(|_| false, abort));
    run(async {
        for number in 1..=200 {
            if draft(&store, toy(number), 0).submit(&store).await.is_err() {
                return;
            }
        }
    });
    assert!(why.recv().unwrap().contains("no storage space"));
}

#[test]
fn a_panic_in_a_callback_aborts() {
    let directory = tempfile::tempdir().unwrap();
    let (aborted, why) = std::sync::mpsc::channel();
    let options = Options {
        abort: Arc::new(move |why| aborted.send(why.to_owned()).unwrap()),
        ..small()
    };
    let store = open(directory.path(), &options);
    let mut draft = draft(&store, toy(1), 0);
    draft.commit.done = cartwright_storage::Done(Box::new(|_| panic!("it was told not to")));
    drop(draft.submit(&store));
    assert!(why.recv().unwrap().contains("teller"));
}

#[test]
fn options_that_cannot_work_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for segment_bytes in [16 * 1024 - 512, 16 * 1024 + 1] {
        let options = Options {
            segment_bytes,
            ..small()
        };
        assert!(matches!(
            SledStore::open(directory.path(), &options),
            Err(OpenError::Options(_))
        ));
    }
    assert!(
        SledStore::open(
            directory.path(),
            &Options {
                segment_bytes: 16 * 1024,
                ..small()
            }
        )
        .is_ok()
    );
}

#[test]
fn a_full_pending_stops_admission_until_the_index_has_caught_up() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        pending_bytes_max: 6_000,
        index_after: Duration::from_secs(3_600),
        ..small()
    };
    let store = open(directory.path(), &options);
    run(async {
        for number in 1..=200 {
            let body = Body::Put(vec![7; 1_000].into());
            draft(&store, toy(number), 0)
                .with(|commit| commit.body = body)
                .accepted(&store)
                .await;
        }
    });
    // The committer waited rather than let pending grow: at most one group is over the limit.
    assert!(
        store.statistics().pending_bytes <= 6_000 + 1_400,
        "{:?}",
        store.statistics()
    );
    assert!(run(store.load(toy(1))).unwrap().is_some());
    let full = Options {
        waiting_max: 0,
        ..small()
    };
    let elsewhere = tempfile::tempdir().unwrap();
    assert!(open(elsewhere.path(), &full).admit().is_err());
}

#[test]
fn a_commit_larger_than_a_segment_is_refused_and_a_large_one_gets_a_segment() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), &small());
    let put = |entity: EntityKey, bytes: usize| {
        draft(&store, entity, 0)
            .with(|commit| commit.body = Body::Put(vec![7; bytes].into()))
            .write(&store)
    };
    run(async {
        for number in 1..=6 {
            put(toy(number), 14_000).await.unwrap();
        }
        assert!(put(toy(9), 16_000).await.is_err());
        assert_eq!(segments(directory.path()).len(), 3);
        assert_eq!(store.load(toy(6)).await.unwrap().unwrap().snapshot.len(), 14_000);
        let (_, read_to) = store
            .events_after(Position::default(), usize::MAX, Wanted::Every)
            .await
            .unwrap();
        assert_eq!(read_to, Position(6));
    });
}

#[test]
fn a_segment_made_ahead_by_other_options_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let with_segments_of = |segment_bytes| Options {
        segment_bytes,
        ..lazy()
    };
    let put = |store: &SledStore, number: u128, bytes: usize| {
        let body = Body::Put(vec![7; bytes].into());
        let put = draft(store, toy(number), 0).with(|commit| commit.body = body);
        run(put.accepted(store));
    };
    let narrow = open(directory.path(), &with_segments_of(16 * 1024));
    put(&narrow, 1, 1_000);
    let ahead = directory.path().join("journal/0000000000000002.journal");
    let began = std::time::Instant::now();
    while !ahead.exists() {
        let waited = began.elapsed();
        assert!(waited < Duration::from_secs(30), "no segment was made ahead");
        std::thread::sleep(Duration::from_millis(1));
    }
    run(narrow.close()).unwrap();
    drop(narrow);
    let wide = open(directory.path(), &with_segments_of(1024 * 1024));
    put(&wide, 2, 100_000);
    let killed = tempfile::tempdir().unwrap();
    copy(directory.path(), killed.path());
    let again = open(killed.path(), &with_segments_of(1024 * 1024));
    for (number, bytes) in [(1, 1_000), (2, 100_000)] {
        let loaded = run(again.load(toy(number))).unwrap();
        assert_eq!(
            loaded.map(|loaded| loaded.snapshot.len()),
            Some(bytes),
            "{number}"
        );
    }
}

#[test]
fn snapshots_and_zeros_written_ahead_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), &small());
    run(async {
        for number in 1..=50 {
            let body = Body::Put(vec![7; 1_000].into());
            draft(&store, toy(number), 0)
                .with(|commit| commit.body = body)
                .accepted(&store)
                .await;
        }
        store.close().await.unwrap();
    });
    let statistics = store.statistics();
    assert_eq!((statistics.commits, statistics.snapshot_bytes), (50, 50_000));
    // Each segment but the first was made ahead; one more may have been, or begun and given up.
    let made = segments(directory.path()).len() as u64 - 1;
    assert!(0 < made, "the commits fill several segments");
    let zeroed = statistics.zeroed_bytes / small().segment_bytes;
    assert!(
        made <= zeroed && zeroed <= made + 1,
        "{statistics:?}, {made} made"
    );
}
