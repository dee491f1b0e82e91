//! One flipped bit in a data directory: whatever is answered is right, or the damage is told.
//!
//! A small shop is written and closed, then one byte of one of its files is flipped, the store is opened and
//! everything is read. The journal's own files are flipped byte by byte beside the journal; here the whole store is
//! at work and sled with it, so that a seeded sample must do. `CARTWRIGHT_FLIPS` says how many bytes of each file
//! are flipped; `all` is every byte that is not zero.
#![expect(clippy::print_stdout, reason = "the figures of a long run are for people")]

use crate::left::{contents, fill, run};
use crate::support::{copy, small};
use cartwright_storage::{OpenError, Options, SledStore, Store};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How many commits the shop has.
const TOYS: u64 = 14;
/// How many bytes of each file are flipped unless told otherwise.
const FLIPS: usize = 24;
/// After so long a start is said to hang. Most take some milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of a flip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    /// Everything was answered as before.
    Harmless,
    /// The index was built anew, and everything was answered as before.
    Rebuilt,
    /// A tail was cut in which nothing was.
    Cut,
    /// The start was refused.
    Refused,
    /// A reader was told, or the process ended.
    Told,
}

fn options(aborted: &Arc<Mutex<Option<String>>>) -> Options {
    let aborted = Arc::clone(aborted);
    Options {
        segment_bytes: 16 * 1024,
        check_before_start: Duration::MAX,
        abort: Arc::new(move |why| *aborted.lock().unwrap() = Some(why.to_owned())),
        ..small()
    }
}

/// Everything that can be read, or the damage that was told on the way.
async fn read(store: &dyn Store) -> Result<BTreeMap<u64, String>, String> {
    let all = AssertUnwindSafe(contents(store, TOYS));
    futures::FutureExt::catch_unwind(all)
        .await
        .map_err(|why| why.downcast_ref::<String>().cloned().unwrap_or_default())
}

/// Opens a directory and reads everything.
fn look(directory: &Path, expected: &BTreeMap<u64, String>) -> Result<Came, String> {
    let aborted = Arc::default();
    let opened = catch_unwind(AssertUnwindSafe(|| {
        SledStore::open(directory, &options(&aborted))
    }));
    let (store, report) = match opened {
        Ok(Ok(opened)) => opened,
        Ok(Err(OpenError::Damaged { .. } | OpenError::Newer { .. } | OpenError::Index(_))) => {
            return Ok(Came::Refused);
        }
        Ok(Err(error)) => return Err(format!("it is told as something else: {error}")),
        Err(_) => return Err("the start panicked".to_owned()),
    };
    let found = run(read(&store));
    // Closing may find what reading did not; then the next start is told of it.
    let closed = run(store.close());
    drop(store);
    match found {
        _ if aborted.lock().unwrap().is_some() || closed.is_err() => Ok(Came::Told),
        Err(_) => Ok(Came::Told),
        Ok(found) if found != *expected => Err(format!("{found:?}\ninstead of\n{expected:?}")),
        Ok(_) if report.rebuilt.is_some() => Ok(Came::Rebuilt),
        Ok(_) if report.cut_tail.is_some() => Ok(Came::Cut),
        Ok(_) => Ok(Came::Harmless),
    }
}

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.file_name().is_some_and(|name| name != "lock") {
            found.push(path);
        }
    }
    found.sort();
}

/// The offsets of a file's bytes that are to be flipped.
fn chosen(bytes: &[u8]) -> Vec<usize> {
    let not_zero: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    let wanted = match std::env::var("CARTWRIGHT_FLIPS") {
        Ok(all) if all == "all" => return not_zero,
        Ok(number) => number.parse().unwrap(),
        Err(_) => FLIPS,
    };
    // Evenly, so that every part of a file has its share, and some zeros from all over the rest.
    let spread =
        |of: usize, parts: usize| (0..parts.min(of)).map(move |part| part * of / parts.min(of).max(1));
    let mut chosen: Vec<usize> = spread(not_zero.len(), wanted).map(|at| not_zero[at]).collect();
    chosen.extend(spread(bytes.len(), wanted / 4).map(|at| at + bytes.len() / wanted.max(1) / 3));
    chosen.retain(|at| *at < bytes.len());
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

#[test]
fn a_flipped_byte_anywhere_never_leads_to_another_answer_in_silence() {
    let whole = tempfile::tempdir().unwrap();
    let aborted = Arc::default();
    let (store, _) = SledStore::open(whole.path(), &options(&aborted)).unwrap();
    let expected = run(async {
        fill(&store, 1..=TOYS).await;
        let contents = contents(&store, TOYS).await;
        store.close().await.unwrap();
        contents
    });
    drop(store);
    let mut paths = Vec::new();
    files(whole.path(), &mut paths);
    for path in paths {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.strip_prefix(whole.path()).unwrap();
        let mut came: BTreeMap<Came, usize> = BTreeMap::new();
        let begun = std::time::Instant::now();
        for at in chosen(&bytes) {
            let directory = tempfile::tempdir().unwrap();
            copy(whole.path(), directory.path());
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            std::fs::write(directory.path().join(name), flipped).unwrap();
            let (told, hear) = channel();
            let (path, expected) = (directory.path().to_owned(), expected.clone());
            std::thread::spawn(move || told.send(look(&path, &expected)));
            let looked = match hear.recv_timeout(PATIENCE) {
                Ok(looked) => looked,
                Err(RecvTimeoutError::Timeout) => Err("it hangs".to_owned()),
                Err(RecvTimeoutError::Disconnected) => Err("it panicked".to_owned()),
            };
            match looked {
                Ok(what) => *came.entry(what).or_default() += 1,
                Err(why) => panic!("{} at {at} of {}: {why}", name.display(), bytes.len()),
            }
        }
        println!(
            "{} ({} bytes): {came:?} in {:?}",
            name.display(),
            bytes.len(),
            begun.elapsed()
        );
    }
}
