//! Writes the body of every refusal, whoever refused.

use super::RequestId;
use crate::problem;
use axum::{http::header, response::Response};

/// Gives a refusal its body and keeps the headers the refusal came with, such as `Allow`.
pub(super) fn write(id: &RequestId, response: &mut Response) {
    let Some(refused) = problem::behind(response) else {
        return;
    };
    let (written, body) = refused.render(id.text()).into_parts();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.extend(written.headers);
    *response.body_mut() = body;
}
