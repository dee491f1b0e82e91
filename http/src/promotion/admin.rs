//! Routes of promotions for staff.

use super::dto::{Promotion, PromotionInput};
use crate::answer::{Answer, Answered, gone};
use crate::dto::{IdempotencyKeyHeader, IfMatchHeader, List};
use crate::extract::{Changes, Id, Json, Page, PageQuery, StaffCall, StaffOnly};
use crate::problem::Refused;
use crate::router::Api;
use axum::extract::State;
use axum::response::Response;
use cartwright_actors::Engine;
use cartwright_domain::promotion;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Returns the routes.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(admin_list_promotions, admin_create_promotion))
        .routes(routes!(
            admin_show_promotion,
            admin_update_promotion,
            admin_delete_promotion
        ))
        .merge(super::judge::routes())
        .merge(super::codes::routes())
        .merge(super::what_if::routes())
        .merge(super::import::routes())
}

/// Lists promotions by name.
#[utoipa::path(
    get, path = "/api/v1/admin/promotions", tag = "admin: promotions", params(PageQuery),
    responses((status = OK, description = "A page of promotions.", body = List<Promotion>)),
)]
async fn admin_list_promotions(
    State(engine): State<Engine>,
    _: StaffOnly,
    Page(page): Page,
) -> Answered<List<Promotion>> {
    let found = engine.promotions(page).await?;
    Ok(Answer::plain(List::of(&found)))
}

/// Makes a promotion.
///
/// Name and actions are needed. It does nothing until it is enabled.
#[utoipa::path(
    post, path = "/api/v1/admin/promotions", tag = "admin: promotions",
    params(IdempotencyKeyHeader), request_body = PromotionInput,
    responses((status = CREATED, description = "The promotion.", body = Promotion)),
)]
async fn admin_create_promotion(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Json { value, bytes }: Json<PromotionInput>,
) -> Answered<Promotion> {
    let done = engine
        .create_promotion(&call.request(&bytes), value.into())
        .await?;
    let promotion = done.map(|promotion| Promotion::from(&promotion));
    let location = format!("/api/v1/admin/promotions/{}", promotion.value.id);
    Ok(Answer::done(promotion).created(location))
}

/// Shows a promotion in full.
#[utoipa::path(
    get, path = "/api/v1/admin/promotions/{promotion}", tag = "admin: promotions",
    params(("promotion" = String, Path, description = "The promotion's id.")),
    responses((status = OK, description = "The promotion.", body = Promotion)),
)]
async fn admin_show_promotion(
    State(engine): State<Engine>,
    _: StaffOnly,
    Id(id): Id<promotion::Promotion>,
) -> Answered<Promotion> {
    let promotion = engine.promotion(id).await?;
    Ok(Answer::entity(Promotion::from(&promotion)))
}

/// Changes a promotion.
///
/// Carts follow from their next read; placed orders keep what it gave.
#[utoipa::path(
    patch, path = "/api/v1/admin/promotions/{promotion}", tag = "admin: promotions",
    params(("promotion" = String, Path, description = "The promotion's id."), IfMatchHeader),
    request_body = PromotionInput,
    responses((status = OK, description = "The promotion.", body = Promotion)),
)]
async fn admin_update_promotion(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<promotion::Promotion>,
    Changes(Json { value, bytes }): Changes<PromotionInput>,
) -> Answered<Promotion> {
    let done = engine
        .update_promotion(&call.request(&bytes), id, value.into())
        .await?;
    Ok(Answer::done(done.map(|promotion| Promotion::from(&promotion))))
}

/// Deletes a promotion.
#[utoipa::path(
    delete, path = "/api/v1/admin/promotions/{promotion}", tag = "admin: promotions",
    params(("promotion" = String, Path, description = "The promotion's id."), IfMatchHeader),
    responses((status = NO_CONTENT, description = "It is gone.")),
)]
async fn admin_delete_promotion(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<promotion::Promotion>,
) -> Result<Response, Refused> {
    let done = engine.delete_promotion(&call.request(&[]), id).await?;
    Ok(gone(&done))
}
