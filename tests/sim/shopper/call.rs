//! What a shopper asks for, as the engine is asked.

use super::{Act, Reply};
use crate::basket::Change;
use crate::purse::enter;
use crate::shop::{Goods, euro};
use crate::shown::Named;
use cartwright_actors::cart::{CartRef, CartView, DetailsDraft, LineDraft, VariantRef, View};
use cartwright_actors::checkout::{CheckoutView, CompletionDraft};
use cartwright_actors::order::Proof;
use cartwright_actors::{Engine, Outcome, Refused, Request};
use cartwright_domain::cart::Patch;
use cartwright_domain::country::Country;
use cartwright_domain::id::{CartId, VariantId};
use cartwright_domain::{Problem, address};

/// Asks the shop once.
pub(super) async fn call(
    engine: &Engine,
    request: &Request,
    goods: &Goods,
    act: Act,
) -> Result<Reply, Problem> {
    let cart = |outcome: Outcome<CartView>| outcome.map(|done| Reply::Cart(Box::new(done.value)));
    let checkout = |outcome: Outcome<CheckoutView>| outcome.map(|done| Reply::Checkout(Box::new(done.value)));
    let draft = |Named { total, due }| CompletionDraft {
        payment_token: Some("card".to_owned()),
        expected_total: total,
        expected_due: due,
    };
    let answer: Result<Reply, Refused> = match act {
        Act::OpenCart { in_euros } => cart(engine.open_cart(request, in_euros.then(euro)).await),
        Act::Change(id, change) => cart(change_cart(engine, request, goods, id, change).await),
        Act::Read(id) => {
            let read = engine.cart(request, CartRef::Id(id)).await;
            read.map(|read| Reply::Cart(Box::new(read.view.clone())))
        }
        Act::Start(id) => checkout(engine.start_checkout(request, CartRef::Id(id)).await),
        Act::Complete(id, named) => {
            checkout(engine.complete_cart(request, CartRef::Id(id), draft(named)).await)
        }
        Act::CompleteStarted(id, named) => {
            checkout(engine.complete_checkout(request, id, draft(named)).await)
        }
        Act::Abandon(id) => checkout(engine.abandon_checkout(request, id).await),
        Act::AddFirst { variant, .. } => cart(add(engine, request, CartRef::Current, variant, 1).await),
        Act::Burst(cart, ..) => panic!("a burst of {cart} is made of changes"),
        Act::Look(id) => {
            let order = engine.order(request, id, &Proof::default()).await;
            order.map(Reply::Order)
        }
    };
    answer.map_err(|refused| refused.problem)
}

async fn add(
    engine: &Engine,
    request: &Request,
    cart: CartRef,
    variant: VariantId,
    quantity: u32,
) -> Outcome<CartView> {
    let draft = LineDraft {
        variant: VariantRef::Id(variant),
        quantity,
        options: Default::default(),
        custom_fields: Default::default(),
        unit_price: None,
    };
    engine.add_line(request, cart, draft, View::Full).await
}

async fn change_cart(
    engine: &Engine,
    request: &Request,
    goods: &Goods,
    id: CartId,
    change: Change,
) -> Outcome<CartView> {
    let cart = CartRef::Id(id);
    match change {
        Change::Add(variant, quantity) => add(engine, request, cart, variant, quantity).await,
        Change::Set(_, line, quantity) => {
            engine
                .set_quantity(request, cart, line, quantity, View::Full)
                .await
        }
        Change::Remove(_, line) => engine.remove_line(request, cart, line, View::Full).await,
        Change::Clear => engine.clear_lines(request, cart, View::Full).await,
        Change::Details => {
            let draft = details(goods);
            engine.update_details(request, cart, draft, View::Full).await
        }
        Change::Enter(entry) => enter(engine, request, goods, cart, entry).await,
    }
}

pub(crate) fn details(goods: &Goods) -> DetailsDraft {
    DetailsDraft {
        email: Patch::Set("ada@example.com".to_owned()),
        shipping_address: Patch::Set(address::Input::example(
            "Ada",
            "1 Mill Lane",
            "Leeds",
            Country::GB,
        )),
        shipping_method_id: Patch::Set(goods.method),
        ..DetailsDraft::default()
    }
}
