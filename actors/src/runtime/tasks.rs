//! Tasks: each has a name, an owner and an end.
//!
//! Besides them there are the loops and alarms of actors, which ractor starts, the one by which the store tells what
//! was committed, and what the edge starts for connections and for changes that must reach their end. Nothing else in
//! the engine starts one.

use crate::runtime::DashMap;
use futures::future::{AbortHandle, Abortable};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How often the end of tasks is looked for.
const END_POLL: Duration = Duration::from_millis(10);

/// How long tasks may take to notice that they are dropped.
const DROP_MAX: Duration = Duration::from_secs(1);

/// The most bytes of a task's future, which is copied several times on its way to the scheduler.
const FUTURE_BYTES_MAX: usize = 4096;

/// How a task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskEnd {
    /// It runs for ever and is dropped at shutdown.
    AtShutdown,
    /// It ends by itself; shutdown waits for it.
    ByItself,
}

struct Task {
    name: &'static str,
    owner: String,
    end: TaskEnd,
    abort: AbortHandle,
}

#[derive(Default)]
pub(super) struct Tasks {
    running: Arc<DashMap<u64, Task>>,
    started: AtomicU64,
}

/// Strikes a task off when it has ended, however that came.
struct Running {
    running: Arc<DashMap<u64, Task>>,
    number: u64,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.running.remove(&self.number);
    }
}

impl Tasks {
    pub(super) fn spawn<F>(&self, name: &'static str, owner: &str, end: TaskEnd, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        const {
            assert!(
                size_of::<F>() <= FUTURE_BYTES_MAX,
                "put the large part of this future in a box"
            );
        };
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let (abort, registration) = AbortHandle::new_pair();
        self.running.insert(
            number,
            Task {
                name,
                owner: owner.to_owned(),
                end,
                abort,
            },
        );
        let running = Running {
            running: Arc::clone(&self.running),
            number,
        };
        tokio::spawn(Abortable::new(
            async move {
                let _running = running;
                task.await;
            },
            registration,
        ));
    }

    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    /// Ends every task: those that run for ever at once, the others at the deadline.
    pub(super) async fn end(&self, deadline: Instant) {
        self.abort(|task| task.end == TaskEnd::AtShutdown);
        let ended = async {
            while self.running.iter().any(|task| task.end == TaskEnd::ByItself) {
                tokio::time::sleep(END_POLL).await;
            }
        };
        if timeout_at(deadline, ended).await.is_err() {
            for task in self.running.iter() {
                tracing::warn!(
                    task = task.name,
                    owner = task.owner,
                    "a task is dropped at shutdown"
                );
            }
        }
        self.abort(|_| true);
        let dropped = async {
            while !self.running.is_empty() {
                tokio::time::sleep(END_POLL).await;
            }
        };
        // A task is dropped where it waits next; one that never waits is left to the end of the process.
        let _ = tokio::time::timeout(DROP_MAX, dropped).await;
    }

    fn abort(&self, which: impl Fn(&Task) -> bool) {
        for task in self.running.iter().filter(|task| which(task)) {
            task.abort.abort();
        }
    }
}
