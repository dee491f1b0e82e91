//! Tax by a calculator outside: in carts and orders, with the rate table where it does not answer.

use crate::support::{Client, OpenShop, address, pence, unique};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Opens a shop whose table taxes Britain with 10%, which the calculator taxes with 20%.
async fn open(prices: &str) -> OpenShop {
    let open = OpenShop::fresh().await;
    open.shop.zone("Home", &["GB"], "0.1").await;
    choose(&open, json!({ "prices": prices, "tax_calculator": "fake" })).await;
    open
}

async fn choose(open: &OpenShop, change: Value) -> Value {
    open.shop.settings(change).await
}

/// Fills a cart with goods for 10.00 that go to a British postal code.
async fn filled(open: &OpenShop, postal_code: &str) -> (Client, Value) {
    let variant = open.shop.variant(1_000, None).await;
    let guest = open.shop.guest().await;
    open.shop.cart(&guest, &[(&variant, 1)]).await;
    let mut to = address("GB");
    to["postal_code"] = json!(postal_code);
    let details = json!({
        "email": "ada@example.com", "shipping_address": to, "shipping_method_id": open.method,
    });
    let cart = guest.patch("/carts/current", details).ok(200).await;
    (guest, cart)
}

#[track_caller]
fn check(totals: &Value, source: &str, field: &str, tax: i64, total: i64) {
    assert_eq!(
        (&totals["tax_source"], &totals[field], &totals["total"]),
        (&json!(source), &pence(tax), &pence(total)),
        "{totals}"
    );
}

/// Buys the cart and returns its order.
async fn buy(open: &OpenShop, guest: &Client) -> Value {
    let purchase = json!({ "payment": { "token": "tok_approve" } });
    let checkout = guest
        .post("/carts/current/complete", purchase)
        .key(&unique("key"));
    let checkout = checkout.ok(200).await;
    let order = checkout["order"]["id"].as_str().expect("an id").to_owned();
    open.shop.order(&order).await
}

#[tokio::test]
async fn a_cart_and_its_order_are_taxed_by_the_calculator_while_it_is_chosen() {
    let open = open("exclude_tax").await;
    let (guest, cart) = filled(&open, "LS1 1AA").await;
    check(&cart["totals"], "calculator", "tax", 200, 1_200);
    let tax = &cart["lines"][0]["tax"];
    assert_eq!(
        (&tax["name"], &tax["rate"], &tax["amount"]),
        (&json!("Tax"), &json!("0.2"), &pence(200))
    );
    // A change that is answered with little is priced line by line, and comes to the same.
    let line = cart["lines"][0]["id"].as_str().expect("an id");
    let path = format!("/carts/current/lines/{line}");
    let changed = guest.patch(&path, json!({ "quantity": 2 }));
    let changed = changed.minimal().ok(200).await;
    check(&changed["totals"], "calculator", "tax", 400, 2_400);
    let read = guest.get("/carts/current").ok(200).await;
    assert_eq!(read["totals"], changed["totals"]);

    // Switched off, it is the table's at once; and on again.
    let refused = open
        .shop
        .staff
        .patch("/admin/settings", json!({ "tax_calculator": "abacus" }));
    let refused = refused.refused(422, "request.invalid_fields").await;
    assert_eq!(refused["errors"][0]["code"], "settings.unknown_choice");
    let settings = choose(&open, json!({ "tax_calculator": null })).await;
    assert_eq!(settings["tax_calculator"], Value::Null);
    let read = guest.get("/carts/current").ok(200).await;
    check(&read["totals"], "table", "tax", 200, 2_200);
    let settings = choose(&open, json!({ "tax_calculator": "fake" })).await;
    assert_eq!(settings["tax_calculator"], "fake");
    let read = guest.get("/carts/current").ok(200).await;
    check(&read["totals"], "calculator", "tax", 400, 2_400);

    let order = buy(&open, &guest).await;
    assert_eq!(order["totals"], read["totals"]);
}

#[tokio::test]
async fn a_calculated_tax_is_contained_where_prices_contain_tax() {
    let open = open("include_tax").await;
    let (guest, cart) = filled(&open, "LS1 1AA").await;
    check(&cart["totals"], "calculator", "tax_included", 167, 1_000);
    check(
        &buy(&open, &guest).await["totals"],
        "calculator",
        "tax_included",
        167,
        1_000,
    );
}

#[tokio::test]
async fn the_table_stands_in_for_a_calculator_that_is_slow_away_or_wrong_and_says_so() {
    let open = open("exclude_tax").await;
    for code in ["ZE99 1AA", "ZE99 2AA", "ZE99 6AA"] {
        let (guest, cart) = filled(&open, code).await;
        check(&cart["totals"], "fallback", "tax", 100, 1_100);
        let order = buy(&open, &guest).await;
        check(&order["totals"], "fallback", "tax", 100, 1_100);
    }
    // Before it is known where the goods go there is nothing to ask.
    let variant = open.shop.variant(1_000, None).await;
    let guest = open.shop.guest().await;
    open.shop.cart(&guest, &[(&variant, 1)]).await;
    let read = guest.get("/carts/current").ok(200).await;
    assert_eq!(read["totals"]["tax_source"], "table");
}

#[tokio::test]
async fn who_waited_for_the_calculator_is_told_the_order_that_was_made_meanwhile() {
    // A calculator that is silent is silent for the whole store.
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    shop.settings(json!({ "tax_calculator": "fake" })).await;
    let variant = shop.variant(1_000, Some(10)).await;
    let guest = shop.guest().await;
    let cart = shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let mut address = address("GB");
    address["postal_code"] = json!("ZE99 1AA");
    let path = format!("/carts/{cart}");
    let details = json!({ "shipping_address": address });
    guest.patch(&path, details).ok(200).await;
    // The calculator is asked anew of the first, and known what it says of the second.
    shop.set_price(&variant, 1_100).await;
    let complete = async || {
        let body = json!({ "payment": { "token": "tok_approve" } });
        let key = unique("key");
        guest
            .post(&format!("{path}/complete"), body)
            .key(&key)
            .ok(200)
            .await
    };
    let second = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        shop.set_price(&variant, 1_000).await;
        complete().await
    };
    let began = Instant::now();
    let (late, quick) = tokio::join!(async { (complete().await, began.elapsed()) }, async {
        (second.await, began.elapsed())
    });
    assert!(quick.1 < late.1, "{quick:?} {late:?}");
    assert_eq!(late.0["order"]["id"], quick.0["order"]["id"]);
    assert_eq!(shop.orders().await.len(), 1);
}
