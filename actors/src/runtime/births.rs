//! What is known of sagas that began in this process: their steps have left no receipt before the saga was there, and
//! none at all before they are first tried.

use crate::runtime::DashMap;
use crate::runtime::ask::StepKey;
use cartwright_domain::EntityKey;
use cartwright_storage::Position;

/// Open sagas that began in this process and whose runner has not crashed.
#[derive(Default)]
pub(super) struct Births {
    sagas: DashMap<EntityKey, Born>,
}

struct Born {
    /// The saga's first commit.
    at: Position,
    tried: Vec<(&'static str, EntityKey)>,
}

impl Births {
    /// Notes a saga's first commit, before its first step.
    pub(super) fn begin(&self, saga: EntityKey, at: Position) {
        let tried = Vec::new();
        self.sagas.insert(saga, Born { at, tried });
    }

    /// Forgets a saga: it has ended, or nobody knows any more what it has tried.
    pub(super) fn end(&self, saga: EntityKey) {
        self.sagas.remove(&saga);
    }

    /// Returns the steps that a saga has tried and where, undos apart, if it is known to have begun in this process.
    pub(super) fn tried(&self, saga: EntityKey) -> Option<Vec<(&'static str, EntityKey)>> {
        self.sagas.get(&saga).map(|born| born.tried.clone())
    }

    /// Notes that a step is tried. On its first try it has left no receipt, and none could be older than the position
    /// that is returned; otherwise one must be looked for. An undo always looks.
    pub(super) fn first_try(&self, step: StepKey, participant: EntityKey) -> Option<Position> {
        if step.forbids.is_some() {
            return None;
        }
        let mut born = self.sagas.get_mut(&step.saga)?;
        let this = (step.step, participant);
        if born.tried.contains(&this) {
            return None;
        }
        born.tried.push(this);
        Some(born.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cartwright_domain::Kind;
    use uuid::Uuid;

    #[test]
    fn only_the_first_try_of_a_saga_begun_here_needs_no_look_up() {
        let key = |kind, id| EntityKey {
            kind,
            id: Uuid::from_u128(id),
        };
        let (saga, a, b) = (key(Kind::ToySaga, 1), key(Kind::Toy, 2), key(Kind::Toy, 3));
        let step = |step, forbids| StepKey { saga, step, forbids };
        let births = Births::default();
        assert_eq!(births.first_try(step("take", None), a), None);
        assert_eq!(births.tried(saga), None);
        births.begin(saga, Position(7));
        assert_eq!(births.tried(saga), Some(vec![]));
        assert_eq!(births.first_try(step("take", None), a), Some(Position(7)));
        assert_eq!(births.first_try(step("take", None), a), None);
        assert_eq!(births.first_try(step("take", None), b), Some(Position(7)));
        assert_eq!(births.first_try(step("give_back", Some("take")), a), None);
        assert_eq!(births.tried(saga), Some(vec![("take", a), ("take", b)]));
        births.end(saga);
        assert_eq!(births.tried(saga), None);
        assert_eq!(births.first_try(step("pin", None), a), None);
    }
}
