//! Routes of stock for staff.

use super::dto::{Stock, StockAdjustment, StockLevels};
use crate::answer::{Answer, Answered};
use crate::dto::{IdempotencyKeyHeader, IfMatchHeader};
use crate::extract::{Id, Json, StaffCall, StaffOnly};
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::catalog::Visibility;
use cartwright_domain::catalog::Variant;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Returns the routes.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(admin_show_stock, admin_set_stock))
        .routes(routes!(admin_adjust_stock))
}

/// Shows a variant's stock.
#[utoipa::path(
    get, path = "/api/v1/admin/variants/{variant}/stock", tag = "admin: inventory",
    params(("variant" = String, Path, description = "The variant's id.")),
    responses((status = OK, description = "The stock.", body = Stock)),
)]
async fn admin_show_stock(
    State(engine): State<Engine>,
    _: StaffOnly,
    Id(variant): Id<Variant>,
) -> Answered<Stock> {
    if let Some(item) = engine.stock(variant).await? {
        return Ok(Answer::entity(Stock::from(&item)));
    }
    engine.variant(Visibility::All, variant).await?;
    let settings = engine.settings().await?;
    Ok(Answer::entity(Stock::untold(variant, &settings.state)))
}

/// Sets what staff decide about a variant's stock.
///
/// Refused below what is promised to orders or being paid for; below other reservations, the newest of those are
/// revoked.
#[utoipa::path(
    put, path = "/api/v1/admin/variants/{variant}/stock", tag = "admin: inventory",
    params(("variant" = String, Path, description = "The variant's id."), IfMatchHeader),
    request_body = StockLevels,
    responses((status = OK, description = "The stock.", body = Stock)),
)]
async fn admin_set_stock(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(variant): Id<Variant>,
    Json { value, bytes }: Json<StockLevels>,
) -> Answered<Stock> {
    let done = engine
        .set_stock(&call.request(&bytes), variant, value.into())
        .await?;
    Ok(Answer::done(done.map(|item| Stock::from(&item))))
}

/// Changes a variant's stock by a difference.
#[utoipa::path(
    post, path = "/api/v1/admin/variants/{variant}/stock/adjustments", tag = "admin: inventory",
    params(
        ("variant" = String, Path, description = "The variant's id."),
        IfMatchHeader, IdempotencyKeyHeader,
    ),
    request_body = StockAdjustment,
    responses((status = OK, description = "The stock.", body = Stock)),
)]
async fn admin_adjust_stock(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(variant): Id<Variant>,
    Json { value, bytes }: Json<StockAdjustment>,
) -> Answered<Stock> {
    let done = engine
        .adjust_stock(&call.request(&bytes), variant, value.into())
        .await?;
    Ok(Answer::done(done.map(|item| Stock::from(&item))))
}
