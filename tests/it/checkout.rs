//! Checkouts: started, changed through, completed, given up, expired, refused.

use crate::support::{Client, OpenShop, Purchase, Variant, amount_of, pence, unique, until};
use serde_json::{Value, json};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn paid(token: &str) -> Value {
    json!({ "payment": { "token": token } })
}

/// Opens a cart that can be completed and starts its checkout; returns cart id and checkout.
async fn start(open: &OpenShop, guest: &Client, lines: &[(&Variant, u64)]) -> (String, Value) {
    let cart = open.shop.ready_cart(guest, &open.method, lines).await;
    let started = guest
        .post(&format!("/carts/{cart}/checkout"), json!({}))
        .ok(201)
        .await;
    (cart, started)
}

async fn state_of(guest: &Client, cart: &str) -> String {
    text(&guest.get(&format!("/carts/{cart}")).ok(200).await["state"]).to_owned()
}

#[tokio::test]
async fn starting_reserves_the_stock_and_locks_the_lines() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, Some(10)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 4)]).await;
    let started = guest
        .post(&format!("/carts/{cart}/checkout"), json!({}))
        .send()
        .await;
    assert_eq!(started.header("location"), started.json["status_url"].as_str());
    let checkout = started.expect(201);
    assert_eq!(
        (&checkout["state"], &checkout["cart_id"]),
        (&json!("started"), &json!(cart))
    );
    assert_eq!(
        (&checkout["order"], &checkout["problem"]),
        (&Value::Null, &Value::Null)
    );
    let expires: jiff::Timestamp = text(&checkout["expires_at"]).parse().expect("a time");
    let lives = expires.as_second() - jiff::Timestamp::now().as_second();
    assert!((590..=600).contains(&lives), "{lives}");
    assert_eq!(open.shop.units(&variant).await, (10, 4, 0));

    let shown = guest.get(&format!("/carts/{cart}")).ok(200).await;
    assert_eq!(
        (&shown["state"], &shown["checkout_id"]),
        (&json!("checkout"), &checkout["id"])
    );
    let lines = format!("/carts/{cart}/lines");
    let line = format!("{lines}/{}", text(&shown["lines"][0]["id"]));
    for call in [
        guest.post(&lines, json!({ "variant_id": variant.id })),
        guest.patch(&line, json!({ "quantity": 1 })),
        guest.delete(&line),
        guest.delete(&lines),
        guest.post("/carts/current/lines", json!({ "variant_id": variant.id })),
    ] {
        let problem = call.refused(409, "cart.locked").await;
        assert_eq!(problem["details"]["checkout_id"], checkout["id"]);
    }
    // One that is open is answered; no second one is made.
    let again = guest
        .post(&format!("/carts/{cart}/checkout"), json!({}))
        .ok(201)
        .await;
    assert_eq!(again["id"], checkout["id"]);
    assert_eq!(open.shop.units(&variant).await, (10, 4, 0));
}

#[tokio::test]
async fn details_are_changed_through_the_checkout_and_then_it_is_completed() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, Some(10)).await;
    let guest = open.shop.guest().await;
    let cart = text(&open.shop.cart(&guest, &[(&variant, 2)]).await["id"]).to_owned();
    let checkout = guest
        .post(&format!("/carts/{cart}/checkout"), json!({}))
        .ok(201)
        .await;
    let path = format!("/checkouts/{}", text(&checkout["id"]));

    let complete = guest
        .post(&format!("{path}/complete"), paid("tok_approve"))
        .key(&unique("key"));
    let problem = complete.refused(422, "checkout.incomplete").await;
    let codes: Vec<&str> = problem["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|error| text(&error["code"]))
        .collect();
    assert_eq!(
        codes,
        [
            "checkout.email_missing",
            "checkout.address_missing",
            "checkout.shipping_missing"
        ]
    );
    assert_eq!(guest.get(&path).ok(200).await["state"], "started");

    let details = json!({
        "email": "ada@example.com",
        "shipping_address": crate::support::address("GB"),
        "shipping_method_id": open.method,
    });
    let bad = json!({ "email": "ada" });
    guest
        .patch(&path, bad)
        .refused(422, "request.invalid_fields")
        .await;
    guest.patch(&path, details).ok(200).await;
    let complete = guest
        .post(&format!("{path}/complete"), paid("tok_approve"))
        .key(&unique("key"));
    let done = complete.ok(200).await;
    assert_eq!(
        (&done["state"], &done["id"]),
        (&json!("completed"), &checkout["id"])
    );
    assert_eq!(
        (&done["total"], &done["order"]["total"]),
        (&pence(1000), &pence(1000))
    );
    assert_eq!(done["order"]["status"], "confirmed");
    until("the stock is allocated", async || {
        (open.shop.units(&variant).await == (10, 0, 2)).then_some(())
    })
    .await;
    assert_eq!(state_of(&guest, &cart).await, "completed");
    guest
        .patch(&path, json!({ "email": "late@example.com" }))
        .refused(409, "cart.completed")
        .await;
}

#[tokio::test]
async fn a_checkout_is_started_and_completed_at_the_version_that_is_meant() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, Some(10)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 2)]).await;
    let path = format!("/carts/{cart}");
    let version = async |path: &str| guest.get(path).send().await.etag().expect("a version");
    let start = || guest.post(&format!("{path}/checkout"), json!({}));
    let complete = |path: &str| {
        let path = format!("{path}/complete");
        guest.post(&path, paid("tok_approve")).key(&unique("key"))
    };
    let seen = version(&path).await;
    for call in [start(), complete(&path), complete("/carts/current")] {
        let problem = call.if_match(seen - 1).refused(412, "version.stale").await;
        assert_eq!(problem["details"]["version"], seen);
    }
    assert_eq!(open.shop.units(&variant).await, (10, 0, 0));
    assert_eq!(
        (state_of(&guest, &cart).await, version(&path).await),
        ("active".to_owned(), seen)
    );

    let started = start().if_match(seen).ok(201).await;
    let checkout = format!("/checkouts/{}", text(&started["id"]));
    // The same start again, and one that has seen it; not one of another version.
    let locked = version(&path).await;
    assert!(seen < locked);
    for same in [seen, locked] {
        assert_eq!(start().if_match(same).ok(201).await["id"], started["id"]);
    }
    for other in [seen - 1, locked + 1] {
        let problem = start().if_match(other).refused(412, "version.stale").await;
        assert_eq!(problem["details"]["version"], locked);
    }
    let of_checkout = version(&checkout).await;
    // Locking the cart has changed it.
    complete(&path).if_match(seen).refused(412, "version.stale").await;
    let stale = complete(&checkout).if_match(of_checkout - 1);
    stale.refused(412, "version.stale").await;
    assert_eq!(guest.get(&checkout).ok(200).await["state"], "started");

    let key = unique("key");
    let current = || {
        let complete = guest.post(&format!("{checkout}/complete"), paid("tok_approve"));
        complete.key(&key).if_match(of_checkout)
    };
    let done = current().ok(200).await;
    assert_eq!(done["state"], "completed");
    let again = current().send().await;
    assert!(again.is_replayed());
    assert_eq!(again.expect(200)["order"]["id"], done["order"]["id"]);
    // What is completed is not changed by completing it: whoever asks is told of the order.
    for path in [&path, &checkout] {
        let again = complete(path).if_match(1).ok(200).await;
        assert_eq!(again["order"]["id"], done["order"]["id"]);
    }
}

#[tokio::test]
async fn an_abandoned_checkout_gives_the_cart_and_the_stock_back() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, Some(10)).await;
    let guest = open.shop.guest().await;
    let (cart, checkout) = start(&open, &guest, &[(&variant, 4)]).await;
    let path = format!("/checkouts/{}", text(&checkout["id"]));
    let abandoned = guest.post(&format!("{path}/abandon"), json!({})).ok(200).await;
    assert_eq!(
        (&abandoned["state"], &abandoned["order"]),
        (&json!("abandoned"), &Value::Null)
    );
    assert_eq!(open.shop.units(&variant).await, (10, 0, 0));
    assert_eq!(state_of(&guest, &cart).await, "active");
    let again = guest.post(&format!("{path}/abandon"), json!({})).send().await;
    assert_eq!((again.status, &again.json["state"]), (200, &json!("abandoned")));
    let complete = guest
        .post(&format!("{path}/complete"), paid("tok_approve"))
        .key(&unique("key"));
    complete.refused(409, "checkout.abandoned").await;
    // Nor can the cart be changed through it any more.
    guest
        .patch(&path, json!({ "email": "late@example.com" }))
        .refused(409, "checkout.abandoned")
        .await;
    // The cart can be checked out anew.
    let complete = guest
        .post(&format!("/carts/{cart}/complete"), paid("tok_approve"))
        .key(&unique("key"));
    let done = complete.ok(200).await;
    assert_ne!(done["id"], checkout["id"]);
    // What is completed can no longer be given up.
    let path = format!("/checkouts/{}/abandon", text(&done["id"]));
    assert_eq!(guest.post(&path, json!({})).send().await.status, 409);
}

#[tokio::test]
async fn somebody_elses_checkout_does_not_exist() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, None).await;
    let guest = open.shop.guest().await;
    let (_, checkout) = start(&open, &guest, &[(&variant, 1)]).await;
    let path = format!("/checkouts/{}", text(&checkout["id"]));
    let thief = open.shop.guest().await;
    for call in [
        thief.get(&path),
        thief.patch(&path, json!({ "email": "thief@example.com" })),
        thief
            .post(&format!("{path}/complete"), paid("tok_approve"))
            .key(&unique("thief")),
        thief.post(&format!("{path}/abandon"), json!({})),
        thief.get("/checkouts/junk"),
    ] {
        call.refused(404, "checkout.not_found").await;
    }
    assert_eq!(guest.get(&path).ok(200).await["state"], "started");
}

#[tokio::test]
async fn an_expired_reservation_frees_the_stock_and_the_cart_without_traffic() {
    let open = OpenShop::fresh().await;
    open.shop.settings(json!({ "reservation_seconds": 1 })).await;
    let variant = open.shop.variant(500, Some(3)).await;
    let guest = open.shop.guest().await;
    let (cart, checkout) = start(&open, &guest, &[(&variant, 3)]).await;
    assert_eq!(open.shop.units(&variant).await, (3, 3, 0));
    until("the reservation is over", async || {
        (open.shop.units(&variant).await == (3, 0, 0)).then_some(())
    })
    .await;
    let path = format!("/checkouts/{}", text(&checkout["id"]));
    until("the checkout has expired", async || {
        (guest.get(&path).ok(200).await["state"] == "expired").then_some(())
    })
    .await;
    assert_eq!(state_of(&guest, &cart).await, "active");
    let complete = guest
        .post(&format!("{path}/complete"), paid("tok_approve"))
        .key(&unique("key"));
    complete.refused(409, "checkout.reservation_expired").await;
    guest
        .patch(&path, json!({ "email": "late@example.com" }))
        .refused(409, "checkout.reservation_expired")
        .await;
    assert!(open.server.ledger().entries.is_empty());
    // A new attempt may take it again.
    let complete = guest
        .post(&format!("/carts/{cart}/complete"), paid("tok_approve"))
        .key(&unique("key"));
    complete.ok(200).await;
}

#[tokio::test]
async fn everything_that_is_missing_is_listed_at_once_and_nothing_is_reserved() {
    let open = OpenShop::shared().await;
    let guest = open.shop.guest().await;
    guest.post("/carts", json!({})).ok(201).await;
    let missing = async |body: Value| {
        let complete = guest.post("/carts/current/complete", body).key(&unique("key"));
        let problem = complete.refused(422, "checkout.incomplete").await;
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|error| text(&error["pointer"]).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        missing(json!({})).await,
        ["/lines", "/email", "/shipping_address", "/shipping_method_id"]
    );
    let variant = open.shop.variant(500, Some(1)).await;
    guest
        .post("/carts/current/lines", json!({ "variant_id": variant.id }))
        .ok(200)
        .await;
    assert_eq!(
        missing(json!({})).await,
        ["/email", "/shipping_address", "/shipping_method_id", "/payment"]
    );
    guest
        .patch("/carts/current", json!({ "email": "ada@example.com" }))
        .ok(200)
        .await;
    assert_eq!(
        missing(paid("tok_approve")).await,
        ["/shipping_address", "/shipping_method_id"]
    );
    assert_eq!(open.shop.units(&variant).await, (1, 0, 0));
    assert_eq!(guest.get("/carts/current").ok(200).await["state"], "active");
    let empty = open.shop.guest().await;
    empty.post("/carts", json!({})).ok(201).await;
    empty
        .post("/carts/current/checkout", json!({}))
        .refused(409, "cart.empty")
        .await;
}

#[tokio::test]
async fn lines_that_cannot_be_bought_are_named() {
    let open = OpenShop::shared().await;
    let (short, gone) = (
        open.shop.variant(500, Some(5)).await,
        open.shop.variant(500, None).await,
    );
    let fine = open.shop.variant(500, Some(5)).await;
    let guest = open.shop.guest().await;
    let lines = [(&fine, 1), (&short, 5), (&gone, 1)];
    let cart = open.shop.ready_cart(&guest, &open.method, &lines).await;
    open.shop.set_stock(&short, 2).await;
    let change = json!({ "status": "disabled" });
    open.shop
        .staff
        .patch(&format!("/admin/variants/{}", gone.id), change)
        .ok(200)
        .await;
    for call in [
        guest.post(&format!("/carts/{cart}/checkout"), json!({})),
        guest
            .post(&format!("/carts/{cart}/complete"), paid("tok_approve"))
            .key(&unique("key")),
    ] {
        let problem = call.refused(409, "checkout.lines_unavailable").await;
        let named = problem["details"]["lines"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let found: Vec<_> = named
            .iter()
            .map(|line| (text(&line["sku"]), text(&line["code"])))
            .collect();
        assert_eq!(
            found,
            [
                (short.sku.as_str(), "line.short"),
                (gone.sku.as_str(), "line.disabled")
            ]
        );
        assert_eq!(named[0]["available"], 2);
    }
    assert_eq!(open.shop.units(&fine).await, (5, 0, 0));
    assert_eq!(state_of(&guest, &cart).await, "active");
}

#[tokio::test]
async fn a_total_that_changed_is_refused_and_repeating_with_the_new_one_succeeds() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, Some(5)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 2)]).await;
    let path = format!("/carts/{cart}/complete");
    open.shop.set_price(&variant, 600).await;

    // What the shopper was last shown is expected, also where they do not say so.
    let problem = guest.post(&path, paid("tok_approve")).key(&unique("key"));
    let problem = problem.refused(409, "checkout.total_changed").await;
    let details = &problem["details"];
    assert_eq!(
        (&details["expected_total"], &details["total"]),
        (&pence(1000), &pence(1200))
    );
    let mut changed = details["changed"].as_array().cloned().unwrap_or_default();
    assert!(!changed[0]["line_id"].take().is_null());
    let price = json!({
        "what": "price", "line_id": null, "sku": variant.sku, "from": pence(500), "to": pence(600),
    });
    let subtotal = json!({ "what": "subtotal", "from": pence(1000), "to": pence(1200) });
    assert_eq!(changed, [price, subtotal]);
    assert_eq!(state_of(&guest, &cart).await, "active");
    assert_eq!(open.shop.units(&variant).await, (5, 0, 0));

    // What was shown before is expected no longer, though the price is what it was then.
    open.shop.set_price(&variant, 500).await;
    let again = guest.post(&path, paid("tok_approve")).key(&unique("key"));
    again.refused(409, "checkout.total_changed").await;
    open.shop.set_price(&variant, 600).await;

    let mut body = paid("tok_approve");
    // What a caller was shown with another total is not known, and nothing is said to have changed.
    body["expected_total"] = pence(1199);
    let problem = guest.post(&path, body.clone()).key(&unique("key"));
    let problem = problem.refused(409, "checkout.total_changed").await;
    assert_eq!(problem["details"]["changed"], json!([]));
    body["expected_total"] = pence(1200);
    let done = guest.post(&path, body).key(&unique("key")).ok(200).await;
    assert_eq!(amount_of(&done["order"]["total"]), 1200);
}

#[tokio::test]
async fn no_price_is_said_to_have_changed_that_was_shown_as_it_is() {
    let open = OpenShop::shared().await;
    let (cup, pot) = (
        open.shop.variant(500, None).await,
        open.shop.variant(900, None).await,
    );
    let guest = open.shop.guest().await;
    let cart = open
        .shop
        .ready_cart(&guest, &open.method, &[(&cup, 2), (&pot, 1)])
        .await;
    open.shop.set_price(&cup, 600).await;
    guest.get(&format!("/carts/{cart}")).ok(200).await;
    open.shop.set_price(&pot, 800).await;
    let refused = guest
        .post(&format!("/carts/{cart}/complete"), paid("tok_approve"))
        .key(&unique("key"));
    let problem = refused.refused(409, "checkout.total_changed").await;
    assert_eq!(
        problem["details"]["changed"],
        json!([{ "what": "subtotal", "from": pence(2100), "to": pence(2000) }])
    );
}

#[tokio::test]
async fn a_declined_payment_leaves_the_cart_usable_and_charges_nothing() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, Some(5)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 5)]).await;
    let (declined, approved) = (unique("key"), unique("key"));
    let purchase = Purchase {
        key: &declined,
        token: "tok_decline",
    };
    let problem = open.shop.complete(&guest, &cart, &purchase).await;
    let problem = problem.expect_refused(402, "payment.declined");
    assert_eq!(problem["details"]["provider_code"], "card_declined");
    assert_eq!(state_of(&guest, &cart).await, "active");
    assert_eq!(open.shop.units(&variant).await, (5, 0, 0));
    let again = open.shop.complete(&guest, &cart, &purchase).await;
    assert!(again.is_replayed());
    again.expect_refused(402, "payment.declined");

    let purchase = Purchase {
        key: &approved,
        token: "tok_approve",
    };
    let done = open.shop.complete(&guest, &cart, &purchase).await.expect(200);
    let ledger = open.server.ledger();
    let of_checkout = |payment: &&_| -> bool {
        let payment: &cartwright_gateways::payment::sandbox::Payment = payment;
        payment.checkout == text(&done["id"])
    };
    let payments: Vec<_> = ledger.payments.iter().filter(of_checkout).collect();
    assert_eq!(payments.len(), 1);
    assert_eq!(payments[0].authorized.amount, 2500);
}

#[tokio::test]
async fn a_cart_that_costs_nothing_needs_no_payment() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(0, Some(5)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let complete = guest
        .post(&format!("/carts/{cart}/complete"), json!({}))
        .key(&unique("key"));
    let done = complete.ok(200).await;
    assert_eq!(done["order"]["status"], "confirmed");
    let order = open.shop.order(text(&done["order"]["id"])).await;
    assert_eq!(
        (&order["payments"], &order["payment_state"]),
        (&json!([]), &Value::Null)
    );
    assert_eq!(order["totals"]["total"], pence(0));
}

#[tokio::test]
async fn completing_a_completed_cart_answers_with_the_same_order() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, Some(5)).await;
    let guest = open.shop.guest().await;
    let first = open.shop.buy(&guest, &open.method, &[(&variant, 1)]).await;
    let path = format!("/carts/{}/complete", text(&first["cart_id"]));
    let second = guest
        .post(&path, paid("tok_approve"))
        .key(&unique("key"))
        .ok(200)
        .await;
    assert_eq!(
        (&second["id"], &second["order"]["number"]),
        (&first["id"], &first["order"]["number"])
    );
    let path = format!("/checkouts/{}/complete", text(&first["id"]));
    let third = guest
        .post(&path, paid("tok_approve"))
        .key(&unique("key"))
        .ok(200)
        .await;
    assert_eq!(third["order"]["id"], first["order"]["id"]);
    until("the stock is allocated", async || {
        (open.shop.units(&variant).await == (5, 0, 1)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn stock_that_staff_takes_away_revokes_the_newest_reservation() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, Some(4)).await;
    let (early, late) = (open.shop.guest().await, open.shop.guest().await);
    let (_, first) = start(&open, &early, &[(&variant, 2)]).await;
    let (late_cart, second) = start(&open, &late, &[(&variant, 2)]).await;
    assert_eq!(open.shop.units(&variant).await, (4, 4, 0));
    open.shop.set_stock(&variant, 3).await;
    assert_eq!(open.shop.units(&variant).await, (3, 2, 0));
    let complete = |guest: &Client, checkout: &Value| {
        let path = format!("/checkouts/{}/complete", text(&checkout["id"]));
        let (guest, key) = (guest.clone(), unique("key"));
        async move { guest.post(&path, paid("tok_approve")).key(&key).send().await }
    };
    let refused = complete(&late, &second).await;
    let problem = refused.expect_refused(409, "checkout.lines_unavailable");
    assert_eq!(problem["details"]["lines"][0]["available"], 1, "{problem}");
    complete(&early, &first).await.expect(200);
    until("the late cart is free", async || {
        (state_of(&late, &late_cart).await == "active").then_some(())
    })
    .await;
    let ledger = open.server.ledger();
    assert!(
        ledger
            .entries
            .iter()
            .all(|entry| entry.checkout != text(&second["id"]))
    );
}
