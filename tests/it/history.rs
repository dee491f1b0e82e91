//! What has become of an entity, as staff read it.

use crate::support::{OpenShop, pence, unique, until};
use cartwright_domain::Kind;
use serde_json::{Value, json};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// Reads a history page by page, the newest change first.
async fn history(open: &OpenShop, id: &str, limit: usize) -> Vec<Value> {
    let mut changes = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/admin/history/{id}?limit={limit}{cursor}");
        let page = open.shop.staff.get(&path).ok(200).await;
        let items = page["items"].as_array().expect("a page has items");
        assert!((1..=limit).contains(&items.len()), "{page}");
        changes.extend_from_slice(items);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return changes,
        }
    }
}

/// Returns the names of all that happened, the oldest first.
fn names(changes: &[Value]) -> Vec<&str> {
    let oldest_first = changes.iter().rev();
    let events = oldest_first.flat_map(|change| change["events"].as_array().expect("events are a list"));
    events.map(|event| text(&event["name"])).collect()
}

/// Returns what the only event of a name says, and who did it.
fn event<'a>(changes: &'a [Value], name: &str) -> (&'a Value, &'a str) {
    let events = changes.iter().filter_map(|change| change["events"].as_array());
    let mut named = events.flatten().filter(|event| event["name"] == name);
    let found = named.next().unwrap_or_else(|| panic!("no {name} in {changes:?}"));
    assert_eq!(named.next(), None, "there is one {name}");
    (&found["data"], text(&found["by"]))
}

#[tokio::test]
async fn every_step_of_a_purchase_and_its_cancellation_can_be_shown_also_after_a_kill() {
    let mut open = OpenShop::fresh().await;
    let variant = open.shop.variant(1000, Some(5)).await;
    let stock = open
        .shop
        .staff
        .get(&format!("/admin/variants/{}/stock", variant.id))
        .ok(200)
        .await;
    let guest = open.shop.guest().await;
    let checkout = open.shop.buy(&guest, &open.method, &[(&variant, 3)]).await;
    let (checkout_id, cart, order) = (
        text(&checkout["id"]),
        text(&checkout["cart_id"]),
        text(&checkout["order"]["id"]),
    );
    until("the payment is captured", async || {
        (open.shop.order(order).await["payment_state"] == "captured").then_some(())
    })
    .await;
    let cancel = format!("/admin/orders/{order}/cancel");
    let reason = json!({ "reason": "out of fashion" });
    open.shop.staff.post(&cancel, reason).ok(200).await;
    let method = open.method.clone();
    let server = open.into_server().kill_and_restart();
    open = OpenShop {
        shop: server.shop(),
        server: server.into(),
        method,
    };

    let of_order = history(&open, order, 2).await;
    let expected = [
        "order.order_placed",
        "order.order_confirmed",
        "order.payment_captured",
        "order.order_canceled",
        "order.payment_refunded",
    ];
    assert_eq!(names(&of_order), expected);
    let placed = json!({ "checkout": checkout_id, "cart": cart, "total": pence(3000) });
    assert_eq!(event(&of_order, "order.order_placed").0, &placed);
    let canceled = event(&of_order, "order.order_canceled");
    assert_eq!(
        canceled,
        (
            &json!({ "reason": "out of fashion" }),
            "engine:cancellation for staff:admin"
        )
    );
    let refunded = event(&of_order, "order.payment_refunded");
    assert_eq!(refunded.0["amount"], pence(3000));
    let versions: Vec<_> = of_order
        .iter()
        .filter_map(|change| change["version"].as_u64())
        .collect();
    assert!(
        versions.is_sorted_by(|newer, older| older < newer),
        "{versions:?}"
    );
    assert_eq!(
        versions.first(),
        open.shop.order(order).await["version"].as_u64().as_ref()
    );

    let of_cart = history(&open, cart, 100).await;
    let added = event(&of_cart, "cart.line_added");
    assert_eq!(
        (&added.0["variant"], &added.0["added"]),
        (&json!(variant.id), &json!(3))
    );
    assert!(added.1.starts_with("session:"), "{added:?}");
    assert_eq!(event(&of_cart, "cart.completed").0["order"], order);
    let of_checkout = history(&open, checkout_id, 100).await;
    assert_eq!(event(&of_checkout, "checkout.order_placed").0["order"], order);
    let of_stock = history(&open, text(&stock["id"]), 1).await;
    for (name, quantity) in [("reserved", 3), ("allocated", 3), ("deallocated", 3)] {
        let name = format!("inventory.stock_{name}");
        assert_eq!(event(&of_stock, &name).0["quantity"], quantity, "{name}");
    }
    let of_variant = history(&open, &variant.id, 100).await;
    assert!(
        names(&of_variant).contains(&"catalog.price_set"),
        "{of_variant:?}"
    );
}

#[tokio::test]
async fn a_refusal_that_is_kept_is_no_change() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(1000, None).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.cart(&guest, &[(&variant, 1)]).await;
    let cart = text(&cart["id"]);
    let before = history(&open, cart, 100).await;
    let too_many = json!({ "variant_id": variant.id, "quantity": 1_000_000 });
    for key in ["first", "second"] {
        let refused = guest
            .post(&format!("/carts/{cart}/lines"), too_many.clone())
            .key(key);
        refused.refused(422, "cart.quantity_too_large").await;
    }
    assert_eq!(history(&open, cart, 100).await, before);
}

#[tokio::test]
async fn the_history_of_what_is_not_there_is_refused() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(1000, Some(5)).await;
    let nobody = "0192f8a1b0c47d3e8f21a6b5c4d3e2f1";
    for id in [
        format!("cart_{nobody}"),
        nobody.to_owned(),
        format!("line_{nobody}"),
    ] {
        let path = format!("/admin/history/{id}");
        open.shop.staff.get(&path).refused(404, "history.not_found").await;
    }
    let path = format!("/admin/history/{}", variant.id);
    open.server
        .guest()
        .get(&path)
        .refused(401, "auth.token_required")
        .await;
    // In the form of one, of a commit that is not the variant's: its kind, a position, and its id again.
    let digits = &variant.id["var_".len()..];
    let forged = format!(
        "03{:02x}{:016x}{:02x}{digits}",
        Kind::Variant.tag(),
        u64::MAX,
        Kind::Variant.tag()
    );
    for (id, cursor) in [
        (&variant.id, "nonsense"),
        (&variant.id, "0304"),
        (&variant.id, forged.as_str()),
    ] {
        let path = format!("/admin/history/{id}?cursor={cursor}");
        open.shop
            .staff
            .get(&path)
            .refused(400, "page.invalid_cursor")
            .await;
    }
}

#[tokio::test]
async fn the_stock_of_a_started_checkout_says_when_it_is_held_for_good() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(1000, Some(5)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 3)]).await;
    let start = guest.post(&format!("/carts/{cart}/checkout"), json!({}));
    let started = start.key(&unique("key")).ok(201).await;
    let pay = json!({ "payment": { "token": "tok_approve" } });
    let complete = guest.post(&format!("/carts/{cart}/complete"), pay);
    complete.key(&unique("key")).ok(200).await;
    let stock = format!("/admin/variants/{}/stock", variant.id);
    let stock = open.shop.staff.get(&stock).ok(200).await;
    let of_stock = history(&open, text(&stock["id"]), 100).await;
    let (pinned, by) = event(&of_stock, "inventory.reservation_pinned");
    assert_eq!(
        (&pinned["checkout"], &pinned["quantity"]),
        (&started["id"], &json!(3))
    );
    assert!(by.starts_with("engine:"), "{by}");
    assert!(
        of_stock.iter().all(|change| change["events"] != json!([])),
        "{of_stock:?}"
    );
}
