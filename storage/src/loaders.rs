//! The bounded pool of threads on which the index is read. A runtime thread never waits for sled.

use crate::Fault;
use crate::at_disk::AtDisk;
use crate::commit::CLOSED;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use futures::future::{BoxFuture, FutureExt, ready};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// See the module.
pub(crate) struct Loaders {
    open: Mutex<Option<Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Of each thread.
    reading: Vec<Arc<AtDisk>>,
    /// When a read failed last.
    failed_at: Arc<Mutex<Option<Instant>>>,
}

impl Loaders {
    /// Starts the threads.
    pub(crate) fn start(threads: usize, waiting_max: usize) -> io::Result<Self> {
        let (sender, jobs) = bounded::<Job>(waiting_max.max(1));
        let reading: Vec<Arc<AtDisk>> = std::iter::repeat_with(Arc::default)
            .take(threads.max(1))
            .collect();
        let start = |(number, reading): (usize, &Arc<AtDisk>)| {
            let jobs: Receiver<Job> = jobs.clone();
            let reading = Arc::clone(reading);
            std::thread::Builder::new()
                .name(format!("cartwright-load-{number}"))
                .spawn(move || {
                    for job in jobs {
                        reading.during(job);
                    }
                })
        };
        let threads = reading
            .iter()
            .enumerate()
            .map(start)
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self {
            open: Mutex::new(Some(sender)),
            threads: Mutex::new(threads),
            reading,
            failed_at: Arc::default(),
        })
    }

    /// Runs a read on the pool.
    ///
    /// The future resolves with [`Fault::Busy`] when the queue is full, and with [`Fault::Io`] when the read
    /// panics, as sled does on a damaged file, or the pool is closed.
    pub(crate) fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, Fault>> {
        let (told, result) = oneshot::channel();
        let failed_at = Arc::clone(&self.failed_at);
        let job = Box::new(move || {
            let read = catch_unwind(AssertUnwindSafe(read));
            let read = read.unwrap_or_else(|_| Err(Fault::Io("reading the index panicked".to_owned())));
            if matches!(read, Err(Fault::Io(_))) {
                *failed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            // Whoever asked may have given up.
            let _ = told.send(read);
        });
        let sent = match self.open.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(open) => open.try_send(job).map_err(|error| match error {
                TrySendError::Full(_) => Fault::Busy,
                TrySendError::Disconnected(_) => closed(),
            }),
            None => Err(closed()),
        };
        match sent {
            Ok(()) => async move { result.await.unwrap_or_else(|_| Err(closed())) }.boxed(),
            Err(fault) => ready(Err(fault)).boxed(),
        }
    }

    /// Returns how long ago a read failed, if one has.
    pub(crate) fn failed_ago(&self) -> Option<Duration> {
        let failed_at = *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        failed_at.map(|at| at.elapsed())
    }

    /// Returns for how long the read that lasts longest has lasted; nothing while there is none.
    pub(crate) fn reading_for(&self) -> Duration {
        let reads = self.reading.iter().map(|reading| reading.lasts());
        reads.max().unwrap_or_default()
    }

    /// Finishes the reads that wait and ends the threads.
    pub(crate) fn close(&self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        for thread in self
            .threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
        {
            // Panics are caught around every job.
            let _ = thread.join();
        }
    }
}

/// What a read of a closed store gets.
pub(crate) fn closed() -> Fault {
    Fault::Io(CLOSED.to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_read_that_fails_is_remembered_and_one_that_finds_damage_is_not() {
        let loaders = Loaders::start(1, 1).unwrap();
        let damaged = Fault::Damaged {
            entity: "toy".to_owned(),
            reason: "flipped".to_owned(),
        };
        let read = loaders.read(move || Err::<(), _>(damaged)).await;
        assert!(matches!(read, Err(Fault::Damaged { .. })));
        assert_eq!(loaders.failed_ago(), None);
        let read = loaders
            .read(|| -> Result<(), Fault> { panic!("as sled does") })
            .await;
        assert!(matches!(read, Err(Fault::Io(_))));
        assert!(loaders.failed_ago().is_some());
        loaders.close();
    }

    #[tokio::test]
    async fn a_read_that_hangs_is_seen_until_it_ends_whatever_others_do() {
        let loaders = Loaders::start(2, 2).unwrap();
        let (begun, has_begun) = std::sync::mpsc::channel();
        let (go_on, hangs) = std::sync::mpsc::channel::<()>();
        let hanging = loaders.read(move || {
            begun.send(()).unwrap();
            hangs.recv().unwrap();
            Ok(())
        });
        has_begun.recv().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        loaders.read(|| Ok(())).await.unwrap();
        assert!(Duration::from_millis(10) <= loaders.reading_for());
        go_on.send(()).unwrap();
        hanging.await.unwrap();
        loaders.close();
        assert_eq!(loaders.reading_for(), Duration::ZERO);
    }
}
