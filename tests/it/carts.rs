//! Carts: every command, what identity means, prices then and now, and what a version says.

use crate::support::{Client, OpenShop, Variant, address, pence};
use futures::future::join_all;
use serde_json::{Value, json};

const LINES: &str = "/carts/current/lines";

fn version(cart: &Value) -> u64 {
    cart["version"]
        .as_u64()
        .unwrap_or_else(|| panic!("{cart} has no version"))
}

fn line_path(cart: &Value, index: usize) -> String {
    let id = cart["lines"][index]["id"].as_str().unwrap_or_default();
    format!("{LINES}/{id}")
}

fn quantities(cart: &Value) -> Vec<u64> {
    let lines = cart["lines"].as_array().cloned().unwrap_or_default();
    lines
        .iter()
        .map(|line| line["quantity"].as_u64().unwrap_or_default())
        .collect()
}

async fn add(guest: &Client, variant: &Variant, quantity: u64) -> Value {
    let body = json!({ "variant_id": variant.id, "quantity": quantity });
    guest.post(LINES, body).ok(200).await
}

#[tokio::test]
async fn a_new_cart_is_empty_and_costs_nothing() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let guest = shop.guest().await;
    let opened = guest.post("/carts", json!({})).send().await;
    let location = opened.header("location").unwrap_or_default().to_owned();
    assert_eq!(opened.etag(), opened.json["version"].as_u64());
    let cart = opened.expect(201);
    assert_eq!(
        location,
        format!("/api/v1/carts/{}", cart["id"].as_str().unwrap_or_default())
    );
    assert_eq!(
        (&cart["state"], &cart["currency"]),
        (&json!("created"), &json!("GBP"))
    );
    assert_eq!((&cart["lines"], &cart["email"]), (&json!([]), &Value::Null));
    for part in ["subtotal", "discounts", "shipping", "tax_included", "total"] {
        assert_eq!(cart["totals"][part], pence(0), "{part}");
    }
    assert_eq!(
        (&cart["totals"]["lines"], &cart["totals"]["units"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(guest.get("/carts/current").ok(200).await, cart);
}

#[tokio::test]
async fn adding_to_current_opens_a_cart_and_makes_it_active() {
    let OpenShop { server, shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(255, None).await;
    // Without a session, too.
    let guest = server.guest();
    let cart = guest
        .post(LINES, json!({ "sku": variant.sku, "quantity": 2 }))
        .ok(200)
        .await;
    assert_eq!(cart["state"], "active");
    let line = &cart["lines"][0];
    assert_eq!(
        (&line["variant_id"], &line["product_id"]),
        (&json!(variant.id), &json!(variant.product_id))
    );
    assert_eq!((&line["unit_price"], &line["total"]), (&pence(255), &pence(510)));
    assert_eq!(
        (&line["quantity"], &line["overridden"], &line["problems"]),
        (&json!(2), &json!(false), &json!([]))
    );
    // The quantity is 1 where none is given.
    let cart = guest
        .post(LINES, json!({ "variant_id": variant.id }))
        .ok(200)
        .await;
    assert_eq!(
        (quantities(&cart), &cart["totals"]["units"]),
        (vec![3], &json!(3))
    );
    assert_eq!(guest.get("/carts/current").ok(200).await["id"], cart["id"]);
}

#[tokio::test]
async fn equal_lines_add_up_and_unequal_ones_stay_apart() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(100, None).await;
    let guest = shop.guest().await;
    let with = |extra: Value| {
        let mut body = json!({ "variant_id": variant.id });
        if let (Value::Object(body), Value::Object(extra)) = (&mut body, extra) {
            body.extend(extra);
        }
        guest.post(LINES, body)
    };
    with(json!({})).ok(200).await;
    with(json!({ "custom_fields": { "row": "1" } })).ok(200).await;
    with(json!({ "custom_fields": { "row": "2" } })).ok(200).await;
    with(json!({ "options": { "size": "L" } })).ok(200).await;
    with(json!({ "options": { "size": "L" }, "custom_fields": { "row": "1" } }))
        .ok(200)
        .await;
    let cart = with(json!({ "options": { "size": "L" } })).ok(200).await;
    assert_eq!(quantities(&cart), [1, 1, 1, 2, 1]);
    let cart = with(json!({ "custom_fields": { "row": "2" } })).ok(200).await;
    assert_eq!(quantities(&cart), [1, 1, 2, 2, 1]);
    assert_eq!(cart["lines"][2]["custom_fields"], json!({ "row": "2" }));
    // An empty map is no map.
    let cart = with(json!({ "options": {}, "custom_fields": {} })).ok(200).await;
    assert_eq!(quantities(&cart), [2, 1, 2, 2, 1]);
    assert_eq!(
        (&cart["totals"]["lines"], &cart["totals"]["units"]),
        (&json!(5), &json!(8))
    );
}

#[tokio::test]
async fn quantities_are_set_and_lines_removed_and_cleared() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let (one, two, three) = (
        shop.variant(100, None).await,
        shop.variant(200, None).await,
        shop.variant(300, None).await,
    );
    let guest = shop.guest().await;
    for variant in [&one, &two, &three] {
        add(&guest, variant, 1).await;
    }
    let cart = guest.get("/carts/current").ok(200).await;
    let cart = guest
        .patch(&line_path(&cart, 1), json!({ "quantity": 5 }))
        .ok(200)
        .await;
    assert_eq!(
        (quantities(&cart), &cart["totals"]["subtotal"]),
        (vec![1, 5, 1], &pence(1400))
    );
    let second = line_path(&cart, 1);
    let cart = guest.patch(&second, json!({ "quantity": 0 })).ok(200).await;
    assert_eq!(quantities(&cart), [1, 1]);
    for call in [
        guest.patch(&second, json!({ "quantity": 1 })),
        guest.delete(&second),
    ] {
        let problem = call.refused(404, "cart.line_not_found").await;
        assert_eq!(
            problem["details"]["line_id"],
            second.rsplit('/').next().unwrap_or_default()
        );
    }
    let cart = guest.delete(&line_path(&cart, 0)).ok(200).await;
    assert_eq!(cart["lines"][0]["variant_id"], three.id);
    let cart = guest.delete(LINES).ok(200).await;
    assert_eq!((&cart["lines"], &cart["state"]), (&json!([]), &json!("active")));
    assert_eq!(cart["totals"]["total"], pence(0));
}

#[tokio::test]
async fn a_line_tells_what_it_cost_and_what_it_costs() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let (dearer, cheaper) = (shop.variant(200, None).await, shop.variant(200, None).await);
    let guest = shop.guest().await;
    add(&guest, &dearer, 2).await;
    add(&guest, &cheaper, 1).await;
    shop.set_price(&dearer, 250).await;
    shop.set_price(&cheaper, 170).await;
    let cart = guest.get("/carts/current").ok(200).await;
    let prices = |index: usize| {
        let line = &cart["lines"][index];
        [
            "unit_price_when_added",
            "unit_price",
            "unit_price_difference",
            "total",
        ]
        .map(|field| line[field].clone())
    };
    assert_eq!(prices(0), [200, 250, 50, 500].map(pence));
    assert_eq!(prices(1), [200, 170, -30, 170].map(pence));
}

#[tokio::test]
async fn a_cart_that_is_read_again_shows_whatever_has_changed_since() {
    let OpenShop {
        server: _server,
        shop,
        ..
    } = OpenShop::fresh().await;
    let zone = shop.zone("Elsewhere", &["DE"], "0").await;
    let method = shop.shipping("Parcel", &["DE"], 0).await;
    let variant = shop.variant(200, Some(5)).await;
    let guest = shop.guest().await;
    let cart = shop.cart(&guest, &[(&variant, 2)]).await;
    let id = cart["id"].as_str().expect("a cart has an id").to_owned();
    shop.address(&guest, &id, &method, "DE").await;
    let read = async || guest.get(&format!("/carts/{id}")).ok(200).await;
    let unchanged = read().await;
    assert_eq!(unchanged, read().await);
    let mut last = unchanged;
    let mut changed = async |what: &str, pointer: &str, expected: Value| {
        let now = read().await;
        assert_eq!(now.pointer(pointer), Some(&expected), "{what}: {now}");
        assert_ne!(now, last, "{what}");
        last = read().await;
        assert_eq!(now, last, "{what}");
    };
    shop.set_price(&variant, 300).await;
    changed("a price", "/totals/total", pence(600)).await;
    shop.set_stock(&variant, 1).await;
    changed("stock", "/lines/0/problems/0/available", json!(1)).await;
    let rates = json!({ "rates": [{ "category": "standard", "name": "VAT", "rate": "0.5" }] });
    shop.staff
        .patch(&format!("/admin/tax/zones/{zone}"), rates)
        .ok(200)
        .await;
    changed("a rate", "/totals/tax_included", pence(200)).await;
    let price = json!({ "price": pence(50) });
    shop.staff
        .patch(&format!("/admin/shipping/methods/{method}"), price)
        .ok(200)
        .await;
    changed("a shipping method", "/totals/shipping", pence(50)).await;
    let path = format!("/admin/products/{}", variant.product_id);
    shop.staff
        .patch(&path, json!({ "status": "draft" }))
        .ok(200)
        .await;
    changed("a product", "/lines/0/problems/0/code", json!("line.disabled")).await;
    guest.delete(&line_path(&cart, 0)).ok(200).await;
    changed("a line", "/lines", json!([])).await;
}

#[tokio::test]
async fn every_accepted_change_raises_the_version_by_one_and_nothing_else_does() {
    let OpenShop { shop, method, .. } = OpenShop::shared().await;
    let variant = shop.variant(100, Some(3)).await;
    let guest = shop.guest().await;
    let mut at = version(&guest.post("/carts", json!({})).ok(201).await);
    let details = json!({ "email": "ada@example.com", "shipping_address": address("GB"), "shipping_method_id": method });
    let cart = add(&guest, &variant, 1).await;
    let line = line_path(&cart, 0);
    at += 1;
    assert_eq!(version(&cart), at);
    for call in [
        guest.post(LINES, json!({ "variant_id": variant.id })),
        guest.patch(&line, json!({ "quantity": 3 })),
        guest.patch("/carts/current", details.clone()),
    ] {
        at += 1;
        let answer = call.send().await;
        assert_eq!((answer.etag(), version(&answer.json)), (Some(at), at));
        answer.expect(200);
    }
    // What changes nothing.
    guest.patch(&line, json!({ "quantity": 3 })).ok(200).await;
    guest.patch("/carts/current", details).ok(200).await;
    guest.patch("/carts/current", json!({})).ok(200).await;
    guest.get("/carts/current").ok(200).await;
    // What is refused.
    guest
        .post(LINES, json!({ "variant_id": variant.id }))
        .refused(409, "cart.insufficient_stock")
        .await;
    for nobody in ["nobody", "o\u{2019}brien@example.com", "\u{202e}ada@example.com"] {
        guest
            .patch("/carts/current", json!({ "email": nobody }))
            .refused(422, "request.invalid_fields")
            .await;
    }
    assert_eq!(version(&guest.get("/carts/current").ok(200).await), at);
    // Clearing, and clearing what is clear.
    assert_eq!(version(&guest.delete(LINES).ok(200).await), at + 1);
    assert_eq!(version(&guest.delete(LINES).ok(200).await), at + 1);
}

#[tokio::test]
async fn a_shoppers_price_is_ignored_and_staffs_counts() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(1000, None).await;
    let guest = shop.guest().await;
    for unit_price in [pence(1), json!("free"), json!(-5), json!({ "nonsense": true })] {
        let body = json!({
            "variant_id": variant.id, "unit_price": unit_price, "price": pence(1), "title": "Mine", "tax": pence(0),
            "overridden": true,
        });
        let cart = guest.post(LINES, body).ok(200).await;
        assert_eq!(
            (&cart["lines"][0]["unit_price"], &cart["lines"][0]["overridden"]),
            (&pence(1000), &json!(false))
        );
        assert_eq!(
            cart["lines"][0]["title"],
            json!(format!("Product {}", variant.sku)).clone()
        );
    }
    // The cookie says whose cart, the token says what is allowed.
    let clerk = guest.clone().with_token(shop_token(&shop.staff));
    let body = json!({ "variant_id": variant.id, "unit_price": pence(700), "quantity": 2 });
    let cart = clerk.post(LINES, body.clone()).ok(200).await;
    assert_eq!(quantities(&cart), [4, 2]);
    let line = &cart["lines"][1];
    assert_eq!(
        (&line["unit_price"], &line["overridden"], &line["total"]),
        (&pence(700), &json!(true), &pence(1400))
    );
    assert_eq!(quantities(&clerk.post(LINES, body).ok(200).await), [4, 4]);
    for (bad, status, code) in [
        (pence(-1), 422, "cart.negative_price"),
        (
            json!({ "amount": 1, "currency": "EUR" }),
            422,
            "cart.other_currency",
        ),
        (json!("free"), 400, "request.invalid_fields"),
    ] {
        let body = json!({ "variant_id": variant.id, "unit_price": bad });
        clerk.post(LINES, body).refused(status, code).await;
    }
    // What staff set stays when the catalog changes.
    shop.set_price(&variant, 900).await;
    let cart = guest.get("/carts/current").ok(200).await;
    assert_eq!(
        (&cart["lines"][0]["unit_price"], &cart["lines"][1]["unit_price"]),
        (&pence(900), &pence(700))
    );
}

fn shop_token(staff: &Client) -> &str {
    staff.token().unwrap_or_default()
}

#[tokio::test]
async fn a_minimal_answer_has_the_line_the_totals_and_the_version() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let (first, second) = (shop.variant(100, None).await, shop.variant(300, None).await);
    let guest = shop.guest().await;
    add(&guest, &first, 1).await;
    let body = json!({ "variant_id": second.id, "quantity": 2 });
    let answer = guest.post(LINES, body).minimal().send().await;
    assert_eq!(answer.header("preference-applied"), Some("return=minimal"));
    assert_eq!(answer.etag(), answer.json["version"].as_u64());
    let changed = answer.expect(200);
    let mut fields: Vec<&String> = changed
        .as_object()
        .into_iter()
        .flat_map(|fields| fields.keys())
        .collect();
    fields.sort();
    assert_eq!(fields, ["amount_due", "id", "line", "state", "totals", "version"]);
    assert_eq!(
        (&changed["line"]["sku"], &changed["line"]["total"]),
        (&json!(second.sku), &pence(600))
    );
    let whole = guest.get("/carts/current").ok(200).await;
    assert_eq!(
        (&changed["totals"], &changed["version"]),
        (&whole["totals"], &whole["version"])
    );
    let removed = guest.delete(&line_path(&whole, 0)).minimal().ok(200).await;
    assert_eq!(
        (&removed["line"], &removed["totals"]["lines"]),
        (&Value::Null, &json!(1))
    );
}

#[tokio::test]
async fn a_completed_cart_refuses_every_change_and_the_next_add_opens_another() {
    let OpenShop { shop, method, .. } = OpenShop::shared().await;
    let variant = shop.variant(100, None).await;
    let guest = shop.guest().await;
    let checkout = shop.buy(&guest, &method, &[(&variant, 1)]).await;
    let (cart_id, order_id) = (checkout["cart_id"].clone(), checkout["order"]["id"].clone());
    let path = format!("/carts/{}", cart_id.as_str().unwrap_or_default());
    let cart = guest.get(&path).ok(200).await;
    assert_eq!(
        (&cart["state"], &cart["order_id"]),
        (&json!("completed"), &order_id)
    );
    let line = format!(
        "{path}/lines/{}",
        cart["lines"][0]["id"].as_str().unwrap_or_default()
    );
    for call in [
        guest.post(&format!("{path}/lines"), json!({ "variant_id": variant.id })),
        guest.patch(&line, json!({ "quantity": 2 })),
        guest.delete(&line),
        guest.delete(&format!("{path}/lines")),
        guest.patch(&path, json!({ "email": "late@example.com" })),
        guest.post(&format!("{path}/checkout"), json!({})),
    ] {
        let problem = call.refused(409, "cart.completed").await;
        assert_eq!(problem["details"]["order_id"], order_id);
    }
    let next = add(&guest, &variant, 1).await;
    assert_ne!(next["id"], cart_id);
    assert_eq!((quantities(&next), &next["state"]), (vec![1], &json!("active")));
    assert_eq!(guest.get("/session").ok(200).await["cart_id"], next["id"]);
}

#[tokio::test]
async fn an_idle_cart_is_abandoned_recovered_and_in_the_end_deleted() {
    let OpenShop {
        shop,
        method: _,
        server,
    } = OpenShop::fresh().await;
    shop.settings(json!({ "cart_seconds": 1, "abandoned_cart_seconds": 2 }))
        .await;
    let variant = shop.variant(100, Some(5)).await;
    let guest = shop.guest().await;
    let cart = add(&guest, &variant, 3).await;
    let path = format!("/admin/carts/{}", cart["id"].as_str().unwrap_or_default());
    let staff = server.staff();
    let in_state = async |state: &str| {
        let wanted = json!(state);
        crate::support::until(&format!("the cart is {state}"), async || {
            let shown = staff.get(&path).send().await;
            (shown.json["state"] == wanted).then_some(())
        })
        .await;
    };
    in_state("abandoned").await;
    // Staff who look at it are not its shopper, whatever shop's cookie they carry.
    let keeper = shop.guest().await.with_token(server.token());
    assert_eq!(keeper.get(&path).ok(200).await["state"], "abandoned");
    assert_eq!(keeper.get(&path).ok(200).await["state"], "abandoned");
    // On return it is recovered, and at once active when there is nothing to report.
    assert_eq!(guest.get("/carts/current").ok(200).await["state"], "active");
    in_state("abandoned").await;
    shop.set_stock(&variant, 2).await;
    let cart = guest.get("/carts/current").ok(200).await;
    assert_eq!(
        (&cart["state"], &cart["lines"][0]["problems"][0]["code"]),
        (&json!("recovered"), &json!("line.short"))
    );
    let cart = guest
        .patch(&line_path(&cart, 0), json!({ "quantity": 2 }))
        .ok(200)
        .await;
    assert_eq!(cart["state"], "active");
    crate::support::until("the abandoned cart is deleted", async || {
        (staff.get(&path).send().await.status == 404).then_some(())
    })
    .await;
}

#[tokio::test]
async fn staff_finds_the_cart_that_was_opened_last_on_top_of_the_list() {
    let OpenShop {
        shop,
        server: _server,
        ..
    } = OpenShop::fresh().await;
    // Side by side, so that many are opened in the same moment.
    let open = async |_| {
        let guest = shop.guest().await;
        let mut ids = Vec::new();
        for _ in 0..8 {
            let cart = guest.post("/carts", json!({})).ok(201).await;
            ids.push(cart["id"].to_string());
        }
        ids
    };
    let mut opened = join_all((0..16).map(open)).await.concat();
    let listed = shop.list("/admin/carts").await;
    let times: Vec<_> = listed.iter().map(|cart| cart["created_at"].to_string()).collect();
    assert!(times.is_sorted_by(|earlier, later| later <= earlier), "{times:?}");
    let mut ids: Vec<_> = listed.iter().map(|cart| cart["id"].to_string()).collect();
    ids.sort();
    opened.sort();
    assert_eq!(ids, opened);
}
