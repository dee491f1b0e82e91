//! Directories and segments that somebody removes, moves, replaces or writes over while a store uses them.

use crate::left::run;
use crate::support::{copy, draft, open, small, toy};
use cartwright_storage::{Options, Store};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_journal_that_is_replaced_under_an_open_store_aborts_and_answers_nobody() {
    const SEGMENT: &str = "0000000000000001.journal";
    // By a file of the same name, as `rsync` puts it there, with or without the old one beside it; by what it was before,
    // written into it, as `cp` does; by another directory; by nothing.
    let by_file = |journal: &Path| {
        std::fs::copy(journal.join(SEGMENT), journal.join("copy")).unwrap();
        std::fs::rename(journal.join("copy"), journal.join(SEGMENT)).unwrap();
    };
    let by_file_aside = |journal: &Path| {
        std::fs::rename(journal.join(SEGMENT), journal.join("aside")).unwrap();
        std::fs::copy(journal.join("aside"), journal.join(SEGMENT)).unwrap();
    };
    let aside = |journal: &Path| {
        std::fs::rename(journal.join(SEGMENT), journal.with_extension("aside")).unwrap();
    };
    let by_bytes = |journal: &Path| {
        let bytes = std::fs::metadata(journal.join(SEGMENT)).unwrap().len();
        std::fs::write(journal.join(SEGMENT), vec![0; usize::try_from(bytes).unwrap()]).unwrap();
    };
    let by_directory = |journal: &Path| {
        let aside = journal.with_extension("aside");
        std::fs::rename(journal, &aside).unwrap();
        copy(&aside, journal);
    };
    let by_nothing = |journal: &Path| std::fs::remove_dir_all(journal).unwrap();
    for (replace, is_written) in [
        (&by_file as &dyn Fn(&Path), true),
        (&by_file_aside, true),
        (&by_directory, true),
        (&by_nothing, true),
        (&aside, true),
        (&aside, false),
        (&by_file, false),
        (&by_file_aside, false),
        (&by_bytes, false),
        (&by_directory, false),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (aborted, why) = std::sync::mpsc::channel();
        let options = Options {
            abort: Arc::new(move |why| drop(aborted.send(why.to_owned()))),
            ..small()
        };
        let store = open(directory.path(), &options);
        run(async {
            draft(&store, toy(1), 0).accepted(&store).await;
            replace(&directory.path().join("journal"));
            match is_written {
                true => assert!(draft(&store, toy(2), 0).submit(&store).await.is_err()),
                // Nothing is noted in what was put there.
                false => drop(store.close().await),
            }
        });
        let why = why.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(why.contains("was removed or replaced"), "{why}");
    }
}

#[test]
fn a_segment_that_is_written_over_under_an_open_store_aborts_within_a_second_or_two() {
    let directory = tempfile::tempdir().unwrap();
    let (aborted, why) = std::sync::mpsc::channel();
    let options = Options {
        abort: Arc::new(move |why| drop(aborted.send(why.to_owned()))),
        ..small()
    };
    let store = open(directory.path(), &options);
    let segment = directory.path().join("journal/0000000000000001.journal");
    let commit = async |number| draft(&store, toy(number), 0).submit(&store).await;
    run(async {
        assert!(commit(1).await.is_ok());
        std::thread::sleep(Duration::from_millis(1_100));
        assert!(commit(2).await.is_ok());
        let bytes = std::fs::metadata(&segment).unwrap().len();
        std::fs::write(&segment, vec![0; usize::try_from(bytes).unwrap()]).unwrap();
        // Behind what was written over, what is written now stands as it should.
        let _ = commit(3).await;
        std::thread::sleep(Duration::from_millis(1_100));
        assert!(commit(4).await.is_err(), "nobody may be answered");
    });
    let why = why.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(why.contains("was removed or replaced"), "{why}");
}
