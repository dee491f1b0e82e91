//! What can be chosen when a store is opened.

use crate::journal::{FIRST_SEGMENT_BYTES, FrameBuffer, SEGMENT_OVERHEAD};
use crate::record::COMMIT_BYTES_MAX;
use crate::{Disk, Fill, OpenError, Position, RealDisk};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// The most commits of a group.
pub(crate) const GROUP_COMMITS_MAX: usize = 1_024;
/// The most groups that may wait, see [`Options::waiting_max`].
const GROUPS_WAITING_MAX: u64 = 8;
/// The most bytes of a group.
pub(crate) const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The smallest segment: it must hold a group.
const SEGMENT_BYTES_MIN: u64 = 16 * 1024;

/// Ends the process at once, without answers and without clean-up; gets a sentence for the log.
pub type Abort = Arc<dyn Fn(&str) + Send + Sync>;

/// Hears how far a long start has come.
pub type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// How far a start has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many rows of the index were checked.
    Checking {
        /// The rows so far.
        rows: u64,
    },
    /// The journal was replayed up to this commit.
    Replaying {
        /// The commit's position.
        position: Position,
    },
}

/// What can be chosen when a store is opened. The default serves a shop.
#[derive(Clone)]
pub struct Options {
    /// The size of a journal segment in bytes; at least 16 KiB. Default 64 MiB.
    pub segment_bytes: u64,
    /// How segments are made ahead.
    pub fill: Fill,
    /// The most bytes of states that the index does not hold yet. Default 256 MiB.
    pub pending_bytes_max: u64,
    /// The most commits that may wait for a verdict before admission refuses. Default 8,192: eight full groups.
    ///
    /// It is a bound on the delay: whoever is let in waits for about nine syncs, more only where large commits fill
    /// their groups by bytes. On a disk that takes 50 ms for a sync that is half a second, and even one that takes a
    /// second answers within a request's deadline; more waiting would only be work for callers who have given up.
    pub waiting_max: u64,
    /// The threads that read the index. Default 2.
    pub loaders: usize,
    /// The most reads that may wait for one of them. Default 4,096.
    pub loads_waiting_max: usize,
    /// How much memory the index may use as a cache, in bytes. Default 256 MiB.
    pub cache_bytes: u64,
    /// After so many rows a checkpoint is made, so that a start never replays much more. Default 100,000.
    pub checkpoint_rows: u64,
    /// How long a state may wait until the index is told. Default 2 s.
    pub index_after: Duration,
    /// For how long a start waits for the check of every row of the index; the rest is checked while it is in use.
    /// Default 500 ms.
    pub check_before_start: Duration,
    /// The runtime on which the verdicts are told, in their order: the one on which they are waited for. Without one the
    /// committer's thread tells them, and its next group waits for that. Default none.
    pub runtime: Option<Handle>,
    /// The disk below the journal and the checkpoints. Tests let it fail.
    pub disk: Arc<dyn Disk>,
    /// What happens when a sync fails or a thread of the store panics: the process aborts. Tests look on.
    pub abort: Abort,
    /// Who hears how far a long start has come.
    pub progress: Option<OnProgress>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 * 1024 * 1024,
            fill: Fill::default(),
            pending_bytes_max: 256 * 1024 * 1024,
            waiting_max: GROUPS_WAITING_MAX * GROUP_COMMITS_MAX as u64,
            loaders: 2,
            loads_waiting_max: 4_096,
            cache_bytes: 256 * 1024 * 1024,
            checkpoint_rows: 100_000,
            index_after: Duration::from_secs(2),
            check_before_start: Duration::from_millis(500),
            runtime: None,
            disk: Arc::new(RealDisk),
            abort: Arc::new(|why| {
                tracing::error!(why, "the store cannot go on: aborting; the next start recovers");
                std::process::abort();
            }),
            progress: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("segment_bytes", &self.segment_bytes)
            .field("fill", &self.fill)
            .field("pending_bytes_max", &self.pending_bytes_max)
            .field("waiting_max", &self.waiting_max)
            .field("loaders", &self.loaders)
            .field("loads_waiting_max", &self.loads_waiting_max)
            .field("cache_bytes", &self.cache_bytes)
            .field("checkpoint_rows", &self.checkpoint_rows)
            .field("index_after", &self.index_after)
            .field("check_before_start", &self.check_before_start)
            .field("runtime", &self.runtime)
            .finish_non_exhaustive()
    }
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        if self.segment_bytes < SEGMENT_BYTES_MIN || !self.segment_bytes.is_multiple_of(512) {
            return Err(OpenError::Options(format!(
                "a segment takes {} bytes, but must take at least {SEGMENT_BYTES_MIN} and a multiple of 512",
                self.segment_bytes
            )));
        }
        Ok(())
    }

    /// The most bytes of a group's frame before its last commit: with that one the smallest segment still holds
    /// it. A commit that draws a number is measured only once it has drawn it.
    pub(crate) fn group_bytes_max(&self) -> usize {
        let segment = usize::try_from(self.segment_bytes.min(FIRST_SEGMENT_BYTES)).unwrap_or(usize::MAX);
        GROUP_BYTES_MAX.min(segment.saturating_sub(SEGMENT_OVERHEAD) / 2)
    }

    /// The most bytes of one commit: it must fit into a group of its own.
    pub(crate) fn commit_bytes_max(&self) -> usize {
        COMMIT_BYTES_MAX.min(self.group_bytes_max().saturating_sub(FrameBuffer::OVERHEAD))
    }
}
