//! The disk of a simulated shop: a store in memory, behind a sync that takes its time and a plug that can be pulled.
//!
//! What is submitted waits for the next group; a group is durable, visible and answered when its sync ends. A crash
//! loses what waits, and keeps or loses the group that was being synced, as the seed has it.

mod broken;

pub(crate) use broken::Broken;

use crate::dice::Dice;
use crate::trace::{Trace, digest_of};
use broken::{false_receipt, held_by};
use cartwright_domain::{EntityKey, Kind, Sequence, Timestamp, UniqueKey};
use cartwright_storage::{
    Body, Commit, Done, DueTimer, Fact, Fault, ListingRow, Loaded, MemoryStore, Past, Position, ReceiptFound,
    ReceiptKey, Rejected, Scan, Statistics, Store, Wanted,
};
use futures::future::{BoxFuture, FutureExt, pending};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::sleep;

/// More waiting than this is refused before it queues.
const WAITING_MAX: usize = 64;
/// One commit in so many is refused by a disk that misbehaves.
const REFUSED_ONE_IN: u64 = 100;
/// One group in so many takes longer than usual, and one in so many of these much longer.
const SLOW_ONE_IN: u64 = 30;
const STUCK_ONE_IN: u64 = 5;

/// What outlives a crash.
pub(crate) struct Disk {
    store: MemoryStore,
    trace: Trace,
}

/// The store of one process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Mounted {
    inner: MemoryStore,
    shared: Arc<Shared>,
    broken: Broken,
}

struct Shared {
    state: Mutex<State>,
    /// Told when as many commits were submitted as the seed gives this process.
    has_blown: watch::Sender<bool>,
    trace: Trace,
}

struct State {
    dice: Dice,
    is_alive: bool,
    misbehaves: bool,
    /// The next group with a commit of this kind takes so long.
    stall: Option<(Kind, Duration)>,
    /// After so many submissions, of one kind of entity or of any, the plug is to be pulled.
    fuse: Option<Fuse>,
    gathering: VecDeque<Item>,
    syncing: VecDeque<Item>,
    /// The group being synced is on the disk, and not everybody was told.
    is_synced: bool,
    is_at_work: bool,
    /// What would make it as if the order that was told last had never been there, in a store that loses orders.
    loses: Option<Commit>,
    /// What would have told of lost commits: dropped, it would tell that nothing will come.
    lost: Vec<Item>,
    /// One for each who waits for facts: of several who wait on one it is chance who hears first.
    synced: Vec<watch::Sender<Position>>,
}

struct Fuse {
    left: u64,
    kind: Option<Kind>,
}

enum Item {
    Commit(Box<Commit>),
    Cursor(String, Position, oneshot::Sender<()>),
    Barrier(oneshot::Sender<()>),
}

impl Disk {
    pub(crate) fn new(trace: &Trace) -> Self {
        Self {
            store: MemoryStore::new(),
            trace: trace.clone(),
        }
    }

    /// Opens the store for another process.
    pub(crate) fn mount(&self, mut dice: Dice, broken: Broken, misbehaves: bool) -> Mounted {
        self.store.restart();
        let (kind, longest) = *dice.one_of(&[
            (None, 10),
            (None, 160),
            (Some(Kind::StockItem), 12),
            (Some(Kind::Checkout), 8),
            (Some(Kind::Order), 3),
            (Some(Kind::Cancellation), 3),
        ]);
        let left = dice.between(1, longest);
        let state = State {
            fuse: misbehaves.then_some(Fuse { left, kind }),
            dice,
            is_alive: true,
            misbehaves,
            stall: None,
            gathering: VecDeque::new(),
            syncing: VecDeque::new(),
            is_synced: false,
            is_at_work: false,
            loses: None,
            lost: Vec::new(),
            synced: Vec::new(),
        };
        Mounted {
            inner: self.store.clone(),
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                has_blown: watch::Sender::new(false),
                trace: self.trace.clone(),
            }),
            broken,
        }
    }
}

impl Mounted {
    /// Pulls the plug: from here on nothing is written, answered or read.
    pub(crate) fn crash(&self) {
        let mut state = self.shared.state();
        state.is_alive = false;
        let mut group = std::mem::take(&mut state.syncing);
        let keeps = state.is_synced || state.dice.one_in(2);
        let waiting = std::mem::take(&mut state.gathering);
        self.shared.trace.line(format_args!(
            "crash: {} commits in the sync, {}, {} waiting, lost",
            group.len(),
            if keeps { "kept" } else { "lost" },
            waiting.len()
        ));
        state.lost.extend(waiting);
        drop(state);
        while let Some(item) = group.pop_front() {
            let lost = match item {
                Item::Commit(mut commit) if keeps => {
                    let untold = std::mem::replace(&mut commit.done, Done(Box::new(|_| {})));
                    let husk = husk_of(&commit, untold);
                    self.submit(*commit);
                    Item::Commit(Box::new(husk))
                }
                other => other,
            };
            self.shared.state().lost.push(lost);
        }
        let loses = self.shared.state().loses.take();
        if let Some(loses) = loses {
            self.submit(loses);
        }
    }

    /// Resolves when the plug is to be pulled: with a commit waiting.
    pub(crate) async fn blown(&self) {
        // The sender lives as long as this does.
        let _ = self.shared.has_blown.subscribe().wait_for(|blown| *blown).await;
    }

    /// Lets the sync of the next commit of a kind take so long.
    pub(crate) fn stall(&self, kind: Kind, time: Duration) {
        self.shared.state().stall = Some((kind, time));
    }

    /// Makes the disk well-behaved from here on.
    pub(crate) fn behave(&self) {
        self.shared.state().misbehaves = false;
    }

    fn enqueue(&self, item: Item) {
        let mut state = self.shared.state();
        if !state.is_alive {
            state.lost.push(item);
            return;
        }
        if let Some(fuse) = &mut state.fuse
            && fuse.counts(&item)
        {
            fuse.left = fuse.left.saturating_sub(1);
            if fuse.left == 0 {
                self.shared.has_blown.send_replace(true);
            }
        }
        state.gathering.push_back(item);
        if !std::mem::replace(&mut state.is_at_work, true) {
            let mounted = self.clone();
            tokio::spawn(async move { mounted.work().await });
        }
    }

    /// Syncs group after group, until nothing waits.
    async fn work(&self) {
        loop {
            let wait = {
                let mut state = self.shared.state();
                if !state.is_alive {
                    return;
                }
                if state.gathering.is_empty() {
                    state.is_at_work = false;
                    return;
                }
                state.syncing = std::mem::take(&mut state.gathering);
                state.is_synced = false;
                state.sync_time()
            };
            sleep(wait).await;
            // Sometimes the plug is pulled between the sync and the last answer.
            let pauses_after = {
                let mut state = self.shared.state();
                if !state.is_alive {
                    return;
                }
                state.is_synced = true;
                let pauses = state.dice.one_in(8);
                pauses.then(|| state.syncing.len() / 2)
            };
            for told in 0.. {
                if pauses_after == Some(told) {
                    sleep(Duration::from_millis(1)).await;
                }
                let item = {
                    let mut state = self.shared.state();
                    if !state.is_alive {
                        return;
                    }
                    state.syncing.pop_front()
                };
                let Some(item) = item else { break };
                self.decide(item);
            }
        }
    }

    fn submit(&self, commit: Commit) {
        self.inner.submit(commit);
        let synced = *self.inner.synced().borrow();
        for told in &self.shared.state().synced {
            told.send_if_modified(|position| std::mem::replace(position, synced) != synced);
        }
    }

    fn decide(&self, item: Item) {
        match item {
            Item::Commit(mut commit) => {
                if self.shared.refuses() {
                    self.shared.trace.line(format_args!("refused {}", commit.entity));
                    let Done(done) = commit.done;
                    done(Err(Rejected::Unavailable("the disk says no".to_owned())));
                    return;
                }
                if self.broken == Broken::LosesOrders {
                    self.lose_later(&mut commit);
                }
                let Done(done) = std::mem::replace(&mut commit.done, Done(Box::new(|_| {})));
                let (trace, entity) = (self.shared.trace.clone(), commit.entity);
                commit.done = Done(Box::new(move |verdict| {
                    match &verdict {
                        Ok(accepted) => {
                            trace.line(format_args!("synced {entity} at {}", accepted.position.0));
                        }
                        Err(rejected) => trace.line(format_args!("rejected {entity}: {rejected}")),
                    }
                    done(verdict);
                }));
                self.submit(*commit);
            }
            Item::Cursor(subscriber, to, moved) => {
                // In memory: done when called.
                let _ = self.inner.move_cursor(&subscriber, to).now_or_never();
                let _ = moved.send(());
            }
            Item::Barrier(passed) => {
                let _ = passed.send(());
            }
        }
    }

    /// A reading takes a moment, and sees what there was before or after it. In a dead process it never ends.
    fn read<T: Send + 'static>(
        &self,
        read: impl Fn(&MemoryStore) -> BoxFuture<'static, T> + Send + 'static,
    ) -> BoxFuture<'static, T> {
        let (is_alive, wait) = {
            let mut state = self.shared.state();
            let wait = state.dice.one_in(6).then(|| state.dice.between(1, 4));
            (state.is_alive, wait)
        };
        if !is_alive {
            return pending().boxed();
        }
        let (inner, shared) = (self.inner.clone(), Arc::clone(&self.shared));
        async move {
            let Some(wait) = wait else {
                return read(&inner).await;
            };
            let early = match wait % 2 {
                0 => Some(read(&inner).await),
                _ => None,
            };
            sleep(Duration::from_millis(wait)).await;
            if !shared.state().is_alive {
                return pending().await;
            }
            match early {
                Some(early) => early,
                None => read(&inner).await,
            }
        }
        .boxed()
    }
}

/// Keeps what would have told of a commit that is written without anybody hearing of it.
fn husk_of(commit: &Commit, done: Done) -> Commit {
    Commit {
        entity: commit.entity,
        expected: commit.expected,
        revision: commit.revision,
        previous: commit.previous,
        fence: commit.fence,
        at: commit.at,
        body: Body::Unchanged,
        keys: Default::default(),
        events: Vec::new(),
        timers: Default::default(),
        receipts: Default::default(),
        numbering: None,
        decision: commit.decision.clone(),
        rests_on: commit.rests_on.clone(),
        done,
    }
}

impl Fuse {
    fn counts(&self, item: &Item) -> bool {
        match item {
            Item::Commit(commit) => self.kind.is_none_or(|kind| commit.entity.kind == kind),
            Item::Cursor(..) | Item::Barrier(_) => false,
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuses(&self) -> bool {
        let mut state = self.state();
        state.misbehaves && state.dice.one_in(REFUSED_ONE_IN)
    }
}

impl State {
    fn sync_time(&mut self) -> Duration {
        let is_of = |item: &Item, kind| matches!(item, Item::Commit(commit) if commit.entity.kind == kind);
        if let Some((kind, time)) = self.stall
            && self.syncing.iter().any(|item| is_of(item, kind))
        {
            self.stall = None;
            return time;
        }
        if !self.misbehaves || !self.dice.one_in(SLOW_ONE_IN) {
            return Duration::from_millis(self.dice.between(1, 3));
        }
        match self.dice.one_in(STUCK_ONE_IN) {
            // Past the deadline of the engine's own work, now and then.
            true if self.dice.one_in(4) => Duration::from_secs(self.dice.between(28, 40)),
            true => Duration::from_millis(self.dice.between(1_000, 7_000)),
            false => Duration::from_millis(self.dice.between(5, 200)),
        }
    }
}

impl Store for Mounted {
    fn submit(&self, mut commit: Commit) {
        let body = match &commit.body {
            Body::Put(bytes) => digest_of(bytes),
            Body::Unchanged => "unchanged".to_owned(),
            Body::Erase => "erased".to_owned(),
        };
        self.shared.trace.line(format_args!(
            "submit {} {}->{} {body}",
            commit.entity, commit.expected.0, commit.revision.0
        ));
        if self.broken == Broken::AnswersEarly {
            self.answer_early(&mut commit);
        }
        if self.broken == Broken::AcceptsUnfounded {
            commit.rests_on.clear();
        }
        self.enqueue(Item::Commit(Box::new(commit)));
    }

    fn barrier(&self) -> BoxFuture<'static, ()> {
        {
            let state = self.shared.state();
            if state.is_alive && !state.is_at_work {
                return std::future::ready(()).boxed();
            }
        }
        // Behind everything submitted before. In a dead process it is never passed.
        let (passed, is_passed) = oneshot::channel();
        self.enqueue(Item::Barrier(passed));
        is_passed.map(|_| ()).boxed()
    }

    fn retire(&self, entity: EntityKey, incarnation: u64) {
        if self.shared.state().is_alive {
            self.inner.retire(entity, incarnation);
        }
    }

    fn admit(&self) -> Result<(), Fault> {
        match WAITING_MAX <= self.shared.state().gathering.len() {
            true => Err(Fault::Busy),
            false => Ok(()),
        }
    }

    fn load(&self, entity: EntityKey) -> BoxFuture<'static, Result<Option<Loaded>, Fault>> {
        self.read(move |store| store.load(entity))
    }

    fn lookup(&self, key: UniqueKey) -> BoxFuture<'static, Result<Option<EntityKey>, Fault>> {
        self.read(move |store| store.lookup(key.clone()))
    }

    fn receipt(&self, key: ReceiptKey, now: Timestamp) -> BoxFuture<'static, Result<ReceiptFound, Fault>> {
        if let (
            Broken::Forgets(forgotten),
            ReceiptKey::Step {
                saga,
                step,
                participant,
            },
        ) = (self.broken, &key)
            && step == forgotten
        {
            let (saga, participant) = (*saga, *participant);
            return self.read(move |store| {
                let (key, loading) = (key.clone(), store.load(participant));
                let found = async move {
                    let held = held_by(saga, participant, loading.await?)?;
                    Ok(ReceiptFound::Present(Box::new(false_receipt(
                        key,
                        participant,
                        held,
                    ))))
                };
                found.boxed()
            });
        }
        self.read(move |store| store.receipt(key.clone(), now))
    }

    fn scan(&self, scan: Scan) -> BoxFuture<'static, Result<Vec<ListingRow>, Fault>> {
        self.read(move |store| store.scan(scan.clone()))
    }

    fn events_after(
        &self,
        after: Position,
        commits_max: usize,
        wanted: Wanted,
    ) -> BoxFuture<'static, Result<(Vec<Fact>, Position), Fault>> {
        self.read(move |store| store.events_after(after, commits_max, wanted))
    }

    fn history(
        &self,
        entity: EntityKey,
        from: Position,
        commits_max: usize,
    ) -> BoxFuture<'static, Result<Vec<Past>, Fault>> {
        self.read(move |store| store.history(entity, from, commits_max))
    }

    fn synced(&self) -> watch::Receiver<Position> {
        let (told, hears) = watch::channel(*self.inner.synced().borrow());
        self.shared.state().synced.push(told);
        hears
    }

    fn timers_due(&self, until: Timestamp, limit: usize) -> BoxFuture<'static, Result<Vec<DueTimer>, Fault>> {
        self.read(move |store| store.timers_due(until, limit))
    }

    fn cursor(&self, subscriber: &str) -> BoxFuture<'static, Result<Position, Fault>> {
        let subscriber = subscriber.to_owned();
        self.read(move |store| store.cursor(&subscriber))
    }

    fn move_cursor(&self, subscriber: &str, to: Position) -> BoxFuture<'static, Result<(), Fault>> {
        let (moved, is_moved) = oneshot::channel();
        self.enqueue(Item::Cursor(subscriber.to_owned(), to, moved));
        is_moved
            .map(|moved| moved.map_err(|_| Fault::Io("the store is closed".to_owned())))
            .boxed()
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
        let mounted = self.clone();
        async move {
            if mounted.shared.state().is_alive {
                mounted.barrier().await;
                mounted.shared.state().is_alive = false;
            }
            Ok(())
        }
        .boxed()
    }
}
