//! What one request at a time decides on: where a decision is more than one commit, and nobody may come in between.
//!
//! In memory only. Whoever holds something and ends in the middle has told nobody of what was done until then.

use crate::request::{Refused, Request};
use crate::runtime::AskError;
use cartwright_domain::settings;
use std::hash::{DefaultHasher, Hash, Hasher};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout_at;

/// Into how many groups things fall; those of one group are held together. Many more than are held at once, so that
/// hardly anybody waits for what another holds.
const GROUPS: u16 = 4_096;

/// Things of one sort, and which of them are held.
pub(crate) struct Holds(Vec<Mutex<()>>);

impl Holds {
    pub(crate) fn new() -> Self {
        Self((0..GROUPS).map(|_| Mutex::new(())).collect())
    }

    /// Waits until nobody else holds any of these, and holds them until the answer is dropped. Whoever holds some asks for
    /// no more.
    ///
    /// # Errors
    /// The deadline of the request.
    pub(crate) async fn hold<T: Hash>(
        &self,
        request: &Request,
        things: impl IntoIterator<Item = T, IntoIter: Send>,
    ) -> Result<Vec<MutexGuard<'_, ()>>, Refused> {
        let mut groups: Vec<usize> = things.into_iter().map(|thing| group_of(&thing)).collect();
        // All in one order, so that no two wait for each other.
        groups.sort_unstable();
        groups.dedup();
        let mut held = Vec::with_capacity(groups.len());
        for group in groups {
            let one = timeout_at(request.deadline, self.0[group].lock());
            held.push(one.await.map_err(|_| AskError::<settings::Error>::Expired)?);
        }
        Ok(held)
    }
}

fn group_of(thing: &impl Hash) -> usize {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    let [low, high, ..] = hasher.finish().to_le_bytes();
    usize::from(u16::from_le_bytes([low, high]) % GROUPS)
}
