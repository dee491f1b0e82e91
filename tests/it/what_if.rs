//! What a promotion would have done to the carts of the last day.

use crate::support::{OpenShop, Purchase, Shop, pence};
use serde_json::{Value, json};

/// Saves a promotion that is switched on, and returns where it is.
async fn promote(shop: &Shop, mut promotion: Value) -> String {
    promotion["enabled"] = json!(true);
    promotion["name"] = json!("A promotion");
    let made = shop.staff.post("/admin/promotions", promotion).ok(201).await;
    format!("/admin/promotions/{}", made["id"].as_str().unwrap_or_default())
}

fn off_order(percentage: &str) -> Value {
    json!({ "type": "order", "percentage": percentage })
}

#[tokio::test]
async fn what_a_draft_would_have_done_is_told_and_nothing_is_saved() {
    let OpenShop { shop, method, .. } = &OpenShop::fresh().await;
    let staff = &shop.staff;
    let (dear, cheap) = (shop.variant(1000, None).await, shop.variant(200, None).await);
    // 10.00 and 3 x 2.00 are 16.00; another shopper's 20.00 have become an order, an empty cart counts for nothing.
    let guest = shop.guest().await;
    shop.cart(&guest, &[(&dear, 1), (&cheap, 3)]).await;
    let other = shop.guest().await;
    shop.buy(&other, method, &[(&dear, 2)]).await;
    shop.guest().await.post("/carts", json!({})).ok(201).await;
    let draft = json!({ "name": "Ten per cent from 18.00", "actions": [off_order("0.1")],
        "conditions": { "subtotal_from": pence(1800), "starts_at": "2099-01-01" } });
    let what_if = "/admin/promotions/what-if";
    let told = staff.post(what_if, draft.clone()).ok(200).await;
    assert_eq!(told["complete"], true);
    assert_eq!(told["effects"].as_array().map(Vec::len), Some(1));
    let effect = &told["effects"][0];
    assert_eq!(effect["currency"], "GBP");
    assert_eq!(effect["ordered"]["carts"], 1);
    assert_eq!(effect["ordered"]["changed"], 1);
    assert_eq!(effect["ordered"]["difference"], pence(-200));
    assert_eq!(effect["open"]["carts"], 1);
    assert_eq!(effect["open"]["changed"], 0);
    assert_eq!(effect["open"]["before"], pence(1600));
    assert_eq!(effect["open"]["after"], pence(1600));
    assert_eq!(told["examples"].as_array().map(Vec::len), Some(1));

    let list = staff.get("/admin/promotions").ok(200).await;
    assert_eq!(list["items"], json!([]));
    let cart = guest.get("/carts/current").ok(200).await;
    assert_eq!(cart["totals"]["total"], pence(1600));

    // A change is compared with what the promotion is already: 10% off everything becomes 25%, by a code.
    let saved = promote(shop, json!({ "actions": [off_order("0.1")] })).await;
    let change = json!({ "code": "QUARTER", "actions": [off_order("0.25")] });
    let told = staff
        .post(&format!("{saved}/what-if?hours=1"), change)
        .ok(200)
        .await;
    assert_eq!(told["effects"][0]["open"]["before"], pence(1440));
    assert_eq!(told["effects"][0]["open"]["after"], pence(1200));

    // `null` clears, as it would in the change itself.
    let conditions = json!({ "subtotal_from": pence(99_900) });
    let out_of_reach = json!({ "conditions": conditions, "actions": [off_order("0.5")] });
    let saved = promote(shop, out_of_reach).await;
    let path = format!("{saved}/what-if");
    for (change, changed) in [(json!({ "priority": 1 }), 0), (json!({ "conditions": null }), 1)] {
        let told = staff.post(&path, change).ok(200).await;
        assert_eq!(told["effects"][0]["open"]["changed"], changed);
    }
    let unnamed = staff.post(&path, json!({ "name": null }));
    unnamed.refused(400, "request.invalid_fields").await;

    // Codes that are good for one order are not there before the promotion is: any cart may hold one. Nor is there an
    // order that it could be the first or not the first of.
    let for_letters = json!({ "name": "Letters", "requires_code": true, "conditions": { "first_order": true },
        "actions": [off_order("0.25")] });
    let told = staff.post(what_if, for_letters).ok(200).await;
    assert_eq!(told["effects"][0]["open"]["before"], pence(1440));
    assert_eq!(told["effects"][0]["open"]["after"], pence(1080));

    let holds = json!({ "name": "Holds", "code": "HOLDS", "actions": [off_order("0.5")] });
    promote(shop, holds.clone()).await;
    let taken = staff.post(what_if, holds);
    taken.refused(409, "promotion_code.taken").await;
    let refused = staff.post(what_if, json!({ "name": "Nothing", "actions": [] }));
    refused.refused(422, "request.invalid_fields").await;
    for hours in ["0", "169", "-1", "x"] {
        let path = format!("{what_if}?hours={hours}");
        let refused = staff.post(&path, draft.clone());
        refused.refused(400, "promotion.hours_out_of_range").await;
    }
    guest
        .post(what_if, draft)
        .refused(401, "auth.token_required")
        .await;
}

#[tokio::test]
async fn a_promotion_that_is_used_up_does_not_count() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1000, None).await;
    let used_up = json!({ "usage_limit": 1, "actions": [off_order("0.5")] });
    promote(&open.shop, used_up).await;
    let buyer = open.shop.guest().await;
    open.shop.buy(&buyer, &open.method, &[(&variant, 1)]).await;
    let alone = json!({ "exclusive": true, "actions": [off_order("0.2")] });
    let path = promote(&open.shop, alone).await;
    let guest = open.shop.guest().await;
    open.shop.cart(&guest, &[(&variant, 1)]).await;
    let change = json!({ "exclusive": false });
    let told = open
        .shop
        .staff
        .post(&format!("{path}/what-if"), change.clone())
        .ok(200)
        .await;
    let effect = &told["effects"][0]["open"];
    assert_eq!((&effect["before"], &effect["after"]), (&pence(800), &pence(800)));
    open.shop.staff.patch(&path, change).ok(200).await;
    assert_eq!(
        guest.get("/carts/current").ok(200).await["totals"]["total"],
        pence(800)
    );
    // Its own limit is put aside.
    let spent = json!({ "usage_limit": 1, "actions": [off_order("0.1")] });
    let path = promote(&open.shop, spent).await;
    open.shop.buy(&buyer, &open.method, &[(&variant, 1)]).await;
    let told = open
        .shop
        .staff
        .post(&format!("{path}/what-if"), json!({}))
        .ok(200)
        .await;
    let effect = &told["effects"][0]["open"];
    assert_eq!((&effect["before"], &effect["after"]), (&pence(800), &pence(720)));
}

#[tokio::test]
async fn what_its_own_order_has_used_counts_as_unused() {
    let single_code = json!({ "requires_code": true });
    let limits = [
        json!({ "usage_limit": 1 }),
        json!({ "usage_limit_per_customer": 1 }),
        json!({ "conditions": { "first_order": true } }),
        single_code.clone(),
    ];
    for limit in limits {
        let open = OpenShop::fresh().await;
        let variant = open.shop.variant(1000, None).await;
        let mut half = limit.clone();
        half["actions"] = json!([off_order("0.5")]);
        let path = promote(&open.shop, half).await;
        let staff = &open.shop.staff;
        let buyer = open.shop.guest().await;
        let cart = open.shop.ready_cart(&buyer, &open.method, &[(&variant, 1)]).await;
        if limit == single_code {
            let codes = staff.post(&format!("{path}/codes"), json!({ "codes": ["ONCE"] }));
            codes.ok(200).await;
            let code = buyer.post(&format!("/carts/{cart}/codes"), json!({ "code": "ONCE" }));
            code.ok(200).await;
        }
        let purchase = Purchase {
            key: "k",
            token: "tok_approve",
        };
        let bought = open.shop.complete(&buyer, &cart, &purchase).await.expect(200);
        open.shop.buy(&buyer, &open.method, &[(&variant, 1)]).await;

        // The first order came to 5.00 and the second one to 10.00, and a change of nothing changes nothing of the first.
        let suppose = async |change: Value| staff.post(&format!("{path}/what-if"), change).ok(200).await;
        let told = suppose(json!({})).await;
        let before = &told["effects"][0]["ordered"]["before"];
        assert_eq!(before, &pence(1500), "{limit}: {told}");
        let changed: Vec<_> = told["examples"].as_array().into_iter().flatten().collect();
        assert!(
            changed.iter().all(|changed| changed["cart_id"] != cart),
            "{limit}: {told}"
        );
        let told = suppose(json!({ "actions": [off_order("0.4")] })).await;
        let changed = json!({ "cart_id": cart, "before": pence(500), "after": pence(600) });
        let mut examples = told["examples"].as_array().into_iter().flatten();
        assert!(examples.any(|example| *example == changed), "{limit}: {told}");

        let order = bought["order"]["id"].as_str().unwrap_or_default();
        let cancel = staff.post(
            &format!("/admin/orders/{order}/cancel"),
            json!({ "reason": "none" }),
        );
        cancel.ok(200).await;
        let told = suppose(json!({})).await;
        assert_eq!(told["effects"][0]["ordered"]["carts"], 1, "{limit}: {told}");
    }
}
