//! Passivation: what is idle goes to sleep, and what has slept long enough leaves memory.

use crate::runtime::actor::Message;
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

    /// Puts idle entities to sleep and forgets sleeping ones, by age and down to the ceiling.
    fn sweep_once(&self) {
        let now = self.sweep();
        let mut live = Vec::new();
        let mut resting = Vec::new();
        for slot in &self.directory {
            let age = now.saturating_sub(slot.cell.used());
            match &slot.phase {
                Phase::Live(_) => live.push((age, *slot.key())),
                Phase::Resting(_) => resting.push((age, *slot.key())),
                Phase::Loading(_) | Phase::Backoff { .. } | Phase::Quarantined => {}
            }
        }
        for id in overdue(live, self.options.resident_max) {
            if let Some(slot) = self.directory.get(&id)
                && let Phase::Live(live) = &slot.phase
            {
                let _ = live.actor.send_message(Message::Passivate);
            }
        }
        for id in overdue(resting, self.options.resident_max) {
            self.directory
                .remove_if(&id, |_, slot| matches!(slot.phase, Phase::Resting(_)));
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

/// Returns those that are idle for long enough, and the longest idle of those over the ceiling.
fn overdue<I: Ord>(mut aged: Vec<(u64, I)>, max: usize) -> Vec<I> {
    let excess = aged.len().saturating_sub(max);
    aged.sort_unstable_by(|a, b| b.cmp(a));
    let is_overdue = |(at, (age, _)): &(usize, (u64, I))| *at < excess || u64::from(SWEEPS_PER_IDLE) <= *age;
    aged.into_iter()
        .enumerate()
        .take_while(is_overdue)
        .map(|(_, (_, id))| id)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_idle_go_and_over_the_ceiling_the_longest_idle() {
        assert_eq!(overdue(vec![(7, 'a'), (8, 'b'), (9, 'c')], 9), ['c', 'b']);
        assert_eq!(overdue(vec![(1, 'a'), (3, 'b'), (2, 'c')], 2), ['b']);
        assert_eq!(overdue(vec![(1, 'a'), (3, 'b')], 2), [] as [char; 0]);
    }
}
