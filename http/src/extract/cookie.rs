//! The session cookie: read from a request, sent with an answer.

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::Response,
};
use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The cookie's name.
pub const SESSION_COOKIE: &str = "cartwright_session";

/// How many session cookies of one request are looked at.
const SESSION_COOKIES_MAX: usize = 4;

/// Returns the values of the session cookies of a request: of one name there may be several, from an earlier domain or path,
/// in any order. Their neighbours may hold any bytes: they are not ours to judge.
pub(crate) fn sessions(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let values = pairs.filter_map(|pair| {
        let named = pair.trim_ascii().strip_prefix(SESSION_COOKIE.as_bytes())?;
        str::from_utf8(named.strip_prefix(b"=")?).ok()
    });
    values.take(SESSION_COOKIES_MAX)
}

/// Decides, from inside a handler, which session cookie the answer carries. The last word counts.
#[derive(Clone, Debug, Default)]
pub struct SessionCookie {
    outgoing: Arc<Mutex<Option<Outgoing>>>,
}

#[derive(Debug)]
enum Outgoing {
    /// A value, and how long the browser keeps it.
    Set(String, Duration),
    Clear,
}

impl SessionCookie {
    /// Gives the browser a session, or the one it has once more, for as long as the session lasts without a visit
    /// (section 8 of the semantics).
    pub fn set(&self, value: impl Into<String>, lifetime: Duration) {
        self.say(Outgoing::Set(value.into(), lifetime));
    }

    /// Takes the browser's session away.
    pub fn clear(&self) {
        self.say(Outgoing::Clear);
    }

    /// Makes the place for a request's word.
    pub(crate) fn open(request: &mut Request) -> Self {
        let cookie = Self::default();
        request.extensions_mut().insert(cookie.clone());
        cookie
    }

    /// Sends the cookie a handler decided on; for https only where `secure`.
    pub(crate) fn send(&self, secure: bool, response: &mut Response) {
        if let Some(header) = self.header(secure) {
            response.headers_mut().append(header::SET_COOKIE, header);
        }
    }

    fn say(&self, outgoing: Outgoing) {
        *self.outgoing.lock().unwrap_or_else(PoisonError::into_inner) = Some(outgoing);
    }

    fn header(&self, secure: bool) -> Option<HeaderValue> {
        let outgoing = self
            .outgoing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()?;
        let (value, max_age) = match outgoing {
            Outgoing::Set(value, lifetime) => (value, lifetime.as_secs()),
            Outgoing::Clear => (String::new(), 0),
        };
        let secure = if secure { "; Secure" } else { "" };
        let text =
            format!("{SESSION_COOKIE}={value}; HttpOnly; SameSite=Lax; Path=/; Max-Age={max_age}{secure}");
        HeaderValue::try_from(text).ok()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SessionCookie {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
