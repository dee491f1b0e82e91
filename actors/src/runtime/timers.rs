//! Durable timers: looks for rows that are due and brings each to its entity.
//!
//! The row is the truth: a firing that is lost is found again, one that comes twice is ignored by the entity, which
//! handles it only while it still holds exactly this timer.

use crate::runtime::core::{Inner, Woken};
use crate::runtime::tasks::TaskEnd;
use cartwright_domain::Timestamp;
use cartwright_storage::DueTimer;
use futures::stream::{self, StreamExt};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How many due timers one look takes, besides those in hand.
const DUE_MAX: usize = 512;
/// How many entities are woken at once.
const WAKES_MAX: usize = 64;
/// How long a delivered firing may take before it is delivered again.
const REDELIVER_AFTER: Duration = Duration::from_secs(5);
/// How long a timer of an entity that is set aside waits.
const PARK: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Timers {
    hints: Notify,
    /// The earliest timer set since the last look, in milliseconds; the largest number for none.
    earliest: Earliest,
    fired: AtomicU64,
    parked: AtomicUsize,
}

struct Earliest(AtomicI64);

impl Default for Earliest {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MAX))
    }
}

impl Timers {
    /// Tells that a commit set a timer, which may be due before the next look.
    pub(super) fn hint(&self, due: Timestamp) {
        if due.millis() < self.earliest.0.fetch_min(due.millis(), Ordering::Relaxed) {
            self.hints.notify_one();
        }
    }

    pub(super) fn fired(&self) {
        self.fired.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn fired_count(&self) -> u64 {
        self.fired.load(Ordering::Relaxed)
    }

    pub(super) fn parked_count(&self) -> usize {
        self.parked.load(Ordering::Relaxed)
    }

    /// Starts the task that looks for due timers.
    pub(super) fn start(inner: &Arc<Inner>) {
        let task = {
            let inner = Arc::clone(inner);
            async move {
                let mut in_hand = BTreeMap::new();
                loop {
                    inner.timers.earliest.0.store(i64::MAX, Ordering::Relaxed);
                    look(&inner, &mut in_hand).await;
                    pause(&inner).await;
                }
            }
        };
        inner.spawn("timers", "runtime", TaskEnd::AtShutdown, task);
    }
}

/// Waits for the next look: the poll interval, or until an earlier timer set meanwhile is due.
async fn pause(inner: &Inner) {
    let next = Instant::now() + inner.options.timer_poll;
    loop {
        let earliest = Timestamp::from_millis(inner.timers.earliest.0.load(Ordering::Relaxed));
        let until = next.min(
            inner
                .clock
                .instant_of(earliest.min(inner.clock.now().after(inner.options.timer_poll))),
        );
        tokio::select! {
            // In order, so that the same run goes the same way again.
            biased;
            () = tokio::time::sleep_until(until) => return,
            () = inner.timers.hints.notified() => {}
        }
    }
}

/// Delivers what is due and not in hand. What is in hand and no longer due has been handled.
async fn look(inner: &Arc<Inner>, in_hand: &mut BTreeMap<DueTimer, InHand>) {
    let limit = DUE_MAX + in_hand.len();
    let due = match inner.store.timers_due(inner.clock.now(), limit).await {
        Ok(due) => due,
        Err(fault) => {
            tracing::warn!(%fault, "due timers cannot be read");
            return;
        }
    };
    let now = Instant::now();
    let mut still = BTreeMap::new();
    let mut wakes = Vec::new();
    for timer in due {
        match in_hand.remove(&timer) {
            Some(held) if now < held.again_at => {
                still.insert(timer, held);
            }
            Some(_) | None => wakes.push(timer),
        }
    }
    *in_hand = still;
    let woken: Vec<(DueTimer, Woken)> = stream::iter(wakes)
        .map(|timer| async move {
            let woken = match inner.kind(timer.entity.kind) {
                Some(kind) => kind.wake(timer.clone()).await,
                None => Woken::Parked,
            };
            (timer, woken)
        })
        .buffer_unordered(WAKES_MAX)
        .collect()
        .await;
    for (timer, woken) in woken {
        let (wait, parked) = match woken {
            Woken::Delivered => (REDELIVER_AFTER, false),
            Woken::Later(after) => (after, true),
            Woken::Parked => {
                tracing::warn!(entity = %timer.entity, timer = timer.name, "a due timer cannot be delivered");
                (PARK, true)
            }
        };
        in_hand.insert(
            timer,
            InHand {
                again_at: now + wait,
                parked,
            },
        );
    }
    inner.timers.parked.store(
        in_hand.values().filter(|held| held.parked).count(),
        Ordering::Relaxed,
    );
}

/// A due timer that is with its entity, or waits for it.
struct InHand {
    again_at: Instant,
    parked: bool,
}
