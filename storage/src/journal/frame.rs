//! One group as it stands in a segment.
//!
//! ```text
//! frame  | magic 4 | salt 8 | first position 8 | entries 4 | body bytes 4 | crc32c 4 | body | zeros to 512 |
//! entry  | payload bytes 4 | crc32c 4 | position 8 | previous 8 | payload |            numbers big-endian
//! ```
//!
//! The frame's checksum covers all of it but the checksum and the zeros; an entry's covers its positions and its
//! payload, so that one entry can be read and checked alone.

use crate::Position;
use crate::disk::{DEVICE_ALIGNMENT, DiskFile, read_up_to};
use std::io;

/// Frames begin at multiples of this, so that a torn write never spoils the frame before it.
pub(crate) const ALIGNMENT: usize = 512;
const MAGIC: [u8; 4] = *b"CWgr";
pub(super) const HEADER_BYTES: usize = 32;
const CHECKSUM_AT: usize = 28;
const ENTRY_HEADER_BYTES: usize = 24;
/// What is read of a frame at first; most groups are no longer.
const FIRST_READ_BYTES: usize = 8 * ALIGNMENT;

/// Collects entries into one frame, in a buffer that is used again and again.
pub(crate) struct FrameBuffer {
    bytes: Vec<u8>,
    /// Where the frame begins: where a device can read it, unless the buffer has moved since it was cleared.
    start: usize,
    entries: u32,
}

impl FrameBuffer {
    /// What a frame with one entry takes besides that entry's payload.
    pub(crate) const OVERHEAD: usize = HEADER_BYTES + ENTRY_HEADER_BYTES;

    pub(crate) fn new() -> Self {
        let mut buffer = Self {
            bytes: Vec::new(),
            start: 0,
            entries: 0,
        };
        buffer.clear();
        buffer
    }

    /// Starts over.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.reserve(DEVICE_ALIGNMENT + HEADER_BYTES);
        self.start = self.bytes.as_ptr().align_offset(DEVICE_ALIGNMENT);
        self.bytes.resize(self.start + HEADER_BYTES, 0);
        self.entries = 0;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Returns the bytes so far, zeros at the end apart.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Adds an entry whose payload `write` appends.
    pub(crate) fn push<E>(
        &mut self,
        position: Position,
        previous: Position,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 8]);
        self.bytes.extend_from_slice(&position.0.to_be_bytes());
        self.bytes.extend_from_slice(&previous.0.to_be_bytes());
        if let Err(error) = write(&mut self.bytes) {
            self.bytes.truncate(start);
            return Err(error);
        }
        let payload = self.bytes.len() - start - ENTRY_HEADER_BYTES;
        let crc = crc32c::crc32c(&self.bytes[start + 8..]);
        self.bytes[start..start + 4].copy_from_slice(&length(payload).to_be_bytes());
        self.bytes[start + 4..start + 8].copy_from_slice(&crc.to_be_bytes());
        self.entries += 1;
        Ok(())
    }

    /// Completes the frame for a segment and returns its bytes.
    pub(crate) fn finish(&mut self, salt: u64, first: Position) -> &[u8] {
        let padded = self.len().next_multiple_of(ALIGNMENT);
        let frame = &mut self.bytes[self.start..];
        let body = frame.len() - HEADER_BYTES;
        let header = &mut frame[..HEADER_BYTES];
        header[..4].copy_from_slice(&MAGIC);
        header[4..12].copy_from_slice(&salt.to_be_bytes());
        header[12..20].copy_from_slice(&first.0.to_be_bytes());
        header[20..24].copy_from_slice(&self.entries.to_be_bytes());
        header[24..28].copy_from_slice(&length(body).to_be_bytes());
        let crc = checksum(frame);
        frame[CHECKSUM_AT..HEADER_BYTES].copy_from_slice(&crc.to_be_bytes());
        self.bytes.resize(self.start + padded, 0);
        &self.bytes[self.start..]
    }
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a group is far below 4 GiB")
}

fn checksum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[..CHECKSUM_AT]), &frame[HEADER_BYTES..])
}

/// A frame that passed its checks.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Its bytes, zeros at the end included.
    pub(crate) bytes: Vec<u8>,
    /// The position of its first commit, or of the next commit when it holds none.
    pub(crate) first: Position,
    entries: u32,
    body_bytes: usize,
}

/// An entry of a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameEntry<'a> {
    pub(crate) position: Position,
    /// Where the commit before it of the same entity stands; zero where there is none.
    pub(crate) previous: Position,
    pub(crate) payload: &'a [u8],
}

impl Frame {
    /// Returns the entries in order, or a sentence about what does not fit.
    pub(crate) fn entries(&self) -> Result<Vec<FrameEntry<'_>>, String> {
        let mut rest = &self.bytes[HEADER_BYTES..HEADER_BYTES + self.body_bytes];
        let mut entries = Vec::new();
        while !rest.is_empty() {
            if rest.len() < ENTRY_HEADER_BYTES {
                return Err(format!("entry {} is cut off", entries.len()));
            }
            let payload_bytes = usize::try_from(u32_at(rest, 0)).unwrap_or(usize::MAX);
            let end = ENTRY_HEADER_BYTES.saturating_add(payload_bytes);
            if rest.len() < end {
                return Err(format!("entry {} is cut off", entries.len()));
            }
            if crc32c::crc32c(&rest[8..end]) != u32_at(rest, 4) {
                return Err(format!("the checksum of entry {} does not fit", entries.len()));
            }
            entries.push(FrameEntry {
                position: Position(u64_at(rest, 8)),
                previous: Position(u64_at(rest, 16)),
                payload: &rest[ENTRY_HEADER_BYTES..end],
            });
            rest = &rest[end..];
        }
        if u32::try_from(entries.len()) != Ok(self.entries) {
            return Err(format!("{} entries instead of {}", entries.len(), self.entries));
        }
        Ok(entries)
    }
}

/// Reads the frame at an offset; nothing when there is none that passes its checks.
pub(crate) fn read(
    file: &dyn DiskFile,
    offset: u64,
    segment_bytes: u64,
    salt: u64,
) -> io::Result<Option<Frame>> {
    let left = usize::try_from(segment_bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
    let mut bytes = vec![0; left.min(FIRST_READ_BYTES)];
    if bytes.len() < HEADER_BYTES || read_up_to(file, &mut bytes, offset)? < HEADER_BYTES {
        return Ok(None);
    }
    if bytes[..4] != MAGIC || u64_at(&bytes, 4) != salt {
        return Ok(None);
    }
    let body_bytes = usize::try_from(u32_at(&bytes, 24)).unwrap_or(usize::MAX);
    let frame_bytes = HEADER_BYTES.saturating_add(body_bytes);
    if left < frame_bytes {
        return Ok(None);
    }
    let padded = frame_bytes.next_multiple_of(ALIGNMENT).min(left);
    let have = bytes.len().min(padded);
    bytes.resize(padded, 0);
    let missing = padded - have;
    if 0 < missing {
        let from = offset + u64::try_from(have).unwrap_or(u64::MAX);
        read_up_to(file, &mut bytes[have..], from)?;
    }
    let stored = u32_at(&bytes, CHECKSUM_AT);
    if checksum(&bytes[..frame_bytes]) != stored {
        return Ok(None);
    }
    let first = Position(u64_at(&bytes, 12));
    let entries = u32_at(&bytes, 20);
    Ok(Some(Frame {
        bytes,
        first,
        entries,
        body_bytes,
    }))
}

/// Returns the position that the frame at an offset begins with, and where the next frame is, as its header says; nothing
/// when no frame begins there. Whether all of it is sound, [`read`] tells.
pub(crate) fn glance(file: &dyn DiskFile, offset: u64, salt: u64) -> io::Result<Option<(Position, u64)>> {
    let mut header = [0; HEADER_BYTES];
    if read_up_to(file, &mut header, offset)? < HEADER_BYTES || !may_begin(&header, salt) {
        return Ok(None);
    }
    let bytes = HEADER_BYTES as u64 + u64::from(u32_at(&header, 24));
    let next = offset + bytes.next_multiple_of(ALIGNMENT as u64);
    Ok(Some((Position(u64_at(&header, 12)), next)))
}

/// Tells whether a frame of this salt may begin with these bytes.
pub(crate) fn may_begin(bytes: &[u8], salt: u64) -> bool {
    HEADER_BYTES <= bytes.len() && bytes[..4] == MAGIC && u64_at(bytes, 4) == salt
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_be_bytes(word)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_be_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_begins_where_a_device_can_read_it_also_after_the_buffer_has_grown() {
        let mut buffer = FrameBuffer::new();
        let mut push = |payload: &[u8]| {
            let write = |bytes: &mut Vec<u8>| -> Result<(), ()> {
                bytes.extend_from_slice(payload);
                Ok(())
            };
            assert_eq!(buffer.push(Position(7), Position(0), write), Ok(()));
            let expected = FrameBuffer::OVERHEAD + payload.len();
            assert_eq!(buffer.len(), expected);
            let bytes = buffer.finish(1, Position(7));
            assert_eq!(bytes.len(), expected.next_multiple_of(ALIGNMENT));
            assert_eq!(bytes[FrameBuffer::OVERHEAD..expected], *payload);
            let misplaced = bytes.as_ptr().align_offset(DEVICE_ALIGNMENT);
            buffer.clear();
            misplaced
        };
        push(&[1; 300_000]);
        assert_eq!(push(&[2; 300_000]), 0);
        assert_eq!(push(&[3; 10]), 0);
    }
}
