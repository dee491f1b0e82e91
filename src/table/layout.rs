//! How tables are written, as far as their names and first bytes tell.

use anyhow::bail;
use std::path::Path;

/// The first bytes of what gzip writes.
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

/// The first bytes of a workbook, which is a ZIP archive.
const ZIP_MAGIC: &[u8] = b"PK\x03\x04";

/// The first bytes of a UTF-16 text.
const UTF_16_MARKS: [&[u8]; 2] = [&[0xff, 0xfe], &[0xfe, 0xff]];

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Separated(u8),
    JsonLines,
}

impl Layout {
    /// Tells the layout by the name's ending, and by the first line where the name does not say.
    pub(super) fn of(path: &Path, start: &[u8]) -> Self {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
            .to_lowercase();
        let name = name.strip_suffix(".zst").unwrap_or(&name);
        match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("csv") => Self::Separated(comma_of(start)),
            Some("tsv") => Self::Separated(b'\t'),
            Some("jsonl" | "ndjson") => Self::JsonLines,
            _ => {
                let first = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
                if first.trim_ascii_start().starts_with(b"{") {
                    Self::JsonLines
                } else if first.contains(&b'\t') {
                    // Also where there are commas: without a name's ending either may be meant, and prices have commas.
                    Self::Separated(b'\t')
                } else {
                    Self::Separated(comma_of(start))
                }
            }
        }
    }
}

/// Returns what stands between the columns of a table that is written to a file of this name, so that it is read as what
/// it is.
///
/// # Errors
/// The name is one of a file that is written otherwise.
pub(crate) fn delimiter_of(path: &Path) -> anyhow::Result<u8> {
    let is_compressed = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("zst"));
    let ending = path
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or_default();
    let is_table = ["", "csv", "tsv", "txt"].contains(&&*ending.to_lowercase());
    match Layout::of(path, b"") {
        Layout::Separated(delimiter) if is_table && !is_compressed => Ok(delimiter),
        Layout::Separated(_) | Layout::JsonLines => bail!(
            "{} would be read as something else than is written; call it .csv or .tsv",
            path.display()
        ),
    }
}

/// Says of what else stands in files how it becomes a table.
pub(super) fn foreign(layout: Layout, start: &[u8]) -> Option<&'static str> {
    let starts = |with: &[u8]| start.starts_with(with);
    if starts(GZIP_MAGIC) {
        Some("it is compressed with gzip; unpack it, or compress it with zstd")
    } else if starts(ZIP_MAGIC) {
        Some("it is a workbook or an archive; save its table as CSV in UTF-8")
    } else if UTF_16_MARKS.iter().any(|mark| starts(mark)) || start.iter().take(2).any(|byte| *byte == 0) {
        Some("it is UTF-16; save it as UTF-8")
    } else if layout != Layout::JsonLines && start.trim_ascii_start().starts_with(b"[") {
        Some("it is a list in JSON; write its objects one a line, in a file called .jsonl")
    } else {
        None
    }
}

/// Returns what stands between the columns of a heading: a semicolon where commas are in numbers, and a tab where there is
/// neither.
fn comma_of(start: &[u8]) -> u8 {
    let mut lines = start.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let heading = lines.find(|line| !line.is_empty()).unwrap_or_default();
    // What is between quotation marks separates nothing.
    let outside = heading.split(|byte| *byte == b'"').step_by(2);
    let outside: Vec<u8> = outside.flatten().copied().collect();
    let first = [b',', b';', b'\t']
        .into_iter()
        .find(|comma| outside.contains(comma));
    first.unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_written_as_its_name_says() {
        let check = |name: &str, expected: Option<u8>| {
            assert_eq!(delimiter_of(Path::new(name)).ok(), expected, "{name}");
        };
        check("codes.csv", Some(b','));
        check("codes.TSV", Some(b'\t'));
        check("codes", Some(b','));
        check("codes.jsonl", None);
        check("codes.csv.zst", None);
        check("codes.json", None);
    }
}
