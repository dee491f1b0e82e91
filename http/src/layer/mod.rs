//! What happens to every request around the routes, which must never decide anything about commerce.
//!
//! It is one service around the router, and not a layer of it for each concern: each layer of a router costs every
//! request a copy of the rest of the way in a box of its own, which was a third of what reading a cart takes.

mod access_log;
mod bodies;
mod cors;
mod deadline;
mod end;
mod host;
mod leftover;
mod origin;
mod panic;
mod problems;
mod request_id;
mod security;
#[cfg(test)]
mod tests;

pub use deadline::Deadline;

use crate::extract::SessionCookie;
use axum::{
    BoxError, Router,
    body::{Body, Bytes, HttpBody},
    extract::{DefaultBodyLimit, Request},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bodies::Bodies;
use cartwright_actors::runtime::Deadlines;
use end::UnderWay;
use futures::future::{BoxFuture, Either, FutureExt, TryFutureExt, ready};
use leftover::Leftover;
use request_id::RequestId;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt, service_fn};

/// The most bytes a body may have.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// The most bytes a body may have at the routes of staff, who import rows and name thousands of products.
pub const STAFF_BODY_BYTES_MAX: usize = 8 << 20;
/// What is said of a larger one.
pub(crate) const BODY_TOO_LARGE: &str =
    "the request's body is too large: at most 1 MiB, or 8 MiB at the routes of staff; send less at once";
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
    /// The address under which shoppers reach the store, if it is known, without a slash at its end. Where it is https,
    /// cookies are `Secure`, and browsers are told to stay with https.
    pub public_url: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            request_timeout: REQUEST_TIMEOUT,
            public_url: None,
        }
    }
}

/// The routes with what happens around every request: the service that answers. Cheap to clone.
#[derive(Clone)]
pub struct Around {
    routes: Router,
    /// The routes with what tells the pages of other origins, where any may call.
    for_origins: Option<BoxCloneSyncService<Request, Response, Infallible>>,
    bounds: Arc<Bounds>,
}

/// What is the same for every request.
struct Bounds {
    options: Options,
    https: bool,
    deadlines: Deadlines,
    under_way: UnderWay,
    bodies: Bodies,
    /// Whether answers end their connections.
    closes: AtomicBool,
}

impl Around {
    /// Puts itself around a router that has all its routes and fallbacks.
    pub fn new(routes: Router, options: &Options) -> Self {
        let bounds = Arc::new(Bounds {
            options: options.clone(),
            https: options
                .public_url
                .as_ref()
                .is_some_and(|url| url.starts_with("https://")),
            deadlines: Deadlines::default(),
            under_way: UnderWay::default(),
            bodies: Bodies::default(),
            closes: AtomicBool::new(false),
        });
        let for_origins = (!options.origins.is_empty()).then(|| {
            // What is answered in place of a handler is answered inside: such pages could not read it otherwise.
            let (routes, bounds) = (routes.clone(), Arc::clone(&bounds));
            let guarded = service_fn(move |request| {
                let (routes, bounds) = (routes.clone(), Arc::clone(&bounds));
                guarded(routes, bounds, request).map(Ok)
            });
            BoxCloneSyncService::new(cors::layer(&options.origins).layer(guarded))
        });
        Self {
            routes,
            for_origins,
            bounds,
        }
    }

    /// Has each further answer end its connection: whoever keeps them sends the next request elsewhere.
    pub fn close_connections(&self) {
        self.bounds.closes.store(true, Ordering::Relaxed);
    }

    /// Resolves when every change that goes to its end has come to it. Nothing else is begun from then on.
    pub async fn ended(&self) {
        self.bounds.under_way.ended().await;
    }

    /// Names the request and gives it a deadline; gives the answer what every answer has.
    ///
    /// What is done before the routes are reached is no part of what it returns: that is copied into a box for every
    /// request, and held for as long as the request waits for the disk.
    fn answer(self, mut request: Request, leftover: Leftover) -> impl Future<Output = Response> + Send {
        let https = self.bounds.https;
        let id = request_id::name(&request);
        let line = access_log::begin(&request);
        let cookie = SessionCookie::open(&mut request);
        deadline::set(&mut request, self.bounds.options.request_timeout);
        DefaultBodyLimit::max(bodies::bytes_max(&request)).apply(&mut request);
        let is_large = bodies::is_large(&request);
        let checked = host::check(&request).and_then(|()| origin::check(&request, &self.bounds.options));
        let bounds = Arc::clone(&self.bounds);
        let answered = match (checked, self.for_origins) {
            (Err(refused), _) => Either::Left(ready(refused.into_response())),
            (Ok(()), None) => Either::Right(Either::Left(guarded(self.routes, self.bounds, request))),
            (Ok(()), Some(routes)) => Either::Right(Either::Right(routes.oneshot(request).map(certain))),
        };
        async move {
            let mut response = answered.await;
            let is_refused = response.status().is_client_error() || response.status().is_server_error();
            // Of a large one it may not all have arrived. What a handler that did as it was asked passes over has, mostly.
            let is_in_the_way = is_refused && (is_large || leftover.is_there());
            if is_in_the_way || bounds.closes.load(Ordering::Relaxed) {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            cookie.send(https, &mut response);
            problems::write(&id, &mut response);
            security::add(https, &mut response);
            id.write(&mut response);
            if let Some(line) = line {
                line.write(&id, &response);
            }
            response
        }
    }
}

/// Answers in place of a handler whose request has no room, that panics or takes too long.
fn guarded(
    mut routes: Router,
    bounds: Arc<Bounds>,
    mut request: Request,
) -> impl Future<Output = Response> + Send {
    let room = match bounds.bodies.room(&mut request) {
        Ok(room) => room,
        Err(refused) => {
            // In a box of its own: every request has room for it otherwise.
            let passed_over = bodies::pass_over(request).boxed();
            return passed_over.map(|()| refused.into_response()).left_future();
        }
    };
    let is_to_end = end::is_owed(&request);
    let deadline = deadline::of(&mut request, is_to_end);
    if is_to_end {
        request = request.map(|body| end::in_time(body, deadline));
    }
    let held = room.clone();
    let answer = routes.call(request).map(|answer| {
        // For as long as what was read of it is there.
        drop(held);
        certain(answer)
    });
    let answer = AssertUnwindSafe(answer)
        .catch_unwind()
        .unwrap_or_else(panic::refuse);
    let answer = match is_to_end {
        true => bounds.under_way.clone().reach(answer).boxed().left_future(),
        false => answer.right_future(),
    };
    let answer = async move {
        let timeout = bounds.options.request_timeout;
        let answer = deadline::keep(&bounds.deadlines, deadline, timeout, pin!(answer)).await;
        let cut_off = room.and_then(|room| room.refused());
        cut_off.map_or(answer, IntoResponse::into_response)
    };
    answer.right_future()
}

fn certain<T>(Ok(value): Result<T, Infallible>) -> T {
    value
}

impl<B> hyper::service::Service<axum::http::Request<B>> for Around
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn call(&self, request: axum::http::Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let (leftover, body) = Leftover::watch(body);
        let request = Request::from_parts(parts, Body::new(body));
        self.clone().answer(request, leftover).map(Ok).boxed()
    }
}
