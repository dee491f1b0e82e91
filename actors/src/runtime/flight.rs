//! From gathered changes to a commit, and from its verdict to published state and answers.

use crate::runtime::actor::{Mail, Message, Resident};
use crate::runtime::contents::{Contents, Draft, Writes, key_change, settle_all, timer_change};
use crate::runtime::core::lock;
use crate::runtime::envelope::{Failure, Settled, Waiter};
use crate::runtime::head::{Fate, Head};
use crate::runtime::kind::KindShared;
use crate::runtime::published::{AnyPublished, Cell, Published};
use crate::runtime::stand::{Committed, Stand};
use cartwright_domain::{Entity, Keys, Revision, Timestamp};
use cartwright_storage::codec;
use cartwright_storage::{
    Accepted, Body, Decision, Done, Finished, Numbering, Position, ReceiptKey, Rejected, Verdict,
};
use ractor::ActorRef;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// When changes are worth trying again that were too large together. Nobody knows which of them was: each may be the one
/// that is no larger.
const RETRY_APART: Duration = Duration::from_millis(100);

/// Changes that go into one commit.
pub(super) struct Batch<E: Entity> {
    /// Where the entity stands after them.
    pub(super) stand: Stand<E>,
    pub(super) contents: Contents,
}

impl<E: Entity> Batch<E> {
    pub(super) fn new(stand: Stand<E>) -> Self {
        Self {
            stand,
            contents: Contents::default(),
        }
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
    pub(super) late: Vec<Waiter>,
}

/// The verdict, as the actor learns it.
pub(super) enum Told<E: Entity> {
    Accepted {
        published: Option<Arc<Published<E>>>,
        position: Position,
    },
    Rejected(Rejected),
}

impl<E: Entity> Mail for Told<E> {
    fn hand_over(self: Box<Self>, to: &mut dyn Resident) -> Fate {
        Head::of(to).decided(*self)
    }
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
        let Batch { stand, mut contents } = batch;
        let steps = contents.receipt_keys();
        let body = match body(&stand, &contents) {
            Ok(body) => body,
            Err(unstorable) => {
                if contents.waiters.is_empty() {
                    // Nobody else hears of what a timer does.
                    tracing::error!(entity = %self.key, ?unstorable, "a timer's change cannot be stored; it fires again");
                }
                let failure = match contents.waiters.len() {
                    0 | 1 => Failure::from(unstorable),
                    _ => Failure::Retry(RETRY_APART),
                };
                settle_all(contents.waiters, &Settled::Failed(failure));
                self.drop_unsubmitted(&steps);
                return;
            }
        };
        let committed = self.committed.take();
        let committed = committed.expect("one commit is in flight at a time");
        let numbered = contents.creates && E::SEQUENCE.is_some();
        let mut numbered_state = None;
        let numbering = match (&stand.state, E::SEQUENCE) {
            (Some(state), Some(sequence)) if numbered => {
                let drawn = numbered_state.insert(Arc::default());
                let (state, timers) = (Arc::clone(state), Arc::clone(&stand.timers));
                Some(Numbering {
                    sequence,
                    finish: finish(state, stand.revision, timers, Arc::clone(drawn)),
                })
            }
            _ => None,
        };
        let keys = match &stand.state {
            Some(state) if numbered => key_change(&Keys::default(), &unnumbered_keys(state.as_ref())),
            Some(_) | None => key_change(&committed.stand.keys, &stand.keys),
        };
        let timers = timer_change(&committed.stand.timers, &stand.timers);
        let earliest_timer = timers.put.iter().map(|(_, due)| *due).min();
        let is_shared = 1 < contents.waiters.len();
        let ahead = match numbered {
            // Of what draws a number nobody can say yet how it will stand.
            true => Vec::new(),
            false => contents.take_ahead(),
        };
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
            body: match (&body, contents.erases) {
                (_, true) => Lands::Erased,
                (Body::Unchanged, false) => Lands::Unchanged,
                (Body::Put(_) | Body::Erase, false) => Lands::Published,
            },
            changes: contents.changes,
            is_shared,
            earliest_timer,
            waiters: std::mem::take(&mut contents.waiters),
        };
        let draft = Draft {
            entity: self.key,
            incarnation: self.incarnation,
            expected,
            revision: stand.revision,
            previous: self.last,
            body,
            keys,
            timers,
            numbering,
            decision: decision.clone(),
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
        draft.submit(contents, &self.shared.runtime);
        // Only now: what rests on it must be submitted behind it.
        if let Some(submitted) = submitted {
            settle_all(ahead, &submitted);
        }
    }

    /// Returns the state that is on its way.
    fn ahead(&self, stand: &Stand<E>) -> Option<AnyPublished> {
        let state = Arc::clone(stand.state.as_ref()?);
        Some(Arc::new(Published {
            id: self.id,
            revision: stand.revision,
            state,
            position: self.last,
        }))
    }
}

fn body<E: Entity>(stand: &Stand<E>, contents: &Contents) -> Result<Body, codec::Unstorable> {
    match (&stand.state, contents.writes) {
        _ if contents.erases => Ok(Body::Erase),
        (Some(state), Writes::State) => {
            codec::encode_snapshot(state.as_ref(), stand.revision, &stand.timers).map(Body::Put)
        }
        (_, Writes::Nothing) | (None, Writes::State) => Ok(Body::Unchanged),
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
    myself: ActorRef<Message>,
    told: Arc<Letterbox<E>>,
    before: Option<Arc<Published<E>>>,
    state: Option<Arc<E>>,
    revision: Revision,
    /// Where the state is once a number was drawn into it, of what draws one.
    numbered: Option<Arc<OnceLock<Arc<E>>>>,
    body: Lands,
    changes: u64,
    /// Do several wait for it?
    is_shared: bool,
    earliest_timer: Option<Timestamp>,
    waiters: Vec<Waiter>,
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
                        let numbered = self.numbered.and_then(|numbered| numbered.get().cloned());
                        let state = numbered.or(self.state);
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
                    shared.published(id, published.as_ref(), position, is_first);
                }
                // After the state: who sees the count sees the state.
                shared.counts.commits.fetch_add(1, Ordering::Release);
                shared.counts.changes.fetch_add(self.changes, Ordering::Relaxed);
                if let Some(due) = self.earliest_timer {
                    shared.runtime.timers.hint(due);
                }
                (
                    Settled::committed(published.clone()),
                    Told::Accepted { published, position },
                )
            }
            Err(rejected) => {
                let settled = match rejected {
                    Rejected::TooLarge(_) if self.is_shared => Settled::Failed(Failure::Retry(RETRY_APART)),
                    _ => Settled::of(&rejected),
                };
                (settled, Told::Rejected(rejected))
            }
        };
        settle_all(waiters, &settled);
        if let Some(told) = letterbox.leave(told) {
            // An actor that has crashed since needs no telling: whoever comes next loads behind a barrier.
            let _ = myself.send_message(Message::Mail(Box::new(told)));
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
