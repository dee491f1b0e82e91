//! What goods have cost, by what staff asked for and were told.

use cartwright_domain::id::VariantId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// The prices in pence that variants may have had, and when. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tags(Arc<Mutex<BTreeMap<VariantId, Vec<Tag>>>>);

#[derive(Clone, Copy, Debug)]
struct Tag {
    price: i64,
    /// Since when another one has certainly taken its place.
    replaced_at: Option<Instant>,
}

impl Tags {
    /// Staff ask for a price: it may be so from now on.
    pub(crate) fn ask(&self, variant: VariantId, price: i64) {
        let tag = Tag {
            price,
            replaced_at: None,
        };
        self.tags().entry(variant).or_default().push(tag);
    }

    /// Staff were told that it is the price that they asked for last.
    pub(crate) fn set(&self, variant: VariantId) {
        let mut tags = self.tags();
        let Some((_, earlier)) = tags.get_mut(&variant).and_then(|tags| tags.split_last_mut()) else {
            return;
        };
        for tag in earlier {
            tag.replaced_at.get_or_insert_with(Instant::now);
        }
    }

    /// Tells whether a variant may have cost so much at some time since then.
    pub(crate) fn may_have_been(&self, variant: VariantId, price: i64, since: Instant) -> bool {
        let stood = |tag: &Tag| tag.price == price && tag.replaced_at.is_none_or(|at| since <= at);
        self.tags()
            .get(&variant)
            .is_some_and(|tags| tags.iter().any(stood))
    }

    fn tags(&self) -> MutexGuard<'_, BTreeMap<VariantId, Vec<Tag>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
