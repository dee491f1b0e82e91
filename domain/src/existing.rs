//! What there is of a kind when another is made: a store may have only so many, and of equals the older comes first.

use crate::time::Timestamp;
use std::time::Duration;

/// How many there are, and when the newest was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Existing {
    /// How many there are.
    pub count: usize,
    /// When the newest of them was made.
    pub newest: Option<Timestamp>,
}

impl Existing {
    /// Counts those that were made at these times.
    pub fn made_at(times: impl IntoIterator<Item = Timestamp>) -> Self {
        let mut existing = Self::default();
        for at in times {
            existing.count += 1;
            existing.newest = existing.newest.max(Some(at));
        }
        existing
    }

    /// Returns when another counts as made: now, and yet later than all that there are, so that no two are of one age.
    pub fn next_at(self, now: Timestamp) -> Timestamp {
        let after = |newest: Timestamp| newest.after(Duration::from_millis(1));
        self.newest.map_or(now, |newest| now.max(after(newest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_of_one_age_whatever_the_clock_says() {
        let at = Timestamp::from_millis;
        let mut times = Vec::new();
        for (now, expected) in [(5, 5), (5, 6), (5, 7), (9, 9), (3, 10)] {
            let existing = Existing::made_at(times.iter().copied());
            assert_eq!(existing.count, times.len());
            times.push(existing.next_at(at(now)));
            assert_eq!(times.last(), Some(&at(expected)));
        }
        times.reverse();
        assert_eq!(Existing::made_at(times).newest, Some(at(10)));
    }
}
