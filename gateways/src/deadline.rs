//! The deadline of a call to somebody outside.

use futures::future::BoxFuture;
use std::time::Duration;
use tokio::time::timeout;

/// Why a question that nobody answered in time has no answer.
pub(crate) const NO_ANSWER: &str = "no answer within the deadline";

/// Waits for a call until the deadline; past it there is the error that says what is known then.
pub(crate) fn within<'a, T: Send + 'a, E: Send + 'a>(
    deadline: Duration,
    call: BoxFuture<'a, Result<T, E>>,
    unanswered: fn() -> E,
) -> BoxFuture<'a, Result<T, E>> {
    Box::pin(async move {
        timeout(deadline, call)
            .await
            .unwrap_or_else(|_| Err(unanswered()))
    })
}
