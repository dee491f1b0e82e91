//! Whose page makes a request, as its browser says (Fetch Metadata, <https://www.w3.org/TR/fetch-metadata/>). Browsers say it
//! with `Origin` alone where the address is not one they trust, as plain HTTP beyond the own machine, and old ones always.

use super::Options;
use crate::problem::Refused;
use axum::extract::Request;
use axum::http::{
    HeaderValue,
    header::{HOST, ORIGIN},
};
use cartwright_domain::Class;

const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Refuses a change that a page of another origin makes, unless that origin is named. Such a page cannot read what comes of
/// it, but it would come of it all the same: a form that is sent in the shopper's name opens another session over theirs, or
/// starts a checkout of their cart.
pub(super) fn check(request: &Request, options: &Options) -> Result<(), Refused> {
    let headers = request.headers();
    let origin = headers.get(ORIGIN);
    let is_foreign = match headers.get(SEC_FETCH_SITE) {
        Some(site) => matches!(site.as_bytes(), b"cross-site" | b"same-site"),
        None => {
            origin.is_some_and(|origin| !is_own(origin, headers.get(HOST), options.public_url.as_deref()))
        }
    };
    let is_named = || origin.is_some_and(|origin| options.origins.contains(origin));
    if !is_foreign || request.method().is_safe() || is_named() {
        return Ok(());
    }
    let message = "a page of another origin asks for this change; if it is the store's, name its origin in cors_origins";
    Err(Refused::new(Class::Forbidden, "request.cross_site", message))
}

/// Tells whether an origin is the server's: by the host that the request names, or by the address that shoppers know.
fn is_own(origin: &HeaderValue, host: Option<&HeaderValue>, public_url: Option<&str>) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    let Some((scheme, of_page)) = origin.split_once("://") else {
        return false;
    };
    let own = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    // What stands in front may name the port that an origin leaves out.
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    let own = own.strip_suffix(default_port).unwrap_or(own);
    let known = public_url.and_then(|url| url.split_at_checked(origin.len()));
    let is_known = |(url, path): (&str, &str)| {
        url.eq_ignore_ascii_case(origin) && (path.is_empty() || path.starts_with('/'))
    };
    of_page.eq_ignore_ascii_case(own) || known.is_some_and(is_known)
}
