//! Histories: whatever is done, the store on the disk, closed or killed at any moment, says what the one in
//! memory says.

use crate::support::{at, caller_key, copy, draft, open, receipt, recorded, row, small, toy, unique};
use cartwright_domain::{Listing, Sequence};
use cartwright_storage::{
    Body, MemoryStore, Options, Outcome, Position, ReceiptFound, Rejected, Scan, SledStore, Store, Wanted,
};
use proptest::prelude::*;
use std::time::Duration;
use tempfile::TempDir;

const TOYS: u8 = 4;
const NAMES: u8 = 5;

#[derive(Clone, Debug)]
enum Act {
    Commit(Change),
    Cursor(u8),
    /// The store is closed and opened.
    Reopen,
    /// The process is killed and started: what the index had not written is lost.
    Kill,
}

#[derive(Clone, Debug)]
struct Change {
    toy: u8,
    body: u8,
    takes: Option<u8>,
    frees: Option<u8>,
    lists: Option<(u8, bool)>,
    timer: Option<(u8, bool)>,
    receipt: Option<(u8, bool)>,
    forgets: Option<u8>,
    numbered: bool,
    stale: bool,
    events: u8,
}

fn change() -> impl Strategy<Value = Change> {
    let name = || proptest::option::weighted(0.3, 0..NAMES);
    let flagged = || proptest::option::weighted(0.3, (0..NAMES, any::<bool>()));
    let keys = (name(), name(), flagged(), flagged());
    let receipts = (flagged(), name());
    let rest = (
        0..TOYS,
        0..10_u8,
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.1),
        0..3_u8,
    );
    (keys, receipts, rest).prop_map(|((takes, frees, lists, timer), (receipt, forgets), rest)| {
        let (toy, body, numbered, stale, events) = rest;
        Change {
            toy,
            body,
            takes,
            frees,
            lists,
            timer,
            receipt,
            forgets,
            numbered,
            stale,
            events,
        }
    })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        20 => change().prop_map(Act::Commit),
        2 => (0..3_u8).prop_map(Act::Cursor),
        1 => Just(Act::Reopen),
        1 => Just(Act::Kill),
    ]
}

/// A store on the disk that can be killed.
struct Disk {
    /// Let go of before its directory is removed.
    store: SledStore,
    directory: TempDir,
    options: Options,
}

impl Disk {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options {
            segment_bytes: 16 * 1024,
            index_after: Duration::from_millis(1),
            checkpoint_rows: 20,
            ..small()
        };
        let store = open(directory.path(), &options);
        Self {
            directory,
            store,
            options,
        }
    }

    async fn reopen(self) -> Self {
        self.store.close().await.unwrap();
        let store = open(self.directory.path(), &self.options);
        Self { store, ..self }
    }

    /// Leaves the directory as it is at this moment and goes on with a copy of it.
    async fn kill(self) -> Self {
        let left = tempfile::tempdir().unwrap();
        copy(self.directory.path(), left.path());
        self.store.close().await.unwrap();
        let store = open(left.path(), &self.options);
        Self {
            directory: left,
            store,
            options: self.options,
        }
    }
}

/// Submits a change to a store at the revision of the model.
async fn submit(store: &dyn Store, change: &Change, revision: u64, time: i64) -> (String, Option<Position>) {
    let expected = if change.stale { revision + 3 } else { revision };
    let entity = toy(change.toy.into());
    let mut draft = draft(store, entity, expected).with(|commit| {
        commit.at = at(time);
        commit.events = (0..change.events).map(|_| recorded("done")).collect();
        match change.body {
            0 if 0 < revision => commit.body = Body::Erase,
            1 | 2 if 0 < revision => commit.body = Body::Unchanged,
            _ => {}
        }
        if let Some((name, put)) = change.lists {
            let rows = &mut commit.keys;
            if put {
                &mut rows.listing_put
            } else {
                &mut rows.listing_deleted
            }
            .push(row(&[name, 0]));
        }
        if let Some((name, put)) = change.timer {
            let timer = (format!("timer {name}"), at(i64::from(name) * 100));
            if put {
                &mut commit.timers.put
            } else {
                &mut commit.timers.deleted
            }
            .push(timer);
        }
        if let Some(name) = change.forgets {
            commit.receipts.deleted.push(caller_key(&name.to_string()));
        }
    });
    if let Some(name) = change.takes {
        draft = draft.takes(&name.to_string());
    }
    if let Some(name) = change.frees.filter(|name| Some(*name) != change.takes) {
        draft = draft.frees(&name.to_string());
    }
    if let Some((name, replaces)) = change.receipt {
        let outcome = if replaces {
            Outcome::Done(vec![name])
        } else {
            Outcome::Running
        };
        let mut receipt = receipt(&name.to_string(), outcome);
        receipt.expires_at = Some(at(time + 40));
        let found = store.receipt(receipt.key.clone(), at(time)).await.unwrap();
        let absent_as_of = match found {
            ReceiptFound::AbsentAsOf(position) => position,
            ReceiptFound::Present(_) => Position::default(),
        };
        draft = draft
            .receipt(receipt, absent_as_of)
            .with(|commit| commit.receipts.put[0].replaces = replaces.then_some(commit.entity));
    }
    if change.numbered {
        draft = draft.numbered();
    }
    match draft.write(store).await {
        Ok(accepted) => (format!("{accepted:?}"), Some(accepted.position)),
        Err(rejected @ Rejected::Unavailable(_)) => panic!("{rejected}"),
        Err(rejected) => (format!("{rejected:?}"), None),
    }
}

async fn contents(store: &dyn Store, time: i64) -> Vec<String> {
    let mut contents = Vec::new();
    for number in 0..TOYS {
        contents.push(format!("{:?}", store.load(toy(number.into())).await));
    }
    for name in 0..NAMES {
        contents.push(format!("{:?}", store.lookup(unique(&name.to_string())).await));
        let receipt = match store
            .receipt(caller_key(&name.to_string()), at(time))
            .await
            .unwrap()
        {
            ReceiptFound::Present(receipt) => Some(receipt),
            ReceiptFound::AbsentAsOf(_) => None,
        };
        contents.push(format!("{receipt:?}"));
    }
    let scan = Scan {
        of: Listing::Toy.into(),
        prefix: vec![],
        after: None,
        descending: true,
        limit: 100,
    };
    contents.push(format!("{:?}", store.scan(scan).await));
    contents.push(format!("{:?}", store.timers_due(at(i64::MAX), 100).await));
    contents.push(format!(
        "{:?}",
        store
            .events_after(Position::default(), usize::MAX, Wanted::Every)
            .await
    ));
    contents.push(format!("{:?}", store.cursor("mail").await));
    contents.push(format!("{:?}", store.last_number(Sequence::Toy)));
    contents
}

/// Follows a history on both stores.
async fn follow(acts: Vec<Act>) {
    let model = MemoryStore::new();
    let mut disk = Disk::new();
    let mut seen = [false; TOYS as usize];
    for (time, act) in (0..).zip(acts) {
        match act {
            Act::Commit(mut change) => {
                let entity = toy(change.toy.into());
                let revision = model
                    .load(entity)
                    .await
                    .unwrap()
                    .map_or(0, |loaded| loaded.revision.0);
                // A new process takes the first writer of an entity at its word, which has just loaded it.
                change.stale &= seen[usize::from(change.toy)];
                let (expected, _) = submit(&model, &change, revision, time).await;
                let (found, accepted) = submit(&disk.store, &change, revision, time).await;
                assert_eq!(found, expected, "{change:?}");
                seen[usize::from(change.toy)] |= accepted.is_some();
            }
            Act::Cursor(to) => {
                let to = Position(to.into());
                model.move_cursor("mail", to).await.unwrap();
                disk.store.move_cursor("mail", to).await.unwrap();
            }
            Act::Reopen => {
                disk = disk.reopen().await;
                seen = Default::default();
            }
            Act::Kill => {
                disk = disk.kill().await;
                seen = Default::default();
            }
        }
        assert_eq!(contents(&disk.store, time).await, contents(&model, time).await);
    }
    disk = disk.kill().await.reopen().await;
    assert_eq!(contents(&disk.store, 0).await, contents(&model, 0).await);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_disk_says_what_memory_says(acts in proptest::collection::vec(act(), 1..60)) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(follow(acts));
    }
}
