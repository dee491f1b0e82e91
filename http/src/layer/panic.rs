//! A handler that panics answers 500; the process goes on.

use crate::problem::Refused;
use axum::response::{IntoResponse, Response};
use cartwright_actors::runtime::internal_problem;
use std::any::Any;

/// Refuses in place of the handler. The panic's own text goes to the log, never to the caller.
#[expect(clippy::needless_pass_by_value, reason = "the panic is handed over")]
pub(super) fn refuse(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a text");
    tracing::error!(panic = text, "a request handler panicked");
    Refused::from(internal_problem()).into_response()
}
