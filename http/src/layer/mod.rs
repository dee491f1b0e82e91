//! What happens to every request around its handler.
//!
//! From outside in: request id, access log, security headers, CORS, problem bodies, panics, cookies, deadline, body
//! limit. A layer must never decide anything about commerce.

mod access_log;
mod cors;
mod deadline;
mod panic;
mod problems;
mod request_id;
mod security;
#[cfg(test)]
mod tests;

pub use deadline::Deadline;
pub use request_id::RequestId;

use crate::extract::cookie;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::HeaderValue,
    middleware::{from_fn, from_fn_with_state},
};
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;

/// The most bytes a body may have, where a route does not say otherwise.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// The most bytes a page of the catalog import may have; see [`import_body_limit`].
pub const IMPORT_BODY_BYTES_MAX: usize = 8 << 20;
/// How long a request may take, unless the configuration says otherwise. Longer than a checkout waits for its
/// provider (section 5.1 of the semantics).
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What the configuration says about every request.
#[derive(Clone, Debug)]
pub struct Options {
    /// The origins whose pages may call from a browser: `https://shop.example`. None: no other origin may.
    pub origins: Vec<HeaderValue>,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// Whether the public address is https: cookies are then `Secure`, and browsers are told to stay with it.
    pub https: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            request_timeout: REQUEST_TIMEOUT,
            https: false,
        }
    }
}

/// Puts the layers around a router that has all its routes and fallbacks.
pub fn wrap(router: Router, options: &Options) -> Router {
    router
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(options.request_timeout, deadline::keep))
        .layer(from_fn_with_state(cookie::Secure(options.https), cookie::send))
        .layer(CatchPanicLayer::custom(panic::refuse))
        .layer(from_fn(problems::write))
        .layer(cors::layer(&options.origins))
        .layer(from_fn_with_state(security::Https(options.https), security::add))
        .layer(from_fn(access_log::write))
        .layer(from_fn(request_id::name))
}

/// Returns the layer for the one route whose bodies are larger than [`BODY_BYTES_MAX`]: the catalog import.
pub fn import_body_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(IMPORT_BODY_BYTES_MAX)
}
