//! Directories as a kill leaves them, and ways to look into them and to spoil them.

use crate::support::{at, caller_key, copy, draft, open, receipt, recorded, small, toy, unique};
use cartwright_domain::Sequence;
use cartwright_storage::{
    OpenError, Options, Outcome, Position, ReceiptFound, RecoveryReport, SledStore, Store, Wanted,
};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The bytes before a segment's first frame.
pub(crate) const SEGMENT_HEADER: u64 = 512;

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

/// Writes so many toys, one group each: every third with a key, every fourth with a receipt.
pub(crate) async fn fill(store: &dyn Store, toys: std::ops::RangeInclusive<u64>) {
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
pub(crate) async fn contents(store: &dyn Store, toys: u64) -> BTreeMap<u64, String> {
    let mut contents = BTreeMap::new();
    for number in 1..=toys {
        let loaded = store.load(toy(number.into())).await.unwrap();
        let holder = store.lookup(unique(&number.to_string())).await.unwrap();
        let key = caller_key(&number.to_string());
        let receipt = match store.receipt(key, at(0)).await.unwrap() {
            ReceiptFound::Present(receipt) => Some(receipt),
            ReceiptFound::AbsentAsOf(_) => None,
        };
        contents.insert(number, format!("{loaded:?} {holder:?} {receipt:?}"));
    }
    let (facts, read_to) = store
        .events_after(Position::default(), usize::MAX, Wanted::Every)
        .await
        .unwrap();
    contents.insert(
        0,
        format!("{facts:?} {read_to:?} {}", store.last_number(Sequence::Toy)),
    );
    contents
}

/// A directory as a kill left it after so many toys, of which the index knows nothing, and what was in it.
pub(crate) fn killed_after(toys: u64, options: &Options) -> (TempDir, BTreeMap<u64, String>) {
    let (live, left) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(live.path(), options);
    let contents = run(async {
        fill(&store, 1..=toys).await;
        contents(&store, toys).await
    });
    copy(live.path(), left.path());
    (left, contents)
}

/// Returns the directory of a process that made so many toys and ended in good order.
pub(crate) fn closed_after(toys: u64, options: &Options) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), options);
    run(async {
        fill(&store, 1..=toys).await;
        store.close().await.unwrap();
    });
    directory
}

/// The segments that were begun: the one behind them, if it was made ahead, has no frame.
pub(crate) fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(directory.join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "journal"))
        .filter(|path| 1 < frames(path).len())
        .collect();
    paths.sort();
    paths
}

/// The offsets at which the frames of a segment begin, and where they end.
pub(crate) fn frames(segment: &Path) -> Vec<u64> {
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

pub(crate) fn flip(path: &Path, offset: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], offset).unwrap();
}

pub(crate) fn reopen(directory: &Path) -> (SledStore, RecoveryReport) {
    SledStore::open(directory, &small()).unwrap()
}

pub(crate) fn check_damaged(directory: &Path, segment: &Path, offset: u64) {
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

/// The bytes of a frame without the zeros at its end.
pub(crate) fn frame_bytes(segment: &Path, start: u64) -> u32 {
    let file = std::fs::File::open(segment).unwrap();
    let mut length = [0; 4];
    file.read_exact_at(&mut length, start + 24).unwrap();
    32 + u32::from_be_bytes(length)
}
