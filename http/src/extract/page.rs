//! Pages of lists: `?limit=20&cursor=..`.

use crate::problem::Refused;
use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use cartwright_domain::Class;
use serde::Deserialize;
use utoipa::IntoParams;

/// How many items a page has where the caller does not say.
pub const PAGE_LIMIT_DEFAULT: usize = 20;
/// The most items a page may have.
pub const PAGE_LIMIT_MAX: usize = 100;
/// The most characters of a cursor: two for each byte of a listing's row, and its length.
const CURSOR_LENGTH_MAX: usize = 2_048;

/// Which page of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many items at most.
    pub limit: usize,
    /// What the page before gave as `next_cursor`, opaque.
    pub cursor: Option<String>,
}

/// The parameters of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many items, from 1 to 100.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 100, default = 20)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let query = Query::<PageQuery>::from_request_parts(parts, state).await;
        let Query(PageQuery { limit, cursor }) = query.map_err(|_| {
            Refused::new(
                Class::Malformed,
                "request.query_malformed",
                "the query of the address cannot be read",
            )
        })?;
        let limit = match limit {
            None => PAGE_LIMIT_DEFAULT,
            Some(text) => read_limit(&text)?,
        };
        if cursor
            .as_ref()
            .is_some_and(|cursor| CURSOR_LENGTH_MAX < cursor.len())
        {
            return Err(bad_cursor());
        }
        Ok(Self { limit, cursor })
    }
}

/// Refuses a cursor that no list has given.
pub fn bad_cursor() -> Refused {
    Refused::new(
        Class::Malformed,
        "page.cursor_unknown",
        "the cursor is not one that a list has given",
    )
}

fn read_limit(text: &str) -> Result<usize, Refused> {
    let limit = text
        .parse()
        .ok()
        .filter(|limit| (1..=PAGE_LIMIT_MAX).contains(limit));
    let message = format!("limit must be a whole number from 1 to {PAGE_LIMIT_MAX}");
    limit.ok_or_else(|| Refused::new(Class::Malformed, "page.limit_out_of_range", message))
}
