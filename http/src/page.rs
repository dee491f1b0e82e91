//! The page at `/`, for whoever opens the address in a browser: what this is, and where the API reference lies.

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};

/// The page. It loads nothing from elsewhere.
const PAGE: &str = include_str!("page.html");
/// It may have its own style, and nothing else.
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
/// What stands in for an address that is not plain.
const HOST_UNKNOWN: &str = "127.0.0.1:8080";

/// Returns the route `/`.
pub(crate) fn routes() -> Router {
    Router::new().route("/", get(page))
}

async fn page(headers: HeaderMap) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.filter(|host| is_plain(host)).unwrap_or(HOST_UNKNOWN);
    let page = PAGE
        .replace("{version}", env!("CARGO_PKG_VERSION"))
        .replace("{host}", host);
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(page)).into_response()
}

/// Tells whether a host can stand in a page as it is.
fn is_plain(host: &str) -> bool {
    let mut bytes = host.bytes();
    !host.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
}
