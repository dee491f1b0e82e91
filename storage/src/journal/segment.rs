//! A segment: a file of fixed size, zero-filled and synced before the first frame is written into it.
//!
//! ```text
//! | magic 8 | format 2 | zero 2 | crc32c 4 | salt 8 | first position 8 | number 8 | bytes 8 | zeros to 512 |
//! ```
//!
//! A segment is made ahead, and its header synced before it has a name. With which commit it will begin is not known
//! then: its first position is zero, and its first frame tells. Until that frame is synced there is no segment behind
//! it.
//!
//! Overwriting zeros that are already on the disk changes no metadata, so that `fdatasync` has nothing but the
//! data to write.

use super::Fill;
use super::frame::{self, ALIGNMENT, u32_at, u64_at};
use crate::disk::{DiskFile, Opening, read_up_to, write_all_at};
use crate::error::io_at;
use crate::{Disk, OpenError, Position};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// The bytes before the first frame.
pub(crate) const HEADER_BYTES: usize = ALIGNMENT;
const MAGIC: [u8; 8] = *b"CARTWJNL";
/// The format of segments, frames and entries that this release writes. Segments of format 1 say in their headers with
/// which commit they begin.
const FORMAT: u16 = 2;
const CHECKSUM_AT: usize = 12;
const EXTENSION: &str = "journal";
/// Zeros for the next segment, under a name that no start takes for one.
const SPARE: &str = "spare";
/// Zeros that are not all written yet.
const SPARE_IN_THE_MAKING: &str = "spare.new";
/// Zeros are written in pieces of this size.
const FILL_CHUNK_BYTES: usize = 256 * 1024;
/// How long is waited between pieces where there is time: some 100 MB are filled a second.
const FILL_PAUSE: Duration = Duration::from_millis(2);

/// A segment's header, and where it is.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) number: u64,
    pub(crate) salt: u64,
    /// The position of the first commit in it; zero for one that was made ahead.
    pub(crate) first: Position,
    pub(crate) bytes: u64,
}

impl Segment {
    /// Reads the header of a file.
    fn read(path: &Path, file: &dyn DiskFile) -> Result<Self, OpenError> {
        let damaged = |reason: &str| OpenError::Damaged {
            segment: path.to_owned(),
            offset: 0,
            reason: reason.to_owned(),
        };
        let mut header = [0; HEADER_BYTES];
        if read_up_to(file, &mut header, 0).map_err(|error| io_at(path, error))? < HEADER_BYTES {
            return Err(damaged("the header is cut off"));
        }
        if header[..8] != MAGIC || checksum(&header) != u32_at(&header, CHECKSUM_AT) {
            return Err(damaged("the header does not pass its checks"));
        }
        let format = u16::from_be_bytes([header[8], header[9]]);
        if FORMAT < format {
            return Err(OpenError::Newer {
                what: format!("the journal segment {} in format {format}", path.display()),
                known: FORMAT,
            });
        }
        let segment = Self {
            path: path.to_owned(),
            number: u64_at(&header, 32),
            salt: u64_at(&header, 16),
            first: Position(u64_at(&header, 24)),
            bytes: u64_at(&header, 40),
        };
        if path
            .file_name()
            .is_none_or(|file_name| file_name != segment.name().as_str())
        {
            return Err(damaged("the name and the number in the header differ"));
        }
        // All of it was synced before it had its name.
        let length = file.len().map_err(|error| io_at(path, error))?;
        if length < segment.bytes {
            let reason = format!("the file was cut off here, of {} bytes", segment.bytes);
            return Err(segment.damaged(length, reason));
        }
        Ok(segment)
    }

    fn header(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(&MAGIC);
        header[8..10].copy_from_slice(&FORMAT.to_be_bytes());
        header[16..24].copy_from_slice(&self.salt.to_be_bytes());
        header[24..32].copy_from_slice(&self.first.0.to_be_bytes());
        header[32..40].copy_from_slice(&self.number.to_be_bytes());
        header[40..48].copy_from_slice(&self.bytes.to_be_bytes());
        let crc = checksum(&header);
        header[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&crc.to_be_bytes());
        header
    }

    /// Returns the segment's file name, for messages.
    pub(crate) fn name(&self) -> String {
        name(self.number)
    }

    /// Returns what is said of damage in this segment.
    pub(crate) fn damaged(&self, offset: u64, reason: impl Into<String>) -> OpenError {
        OpenError::Damaged {
            segment: self.path.clone(),
            offset,
            reason: reason.into(),
        }
    }
}

fn name(number: u64) -> String {
    format!("{number:016}.{EXTENSION}")
}

/// What a directory holds.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// The segments that were begun, in order.
    pub(crate) segments: Vec<Segment>,
    /// The one behind them, if it was made ahead and no good frame begins it. It has no first position.
    pub(crate) ahead: Option<Segment>,
}

/// Lists the segments of a directory in order, each with a header that passed its checks.
pub(crate) fn list(disk: &dyn Disk, directory: &Path) -> Result<Listed, OpenError> {
    let mut paths = disk.list(directory).map_err(|error| io_at(directory, error))?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == EXTENSION));
    paths.sort();
    let mut listed = Listed::default();
    for path in paths {
        if let Some(ahead) = listed.ahead {
            return Err(ahead.damaged(
                HEADER_BYTES as u64,
                "the first frame is bad, and another segment follows",
            ));
        }
        let io = |error| io_at(&path, error);
        let file = disk.open(&path, Opening::Read).map_err(io)?;
        let mut segment = Segment::read(&path, &*file)?;
        let expected = listed.segments.last().map_or(1, |last| last.number + 1);
        if segment.number != expected {
            return Err(segment.damaged(0, format!("segment {expected} is missing before it")));
        }
        if segment.first == Position::default() {
            let frame = frame::read(&*file, HEADER_BYTES as u64, segment.bytes, segment.salt).map_err(io)?;
            let Some(frame) = frame else {
                listed.ahead = Some(segment);
                continue;
            };
            segment.first = frame.first;
        }
        listed.segments.push(segment);
    }
    Ok(listed)
}

/// Returns what tells the journal in a directory from every other: the salt of its first segment, where that is sound.
pub(crate) fn identity(disk: &dyn Disk, directory: &Path) -> Option<u64> {
    let path = directory.join(name(1));
    let file = disk.open(&path, Opening::Read).ok()?;
    let first = Segment::read(&path, &*file).ok()?;
    Some(first.salt)
}

/// Tells whether there is any segment in a directory.
pub(crate) fn has_segments(disk: &dyn Disk, directory: &Path) -> bool {
    let files = disk.list(directory).unwrap_or_default();
    files
        .iter()
        .any(|file| file.extension().is_some_and(|extension| extension == EXTENSION))
}

fn checksum(header: &[u8; HEADER_BYTES]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&header[..CHECKSUM_AT]), &header[CHECKSUM_AT + 4..])
}

/// A segment that is ready to be written to, and its file.
pub(crate) struct Made {
    pub(crate) segment: Segment,
    pub(crate) file: Box<dyn DiskFile>,
}

/// What a segment shall be when it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) number: u64,
    /// The position of its first commit, if that is known; else zero.
    pub(crate) first: Position,
    pub(crate) bytes: u64,
    pub(crate) fill: Fill,
    /// How much room must be left beside it, in bytes. Without it nothing is written: a disk that is filled up is full for
    /// the index, too.
    pub(crate) beside: u64,
}

/// Makes a segment: zeros, the header and the name, each synced before the next. Or takes the one of this number that
/// an earlier process made ahead, if it is as large: what is written next may not fit a smaller one.
///
/// Whoever begins it has nothing but data to write. Fails early when told to stop.
pub(crate) fn make(disk: &dyn Disk, directory: &Path, plan: Plan, filling: &Filling) -> io::Result<Made> {
    let path = directory.join(name(plan.number));
    if disk.list(directory)?.contains(&path) {
        let file = disk.open(&path, Opening::Write)?;
        let segment = Segment::read(&path, &*file).map_err(io::Error::other)?;
        if segment.bytes == plan.bytes {
            // An earlier try may have failed at this.
            disk.sync_directory(directory)?;
            return Ok(Made { segment, file });
        }
        disk.remove(&path)?;
    }
    let file = make_spare(disk, directory, plan, filling)?;
    let (salt, _) = uuid::Uuid::new_v4().as_u64_pair();
    let segment = Segment {
        path,
        number: plan.number,
        salt,
        first: plan.first,
        bytes: plan.bytes,
    };
    write_all_at(&*file, &segment.header(), 0)?;
    file.sync_all()?;
    disk.rename(&directory.join(SPARE), &segment.path)?;
    disk.sync_directory(directory)?;
    Ok(Made { segment, file })
}

/// Makes zeros, synced; or takes those that an earlier process made.
fn make_spare(
    disk: &dyn Disk,
    directory: &Path,
    plan: Plan,
    filling: &Filling,
) -> io::Result<Box<dyn DiskFile>> {
    let Plan {
        bytes, fill, beside, ..
    } = plan;
    let (path, making) = (directory.join(SPARE), directory.join(SPARE_IN_THE_MAKING));
    match disk.open(&path, Opening::Write) {
        Ok(spare) if spare.len()? == bytes => return Ok(spare),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let (room, wanted) = (disk.room(directory)?, bytes.saturating_add(beside));
    if room < wanted {
        let message = format!("{room} bytes are left on the disk, and {wanted} are needed; make room");
        return Err(io::Error::new(io::ErrorKind::StorageFull, message));
    }
    let file = disk.open(&making, Opening::Create)?;
    let filled = match fill {
        Fill::Zeros => write_zeros(&*file, 0..bytes, filling),
        Fill::Allocate => file.allocate(bytes),
    };
    if let Err(error) = filled.and_then(|()| file.sync_all()) {
        // A disk that is full gets its room back until the next try.
        remove_half_made(disk, directory);
        return Err(error);
    }
    disk.rename(&making, &path)?;
    Ok(file)
}

/// Removes what was begun and not ended, by this process or an earlier one. It may be what fills the disk, so that the index
/// could not be opened beside it.
pub(crate) fn remove_half_made(disk: &dyn Disk, directory: &Path) {
    // Where it cannot be removed, whoever needs the room says so.
    let _ = disk.remove(&directory.join(SPARE_IN_THE_MAKING));
}

/// How far the writing of zeros has come, and whether it shall stop.
#[derive(Debug, Default)]
pub(crate) struct Filling {
    pub(crate) stop: AtomicBool,
    /// Nobody waits: pause between pieces, so that the groups of the segment in use get to the disk in between.
    pub(crate) is_at_leisure: AtomicBool,
    /// Zeros written since the start, in bytes.
    pub(crate) zeroed: AtomicU64,
}

/// Writes zeros. Fails with [`io::ErrorKind::Interrupted`] when told to stop.
pub(crate) fn write_zeros(file: &dyn DiskFile, range: Range<u64>, filling: &Filling) -> io::Result<()> {
    let Range { start: mut at, end } = range;
    let chunk = |left: u64| {
        usize::try_from(left)
            .unwrap_or(FILL_CHUNK_BYTES)
            .min(FILL_CHUNK_BYTES)
    };
    let zeros = vec![0; chunk(end.saturating_sub(at))];
    while at < end {
        if filling.stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let zeros = &zeros[..chunk(end - at)];
        write_all_at(file, zeros, at)?;
        filling.zeroed.fetch_add(zeros.len() as u64, Ordering::Relaxed);
        at += zeros.len() as u64;
        if filling.is_at_leisure.load(Ordering::Relaxed) {
            std::thread::sleep(FILL_PAUSE);
        }
    }
    Ok(())
}
