//! The time a request has.

use crate::problem::Refused;
use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use cartwright_actors::runtime::Deadlines;
use cartwright_domain::Class;
use std::time::Duration;
use tokio::time::Instant;

/// When nobody waits for the request at hand any more.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub Instant);

/// Tells the handler the deadline of its request.
pub(super) fn set(request: &mut Request, time: Duration) {
    request.extensions_mut().insert(Deadline(Instant::now() + time));
}

/// Returns the deadline that was set.
pub(super) fn of(request: &Request) -> Instant {
    let Deadline(deadline) = request.extensions().get().expect("every request has a deadline");
    *deadline
}

/// Refuses in place of an answer that does not come by the deadline, which is `time` after the request.
pub(super) async fn keep(
    deadlines: &Deadlines,
    deadline: Instant,
    time: Duration,
    answer: impl Future<Output = Response>,
) -> Response {
    deadlines.keep(deadline, answer).await.unwrap_or_else(|| {
        let message = format!("no answer within {} s", time.as_secs());
        Refused::new(Class::Timeout, "request.timeout", message).into_response()
    })
}
