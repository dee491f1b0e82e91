//! Bodies: JSON with errors that point at the field.

use super::objects::Objects;
use super::wording::{duplicate, missing, plain};
use crate::layer::BODY_TOO_LARGE;
use crate::problem::Refused;
use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use cartwright_domain::{Class, Problem, Refusal, error::FieldErrors, error::segment};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment};
use std::collections::BTreeSet;

/// What an empty body is read as, so that what is missing is named, and a body without required fields may be left
/// out.
const EMPTY: &[u8] = b"{}";

/// A body, read, and the bytes it was read from, for the fingerprint of an idempotent request.
#[derive(Clone, Debug)]
pub struct Json<T> {
    /// What was sent.
    pub value: T,
    /// As it was sent.
    pub bytes: Bytes,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Refused;
    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        Self::read_by(read, request, state).await
    }
}

impl<T> Json<T> {
    /// Takes the body of a request and reads it in a way of one's own.
    pub(super) async fn read_by<S: Send + Sync>(
        read: fn(&[u8]) -> Result<T, Refused>,
        request: Request,
        state: &S,
    ) -> Result<Self, Refused> {
        let is_json = is_json(request.headers());
        let is_identity = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"identity");
        let is_chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
        let headers = request.headers();
        let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
        // The connection undoes chunks, once, and nothing else.
        let mut of_transfer = headers.get_all(header::TRANSFER_ENCODING).iter();
        let is_plain = of_transfer.next().is_none_or(is_chunked) && of_transfer.next().is_none();
        if !codings.all(is_identity) || !is_plain {
            let message = "the body must be JSON as it is, without a Content-Encoding or a Transfer-Encoding but chunked";
            return Err(Refused::of_protocol(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "request.encoded",
                message,
            ));
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| unread(rejection.status()))?;
        if bytes.is_empty() {
            return Ok(Self {
                value: read(EMPTY)?,
                bytes,
            });
        }
        if !is_json {
            let message = "the body must be JSON, with the header Content-Type: application/json";
            return Err(Refused::of_protocol(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "request.not_json",
                message,
            ));
        }
        Ok(Self {
            value: read(&bytes)?,
            bytes,
        })
    }
}

/// The bytes of a body that says nothing here: only by them a repeated key is told from another request.
#[derive(Clone, Debug)]
pub struct Unread(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Unread {
    type Rejection = Refused;
    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let bytes = Bytes::from_request(request, state).await;
        bytes.map(Self).map_err(|rejection| unread(rejection.status()))
    }
}

/// Media types that say how a change is to be read, and otherwise than it is here.
const PATCH_FORMATS: [&str; 2] = ["application/merge-patch+json", "application/json-patch+json"];

fn is_json(headers: &HeaderMap) -> bool {
    const JSON: &str = "application/json";
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return false;
    };
    // As nearly everybody says it.
    if value == JSON {
        return true;
    }
    let value = value.to_str().unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    if PATCH_FORMATS.contains(&kind.as_str()) {
        return false;
    }
    kind == JSON || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn unread(status: StatusCode) -> Refused {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return Refused::new(Class::TooLarge, "request.too_large", BODY_TOO_LARGE);
    }
    Refused::new(
        Class::Malformed,
        "request.body_cut",
        "the request's body could not be read to its end",
    )
}

pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refused> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = T::deserialize(Objects(&mut deserializer));
    read.and_then(|read| deserializer.end().map(|()| read))
        .map_err(|error| refuse::<T>(bytes, &error))
}

/// Returns the refusal of a body that cannot be read, naming every field of it that cannot. The body is read again for
/// it: nearly all bodies are sound.
pub(super) fn refuse<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error) -> Refused {
    let sent: Value = match serde_json::from_slice(bytes) {
        Ok(sent) => sent,
        Err(error) => {
            let message = format!("the body cannot be read as JSON: {}", in_words(&error));
            return Refused::new(Class::Malformed, "request.malformed_json", message);
        }
    };
    let mut errors = FieldErrors::default();
    let mut place = String::new();
    if let Value::Object(fields) = sent {
        bad_fields::<T>(fields, &mut errors);
        place = self::place::<T>(bytes);
    }
    if errors.is_empty() {
        // No field by itself is to blame.
        add(place, &what_is_wrong(error), &mut errors);
    }
    malformed(&errors)
}

/// Returns what is wrong, and where.
fn in_words(error: &serde_json::Error) -> String {
    let (what, line, column) = (what_is_wrong(error), error.line(), error.column());
    format!("{what}, line {line}, column {column}")
}

/// Returns what is wrong, without the place.
fn what_is_wrong(error: &serde_json::Error) -> String {
    let whole = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    whole.strip_suffix(&place).unwrap_or(&whole).to_owned()
}

/// Returns the refusal of a body with fields that cannot be understood.
pub(crate) fn malformed(errors: &FieldErrors) -> Refused {
    let problem = Problem {
        class: Class::Malformed,
        ..errors.problem()
    };
    problem.into()
}

/// Adds the fields that cannot be read, each looked at by itself, and the first that is missing.
pub(super) fn bad_fields<T: DeserializeOwned>(fields: Map<String, Value>, errors: &mut FieldErrors) {
    let mut good = Map::new();
    let mut bad = BTreeSet::new();
    for (name, value) in fields {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        match serde_path_to_error::deserialize::<_, T>(Objects(Value::Object(alone))) {
            Err(error) if error.path().iter().next().is_some() => {
                add(pointer(error.path()), &error.inner().to_string(), errors);
                bad.insert(name);
            }
            // What else is said is said of the others, which were not there.
            Ok(_) | Err(_) => drop(good.insert(name, value)),
        }
    }
    if let Err(error) = T::deserialize(Objects(Value::Object(good))) {
        let message = error.to_string();
        if missing(&message).is_some_and(|field| !bad.contains(field)) {
            add(String::new(), &message, errors);
        }
    }
}

/// Adds what serde says of the value at `place`.
fn add(place: String, message: &str, errors: &mut FieldErrors) {
    match missing(message) {
        Some(field) => errors.add(format!("{place}/{field}"), "missing", "this field must be given"),
        None => {
            let twice = duplicate(message).map(|field| format!("{place}/{field}"));
            errors.add(twice.unwrap_or(place), "wrong_type", plain(message));
        }
    }
}

/// Returns the field at which a body cannot be read, as a pointer.
fn place<T: DeserializeOwned>(bytes: &[u8]) -> String {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read: Result<T, _> = serde_path_to_error::deserialize(Objects(&mut deserializer));
    // What comes after a sound value is in no field.
    read.err().map(|error| pointer(error.path())).unwrap_or_default()
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for part in path {
        pointer.push_str(&match part {
            Segment::Seq { index } => segment(&index.to_string()),
            Segment::Map { key } => segment(key),
            Segment::Enum { variant } => segment(variant),
            Segment::Unknown => segment("?"),
        });
    }
    pointer
}
