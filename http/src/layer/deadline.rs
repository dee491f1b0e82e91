//! The time a request has.

use crate::problem::Refused;
use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use cartwright_domain::Class;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// When nobody waits for the request at hand any more.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub Instant);

/// Tells the handler the deadline of its request.
pub(super) fn set(request: &mut Request, time: Duration) {
    request.extensions_mut().insert(Deadline(Instant::now() + time));
}

/// Refuses in place of an answer that does not come in time.
pub(super) async fn keep(time: Duration, answer: impl Future<Output = Response>) -> Response {
    timeout(time, answer).await.unwrap_or_else(|_| {
        let message = format!("no answer within {} s", time.as_secs());
        Refused::new(Class::Timeout, "request.timeout", message).into_response()
    })
}
