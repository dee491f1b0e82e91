//! Changes by staff go to their end, also where whoever asked hangs up or is answered in the handler's place: many of them
//! are several commits, and others wait meanwhile for their turn to decide on the same.

use super::panic;
use axum::extract::Request;
use axum::response::Response;
use tokio::task::JoinError;

/// What the paths of staff's routes begin with.
const STAFF: &str = "/api/v1/admin/";

/// Tells whether a request must come to its end once it was begun.
pub(super) fn is_owed(request: &Request) -> bool {
    !request.method().is_safe() && request.uri().path().starts_with(STAFF)
}

/// Lets a handler come to its end, whether or not its answer is waited for. It bears its own deadline.
pub(super) async fn reach(answer: impl Future<Output = Response> + Send + 'static) -> Response {
    // It fails only where the process ends.
    let ended = |error: JoinError| panic::refuse(Box::new(error.to_string()));
    tokio::spawn(answer).await.unwrap_or_else(ended)
}
