//! What a start makes of what a kill, a torn write or damage left.

use crate::support::{at, copy, draft, lazy, open, receipt, recorded, small, toy, unique};
use cartwright_domain::{EntityKey, Sequence};
use cartwright_storage::{
    Body, CutTail, OpenError, Options, Outcome, Position, ReceiptFound, RecoveryReport, SledStore, Store,
};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

/// The bytes before a segment's first frame.
const SEGMENT_HEADER: u64 = 512;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

/// Writes so many toys, one group each: every third with a key, every fourth with a receipt.
async fn fill(store: &dyn Store, toys: std::ops::RangeInclusive<u64>) {
    for number in toys {
        let mut draft =
            draft(store, toy(number.into()), 0).with(|commit| commit.events = vec![recorded("made")]);
        if number % 3 == 0 {
            draft = draft.takes(&number.to_string()).numbered();
        }
        if number % 4 == 0 {
            draft = draft.receipt(
                receipt(&number.to_string(), Outcome::Running),
                Position::default(),
            );
        }
        draft.accepted(store).await;
    }
}

/// Everything that can be read of the first `toys` toys.
async fn contents(store: &dyn Store, toys: u64) -> BTreeMap<u64, String> {
    let mut contents = BTreeMap::new();
    for number in 1..=toys {
        let loaded = store.load(toy(number.into())).await.unwrap();
        let holder = store.lookup(unique(&number.to_string())).await.unwrap();
        let key = crate::support::caller_key(&number.to_string());
        let receipt = match store.receipt(key, at(0)).await.unwrap() {
            ReceiptFound::Present(receipt) => Some(receipt),
            ReceiptFound::AbsentAsOf(_) => None,
        };
        contents.insert(number, format!("{loaded:?} {holder:?} {receipt:?}"));
    }
    let (facts, read_to) = store.events_after(Position::default(), usize::MAX).await.unwrap();
    contents.insert(
        0,
        format!("{facts:?} {read_to:?} {}", store.last_number(Sequence::Toy)),
    );
    contents
}

/// A directory as a kill left it after so many toys, of which the index knows nothing, and what was in it.
fn killed_after(toys: u64, options: &Options) -> (TempDir, BTreeMap<u64, String>) {
    let (live, left) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(live.path(), options);
    let contents = run(async {
        fill(&store, 1..=toys).await;
        contents(&store, toys).await
    });
    copy(live.path(), left.path());
    (left, contents)
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(directory.join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "journal"))
        .collect();
    paths.sort();
    paths
}

/// The offsets at which the frames of a segment begin, and where they end.
fn frames(segment: &Path) -> Vec<u64> {
    let bytes = std::fs::read(segment).unwrap();
    let is_frame = |offset: &u64| bytes[usize::try_from(*offset).unwrap()..].starts_with(b"CWgr");
    let mut offsets: Vec<_> = (SEGMENT_HEADER..bytes.len() as u64)
        .step_by(512)
        .filter(is_frame)
        .collect();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1;
    offsets.push(last.next_multiple_of(512));
    offsets
}

fn flip(path: &Path, offset: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], offset).unwrap();
}

fn reopen(directory: &Path) -> (SledStore, RecoveryReport) {
    SledStore::open(directory, &small()).unwrap()
}

fn check_damaged(directory: &Path, segment: &Path, offset: u64) {
    let error = SledStore::open(directory, &small()).err().unwrap();
    let OpenError::Damaged {
        segment: found,
        offset: at,
        ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!((found.as_path(), *at), (segment, offset), "{error}");
    assert!(error.to_string().contains(&format!("offset {offset}")));
}

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

#[test]
fn a_journal_of_many_segments_is_replayed_and_continued() {
    let (left, before) = killed_after(150, &lazy());
    assert!(2 < segments(left.path()).len());
    let (store, report) = reopen(left.path());
    assert_eq!((report.position, report.replayed), (Position(150), 150));
    assert_eq!(run(contents(&store, 150)), before);
    let next = run(draft(&store, toy(1_000), 0).numbered().write(&store)).unwrap();
    assert_eq!((next.position, next.number), (Position(151), Some(51)));
}

#[test]
fn a_torn_last_frame_is_cut_at_whatever_byte_it_was_torn() {
    let (left, before) = killed_after(8, &lazy());
    let segment = segments(left.path()).pop().unwrap();
    let offsets = frames(&segment);
    let [.., start, end] = offsets[..] else {
        panic!("there are frames")
    };
    // The classes: nothing of it, in each field of the header, at its end, in an entry's header, in the payload,
    // and one byte short of the last that is not zero.
    let whole = std::fs::read(&segment).unwrap();
    let last = whole.iter().rposition(|byte| *byte != 0).unwrap() as u64;
    let torn = [0, 1, 4, 12, 20, 24, 28, 31, 32, 33, 40, 56, 57, 100, 200].map(|byte| start + byte);
    for keep in torn.into_iter().chain([last - 1, last]) {
        for truncate in [true, false] {
            let directory = tempfile::tempdir().unwrap();
            copy(left.path(), directory.path());
            let segment = segments(directory.path()).pop().unwrap();
            let file = OpenOptions::new().write(true).open(&segment).unwrap();
            if truncate {
                file.set_len(keep).unwrap();
            } else {
                let zeros = vec![0; usize::try_from(end - keep).unwrap()];
                file.write_all_at(&zeros, keep).unwrap();
            }
            let (store, report) = reopen(directory.path());
            assert_eq!(report.position, Position(7), "torn at {keep}");
            let cut = report.cut_tail.map(|CutTail { offset, .. }| offset);
            assert_eq!(cut, (start < keep).then_some(start), "torn at {keep}");
            let mut expected = before.clone();
            expected.remove(&0);
            let mut found = run(contents(&store, 7));
            found.remove(&0);
            expected.remove(&8);
            assert_eq!(found, expected);
            // The position of the torn commit is given again, and survives.
            run(async {
                assert_eq!(draft(&store, toy(8), 0).accepted(&store).await, Position(8));
                store.close().await.unwrap();
            });
            drop(store);
            let (_, report) = reopen(directory.path());
            assert_eq!((report.position, report.cut_tail), (Position(8), None));
        }
    }
}

/// The bytes of a frame without the zeros at its end.
fn frame_bytes(segment: &Path, start: u64) -> u32 {
    let file = std::fs::File::open(segment).unwrap();
    let mut length = [0; 4];
    file.read_exact_at(&mut length, start + 24).unwrap();
    32 + u32::from_be_bytes(length)
}

#[test]
fn a_torn_frame_whose_first_block_is_missing_is_cut_too() {
    let (left, _) = killed_after(8, &lazy());
    let segment = segments(left.path()).pop().unwrap();
    let [.., start, end] = frames(&segment)[..] else {
        panic!("there are frames")
    };
    let file = OpenOptions::new().write(true).open(&segment).unwrap();
    file.write_all_at(&[0; 512], start).unwrap();
    file.write_all_at(&[7; 100], end).unwrap();
    let (_, report) = reopen(left.path());
    let cut = report.cut_tail.unwrap();
    assert_eq!(
        (report.position, cut.offset, cut.bytes),
        (Position(7), start, end + 512 - start)
    );
}

#[test]
fn a_flipped_byte_in_the_middle_stops_the_start_and_says_where() {
    let (left, _) = killed_after(8, &lazy());
    let segment = segments(left.path()).pop().unwrap();
    let offsets = frames(&segment);
    for byte in [0, 5, 13, 22, 26, 29, 34, 40, 60, 150] {
        let directory = tempfile::tempdir().unwrap();
        copy(left.path(), directory.path());
        let segment = segments(directory.path()).pop().unwrap();
        let start = offsets[offsets.len() - 5];
        flip(&segment, start + byte);
        let before = std::fs::read(&segment).unwrap();
        check_damaged(directory.path(), &segment, start);
        assert_eq!(std::fs::read(&segment).unwrap(), before, "nothing may be changed");
    }
}

#[test]
fn damage_in_an_earlier_segment_stops_the_start() {
    let (left, _) = killed_after(150, &lazy());
    let first = segments(left.path()).remove(0);
    let [.., last, _] = frames(&first)[..] else {
        panic!("there are frames")
    };
    flip(&first, last + 50);
    check_damaged(left.path(), &first, last);
}

#[test]
fn a_missing_or_spoiled_segment_stops_the_start() {
    let (left, _) = killed_after(150, &lazy());
    let paths = segments(left.path());
    let directory = tempfile::tempdir().unwrap();
    copy(left.path(), directory.path());
    std::fs::remove_file(&segments(directory.path())[1]).unwrap();
    check_damaged(directory.path(), &segments(directory.path())[1], 0);

    flip(&paths[1], 30);
    check_damaged(left.path(), &paths[1], 0);
}

#[test]
fn a_frame_of_another_segment_is_never_taken() {
    let (left, _) = killed_after(8, &lazy());
    let (other, _) = killed_after(9, &lazy());
    let (segment, other) = (
        segments(left.path()).pop().unwrap(),
        segments(other.path()).pop().unwrap(),
    );
    let [.., start, end] = frames(&other)[..] else {
        panic!("there are frames")
    };
    let mut frame = vec![0; usize::try_from(end - start).unwrap()];
    std::fs::File::open(&other)
        .unwrap()
        .read_exact_at(&mut frame, start)
        .unwrap();
    let tail = *frames(&segment).last().unwrap();
    OpenOptions::new()
        .write(true)
        .open(&segment)
        .unwrap()
        .write_all_at(&frame, tail)
        .unwrap();
    let (_, report) = reopen(left.path());
    assert_eq!(
        (report.position, report.cut_tail.unwrap().offset),
        (Position(8), tail)
    );
}

#[test]
fn a_journal_that_lost_what_was_acknowledged_stops_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), &small());
    run(async {
        fill(&store, 1..=8).await;
        store.close().await.unwrap();
    });
    drop(store);
    let segment = segments(directory.path()).pop().unwrap();
    let offsets = frames(&segment);
    let start = offsets[offsets.len() - 2];
    flip(&segment, start + 40);
    check_damaged(directory.path(), &segment, start);
    std::fs::remove_dir_all(directory.path().join("index")).unwrap();
    check_damaged(directory.path(), &segment, start);
    std::fs::remove_dir_all(directory.path().join("journal")).unwrap();
    check_damaged(directory.path(), &directory.path().join("journal"), 0);
}

#[test]
fn data_of_a_newer_version_is_refused_and_not_touched() {
    let (left, _) = killed_after(3, &lazy());
    let segment = segments(left.path()).pop().unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[9] = 2;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..512]);
    bytes[12..16].copy_from_slice(&crc.to_be_bytes());
    std::fs::write(&segment, &bytes).unwrap();
    let error = SledStore::open(left.path(), &small()).err().unwrap();
    assert!(matches!(error, OpenError::Newer { known: 1, .. }), "{error}");
    assert!(error.to_string().contains("written by a newer version"));
    assert_eq!(std::fs::read(&segment).unwrap(), bytes);
}

#[test]
fn an_entry_of_a_newer_schema_is_refused() {
    let (left, _) = killed_after(3, &lazy());
    let segment = segments(left.path()).pop().unwrap();
    let start = frames(&segment)[1];
    let mut bytes = std::fs::read(&segment).unwrap();
    let frame = usize::try_from(start).unwrap();
    let end = frame + usize::try_from(frame_bytes(&segment, start)).unwrap();
    // Raise the schema of the only entry and mend every checksum around it.
    bytes[frame + 56 + 3] = 9;
    let crc = |a: &[u8], b: &[u8]| crc32c::crc32c_append(crc32c::crc32c(a), b).to_be_bytes();
    let value = crc(&bytes[frame + 56..frame + 60], &bytes[frame + 64..end]);
    bytes[frame + 60..frame + 64].copy_from_slice(&value);
    let entry = crc(&bytes[frame + 40..end], &[]);
    bytes[frame + 36..frame + 40].copy_from_slice(&entry);
    let whole = crc(&bytes[frame..frame + 28], &bytes[frame + 32..end]);
    bytes[frame + 28..frame + 32].copy_from_slice(&whole);
    std::fs::write(&segment, &bytes).unwrap();
    let error = SledStore::open(left.path(), &small()).err().unwrap();
    assert!(matches!(error, OpenError::Newer { known: 1, .. }), "{error}");
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
    });
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
fn a_second_process_is_refused_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), &small());
    let error = SledStore::open(directory.path(), &small()).err().unwrap();
    assert!(
        matches!(error, OpenError::InUse { process: Some(_), .. }),
        "{error}"
    );
    let message = error.to_string();
    assert!(
        message.contains(&directory.path().display().to_string()) && message.contains("--data"),
        "{message}"
    );
    run(store.close()).unwrap();
    let (_, report) = reopen(directory.path());
    assert_eq!(report.start, 2);
}

#[test]
fn a_failed_sync_aborts_and_answers_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let (aborted, why) = std::sync::mpsc::channel();
    let syncs = Arc::new(AtomicU64::new(0));
    let options = Options {
        // The first sync is that of the start.
        sync: Arc::new(move |file| match syncs.fetch_add(1, Ordering::SeqCst) {
            2 => Err(std::io::Error::other("the disk is gone")),
            _ => file.sync_data(),
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
    assert!(why.recv().unwrap().contains("committer"));
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
        index_after: std::time::Duration::from_secs(3_600),
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
        let (_, read_to) = store.events_after(Position::default(), usize::MAX).await.unwrap();
        assert_eq!(read_to, Position(6));
    });
}
