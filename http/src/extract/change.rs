//! Bodies of changes: what is absent stays, and `null` clears.

use super::json::{Json, bad_fields, malformed, read, refuse};
use super::objects::Objects;
use crate::problem::Refused;
use axum::extract::{FromRequest, Request};
use cartwright_domain::error::FieldErrors;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a `PATCH` may send.
pub(crate) trait Change: DeserializeOwned {
    /// Returns what `null` makes of a field.
    fn null(field: &str) -> Null;
}

/// What `null` makes of a field of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Null {
    /// The field itself tells `null` from being absent, or there is no such field.
    Read,
    /// It becomes what it is where nobody says otherwise: an empty list, a default.
    Becomes(Value),
    /// It cannot be without a value.
    Refused,
}

/// The body of a `PATCH`.
#[derive(Clone, Debug)]
pub(crate) struct Changes<T>(pub(crate) Json<T>);

impl<T: Change, S: Send + Sync> FromRequest<S> for Changes<T> {
    type Rejection = Refused;
    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        Json::read_by(read_change, request, state).await.map(Self)
    }
}

/// Reads a change in which each `null` stands for what it makes of its field.
fn read_change<T: Change>(bytes: &[u8]) -> Result<T, Refused> {
    let as_sent = read(bytes);
    // What is passed over may be nothing that a value could be made of, such as half of a surrogate pair.
    let nulls: Result<BTreeMap<String, Option<IgnoredAny>>, _> = serde_json::from_slice(bytes);
    if nulls.is_ok_and(|fields| fields.values().all(Option::is_some)) {
        return as_sent;
    }
    let mut fields = match serde_json::from_slice(bytes) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => return as_sent,
        Err(error) => return Err(refuse::<T>(bytes, &error)),
    };
    let mut errors = FieldErrors::default();
    for (name, value) in fields.iter_mut().filter(|(_, value)| value.is_null()) {
        match T::null(name) {
            Null::Read => {}
            Null::Becomes(other) => *value = other,
            Null::Refused => {
                let message = "cannot be cleared: leave it out, and it stays as it is";
                errors.add(format!("/{name}"), "not_clearable", message);
            }
        }
    }
    if !errors.is_empty() {
        bad_fields::<T>(fields, &mut errors);
        return Err(malformed(&errors));
    }
    as_sent?;
    T::deserialize(Objects(Value::Object(fields))).map_err(|error| refuse::<T>(bytes, &error))
}
