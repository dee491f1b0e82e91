//! The page at `/`, for whoever opens the address in a browser: what this is, and where the API reference lies.

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use std::sync::Arc;

/// The page. It loads nothing from elsewhere.
const PAGE: &str = include_str!("page.html");
/// It may have its own style, and nothing else.
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
/// What stands in for an address that is not plain.
const HOST_UNKNOWN: &str = "127.0.0.1:8080";

/// Returns the route `/`. Its addresses lie below the public one where that is known, and else below the one that the
/// page was asked at.
pub(crate) fn routes(public_url: Option<&str>) -> Router {
    let public_url: Option<Arc<str>> = public_url.map(|url| escaped(url).into());
    let page = async move |headers: HeaderMap| page(public_url.as_deref(), &headers);
    Router::new().route("/", get(page))
}

fn page(public_url: Option<&str>, headers: &HeaderMap) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.filter(|host| is_plain(host)).unwrap_or(HOST_UNKNOWN);
    let url = public_url.map_or_else(|| format!("http://{host}"), str::to_owned);
    let page = PAGE
        .replace("{version}", env!("CARGO_PKG_VERSION"))
        .replace("{below}", public_url.unwrap_or_default())
        .replace("{url}", &url);
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(page)).into_response()
}

/// Returns a text as it is written in a page.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

/// Tells whether a host can stand in a page as it is.
fn is_plain(host: &str) -> bool {
    let mut bytes = host.bytes();
    !host.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
}
