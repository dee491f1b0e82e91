//! A store that goes wrong on order, around any other one: for tests of what stands above.
//!
//! Everything is counted in commits, never in time, so that a test goes the same way every time.

use crate::{
    Commit, Done, DueTimer, Fact, Fault, ListingRow, Loaded, Past, Position, ReceiptFound, ReceiptKey,
    Rejected, Scan, Statistics, Store, Verdict, Wanted,
};
use cartwright_domain::{EntityKey, Sequence, Timestamp, UniqueKey};
use futures::future::{BoxFuture, FutureExt};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// What happens to one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// It is refused and not written.
    Refuse(Rejected),
    /// It vanishes: it is not written, and nobody is told, as when the process dies before the sync.
    Lose,
    /// It is written and nobody is told, as when the process dies after the sync.
    LoseVerdict,
    /// It is written, and its verdict is told only after so many later commits were submitted.
    Delay(u64),
}

/// Wraps a store. Without orders it is that store.
#[derive(Clone)]
pub struct FaultStore<S> {
    inner: S,
    plan: Arc<Plan>,
}

struct Plan {
    state: Mutex<State>,
    /// Verdicts that are due and not told. Barriers wait for zero.
    untold: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    submitted: u64,
    mishaps: BTreeMap<u64, Mishap>,
    /// The number of the last commit that gets through; the process counts as dead after it.
    last: Option<u64>,
    holds: bool,
    held: Vec<Held>,
    /// What would have told of lost commits. Dropped, it would tell that nothing will come.
    lost: Vec<Done>,
}

/// A verdict that is not told yet.
struct Held {
    /// The number of submitted commits after which it is told; without one, when released.
    after: Option<u64>,
    done: Done,
    verdict: Verdict,
}

impl<S: Store> FaultStore<S> {
    /// Wraps a store.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            plan: Arc::new(Plan {
                state: Mutex::default(),
                untold: watch::Sender::new(0),
            }),
        }
    }

    /// Returns the wrapped store.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Orders a mishap for the `nth` commit from now on, counted from one.
    pub fn on_nth(&self, nth: u64, mishap: Mishap) {
        let mut state = self.plan.state();
        let at = state.submitted + nth;
        state.mishaps.insert(at, mishap);
    }

    /// Lets so many more commits through and loses everything after them, as when the process dies: later commits
    /// are not written, and nobody is told of them; cursors stay where they are.
    pub fn cut_off_after(&self, commits: u64) {
        let mut state = self.plan.state();
        state.last = Some(state.submitted + commits);
    }

    /// Tells whether the last commit that [`Self::cut_off_after`] lets through was made.
    pub fn is_cut_off(&self) -> bool {
        let state = self.plan.state();
        state.last.is_some_and(|last| last <= state.submitted)
    }

    /// Fails the `nth` commit from now on, counted from one, as [`Rejected::Unavailable`].
    pub fn fail_nth(&self, nth: u64) {
        self.refuse_nth(nth, Rejected::Unavailable("a fault was ordered".to_owned()));
    }

    /// Refuses the `nth` commit from now on, counted from one.
    pub fn refuse_nth(&self, nth: u64, why: Rejected) {
        self.on_nth(nth, Mishap::Refuse(why));
    }

    /// Holds back verdicts from now on: commits are written and stay in flight until [`Self::release`].
    pub fn hold(&self) {
        self.plan.state().holds = true;
    }

    /// Tells what was held back, in the order in which it was decided, and holds back no more.
    pub fn release(&self) {
        let mut state = self.plan.state();
        state.holds = false;
        let (told, kept) = std::mem::take(&mut state.held)
            .into_iter()
            .partition(|held| held.after.is_none());
        state.held = kept;
        drop(state);
        self.plan.tell(told);
    }

    /// Returns how many commits were submitted.
    pub fn submitted(&self) -> u64 {
        self.plan.state().submitted
    }

    /// Returns how many verdicts are held back.
    pub fn held(&self) -> usize {
        self.plan.state().held.len()
    }
}

impl Plan {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, told: Vec<Held>) {
        for Held {
            done: Done(done),
            verdict,
            after: _,
        } in told
        {
            done(verdict);
            self.untold.send_modify(|untold| *untold -= 1);
        }
    }

    /// Tells a verdict, or holds it back.
    fn decided(&self, done: Done, verdict: Verdict, after: Option<u64>) {
        let mut state = self.state();
        if state.holds || after.is_some_and(|after| state.submitted < after) {
            let after = if state.holds { None } else { after };
            state.held.push(Held { after, done, verdict });
            return;
        }
        drop(state);
        self.tell(vec![Held {
            after: None,
            done,
            verdict,
        }]);
    }

    /// Takes the verdicts that were delayed until now.
    fn overdue(state: &mut State) -> Vec<Held> {
        let submitted = state.submitted;
        let is_due = |held: &Held| held.after.is_some_and(|after| after <= submitted);
        let (due, kept) = std::mem::take(&mut state.held).into_iter().partition(is_due);
        state.held = kept;
        due
    }
}

impl<S: Store> Store for FaultStore<S> {
    fn submit(&self, mut commit: Commit) {
        let mut state = self.plan.state();
        state.submitted += 1;
        let number = state.submitted;
        let mishap = match state.last {
            Some(last) if last < number => Some(Mishap::Lose),
            Some(_) | None => state.mishaps.remove(&number),
        };
        let due = Plan::overdue(&mut state);
        drop(state);

        let after = match mishap {
            Some(Mishap::Lose) => {
                self.plan.state().lost.push(commit.done);
                self.plan.tell(due);
                return;
            }
            Some(Mishap::LoseVerdict) => {
                let lost = std::mem::replace(&mut commit.done, Done(Box::new(|_| {})));
                self.plan.state().lost.push(lost);
                self.inner.submit(commit);
                self.plan.tell(due);
                return;
            }
            Some(Mishap::Refuse(why)) => {
                self.plan.untold.send_modify(|untold| *untold += 1);
                self.plan.decided(commit.done, Err(why), None);
                self.plan.tell(due);
                return;
            }
            Some(Mishap::Delay(commits)) => Some(number + commits),
            None => None,
        };
        self.plan.untold.send_modify(|untold| *untold += 1);
        let plan = Arc::clone(&self.plan);
        let done = commit.done;
        commit.done = Done(Box::new(move |verdict| plan.decided(done, verdict, after)));
        self.inner.submit(commit);
        self.plan.tell(due);
    }

    fn barrier(&self) -> BoxFuture<'static, ()> {
        let inner = self.inner.barrier();
        let mut untold = self.plan.untold.subscribe();
        async move {
            inner.await;
            // The sender lives as long as a verdict is held back.
            let _ = untold.wait_for(|untold| *untold == 0).await;
        }
        .boxed()
    }

    fn retire(&self, entity: EntityKey, incarnation: u64) {
        self.inner.retire(entity, incarnation);
    }

    fn admit(&self) -> Result<(), Fault> {
        self.inner.admit()
    }

    fn load(&self, entity: EntityKey) -> BoxFuture<'static, Result<Option<Loaded>, Fault>> {
        self.inner.load(entity)
    }

    fn lookup(&self, key: UniqueKey) -> BoxFuture<'static, Result<Option<EntityKey>, Fault>> {
        self.inner.lookup(key)
    }

    fn receipt(&self, key: ReceiptKey, now: Timestamp) -> BoxFuture<'static, Result<ReceiptFound, Fault>> {
        self.inner.receipt(key, now)
    }

    fn scan(&self, scan: Scan) -> BoxFuture<'static, Result<Vec<ListingRow>, Fault>> {
        self.inner.scan(scan)
    }

    fn events_after(
        &self,
        after: Position,
        commits_max: usize,
        wanted: Wanted,
    ) -> BoxFuture<'static, Result<(Vec<Fact>, Position), Fault>> {
        self.inner.events_after(after, commits_max, wanted)
    }

    fn history(
        &self,
        entity: EntityKey,
        from: Position,
        commits_max: usize,
    ) -> BoxFuture<'static, Result<Vec<Past>, Fault>> {
        self.inner.history(entity, from, commits_max)
    }

    fn synced(&self) -> watch::Receiver<Position> {
        self.inner.synced()
    }

    fn timers_due(&self, until: Timestamp, limit: usize) -> BoxFuture<'static, Result<Vec<DueTimer>, Fault>> {
        self.inner.timers_due(until, limit)
    }

    fn cursor(&self, name: &str) -> BoxFuture<'static, Result<Position, Fault>> {
        self.inner.cursor(name)
    }

    fn move_cursor(&self, name: &str, to: Position) -> BoxFuture<'static, Result<(), Fault>> {
        if self.is_cut_off() {
            return futures::future::pending().boxed();
        }
        self.inner.move_cursor(name, to)
    }

    fn last_number(&self, sequence: Sequence) -> u64 {
        self.inner.last_number(sequence)
    }

    fn start_number(&self) -> u64 {
        self.inner.start_number()
    }

    fn last_recorded_at(&self) -> Timestamp {
        self.inner.last_recorded_at()
    }

    fn statistics(&self) -> Statistics {
        self.inner.statistics()
    }

    fn close(&self) -> BoxFuture<'static, Result<(), Fault>> {
        self.inner.close()
    }
}
