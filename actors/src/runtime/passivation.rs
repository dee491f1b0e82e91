//! Passivation: the actor of what is idle goes to rest, and what was idle for long enough leaves memory.
//!
//! An actor is most of what an idle entity takes, and costs little to start while its state is in memory.

use crate::runtime::actor::{Message, Then};
use crate::runtime::directory::{Phase, Slot};
use crate::runtime::kind::KindShared;
use crate::runtime::tasks::TaskEnd;
use cartwright_domain::Entity;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// Idleness is measured in sweeps, of which so many make the idle time.
const SWEEPS_PER_IDLE: u32 = 8;
/// After so many an actor goes to rest.
const SWEEPS_PER_REST: u32 = 2;
/// Between sweeps it is checked so often that no ceiling is passed by much.
const CEILING_CHECK: Duration = Duration::from_secs(1);

impl<E: Entity> KindShared<E> {
    /// Starts the task that sweeps this kind.
    pub(super) fn start_sweeping(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        let sweep_every = (self.options.idle / SWEEPS_PER_IDLE).max(Duration::from_millis(1));
        let task = async move {
            let mut since_sweep = Duration::ZERO;
            let check_every = sweep_every.min(CEILING_CHECK);
            loop {
                tokio::time::sleep(check_every).await;
                since_sweep += check_every;
                let is_over = shared.options.resident_max < shared.directory.len();
                if sweep_every <= since_sweep {
                    since_sweep = Duration::ZERO;
                    shared.sweeps.fetch_add(1, Ordering::Relaxed);
                } else if !is_over {
                    continue;
                }
                shared.sweep_once();
                shared.forget_ended().await;
            }
        };
        self.runtime
            .spawn("sweep", E::KIND.name(), TaskEnd::AtShutdown, task);
    }

    /// Puts idle actors to rest and forgets entities that rest, by age and down to the ceiling.
    fn sweep_once(&self) {
        let now = self.sweep();
        // Below the ceiling nearly all may stay, and are not worth putting in order.
        let is_over = self.options.resident_max < self.directory.len();
        let mut aged = Vec::new();
        for slot in &self.directory {
            let stay = match &slot.phase {
                Phase::Live(_) => Stay::Live,
                Phase::Resting(_) => Stay::Resting,
                Phase::Loading(_) | Phase::Backoff { .. } | Phase::Quarantined => continue,
            };
            let age = now.saturating_sub(slot.cell.used());
            if is_over || stay.is_over(age) {
                aged.push((age, stay, *slot.key()));
            }
        }
        for (goes, id) in overdue(aged, self.options.resident_max) {
            match goes {
                Goes::ToRest(then) => self.put_to_rest(id, then),
                Goes::OutOfMemory => self.forget(id),
            }
        }
    }

    fn put_to_rest(&self, id: E::Id, then: Then) {
        if let Some(slot) = self.directory.get(&id)
            && let Phase::Live(live) = &slot.phase
        {
            let _ = live.actor.send_message(Message::Passivate(then));
        }
    }
}

impl<E: Entity> KindShared<E> {
    /// Forgets entities that ended uncleanly and were not asked for since. Their last commits get their verdicts
    /// first, so that whoever loads next sees them.
    async fn forget_ended(&self) {
        let (now, sweep) = (Instant::now(), self.sweep());
        let is_over = |slot: &Slot<E>| {
            let age = sweep.saturating_sub(slot.cell.used());
            matches!(slot.phase, Phase::Backoff { until } if until <= now)
                && u64::from(SWEEPS_PER_IDLE) <= age
        };
        if !self.directory.iter().any(|slot| is_over(&slot)) {
            return;
        }
        self.runtime.store.barrier().await;
        self.directory.retain(|_, slot| !is_over(slot));
    }
}

/// How an entity stays in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stay {
    Live,
    Resting,
}

impl Stay {
    /// Tells whether its time in this way is over after so many sweeps without use.
    fn is_over(self, age: u64) -> bool {
        let sweeps = match self {
            Self::Live => SWEEPS_PER_REST,
            Self::Resting => SWEEPS_PER_IDLE,
        };
        u64::from(sweeps) <= age
    }
}

/// Where an entity goes whose time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goes {
    ToRest(Then),
    OutOfMemory,
}

/// Returns those whose time in this way is over, and the longest idle of those over the ceiling, who leave memory at once.
fn overdue<I: Ord>(mut aged: Vec<(u64, Stay, I)>, max: usize) -> Vec<(Goes, I)> {
    let excess = aged.len().saturating_sub(max);
    aged.sort_unstable_by(|a, b| b.cmp(a));
    let places = aged.into_iter().enumerate();
    let goes = places.filter_map(|(at, (age, stay, id))| {
        let is_excess = at < excess;
        let goes = match stay {
            Stay::Live if is_excess => Goes::ToRest(Then::Leaves),
            Stay::Live => Goes::ToRest(Then::Stays),
            Stay::Resting => Goes::OutOfMemory,
        };
        (is_excess || stay.is_over(age)).then_some((goes, id))
    });
    goes.collect()
}

#[cfg(test)]
mod tests {
    use super::Stay::{Live, Resting};
    use super::*;

    #[test]
    fn the_idle_go_and_over_the_ceiling_the_longest_idle() {
        let aged = vec![
            (7, Resting, 'a'),
            (8, Resting, 'b'),
            (1, Live, 'c'),
            (2, Live, 'd'),
        ];
        let (stays, leaves) = (Goes::ToRest(Then::Stays), Goes::ToRest(Then::Leaves));
        let out = Goes::OutOfMemory;
        assert_eq!(overdue(aged.clone(), 9), [(out, 'b'), (stays, 'd')]);
        assert_eq!(overdue(aged.clone(), 2), [(out, 'b'), (out, 'a'), (stays, 'd')]);
        assert_eq!(overdue(aged, 1), [(out, 'b'), (out, 'a'), (leaves, 'd')]);
        let alike = vec![(1, Live, 'a'), (1, Resting, 'b')];
        assert_eq!(overdue(alike.clone(), 1), [(out, 'b')]);
        assert_eq!(overdue(alike, 2), []);
    }
}
