//! Routes of a cart's lines.

use super::dto::{CartAnswer, changed};
use super::input::{CartLineName, CartName, NewLine, NewQuantity};
use crate::answer::Answered;
use crate::dto::{IdempotencyKeyHeader, IfMatchHeader, PreferHeader};
use crate::extract::{Call, Json, Prefer, SessionCookie, UserAgent};
use crate::identity::in_session;
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::cart::CartRef;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(add_line, clear_lines))
        .routes(routes!(set_quantity, remove_line))
}

/// Adds units of a variant.
///
/// They join the line with the same variant, options, custom fields and overridden unit price. Adding to `current`
/// opens a cart, and a session, where there is none that can be changed.
#[utoipa::path(
    post, path = "/api/v1/carts/{cart}/lines", tag = "cart",
    params(
        ("cart" = String, Path, description = "The cart's id, or `current`."),
        IfMatchHeader, IdempotencyKeyHeader, PreferHeader,
    ),
    request_body = NewLine,
    responses((status = OK, description = "The cart.", body = CartAnswer)),
)]
async fn add_line(
    State(engine): State<Engine>,
    call: Call,
    CartName(cart): CartName,
    cookie: SessionCookie,
    browser: UserAgent,
    prefer: Prefer,
    Json { value, bytes }: Json<NewLine>,
) -> Answered<CartAnswer> {
    let line = value.read(&call.caller)?;
    let call = match cart {
        CartRef::Current => in_session(&engine, call, &cookie, &browser).await?,
        CartRef::Id(_) => call,
    };
    let done = engine
        .add_line(&call.request(&bytes), cart, line, prefer.into())
        .await?;
    Ok(changed(done, prefer))
}

/// Sets a line's quantity.
///
/// 0 removes the line.
#[utoipa::path(
    patch, path = "/api/v1/carts/{cart}/lines/{line}", tag = "cart",
    params(
        ("cart" = String, Path, description = "The cart's id, or `current`."),
        ("line" = String, Path, description = "The line's id."),
        IfMatchHeader, PreferHeader,
    ),
    request_body = NewQuantity,
    responses((status = OK, description = "The cart.", body = CartAnswer)),
)]
async fn set_quantity(
    State(engine): State<Engine>,
    call: Call,
    CartLineName(cart, line): CartLineName,
    prefer: Prefer,
    Json { value, bytes }: Json<NewQuantity>,
) -> Answered<CartAnswer> {
    let request = call.request(&bytes);
    let done = engine
        .set_quantity(&request, cart, line, value.quantity, prefer.into())
        .await?;
    Ok(changed(done, prefer))
}

/// Takes a line out.
#[utoipa::path(
    delete, path = "/api/v1/carts/{cart}/lines/{line}", tag = "cart",
    params(
        ("cart" = String, Path, description = "The cart's id, or `current`."),
        ("line" = String, Path, description = "The line's id."),
        IfMatchHeader, PreferHeader,
    ),
    responses((status = OK, description = "The cart.", body = CartAnswer)),
)]
async fn remove_line(
    State(engine): State<Engine>,
    call: Call,
    CartLineName(cart, line): CartLineName,
    prefer: Prefer,
) -> Answered<CartAnswer> {
    let done = engine
        .remove_line(&call.request(&[]), cart, line, prefer.into())
        .await?;
    Ok(changed(done, prefer))
}

/// Takes every line out.
#[utoipa::path(
    delete, path = "/api/v1/carts/{cart}/lines", tag = "cart",
    params(("cart" = String, Path, description = "The cart's id, or `current`."), IfMatchHeader, PreferHeader),
    responses((status = OK, description = "The cart.", body = CartAnswer)),
)]
async fn clear_lines(
    State(engine): State<Engine>,
    call: Call,
    CartName(cart): CartName,
    prefer: Prefer,
) -> Answered<CartAnswer> {
    let done = engine
        .clear_lines(&call.request(&[]), cart, prefer.into())
        .await?;
    Ok(changed(done, prefer))
}
