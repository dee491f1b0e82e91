//! Routes of carts for shoppers: opening, showing, details, shipping options.

use super::dto::{Cart, CartAnswer, ShippingOption, changed, shown};
use super::input::{CartDetails, CartName, NewCart};
use crate::answer::{Answer, Answered};
use crate::dto::{IdempotencyKeyHeader, IfMatchHeader, List, PreferHeader};
use crate::extract::{Call, Json, Prefer, SessionCookie, UserAgent};
use crate::identity::in_session;
use crate::problem::{Document, MEDIA_TYPE};
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::cart::View;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(open_cart))
        .routes(routes!(show_cart, update_cart))
        .routes(routes!(list_shipping_options))
}

impl From<Prefer> for View {
    fn from(prefer: Prefer) -> Self {
        match prefer {
            Prefer::Full => Self::Full,
            Prefer::Minimal => Self::Minimal,
        }
    }
}

/// Opens a cart and makes it the session's current one.
///
/// Without a session one is opened, and its cookie is set.
#[utoipa::path(
    post, path = "/api/v1/carts", tag = "cart", params(IfMatchHeader, IdempotencyKeyHeader, PreferHeader),
    request_body = NewCart,
    responses((status = CREATED, description = "The cart.", body = CartAnswer)),
)]
async fn open_cart(
    State(engine): State<Engine>,
    call: Call,
    cookie: SessionCookie,
    browser: UserAgent,
    prefer: Prefer,
    Json { value, bytes }: Json<NewCart>,
) -> Answered<CartAnswer> {
    let call = in_session(&engine, call, &cookie, &browser).await?;
    let done = engine.open_cart(&call.request(&bytes), value.currency).await?;
    let location = format!("/api/v1/carts/{}", done.value.priced.cart.id);
    Ok(changed(done, prefer).created(location))
}

/// Shows a cart, priced and checked as of now, or as its checkout has frozen it.
#[utoipa::path(
    get, path = "/api/v1/carts/{cart}", tag = "cart",
    params(("cart" = String, Path, description = "The cart's id, or `current`.")),
    responses((status = OK, description = "The cart.", body = Cart)),
)]
async fn show_cart(State(engine): State<Engine>, call: Call, CartName(cart): CartName) -> Answered<Cart> {
    let read = engine.cart(&call.request(&[]), cart).await?;
    Ok(shown(&read))
}

/// Changes e-mail, addresses and shipping choice, all or nothing.
#[utoipa::path(
    patch, path = "/api/v1/carts/{cart}", tag = "cart",
    params(("cart" = String, Path, description = "The cart's id, or `current`."), IfMatchHeader, PreferHeader),
    request_body = CartDetails,
    responses((status = OK, description = "The cart.", body = CartAnswer)),
)]
async fn update_cart(
    State(engine): State<Engine>,
    call: Call,
    CartName(cart): CartName,
    prefer: Prefer,
    Json { value, bytes }: Json<CartDetails>,
) -> Answered<CartAnswer> {
    let request = call.request(&bytes);
    let done = engine
        .update_details(&request, cart, value.read(&call.caller)?, prefer.into())
        .await?;
    Ok(changed(done, prefer))
}

/// Lists the shipping methods the cart may choose, cheapest first.
#[utoipa::path(
    get, path = "/api/v1/carts/{cart}/shipping-options", tag = "cart",
    params(("cart" = String, Path, description = "The cart's id, or `current`.")),
    responses(
        (status = OK, description = "All of them.", body = List<ShippingOption>),
        (status = CONFLICT, description = "Nobody knows yet where it goes.", body = Document, content_type = MEDIA_TYPE),
    ),
)]
async fn list_shipping_options(
    State(engine): State<Engine>,
    call: Call,
    CartName(cart): CartName,
) -> Answered<List<ShippingOption>> {
    let offers = engine.shipping_options(&call.request(&[]), cart).await?;
    Ok(Answer::plain(List::whole(
        offers.iter().map(ShippingOption::from).collect(),
    )))
}
