//! The layout of every key in the index, and nothing else.
//!
//! There is one tree; a key's first byte is its table. Within a table keys sort as their rows are read.

use crate::index::Range;
use crate::{Listing, ListingRow, ReceiptKey};
use cartwright_domain::{EntityKey, Kind, ListingKey, Sequence, Timestamp, Unique, UniqueKey};
use std::ops::Bound;
use uuid::Uuid;

/// The most bytes of a unique key's value or of a listing's sort value.
pub const KEY_BYTES_MAX: usize = 512;
/// The most bytes of a receipt's key: whose it is and an `Idempotency-Key` of 255 characters.
pub(crate) const RECEIPT_KEY_BYTES_MAX: usize = 2048;
/// The most bytes of a timer's or a cursor's name.
pub(crate) const NAME_BYTES_MAX: usize = 128;

/// The tables, by the first byte of their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    /// Newest snapshots, by entity.
    Entity,
    /// The newest commit of an entity, where it left the snapshot as it was.
    LastCommit,
    /// Who holds a unique key.
    Unique,
    /// Rows of listings.
    Listing,
    /// Timers, by due time.
    Timer,
    /// Receipts.
    Receipt,
    /// Cursors, by name.
    Cursor,
    /// What the index knows of itself.
    Meta,
}

impl Table {
    /// The tables whose rows are counted: all but [`Table::Meta`].
    pub(crate) const COUNTED: [Self; 7] = [
        Self::Entity,
        Self::LastCommit,
        Self::Unique,
        Self::Listing,
        Self::Timer,
        Self::Receipt,
        Self::Cursor,
    ];

    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Entity => 1,
            Self::LastCommit => 2,
            Self::Unique => 3,
            Self::Listing => 4,
            Self::Timer => 5,
            Self::Receipt => 6,
            Self::Cursor => 7,
            Self::Meta => 8,
        }
    }
}

/// The bytes of an entity's address inside a key.
const ENTITY_BYTES: usize = 17;

fn push_entity(key: &mut Vec<u8>, entity: EntityKey) {
    key.push(entity.kind.tag());
    key.extend_from_slice(entity.id.as_bytes());
}

fn read_entity(bytes: &[u8]) -> Option<EntityKey> {
    let (&tag, id) = bytes.split_first()?;
    Some(EntityKey {
        kind: Kind::try_from(tag).ok()?,
        id: Uuid::from_slice(id).ok()?,
    })
}

/// Appends bytes so that they sort as they did and end visibly: a zero becomes `00 ff`, the end is `00 00`.
fn push_escaped(key: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        key.push(byte);
        if byte == 0 {
            key.push(0xff);
        }
    }
}

const END: [u8; 2] = [0, 0];

/// Undoes [`push_escaped`]; returns the bytes and what follows their end.
fn read_escaped(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        let (&byte, after) = rest.split_first()?;
        if byte != 0 {
            plain.push(byte);
            rest = after;
            continue;
        }
        let (&mark, after) = after.split_first()?;
        match mark {
            0 => return Some((plain, after)),
            0xff => plain.push(0),
            _ => return None,
        }
        rest = after;
    }
}

pub(crate) fn entity(entity: EntityKey) -> Vec<u8> {
    entities(entity.kind, entity.id.as_bytes())
}

/// The start of the key of every entity of a kind whose id starts with `id`.
pub(crate) fn entities(kind: Kind, id: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + ENTITY_BYTES);
    key.extend_from_slice(&[Table::Entity.byte(), kind.tag()]);
    key.extend_from_slice(id);
    key
}

/// The kind whose entities are read by a range that begins with a key of [`entity`] or [`entities`].
pub(crate) fn kind_of((start, _): &Range) -> Option<Kind> {
    match start {
        Bound::Included(key) | Bound::Excluded(key) => match key.as_slice() {
            [table, tag, ..] if *table == Table::Entity.byte() => Kind::try_from(*tag).ok(),
            _ => None,
        },
        Bound::Unbounded => None,
    }
}

/// The entity of a key that [`entity`] made.
pub(crate) fn read_entity_row(key: &[u8]) -> Option<EntityKey> {
    read_entity(key.get(1..)?)
}

pub(crate) fn last_commit(entity: EntityKey) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + ENTITY_BYTES);
    key.push(Table::LastCommit.byte());
    push_entity(&mut key, entity);
    key
}

pub(crate) fn unique(unique: &UniqueKey) -> Vec<u8> {
    unique_row(unique.space, &unique.value)
}

/// A key of a space of unique keys, and the start of every one whose value starts with `value`.
pub(crate) fn unique_row(space: Unique, value: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(2 + value.len());
    key.extend_from_slice(&[Table::Unique.byte(), space.tag()]);
    key.extend_from_slice(value);
    key
}

/// The value of a key that [`unique_row`] made.
pub(crate) fn read_unique(key: &[u8]) -> Option<&[u8]> {
    key.get(2..)
}

/// The space in which the numbers of a sequence stand as unique keys, big-endian. The last row tells the last
/// number drawn.
pub(crate) const fn sequence_space(sequence: Sequence) -> Unique {
    match sequence {
        Sequence::Order => Unique::OrderNumber,
        Sequence::Toy => Unique::Toy,
    }
}

/// The number of a key in a [`sequence_space`].
pub(crate) fn sequence_number(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(read_unique(key)?.try_into().ok()?))
}

pub(crate) fn listing(row: &ListingKey, entity: EntityKey) -> Vec<u8> {
    listing_row(row.listing, &row.sort, entity)
}

pub(crate) fn listing_row(listing: Listing, sort: &[u8], entity: EntityKey) -> Vec<u8> {
    let mut key = listing_prefix(listing, sort);
    key.extend_from_slice(&END);
    push_entity(&mut key, entity);
    key
}

/// The start of every row of a listing whose sort value starts with `prefix`.
pub(crate) fn listing_prefix(listing: Listing, prefix: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(2 + prefix.len() + END.len() + ENTITY_BYTES);
    key.extend_from_slice(&[Table::Listing.byte(), listing.tag()]);
    push_escaped(&mut key, prefix);
    key
}

pub(crate) fn read_listing_row(key: &[u8]) -> Option<ListingRow> {
    let (sort, entity) = read_escaped(key.get(2..)?)?;
    Some(ListingRow {
        sort,
        entity: read_entity(entity)?,
    })
}

/// Signed milliseconds, so that they sort.
fn sortable(at: Timestamp) -> u64 {
    at.millis().cast_unsigned() ^ (1 << 63)
}

pub(crate) fn timer(due: Timestamp, entity: EntityKey, name: &str) -> Vec<u8> {
    let mut key = timers_from(due);
    push_entity(&mut key, entity);
    key.extend_from_slice(name.as_bytes());
    key
}

/// Sorts before every timer due at `due` or later, and after every earlier one.
pub(crate) fn timers_from(due: Timestamp) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    key.push(Table::Timer.byte());
    key.extend_from_slice(&sortable(due).to_be_bytes());
    key
}

pub(crate) fn read_timer(key: &[u8]) -> Option<crate::DueTimer> {
    let due = u64::from_be_bytes(key.get(1..9)?.try_into().ok()?) ^ (1 << 63);
    let entity = read_entity(key.get(9..9 + ENTITY_BYTES)?)?;
    let name = std::str::from_utf8(key.get(9 + ENTITY_BYTES..)?).ok()?;
    Some(crate::DueTimer {
        due: Timestamp::from_millis(due.cast_signed()),
        entity,
        name: name.to_owned(),
    })
}

pub(crate) fn receipt(receipt: &ReceiptKey) -> Vec<u8> {
    let mut row = Vec::with_capacity(128);
    row.push(Table::Receipt.byte());
    match receipt {
        ReceiptKey::Caller { caller, key } => {
            row.push(1);
            push_escaped(&mut row, caller.as_bytes());
            row.extend_from_slice(&END);
            row.extend_from_slice(key.as_bytes());
        }
        ReceiptKey::Step {
            saga,
            step,
            participant,
        } => {
            row.push(2);
            push_entity(&mut row, *saga);
            push_entity(&mut row, *participant);
            row.extend_from_slice(step.as_bytes());
        }
    }
    row
}

pub(crate) fn cursor(name: &str) -> Vec<u8> {
    let mut key = vec![Table::Cursor.byte()];
    key.extend_from_slice(name.as_bytes());
    key
}

/// Where the index says how far it goes.
pub(crate) fn mark() -> Vec<u8> {
    vec![Table::Meta.byte(), 1]
}

/// The first key that does not start with `prefix`, if there is one.
pub(crate) fn past(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn toy(id: u128) -> EntityKey {
        EntityKey {
            kind: Kind::Toy,
            id: Uuid::from_u128(id),
        }
    }

    proptest! {
        #[test]
        fn listing_rows_sort_as_their_parts_and_read_back(
            a in proptest::collection::vec(any::<u8>(), 0..6),
            b in proptest::collection::vec(any::<u8>(), 0..6),
            (x, y) in (any::<u128>(), any::<u128>()),
        ) {
            let left = listing_row(Listing::Toy, &a, toy(x));
            let right = listing_row(Listing::Toy, &b, toy(y));
            prop_assert_eq!(left.cmp(&right), (&a, toy(x)).cmp(&(&b, toy(y))));
            prop_assert_eq!(read_listing_row(&left), Some(ListingRow { sort: a.clone(), entity: toy(x) }));
            prop_assert_eq!(left.starts_with(&listing_prefix(Listing::Toy, &b)), a.starts_with(&b));
        }

        #[test]
        fn timers_sort_by_due_time_and_read_back(a in any::<i64>(), b in any::<i64>()) {
            let left = timer(Timestamp::from_millis(a), toy(1), "expire");
            let right = timer(Timestamp::from_millis(b), toy(1), "expire");
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
            let read = read_timer(&left).map(|timer| (timer.due.millis(), timer.entity, timer.name));
            prop_assert_eq!(read, Some((a, toy(1), "expire".to_owned())));
        }
    }

    #[test]
    fn the_end_of_a_prefix_is_the_next_prefix() {
        assert_eq!(past(&[3, 1]), Some(vec![3, 2]));
        assert_eq!(past(&[3, 0xff]), Some(vec![4]));
        assert_eq!(past(&[0xff, 0xff]), None);
    }
}
