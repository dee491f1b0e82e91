//! JSON Lines: an object a line, whose members are the columns.

use super::{BEHIND_THE_END, Column, NOT_UTF_8, Others, ROW_BYTES_MAX, ROW_TOO_LONG, Row};
use anyhow::ensure;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;
use std::io::{BufRead, Read};

/// From here on a JSON number has more digits than are kept of it.
const NUMBER_MAX: f64 = 9_007_199_254_740_992.0;

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
        serde_json::from_str(text).map_err(|error| format!("it is not a JSON object: {error}"))?;
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

/// The members of an object, and the first that is given twice.
struct Members {
    object: Map<String, Value>,
    twice: Option<String>,
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Gather)
    }
}

struct Gather;

impl<'de> Visitor<'de> for Gather {
    type Value = Members;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Members, A::Error> {
        let (mut object, mut twice) = (Map::new(), None);
        while let Some((member, value)) = members.next_entry::<String, Value>()? {
            if object.insert(member.clone(), value).is_some() {
                twice.get_or_insert(member);
            }
        }
        Ok(Members { object, twice })
    }
}

/// Returns a value as a file of separated values would hold it: parts have `;` between.
fn written(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(choice) => Ok(choice.to_string()),
        Value::Number(number) => digits(number).ok_or_else(|| format!("write {number} as a text")),
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

/// Returns a number without an exponent, as people write it; nothing for one so large that digits before its point were lost.
/// Of one with more than 17 digits the last are rounded as it is read: in a text all are known.
fn digits(number: &Number) -> Option<String> {
    if !number.is_f64() {
        return Some(number.to_string());
    }
    let value = number.as_f64().filter(|value| value.abs() < NUMBER_MAX);
    value.map(|value| value.to_string())
}
