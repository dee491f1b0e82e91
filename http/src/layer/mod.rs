//! What happens to every request around its handler, in one layer, which must never decide anything about commerce.
//!
//! It is not one layer for each concern: each layer of a router costs every request a copy of the rest of the
//! way in a box of its own, which was a third of what reading a cart takes.

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

use crate::extract::SessionCookie;
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::HeaderValue,
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use std::sync::Arc;
use std::time::Duration;
use tower::{ServiceBuilder, util::MapFutureLayer};
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

/// Puts the layers around a router that has all its routes and fallbacks. What is answered in place of a handler is
/// answered below the layer for other origins, whose pages could not read it otherwise.
pub fn wrap(router: Router, options: &Options) -> Router {
    let time = options.request_timeout;
    let inner = ServiceBuilder::new()
        .layer(from_fn_with_state(Arc::new(options.clone()), around))
        .option_layer((!options.origins.is_empty()).then(|| cors::layer(&options.origins)))
        .layer(MapFutureLayer::new(move |answer| deadline::keep(time, answer)))
        .layer(CatchPanicLayer::custom(panic::refuse))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    router.layer(inner)
}

/// Names the request and gives it a deadline; gives the answer what every answer has.
async fn around(State(options): State<Arc<Options>>, mut request: Request, next: Next) -> Response {
    let id = request_id::name(&mut request);
    let line = access_log::begin(&request);
    let cookie = SessionCookie::open(&mut request);
    deadline::set(&mut request, options.request_timeout);
    let mut response = next.run(request).await;
    cookie.send(options.https, &mut response);
    problems::write(&id, &mut response);
    security::add(options.https, &mut response);
    id.write(&mut response);
    if let Some(line) = line {
        line.write(&id, &response);
    }
    response
}

/// Returns the layer for the one route whose bodies are larger than [`BODY_BYTES_MAX`]: the catalog import.
pub fn import_body_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(IMPORT_BODY_BYTES_MAX)
}
