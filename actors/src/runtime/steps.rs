//! What an actor remembers of the saga steps it has taken part in, so that a repeat is known before it runs.

use cartwright_domain::EntityKey;
use cartwright_storage::{Outcome, Position, ReceiptKey};
use foldhash::HashMap;
use std::borrow::Cow;
use std::collections::VecDeque;

/// How many committed step receipts an activation remembers.
pub(super) const STEPS_REMEMBERED_MAX: usize = 4_096;

type Key = (EntityKey, Cow<'static, str>);

/// Every step receipt of this entity after [`Steps::since`] is among these. A look-up made as of a position at or
/// after it, together with them, proves that a step has not run; one made before must be made again.
pub(super) struct Steps {
    since: Position,
    /// Few entities take part in sagas.
    kept: Option<Box<Kept>>,
}

#[derive(Default)]
struct Kept {
    known: HashMap<Key, Outcome>,
    committed: VecDeque<(Position, Key)>,
}

impl Steps {
    pub(super) fn new(since: Position) -> Self {
        Self { since, kept: None }
    }

    /// Returns the position as of which a look-up must have been made.
    pub(super) fn since(&self) -> Position {
        self.since
    }

    pub(super) fn outcome(&self, saga: EntityKey, step: &'static str) -> Option<&Outcome> {
        self.kept.as_ref()?.known.get(&(saga, step.into()))
    }

    /// Remembers an outcome that is part of the head and not yet committed.
    pub(super) fn remember(&mut self, key: &ReceiptKey, outcome: &Outcome) {
        if let ReceiptKey::Step { saga, step, .. } = key {
            let kept = self.kept.get_or_insert_default();
            kept.known.insert((*saga, step.clone()), outcome.clone());
        }
    }

    /// Forgets an outcome whose commit was dropped.
    pub(super) fn forget(&mut self, key: &ReceiptKey) {
        if let (ReceiptKey::Step { saga, step, .. }, Some(kept)) = (key, &mut self.kept) {
            kept.known.remove(&(*saga, step.clone()));
        }
    }

    /// Notes that the outcomes are committed, and forgets the oldest over the limit.
    pub(super) fn commit(&mut self, keys: impl IntoIterator<Item = ReceiptKey>, position: Position) {
        let Some(kept) = &mut self.kept else { return };
        for key in keys {
            if let ReceiptKey::Step { saga, step, .. } = key {
                kept.committed.push_back((position, (saga, step)));
            }
        }
        while STEPS_REMEMBERED_MAX < kept.committed.len() {
            if let Some((position, key)) = kept.committed.pop_front() {
                kept.known.remove(&key);
                self.since = self.since.max(position);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cartwright_domain::Kind;

    fn key(n: usize) -> ReceiptKey {
        let saga = EntityKey {
            kind: Kind::ToySaga,
            id: uuid::Uuid::from_u128(1),
        };
        let participant = EntityKey {
            kind: Kind::Toy,
            id: uuid::Uuid::from_u128(2),
        };
        ReceiptKey::Step {
            saga,
            step: format!("step-{n}").into(),
            participant,
        }
    }

    #[test]
    fn what_is_forgotten_moves_the_position_from_which_a_look_up_counts() {
        let saga = EntityKey {
            kind: Kind::ToySaga,
            id: uuid::Uuid::from_u128(1),
        };
        let mut steps = Steps::new(Position(7));
        for n in 0..STEPS_REMEMBERED_MAX {
            steps.remember(&key(n), &Outcome::Forbidden);
            steps.commit([key(n)], Position(100 + n as u64));
        }
        assert_eq!(
            (steps.since(), steps.outcome(saga, "step-0")),
            (Position(7), Some(&Outcome::Forbidden))
        );
        steps.remember(&key(9_999), &Outcome::Forbidden);
        steps.commit([key(9_999)], Position(9_999));
        assert_eq!(
            (steps.since(), steps.outcome(saga, "step-0")),
            (Position(100), None)
        );
        assert_eq!(steps.outcome(saga, "step-1"), Some(&Outcome::Forbidden));
    }
}
