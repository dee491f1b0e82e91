//! A file of the machine, written past the page cache where the file system can do it.
//!
//! A group is a few kilobytes in a file of zeros. Through the page cache it dirties, and is counted as, the whole
//! folio that the zeros lie in: up to 1 MiB for each group. Past it, a group is the bytes that it is, and costs a
//! quarter less CPU (ADR 0009). Reads go through the cache: the system keeps both in step.

use super::{DEVICE_ALIGNMENT, DiskFile, Written};
use rustix::fs::OFlags;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// What addresses, offsets and lengths must be multiples of: the sector of nearly every disk.
const SECTOR_BYTES: usize = 512;

/// See the module.
pub(super) struct RealFile {
    file: File,
    direct: Option<Direct>,
    /// Of a file that is written.
    identity: Option<Identity>,
}

/// By what a file is known to be the one at a path, as far as its file system says so at all.
struct Identity {
    /// Its own, where the path is of the same one.
    number: Option<(u64, u64)>,
    by_links: bool,
}

impl Identity {
    /// Finds out what the file system says of a file that was just opened.
    fn of(file: &File, path: &Path) -> io::Result<Self> {
        let (own, named) = (file.metadata()?, fs::metadata(path)?);
        Ok(Self {
            number: Some(number(&own)).filter(|own| *own == number(&named)),
            by_links: 0 < own.nlink(),
        })
    }

    fn is_at(&self, file: &File, path: &Path) -> io::Result<bool> {
        match fs::metadata(path) {
            Ok(named) => Ok(self.number.is_none_or(|own| own == number(&named))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Moved, with what it is in: by itself it is where nobody looks for it.
                let mut above = path.ancestors().skip(1).take(2);
                let is_moved = above.all(is_nowhere);
                Ok(is_moved && (!self.by_links || 0 < file.metadata()?.nlink()))
            }
            // Nobody can tell.
            Err(_) => Ok(true),
        }
    }
}

fn is_nowhere(directory: &Path) -> bool {
    fs::metadata(directory).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn number(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// The way past the page cache.
struct Direct {
    file: File,
    /// Memory that begins where a device can read it, for what does not.
    copy: Mutex<Vec<u8>>,
    /// Cleared when the device turns out to want larger multiples.
    works: AtomicBool,
}

impl RealFile {
    /// Opens a file for reading.
    pub(super) fn read_only(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::open(path)?,
            direct: None,
            identity: None,
        })
    }

    /// Opens a file for writing.
    pub(super) fn writable(path: &Path, options: &OpenOptions) -> io::Result<Self> {
        let file = options.open(path)?;
        let flags = i32::try_from(OFlags::DIRECT.bits()).unwrap_or(0);
        // A file system that cannot do it says so here.
        let direct = OpenOptions::new().write(true).custom_flags(flags).open(path).ok();
        Ok(Self {
            identity: Some(Identity::of(&file, path)?),
            file,
            direct: direct.map(|file| Direct {
                file,
                copy: Mutex::default(),
                works: AtomicBool::new(true),
            }),
        })
    }
}

impl RealFile {
    /// Tells whether what was written is there.
    fn has(&self, written: &Written) -> io::Result<bool> {
        let mut found = vec![0; written.bytes.len()];
        match self.file.read_exact_at(&mut found, written.offset) {
            Ok(()) => Ok(found == written.bytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Direct {
    /// Writes whole sectors; none where this way does not go.
    fn write_at(&self, bytes: &[u8], offset: u64) -> Option<io::Result<usize>> {
        let sector = SECTOR_BYTES as u64;
        let is_whole = bytes.len().is_multiple_of(SECTOR_BYTES) && offset.is_multiple_of(sector);
        if bytes.is_empty() || !is_whole || !self.works.load(Ordering::Relaxed) {
            return None;
        }
        let written = match bytes.as_ptr().align_offset(DEVICE_ALIGNMENT) {
            0 => self.file.write_at(bytes, offset),
            _ => self.write_copy_at(bytes, offset),
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                self.works.store(false, Ordering::Relaxed);
                None
            }
            written => Some(written),
        }
    }

    fn write_copy_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
        copy.clear();
        copy.reserve(DEVICE_ALIGNMENT + bytes.len());
        let start = copy.as_ptr().align_offset(DEVICE_ALIGNMENT);
        copy.resize(start, 0);
        copy.extend_from_slice(bytes);
        self.file.write_at(&copy[start..], offset)
    }
}

impl DiskFile for RealFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let direct = self.direct.as_ref();
        direct
            .and_then(|direct| direct.write_at(bytes, offset))
            .unwrap_or_else(|| self.file.write_at(bytes, offset))
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let flags = rustix::fs::FallocateFlags::empty();
        Ok(rustix::fs::fallocate(&self.file, flags, 0, bytes)?)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn is_kept(&self, path: &Path, written: &[&Written]) -> io::Result<bool> {
        let is_at = self.identity.as_ref().map(|known| known.is_at(&self.file, path));
        let mut is_kept = is_at.transpose()?.unwrap_or(true);
        for written in written {
            is_kept = is_kept && self.has(written)?;
        }
        Ok(is_kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_either_way_is_read_back() -> io::Result<()> {
        let home = tempfile::tempdir()?;
        let path = home.path().join("file");
        let mut options = OpenOptions::new();
        let file = RealFile::writable(&path, options.read(true).write(true).create(true).truncate(true))?;
        // Whole sectors, a part of one in the middle of them, and whole ones again over both.
        assert_eq!(file.write_at(&[1; 2048], 0)?, 2048);
        assert_eq!(file.write_at(&[2; 100], 700)?, 100);
        file.sync_data()?;
        let mut read = vec![0; 2048];
        assert_eq!(file.read_at(&mut read, 0)?, 2048);
        let mut expected = vec![1; 2048];
        expected[700..800].fill(2);
        assert_eq!(read, expected);
        assert_eq!(file.write_at(&[3; 1024], 512)?, 1024);
        expected[512..1536].fill(3);
        assert_eq!(RealFile::read_only(&path)?.read_at(&mut read, 0)?, 2048);
        assert_eq!(read, expected);
        Ok(())
    }
}
