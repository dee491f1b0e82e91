//! Reading segments at the start: every frame in order, and what to make of the first bad one.

use super::SEGMENT_OVERHEAD;
use super::frame::{self, ALIGNMENT, Frame, FrameEntry};
use super::segment::{Filling, HEADER_BYTES, Segment, write_zeros};
use crate::disk::{DiskFile, Opening, read_up_to, write_all_at};
use crate::error::io_at;
use crate::options::GROUP_BYTES_MAX;
use crate::{Disk, Fault, OpenError, Position};
use std::ops::Range;
use std::path::Path;

/// How much is read at a time while looking for what follows a bad frame.
const LOOK_BYTES: usize = 1024 * 1024;
/// How far a torn group may reach behind the last good frame.
const TAIL_BYTES: u64 = (GROUP_BYTES_MAX + SEGMENT_OVERHEAD) as u64;

/// A torn tail that was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutTail {
    /// The segment's file name.
    pub segment: String,
    /// Where the tail began.
    pub offset: u64,
    /// How many bytes were zeroed.
    pub bytes: u64,
}

/// Is shown an entry.
type Each<'a> = dyn FnMut(FrameEntry<'_>) -> Result<(), Fault> + 'a;

/// Where the journal ends.
pub(crate) struct End {
    /// The last segment, open for writing.
    pub(crate) file: Box<dyn DiskFile>,
    /// Where the next frame goes.
    pub(crate) offset: u64,
    /// The last commit's position.
    pub(crate) position: Position,
    /// The tail that was cut.
    pub(crate) cut: Option<CutTail>,
}

/// How much of the journal is read, and how far it must go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    /// The segment that holds this commit is the first to be read.
    pub(crate) from: Position,
    /// The journal held this commit once: the index has seen it.
    pub(crate) at_least: Position,
}

/// What becomes of the journal's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It is judged and left as it is.
    Judged,
    /// It is mended, so that it can be written on.
    Mended,
}

/// Reads segments, shows each entry, mends the end if that is asked for. The last group, which may not be durable, is shown
/// only once it is: nothing may know of a commit that a power cut can still take away.
///
/// Entries before [`Reach::from`] are shown, too: only the caller knows which of them it needs. What a group has left in
/// the segment that was made ahead becomes zeros again.
pub(crate) fn scan(
    disk: &dyn Disk,
    directory: &Path,
    segments: &[Segment],
    ahead: Option<&Segment>,
    Reach { from, at_least }: Reach,
    ending: Ending,
    mut each: impl FnMut(FrameEntry<'_>) -> Result<(), Fault>,
) -> Result<Option<End>, OpenError> {
    if segments.is_empty() && Position::default() < at_least {
        let reason = format!(
            "there is no segment, but commits up to {} were acknowledged",
            at_least.0
        );
        return Err(OpenError::Damaged {
            segment: directory.to_owned(),
            offset: 0,
            reason,
        });
    }
    let torn = ahead.map(|ahead| Torn::of(disk, ahead)).transpose()?.flatten();
    let start = segments
        .partition_point(|segment| segment.first <= from)
        .saturating_sub(1);
    let mut end = None;
    let mut position = segments
        .get(start)
        .map_or(Position::default(), |segment| Position(segment.first.0 - 1));
    for (index, segment) in segments.iter().enumerate().skip(start) {
        if segment.first.0 != position.0 + 1 {
            let reason = format!(
                "the commits from {} to {} are missing",
                position.0 + 1,
                segment.first.0 - 1
            );
            return Err(segment.damaged(0, reason));
        }
        let is_last = index + 1 == segments.len();
        let file = disk
            .open(&segment.path, Opening::Write)
            .map_err(|error| io_at(&segment.path, error))?;
        let frames = Frames::read(segment, &*file, &mut position, &mut each)?;
        let mut shown = position;
        frames.show_last(segment, &mut position, &mut |_| Ok(()))?;
        if is_last && position < at_least {
            let reason = format!(
                "the last good frame ends with commit {}, but {} was acknowledged",
                position.0, at_least.0
            );
            return Err(match &torn {
                Some(torn) => torn.segment.damaged(HEADER_BYTES as u64, reason),
                None => segment.damaged(frames.end, reason),
            });
        }
        let spoiled = look_past(segment, &*file, frames.end..segment.bytes)?;
        let cut = match spoiled {
            None => None,
            Some(Spoiled::FrameFollows { at }) => {
                return Err(segment.damaged(
                    frames.end,
                    format!("a frame is bad, and a good one follows at {at}"),
                ));
            }
            Some(Spoiled::Bytes { .. }) if !is_last || torn.is_some() => {
                return Err(segment.damaged(frames.end, "a frame is bad, and another segment follows"));
            }
            Some(Spoiled::Bytes { up_to }) => Some(CutTail {
                segment: segment.name(),
                offset: frames.end,
                bytes: up_to - frames.end,
            }),
        };
        let cut = if is_last && ending == Ending::Mended {
            rewrite(disk, segment, &*file, &frames, cut.as_ref())?;
            match &torn {
                Some(torn) => Some(torn.cut()?),
                None => cut,
            }
        } else {
            None
        };
        // Only now: whoever is shown it may remember it on a disk of its own.
        frames.show_last(segment, &mut shown, &mut each)?;
        if is_last {
            end = Some(End {
                file,
                offset: frames.end,
                position,
                cut,
            });
        }
    }
    Ok(end)
}

/// A segment whose first group did not get to the disk as a whole: it was made ahead, and is that again once what is
/// there are zeros.
struct Torn<'a> {
    segment: &'a Segment,
    file: Box<dyn DiskFile>,
    up_to: u64,
}

impl<'a> Torn<'a> {
    /// Finds what stands in a segment that was made ahead and that no good frame begins.
    fn of(disk: &dyn Disk, segment: &'a Segment) -> Result<Option<Self>, OpenError> {
        let opened = disk.open(&segment.path, Opening::Write);
        let file = opened.map_err(|error| io_at(&segment.path, error))?;
        let begin = HEADER_BYTES as u64;
        let reach = segment.bytes.min(begin + TAIL_BYTES);
        if look_past(segment, &*file, begin..reach)?.is_none() {
            return Ok(None);
        }
        match look_past(segment, &*file, begin..segment.bytes)? {
            Some(Spoiled::FrameFollows { at }) => {
                Err(segment.damaged(begin, format!("a frame is bad, and a good one follows at {at}")))
            }
            Some(Spoiled::Bytes { up_to }) => Ok(Some(Self { segment, file, up_to })),
            None => Ok(None),
        }
    }

    /// Writes zeros and syncs them.
    fn cut(&self) -> Result<CutTail, OpenError> {
        let Self { segment, file, up_to } = self;
        let io = |error| io_at(&segment.path, error);
        let begin = HEADER_BYTES as u64;
        let end = segment.bytes.min(begin + TAIL_BYTES).max(*up_to);
        write_zeros(&**file, begin..end, &Filling::default()).map_err(io)?;
        file.sync_all().map_err(io)?;
        Ok(CutTail {
            segment: segment.name(),
            offset: begin,
            bytes: up_to - begin,
        })
    }
}

/// The good frames of a segment.
struct Frames {
    /// Where they end.
    end: u64,
    /// The last of them, and where it begins.
    last: Option<(u64, Frame)>,
}

impl Frames {
    /// Reads the good frames of a segment and shows the entries of all but the last.
    fn read(
        segment: &Segment,
        file: &dyn DiskFile,
        position: &mut Position,
        each: &mut Each<'_>,
    ) -> Result<Self, OpenError> {
        let mut frames = Self {
            end: HEADER_BYTES as u64,
            last: None,
        };
        loop {
            let offset = frames.end;
            let read = frame::read(file, offset, segment.bytes, segment.salt);
            let Some(frame) = read.map_err(|error| io_at(&segment.path, error))? else {
                return Ok(frames);
            };
            frames.show_last(segment, position, each)?;
            frames.end = offset + frame.bytes.len() as u64;
            frames.last = Some((offset, frame));
        }
    }

    /// Checks that the last frame follows a position, shows its entries and moves the position on.
    fn show_last(
        &self,
        segment: &Segment,
        position: &mut Position,
        each: &mut Each<'_>,
    ) -> Result<(), OpenError> {
        let Some((offset, frame)) = &self.last else {
            return Ok(());
        };
        let offset = *offset;
        if frame.first.0 != position.0 + 1 {
            let reason = format!(
                "a frame begins with commit {} instead of {}",
                frame.first.0,
                position.0 + 1
            );
            return Err(segment.damaged(offset, reason));
        }
        let entries = frame.entries();
        for entry in entries.map_err(|reason| segment.damaged(offset, reason))? {
            let follows = entry.position.0 == position.0 || entry.position.0 == position.0 + 1;
            if !follows {
                let reason = format!("commit {} follows {}", entry.position.0, position.0);
                return Err(segment.damaged(offset, reason));
            }
            *position = entry.position;
            each(entry).map_err(|fault| located(segment, offset, fault))?;
        }
        Ok(())
    }
}

/// Says where an entry is that could not be taken.
fn located(segment: &Segment, offset: u64, fault: Fault) -> OpenError {
    match fault {
        Fault::Newer { what, known } => OpenError::Newer { what, known },
        Fault::Damaged { entity, reason } => segment.damaged(offset, format!("{entity}: {reason}")),
        Fault::Busy | Fault::Io(_) => OpenError::Index(fault.to_string()),
    }
}

/// What stands after the last good frame.
pub(super) enum Spoiled {
    /// A good frame: what is before it was synced once, and is damaged.
    FrameFollows { at: u64 },
    /// Bytes that are not zero, up to here.
    Bytes { up_to: u64 },
}

/// Looks at what stands in a segment from a place on where no good frame is.
pub(super) fn look_past(
    segment: &Segment,
    file: &dyn DiskFile,
    Range { start: mut at, end }: Range<u64>,
) -> Result<Option<Spoiled>, OpenError> {
    let mut buffer = vec![0; LOOK_BYTES];
    let mut up_to = None;
    while at < end {
        buffer.fill(0);
        let read = read_up_to(file, &mut buffer, at).map_err(|error| io_at(&segment.path, error))?;
        if read == 0 {
            break;
        }
        for (block, offset) in buffer[..read].chunks(ALIGNMENT).zip((at..).step_by(ALIGNMENT)) {
            if block.iter().all(|&byte| byte == 0) {
                continue;
            }
            up_to = Some(offset + block.len() as u64);
            if frame::may_begin(block, segment.salt)
                && frame::read(file, offset, segment.bytes, segment.salt)
                    .map_err(|error| io_at(&segment.path, error))?
                    .is_some()
            {
                return Ok(Some(Spoiled::FrameFollows { at: offset }));
            }
        }
        at += read as u64;
    }
    Ok(up_to.map(|up_to| Spoiled::Bytes { up_to }))
}

/// Writes the end of the journal again in place and syncs: the last group, which is the only one whose sync may not
/// have ended, and the zeros behind it.
///
/// What is read here need not be on the disk: after a sync that failed, readers may see what no later sync writes.
/// Nothing may be served that a power cut could still take away, and nothing of a torn tail may come back behind a
/// later frame, so all of it is written, whether or not it looks as it should.
fn rewrite(
    disk: &dyn Disk,
    segment: &Segment,
    file: &dyn DiskFile,
    frames: &Frames,
    cut: Option<&CutTail>,
) -> Result<(), OpenError> {
    let io = |error| io_at(&segment.path, error);
    if let Some((offset, frame)) = &frames.last {
        write_all_at(file, &frame.bytes, *offset).map_err(io)?;
    }
    let seen = frames.end + cut.map_or(0, |cut| cut.bytes);
    let end = seen.max(frames.end + TAIL_BYTES).min(segment.bytes);
    write_zeros(file, frames.end..end, &Filling::default()).map_err(io)?;
    file.sync_all().map_err(io)?;
    let directory = segment.path.parent().unwrap_or(&segment.path);
    disk.sync_directory(directory)
        .map_err(|error| io_at(directory, error))
}
