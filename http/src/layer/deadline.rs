//! The time a request has.

use crate::problem::Refused;
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use cartwright_domain::Class;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// When nobody waits for the request at hand any more.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub Instant);

/// Sets the deadline, and refuses when it has passed.
pub(super) async fn keep(State(time): State<Duration>, mut request: Request, next: Next) -> Response {
    let deadline = Instant::now() + time;
    request.extensions_mut().insert(Deadline(deadline));
    let refused = || {
        Refused::new(
            Class::Timeout,
            "request.timeout",
            format!("no answer within {} s", time.as_secs()),
        )
    };
    timeout_at(deadline, next.run(request))
        .await
        .unwrap_or_else(|_| refused().into_response())
}
