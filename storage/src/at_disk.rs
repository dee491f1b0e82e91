//! For how long a thread has waited for the disk: what has not come back is seen by nobody else.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Since when one thread is at the disk, if it is.
pub(crate) struct AtDisk {
    begun: Instant,
    /// Milliseconds after that, from 1; 0 while it has nothing to do there.
    since: AtomicU64,
}

impl Default for AtDisk {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            since: AtomicU64::new(0),
        }
    }
}

impl AtDisk {
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).map_or(u64::MAX, |ms| ms.saturating_add(1))
    }

    /// Does what the disk is needed for. It must not panic.
    pub(crate) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        self.since.store(self.now(), Ordering::Relaxed);
        let done = work();
        self.since.store(0, Ordering::Relaxed);
        done
    }

    /// Returns for how long the thread has been at it; nothing while it is not.
    pub(crate) fn lasts(&self) -> Duration {
        match self.since.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => Duration::from_millis(self.now().saturating_sub(since)),
        }
    }
}
