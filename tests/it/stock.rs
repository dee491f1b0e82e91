//! Stock, as staff say it: what its versions are, and what becomes of checkouts that are open meanwhile.

use crate::support::{Answer, Client, OpenShop, Variant, unique, until};
use serde_json::{Value, json};

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

/// Switches tracking off and on again under an open checkout of 3 units, and has the checkout completed in between.
/// Another order of 3 units follows; cancelling the first gives back what that was promised, and no more.
async fn check_tracking_is_switched(off: Value, on: Value, promised: i64) {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(500, Some(6)).await;
    let guest = open.shop.guest().await;
    let checkout = start(&open, &guest, (&variant, 3)).await;
    let set = async |levels: Value| open.shop.staff.put(&path(&variant), levels).ok(200).await;
    let becomes = async |units| {
        until("stock is moved", async || {
            (open.shop.units(&variant).await == units).then_some(())
        })
        .await;
    };
    set(off).await;
    let placed = complete(&guest, &checkout).await.expect(200);
    set(on).await;
    becomes((6, 0, promised)).await;
    open.shop
        .buy(&open.shop.guest().await, &open.method, &[(&variant, 3)])
        .await;
    becomes((6, 0, promised + 3)).await;

    let order = format!(
        "/admin/orders/{}",
        placed["order"]["id"].as_str().expect("an order")
    );
    let cancel = json!({ "reason": "mistake" });
    open.shop
        .staff
        .post(&format!("{order}/cancel"), cancel)
        .ok(200)
        .await;
    until("the payment is given back", async || {
        let order = open.shop.staff.get(&order).ok(200).await;
        (order["payments"][0]["state"] == "refunded").then_some(())
    })
    .await;
    becomes((6, 0, 3)).await;
}

#[tokio::test]
async fn what_is_held_is_promised_and_given_back_after_tracking_was_switched_off() {
    check_tracking_is_switched(json!({ "tracked": false }), json!({ "tracked": true }), 3).await;
}

#[tokio::test]
async fn what_was_revoked_as_tracking_was_switched_off_is_not_promised() {
    let off = json!({ "tracked": false, "on_hand": 0 });
    check_tracking_is_switched(off, json!({ "tracked": true, "on_hand": 6 }), 0).await;
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

#[tokio::test]
async fn stock_is_low_at_the_level_of_the_store_unless_the_item_has_its_own() {
    let open = OpenShop::fresh().await;
    let level = async |variant: &Variant| open.shop.stock(variant).await["low_stock_level"].clone();
    let before = open.shop.variant(500, Some(5)).await;
    open.shop.settings(json!({ "low_stock_level": 3 })).await;
    let (untold, told) = (
        open.shop.variant(500, None).await,
        open.shop.variant(500, Some(5)).await,
    );
    assert_eq!((level(&untold).await, level(&told).await), (json!(3), json!(3)));
    let own = json!({ "tracked": true, "low_stock_level": 1 });
    open.shop.staff.put(&path(&untold), own).ok(200).await;
    open.shop.settings(json!({ "low_stock_level": 4 })).await;
    let levels = (level(&untold).await, level(&told).await, level(&before).await);
    assert_eq!(levels, (json!(1), json!(3), json!(10)));
}

#[tokio::test]
async fn stock_that_nobody_has_told_is_at_version_0_and_a_refusal_leaves_it_there() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(500, None).await;
    let version = async || shop.staff.get(&path(&variant)).send().await.etag();
    let put = |on_hand: u64| {
        let levels: Value = json!({ "tracked": true, "on_hand": on_hand });
        shop.staff.put(&path(&variant), levels)
    };
    let adjustments = format!("{}/adjustments", path(&variant));
    let adjust = || {
        let body = json!({ "delta": 1, "reason": "delivery" });
        shop.staff.post(&adjustments, body)
    };
    assert_eq!(version().await, Some(0));
    let too_many = put(1_000_000_000_000_000).send().await;
    assert_eq!(too_many.status, 422, "{}", too_many.json);
    adjust().refused(409, "inventory.untracked").await;
    let problem = put(5).if_match(1).refused(412, "version.stale").await;
    assert_eq!(problem["details"]["version"], 0);
    adjust().if_match(1).refused(412, "version.stale").await;
    assert_eq!(version().await, Some(0));

    let key = unique("key");
    let told = put(5).if_match(0).send().await;
    assert_eq!(told.etag(), Some(1));
    assert_eq!(told.expect(200)["on_hand"], 5);
    put(6).if_match(0).refused(412, "version.stale").await;
    let only_first = put(6).header("if-none-match", "*");
    only_first.refused(412, "version.stale").await;
    let adjusted = adjust().if_match(1).key(&key).send().await;
    assert_eq!(adjusted.etag(), Some(2));
    let again = adjust().if_match(1).key(&key).send().await;
    assert!(again.is_replayed());
    assert_eq!(again.expect(200)["on_hand"], 6);
}
