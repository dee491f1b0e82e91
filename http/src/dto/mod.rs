//! Wire types that several areas share. They are never stored.

mod address;
pub(crate) mod as_text;
mod header;
mod import;
mod list;
mod money;
mod span;
mod tax;
mod territory;
mod texts;
mod time;

pub(crate) use address::{Address, AddressInput};
pub(crate) use header::{IdempotencyKeyHeader, IfMatchHeader, PreferHeader, RequiredIdempotencyKeyHeader};
pub(crate) use import::{Imported, RowEnd, RowOutcome, Sent, unreadable};
pub(crate) use list::List;
pub(crate) use money::{Money, Price, PriceInput, unless_zero};
pub(crate) use span::Span;
pub(crate) use tax::Tax;
pub(crate) use territory::{Territory, TerritoryInput};
pub(crate) use texts::Texts;
pub(crate) use time::Time;
pub use time::instant;

use serde::{Deserialize, Deserializer};

/// Tells a field that is `null` from one that is absent: use with `default` on an `Option<Option<T>>`.
///
/// # Errors
/// What the field's own type says.
pub(crate) fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
