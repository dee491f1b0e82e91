//! Which SKUs are about to be taken. Each variant is a commit of its own, and yet a product is made with all of its
//! variants or not at all: while one is in the making, nobody else takes a SKU of its.

use crate::request::{Refused, Request};
use crate::runtime::AskError;
use cartwright_domain::catalog;
use std::hash::{DefaultHasher, Hash, Hasher};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout_at;

/// Into how many groups SKUs fall; those of one group are held together. Many more than are held at once, so that hardly
/// anybody waits for another's SKU.
const GROUPS: u16 = 4_096;

/// SKUs in somebody's hand.
pub(crate) struct HeldSkus(Vec<Mutex<()>>);

impl HeldSkus {
    pub(crate) fn new() -> Self {
        Self((0..GROUPS).map(|_| Mutex::new(())).collect())
    }

    /// Waits until nobody else is about to take one of these SKUs, and keeps others from it.
    ///
    /// # Errors
    /// The deadline of the request.
    pub(super) async fn hold(
        &self,
        request: &Request,
        skus: impl Iterator<Item = &str> + Send,
    ) -> Result<Vec<MutexGuard<'_, ()>>, Refused> {
        let mut groups: Vec<usize> = skus.map(group_of).collect();
        // All in one order, so that no two wait for each other.
        groups.sort_unstable();
        groups.dedup();
        let mut held = Vec::with_capacity(groups.len());
        for group in groups {
            let one = timeout_at(request.deadline, self.0[group].lock());
            held.push(one.await.map_err(|_| AskError::<catalog::Error>::Expired)?);
        }
        Ok(held)
    }
}

fn group_of(sku: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    sku.hash(&mut hasher);
    let [low, high, ..] = hasher.finish().to_le_bytes();
    usize::from(u16::from_le_bytes([low, high]) % GROUPS)
}
