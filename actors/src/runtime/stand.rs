//! Where an entity stands: its state, and what the index is to know of it.

use crate::runtime::published::Published;
use cartwright_domain::{Entity, Keys, Revision, TimerName, Timestamp};
use std::sync::Arc;

/// An entity as it stands after some command: its state, or none before creation and after erasure.
pub(super) struct Stand<E: Entity> {
    pub(super) state: Option<Arc<E>>,
    pub(super) revision: Revision,
    pub(super) timers: Arc<Vec<(String, Timestamp)>>,
    pub(super) keys: Arc<Keys>,
}

/// What a command or a timer has made of a working copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It is as it was.
    Nothing,
    /// A timer has changed what nobody sees and nobody did: no fact tells of it, and the revision stays, which callers may
    /// have named.
    Unseen,
    /// There is a new revision.
    Version,
}

impl<E: Entity> Clone for Stand<E> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            revision: self.revision,
            timers: Arc::clone(&self.timers),
            keys: Arc::clone(&self.keys),
        }
    }
}

impl<E: Entity> Stand<E> {
    /// Tells whether no actor is needed from here on, see [`Entity::may_rest`].
    pub(super) fn may_rest(&self) -> bool {
        self.state.as_ref().is_none_or(|state| state.may_rest())
    }

    /// Returns where it stands after a command, by the working copy, if that was changed, and the timers set or canceled.
    pub(super) fn after(&self, working: E, change: Change, timers: &[(E::Timer, Option<Timestamp>)]) -> Self {
        let mut stand = self.clone();
        if change != Change::Nothing {
            let keys = working.keys();
            if keys != *stand.keys {
                stand.keys = Arc::new(keys);
            }
            if change == Change::Version {
                stand.revision = stand.revision.next();
            }
            stand.state = Some(Arc::new(working));
        }
        if !timers.is_empty() {
            let mut rows = Vec::with_capacity(stand.timers.len() + timers.len());
            rows.extend_from_slice(&stand.timers);
            for (timer, at) in timers {
                rows.retain(|(name, _)| name != timer.name());
                if let Some(at) = at {
                    rows.push((timer.name().to_owned(), *at));
                }
            }
            stand.timers = Arc::new(rows);
        }
        stand
    }
}

/// Where an entity durably stands: what readers see of it, and where it goes back to when a commit is dropped.
pub(super) struct Committed<E: Entity> {
    pub(super) published: Option<Arc<Published<E>>>,
    pub(super) stand: Stand<E>,
}
