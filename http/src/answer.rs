//! Answers: a body with its version as `ETag`, and the marks that an answer may carry.

use crate::{
    extract::{IDEMPOTENT_REPLAYED, PREFERENCE_APPLIED, etag},
    problem::Refused,
};
use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use cartwright_actors::request::Done;
use cartwright_domain::Revision;
use serde::Serialize;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Room for a cart of ten lines.
const BODY_BYTES_EXPECTED: usize = 8 * 1024;
/// Room for the headers of an answer, with those that every answer gets.
const HEADERS_EXPECTED: usize = 16;
const RETURN_MINIMAL: HeaderValue = HeaderValue::from_static("return=minimal");
const REPLAYED: HeaderValue = HeaderValue::from_static("true");

/// What a handler returns.
pub(crate) type Answered<T> = Result<Answer<T>, Refused>;

/// A body that shows one committed state of one entity.
pub(crate) trait Versioned {
    /// Returns that state's version; it becomes the `ETag`.
    fn version(&self) -> u64;
}

/// Implements [`Versioned`] for bodies with a field `version`.
macro_rules! versioned {
    ($($body:ty),+ $(,)?) => { $(impl $crate::answer::Versioned for $body {
        fn version(&self) -> u64 { self.version }
    })+ };
}
pub(crate) use versioned;

/// What an answer says.
#[derive(Debug)]
enum Content<T> {
    Body(T),
    /// A body, as it is written; none could be where [`render`] had nothing.
    Rendered(Option<Bytes>),
}

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    status: StatusCode,
    content: Content<T>,
    version: Option<u64>,
    location: Option<String>,
    replayed: bool,
    minimal: bool,
    retry_after: Option<u32>,
}

impl<T: Serialize> Answer<T> {
    /// Answers 200 with what is no single entity: a list, counters.
    pub(crate) fn plain(body: T) -> Self {
        Self::ok(Content::Body(body))
    }

    fn ok(content: Content<T>) -> Self {
        Self {
            status: StatusCode::OK,
            content,
            version: None,
            location: None,
            replayed: false,
            minimal: false,
            retry_after: None,
        }
    }

    /// Answers 200 with an entity.
    pub(crate) fn entity(body: T) -> Self
    where
        T: Versioned,
    {
        let version = Some(body.version());
        Self {
            version,
            ..Self::plain(body)
        }
    }

    /// Answers 200 with an entity whose body [`render`] has written.
    pub(crate) fn rendered(body: Option<Bytes>, version: Revision) -> Self {
        Self {
            version: Some(version.0),
            ..Self::ok(Content::Rendered(body))
        }
    }

    /// Marks it as a stored answer, if it is one.
    #[must_use]
    pub(crate) fn replayed(mut self, replayed: bool) -> Self {
        self.replayed = replayed;
        self
    }

    /// Answers 200 with an entity after a change, marked when it is a stored answer.
    pub(crate) fn done(done: Done<T>) -> Self
    where
        T: Versioned,
    {
        Self::entity(done.value).replayed(done.replayed)
    }

    /// Answers 200 with what a change came to that is no single entity, marked when it is a stored answer.
    pub(crate) fn plain_done(done: Done<T>) -> Self {
        Self::plain(done.value).replayed(done.replayed)
    }

    /// Answers 201 instead, and says where the new entity lies.
    #[must_use]
    pub(crate) fn created(mut self, location: String) -> Self {
        self.status = StatusCode::CREATED;
        self.location = Some(location);
        self
    }

    /// Answers 202 instead: the outcome is not known yet, and worth asking for again after some seconds.
    #[must_use]
    pub(crate) fn accepted(mut self, location: String, retry_after: u32) -> Self {
        self.status = StatusCode::ACCEPTED;
        self.location = Some(location);
        self.retry_after = Some(retry_after);
        self
    }

    /// Marks the body as shortened because the caller preferred that.
    #[must_use]
    pub(crate) fn minimal(mut self) -> Self {
        self.minimal = true;
        self
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let rendered = match self.content {
            Content::Body(body) => render(&body),
            Content::Rendered(body) => body,
        };
        let Some(body) = rendered else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.reserve(HEADERS_EXPECTED);
        headers.insert(header::CONTENT_TYPE, JSON);
        if let Some(version) = self.version {
            headers.insert(header::ETAG, etag(Revision(version)));
        }
        if let Some(Ok(location)) = self.location.map(HeaderValue::try_from) {
            headers.insert(header::LOCATION, location);
        }
        if self.replayed {
            headers.insert(IDEMPOTENT_REPLAYED, REPLAYED);
        }
        if self.minimal {
            headers.insert(PREFERENCE_APPLIED, RETURN_MINIMAL);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Writes a body. Into a vector and not through axum's Json, whose writer copies bit by bit: that was a third of a
/// cart's answer; and not with `serde_json`, which looks at each byte of each string by itself. None where it cannot be
/// written, which is a programming error.
pub(crate) fn render(body: &impl Serialize) -> Option<Bytes> {
    let mut bytes = Vec::with_capacity(BODY_BYTES_EXPECTED);
    match sonic_rs::to_writer(&mut bytes, body) {
        Ok(()) => Some(bytes.into()),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            None
        }
    }
}

/// Answers 204: it is gone.
pub(crate) fn gone(done: &Done<()>) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if done.replayed {
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, REPLAYED);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::render;
    use serde_json::Value;

    #[test]
    fn every_text_reads_back_as_it_was() {
        let characters = (0..=0x2_ffff).filter_map(char::from_u32);
        let text: String = characters.collect();
        // Around the width of what is written at once, and across it.
        for length in 0..200 {
            let text: String = text.chars().skip(length).take(length).collect();
            let body = render(&text).expect("a text can be written");
            assert_eq!(
                serde_json::from_slice::<Value>(&body).ok(),
                Some(Value::from(text))
            );
        }
        let body = render(&text).expect("a text can be written");
        assert_eq!(body, serde_json::to_vec(&text).expect("a text can be written"));
    }
}
