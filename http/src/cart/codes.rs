//! Routes of a cart's coupon codes.

use super::dto::{CartAnswer, changed};
use super::input::{CartCodeName, CartName, NewCodes};
use crate::answer::Answered;
use crate::dto::{IdempotencyKeyHeader, IfMatchHeader, PreferHeader};
use crate::extract::{Call, Json, Prefer};
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(apply_codes))
        .routes(routes!(remove_code))
}

/// Applies coupon codes.
///
/// One that is refused is a refusal; of several each is judged by itself, and those that are refused are listed in
/// `refused_codes`.
#[utoipa::path(
    post, path = "/api/v1/carts/{cart}/codes", tag = "cart",
    params(
        ("cart" = String, Path, description = "The cart's id, or `current`."),
        IfMatchHeader, IdempotencyKeyHeader, PreferHeader,
    ),
    request_body = NewCodes,
    responses((status = OK, description = "The cart.", body = CartAnswer)),
)]
async fn apply_codes(
    State(engine): State<Engine>,
    call: Call,
    CartName(cart): CartName,
    prefer: Prefer,
    Json { value, bytes }: Json<NewCodes>,
) -> Answered<CartAnswer> {
    let codes = value.read()?;
    let done = engine
        .apply_codes(&call.request(&bytes), cart, codes, prefer.into())
        .await?;
    Ok(changed(done, prefer))
}

/// Takes a coupon code out.
///
/// Taking out what is not there succeeds.
#[utoipa::path(
    delete, path = "/api/v1/carts/{cart}/codes/{code}", tag = "cart",
    params(
        ("cart" = String, Path, description = "The cart's id, or `current`."),
        ("code" = String, Path, description = "The code; case does not matter."),
        IfMatchHeader, PreferHeader,
    ),
    responses((status = OK, description = "The cart.", body = CartAnswer)),
)]
async fn remove_code(
    State(engine): State<Engine>,
    call: Call,
    CartCodeName(cart, code): CartCodeName,
    prefer: Prefer,
) -> Answered<CartAnswer> {
    let done = engine
        .remove_code(&call.request(&[]), cart, &code, prefer.into())
        .await?;
    Ok(changed(done, prefer))
}
