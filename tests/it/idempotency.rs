//! Idempotency keys: a repeat is answered as the first time, by the same caller, for the same request.

mod staff;

use crate::support::{Call, Client, OpenShop, Purchase, id_of, pence, unique, until};
use serde_json::{Value, json};

const LINES: &str = "/carts/current/lines";

/// Sends the same refused call twice under one key: the second answer is the first, marked.
async fn check_refusal_is_kept(guest: &Client, body: &Value, status: u16, code: &str) {
    let key = unique("key");
    let first = guest.post(LINES, body.clone()).key(&key).send().await;
    assert!(!first.is_replayed());
    let first = first.expect_refused(status, code);
    let second = guest.post(LINES, body.clone()).key(&key).send().await;
    assert!(second.is_replayed(), "{code} is not kept: {}", second.text);
    let second = second.expect_refused(status, code);
    assert_eq!(
        (&first["message"], &first["details"]),
        (&second["message"], &second["details"])
    );
    assert_ne!(first["request_id"], second["request_id"]);
}

#[tokio::test]
async fn a_repeat_is_answered_from_the_first_time_and_marked() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(100, None).await;
    let guest = shop.guest().await;
    let key = unique("key");
    let add = || {
        guest
            .post(LINES, json!({ "variant_id": variant.id, "quantity": 2 }))
            .key(&key)
    };
    let first = add().send().await;
    assert!(!first.is_replayed());
    let first = first.expect(200);
    for _ in 0..3 {
        let again = add().send().await;
        assert!(again.is_replayed());
        assert_eq!(again.expect(200), first);
    }
    let cart = guest.get("/carts/current").ok(200).await;
    assert_eq!(
        (&cart["totals"]["units"], &cart["version"]),
        (&json!(2), &first["version"])
    );
    // A new key is a new request.
    let other = guest
        .post(LINES, json!({ "variant_id": variant.id, "quantity": 2 }))
        .key(&unique("key"));
    assert_eq!(other.ok(200).await["totals"]["units"], 4);
}

#[tokio::test]
async fn a_purchase_is_repeated_with_the_same_order() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(100, Some(5)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let key = unique("key");
    let purchase = Purchase {
        key: &key,
        token: "tok_approve",
    };
    let first = open.shop.complete(&guest, &cart, &purchase).await;
    assert!(!first.is_replayed());
    let first = first.expect(200);
    let second = open.shop.complete(&guest, &cart, &purchase).await;
    assert!(second.is_replayed());
    let second = second.expect(200);
    assert_eq!(
        (&second["id"], &second["order"]["id"]),
        (&first["id"], &first["order"]["id"])
    );
    assert_eq!(second["order"]["number"], first["order"]["number"]);
}

#[tokio::test]
async fn a_key_that_was_answered_with_a_completed_cart_buys_no_other() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(100, Some(5)).await;
    let guest = open.shop.guest().await;
    let first = open.shop.buy(&guest, &open.method, &[(&variant, 1)]).await;
    let (cart, key) = (first["cart_id"].as_str().unwrap_or_default(), unique("key"));
    let complete = |path: &str, token: &str| {
        let body = json!({ "payment": { "token": token } });
        guest.post(path, body).key(&key)
    };
    let path = format!("/carts/{cart}/complete");
    let same = complete(&path, "tok_approve").send().await;
    assert!(!same.is_replayed());
    assert_eq!(same.expect(200)["order"]["id"], first["order"]["id"]);
    complete(&path, "tok_other")
        .refused(422, "idempotency.key_reused")
        .await;
    open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let again = complete(&path, "tok_approve").send().await;
    assert!(again.is_replayed());
    assert_eq!(again.expect(200)["order"]["id"], first["order"]["id"]);
    assert_eq!(open.shop.orders().await.len(), 1);
    assert_eq!(open.server.ledger().payments.len(), 1);
}

#[tokio::test]
async fn a_start_is_repeated_with_its_checkout_whatever_became_of_it() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(100, Some(5)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let (begins, joins, fails) = (unique("key"), unique("key"), unique("key"));
    let path = format!("/carts/{cart}/checkout");
    let start = async |key: &str, is_replayed| {
        let answer = guest.post(&path, json!({})).key(key).send().await;
        assert_eq!(answer.is_replayed(), is_replayed, "{}", answer.text);
        answer.expect(201)
    };
    let checkout = start(&begins, false).await;
    assert_eq!(start(&joins, false).await["id"], checkout["id"]);
    let path_of = |checkout: &Value, what: &str| {
        let id = checkout["id"].as_str().unwrap_or_default();
        format!("/checkouts/{id}/{what}")
    };
    guest
        .post(&path_of(&checkout, "abandon"), json!({}))
        .ok(200)
        .await;
    for key in [&begins, &joins] {
        let again = start(key, true).await;
        assert_eq!(
            (&again["id"], &again["state"]),
            (&checkout["id"], &json!("abandoned"))
        );
    }
    // So is one whose payment was declined.
    let checkout = start(&fails, false).await;
    let declined = json!({ "payment": { "token": "tok_decline" } });
    guest
        .post(&path_of(&checkout, "complete"), declined)
        .key(&unique("key"))
        .refused(402, "payment.declined")
        .await;
    let again = start(&fails, true).await;
    assert_eq!(
        (&again["id"], &again["state"]),
        (&checkout["id"], &json!("refused"))
    );
}

#[tokio::test]
async fn one_key_means_one_body_one_path_and_one_caller() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(100, None).await;
    let guest = shop.guest().await;
    let key = unique("key");
    let body = json!({ "variant_id": variant.id, "quantity": 2 });
    guest.post(LINES, body.clone()).key(&key).ok(200).await;
    let other_body = json!({ "variant_id": variant.id, "quantity": 3 });
    guest
        .post(LINES, other_body)
        .key(&key)
        .refused(422, "idempotency.key_reused")
        .await;
    guest
        .post("/carts", json!({}))
        .key(&key)
        .refused(422, "idempotency.key_reused")
        .await;
    // Nor may it be another body where none is read.
    let start = unique("key");
    let checkout = "/carts/current/checkout";
    guest.post(checkout, json!({})).key(&start).ok(201).await;
    let again = guest.post(checkout, json!({})).key(&start).send().await;
    assert!(again.is_replayed());
    let other_body = json!({ "note": "other" });
    guest
        .post(checkout, other_body)
        .key(&start)
        .refused(422, "idempotency.key_reused")
        .await;
    // Somebody else's key is another key.
    let other = shop.guest().await;
    let answer = other.post(LINES, body.clone()).key(&key).send().await;
    assert!(!answer.is_replayed());
    answer.expect(200);
    // On reads it means nothing.
    let read = guest.get("/carts/current").key(&key).send().await;
    assert!(!read.is_replayed());
    assert_eq!(read.expect(200)["totals"]["units"], 2);
}

#[tokio::test]
async fn completing_needs_a_key_of_at_most_255_characters() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(100, None).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let path = format!("/carts/{cart}/complete");
    let body = json!({ "payment": { "token": "tok_approve" } });
    guest
        .post(&path, body.clone())
        .refused(400, "idempotency.key_missing")
        .await;
    let complete = |key: &str| guest.post(&path, body.clone()).key(key);
    complete(&"k".repeat(256))
        .refused(400, "idempotency.key_too_long")
        .await;
    complete("").refused(400, "idempotency.key_malformed").await;
    let lines = format!("/carts/{cart}/lines");
    let add = guest
        .post(&lines, json!({ "variant_id": variant.id }))
        .key(&"k".repeat(256));
    add.refused(400, "idempotency.key_too_long").await;
    let done = complete(&format!("{:k<255}", unique("key"))).ok(200).await;
    let path = format!("/checkouts/{}/complete", done["id"].as_str().unwrap_or_default());
    guest
        .post(&path, body)
        .refused(400, "idempotency.key_missing")
        .await;
}

#[tokio::test]
async fn refusals_are_kept_too() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let (short, unpriced) = (shop.variant(100, Some(1)).await, shop.variant(100, None).await);
    shop.staff
        .put(&format!("/admin/variants/{}/price", unpriced.id), Value::Null)
        .ok(200)
        .await;
    let guest = shop.guest().await;
    guest.post("/carts", json!({})).ok(201).await;
    check_refusal_is_kept(
        &guest,
        &json!({ "variant_id": short.id, "quantity": 2 }),
        409,
        "cart.insufficient_stock",
    )
    .await;
    check_refusal_is_kept(
        &guest,
        &json!({ "variant_id": unpriced.id }),
        409,
        "cart.not_for_sale",
    )
    .await;
    check_refusal_is_kept(
        &guest,
        &json!({ "variant_id": short.id, "quantity": 0 }),
        422,
        "cart.quantity_zero",
    )
    .await;
    let unknown = "var_0192f3a4b5c67d8e9fa0b1c2d3e4f506";
    check_refusal_is_kept(
        &guest,
        &json!({ "variant_id": unknown }),
        404,
        "variant.not_found",
    )
    .await;
    check_refusal_is_kept(&guest, &json!({ "sku": "NO-SUCH-SKU" }), 404, "variant.not_found").await;
}

#[tokio::test]
async fn a_kept_refusal_stays_when_it_could_be_done_by_now() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(100, Some(1)).await;
    let guest = shop.guest().await;
    guest.post("/carts", json!({})).ok(201).await;
    let key = unique("key");
    let add = |key: &str| {
        guest
            .post(LINES, json!({ "variant_id": variant.id, "quantity": 2 }))
            .key(key)
    };
    add(&key).refused(409, "cart.insufficient_stock").await;
    shop.set_stock(&variant, 2).await;
    add(&key).refused(409, "cart.insufficient_stock").await;
    add(&unique("key")).ok(200).await;
}

#[tokio::test]
async fn an_unfinished_purchase_is_in_progress_for_its_key() {
    let open = OpenShop::fresh().await;
    open.shop.settings(json!({ "provider_seconds": 3 })).await;
    let variant = open.shop.variant(100, Some(5)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let key = unique("key");
    let purchase = Purchase {
        key: &key,
        token: "tok_hang",
    };
    let second = async {
        until("the first is at work", async || {
            (open.shop.units(&variant).await.1 == 1).then_some(())
        })
        .await;
        open.shop.complete(&guest, &cart, &purchase).await
    };
    let (first, second) = tokio::join!(open.shop.complete(&guest, &cart, &purchase), second);
    assert_eq!(second.header("retry-after"), Some("1"));
    second.expect_refused(409, "idempotency.in_progress");
    assert_eq!(first.expect(202)["state"], "payment_unknown");
}

#[tokio::test]
async fn keys_of_callers_without_a_session_are_ignored() {
    let OpenShop { server, .. } = OpenShop::shared().await;
    let key = unique("key");
    let open = async || {
        let answer = server.guest().post("/carts", json!({})).key(&key).send().await;
        assert!(!answer.is_replayed());
        answer.expect(201)["id"].clone()
    };
    assert_ne!(open().await, open().await);
}

#[tokio::test]
async fn a_first_add_is_done_once_also_when_it_is_repeated_with_the_cookie_that_it_was_given() {
    let OpenShop { server, shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(100, None).await;
    for (path, body) in [
        (LINES, json!({ "variant_id": variant.id, "quantity": 2 })),
        ("/carts", json!({})),
    ] {
        let (guest, key) = (server.guest(), unique("key"));
        let first = guest.post(path, body.clone()).key(&key).send().await;
        assert!(!first.is_replayed());
        assert!(guest.session().is_some(), "the answer sets a cookie");
        let again = guest.post(path, body).key(&key).send().await;
        assert!(again.is_replayed(), "{path}: {}", again.text);
        assert_eq!(again.json["id"], first.json["id"]);
        assert_eq!(again.json["totals"], first.json["totals"]);
    }
}

/// A call, made under a key, and what then takes the ground from under it.
struct Undone<'a> {
    call: Box<dyn Fn(&'a str) -> Call<'a> + 'a>,
    status: u16,
    undo: Call<'a>,
}

#[tokio::test]
async fn what_was_done_is_answered_again_where_it_could_not_be_done_any_more() {
    let open = OpenShop::fresh().await;
    let (shop, staff) = (&open.shop, &open.shop.staff);
    let variant = shop.variant(100, Some(5)).await;
    let made = async |path: &str, body: Value| id_of(&staff.post(path, body).ok(201).await);
    let zone = shop.zone("France", &["FR"], "0.2").await;
    let list = made("/admin/price-lists", json!({ "name": "Trade" })).await;
    let customer = made("/admin/customers", json!({ "external_id": unique("leaves") })).await;
    let credit = format!("/admin/customers/{customer}/store-credit/adjustments");
    let owed = json!({ "amount": pence(500), "reason": "goodwill" });
    staff.post(&credit, owed).ok(200).await;
    let all = [
        Undone {
            call: Box::new(|key| {
                let promotion = json!({
                    "name": "There",
                    "conditions": { "zones": [zone] },
                    "actions": [{ "type": "order", "percentage": "0.1" }],
                });
                staff.post("/admin/promotions", promotion).key(key)
            }),
            status: 201,
            undo: staff.delete(&format!("/admin/tax/zones/{zone}")),
        },
        Undone {
            call: Box::new(|key| {
                let row = json!({ "price_list_id": list, "from_quantity": 1, "price": pence(90) });
                let sku = format!("{}-{key}", variant.sku);
                let product = format!("/admin/products/{}/variants", variant.product_id);
                staff
                    .post(&product, json!({ "sku": sku, "list_prices": [row] }))
                    .key(key)
            }),
            status: 201,
            undo: staff.delete(&format!("/admin/price-lists/{list}")),
        },
        Undone {
            call: Box::new(|key| {
                let paid_out = json!({ "amount": pence(-500), "reason": "paid out" });
                staff.post(&credit, paid_out).key(key)
            }),
            status: 200,
            undo: staff.delete(&format!("/admin/customers/{customer}")),
        },
    ];
    let keys = [["a", "b"], ["c", "d"], ["e", "f"]];
    for (Undone { call, status, undo }, [key, other]) in all.into_iter().zip(keys) {
        let first = call(key).send().await;
        assert!(!first.is_replayed());
        first.expect(status);
        let undone = undo.send().await;
        assert!(undone.status < 300, "{}", undone.text);
        let again = call(key).send().await;
        assert!(again.is_replayed(), "{}", again.text);
        again.expect(status);
        // Under another key it is refused.
        let other = call(other).send().await;
        assert!((400..500).contains(&other.status), "{}", other.text);
    }
}

#[tokio::test]
async fn what_is_refused_before_anything_is_done_is_kept_under_its_key_too() {
    let open = OpenShop::shared().await;
    let staff = &open.shop.staff;
    let none = "0".repeat(32);
    let attempts = json!({ "attempts": vec![json!({ "code": "NONE" }); 501] });
    for (path, body, other, code) in [
        (
            format!("/admin/gift-cards/sv_{none}/adjustments"),
            json!({ "amount": pence(100), "reason": "goodwill" }),
            json!({ "amount": pence(200), "reason": "goodwill" }),
            "stored_value.not_found",
        ),
        (
            format!("/checkouts/chk_{none}/abandon"),
            json!({}),
            json!({}),
            "checkout.not_found",
        ),
        (
            "/admin/promotions/judge".to_owned(),
            attempts,
            json!({ "attempts": [{ "code": "NONE" }] }),
            "promotion.too_many_attempts",
        ),
    ] {
        let key = unique("key");
        let first = staff.post(&path, body.clone()).key(&key).send().await;
        assert!(!first.is_replayed());
        let status = first.status;
        first.expect_refused(status, code);
        let again = staff.post(&path, body.clone()).key(&key).send().await;
        assert!(again.is_replayed(), "{path}: {}", again.text);
        again.expect_refused(status, code);
        // Giving up has no body, so that there is no other.
        if other != body {
            let other = staff.post(&path, other).key(&key);
            other.refused(422, "idempotency.key_reused").await;
        }
    }
}

#[tokio::test]
async fn a_key_is_remembered_over_a_restart() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(100, Some(5)).await;
    let guest = open.shop.guest().await;
    let key = unique("key");
    let body = json!({ "variant_id": variant.id, "quantity": 2 });
    let first = guest.post(LINES, body.clone()).key(&key).ok(200).await;
    let server = open.into_server().kill_and_restart();
    let guest = guest.at(server.url());
    let again = guest.post(LINES, body).key(&key).send().await;
    assert!(again.is_replayed());
    assert_eq!(again.expect(200)["lines"], first["lines"]);
}

#[tokio::test]
async fn no_key_is_taken_for_that_of_a_part_of_a_request() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let promotion = json!({
        "name": unique("Parts"),
        "enabled": true,
        "requires_code": true,
        "actions": [{ "type": "order", "percentage": "0.1" }],
    });
    let made = shop.staff.post("/admin/promotions", promotion).ok(201).await;
    let path = format!("/admin/promotions/{}/codes", id_of(&made));
    let key = unique("key");
    let add = |key: String| {
        let codes = json!({ "codes": [unique("CODE")] });
        let add = shop.staff.post(&path, codes).key(&key);
        async move { add.ok(200).await["results"][0]["outcome"].clone() }
    };
    assert_eq!(add(key.clone()).await, "created");
    // Codes are kept under a key that the engine makes of the request's.
    for joined in ["/added", " added", ":added", "added"] {
        assert_eq!(add(format!("{key}{joined}")).await, "created", "{joined}");
    }
}
