//! Committed states, as readers see them.

use cartwright_domain::{Entity, Revision};
use cartwright_storage::{ListingRow, Position};
use std::sync::Arc;

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

/// A page of a listing with the committed state of each row's entity.
#[derive(Debug)]
pub struct Page<E: Entity> {
    /// The entities, in the order of the listing.
    pub items: Vec<Arc<Published<E>>>,
    /// The last row read, if there may be more: the next page's `after`.
    pub next: Option<ListingRow>,
}
