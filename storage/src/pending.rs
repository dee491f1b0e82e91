//! The newest states, receipts and rows that the index does not hold yet. Every read asks here first.
//!
//! There are two generations. Commits go into the young one. A pass makes it the old one, which nobody changes any
//! more, feeds the index with it and lets go of it as a whole. So feeding never stands in the way of readers or of the
//! committer. The bytes are bounded: when they are used up the committer waits and admission refuses.
//!
//! What comes and goes between two passes leaves nothing: of what is deleted only that is noted which the old generation
//! or the index may hold. A purchase writes and deletes ten receipts of its steps within milliseconds.

mod generation;

pub(crate) use generation::{Generation, Newest, NewestReceipt, Waiting};

use crate::index::{self, Range};
use crate::key;
use crate::record::{CursorMove, Record};
use crate::{Body, Position, ReceiptKey};
use cartwright_domain::EntityKey;
use generation::Below;
use std::cmp::Ordering::{Greater, Less};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Some rows of a range, and where they stop if there are more.
pub(crate) struct Stretch {
    /// In order of the walk.
    pub(crate) rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Are these all the rows of the range?
    pub(crate) is_all: bool,
}

#[derive(Default)]
struct Generations {
    young: Generation,
    /// What the index is fed with; empty between passes.
    old: Arc<Generation>,
    /// Every commit after this one is in one of them.
    since: Position,
    /// How many passes have begun that had something to tell.
    passes: u64,
}

/// See the module.
pub(crate) struct Pending {
    generations: RwLock<Generations>,
    bytes: AtomicU64,
    bytes_max: u64,
    freed: (Mutex<()>, Condvar),
}

impl Pending {
    /// Makes one for the commits after `since`.
    pub(crate) fn new(bytes_max: u64, since: Position) -> Self {
        let freed = (Mutex::new(()), Condvar::new());
        let generations = Generations {
            since,
            ..Generations::default()
        };
        Self {
            generations: RwLock::new(generations),
            bytes: AtomicU64::new(0),
            bytes_max,
            freed,
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Generations> {
        self.generations.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Generations> {
        self.generations.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a synced group, in order. `index_lacks` tells of a row whether the index surely does not hold it.
    pub(crate) fn insert<'a>(
        &self,
        group: impl Iterator<Item = (Position, &'a Record)>,
        cursors: impl Iterator<Item = &'a CursorMove>,
        index_lacks: impl Fn(&[u8]) -> bool,
    ) {
        let mut generations = self.write();
        let Generations { young, old, .. } = &mut *generations;
        let below = Below { old, index_lacks };
        let before = young.bytes;
        for (position, record) in group {
            young.put_commit(position, record, &below);
        }
        for moved in cursors {
            let row = (key::cursor(&moved.subscriber), Some(index::stored(&moved.to)));
            young.put_row(row, &below);
        }
        let after = young.bytes;
        drop(generations);
        self.bytes.fetch_add(after, Ordering::AcqRel);
        self.bytes.fetch_sub(before, Ordering::AcqRel);
    }

    /// Returns the newest state of an entity that the index does not hold yet.
    pub(crate) fn entity(&self, entity: EntityKey) -> Option<Newest> {
        let generations = self.read();
        let young = generations.young.entities.get(&entity);
        let old = generations.old.entities.get(&entity);
        match (young, old) {
            (Some(young), Some(old)) if young.body == Body::Unchanged => Some(Newest {
                body: old.body.clone(),
                written_at: old.written_at,
                ..*young
            }),
            (young, old) => young.or(old).cloned(),
        }
    }

    /// Returns what became of a receipt that the index does not know of yet.
    pub(crate) fn receipt(&self, key: &ReceiptKey) -> Option<NewestReceipt> {
        let generations = self.read();
        let newest = generations.young.receipts.get(key);
        newest.or_else(|| generations.old.receipts.get(key)).cloned()
    }

    /// Returns the commit after which all are here. Asked after a look-up that found nothing, it tells how far back
    /// there was nothing.
    pub(crate) fn since(&self) -> Position {
        self.read().since
    }

    /// Returns a row that the index does not hold yet; the inner `None` is a deleted one.
    pub(crate) fn row(&self, key: &[u8]) -> Option<Option<Vec<u8>>> {
        let generations = self.read();
        let newest = generations.young.rows.get(key);
        newest.or_else(|| generations.old.rows.get(key)).cloned()
    }

    /// Returns the first rows of a range, or the last, in which so many are not deleted.
    pub(crate) fn stretch(&self, range: &Range, descending: bool, limit: usize) -> Stretch {
        let generations = self.read();
        let mut young = generations.young.walk(range, descending).peekable();
        let mut old = generations.old.walk(range, descending).peekable();
        let mut stretch = Stretch {
            rows: Vec::new(),
            is_all: false,
        };
        let mut present = 0;
        while present < limit {
            let order = match (young.peek(), old.peek()) {
                (Some((young, _)), Some((old, _))) if descending => old.cmp(young),
                (Some((young, _)), Some((old, _))) => young.cmp(old),
                (Some(_), None) => Less,
                (None, _) => Greater,
            };
            let below = if order == Less { None } else { old.next() };
            let above = if order == Greater { None } else { young.next() };
            let Some((key, value)) = above.or(below) else {
                stretch.is_all = true;
                break;
            };
            present += usize::from(value.is_some());
            stretch.rows.push((key, value));
        }
        stretch
    }

    /// Returns how many passes have begun that had something to tell. While it stays, the index is told of nothing that
    /// was not here when it was asked.
    pub(crate) fn passes(&self) -> u64 {
        self.read().passes
    }

    /// Begins a pass: what is young becomes old, to be fed to the index.
    ///
    /// # Panics
    ///
    /// If the last pass has not ended. What is young would be left out of a pass that is taken for everything.
    pub(crate) fn begin(&self) -> Arc<Generation> {
        let mut generations = self.write();
        assert_eq!(generations.old.len(), 0, "the last pass has not ended");
        let next = Generation::with_room_of(&generations.young);
        generations.old = Arc::new(std::mem::replace(&mut generations.young, next));
        generations.passes += u64::from(0 < generations.old.len());
        Arc::clone(&generations.old)
    }

    /// Ends a pass: the index holds all that was old.
    pub(crate) fn end(&self) {
        let mut generations = self.write();
        let fed = std::mem::take(&mut generations.old);
        generations.since = generations.since.max(fed.last);
        drop(generations);
        self.bytes.fetch_sub(fed.bytes, Ordering::AcqRel);
        let _freed = self.freed.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.freed.1.notify_all();
    }

    /// Returns how many entries there are.
    pub(crate) fn len(&self) -> usize {
        let generations = self.read();
        generations.young.len() + generations.old.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes_max <= self.bytes()
    }

    /// Tells whether it is high time to tell the index.
    pub(crate) fn is_half_full(&self) -> bool {
        self.bytes_max / 2 <= self.bytes()
    }

    /// Blocks the committer until there is room.
    pub(crate) fn wait_for_room(&self) {
        let mut freed = self.freed.0.lock().unwrap_or_else(PoisonError::into_inner);
        while self.is_full() {
            freed = self.freed.1.wait(freed).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{EachRow, Rows};
    use crate::{Fault, Fence, KeyChange, Loaded, Receipt, TimerChange};
    use bytes::Bytes;
    use cartwright_domain::{Kind, Revision, Timestamp, Unique, UniqueKey};
    use std::collections::BTreeMap;
    use std::ops::Bound;
    use uuid::Uuid;

    fn record(revision: u64, body: Body, keys: KeyChange) -> Record {
        Record {
            entity: EntityKey {
                kind: Kind::Toy,
                id: Uuid::from_u128(1),
            },
            revision: Revision(revision),
            fence: Fence::default(),
            at: Timestamp::from_millis(0),
            body,
            keys,
            events: Vec::new(),
            timers: TimerChange::default(),
            receipts: Vec::new(),
            receipts_deleted: Vec::new(),
        }
    }

    /// Takes a record in, over an index that may hold anything.
    fn insert(pending: &Pending, position: u64, record: &Record) {
        insert_over(pending, position, record, |_| false);
    }

    fn insert_over(pending: &Pending, position: u64, record: &Record, index_lacks: impl Fn(&[u8]) -> bool) {
        let group = std::iter::once((Position(position), record));
        pending.insert(group, std::iter::empty(), index_lacks);
    }

    #[test]
    fn what_a_pass_began_with_is_seen_until_the_index_holds_it() {
        let pending = Pending::new(1 << 20, Position(4));
        let key = |name: &str| UniqueKey::new(Unique::Toy, name);
        let put = Body::Put(Bytes::from_static(b"a state"));
        let first = KeyChange {
            unique_put: vec![key("a"), key("b")],
            ..KeyChange::default()
        };
        let second = KeyChange {
            unique_put: vec![key("c")],
            unique_deleted: vec![key("a")],
            ..KeyChange::default()
        };
        let first = record(1, put.clone(), first);
        insert(&pending, 5, &first);
        assert_eq!(pending.begin().waiting().len(), 3);
        insert(&pending, 6, &record(2, Body::Unchanged, second));

        let newest = pending
            .entity(first.entity)
            .map(|newest| (newest.body, newest.revision));
        assert_eq!(newest, Some((put, Revision(2))));
        assert_eq!(pending.since(), Position(4));
        let mut names: Vec<_> = ["a", "b", "c"].map(|name| key::unique(&key(name))).into();
        for descending in [false, true] {
            let all = (Bound::Unbounded, Bound::Unbounded);
            let stretch = pending.stretch(&all, descending, 9);
            let rows = stretch.rows.iter().map(|(key, value)| (key, value.is_some()));
            let present = names.iter().zip([descending, true, !descending]);
            assert!(rows.eq(present) && stretch.is_all);
            names.reverse();
        }

        pending.end();
        let newest = pending.entity(first.entity).map(|newest| newest.body);
        assert_eq!(newest, Some(Body::Unchanged));
        assert_eq!(pending.since(), Position(5));
        assert_eq!(pending.row(&names[0]), Some(None));
        assert_eq!(pending.row(&names[1]), None);
        assert_eq!(pending.begin().waiting().len(), 3);
        pending.end();
        assert_eq!((pending.len(), pending.bytes()), (0, 0));
    }

    /// An index that has been told of some passes.
    #[derive(Default)]
    struct Told(BTreeMap<Vec<u8>, Bytes>);

    impl Told {
        fn pass(&mut self, pending: &Pending) {
            for (row, waiting) in pending.begin().waiting() {
                waiting.change(row, |(row, value)| match value {
                    Some(value) => drop(self.0.insert(row, value.into())),
                    None => drop(self.0.remove(&row)),
                });
            }
            pending.end();
        }
    }

    impl Rows for Told {
        fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
            Ok(self.0.get(key).cloned())
        }

        fn walk(&self, _: Range, _: bool, _: &mut EachRow<'_>) -> Result<(), Fault> {
            unreachable!("an entity is loaded by its keys")
        }
    }

    #[test]
    fn the_index_tells_the_last_commit_from_the_one_that_wrote_the_state() {
        // Five commits of one entity: the first writes it, each other writes it or leaves it as it is; with a pass behind
        // each or not.
        for choices in 0_u32..1 << 9 {
            let (pending, mut told) = (Pending::new(1 << 20, Position(0)), Told::default());
            let mut written_at = Position(1);
            let mut entity = None;
            for at in 1..=5_u64 {
                let writes = at == 1 || choices & 1 << (at - 2) != 0;
                let body = match writes {
                    true => Body::Put(Bytes::from(at.to_string())),
                    false => Body::Unchanged,
                };
                let record = record(at, body, KeyChange::default());
                insert(&pending, at, &record);
                entity = Some(record.entity);
                if writes {
                    written_at = Position(at);
                }
                if choices & 1 << (at + 3) != 0 {
                    told.pass(&pending);
                }
            }
            told.pass(&pending);
            let loaded = entity.and_then(|entity| index::load(&told, entity).expect("it reads"));
            let expected = Loaded {
                snapshot: Bytes::from(written_at.0.to_string()),
                revision: Revision(5),
                position: Position(5),
                written_at,
            };
            assert_eq!(loaded, Some(expected), "{choices:b}");
        }
    }

    #[test]
    fn states_are_walked_in_the_order_of_their_keys() {
        let pending = Pending::new(1 << 20, Position(0));
        let states = index::prefixed(key::entities(Kind::Toy, &[]));
        let put = |id: u128, revision: u64, body: &Body| {
            let mut record = record(revision, body.clone(), KeyChange::default());
            record.entity.id = Uuid::from_u128(id);
            insert(&pending, revision, &record);
        };
        let a_state = Body::Put(Bytes::from_static(b"a state"));
        for (id, body) in (1..).zip([&a_state, &a_state, &Body::Erase, &Body::Unchanged, &a_state]) {
            put(id, 1, body);
        }
        pending.begin();
        put(1, 2, &Body::Unchanged);
        put(2, 2, &Body::Erase);
        put(3, 2, &a_state);
        let mut expected =
            [(1, true), (2, false), (3, true), (5, true)].map(|(id, is_there)| (Some(id), is_there));
        for descending in [false, true] {
            let stretch = pending.stretch(&states, descending, 9);
            let rows = stretch.rows.iter().map(|(row, value)| {
                let entity = key::read_entity_row(row);
                (entity.map(|entity| entity.id.as_u128()), value.is_some())
            });
            assert!(rows.eq(expected) && stretch.is_all);
            expected.reverse();
        }
        let first = pending.stretch(&states, false, 1);
        assert!(first.rows.len() == 1 && !first.is_all);
    }

    #[test]
    fn what_came_and_went_is_forgotten_unless_something_below_may_hold_it() {
        let pending = Pending::new(1 << 20, Position(0));
        let unique = |name: &str| UniqueKey::new(Unique::Toy, name);
        let receipt = |name: &str| Receipt {
            key: ReceiptKey::Caller {
                caller: "a caller".to_owned(),
                key: name.to_owned(),
            },
            fingerprint: [0; 32],
            entity: record(0, Body::Unchanged, KeyChange::default()).entity,
            revision: Revision(1),
            outcome: crate::Outcome::Done(vec![1, 2, 3]),
            expires_at: None,
        };
        let come = |name: &str| {
            let keys = KeyChange {
                unique_put: vec![unique(name)],
                ..KeyChange::default()
            };
            let receipts = vec![Arc::new(receipt(name))];
            Record {
                receipts,
                ..record(1, Body::Unchanged, keys)
            }
        };
        let go = |name: &str| {
            let keys = KeyChange {
                unique_deleted: vec![unique(name)],
                ..KeyChange::default()
            };
            let receipts_deleted = vec![receipt(name).key];
            Record {
                receipts_deleted,
                ..record(1, Body::Unchanged, keys)
            }
        };
        let seen = |name: &str| {
            let row = pending.row(&key::unique(&unique(name)));
            let receipt = pending.receipt(&receipt(name).key);
            (
                row.map(|row| row.is_some()),
                receipt.map(|receipt| receipt.is_some()),
            )
        };
        let (there, gone, unknown) = ((Some(true), Some(true)), (Some(false), Some(false)), (None, None));

        // The old generation holds it.
        insert_over(&pending, 1, &come("old"), |_| true);
        pending.begin();
        insert_over(&pending, 2, &go("old"), |_| true);
        assert_eq!(seen("old"), gone);
        pending.end();
        pending.begin();
        pending.end();
        assert_eq!((pending.len(), pending.bytes()), (0, 0));

        // Nothing below holds it, also where it had not come.
        insert_over(&pending, 3, &come("young"), |_| true);
        assert_eq!(seen("young"), there);
        let (entries, bytes) = (pending.len(), pending.bytes());
        insert_over(&pending, 4, &come("short"), |_| true);
        insert_over(&pending, 5, &go("short"), |_| true);
        insert_over(&pending, 6, &go("never"), |_| true);
        assert_eq!(
            (seen("short"), seen("never"), seen("young")),
            (unknown, unknown, there)
        );
        assert_eq!((pending.len(), pending.bytes()), (entries, bytes));

        // The index may hold it.
        insert_over(&pending, 7, &go("young"), |_| false);
        insert_over(&pending, 8, &go("indexed"), |_| false);
        assert_eq!((seen("young"), seen("indexed")), (gone, gone));
    }
}
