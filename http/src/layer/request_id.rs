//! A name for each request, in its answer, its log lines and its problems.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    response::Response,
};
use std::sync::Arc;
use uuid::Uuid;

/// The header a request may bring its name in, and every answer carries it in.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// The most characters of a name from outside; a longer one is replaced.
const LENGTH_MAX: usize = 128;

/// The name of the request at hand. Never the seed of its ids, from which secrets come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestId(pub(super) Arc<str>);

/// Takes the caller's name for the request if it is plain, else makes one up.
pub(super) fn name(request: &Request) -> RequestId {
    let given = request.headers().get(HEADER).filter(|id| is_plain(id));
    RequestId(match given.and_then(|given| given.to_str().ok()) {
        Some(given) => Arc::from(given),
        None => {
            let mut text = Uuid::encode_buffer();
            Arc::from(&*Uuid::new_v4().simple().encode_lower(&mut text))
        }
    })
}

impl RequestId {
    /// Puts the name on the answer.
    pub(super) fn write(&self, response: &mut Response) {
        if let Ok(value) = HeaderValue::from_str(&self.0) {
            response.headers_mut().insert(HEADER, value);
        }
    }
}

fn is_plain(id: &HeaderValue) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    !id.is_empty() && id.len() <= LENGTH_MAX && id.as_bytes().iter().all(allowed)
}
