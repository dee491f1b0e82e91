//! The commit path: what is acknowledged is on disk.
//!
//! A [`Store`] takes [`Commit`]s, decides on each, makes them durable in groups and only then publishes and
//! answers. It knows domain types and nothing of actors.

mod applier;
mod at_disk;
mod checkpoint;
pub mod codec;
pub mod commit;
mod committer;
mod disk;
mod disk_check;
mod error;
mod fault;
mod feed;
mod filter;
#[cfg(test)]
mod golden_tests;
mod index;
mod journal;
mod key;
mod lease;
mod limits;
mod loaders;
mod memory_store;
mod options;
mod pending;
mod recent;
mod record;
mod recover;
mod shared;
mod sled_store;
mod table;
mod teller;
mod verdict;
mod view;

pub use commit::*;
pub use disk::{Disk, DiskCall, DiskFile, Opening, RealDisk, WatchedDisk, Written};
pub use disk_check::{DiskLoad, DiskTimes, Preparation, disk_check, disk_check_of};
pub use error::OpenError;
pub use fault::{FaultStore, Mishap};
pub use journal::{CutTail, Fill};
pub use key::KEY_BYTES_MAX;
pub use limits::{events_bytes_max, receipts_bytes_max};
pub use memory_store::MemoryStore;
pub use options::{Abort, OnProgress, Options, Progress};
pub use recent::Wanted;
pub use recover::{Rebuilt, RecoveryReport};
pub use sled_store::SledStore;

use bytes::Bytes;
use cartwright_domain::{EntityKey, Kind, Listing, Revision, Sequence, Timestamp, Unique, UniqueKey};
use futures::future::BoxFuture;
use std::time::Duration;
use tokio::sync::watch;

/// What can go wrong below a read: the disk, damage, or overload. Never a refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Stored bytes do not pass their checks.
    #[error("stored value of {entity} is damaged: {reason}")]
    Damaged {
        /// Whose.
        entity: String,
        /// Which check.
        reason: String,
    },
    /// A later release has written the value.
    #[error("{what} was written by a newer version; this one knows up to {known}")]
    Newer {
        /// Which value, in which format or schema.
        what: String,
        /// The highest that this release knows.
        known: u16,
    },
    /// Too many reads are waiting.
    #[error("too many reads are waiting; try again")]
    Busy,
    /// The disk said no.
    #[error("reading or writing failed: {0}")]
    Io(String),
}

/// An entity as it was loaded: the newest committed snapshot, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The bytes of `codec::encode_snapshot`, header and all.
    pub snapshot: Bytes,
    /// Its revision.
    pub revision: Revision,
    /// The entity's last commit.
    pub position: Position,
    /// The commit that wrote the snapshot: its last one that did not leave it as it was.
    pub written_at: Position,
}

/// A commit of an entity's past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// Where it stands.
    pub position: Position,
    /// Where the commit before it of the same entity stands; zero where there is none.
    pub previous: Position,
    /// The entity's revision after it.
    pub revision: Revision,
    /// When, by the engine's clock.
    pub at: Timestamp,
    /// Its facts.
    pub events: Vec<Recorded>,
}

/// What a look-up of a receipt found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiptFound {
    /// The row; one past its expiry is not found.
    Present(Box<Receipt>),
    /// No row, as of this position.
    AbsentAsOf(Position),
}

/// What can be read in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// The rows of a listing.
    Listing(Listing),
    /// Whoever holds a key of a space, by key: it needs no rows of its own.
    Unique(Unique),
    /// The entities of a kind by id, which begins with the time at which it was drawn: they need no other rows.
    Kind(Kind),
}

impl From<Listing> for Listed {
    fn from(listing: Listing) -> Self {
        Self::Listing(listing)
    }
}

impl From<Unique> for Listed {
    fn from(space: Unique) -> Self {
        Self::Unique(space)
    }
}

impl From<Kind> for Listed {
    fn from(kind: Kind) -> Self {
        Self::Kind(kind)
    }
}

/// One page of what can be read in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// What is read.
    pub of: Listed,
    /// Only sort values, keys or ids that start with this.
    pub prefix: Vec<u8>,
    /// Only rows after this one (before it, when descending): a row of an earlier page.
    pub after: Option<ListingRow>,
    /// From the last row to the first.
    pub descending: bool,
    /// At most so many rows.
    pub limit: usize,
}

/// A row of what can be read in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListingRow {
    /// The sort value, the unique key, or the id.
    pub sort: Vec<u8>,
    /// Where it leads.
    pub entity: EntityKey,
}

/// A committed fact, as a subscriber gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The commit's position. Several facts may share one.
    pub position: Position,
    /// Which of the commit's facts it is, from zero.
    pub index: u16,
    /// Whose it is.
    pub entity: EntityKey,
    /// The revision after the commit.
    pub revision: Revision,
    /// The fact.
    pub recorded: Recorded,
}

/// A durable timer that is due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueTimer {
    /// When it was to fire.
    pub due: Timestamp,
    /// Whose it is.
    pub entity: EntityKey,
    /// Its stable name.
    pub name: String,
}

/// What a store holds and does, for health, bench and the registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The last synced position.
    pub synced: Position,
    /// The last position the index holds.
    pub applied: Position,
    /// Groups synced since the start.
    pub groups: u64,
    /// Bytes of those groups in the journal, with their frames; zeros written ahead are not counted.
    pub journal_bytes: u64,
    /// Zeros written ahead of the groups since the start, in bytes.
    pub zeroed_bytes: u64,
    /// Commits accepted since the start.
    pub commits: u64,
    /// Bytes of the snapshots that those commits put.
    pub snapshot_bytes: u64,
    /// Bytes of newest states that the index does not yet hold.
    pub pending_bytes: u64,
    /// Commits submitted whose verdict was not told yet.
    pub waiting: u64,
    /// For how long the disk has been writing the group it has, or reading what that needs; nothing while it has none.
    pub writing_for: Duration,
    /// For how long the read of the index that lasts longest has lasted; nothing while there is none.
    pub reading_for: Duration,
    /// How long ago a read of the index failed, if one has since the start.
    pub unread_ago: Option<Duration>,
    /// Whether the last checkpoint could not be noted, so that the next start replays more.
    pub is_checkpoint_unnoted: bool,
}

/// Where commits become durable and from where they are read.
///
/// Submissions are decided in the order in which they were made. A read sees every commit whose
/// [`Done`] has been called. Futures may be polled on any runtime thread and never block it.
///
/// Reads fail with [`Fault::Busy`] while too many wait, with [`Fault::Damaged`] or [`Fault::Newer`] by what is stored,
/// and with [`Fault::Io`] where the disk refuses or the store is closed.
pub trait Store: Send + Sync + 'static {
    /// Hands over a commit. Never blocks and never refuses here: the verdict comes through [`Commit::done`].
    fn submit(&self, commit: Commit);

    /// Resolves when every commit submitted before has its verdict and the verdict was told.
    fn barrier(&self) -> BoxFuture<'static, ()>;

    /// Tells that an incarnation has ended and will submit no more. A commit of it that comes late is refused, for a
    /// while.
    fn retire(&self, entity: EntityKey, incarnation: u64);

    /// Tells whether new work should be let in; `Err` says why not, when the store falls behind.
    ///
    /// # Errors
    /// [`Fault::Busy`] while pending is full or too much waits.
    fn admit(&self) -> Result<(), Fault>;

    /// Loads an entity's newest committed snapshot.
    fn load(&self, entity: EntityKey) -> BoxFuture<'static, Result<Option<Loaded>, Fault>>;

    /// Finds who holds a unique key.
    fn lookup(&self, key: UniqueKey) -> BoxFuture<'static, Result<Option<EntityKey>, Fault>>;

    /// Finds a receipt that counts at `now`.
    fn receipt(&self, key: ReceiptKey, now: Timestamp) -> BoxFuture<'static, Result<ReceiptFound, Fault>>;

    /// Reads a page of a listing.
    fn scan(&self, scan: Scan) -> BoxFuture<'static, Result<Vec<ListingRow>, Fault>>;

    /// Reads the wanted facts after a position, at most `commits_max` commits' worth, never past the last synced one.
    /// The second value is the position up to which was read, whether or not there were facts. What cannot be read is told
    /// to whoever reads on from right before it.
    fn events_after(
        &self,
        after: Position,
        commits_max: usize,
        wanted: Wanted,
    ) -> BoxFuture<'static, Result<(Vec<Fact>, Position), Fault>>;

    /// Reads at most so many commits of an entity, the newest first: one of them, the one before it ([`Past::previous`]),
    /// and so on; fewer where they lie far from each other, or where the next cannot be read. An entity that is loaded
    /// says where its last one stands ([`Loaded::position`]). Nothing where what stands there is not its own, or is not synced.
    fn history(
        &self,
        entity: EntityKey,
        from: Position,
        commits_max: usize,
    ) -> BoxFuture<'static, Result<Vec<Past>, Fault>>;

    /// Watches the last synced position.
    fn synced(&self) -> watch::Receiver<Position>;

    /// Reads timers due at or before `until`, earliest first.
    fn timers_due(&self, until: Timestamp, limit: usize) -> BoxFuture<'static, Result<Vec<DueTimer>, Fault>>;

    /// Reads a durable cursor, a subscriber's or another that is named; before the first move it is zero.
    fn cursor(&self, name: &str) -> BoxFuture<'static, Result<Position, Fault>>;

    /// Moves a cursor, forth or back; durable when it resolves.
    ///
    /// # Errors
    /// [`Fault::Io`] when the store is closed or the name is too long. The cursor stays where it was, or is moved all
    /// the same: read it.
    fn move_cursor(&self, name: &str, to: Position) -> BoxFuture<'static, Result<(), Fault>>;

    /// Returns the last number drawn from a sequence.
    fn last_number(&self, sequence: Sequence) -> u64;

    /// Returns the number of this process start.
    fn start_number(&self) -> u64;

    /// Returns the time of the last journal record at the start: the engine's clock is never before it.
    fn last_recorded_at(&self) -> Timestamp;

    /// Returns what the store holds and does.
    fn statistics(&self) -> Statistics;

    /// Stops taking commits, writes out what is accepted, and closes. The future resolves when files are closed.
    ///
    /// # Errors
    /// The last checkpoint could not be made. Nothing is lost: the next start replays what it would have spared.
    fn close(&self) -> BoxFuture<'static, Result<(), Fault>>;
}
