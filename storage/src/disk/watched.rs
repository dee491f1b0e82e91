//! The machine's disk under watch: what must become durable is heard before it is done, for tests that hold it up,
//! refuse it or note its order. It changes nothing itself.

use super::{Disk, DiskFile, Opening, RealDisk, Written};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is asked of a disk on the way to something durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskCall {
    /// `fdatasync` of a file.
    SyncData,
    /// `fsync` of a file.
    SyncAll,
    /// `fsync` of a directory.
    SyncDirectory,
    /// With the new name.
    Rename,
}

type Hear = dyn Fn(DiskCall, &Path) -> io::Result<()> + Send + Sync;

/// The disk of the machine, with somebody who hears calls before they are done; one that is refused is not done.
pub struct WatchedDisk(Arc<Hear>);

impl WatchedDisk {
    /// Returns the disk, watched by whoever is given.
    pub fn by(hear: impl Fn(DiskCall, &Path) -> io::Result<()> + Send + Sync + 'static) -> Arc<dyn Disk> {
        Arc::new(Self(Arc::new(hear)))
    }
}

struct WatchedFile {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    hear: Arc<Hear>,
}

impl Disk for WatchedDisk {
    fn open(&self, path: &Path, opening: Opening) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(WatchedFile {
            file: RealDisk.open(path, opening)?,
            path: path.to_owned(),
            hear: Arc::clone(&self.0),
        }))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        RealDisk.list(directory)
    }

    fn room(&self, directory: &Path) -> io::Result<u64> {
        RealDisk.room(directory)
    }

    fn make_directory(&self, directory: &Path) -> io::Result<()> {
        RealDisk.make_directory(directory)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        (self.0)(DiskCall::Rename, to)?;
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        (self.0)(DiskCall::SyncDirectory, directory)?;
        RealDisk.sync_directory(directory)
    }
}

impl DiskFile for WatchedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.file.allocate(bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        (self.hear)(DiskCall::SyncData, &self.path)?;
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        (self.hear)(DiskCall::SyncAll, &self.path)?;
        self.file.sync_all()
    }

    fn is_kept(&self, path: &Path, written: &[&Written]) -> io::Result<bool> {
        self.file.is_kept(path, written)
    }
}
