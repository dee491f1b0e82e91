//! Health: whether the process lives, and whether the store can sell (section 10 of the semantics).

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use futures::future::BoxFuture;
use serde::Serialize;
use std::sync::Arc;

/// Knows how the parts of the engine are.
pub trait Health: Send + Sync + 'static {
    /// Returns how each part is, now.
    fn parts(&self) -> BoxFuture<'_, Vec<Part>>;
}

/// How something is, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It works.
    Ok,
    /// An optional part such as mail is down; selling goes on.
    Degraded,
    /// The store cannot be written.
    Unhealthy,
}

/// One part of the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Which, such as `store`, `payments` or `mail`.
    pub name: &'static str,
    /// How it is.
    pub status: Condition,
    /// What an operator should know; not for secrets, anybody may read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

#[derive(Serialize)]
struct Report {
    status: Condition,
    parts: Vec<Part>,
}

/// Returns the routes `/health/live` and `/health/ready`.
pub fn routes(health: Arc<dyn Health>) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state(health)
}

/// Answers at all: whoever asks learns that the process need not be restarted.
async fn live() -> Response {
    Json(Report {
        status: Condition::Ok,
        parts: Vec::new(),
    })
    .into_response()
}

/// Says whether to send requests here, naming each part.
async fn ready(State(health): State<Arc<dyn Health>>) -> Response {
    let parts = health.parts().await;
    let worst = parts
        .iter()
        .map(|part| part.status)
        .max()
        .unwrap_or(Condition::Ok);
    let status = match worst {
        Condition::Ok | Condition::Degraded => StatusCode::OK,
        Condition::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(Report { status: worst, parts })).into_response()
}
