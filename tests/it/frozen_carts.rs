//! What a cart costs once its quote is frozen, over HTTP: what its order says, whatever the shop does meanwhile.

use crate::support::{OpenShop, Purchase, pence, unique};
use serde_json::{Value, json};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// Returns what of a cart is about money.
fn costs(cart: &Value) -> Value {
    let names = ["totals", "codes", "promotions", "payments", "amount_due", "lines"];
    names.iter().map(|name| cart[*name].clone()).collect()
}

/// Saves a promotion of a half that is used up by one order, and one for first orders.
async fn promote(open: &OpenShop) -> String {
    let code = unique("HALF");
    let half = json!({
        "name": "Half", "enabled": true, "code": code, "usage_limit": 1,
        "actions": [{ "type": "order", "percentage": "0.5" }],
    });
    let first = json!({
        "name": "First", "enabled": true, "conditions": { "first_order": true },
        "actions": [{ "type": "order", "fixed": pence(100) }],
    });
    for promotion in [half, first] {
        open.shop.staff.post("/admin/promotions", promotion).ok(201).await;
    }
    code
}

#[tokio::test]
async fn a_completed_cart_costs_what_was_paid_whatever_the_shop_does_later() {
    let open = OpenShop::fresh().await;
    let code = promote(&open).await;
    let variant = open.shop.variant(1_500, Some(2)).await;
    let card = json!({ "amount": pence(300) });
    let card = open.shop.staff.post("/admin/gift-cards", card).ok(201).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 2)]).await;
    let path = format!("/carts/{cart}");
    let entered = json!({ "code": code });
    guest.post(&format!("{path}/codes"), entered).ok(200).await;
    let paid_with = json!({ "code": card["code"] });
    let applied = guest.post(&format!("{path}/gift-cards"), paid_with.clone());
    let shown = applied.key("card").ok(200).await;
    // Half of 30.00 less 1.00 for who is new, and 3.00 of it by the card.
    assert_eq!(shown["amount_due"], pence(1_100), "{shown}");
    let why = guest.get(&format!("{path}/explain")).ok(200).await;

    let key = unique("key");
    let purchase = Purchase {
        key: &key,
        token: "tok_approve",
    };
    let checkout = open.shop.complete(&guest, &cart, &purchase).await.expect(200);
    open.shop.set_price(&variant, 9_900).await;
    let completed = guest.get(&path).ok(200).await;
    assert_eq!(completed["state"], "completed");
    assert_eq!(costs(&completed), costs(&shown));
    assert_eq!(completed["requires_shipping"], json!(true));
    let order = open.shop.order(text(&checkout["order"]["id"])).await;
    assert_eq!(completed["totals"], order["totals"]);
    assert_eq!(guest.get(&format!("{path}/explain")).ok(200).await, why);
    let listed = open.shop.list("/admin/carts").await;
    assert_eq!(listed, [completed]);
    // A change that is answered again says so, too.
    let again = guest.post(&format!("{path}/gift-cards"), paid_with);
    let again = again.key("card").minimal().ok(200).await;
    assert_eq!(
        (&again["totals"], &again["payments"], &again["amount_due"]),
        (&shown["totals"], &shown["payments"], &shown["amount_due"])
    );
}

/// Returns the SKUs and titles of the lines of a cart or an order.
fn named(of: &Value) -> Vec<(&str, &str)> {
    let lines = of["lines"].as_array().into_iter().flatten();
    lines
        .map(|line| (text(&line["sku"]), text(&line["title"])))
        .collect()
}

#[tokio::test]
async fn a_completed_cart_names_its_lines_as_its_order_does() {
    let open = OpenShop::fresh().await;
    let cup = open.shop.variant_named("CUP-1", 500, None).await;
    let product = format!("/admin/products/{}", cup.product_id);
    let rename = async |title: &str| {
        let title = json!({ "title": title });
        open.shop.staff.patch(&product, title).ok(200).await;
    };
    rename("Cup").await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&cup, 1)]).await;
    let path = format!("/carts/{cart}");
    rename("Big cup").await;
    let method = format!("/admin/shipping/methods/{}", open.method);
    let send_by = async |name: &str| {
        let name = json!({ "name": name });
        open.shop.staff.patch(&method, name).ok(200).await;
    };
    send_by("Parcel").await;
    let variant = format!("/admin/variants/{}", cup.id);
    let sku = json!({ "sku": "CUP-2" });
    open.shop.staff.patch(&variant, sku).ok(200).await;
    let shown = guest.get(&path).ok(200).await;
    assert_eq!(named(&shown), [("CUP-1", "Cup")]);

    let key = unique("key");
    let purchase = Purchase {
        key: &key,
        token: "tok_approve",
    };
    let checkout = open.shop.complete(&guest, &cart, &purchase).await.expect(200);
    rename("Bigger cup").await;
    send_by("Van").await;
    let order = open.shop.order(text(&checkout["order"]["id"])).await;
    assert_eq!(named(&order), [("CUP-2", "Big cup")]);
    assert_eq!(order["shipping_method"]["name"], "Parcel");
    let completed = guest.get(&path).ok(200).await;
    assert_eq!(named(&completed), named(&order));
    assert_eq!(open.shop.list("/admin/carts").await, [completed]);
}

#[tokio::test]
async fn a_cart_whose_payment_is_unknown_costs_what_its_checkout_has_frozen() {
    let open = OpenShop::fresh().await;
    let settings = json!({ "provider_seconds": 1, "checkout_seconds": 5 });
    open.shop.settings(settings).await;
    let variant = open.shop.variant(500, None).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 2)]).await;
    let path = format!("/carts/{cart}");
    let key = unique("key");
    let purchase = Purchase {
        key: &key,
        token: "tok_hang",
    };
    let checkout = open.shop.complete(&guest, &cart, &purchase).await.expect(202);
    assert_eq!(checkout["state"], "payment_unknown");
    open.shop.set_price(&variant, 700).await;
    let locked = guest.get(&path).ok(200).await;
    assert_eq!(
        (
            &locked["state"],
            &locked["totals"]["total"],
            &locked["amount_due"]
        ),
        (&json!("checkout"), &pence(1_000), &pence(1_000))
    );
    let why = guest.get(&format!("{path}/explain")).ok(200).await;
    assert_eq!(why["totals"]["total"], pence(1_000));
    // Nothing was agreed on any more once it is free again.
    let freed = crate::support::until("the cart is free", async || {
        let cart = guest.get(&path).ok(200).await;
        (cart["state"] == "active").then_some(cart)
    });
    assert_eq!(freed.await["totals"]["total"], pence(1_400));
}
