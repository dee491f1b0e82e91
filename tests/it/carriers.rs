//! What the carrier says: to staff who ask, and to carts whose shipping goes by its prices.

use crate::support::{Client, OpenShop, Shop, address, pence, unique};
use serde_json::{Value, json};

/// An address in Britain with a postal code.
fn at(postal_code: &str) -> Value {
    let mut to = address("GB");
    to["postal_code"] = json!(postal_code);
    to
}

/// Makes a method that goes by the carrier's express: 10% on top, 0.25 of handling, 7.00 where it is silent.
async fn express(shop: &Shop) -> String {
    let body = json!({
        "name": unique("Express"),
        "countries": ["GB"],
        "tariffs": [{
            "currency": "GBP", "handling_fee": 25,
            "carrier": { "service": "express", "markup": "0.1", "fallback": { "flat": 700 } },
        }],
    });
    let method = shop.staff.post("/admin/shipping/methods", body).ok(201).await;
    let carrier = json!({ "service": "express", "markup": "0.1", "fallback": { "flat": 700 } });
    assert_eq!(method["tariffs"][0]["carrier"], carrier);
    assert_eq!(method["price"], Value::Null);
    method["id"].as_str().expect("an id").to_owned()
}

/// Fills a cart with goods of 900 g that go to an address by a method.
async fn filled(shop: &Shop, to: Value, method: &str) -> (Client, Value) {
    let sku = unique("SKU");
    let body = json!({
        "title": "Cup", "status": "active",
        "variants": [{ "sku": sku, "price": pence(1_000), "weight_grams": 900 }],
    });
    shop.staff.post("/admin/products", body).ok(201).await;
    let guest = shop.guest().await;
    guest.post("/carts", json!({})).ok(201).await;
    let line = json!({ "sku": sku, "quantity": 1 });
    guest.post("/carts/current/lines", line).ok(200).await;
    let details = json!({ "email": "ada@example.com", "shipping_address": to, "shipping_method_id": method });
    let cart = guest.patch("/carts/current", details).ok(200).await;
    (guest, cart)
}

#[tokio::test]
async fn staff_ask_what_a_parcel_costs_and_whether_an_address_can_be_reached() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let parcel = json!({ "to": at("LS1 1AA"), "weight_grams": 900, "currency": "GBP" });
    let rates = shop
        .staff
        .post("/admin/shipping/carrier-rates", parcel)
        .ok(200)
        .await;
    let rate = |service: &str, name: &str, price, from: u8, to: u8| {
        json!({
            "service": service, "name": name, "price": pence(price), "transit_days": { "from": from, "to": to },
        })
    };
    let items = [
        rate("ground", "Ground", 390, 2, 4),
        rate("express", "Express", 890, 1, 1),
    ];
    assert_eq!(rates, json!({ "carrier": "fake", "items": items }));

    let refused = async |body: Value, status, code: &str| {
        let asked = shop.staff.post("/admin/shipping/carrier-rates", body);
        asked.refused(status, code).await
    };
    refused(
        json!({ "to": at("QQ1 1AA"), "weight_grams": 1 }),
        422,
        "request.invalid_fields",
    )
    .await;
    let heavy = refused(
        json!({ "to": at("LS1 1AA"), "weight_grams": 30_001 }),
        422,
        "carrier.refused",
    )
    .await;
    assert_eq!(heavy["details"]["carrier_code"], "too_heavy");
    refused(
        json!({ "to": at("ZE99 2AA"), "weight_grams": 1 }),
        503,
        "carrier.unavailable",
    )
    .await;
    let limited = refused(
        json!({ "to": at("ZE99 3AA"), "weight_grams": 1 }),
        503,
        "carrier.unavailable",
    )
    .await;
    assert_eq!(limited["details"]["retry_after"], 30);

    let check = async |to: Value| {
        shop.staff
            .post("/admin/shipping/address-checks", to)
            .ok(200)
            .await
    };
    assert_eq!(check(at("LS1 1AA")).await["deliverable"], true);
    let verdict = check(at("ZE99 4AA")).await;
    assert_eq!(
        (&verdict["deliverable"], &verdict["address"]["postal_code"]),
        (&json!(false), &json!("ZE99 4AA"))
    );
    let mut spread = at("LS1 1AA");
    spread["line1"] = json!("1  Mill   Lane");
    assert_eq!(check(spread).await["suggestion"]["line1"], "1 Mill Lane");
    let guest = shop.guest().await;
    let asked = guest.post("/admin/shipping/address-checks", at("LS1 1AA"));
    asked.refused(401, "auth.token_required").await;
}

#[tokio::test]
async fn shipping_goes_by_what_the_carrier_asks_and_falls_back_where_it_is_silent() {
    // A carrier that is silent is silent for the whole store.
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    let method = express(shop).await;
    // 8.90 of the carrier, 0.89 on top, 0.25 of handling.
    let (guest, cart) = filled(shop, at("LS1 1AA"), &method).await;
    let shipping = |cart: &Value| {
        (
            cart["totals"]["shipping"].clone(),
            cart["totals"]["shipping_source"].clone(),
        )
    };
    assert_eq!(shipping(&cart), (pence(1_004), json!("carrier")));
    assert_eq!(
        shipping(&guest.get("/carts/current").ok(200).await),
        (pence(1_004), json!("carrier"))
    );
    let options = guest.get("/carts/current/shipping-options").ok(200).await;
    let option = options["items"]
        .as_array()
        .and_then(|items| items.iter().find(|item| item["id"] == json!(method)));
    let option = option.expect("the method is offered");
    assert_eq!(
        (&option["price"], &option["source"]),
        (&pence(1_004), &json!("carrier"))
    );
    // 1,800 g are the next step: 10.90, 1.09 and 0.25.
    let line = cart["lines"][0]["id"].as_str().expect("an id").to_owned();
    let cart = guest
        .patch(&format!("/carts/current/lines/{line}"), json!({ "quantity": 2 }))
        .ok(200)
        .await;
    assert_eq!(shipping(&cart), (pence(1_224), json!("carrier")));

    // It answers that it does not go there.
    let (guest, cart) = filled(shop, at("ZE99 4AA"), &method).await;
    assert_eq!(shipping(&cart), (pence(0), Value::Null));
    let purchase = json!({ "payment": { "token": "tok_approve" } });
    let refused = guest
        .post("/carts/current/complete", purchase)
        .key(&unique("key"));
    refused.refused(422, "checkout.incomplete").await;

    let health = async || {
        let ready = guest.get("//health/ready").ok(200).await;
        let parts = ready["parts"].as_array().cloned().unwrap_or_default();
        let carrier = parts.iter().find(|part| part["name"] == "carrier");
        (
            ready["status"].clone(),
            carrier.map(|part| part["status"].clone()),
        )
    };
    assert_eq!(health().await, (json!("ok"), Some(json!("ok"))));

    // It does not answer in time, or at all, or says that it is asked too often; after which it is not asked at all.
    for silent in ["ZE99 1AA", "ZE99 2AA", "ZE99 3AA", "LS2 1AA"] {
        let (_, cart) = filled(shop, at(silent), &method).await;
        assert_eq!(shipping(&cart), (pence(725), json!("fallback")), "{silent}");
    }
    assert_eq!(health().await, (json!("degraded"), Some(json!("degraded"))));
}

#[tokio::test]
async fn an_order_keeps_what_the_carrier_asked() {
    // A carrier that is silent is silent for the whole store.
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    let method = express(shop).await;
    for (code, price, source) in [("LS1 1AA", 1_004, "carrier"), ("ZE99 2AA", 725, "fallback")] {
        let (guest, _) = filled(shop, at(code), &method).await;
        let checkout = guest
            .post(
                "/carts/current/complete",
                json!({ "payment": { "token": "tok_approve" } }),
            )
            .key(&unique("key"))
            .ok(200)
            .await;
        let order = shop.order(checkout["order"]["id"].as_str().expect("an id")).await;
        let totals = &order["totals"];
        assert_eq!(
            (&totals["shipping"], &totals["shipping_source"], &totals["total"]),
            (&pence(price), &json!(source), &pence(1_000 + price)),
            "{order}"
        );
    }
}
