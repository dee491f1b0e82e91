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

/// The time of the request at hand.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    /// When nobody waits for it any more.
    pub at: Instant,
    /// Whether what it has begun goes on then.
    pub goes_on: bool,
}

/// Tells the handler the deadline of its request.
pub(super) fn set(request: &mut Request, time: Duration) {
    let deadline = Deadline {
        at: Instant::now() + time,
        goes_on: false,
    };
    request.extensions_mut().insert(deadline);
}

/// Returns the deadline that was set, and tells the handler whether it goes on then.
pub(super) fn of(request: &mut Request, goes_on: bool) -> Instant {
    let deadline = request.extensions_mut().get_mut::<Deadline>();
    let deadline = deadline.expect("every request has a deadline");
    deadline.goes_on = goes_on;
    deadline.at
}

/// Refuses in place of an answer that does not come by the deadline, which is `time` after the request.
pub(super) async fn keep(
    deadlines: &Deadlines,
    deadline: Instant,
    time: Duration,
    answer: impl Future<Output = Response>,
) -> Response {
    deadlines.keep(deadline, answer).await.unwrap_or_else(|| {
        let message = format!("no answer within {time:?}");
        Refused::new(Class::Timeout, "request.timeout", message).into_response()
    })
}
