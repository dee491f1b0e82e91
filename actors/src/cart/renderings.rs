//! What the edge has made of one priced state of a cart, so that all who changed the cart in one commit are answered with
//! what was made for the first of them.

use bytes::Bytes;
use cartwright_domain::id::LineId;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Of how many lines what was made is kept.
const KEPT_MAX: usize = 16;

/// See the module. Bounded.
///
/// Most states are told to one caller, and nothing is kept for the first.
#[derive(Debug, Default)]
pub struct Renderings {
    is_told: AtomicBool,
    kept: Mutex<Vec<(Option<LineId>, Bytes)>>,
}

impl Renderings {
    /// Returns what is told about a line, or about none: as it was told before, else made. It must depend on the state,
    /// its price and the line alone. Nothing comes of what cannot be made.
    pub fn of(&self, line: Option<LineId>, make: impl FnOnce() -> Option<Bytes>) -> Option<Bytes> {
        if !self.is_told.swap(true, Ordering::Relaxed) {
            return make();
        }
        let find = || {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let found = kept.iter().find(|(of, _)| *of == line);
            found.map(|(_, made)| made.clone())
        };
        if let Some(made) = find() {
            return Some(made);
        }
        let made = make()?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX {
            // Its own size: what it was written into has room for more.
            kept.push((line, Bytes::copy_from_slice(&made)));
        }
        Some(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cartwright_domain::EntityId;
    use uuid::Uuid;

    #[test]
    fn what_is_told_to_many_is_made_for_few_of_them() {
        let renderings = Renderings::default();
        let line = |number: u128| Some(LineId::from_uuid(Uuid::from_u128(number)));
        let mut made = Vec::new();
        let mut tell = |line| {
            let told = renderings.of(line, || {
                made.push(line);
                Some(Bytes::from(format!("{line:?}")))
            });
            assert_eq!(told, Some(Bytes::from(format!("{line:?}"))));
        };
        for told in [line(1), line(1), line(1), None, line(2), None, line(1), line(2)] {
            tell(told);
        }
        assert_eq!(made, [line(1), line(1), None, line(2)]);

        assert_eq!(renderings.of(line(3), || None), None);
        for number in 0..100 {
            let told = Bytes::from(number.to_string());
            assert_eq!(
                renderings.of(line(number + 10), || Some(told.clone())),
                Some(told)
            );
        }
        let kept = renderings.kept.lock().expect("nobody panics");
        assert_eq!(kept.len(), KEPT_MAX);
    }
}
