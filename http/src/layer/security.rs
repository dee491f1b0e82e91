//! Headers that tell browsers what not to do with an answer.

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::Response,
};

/// What every answer carries unless its handler said otherwise. Answers hold carts and orders: nobody keeps them.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];
/// Two years, as browsers' own lists of such sites ask for.
const STAY_WITH_HTTPS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// Adds the headers.
pub(super) fn add(https: bool, response: &mut Response) {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(value);
    }
    if https {
        headers
            .entry(header::STRICT_TRANSPORT_SECURITY)
            .or_insert(STAY_WITH_HTTPS);
    }
}
