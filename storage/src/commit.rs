//! One commit: everything a command (or several, sharing it) changed on one entity.

use bytes::Bytes;
use cartwright_domain::{EntityKey, ListingKey, Problem, Revision, Sequence, Timestamp, UniqueKey};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Why a closed store takes nothing and reads nothing.
pub(crate) const CLOSED: &str = "the store is closed";

/// A place in the committed log. Opaque outside storage; zero is before the first commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position(pub u64);

/// What keeps a zombie from writing: the process start and the activation that wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fence {
    /// The number of this process start, written to the journal once per start.
    pub start: u64,
    /// The number of the activation, in memory only; grows through a process.
    pub incarnation: u64,
}

/// What becomes of the entity's snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// It stays as it is; only events, timers or receipts are written.
    Unchanged,
    /// It is replaced by these bytes, made with [`crate::codec::encode_snapshot`].
    Put(#[serde(with = "crate::codec::blob")] Bytes),
    /// The entity goes.
    Erase,
}

/// The key rows that come and go with a commit. Old rows are named, never looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChange {
    /// Unique keys taken.
    pub unique_put: Vec<UniqueKey>,
    /// Unique keys given up.
    pub unique_deleted: Vec<UniqueKey>,
    /// Listing rows added.
    pub listing_put: Vec<ListingKey>,
    /// Listing rows removed.
    pub listing_deleted: Vec<ListingKey>,
}

impl KeyChange {
    /// Tells whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.unique_put.is_empty()
            && self.unique_deleted.is_empty()
            && self.listing_put.is_empty()
            && self.listing_deleted.is_empty()
    }
}

/// The timer rows that come and go with a commit: stable timer name and due time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerChange {
    /// Rows added.
    pub put: Vec<(String, Timestamp)>,
    /// Rows removed.
    pub deleted: Vec<(String, Timestamp)>,
}

impl TimerChange {
    /// Tells whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.deleted.is_empty()
    }
}

/// A fact as it is written: who did what when, and the encoded event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The event's stable name, borrowed where the engine knows it.
    pub name: Cow<'static, str>,
    /// When, by the engine's clock.
    pub at: Timestamp,
    /// Who, as [`cartwright_domain::Caller::name`] has it.
    pub by: String,
    /// The event, made with [`crate::codec::encode_event`].
    #[serde(with = "crate::codec::blob")]
    pub payload: Bytes,
}

/// The key of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ReceiptKey {
    /// A caller's `Idempotency-Key`: whose it is and the key.
    Caller {
        /// Whose key it is.
        caller: String,
        /// The key as sent.
        key: String,
    },
    /// A saga's step at one participant.
    Step {
        /// The saga's address.
        saga: EntityKey,
        /// The step's stable name. The engine's own names are borrowed: a purchase leaves ten of these.
        step: Cow<'static, str>,
        /// Who took part.
        participant: EntityKey,
    },
}

impl ReceiptKey {
    /// Returns the key of a caller's request.
    pub fn caller(caller: &str, key: &str) -> Self {
        Self::Caller {
            caller: caller.to_owned(),
            key: key.to_owned(),
        }
    }

    /// Returns the key of a saga's step at one participant.
    pub fn step(saga: EntityKey, step: &'static str, participant: EntityKey) -> Self {
        Self::Step {
            saga,
            step: step.into(),
            participant,
        }
    }
}

/// How far the request behind a receipt has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// A saga is at work on it; its entity is the receipt's.
    Running,
    /// It was done; the reply as the codec wrote it, at most 4 KiB.
    Done(Vec<u8>),
    /// It was refused, finally.
    Refused(Problem),
    /// It must never be done: a saga undid a step it never knew to have run.
    Forbidden,
}

/// A row that answers a repeated request. Never the HTTP body, which is rendered again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Whose request it was.
    pub key: ReceiptKey,
    /// A digest of the request; another one under the same key is refused.
    pub fingerprint: [u8; 32],
    /// The entity that answered.
    pub entity: EntityKey,
    /// Its revision then.
    pub revision: Revision,
    /// What came of it.
    pub outcome: Outcome,
    /// When the row stops counting; without it, until a saga deletes it.
    pub expires_at: Option<Timestamp>,
}

/// A receipt to write, with what its writer knows of the row's absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptPut {
    /// The row.
    pub receipt: Receipt,
    /// The entity whose row with the same key it may take the place of, if that one says `Running`: what came of it, or
    /// what is tried after nothing did.
    pub replaces: Option<EntityKey>,
    /// The position as of which a look-up found no such row; [`Position`] zero if none was made.
    pub absent_as_of: Position,
}

/// The receipts that come and go with a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiptChange {
    /// Rows written.
    pub put: Vec<ReceiptPut>,
    /// Rows deleted: a saga's step receipts when it ends.
    pub deleted: Vec<ReceiptKey>,
}

impl ReceiptChange {
    /// Tells whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.deleted.is_empty()
    }
}

/// A number to be drawn when the commit is accepted, and what to make of it.
pub struct Numbering {
    /// The sequence.
    pub sequence: Sequence,
    /// Makes body and keys once the number is known. Runs on the committer's thread: short, and never fails.
    pub finish: Box<dyn FnOnce(u64) -> Finished + Send>,
}

impl fmt::Debug for Numbering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbering")
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

/// What [`Numbering::finish`] makes: it takes the place of the commit's body and keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The snapshot with the number in it.
    pub body: Body,
    /// The keys with the number among them. They are not checked for clashes: numbers are fresh, and keys that
    /// can clash belong into the commit itself, from which they are kept.
    pub keys: KeyChange,
}

/// What a command changed on one entity. Submitted to a [`crate::Store`], which decides on it.
#[derive(Debug)]
pub struct Commit {
    /// Whose commit it is.
    pub entity: EntityKey,
    /// The committed revision it builds on; zero when it creates the entity.
    pub expected: Revision,
    /// The revision after it: a commit may span several changing commands, or none.
    pub revision: Revision,
    /// The entity's previous commit, or zero: the back pointer for reading history.
    pub previous: Position,
    /// Which activation wrote it.
    pub fence: Fence,
    /// When, by the engine's clock.
    pub at: Timestamp,
    /// The snapshot.
    pub body: Body,
    /// The key rows.
    pub keys: KeyChange,
    /// The facts.
    pub events: Vec<Recorded>,
    /// The timer rows.
    pub timers: TimerChange,
    /// The receipts.
    pub receipts: ReceiptChange,
    /// A number to draw.
    pub numbering: Option<Numbering>,
    /// Where others who rest on it learn whether it was accepted.
    pub decision: Option<Decision>,
    /// Commits submitted before it without which it must not be: it is refused with the first of them that is.
    pub rests_on: Vec<Decision>,
    /// Publishes and answers, or tells the refusal. Called exactly once.
    pub done: Done,
}

/// What happens with the verdict: publish the state, let the answers out. It travels inside the commit and so
/// outlives the actor. Runs in a task of [`crate::Options::runtime`] or on a thread of the store: short, never blocking,
/// never panicking.
pub struct Done(pub Box<dyn FnOnce(Verdict) + Send>);

impl fmt::Debug for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Done")
    }
}

/// Whether a commit was accepted, as the commits that rest on it ask.
///
/// Decisions are made in the order of submission, and the journal is written in the order of decisions. So a commit
/// that rests on an earlier one is never durable without it, and nobody has to wait for the earlier one's verdict
/// before submitting the later one.
#[derive(Clone, Debug, Default)]
pub struct Decision(Arc<OnceLock<bool>>);

impl Decision {
    /// Notes what was decided; only the first note counts.
    pub(crate) fn note(&self, is_accepted: bool) {
        let _ = self.0.set(is_accepted);
    }

    /// Tells whether the commit was accepted. One that was not decided has not reached the store.
    pub fn is_accepted(&self) -> bool {
        self.0.get() == Some(&true)
    }
}

/// The store's decision on one commit.
pub type Verdict = Result<Accepted, Rejected>;

/// The commit is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Where it stands in the log.
    pub position: Position,
    /// The number it drew.
    pub number: Option<u64>,
}

/// The commit was refused or could not be written; it has no position and left no trace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// A unique key belongs to another entity.
    #[error("the {} key is taken by {holder}", key.space)]
    KeyTaken {
        /// The key.
        key: UniqueKey,
        /// Who holds it.
        holder: EntityKey,
    },
    /// A receipt with this key exists; the loser is answered from it.
    #[error("a receipt with this key exists")]
    ReceiptTaken {
        /// The winner's.
        receipt: Box<Receipt>,
    },
    /// The entity is at another revision: the incarnation that wrote has been overtaken.
    #[error("the entity stands at another revision")]
    Revision {
        /// Where it stands.
        live: Revision,
    },
    /// A later incarnation has written.
    #[error("a later incarnation of the entity has written")]
    Fence,
    /// A commit that it rests on was refused.
    #[error("a commit that it rests on was refused")]
    Unfounded,
    /// Over a limit of the format; the message says which, with the number.
    #[error("{0}")]
    TooLarge(String),
    /// The store cannot take it now; nothing was written.
    #[error("the store cannot take the commit: {0}")]
    Unavailable(String),
}

impl Rejected {
    /// What a commit to a closed store gets.
    pub(crate) fn closed() -> Self {
        Self::Unavailable(CLOSED.to_owned())
    }
}
