//! What the entities of one kind share: directory, limits, counts, roster.

use crate::runtime::DashMap;
use crate::runtime::ask::{AskError, INTERNAL_DEADLINE};
use crate::runtime::core::{Inner, KindHandle, Woken};
use crate::runtime::directory::{Needs, Phase, Slot};
use crate::runtime::entities::{EntityOptions, KindCounters};
use crate::runtime::envelope::{Failure, Work};
use crate::runtime::exchange::Ways;
use crate::runtime::published::{Published, Roster};
use crate::runtime::supervision::{Supervisor, Watch};
use cartwright_domain::{Entity, EntityId, Kind};
use cartwright_storage::{DueTimer, Fault, Position, Scan};
use futures::future::{BoxFuture, FutureExt};
use ractor::{ActorCell, ActorId, ActorRuntime};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How many rows of a listing a start reads at once.
pub(super) const SCAN_PAGE: usize = 500;

/// What the cursor of removals holds while one is under way.
const REMOVING: Position = Position(u64::MAX);

/// How long a timer waits whose entity found no place among the reads that wait, or no time.
const LATER: Duration = Duration::from_secs(1);

type Asked<T, E> = Result<T, AskError<<E as Entity>::Error>>;
type Forgotten<E> = Box<dyn Fn(<E as Entity>::Id) + Send + Sync>;
type Observer<E> = Box<dyn Fn(<E as Entity>::Id, Option<&Arc<Published<E>>>, bool) + Send + Sync>;

#[derive(Default)]
pub(super) struct Counts {
    pub(super) resident: AtomicUsize,
    pub(super) activations: AtomicU64,
    pub(super) passivations: AtomicU64,
    pub(super) restarts: AtomicU64,
    pub(super) commits: AtomicU64,
    pub(super) changes: AtomicU64,
    pub(super) refused: AtomicU64,
}

/// What has become of the removals from a roster since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Removed {
    /// All were seen to their end.
    Seen,
    /// One was not, and may come to it at any time.
    Unseen,
}

pub(super) struct KindShared<E: Entity> {
    pub(super) runtime: Arc<Inner>,
    pub(super) options: EntityOptions,
    pub(super) ways: Ways<E>,
    pub(super) directory: DashMap<E::Id, Slot<E>>,
    pub(super) counts: Counts,
    /// Which entity an actor is.
    pub(super) wards: DashMap<ActorId, (E::Id, u64)>,
    pub(super) roster: Option<Roster<E>>,
    pub(super) sweeps: AtomicU64,
    /// Held by the one removal from the roster that is under way.
    removal: Mutex<Removed>,
    observer: OnceLock<Observer<E>>,
    forgotten: OnceLock<Forgotten<E>>,
    supervisor: OnceLock<ActorCell>,
}

impl<E: Entity> KindShared<E> {
    pub(super) fn new(runtime: Arc<Inner>, options: EntityOptions) -> Arc<Self> {
        let shared = Arc::new(Self {
            roster: options.roster.map(Roster::new),
            runtime,
            options,
            ways: Ways::new(),
            directory: DashMap::default(),
            counts: Counts::default(),
            wards: DashMap::default(),
            sweeps: AtomicU64::new(0),
            removal: Mutex::new(Removed::Seen),
            observer: OnceLock::new(),
            forgotten: OnceLock::new(),
            supervisor: OnceLock::new(),
        });
        let spawned =
            ActorRuntime::spawn_instant(None, Supervisor, Box::new(Watch::new(Arc::clone(&shared))));
        if let Ok((supervisor, _)) = spawned {
            let _ = shared.supervisor.set(supervisor.get_cell());
        }
        shared
    }

    pub(super) fn supervisor(&self) -> Option<ActorCell> {
        self.supervisor.get().cloned()
    }

    /// Returns the number of the running sweep, by which idleness is measured.
    pub(super) fn sweep(&self) -> u64 {
        self.sweeps.load(Ordering::Relaxed)
    }

    /// Calls `observer` with every newly published state, and whether it is the entity's first, before the answers go
    /// out. It must not wait.
    pub(super) fn observe(&self, observer: Observer<E>) {
        let _ = self.observer.set(observer);
    }

    /// Calls `told` with every entity that has rested for so long that it leaves memory. It must not wait.
    pub(super) fn when_forgotten(&self, told: Forgotten<E>) {
        let _ = self.forgotten.set(told);
    }

    /// Lets an entity that rests leave memory.
    pub(super) fn forget(&self, id: E::Id) {
        let left = self
            .directory
            .remove_if(&id, |_, slot| matches!(slot.phase, Phase::Resting(_)));
        if let (Some(_), Some(told)) = (left, self.forgotten.get()) {
            told(id);
        }
    }

    /// Tells roster and observer of the state of a commit; none after an erasure.
    pub(super) fn published(
        &self,
        id: E::Id,
        published: Option<&Arc<Published<E>>>,
        position: Position,
        is_first: bool,
    ) {
        match (&self.roster, published) {
            (Some(roster), Some(published)) => roster.put(published),
            (Some(roster), None) => roster.remove(id, position),
            (None, _) => {}
        }
        if let Some(observer) = self.observer.get() {
            observer(id, published, is_first);
        }
    }

    /// The store's cursor that keeps the last commit by which an entity left the roster, or that one is under way.
    fn removals() -> String {
        ["removed from ", E::KIND.name()].concat()
    }

    /// Awaits what may take an entity out of the roster, and keeps, also for later starts, which commit did so last.
    /// A removal that was not seen to its end may still come to it, also behind later ones: the next start takes it that it
    /// did.
    pub(super) async fn removing<T>(
        &self,
        removal: impl Future<Output = Asked<T, E>>,
    ) -> Result<Asked<T, E>, Fault> {
        let Some(roster) = &self.roster else {
            return Ok(removal.await);
        };
        let mut turn = self.removal.lock().await;
        let (store, removals) = (&self.runtime.store, Self::removals());
        store.move_cursor(&removals, REMOVING).await?;
        // Also where nobody waits for this one to its end.
        let before = std::mem::replace(&mut *turn, Removed::Unseen);
        let done = removal.await;
        let is_seen = !matches!(done, Err(AskError::Expired | AskError::Retry { .. }));
        if is_seen && before == Removed::Seen {
            store.move_cursor(&removals, roster.removed()).await?;
            *turn = Removed::Seen;
        }
        Ok(done)
    }

    /// Returns which commit took an entity out of the roster last. Where one was under way when the process ended, or an
    /// earlier release has kept none, it may have been the last of all.
    async fn last_removed(&self) -> Result<Position, Fault> {
        let (store, removals) = (&self.runtime.store, Self::removals());
        let kept = store.cursor(&removals).await?;
        if ![REMOVING, Position::default()].contains(&kept) {
            return Ok(kept);
        }
        let last = Position(1).max(*store.synced().borrow());
        store.move_cursor(&removals, last).await?;
        Ok(last)
    }

    async fn load_roster(self: Arc<Self>) -> Result<(), Fault> {
        let Some(roster) = &self.roster else { return Ok(()) };
        roster.note_removed(self.last_removed().await?);
        let mut after = None;
        loop {
            let scan = Scan {
                of: roster.listing.into(),
                prefix: Vec::new(),
                after,
                descending: false,
                limit: SCAN_PAGE,
            };
            let rows = self.runtime.store.scan(scan).await?;
            for row in rows.iter().filter(|row| row.entity.kind == E::KIND) {
                if let Some(published) = self.read(E::Id::from_uuid(row.entity.id)).await? {
                    roster.put(&published);
                }
            }
            if rows.len() < SCAN_PAGE {
                return Ok(());
            }
            after = rows.into_iter().next_back();
        }
    }
}

impl<E: Entity> KindHandle for KindShared<E> {
    fn kind(&self) -> Kind {
        E::KIND
    }

    fn open(self: Arc<Self>) -> BoxFuture<'static, Result<(), Fault>> {
        self.load_roster().boxed()
    }

    fn wake(self: Arc<Self>, timer: DueTimer) -> BoxFuture<'static, Woken> {
        async move {
            let work = Work::Timer {
                name: timer.name,
                due: timer.due,
            };
            let id = E::Id::from_uuid(timer.entity.id);
            let deadline = Instant::now() + INTERNAL_DEADLINE;
            match self.deliver(id, work, Needs::Existing, deadline).await {
                Ok(()) => Woken::Delivered,
                Err(Failure::Retry(after) | Failure::Overloaded(_, after)) => Woken::Later(after),
                Err(Failure::Fault(Fault::Busy) | Failure::Expired) => Woken::Later(LATER),
                Err(_) => Woken::Parked,
            }
        }
        .boxed()
    }

    fn counters(&self) -> KindCounters {
        let (mut resting, mut quarantined, mut mailbox_depth) = (0, 0, 0);
        for slot in &self.directory {
            match &slot.phase {
                Phase::Resting(_) => resting += usize::from(slot.cell.get().is_some()),
                Phase::Quarantined => quarantined += 1,
                Phase::Live(live) => mailbox_depth += live.depth.load(Ordering::Relaxed),
                Phase::Loading(_) | Phase::Backoff { .. } => {}
            }
        }
        let counts = &self.counts;
        KindCounters {
            kind: E::KIND,
            resident: counts.resident.load(Ordering::Relaxed),
            resting,
            activations: counts.activations.load(Ordering::Relaxed),
            passivations: counts.passivations.load(Ordering::Relaxed),
            restarts: counts.restarts.load(Ordering::Relaxed),
            quarantined,
            commits: counts.commits.load(Ordering::Relaxed),
            changes: counts.changes.load(Ordering::Relaxed),
            refused: counts.refused.load(Ordering::Relaxed),
            mailbox_depth,
        }
    }

    fn stop(&self) {
        if let Some(supervisor) = self.supervisor.get() {
            supervisor.stop(None);
        }
    }
}
