//! Reading tables: comma or tab separated files with a heading, or JSON Lines, each with or without zstd.

mod json_lines;
mod layout;
mod others;
mod quotation;
mod unix_lines;

use anyhow::{Context, bail, ensure};
use json_lines::JsonLines;
use layout::{Layout, foreign};
use quotation::{Misplaced, Watched};
use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use unix_lines::UnixLines;

pub(crate) use layout::delimiter_of;
pub(crate) use others::{Others, nearly, nearly_or_shortened};

/// The first bytes of a zstd frame.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The last three of the first four bytes of a frame that is skipped, with which programs that compress in parallel
/// begin (RFC 8878, section 3.1.2). The first byte is 0x50 to 0x5f.
const SKIPPED_MAGIC: [u8; 3] = [0x2a, 0x4d, 0x18];

/// The bytes some programs put before a UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What is wrong with a row of other bytes than a text's.
const NOT_UTF_8: &str = "it is not UTF-8";

/// What stands behind the last line of a table: a quotation mark that is never closed takes it in. Old programs write it
/// there, too.
const BEHIND_THE_END: &str = "\u{1a}";

/// What is wrong with the row that has taken it in.
const NEVER_CLOSED: &str = "a quotation mark in it is never closed: nothing behind it was read";

/// What is wrong with a row in which one closes a value that goes on.
const MISPLACED: &str = "text stands behind a closing quotation mark: write a mark inside a value twice, and the whole \
                         value between marks";

/// How much is read ahead.
const BUFFER_BYTES: usize = 256 * 1024;

/// How long a row may be: the largest product with all its texts is shorter by far. What is longer is no row, and is not
/// taken into memory.
const ROW_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What is wrong with a file whose row is longer.
const ROW_TOO_LONG: &str =
    "a row is longer than 16 MiB: mostly a quotation mark in it is never closed, or the file is no table";

/// One row: where it stands, and the value of each wanted column, or why it cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The line in the file, from 1.
    pub(crate) line: u64,
    /// The wanted columns' values in the order they were asked for; `None` where there is none.
    pub(crate) values: Result<Vec<Option<String>>, String>,
}

/// A table that is read row by row.
pub(crate) struct Table {
    rows: Rows,
    columns: Vec<Column>,
    bytes_read: Rc<Cell<u64>>,
    /// The file, and the last line that was read of it.
    path: PathBuf,
    line: u64,
}

/// A reader that counts what was read of it.
struct Counted<R> {
    reader: R,
    bytes_read: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.bytes_read.set(
            self.bytes_read
                .get()
                .saturating_add(u64::try_from(read).unwrap_or(u64::MAX)),
        );
        Ok(read)
    }
}

/// A reader that fails where a row does not end.
struct Bounded<R> {
    reader: Counted<R>,
    row_start: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let of_row = self.reader.bytes_read.get().saturating_sub(self.row_start.get());
        if of_row < ROW_BYTES_MAX {
            return self.reader.read(buffer);
        }
        Err(std::io::Error::other(ROW_TOO_LONG))
    }
}

struct Column {
    name: String,
    index: Option<usize>,
}

enum Rows {
    Separated(Separated),
    JsonLines(JsonLines),
}

/// Rows whose values have a separator between.
struct Separated {
    reader: csv::Reader<Box<dyn Read>>,
    record: csv::ByteRecord,
    /// How many columns the heading has.
    width: usize,
    /// How much the table has given to the reader so far, without what stands behind its end.
    length: Rc<Cell<u64>>,
    /// How much of it was before the row that is read.
    row_start: Rc<Cell<u64>>,
    misplaced: Misplaced,
}

/// Which columns a table must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The column's name.
    pub(crate) column: String,
    /// Whether a table without it is refused.
    pub(crate) required: bool,
}

impl Wanted {
    /// Wants a column that must be there.
    pub(crate) fn required(column: &str) -> Self {
        Self {
            column: column.to_owned(),
            required: true,
        }
    }
}

impl Table {
    /// Opens a table and finds its columns.
    ///
    /// # Errors
    /// The file cannot be read, a required column is not in its heading, or one is that must not be. Of JSON Lines each
    /// row says itself what it has.
    pub(crate) fn open(path: &Path, wanted: &[Wanted], others: Others) -> anyhow::Result<Self> {
        let named = || format!("cannot read {}", path.display());
        let bytes_read = Rc::new(Cell::new(0));
        let file = File::open(path).with_context(named)?;
        let mut reader = decompressed(Counted {
            reader: file,
            bytes_read: Rc::clone(&bytes_read),
        })
        .with_context(named)?;
        skip_byte_order_mark(&mut reader).with_context(named)?;
        let start = reader.fill_buf().with_context(named)?;
        let layout = Layout::of(path, start);
        if let Some(reason) = foreign(layout, start) {
            bail!("cannot read {}: {reason}", path.display());
        }
        let (rows, columns) = Self::read(reader, layout, wanted, others).with_context(named)?;
        Ok(Self {
            rows,
            columns,
            bytes_read,
            path: path.to_owned(),
            line: 0,
        })
    }

    fn read(
        reader: Box<dyn BufRead>,
        layout: Layout,
        wanted: &[Wanted],
        others: Others,
    ) -> anyhow::Result<(Rows, Vec<Column>)> {
        let delimiter = match layout {
            Layout::Separated(delimiter) => delimiter,
            Layout::JsonLines => {
                let columns = wanted
                    .iter()
                    .map(|want| Column {
                        name: want.column.clone(),
                        index: None,
                    })
                    .collect();
                return Ok((Rows::JsonLines(JsonLines::of(reader, others)), columns));
            }
        };
        let (length, row_start) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let misplaced = Misplaced::default();
        let lines = Bounded {
            reader: Counted {
                reader: Watched::of(UnixLines::of(reader), delimiter, misplaced.clone()),
                bytes_read: Rc::clone(&length),
            },
            row_start: Rc::clone(&row_start),
        };
        let source: Box<dyn Read> = Box::new(lines.chain(Cursor::new("\n").chain(BEHIND_THE_END.as_bytes())));
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .from_reader(source);
        let heading = match reader.headers() {
            Err(error) if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) => {
                bail!("{NOT_UTF_8}; save it as UTF-8")
            }
            heading => heading.context("its heading")?.clone(),
        };
        ensure!(
            heading.iter().any(|name| !["", BEHIND_THE_END].contains(&name)),
            "it names no columns; its first line must"
        );
        ensure!(
            !misplaced.is_before(reader.position().byte()),
            "its heading: {MISPLACED}"
        );
        let names: Vec<&str> = wanted.iter().map(|want| want.column.as_str()).collect();
        if let Some(want) = wanted
            .iter()
            .find(|want| want.required && others.ignores(&want.column))
        {
            bail!("the column {:?} is needed and cannot be ignored", want.column);
        }
        let is_there = |want: &&Wanted| {
            heading
                .iter()
                .any(|name| name == want.column || (others.alike)(name, &want.column))
        };
        if let Some(want) = wanted
            .iter()
            .filter(|want| want.required)
            .find(|want| !is_there(want))
        {
            bail!(missing(want, &heading));
        }
        if let Some(reason) = others.fault(heading.iter(), &names) {
            bail!(reason);
        }
        let mut columns = Vec::with_capacity(wanted.len());
        for want in wanted {
            let is_wanted = |name: &str| name == want.column && !others.ignores(name);
            let index = heading.iter().position(is_wanted);
            if index.is_none() && want.required {
                bail!(missing(want, &heading));
            }
            let times = heading.iter().filter(|name| *name == want.column).count();
            ensure!(
                times < 2,
                "it has the column {:?} {times} times; leave one",
                want.column
            );
            columns.push(Column {
                name: want.column.clone(),
                index,
            });
        }
        Ok((
            Rows::Separated(Separated {
                reader,
                record: csv::ByteRecord::new(),
                width: heading.len(),
                length,
                row_start,
                misplaced,
            }),
            columns,
        ))
    }

    /// Tells whether rows may have a value in a column.
    pub(crate) fn may_have(&self, column: &str) -> bool {
        let mut columns = self.columns.iter().filter(|own| own.name == column);
        let is_named = columns.any(|own| own.index.is_some());
        is_named || matches!(self.rows, Rows::JsonLines(_))
    }

    /// Returns how much of the file was read so far, for a progress bar.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes_read.get()
    }

    /// Returns the next row.
    ///
    /// # Errors
    /// The file cannot be read on: which, and after which line. A row that cannot be read is not an error but says so
    /// itself.
    pub(crate) fn next_row(&mut self) -> anyhow::Result<Option<Row>> {
        let next = match &mut self.rows {
            Rows::Separated(rows) => rows.next_row(&self.columns),
            Rows::JsonLines(lines) => lines.next_row(&self.columns),
        };
        let (path, line) = (&self.path, self.line);
        let next = next.with_context(|| format!("cannot read {} after line {line}", path.display()))?;
        self.line = next.as_ref().map_or(line, |row| row.line);
        Ok(next)
    }
}

fn missing(want: &Wanted, heading: &csv::StringRecord) -> String {
    let there: Vec<&str> = heading.iter().collect();
    format!(
        "it has no column {:?}; its columns are {}",
        want.column,
        there.join(", ")
    )
}

/// Tells by its first bytes whether a file is compressed.
fn is_compressed(bytes: &[u8]) -> bool {
    match bytes {
        [0x50..=0x5f, rest @ ..] => rest.starts_with(&SKIPPED_MAGIC),
        _ => bytes.starts_with(&ZSTD_MAGIC),
    }
}

fn decompressed(file: Counted<File>) -> std::io::Result<Box<dyn BufRead>> {
    let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
    if is_compressed(file.fill_buf()?) {
        let decoder = zstd::Decoder::with_buffer(file)?;
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder)));
    }
    Ok(Box::new(file))
}

fn skip_byte_order_mark(reader: &mut dyn BufRead) -> std::io::Result<()> {
    if reader.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        reader.consume(BYTE_ORDER_MARK.len());
    }
    Ok(())
}

impl Separated {
    /// Returns the next row.
    fn next_row(&mut self, columns: &[Column]) -> anyhow::Result<Option<Row>> {
        let mut read = self.read()?;
        // As spreadsheets leave them at the end, and old programs.
        while read && (self.record.iter().all(<[u8]>::is_empty) || self.is_end_of_file()) {
            if self.is_at_end() {
                return Ok(None);
            }
            read = self.read()?;
        }
        if !read {
            return Ok(None);
        }
        // The reader stands behind the row; before it there may have been blank lines.
        let behind = self.reader.position().line();
        let mut texts = self.record.iter();
        let is_open = self.is_at_end() && texts.any(|text| text.ends_with(BEHIND_THE_END.as_bytes()));
        let inside = self.record.iter().flatten();
        let lines = inside.filter(|byte| **byte == b'\n').count() + usize::from(!is_open);
        let is_misplaced = self.misplaced.is_before(self.reader.position().byte());
        let values = match (is_open, is_misplaced, lines) {
            (true, _, _) => Err(NEVER_CLOSED.to_owned()),
            (false, true, ..=1) => Err(MISPLACED.to_owned()),
            (false, true, _) => {
                let last = behind.saturating_sub(1);
                Err(format!("it takes in all lines up to {last}, because {MISPLACED}"))
            }
            (false, false, _) => self.values(columns),
        };
        Ok(Some(Row {
            line: behind.saturating_sub(u64::try_from(lines).unwrap_or(u64::MAX)),
            values,
        }))
    }

    /// Reads what stands between here and the end of a line, and tells whether there was anything.
    fn read(&mut self) -> Result<bool, csv::Error> {
        self.row_start.set(self.reader.position().byte());
        self.reader.read_byte_record(&mut self.record)
    }

    /// Reads the values of the row that was read.
    fn values(&mut self, columns: &[Column]) -> Result<Vec<Option<String>>, String> {
        match csv::StringRecord::from_byte_record(std::mem::take(&mut self.record)) {
            Ok(record) => {
                let values = separated_values(&record, self.width, columns);
                self.record = record.into_byte_record();
                values
            }
            Err(_) => Err(NOT_UTF_8.to_owned()),
        }
    }

    /// Tells whether a row is what stands behind the end, or looks so.
    fn is_end_of_file(&self) -> bool {
        self.record.iter().eq([BEHIND_THE_END.as_bytes()])
    }

    /// Tells whether the reader has read what stands behind the end of the table and its line's end.
    fn is_at_end(&self) -> bool {
        self.length.get() + 1 < self.reader.position().byte()
    }
}

fn separated_values(
    record: &csv::StringRecord,
    width: usize,
    columns: &[Column],
) -> Result<Vec<Option<String>>, String> {
    // Not even an empty one more: one that is missing at the end makes room for the second half of a decimal number.
    let there = record.len();
    if there != width {
        return Err(format!("it has {there} values where the heading has {width}"));
    }
    let value = |column: &Column| {
        column
            .index
            .and_then(|index| record.get(index))
            .filter(|text| !text.is_empty())
    };
    Ok(columns
        .iter()
        .map(|column| value(column).map(str::to_owned))
        .collect())
}

#[cfg(test)]
mod tests;
