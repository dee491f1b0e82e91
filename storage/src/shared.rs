//! What the threads of a store share.

use crate::journal::Catalog;
use crate::lease::Lease;
use crate::loaders::{Loaders, closed};
use crate::options::Abort;
use crate::pending::Pending;
use crate::table::SledTable;
use crate::{Fault, Position};
use cartwright_domain::Sequence;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::watch;

/// See the module.
pub(crate) struct Shared {
    pub(crate) pending: Pending,
    pub(crate) loaders: Loaders,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) synced: watch::Sender<Position>,
    pub(crate) abort: Abort,
    pub(crate) counters: Counters,
    /// Gone once the store is closed.
    index: RwLock<Option<Arc<SledTable>>>,
    lease: Mutex<Option<Lease>>,
}

/// Numbers that several threads read and write.
#[derive(Default)]
pub(crate) struct Counters {
    /// The last synced position of which the applier was told everything that it must be told.
    pub(crate) announced: AtomicU64,
    /// Up to here the index shows all keys, timers and cursors.
    pub(crate) keys_indexed: AtomicU64,
    /// Up to here the index shows everything.
    pub(crate) indexed: AtomicU64,
    /// Rows written to the journal since the last checkpoint began.
    pub(crate) rows: AtomicU64,
    /// Commits submitted whose verdict was not told.
    pub(crate) waiting: AtomicU64,
    /// Verdicts and cursors that wait for the index.
    pub(crate) waiting_for_index: AtomicU64,
    pub(crate) groups: AtomicU64,
    pub(crate) journal_bytes: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) snapshot_bytes: AtomicU64,
    /// Last numbers drawn, in the order of [`Sequence::ALL`].
    pub(crate) numbers: [AtomicU64; Sequence::ALL.len()],
}

impl Counters {
    pub(crate) fn number(&self, sequence: Sequence) -> Option<&AtomicU64> {
        Sequence::ALL
            .iter()
            .position(|one| *one == sequence)
            .and_then(|at| self.numbers.get(at))
    }
}

impl Shared {
    pub(crate) fn new(
        pending: Pending,
        loaders: Loaders,
        catalog: Arc<Catalog>,
        index: Arc<SledTable>,
        lease: Lease,
        abort: Abort,
        position: Position,
    ) -> Self {
        let counters = Counters::default();
        for counter in [&counters.announced, &counters.keys_indexed, &counters.indexed] {
            counter.store(position.0, Ordering::Release);
        }
        Self {
            pending,
            loaders,
            catalog,
            synced: watch::Sender::new(position),
            abort,
            counters,
            index: RwLock::new(Some(index)),
            lease: Mutex::new(Some(lease)),
        }
    }

    /// Returns the index, unless the store is closed.
    pub(crate) fn index(&self) -> Result<Arc<SledTable>, Fault> {
        self.index
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .ok_or_else(closed)
    }

    /// Lets go of the index and, last of all, of the directory.
    pub(crate) fn let_go(&self, index: Arc<SledTable>) {
        self.loaders.close();
        self.index.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(index);
        self.lease.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Runs a thread of the store. When it panics the process aborts: nobody knows what it left undone.
    pub(crate) fn guard(&self, thread: &str, run: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(run)).is_err() {
            (self.abort)(&format!("the {thread} panicked"));
        }
    }
}
