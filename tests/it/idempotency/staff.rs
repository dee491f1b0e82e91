//! Keys of staff.

use super::LINES;
use crate::support::{OpenShop, unique};
use serde_json::json;

#[tokio::test]
async fn one_key_of_staff_stands_for_a_request_in_each_session() {
    let OpenShop { shop, server, .. } = OpenShop::shared().await;
    let variant = shop.variant(100, None).await;
    let body = json!({ "variant_id": variant.id, "quantity": 2 });
    let (key, token) = (unique("key"), server.token());
    let mut carts = Vec::new();
    for shopper in [shop.guest().await, shop.guest().await] {
        let shopper = shopper.with_token(token);
        let add = async |is_replayed| {
            let answer = shopper.post(LINES, body.clone()).key(&key).send().await;
            assert_eq!(answer.is_replayed(), is_replayed, "{}", answer.text);
            answer.expect(200)
        };
        let first = add(false).await;
        assert_eq!(first["totals"]["units"], 2);
        assert_eq!(add(true).await, first);
        carts.push(first["id"].clone());
    }
    // Without a cookie a session is opened at each try, and the key is staff's alone.
    let add = async || server.staff().post(LINES, body.clone()).key(&key).send().await;
    let first = add().await;
    assert!(!first.is_replayed());
    let (first, again) = (first.expect(200), add().await);
    assert!(again.is_replayed());
    assert_eq!(again.expect(200)["id"], first["id"]);
    carts.push(first["id"].clone());
    assert!(carts[0] != carts[1] && carts[1] != carts[2] && carts[2] != carts[0]);
}

#[tokio::test]
async fn staff_repeats_without_making_things_twice() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let (key, sku) = (unique("key"), unique("SKU"));
    let body = json!({ "title": "Once", "handle": unique("once"), "status": "active", "variants": [{ "sku": sku }] });
    let make = || shop.staff.post("/admin/products", body.clone()).key(&key);
    let first = make().ok(201).await;
    let again = make().send().await;
    assert!(again.is_replayed());
    assert_eq!(again.expect(201)["id"], first["id"]);

    let variant = shop.variant(100, Some(10)).await;
    let path = format!("/admin/variants/{}/stock/adjustments", variant.id);
    let key = unique("key");
    for _ in 0..3 {
        let adjust = shop
            .staff
            .post(&path, json!({ "delta": -2, "reason": "broken" }))
            .key(&key);
        assert_eq!(adjust.ok(200).await["on_hand"], 8);
    }
}

#[tokio::test]
async fn staff_who_repeat_an_opening_without_its_cookie_do_not_get_its_session_a_second_time() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(100, None).await;
    let line = json!({ "variant_id": variant.id, "quantity": 1 });
    for (path, body, status) in [("/carts", json!({}), 201), (LINES, line.clone(), 200)] {
        let key = unique("key");
        let till = || open.server.guest().with_token(open.server.token());
        let (first, second) = (till(), till());
        let cart = first.post(path, body.clone()).key(&key).ok(status).await;
        let email = json!({ "email": "ada@example.com" });
        first.patch("/carts/current", email).ok(200).await;
        let again = second.post(path, body).key(&key).send().await;
        assert!(again.is_replayed(), "{}", again.text);
        assert_eq!(again.expect(status)["id"], cart["id"]);
        // Whoever has only the new cookie.
        let shopper = second.without_token();
        assert_eq!(shopper.get("/session").ok(200).await["cart_id"], json!(null));
        let own = shopper.post(LINES, line.clone()).ok(200).await;
        assert_ne!(own["id"], cart["id"]);
        assert_eq!(own["email"], json!(null));
        assert_eq!(shopper.get("/carts/current").ok(200).await["id"], own["id"]);
    }
}

#[tokio::test]
async fn a_key_of_staff_is_theirs_whatever_cookie_comes_along() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(100, Some(5)).await;
    let key = unique("key");
    let path = format!("/admin/variants/{}/stock/adjustments", variant.id);
    let adjust = async |cookie: Option<String>| {
        let came = json!({ "delta": 5, "reason": "delivery" });
        let mut call = shop.staff.post(&path, came).key(&key);
        if let Some(session) = cookie {
            call = call.header("cookie", &format!("cartwright_session={session}"));
        }
        let answer = call.send().await;
        (answer.is_replayed(), answer.expect(200)["on_hand"].clone())
    };
    assert_eq!(adjust(None).await, (false, json!(10)));
    for _ in 0..2 {
        let guest = shop.guest().await;
        guest.post("/carts", json!({})).ok(201).await;
        assert_eq!(adjust(guest.session()).await, (true, json!(10)));
    }
    assert_eq!(adjust(None).await, (true, json!(10)));
}
