//! The demo: what it loads, and what it leaves alone.

use crate::support::{Directory, Server, unique};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn the_demo_has_a_catalog_and_says_what_to_try() {
    let directory = Directory::new();
    let demo = Server::start_as("demo", &directory, &[], &[]);
    let says = |part: &'static str| demo.said(|line| line.contains(part).then_some(()));
    assert!(says("/carts/current/lines").is_some(), "it says how to buy");
    let products = demo.guest().get("/products?limit=100").ok(200).await;
    assert_eq!(products["items"].as_array().map(Vec::len), Some(100));
    let method = demo.staff().get("/admin/shipping/methods").ok(200).await["items"][0]["id"].clone();
    let variant = &products["items"][0]["variants"][0];
    let guest = demo.shop().guest().await;
    guest
        .post("/carts/current/lines", json!({ "sku": variant["sku"] }))
        .ok(200)
        .await;
    let details = json!({
        "email": "ada@example.com", "shipping_address": crate::support::address("GB"), "shipping_method_id": method,
    });
    guest.patch("/carts/current", details).ok(200).await;
    let pay = json!({ "payment": { "token": "tok_approve" } });
    let bought = guest
        .post("/carts/current/complete", pay)
        .key(&unique("key"))
        .ok(200)
        .await;
    assert_eq!(bought["order"]["number"], 1);
    let available = variant["available"].as_i64().unwrap_or_default();
    let path = format!("/variants/{}", variant["id"].as_str().unwrap_or_default());

    // A second start leaves the shop as it was sold from.
    let demo = Server::start_as("demo", &demo.kill(), &[], &[]);
    assert!(
        demo.said(|line| line.contains("/carts/current/lines").then_some(()))
            .is_some()
    );
    assert_eq!(demo.guest().get(&path).ok(200).await["available"], available - 1);
}

#[tokio::test]
async fn a_demo_that_was_interrupted_while_it_loaded_is_filled_at_the_next_start() {
    let directory = Directory::new();
    let begun = Server::start(&directory);
    // The first row of its catalog, as a demo would have left it.
    let row = json!({ "row": 1, "sku": "15036", "title": "ASSORTED COLOURS SILK FAN", "stock": 7 });
    let rows = json!({ "rows": [row] });
    begun.staff().post("/admin/catalog/import", rows).ok(200).await;
    let demo = Server::start_as("demo", &begun.kill(), &[], &[]);
    let says = |part: &'static str| demo.said(|line| line.contains(part).then_some(()));
    assert!(says("/carts/current/lines").is_some(), "it says how to buy");
    let staff = demo.staff();
    let mut found = Vec::new();
    let mut path = "/admin/products?limit=100".to_owned();
    loop {
        let page = staff.get(&path).ok(200).await;
        found.extend(page["items"].as_array().cloned().unwrap_or_default());
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/admin/products?limit=100&cursor={next}");
    }
    assert_eq!(found.len(), 300);
    let kept = found
        .iter()
        .find(|product| product["variants"][0]["sku"] == "15036");
    let available = kept.map(|product| &product["variants"][0]["available"]);
    assert_eq!(available, Some(&json!(7)), "what was there is left alone");
    for list in ["/admin/shipping/methods", "/admin/tax/zones"] {
        let items = staff.get(list).ok(200).await["items"].clone();
        assert_eq!(items.as_array().map(Vec::len), Some(1), "{list}");
    }
}

#[tokio::test]
async fn the_demo_leaves_a_shop_alone_that_has_some_of_its_skus_or_another_currency() {
    let check = async |path: &str, body: Value, products: usize| {
        let directory = Directory::new();
        let own = Server::start(&directory);
        let method = match path {
            "/admin/settings" => Method::PATCH,
            _ => Method::POST,
        };
        let call = own.staff().call(method, path).json(&body).send().await;
        assert!([200, 201].contains(&call.status), "{}", call.text);
        let demo = Server::start_as("demo", &own.kill(), &[], &[]);
        let says = |part: &'static str| demo.said(|line| line.contains(part).then_some(()));
        assert!(says("the demo's catalog was not loaded").is_some());
        let listed = demo.staff().get("/admin/products").ok(200).await;
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(products));
    };
    let row = json!({ "row": 1, "sku": "15036", "title": "Fan of the house", "stock": 7 });
    check("/admin/catalog/import", json!({ "rows": [row] }), 1).await;
    check("/admin/settings", json!({ "currency": "EUR" }), 0).await;
}
