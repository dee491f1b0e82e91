//! Verdicts: each commit is checked alone, in order, against memory.
//!
//! The judge knows the live revision and incarnation of every entity that writes, the unique keys that are not
//! yet in the index, and the receipts of the recent past. It asks for a row of the index only where it cannot
//! know: a unique key that it has not seen, or a receipt older than its window.

use crate::codec::{self, EVENT_BYTES_MAX, REPLY_BYTES_MAX, SNAPSHOT_BYTES_MAX};
use crate::key::{KEY_BYTES_MAX, NAME_BYTES_MAX, RECEIPT_KEY_BYTES_MAX};
use crate::record::Record;
use crate::{
    Body, Commit, Done, Fault, KeyChange, Numbering, Outcome, Position, Receipt, ReceiptKey, ReceiptPut,
    Rejected,
};
use cartwright_domain::{EntityKey, Revision, Sequence, Timestamp, UniqueKey};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// How many receipts are kept in memory, so that a look-up made a moment ago still proves absence.
const RECEIPTS_RECENT_MAX: usize = 65_536;
/// How many ended incarnations are remembered, so that a late write of one of them is refused.
const RETIRED_MAX: usize = 65_536;
/// More than what a part of a commit takes in the journal besides its own bytes.
const PART_BYTES_MAX: usize = 256;

/// What the judge asks when its own memory does not tell.
pub(crate) trait Behind {
    /// Returns the entity's revision, where that takes no read.
    fn revision(&self, entity: EntityKey) -> Option<Revision>;
    /// Reads who holds a unique key.
    fn holder(&self, key: &UniqueKey) -> Result<Option<EntityKey>, Fault>;
    /// Reads a receipt, expired or not.
    fn receipt(&self, key: &ReceiptKey) -> Result<Option<Arc<Receipt>>, Fault>;
}

/// An accepted commit on its way into the journal.
pub(crate) struct Ready {
    pub(crate) position: Position,
    pub(crate) previous: Position,
    pub(crate) number: Option<u64>,
    pub(crate) record: Arc<Record>,
    pub(crate) done: Done,
}

/// A refused commit: its verdict is told with its group's, because it may rest on commits of that group.
pub(crate) struct Refused {
    pub(crate) done: Done,
    pub(crate) why: Rejected,
}

/// Where an entity stands.
struct Live {
    revision: Revision,
    incarnation: u64,
}

/// A unique key that the index may not yet show as it is.
struct RecentKey {
    holder: Option<EntityKey>,
    position: Position,
}

/// A receipt of the recent past; without a row, a deleted one.
struct RecentReceipt {
    row: Option<Arc<Receipt>>,
    position: Position,
}

/// Decides on commits.
pub(crate) struct Judge {
    start: u64,
    /// The last position given.
    position: Position,
    live: HashMap<EntityKey, Live>,
    retired: VecDeque<(EntityKey, u64)>,
    keys: HashMap<UniqueKey, RecentKey>,
    keys_in_order: VecDeque<(Position, UniqueKey)>,
    receipts: HashMap<ReceiptKey, RecentReceipt>,
    receipts_in_order: VecDeque<(Position, ReceiptKey)>,
    receipts_max: usize,
    /// Every receipt after this position is among the recent ones.
    receipts_since: Position,
    numbers: HashMap<Sequence, u64>,
    commit_bytes_max: usize,
}

impl Judge {
    /// Makes the judge of one process start, which continues after `position`.
    pub(crate) fn new(
        start: u64,
        position: Position,
        numbers: HashMap<Sequence, u64>,
        commit_bytes_max: usize,
    ) -> Self {
        Self {
            start,
            position,
            live: HashMap::new(),
            retired: VecDeque::new(),
            keys: HashMap::new(),
            keys_in_order: VecDeque::new(),
            receipts: HashMap::new(),
            receipts_in_order: VecDeque::new(),
            receipts_max: RECEIPTS_RECENT_MAX,
            receipts_since: position,
            numbers,
            commit_bytes_max,
        }
    }

    /// Returns the last position given.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// Returns the last number drawn from a sequence.
    pub(crate) fn last_number(&self, sequence: Sequence) -> u64 {
        self.numbers.get(&sequence).copied().unwrap_or(0)
    }

    /// Decides on one commit. An accepted one has taken its position, keys, receipts and number.
    pub(crate) fn decide(&mut self, mut commit: Commit, behind: &impl Behind) -> Result<Ready, Refused> {
        let checked = self.check(&commit, behind);
        let numbered = checked.and_then(|()| match commit.numbering.take() {
            Some(numbering) => self.draw(&mut commit, numbering).map(Some),
            None => Ok(None),
        });
        match numbered {
            Ok(number) => Ok(self.accept(commit, number)),
            Err(why) => Err(Refused {
                done: commit.done,
                why,
            }),
        }
    }

    /// Forgets unique keys of commits up to `indexed`: the index shows them now.
    pub(crate) fn indexed(&mut self, indexed: Position) {
        while self
            .keys_in_order
            .front()
            .is_some_and(|(position, _)| *position <= indexed)
        {
            let Some((position, key)) = self.keys_in_order.pop_front() else {
                return;
            };
            if self
                .keys
                .get(&key)
                .is_some_and(|recent| recent.position == position)
            {
                self.keys.remove(&key);
            }
        }
    }

    /// Notes that an incarnation has ended. It is remembered for a while, so that its zombie cannot write.
    pub(crate) fn retire(&mut self, entity: EntityKey, incarnation: u64) {
        if self
            .live
            .get(&entity)
            .is_some_and(|live| live.incarnation == incarnation)
        {
            self.retired.push_back((entity, incarnation));
        }
        if self.retired.len() <= RETIRED_MAX {
            return;
        }
        let Some((entity, incarnation)) = self.retired.pop_front() else {
            return;
        };
        if self
            .live
            .get(&entity)
            .is_some_and(|live| live.incarnation == incarnation)
        {
            self.live.remove(&entity);
        }
    }

    fn check(&self, commit: &Commit, behind: &impl Behind) -> Result<(), Rejected> {
        check_sizes(commit, self.commit_bytes_max)?;
        if commit.fence.start != self.start {
            return Err(Rejected::Fence);
        }
        let live = self.live.get(&commit.entity);
        if live.is_some_and(|live| commit.fence.incarnation < live.incarnation) {
            return Err(Rejected::Fence);
        }
        let revision = live
            .map(|live| live.revision)
            .or_else(|| behind.revision(commit.entity));
        if let Some(live) = revision
            && live != commit.expected
        {
            return Err(Rejected::Revision { live });
        }
        for put in &commit.receipts.put {
            self.check_receipt(put, commit.at, behind)?;
        }
        for key in commit.keys.unique_put.iter().chain(&commit.keys.unique_deleted) {
            self.check_key(key, commit.entity, behind)?;
        }
        Ok(())
    }

    /// A key may be taken or given up by an entity only where no other one holds it.
    fn check_key(&self, key: &UniqueKey, entity: EntityKey, behind: &impl Behind) -> Result<(), Rejected> {
        let holder = match self.keys.get(key) {
            Some(recent) => recent.holder,
            None => behind.holder(key).map_err(|fault| unreadable(&fault))?,
        };
        match holder {
            Some(holder) if holder != entity => Err(Rejected::KeyTaken {
                key: key.clone(),
                holder,
            }),
            Some(_) | None => Ok(()),
        }
    }

    fn check_receipt(&self, put: &ReceiptPut, at: Timestamp, behind: &impl Behind) -> Result<(), Rejected> {
        let key = &put.receipt.key;
        let earlier = match self.receipts.get(key) {
            Some(recent) => recent.row.clone(),
            None if self.receipts_since <= put.absent_as_of => None,
            None => behind.receipt(key).map_err(|fault| unreadable(&fault))?,
        };
        let Some(earlier) = earlier.filter(|earlier| counts(earlier, at)) else {
            return Ok(());
        };
        let replaced = put.replaces && earlier.outcome == Outcome::Running;
        if replaced {
            Ok(())
        } else {
            Err(Rejected::ReceiptTaken {
                receipt: Box::new(earlier.as_ref().clone()),
            })
        }
    }

    /// Draws the next number; should what is made of it be refused, the next commit draws the same one.
    fn draw(&mut self, commit: &mut Commit, numbering: Numbering) -> Result<u64, Rejected> {
        let number = self.last_number(numbering.sequence) + 1;
        let finished = (numbering.finish)(number);
        commit.body = finished.body;
        unite(&mut commit.keys, finished.keys);
        check_sizes(commit, self.commit_bytes_max)?;
        self.numbers.insert(numbering.sequence, number);
        Ok(number)
    }

    fn accept(&mut self, commit: Commit, number: Option<u64>) -> Ready {
        let position = Position(self.position.0 + 1);
        self.position = position;
        let revision = if commit.body == Body::Erase {
            Revision::default()
        } else {
            commit.revision
        };
        self.live.insert(
            commit.entity,
            Live {
                revision,
                incarnation: commit.fence.incarnation,
            },
        );
        for key in &commit.keys.unique_deleted {
            self.note_key(key, None);
        }
        for key in &commit.keys.unique_put {
            self.note_key(key, Some(commit.entity));
        }
        for key in &commit.receipts.deleted {
            self.note_receipt(key.clone(), None);
        }
        let receipts: Vec<_> = commit
            .receipts
            .put
            .into_iter()
            .map(|put| Arc::new(put.receipt))
            .collect();
        for receipt in &receipts {
            self.note_receipt(receipt.key.clone(), Some(Arc::clone(receipt)));
        }
        let record = Record {
            entity: commit.entity,
            revision: commit.revision,
            fence: commit.fence,
            at: commit.at,
            body: commit.body,
            keys: commit.keys,
            events: commit.events,
            timers: commit.timers,
            receipts,
            receipts_deleted: commit.receipts.deleted,
        };
        Ready {
            position,
            previous: commit.previous,
            number,
            record: Arc::new(record),
            done: commit.done,
        }
    }

    fn note_key(&mut self, key: &UniqueKey, holder: Option<EntityKey>) {
        self.keys.insert(
            key.clone(),
            RecentKey {
                holder,
                position: self.position,
            },
        );
        self.keys_in_order.push_back((self.position, key.clone()));
    }

    fn note_receipt(&mut self, key: ReceiptKey, row: Option<Arc<Receipt>>) {
        self.receipts.insert(
            key.clone(),
            RecentReceipt {
                row,
                position: self.position,
            },
        );
        self.receipts_in_order.push_back((self.position, key));
        if self.receipts_in_order.len() <= self.receipts_max {
            return;
        }
        let Some((position, oldest)) = self.receipts_in_order.pop_front() else {
            return;
        };
        self.receipts_since = position;
        if self
            .receipts
            .get(&oldest)
            .is_some_and(|recent| recent.position == position)
        {
            self.receipts.remove(&oldest);
        }
    }
}

/// Tells whether a receipt still counts.
pub(crate) fn counts(receipt: &Receipt, now: Timestamp) -> bool {
    receipt.expires_at.is_none_or(|expires_at| now < expires_at)
}

fn unreadable(fault: &Fault) -> Rejected {
    Rejected::Unavailable(fault.to_string())
}

/// Adds the keys made of a number to those of the commit.
fn unite(keys: &mut KeyChange, more: KeyChange) {
    fn add<T: PartialEq>(to: &mut Vec<T>, from: Vec<T>) {
        for one in from {
            if !to.contains(&one) {
                to.push(one);
            }
        }
    }
    add(&mut keys.unique_put, more.unique_put);
    add(&mut keys.unique_deleted, more.unique_deleted);
    add(&mut keys.listing_put, more.listing_put);
    add(&mut keys.listing_deleted, more.listing_deleted);
}

/// Checks the limits of the format, so that writing an accepted commit cannot fail.
fn check_sizes(commit: &Commit, commit_bytes_max: usize) -> Result<(), Rejected> {
    if let Body::Put(snapshot) = &commit.body {
        limit("snapshot", snapshot.len(), SNAPSHOT_BYTES_MAX)?;
    }
    for key in commit.keys.unique_put.iter().chain(&commit.keys.unique_deleted) {
        limit("unique key", key.value.len(), KEY_BYTES_MAX)?;
    }
    for row in commit.keys.listing_put.iter().chain(&commit.keys.listing_deleted) {
        limit("sort value", row.sort.len(), KEY_BYTES_MAX)?;
    }
    for event in &commit.events {
        limit("event", event.payload.len(), EVENT_BYTES_MAX)?;
    }
    for (name, _) in commit.timers.put.iter().chain(&commit.timers.deleted) {
        limit("timer's name", name.len(), NAME_BYTES_MAX)?;
    }
    for put in &commit.receipts.put {
        limit(
            "receipt's key",
            receipt_key_bytes(&put.receipt.key),
            RECEIPT_KEY_BYTES_MAX,
        )?;
        limit("reply", outcome_bytes(&put.receipt.outcome), REPLY_BYTES_MAX)?;
    }
    for key in &commit.receipts.deleted {
        limit("receipt's key", receipt_key_bytes(key), RECEIPT_KEY_BYTES_MAX)?;
    }
    limit("commit", stored_bytes_max(commit), commit_bytes_max)
}

fn limit(what: &str, bytes: usize, max: usize) -> Result<(), Rejected> {
    if bytes <= max {
        return Ok(());
    }
    Err(Rejected::TooLarge(format!(
        "the {what} takes {bytes} bytes, over the {max} it may take"
    )))
}

/// Returns what a commit takes in the journal at most: the bytes of its parts, and for each part more than its
/// tags, lengths, ids and times can take.
pub(crate) fn stored_bytes_max(commit: &Commit) -> usize {
    let snapshot = if let Body::Put(snapshot) = &commit.body {
        snapshot.len()
    } else {
        0
    };
    let keys = commit.keys.unique_put.iter().chain(&commit.keys.unique_deleted);
    let rows = commit.keys.listing_put.iter().chain(&commit.keys.listing_deleted);
    let timers = commit.timers.put.iter().chain(&commit.timers.deleted);
    let mut bytes = PART_BYTES_MAX + snapshot;
    bytes += keys.map(|key| PART_BYTES_MAX + key.value.len()).sum::<usize>();
    bytes += rows.map(|row| PART_BYTES_MAX + row.sort.len()).sum::<usize>();
    bytes += timers.map(|(name, _)| PART_BYTES_MAX + name.len()).sum::<usize>();
    for event in &commit.events {
        bytes += PART_BYTES_MAX + event.name.len() + event.by.len() + event.payload.len();
    }
    for put in &commit.receipts.put {
        bytes += PART_BYTES_MAX + receipt_key_bytes(&put.receipt.key) + outcome_bytes(&put.receipt.outcome);
    }
    bytes
        + commit
            .receipts
            .deleted
            .iter()
            .map(|key| PART_BYTES_MAX + receipt_key_bytes(key))
            .sum::<usize>()
}

fn receipt_key_bytes(key: &ReceiptKey) -> usize {
    match key {
        ReceiptKey::Caller { caller, key } => caller.len() + key.len(),
        ReceiptKey::Step { step, .. } => step.len(),
    }
}

fn outcome_bytes(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Running | Outcome::Forbidden => 0,
        Outcome::Done(reply) => reply.len(),
        // One that cannot be written is over the limit.
        Outcome::Refused(problem) => {
            codec::encode_reply(problem).map_or(REPLY_BYTES_MAX + 1, |encoded| encoded.len())
        }
    }
}
