//! Lists: some items, and where the next ones begin.

use cartwright_actors::page::{Cursor, Page};
use serde::Serialize;
use utoipa::ToSchema;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The items, in the order of the list.
    pub(crate) items: Vec<T>,
    /// What to send as `cursor` for the next page; `null` at the end.
    pub(crate) next_cursor: Option<String>,
}

impl<T> List<T> {
    /// Writes a page.
    pub(crate) fn of<V>(page: &Page<V>) -> Self
    where
        T: for<'v> From<&'v V>,
    {
        Self {
            items: page.items.iter().map(T::from).collect(),
            next_cursor: page.next.as_ref().map(Cursor::to_string),
        }
    }

    /// Writes all there is.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self {
            items,
            next_cursor: None,
        }
    }
}
