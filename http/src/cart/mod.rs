//! Carts, for shoppers and for staff.

mod admin;
mod codes;
mod dto;
mod explain;
mod input;
mod lines;
mod payment;
mod shop;

pub(crate) use dto::{AppliedPromotion, Cart, Totals};
pub(crate) use explain::Explanation;
pub(crate) use input::{CartDetails, CartName};

use crate::router::Api;
use utoipa_axum::router::OpenApiRouter;

/// Returns the routes.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    shop::routes()
        .merge(lines::routes())
        .merge(codes::routes())
        .merge(payment::routes())
        .merge(explain::routes())
        .merge(admin::routes())
}
