//! A store in memory whose commits can be held back, failed, counted and cut off.

use cartwright_domain::{EntityKey, Sequence, Timestamp, UniqueKey};
use cartwright_storage::{
    Commit, DueTimer, Fact, Fault, ListingRow, Loaded, MemoryStore, Past, Position, ReceiptFound, ReceiptKey,
    Rejected, Scan, Statistics, Store, Wanted,
};
use futures::future::{BoxFuture, FutureExt};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, watch};

#[derive(Clone)]
pub(super) struct TestStore {
    memory: MemoryStore,
    restarts: u64,
    faults: Arc<Faults>,
}

struct Faults {
    held: Mutex<Option<VecDeque<Commit>>>,
    /// Commits that are decided on although others are kept.
    ahead_of_hold: AtomicU64,
    released: Notify,
    refusals: Mutex<VecDeque<Rejected>>,
    /// Commits that still get through; after them the process counts as dead.
    left: AtomicU64,
    full: AtomicBool,
    unreadable: AtomicBool,
    /// More reads wait than may.
    crowded: AtomicBool,
    loads: AtomicUsize,
    loading: watch::Sender<bool>,
    barriers: AtomicUsize,
    retired: AtomicUsize,
    passed: AtomicUsize,
    /// Receipt look-ups that still answer as of the beginning, and all that were made.
    outdated: AtomicUsize,
    look_ups: AtomicUsize,
    /// A last synced position ahead of every commit, as after records that are none.
    ahead: Mutex<Option<watch::Sender<Position>>>,
}

impl TestStore {
    pub(super) fn new() -> Self {
        Self {
            memory: MemoryStore::new(),
            restarts: 0,
            faults: Arc::new(Faults::none()),
        }
    }

    /// Returns the same data for the next start, without faults.
    pub(super) fn restarted(&self) -> Self {
        Self {
            memory: self.memory.clone(),
            restarts: self.restarts + 1,
            faults: Arc::new(Faults::none()),
        }
    }

    pub(super) fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Keeps commits without a verdict until [`TestStore::release`].
    pub(super) fn hold(&self) {
        self.hold_after(0);
    }

    /// Lets so many more commits through and keeps those after them.
    pub(super) fn hold_after(&self, commits: u64) {
        self.faults.ahead_of_hold.store(commits, Ordering::SeqCst);
        self.faults.held.lock().unwrap().get_or_insert_default();
    }

    pub(super) fn held(&self) -> usize {
        self.faults.held.lock().unwrap().as_ref().map_or(0, VecDeque::len)
    }

    /// Decides on everything held, and holds no longer.
    pub(super) fn release(&self) {
        let held = self.faults.held.lock().unwrap().take();
        for commit in held.into_iter().flatten() {
            self.submit(commit);
        }
        self.faults.released.notify_waiters();
    }

    /// Refuses the next commit.
    pub(super) fn refuse(&self, rejected: Rejected) {
        self.faults.refusals.lock().unwrap().push_back(rejected);
    }

    /// Loses every commit from now on, as a process does that was killed.
    pub(super) fn cut_off(&self) {
        self.cut_off_after(0);
    }

    pub(super) fn cut_off_after(&self, commits: u64) {
        self.faults.left.store(commits, Ordering::SeqCst);
    }

    pub(super) fn is_cut_off(&self) -> bool {
        self.faults.left.load(Ordering::SeqCst) == 0
    }

    pub(super) fn fill(&self, full: bool) {
        self.faults.full.store(full, Ordering::SeqCst);
    }

    pub(super) fn damage(&self, unreadable: bool) {
        self.faults.unreadable.store(unreadable, Ordering::SeqCst);
    }

    /// Refuses loads as where too many reads wait.
    pub(super) fn crowd(&self, crowded: bool) {
        self.faults.crowded.store(crowded, Ordering::SeqCst);
    }

    /// Lets loads wait while `held`.
    pub(super) fn hold_loads(&self, held: bool) {
        self.faults.loading.send_replace(!held);
    }

    pub(super) fn loads(&self) -> usize {
        self.faults.loads.load(Ordering::SeqCst)
    }

    pub(super) fn barriers(&self) -> usize {
        self.faults.barriers.load(Ordering::SeqCst)
    }

    pub(super) fn retired(&self) -> usize {
        self.faults.retired.load(Ordering::SeqCst)
    }

    /// Answers the next look-ups of receipts as of the beginning.
    pub(super) fn outdate_look_ups(&self, next: usize) {
        self.faults.outdated.store(next, Ordering::SeqCst);
    }

    pub(super) fn look_ups(&self) -> usize {
        self.faults.look_ups.load(Ordering::SeqCst)
    }

    /// Shows a last synced position beyond every commit.
    pub(super) fn run_ahead(&self, to: Position) {
        *self.faults.ahead.lock().unwrap() = Some(watch::Sender::new(to));
    }

    /// Returns how many commits were accepted since this start.
    pub(super) fn commits(&self) -> usize {
        self.faults.passed.load(Ordering::SeqCst)
    }
}

impl Faults {
    fn none() -> Self {
        Self {
            held: Mutex::default(),
            ahead_of_hold: AtomicU64::new(0),
            released: Notify::new(),
            refusals: Mutex::default(),
            left: AtomicU64::new(u64::MAX),
            full: AtomicBool::new(false),
            unreadable: AtomicBool::new(false),
            crowded: AtomicBool::new(false),
            loads: AtomicUsize::new(0),
            loading: watch::Sender::new(true),
            barriers: AtomicUsize::new(0),
            retired: AtomicUsize::new(0),
            passed: AtomicUsize::new(0),
            outdated: AtomicUsize::new(0),
            look_ups: AtomicUsize::new(0),
            ahead: Mutex::default(),
        }
    }
}

/// Takes one from what is left, if there is any.
fn spend(left: &AtomicU64) -> bool {
    let spent = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    spent.is_ok()
}

impl Store for TestStore {
    fn submit(&self, commit: Commit) {
        if let Some(held) = self.faults.held.lock().unwrap().as_mut()
            && !spend(&self.faults.ahead_of_hold)
        {
            held.push_back(commit);
            return;
        }
        if self.is_cut_off() {
            std::mem::forget(commit);
            return;
        }
        if let Some(rejected) = self.faults.refusals.lock().unwrap().pop_front() {
            (commit.done.0)(Err(rejected));
            return;
        }
        self.faults.left.fetch_sub(1, Ordering::SeqCst);
        self.faults.passed.fetch_add(1, Ordering::SeqCst);
        self.memory.submit(commit);
    }

    fn barrier(&self) -> BoxFuture<'static, ()> {
        self.faults.barriers.fetch_add(1, Ordering::SeqCst);
        let store = self.clone();
        async move {
            loop {
                let released = store.faults.released.notified();
                if store.held() == 0 {
                    return;
                }
                released.await;
            }
        }
        .boxed()
    }

    fn retire(&self, entity: EntityKey, incarnation: u64) {
        self.faults.retired.fetch_add(1, Ordering::SeqCst);
        self.memory.retire(entity, incarnation);
    }

    fn admit(&self) -> Result<(), Fault> {
        if self.faults.full.load(Ordering::SeqCst) {
            Err(Fault::Busy)
        } else {
            Ok(())
        }
    }

    fn load(&self, entity: EntityKey) -> BoxFuture<'static, Result<Option<Loaded>, Fault>> {
        self.faults.loads.fetch_add(1, Ordering::SeqCst);
        let store = self.clone();
        async move {
            let mut loading = store.faults.loading.subscribe();
            let _ = loading.wait_for(|open| *open).await;
            if store.faults.unreadable.load(Ordering::SeqCst) {
                return Err(Fault::Io("the test said so".to_owned()));
            }
            if store.faults.crowded.load(Ordering::SeqCst) {
                return Err(Fault::Busy);
            }
            store.memory.load(entity).await
        }
        .boxed()
    }

    fn lookup(&self, key: UniqueKey) -> BoxFuture<'static, Result<Option<EntityKey>, Fault>> {
        self.memory.lookup(key)
    }

    fn receipt(&self, key: ReceiptKey, now: Timestamp) -> BoxFuture<'static, Result<ReceiptFound, Fault>> {
        self.faults.look_ups.fetch_add(1, Ordering::SeqCst);
        let left = self.faults.outdated.load(Ordering::SeqCst);
        if 0 < left {
            self.faults.outdated.store(left - 1, Ordering::SeqCst);
            return async { Ok(ReceiptFound::AbsentAsOf(Position::default())) }.boxed();
        }
        self.memory.receipt(key, now)
    }

    fn scan(&self, scan: Scan) -> BoxFuture<'static, Result<Vec<ListingRow>, Fault>> {
        self.memory.scan(scan)
    }

    fn events_after(
        &self,
        after: Position,
        commits_max: usize,
        wanted: Wanted,
    ) -> BoxFuture<'static, Result<(Vec<Fact>, Position), Fault>> {
        if self.faults.unreadable.load(Ordering::SeqCst) {
            return async { Err(Fault::Io("the test said so".to_owned())) }.boxed();
        }
        self.memory.events_after(after, commits_max, wanted)
    }

    fn history(
        &self,
        entity: EntityKey,
        from: Position,
        commits_max: usize,
    ) -> BoxFuture<'static, Result<Vec<Past>, Fault>> {
        self.memory.history(entity, from, commits_max)
    }

    fn synced(&self) -> watch::Receiver<Position> {
        match &*self.faults.ahead.lock().unwrap() {
            Some(ahead) => ahead.subscribe(),
            None => self.memory.synced(),
        }
    }

    fn timers_due(&self, until: Timestamp, limit: usize) -> BoxFuture<'static, Result<Vec<DueTimer>, Fault>> {
        self.memory.timers_due(until, limit)
    }

    fn cursor(&self, name: &str) -> BoxFuture<'static, Result<Position, Fault>> {
        self.memory.cursor(name)
    }

    fn move_cursor(&self, name: &str, to: Position) -> BoxFuture<'static, Result<(), Fault>> {
        self.memory.move_cursor(name, to)
    }

    fn last_number(&self, sequence: Sequence) -> u64 {
        self.memory.last_number(sequence)
    }

    fn start_number(&self) -> u64 {
        self.memory.start_number()
    }

    fn last_recorded_at(&self) -> Timestamp {
        self.memory.last_recorded_at()
    }

    fn statistics(&self) -> Statistics {
        self.memory.statistics()
    }

    fn close(&self) -> BoxFuture<'static, Result<(), Fault>> {
        self.memory.close()
    }
}
