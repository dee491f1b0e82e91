//! The sandbox's ledger file: lines of JSON with checksums, each the operations that were synced together.
//!
//! It lies outside the engine's store, so that a kill of the engine does not erase what was charged, and it is the
//! witness of the crash tests. A line is `{"crc":"<8 hexadecimal digits>","ops":[{..},..]}`; the CRC32C is that of
//! the bytes of `ops`. Earlier builds wrote `"op":{..}`, one operation a line, and such lines are read for ever.
//!
//! The file ends in spaces, written ahead, which every reader of JSON passes over. A line that overwrites some of
//! them changes no metadata, so that its `fdatasync` costs 33 µs of CPU where that of an appended line costs 58 µs
//! and a commit of the file system's journal. It is written in whole blocks, past the page cache where the file system
//! can do that, which costs a third less than through it; readers go through the cache, and the system keeps both in
//! step. What is overwritten reaches the disk in any order, hence one checksum for all that was synced together: a torn
//! tail is what was never answered, and nothing whole stands behind it. Anything else that does not read is damage.

use super::super::{Decline, InvalidKey, OperationKey, Reference};
use super::book::{Book, Entry, Operation, Payment};
use cartwright_domain::{
    Timestamp,
    money::{self, Currency, Money},
};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    mem,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// What stands before a line's checksum.
const HEAD: &[u8] = br#"{"crc":""#;
/// What stands between the checksum and the operations.
const MIDDLE: &[u8] = br#"","ops":"#;
/// What stood between the checksum and the only operation of a line.
const MIDDLE_OF_ONE: &[u8] = br#"","op":"#;
/// What stands behind the operations.
const TAIL: &[u8] = b"}\n";
/// What is written at a time, and where memory begins that every device can read past the page cache: a page.
const BLOCK_BYTES: usize = 4096;
/// How many spaces are written ahead of the lines.
const AHEAD_BYTES: usize = 16 * BLOCK_BYTES;
/// How many hexadecimal digits a checksum has.
const DIGITS: usize = 8;

/// What a ledger file says, read without touching it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// Every operation that was decided, declined ones too, in order.
    pub entries: Vec<Entry>,
    /// Every payment that was authorized, as it stands after all of them, by its reference.
    pub payments: Vec<Payment>,
    /// How many bytes at the end are a torn line.
    pub torn_bytes: u64,
}

impl Ledger {
    /// Reads a ledger, also one that is being written or was cut short by a kill. A missing file is an empty ledger.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read, [`Error::Damaged`] when a line before its end does not read.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let mut book = Book::default();
        let mut entries = Vec::new();
        let file = match File::open(path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io(path, error)),
        };
        let extent = match file {
            Some(file) => scan(path, &file, |entry| {
                entries.push(entry.clone());
                book.enter(entry).map_err(|misfit| misfit.to_string())
            })?,
            None => Extent::default(),
        };
        let mut payments: Vec<Payment> = book.payments().cloned().collect();
        payments.sort_by(|left, right| left.payment.cmp(&right.payment));
        Ok(Self {
            entries,
            payments,
            torn_bytes: extent.torn_bytes,
        })
    }
}

/// Why a ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or written.
    #[error("cannot use the sandbox's ledger {path}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line before the end does not read: not a torn tail, but damage.
    #[error(
        "the sandbox's ledger {path} is damaged in line {line}: {reason}; put a sound copy in its place, or move it \
         away, and the sandbox begins anew without the payments it has made",
        path = path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

/// A ledger open for writing, and the book of what it says.
#[derive(Debug)]
pub(super) struct Writer {
    file: File,
    /// The same file past the page cache, while that goes.
    direct: Option<File>,
    /// Where the block begins that the next line goes into.
    block_at: u64,
    /// What of that block is written.
    block: Vec<u8>,
    /// Up to where the file has bytes to overwrite.
    file_bytes: u64,
    pub(super) book: Book,
}

impl Writer {
    /// Opens or creates the ledger, reads it back, and cuts a torn tail.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |error| Error::io(path, error);
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(parent).map_err(failed)?;
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).map_err(failed)?;
        let mut book = Book::default();
        let extent = scan(path, &file, |entry| {
            book.enter(entry).map_err(|misfit| misfit.to_string())
        })?;
        if 0 < extent.torn_bytes {
            tracing::warn!(path = %path.display(), bytes = extent.torn_bytes, "the sandbox's ledger had a torn tail, which is cut");
            file.set_len(extent.sound_bytes).map_err(failed)?;
        }
        file.sync_all().map_err(failed)?;
        File::open(parent)
            .and_then(|parent| parent.sync_all())
            .map_err(failed)?;
        let block_at = extent.sound_bytes / BLOCK_BYTES as u64 * BLOCK_BYTES as u64;
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        (&file).seek(SeekFrom::Start(block_at)).map_err(failed)?;
        (&file)
            .take(extent.sound_bytes - block_at)
            .read_to_end(&mut block)
            .map_err(failed)?;
        let past_the_cache = i32::try_from(OFlags::DIRECT.bits()).unwrap_or(0);
        Ok(Self {
            // A file system that cannot do it says so here.
            direct: File::options()
                .write(true)
                .custom_flags(past_the_cache)
                .open(path)
                .ok(),
            file_bytes: file.metadata().map_err(failed)?.len(),
            file,
            block_at,
            block,
            book,
        })
    }

    /// Writes through the page cache from here on, as where a file system knows no way past it.
    #[cfg(test)]
    pub(super) fn through_the_cache(self) -> Self {
        Self { direct: None, ..self }
    }

    /// Refuses every write from here on, as a disk does that is full.
    #[cfg(test)]
    pub(super) fn refusing(self, path: &Path) -> Self {
        let file = File::open(path).expect("the ledger is there");
        Self {
            direct: None,
            file,
            ..self
        }
    }

    /// Writes operations and returns when they are safe. After an error it is not known what is on the disk.
    pub(super) fn append(&mut self, group: &[Record]) -> io::Result<()> {
        let mut lines = mem::take(&mut self.block);
        encode(group, &mut lines)?;
        let mut bytes = lines.len().next_multiple_of(BLOCK_BYTES);
        if self.file_bytes < self.block_at + bytes as u64 {
            bytes += AHEAD_BYTES;
            self.file_bytes = self.block_at + bytes as u64;
        }
        self.write_blocks(&lines, bytes)?;
        self.file.sync_data()?;
        let whole_bytes = lines.len() / BLOCK_BYTES * BLOCK_BYTES;
        self.block = lines.split_off(whole_bytes);
        self.block_at += whole_bytes as u64;
        Ok(())
    }

    /// Writes lines from the open block on, and spaces behind them up to so many bytes.
    fn write_blocks(&mut self, lines: &[u8], bytes: usize) -> io::Result<()> {
        let mut padded: Vec<u8> = Vec::with_capacity(BLOCK_BYTES + bytes);
        let start = padded.as_ptr().align_offset(BLOCK_BYTES);
        padded.resize(start, b' ');
        padded.extend_from_slice(lines);
        padded.resize(start + bytes, b' ');
        let blocks = &padded[start..];
        if let Some(direct) = &self.direct {
            match direct.write_all_at(blocks, self.block_at) {
                // A device that wants larger multiples.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => self.direct = None,
                written => return written,
            }
        }
        self.file.write_all_at(blocks, self.block_at)
    }
}

/// How much of a file reads, and how much behind that is neither sound nor fill.
#[derive(Debug, Default)]
struct Extent {
    sound_bytes: u64,
    torn_bytes: u64,
}

/// Reads every line. From the first that is not as it was written on, none may be: then all of it is a torn tail.
fn scan(
    path: &Path,
    file: &File,
    mut take: impl FnMut(Entry) -> Result<(), String>,
) -> Result<Extent, Error> {
    let mut reader = BufReader::new(file);
    let mut extent = Extent::default();
    let mut torn: Option<u64> = None;
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = reader
            .read_until(b'\n', &mut line)
            .map_err(|error| Error::io(path, error))?;
        if read == 0 {
            break;
        }
        let Some(operations) = whole(&line) else {
            torn.get_or_insert(number);
            extent.torn_bytes += line.trim_ascii_end().len() as u64;
            continue;
        };
        if let Some(number) = torn {
            return Err(damaged(path, number, "its checksum or form is wrong".to_owned()));
        }
        let damaged = |reason| damaged(path, number, reason);
        for entry in operations.entries().map_err(damaged)? {
            take(entry).map_err(damaged)?;
        }
        extent.sound_bytes += read as u64;
    }
    Ok(extent)
}

fn damaged(path: &Path, line: u64, reason: String) -> Error {
    Error::Damaged {
        path: path.to_owned(),
        line,
        reason,
    }
}

/// The stored form of an entry. Its names never change.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    at: i64,
    key: String,
    operation: String,
    payment: String,
    reference: String,
    amount: i64,
    currency: String,
    declined: Option<RecordedDecline>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordedDecline {
    code: String,
    message: String,
}

impl From<&Entry> for Record {
    fn from(entry: &Entry) -> Self {
        let declined = entry.declined.as_ref();
        Self {
            at: entry.at.millis(),
            key: entry.key.to_string(),
            operation: entry.operation.name().to_owned(),
            payment: entry.payment.to_string(),
            reference: entry.checkout.clone(),
            amount: entry.amount.amount,
            currency: entry.amount.currency.code().to_owned(),
            declined: declined.map(|why| RecordedDecline {
                code: why.code.clone(),
                message: why.message.clone(),
            }),
        }
    }
}

impl Record {
    fn entry(self) -> Result<Entry, String> {
        let currency = Currency::of(&self.currency).map_err(|error: money::Error| error.to_string())?;
        Ok(Entry {
            at: Timestamp::from_millis(self.at),
            key: OperationKey::parse(self.key).map_err(|error: InvalidKey| error.to_string())?,
            operation: Operation::from_name(&self.operation)
                .ok_or_else(|| format!("its operation {:?} is not known to this release", self.operation))?,
            payment: Reference::new(self.payment),
            checkout: self.reference,
            amount: Money::new(self.amount, currency),
            declined: self.declined.map(|why| Decline {
                code: why.code,
                message: why.message,
            }),
        })
    }
}

/// Adds the line of operations that are synced together.
pub(super) fn encode(group: &[Record], line: &mut Vec<u8>) -> io::Result<()> {
    let operations = serde_json::to_vec(group)?;
    line.extend_from_slice(HEAD);
    write!(line, "{:08x}", crc32c::crc32c(&operations))?;
    line.extend_from_slice(MIDDLE);
    line.extend_from_slice(&operations);
    line.extend_from_slice(TAIL);
    Ok(())
}

/// What a line says, as it was written.
enum Operations<'a> {
    Group(&'a [u8]),
    /// As earlier builds wrote it.
    One(&'a [u8]),
}

impl Operations<'_> {
    /// Reads them.
    ///
    /// # Errors
    /// What of them this release does not know: they were written, and may have been answered.
    fn entries(&self) -> Result<Vec<Entry>, String> {
        let group = match self {
            Self::Group(bytes) => serde_json::from_slice(bytes),
            Self::One(bytes) => serde_json::from_slice(bytes).map(|record| vec![record]),
        };
        let group: Vec<Record> = group.map_err(|error| error.to_string())?;
        group.into_iter().map(Record::entry).collect()
    }
}

/// Returns what a line says; nothing where it is not as it was written.
fn whole(line: &[u8]) -> Option<Operations<'_>> {
    let (checksum, rest) = parts(line)?;
    let (operations, bytes) = match rest.strip_prefix(MIDDLE_OF_ONE) {
        Some(one) => (Operations::One(one), one),
        None => rest
            .strip_prefix(MIDDLE)
            .map(|group| (Operations::Group(group), group))?,
    };
    (crc32c::crc32c(bytes) == checksum).then_some(operations)
}

/// Takes a whole line apart: its checksum, and what stands behind that.
fn parts(line: &[u8]) -> Option<(u32, &[u8])> {
    let rest = line.strip_suffix(TAIL)?.strip_prefix(HEAD)?;
    let (digits, rest) = rest.split_at_checked(DIGITS)?;
    let checksum = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    Some((checksum, rest))
}

impl Operation {
    const ALL: [Self; 4] = [Self::Authorize, Self::Capture, Self::Void, Self::Refund];

    /// Returns the stable name in the file.
    fn name(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund => "refund",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }
}
