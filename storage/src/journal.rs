//! The journal: the truth. Append-only segments of frames, one frame a group, one `fdatasync` a frame.
//!
//! It must never be read for anything but recovery and the feed, and never be written by anybody but the
//! committer's thread.

#[cfg(test)]
mod crash_tests;
mod frame;
mod scan;
mod segment;
mod spare;

pub(crate) use frame::{ALIGNMENT, FrameBuffer};
pub use scan::CutTail;
pub(crate) use scan::Reach;
pub(crate) use segment::{Filling, has_segments, identity, remove_half_made, write_zeros};

use crate::disk::{DiskFile, Opening, Written, make_directories, write_all_at};
use crate::error::{io_at, removed};
use crate::{Disk, Fault, OpenError, Position};
use frame::{Frame, FrameEntry};
use scan::{End, Ending, Spoiled};
use segment::{Listed, Made, Plan, Segment};
use spare::Spares;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// The size of the first segment of a new journal: small, so that a new store starts at once.
pub(crate) const FIRST_SEGMENT_BYTES: u64 = 8 * 1024 * 1024;
/// The most bytes a segment must keep for its header and the header and zeros of a frame.
pub(crate) const SEGMENT_OVERHEAD: usize = 2 * ALIGNMENT + segment::HEADER_BYTES;

/// How a segment's bytes are made ahead of their use; see ADR 0002 for what was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fill {
    /// Zeros are written.
    #[default]
    Zeros,
    /// The file system reserves them.
    Allocate,
}

/// What the journal must know.
#[derive(Clone)]
pub(crate) struct JournalOptions {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) segment_bytes: u64,
    pub(crate) fill: Fill,
    pub(crate) ahead: Ahead,
}

/// Who makes the next segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ahead {
    /// A thread of its own, as soon as there is none.
    OnThread,
    /// Whoever needs it: the same calls in the same order, every time.
    #[cfg(test)]
    WhenNeeded,
}

/// The journal, open for appending.
pub(crate) struct Journal {
    file: Box<dyn DiskFile>,
    segment: Segment,
    offset: u64,
    /// The heads of the last frame, of the first since the last look, and of the last before that.
    last: Written,
    first: Written,
    before: Written,
    looked: Instant,
    /// A segment before this one that was not found any more when its time was over.
    lost: Option<PathBuf>,
    spares: Spares,
    catalog: Arc<Catalog>,
}

/// What opening a journal found.
pub(crate) struct Opened {
    pub(crate) journal: Journal,
    /// The last commit's position.
    pub(crate) position: Position,
    pub(crate) cut: Option<CutTail>,
    pub(crate) segments: usize,
    /// There was none: its first segment was begun now.
    pub(crate) is_new: bool,
}

impl Journal {
    /// Opens the journal in a directory, makes one where there is none, and shows the entries from the segment
    /// that holds the commit `reach.from` on: position and payload.
    pub(crate) fn open(
        directory: &Path,
        options: JournalOptions,
        reach: Reach,
        each: impl FnMut(Position, &[u8]) -> Result<(), Fault>,
    ) -> Result<Opened, OpenError> {
        let io = |error| io_at(directory, error);
        let disk = Arc::clone(&options.disk);
        let (mut segments, end) = Self::read(&*disk, directory, reach, Ending::Mended, each)?;
        let is_new = end.is_none();
        let end = match end {
            Some(end) => end,
            None => {
                let (first, end) = Self::begin(directory, &options).map_err(io)?;
                segments.push(first);
                end
            }
        };
        let segment = segments
            .last()
            .expect("a journal has a segment once one is begun")
            .clone();
        let spares = Spares::start(directory.to_owned(), options, segment.number + 1);
        let End {
            file,
            offset,
            position,
            cut,
        } = end;
        let count = segments.len();
        let catalog = Arc::new(Catalog {
            disk,
            segments: RwLock::new(segments),
            hints: Mutex::new(VecDeque::new()),
            filling: spares.filling(),
        });
        let journal = Self {
            file,
            segment,
            offset,
            last: Written::default(),
            first: Written::default(),
            before: Written::default(),
            looked: Instant::now(),
            lost: None,
            spares,
            catalog,
        };
        Ok(Opened {
            journal,
            position,
            cut,
            segments: count,
            is_new,
        })
    }

    /// Judges the journal in a directory as [`open`](Self::open) does, and leaves it as it is.
    pub(crate) fn judge(
        disk: &dyn Disk,
        directory: &Path,
        reach: Reach,
        each: impl FnMut(Position, &[u8]) -> Result<(), Fault>,
    ) -> Result<(), OpenError> {
        Self::read(disk, directory, reach, Ending::Judged, each).map(drop)
    }

    /// Reads what there is, and where it ends if anything was begun.
    fn read(
        disk: &dyn Disk,
        directory: &Path,
        reach: Reach,
        ending: Ending,
        mut each: impl FnMut(Position, &[u8]) -> Result<(), Fault>,
    ) -> Result<(Vec<Segment>, Option<End>), OpenError> {
        make_directories(disk, directory).map_err(|error| io_at(directory, error))?;
        let Listed { segments, ahead } = segment::list(disk, directory)?;
        let end = scan::scan(
            disk,
            directory,
            &segments,
            ahead.as_ref(),
            reach,
            ending,
            |FrameEntry {
                 position, payload, ..
             }| each(position, payload),
        )?;
        Ok((segments, end))
    }

    /// Makes the first segment.
    fn begin(directory: &Path, options: &JournalOptions) -> io::Result<(Segment, End)> {
        let plan = Plan {
            number: 1,
            first: Position(1),
            bytes: options.segment_bytes.min(FIRST_SEGMENT_BYTES),
            fill: options.fill,
            beside: 0,
        };
        let Made { segment, file } = segment::make(&*options.disk, directory, plan, &Filling::default())?;
        let offset = segment::HEADER_BYTES as u64;
        Ok((
            segment,
            End {
                file,
                offset,
                position: Position::default(),
                cut: None,
            },
        ))
    }

    /// Returns what the feed reads by.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog)
    }

    /// Writes the buffer as one frame and makes it durable. `first` is the position of its first commit, or of
    /// the next one when it has none. After an error it is not known what is on the disk.
    pub(crate) fn append(&mut self, buffer: &mut FrameBuffer, first: Position) -> io::Result<u64> {
        let needed = buffer.len().next_multiple_of(ALIGNMENT) as u64;
        let is_full = self.segment.bytes < self.offset + needed;
        if is_full {
            self.next_segment(first)?;
        }
        let bytes = buffer.finish(self.segment.salt, first);
        write_all_at(&*self.file, bytes, self.offset)?;
        self.file.sync_data()?;
        self.last.offset = self.offset;
        self.last.bytes.clear();
        self.last.bytes.extend_from_slice(&bytes[..frame::HEADER_BYTES]);
        if self.first.bytes.is_empty() {
            self.first.clone_from(&self.last);
        }
        let written = bytes.len() as u64;
        self.offset += written;
        if is_full {
            // Only now: of the segments there are, all but the last have a good first frame.
            self.spares.order(self.segment.number + 1);
        }
        Ok(written)
    }

    /// Checks that nobody has removed the segment, or put another in its place.
    ///
    /// # Errors
    /// Which, and what to do.
    pub(crate) fn check_there(&self) -> io::Result<()> {
        let is_there = self.file.is_kept(&self.segment.path, &[])?;
        self.told(is_there)
    }

    /// Checks that nobody has written over the segment either, once a second and where it `must` be known. Besides the last
    /// frame the first since the last time and the last before that are looked for: behind what was written over, newer ones
    /// stand as they should.
    ///
    /// # Errors
    /// As [`check_there`](Self::check_there).
    pub(crate) fn check_kept(&mut self, must: bool) -> io::Result<()> {
        if !must && self.looked.elapsed() < LOOK_EVERY {
            return Ok(());
        }
        let is_found = self.is_found()?;
        self.looked = Instant::now();
        self.before.clone_from(&self.last);
        self.first.bytes.clear();
        self.told(is_found)
    }

    fn told(&self, is_kept: bool) -> io::Result<()> {
        if is_kept && self.lost.is_none() {
            return Ok(());
        }
        let path = self.lost.as_ref().unwrap_or(&self.segment.path);
        Err(io::Error::other(removed(path)))
    }

    fn is_found(&self) -> io::Result<bool> {
        let frames = [&self.before, &self.first, &self.last];
        self.file.is_kept(&self.segment.path, &frames)
    }

    fn next_segment(&mut self, first: Position) -> io::Result<()> {
        if !self.is_found()? {
            self.lost = Some(self.segment.path.clone());
        }
        let Made { mut segment, file } = self.spares.take(self.segment.number + 1)?;
        (self.before, self.first, self.last) = Default::default();
        segment.first = first;
        self.segment = segment;
        self.file = file;
        self.offset = segment::HEADER_BYTES as u64;
        let mut segments = self
            .catalog
            .segments
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        segments.push(self.segment.clone());
        Ok(())
    }
}

/// How often it is looked whether what was written last is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How many segments are looked through for the commits of one entity at once: each may have to be read from the disk, and
/// there are few threads that read.
const WALKED_SEGMENTS_MAX: usize = 4;

/// How many readers' places are kept.
const HINTS_MAX: usize = 32;

/// Where a reader left off, so that its next page is found without a search.
struct Hint {
    after: Position,
    segment: u64,
    offset: u64,
}

/// The segments there are, for readers beside the writer.
pub(crate) struct Catalog {
    disk: Arc<dyn Disk>,
    segments: RwLock<Vec<Segment>>,
    hints: Mutex<VecDeque<Hint>>,
    filling: Arc<Filling>,
}

impl Catalog {
    /// Returns how many zeros were written ahead of the journal's groups since the start, in bytes.
    pub(crate) fn zeroed_bytes(&self) -> u64 {
        self.filling.zeroed.load(Ordering::Relaxed)
    }

    /// Shows the commits after `after` up to `synced`, until told that it is enough. All of them were acknowledged:
    /// one that cannot be read is damage, never a gap. Damage that lies before them is passed over.
    pub(crate) fn read(
        &self,
        after: Position,
        synced: Position,
        mut each: impl FnMut(Position, &[u8]) -> Result<Reading, Fault>,
    ) -> Result<(), Fault> {
        let (segments, mut start) = self.start_of(after);
        let mut last = None;
        // The commit before the next frame, once that is known.
        let mut before = None;
        for (index, segment) in segments.iter().enumerate() {
            if start.is_none() {
                let first = segment.first;
                follows(
                    segment,
                    segment::HEADER_BYTES as u64,
                    before.replace(Position(first.0 - 1)),
                    first,
                )?;
            }
            let opened = self.disk.open(&segment.path, Opening::Read);
            let file = opened.map_err(|error| Fault::Io(error.to_string()))?;
            let mut offset = start.take().unwrap_or(segment::HEADER_BYTES as u64);
            'frames: while let Some(frame) = next_frame(&*file, segment, after, &mut offset, &mut before)? {
                if synced < frame.first {
                    break;
                }
                follows(segment, offset, before, frame.first)?;
                before.get_or_insert(Position(frame.first.0 - 1));
                for FrameEntry {
                    position, payload, ..
                } in sound_entries(segment, offset, &frame)?
                {
                    before = Some(position);
                    if position <= after {
                        continue;
                    }
                    if synced < position {
                        break 'frames;
                    }
                    let hint = Hint {
                        after: position,
                        segment: segment.number,
                        offset,
                    };
                    if each(position, payload)? == Reading::Enough {
                        self.remember(after, hint);
                        return Ok(());
                    }
                    last = Some(hint);
                }
                offset += frame.bytes.len() as u64;
            }
            let next = segments.get(index + 1);
            let due = next.map_or(synced, |next| synced.min(Position(next.first.0 - 1)));
            if before < Some(due) {
                let reason = format!("commits up to {} were acknowledged and cannot be read", due.0);
                return Err(damaged(segment, offset, reason));
            }
            // A segment may have begun since whoever reads was told what is synced.
            if due == synced {
                break;
            }
        }
        if let Some(hint) = last {
            self.remember(after, hint);
        }
        Ok(())
    }

    /// Shows an acknowledged commit, then the one before it of the same entity, and so on back to the first, until told that
    /// it is enough, or until it would look through more segments than [`WALKED_SEGMENTS_MAX`]. What cannot be read is
    /// damage.
    pub(crate) fn walk_back(
        &self,
        from: Position,
        mut each: impl FnMut(Position, Position, &[u8]) -> Result<Reading, Fault>,
    ) -> Result<(), Fault> {
        let (mut at, mut looked_through) = (from, 0);
        let mut opened: Option<Glanced> = None;
        while at != Position::default() {
            let segment = self.segment_of(at)?;
            let glanced = match opened.take() {
                Some(glanced) if glanced.segment.number == segment.number => glanced,
                Some(_) | None if looked_through == WALKED_SEGMENTS_MAX => return Ok(()),
                Some(_) | None => {
                    looked_through += 1;
                    Glanced::over(&*self.disk, segment, at)?
                }
            };
            let (frame, offset) = glanced.frame_of(at)?;
            let entries = sound_entries(&glanced.segment, offset, &frame)?;
            let entry = entries.iter().find(|entry| entry.position == at);
            let missing = || damaged(&glanced.segment, offset, format!("commit {} is not there", at.0));
            let FrameEntry {
                previous, payload, ..
            } = *entry.ok_or_else(missing)?;
            if at <= previous {
                let reason = format!("commit {} says that {} was before it", at.0, previous.0);
                return Err(damaged(&glanced.segment, offset, reason));
            }
            if each(at, previous, payload)? == Reading::Enough {
                return Ok(());
            }
            at = previous;
            opened = Some(glanced);
        }
        Ok(())
    }

    /// Returns the segment that holds a commit.
    fn segment_of(&self, at: Position) -> Result<Segment, Fault> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let behind = segments.partition_point(|segment| segment.first <= at);
        let segment = behind.checked_sub(1).and_then(|index| segments.get(index));
        segment.cloned().ok_or_else(|| Fault::Damaged {
            entity: format!("commit {}", at.0),
            reason: "the journal has no segment of it".to_owned(),
        })
    }

    /// Returns the segments to read, and where to start in the first.
    fn start_of(&self, after: Position) -> (Vec<Segment>, Option<u64>) {
        let hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        let hint = hints.iter().find(|hint| hint.after == after);
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let start = match hint {
            Some(hint) => segments.partition_point(|segment| segment.number < hint.segment),
            None => segments
                .partition_point(|segment| segment.first.0 <= after.0 + 1)
                .saturating_sub(1),
        };
        (segments[start..].to_vec(), hint.map(|hint| hint.offset))
    }

    /// Keeps a reader's new place instead of its old one.
    fn remember(&self, before: Position, hint: Hint) {
        let mut hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        hints.retain(|old| old.after != before && old.after != hint.after);
        hints.push_back(hint);
        if HINTS_MAX < hints.len() {
            hints.pop_front();
        }
    }
}

/// A segment of which it is known where its frames are, up to one.
struct Glanced {
    segment: Segment,
    file: Box<dyn DiskFile>,
    /// What each frame begins with, and where it is.
    frames: Vec<(Position, u64)>,
}

impl Glanced {
    /// Looks for the frames of a segment up to the one with a commit.
    fn over(disk: &dyn Disk, segment: Segment, at: Position) -> Result<Self, Fault> {
        let io = |error: io::Error| Fault::Io(error.to_string());
        let file = disk.open(&segment.path, Opening::Read).map_err(io)?;
        let (mut frames, mut offset) = (Vec::new(), segment::HEADER_BYTES as u64);
        while let Some((first, next)) = frame::glance(&*file, offset, segment.salt).map_err(io)? {
            if at < first {
                break;
            }
            frames.push((first, offset));
            offset = next;
        }
        Ok(Self {
            segment,
            file,
            frames,
        })
    }

    /// Returns the frame that holds a commit, and where it is.
    fn frame_of(&self, at: Position) -> Result<(Frame, u64), Fault> {
        let behind = self.frames.partition_point(|(first, _)| *first <= at);
        let found = behind.checked_sub(1).and_then(|index| self.frames.get(index));
        let offset = found.map_or(segment::HEADER_BYTES as u64, |(_, offset)| *offset);
        let frame = read_frame(&*self.file, offset, &self.segment)?;
        let reason = || format!("commit {} was acknowledged and cannot be read", at.0);
        frame
            .map(|frame| (frame, offset))
            .ok_or_else(|| damaged(&self.segment, offset, reason()))
    }
}

/// Whether a reader wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    More,
    Enough,
}

fn read_frame(file: &dyn DiskFile, offset: u64, segment: &Segment) -> Result<Option<Frame>, Fault> {
    frame::read(file, offset, segment.bytes, segment.salt).map_err(|error| Fault::Io(error.to_string()))
}

/// Reads the frame at an offset. Where there is no good one, and what is wanted has not begun, goes on to the next that
/// is good, unless what is wanted begins before it.
fn next_frame(
    file: &dyn DiskFile,
    segment: &Segment,
    after: Position,
    offset: &mut u64,
    before: &mut Option<Position>,
) -> Result<Option<Frame>, Fault> {
    let frame = read_frame(file, *offset, segment)?;
    if frame.is_some() || Some(after) <= *before {
        return Ok(frame);
    }
    let spoiled = scan::look_past(segment, file, *offset..segment.bytes);
    let Some(Spoiled::FrameFollows { at }) = spoiled.map_err(|error| Fault::Io(error.to_string()))? else {
        return Ok(None);
    };
    let frame = read_frame(file, at, segment)?.filter(|frame| frame.first.0 <= after.0 + 1);
    if frame.is_some() {
        let segment = segment.name();
        tracing::warn!(segment, offset, at, "damage before what is read is passed over");
        (*offset, *before) = (at, None);
    }
    Ok(frame)
}

fn sound_entries<'a>(segment: &Segment, offset: u64, frame: &'a Frame) -> Result<Vec<FrameEntry<'a>>, Fault> {
    frame.entries().map_err(|reason| damaged(segment, offset, reason))
}

/// Sees to it that what comes next begins with the commit after the one before.
fn follows(segment: &Segment, offset: u64, before: Option<Position>, first: Position) -> Result<(), Fault> {
    match before {
        Some(before) if before.0 + 1 != first.0 => {
            let reason = format!("commit {} follows {}", first.0, before.0);
            Err(damaged(segment, offset, reason))
        }
        Some(_) | None => Ok(()),
    }
}

fn damaged(segment: &Segment, offset: u64, reason: String) -> Fault {
    Fault::Damaged {
        entity: format!("segment {}, offset {offset}", segment.name()),
        reason,
    }
}
