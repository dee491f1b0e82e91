//! What came in between two passes.

use crate::index::{self, Change, Range};
use crate::key;
use crate::record::Record;
use crate::{Body, Position, Receipt, ReceiptKey};
use cartwright_domain::{EntityKey, Revision};
use foldhash::{HashMap, HashMapExt};
use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::ops::RangeBounds;
use std::sync::Arc;

/// What an entry takes besides its bytes.
const ENTRY_BYTES: u64 = 256;

/// The newest state of an entity.
#[derive(Clone, Debug)]
pub(crate) struct Newest {
    pub(crate) body: Body,
    pub(crate) revision: Revision,
    pub(crate) position: Position,
    /// The commit that the body is of.
    pub(crate) written_at: Position,
}

impl Newest {
    /// Returns what its row has become, unless the row stays as it was.
    fn row(&self) -> Option<NewestRow> {
        match &self.body {
            Body::Unchanged => None,
            Body::Put(snapshot) => Some(Some(index::state_row(snapshot, self.revision, self.written_at))),
            Body::Erase => Some(None),
        }
    }
}

/// What a receipt has become; nothing where it was deleted.
pub(crate) type NewestReceipt = Option<Arc<Receipt>>;

/// The value of a row; nothing where it was deleted.
pub(super) type NewestRow = Option<Vec<u8>>;

/// Something that the index must be told of.
pub(crate) enum Waiting {
    State(EntityKey, Newest),
    Receipt(NewestReceipt),
    Row(NewestRow),
}

impl Waiting {
    /// Shows the rows of the index that it changes; `row` is the key that it stands under.
    pub(crate) fn change(self, row: Vec<u8>, mut each: impl FnMut(Change)) {
        match self {
            Self::State(entity, newest) => {
                let Newest {
                    body,
                    revision,
                    position,
                    written_at,
                } = newest;
                match body {
                    Body::Put(_) => {
                        index::state_change(entity, &body, revision, written_at, &mut each);
                        if written_at < position {
                            index::state_change(entity, &Body::Unchanged, revision, position, each);
                        }
                    }
                    Body::Unchanged | Body::Erase => {
                        index::state_change(entity, &body, revision, position, each);
                    }
                }
            }
            Self::Receipt(receipt) => each((row, receipt.as_deref().map(index::stored))),
            Self::Row(value) => each((row, value)),
        }
    }
}

/// What lies below the young generation: what is there must be known to be deleted, and nothing else.
pub(super) struct Below<'a, F> {
    pub(super) old: &'a Generation,
    /// Does the index surely not hold a row?
    pub(super) index_lacks: F,
}

impl<F: Fn(&[u8]) -> bool> Below<'_, F> {
    fn lacks_row(&self, key: &[u8]) -> bool {
        !self.old.rows.contains_key(key) && (self.index_lacks)(key)
    }

    fn lacks_receipt(&self, key: &ReceiptKey) -> bool {
        !self.old.receipts.contains_key(key) && (self.index_lacks)(&key::receipt(key))
    }
}

/// What came in between two passes.
#[derive(Default)]
pub(crate) struct Generation {
    pub(super) entities: HashMap<EntityKey, Newest>,
    pub(super) receipts: HashMap<ReceiptKey, NewestReceipt>,
    /// What scans, look-ups and timers read: keys, timers and cursors.
    pub(super) rows: BTreeMap<Vec<u8>, NewestRow>,
    pub(super) bytes: u64,
    /// The last commit in it.
    pub(super) last: Position,
}

impl Generation {
    /// Makes an empty one that need not grow to hold as much as another.
    pub(super) fn with_room_of(other: &Self) -> Self {
        Self {
            entities: HashMap::with_capacity(other.entities.len()),
            receipts: HashMap::with_capacity(other.receipts.len()),
            ..Self::default()
        }
    }

    pub(super) fn put_commit(
        &mut self,
        position: Position,
        record: &Record,
        below: &Below<'_, impl Fn(&[u8]) -> bool>,
    ) {
        self.last = position;
        index::key_changes(record, |change| self.put_row(change, below));
        self.put_state(position, record);
        for key in &record.receipts_deleted {
            self.put_receipt(key, None, below);
        }
        for receipt in &record.receipts {
            self.put_receipt(&receipt.key, Some(Arc::clone(receipt)), below);
        }
    }

    pub(super) fn put_row(&mut self, (key, value): Change, below: &Below<'_, impl Fn(&[u8]) -> bool>) {
        let key_bytes = key.len();
        let gone = if value.is_none() && below.lacks_row(&key) {
            self.rows.remove(&key)
        } else {
            self.bytes += row_bytes(key_bytes, value.as_deref());
            self.rows.insert(key, value)
        };
        self.bytes -= gone.map_or(0, |gone| row_bytes(key_bytes, gone.as_deref()));
    }

    fn put_state(&mut self, position: Position, record: &Record) {
        let newest = match self.entities.entry(record.entity) {
            Entry::Vacant(vacant) => vacant.insert(Newest {
                body: record.body.clone(),
                revision: record.revision,
                position,
                written_at: position,
            }),
            Entry::Occupied(occupied) => {
                let newest = occupied.into_mut();
                self.bytes -= body_bytes(&newest.body);
                if record.body != Body::Unchanged {
                    newest.body = record.body.clone();
                    newest.written_at = position;
                }
                newest.revision = record.revision;
                newest.position = position;
                newest
            }
        };
        self.bytes += body_bytes(&newest.body);
    }

    fn put_receipt(
        &mut self,
        key: &ReceiptKey,
        row: NewestReceipt,
        below: &Below<'_, impl Fn(&[u8]) -> bool>,
    ) {
        let gone = if row.is_none() && below.lacks_receipt(key) {
            self.receipts.remove(key)
        } else {
            self.bytes += receipt_bytes(row.as_deref());
            self.receipts.insert(key.clone(), row)
        };
        self.bytes -= gone.map_or(0, |gone| receipt_bytes(gone.as_deref()));
    }

    pub(super) fn len(&self) -> usize {
        self.entities.len() + self.receipts.len() + self.rows.len()
    }

    /// Shows the rows of a range in order, or against it. The states of entities have no order here: those of the range
    /// are sorted each time that they are listed, which is seldom.
    pub(super) fn walk<'a>(
        &'a self,
        range: &Range,
        descending: bool,
    ) -> Box<dyn Iterator<Item = (Vec<u8>, NewestRow)> + 'a> {
        if let Some(kind) = key::kind_of(range) {
            let of_kind = self.entities.iter().filter(|(entity, _)| entity.kind == kind);
            let mut states: Vec<_> = of_kind
                .filter(|(entity, _)| range.contains(&key::entity(**entity)))
                .collect();
            states.sort_unstable_by_key(|(entity, _)| entity.id);
            if descending {
                states.reverse();
            }
            let row = |(entity, newest): (&EntityKey, &Newest)| Some((key::entity(*entity), newest.row()?));
            return Box::new(states.into_iter().filter_map(row));
        }
        let rows = self.rows.range(range.clone());
        let rows = rows.map(|(key, value)| (key.clone(), value.clone()));
        if descending {
            Box::new(rows.rev())
        } else {
            Box::new(rows)
        }
    }

    /// Lists everything the index must be told of, in the order of its rows.
    pub(crate) fn waiting(&self) -> Vec<(Vec<u8>, Waiting)> {
        let states = self.entities.iter().map(|(entity, newest)| {
            let state = Waiting::State(*entity, newest.clone());
            (key::entity(*entity), state)
        });
        let receipts = self.receipts.iter().map(|(receipt, newest)| {
            let newest = Waiting::Receipt(newest.clone());
            (key::receipt(receipt), newest)
        });
        let rows = self.rows.iter();
        let rows = rows.map(|(row, value)| (row.clone(), Waiting::Row(value.clone())));
        let mut waiting = Vec::with_capacity(self.len());
        waiting.extend(states);
        waiting.extend(receipts);
        waiting.extend(rows);
        waiting.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        waiting
    }
}

fn body_bytes(body: &Body) -> u64 {
    match body {
        Body::Unchanged | Body::Erase => ENTRY_BYTES,
        Body::Put(snapshot) => ENTRY_BYTES + snapshot.len() as u64,
    }
}

fn row_bytes(key_bytes: usize, value: Option<&[u8]>) -> u64 {
    ENTRY_BYTES + (key_bytes + value.map_or(0, <[u8]>::len)) as u64
}

fn receipt_bytes(receipt: Option<&Receipt>) -> u64 {
    let reply = match receipt.map(|receipt| &receipt.outcome) {
        Some(crate::Outcome::Done(reply)) => reply.len() as u64,
        Some(crate::Outcome::Running | crate::Outcome::Refused(_) | crate::Outcome::Forbidden) | None => 0,
    };
    ENTRY_BYTES + reply
}
