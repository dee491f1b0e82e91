//! Ids on the wire: their text, as in `plist_0192f3a4b5c67d8e9fa0b1c2d3e4f506`. For `#[serde(with = "id_text")]`.

use serde::{Deserialize, Deserializer, Serializer};
use std::fmt::Display;
use std::str::FromStr;

pub(crate) fn serialize<I: Display, S: Serializer>(id: &I, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

pub(crate) fn deserialize<'de, I: FromStr<Err: Display>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<I, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}
