//! Tax zones, for staff.

mod admin;
mod dto;
mod import;

use crate::router::Api;
use utoipa_axum::router::OpenApiRouter;

/// Returns the routes.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    admin::routes().merge(import::routes())
}
