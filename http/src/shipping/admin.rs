//! Routes of shipping methods for staff.

use super::dto::{ShippingMethod, ShippingMethodInput};
use crate::answer::{Answer, Answered, gone};
use crate::dto::{IdempotencyKeyHeader, IfMatchHeader, List};
use crate::extract::{Changes, Id, Json, Page, PageQuery, StaffCall, StaffOnly};
use crate::problem::Refused;
use crate::router::Api;
use axum::extract::State;
use axum::response::Response;
use cartwright_actors::Engine;
use cartwright_domain::shipping;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Returns the routes.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(admin_list_shipping_methods, admin_create_shipping_method))
        .routes(routes!(
            admin_show_shipping_method,
            admin_update_shipping_method,
            admin_delete_shipping_method
        ))
}

/// Lists shipping methods by name.
#[utoipa::path(
    get, path = "/api/v1/admin/shipping/methods", tag = "admin: shipping", params(PageQuery),
    responses((status = OK, description = "A page of shipping methods.", body = List<ShippingMethod>)),
)]
async fn admin_list_shipping_methods(
    State(engine): State<Engine>,
    _: StaffOnly,
    Page(page): Page,
) -> Answered<List<ShippingMethod>> {
    let found = engine.shipping_methods(page).await?;
    Ok(Answer::plain(List::of(&found)))
}

/// Makes a shipping method.
///
/// A name is needed, at least one place (`countries`, `subdivisions` or `postal_codes`), and a price or tariffs.
#[utoipa::path(
    post, path = "/api/v1/admin/shipping/methods", tag = "admin: shipping",
    params(IdempotencyKeyHeader), request_body = ShippingMethodInput,
    responses((status = CREATED, description = "The shipping method.", body = ShippingMethod)),
)]
async fn admin_create_shipping_method(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Json { value, bytes }: Json<ShippingMethodInput>,
) -> Answered<ShippingMethod> {
    let done = engine
        .create_shipping_method(&call.request(&bytes), value.into())
        .await?;
    let method = done.map(|method| ShippingMethod::from(&method));
    let location = format!("/api/v1/admin/shipping/methods/{}", method.value.id);
    Ok(Answer::done(method).created(location))
}

/// Shows a shipping method.
#[utoipa::path(
    get, path = "/api/v1/admin/shipping/methods/{method}", tag = "admin: shipping",
    params(("method" = String, Path, description = "The shipping method's id.")),
    responses((status = OK, description = "The shipping method.", body = ShippingMethod)),
)]
async fn admin_show_shipping_method(
    State(engine): State<Engine>,
    _: StaffOnly,
    Id(id): Id<shipping::ShippingMethod>,
) -> Answered<ShippingMethod> {
    let method = engine.shipping_method(id).await?;
    Ok(Answer::entity(ShippingMethod::from(&method)))
}

/// Changes a shipping method.
///
/// Carts follow from their next read; placed orders keep its name and price.
#[utoipa::path(
    patch, path = "/api/v1/admin/shipping/methods/{method}", tag = "admin: shipping",
    params(("method" = String, Path, description = "The shipping method's id."), IfMatchHeader),
    request_body = ShippingMethodInput,
    responses((status = OK, description = "The shipping method.", body = ShippingMethod)),
)]
async fn admin_update_shipping_method(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<shipping::ShippingMethod>,
    Changes(Json { value, bytes }): Changes<ShippingMethodInput>,
) -> Answered<ShippingMethod> {
    let done = engine
        .update_shipping_method(&call.request(&bytes), id, value.into())
        .await?;
    Ok(Answer::done(done.map(|method| ShippingMethod::from(&method))))
}

/// Deletes a shipping method.
#[utoipa::path(
    delete, path = "/api/v1/admin/shipping/methods/{method}", tag = "admin: shipping",
    params(("method" = String, Path, description = "The shipping method's id."), IfMatchHeader),
    responses((status = NO_CONTENT, description = "It is gone.")),
)]
async fn admin_delete_shipping_method(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<shipping::ShippingMethod>,
) -> Result<Response, Refused> {
    let done = engine.delete_shipping_method(&call.request(&[]), id).await?;
    Ok(gone(&done))
}
