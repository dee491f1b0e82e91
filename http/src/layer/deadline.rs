//! The time a request has.

use crate::problem::Refused;
use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use cartwright_domain::Class;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// When nobody waits for the request at hand any more.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub Instant);

/// Sets the deadline of a request.
pub(super) fn set(request: &mut Request, time: Duration) -> Deadline {
    let deadline = Deadline(Instant::now() + time);
    request.extensions_mut().insert(deadline);
    deadline
}

impl Deadline {
    /// Refuses when it has passed before there is an answer.
    pub(super) async fn keep(self, time: Duration, answer: impl Future<Output = Response>) -> Response {
        let refused = || {
            let message = format!("no answer within {} s", time.as_secs());
            Refused::new(Class::Timeout, "request.timeout", message)
        };
        let answered = timeout_at(self.0, answer).await;
        answered.unwrap_or_else(|_| refused().into_response())
    }
}
