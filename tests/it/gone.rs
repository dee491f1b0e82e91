//! Repeats under a key about what is not there any more.

use crate::support::{OpenShop, id_of, unique, until};
use serde_json::json;

#[tokio::test]
async fn a_repeat_about_what_was_deleted_meanwhile_says_that_it_is_one() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let (key, customer) = (unique("key"), json!({ "external_id": unique("customer") }));
    let make = || shop.staff.post("/admin/customers", customer.clone()).key(&key);
    let made = id_of(&make().ok(201).await);
    shop.staff
        .delete(&format!("/admin/customers/{made}"))
        .ok(204)
        .await;
    let again = make().send().await;
    assert!(again.is_replayed(), "{}", again.text);
    again.expect_refused(404, "customer.not_found");
}

#[tokio::test]
async fn a_repeat_of_codes_whose_promotion_was_deleted_meanwhile_gives_none_out() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let promotion = json!({
        "name": unique("Letter"), "requires_code": true, "enabled": true,
        "actions": [{ "type": "order", "percentage": "0.1" }],
    });
    let made = id_of(&shop.staff.post("/admin/promotions", promotion).ok(201).await);
    let path = format!("/admin/promotions/{made}");
    let (drawn, added) = (unique("drawn"), unique("added"));
    let codes = json!({ "codes": [unique("CODE")] });
    let draw = || {
        shop.staff
            .post(&format!("{path}/codes/generate"), json!({ "count": 3 }))
            .key(&drawn)
    };
    let add = || {
        shop.staff
            .post(&format!("{path}/codes"), codes.clone())
            .key(&added)
    };
    draw().ok(201).await;
    add().ok(200).await;
    shop.staff.delete(&path).ok(204).await;
    for again in [draw().send().await, add().send().await] {
        assert!(again.is_replayed(), "{}", again.text);
        again.expect_refused(404, "promotion.not_found");
    }
}

#[tokio::test]
async fn a_repeat_about_a_cart_that_is_over_says_that_it_is_one() {
    let open = OpenShop::fresh().await;
    let lifetimes = json!({ "cart_seconds": 2, "abandoned_cart_seconds": 1 });
    open.shop.settings(lifetimes).await;
    let variant = open.shop.variant(500, None).await;
    let (guest, key) = (open.shop.guest().await, unique("key"));
    let line = json!({ "sku": variant.sku });
    let add = || guest.post("/carts/current/lines", line.clone()).key(&key);
    add().ok(200).await;
    // Reading the cart would keep it.
    let again = until("the cart is over", async || {
        let again = add().send().await;
        assert!(again.is_replayed(), "{}", again.text);
        (again.status != 200).then_some(again)
    });
    again.await.expect_refused(404, "cart.not_found");
}
