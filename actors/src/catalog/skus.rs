//! Which SKUs are about to be taken. Each variant is a commit of its own, and yet a product is made with all of its
//! variants or not at all: while one is in the making, nobody else takes a SKU of its.

use crate::request::{Refused, Request};
use crate::runtime::AskError;
use cartwright_domain::catalog;
use std::hash::{DefaultHasher, Hash, Hasher};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::time::timeout_at;

/// Into how many groups SKUs fall, one for each byte; those of one group are held together.
const GROUPS: usize = 1 << u8::BITS;

/// Holds SKUs. Variants alone do not wait for each other: of two with one SKU the store refuses the second.
pub(crate) struct HeldSkus(Vec<RwLock<()>>);

impl HeldSkus {
    pub(crate) fn new() -> Self {
        Self((0..GROUPS).map(|_| RwLock::new(())).collect())
    }

    /// Waits until no product is in the making that may have this SKU, and keeps others from beginning.
    ///
    /// # Errors
    /// The deadline of the request.
    pub(super) async fn for_variant(
        &self,
        request: &Request,
        sku: &str,
    ) -> Result<RwLockReadGuard<'_, ()>, Refused> {
        let held = timeout_at(request.deadline, self.0[group_of(sku)].read());
        held.await.map_err(|_| expired())
    }

    /// Waits until nobody is about to take one of these SKUs, and keeps others from it.
    ///
    /// # Errors
    /// As for [`Self::for_variant`].
    pub(super) async fn for_product(
        &self,
        request: &Request,
        skus: impl Iterator<Item = &str>,
    ) -> Result<Vec<RwLockWriteGuard<'_, ()>>, Refused> {
        let mut groups: Vec<usize> = skus.map(group_of).collect();
        // All in one order, so that no two wait for each other.
        groups.sort_unstable();
        groups.dedup();
        let mut held = Vec::with_capacity(groups.len());
        for group in groups {
            let one = timeout_at(request.deadline, self.0[group].write());
            held.push(one.await.map_err(|_| expired())?);
        }
        Ok(held)
    }
}

fn group_of(sku: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    sku.hash(&mut hasher);
    let [group, ..] = hasher.finish().to_le_bytes();
    group.into()
}

fn expired() -> Refused {
    AskError::<catalog::Error>::Expired.into()
}
