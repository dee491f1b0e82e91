//! Bytes: the stored form of everything, behind a header of format, kind tag, schema and checksum.
//!
//! bincode lives in here and nowhere else, so that another format can follow. Nothing is ever decoded whose
//! checksum does not fit: of the single-bit flips of a bare snapshot most would decode to another entity.
//!
//! ```text
//! 0       1    2        4         8
//! | format | tag | schema | crc32c | body ...      numbers big-endian; the checksum covers all but itself
//! ```

pub mod golden;
#[cfg(test)]
mod tests;

use crate::Fault;
use bincode::config::{Configuration, Limit, standard};
use bincode::enc::write::SizeWriter;
use bincode::error::EncodeError;
use bytes::Bytes;
use cartwright_domain::{BodyWriter, Entity, EventBody, PastBody, Revision, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use std::cell::RefCell;
use std::sync::OnceLock;

/// The format this release writes. A later one may read the body otherwise but keeps the header's shape.
const FORMAT: u8 = 1;
/// The bytes of a header.
pub const HEADER_BYTES: usize = 8;
/// The largest stored snapshot.
pub const SNAPSHOT_BYTES_MAX: usize = 1024 * 1024;
/// The largest stored event.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;
/// The largest stored reply of a receipt.
pub const REPLY_BYTES_MAX: usize = 4 * 1024;
/// What one decoding may claim in memory. A one-byte integer on disk may claim sixteen in memory, so that this
/// stands at sixteen times the largest value: whatever was written can be read.
const DECODED_BYTES_MAX: usize = 16 * SNAPSHOT_BYTES_MAX;

const CONFIG: Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    Limit<DECODED_BYTES_MAX>,
> = standard().with_limit::<DECODED_BYTES_MAX>();

/// Where snapshots are written before their size is known: nearly all fit.
const SCRATCH_BYTES: usize = 128 * 1024;
/// The room for what is kept of a snapshot, before its size is known.
const KEPT_BYTES: usize = 4 * 1024;

thread_local! {
    /// Writing into room that is there costs less than into a vector that grows, and what is kept of a snapshot is no
    /// larger than it is.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into());
}

/// The tags of stored values that are not snapshots; a snapshot's tag is its entity's kind.
///
/// They stand between 160 and 199, where no [`cartwright_domain::Kind`] may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Event,
    Reply,
    Receipt,
    Entry,
    Mark,
    Checkpoint,
    Cursor,
    EntityRow,
    LastCommit,
    Holder,
}

const _: () = {
    let mut at = 0;
    while at < cartwright_domain::Kind::ALL.len() {
        let tag = cartwright_domain::Kind::ALL[at].tag();
        assert!(tag < 160 || 199 < tag, "these tags are for what is no snapshot");
        at += 1;
    }
};

impl Tag {
    const fn byte(self) -> u8 {
        match self {
            Self::Event => 160,
            Self::Reply => 161,
            Self::Receipt => 162,
            Self::Entry => 163,
            Self::Mark => 164,
            Self::Checkpoint => 165,
            Self::Cursor => 166,
            Self::EntityRow => 167,
            Self::LastCommit => 168,
            Self::Holder => 169,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Reply => "reply",
            Self::Receipt => "receipt",
            Self::Entry => "journal entry",
            Self::Mark => "mark",
            Self::Checkpoint => "checkpoint",
            Self::Cursor => "cursor",
            Self::EntityRow => "entity row",
            Self::LastCommit => "last commit",
            Self::Holder => "holder of a unique key",
        }
    }
}

/// A value that cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unstorable {
    /// It is larger than the format allows.
    #[error("the stored form of the {what} takes {bytes} bytes, over the {max} it may take")]
    TooLarge {
        /// What it is.
        what: String,
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        max: usize,
    },
    /// Its shape is not one the format can write, such as a sequence of unknown length.
    #[error("the {what} cannot be written: {reason}")]
    Shape {
        /// What it is.
        what: String,
        /// What the format said.
        reason: String,
    },
}

/// An entity as it stood after a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot<E> {
    /// The state, whose invariants hold.
    pub state: E,
    /// The revision the state was written at. [`crate::Loaded::revision`] is newer where a later commit left the
    /// state as it was.
    pub revision: Revision,
    /// The timers set, by stable name: one row each.
    pub timers: Vec<(String, Timestamp)>,
}

/// Writes a snapshot. The caller has checked the invariants, so that a broken one is the command's fault.
///
/// # Errors
/// [`Unstorable`] over 1 MiB, or when the state has a shape that cannot be written.
pub fn encode_snapshot<E: Entity>(
    state: &E,
    revision: Revision,
    timers: &[(String, Timestamp)],
) -> Result<Bytes, Unstorable> {
    let header = Header {
        tag: E::KIND.tag(),
        schema: E::SCHEMA,
    };
    let written = SCRATCH.with_borrow_mut(|scratch| {
        let mut body = InRoom {
            room: &mut scratch[HEADER_BYTES..],
            written: 0,
        };
        body.write(&(revision, timers)).ok()?;
        state.write(&mut body).ok()?;
        let bytes = HEADER_BYTES + body.written;
        let bytes = &mut scratch[..bytes];
        bytes[..HEADER_BYTES].copy_from_slice(&header.unchecked());
        seal(bytes);
        Some(Bytes::copy_from_slice(bytes))
    });
    if let Some(written) = written {
        return Ok(written);
    }
    let mut out = Vec::with_capacity(2 * SCRATCH_BYTES);
    encode_with(&mut out, header, E::KIND.name(), SNAPSHOT_BYTES_MAX, |body| {
        body.write(&(revision, timers))?;
        state.write(body)
    })?;
    Ok(out.into())
}

/// A body that is written into room that is there.
struct InRoom<'a> {
    room: &'a mut [u8],
    written: usize,
}

impl BodyWriter for InRoom<'_> {
    type Error = EncodeError;

    fn write<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.written += bincode::serde::encode_into_slice(value, &mut self.room[self.written..], CONFIG)?;
        Ok(())
    }

    fn write_once<T: Serialize>(
        &mut self,
        kept: &OnceLock<Box<[u8]>>,
        values: &[T],
    ) -> Result<(), EncodeError> {
        let bytes = kept_or_written(kept, values)?;
        let room = self.room.get_mut(self.written..self.written + bytes.len());
        room.ok_or(EncodeError::UnexpectedEnd)?.copy_from_slice(bytes);
        self.written += bytes.len();
        Ok(())
    }
}

/// A body that grows.
struct Growing<'a>(&'a mut Vec<u8>);

impl BodyWriter for Growing<'_> {
    type Error = EncodeError;

    fn write<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        bincode::serde::encode_into_std_write(value, self.0, CONFIG).map(drop)
    }

    fn write_once<T: Serialize>(
        &mut self,
        kept: &OnceLock<Box<[u8]>>,
        values: &[T],
    ) -> Result<(), EncodeError> {
        self.0.extend_from_slice(kept_or_written(kept, values)?);
        Ok(())
    }
}

/// Returns the stored form of values one behind the other: as it is kept, or written now and kept.
fn kept_or_written<'a, T: Serialize>(
    kept: &'a OnceLock<Box<[u8]>>,
    values: &[T],
) -> Result<&'a [u8], EncodeError> {
    if let Some(kept) = kept.get() {
        return Ok(kept);
    }
    let mut written = Vec::with_capacity(KEPT_BYTES);
    values
        .iter()
        .try_for_each(|value| Growing(&mut written).write(value))?;
    // Who else has written it meanwhile has written the same.
    Ok(kept.get_or_init(|| written.into()))
}

/// Returns how many bytes a value takes in the stored form of what it is part of.
///
/// # Errors
/// [`Unstorable::Shape`] when it has a shape that cannot be written.
pub fn bytes_of<T: Serialize>(value: &T) -> Result<usize, Unstorable> {
    let mut size = SizeWriter::default();
    bincode::serde::encode_into_writer(value, &mut size, CONFIG).map_err(|error| Unstorable::Shape {
        what: std::any::type_name::<T>().to_owned(),
        reason: error.to_string(),
    })?;
    Ok(size.bytes_written)
}

/// Reads a snapshot: checks header and checksum, upgrades a past schema, checks the invariants.
///
/// # Errors
/// [`Fault::Damaged`] when a check fails, [`Fault::Newer`] when a later release has written it.
pub fn decode_snapshot<E: Entity>(bytes: &[u8]) -> Result<Snapshot<E>, Fault> {
    let what = E::KIND.name();
    let (schema, body) = open(bytes, E::KIND.tag(), E::SCHEMA, what)?;
    let ((revision, timers), read) = decode_prefix::<(Revision, Vec<(String, Timestamp)>)>(body, what)?;
    let body = &body[read..];
    let state = if schema == E::SCHEMA {
        decode_whole(body, what)?
    } else {
        E::decode_past(schema, &Past { body }).map_err(|reason| damaged(what, reason))?
    };
    state
        .invariants()
        .map_err(|broken| damaged(what, broken.to_string()))?;
    Ok(Snapshot {
        state,
        revision,
        timers,
    })
}

/// Writes an event.
///
/// # Errors
/// [`Unstorable`] over 256 KiB, or when it has a shape that cannot be written.
pub fn encode_event<V: EventBody>(event: &V) -> Result<Bytes, Unstorable> {
    let mut out = Vec::with_capacity(128);
    let header = Header {
        tag: Tag::Event.byte(),
        schema: V::SCHEMA,
    };
    encode_into(&mut out, header, event.name(), EVENT_BYTES_MAX, event)?;
    Ok(out.into())
}

/// Reads an event: checks header and checksum, upgrades a past schema.
///
/// # Errors
/// [`Fault::Damaged`] when a check fails, [`Fault::Newer`] when a later release has written it.
pub fn decode_event<V: EventBody>(bytes: &[u8]) -> Result<V, Fault> {
    let what = Tag::Event.name();
    let (schema, body) = open(bytes, Tag::Event.byte(), V::SCHEMA, what)?;
    if schema == V::SCHEMA {
        return decode_whole(body, what);
    }
    V::decode_past(schema, &Past { body }).map_err(|reason| damaged(what, reason))
}

/// The schema of replies. They live a day and are never upgraded.
const REPLY_SCHEMA: u16 = 1;

/// Writes the reply a receipt keeps.
///
/// # Errors
/// [`Unstorable`] over 4 KiB, or when it has a shape that cannot be written.
pub fn encode_reply<R: Serialize>(reply: &R) -> Result<Vec<u8>, Unstorable> {
    let mut out = Vec::with_capacity(64);
    let header = Header {
        tag: Tag::Reply.byte(),
        schema: REPLY_SCHEMA,
    };
    encode_into(&mut out, header, Tag::Reply.name(), REPLY_BYTES_MAX, reply)?;
    Ok(out)
}

/// Reads the reply a receipt keeps.
///
/// # Errors
/// [`Fault::Damaged`] when a check fails, [`Fault::Newer`] when a later release has written it.
pub fn decode_reply<R: DeserializeOwned>(bytes: &[u8]) -> Result<R, Fault> {
    let what = Tag::Reply.name();
    let (_, body) = open(bytes, Tag::Reply.byte(), REPLY_SCHEMA, what)?;
    decode_whole(body, what)
}

/// A stored type of storage's own.
pub(crate) trait Stored: Serialize + DeserializeOwned {
    const TAG: Tag;
    const SCHEMA: u16;
    const BYTES_MAX: usize = SNAPSHOT_BYTES_MAX;

    /// Returns how many bytes to make room for before the stored form is written: enough for most values.
    fn room(&self) -> usize {
        64
    }

    /// Appends the stored form.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unstorable> {
        let header = Header {
            tag: Self::TAG.byte(),
            schema: Self::SCHEMA,
        };
        encode_into(out, header, Self::TAG.name(), Self::BYTES_MAX, self)
    }

    /// Reads the stored form.
    fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let what = Self::TAG.name();
        let (schema, body) = open(bytes, Self::TAG.byte(), Self::SCHEMA, what)?;
        if schema != Self::SCHEMA {
            return Err(damaged(what, format!("schema {schema} is not known")));
        }
        decode_whole(body, what)
    }
}

/// Tells whether the bytes pass their checksum, whatever they are.
pub(crate) fn is_sound(bytes: &[u8]) -> bool {
    check(bytes, "value").is_ok()
}

#[derive(Clone, Copy)]
struct Header {
    tag: u8,
    schema: u16,
}

impl Header {
    /// Returns its bytes, those of the checksum still zero.
    fn unchecked(self) -> [u8; HEADER_BYTES] {
        let [high, low] = self.schema.to_be_bytes();
        [FORMAT, self.tag, high, low, 0, 0, 0, 0]
    }
}

fn encode_into<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    header: Header,
    what: &str,
    bytes_max: usize,
    value: &T,
) -> Result<(), Unstorable> {
    encode_with(out, header, what, bytes_max, |body| body.write(value))
}

fn encode_with(
    out: &mut Vec<u8>,
    header: Header,
    what: &str,
    bytes_max: usize,
    write: impl FnOnce(&mut Growing<'_>) -> Result<(), EncodeError>,
) -> Result<(), Unstorable> {
    let start = out.len();
    out.extend_from_slice(&header.unchecked());
    if let Err(error) = write(&mut Growing(out)) {
        out.truncate(start);
        return Err(Unstorable::Shape {
            what: what.to_owned(),
            reason: error.to_string(),
        });
    }
    let bytes = out.len() - start;
    if bytes_max < bytes {
        out.truncate(start);
        return Err(Unstorable::TooLarge {
            what: what.to_owned(),
            bytes,
            max: bytes_max,
        });
    }
    seal(&mut out[start..]);
    Ok(())
}

/// Puts the checksum in its place.
fn seal(bytes: &mut [u8]) {
    let crc = checksum(bytes);
    bytes[4..HEADER_BYTES].copy_from_slice(&crc.to_be_bytes());
}

/// The checksum over a value, all but the checksum itself.
fn checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[..4]), &bytes[HEADER_BYTES..])
}

fn check(bytes: &[u8], what: &str) -> Result<(), Fault> {
    if bytes.len() < HEADER_BYTES {
        return Err(damaged(what, format!("{} bytes are no header", bytes.len())));
    }
    let stored = u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    if stored != checksum(bytes) {
        return Err(damaged(what, "the checksum does not fit".to_owned()));
    }
    Ok(())
}

/// Checks header and checksum; returns schema and body.
fn open<'a>(bytes: &'a [u8], tag: u8, schema_known: u16, what: &str) -> Result<(u16, &'a [u8]), Fault> {
    check(bytes, what)?;
    let schema = u16::from_be_bytes([bytes[2], bytes[3]]);
    if FORMAT < bytes[0] {
        return Err(Fault::Newer {
            what: format!("{what} in format {}", bytes[0]),
            known: u16::from(FORMAT),
        });
    }
    if bytes[0] != FORMAT || bytes[1] != tag {
        return Err(damaged(
            what,
            format!("format {} and tag {} are of something else", bytes[0], bytes[1]),
        ));
    }
    if schema_known < schema {
        return Err(Fault::Newer {
            what: format!("{what} in schema {schema}"),
            known: schema_known,
        });
    }
    Ok((schema, &bytes[HEADER_BYTES..]))
}

fn decode_prefix<T: DeserializeOwned>(body: &[u8], what: &str) -> Result<(T, usize), Fault> {
    bincode::serde::decode_from_slice(body, CONFIG).map_err(|error| damaged(what, error.to_string()))
}

fn decode_whole<T: DeserializeOwned>(body: &[u8], what: &str) -> Result<T, Fault> {
    let (value, read) = decode_prefix(body, what)?;
    if read != body.len() {
        return Err(damaged(
            what,
            format!("{} bytes are left over", body.len() - read),
        ));
    }
    Ok(value)
}

fn damaged(what: &str, reason: String) -> Fault {
    Fault::Damaged {
        entity: what.to_owned(),
        reason,
    }
}

/// The state of a snapshot whose schema is past.
struct Past<'a> {
    body: &'a [u8],
}

impl PastBody for Past<'_> {
    fn read<T: DeserializeOwned>(&self) -> Result<T, String> {
        decode_whole(self.body, "past state").map_err(|fault| fault.to_string())
    }
}

/// Byte strings in one piece: serde would otherwise write them as sequences, element by element.
pub(crate) mod blob {
    use bytes::Bytes;
    use serde::{Deserializer, Serializer, de::Visitor};
    use std::fmt;

    pub(crate) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        struct Blob;
        impl Visitor<'_> for Blob {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<X>(self, bytes: &[u8]) -> Result<Bytes, X> {
                Ok(Bytes::copy_from_slice(bytes))
            }
            fn visit_byte_buf<X>(self, bytes: Vec<u8>) -> Result<Bytes, X> {
                Ok(bytes.into())
            }
        }
        deserializer.deserialize_byte_buf(Blob)
    }
}
