//! Who tells verdicts: a thread beside the committer's, so that the next group is on its way to the disk meanwhile.
//!
//! Groups are told in order. A group for which nothing waits behind it is told by the committer itself: waking a
//! thread would only cost time.

use crate::commit::{Accepted, Done};
use crate::shared::Shared;
use crate::verdict::Refused;
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// What a synced group has to tell.
#[derive(Default)]
pub(crate) struct Verdicts {
    pub(crate) accepted: Vec<(Done, Accepted)>,
    /// Told after the accepted ones: a refusal may rest on a commit of its group.
    pub(crate) refused: Vec<Refused>,
    /// Told after everything before: moved cursors and barriers.
    pub(crate) waiting: Vec<oneshot::Sender<()>>,
}

impl Verdicts {
    fn is_empty(&self) -> bool {
        self.accepted.is_empty() && self.refused.is_empty() && self.waiting.is_empty()
    }

    fn tell(self, shared: &Shared) {
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
        for waiting in self.waiting {
            // Whoever asked may have given up.
            let _ = waiting.send(());
        }
    }
}

/// See the module.
pub(crate) struct Teller {
    shared: Arc<Shared>,
    groups: Sender<Verdicts>,
    /// Groups handed over and not yet told.
    untold: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Teller {
    /// Starts the thread.
    pub(crate) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let (groups, queue) = unbounded();
        let untold = Arc::<AtomicU64>::default();
        let thread = {
            let (shared, untold) = (Arc::clone(&shared), Arc::clone(&untold));
            std::thread::Builder::new()
                .name("cartwright-teller".to_owned())
                .spawn(move || shared.guard("teller", || work(&queue, &shared, &untold)))?
        };
        Ok(Self {
            shared,
            groups,
            untold,
            thread,
        })
    }

    /// Tells a group's verdicts, after those of every group before: at once where nobody waits behind them.
    pub(crate) fn tell(&self, verdicts: Verdicts, somebody_waits: bool) {
        if verdicts.is_empty() {
            return;
        }
        if !somebody_waits && self.untold.load(Ordering::Acquire) == 0 {
            verdicts.tell(&self.shared);
            return;
        }
        self.untold.fetch_add(1, Ordering::AcqRel);
        // The thread ends before its sender only when the process aborts.
        let _ = self.groups.send(verdicts);
    }

    /// Returns once everything is told.
    pub(crate) fn close(self) {
        drop(self.groups);
        // A panic has aborted the process already.
        let _ = self.thread.join();
    }
}

fn work(queue: &Receiver<Verdicts>, shared: &Shared, untold: &AtomicU64) {
    for verdicts in queue {
        verdicts.tell(shared);
        untold.fetch_sub(1, Ordering::AcqRel);
    }
}
