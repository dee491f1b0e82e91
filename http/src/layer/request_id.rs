//! A name for each request, in its answer, its log lines and its problems.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    response::Response,
};
use uuid::Uuid;

/// The header a request may bring its name in, and every answer carries it in.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// The most characters of a name from outside; a longer one is replaced.
const LENGTH_MAX: usize = 128;

/// The name of the request at hand. Never the seed of its ids, from which secrets come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestId(HeaderValue);

/// Takes the caller's name for the request if it is plain, else makes one up.
pub(super) fn name(request: &Request) -> RequestId {
    let given = request.headers().get(HEADER).filter(|id| is_plain(id));
    RequestId(given.cloned().unwrap_or_else(|| {
        let mut text = Uuid::encode_buffer();
        let made_up = Uuid::new_v4().simple().encode_lower(&mut text);
        HeaderValue::try_from(made_up.to_owned()).expect("hexadecimal digits are a header value")
    }))
}

impl RequestId {
    /// Returns it as a text.
    pub(super) fn text(&self) -> &str {
        // What is not plain was not taken.
        self.0.to_str().unwrap_or_default()
    }

    /// Puts the name on the answer.
    pub(super) fn write(&self, response: &mut Response) {
        response.headers_mut().insert(HEADER, self.0.clone());
    }
}

fn is_plain(id: &HeaderValue) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    !id.is_empty() && id.len() <= LENGTH_MAX && id.as_bytes().iter().all(allowed)
}
