//! What the threads of a store share.

use crate::at_disk::AtDisk;
use crate::journal::Catalog;
use crate::lease::Lease;
use crate::loaders::{Loaders, closed};
use crate::options::Abort;
use crate::pending::Pending;
use crate::recent::Recent;
use crate::table::SledTable;
use crate::{Fault, Position};
use cartwright_domain::Sequence;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use tokio::sync::watch;

/// See the module.
pub(crate) struct Shared {
    pub(crate) pending: Arc<Pending>,
    pub(crate) recent: Recent,
    pub(crate) loaders: Loaders,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) synced: watch::Sender<Position>,
    pub(crate) abort: Abort,
    pub(crate) counters: Counters,
    /// Nobody has the store any more: what is left to be done is done, and whoever had it may have removed it.
    pub(crate) is_let_go_of: AtomicBool,
    /// Gone once the store is closed.
    index: RwLock<Option<Arc<SledTable>>>,
    lease: Mutex<Option<Lease>>,
    /// The thread that checks the rest of the index, if the start did not.
    check: Mutex<Option<JoinHandle<()>>>,
}

/// Numbers that several threads read and write.
#[derive(Default)]
pub(crate) struct Counters {
    /// Everything up to here is in pending or in the index.
    pub(crate) announced: AtomicU64,
    /// The time of the last commit, in milliseconds.
    pub(crate) recorded_at: AtomicI64,
    /// Up to here the index shows everything.
    pub(crate) indexed: AtomicU64,
    /// Rows written to the journal since the last checkpoint began.
    pub(crate) rows: AtomicU64,
    /// Commits submitted whose verdict was not told.
    pub(crate) waiting: AtomicU64,
    pub(crate) groups: AtomicU64,
    pub(crate) journal_bytes: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) snapshot_bytes: AtomicU64,
    /// Since when the committer waits for the disk.
    pub(crate) writing: AtDisk,
    pub(crate) is_checkpoint_unnoted: AtomicBool,
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
        pending: Arc<Pending>,
        loaders: Loaders,
        catalog: Arc<Catalog>,
        index: Arc<SledTable>,
        lease: Lease,
        abort: Abort,
        position: Position,
    ) -> Self {
        let counters = Counters::default();
        counters.announced.store(position.0, Ordering::Release);
        Self {
            pending,
            recent: Recent::new(position),
            loaders,
            catalog,
            synced: watch::Sender::new(position),
            abort,
            counters,
            is_let_go_of: AtomicBool::new(false),
            index: RwLock::new(Some(index)),
            lease: Mutex::new(Some(lease)),
            check: Mutex::new(None),
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

    /// Checks that what is written is written into the directory that is locked; aborts otherwise.
    pub(crate) fn check_place(&self) -> Result<(), Fault> {
        self.check_lease(Lease::check)
    }

    /// Checks that what was written is still to be found; aborts otherwise.
    pub(crate) fn check_kept(&self) -> Result<(), Fault> {
        if self.is_let_go_of.load(Ordering::Acquire) {
            return Ok(());
        }
        self.check_lease(Lease::check_kept)
    }

    fn check_lease(&self, check: fn(&Lease) -> Result<(), String>) -> Result<(), Fault> {
        let lease = self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        lease.as_ref().map_or(Ok(()), check).map_err(|why| {
            (self.abort)(&why);
            Fault::Io(why)
        })
    }

    /// Lets go of the index and, last of all, of the directory.
    pub(crate) fn let_go(&self, index: Arc<SledTable>) {
        self.loaders.close();
        self.index.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(check) = self.check.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // It ends at once now that the index is gone; should it panic, it aborts the process itself.
            let _ = check.join();
        }
        drop(index);
        self.lease.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Keeps the thread that checks the index, to wait for it at the end.
    pub(crate) fn keep_check(&self, check: JoinHandle<()>) {
        *self.check.lock().unwrap_or_else(PoisonError::into_inner) = Some(check);
    }

    /// Runs a thread of the store. When it panics the process aborts: nobody knows what it left undone.
    pub(crate) fn guard(&self, thread: &str, run: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(run)).is_err() {
            (self.abort)(&format!("the {thread} panicked"));
        }
    }
}
