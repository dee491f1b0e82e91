//! Verdicts: each commit is checked alone, in order, against memory.
//!
//! The judge knows the live revision and incarnation of every entity that writes, and the unique keys and receipts of
//! the group at hand. For all others it asks what is behind it.

use crate::limits::check_sizes;
use crate::record::Record;
use crate::{
    Body, Commit, Decision, Done, Fault, KeyChange, Numbering, Outcome, Position, Receipt, ReceiptKey,
    ReceiptPut, Rejected,
};
use cartwright_domain::{EntityKey, Revision, Sequence, Timestamp, UniqueKey};
use foldhash::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many ended incarnations are remembered, so that a late write of one of them is refused.
const RETIRED_MAX: usize = 65_536;

/// What the judge asks when its own memory does not tell.
pub(crate) trait Behind {
    /// Returns the entity's revision, where that takes no read.
    fn revision(&self, entity: EntityKey) -> Option<Revision>;
    /// Reads who holds a unique key.
    fn holder(&self, key: &UniqueKey) -> Result<Option<EntityKey>, Fault>;
    /// Reads a receipt, expired or not, of which a look-up at `absent_as_of` found nothing.
    fn receipt(&self, key: &ReceiptKey, absent_as_of: Position) -> Result<Option<Arc<Receipt>>, Fault>;
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

/// Decides on commits.
pub(crate) struct Judge {
    start: u64,
    /// The last position given.
    position: Position,
    live: HashMap<EntityKey, Live>,
    retired: VecDeque<(EntityKey, u64)>,
    /// Who holds the unique keys that commits of this group took or gave up.
    keys: HashMap<UniqueKey, Option<EntityKey>>,
    /// The receipts that commits of this group wrote or deleted.
    receipts: HashMap<ReceiptKey, Option<Arc<Receipt>>>,
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
            live: HashMap::default(),
            retired: VecDeque::new(),
            keys: HashMap::default(),
            receipts: HashMap::default(),
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
    pub(crate) fn decide(&mut self, mut commit: Box<Commit>, behind: &impl Behind) -> Result<Ready, Refused> {
        let checked = self.check(&commit, behind);
        let numbered = checked.and_then(|()| match commit.numbering.take() {
            Some(numbering) => self.draw(&mut commit, numbering).map(Some),
            None => Ok(None),
        });
        if let Some(decision) = &commit.decision {
            decision.note(numbered.is_ok());
        }
        match numbered {
            Ok(number) => Ok(self.accept(commit, number)),
            Err(why) => Err(Refused {
                done: commit.done,
                why,
            }),
        }
    }

    /// Forgets keys and receipts of the commits so far: [`Behind`] knows of them now.
    pub(crate) fn published(&mut self) {
        self.keys.clear();
        self.receipts.clear();
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
        if !commit.rests_on.iter().all(Decision::is_accepted) {
            return Err(Rejected::Unfounded);
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
            Some(holder) => *holder,
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
            Some(newest) => newest.clone(),
            None => behind
                .receipt(key, put.absent_as_of)
                .map_err(|fault| unreadable(&fault))?,
        };
        let Some(earlier) = earlier.filter(|earlier| counts(earlier, at)) else {
            return Ok(());
        };
        let replaced = put.replaces == Some(earlier.entity) && earlier.outcome == Outcome::Running;
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

    fn accept(&mut self, commit: Box<Commit>, number: Option<u64>) -> Ready {
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
            self.keys.insert(key.clone(), None);
        }
        for key in &commit.keys.unique_put {
            self.keys.insert(key.clone(), Some(commit.entity));
        }
        for key in &commit.receipts.deleted {
            self.receipts.insert(key.clone(), None);
        }
        let commit = *commit;
        let receipts: Vec<_> = commit
            .receipts
            .put
            .into_iter()
            .map(|put| Arc::new(put.receipt))
            .collect();
        for receipt in &receipts {
            self.receipts
                .insert(receipt.key.clone(), Some(Arc::clone(receipt)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fence, ReceiptChange};
    use cartwright_domain::{Kind, Unique};
    use std::cell::Cell;
    use uuid::Uuid;

    /// An index that holds one receipt and no key, and counts how often it is asked.
    #[derive(Default)]
    struct Asked {
        receipt: Option<Arc<Receipt>>,
        receipts: Cell<u32>,
        keys: Cell<u32>,
    }

    impl Behind for Asked {
        fn revision(&self, _: EntityKey) -> Option<Revision> {
            None
        }
        fn holder(&self, _: &UniqueKey) -> Result<Option<EntityKey>, Fault> {
            self.keys.set(self.keys.get() + 1);
            Ok(None)
        }
        fn receipt(&self, key: &ReceiptKey, _: Position) -> Result<Option<Arc<Receipt>>, Fault> {
            self.receipts.set(self.receipts.get() + 1);
            Ok(self.receipt.clone().filter(|receipt| receipt.key == *key))
        }
    }

    fn judge() -> Judge {
        Judge::new(1, Position(10), HashMap::default(), 1024 * 1024)
    }

    fn commit(entity: u128) -> Box<Commit> {
        Box::new(Commit {
            entity: EntityKey {
                kind: Kind::Toy,
                id: Uuid::from_u128(entity),
            },
            expected: Revision(0),
            revision: Revision(1),
            previous: Position::default(),
            fence: Fence {
                start: 1,
                incarnation: 1,
            },
            at: Timestamp::from_millis(0),
            body: Body::Unchanged,
            keys: KeyChange::default(),
            events: Vec::new(),
            timers: crate::TimerChange::default(),
            receipts: ReceiptChange::default(),
            numbering: None,
            decision: None,
            rests_on: Vec::new(),
            done: Done(Box::new(|_| {})),
        })
    }

    fn put(entity: u128, key: &str) -> Box<Commit> {
        let mut commit = commit(entity);
        let receipt = Receipt {
            key: ReceiptKey::Caller {
                caller: "a".to_owned(),
                key: key.to_owned(),
            },
            fingerprint: [0; 32],
            entity: commit.entity,
            revision: Revision(1),
            outcome: Outcome::Running,
            expires_at: None,
        };
        commit.receipts.put.push(ReceiptPut {
            receipt,
            replaces: None,
            absent_as_of: Position(10),
        });
        commit
    }

    #[test]
    fn a_receipt_is_known_within_its_group_and_looked_up_after_it() {
        let (mut judge, mut asked) = (judge(), Asked::default());
        let mut is_accepted = |asked: &Asked, commit| {
            asked.receipts.set(0);
            let is_accepted = judge.decide(commit, asked).is_ok();
            if !is_accepted {
                judge.published();
            }
            (is_accepted, asked.receipts.get())
        };
        let first = put(1, "a");
        let receipt = first.receipts.put[0].receipt.clone();
        assert_eq!(is_accepted(&asked, first), (true, 1));
        assert_eq!(is_accepted(&asked, put(2, "a")), (false, 0));
        // What is behind holds nothing, and it is believed.
        assert_eq!(is_accepted(&asked, put(2, "a")), (true, 1));
        asked.receipt = Some(Arc::new(receipt));
        judge.published();
        assert!(judge.decide(put(3, "a"), &asked).is_err());
    }

    #[test]
    fn a_key_is_looked_up_once_a_group() {
        let (mut judge, asked) = (judge(), Asked::default());
        let take = |entity, revision| {
            let mut commit = commit(entity);
            commit.expected = Revision(revision);
            commit.keys.unique_put.push(UniqueKey::new(Unique::Sku, "a"));
            commit
        };
        let position = judge.decide(take(1, 0), &asked).map(|ready| ready.position).ok();
        assert_eq!((position, asked.keys.get()), (Some(Position(11)), 1));
        assert!(judge.decide(take(2, 0), &asked).is_err());
        assert_eq!(asked.keys.get(), 1);
        judge.published();
        // What is behind holds nothing, and it is believed.
        assert!(judge.decide(take(2, 0), &asked).is_ok());
        assert_eq!(asked.keys.get(), 2);
    }

    #[test]
    fn a_retired_incarnation_is_remembered_for_a_while() {
        let (mut judge, asked) = (judge(), Asked::default());
        let entity = commit(1).entity;
        assert!(judge.decide(commit(1), &asked).is_ok());
        judge.retire(entity, 1);
        let late = judge.decide(commit(1), &asked).err().map(|refused| refused.why);
        assert_eq!(late, Some(Rejected::Revision { live: Revision(1) }));
        for other in 0..RETIRED_MAX {
            let entity = EntityKey {
                kind: Kind::Cart,
                id: Uuid::from_u128(other as u128),
            };
            judge.live.insert(
                entity,
                Live {
                    revision: Revision(1),
                    incarnation: 1,
                },
            );
            judge.retire(entity, 1);
        }
        assert_eq!(judge.live.len(), RETIRED_MAX);
        assert!(!judge.live.contains_key(&entity));
    }
}
