//! A store in memory: the same verdicts and rows without threads or files, for tests under a paused clock.

use crate::index::{self, EachRow, Range, Rows};
use crate::record::COMMIT_BYTES_MAX;
use crate::verdict::{Behind, Judge, Ready, counts};
use crate::{
    Accepted, Commit, Done, DueTimer, Fact, Fault, ListingRow, Loaded, Past, Position, Receipt, ReceiptFound,
    ReceiptKey, Rejected, Scan, Statistics, Store, Verdict, Wanted,
};
use bytes::Bytes;
use cartwright_domain::{EntityKey, Revision, Sequence, Timestamp, UniqueKey};
use foldhash::HashMap;
use futures::future::{BoxFuture, FutureExt, ready};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The number of the first process start.
const FIRST_START: u64 = 1;

/// Decides inside [`Store::submit`] and calls [`Commit::done`] there, after letting go of its lock.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    synced: watch::Sender<Position>,
}

struct State {
    judge: Judge,
    table: Table,
    log: Vec<Logged>,
    commits: u64,
    closed: bool,
    /// The number of the process start whose commits are taken.
    start: u64,
    /// The time of the last record.
    recorded_at: Timestamp,
    /// The time of the last record when this start began.
    recorded_at_start: Timestamp,
}

/// What the feed needs of a commit.
struct Logged {
    entity: EntityKey,
    past: Past,
}

#[derive(Default)]
struct Table {
    rows: BTreeMap<Vec<u8>, Bytes>,
}

impl Rows for Table {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        Ok(self.rows.get(key).cloned())
    }

    fn walk(&self, range: Range, descending: bool, each: &mut EachRow<'_>) -> Result<(), Fault> {
        let mut rows = self.rows.range(range);
        while let Some((key, value)) = if descending { rows.next_back() } else { rows.next() } {
            if each(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Behind for Table {
    fn revision(&self, entity: EntityKey) -> Option<Revision> {
        let loaded = index::load(self, entity).ok()?;
        Some(loaded.map_or(Revision::default(), |loaded| loaded.revision))
    }

    fn holder(&self, key: &UniqueKey) -> Result<Option<EntityKey>, Fault> {
        index::holder(self, key)
    }

    fn receipt(&self, key: &ReceiptKey, _: Position) -> Result<Option<Arc<Receipt>>, Fault> {
        Ok(index::receipt(self, key)?.map(Arc::new))
    }
}

impl State {
    /// Writes the rows of an accepted commit.
    fn apply(&mut self, accepted: Ready) -> (Done, Accepted) {
        let Ready {
            position,
            previous,
            number,
            record,
            done,
        } = accepted;
        let rows = &mut self.table.rows;
        let mut change = |(key, value): index::Change| {
            match value {
                Some(value) => rows.insert(key, value.into()),
                None => rows.remove(&key),
            };
        };
        index::key_changes(&record, &mut change);
        index::state_changes(&record, position, &mut change);
        self.judge.published();
        self.log.push(Logged {
            entity: record.entity,
            past: Past {
                position,
                previous,
                revision: record.revision,
                at: record.at,
                events: record.events.clone(),
            },
        });
        self.commits += 1;
        self.recorded_at = self.recorded_at.max(record.at);
        (done, Accepted { position, number })
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// Makes an empty store.
    pub fn new() -> Self {
        let state = State {
            judge: Judge::new(
                FIRST_START,
                Position::default(),
                HashMap::default(),
                COMMIT_BYTES_MAX,
            ),
            table: Table::default(),
            log: Vec::new(),
            commits: 0,
            closed: false,
            start: FIRST_START,
            recorded_at: Timestamp::default(),
            recorded_at_start: Timestamp::default(),
        };
        let synced = watch::Sender::new(Position::default());
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                synced,
            }),
        }
    }

    /// Begins another process start on what is written, as after a kill: every handle is of the new start, and
    /// whatever an engine of an earlier one still submits is refused as [`Rejected::Fence`].
    pub fn restart(&self) {
        let mut state = self.state();
        let number = |sequence: &Sequence| (*sequence, state.judge.last_number(*sequence));
        let numbers = Sequence::ALL.iter().map(number).collect();
        state.start += 1;
        state.judge = Judge::new(state.start, state.judge.position(), numbers, COMMIT_BYTES_MAX);
        state.recorded_at_start = state.recorded_at;
        state.closed = false;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, commit: Commit) -> (Done, Verdict) {
        let mut state = self.state();
        if state.closed {
            return (commit.done, Err(Rejected::closed()));
        }
        let State { judge, table, .. } = &mut *state;
        match judge.decide(Box::new(commit), table) {
            Ok(accepted) => {
                let (done, accepted) = state.apply(accepted);
                // Told under the lock, so that positions are published in order.
                self.shared.synced.send_replace(accepted.position);
                (done, Ok(accepted))
            }
            Err(refused) => (refused.done, Err(refused.why)),
        }
    }

    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Table) -> Result<T, Fault>,
    ) -> BoxFuture<'static, Result<T, Fault>> {
        ready(read(&self.state().table)).boxed()
    }
}

impl Store for MemoryStore {
    fn submit(&self, commit: Commit) {
        let (Done(done), verdict) = self.decide(commit);
        done(verdict);
    }

    fn barrier(&self) -> BoxFuture<'static, ()> {
        ready(()).boxed()
    }

    fn retire(&self, entity: EntityKey, incarnation: u64) {
        self.state().judge.retire(entity, incarnation);
    }

    fn admit(&self) -> Result<(), Fault> {
        Ok(())
    }

    fn load(&self, entity: EntityKey) -> BoxFuture<'static, Result<Option<Loaded>, Fault>> {
        self.read(|table| index::load(table, entity))
    }

    fn lookup(&self, key: UniqueKey) -> BoxFuture<'static, Result<Option<EntityKey>, Fault>> {
        self.read(|table| index::holder(table, &key))
    }

    fn receipt(&self, key: ReceiptKey, now: Timestamp) -> BoxFuture<'static, Result<ReceiptFound, Fault>> {
        let state = self.state();
        let found = index::receipt(&state.table, &key).map(|found| match found {
            Some(receipt) if counts(&receipt, now) => ReceiptFound::Present(Box::new(receipt)),
            Some(_) | None => ReceiptFound::AbsentAsOf(state.judge.position()),
        });
        ready(found).boxed()
    }

    fn scan(&self, scan: Scan) -> BoxFuture<'static, Result<Vec<ListingRow>, Fault>> {
        self.read(|table| index::scan(table, &scan))
    }

    fn events_after(
        &self,
        after: Position,
        commits_max: usize,
        wanted: Wanted,
    ) -> BoxFuture<'static, Result<(Vec<Fact>, Position), Fault>> {
        let state = self.state();
        let first = state.log.partition_point(|logged| logged.past.position <= after);
        let mut facts = Vec::new();
        let mut read = after;
        for Logged { entity, past } in state.log[first..].iter().take(commits_max) {
            read = past.position;
            for (index, recorded) in wanted.of(entity.kind, &past.events) {
                facts.push(Fact {
                    position: past.position,
                    index,
                    entity: *entity,
                    revision: past.revision,
                    recorded: recorded.clone(),
                });
            }
        }
        ready(Ok((facts, read))).boxed()
    }

    fn history(
        &self,
        entity: EntityKey,
        from: Position,
        commits_max: usize,
    ) -> BoxFuture<'static, Result<Vec<Past>, Fault>> {
        let state = self.state();
        let at = |position: Position| {
            let place = state
                .log
                .binary_search_by_key(&position, |logged| logged.past.position);
            let logged = &state.log[place.ok()?];
            (logged.entity == entity).then(|| logged.past.clone())
        };
        let commits = std::iter::successors(at(from), |past| at(past.previous));
        ready(Ok(commits.take(commits_max).collect())).boxed()
    }

    fn synced(&self) -> watch::Receiver<Position> {
        self.shared.synced.subscribe()
    }

    fn timers_due(&self, until: Timestamp, limit: usize) -> BoxFuture<'static, Result<Vec<DueTimer>, Fault>> {
        self.read(|table| index::timers_due(table, until, limit))
    }

    fn cursor(&self, name: &str) -> BoxFuture<'static, Result<Position, Fault>> {
        self.read(|table| index::cursor(table, name))
    }

    fn move_cursor(&self, name: &str, to: Position) -> BoxFuture<'static, Result<(), Fault>> {
        let row = index::stored(&to).into();
        self.state().table.rows.insert(crate::key::cursor(name), row);
        ready(Ok(())).boxed()
    }

    fn last_number(&self, sequence: Sequence) -> u64 {
        self.state().judge.last_number(sequence)
    }

    fn start_number(&self) -> u64 {
        self.state().start
    }

    fn last_recorded_at(&self) -> Timestamp {
        self.state().recorded_at_start
    }

    fn statistics(&self) -> Statistics {
        let state = self.state();
        let position = state.judge.position();
        Statistics {
            synced: position,
            applied: position,
            groups: state.commits,
            journal_bytes: 0,
            zeroed_bytes: 0,
            commits: state.commits,
            snapshot_bytes: 0,
            pending_bytes: 0,
            waiting: 0,
            writing_for: Duration::ZERO,
            reading_for: Duration::ZERO,
            unread_ago: None,
            is_checkpoint_unnoted: false,
        }
    }

    fn close(&self) -> BoxFuture<'static, Result<(), Fault>> {
        self.state().closed = true;
        ready(Ok(())).boxed()
    }
}
