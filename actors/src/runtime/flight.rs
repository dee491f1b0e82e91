//! From gathered changes to a commit, and from its verdict to published state and answers.

use crate::runtime::actor::Message;
use crate::runtime::core::lock;
use crate::runtime::envelope::{Failure, RETRY_AFTER, Settled, Waiter};
use crate::runtime::head::{Committed, Head, Stand};
use crate::runtime::kind::KindShared;
use crate::runtime::published::{Cell, Published};
use cartwright_domain::{Entity, Keys, Revision, Timestamp};
use cartwright_storage::codec;
use cartwright_storage::{
    Accepted, Body, Commit, Decision, Done, Fence, Finished, KeyChange, Numbering, Position, ReceiptChange,
    ReceiptKey, Recorded, Rejected, TimerChange, Verdict,
};
use ractor::ActorRef;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};

/// What becomes of the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writes {
    Nothing,
    State,
}

/// Changes that go into one commit.
pub(super) struct Batch<E: Entity> {
    /// Where the entity stands after them.
    pub(super) stand: Stand<E>,
    pub(super) writes: Writes,
    pub(super) erases: bool,
    pub(super) creates: bool,
    /// How many changing commands.
    pub(super) changes: u64,
    pub(super) events: Vec<Recorded>,
    pub(super) receipts: ReceiptChange,
    pub(super) rests_on: Vec<Decision>,
    pub(super) waiters: Vec<Waiter<E>>,
}

impl<E: Entity> Batch<E> {
    pub(super) fn new(stand: Stand<E>) -> Self {
        Self {
            stand,
            writes: Writes::Nothing,
            erases: false,
            creates: false,
            changes: 0,
            events: Vec::new(),
            receipts: ReceiptChange::default(),
            rests_on: Vec::new(),
            waiters: Vec::new(),
        }
    }

    /// Adds facts. Most commits have those of one command, which are then kept as they are: the store keeps the newest
    /// commits, and room to grow with them.
    pub(super) fn add_events(&mut self, events: Vec<Recorded>) {
        if self.events.is_empty() {
            self.events = events;
        } else {
            self.events.extend(events);
        }
    }

    pub(super) fn add_receipts(&mut self, receipts: ReceiptChange) {
        self.receipts.put.extend(receipts.put);
        self.receipts.deleted.extend(receipts.deleted);
    }
}

/// The commit that the store decides on.
pub(super) struct Flight<E: Entity> {
    pub(super) alone: bool,
    pub(super) numbered: bool,
    pub(super) stand: Stand<E>,
    pub(super) steps: Vec<ReceiptKey>,
    pub(super) told: Arc<Letterbox<E>>,
    /// Answers that change nothing and were computed from its state while it was on its way.
    pub(super) late: Vec<Waiter<E>>,
}

/// The verdict, as the actor learns it.
pub(super) enum Told<E: Entity> {
    Accepted {
        published: Option<Arc<Published<E>>>,
        position: Position,
    },
    Rejected(Rejected),
}

/// Where the verdict on a commit waits for the actor, which is woken only when it waits for the verdict itself.
///
/// It also keeps where the entity stood before the commit, until that is accepted: an entity that is left alone does
/// not hold two states.
pub(super) struct Letterbox<E: Entity>(Mutex<Letters<E>>);

struct Letters<E: Entity> {
    before: Option<Committed<E>>,
    /// Has the actor something to do as soon as there is a verdict?
    is_wanted: bool,
    told: Option<Told<E>>,
}

impl<E: Entity> Letterbox<E> {
    fn new(before: Committed<E>) -> Self {
        Self(Mutex::new(Letters {
            before: Some(before),
            is_wanted: false,
            told: None,
        }))
    }

    /// Leaves an acceptance that nobody waits for. Hands back what must be brought: a refusal changes what the next
    /// command runs on, and ends activations.
    fn leave(&self, told: Told<E>) -> Option<Told<E>> {
        if matches!(told, Told::Rejected(_)) {
            return Some(told);
        }
        let mut letters = lock(&self.0);
        let before = letters.before.take();
        let brought = match letters.is_wanted {
            true => Some(told),
            false => {
                letters.told = Some(told);
                None
            }
        };
        // Not under the lock.
        drop(letters);
        drop(before);
        brought
    }

    /// Takes out the verdict, if it is there.
    pub(super) fn take(&self) -> Option<Told<E>> {
        lock(&self.0).told.take()
    }

    /// Takes out the verdict, or asks for it to be brought.
    pub(super) fn want(&self) -> Option<Told<E>> {
        let mut letters = lock(&self.0);
        letters.is_wanted = true;
        letters.told.take()
    }

    /// Takes out where the entity stood before a commit that was refused.
    pub(super) fn before(&self) -> Option<Committed<E>> {
        lock(&self.0).before.take()
    }
}

impl<E: Entity> Head<E> {
    /// Hands a commit to the store.
    pub(super) fn submit(&mut self, batch: Batch<E>, alone: bool) {
        let steps: Vec<ReceiptKey> = batch
            .receipts
            .put
            .iter()
            .map(|put| put.receipt.key.clone())
            .collect();
        let body = match self.body(&batch) {
            Ok(body) => body,
            Err(unstorable) => {
                let settled = Settled::Failed(Failure::from(unstorable));
                for waiter in batch.waiters {
                    waiter.settle(&settled);
                }
                self.drop_unsubmitted(&steps);
                return;
            }
        };
        let committed = self.committed.take();
        let committed = committed.expect("one commit is in flight at a time");
        let stand = batch.stand;
        let numbered = batch.creates && E::SEQUENCE.is_some();
        let numbered_state: Arc<OnceLock<Arc<E>>> = Arc::default();
        let numbering = match (&stand.state, E::SEQUENCE) {
            (Some(state), Some(sequence)) if numbered => Some(Numbering {
                sequence,
                finish: finish(
                    Arc::clone(state),
                    stand.revision,
                    Arc::clone(&stand.timers),
                    Arc::clone(&numbered_state),
                ),
            }),
            _ => None,
        };
        let keys = match &stand.state {
            Some(state) if numbered => key_change(&Keys::default(), &unnumbered_keys(state.as_ref())),
            Some(_) | None => key_change(&committed.stand.keys, &stand.keys),
        };
        let timers = timer_change(&committed.stand.timers, &stand.timers);
        let earliest_timer = timers.put.iter().map(|(_, due)| *due).min();
        let (ahead, waiters): (Vec<_>, Vec<_>) = batch
            .waiters
            .into_iter()
            // Of what draws a number nobody can say yet how it will stand.
            .partition(|waiter| !numbered && waiter.is_ahead());
        let decision = (!ahead.is_empty()).then(Decision::default);
        let (before, expected) = (committed.published.clone(), committed.stand.revision);
        let told = Arc::new(Letterbox::new(committed));
        let landing = Landing {
            id: self.id,
            shared: Arc::clone(&self.shared),
            cell: Arc::clone(&self.cell),
            myself: self.myself.clone(),
            told: Arc::clone(&told),
            before,
            state: stand.state.clone(),
            revision: stand.revision,
            numbered: numbered_state,
            body: match (&body, batch.erases) {
                (_, true) => Lands::Erased,
                (Body::Unchanged, false) => Lands::Unchanged,
                (Body::Put(_) | Body::Erase, false) => Lands::Published,
            },
            changes: batch.changes,
            earliest_timer,
            waiters,
        };
        let runtime = &self.shared.runtime;
        let commit = Commit {
            entity: self.key,
            expected,
            revision: stand.revision,
            previous: self.last,
            fence: Fence {
                start: runtime.start_number,
                incarnation: self.incarnation,
            },
            at: runtime.clock.now(),
            body,
            keys,
            events: batch.events,
            timers,
            receipts: batch.receipts,
            numbering,
            decision: decision.clone(),
            rests_on: batch.rests_on,
            done: Done(Box::new(move |verdict| landing.land(verdict))),
        };
        let submitted = decision.map(|decision| Settled::Submitted(self.ahead(&stand), decision));
        self.flight = Some(Box::new(Flight {
            alone,
            numbered,
            stand,
            steps,
            told,
            late: Vec::new(),
        }));
        Arc::clone(&runtime.store).submit(commit);
        // Only now: what rests on it must be submitted behind it.
        for (waiter, submitted) in ahead.into_iter().zip(submitted.iter().cycle()) {
            waiter.settle(submitted);
        }
    }

    /// Returns the state that is on its way.
    fn ahead(&self, stand: &Stand<E>) -> Option<Arc<Published<E>>> {
        stand.state.as_ref().map(|state| {
            Arc::new(Published {
                id: self.id,
                revision: stand.revision,
                state: Arc::clone(state),
                position: self.last,
            })
        })
    }

    fn body(&self, batch: &Batch<E>) -> Result<Body, codec::Unstorable> {
        match (&batch.stand.state, batch.writes) {
            _ if batch.erases => Ok(Body::Erase),
            (Some(state), Writes::State) => {
                codec::encode_snapshot(state.as_ref(), batch.stand.revision, &batch.stand.timers)
                    .map(Body::Put)
            }
            (_, Writes::Nothing) | (None, Writes::State) => Ok(Body::Unchanged),
        }
    }
}

/// What a landed commit does to the published state.
enum Lands {
    Published,
    Unchanged,
    Erased,
}

/// Everything the verdict needs, so that it can do without the actor.
struct Landing<E: Entity> {
    id: E::Id,
    shared: Arc<KindShared<E>>,
    cell: Arc<Cell<E>>,
    myself: ActorRef<Message<E>>,
    told: Arc<Letterbox<E>>,
    before: Option<Arc<Published<E>>>,
    state: Option<Arc<E>>,
    revision: Revision,
    numbered: Arc<OnceLock<Arc<E>>>,
    body: Lands,
    changes: u64,
    earliest_timer: Option<Timestamp>,
    waiters: Vec<Waiter<E>>,
}

impl<E: Entity> Landing<E> {
    /// Publishes, then answers, then tells the actor. Runs where the store tells: see [`Done`].
    fn land(self, verdict: Verdict) {
        let Self {
            id,
            shared,
            cell,
            myself,
            told: letterbox,
            waiters,
            ..
        } = self;
        let (settled, told) = match verdict {
            Ok(Accepted { position, .. }) => {
                let is_first = self.before.is_none();
                let published = match self.body {
                    Lands::Unchanged => self.before,
                    Lands::Erased => None,
                    Lands::Published => {
                        let state = self.numbered.get().cloned().or(self.state);
                        state.map(|state| {
                            Arc::new(Published {
                                id,
                                revision: self.revision,
                                state,
                                position,
                            })
                        })
                    }
                };
                if !matches!(self.body, Lands::Unchanged) {
                    cell.set(published.clone());
                    shared.published(id, published.as_ref(), is_first);
                }
                // After the state: who sees the count sees the state.
                shared.counts.commits.fetch_add(1, Ordering::Release);
                shared.counts.changes.fetch_add(self.changes, Ordering::Relaxed);
                if let Some(due) = self.earliest_timer {
                    shared.runtime.timers.hint(due);
                }
                (
                    Settled::Committed(published.clone()),
                    Told::Accepted { published, position },
                )
            }
            Err(rejected) => {
                let settled = match &rejected {
                    Rejected::KeyTaken { key, holder } => Settled::KeyTaken {
                        key: key.clone(),
                        holder: *holder,
                    },
                    Rejected::ReceiptTaken { receipt } => Settled::ReceiptTaken(receipt.clone()),
                    Rejected::TooLarge(what) => Settled::Failed(Failure::TooLarge(what.clone())),
                    Rejected::Revision { .. }
                    | Rejected::Fence
                    | Rejected::Unfounded
                    | Rejected::Unavailable(_) => Settled::Failed(Failure::Retry(RETRY_AFTER)),
                };
                (settled, Told::Rejected(rejected))
            }
        };
        for waiter in waiters {
            waiter.settle(&settled);
        }
        if let Some(told) = letterbox.leave(told) {
            // An actor that has crashed since needs no telling: whoever comes next loads behind a barrier.
            let _ = myself.send_message(Message::Decided(Box::new(told)));
        }
    }
}

type Finish = Box<dyn FnOnce(u64) -> Finished + Send>;

/// Makes body and keys once the number is drawn, and leaves the state for the verdict to publish.
fn finish<E: Entity>(
    state: Arc<E>,
    revision: Revision,
    timers: Arc<Vec<(String, Timestamp)>>,
    numbered: Arc<OnceLock<Arc<E>>>,
) -> Finish {
    Box::new(move |number| {
        let mut state = E::clone(&state);
        state.assign_number(number);
        // What cannot be written becomes a body over the limit, which the store refuses.
        let body = codec::encode_snapshot(&state, revision, &timers)
            .unwrap_or_else(|_| vec![0; codec::SNAPSHOT_BYTES_MAX + 1].into());
        let keys = key_change(&Keys::default(), &state.keys());
        let _ = numbered.set(Arc::new(state));
        Finished {
            body: Body::Put(body),
            keys,
        }
    })
}

/// Returns the keys that do not depend on the number: those that can clash, and that the commit itself must name.
fn unnumbered_keys<E: Entity>(state: &E) -> Keys {
    let mut numbered = state.clone();
    numbered.assign_number(u64::MAX);
    let (before, after) = (state.keys(), numbered.keys());
    Keys {
        unique: before
            .unique
            .into_iter()
            .filter(|key| after.unique.contains(key))
            .collect(),
        listing: before
            .listing
            .into_iter()
            .filter(|row| after.listing.contains(row))
            .collect(),
    }
}

fn key_change(before: &Keys, after: &Keys) -> KeyChange {
    if before == after {
        return KeyChange::default();
    }
    KeyChange {
        unique_put: without(&after.unique, &before.unique),
        unique_deleted: without(&before.unique, &after.unique),
        listing_put: without(&after.listing, &before.listing),
        listing_deleted: without(&before.listing, &after.listing),
    }
}

fn timer_change(before: &[(String, Timestamp)], after: &[(String, Timestamp)]) -> TimerChange {
    TimerChange {
        put: without(after, before),
        deleted: without(before, after),
    }
}

fn without<T: Clone + PartialEq>(all: &[T], others: &[T]) -> Vec<T> {
    all.iter().filter(|one| !others.contains(one)).cloned().collect()
}
