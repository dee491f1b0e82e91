//! Committed states, as readers see them.

use arc_swap::ArcSwap;
use cartwright_domain::{Entity, Listing, Revision};
use cartwright_storage::{ListingRow, Position};
use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// One committed state of an entity: a body and its `ETag` come from the same one.
#[derive(Debug)]
pub struct Published<E: Entity> {
    /// The entity.
    pub id: E::Id,
    /// Its revision.
    pub revision: Revision,
    /// Its state.
    pub state: Arc<E>,
    /// The commit that made it so.
    pub position: Position,
}

/// A committed state of an entity of some kind.
pub(super) type AnyPublished = Arc<dyn Any + Send + Sync>;

impl<E: Entity> Published<E> {
    /// Returns what an answer of this kind waits for.
    pub(super) fn of(any: AnyPublished) -> Arc<Self> {
        any.downcast()
            .expect("an answer waits for a state of its own kind")
    }
}

/// A page of a listing with the committed state of each row's entity.
#[derive(Debug)]
pub struct Page<E: Entity> {
    /// The entities, in the order of the listing.
    pub items: Vec<Arc<Published<E>>>,
    /// The last row read, if there may be more: the next page's `after`.
    pub next: Option<ListingRow>,
}

/// Where an entity's committed state is found. It outlives activations, so that a reader never waits for one.
///
/// The state is behind a lock, and not swapped by `ArcSwap` as lists are: that is as dear to read, and whoever swaps goes
/// through the places of every thread that has ever read, with some forty locked instructions for each commit.
pub(super) struct Cell<E: Entity> {
    state: RwLock<Option<Arc<Published<E>>>>,
    /// The sweep at which it was last used.
    used: AtomicU64,
}

impl<E: Entity> Cell<E> {
    pub(super) fn new(sweep: u64) -> Self {
        Self {
            state: RwLock::default(),
            used: AtomicU64::new(sweep),
        }
    }

    pub(super) fn get(&self) -> Option<Arc<Published<E>>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts the newest committed state in place; none after the entity was erased. Verdicts of one entity come one
    /// after the other, also over activations, so that the last call is the newest.
    pub(super) fn set(&self, published: Option<Arc<Published<E>>>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *state, published);
        // Not under the lock.
        drop(state);
        drop(before);
    }

    pub(super) fn touch(&self, sweep: u64) {
        self.used.store(sweep, Ordering::Relaxed);
    }

    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

/// Every entity of a small kind, for quotes that need all of them.
pub(super) struct Roster<E: Entity> {
    pub(super) listing: Listing,
    list: ArcSwap<Vec<Arc<Published<E>>>>,
    /// How often the list was changed, counted after each change.
    changes: AtomicU64,
    /// The last commit that is known to have taken an entity out.
    removed: AtomicU64,
    writing: Mutex<()>,
}

impl<E: Entity> Roster<E> {
    pub(super) fn new(listing: Listing) -> Self {
        Self {
            listing,
            list: ArcSwap::default(),
            changes: AtomicU64::new(0),
            removed: AtomicU64::new(0),
            writing: Mutex::new(()),
        }
    }

    pub(super) fn get(&self) -> Arc<Vec<Arc<Published<E>>>> {
        self.list.load_full()
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Puts an entity's newest state in its place.
    pub(super) fn put(&self, published: &Arc<Published<E>>) {
        self.change(published.id, Some(published));
    }

    /// Takes an entity out that a commit has erased.
    pub(super) fn remove(&self, id: E::Id, erased: Position) {
        self.note_removed(erased);
        self.change(id, None);
    }

    /// Notes a commit that has taken an entity out.
    pub(super) fn note_removed(&self, Position(erased): Position) {
        self.removed.fetch_max(erased, Ordering::Release);
    }

    pub(super) fn removed(&self) -> Position {
        Position(self.removed.load(Ordering::Acquire))
    }

    fn change(&self, id: E::Id, published: Option<&Arc<Published<E>>>) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list = Vec::clone(&self.list.load());
        match (list.binary_search_by_key(&id, |entry| entry.id), published) {
            (Ok(at), Some(newer)) if list[at].position <= newer.position => list[at] = Arc::clone(newer),
            (Ok(at), None) => {
                list.remove(at);
            }
            (Err(at), Some(new)) => list.insert(at, Arc::clone(new)),
            (Ok(_), Some(_)) | (Err(_), None) => return,
        }
        self.list.store(Arc::new(list));
        self.changes.fetch_add(1, Ordering::Release);
    }
}
