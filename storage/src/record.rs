//! What the journal holds: physical post-images. Every row put and every row deleted is named, so that replay is
//! blind and converges whatever the index held.

use crate::codec::{Stored, Tag};
use crate::{Body, Fence, KeyChange, Position, Receipt, ReceiptKey, Recorded, TimerChange};
use bytes::Bytes;
use cartwright_domain::{EntityKey, Revision, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The most bytes of a commit: a snapshot, its events and its rows, as they are written to the journal.
pub(crate) const COMMIT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One thing in the journal. Only commits have positions of their own; the others stand at that of the commit
/// before them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Entry {
    /// A process began to write.
    Start(Start),
    /// An accepted commit.
    Commit(Arc<Record>),
    /// A subscriber's cursor moved.
    Cursor(CursorMove),
}

impl Stored for Entry {
    const TAG: Tag = Tag::Entry;
    const SCHEMA: u16 = 1;
    const BYTES_MAX: usize = COMMIT_BYTES_MAX;
}

/// The record of a process start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Start {
    /// One more than that of the start before.
    pub(crate) number: u64,
    /// The time of the last record before: starting reads no clock.
    pub(crate) at: Timestamp,
}

/// The move of a subscriber's cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CursorMove {
    pub(crate) subscriber: String,
    pub(crate) to: Position,
}

/// An accepted commit, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) entity: EntityKey,
    pub(crate) revision: Revision,
    pub(crate) fence: Fence,
    pub(crate) at: Timestamp,
    pub(crate) body: Body,
    pub(crate) keys: KeyChange,
    pub(crate) events: Vec<Recorded>,
    pub(crate) timers: TimerChange,
    pub(crate) receipts: Vec<Arc<Receipt>>,
    pub(crate) receipts_deleted: Vec<ReceiptKey>,
}

impl Record {
    /// Returns the size of the snapshot it puts.
    pub(crate) fn snapshot_bytes(&self) -> u64 {
        match &self.body {
            Body::Put(snapshot) => snapshot.len() as u64,
            Body::Unchanged | Body::Erase => 0,
        }
    }

    /// Returns how many rows of the index the record changes: the work of replaying it.
    pub(crate) fn rows(&self) -> u64 {
        let keys = self.keys.unique_put.len() + self.keys.unique_deleted.len();
        let listing = self.keys.listing_put.len() + self.keys.listing_deleted.len();
        let timers = self.timers.put.len() + self.timers.deleted.len();
        let receipts = self.receipts.len() + self.receipts_deleted.len();
        (1 + keys + listing + timers + receipts) as u64
    }
}

impl Stored for Receipt {
    const TAG: Tag = Tag::Receipt;
    const SCHEMA: u16 = 1;
}

impl Stored for Position {
    const TAG: Tag = Tag::Cursor;
    const SCHEMA: u16 = 1;
}

impl Stored for EntityKey {
    const TAG: Tag = Tag::Holder;
    const SCHEMA: u16 = 1;
}

/// The newest snapshot of an entity in the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntityRow {
    pub(crate) position: Position,
    pub(crate) revision: Revision,
    #[serde(with = "crate::codec::blob")]
    pub(crate) snapshot: Bytes,
}

impl Stored for EntityRow {
    const TAG: Tag = Tag::EntityRow;
    const SCHEMA: u16 = 1;
    const BYTES_MAX: usize = 2 * crate::codec::SNAPSHOT_BYTES_MAX;

    fn room(&self) -> usize {
        64 + self.snapshot.len()
    }
}

/// The newest commit of an entity in the index, where it left the snapshot as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastCommit {
    pub(crate) position: Position,
    pub(crate) revision: Revision,
}

impl Stored for LastCommit {
    const TAG: Tag = Tag::LastCommit;
    const SCHEMA: u16 = 1;
}
