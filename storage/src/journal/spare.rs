//! The next segment, made ahead by a thread of its own, so that the committer never waits for zeros.

use super::segment::{Filling, Made, Plan};
use super::{Ahead, JournalOptions, segment};
use crate::Position;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

/// Keeps the next segment ready.
pub(crate) struct Spares {
    /// Nobody, when segments are made by whoever needs them.
    thread: Option<Thread>,
    make: Arc<Make>,
}

/// How segments are made.
struct Make {
    directory: PathBuf,
    options: JournalOptions,
    filling: Arc<Filling>,
}

/// The thread that makes segments, and how to speak with it.
struct Thread {
    ready: Receiver<io::Result<Made>>,
    /// Numbers of segments.
    wanted: Sender<u64>,
    handle: Option<JoinHandle<()>>,
}

impl Make {
    fn run(&self, number: u64) -> io::Result<Made> {
        let JournalOptions {
            disk,
            segment_bytes: bytes,
            fill,
            ..
        } = &self.options;
        let plan = Plan {
            number,
            first: Position::default(),
            bytes: *bytes,
            fill: *fill,
        };
        segment::make(&**disk, &self.directory, plan, &self.filling)
    }
}

impl Spares {
    /// Starts the thread and orders the segment of this number.
    pub(crate) fn start(directory: PathBuf, options: JournalOptions, number: u64) -> Self {
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
        spares.order(number);
        spares
    }

    /// Orders the segment of this number. The first frame of the one before must have been synced.
    pub(crate) fn order(&self, number: u64) {
        if let Some(thread) = &self.thread {
            // One order stands at most; a thread that is gone shows when the segment is taken.
            let _ = thread.wanted.try_send(number);
        }
    }

    /// Returns what tells how many zeros were written.
    pub(crate) fn filling(&self) -> Arc<Filling> {
        Arc::clone(&self.make.filling)
    }

    /// Takes the segment of this number, which was ordered, waiting for it when it is not ready yet.
    pub(crate) fn take(&self, number: u64) -> io::Result<Made> {
        match &self.thread {
            Some(thread) => {
                self.make.filling.is_at_leisure.store(false, Ordering::Relaxed);
                let made = thread.ready.recv();
                self.make.filling.is_at_leisure.store(true, Ordering::Relaxed);
                let made = made.map_err(|_| io::Error::other("the thread that makes segments is gone"))??;
                debug_assert_eq!(
                    made.segment.number, number,
                    "segments are taken as they were ordered"
                );
                Ok(made)
            }
            None => self.make.run(number),
        }
    }

    /// Makes a segment now, so that whoever needs it finds it.
    #[cfg(test)]
    pub(crate) fn make_ahead(&self, number: u64) -> io::Result<()> {
        self.make.run(number).map(drop)
    }
}

impl Thread {
    fn start(make: &Arc<Make>) -> Self {
        let (wanted, orders) = bounded(1);
        let (made, ready) = bounded(1);
        let make = Arc::clone(make);
        let handle = std::thread::Builder::new()
            .name("cartwright-spare".to_owned())
            .spawn(move || {
                for number in orders {
                    if made.send(make.run(number)).is_err() {
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
            // It panics on nothing; if it did, there is no segment to save.
            let _ = handle.join();
        }
    }
}
