//! Routes of orders for whoever ordered.

use super::dto::{Order, OrderProof};
use crate::answer::{Answer, Answered};
use crate::cart::Explanation;
use crate::extract::{Call, Name, Params, entity_id};
use crate::problem::Refused;
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::order::Proof;
use cartwright_actors::{Engine, Shown};
use cartwright_domain::order;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(show_order))
        .routes(routes!(explain_order))
}

/// Shows an order by its number or id.
///
/// To the session that ordered, or against the order's token or, by number, its e-mail address. To anybody else it
/// does not exist.
#[utoipa::path(
    get, path = "/api/v1/orders/{order}", tag = "order",
    params(("order" = String, Path, description = "The order's number or id."), OrderProof),
    responses((status = OK, description = "The order.", body = Order)),
)]
async fn show_order(
    State(engine): State<Engine>,
    call: Call,
    Name(name): Name,
    Params(OrderProof { token, email }): Params<OrderProof>,
) -> Answered<Order> {
    let proof = Proof { token, email };
    let order = find(&engine, &call, &name, &proof).await?;
    let ordered = order.state.session().is_some() && order.state.session() == call.caller.session;
    let knows_token = proof.token.is_some_and(|token| order.state.has_token(&token));
    let shown = if ordered || knows_token {
        Order::for_owner(&order)
    } else {
        Order::for_shopper(&order)
    };
    Ok(Answer::entity(shown))
}

/// Tells what an order cost, and why: the promotions that were looked at when it was placed, why each did or did not
/// apply, its base, its shares and each rounding, and each tax.
///
/// To whom an order is shown, it is explained.
#[utoipa::path(
    get, path = "/api/v1/orders/{order}/explain", tag = "order",
    params(("order" = String, Path, description = "The order's number or id."), OrderProof),
    responses((status = OK, description = "The explanation.", body = Explanation)),
)]
async fn explain_order(
    State(engine): State<Engine>,
    call: Call,
    Name(name): Name,
    Params(OrderProof { token, email }): Params<OrderProof>,
) -> Answered<Explanation> {
    let order = find(&engine, &call, &name, &Proof { token, email }).await?;
    Ok(Answer::plain(Explanation::from(&**order.state.quote())))
}

/// Finds an order by its number or id.
async fn find(
    engine: &Engine,
    call: &Call,
    name: &str,
    proof: &Proof,
) -> Result<Shown<order::Order>, Refused> {
    let request = call.request(&[]);
    let found = match name.parse::<u64>() {
        Ok(number) => engine.order_by_number(&request, number, proof).await?,
        Err(_) => {
            engine
                .order(&request, entity_id::<order::Order>(name)?, proof)
                .await?
        }
    };
    Ok(found)
}
