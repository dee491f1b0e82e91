//! Orders: their numbers, who may see them, and how they are canceled.

use crate::support::{OpenShop, Purchase, pence, unique, until};
use cartwright_gateways::payment::sandbox::Payment;
use futures::future::join_all;
use serde_json::{Value, json};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn number(checkout: &Value) -> u64 {
    checkout["order"]["number"]
        .as_u64()
        .unwrap_or_else(|| panic!("no number in {checkout}"))
}

/// Returns the one payment of a checkout, as the provider knows it.
fn payment(open: &OpenShop, checkout: &Value) -> Payment {
    let mut payments = open.server.ledger().payments;
    payments.retain(|payment| payment.checkout == text(&checkout["id"]));
    assert_eq!(payments.len(), 1, "{payments:?}");
    payments.remove(0)
}

async fn wait_for_payment_state(open: &OpenShop, checkout: &Value, state: &str) -> Value {
    until(&format!("the payment is {state}"), async || {
        let order = open.shop.order(text(&checkout["order"]["id"])).await;
        (order["payment_state"] == state).then_some(order)
    })
    .await
}

#[tokio::test]
async fn numbers_are_without_gap_whatever_is_refused_between_and_over_restarts() {
    let mut open = OpenShop::fresh().await;
    let variant = open.shop.variant(100, None).await;
    let mut numbers = Vec::new();
    for _ in 0..3 {
        for _ in 0..2 {
            let guest = open.shop.guest().await;
            let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
            for token in ["tok_decline", "tok_approve"] {
                let key = unique("key");
                let purchase = Purchase { key: &key, token };
                let answer = open.shop.complete(&guest, &cart, &purchase).await;
                if answer.status == 200 {
                    numbers.push(number(&answer.json));
                }
            }
        }
        let method = open.method.clone();
        let server = open.into_server().kill_and_restart();
        open = OpenShop {
            shop: server.shop(),
            server: server.into(),
            method,
        };
    }
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    let listed: Vec<u64> = open
        .shop
        .orders()
        .await
        .iter()
        .filter_map(|order| order["number"].as_u64())
        .collect();
    assert_eq!(listed, numbers);
}

#[tokio::test]
async fn an_order_is_seen_by_who_ordered_and_by_who_knows_its_token_or_email() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(1250, None).await;
    let guest = open.shop.guest().await;
    let checkout = open.shop.buy(&guest, &open.method, &[(&variant, 2)]).await;
    let (number, id, token) = (
        number(&checkout),
        text(&checkout["order"]["id"]),
        text(&checkout["order"]["token"]),
    );
    let (by_number, by_id) = (format!("/orders/{number}"), format!("/orders/{id}"));

    let order = guest.get(&by_number).ok(200).await;
    assert_eq!((&order["number"], &order["id"]), (&json!(number), &json!(id)));
    assert_eq!(
        (&order["status"], &order["fulfillment_state"]),
        (&json!("confirmed"), &json!("unfulfilled"))
    );
    assert_eq!(
        (&order["email"], &order["cart_id"]),
        (&json!("ada@example.com"), &checkout["cart_id"])
    );
    assert_eq!(
        (&order["token"], &order["totals"]["total"]),
        (&json!(token), &pence(2500))
    );
    assert_eq!(order["shipping_address"]["city"], "Leeds");
    assert_eq!(order["billing_address"], order["shipping_address"]);
    let line = &order["lines"][0];
    assert_eq!(
        (&line["sku"], &line["quantity"]),
        (&json!(variant.sku), &json!(2))
    );
    assert_eq!(
        (&line["unit_price"], &line["total"]),
        (&pence(1250), &pence(2500))
    );
    let placed = &order["history"][0];
    assert_eq!(
        (&placed["from"], order["placed_at"] == placed["at"]),
        (&Value::Null, true)
    );
    assert_eq!(guest.get(&by_id).ok(200).await["number"], number);

    let stranger = open.server.guest();
    for path in [by_number.clone(), by_id.clone()] {
        stranger.get(&path).refused(404, "order.not_found").await;
        stranger
            .get(&format!("{path}?token=wrong"))
            .refused(404, "order.not_found")
            .await;
        stranger
            .get(&format!("{path}?email=eve@example.com"))
            .refused(404, "order.not_found")
            .await;
        let shown = stranger.get(&format!("{path}?token={token}")).ok(200).await;
        assert_eq!(shown["id"], json!(id));
    }
    let by_email = stranger
        .get(&format!("{by_number}?email=ada@example.com"))
        .ok(200)
        .await;
    assert_eq!((&by_email["id"], by_email.get("token")), (&json!(id), None));
    // An id is no number to guess: the e-mail address opens nothing there.
    stranger
        .get(&format!("{by_id}?email=ada@example.com"))
        .refused(404, "order.not_found")
        .await;
    stranger
        .get("/orders/999999999")
        .refused(404, "order.not_found")
        .await;
    stranger.get("/orders/junk").refused(404, "order.not_found").await;
    let seen = open.shop.order(id).await;
    assert_eq!((&seen["number"], seen.get("token")), (&json!(number), None));
    stranger
        .get(&format!("/admin/orders/{id}"))
        .refused(401, "auth.token_required")
        .await;
}

#[tokio::test]
async fn an_order_keeps_what_it_was_placed_with() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(1250, Some(5)).await;
    let guest = open.shop.guest().await;
    let checkout = open.shop.buy(&guest, &open.method, &[(&variant, 1)]).await;
    let before = wait_for_payment_state(&open, &checkout, "captured").await;
    open.shop.set_price(&variant, 1).await;
    let change = json!({ "title": "Another thing", "sku": unique("NEW"), "status": "disabled" });
    open.shop
        .staff
        .patch(&format!("/admin/variants/{}", variant.id), change)
        .ok(200)
        .await;
    let after = open.shop.order(text(&before["id"])).await;
    assert_eq!(
        (&after["lines"], &after["totals"]),
        (&before["lines"], &before["totals"])
    );
    assert_eq!(after["lines"][0]["sku"], variant.sku);
}

#[tokio::test]
async fn staff_lists_orders_newest_first_page_by_page() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(100, None).await;
    for _ in 0..5 {
        open.shop
            .buy(&open.shop.guest().await, &open.method, &[(&variant, 1)])
            .await;
    }
    let (mut numbers, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = open
            .shop
            .staff
            .get(&format!("/admin/orders?limit=2{cursor}"))
            .ok(200)
            .await;
        let items = page["items"].as_array().cloned().unwrap_or_default();
        numbers.extend(items.iter().filter_map(|order| order["number"].as_u64()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(numbers, [5, 4, 3, 2, 1]);
    let carts = open.shop.staff.get("/admin/carts?limit=100").ok(200).await;
    assert_eq!(carts["items"].as_array().map(Vec::len), Some(5));
}

#[tokio::test]
async fn canceling_refunds_what_was_captured_and_gives_the_stock_back() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(1000, Some(5)).await;
    let guest = open.shop.guest().await;
    let checkout = open.shop.buy(&guest, &open.method, &[(&variant, 3)]).await;
    let order = wait_for_payment_state(&open, &checkout, "captured").await;
    assert_eq!(payment(&open, &checkout).captured.amount, 3000);
    until("the stock is allocated", async || {
        (open.shop.units(&variant).await == (5, 0, 3)).then_some(())
    })
    .await;

    let path = format!("/admin/orders/{}/cancel", text(&order["id"]));
    let cancel = |reason: &str| open.shop.staff.post(&path, json!({ "reason": reason }));
    open.shop
        .staff
        .post(&path, json!({}))
        .refused(400, "request.invalid_fields")
        .await;
    let refused = cancel("").refused(422, "request.invalid_fields").await;
    assert_eq!(refused["errors"][0]["pointer"], "/reason", "{refused}");
    let late = unique("late");
    let stale = cancel("late")
        .if_match(0)
        .key(&late)
        .refused(412, "version.stale")
        .await;
    let again = cancel("late")
        .if_match(0)
        .key(&late)
        .refused(412, "version.stale")
        .await;
    assert_eq!(again["details"], stale["details"]);
    let version = stale["details"]["version"].as_u64().expect("the current version");
    open.server
        .guest()
        .post(&path, json!({ "reason": "mine" }))
        .refused(401, "auth.token_required")
        .await;

    let key = unique("key");
    let at_version = cancel("out of fashion").if_match(version);
    let canceled = at_version.key(&key).ok(200).await;
    assert_eq!(
        (&canceled["status"], &canceled["payment_state"]),
        (&json!("canceled"), &json!("refunded"))
    );
    assert_eq!(canceled["payments"][0]["refunded"], pence(3000));
    let last = canceled["history"]
        .as_array()
        .and_then(|history| history.last())
        .cloned()
        .unwrap_or_default();
    assert_eq!(
        (&last["from"], &last["to"]),
        (&json!("confirmed"), &json!("canceled"))
    );
    assert_eq!(
        (&last["reason"], &last["by"]),
        (&json!("out of fashion"), &json!("staff:admin"))
    );
    let number = canceled["number"].as_u64().expect("it has a number");
    let shown = guest.get(&format!("/orders/{number}")).ok(200).await;
    let told = &shown["history"][2];
    assert_eq!(
        (&told["to"], &told["by"], &told["reason"]),
        (&json!("canceled"), &json!("staff"), &Value::Null),
        "what staff write is for staff"
    );
    let of_provider = payment(&open, &checkout);
    assert_eq!(
        (of_provider.captured.amount, of_provider.refunded.amount),
        (3000, 3000)
    );
    assert_eq!(open.shop.units(&variant).await, (5, 0, 0));

    // A second time changes nothing; under the same key it is answered as the first time.
    let problem = cancel("again").refused(409, "order.already_canceled").await;
    assert_eq!(problem["details"], json!({ "status": "canceled", "next": [] }));
    let again = cancel("out of fashion").key(&key).send().await;
    assert!(again.is_replayed());
    assert_eq!(again.expect(200)["status"], "canceled");
    assert_eq!(payment(&open, &checkout).refunded.amount, 3000);
    // The placed quote stays.
    assert_eq!(
        open.shop.order(text(&order["id"])).await["totals"],
        order["totals"]
    );
}

#[tokio::test]
async fn whoever_joins_a_cancellation_is_answered_the_same_again() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, None).await;
    for _ in 0..3 {
        let guest = open.shop.guest().await;
        let checkout = open.shop.buy(&guest, &open.method, &[(&variant, 1)]).await;
        let path = format!("/admin/orders/{}/cancel", text(&checkout["order"]["id"]));
        let keys: Vec<String> = (0..8).map(|_| unique("key")).collect();
        let cancel_all = || {
            let body = json!({ "reason": "out of fashion" });
            let calls = keys
                .iter()
                .map(|key| open.shop.staff.post(&path, body.clone()).key(key));
            join_all(calls.map(|call| call.send()))
        };
        let answers = cancel_all().await;
        for (first, again) in answers.iter().zip(cancel_all().await) {
            assert!(again.is_replayed(), "{}", again.text);
            assert_eq!(
                (again.status, &again.json["error"]),
                (first.status, &first.json["error"])
            );
        }
    }
}

#[tokio::test]
async fn canceling_voids_what_is_only_authorized() {
    let open = OpenShop::fresh().await;
    open.shop.settings(json!({ "capture": "when_shipped" })).await;
    let variant = open.shop.variant(1000, Some(5)).await;
    let guest = open.shop.guest().await;
    let checkout = open.shop.buy(&guest, &open.method, &[(&variant, 3)]).await;
    let order = wait_for_payment_state(&open, &checkout, "authorized").await;
    assert_eq!(order["status"], "confirmed");
    let path = format!("/admin/orders/{}/cancel", text(&order["id"]));
    let canceled = open
        .shop
        .staff
        .post(&path, json!({ "reason": "test" }))
        .ok(200)
        .await;
    assert_eq!(
        (&canceled["status"], &canceled["payment_state"]),
        (&json!("canceled"), &json!("voided"))
    );
    let of_provider = payment(&open, &checkout);
    assert_eq!(
        (
            of_provider.voided,
            of_provider.captured.amount,
            of_provider.refunded.amount
        ),
        (true, 0, 0)
    );
    assert_eq!(open.shop.units(&variant).await, (5, 0, 0));
}

#[tokio::test]
async fn ten_cancellations_at_once_refund_once() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(1000, Some(5)).await;
    let guest = open.shop.guest().await;
    let checkout = open.shop.buy(&guest, &open.method, &[(&variant, 1)]).await;
    wait_for_payment_state(&open, &checkout, "captured").await;
    let path = format!("/admin/orders/{}/cancel", text(&checkout["order"]["id"]));
    let cancels = (0..10).map(|_| open.shop.staff.post(&path, json!({ "reason": "race" })).send());
    let answers = join_all(cancels).await;
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers
        .iter()
        .filter(|answer| answer.json["error"] == "order.already_canceled")
        .count();
    assert!(0 < done && done + refused == 10, "{answers:?}");
    until("the refund is recorded", async || {
        (payment(&open, &checkout).refunded.amount == 1000).then_some(())
    })
    .await;
    let refunds = open.server.ledger().entries.into_iter().filter(|entry| {
        entry.operation == cartwright_gateways::payment::sandbox::Operation::Refund
            && entry.checkout == text(&checkout["id"])
    });
    assert_eq!(refunds.count(), 1);
    until("the stock is back", async || {
        (open.shop.units(&variant).await == (5, 0, 0)).then_some(())
    })
    .await;
}
