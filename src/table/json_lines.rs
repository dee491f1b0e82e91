//! JSON Lines: an object a line, whose members are the columns.

use super::misspelled::misspelled;
use super::{Alike, Column, NOT_UTF_8, Row};
use serde_json::{Map, Number, Value};
use std::io::BufRead;

/// From here on a JSON number has more digits than are kept of it.
const NUMBER_MAX: f64 = 9_007_199_254_740_992.0;

/// See the module.
pub(super) struct JsonLines {
    reader: Box<dyn BufRead>,
    alike: Alike,
    /// The line that was read last, and its number.
    bytes: Vec<u8>,
    line: u64,
}

impl JsonLines {
    /// Reads so from a reader.
    pub(super) fn of(reader: Box<dyn BufRead>, alike: Alike) -> Self {
        Self {
            reader,
            alike,
            bytes: Vec::new(),
            line: 0,
        }
    }

    /// Returns the next row.
    pub(super) fn next_row(&mut self, columns: &[Column]) -> anyhow::Result<Option<Row>> {
        loop {
            self.bytes.clear();
            self.line += 1;
            if self.reader.read_until(b'\n', &mut self.bytes)? == 0 {
                return Ok(None);
            }
            if !self.bytes.trim_ascii().is_empty() {
                let text = std::str::from_utf8(&self.bytes).map_err(|_| NOT_UTF_8.to_owned());
                return Ok(Some(Row {
                    line: self.line,
                    values: text.and_then(|text| values(text, columns, self.alike)),
                }));
            }
        }
    }
}

fn values(text: &str, columns: &[Column], alike: Alike) -> Result<Vec<Option<String>>, String> {
    let object: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| format!("it is not a JSON object: {error}"))?;
    let mut values = Vec::with_capacity(columns.len());
    for column in columns {
        values.push(match object.get(&column.name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()).filter(|text| !text.is_empty()),
            Some(Value::Number(number)) => {
                let digits = digits(number);
                Some(digits.ok_or_else(|| format!("{}: write {number} as a text", column.name))?)
            }
            Some(other) => return Err(format!("{} is neither text nor number: {other}", column.name)),
        });
    }
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    match misspelled(object.keys().map(String::as_str), &names, alike) {
        Some(reason) => Err(reason),
        None => Ok(values),
    }
}

/// Returns a number without an exponent, as people write it; nothing for one whose digits are not all known.
fn digits(number: &Number) -> Option<String> {
    if !number.is_f64() {
        return Some(number.to_string());
    }
    let value = number.as_f64().filter(|value| value.abs() < NUMBER_MAX);
    value.map(|value| value.to_string())
}
