//! The newest facts that somebody wants, in memory, so that subscribers who keep up read no file and decode nothing.
//!
//! What is wanted is learned from who asks: most facts concern no subscriber, and their commits are not kept.

use crate::record::Record;
use crate::{Fact, Position, Recorded};
use cartwright_domain::Kind;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// How many bytes of facts are kept.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// What a fact takes besides its payload.
const FACT_BYTES: usize = 256;
/// How many different wishes are kept; who comes later reads the journal.
const WISHES_MAX: usize = 64;

/// See the module.
pub(crate) struct Recent {
    kept: Mutex<Kept>,
}

struct Kept {
    wishes: Vec<Wish>,
    facts: VecDeque<Fact>,
    bytes: usize,
    /// The last commit that was taken in.
    last: Position,
    /// The last commit of which a fact was let go.
    gone: Position,
}

/// What somebody has asked for. All of it that came after `since` was taken in.
struct Wish {
    wanted: Wanted,
    since: Position,
}

impl Kept {
    fn is_wanted(&self, kind: Kind, name: &str) -> bool {
        self.wishes.iter().any(|wish| wish.wanted.takes(kind, name))
    }

    fn wish(&mut self, wanted: Wanted) {
        if self.wishes.len() < WISHES_MAX {
            let since = self.last;
            self.wishes.push(Wish { wanted, since });
        }
    }
}

impl Recent {
    /// Begins after a commit.
    pub(crate) fn new(position: Position) -> Self {
        let kept = Kept {
            wishes: Vec::new(),
            facts: VecDeque::new(),
            bytes: 0,
            last: position,
            gone: position,
        };
        Self {
            kept: Mutex::new(kept),
        }
    }

    /// Takes in a synced group, in order.
    pub(crate) fn add(&self, group: &[(Position, Arc<Record>)]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *kept;
        for (position, record) in group {
            let kind = record.entity.kind;
            if record
                .events
                .iter()
                .any(|event| kept.is_wanted(kind, &event.name))
            {
                // All facts of the commit: each reader takes its own.
                let before = kept.facts.len();
                kept.facts.extend(facts_of(*position, record, Wanted::Every));
                kept.bytes += kept.facts.range(before..).map(bytes_of).sum::<usize>();
            }
            kept.last = *position;
        }
        while BYTES_MAX < kept.bytes {
            let Some(oldest) = kept.facts.pop_front() else {
                break;
            };
            kept.bytes -= bytes_of(&oldest);
            kept.gone = oldest.position;
        }
    }

    /// Returns the wanted facts of at most so many commits after a position and up to a synced one, and how far was
    /// read; none where memory does not hold them all.
    pub(crate) fn facts_after(
        &self,
        after: Position,
        synced: Position,
        commits_max: usize,
        wanted: Wanted,
    ) -> Option<(Vec<Fact>, Position)> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(wish) = kept.wishes.iter().find(|wish| wish.wanted == wanted) else {
            kept.wish(wanted);
            return None;
        };
        if after < wish.since.max(kept.gone) {
            return None;
        }
        let first = kept.facts.partition_point(|fact| fact.position <= after);
        let mut facts: Vec<Fact> = Vec::new();
        let mut commits = 0;
        for fact in kept.facts.range(first..) {
            if synced < fact.position {
                break;
            }
            if !wanted.takes(fact.entity.kind, &fact.recorded.name) {
                continue;
            }
            let read_to = facts.last().map(|fact| fact.position);
            if read_to != Some(fact.position) {
                if commits == commits_max {
                    return Some((facts, read_to.unwrap_or(after)));
                }
                commits += 1;
            }
            facts.push(fact.clone());
        }
        Some((facts, synced))
    }
}

fn bytes_of(fact: &Fact) -> usize {
    FACT_BYTES + fact.recorded.payload.len()
}

/// Which facts a reader of the feed wants; it is not shown others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    Every,
    /// Those of such a kind and stable name.
    Only(&'static [(Kind, &'static str)]),
}

impl Wanted {
    fn takes(self, kind: Kind, name: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Only(names) => names.contains(&(kind, name)),
        }
    }

    /// Returns those of a commit's events that are wanted, each with its index.
    pub(crate) fn of(self, kind: Kind, events: &[Recorded]) -> impl Iterator<Item = (u16, &Recorded)> {
        (0_u16..)
            .zip(events)
            .filter(move |(_, event)| self.takes(kind, &event.name))
    }
}

/// Returns the wanted facts of a commit.
pub(crate) fn facts_of(position: Position, record: &Record, wanted: Wanted) -> impl Iterator<Item = Fact> {
    let wanted = wanted.of(record.entity.kind, &record.events);
    wanted.map(move |(index, recorded)| Fact {
        position,
        index,
        entity: record.entity,
        revision: record.revision,
        recorded: recorded.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Body, Fence, KeyChange, TimerChange};
    use bytes::Bytes;
    use cartwright_domain::{EntityKey, Revision, Timestamp};
    use uuid::Uuid;

    const PLACED: Wanted = Wanted::Only(&[(Kind::Toy, "placed")]);

    fn commit(position: u64, names: &[&str], payload: usize) -> (Position, Arc<Record>) {
        let event = |name: &&str| Recorded {
            name: (*name).to_owned().into(),
            at: Timestamp::from_millis(0),
            by: "anonymous".to_owned(),
            payload: Bytes::from(vec![0; payload]),
        };
        let record = Record {
            entity: EntityKey {
                kind: Kind::Toy,
                id: Uuid::from_u128(1),
            },
            revision: Revision(position),
            fence: Fence::default(),
            at: Timestamp::from_millis(0),
            body: Body::Unchanged,
            keys: KeyChange::default(),
            events: names.iter().map(event).collect(),
            timers: TimerChange::default(),
            receipts: Vec::new(),
            receipts_deleted: Vec::new(),
        };
        (Position(position), Arc::new(record))
    }

    /// Reads position and index of the wanted facts, and how far was read.
    fn read(recent: &Recent, after: u64, synced: u64, commits_max: usize) -> Option<(Vec<(u64, u16)>, u64)> {
        let (facts, read_to) = recent.facts_after(Position(after), Position(synced), commits_max, PLACED)?;
        let places = facts.iter().map(|fact| (fact.position.0, fact.index));
        Some((places.collect(), read_to.0))
    }

    #[test]
    fn what_was_asked_for_is_in_memory_from_then_on() {
        let recent = Recent::new(Position(5));
        recent.add(&[commit(6, &["placed"], 1)]);
        assert_eq!(read(&recent, 5, 6, 9), None);
        recent.add(&[
            commit(7, &["placed"], 1),
            commit(8, &["moved"], 1),
            commit(9, &["placed", "moved", "placed"], 1),
        ]);
        // Commit 6 came before anybody asked.
        assert_eq!(read(&recent, 5, 9, 9), None);
        assert_eq!(read(&recent, 6, 9, 9), Some((vec![(7, 0), (9, 0), (9, 2)], 9)));
        assert_eq!(read(&recent, 6, 9, 1), Some((vec![(7, 0)], 7)));
        assert_eq!(read(&recent, 7, 9, 1), Some((vec![(9, 0), (9, 2)], 9)));
        assert_eq!(read(&recent, 6, 8, 9), Some((vec![(7, 0)], 8)));
        assert_eq!(read(&recent, 9, 9, 9), Some((vec![], 9)));
    }

    #[test]
    fn what_is_let_go_is_read_elsewhere() {
        let recent = Recent::new(Position(0));
        assert_eq!(read(&recent, 0, 0, 9), None);
        let half = BYTES_MAX / 2 - FACT_BYTES;
        recent.add(&[commit(1, &["placed"], half), commit(2, &["placed"], half)]);
        assert_eq!(read(&recent, 0, 2, 9), Some((vec![(1, 0), (2, 0)], 2)));
        recent.add(&[commit(3, &["placed"], half)]);
        assert_eq!(read(&recent, 0, 3, 9), None);
        assert_eq!(read(&recent, 1, 3, 9), Some((vec![(2, 0), (3, 0)], 3)));
    }

    #[test]
    fn wishes_are_bounded() {
        let recent = Recent::new(Position(0));
        let wish = |number: usize| Wanted::Only(vec![(Kind::Toy, "placed"); number].leak());
        let ask = |number| recent.facts_after(Position(0), Position(0), 1, wish(number));
        for number in 0..=WISHES_MAX {
            assert_eq!(ask(number), None);
        }
        assert!(ask(WISHES_MAX - 1).is_some());
        assert_eq!(ask(WISHES_MAX), None);
    }
}
