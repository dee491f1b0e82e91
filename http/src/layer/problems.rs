//! Writes the body of every refusal, whoever refused.

use super::RequestId;
use crate::problem;
use axum::{extract::Request, http::header, middleware::Next, response::Response};

/// Gives a refusal its body and keeps the headers the refusal came with, such as `Allow`.
pub(super) async fn write(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let mut response = next.run(request).await;
    let Some(refused) = problem::behind(&response) else {
        return response;
    };
    let request_id = id.as_ref().map_or("", |RequestId(id)| id);
    let (written, body) = refused.render(request_id).into_parts();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.extend(written.headers);
    *response.body_mut() = body;
    response
}
