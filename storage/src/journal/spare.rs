//! The next segment, made ahead by a thread of its own, so that the committer never waits for zeros.
//!
//! What cannot be made ahead, as on a disk that is full for a while, is tried again until it is needed. Only then does a
//! failure count: that of whoever needs the segment and makes it without help.

use super::segment::{Filling, Made, Plan};
use super::{Ahead, JournalOptions, segment};
use crate::Position;
use crossbeam_channel::{Receiver, SendTimeoutError, Sender, bounded};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

/// How long is waited until a segment that could not be made ahead is tried again, at first; it doubles with each try.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest such wait.
const PAUSE_MAX: Duration = Duration::from_secs(60);

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
    /// Segments, handed over when they are taken; none while one cannot be made.
    ready: Receiver<Option<Made>>,
    /// Numbers of segments.
    wanted: Sender<u64>,
    handle: Option<JoinHandle<()>>,
}

impl Make {
    fn run(&self, number: u64, beside: u64) -> io::Result<Made> {
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
            beside,
        };
        segment::make(&**disk, &self.directory, plan, &self.filling)
    }

    /// Makes a segment ahead and hands it over, as often as it takes; whoever needs it before is told that there is none.
    /// Returns whether anybody is left to make another for.
    fn hand_over(&self, number: u64, ready: &Sender<Option<Made>>) -> bool {
        let mut pause = PAUSE_MIN;
        loop {
            // As much again stays for the index and whatever else lives here.
            let error = match self.run(number, self.options.segment_bytes) {
                Ok(made) => return ready.send(Some(made)).is_ok(),
                Err(_) if self.filling.stop.load(Ordering::Relaxed) => return false,
                Err(error) => error,
            };
            tracing::warn!(segment = number, %error, ?pause, "the next segment of the journal cannot be made ahead");
            match ready.send_timeout(None, pause) {
                Ok(()) => return true,
                Err(SendTimeoutError::Timeout(_)) => pause = (2 * pause).min(PAUSE_MAX),
                Err(SendTimeoutError::Disconnected(_)) => return false,
            }
        }
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
            // One order stands at most; without the thread, segments are made when they are taken.
            let _ = thread.wanted.try_send(number);
        }
    }

    /// Returns what tells how many zeros were written.
    pub(crate) fn filling(&self) -> Arc<Filling> {
        Arc::clone(&self.make.filling)
    }

    /// Takes the segment of this number, which was ordered, waiting for it when it is not ready yet. One that could not
    /// be made ahead is made now.
    pub(crate) fn take(&self, number: u64) -> io::Result<Made> {
        let Some(thread) = &self.thread else {
            return self.make.run(number, 0);
        };
        self.make.filling.is_at_leisure.store(false, Ordering::Relaxed);
        let made = match thread.ready.recv() {
            Ok(Some(made)) => {
                debug_assert_eq!(
                    made.segment.number, number,
                    "segments are taken as they were ordered"
                );
                Ok(made)
            }
            Ok(None) | Err(_) => self.make.run(number, 0),
        };
        self.make.filling.is_at_leisure.store(true, Ordering::Relaxed);
        made
    }

    /// Makes a segment now, so that whoever needs it finds it.
    #[cfg(test)]
    pub(crate) fn make_ahead(&self, number: u64) -> io::Result<()> {
        self.make.run(number, 0).map(drop)
    }
}

impl Thread {
    fn start(make: &Arc<Make>) -> Self {
        let (wanted, orders) = bounded(1);
        let (made, ready) = bounded(0);
        let make = Arc::clone(make);
        let handle = std::thread::Builder::new()
            .name("cartwright-spare".to_owned())
            .spawn(move || {
                for number in orders {
                    if !make.hand_over(number, &made) {
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
        let Some(Thread {
            ready,
            wanted,
            handle,
        }) = self.thread.take()
        else {
            return;
        };
        drop((ready, wanted));
        if let Some(handle) = handle {
            // It panics on nothing; if it did, there is no segment to save.
            let _ = handle.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk, DiskFile, Opening, RealDisk};
    use std::path::Path;
    use std::sync::atomic::AtomicU64;

    const SEGMENT_BYTES: u64 = 64 * 1024;

    /// The machine's disk with so much room.
    struct Small(AtomicU64);

    impl Disk for Small {
        fn open(&self, path: &Path, opening: Opening) -> io::Result<Box<dyn DiskFile>> {
            RealDisk.open(path, opening)
        }
        fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
            RealDisk.list(directory)
        }
        fn room(&self, _: &Path) -> io::Result<u64> {
            Ok(self.0.load(Ordering::Relaxed))
        }
        fn make_directory(&self, directory: &Path) -> io::Result<()> {
            RealDisk.make_directory(directory)
        }
        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            RealDisk.rename(from, to)
        }
        fn remove(&self, path: &Path) -> io::Result<()> {
            RealDisk.remove(path)
        }
        fn sync_directory(&self, directory: &Path) -> io::Result<()> {
            RealDisk.sync_directory(directory)
        }
    }

    #[test]
    fn a_segment_is_made_ahead_only_where_as_much_room_stays_beside_it() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let disk = Arc::new(Small(AtomicU64::new(2 * SEGMENT_BYTES - 1)));
        let options = JournalOptions {
            disk: Arc::clone(&disk) as Arc<dyn Disk>,
            segment_bytes: SEGMENT_BYTES,
            ahead: Ahead::OnThread,
            fill: crate::Fill::Zeros,
        };
        let files = || RealDisk.list(directory.path()).expect("it can be listed").len();
        let spares = Spares::start(directory.path().to_owned(), options, 7);
        std::thread::sleep(3 * PAUSE_MIN);
        assert_eq!(files(), 0, "nothing is written that would fill the disk");
        // Whoever needs it makes it of what there is.
        let made = spares.take(7).expect("there is room for one");
        assert_eq!((made.segment.number, made.segment.bytes), (7, SEGMENT_BYTES));
        disk.0.store(SEGMENT_BYTES - 1, Ordering::Relaxed);
        spares.order(8);
        let full = spares.take(8).err().expect("there is no room");
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        assert!(full.to_string().contains("make room"), "{full}");
        disk.0.store(2 * SEGMENT_BYTES, Ordering::Relaxed);
        spares.order(9);
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        while files() < 2 {
            assert!(std::time::Instant::now() < deadline, "it is not made ahead");
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(spares);
    }

    #[test]
    fn what_an_earlier_process_began_to_make_takes_no_room() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let half = directory.path().join("spare.new");
        std::fs::write(&half, [0; 4_096]).expect("it can be written");
        segment::remove_half_made(&RealDisk, directory.path());
        assert!(!half.exists());
        segment::remove_half_made(&RealDisk, &directory.path().join("none"));
    }
}
