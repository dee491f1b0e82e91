//! JSON Lines: an object a line, whose members are the columns.

use super::{BEHIND_THE_END, Column, NOT_UTF_8, Others, ROW_BYTES_MAX, ROW_TOO_LONG, Row};
use anyhow::ensure;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::io::{BufRead, Read};

/// How far the exponent of a number may move its point: what is further away is no price, and no number of anything.
const EXPONENT_MAX: u32 = 30;

/// See the module.
pub(super) struct JsonLines {
    reader: Box<dyn BufRead>,
    others: Others,
    /// The line that was read last, and its number.
    bytes: Vec<u8>,
    line: u64,
}

impl JsonLines {
    /// Reads so from a reader.
    pub(super) fn of(reader: Box<dyn BufRead>, others: Others) -> Self {
        Self {
            reader,
            others,
            bytes: Vec::new(),
            line: 0,
        }
    }

    /// Returns the next row.
    pub(super) fn next_row(&mut self, columns: &[Column]) -> anyhow::Result<Option<Row>> {
        loop {
            self.bytes.clear();
            self.line += 1;
            let mut row = (&mut self.reader).take(ROW_BYTES_MAX);
            if row.read_until(b'\n', &mut self.bytes)? == 0 {
                return Ok(None);
            }
            ensure!(row.limit() > 0 || self.bytes.ends_with(b"\n"), ROW_TOO_LONG);
            // Blank, or what old programs write at the end.
            if !["".as_bytes(), BEHIND_THE_END.as_bytes()].contains(&self.bytes.trim_ascii()) {
                let text = std::str::from_utf8(self.bytes.trim_ascii_end()).map_err(|_| NOT_UTF_8.to_owned());
                return Ok(Some(Row {
                    line: self.line,
                    values: text.and_then(|text| values(text, columns, &self.others)),
                }));
            }
        }
    }
}

fn values(text: &str, columns: &[Column], others: &Others) -> Result<Vec<Option<String>>, String> {
    let Members { object, twice } =
        Members::of(text).map_err(|error| format!("it is not a JSON object: {error}"))?;
    if let Some(member) = twice {
        return Err(format!("{member} is given twice"));
    }
    let mut values = Vec::with_capacity(columns.len());
    for column in columns {
        let is_there = |value: &&Value| !value.is_null() && !others.ignores(&column.name);
        let value = object.get(&column.name).filter(is_there);
        let text = value.map(|value| written(value).map_err(|reason| format!("{}: {reason}", column.name)));
        values.push(text.transpose()?.filter(|text| !text.is_empty()));
    }
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    match others.fault(object.keys().map(String::as_str), &names) {
        Some(reason) => Err(reason),
        None => Ok(values),
    }
}

/// The members of an object, numbers as texts of their digits, and the first that is given twice.
struct Members {
    object: Map<String, Value>,
    twice: Option<String>,
}

impl Members {
    fn of(text: &str) -> Result<Self, serde_json::Error> {
        let written = AsWritten::of(text);
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let members = deserializer.deserialize_map(Gather { written })?;
        deserializer.end()?;
        Ok(members)
    }
}

/// Reads an object whose values are written so.
struct Gather<'a> {
    written: AsWritten<'a>,
}

impl<'de> Visitor<'de> for Gather<'_> {
    type Value = Members;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Members, A::Error> {
        let (mut object, mut twice) = (Map::new(), None);
        while let Some((member, mut value)) = members.next_entry::<String, Value>()? {
            let written = self.written.next();
            if let Some(digits) = written.filter(|_| value.is_number()).and_then(digits) {
                value = Value::String(digits);
            }
            if object.insert(member.clone(), value).is_some() {
                twice.get_or_insert(member);
            }
        }
        Ok(Members { object, twice })
    }
}

/// The values of an object's own members as they are written, one after the other. Of what is no object they are anything.
struct AsWritten<'a> {
    /// What stands behind the value before, or behind the object's beginning.
    rest: &'a str,
}

impl<'a> AsWritten<'a> {
    fn of(text: &'a str) -> Self {
        let rest = text.split_once('{').map_or("", |(_, rest)| rest);
        Self { rest }
    }
}

impl<'a> Iterator for AsWritten<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest;
        let (mut begin, mut depth) = (0, 0_usize);
        let (mut is_in_text, mut is_escaped) = (false, false);
        for (at, byte) in rest.bytes().enumerate() {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = is_in_text,
                b'"' => is_in_text = !is_in_text,
                _ if is_in_text => {}
                b':' if depth == 0 => begin = at + 1,
                b',' | b'}' if depth == 0 => {
                    self.rest = &rest[at + 1..];
                    return Some(rest[begin..at].trim());
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        None
    }
}

/// Returns a value as a file of separated values would hold it: parts have `;` between.
fn written(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(choice) => Ok(choice.to_string()),
        Value::Number(number) => Err(format!("write {number} as a text")),
        Value::Array(parts) if !parts.is_empty() && parts.iter().all(is_part) => {
            let parts: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
            Ok(parts.join(";"))
        }
        other => Err(format!(
            "{other} is neither text nor number, yes or no, or a list of texts"
        )),
    }
}

fn is_part(value: &Value) -> bool {
    value.as_str().is_some_and(|part| !part.contains(';'))
}

/// Returns a JSON number without an exponent and without noughts at the end of its fraction, as people write it. All other
/// digits are there as they are written; nothing for one whose exponent is above [`EXPONENT_MAX`].
fn digits(number: &str) -> Option<String> {
    let (number, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    if EXPONENT_MAX < exponent.unsigned_abs() {
        return None;
    }
    let noughts = "0".repeat(usize::try_from(exponent.unsigned_abs()).ok()?);
    let (sign, number) = number
        .strip_prefix('-')
        .map_or(("", number), |number| ("-", number));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let (digits, point) = if exponent < 0 {
        (format!("{noughts}{whole}{fraction}"), whole.len())
    } else {
        (format!("{whole}{fraction}{noughts}"), whole.len() + noughts.len())
    };
    let (whole, fraction) = digits.split_at_checked(point)?;
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}
