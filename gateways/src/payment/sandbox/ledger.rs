//! The sandbox's ledger file: one line of JSON per operation, each with its checksum, only ever appended to.
//!
//! It lies outside the engine's store, so that a kill of the engine does not erase what was charged, and it is the
//! witness of the crash tests. A line is `{"crc":"<8 hexadecimal digits>","op":{..}}`; the CRC32C is that of the
//! bytes of `op`. A torn tail is what was never answered; anything else that does not read is damage.

use super::super::{Decline, InvalidKey, OperationKey, Reference};
use super::book::{Book, Entry, Operation, Payment};
use cartwright_domain::{
    Timestamp,
    money::{self, Currency, Money},
};
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

/// What stands before a line's checksum.
const HEAD: &[u8] = br#"{"crc":""#;
/// What stands between the checksum and the operation.
const MIDDLE: &[u8] = br#"","op":"#;
/// What stands behind the operation.
const TAIL: &[u8] = b"}";
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
    #[error("the sandbox's ledger {path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line before the end does not read: not a torn tail, but damage.
    #[error("the sandbox's ledger {path} is damaged in line {line}: {reason}", path = path.display())]
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

/// A ledger open for appending, and the book of what it says.
#[derive(Debug)]
pub(super) struct Writer {
    file: File,
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
        let file = File::options()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(failed)?;
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
        Ok(Self { file, book })
    }

    /// Appends lines and returns when they are safe.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.file.write_all(lines)?;
        self.file.sync_data()
    }
}

/// How much of a file reads, and how much at its end is torn.
#[derive(Debug, Default)]
struct Extent {
    sound_bytes: u64,
    torn_bytes: u64,
}

/// Reads every line. From the first that does not read on, none may: then all of it is a torn tail.
fn scan(
    path: &Path,
    file: &File,
    mut take: impl FnMut(Entry) -> Result<(), String>,
) -> Result<Extent, Error> {
    let mut reader = BufReader::new(file);
    let mut extent = Extent::default();
    let mut bad: Option<(u64, String)> = None;
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = reader
            .read_until(b'\n', &mut line)
            .map_err(|error| Error::io(path, error))?;
        if read == 0 {
            break;
        }
        let bytes = u64::try_from(read).unwrap_or(u64::MAX);
        match (decode(&line), bad.take()) {
            (Ok(entry), None) => {
                take(entry).map_err(|reason| damaged(path, number, reason))?;
                extent.sound_bytes += bytes;
            }
            (Ok(_), Some((number, reason))) => return Err(damaged(path, number, reason)),
            (Err(reason), first) => {
                bad = first.or(Some((number, reason)));
                extent.torn_bytes += bytes;
            }
        }
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
struct Record {
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

/// Appends an entry's line.
pub(super) fn encode(entry: &Entry, lines: &mut Vec<u8>) -> io::Result<()> {
    let declined = entry.declined.as_ref();
    let record = Record {
        at: entry.at.millis(),
        key: entry.key.to_string(),
        operation: entry.operation.name().to_owned(),
        payment: entry.payment.to_string(),
        reference: entry.reference.clone(),
        amount: entry.amount.amount,
        currency: entry.amount.currency.code().to_owned(),
        declined: declined.map(|why| RecordedDecline {
            code: why.code.clone(),
            message: why.message.clone(),
        }),
    };
    let operation = serde_json::to_vec(&record)?;
    lines.extend_from_slice(HEAD);
    write!(lines, "{:08x}", crc32c::crc32c(&operation))?;
    lines.extend_from_slice(MIDDLE);
    lines.extend_from_slice(&operation);
    lines.extend_from_slice(TAIL);
    lines.push(b'\n');
    Ok(())
}

fn decode(line: &[u8]) -> Result<Entry, String> {
    let operation = sound(line).ok_or_else(|| "its checksum or form is wrong".to_owned())?;
    let record: Record = serde_json::from_slice(operation).map_err(|error| error.to_string())?;
    let amount = Currency::of(&record.currency).map_err(|error: money::Error| error.to_string())?;
    Ok(Entry {
        at: Timestamp::from_millis(record.at),
        key: OperationKey::parse(record.key).map_err(|error: InvalidKey| error.to_string())?,
        operation: Operation::from_name(&record.operation).ok_or_else(|| {
            format!(
                "its operation {:?} is not known to this release",
                record.operation
            )
        })?,
        payment: Reference::new(record.payment),
        reference: record.reference,
        amount: Money::new(record.amount, amount),
        declined: record.declined.map(|why| Decline {
            code: why.code,
            message: why.message,
        }),
    })
}

/// Returns the bytes of a whole line's operation if they have the checksum that stands before them.
fn sound(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_suffix(b"\n")?.strip_suffix(TAIL)?.strip_prefix(HEAD)?;
    let (digits, rest) = rest.split_at_checked(DIGITS)?;
    let operation = rest.strip_prefix(MIDDLE)?;
    let expected = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (crc32c::crc32c(operation) == expected).then_some(operation)
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
