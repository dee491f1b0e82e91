//! Writes the body of every refusal, whoever refused.

use super::RequestId;
use crate::problem;
use axum::{
    http::{StatusCode, header},
    response::Response,
};

/// Gives a refusal its body and keeps the headers the refusal came with, such as `Allow`.
pub(super) fn write(id: &RequestId, response: &mut Response) {
    let Some(refused) = problem::behind(response) else {
        return;
    };
    if refused.status() == StatusCode::INTERNAL_SERVER_ERROR {
        // Whoever reports it has nothing but this id.
        let (request_id, code) = (id.text(), refused.problem().code.as_str());
        tracing::error!(
            request_id,
            code,
            "a request was answered with 500; what was logged just before says why"
        );
    }
    let (written, body) = refused.render(id.text()).into_parts();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.extend(written.headers);
    *response.body_mut() = body;
}
