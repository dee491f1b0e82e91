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
        let timers = match timers {
            [] => Arc::clone(&self.timers),
            timers => Arc::new(self.timers_after(timers)),
        };
        if change == Change::Nothing {
            return Self {
                timers,
                ..self.clone()
            };
        }
        let keys = working.keys();
        Self {
            revision: match change {
                Change::Version => self.revision.next(),
                Change::Nothing | Change::Unseen => self.revision,
            },
            timers,
            keys: match keys == *self.keys {
                true => Arc::clone(&self.keys),
                false => Arc::new(keys),
            },
            state: Some(Arc::new(working)),
        }
    }

    fn timers_after(&self, timers: &[(E::Timer, Option<Timestamp>)]) -> Vec<(String, Timestamp)> {
        let mut rows = Vec::with_capacity(self.timers.len() + timers.len());
        rows.extend_from_slice(&self.timers);
        for (timer, at) in timers {
            rows.retain(|(name, _)| name != timer.name());
            if let Some(at) = at {
                rows.push((timer.name().to_owned(), *at));
            }
        }
        rows
    }
}

/// Where an entity durably stands: what readers see of it, and where it goes back to when a commit is dropped.
pub(super) struct Committed<E: Entity> {
    pub(super) published: Option<Arc<Published<E>>>,
    pub(super) stand: Stand<E>,
}
