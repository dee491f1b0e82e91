//! Routes of tax zones for staff.

use super::dto::{TaxZone, TaxZoneInput};
use crate::answer::{Answer, Answered, gone};
use crate::dto::{IdempotencyKeyHeader, IfMatchHeader, List};
use crate::extract::{Changes, Id, Json, Page, PageQuery, StaffCall, StaffOnly};
use crate::problem::Refused;
use crate::router::Api;
use axum::extract::State;
use axum::response::Response;
use cartwright_actors::Engine;
use cartwright_domain::tax;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(admin_list_tax_zones, admin_create_tax_zone))
        .routes(routes!(
            admin_show_tax_zone,
            admin_update_tax_zone,
            admin_delete_tax_zone
        ))
}

/// Lists tax zones by name.
#[utoipa::path(
    get, path = "/api/v1/admin/tax/zones", tag = "admin: tax", params(PageQuery),
    responses((status = OK, description = "A page of tax zones.", body = List<TaxZone>)),
)]
async fn admin_list_tax_zones(
    State(engine): State<Engine>,
    _: StaffOnly,
    Page(page): Page,
) -> Answered<List<TaxZone>> {
    let found = engine.tax_zones(page).await?;
    Ok(Answer::plain(List::of(&found)))
}

/// Makes a tax zone.
///
/// A name is needed, and at least one place: `countries`, `subdivisions` or `postal_codes`.
#[utoipa::path(
    post, path = "/api/v1/admin/tax/zones", tag = "admin: tax",
    params(IdempotencyKeyHeader), request_body = TaxZoneInput,
    responses((status = CREATED, description = "The tax zone.", body = TaxZone)),
)]
async fn admin_create_tax_zone(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Json { value, bytes }: Json<TaxZoneInput>,
) -> Answered<TaxZone> {
    let done = engine
        .create_tax_zone(&call.request(&bytes), value.into())
        .await?;
    let zone = done.map(|zone| TaxZone::from(&zone));
    let location = format!("/api/v1/admin/tax/zones/{}", zone.value.id);
    Ok(Answer::done(zone).created(location))
}

/// Shows a tax zone.
#[utoipa::path(
    get, path = "/api/v1/admin/tax/zones/{zone}", tag = "admin: tax",
    params(("zone" = String, Path, description = "The tax zone's id.")),
    responses((status = OK, description = "The tax zone.", body = TaxZone)),
)]
async fn admin_show_tax_zone(
    State(engine): State<Engine>,
    _: StaffOnly,
    Id(id): Id<tax::TaxZone>,
) -> Answered<TaxZone> {
    let zone = engine.tax_zone(id).await?;
    Ok(Answer::entity(TaxZone::from(&zone)))
}

/// Changes a tax zone.
///
/// Carts follow from their next read; placed orders keep their tax.
#[utoipa::path(
    patch, path = "/api/v1/admin/tax/zones/{zone}", tag = "admin: tax",
    params(("zone" = String, Path, description = "The tax zone's id."), IfMatchHeader),
    request_body = TaxZoneInput,
    responses((status = OK, description = "The tax zone.", body = TaxZone)),
)]
async fn admin_update_tax_zone(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<tax::TaxZone>,
    Changes(Json { value, bytes }): Changes<TaxZoneInput>,
) -> Answered<TaxZone> {
    let done = engine
        .update_tax_zone(&call.request(&bytes), id, value.into())
        .await?;
    Ok(Answer::done(done.map(|zone| TaxZone::from(&zone))))
}

/// Deletes a tax zone.
#[utoipa::path(
    delete, path = "/api/v1/admin/tax/zones/{zone}", tag = "admin: tax",
    params(("zone" = String, Path, description = "The tax zone's id."), IfMatchHeader),
    responses((status = NO_CONTENT, description = "It is gone.")),
)]
async fn admin_delete_tax_zone(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<tax::TaxZone>,
) -> Result<Response, Refused> {
    let done = engine.delete_tax_zone(&call.request(&[]), id).await?;
    Ok(gone(&done))
}
