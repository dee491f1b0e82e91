//! Parameters of an address: `?sku=..`.

use crate::problem::Refused;
use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use cartwright_domain::Class;
use serde::de::DeserializeOwned;

/// The parameters of the address, read.
#[derive(Clone, Debug)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => {
                let message = rejection.body_text();
                Err(Refused::new(Class::Malformed, "request.query_malformed", message))
            }
        }
    }
}
