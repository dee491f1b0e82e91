//! The next segment, made ahead by a thread of its own, so that the committer never waits for zeros.

use super::segment::Filling;
use super::{JournalOptions, segment};
use crate::disk::DiskFile;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

/// Keeps one spare segment ready.
pub(crate) struct Spares {
    ready: Receiver<io::Result<Box<dyn DiskFile>>>,
    wanted: Option<Sender<()>>,
    filling: Arc<Filling>,
    thread: Option<JoinHandle<()>>,
}

impl Spares {
    /// Starts the thread and asks for the first spare.
    pub(crate) fn start(directory: PathBuf, options: JournalOptions) -> Self {
        let (wanted, orders) = bounded::<()>(1);
        let (made, ready) = bounded(1);
        let filling = Arc::new(Filling::default());
        let fills = Arc::clone(&filling);
        let thread = std::thread::Builder::new()
            .name("cartwright-spare".to_owned())
            .spawn(move || {
                let JournalOptions {
                    disk,
                    segment_bytes,
                    fill,
                } = options;
                for () in orders {
                    let spare = segment::make_spare(&*disk, &directory, segment_bytes, fill, &fills);
                    if made.send(spare).is_err() {
                        return;
                    }
                }
            });
        let spares = Self {
            ready,
            wanted: Some(wanted),
            filling,
            thread: thread.ok(),
        };
        spares.renew();
        spares
    }

    /// Orders the next spare. The one before must have been given its name: they share a path.
    pub(crate) fn renew(&self) {
        if let Some(wanted) = &self.wanted {
            // One order stands at most; a thread that is gone shows when the spare is taken.
            let _ = wanted.try_send(());
        }
    }

    /// Returns what tells how many zeros were written.
    pub(crate) fn filling(&self) -> Arc<Filling> {
        Arc::clone(&self.filling)
    }

    /// Takes the spare, waiting for it when it is not ready yet.
    pub(crate) fn take(&self) -> io::Result<Box<dyn DiskFile>> {
        self.ready
            .recv()
            .map_err(|_| io::Error::other("the thread that makes segments is gone"))?
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        self.filling.stop.store(true, Ordering::Relaxed);
        self.wanted = None;
        if let Some(thread) = self.thread.take() {
            // It panics on nothing; if it did, there is no spare to save.
            let _ = thread.join();
        }
    }
}
