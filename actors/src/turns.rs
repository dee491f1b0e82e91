//! Turns: what one request at a time decides on, where a decision is more than one commit and nobody may come in between.
//!
//! In memory only. Whoever ends in the middle of a turn has told nobody of what was done until then; the edge lets what
//! staff ask come to its end.

use crate::request::{Refused, Request};
use crate::runtime::AskError;
use cartwright_domain::settings;
use std::hash::{DefaultHasher, Hash, Hasher};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout_at;

/// Into how many groups things fall; those of one group share their turns. Many more than are decided on at once, so that
/// hardly anybody waits for what another decides.
const GROUPS: u16 = 4_096;

/// The turns of things of one sort.
pub(crate) struct Turns(Vec<Mutex<()>>);

/// A request's turn at some things, until it is dropped.
#[must_use = "a turn is over when it is dropped"]
pub(crate) struct Turn<'a> {
    _groups: Vec<MutexGuard<'a, ()>>,
}

impl Turns {
    pub(crate) fn new() -> Self {
        Self((0..GROUPS).map(|_| Mutex::new(())).collect())
    }

    /// Waits until nobody else has a turn at any of these, and takes one at all of them. Whoever has a turn waits for no
    /// other.
    ///
    /// # Errors
    /// The end of the request.
    pub(crate) async fn take<T: Hash>(
        &self,
        request: &Request,
        things: impl IntoIterator<Item = T, IntoIter: Send>,
    ) -> Result<Turn<'_>, Refused> {
        let mut groups: Vec<usize> = things.into_iter().map(|thing| group_of(&thing)).collect();
        // All in one order, so that no two wait for each other.
        groups.sort_unstable();
        groups.dedup();
        let mut taken = Vec::with_capacity(groups.len());
        for group in groups {
            let one = timeout_at(request.ends(), self.0[group].lock());
            taken.push(one.await.map_err(|_| AskError::<settings::Error>::Expired)?);
        }
        Ok(Turn { _groups: taken })
    }
}

fn group_of(thing: &impl Hash) -> usize {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    let [low, high, ..] = hasher.finish().to_le_bytes();
    usize::from(u16::from_le_bytes([low, high]) % GROUPS)
}
