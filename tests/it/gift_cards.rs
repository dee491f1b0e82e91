//! Gift cards and store credit over HTTP: what staff do with them, and what is paid with them.

use crate::support::{OpenShop, amount_of, pence, unique};
use serde_json::{Value, json};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn card_path(card: &Value) -> String {
    format!("/admin/gift-cards/{}", text(&card["id"]))
}

#[tokio::test]
async fn a_gift_card_is_issued_once_shown_without_its_code_adjusted_and_disabled() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let (staff, key) = (&shop.staff, unique("issue"));
    let body = json!({ "amount": pence(2_500), "note": "birthday", "email": "ada@example.com" });
    let card = staff
        .post("/admin/gift-cards", body.clone())
        .key(&key)
        .ok(201)
        .await;
    let code = text(&card["code"]);
    assert_eq!((code.len(), card["balance"].clone()), (19, pence(2_500)));
    assert!(code.ends_with(text(&card["last_characters"])), "{card}");
    // The same request again is the same card, with its code.
    let again = staff.post("/admin/gift-cards", body).key(&key).ok(201).await;
    assert_eq!(again, card);

    let path = card_path(&card);
    let shown = staff.get(&path).ok(200).await;
    assert_eq!(shown.get("code"), None);
    let spelled = code.replace('-', "").to_lowercase();
    let found = staff
        .get(&format!("/admin/gift-cards?code={spelled}"))
        .ok(200)
        .await;
    assert_eq!(found["items"], json!([shown]));
    let end = format!("/admin/gift-cards?code={}", text(&card["last_characters"]));
    assert_eq!(staff.get(&end).ok(200).await["items"], json!([]));

    let adjustments = format!("{path}/adjustments");
    let less = json!({ "amount": pence(-2_000), "reason": "paid out" });
    let adjusted = staff.post(&adjustments, less.clone()).if_match(1).ok(200).await;
    assert_eq!(adjusted["balance"], pence(500));
    let ledger: Vec<(&str, i64)> = adjusted["ledger"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| (text(&entry["kind"]), amount_of(&entry["amount"])))
        .collect();
    assert_eq!(ledger, [("issued", 2_500), ("adjusted", -2_000)]);
    staff
        .post(&adjustments, less.clone())
        .if_match(1)
        .refused(412, "version.stale")
        .await;
    staff
        .post(&adjustments, less)
        .refused(409, "stored_value.below_held")
        .await;
    let disabled = staff.patch(&path, json!({ "enabled": false })).ok(200).await;
    assert_eq!(
        (&disabled["enabled"], &disabled["note"]),
        (&json!(false), &json!("birthday"))
    );
}

#[tokio::test]
async fn own_codes_are_unique_however_they_are_spelled_and_every_bad_field_is_listed() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let staff = &shop.staff;
    let code = format!("{}-card", unique("own")).replace('-', "x");
    let own = |code: &str| json!({ "amount": pence(100), "code": code });
    staff.post("/admin/gift-cards", own(&code)).ok(201).await;
    staff
        .post("/admin/gift-cards", own(&code.to_uppercase()))
        .refused(409, "gift_card_code.taken")
        .await;
    for nobody in [format!("cus_{}", "0".repeat(32)), "cus_x".to_owned()] {
        let bad = json!({
            "amount": pence(0), "code": "short", "expires_at": "2020-01-01", "email": "ada",
            "customer_id": nobody,
        });
        let refused = staff
            .post("/admin/gift-cards", bad)
            .refused(422, "request.invalid_fields")
            .await;
        let errors = refused["errors"].as_array().into_iter().flatten();
        let pointers: Vec<&str> = errors.map(|error| text(&error["pointer"])).collect();
        assert_eq!(
            pointers,
            ["/amount", "/code", "/expires_at", "/customer_id", "/email"]
        );
    }
}

#[tokio::test]
async fn store_credit_is_one_balance_for_a_customer_and_a_currency() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let staff = &shop.staff;
    let customer = json!({ "external_id": unique("credited") });
    let customer = staff.post("/admin/customers", customer).ok(201).await;
    let path = format!("/admin/customers/{}/store-credit", text(&customer["id"]));
    let adjustments = format!("{path}/adjustments");
    let adjust = |amount: Value| json!({ "amount": amount, "reason": "goodwill" });
    staff.post(&adjustments, adjust(pence(500))).ok(200).await;
    let credit = staff.post(&adjustments, adjust(pence(-200))).ok(200).await;
    assert_eq!(credit["balance"], pence(300));
    let euros = json!({ "amount": 100, "currency": "EUR" });
    staff.post(&adjustments, adjust(euros)).ok(200).await;
    let listed = staff.get(&path).ok(200).await;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2));
    // Store credit is no gift card.
    let as_card = format!("/admin/gift-cards/{}", text(&credit["id"]));
    staff.get(&as_card).refused(404, "stored_value.not_found").await;
    let nobody = format!("/admin/customers/cus_{}/store-credit", "0".repeat(32));
    staff.get(&nobody).refused(404, "customer.not_found").await;
}

#[tokio::test]
async fn a_first_amount_that_is_refused_opens_no_store_credit() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let staff = &shop.staff;
    let customer = json!({ "external_id": unique("uncredited") });
    let customer = staff.post("/admin/customers", customer).ok(201).await;
    let credits = format!("/admin/customers/{}/store-credit", text(&customer["id"]));
    let adjust = |amount: i64, currency: &str| {
        let body = json!({ "amount": { "amount": amount, "currency": currency }, "reason": "goodwill" });
        staff.post(&format!("{credits}/adjustments"), body)
    };
    adjust(-5, "GBP").refused(409, "stored_value.below_held").await;
    adjust(0, "EUR").refused(422, "request.invalid_fields").await;
    let expected = adjust(5, "JPY").if_match(7);
    let problem = expected.refused(412, "version.stale").await;
    assert_eq!(problem["details"]["version"], 0);
    assert_eq!(staff.get(&credits).ok(200).await["items"], json!([]));
    // The first amount is one change, and is booked once under its key.
    let key = unique("first");
    let opened = adjust(5, "GBP").key(&key).ok(200).await;
    assert_eq!((&opened["balance"], &opened["version"]), (&pence(5), &json!(1)));
    assert_eq!(adjust(5, "GBP").key(&key).ok(200).await, opened);
    adjust(5, "EUR").if_match(0).ok(200).await;
    adjust(5, "EUR").if_match(0).refused(412, "version.stale").await;
}

#[tokio::test]
async fn store_credit_is_shown_noted_and_disabled_as_a_gift_card_is() {
    let OpenShop { shop, method, .. } = OpenShop::shared().await;
    let staff = &shop.staff;
    let customer = json!({ "external_id": unique("stopped") });
    let customer = staff.post("/admin/customers", customer).ok(201).await;
    let credits = format!("/admin/customers/{}/store-credit", text(&customer["id"]));
    let credit = format!("{credits}/GBP");
    staff.get(&credit).refused(404, "stored_value.not_found").await;
    let off = || json!({ "enabled": false, "note": "asked for their money" });
    staff
        .patch(&credit, off())
        .refused(404, "stored_value.not_found")
        .await;
    let goodwill = json!({ "amount": pence(300), "reason": "goodwill" });
    let opened = staff
        .post(&format!("{credits}/adjustments"), goodwill)
        .ok(200)
        .await;
    assert_eq!(
        (&opened["enabled"], &opened["note"]),
        (&json!(true), &Value::Null)
    );

    let shown = staff.get(&credit).send().await;
    let version = shown.etag().expect("a version");
    assert_eq!(shown.expect(200), opened);
    let stopped = staff.patch(&credit, off()).if_match(version).ok(200).await;
    assert_eq!(
        (&stopped["enabled"], &stopped["note"], &stopped["balance"]),
        (&json!(false), &json!("asked for their money"), &pence(300))
    );
    let late = staff.patch(&credit, off()).if_match(version);
    late.refused(412, "version.stale").await;
    let long = staff.patch(&credit, json!({ "note": "x".repeat(10_000) }));
    let long = long.refused(422, "request.invalid_fields").await;
    assert_eq!(long["errors"][0]["pointer"], "/note");
    for nothing in ["EUR", "XAU", "pounds"] {
        let nothing = format!("{credits}/{nothing}");
        staff.get(&nothing).refused(404, "stored_value.not_found").await;
    }
    let guest = shop.guest().await;
    guest.get(&credit).refused(401, "auth.token_required").await;

    // It pays for nothing until it is switched on again; in a cart it stays, and says why.
    let variant = shop.variant(1_000, None).await;
    let cart = shop.ready_cart(&guest, &method, &[(&variant, 1)]).await;
    let own = json!({ "customer_id": customer["id"] });
    staff.patch(&format!("/carts/{cart}"), own).ok(200).await;
    let path = format!("/carts/{cart}/store-credit");
    let refused = guest
        .post(&path, json!({}))
        .refused(422, "store_credit.unusable")
        .await;
    assert_eq!(refused["details"]["reason"], "disabled");
    let on = json!({ "enabled": true, "note": null });
    assert_eq!(staff.patch(&credit, on).ok(200).await["note"], Value::Null);
    let paid = guest.post(&path, json!({})).ok(200).await;
    assert_eq!(paid["amount_due"], pence(700));
    staff.patch(&credit, off()).ok(200).await;
    let shown = guest.get(&format!("/carts/{cart}")).ok(200).await;
    assert_eq!(
        (&shown["amount_due"], &shown["payments"][0]["reason"]),
        (&pence(1_000), &json!("disabled"))
    );
}
