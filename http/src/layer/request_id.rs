//! A name for each request, in its answer, its log lines and its problems.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::Next,
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
pub struct RequestId(pub Arc<str>);

/// Takes the caller's name for the request if it is plain, else makes one up.
pub(super) async fn name(mut request: Request, next: Next) -> Response {
    let given = request.headers().get(HEADER).filter(|id| is_plain(id)).cloned();
    let value = given.unwrap_or_else(made_up);
    if let Ok(text) = value.to_str() {
        request.extensions_mut().insert(RequestId(Arc::from(text)));
    }
    let mut response = next.run(request).await;
    response.headers_mut().insert(HEADER, value);
    response
}

fn is_plain(id: &HeaderValue) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    !id.is_empty() && id.len() <= LENGTH_MAX && id.as_bytes().iter().all(allowed)
}

fn made_up() -> HeaderValue {
    let id = Uuid::new_v4().simple().to_string();
    HeaderValue::try_from(id).expect("hexadecimal digits are a header value")
}
