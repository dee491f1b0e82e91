//! One line for each request. Without the query and the headers: they hold tokens.

use super::RequestId;
use axum::{extract::Request, middleware::Next, response::Response};
use std::time::Instant;

/// Writes the line when the answer's head is ready.
pub(super) async fn write(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let id = request.extensions().get::<RequestId>().cloned();
    let response = next.run(request).await;
    let request_id = id.as_ref().map_or("", |RequestId(id)| id);
    let status = response.status().as_u16();
    let latency_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    tracing::info!(target: "cartwright::access", %method, path, status, latency_us, request_id);
    response
}
