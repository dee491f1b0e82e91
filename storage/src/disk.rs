//! The disk: every file operation that durability rests on, behind one seam.
//!
//! The journal, the checkpoints and the start go through it, so that a test can put a disk below them that loses,
//! tears and reorders what was not synced. sled and the directory lock do not: the first cannot, the other promises
//! nothing. What an implementation must never do is to keep more than the operating system would.

#[cfg(test)]
pub(crate) mod dice;
mod direct;
#[cfg(test)]
pub(crate) mod model;
mod watched;

pub use watched::{DiskCall, WatchedDisk};

use direct::RealFile;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Where memory begins that every device can read past the page cache: at a page. What begins elsewhere is copied.
pub(crate) const DEVICE_ALIGNMENT: usize = 4096;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// To be read; it must be there.
    Read,
    /// To be read and written; it must be there.
    Write,
    /// To be read and written; made where it is not there, emptied where it is.
    Create,
}

/// A file, open. Its methods are those of the operating system: a write may take fewer bytes than offered, a read
/// may give fewer than asked for, and nothing is durable before a sync.
#[expect(clippy::len_without_is_empty, reason = "nobody asks whether a file is empty")]
pub trait DiskFile: Send + Sync {
    /// Reads some bytes; none at the file's end.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes some bytes.
    ///
    /// # Errors
    /// Whatever the disk says, for example that it is full.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Returns how many bytes the file has.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn len(&self) -> io::Result<u64>;

    /// Reserves bytes from the file's start; they read as zeros.
    ///
    /// # Errors
    /// Whatever the disk says, for example that it is full or cannot do it.
    fn allocate(&self, bytes: u64) -> io::Result<()>;

    /// Makes the bytes durable, and of the metadata what is needed to read them: `fdatasync`.
    ///
    /// # Errors
    /// After one nobody knows what is on the disk, and a second try that succeeds says nothing.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes the bytes and all metadata durable: `fsync`.
    ///
    /// # Errors
    /// As [`sync_data`](Self::sync_data).
    fn sync_all(&self) -> io::Result<()>;

    /// Tells whether what is written into the file is found again: it is the one at this path, or was moved together with the
    /// two directories above, and has what was written there. A disk that nobody else has access to need not look.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn is_kept(&self, _path: &Path, _written: &[&Written]) -> io::Result<bool> {
        Ok(true)
    }
}

/// What was written into a file, to be held against what it has.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// Where.
    pub offset: u64,
    /// As much of it as tells it from anything else; nothing where nothing was written.
    pub bytes: Vec<u8>,
}

/// A disk: files by path. Names are durable only once their directory is synced.
pub trait Disk: Send + Sync {
    /// Opens a file.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn open(&self, path: &Path, opening: Opening) -> io::Result<Box<dyn DiskFile>>;

    /// Lists what a directory holds, in no order.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>>;

    /// Returns how many bytes of room are left for files of a directory; all there can be where the file system does not
    /// say.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn room(&self, directory: &Path) -> io::Result<u64>;

    /// Makes one directory.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when there is one, [`io::ErrorKind::NotFound`] when it would stand in none.
    fn make_directory(&self, directory: &Path) -> io::Result<()>;

    /// Gives a file or directory another name, in place of a file that has it.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file, or a directory with all that it holds; what is not there needs no removing.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes durable what was made, renamed or removed in a directory.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn sync_directory(&self, directory: &Path) -> io::Result<()>;
}

/// The disk of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path, opening: Opening) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        Ok(Box::new(match opening {
            Opening::Read => RealFile::read_only(path)?,
            Opening::Write => RealFile::writable(path, &options)?,
            Opening::Create => RealFile::writable(path, options.create(true).truncate(true))?,
        }))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        std::fs::read_dir(directory)?
            .map(|entry| Ok(entry?.path()))
            .collect()
    }

    fn room(&self, directory: &Path) -> io::Result<u64> {
        let said = rustix::fs::statvfs(directory)?;
        match said.f_blocks {
            0 => Ok(u64::MAX),
            _ => Ok(said.f_bavail.saturating_mul(said.f_frsize)),
        }
    }

    fn make_directory(&self, directory: &Path) -> io::Result<()> {
        std::fs::create_dir(directory)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match std::fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() => std::fs::remove_dir_all(path),
            Ok(_) => std::fs::remove_file(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()
    }
}

/// Reads until the buffer is full or the file ends; what is past the end stays as it was.
pub(crate) fn read_up_to(file: &dyn DiskFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(some) => read += some,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// Reads a whole file.
pub(crate) fn read_all(file: &dyn DiskFile) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(file.len()?).map_err(io::Error::other)?];
    let read = read_up_to(file, &mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Writes all bytes, however many the disk takes at a time.
pub(crate) fn write_all_at(file: &dyn DiskFile, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        match file.write_at(&bytes[written..], offset + written as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(some) => written += some,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes a directory, and those above it, where they are not there, and its name durable.
pub(crate) fn make_directories(disk: &dyn Disk, directory: &Path) -> io::Result<()> {
    let above = match directory.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        Some(_) => Path::new("."),
        None => return Ok(()),
    };
    match disk.make_directory(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_directories(disk, above)?;
            disk.make_directory(directory)?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    // Also one that was there: whoever made it may have been killed before this.
    match disk.sync_directory(above) {
        // A directory above may belong to somebody else, or to a file system that cannot do it.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput
            ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}
