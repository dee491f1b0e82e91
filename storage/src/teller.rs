//! The teller: says what became of each group, one group after the other, in the order in which they became durable.
//!
//! It is a task of the runtime on which the answers are waited for. There it wakes whoever waits without crossing to
//! another thread for each, and the committer goes on with the next group at once. See ADR 0015.

use crate::applier::ToApplier;
use crate::shared::Shared;
use crate::verdict::Refused;
use crate::{Accepted, Done, Fault, Position};
use crossbeam_channel::Sender;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// Where news are brought to be told.
pub(crate) struct Teller {
    shared: Arc<Shared>,
    /// Without a runtime they are told where they are brought.
    task: Option<UnboundedSender<Untold>>,
}

/// What became of a group, once that is certain. Letting go of it tells nobody.
#[derive(Default)]
pub(crate) struct News {
    /// The last position of the group, if it has commits.
    pub(crate) synced: Option<Position>,
    pub(crate) accepted: Vec<(Done, Accepted)>,
    pub(crate) refused: Vec<Refused>,
    /// Those who asked to hear when everything before them is told.
    pub(crate) passed: Vec<oneshot::Sender<()>>,
    /// Nothing more comes: the applier, and who asked for that.
    pub(crate) close: Option<(Sender<ToApplier>, Closed)>,
}

/// Who hears that the store is closed, if anybody does.
pub(crate) type Closed = Option<oneshot::Sender<Result<(), Fault>>>;

/// News that were brought. They are told when this is dropped, wherever it ends: in the task, in the queue of a runtime
/// that has gone, or with the committer. Only while a runtime goes may two of these places tell side by side.
struct Untold {
    shared: Arc<Shared>,
    news: News,
}

impl Teller {
    /// Starts the task. It ends with the committer, or with its runtime.
    pub(crate) fn start(shared: Arc<Shared>, runtime: Option<&Handle>) -> Self {
        let task = runtime.map(|runtime| {
            let (task, mut brought) = unbounded_channel();
            runtime.spawn(async move {
                while let Some(untold) = brought.recv().await {
                    drop(untold);
                }
            });
            task
        });
        Self { shared, task }
    }

    /// Sees to it that news are told, after all that were brought before.
    pub(crate) fn bring(&self, news: News) {
        // A group of nothing but ended incarnations need not wake the task.
        if news.is_empty() {
            return;
        }
        let untold = Untold {
            shared: Arc::clone(&self.shared),
            news,
        };
        match &self.task {
            // What comes back is told here.
            Some(task) => drop(task.send(untold)),
            None => drop(untold),
        }
    }
}

impl Drop for Untold {
    fn drop(&mut self) {
        let (shared, news) = (&self.shared, mem::take(&mut self.news));
        shared.guard("teller", || news.tell(shared));
    }
}

impl News {
    fn is_empty(&self) -> bool {
        let Self {
            synced,
            accepted,
            refused,
            passed,
            close,
        } = self;
        synced.is_none() && accepted.is_empty() && refused.is_empty() && passed.is_empty() && close.is_none()
    }

    /// Tells acceptances, then refusals, which may rest on them, then those who asked to hear that.
    fn tell(self, shared: &Shared) {
        if let Some(position) = self.synced {
            shared.synced.send_replace(position);
        }
        let waiting = &shared.counters.waiting;
        for (Done(done), accepted) in self.accepted {
            waiting.fetch_sub(1, Ordering::AcqRel);
            done(Ok(accepted));
        }
        for Refused {
            done: Done(done),
            why,
        } in self.refused
        {
            waiting.fetch_sub(1, Ordering::AcqRel);
            done(Err(why));
        }
        for passed in self.passed {
            // Whoever asked may have given up.
            let _ = passed.send(());
        }
        if let Some((applier, closed)) = self.close {
            // The applier ends before the committer only when the process aborts.
            let _ = applier.send(ToApplier::Close(closed));
        }
    }
}
