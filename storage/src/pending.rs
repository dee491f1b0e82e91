//! The newest states and receipts that the index does not hold yet. Every load and every look-up of a receipt
//! asks here first.
//!
//! An entry goes only when the index holds it and its position is unchanged. The bytes are bounded: when they
//! are used up the committer waits and admission refuses.

use crate::record::Record;
use crate::{Body, Position, Receipt, ReceiptKey};
use cartwright_domain::{EntityKey, Revision};
use std::collections::HashMap;
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

/// What the index must be told of.
#[derive(Clone, Debug)]
pub(crate) enum Waiting {
    Entity(EntityKey),
    Receipt(ReceiptKey),
}

#[derive(Default)]
struct Maps {
    entities: HashMap<EntityKey, Newest>,
    receipts: HashMap<ReceiptKey, NewestReceipt>,
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
    pub(crate) fn insert<'a>(&self, group: impl Iterator<Item = (Position, &'a Record)>) {
        let mut maps = self.maps.write().unwrap_or_else(PoisonError::into_inner);
        let (mut added, mut freed) = (0, 0);
        for (position, record) in group {
            let newest = maps
                .entities
                .entry(record.entity)
                .and_modify(|newest| freed += body_bytes(&newest.body));
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
            added += body_bytes(&newest.body);
            for key in &record.receipts_deleted {
                added += receipt_bytes(None);
                let gone = maps
                    .receipts
                    .insert(key.clone(), NewestReceipt { row: None, position });
                freed += gone.map_or(0, |gone| receipt_bytes(gone.row.as_deref()));
            }
            for receipt in &record.receipts {
                added += receipt_bytes(Some(receipt));
                let row = Some(Arc::clone(receipt));
                let gone = maps
                    .receipts
                    .insert(receipt.key.clone(), NewestReceipt { row, position });
                freed += gone.map_or(0, |gone| receipt_bytes(gone.row.as_deref()));
            }
        }
        self.bytes.fetch_add(added, Ordering::AcqRel);
        self.bytes.fetch_sub(freed, Ordering::AcqRel);
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

    /// Lists everything the index must be told of.
    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        let maps = self.maps.read().unwrap_or_else(PoisonError::into_inner);
        let entities = maps.entities.keys().copied().map(Waiting::Entity);
        entities
            .chain(maps.receipts.keys().cloned().map(Waiting::Receipt))
            .collect()
    }

    /// Lets go of what the index holds now, as of the given positions.
    pub(crate) fn remove(&self, indexed: &[(Waiting, Position)]) {
        let mut freed = 0;
        let mut maps = self.maps.write().unwrap_or_else(PoisonError::into_inner);
        for (waiting, position) in indexed {
            match waiting {
                Waiting::Entity(key) => {
                    if maps
                        .entities
                        .get(key)
                        .is_some_and(|newest| newest.position == *position)
                    {
                        freed += maps
                            .entities
                            .remove(key)
                            .map_or(0, |newest| body_bytes(&newest.body));
                    }
                }
                Waiting::Receipt(key) => {
                    if maps
                        .receipts
                        .get(key)
                        .is_some_and(|newest| newest.position == *position)
                    {
                        freed += maps
                            .receipts
                            .remove(key)
                            .map_or(0, |gone| receipt_bytes(gone.row.as_deref()));
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

fn receipt_bytes(receipt: Option<&Receipt>) -> u64 {
    let reply = match receipt.map(|receipt| &receipt.outcome) {
        Some(crate::Outcome::Done(reply)) => reply.len() as u64,
        Some(crate::Outcome::Running | crate::Outcome::Refused(_) | crate::Outcome::Forbidden) | None => 0,
    };
    ENTRY_BYTES + reply
}
