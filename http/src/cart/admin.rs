//! Routes of carts for staff.

use super::dto::{Cart, shown};
use crate::answer::{Answer, Answered};
use crate::dto::List;
use crate::extract::{Id, Page, PageQuery, StaffCall};
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::cart::CartRef;
use cartwright_domain::cart;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(admin_list_carts))
        .routes(routes!(admin_show_cart))
}

/// Lists carts, newest first.
#[utoipa::path(
    get, path = "/api/v1/admin/carts", tag = "admin: cart", params(PageQuery),
    responses((status = OK, description = "A page of carts.", body = List<Cart>)),
)]
async fn admin_list_carts(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Page(page): Page,
) -> Answered<List<Cart>> {
    let found = engine.carts(&call.request(&[]), page).await?;
    Ok(Answer::plain(List::of(&found)))
}

/// Shows a cart.
#[utoipa::path(
    get, path = "/api/v1/admin/carts/{cart}", tag = "admin: cart",
    params(("cart" = String, Path, description = "The cart's id.")),
    responses((status = OK, description = "The cart.", body = Cart)),
)]
async fn admin_show_cart(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<cart::Cart>,
) -> Answered<Cart> {
    let read = engine.cart(&call.request(&[]), CartRef::Id(id)).await?;
    Ok(shown(&read))
}
