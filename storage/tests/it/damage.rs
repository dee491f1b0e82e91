//! What a start makes of a journal that was torn, flipped, cut or written by somebody else.

use crate::left::{
    check_damaged, closed_after, contents, fill, flip, frame_bytes, frames, killed_after, reopen, run,
    segments,
};
use crate::support::{copy, draft, lazy, open, small, toy};
use cartwright_storage::{CutTail, Fault, OpenError, Position, SledStore, Store, Wanted};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

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
        let directory = tempfile::tempdir().unwrap();
        copy(left.path(), directory.path());
        let segment = segments(directory.path()).pop().unwrap();
        let file = OpenOptions::new().write(true).open(&segment).unwrap();
        let zeros = vec![0; usize::try_from(end - keep).unwrap()];
        file.write_all_at(&zeros, keep).unwrap();
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

#[test]
fn a_segment_that_was_cut_off_stops_the_start_wherever_it_was_cut() {
    let (left, _) = killed_after(8, &lazy());
    let segment = segments(left.path()).pop().unwrap();
    let [.., before_last, start, end] = frames(&segment)[..] else {
        panic!("there are frames")
    };
    let whole = std::fs::read(&segment).unwrap();
    let length = whole.len() as u64;
    for keep in [512, before_last, start, start + 100, end, end + 512, length - 1] {
        OpenOptions::new()
            .write(true)
            .open(&segment)
            .unwrap()
            .set_len(keep)
            .unwrap();
        for _ in 0..2 {
            check_damaged(left.path(), &segment, keep);
        }
        std::fs::write(&segment, &whole).unwrap();
    }
    assert_eq!(reopen(left.path()).1.position, Position(8));
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
    let directory = closed_after(8, &small());
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
fn a_start_that_the_journal_refuses_leaves_the_index_and_the_one_set_aside_where_they_are() {
    let directory = closed_after(8, &small());
    let suspect = directory.path().join("index/suspect");
    std::fs::write(&suspect, "a row was found wanting").unwrap();
    let kept = directory.path().join("index.set-aside/kept");
    std::fs::create_dir(directory.path().join("index.set-aside")).unwrap();
    std::fs::write(&kept, "for whoever wants to look").unwrap();
    let segment = segments(directory.path()).pop().unwrap();
    let start = frames(&segment)[2];
    flip(&segment, start + 40);
    for _ in 0..2 {
        check_damaged(directory.path(), &segment, start);
        assert!(suspect.exists() && kept.exists());
    }
    flip(&segment, start + 40);
    let (_, report) = reopen(directory.path());
    assert_eq!((report.position, report.replayed), (Position(8), 8));
    assert!(report.rebuilt.is_some() && !kept.exists());
}

#[test]
fn a_checkpoint_that_is_damaged_does_not_make_a_start_forget_what_the_index_has_seen() {
    let directory = closed_after(8, &small());
    std::fs::write(directory.path().join("applied"), b"").unwrap();
    std::fs::rename(directory.path().join("journal"), directory.path().join("away")).unwrap();
    for _ in 0..2 {
        let error = SledStore::open(directory.path(), &small()).err().unwrap();
        assert!(matches!(error, OpenError::NoJournal { .. }), "{error}");
    }
    std::fs::rename(directory.path().join("away"), directory.path().join("journal")).unwrap();
    let (_, report) = reopen(directory.path());
    assert_eq!((report.position, report.replayed), (Position(8), 8));
}

#[test]
fn a_checkpoint_that_the_system_does_not_hand_out_stops_the_start_and_leaves_the_index() {
    let directory = closed_after(8, &small());
    let [applied, away] = ["applied", "away"].map(|name| directory.path().join(name));
    std::fs::rename(&applied, &away).unwrap();
    // Whoever the tests run as, a directory cannot be read as a file.
    std::fs::create_dir(&applied).unwrap();
    let error = SledStore::open(directory.path(), &small()).err().unwrap();
    assert!(
        matches!(&error, OpenError::Io { path, .. } if *path == applied),
        "{error}"
    );
    std::fs::remove_dir(&applied).unwrap();
    std::fs::rename(&away, &applied).unwrap();
    let (_, report) = reopen(directory.path());
    assert_eq!((report.replayed, report.rebuilt), (0, None));
}

fn mend_header(segment: &mut [u8]) {
    let crc = crc32c::crc32c_append(crc32c::crc32c(&segment[..12]), &segment[16..512]);
    segment[12..16].copy_from_slice(&crc.to_be_bytes());
}

#[test]
fn segments_that_say_themselves_where_they_begin_are_read() {
    let (left, contents_before) = killed_after(150, &lazy());
    let begun = segments(left.path());
    assert!(2 < begun.len());
    for path in std::fs::read_dir(left.path().join("journal")).unwrap() {
        let path = path.unwrap().path();
        if begun.contains(&path) {
            // As format 1 has it: the first position of the first frame stands in the header, too.
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[9] = 1;
            bytes.copy_within(512 + 12..512 + 20, 24);
            mend_header(&mut bytes);
            std::fs::write(&path, &bytes).unwrap();
        } else {
            std::fs::remove_file(&path).unwrap();
        }
    }
    let (store, report) = reopen(left.path());
    assert_eq!((report.position, report.cut_tail), (Position(150), None));
    assert_eq!(run(contents(&store, 150)), contents_before);
}

#[test]
fn data_of_a_newer_version_is_refused_and_not_touched() {
    let (left, _) = killed_after(3, &lazy());
    let segment = segments(left.path()).pop().unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[9] = 3;
    mend_header(&mut bytes);
    std::fs::write(&segment, &bytes).unwrap();
    let error = SledStore::open(left.path(), &small()).err().unwrap();
    assert!(matches!(error, OpenError::Newer { known: 2, .. }), "{error}");
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

#[test]
fn readers_of_the_feed_go_through_all_segments_at_their_own_pace() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), &small());
    run(async {
        fill(&store, 1..=150).await;
        store.move_cursor("mail", Position(1)).await.unwrap();
        assert!(2 < segments(directory.path()).len());
        let mut readers = [
            (1, Position(0), Vec::new()),
            (7, Position(0), Vec::new()),
            (150, Position(0), Vec::new()),
        ];
        for _ in 0..150 {
            for (commits_max, after, seen) in &mut readers {
                let (facts, read_to) = store
                    .events_after(*after, *commits_max, Wanted::Every)
                    .await
                    .unwrap();
                seen.extend(facts.iter().map(|fact| fact.position.0));
                *after = read_to;
            }
        }
        for (_, after, seen) in readers {
            assert_eq!(after, Position(150));
            assert_eq!(seen, (1..=150).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_commit_that_cannot_be_read_is_damage_to_the_feed_and_not_a_gap() {
    let directory = closed_after(150, &small());
    let [first, second, ..] = &segments(directory.path())[..] else {
        panic!("there are segments")
    };
    let [.., last, _] = frames(first)[..] else {
        panic!("there are frames")
    };
    for (segment, offset) in [(first, last + 40), (second, frames(second)[1] + 3)] {
        flip(segment, offset);
        // The index holds all commits, so that the start reads the last segment only.
        let (store, _) = reopen(directory.path());
        for commits_max in [1, usize::MAX] {
            let read = run(async {
                let mut after = Position::default();
                while after < Position(150) {
                    let (_, read_to) = store.events_after(after, commits_max, Wanted::Every).await?;
                    after = read_to;
                }
                Ok(after)
            });
            assert!(matches!(read, Err(Fault::Damaged { .. })), "{read:?}");
        }
        run(store.close()).unwrap();
        flip(segment, offset);
    }
}

#[test]
fn a_history_goes_back_to_what_cannot_be_read_and_says_so_only_there() {
    const COMMITS: u64 = 150;
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), &small());
    run(async {
        for revision in 0..COMMITS {
            let made = draft(&store, toy(1), revision).with(|commit| commit.previous = Position(revision));
            assert_eq!(made.accepted(&store).await, Position(revision + 1));
        }
        store.close().await.unwrap();
    });
    drop(store);
    let first = &segments(directory.path())[0];
    flip(first, frames(first)[3] + 40);
    let (store, _) = reopen(directory.path());
    let (mut from, mut read) = (Position(COMMITS), Vec::new());
    let damage = loop {
        match run(store.history(toy(1), from, usize::MAX)) {
            Ok(page) => {
                from = page.last().expect("a page has commits").previous;
                read.extend(page.iter().map(|past| past.position.0));
            }
            Err(damage) => break damage,
        }
    };
    assert!(matches!(damage, Fault::Damaged { .. }), "{damage:?}");
    assert!(0 < from.0 && from.0 < 6, "{from:?}");
    let sound: Vec<_> = (from.0 + 1..=COMMITS).rev().collect();
    assert_eq!(read, sound);
}

#[test]
fn damage_is_told_to_the_feed_where_it_is_and_stops_only_who_needs_what_it_took() {
    let directory = closed_after(150, &small());
    let first = &segments(directory.path())[0];
    let frames = frames(first);
    let (bad, last) = (frames[3], frames[frames.len() - 2]);
    let position = |frame: u64| {
        let at = usize::try_from(frame).unwrap() + 12;
        let bytes = std::fs::read(first).unwrap();
        Position(u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap()))
    };
    let (taken, kept) = (position(bad), position(last));
    flip(first, bad + 40);
    let check = |after: Position, is_stopped: bool| {
        let (store, _) = reopen(directory.path());
        let read = run(store.events_after(after, usize::MAX, Wanted::Every));
        if is_stopped {
            let told = read.err().map(|fault| fault.to_string()).unwrap_or_default();
            let name = first.file_name().unwrap().to_str().unwrap();
            assert!(
                told.contains(&format!("segment {name}, offset {bad} is damaged")),
                "{told}"
            );
        } else {
            let (facts, read_to) = read.unwrap();
            let positions: Vec<_> = facts.iter().map(|fact| fact.position.0).collect();
            assert_eq!(positions, (after.0 + 1..=150).collect::<Vec<_>>());
            assert_eq!(read_to, Position(150));
        }
        run(store.close()).unwrap();
    };
    check(Position(taken.0 - 1), true);
    check(taken, false);
    check(kept, false);
    // What stands in front of it is read all the same.
    assert!(1 < taken.0);
    let (store, _) = reopen(directory.path());
    let (facts, read_to) = run(store.events_after(Position(0), usize::MAX, Wanted::Every)).unwrap();
    let positions: Vec<_> = facts.iter().map(|fact| fact.position.0).collect();
    assert_eq!(positions, (1..taken.0).collect::<Vec<_>>());
    assert_eq!(read_to, Position(taken.0 - 1));
    run(store.close()).unwrap();
}

#[test]
fn a_spare_of_an_earlier_process_is_used() {
    let directory = closed_after(60, &small());
    std::fs::write(directory.path().join("journal/spare.new"), b"half made").unwrap();
    let (store, report) = reopen(directory.path());
    run(async {
        fill(&store, 61..=200).await;
        let (_, read_to) = store
            .events_after(Position::default(), usize::MAX, Wanted::Every)
            .await
            .unwrap();
        assert_eq!((report.position, read_to), (Position(60), Position(200)));
        store.close().await.unwrap();
    });
    drop(store);
    assert_eq!(reopen(directory.path()).1.position, Position(200));
}
