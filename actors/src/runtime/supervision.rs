//! Supervision: an actor that crashes is started again after a wait, and set aside if it keeps crashing.

use crate::runtime::directory::Phase;
use crate::runtime::kind::KindShared;
use crate::runtime::randomness::Randomness;
use cartwright_domain::Entity;
use futures::future::FutureExt;
use ractor::{
    Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, ActorRuntime, SpawnErr, SupervisionEvent,
};
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::unconstrained;
use tokio::time::Instant;

/// How crashes are answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    pub(super) backoff_min: Duration,
    pub(super) backoff_max: Duration,
    pub(super) crashes_max: usize,
    pub(super) window: Duration,
}

impl Policy {
    /// Returns the shortest wait doubled so many times, at most the longest.
    pub(super) fn backoff(&self, doublings: u32) -> Duration {
        let times = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.backoff_min.saturating_mul(times).min(self.backoff_max)
    }
}

/// The crashes of the recent past.
pub(super) struct Strikes<I> {
    policy: Policy,
    randomness: Randomness,
    times: HashMap<I, VecDeque<Instant>>,
}

impl<I: Copy + Eq + Hash> Strikes<I> {
    pub(super) fn new(policy: Policy, randomness: Randomness) -> Self {
        Self {
            policy,
            randomness,
            times: HashMap::new(),
        }
    }

    /// Notes a crash; returns how long to wait, or nothing when it is one too many.
    pub(super) fn strike(&mut self, id: I, now: Instant) -> Option<Duration> {
        let window = self.policy.window;
        let is_recent = |at: &Instant| now.duration_since(*at) < window;
        self.times.retain(|_, times| times.back().is_some_and(is_recent));
        let times = self.times.entry(id).or_default();
        times.retain(is_recent);
        times.push_back(now);
        if self.policy.crashes_max <= times.len() {
            self.times.remove(&id);
            return None;
        }
        let doublings = u32::try_from(times.len() - 1).unwrap_or(u32::MAX);
        Some(jittered(self.policy.backoff(doublings), &self.randomness))
    }
}

/// Returns between three quarters and all of a wait, so that many do not come back at once.
fn jittered(wait: Duration, randomness: &Randomness) -> Duration {
    let [random, ..] = randomness.seed().0.into_bytes();
    wait - wait * u32::from(random) / (4 * 256)
}

/// Starts an actor under its supervisor, with one task: ractor's own way to do that without waiting takes another one to
/// prepare it.
///
/// # Errors
/// The supervisor is about to stop, or the actor's `pre_start` fails or waits, which none of ours does.
// Not a copy of ractor's way to start an actor in each directory.
#[inline(never)]
pub(super) fn start<A: Actor>(
    actor: A,
    arguments: A::Arguments,
    supervisor: ActorCell,
) -> Result<ActorRef<A::Msg>, SpawnErr> {
    let started = ActorRuntime::spawn_linked(None, actor, arguments, supervisor);
    // Whatever the task at hand has used of its turn: a future of tokio's waits where nothing is left of it.
    let started = unconstrained(started).now_or_never();
    match started.unwrap_or_else(|| Err(SpawnErr::StartupFailed("its pre_start waits".into()))) {
        Ok((started, _)) => Ok(started),
        Err(error) => {
            tracing::error!(%error, "an actor does not start");
            Err(error)
        }
    }
}

/// Who is told how the actors of some kind end.
pub(super) trait Guardian: Send {
    /// An actor has crashed.
    fn crashed(&mut self, actor: ActorId, reason: &ActorProcessingErr);
    /// An actor has stopped.
    fn ended(&self, actor: ActorId);
}

/// The supervisor of the entities of one kind. It outlives them all.
pub(super) struct Supervisor;

pub(super) struct Watch<E: Entity> {
    shared: Arc<KindShared<E>>,
    strikes: Strikes<E::Id>,
}

impl<E: Entity> Watch<E> {
    pub(super) fn new(shared: Arc<KindShared<E>>) -> Self {
        let options = &shared.runtime.options;
        let strikes = Strikes::new(options.policy(), options.randomness.clone());
        Self { shared, strikes }
    }
}

impl<E: Entity> Guardian for Watch<E> {
    fn crashed(&mut self, actor: ActorId, reason: &ActorProcessingErr) {
        let Some((_, (id, incarnation))) = self.shared.wards.remove(&actor) else {
            return;
        };
        self.shared.counts.restarts.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let entity = E::key(id);
        let phase = match self.strikes.strike(id, now) {
            Some(wait) => {
                tracing::error!(%entity, %reason, ?wait, "an entity crashed and is restarted after a wait");
                Phase::Backoff { until: now + wait }
            }
            None => {
                tracing::error!(%entity, %reason, "an entity keeps crashing and is set aside");
                Phase::Quarantined
            }
        };
        self.shared.set_aside(id, incarnation, phase);
    }

    fn ended(&self, actor: ActorId) {
        if let Some((_, (id, incarnation))) = self.shared.wards.remove(&actor) {
            // It has left its slot long since, unless it was killed.
            self.shared.abandon(id, incarnation);
        }
    }
}

impl Actor for Supervisor {
    type Msg = ();
    type State = Box<dyn Guardian>;
    type Arguments = Box<dyn Guardian>;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        guardian: Box<dyn Guardian>,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(guardian)
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(actor, reason) => state.crashed(actor.get_id(), &reason),
            SupervisionEvent::ActorTerminated(actor, _, _) => state.ended(actor.get_id()),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        backoff_min: Duration::from_millis(100),
        backoff_max: Duration::from_secs(30),
        crashes_max: 3,
        window: Duration::from_secs(60),
    };

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits: Vec<u128> = (0..10).map(|n| POLICY.backoff(n).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000]);
        assert_eq!(POLICY.backoff(u32::MAX), POLICY.backoff_max);
    }

    #[test]
    fn jitter_takes_at_most_a_quarter() {
        for _ in 0..1_000 {
            let wait = jittered(Duration::from_millis(1000), &Randomness::Machine);
            assert!(
                Duration::from_millis(750) <= wait && wait <= Duration::from_millis(1000),
                "{wait:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn crashes_outside_the_window_do_not_count() {
        let mut strikes = Strikes::new(POLICY, Randomness::Machine);
        let start = Instant::now();
        assert!(strikes.strike(1, start).is_some());
        assert!(strikes.strike(1, start + Duration::from_secs(59)).is_some());
        assert!(
            strikes.strike(1, start + Duration::from_secs(60)).is_some(),
            "the first is forgotten"
        );
        assert!(
            strikes.strike(2, start + Duration::from_secs(61)).is_some(),
            "another one's crashes"
        );
        assert_eq!(strikes.strike(1, start + Duration::from_secs(61)), None);
    }
}
