//! Routes of orders for staff.

use super::dto::{Order, OrderCancellation};
use crate::answer::{Answer, Answered};
use crate::dto::{IdempotencyKeyHeader, IfMatchHeader, List};
use crate::extract::{Id, Json, Page, PageQuery, StaffCall, StaffOnly};
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::order::Proof;
use cartwright_domain::order;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(admin_list_orders))
        .routes(routes!(admin_show_order))
        .routes(routes!(admin_cancel_order))
}

/// Lists orders, newest first.
#[utoipa::path(
    get, path = "/api/v1/admin/orders", tag = "admin: order", params(PageQuery),
    responses((status = OK, description = "A page of orders.", body = List<Order>)),
)]
async fn admin_list_orders(
    State(engine): State<Engine>,
    _: StaffOnly,
    Page(page): Page,
) -> Answered<List<Order>> {
    let found = engine.orders(page).await?;
    Ok(Answer::plain(List::of(&found)))
}

/// Shows an order.
#[utoipa::path(
    get, path = "/api/v1/admin/orders/{order}", tag = "admin: order",
    params(("order" = String, Path, description = "The order's id.")),
    responses((status = OK, description = "The order.", body = Order)),
)]
async fn admin_show_order(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<order::Order>,
) -> Answered<Order> {
    let order = engine.order(&call.request(&[]), id, &Proof::default()).await?;
    Ok(Answer::entity(Order::from(&order)))
}

/// Cancels a whole order.
///
/// Voids what is only authorized, refunds what is captured, gives the stock back.
#[utoipa::path(
    post, path = "/api/v1/admin/orders/{order}/cancel", tag = "admin: order",
    params(("order" = String, Path, description = "The order's id."), IfMatchHeader, IdempotencyKeyHeader),
    request_body = OrderCancellation,
    responses((status = OK, description = "The order.", body = Order)),
)]
async fn admin_cancel_order(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<order::Order>,
    Json { value, bytes }: Json<OrderCancellation>,
) -> Answered<Order> {
    let done = engine
        .cancel_order(&call.request(&bytes), id, value.reason)
        .await?;
    Ok(Answer::done(done.map(|order| Order::from(&order))))
}
