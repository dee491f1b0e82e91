//! The whole router: the API's routes with their reference, health, the page, and the layers around all of them.

use crate::{
    health::{self, Health},
    layer, openapi, page,
};
use axum::Router;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;

/// Where the API's routes lie.
pub const API: &str = "/api/v1";

/// Assembles the router. `api` holds the areas' routes, without [`API`] in front, and has its state.
///
/// # Errors
/// When the API reference cannot be rendered, which is a programming error in a route's description.
pub fn assemble(
    api: OpenApiRouter,
    health: Arc<dyn Health>,
    options: &layer::Options,
) -> Result<Router, serde_json::Error> {
    let whole = OpenApiRouter::with_openapi(openapi::base()).nest(API, api);
    let (routes, document) = whole.split_for_parts();
    let routes = routes
        .merge(openapi::routes(&openapi::complete(document))?)
        .merge(health::routes(health))
        .merge(page::routes());
    Ok(layer::wrap(routes, options))
}
