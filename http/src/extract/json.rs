//! Bodies: JSON with errors that point at the field.

use crate::layer::BODY_TOO_LARGE;
use crate::problem::Refused;
use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use cartwright_domain::{Class, Problem, Refusal, error::FieldErrors};
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

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
        let is_json = is_json(request.headers());
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

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(bytes).map_err(|error| refuse(place::<T>(bytes), &error))
}

/// Returns the field at which a body cannot be read, as a pointer. The body is read again for it: to follow the fields
/// costs as much as to read them, and nearly all bodies are sound.
fn place<T: DeserializeOwned>(bytes: &[u8]) -> String {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read: Result<T, _> = serde_path_to_error::deserialize(&mut deserializer);
    // What comes after a sound value is in no field.
    read.err().map(|error| pointer(error.path())).unwrap_or_default()
}

fn refuse(path: String, error: &serde_json::Error) -> Refused {
    let (line, column) = (error.line(), error.column());
    if !error.is_data() {
        let message = format!("the body is not JSON: line {line}, column {column}");
        return Refused::new(Class::Malformed, "request.malformed_json", message);
    }
    // The place is said by the pointer.
    let whole = error.to_string();
    let message = whole
        .strip_suffix(&format!(" at line {line} column {column}"))
        .unwrap_or(&whole);
    let mut errors = FieldErrors::default();
    match missing(message) {
        Some(field) => errors.add(format!("{path}/{field}"), "missing", "this field must be given"),
        None => errors.add(path, "wrong_type", message),
    }
    let unreadable = Problem {
        class: Class::Malformed,
        ..errors.problem()
    };
    unreadable.into()
}

/// Returns the field that serde says is missing.
fn missing(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key } => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => pointer.push_str(variant),
            Segment::Unknown => pointer.push('?'),
        }
    }
    pointer
}
