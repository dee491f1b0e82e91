//! The catalog: products and variants, for shoppers and for staff, price lists, and the bulk imports.

mod admin;
mod dto;
mod import;
mod list_prices;
mod price_lists;
mod shop;

use crate::router::Api;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;

/// Returns the routes.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    shop::routes()
        .merge(admin::routes())
        .merge(price_lists::routes())
        .merge(import::routes())
        .merge(list_prices::routes())
}

/// Which variant is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct BySku {
    /// The variant's SKU, exactly.
    sku: String,
}
