//! Whose page makes a request, as its browser says (Fetch Metadata, <https://www.w3.org/TR/fetch-metadata/>).

use crate::problem::Refused;
use axum::extract::Request;
use axum::http::{HeaderValue, header::ORIGIN};
use cartwright_domain::Class;

const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Refuses a change that a page of another origin makes, unless that origin is named. Such a page cannot read what comes of
/// it, but it would come of it all the same: a form that is sent in the shopper's name opens another session over theirs, or
/// starts a checkout of their cart.
pub(super) fn check(request: &Request, origins: &[HeaderValue]) -> Result<(), Refused> {
    let site = request.headers().get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
    let is_foreign = matches!(site, Some(b"cross-site" | b"same-site"));
    let is_named = || {
        request
            .headers()
            .get(ORIGIN)
            .is_some_and(|origin| origins.contains(origin))
    };
    if !is_foreign || request.method().is_safe() || is_named() {
        return Ok(());
    }
    let message = "a page of another origin asks for this change; if it is the store's, name its origin in cors_origins";
    Err(Refused::new(Class::Forbidden, "request.cross_site", message))
}
