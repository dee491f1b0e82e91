//! The directory: where each entity of a kind is, and the one way to it.
//!
//! A slot changes under its shard's lock only, and messages are posted under it too. So there is never more than
//! one activation of an entity, and none is left while a message is on its way to it.

use crate::runtime::Lane;
use crate::runtime::actor::{EntityActor, Message};
use crate::runtime::ask::Overload;
use crate::runtime::envelope::{Failure, RETRY_AFTER, Work};
use crate::runtime::head::{Birth, Head};
use crate::runtime::kind::KindShared;
use crate::runtime::published::{Cell, Published};
use crate::runtime::supervision::start;
use crate::runtime::tasks::TaskEnd;
use cartwright_domain::{Entity, Timestamp};
use cartwright_storage::{Fault, Position, codec};
use dashmap::Entry;
use futures::future::{FutureExt, Shared};
use ractor::ActorRef;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// When a caller may try again after a mailbox was full.
const MAILBOX_RETRY_AFTER: std::time::Duration = std::time::Duration::from_secs(1);

/// An entity that is in memory, or on its way there.
pub(super) struct Slot<E: Entity> {
    pub(super) cell: Arc<Cell<E>>,
    pub(super) phase: Phase,
}

pub(super) enum Phase {
    /// Its state is being read; everyone waits for the one reading.
    Loading(Loading),
    /// It rests: its committed state is in the cell, or it is known not to exist.
    Resting(Rest),
    /// It has an actor.
    Live(Live),
    /// Its actor ended uncleanly: from then on the next ask loads, behind a barrier.
    Backoff { until: Instant },
    /// It keeps crashing.
    Quarantined,
}

/// What an activation needs besides the published state.
#[derive(Default)]
pub(super) struct Rest {
    pub(super) timers: Arc<Vec<(String, Timestamp)>>,
    pub(super) last: Position,
}

pub(super) struct Live {
    pub(super) actor: ActorRef<Message>,
    pub(super) incarnation: u64,
    /// Messages posted and not yet run.
    pub(super) depth: Arc<AtomicUsize>,
}

/// One reading for all who wait for it. They are woken in the order in which they came, which `watch` would not do.
pub(super) type Loading = Shared<oneshot::Receiver<Load>>;

/// How a reading of stored state has ended.
#[derive(Clone, Debug)]
pub(super) enum Load {
    Ready,
    Absent,
    Failed(Fault),
}

/// What an ask needs to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Existing,
    /// A creation: absence is what it hopes for.
    Anything,
    /// A creation under an id that nobody has used: nothing is read to learn that it is absent.
    Nothing,
}

enum Posted<E: Entity> {
    Sent,
    Wait(Loading, Work<E>),
    Failed(Failure),
}

/// What a sleeping entity is read to.
struct Stored<E: Entity> {
    published: Arc<Published<E>>,
    rest: Rest,
}

impl<E: Entity> KindShared<E> {
    /// Brings work to an entity's mailbox, waking the entity if need be.
    pub(super) async fn deliver(
        self: &Arc<Self>,
        id: E::Id,
        mut work: Work<E>,
        needs: Needs,
        deadline: Instant,
    ) -> Result<(), Failure> {
        loop {
            let loading = match self.post(id, work, needs) {
                Posted::Sent => return Ok(()),
                Posted::Failed(failure) => return Err(failure),
                Posted::Wait(loading, back) => {
                    work = back;
                    loading
                }
            };
            match timeout_at(deadline, loaded(loading)).await {
                Err(_) => return Err(Failure::Expired),
                Ok(Load::Failed(fault)) => return Err(Failure::Fault(fault)),
                Ok(Load::Absent) if needs == Needs::Existing => return Err(Failure::NotFound),
                Ok(Load::Absent | Load::Ready) => {}
            }
        }
    }

    /// Returns the last committed state.
    pub(super) async fn read(self: &Arc<Self>, id: E::Id) -> Result<Option<Arc<Published<E>>>, Fault> {
        loop {
            let loading = match self.peek(id) {
                Some(Ok(published)) => return Ok(published),
                Some(Err(loading)) => loading,
                None => match self.directory.entry(id) {
                    Entry::Occupied(_) => continue,
                    Entry::Vacant(vacant) => {
                        let (slot, loading) = self.loading_slot(id);
                        vacant.insert(slot);
                        loading
                    }
                },
            };
            match loaded(loading).await {
                Load::Failed(fault) => return Err(fault),
                Load::Absent => return Ok(None),
                Load::Ready => {}
            }
        }
    }

    fn peek(&self, id: E::Id) -> Option<Result<Option<Arc<Published<E>>>, Loading>> {
        let slot = self.directory.get(&id)?;
        slot.cell.touch(self.sweep());
        match (slot.cell.get(), &slot.phase) {
            (None, Phase::Loading(loading)) => Some(Err(loading.clone())),
            (published, _) => Some(Ok(published)),
        }
    }

    fn post(self: &Arc<Self>, id: E::Id, work: Work<E>, needs: Needs) -> Posted<E> {
        // The way of nearly every ask: a shared lock on one shard, and a message.
        if let Some(slot) = self.directory.get(&id)
            && let Phase::Live(live) = &slot.phase
        {
            return self.send(&slot.cell, live, work);
        }
        let mut occupied = match self.directory.entry(id) {
            Entry::Vacant(vacant) if needs == Needs::Nothing => vacant.insert_entry(Slot {
                cell: Arc::new(Cell::new(self.sweep())),
                phase: Phase::Resting(Rest::default()),
            }),
            Entry::Vacant(vacant) => {
                let (slot, loading) = self.loading_slot(id);
                vacant.insert(slot);
                return Posted::Wait(loading, work);
            }
            Entry::Occupied(occupied) => occupied,
        };
        let slot = occupied.get_mut();
        match &mut slot.phase {
            Phase::Live(live) => self.send(&slot.cell, live, work),
            Phase::Loading(loading) => Posted::Wait(loading.clone(), work),
            Phase::Resting(_) if needs == Needs::Existing && slot.cell.get().is_none() => {
                Posted::Failed(Failure::NotFound)
            }
            Phase::Resting(rest) => match self.activate(id, &slot.cell, std::mem::take(rest)) {
                Ok(live) => {
                    let posted = self.send(&slot.cell, &live, work);
                    slot.phase = Phase::Live(live);
                    posted
                }
                Err(failure) => {
                    slot.phase = Phase::Backoff {
                        until: Instant::now(),
                    };
                    Posted::Failed(failure)
                }
            },
            Phase::Backoff { until } => {
                let now = Instant::now();
                if now < *until {
                    return Posted::Failed(Failure::Retry(until.duration_since(now)));
                }
                let loading = self.begin_loading(id, Barrier::First);
                slot.phase = Phase::Loading(loading.clone());
                Posted::Wait(loading, work)
            }
            Phase::Quarantined => Posted::Failed(Failure::Quarantined),
        }
    }

    fn send(&self, cell: &Cell<E>, live: &Live, work: Work<E>) -> Posted<E> {
        cell.touch(self.sweep());
        let depth = live.depth.fetch_add(1, Ordering::Relaxed);
        if work.lane() == Lane::External && self.options.mailbox_max <= depth {
            live.depth.fetch_sub(1, Ordering::Relaxed);
            return Posted::Failed(Failure::Overloaded(Overload::Mailbox, MAILBOX_RETRY_AFTER));
        }
        match live.actor.send_message(Message::Mail(work.into_mail())) {
            Ok(()) => Posted::Sent,
            // It has crashed a moment ago; its supervisor is about to say so.
            Err(_) => Posted::Failed(Failure::Retry(RETRY_AFTER)),
        }
    }

    fn activate(self: &Arc<Self>, id: E::Id, cell: &Arc<Cell<E>>, rest: Rest) -> Result<Live, Failure> {
        let incarnation = self.runtime.next_incarnation();
        let depth = Arc::new(AtomicUsize::new(0));
        let birth = Birth {
            id,
            incarnation,
            cell: Arc::clone(cell),
            timers: rest.timers,
            last: rest.last,
            depth: Arc::clone(&depth),
            shared: Arc::clone(self),
        };
        let supervisor = self.supervisor().ok_or(Failure::Retry(RETRY_AFTER))?;
        // Its supervisor is about to stop.
        let actor =
            start(EntityActor, Box::new(birth), supervisor).map_err(|_| Failure::Retry(RETRY_AFTER))?;
        self.wards.insert(actor.get_id(), (id, incarnation));
        self.counts.activations.fetch_add(1, Ordering::Relaxed);
        self.counts.resident.fetch_add(1, Ordering::Relaxed);
        Ok(Live {
            actor,
            incarnation,
            depth,
        })
    }

    /// Leaves the slot of an idle activation, unless a message is on its way to it.
    pub(super) fn rest(&self, head: &Head<E>) -> bool {
        let Entry::Occupied(mut occupied) = self.directory.entry(head.id) else {
            return true;
        };
        let slot = occupied.get_mut();
        if !slot.is_live(head.incarnation) {
            return true;
        }
        if 0 < head.depth.load(Ordering::Relaxed) {
            return false;
        }
        let stand = head.committed.as_ref().map(|committed| &committed.stand);
        if let Some(stand) = stand.filter(|stand| stand.state.is_some()) {
            slot.phase = Phase::Resting(Rest {
                timers: Arc::clone(&stand.timers),
                last: head.last,
            });
        } else {
            occupied.remove();
        }
        self.counts.resident.fetch_sub(1, Ordering::Relaxed);
        self.counts.passivations.fetch_add(1, Ordering::Relaxed);
        self.runtime.store.retire(head.key, head.incarnation);
        true
    }

    /// Marks that an activation ended uncleanly and may be followed by another at once.
    pub(super) fn abandon(&self, id: E::Id, incarnation: u64) {
        self.set_aside(
            id,
            incarnation,
            Phase::Backoff {
                until: Instant::now(),
            },
        );
    }

    /// Puts a phase in the place of an activation that has ended uncleanly.
    pub(super) fn set_aside(&self, id: E::Id, incarnation: u64, phase: Phase) {
        if let Some(mut slot) = self.directory.get_mut(&id)
            && slot.is_live(incarnation)
        {
            slot.phase = phase;
            self.counts.resident.fetch_sub(1, Ordering::Relaxed);
            self.runtime.store.retire(E::key(id), incarnation);
        }
    }

    fn loading_slot(self: &Arc<Self>, id: E::Id) -> (Slot<E>, Loading) {
        let loading = self.begin_loading(id, Barrier::None);
        let slot = Slot {
            cell: Arc::new(Cell::new(self.sweep())),
            phase: Phase::Loading(loading.clone()),
        };
        (slot, loading)
    }

    fn begin_loading(self: &Arc<Self>, id: E::Id, barrier: Barrier) -> Loading {
        let (told, loading) = oneshot::channel();
        let shared = Arc::clone(self);
        let task = async move {
            if barrier == Barrier::First {
                shared.runtime.store.barrier().await;
            }
            let stored = shared.load(id).await;
            // Nobody waits any more where this fails.
            let _ = told.send(shared.place(id, barrier, stored));
        };
        self.runtime
            .spawn("load", E::KIND.name(), TaskEnd::ByItself, task);
        loading.shared()
    }

    /// Puts what was read into the slot that waits for it.
    fn place(&self, id: E::Id, barrier: Barrier, stored: Result<Option<Stored<E>>, Fault>) -> Load {
        let Entry::Occupied(mut occupied) = self.directory.entry(id) else {
            return Load::Ready;
        };
        let slot = occupied.get_mut();
        match stored {
            Ok(Some(stored)) => {
                slot.cell.set(Some(stored.published));
                slot.phase = Phase::Resting(stored.rest);
                Load::Ready
            }
            // Known absence is worth keeping too: a variant without stock is asked about at every look at a cart.
            Ok(None) => {
                slot.cell.set(None);
                slot.phase = Phase::Resting(Rest::default());
                Load::Absent
            }
            Err(fault) => {
                match barrier {
                    Barrier::First => {
                        slot.phase = Phase::Backoff {
                            until: Instant::now(),
                        }
                    }
                    Barrier::None => {
                        occupied.remove();
                    }
                }
                Load::Failed(fault)
            }
        }
    }

    async fn load(&self, id: E::Id) -> Result<Option<Stored<E>>, Fault> {
        let key = E::key(id);
        let Some(loaded) = self.runtime.store.load(key).await? else {
            return Ok(None);
        };
        let decoded = catch_unwind(AssertUnwindSafe(|| codec::decode_snapshot::<E>(&loaded.snapshot)));
        let snapshot = decoded.unwrap_or_else(|_| {
            let reason = "reading it panicked".to_owned();
            Err(Fault::Damaged {
                entity: key.to_string(),
                reason,
            })
        })?;
        let published = Published {
            id,
            revision: loaded.revision,
            state: Arc::new(snapshot.state),
            position: loaded.written_at,
        };
        let rest = Rest {
            timers: Arc::new(snapshot.timers),
            last: loaded.position,
        };
        Ok(Some(Stored {
            published: Arc::new(published),
            rest,
        }))
    }
}

impl<E: Entity> Slot<E> {
    pub(super) fn is_live(&self, incarnation: u64) -> bool {
        matches!(&self.phase, Phase::Live(live) if live.incarnation == incarnation)
    }
}

/// Whether every earlier commit must have its verdict before the state is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Barrier {
    None,
    First,
}

async fn loaded(loading: Loading) -> Load {
    let given_up = |_| Load::Failed(Fault::Io("the read was given up at shutdown".to_owned()));
    loading.await.unwrap_or_else(given_up)
}
