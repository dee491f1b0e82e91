//! Pages of lists: `?limit=20&cursor=..`.

use super::Params;
use crate::problem::Refused;
use axum::{extract::FromRequestParts, http::request::Parts};
use cartwright_actors::page::{Cursor, PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX, PageRequest};
use cartwright_domain::{Class, Problem};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which page of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page(pub PageRequest);

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
        let Params(PageQuery { limit, cursor }) = Params::from_request_parts(parts, state).await?;
        let limit = match limit {
            None => PAGE_LIMIT_DEFAULT,
            Some(text) => read_limit(&text)?,
        };
        let cursor = cursor.map(|cursor| cursor.parse::<Cursor>()).transpose();
        let cursor = cursor.map_err(Problem::from)?;
        Ok(Self(PageRequest { limit, cursor }))
    }
}

fn read_limit(text: &str) -> Result<usize, Refused> {
    let limit = text
        .parse()
        .ok()
        .filter(|limit| (1..=PAGE_LIMIT_MAX).contains(limit));
    let message = format!("limit must be a whole number from 1 to {PAGE_LIMIT_MAX}");
    limit.ok_or_else(|| Refused::new(Class::Malformed, "page.limit_out_of_range", message))
}
