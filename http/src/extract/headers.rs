//! Request headers with a meaning of ours: `If-Match` and `If-None-Match`, `Idempotency-Key`, `Prefer`.

use crate::problem::Refused;
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header, request::Parts},
};
use cartwright_domain::{Class, Revision};
use std::convert::Infallible;

/// The most characters of an idempotency key (section 5.3 of the semantics).
pub const IDEMPOTENCY_KEY_LENGTH_MAX: usize = 255;
/// Marks an answer that was given before under the same key.
pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Names a change so that its repeat is known.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Asks for less of an answer.
pub const PREFER: HeaderName = HeaderName::from_static("prefer");
/// Says what of that was done.
pub(crate) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The version the caller expects, from `If-Match: "7"`. Without the header, or with `*`, none: the last write wins.
/// `If-None-Match: *` on a change expects that nothing is there, which is version 0. Reading passes over both: answers
/// depend on more than on the version of what they show, so that none may be kept from the caller for being known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfMatch(pub Option<Revision>);

/// The request's idempotency key, where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<String>);

/// The request's idempotency key, where it must have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredIdempotencyKey(pub String);

/// How much of an answer the caller wants, from `Prefer: return=minimal`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prefer {
    /// Everything.
    #[default]
    Full,
    /// What has changed.
    Minimal,
}

/// What the caller's browser calls itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAgent(Option<HeaderValue>);

impl UserAgent {
    /// Returns it as a text, where it is one.
    pub fn text(&self) -> Option<String> {
        let text = self.0.as_ref()?.to_str().ok()?;
        Some(text.to_owned())
    }
}

/// Returns the `ETag` of a revision: `"7"`.
pub fn etag(Revision(revision): Revision) -> HeaderValue {
    // Without the machinery of formats: nearly every answer has one.
    let text = ["\"", &revision.to_string(), "\""].concat();
    HeaderValue::try_from(text).expect("digits in quotes are a header value")
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        if is_reading(&parts.method) {
            return Ok(Self(None));
        }
        let mut lines = parts.headers.get_all(header::IF_MATCH).iter();
        match (lines.next(), lines.next()) {
            (None, _) => nothing_expected(parts).map(Self),
            (Some(line), None) => {
                let expected = version_expected(line)?;
                match parts.headers.contains_key(header::IF_NONE_MATCH) {
                    false => Ok(Self(expected)),
                    true => Err(if_none_match_malformed()),
                }
            }
            // Two lines are one list.
            (Some(_), Some(_)) => Err(if_match_malformed()),
        }
    }
}

fn version_expected(line: &HeaderValue) -> Result<Option<Revision>, Refused> {
    let text = line.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    // As an `ETag` has them: versions are compared as texts (RFC 9110, 8.8.3.2).
    let is_etag = |digits: &&str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let digits = digits
        .filter(is_etag)
        .filter(|digits| *digits == "0" || !digits.starts_with('0'));
    let revision = digits.and_then(|digits| digits.parse().ok());
    revision
        .map(|revision| Some(Revision(revision)))
        .ok_or_else(if_match_malformed)
}

fn is_reading(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Reads `If-None-Match`.
fn nothing_expected(parts: &Parts) -> Result<Option<Revision>, Refused> {
    let mut lines = parts.headers.get_all(header::IF_NONE_MATCH).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Ok(None),
        (Some(line), None) if line == "*" => Ok(Some(Revision::default())),
        (Some(_), _) => Err(if_none_match_malformed()),
    }
}

fn if_none_match_malformed() -> Refused {
    let message = "the header If-None-Match of a change must hold *, which means: only if nothing is there, and stand \
                   without an If-Match";
    Refused::new(Class::Malformed, "request.if_none_match_malformed", message)
}

fn if_match_malformed() -> Refused {
    let message = "the header If-Match must hold one version in quotes, as the engine's ETag has it, and no weak one (W/)";
    Refused::new(Class::Malformed, "request.if_match_malformed", message)
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let mut lines = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = lines.next() else {
            return Ok(Self(None));
        };
        if IDEMPOTENCY_KEY_LENGTH_MAX < value.len() {
            let message = format!(
                "the header Idempotency-Key may have {IDEMPOTENCY_KEY_LENGTH_MAX} characters at most"
            );
            return Err(Refused::new(
                Class::Malformed,
                "idempotency.key_too_long",
                message,
            ));
        }
        let is_printed =
            |key: &&str| !key.is_empty() && key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        match (value.to_str().ok().filter(is_printed), lines.next()) {
            (Some(key), None) => Ok(Self(Some(key.to_owned()))),
            _ => {
                let message = "there must be one header Idempotency-Key, of ASCII characters without control characters";
                Err(Refused::new(
                    Class::Malformed,
                    "idempotency.key_malformed",
                    message,
                ))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequiredIdempotencyKey {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let IdempotencyKey(key) = IdempotencyKey::from_request_parts(parts, state).await?;
        let message = "this needs a header Idempotency-Key, so that a repeat is harmless";
        key.map(Self)
            .ok_or_else(|| Refused::new(Class::Malformed, "idempotency.key_missing", message))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Prefer {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(if prefers_minimal(&parts.headers) {
            Self::Minimal
        } else {
            Self::Full
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for UserAgent {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.get(header::USER_AGENT).cloned()))
    }
}

/// Tells whether the first `return` among the preferences (RFC 7240) is `minimal`.
fn prefers_minimal(headers: &HeaderMap) -> bool {
    const MINIMAL: &str = "return=minimal";
    let mut lines = headers.get_all(PREFER).iter();
    let is_minimal = |line: &HeaderValue| {
        // Most callers say nothing else.
        if line == MINIMAL {
            return Some(true);
        }
        let mut preferences = line.to_str().ok()?.split(',');
        preferences.find_map(|preference| {
            // What follows are parameters.
            let (preference, _) = preference.split_once(';').unwrap_or((preference, ""));
            let (name, value) = preference.split_once('=')?;
            let is_return = name.trim().eq_ignore_ascii_case("return");
            is_return.then(|| value.trim().trim_matches('"').eq_ignore_ascii_case("minimal"))
        })
    };
    lines.find_map(is_minimal).unwrap_or(false)
}
