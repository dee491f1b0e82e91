//! Rows of an import as they were sent: each is judged by itself later, and no more are kept than one call takes.

use cartwright_actors::import::ROWS_MAX;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};
use std::fmt;

/// Rows as they were sent.
#[derive(Debug)]
pub(crate) struct Rows {
    /// The first of them, in their order.
    pub(crate) kept: Vec<SentRow>,
    /// How many there were.
    pub(crate) sent: usize,
}

/// A row as it was sent.
#[derive(Debug)]
pub(crate) struct SentRow {
    /// What it holds.
    pub(crate) value: Value,
    /// The first of its fields that was given twice, with those that it is in.
    pub(crate) twice: Option<String>,
}

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(KeepSome)
    }
}

/// Keeps the first rows and counts all.
struct KeepSome;

impl<'de> Visitor<'de> for KeepSome {
    type Value = Rows;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Rows, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < ROWS_MAX {
            let mut twice = None;
            let Some(value) = list.next_element_seed(Noting(&mut twice))? else {
                break;
            };
            kept.push(SentRow { value, twice });
        }
        let mut sent = kept.len();
        while list.next_element::<IgnoredAny>()?.is_some() {
            sent += 1;
        }
        Ok(Rows { kept, sent })
    }
}

/// Reads any value, and notes the first field that is given twice, of which the value holds the last.
struct Noting<'a>(&'a mut Option<String>);

impl<'de> DeserializeSeed<'de> for Noting<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Noting<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(Noting(self.0))? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(field) = object.next_key::<String>()? {
            let mut within = None;
            let value = object.next_value_seed(Noting(&mut within))?;
            let within = within.map(|within| format!("{field}.{within}"));
            let twice = within.or_else(|| fields.contains_key(&field).then(|| field.clone()));
            *self.0 = self.0.take().or(twice);
            fields.insert(field, value);
        }
        Ok(Value::Object(fields))
    }
}
