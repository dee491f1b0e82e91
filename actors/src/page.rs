//! Pages of listings: a limit and an opaque cursor in, items and the next cursor out.

use crate::engine::{Engine, unreadable};
use crate::once::Shown;
use crate::request::Refused;
use crate::runtime::Entities;
use cartwright_domain::{Class, Entity, EntityKey, Kind, Problem};
use cartwright_storage::{KEY_BYTES_MAX, Listed, ListingRow, Position, Scan};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// How many items a page has unless the caller says otherwise.
pub const PAGE_LIMIT_DEFAULT: usize = 20;
/// The most items a page has.
pub const PAGE_LIMIT_MAX: usize = 100;
/// Bytes before the sort value in a cursor: which list it is of.
const HEAD_LENGTH: usize = 2;
/// Bytes behind the sort value in a cursor: the kind's tag and the id.
const TAIL_LENGTH: usize = 17;
/// The most bytes a cursor stands for.
const CURSOR_BYTES_MAX: usize = HEAD_LENGTH + KEY_BYTES_MAX + TAIL_LENGTH;

// What a cursor's first byte says it is of.
const OF_LISTING: u8 = 0;
const OF_UNIQUE: u8 = 1;
const OF_KIND: u8 = 2;
/// An entity's history, which is no list of the store.
const OF_HISTORY: u8 = 3;

/// Which page is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// At most so many items, between 1 and [`PAGE_LIMIT_MAX`].
    pub limit: usize,
    /// The end of the page before.
    pub cursor: Option<Cursor>,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self {
            limit: PAGE_LIMIT_DEFAULT,
            cursor: None,
        }
    }
}

/// Where the next page begins: behind a row of a list, or with a commit of a history. Opaque to callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    list: [u8; HEAD_LENGTH],
    row: ListingRow,
}

impl Cursor {
    fn new(of: Listed, row: ListingRow) -> Self {
        let list = list_of(of);
        Self { list, row }
    }

    /// Returns the row behind which the next page of a list begins. A cursor of another list says nothing about it.
    fn row_of(self, of: Listed, prefix: &[u8], kind: Kind) -> Result<ListingRow, InvalidCursor> {
        let Self { list, row } = self;
        let is_of_list = list == list_of(of) && row.entity.kind == kind && row.sort.starts_with(prefix);
        is_of_list.then_some(row).ok_or(InvalidCursor)
    }
}

impl Cursor {
    /// Makes the cursor of a page of an entity's history that begins with a commit; none where there is no such commit.
    pub(crate) fn of_history(entity: EntityKey, from: Position) -> Option<Self> {
        (from != Position::default()).then(|| Self {
            list: [OF_HISTORY, entity.kind.tag()],
            row: ListingRow {
                sort: from.0.to_be_bytes().to_vec(),
                entity,
            },
        })
    }

    /// Returns the commit that the next page of an entity's history begins with.
    pub(crate) fn position_in_history(self, entity: EntityKey) -> Result<Position, InvalidCursor> {
        let Self { list, row } = self;
        let is_of_list = list == [OF_HISTORY, entity.kind.tag()] && row.entity == entity;
        let position = row.sort.try_into().ok().filter(|_| is_of_list);
        position
            .map(|bytes| Position(u64::from_be_bytes(bytes)))
            .ok_or(InvalidCursor)
    }
}

/// Returns the bytes that stand for a list in a cursor.
const fn list_of(of: Listed) -> [u8; HEAD_LENGTH] {
    match of {
        Listed::Listing(listing) => [OF_LISTING, listing.tag()],
        Listed::Unique(space) => [OF_UNIQUE, space.tag()],
        Listed::Kind(kind) => [OF_KIND, kind.tag()],
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ListingRow { sort, entity } = &self.row;
        let (head, tail) = (&self.list, entity.id.into_bytes());
        for byte in head.iter().chain(sort).chain([&entity.kind.tag()]).chain(&tail) {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// A text that is not a cursor of ours, or one of another list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no cursor of this list; take next_cursor as it was answered, or leave it out to begin again"
)]
pub struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let digits = text.as_bytes();
        if !text.is_ascii()
            || !digits.len().is_multiple_of(2)
            || digits.len() < 2 * (HEAD_LENGTH + TAIL_LENGTH)
            || 2 * CURSOR_BYTES_MAX < digits.len()
        {
            return Err(InvalidCursor);
        }
        let mut bytes = Vec::with_capacity(digits.len() / 2);
        for at in (0..text.len()).step_by(2) {
            bytes.push(u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| InvalidCursor)?);
        }
        let id = bytes.split_off(bytes.len() - 16);
        let tag = bytes.pop().ok_or(InvalidCursor)?;
        let kind = Kind::try_from(tag).map_err(|_| InvalidCursor)?;
        let id = Uuid::from_slice(&id).map_err(|_| InvalidCursor)?;
        let (list, sort) = bytes.split_first_chunk().ok_or(InvalidCursor)?;
        Ok(Self {
            list: *list,
            row: ListingRow {
                sort: sort.to_vec(),
                entity: EntityKey { kind, id },
            },
        })
    }
}

impl From<InvalidCursor> for Problem {
    fn from(invalid: InvalidCursor) -> Self {
        Self::new(Class::Malformed, "page.invalid_cursor", invalid.to_string())
    }
}

/// A page of what a use case shows.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// Where the next page begins, if there may be one.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Changes every item.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(change).collect(),
            next: self.next,
        }
    }
}

/// Which way a list runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// From the first row on.
    Ascending,
    /// From the last row back: the newest first.
    Descending,
}

impl Engine {
    /// Reads a page of a listing, of a space of unique keys, or of a kind, with each row's committed state.
    pub(crate) async fn page<E: Entity>(
        &self,
        entities: &Entities<E>,
        of: impl Into<Listed>,
        prefix: &[u8],
        order: Order,
        page: PageRequest,
    ) -> Result<Page<Shown<E>>, Refused> {
        let of = of.into();
        let after = page.cursor.map(|cursor| cursor.row_of(of, prefix, E::KIND));
        let scan = Scan {
            of,
            prefix: prefix.to_vec(),
            after: after.transpose().map_err(Problem::from)?,
            descending: order == Order::Descending,
            limit: page.limit.clamp(1, PAGE_LIMIT_MAX),
        };
        let found = entities.list(scan).await.map_err(unreadable)?;
        Ok(Page {
            items: found.items,
            next: found.next.map(|row| Cursor::new(of, row)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cartwright_domain::Listing;

    #[test]
    fn a_cursor_is_of_one_list() {
        let (mine, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let row = ListingRow {
            sort: [mine.as_bytes().as_slice(), b"CODE"].concat(),
            entity: EntityKey {
                kind: Kind::CouponCode,
                id: Uuid::from_u128(5),
            },
        };
        let cursor = Cursor::new(Listing::CouponCodes.into(), row.clone());
        let row_of =
            |of: Listing, prefix: &Uuid, kind| cursor.clone().row_of(of.into(), prefix.as_bytes(), kind);
        let kind = Kind::CouponCode;
        assert_eq!(row_of(Listing::CouponCodes, &mine, kind), Ok(row));
        assert_eq!(row_of(Listing::CouponCodes, &other, kind), Err(InvalidCursor));
        assert_eq!(row_of(Listing::Promotions, &mine, kind), Err(InvalidCursor));
        assert_eq!(
            row_of(Listing::CouponCodes, &mine, Kind::Product),
            Err(InvalidCursor)
        );
    }

    #[test]
    fn a_cursor_reads_back_and_nonsense_is_refused() {
        let row = ListingRow {
            sort: b"a\x00\xff".to_vec(),
            entity: EntityKey {
                kind: Kind::Product,
                id: Uuid::from_u128(5),
            },
        };
        let cursor = Cursor::new(Listing::Products.into(), row);
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for nonsense in ["", "zz", "0102", "é", &"0".repeat(35)] {
            assert_eq!(nonsense.parse::<Cursor>(), Err(InvalidCursor), "{nonsense}");
        }
    }
}
