//! Shipping methods and the carrier, for staff. Which of them a cart may choose is shown with the cart.

mod admin;
mod carrier;
mod dto;

use crate::router::Api;
use utoipa_axum::router::OpenApiRouter;

/// Returns the routes.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    admin::routes().merge(carrier::routes())
}
