//! Parameters of an address: `?sku=..`.

use super::wording;
use crate::problem::Refused;
use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use cartwright_domain::{Class, Problem, Refusal, error::FieldErrors};
use serde::de::DeserializeOwned;

/// What axum says before what is wrong.
const SAID_FIRST: &str = "Failed to deserialize query string: ";

/// The parameters of the address, read.
#[derive(Clone, Debug)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(unreadable(&rejection.body_text())),
        }
    }
}

/// Returns the refusal of a query, naming the parameter. All parameters are texts: one can be missing, or given twice.
fn unreadable(said: &str) -> Refused {
    let said = said.strip_prefix(SAID_FIRST).unwrap_or(said);
    let field = wording::missing(said).or(wording::duplicate(said));
    let pointer = field.map(|field| format!("/{field}")).unwrap_or_default();
    let mut errors = FieldErrors::default();
    match wording::missing(said) {
        Some(_) => errors.add(pointer, "missing", "this parameter must be given"),
        None => errors.add(pointer, "wrong_type", wording::plain(said)),
    }
    let unreadable = Problem {
        class: Class::Malformed,
        code: "request.query_malformed".to_owned(),
        ..errors.problem()
    };
    unreadable.into()
}
