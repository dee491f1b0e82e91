//! Codes that leave a cart, whatever else does not hold of it: those that are used up, over, or for somebody else.

use crate::support::{Answer, Client, OpenShop, Variant, pence, unique, until};
use serde_json::{Value, json};

/// A shop with a variant of 10.00, and a guest with one of it in a cart.
struct Open {
    open: OpenShop,
    variant: Variant,
    guest: Client,
}

impl Open {
    async fn new() -> Self {
        let open = OpenShop::fresh().await;
        let variant = open.shop.variant(1000, None).await;
        let guest = open.shop.guest().await;
        open.shop.cart(&guest, &[(&variant, 1)]).await;
        Self { open, variant, guest }
    }

    /// Says where the cart goes and how; returns its id.
    async fn addressed_cart(&self) -> String {
        let cart = self.guest.get("/carts/current").ok(200).await;
        let id = cart["id"].as_str().unwrap_or_default();
        let OpenShop { shop, method, .. } = &self.open;
        shop.address(&self.guest, id, method, "GB").await;
        id.to_owned()
    }

    /// Saves ten per cent under a code, with these conditions besides.
    async fn promote(&self, code: &str, conditions: Value, rest: Value) -> Value {
        let mut promotion = json!({
            "name": code, "code": code, "enabled": true, "conditions": conditions,
            "actions": [{ "type": "order", "percentage": "0.1" }],
        });
        for (name, value) in rest.as_object().into_iter().flatten() {
            promotion[name] = value.clone();
        }
        let made = self.open.shop.staff.post("/admin/promotions", promotion);
        made.ok(201).await
    }

    async fn change(&self, promotion: &Value, change: Value) {
        let id = promotion["id"].as_str().unwrap_or_default();
        let path = format!("/admin/promotions/{id}");
        self.open.shop.staff.patch(&path, change).ok(200).await;
    }

    async fn apply(&self, code: &str) -> Answer {
        let path = "/carts/current/codes";
        self.guest.post(path, json!({ "code": code })).send().await
    }

    /// Has somebody else buy so many with a code.
    async fn buy(&self, code: &str, quantity: u64) {
        let other = self.open.shop.guest().await;
        let lines = [(&self.variant, quantity)];
        let cart = self.open.shop.ready_cart(&other, &self.open.method, &lines).await;
        let codes = json!({ "code": code });
        other.post(&format!("/carts/{cart}/codes"), codes).ok(200).await;
        let body = json!({ "payment": { "token": "tok_approve" } });
        let complete = other.post(&format!("/carts/{cart}/complete"), body).key("k");
        complete.ok(200).await;
    }

    /// Reads the cart and expects that it has lost its only code for a reason.
    async fn expect_lost(&self, error: &str) {
        let told = self.guest.get("/carts/current").ok(200).await;
        assert_eq!(told["codes"], json!([]), "{error}: {told}");
        assert_eq!(told["removed_codes"][0]["error"], error);
    }

    /// Changes the quantity of the only line.
    async fn hold(&self, quantity: u64) {
        let cart = self.guest.get("/carts/current").ok(200).await;
        let line = cart["lines"][0]["id"].as_str().unwrap_or_default();
        let path = format!("/carts/current/lines/{line}");
        let change = json!({ "quantity": quantity });
        self.guest.patch(&path, change).ok(200).await;
    }
}

#[tokio::test]
async fn a_used_up_code_leaves_though_the_cart_is_below_its_minimum() {
    let shop = Open::new().await;
    let minimum = json!({ "subtotal_from": pence(2_000), "quantity_from": 2 });
    shop.promote("ONCE", minimum, json!({ "usage_limit": 1 })).await;
    shop.hold(2).await;
    shop.apply("once").await.expect(200);
    shop.hold(1).await;
    shop.buy("once", 2).await;
    shop.expect_lost("coupon.limit_reached").await;
    shop.apply("once")
        .await
        .expect_refused(422, "coupon.limit_reached");
}

#[tokio::test]
async fn a_used_up_code_leaves_though_another_promotion_goes_with_no_other() {
    let shop = Open::new().await;
    shop.promote("ONCE", json!({}), json!({ "usage_limit": 1 })).await;
    let sale = shop
        .promote("ALONE", json!({}), json!({ "enabled": false }))
        .await;
    shop.apply("once").await.expect(200);
    shop.buy("once", 1).await;
    shop.promote("OTHER", json!({}), json!({})).await;
    let alone = json!({ "enabled": true, "code": null, "exclusive": true, "priority": 9 });
    shop.change(&sale, alone).await;
    let in_force = shop.apply("other").await;
    let in_force = in_force.expect_refused(422, "coupon.not_applicable");
    assert_eq!(in_force["details"]["reason"], "suppressed");
    shop.expect_lost("coupon.limit_reached").await;
    shop.apply("once")
        .await
        .expect_refused(422, "coupon.limit_reached");
}

#[tokio::test]
async fn a_code_that_is_over_or_for_others_leaves_though_the_goods_go_elsewhere() {
    let shop = Open::new().await;
    let zone = shop.open.shop.zone("Elsewhere", &["NZ"], "0.15").await;
    let conditions = || json!({ "zones": [zone.clone()] });
    for (code, then, error) in [
        (
            "OVER",
            json!({ "ends_at": "2020-01-01T00:00:00Z" }),
            "coupon.expired",
        ),
        (
            "VIP",
            json!({ "customer_groups": ["vip"] }),
            "coupon.wrong_customer",
        ),
    ] {
        let made = shop.promote(code, json!({}), json!({})).await;
        shop.apply(code).await.expect(200);
        let mut changed = conditions();
        for (name, value) in then.as_object().into_iter().flatten() {
            changed[name] = value.clone();
        }
        shop.change(&made, json!({ "conditions": changed })).await;
        shop.expect_lost(error).await;
        shop.apply(code).await.expect_refused(422, error);
    }
}

#[tokio::test]
async fn a_used_up_code_leaves_an_empty_cart() {
    let shop = Open::new().await;
    shop.promote("ONCE", json!({}), json!({ "usage_limit": 1 })).await;
    shop.promote("STAYS", json!({}), json!({})).await;
    shop.apply("once").await.expect(200);
    shop.hold(0).await;
    shop.buy("once", 1).await;
    shop.expect_lost("coupon.limit_reached").await;
    shop.apply("once")
        .await
        .expect_refused(422, "coupon.limit_reached");
    shop.apply("stays")
        .await
        .expect_refused(422, "coupon.not_applicable");
}

#[tokio::test]
async fn a_first_order_code_leaves_below_its_minimum_once_the_shopper_has_ordered() {
    let shop = Open::new().await;
    let conditions = json!({ "first_order": true, "subtotal_from": pence(2_000) });
    shop.promote("FIRST", conditions, json!({})).await;
    shop.hold(2).await;
    shop.apply("first").await.expect(200);
    shop.hold(1).await;
    // Somebody orders under the address of every ready cart, which then is given as the shopper's.
    let other = shop.open.shop.guest().await;
    let lines = [(&shop.variant, 1)];
    shop.open.shop.buy(&other, &shop.open.method, &lines).await;
    let email = "ada@example.com";
    let told = until("the order is listed", async || {
        let told = shop.guest.patch("/carts/current", json!({ "email": email }));
        let told = told.ok(200).await;
        (told["codes"] == json!([])).then_some(told)
    })
    .await;
    assert_eq!(told["removed_codes"][0]["error"], "coupon.wrong_customer");
}

#[tokio::test]
async fn a_total_that_changes_for_another_reason_is_not_put_down_to_a_code_that_took_nothing_off() {
    let shop = Open::new().await;
    let minimum = json!({ "quantity_from": 2 });
    shop.promote("ONCE", minimum, json!({ "usage_limit": 1 })).await;
    let cart = &shop.addressed_cart().await;
    shop.hold(2).await;
    shop.apply("once").await.expect(200);
    shop.hold(1).await;
    shop.buy("once", 2).await;
    let path = format!("/admin/variants/{}", shop.variant.id);
    let dearer = json!({ "price": pence(1_100) });
    shop.open.shop.staff.patch(&path, dearer).ok(200).await;
    let body = json!({ "payment": { "token": "tok_approve" } });
    let complete = shop.guest.post(&format!("/carts/{cart}/complete"), body).key("k");
    complete.refused(409, "checkout.total_changed").await;
}

/// Completes the shopper's cart, and returns the refusal.
async fn refused_completion(shop: &Open, cart: &str, more: Value, error: &str) -> Value {
    let mut body = json!({ "payment": { "token": "tok_approve" } });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let complete = shop.guest.post(&format!("/carts/{cart}/complete"), body);
    complete.key(&unique("key")).refused(409, error).await
}

#[tokio::test]
async fn of_two_used_up_codes_the_one_that_gave_something_is_named() {
    let shop = Open::new().await;
    let once = || json!({ "usage_limit": 1 });
    shop.promote("FAR", json!({ "quantity_from": 2 }), once()).await;
    shop.promote("NEAR", json!({}), once()).await;
    let cart = &shop.addressed_cart().await;
    shop.hold(2).await;
    shop.apply("far").await.expect(200);
    shop.apply("near").await.expect(200);
    shop.hold(1).await;
    shop.buy("far", 2).await;
    shop.buy("near", 1).await;
    let told = refused_completion(&shop, cart, json!({}), "coupon.limit_reached").await;
    assert_eq!(told["details"]["code"], "NEAR");
}

#[tokio::test]
async fn what_else_changes_a_total_is_not_put_down_to_a_used_up_code() {
    let shop = Open::new().await;
    let sale =
        json!({ "name": "Sale", "enabled": true, "actions": [{ "type": "order", "percentage": "0.1" }] });
    let sale = shop.open.shop.staff.post("/admin/promotions", sale).ok(201).await;
    shop.promote("FAR", json!({ "quantity_from": 2 }), json!({ "usage_limit": 1 }))
        .await;
    let cart = &shop.addressed_cart().await;
    shop.hold(2).await;
    shop.apply("far").await.expect(200);
    shop.hold(1).await;
    shop.buy("far", 2).await;
    let wrong = json!({ "expected_total": pence(1) });
    refused_completion(&shop, cart, wrong, "checkout.total_changed").await;
    shop.change(&sale, json!({ "enabled": false })).await;
    refused_completion(&shop, cart, json!({}), "checkout.total_changed").await;
}

#[tokio::test]
async fn the_shopper_is_told_of_a_lost_code_whoever_reads_the_cart_before() {
    let shop = Open::new().await;
    let made = shop.promote("GONE", json!({}), json!({})).await;
    let cart = shop.apply("gone").await.expect(200);
    shop.change(&made, json!({ "enabled": false })).await;
    let path = format!("/carts/{}", cart["id"].as_str().unwrap_or_default());
    for path in [format!("/admin{path}"), path] {
        let read = shop.open.shop.staff.get(&path).ok(200).await;
        let kept = json!([{ "code": "GONE", "applies": false, "reason": "no_such_code" }]);
        assert_eq!((&read["codes"], &read["version"]), (&kept, &cart["version"]));
    }
    shop.expect_lost("coupon.unknown").await;
}

#[tokio::test]
async fn no_code_is_judged_for_a_cart_that_cannot_be_changed() {
    let shop = Open::new().await;
    let lines = [(&shop.variant, 1)];
    let cart = shop
        .open
        .shop
        .ready_cart(&shop.guest, &shop.open.method, &lines)
        .await;
    let codes = format!("/carts/{cart}/codes");
    let apply = || shop.guest.post(&codes, json!({ "code": "none" }));
    shop.guest
        .post(&format!("/carts/{cart}/checkout"), json!({}))
        .ok(201)
        .await;
    apply().refused(409, "cart.locked").await;
    let body = json!({ "payment": { "token": "tok_approve" } });
    let complete = shop.guest.post(&format!("/carts/{cart}/complete"), body).key("k");
    complete.ok(200).await;
    apply().refused(409, "cart.completed").await;
}
