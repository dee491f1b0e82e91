//! Directories and segments that somebody removes, moves, replaces or writes over while a store uses them.

use crate::left::{reopen, run};
use crate::support::{copy, draft, open, small, toy};
use cartwright_storage::{Options, SledStore, Store};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

const SEGMENT: &str = "0000000000000001.journal";

/// Longer than from one look at what was written to the next.
const LOOKED: Duration = Duration::from_millis(1_100);

/// Opens a store that tells why it would abort the process.
fn watched(directory: &Path) -> (SledStore, Receiver<String>) {
    let (aborted, why) = std::sync::mpsc::channel();
    let options = Options {
        abort: Arc::new(move |why| drop(aborted.send(why.to_owned()))),
        ..small()
    };
    (open(directory, &options), why)
}

fn check_told(why: &Receiver<String>) {
    let why = why.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(why.contains("was removed or replaced"), "{why}");
}

/// Writes zeros over the first segment, in its own file, as `cp` writes what it was before.
fn write_over(journal: &Path) {
    let bytes = std::fs::metadata(journal.join(SEGMENT)).unwrap().len();
    std::fs::write(journal.join(SEGMENT), vec![0; usize::try_from(bytes).unwrap()]).unwrap();
}

#[test]
fn a_journal_that_is_replaced_under_an_open_store_aborts_and_answers_nobody() {
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
        (&write_over, false),
        (&by_directory, false),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (store, why) = watched(directory.path());
        run(async {
            draft(&store, toy(1), 0).accepted(&store).await;
            replace(&directory.path().join("journal"));
            match is_written {
                true => assert!(draft(&store, toy(2), 0).submit(&store).await.is_err()),
                // Nothing is noted in what was put there.
                false => drop(store.close().await),
            }
        });
        check_told(&why);
    }
}

#[test]
fn a_segment_that_is_written_over_under_an_open_store_aborts_within_a_second_or_two() {
    /// What happens after the start, in its order.
    enum Step {
        Done,
        WrittenOver,
        /// It may be done: nobody has looked since.
        Perhaps,
        Wait,
        Refused,
        Closed,
    }
    use Step::{Closed, Done, Perhaps, Refused, Wait, WrittenOver};
    for steps in [
        vec![Done, WrittenOver, Wait, Refused],
        vec![WrittenOver, Wait, Refused],
        // Behind what was written over, what is written now stands as it should.
        vec![Done, Wait, Done, WrittenOver, Perhaps, Wait, Refused],
        vec![WrittenOver, Perhaps, Perhaps, Closed],
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (store, why) = watched(directory.path());
        let journal = directory.path().join("journal");
        run(async {
            for (step, number) in steps.iter().zip(1..) {
                let commit = async || draft(&store, toy(number), 0).submit(&store).await;
                match step {
                    Done => assert!(commit().await.is_ok()),
                    Perhaps => drop(commit().await),
                    Refused => assert!(commit().await.is_err(), "nobody may be answered"),
                    Wait => std::thread::sleep(LOOKED),
                    WrittenOver => write_over(&journal),
                    Closed => drop(store.close().await),
                }
            }
        });
        check_told(&why);
    }
}

#[test]
fn a_segment_that_was_written_over_is_noticed_when_the_next_is_begun() {
    let directory = tempfile::tempdir().unwrap();
    let (store, why) = watched(directory.path());
    let journal = directory.path().join("journal");
    run(async {
        draft(&store, toy(1), 0).accepted(&store).await;
        write_over(&journal);
        // More than a segment has room for, and done long before the next look.
        let mut done = true;
        for number in 2..=200 {
            done = done && draft(&store, toy(number), 0).submit(&store).await.is_ok();
        }
        assert!(!done, "nobody may be answered");
    });
    check_told(&why);
}

#[test]
fn a_directory_that_is_moved_as_a_whole_and_back_goes_on() {
    let parent = tempfile::tempdir().unwrap();
    let [data, moved] = ["data", "moved"].map(|name| parent.path().join(name));
    let (store, why) = watched(&data);
    run(async {
        draft(&store, toy(1), 0).accepted(&store).await;
        std::fs::rename(&data, &moved).unwrap();
        draft(&store, toy(2), 0).accepted(&store).await;
        std::thread::sleep(LOOKED);
        draft(&store, toy(3), 0).accepted(&store).await;
        std::fs::rename(&moved, &data).unwrap();
        draft(&store, toy(4), 0).accepted(&store).await;
        store.close().await.unwrap();
    });
    assert!(why.try_recv().is_err());
    let (_, report) = reopen(&data);
    assert_eq!(report.start, 2);
}
