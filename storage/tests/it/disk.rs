//! A disk whose `fdatasync` does as told, on top of the machine's own.

use cartwright_storage::{Disk, DiskFile, Opening, RealDisk};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What `fdatasync` does instead.
pub(crate) type Sync = Arc<dyn Fn(&dyn DiskFile) -> io::Result<()> + Send + std::marker::Sync>;

/// The machine's disk with another `fdatasync`: the journal calls it once a group.
pub(crate) struct SyncedBy(pub(crate) Sync);

struct File(Box<dyn DiskFile>, Sync);

impl Disk for SyncedBy {
    fn open(&self, path: &Path, opening: Opening) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File(RealDisk.open(path, opening)?, Arc::clone(&self.0))))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        RealDisk.list(directory)
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

impl DiskFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.0.allocate(bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        (self.1)(&*self.0)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}
