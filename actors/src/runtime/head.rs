//! The head: the state commands run on, ahead of the committed one by at most one commit in flight, one that
//! gathers, and one that must go alone.
//!
//! Nothing here waits and nothing here answers before the commit that an answer has seen. Restoring the committed
//! state is always possible, because a command changes a copy.

use crate::runtime::Lane;
use crate::runtime::actor::{Message, Newborn, Resident, Then};
use crate::runtime::ask::Ask;
use crate::runtime::contents::{Contents, Writes, settle_all};
use crate::runtime::envelope::{
    Envelope, Failure, LookedUp, RETRY_AFTER, Ran, Settled, Standing, Waiter, Work, is_expired, timer_caller,
};
use crate::runtime::flight::{Batch, Flight, Told};
use crate::runtime::keeping::{Keeping, record};
use crate::runtime::kind::KindShared;
use crate::runtime::published::Cell;
use crate::runtime::stand::{Change, Committed, Stand};
use crate::runtime::steps::Steps;
use cartwright_domain::{
    Caller, Context, Effects, Entity, EntityId, EntityKey, Keys, Problem, Revision, TimerName, Timestamp,
};
use cartwright_storage::{Outcome, Position, ReceiptChange, ReceiptKey, Rejected};
use ractor::ActorRef;
use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::Instant;

/// What an activation begins with.
pub(super) struct Birth<E: Entity> {
    pub(super) id: E::Id,
    pub(super) incarnation: u64,
    pub(super) cell: Arc<Cell<E>>,
    pub(super) timers: Arc<Vec<(String, Timestamp)>>,
    /// The entity's last commit, which may have left the published state as it was.
    pub(super) last: Position,
    pub(super) depth: Arc<AtomicUsize>,
    pub(super) shared: Arc<KindShared<E>>,
}

/// Whether the activation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Lives,
    /// It has left its slot and only has to stop.
    Left,
}

/// Every entity that is awake has one: what an idle one does not need is on the heap.
pub(super) struct Head<E: Entity> {
    pub(super) id: E::Id,
    pub(super) key: EntityKey,
    pub(super) incarnation: u64,
    pub(super) shared: Arc<KindShared<E>>,
    pub(super) cell: Arc<Cell<E>>,
    pub(super) myself: ActorRef<Message>,
    pub(super) depth: Arc<AtomicUsize>,
    /// With the commit in flight while there is one, and let go as soon as that is accepted.
    pub(super) committed: Option<Committed<E>>,
    pub(super) head: Stand<E>,
    pub(super) last: Position,
    pub(super) flight: Option<Box<Flight<E>>>,
    /// What gathers; never empty.
    batch: Option<Box<Batch<E>>>,
    exclusive: Option<Box<Batch<E>>>,
    /// What waits while nothing may run, by lane.
    backlog: [VecDeque<Work<E>>; 2],
    steps: Steps,
    fate: Fate,
}

impl<E: Entity> Newborn for Birth<E> {
    fn settle_in(self: Box<Self>, myself: ActorRef<Message>) -> Box<dyn Resident> {
        Box::new(Head::new(*self, myself))
    }
}

impl<E: Entity> Resident for Head<E> {
    fn passivate(&mut self, then: Then) -> Fate {
        self.learn();
        if self.fate == Fate::Lives && self.flight.is_none() && !self.has_more() {
            self.leave();
            if self.fate == Fate::Left && then == Then::Leaves {
                self.shared.forget(self.id);
            }
        }
        self.fate
    }
}

impl<E: Entity> Head<E> {
    /// Returns the head that mail for an entity of this kind goes to.
    pub(super) fn of(resident: &mut dyn Resident) -> &mut Self {
        let resident: &mut dyn Any = resident;
        resident
            .downcast_mut()
            .expect("mail goes to an actor of its own kind")
    }

    fn new(birth: Birth<E>, myself: ActorRef<Message>) -> Self {
        let published = birth.cell.get();
        let state = published.as_ref().map(|published| Arc::clone(&published.state));
        let stand = Stand {
            keys: Arc::new(state.as_ref().map_or_else(Keys::default, |state| state.keys())),
            revision: published
                .as_ref()
                .map_or(Revision::default(), |published| published.revision),
            timers: birth.timers,
            state,
        };
        Self {
            key: E::key(birth.id),
            id: birth.id,
            incarnation: birth.incarnation,
            shared: birth.shared,
            cell: birth.cell,
            myself,
            depth: birth.depth,
            head: stand.clone(),
            committed: Some(Committed { published, stand }),
            last: birth.last,
            flight: None,
            batch: None,
            exclusive: None,
            backlog: [VecDeque::new(), VecDeque::new()],
            steps: Steps::new(birth.last),
            fate: Fate::Lives,
        }
    }

    /// Takes mail by the way that the kind was registered with, see [`Ways`](crate::runtime::exchange::Ways).
    pub(super) fn receive(&mut self, work: Work<E>) -> Fate {
        let take = self.shared.ways.take;
        take(self, work)
    }

    /// Takes a command or a timer: runs it on the head, or keeps it until a commit that goes alone is decided.
    ///
    /// What arrives after the activation has left its slot fails.
    pub(super) fn take(&mut self, work: Work<E>) -> Fate {
        if self.fate == Fate::Left {
            self.turn_away(work);
            return Fate::Left;
        }
        self.learn();
        if self.is_blocked() {
            let lane = match work.lane() {
                Lane::Internal => 0,
                Lane::External => 1,
            };
            self.backlog[lane].push_back(work);
        } else {
            self.run(work);
        }
        self.pump();
        self.fate
    }

    /// Goes on with the store's verdict on the commit in flight.
    pub(super) fn decided(&mut self, told: Told<E>) -> Fate {
        if self.fate == Fate::Lives {
            self.conclude(told);
            self.pump();
        }
        self.fate
    }

    /// Learns the verdict on the commit in flight, if there is one that was left.
    fn learn(&mut self) {
        if let Some(told) = self.flight.as_ref().and_then(|flight| flight.told.take()) {
            self.conclude(told);
        }
    }

    fn conclude(&mut self, told: Told<E>) {
        let Some(flight) = self.flight.take() else {
            return;
        };
        let flight = *flight;
        match told {
            Told::Accepted { published, position } => {
                self.last = position;
                self.steps.commit(flight.steps, position);
                let mut stand = flight.stand;
                if stand.state.is_none() {
                    stand.revision = Revision::default();
                }
                if flight.alone {
                    // A number was drawn into the state behind our back.
                    stand.state = published.as_ref().map(|published| Arc::clone(&published.state));
                    if let (true, Some(state)) = (flight.numbered, &stand.state) {
                        stand.keys = Arc::new(state.keys());
                    }
                    self.head = stand.clone();
                }
                let settled = Settled::committed(published.clone());
                self.committed = Some(Committed { published, stand });
                settle_all(flight.late, &settled);
            }
            Told::Rejected(
                Rejected::KeyTaken { .. } | Rejected::ReceiptTaken { .. } | Rejected::TooLarge(_),
            ) if flight.alone => {
                // Its caller has been told; nothing else has run on it.
                self.committed = flight.told.before();
                self.restore(&flight.steps);
            }
            Told::Rejected(rejected) => {
                tracing::warn!(entity = %self.key, %rejected, "an activation ends: its commit was refused");
                settle_all(flight.late, &Settled::Failed(Failure::Retry(RETRY_AFTER)));
                self.end();
            }
        }
    }

    /// Tells whether something is left to do.
    fn has_more(&self) -> bool {
        self.batch.is_some() || self.exclusive.is_some() || self.backlog.iter().any(|lane| !lane.is_empty())
    }

    /// Takes the verdict on the commit in flight if it is there. Asks for it to be brought if something waits for it:
    /// work, answers, or the rest of an entity that has nothing to do after it.
    fn verdict(&self, flight: &Flight<E>) -> Option<Told<E>> {
        match self.has_more() || !flight.late.is_empty() || flight.stand.may_rest() {
            true => flight.told.want(),
            false => flight.told.take(),
        }
    }

    /// While a commit goes alone, or waits to, nothing may run: it may be refused. Nor may anything while what gathers is
    /// as much as one commit should be.
    fn is_blocked(&self) -> bool {
        let is_full = |batch: &Batch<E>| batch.contents.is_full();
        self.exclusive.is_some()
            || self.flight.as_ref().is_some_and(|flight| flight.alone)
            || self.batch.as_deref().is_some_and(is_full)
    }

    fn pump(&mut self) {
        while self.fate == Fate::Lives {
            while !self.is_blocked() {
                let Some(work) = self.next_work() else { break };
                self.run(work);
            }
            if let Some(flight) = &self.flight {
                match self.verdict(flight) {
                    Some(told) => self.conclude(told),
                    None => return,
                }
                continue;
            }
            if let Some(batch) = self.batch.take() {
                self.submit(*batch, false);
            } else if let Some(batch) = self.exclusive.take() {
                self.submit(*batch, true);
            } else {
                let committed = self.committed.as_ref();
                if committed.is_some_and(|committed| committed.stand.may_rest()) {
                    self.leave();
                }
                return;
            }
        }
    }

    fn next_work(&mut self) -> Option<Work<E>> {
        let [internal, external] = &mut self.backlog;
        internal.pop_front().or_else(|| external.pop_front())
    }

    fn run(&mut self, work: Work<E>) {
        self.depth.fetch_sub(1, Ordering::Relaxed);
        match work {
            Work::Command(envelope) => self.run_command(envelope),
            Work::Timer { name, due } => self.run_timer(&name, due),
        }
    }

    fn run_command(&mut self, envelope: Box<dyn Envelope<E>>) {
        if is_expired(envelope.ask(), Instant::now()) {
            envelope
                .refuse(Failure::Expired)
                .settle(&Settled::Failed(Failure::Expired));
            return;
        }
        if let Some(step) = envelope.ask().step {
            if let Some(outcome) = self.steps.outcome(step.saga, step.step) {
                let waiter = envelope.repeat(outcome);
                self.attach(waiter);
                return;
            }
            if envelope.looked_up().as_of < self.steps.since() {
                envelope.look_up_again();
                return;
            }
        }
        let looked_up = envelope.looked_up();
        let expected = envelope.ask().if_match;
        if self.head.state.is_some() && expected.is_some_and(|expected| expected != self.head.revision) {
            let failure = Failure::Stale(self.head.revision);
            let problem = Problem::from(failure.clone().into_error::<E::Error>(self.key));
            let ask = envelope.ask().clone();
            let waiter = envelope.refuse(failure);
            self.refuse(Some(problem), &ask, looked_up, waiter);
            return;
        }
        let now = self.shared.runtime.clock.now();
        let standing = Standing {
            id: self.id,
            state: self.head.state.as_deref(),
            now,
        };
        let (ran, ask, waiter) = envelope.run(standing);
        match ran {
            Ran::Refused(problem) => {
                self.shared.counts.refused.fetch_add(1, Ordering::Relaxed);
                self.refuse(problem, &ask, looked_up, waiter);
            }
            Ran::Changed {
                working,
                effects,
                reply,
            } => {
                let outcome = Outcome::Done(reply.unwrap_or_default());
                let keeping = Keeping {
                    ask: &ask,
                    looked_up,
                    outcome,
                };
                match self.change(working, &effects, &ask.caller, now, Some(keeping)) {
                    Ok(()) => self.attach(waiter),
                    Err(failure) => {
                        if let Failure::Internal(reason) = &failure {
                            tracing::error!(entity = %self.key, reason, "a change was dropped");
                        }
                        waiter.settle(&Settled::Failed(failure));
                    }
                }
            }
        }
    }

    fn run_timer(&mut self, name: &str, due: Timestamp) {
        let held = self
            .head
            .timers
            .iter()
            .position(|(held, at)| held == name && *at == due);
        let (Some(held), Some(state)) = (held, &self.head.state) else {
            return; // It was moved or removed since.
        };
        self.shared.runtime.timers.fired();
        let mut timers = Vec::clone(&self.head.timers);
        timers.remove(held);
        self.head.timers = Arc::new(timers);
        let before = E::clone(state);
        let mut working = before.clone();
        let mut effects = Effects::default();
        let now = self.shared.runtime.clock.now();
        let (caller, seed) = (timer_caller(), self.shared.runtime.options.randomness.seed());
        let woken = match E::Timer::from_name(name) {
            Some(timer) => {
                let partition = Some(self.id.partition());
                let mut cx = Context::new(now, &caller, seed, partition, &mut effects);
                working
                    .wake(timer, &mut cx)
                    .map_err(|refusal| refusal.to_string())
            }
            None => Err("this release knows no such timer".to_owned()),
        };
        let sound = woken.and_then(|()| match effects.erased {
            true => Ok(()),
            false => working.invariants().map_err(|broken| broken.to_string()),
        });
        let kept = sound
            .map_err(Failure::Internal)
            .and_then(|()| self.change(working, &effects, &caller, now, None));
        if let Err(failure) = kept {
            // The row goes all the same: it would fire for ever.
            tracing::warn!(entity = %self.key, timer = name, ?failure, "a timer was refused and is gone");
            if let Err(failure) = self.change(before, &Effects::default(), &caller, now, None) {
                tracing::error!(entity = %self.key, timer = name, ?failure, "a timer cannot be removed");
            }
        }
    }

    /// Lets a refusal out once everything it was computed from is durable, and keeps it under its key if it is final.
    fn refuse(&mut self, problem: Option<Problem>, ask: &Ask, looked_up: LookedUp, waiter: Waiter) {
        let kept = problem.filter(|problem| problem.class.is_final() && self.head.state.is_some());
        let Some(problem) = kept else {
            self.attach(waiter);
            return;
        };
        let keeping = Keeping {
            ask,
            looked_up,
            outcome: Outcome::Refused(problem.bounded()),
        };
        let receipts = keeping.receipts(self.key, self.head.revision, &mut self.steps);
        if receipts.is_empty() {
            self.attach(waiter);
            return;
        }
        let stand = self.head.clone();
        self.gathering(ask.ticket.is_some(), stand).add(Contents {
            receipts,
            ..Contents::default()
        });
        self.attach(waiter);
    }

    /// Makes a changed copy the head and its effects part of the next commit, or drops it.
    fn change(
        &mut self,
        working: E,
        effects: &Effects<E>,
        by: &Caller,
        now: Timestamp,
        keeping: Option<Keeping<'_>>,
    ) -> Result<(), Failure> {
        let erased = effects.erased;
        if let (false, Err(broken)) = (erased, working.invariants()) {
            return Err(Failure::Internal(broken.to_string()));
        }
        let events = record(&effects.events, by, now)?;
        let creating = self.head.state.is_none();
        let changed = erased || self.head.state.as_deref() != Some(&working);
        let change = match changed {
            false => Change::Nothing,
            true if !erased && keeping.is_none() && events.is_empty() => Change::Unseen,
            true => Change::Version,
        };
        let stand = if erased {
            Stand {
                state: None,
                revision: self.head.revision.next(),
                timers: Arc::default(),
                keys: Arc::default(),
            }
        } else {
            self.head.after(working, change, &effects.timers)
        };
        let ticket = keeping
            .as_ref()
            .is_some_and(|keeping| keeping.ask.ticket.is_some());
        let rests_on = keeping
            .as_ref()
            .map(|keeping| keeping.ask.rests_on.clone())
            .unwrap_or_default();
        let receipts = match keeping {
            Some(keeping) => keeping.receipts(self.key, stand.revision, &mut self.steps),
            None => ReceiptChange::default(),
        };
        // A timer that is being handled has left the head already, hence the comparison with what is gathered.
        let timers_changed = stand.timers != *self.gathered_timers();
        if !changed && events.is_empty() && !timers_changed && receipts.is_empty() {
            return Ok(());
        }
        let alone = ticket || creating || erased || stand.keys.unique != self.head.keys.unique;
        self.head = stand.clone();
        let writes = match !erased && (changed || timers_changed) {
            true => Writes::State,
            false => Writes::Nothing,
        };
        self.gathering(alone, stand).add(Contents {
            writes,
            erases: erased,
            creates: creating,
            changes: u64::from(change == Change::Version),
            events,
            receipts,
            rests_on,
            ..Contents::default()
        });
        Ok(())
    }

    /// Returns the timers as of the last command that is part of a commit.
    fn gathered_timers(&self) -> &Arc<Vec<(String, Timestamp)>> {
        let stand = match (&self.batch, &self.flight) {
            (Some(batch), _) => &batch.stand,
            (None, Some(flight)) => &flight.stand,
            (None, None) => self
                .committed
                .as_ref()
                .map_or(&self.head, |committed| &committed.stand),
        };
        &stand.timers
    }

    /// Returns the commit that gathers, after moving it to where the entity stands now.
    fn gathering(&mut self, alone: bool, stand: Stand<E>) -> &mut Contents {
        let gathering = match alone {
            true => &mut self.exclusive,
            false => &mut self.batch,
        };
        match gathering {
            Some(batch) => {
                batch.stand = stand;
                &mut batch.contents
            }
            None => &mut gathering.insert(Box::new(Batch::new(stand))).contents,
        }
    }

    /// Lets an answer wait for the commits it has seen, its own included.
    fn attach(&mut self, waiter: Waiter) {
        if let Some(exclusive) = &mut self.exclusive {
            exclusive.contents.waiters.push(waiter);
        } else if let Some(batch) = &mut self.batch {
            batch.contents.waiters.push(waiter);
        } else if let Some(flight) = &mut self.flight {
            flight.late.push(waiter);
        } else {
            let committed = self.committed.as_ref();
            let published = committed.and_then(|committed| committed.published.clone());
            waiter.settle(&Settled::committed(published));
        }
    }

    /// Drops what could not be written, and what was built on it.
    pub(super) fn drop_unsubmitted(&mut self, steps: &[ReceiptKey]) {
        if let Some(batch) = self.exclusive.take() {
            for put in &batch.contents.receipts.put {
                self.steps.forget(&put.receipt.key);
            }
            let failed = Settled::Failed(Failure::Retry(RETRY_AFTER));
            settle_all(batch.contents.waiters, &failed);
        }
        self.restore(steps);
    }

    /// Goes back to the committed state after a commit was dropped.
    fn restore(&mut self, steps: &[ReceiptKey]) {
        for key in steps {
            self.steps.forget(key);
        }
        if let Some(committed) = &self.committed {
            self.head = committed.stand.clone();
        }
    }

    /// Ends the activation: everyone waiting gets a retryable error, the next ask loads again.
    fn end(&mut self) {
        self.fail_all(&Failure::Retry(RETRY_AFTER));
        self.shared.abandon(self.id, self.incarnation);
        self.fate = Fate::Left;
    }

    fn fail_all(&mut self, failure: &Failure) {
        let settled = Settled::Failed(failure.clone());
        let batches = [self.batch.take(), self.exclusive.take()];
        for batch in batches.into_iter().flatten() {
            settle_all(batch.contents.waiters, &settled);
        }
        while let Some(work) = self.next_work() {
            self.depth.fetch_sub(1, Ordering::Relaxed);
            work.fail(failure.clone());
        }
    }

    fn turn_away(&self, work: Work<E>) {
        self.depth.fetch_sub(1, Ordering::Relaxed);
        work.fail(Failure::Retry(RETRY_AFTER));
    }

    fn leave(&mut self) {
        if self.shared.rest(self) {
            self.fate = Fate::Left;
        }
    }
}
