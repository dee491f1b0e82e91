//! Points in time, as the engine stores them.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Milliseconds since 1970-01-01T00:00:00Z. Written for people only at the edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Makes a timestamp of milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Returns the time `duration` later, or the last representable one.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// Returns the time `duration` earlier, or the first representable one.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// Returns how long ago `earlier` was, zero if it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Returns bytes that sort as the points in time do, for the keys of listings.
    pub fn sort_key(self) -> [u8; 8] {
        (self.0 ^ i64::MIN).to_be_bytes()
    }
}

/// A time from one instant on, up to but not including another; without an end on either side where none is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Period {
    /// When it begins.
    pub from: Option<Timestamp>,
    /// When it has ended.
    pub until: Option<Timestamp>,
}

impl Period {
    /// Tells whether a point in time lies in it.
    pub fn contains(self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// Returns the part of it around `at` in which the other neither begins nor ends.
    #[must_use]
    pub fn bounded_by(self, other: Self, at: Timestamp) -> Self {
        let Self { mut from, mut until } = self;
        for turn in [other.from, other.until].into_iter().flatten() {
            if turn <= at {
                from = Some(from.map_or(turn, |from| from.max(turn)));
            } else {
                until = Some(until.map_or(turn, |until| until.min(turn)));
            }
        }
        Self { from, until }
    }

    /// Tells whether no point in time lies in it.
    pub fn is_empty(self) -> bool {
        matches!((self.from, self.until), (Some(from), Some(until)) if until <= from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_holds_its_beginning_and_not_its_end() {
        let check = |from: Option<i64>, until: Option<i64>, held: [bool; 4]| {
            let (from, until) = (from.map(Timestamp), until.map(Timestamp));
            let period = Period { from, until };
            assert_eq!([0, 1, 2, 3].map(|at| period.contains(Timestamp(at))), held);
            assert_eq!(period.is_empty(), held == [false; 4]);
        };
        check(None, None, [true; 4]);
        check(Some(1), Some(3), [false, true, true, false]);
        check(Some(1), None, [false, true, true, true]);
        check(None, Some(1), [true, false, false, false]);
        check(Some(2), Some(2), [false; 4]);
        check(Some(3), Some(1), [false; 4]);
    }

    #[test]
    fn a_period_is_bounded_by_the_turns_of_another() {
        let period = |from: Option<i64>, until: Option<i64>| Period {
            from: from.map(Timestamp),
            until: until.map(Timestamp),
        };
        let bounded = |other| period(Some(2), Some(8)).bounded_by(other, Timestamp(5));
        assert_eq!(bounded(period(None, None)), period(Some(2), Some(8)));
        assert_eq!(bounded(period(Some(3), Some(7))), period(Some(3), Some(7)));
        assert_eq!(bounded(period(Some(1), Some(9))), period(Some(2), Some(8)));
        assert_eq!(bounded(period(Some(6), Some(7))), period(Some(2), Some(6)));
        assert_eq!(bounded(period(None, Some(5))), period(Some(5), Some(8)));
    }

    #[test]
    fn sort_keys_sort_as_time_does() {
        let keys =
            [i64::MIN, -1, 0, 1, 255, 256, i64::MAX].map(|millis| Timestamp::from_millis(millis).sort_key());
        assert!(keys.is_sorted_by(|earlier, later| earlier < later), "{keys:?}");
    }
}
