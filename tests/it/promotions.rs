//! Promotions and coupon codes, over HTTP: from saving one to what an order keeps of it.

use crate::support::{Client, OpenShop, Purchase, Server, Shop, Variant, pence, until};
use serde_json::{Value, json};

const CODES: &str = "/carts/current/codes";

/// A shop with two variants, at 10.00 and 2.00, and a guest whose cart holds one and three of them.
struct Open {
    _server: Server,
    shop: Shop,
    staff: Client,
    guest: Client,
    dear: Variant,
}

impl Open {
    async fn new() -> Self {
        let server = Server::fresh();
        let shop = server.shop();
        shop.zone("United Kingdom", &["GB"], "0.2").await;
        let (dear, cheap) = (shop.variant(1000, None).await, shop.variant(200, None).await);
        let guest = shop.guest().await;
        shop.cart(&guest, &[(&dear, 1), (&cheap, 3)]).await;
        Self {
            staff: server.staff(),
            _server: server,
            shop,
            guest,
            dear,
        }
    }

    async fn promote(&self, mut promotion: Value) -> Value {
        promotion["enabled"] = json!(true);
        promotion["name"] = json!("A promotion");
        self.staff.post("/admin/promotions", promotion).ok(201).await
    }

    async fn cart(&self) -> Value {
        self.guest.get("/carts/current").ok(200).await
    }
}

fn off_order(percentage: &str) -> Value {
    json!({ "type": "order", "percentage": percentage })
}

#[tokio::test]
async fn an_automatic_promotion_shows_in_every_cart_until_it_is_switched_off() {
    let open = Open::new().await;
    let before = open.cart().await;
    assert_eq!(before["totals"]["total"], pence(1600));
    let made = open.promote(json!({ "actions": [off_order("0.1")] })).await;
    // 10% of 16.00 is 1.60: 1.00 of the line of 10.00 and 0.60 of that of 6.00.
    let cart = open.cart().await;
    assert_eq!(cart["totals"]["discounts"], pence(160));
    assert_eq!(cart["totals"]["total"], pence(1440));
    assert_eq!(cart["lines"][0]["discount"], pence(100));
    assert_eq!(cart["lines"][1]["discount"], pence(60));
    assert_eq!(cart["promotions"][0]["id"], made["id"]);
    assert_eq!(cart["promotions"][0]["discount"], pence(160));

    let path = format!("/admin/promotions/{}", made["id"].as_str().unwrap_or_default());
    let off = open.staff.patch(&path, json!({ "enabled": false })).if_match(1);
    assert_eq!(off.ok(200).await["version"], 2);
    assert_eq!(open.cart().await["totals"], before["totals"]);
    open.staff
        .patch(&path, json!({ "enabled": true }))
        .if_match(1)
        .refused(412, "version.stale")
        .await;
    open.staff.delete(&path).ok(204).await;
    open.staff.get(&path).refused(404, "promotion.not_found").await;
}

#[tokio::test]
async fn codes_are_judged_one_by_one_and_leave_when_they_can_no_longer_be_used() {
    let open = Open::new().await;
    let with_code = |code: &str, conditions: Value| {
        let actions = json!([off_order("0.1")]);
        json!({ "code": code, "conditions": conditions, "actions": actions })
    };
    let ten = open.promote(with_code("ten", json!({}))).await;
    open.promote(with_code("more", json!({ "subtotal_from": pence(1601) })))
        .await;
    open.promote(with_code("later", json!({ "starts_at": "2100-01-01T00:00:00Z" })))
        .await;
    open.promote(with_code("vip", json!({ "customer_groups": ["vip"] })))
        .await;
    let taken = json!({ "name": "Other", "code": "TEN", "actions": [off_order("0.2")] });
    let refused = open.staff.post("/admin/promotions", taken).send().await;
    assert_eq!(
        refused.expect_refused(409, "promotion_code.taken")["details"]["holder"],
        ten["id"]
    );

    for (code, error) in [
        ("none", "coupon.unknown"),
        ("more", "coupon.below_minimum"),
        ("later", "coupon.not_started"),
        ("vip", "coupon.wrong_customer"),
    ] {
        open.guest
            .post(CODES, json!({ "code": code }))
            .refused(422, error)
            .await;
    }
    assert_eq!(open.cart().await["codes"], json!([]));
    let below = open.guest.post(CODES, json!({ "code": "more" }));
    let below = below.refused(422, "coupon.below_minimum").await;
    assert_eq!(
        below["details"],
        json!({ "code": "MORE", "minimum": pence(1601) })
    );

    let codes = json!({ "codes": ["Ten", "none", "more"] });
    let applied = open.guest.post(CODES, codes.clone()).key("k").ok(200).await;
    assert_eq!(
        applied["codes"],
        json!([{ "code": "TEN", "applies": true, "reason": null }])
    );
    let errors = |cart: &Value, list: &str| -> Vec<Value> {
        let listed = cart[list].as_array().cloned().unwrap_or_default();
        listed.iter().map(|refused| refused["error"].clone()).collect()
    };
    assert_eq!(
        errors(&applied, "refused_codes"),
        ["coupon.unknown", "coupon.below_minimum"]
    );
    assert_eq!(applied["totals"]["discounts"], pence(160));
    let again = open.guest.post(CODES, codes).key("k").send().await;
    assert!(again.is_replayed());
    assert_eq!(again.expect(200)["refused_codes"], applied["refused_codes"]);

    // What is no code may be long, and of letters of any length.
    let mut codes = vec!["ten".to_owned()];
    codes.extend((0..9).map(|at| format!("{}{at}", "\u{1f343}".repeat(100))));
    let many = open.guest.post(CODES, json!({ "codes": codes })).key("many");
    let many = many.ok(200).await;
    assert_eq!(errors(&many, "refused_codes"), ["coupon.unknown"; 9]);

    let path = format!("/admin/promotions/{}", ten["id"].as_str().unwrap_or_default());
    open.staff.patch(&path, json!({ "enabled": false })).ok(200).await;
    let told = open.cart().await;
    assert_eq!(errors(&told, "removed_codes"), ["coupon.unknown"]);
    assert_eq!(
        (&told["codes"], &told["totals"]["discounts"]),
        (&json!([]), &pence(0))
    );
    assert_eq!(open.cart().await["removed_codes"], Value::Null, "it is told once");
    open.guest.delete("/carts/current/codes/ten").ok(200).await;
}

#[tokio::test]
async fn a_code_that_no_longer_qualifies_stays_and_works_again() {
    let open = Open::new().await;
    let conditions = json!({ "subtotal_from": pence(1600) });
    open.promote(json!({ "code": "TEN", "conditions": conditions, "actions": [off_order("0.1")] }))
        .await;
    let cart = open.guest.post(CODES, json!({ "code": "ten" })).ok(200).await;
    let line = format!(
        "/carts/current/lines/{}",
        cart["lines"][1]["id"].as_str().unwrap_or_default()
    );
    let fewer = open.guest.patch(&line, json!({ "quantity": 2 })).ok(200).await;
    let listed = json!([{ "code": "TEN", "applies": false, "reason": "below_subtotal" }]);
    assert_eq!(
        (&fewer["codes"], &fewer["totals"]["discounts"]),
        (&listed, &pence(0))
    );
    let more = open
        .guest
        .patch(&line, json!({ "quantity": 3 }))
        .minimal()
        .ok(200)
        .await;
    assert_eq!(more["totals"]["discounts"], pence(160));
}

#[tokio::test]
async fn an_order_keeps_what_promotions_gave_and_both_are_explained() {
    let open = Open::new().await;
    let method = open.shop.shipping("Post", &["*"], 395).await;
    let items = json!({ "variants": [open.dear.id] });
    let off_dear = json!({ "type": "lines", "items": items, "fixed": pence(250) });
    let made = open
        .promote(json!({ "actions": [off_dear, { "type": "shipping", "percentage": "1" }] }))
        .await;
    open.promote(json!({ "code": "SECRET", "actions": [off_order("0.5")] }))
        .await;
    open.promote(json!({ "conditions": { "quantity_from": 5 }, "actions": [off_order("0.5")] }))
        .await;
    let cart = open.cart().await;
    let id = cart["id"].as_str().unwrap_or_default().to_owned();
    let cart = open.shop.address(&open.guest, &id, &method, "GB").await;
    let shipping = cart["totals"]["shipping_discount"].clone();
    assert_eq!(cart["totals"]["discounts"], pence(250));
    assert_ne!(shipping, pence(0));

    let of_cart = open.guest.get("/carts/current/explain").ok(200).await;
    let why = &of_cart;
    let promotions = why["promotions"].as_array().cloned().unwrap_or_default();
    assert_eq!(
        promotions.len(),
        2,
        "a code that was not entered is a secret: {why}"
    );
    let steps = &promotions[0]["steps"];
    assert_eq!(
        (&steps[0]["base"], &steps[0]["given"]),
        (&pence(1000), &pence(250))
    );
    assert_eq!(steps[1]["given"], shipping);
    assert_eq!(promotions[1]["reason"], "below_quantity");

    let placed = open
        .shop
        .complete(
            &open.guest,
            &id,
            &Purchase {
                key: "k",
                token: "tok_approve",
            },
        )
        .await
        .expect(200);
    let order = placed["order"]["id"].as_str().unwrap_or_default().to_owned();
    let path = format!("/admin/promotions/{}", made["id"].as_str().unwrap_or_default());
    open.staff.delete(&path).ok(204).await;
    let order_path = format!("/orders/{order}");
    let kept = open.guest.get(&order_path).ok(200).await;
    assert_eq!(kept["promotions"][0]["id"], made["id"]);
    assert_eq!(kept["totals"]["discounts"], pence(250));
    let why = open.guest.get(&format!("{order_path}/explain")).ok(200).await;
    assert_eq!(why, of_cart, "an order is explained as its cart was");
}

#[tokio::test]
async fn what_could_never_apply_is_refused_with_every_fault() {
    let open = Open::new().await;
    let promotion = json!({
        "name": "",
        "conditions": { "starts_at": "2100-01-02", "ends_at": "2100-01-01" },
        "actions": [off_order("1.5"), { "type": "shipping" }],
    });
    let problem = open.staff.post("/admin/promotions", promotion);
    let problem = problem.refused(422, "request.invalid_fields").await;
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    let pointers: Vec<Value> = errors.iter().map(|error| error["pointer"].clone()).collect();
    let expected = [
        "/name",
        "/conditions/ends_at",
        "/actions/0/percentage",
        "/actions/1",
    ];
    assert_eq!(pointers, expected);
}

#[tokio::test]
async fn a_promotion_for_a_zone_that_is_not_there_is_refused_with_its_other_faults() {
    let open = Open::new().await;
    let nowhere = format!("txz_{:032x}", 7);
    let draft =
        json!({ "name": "", "conditions": { "zones": ["x", nowhere] }, "actions": [off_order("0.1")] });
    let faults = json!(["/name", "/conditions/zones/0", "/conditions/zones/1"]);
    for path in ["/admin/promotions", "/admin/promotions/what-if"] {
        let refused = open.staff.post(path, draft.clone());
        let refused = refused.refused(422, "request.invalid_fields").await;
        let errors = refused["errors"].as_array().cloned().unwrap_or_default();
        let pointers: Vec<_> = errors.iter().map(|error| error["pointer"].clone()).collect();
        assert_eq!(json!(pointers), faults);
        assert_eq!(errors[2]["code"], "promotion.unknown_zone");
    }
    let made = open.promote(json!({ "actions": [off_order("0.1")] })).await;
    let path = format!("/admin/promotions/{}", made["id"].as_str().unwrap_or_default());
    let change = open
        .staff
        .patch(&path, json!({ "conditions": { "zones": [nowhere] } }));
    let refused = change.refused(422, "request.invalid_fields").await;
    assert_eq!(refused["errors"][0]["code"], "promotion.unknown_zone");
}

#[tokio::test]
async fn a_currency_that_is_not_sold_in_and_a_misspelled_condition_are_refused() {
    let open = Open::new().await;
    let euros = json!({ "amount": 500, "currency": "EUR" });
    let draft = json!({
        "name": "Euros",
        "conditions": { "currency": "EUR", "subtotal_from": euros },
        "actions": [off_order("0.1"), { "type": "order", "fixed": euros }],
    });
    let refused = open.staff.post("/admin/promotions", draft.clone());
    let refused = refused.refused(422, "request.invalid_fields").await;
    let errors = refused["errors"].as_array().cloned().unwrap_or_default();
    let pointers: Vec<Value> = errors.iter().map(|error| error["pointer"].clone()).collect();
    let places = [
        "/conditions/currency",
        "/conditions/subtotal_from",
        "/actions/1/fixed",
    ];
    assert_eq!(json!(pointers), json!(places));
    assert_eq!(errors[0]["code"], "promotion.unknown_currency");
    let offered = open
        .staff
        .patch("/admin/settings", json!({ "currencies": ["EUR"] }));
    offered.ok(200).await;
    open.staff.post("/admin/promotions", draft).ok(201).await;

    for (part, at) in [
        (
            json!({ "conditions": { "subtotal_form": pence(5000) } }),
            "/conditions/subtotal_form",
        ),
        (
            json!({ "conditions": { "items": { "product": ["x"] } } }),
            "/conditions/items/product",
        ),
        (
            json!({ "actions": [{ "type": "lines", "item": {}, "percentage": "0.1" }] }),
            "/actions/0/item",
        ),
    ] {
        let mut draft = json!({ "name": "Misspelled", "actions": [off_order("0.1")] });
        for (name, value) in part.as_object().into_iter().flatten() {
            draft[name] = value.clone();
        }
        let refused = open.staff.post("/admin/promotions", draft);
        let refused = refused.refused(400, "request.invalid_fields").await;
        assert_eq!(refused["errors"][0]["pointer"], at, "{refused}");
    }
}

#[tokio::test]
async fn a_promotion_starts_and_another_ends_while_the_engine_is_down() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1000, None).await;
    let turn = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(5);
    let turn = turn.to_string();
    for (name, dates) in [
        ("Early", json!({ "ends_at": turn })),
        ("Late", json!({ "starts_at": turn })),
    ] {
        let draft =
            json!({ "name": name, "enabled": true, "conditions": dates, "actions": [off_order("0.1")] });
        open.shop.staff.post("/admin/promotions", draft).ok(201).await;
    }
    let guest = open.shop.guest().await;
    let cart = open.shop.cart(&guest, &[(&variant, 1)]).await;
    let path = format!("/carts/{}", cart["id"].as_str().unwrap_or_default());
    assert_eq!(cart["promotions"][0]["name"], "Early");
    let server = open.into_server().kill_and_restart();
    let guest = guest.at(server.url());
    until("one has begun and the other ended", async || {
        let promotions = guest.get(&path).ok(200).await["promotions"].clone();
        let names: Vec<_> = promotions.as_array().into_iter().flatten().collect();
        assert_eq!(names.len(), 1, "never both, never neither: {promotions}");
        (names[0]["name"] == "Late").then_some(())
    })
    .await;
}

#[tokio::test]
async fn whoever_completes_when_a_promotion_is_over_is_told_what_comes_off_now() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1000, None).await;
    let draft = json!({ "name": "A tenth", "enabled": true, "actions": [off_order("0.1")] });
    let made = open.shop.staff.post("/admin/promotions", draft).ok(201).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let path = format!("/admin/promotions/{}", made["id"].as_str().unwrap_or_default());
    let off = open.shop.staff.patch(&path, json!({ "enabled": false }));
    off.ok(200).await;
    let purchase = Purchase {
        key: "k",
        token: "tok_approve",
    };
    let refused = open.shop.complete(&guest, &cart, &purchase).await;
    let problem = refused.expect_refused(409, "checkout.total_changed");
    let changed = problem["details"]["changed"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    assert_eq!(
        changed,
        [json!({ "what": "discounts", "from": pence(100), "to": pence(0) })],
        "{problem}"
    );
}

#[tokio::test]
async fn a_fault_in_an_action_is_told_at_its_field() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let check = async |action: Value, pointer: &str, message: &str| {
        let promotion = json!({ "name": "Sale", "actions": [action] });
        let refused = shop.staff.post("/admin/promotions", promotion);
        let refused = refused.refused(400, "request.invalid_fields").await;
        let error = &refused["errors"][0];
        let told = error["message"].as_str().unwrap_or_default();
        assert_eq!(error["pointer"], pointer, "{refused}");
        assert!(told.contains(message), "{told}");
    };
    check(
        json!({ "type": "order", "percentage": 0.1 }),
        "/actions/0/percentage",
        "must be a text",
    )
    .await;
    let fixed = json!({ "type": "order", "fixed": { "amount": "5", "currency": "GBP" } });
    check(fixed, "/actions/0/fixed/amount", "must be a whole number").await;
    check(
        json!({ "type": "sets", "buy": "2", "get": 1 }),
        "/actions/0/buy",
        "must be a whole number",
    )
    .await;
    check(
        json!({ "type": "sets", "buy": 2 }),
        "/actions/0",
        "get must be given",
    )
    .await;
    check(
        json!({ "type": "order", "spread": "each" }),
        "/actions/0",
        "spread is no field",
    )
    .await;
    check(json!({ "type": "gift" }), "/actions/0/type", "must be one of").await;
    // A field of another type is refused, and none passed over.
    let fields = [
        ("items", json!({ "products": [] })),
        ("percentage", json!("0.1")),
        ("fixed", pence(100)),
        ("spread", json!("each")),
        ("buy", json!(2)),
        ("buy_items", json!({ "products": [] })),
        ("get", json!(1)),
        ("get_items", json!({ "products": [] })),
        ("choice", json!("dearest")),
        ("sets_max", json!(3)),
    ];
    let takes = |kind: &str| match kind {
        "lines" => vec!["items", "percentage", "fixed", "spread"],
        "sets" => vec![
            "buy",
            "buy_items",
            "get",
            "get_items",
            "percentage",
            "choice",
            "sets_max",
        ],
        _ => vec!["percentage", "fixed"],
    };
    for kind in ["order", "lines", "sets", "shipping"] {
        let taken = takes(kind);
        for (field, value) in fields.iter().filter(|(field, _)| !taken.contains(field)) {
            let mut action = json!({ "type": kind, "buy": 2, "get": 1 });
            if kind != "sets" {
                action = json!({ "type": kind });
            }
            action[*field] = value.clone();
            check(action, "/actions/0", &format!("{field} is no field")).await;
        }
    }
}
