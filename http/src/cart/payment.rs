//! Gift cards and store credit of a cart: what they cover, and the routes that apply them and take them out.

use super::dto::{CartAnswer, changed};
use super::input::{CartName, CartPaymentName};
use crate::answer::Answered;
use crate::dto::{IdempotencyKeyHeader, IfMatchHeader, Money, PreferHeader};
use crate::extract::{Call, Json, Prefer, Unread};
use crate::problem::{Document, MEDIA_TYPE};
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_domain::stored_value::{Coverage, Covered, Unusable};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A gift card or store credit that a cart is to be paid with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CartPayment {
    /// Its id.
    #[schema(example = "sv_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    id: String,
    /// `gift_card` or `store_credit`.
    #[serde(rename = "type")]
    #[schema(example = "gift_card")]
    kind: &'static str,
    /// The end of a gift card's code.
    #[schema(example = "ZC4D")]
    last_characters: Option<String>,
    /// What of the total it covers now, or in the frozen quote.
    amount: Money,
    /// Why it covers nothing: `disabled`, `expired`, `other_currency`, `other_customer` or `empty`.
    #[schema(example = "empty")]
    reason: Option<&'static str>,
}

/// A gift card to pay with.
#[derive(Clone, Debug, Deserialize, ToSchema)]
struct NewGiftCardPayment {
    /// Its whole code. Case, blanks and hyphens do not matter.
    #[schema(example = "7K3M-QW9X-2HTP-ZC4D")]
    code: String,
}

impl CartPayment {
    pub(super) fn list(coverage: &Coverage) -> Vec<Self> {
        coverage.parts.iter().map(Self::from).collect()
    }
}

impl From<&Covered> for CartPayment {
    fn from(Covered { tender, unusable }: &Covered) -> Self {
        Self {
            id: tender.value.to_string(),
            kind: tender.provider(),
            last_characters: tender.last_characters.clone(),
            amount: tender.amount.into(),
            reason: unusable.map(Unusable::name),
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(apply_gift_card))
        .routes(routes!(apply_store_credit))
        .routes(routes!(remove_payment))
}

/// Has a cart paid with a gift card, as far as it goes.
///
/// It changes no price: what it covers stands beside the total, in `payments`, and what is left in `amount_due`.
#[utoipa::path(
    post, path = "/api/v1/carts/{cart}/gift-cards", tag = "cart",
    params(
        ("cart" = String, Path, description = "The cart's id, or `current`."),
        IfMatchHeader, IdempotencyKeyHeader, PreferHeader,
    ),
    request_body = NewGiftCardPayment,
    responses((status = OK, description = "The cart.", body = CartAnswer)),
)]
async fn apply_gift_card(
    State(engine): State<Engine>,
    call: Call,
    CartName(cart): CartName,
    prefer: Prefer,
    Json { value, bytes }: Json<NewGiftCardPayment>,
) -> Answered<CartAnswer> {
    let done = engine
        .apply_gift_card(&call.request(&bytes), cart, &value.code, prefer.into())
        .await?;
    Ok(changed(done, prefer))
}

/// Has a cart paid with the store credit of the customer whom it is for, as far as it goes.
#[utoipa::path(
    post, path = "/api/v1/carts/{cart}/store-credit", tag = "cart",
    params(
        ("cart" = String, Path, description = "The cart's id, or `current`."),
        IfMatchHeader, IdempotencyKeyHeader, PreferHeader,
    ),
    responses(
        (status = OK, description = "The cart.", body = CartAnswer),
        (
            status = UNPROCESSABLE_ENTITY, body = Document, content_type = MEDIA_TYPE,
            description = "It is for no customer who has some, or the key was used for another request.",
        ),
    ),
)]
async fn apply_store_credit(
    State(engine): State<Engine>,
    call: Call,
    CartName(cart): CartName,
    prefer: Prefer,
    Unread(bytes): Unread,
) -> Answered<CartAnswer> {
    let done = engine
        .apply_store_credit(&call.request(&bytes), cart, prefer.into())
        .await?;
    Ok(changed(done, prefer))
}

/// Takes a gift card or store credit out.
///
/// Taking out one that is not there succeeds; what is no id at all is 404.
#[utoipa::path(
    delete, path = "/api/v1/carts/{cart}/payments/{payment}", tag = "cart",
    params(
        ("cart" = String, Path, description = "The cart's id, or `current`."),
        ("payment" = String, Path, description = "The id it has in the cart's `payments`."),
        IfMatchHeader, PreferHeader,
    ),
    responses((status = OK, description = "The cart.", body = CartAnswer)),
)]
async fn remove_payment(
    State(engine): State<Engine>,
    call: Call,
    CartPaymentName(cart, value): CartPaymentName,
    prefer: Prefer,
) -> Answered<CartAnswer> {
    let done = engine
        .remove_stored_value(&call.request(&[]), cart, value, prefer.into())
        .await?;
    Ok(changed(done, prefer))
}
