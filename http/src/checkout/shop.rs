//! Routes of checkouts.

use super::dto::{Checkout, Completion};
use crate::answer::{Answer, Answered};
use crate::cart::{Cart, CartDetails, CartName};
use crate::dto::{IdempotencyKeyHeader, IfMatchHeader, RequiredIdempotencyKeyHeader};
use crate::extract::{Call, Id, Json, RequiredIdempotencyKey, Unread};
use crate::problem::Document;
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::checkout::CheckoutView;
use cartwright_actors::request::Done;
use cartwright_domain::checkout;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// When asking again how an unsettled checkout stands is worth it, in seconds.
const RETRY_AFTER: u32 = 1;

/// Returns the routes.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(start_checkout))
        .routes(routes!(complete_cart))
        .routes(routes!(show_checkout, update_checkout))
        .routes(routes!(complete_checkout))
        .routes(routes!(abandon_checkout))
}

/// Starts a checkout: locks the cart and reserves its stock for a time.
///
/// One that is open already is answered. `If-Match` is the cart's version, which starting changes; the `ETag` of the
/// answer is the checkout's.
#[utoipa::path(
    post, path = "/api/v1/carts/{cart}/checkout", tag = "checkout",
    params(
        ("cart" = String, Path, description = "The cart's id, or `current`."),
        IfMatchHeader, IdempotencyKeyHeader,
    ),
    responses((status = CREATED, description = "The checkout.", body = Checkout)),
)]
async fn start_checkout(
    State(engine): State<Engine>,
    call: Call,
    CartName(cart): CartName,
    Unread(bytes): Unread,
) -> Answered<Checkout> {
    let done = engine.start_checkout(&call.request(&bytes), cart).await?;
    let checkout = done.map(|view| Checkout::from(&view));
    let location = checkout.value.status_url.clone();
    Ok(Answer::done(checkout).created(location))
}

/// Completes a cart: start, payment and order in one, or the rest of a checkout that was started.
///
/// Waits for the payment provider at most its deadline and a second. Completing a completed cart answers with the
/// same order. `If-Match` is the cart's version: a cart that has changed since is neither locked nor paid for. The
/// `ETag` of the answer is the checkout's.
#[utoipa::path(
    post, path = "/api/v1/carts/{cart}/complete", tag = "checkout",
    params(
        ("cart" = String, Path, description = "The cart's id, or `current`."),
        IfMatchHeader, RequiredIdempotencyKeyHeader,
    ),
    request_body = Completion,
    responses(
        (status = OK, description = "The checkout, with its order.", body = Checkout),
        (status = ACCEPTED, description = "It is not settled yet; `Location` says where to ask.", body = Checkout),
        (
            status = PAYMENT_REQUIRED, description = "The payment was declined; the cart is usable again.",
            body = Document, content_type = "application/problem+json",
        ),
    ),
)]
async fn complete_cart(
    State(engine): State<Engine>,
    call: Call,
    _: RequiredIdempotencyKey,
    CartName(cart): CartName,
    Json { value, bytes }: Json<Completion>,
) -> Answered<Checkout> {
    let done = engine
        .complete_cart(&call.request(&bytes), cart, value.into())
        .await?;
    Ok(completed(done))
}

/// Shows how a checkout stands.
#[utoipa::path(
    get, path = "/api/v1/checkouts/{checkout}", tag = "checkout",
    params(("checkout" = String, Path, description = "The checkout's id.")),
    responses((status = OK, description = "The checkout.", body = Checkout)),
)]
async fn show_checkout(
    State(engine): State<Engine>,
    call: Call,
    Id(id): Id<checkout::Checkout>,
) -> Answered<Checkout> {
    let view = engine.checkout(&call.request(&[]), id).await?;
    Ok(Answer::entity(Checkout::from(&view)))
}

/// Changes e-mail, addresses and shipping choice through a checkout that waits for its completion.
///
/// Answers with the cart, priced anew; `If-Match` is the cart's version.
#[utoipa::path(
    patch, path = "/api/v1/checkouts/{checkout}", tag = "checkout",
    params(("checkout" = String, Path, description = "The checkout's id."), IfMatchHeader),
    request_body = CartDetails,
    responses((status = OK, description = "The cart.", body = Cart)),
)]
async fn update_checkout(
    State(engine): State<Engine>,
    call: Call,
    Id(id): Id<checkout::Checkout>,
    Json { value, bytes }: Json<CartDetails>,
) -> Answered<Cart> {
    let done = engine
        .update_checkout(&call.request(&bytes), id, value.read(&call.caller)?)
        .await?;
    Ok(Answer::done(done.map(|view| Cart::from(&view))))
}

/// Completes a checkout that was started.
///
/// `If-Match` is the checkout's version.
#[utoipa::path(
    post, path = "/api/v1/checkouts/{checkout}/complete", tag = "checkout",
    params(
        ("checkout" = String, Path, description = "The checkout's id."),
        IfMatchHeader, RequiredIdempotencyKeyHeader,
    ),
    request_body = Completion,
    responses(
        (status = OK, description = "The checkout, with its order.", body = Checkout),
        (status = ACCEPTED, description = "It is not settled yet; `Location` says where to ask.", body = Checkout),
        (
            status = PAYMENT_REQUIRED, description = "The payment was declined; the cart is usable again.",
            body = Document, content_type = "application/problem+json",
        ),
    ),
)]
async fn complete_checkout(
    State(engine): State<Engine>,
    call: Call,
    _: RequiredIdempotencyKey,
    Id(id): Id<checkout::Checkout>,
    Json { value, bytes }: Json<Completion>,
) -> Answered<Checkout> {
    let done = engine
        .complete_checkout(&call.request(&bytes), id, value.into())
        .await?;
    Ok(completed(done))
}

/// Gives up a checkout that waits for its completion.
///
/// The cart is free, the stock is back. Abandoning twice is abandoning once.
#[utoipa::path(
    post, path = "/api/v1/checkouts/{checkout}/abandon", tag = "checkout",
    params(("checkout" = String, Path, description = "The checkout's id."), IfMatchHeader, IdempotencyKeyHeader),
    responses((status = OK, description = "The checkout.", body = Checkout)),
)]
async fn abandon_checkout(
    State(engine): State<Engine>,
    call: Call,
    Id(id): Id<checkout::Checkout>,
    Unread(bytes): Unread,
) -> Answered<Checkout> {
    let done = engine.abandon_checkout(&call.request(&bytes), id).await?;
    Ok(Answer::done(done.map(|view| Checkout::from(&view))))
}

/// Answers 200 once the attempt has come to something, and 202 before.
fn completed(done: Done<CheckoutView>) -> Answer<Checkout> {
    let settled = done.value.is_settled();
    let checkout = done.map(|view| Checkout::from(&view));
    let status_url = checkout.value.status_url.clone();
    let answer = Answer::done(checkout);
    if settled {
        answer
    } else {
        answer.accepted(status_url, RETRY_AFTER)
    }
}
