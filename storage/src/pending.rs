//! The newest states, receipts and rows that the index does not hold yet. Every read asks here first.
//!
//! An entry goes only when the index holds it and nothing newer has taken its place. The bytes are bounded: when
//! they are used up the committer waits and admission refuses.

use crate::index::{self, Range};
use crate::key;
use crate::record::{CursorMove, Record};
use crate::{Body, Position, Receipt, ReceiptKey};
use cartwright_domain::{EntityKey, Revision};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, btree_map};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};

/// What an entry takes besides its bytes.
const ENTRY_BYTES: u64 = 256;

/// The newest state of an entity.
#[derive(Clone, Debug)]
pub(crate) struct Newest {
    pub(crate) body: Body,
    pub(crate) revision: Revision,
    pub(crate) position: Position,
}

/// What a receipt has become; without a row it was deleted.
#[derive(Clone, Debug)]
pub(crate) struct NewestReceipt {
    pub(crate) row: Option<Arc<Receipt>>,
    pub(crate) position: Position,
}

/// A row that scans, look-ups and timers read: a key, a timer or a cursor. Without a value it was deleted.
struct NewestRow {
    value: Option<Vec<u8>>,
    /// Tells this value from a later one: two moves of a cursor may share a position.
    stamp: u64,
}

/// What the index must be told of: the key of its row, and where its value is.
#[derive(Clone, Debug)]
pub(crate) enum Waiting {
    Entity(EntityKey),
    Receipt(ReceiptKey),
    Row,
}

/// Something that was written to the index, as it was then.
pub(crate) enum Written {
    Entity(EntityKey, Position),
    Receipt(ReceiptKey, Position),
    Row(Vec<u8>, u64),
}

/// Some rows of a range, and where they stop if there are more.
pub(crate) struct Stretch {
    /// In order of the walk.
    pub(crate) rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Are these all the rows of the range?
    pub(crate) is_all: bool,
}

#[derive(Default)]
struct Maps {
    entities: HashMap<EntityKey, Newest>,
    receipts: HashMap<ReceiptKey, NewestReceipt>,
    rows: BTreeMap<Vec<u8>, NewestRow>,
    stamp: u64,
}

impl Maps {
    fn put_row(&mut self, (key, value): index::Change, bytes: &mut Balance) {
        self.stamp += 1;
        let stamp = self.stamp;
        bytes.added += row_bytes(&key, value.as_deref());
        match self.rows.entry(key) {
            btree_map::Entry::Vacant(vacant) => {
                vacant.insert(NewestRow { value, stamp });
            }
            btree_map::Entry::Occupied(mut occupied) => {
                bytes.freed += row_bytes(occupied.key(), occupied.get().value.as_deref());
                occupied.insert(NewestRow { value, stamp });
            }
        }
    }
}

/// How the bytes change.
#[derive(Default)]
struct Balance {
    added: u64,
    freed: u64,
}

/// See the module.
pub(crate) struct Pending {
    maps: RwLock<Maps>,
    bytes: AtomicU64,
    bytes_max: u64,
    freed: (Mutex<()>, Condvar),
}

impl Pending {
    pub(crate) fn new(bytes_max: u64) -> Self {
        let freed = (Mutex::new(()), Condvar::new());
        Self {
            maps: RwLock::default(),
            bytes: AtomicU64::new(0),
            bytes_max,
            freed,
        }
    }

    /// Takes in a synced group, in order.
    pub(crate) fn insert<'a>(
        &self,
        group: impl Iterator<Item = (Position, &'a Record)>,
        cursors: impl Iterator<Item = &'a CursorMove>,
    ) {
        let mut maps = self.maps.write().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = Balance::default();
        for (position, record) in group {
            index::key_changes(record, |change| maps.put_row(change, &mut bytes));
            let Maps {
                entities, receipts, ..
            } = &mut *maps;
            let newest = entities
                .entry(record.entity)
                .and_modify(|newest| bytes.freed += body_bytes(&newest.body));
            let newest = newest.or_insert_with(|| Newest {
                body: Body::Unchanged,
                revision: record.revision,
                position,
            });
            if record.body != Body::Unchanged {
                newest.body = record.body.clone();
            }
            newest.revision = record.revision;
            newest.position = position;
            bytes.added += body_bytes(&newest.body);
            let deleted = record.receipts_deleted.iter().map(|key| (key, None));
            let put = record
                .receipts
                .iter()
                .map(|row| (&row.key, Some(Arc::clone(row))));
            for (key, row) in deleted.chain(put) {
                bytes.added += receipt_bytes(row.as_deref());
                if let Some(gone) = receipts.insert(key.clone(), NewestReceipt { row, position }) {
                    bytes.freed += receipt_bytes(gone.row.as_deref());
                }
            }
        }
        for moved in cursors {
            let change = (key::cursor(&moved.subscriber), Some(index::stored(&moved.to)));
            maps.put_row(change, &mut bytes);
        }
        drop(maps);
        self.bytes.fetch_add(bytes.added, Ordering::AcqRel);
        self.bytes.fetch_sub(bytes.freed, Ordering::AcqRel);
    }

    /// Returns the newest state of an entity that the index does not hold yet.
    pub(crate) fn entity(&self, entity: EntityKey) -> Option<Newest> {
        self.maps
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .entities
            .get(&entity)
            .cloned()
    }

    /// Returns what became of a receipt that the index does not hold yet.
    pub(crate) fn receipt(&self, key: &ReceiptKey) -> Option<NewestReceipt> {
        self.maps
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .receipts
            .get(key)
            .cloned()
    }

    /// Returns a row that the index does not hold yet; the inner `None` is a deleted one.
    pub(crate) fn row(&self, key: &[u8]) -> Option<Option<Vec<u8>>> {
        let maps = self.maps.read().unwrap_or_else(PoisonError::into_inner);
        maps.rows.get(key).map(|row| row.value.clone())
    }

    /// Returns the first rows of a range, or the last, in which so many are not deleted.
    pub(crate) fn stretch(&self, range: Range, descending: bool, limit: usize) -> Stretch {
        let maps = self.maps.read().unwrap_or_else(PoisonError::into_inner);
        let mut walk = maps.rows.range(range);
        let mut stretch = Stretch {
            rows: Vec::new(),
            is_all: false,
        };
        let mut present = 0;
        while present < limit {
            let next = if descending { walk.next_back() } else { walk.next() };
            let Some((key, row)) = next else {
                stretch.is_all = true;
                break;
            };
            present += usize::from(row.value.is_some());
            stretch.rows.push((key.clone(), row.value.clone()));
        }
        stretch
    }

    /// Lists everything the index must be told of, in the order of its rows.
    pub(crate) fn waiting(&self) -> Vec<(Vec<u8>, Waiting)> {
        let maps = self.maps.read().unwrap_or_else(PoisonError::into_inner);
        let entities = maps.entities.keys();
        let receipts = maps.receipts.keys();
        let mut waiting: Vec<_> = entities
            .map(|entity| (key::entity(*entity), Waiting::Entity(*entity)))
            .chain(receipts.map(|receipt| (key::receipt(receipt), Waiting::Receipt(receipt.clone()))))
            .chain(maps.rows.keys().map(|row| (row.clone(), Waiting::Row)))
            .collect();
        drop(maps);
        waiting.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        waiting
    }

    /// Returns how many entries there are.
    pub(crate) fn len(&self) -> usize {
        let maps = self.maps.read().unwrap_or_else(PoisonError::into_inner);
        maps.entities.len() + maps.receipts.len() + maps.rows.len()
    }

    /// Shows the rows of the index that something waiting changes, and returns it as it is now.
    pub(crate) fn change(
        &self,
        row: Vec<u8>,
        waiting: Waiting,
        mut each: impl FnMut(index::Change),
    ) -> Option<Written> {
        match waiting {
            Waiting::Entity(entity) => {
                let newest = self.entity(entity)?;
                index::state_change(entity, &newest.body, newest.revision, newest.position, each);
                Some(Written::Entity(entity, newest.position))
            }
            Waiting::Receipt(receipt) => {
                let newest = self.receipt(&receipt)?;
                each((row, newest.row.as_deref().map(index::stored)));
                Some(Written::Receipt(receipt, newest.position))
            }
            Waiting::Row => {
                let maps = self.maps.read().unwrap_or_else(PoisonError::into_inner);
                let newest = maps.rows.get(&row)?;
                each((row.clone(), newest.value.clone()));
                Some(Written::Row(row, newest.stamp))
            }
        }
    }

    /// Lets go of what the index holds now, unless something newer has come.
    pub(crate) fn remove(&self, written: Vec<Written>) {
        let mut freed = 0;
        let mut maps = self.maps.write().unwrap_or_else(PoisonError::into_inner);
        for written in written {
            match written {
                Written::Entity(key, position) => {
                    if let Entry::Occupied(newest) = maps.entities.entry(key)
                        && newest.get().position == position
                    {
                        freed += body_bytes(&newest.remove().body);
                    }
                }
                Written::Receipt(key, position) => {
                    if let Entry::Occupied(newest) = maps.receipts.entry(key)
                        && newest.get().position == position
                    {
                        freed += receipt_bytes(newest.remove().row.as_deref());
                    }
                }
                Written::Row(key, stamp) => {
                    if let btree_map::Entry::Occupied(newest) = maps.rows.entry(key)
                        && newest.get().stamp == stamp
                    {
                        let (key, gone) = newest.remove_entry();
                        freed += row_bytes(&key, gone.value.as_deref());
                    }
                }
            }
        }
        drop(maps);
        self.bytes.fetch_sub(freed, Ordering::AcqRel);
        let _freed = self.freed.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.freed.1.notify_all();
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

fn body_bytes(body: &Body) -> u64 {
    match body {
        Body::Unchanged | Body::Erase => ENTRY_BYTES,
        Body::Put(snapshot) => ENTRY_BYTES + snapshot.len() as u64,
    }
}

fn row_bytes(key: &[u8], value: Option<&[u8]>) -> u64 {
    ENTRY_BYTES + (key.len() + value.map_or(0, <[u8]>::len)) as u64
}

fn receipt_bytes(receipt: Option<&Receipt>) -> u64 {
    let reply = match receipt.map(|receipt| &receipt.outcome) {
        Some(crate::Outcome::Done(reply)) => reply.len() as u64,
        Some(crate::Outcome::Running | crate::Outcome::Refused(_) | crate::Outcome::Forbidden) | None => 0,
    };
    ENTRY_BYTES + reply
}
