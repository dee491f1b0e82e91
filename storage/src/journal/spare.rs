//! The next segment, made ahead by a thread of its own, so that the committer never waits for zeros.

use super::segment::Filling;
use super::{Ahead, JournalOptions, segment};
use crate::disk::DiskFile;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

/// Keeps one spare segment ready.
pub(crate) struct Spares {
    /// Nobody, when spares are made by whoever needs them.
    thread: Option<Thread>,
    make: Arc<Make>,
}

/// How spares are made.
struct Make {
    directory: PathBuf,
    options: JournalOptions,
    filling: Arc<Filling>,
}

/// The thread that makes spares, and how to speak with it.
struct Thread {
    ready: Receiver<io::Result<Box<dyn DiskFile>>>,
    wanted: Sender<()>,
    handle: Option<JoinHandle<()>>,
}

impl Make {
    fn run(&self) -> io::Result<Box<dyn DiskFile>> {
        let JournalOptions {
            disk,
            segment_bytes,
            fill,
            ..
        } = &self.options;
        segment::make_spare(&**disk, &self.directory, *segment_bytes, *fill, &self.filling)
    }
}

impl Spares {
    /// Starts the thread and asks for the first spare.
    pub(crate) fn start(directory: PathBuf, options: JournalOptions) -> Self {
        let ahead = options.ahead;
        let make = Arc::new(Make {
            directory,
            options,
            filling: Arc::default(),
        });
        let thread = match ahead {
            Ahead::OnThread => {
                make.filling.is_at_leisure.store(true, Ordering::Relaxed);
                Some(Thread::start(&make))
            }
            #[cfg(test)]
            Ahead::WhenNeeded => None,
        };
        let spares = Self { thread, make };
        spares.renew();
        spares
    }

    /// Orders the next spare. The one before must have been given its name: they share a path.
    pub(crate) fn renew(&self) {
        if let Some(thread) = &self.thread {
            // One order stands at most; a thread that is gone shows when the spare is taken.
            let _ = thread.wanted.try_send(());
        }
    }

    /// Returns what tells how many zeros were written.
    pub(crate) fn filling(&self) -> Arc<Filling> {
        Arc::clone(&self.make.filling)
    }

    /// Takes the spare, waiting for it when it is not ready yet.
    pub(crate) fn take(&self) -> io::Result<Box<dyn DiskFile>> {
        match &self.thread {
            Some(thread) => {
                self.make.filling.is_at_leisure.store(false, Ordering::Relaxed);
                let spare = thread.ready.recv();
                self.make.filling.is_at_leisure.store(true, Ordering::Relaxed);
                spare.map_err(|_| io::Error::other("the thread that makes segments is gone"))?
            }
            None => self.make.run(),
        }
    }

    /// Makes the next spare now, so that whoever needs it finds it.
    #[cfg(test)]
    pub(crate) fn make_ahead(&self) -> io::Result<()> {
        self.make.run().map(drop)
    }
}

impl Thread {
    fn start(make: &Arc<Make>) -> Self {
        let (wanted, orders) = bounded::<()>(1);
        let (made, ready) = bounded(1);
        let make = Arc::clone(make);
        let handle = std::thread::Builder::new()
            .name("cartwright-spare".to_owned())
            .spawn(move || {
                for () in orders {
                    if made.send(make.run()).is_err() {
                        return;
                    }
                }
            });
        Self {
            ready,
            wanted,
            handle: handle.ok(),
        }
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        self.make.filling.stop.store(true, Ordering::Relaxed);
        let Some(Thread { wanted, handle, .. }) = self.thread.take() else {
            return;
        };
        drop(wanted);
        if let Some(handle) = handle {
            // It panics on nothing; if it did, there is no spare to save.
            let _ = handle.join();
        }
    }
}
