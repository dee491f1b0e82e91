//! The engine's clock: wall time at the start, monotonic from then on, never behind what is recorded.

use cartwright_domain::Timestamp;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// How far the wall clock may be behind the last record at the start. Section 5 of the design.
pub const WALL_CLOCK_BEHIND_MAX: Duration = Duration::from_secs(5 * 60);

/// From how far after the last record on the wall clock is told of at the start: whoever lets carts and sessions go by a
/// clock that is wrong can see why.
const WALL_CLOCK_AHEAD_TOLD: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The flag of `cartwright serve` that accepts a wall clock further behind.
pub const ACCEPT_CLOCK_FLAG: &str = "--accept-clock";

/// What to do about a wall clock that is too far behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockCheck {
    /// Refuse to start.
    #[default]
    Strict,
    /// Go on from the last recorded time.
    Accept,
}

/// Why the runtime does not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The wall clock is further behind the data than [`WALL_CLOCK_BEHIND_MAX`].
    #[error(
        "the clock is {} s behind the last record; set it right, or start with \
         `cartwright serve {ACCEPT_CLOCK_FLAG}` to go on from the recorded time",
        behind.as_secs()
    )]
    ClockBehind {
        /// By how much.
        behind: Duration,
    },
}

/// Tells the time. It starts at the wall clock or the last recorded time, whichever is later, and runs on the
/// monotonic clock from there, so that a step of the wall clock moves no deadline.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Timestamp,
    started: Instant,
}

impl Clock {
    /// Starts the clock from the machine's wall clock.
    ///
    /// # Errors
    /// [`StartError::ClockBehind`], unless accepted.
    pub fn start(last_recorded: Timestamp, check: ClockCheck) -> Result<Self, StartError> {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Self::start_at(Timestamp::default().after(wall), last_recorded, check)
    }

    /// Starts the clock from a given wall time.
    ///
    /// # Errors
    /// [`StartError::ClockBehind`], unless accepted.
    pub fn start_at(
        wall: Timestamp,
        last_recorded: Timestamp,
        check: ClockCheck,
    ) -> Result<Self, StartError> {
        let behind = last_recorded.since(wall);
        if check == ClockCheck::Strict && WALL_CLOCK_BEHIND_MAX < behind {
            return Err(StartError::ClockBehind { behind });
        }
        let ahead = wall.since(last_recorded);
        if WALL_CLOCK_BEHIND_MAX < behind {
            tracing::warn!(
                seconds = behind.as_secs(),
                "the clock is behind the last record: time goes on from there, ahead of the clock"
            );
        } else if last_recorded != Timestamp::default() && WALL_CLOCK_AHEAD_TOLD <= ahead {
            tracing::warn!(
                seconds = ahead.as_secs(),
                "the clock is long after the last record: what was to end by then ends now; unless the store stood still for \
                 so long, stop it and set the clock right"
            );
        }
        Ok(Self {
            base: wall.max(last_recorded),
            started: Instant::now(),
        })
    }

    /// Returns the time.
    pub fn now(&self) -> Timestamp {
        self.base.after(self.started.elapsed())
    }

    /// Returns the monotonic instant of a point in time; one that has passed is now.
    pub fn instant_of(&self, at: Timestamp) -> Instant {
        Instant::now() + at.since(self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn check(behind: Duration, clock_check: ClockCheck, expected: Result<Timestamp, StartError>) {
        let wall = Timestamp::from_millis(LAST.millis() - i64::try_from(behind.as_millis()).expect("small"));
        let clock = Clock::start_at(wall, LAST, clock_check);
        assert_eq!(clock.map(|clock| clock.now()), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_too_far_behind_stops_the_start() {
        check(Duration::ZERO, ClockCheck::Strict, Ok(LAST));
        check(WALL_CLOCK_BEHIND_MAX, ClockCheck::Strict, Ok(LAST));
        let behind = WALL_CLOCK_BEHIND_MAX + Duration::from_millis(1);
        check(
            behind,
            ClockCheck::Strict,
            Err(StartError::ClockBehind { behind }),
        );
        check(behind, ClockCheck::Accept, Ok(LAST));
    }

    #[tokio::test(start_paused = true)]
    async fn time_runs_on_the_monotonic_clock() {
        let ahead = LAST.after(Duration::from_secs(9));
        let clock = Clock::start_at(ahead, LAST, ClockCheck::Strict).expect("the clock is ahead");
        tokio::time::advance(Duration::from_millis(1500)).await;
        assert_eq!(clock.now(), ahead.after(Duration::from_millis(1500)));
    }
}
