//! A toy entity, and short ways to make commits of it.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test binary uses its part of these"
)]

use bytes::Bytes;
use cartwright_domain::entity::NoTimer;
use cartwright_domain::error::ensure;
use cartwright_domain::{
    Broken, Class, Context, Entity, EntityId, EntityKey, EventBody, Keys, Kind, Listing, ListingKey,
    PastBody, Refusal, Revision, Sequence, Timestamp, Unique, UniqueKey,
};
use cartwright_storage::{
    Body, Commit, Done, Fence, Finished, Numbering, Options, Outcome, Position, Receipt, ReceiptKey,
    ReceiptPut, Recorded, SledStore, Store, Verdict, codec,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use std::time::Duration;
use tokio::sync::oneshot;
use uuid::Uuid;

/// A text of its own, and nothing more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Toy {
    pub(crate) name: String,
    pub(crate) count: u64,
}

/// The toy before it could count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ToyOfSchema1 {
    pub(crate) name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ToyId(pub(crate) Uuid);

impl fmt::Display for ToyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "toy_{}", self.0.simple())
    }
}

impl EntityId for ToyId {
    const PREFIX: &'static str = "toy";
    fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }
    fn uuid(self) -> Uuid {
        self.0
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ToyEvent {
    Renamed { from: String, to: String },
    Counted(u64),
}

impl EventBody for ToyEvent {
    const SCHEMA: u16 = 1;
    fn name(&self) -> &'static str {
        match self {
            Self::Renamed { .. } => "toy.renamed",
            Self::Counted(_) => "toy.counted",
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no")]
pub(crate) struct Never;

impl Refusal for Never {
    fn class(&self) -> Class {
        Class::Conflict
    }
    fn code(&self) -> &'static str {
        "toy.never"
    }
}

impl Entity for Toy {
    const KIND: Kind = Kind::Toy;
    const SCHEMA: u16 = 2;
    type Id = ToyId;
    type Event = ToyEvent;
    type Timer = NoTimer;
    type Error = Never;

    fn decode_past<B: PastBody>(schema: u16, body: &B) -> Result<Self, String> {
        match schema {
            1 => Ok(Self {
                name: body.read::<ToyOfSchema1>()?.name,
                count: 0,
            }),
            other => Err(format!("toy has no schema {other}")),
        }
    }
    fn invariants(&self) -> Result<(), Broken> {
        ensure(self.name != "broken", "the name is not broken")
    }
    fn keys(&self) -> Keys {
        Keys::default()
    }
    fn wake(&mut self, timer: NoTimer, _: &mut Context<'_, Self>) -> Result<(), Never> {
        match timer {}
    }
}

/// The address of a toy.
pub(crate) fn toy(number: u128) -> EntityKey {
    EntityKey {
        kind: Kind::Toy,
        id: Uuid::from_u128(number),
    }
}

/// A point in time, in milliseconds.
pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn unique(value: &str) -> UniqueKey {
    UniqueKey::new(Unique::Sku, value)
}

pub(crate) fn row(sort: &[u8]) -> ListingKey {
    ListingKey::new(Listing::Toy, sort)
}

/// Snapshot bytes; stores do not look into them.
pub(crate) fn snapshot(text: &str) -> Bytes {
    codec::encode_snapshot(
        &Toy {
            name: text.to_owned(),
            count: 1,
        },
        Revision(1),
        &[],
    )
    .unwrap()
}

pub(crate) fn recorded(name: &str) -> Recorded {
    let payload = codec::encode_event(&ToyEvent::Counted(7)).unwrap();
    Recorded {
        name: name.to_owned().into(),
        at: at(5),
        by: "anonymous".to_owned(),
        payload,
    }
}

pub(crate) fn caller_key(key: &str) -> ReceiptKey {
    ReceiptKey::Caller {
        caller: "session:a".to_owned(),
        key: key.to_owned(),
    }
}

pub(crate) fn receipt(key: &str, outcome: Outcome) -> Receipt {
    Receipt {
        key: caller_key(key),
        fingerprint: [7; 32],
        entity: toy(1),
        revision: Revision(1),
        outcome,
        expires_at: Some(at(1_000)),
    }
}

/// A commit in the making. It raises the revision by one and puts a snapshot that names it.
pub(crate) struct Draft {
    pub(crate) commit: Commit,
    verdict: oneshot::Receiver<Verdict>,
}

/// Begins a commit of the first incarnation.
pub(crate) fn draft(store: &dyn Store, entity: EntityKey, expected: u64) -> Draft {
    let (told, verdict) = oneshot::channel();
    let revision = Revision(expected + 1);
    let commit = Commit {
        entity,
        expected: Revision(expected),
        revision,
        previous: Position::default(),
        fence: Fence {
            start: store.start_number(),
            incarnation: 1,
        },
        at: at(10),
        body: Body::Put(snapshot(&format!("{entity} at {}", revision.0))),
        keys: Default::default(),
        events: Vec::new(),
        timers: Default::default(),
        receipts: Default::default(),
        numbering: None,
        decision: None,
        rests_on: Vec::new(),
        done: Done(Box::new(move |verdict| told.send(verdict).unwrap_or(()))),
    };
    Draft { commit, verdict }
}

impl Draft {
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Commit)) -> Self {
        change(&mut self.commit);
        self
    }

    pub(crate) fn takes(self, value: &str) -> Self {
        self.with(|commit| commit.keys.unique_put.push(unique(value)))
    }

    pub(crate) fn frees(self, value: &str) -> Self {
        self.with(|commit| commit.keys.unique_deleted.push(unique(value)))
    }

    pub(crate) fn receipt(self, receipt: Receipt, absent_as_of: Position) -> Self {
        let put = ReceiptPut {
            receipt,
            replaces: None,
            absent_as_of,
        };
        self.with(|commit| commit.receipts.put.push(put))
    }

    pub(crate) fn numbered(self) -> Self {
        self.with(|commit| {
            let body = commit.body.clone();
            let finish = Box::new(move |number: u64| {
                let mut keys = cartwright_storage::KeyChange::default();
                keys.unique_put
                    .push(UniqueKey::new(Unique::Toy, number.to_be_bytes()));
                Finished { body, keys }
            });
            commit.numbering = Some(Numbering {
                sequence: Sequence::Toy,
                finish,
            });
        })
    }

    /// Submits it; the verdict comes later.
    pub(crate) fn submit(self, store: &dyn Store) -> oneshot::Receiver<Verdict> {
        store.submit(self.commit);
        self.verdict
    }

    /// Submits it and waits for the verdict.
    pub(crate) async fn write(self, store: &dyn Store) -> Verdict {
        self.submit(store).await.unwrap()
    }

    /// Submits it and waits for its position.
    pub(crate) async fn accepted(self, store: &dyn Store) -> Position {
        self.write(store).await.unwrap().position
    }
}

/// Small segments, so that tests see many; no patience, so that the index follows at once.
pub(crate) fn small() -> Options {
    Options {
        segment_bytes: 32 * 1024,
        cache_bytes: 16 * 1024 * 1024,
        index_after: Duration::from_millis(1),
        ..Options::default()
    }
}

/// The index is told only when the store is closed, as if every kill came before.
pub(crate) fn lazy() -> Options {
    Options {
        index_after: Duration::from_secs(3_600),
        ..small()
    }
}

pub(crate) fn open(directory: &Path, options: &Options) -> SledStore {
    SledStore::open(directory, options).unwrap().0
}

/// Copies a directory as a kill would leave it, while its store is open and nothing is being committed.
///
/// What has another name by the time it is copied was still in the making: no start reads it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_name() != "spare" {
            match std::fs::copy(entry.path(), target) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                copied => drop(copied.unwrap()),
            }
        }
    }
}
