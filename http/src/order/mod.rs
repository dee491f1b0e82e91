//! Orders, for whoever ordered and for staff.

mod admin;
mod dto;
mod shop;

use crate::router::Api;
use utoipa_axum::router::OpenApiRouter;

/// Returns the routes.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    shop::routes().merge(admin::routes())
}
