//! One line for each request. Without the query and the headers: they hold tokens.

use super::RequestId;
use axum::{
    extract::Request,
    http::{Method, Uri},
    response::Response,
};
use std::time::Instant;

/// The target of the lines, for filters.
const TARGET: &str = "cartwright::access";

/// What a line says of its request.
pub(super) struct Line {
    began: Instant,
    method: Method,
    uri: Uri,
}

/// Begins a line, where anybody reads them.
pub(super) fn begin(request: &Request) -> Option<Line> {
    tracing::enabled!(target: TARGET, tracing::Level::INFO).then(|| Line {
        began: Instant::now(),
        method: request.method().clone(),
        uri: request.uri().clone(),
    })
}

impl Line {
    /// Writes the line when the answer's head is ready.
    pub(super) fn write(&self, id: &RequestId, response: &Response) {
        let Self { began, method, uri } = self;
        let (path, status) = (uri.path(), response.status().as_u16());
        let request_id = id.text();
        let latency_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(target: TARGET, %method, path, status, latency_us, request_id);
    }
}
