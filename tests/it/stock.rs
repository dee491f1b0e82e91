//! Stock, as staff say it: what its versions are, and what becomes of checkouts that are open meanwhile.

use crate::support::{Answer, Client, OpenShop, Variant, unique, until};
use serde_json::json;

fn path(variant: &Variant) -> String {
    format!("/admin/variants/{}/stock", variant.id)
}

/// Starts the checkout of a cart with one line, and returns the path of what is started.
async fn start(open: &OpenShop, guest: &Client, line: (&Variant, u64)) -> String {
    let cart = open.shop.ready_cart(guest, &open.method, &[line]).await;
    let started = guest.post(&format!("/carts/{cart}/checkout"), json!({}));
    let started = started.ok(201).await;
    started["status_url"]
        .as_str()
        .and_then(|url| url.strip_prefix("/api/v1"))
        .expect("a path of this server")
        .to_owned()
}

async fn complete(guest: &Client, checkout: &str) -> Answer {
    let body = json!({ "payment": { "token": "tok_approve" } });
    let complete = guest.post(&format!("{checkout}/complete"), body);
    complete.key(&unique("key")).send().await
}

#[tokio::test]
async fn what_comes_to_be_tracked_under_open_checkouts_is_not_oversold() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, None).await;
    let (early, late) = (open.shop.guest().await, open.shop.guest().await);
    let first = start(&open, &early, (&variant, 3)).await;
    let second = start(&open, &late, (&variant, 3)).await;
    open.shop.set_stock(&variant, 4).await;
    assert_eq!(open.shop.units(&variant).await, (4, 0, 0));

    let placed = complete(&early, &first).await.expect(200);
    let refused = complete(&late, &second).await;
    let problem = refused.expect_refused(409, "checkout.lines_unavailable");
    assert_eq!(problem["details"]["lines"][0]["available"], 1, "{problem}");
    until("what was sold is allocated", async || {
        (open.shop.units(&variant).await == (4, 0, 3)).then_some(())
    })
    .await;
    // The order knows what it was promised.
    let cancel = format!(
        "/admin/orders/{}/cancel",
        placed["order"]["id"].as_str().expect("an order")
    );
    let cancel = open.shop.staff.post(&cancel, json!({ "reason": "mistake" }));
    cancel.ok(200).await;
    until("it is given back", async || {
        (open.shop.units(&variant).await == (4, 0, 0)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_larger_buffer_takes_nothing_from_whoever_holds_a_reservation() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, Some(10)).await;
    let guest = open.shop.guest().await;
    let checkout = start(&open, &guest, (&variant, 10)).await;
    let buffer = json!({ "tracked": true, "buffer": 2 });
    let stock = open.shop.staff.put(&path(&variant), buffer).ok(200).await;
    assert_eq!(
        (&stock["reserved"], &stock["available"]),
        (&json!(10), &json!(-2))
    );
    complete(&guest, &checkout).await.expect(200);
    until("it is allocated", async || {
        (open.shop.units(&variant).await == (10, 0, 10)).then_some(())
    })
    .await;
}
