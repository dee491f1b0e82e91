//! Carts: what they refuse, exactly, and that a refusal changes nothing.

use crate::support::{Call, Client, OpenShop, Server, Variant, address, pence, unique};
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

/// Sends the quantity as written to both routes that take one. It must be refused, and nothing may change.
async fn check_bad_quantity(guest: &Client, variant: &Variant, quantity: &str, status: u16, code: &str) {
    let before = guest.get("/carts/current").ok(200).await;
    let added = format!(r#"{{"variant_id":"{}","quantity":{quantity}}}"#, variant.id);
    let set = format!(r#"{{"quantity":{quantity}}}"#);
    let path = line_path(&before, 0);
    for call in [
        guest.call(reqwest::Method::POST, LINES).text(added),
        guest.call(reqwest::Method::PATCH, &path).text(set),
    ] {
        let problem = call.refused(status, code).await;
        if status == 400 {
            assert_eq!(
                problem["errors"][0]["pointer"], "/quantity",
                "{quantity}: {problem}"
            );
        } else {
            assert_eq!(
                problem["details"]["quantity_max"], 1_000_000,
                "{quantity}: {problem}"
            );
        }
    }
    assert_eq!(
        guest.get("/carts/current").ok(200).await,
        before,
        "{quantity} changed the cart"
    );
}

#[tokio::test]
async fn a_quantity_is_a_whole_number_up_to_the_limit() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(1, None).await;
    let guest = shop.guest().await;
    add(&guest, &variant, 1).await;
    for quantity in [
        "-1",
        "1.5",
        "1.0",
        "\"2\"",
        "1e3",
        "null",
        "true",
        "[]",
        "99999999999999999999",
    ] {
        check_bad_quantity(&guest, &variant, quantity, 400, "request.invalid_fields").await;
    }
    check_bad_quantity(&guest, &variant, "1000001", 422, "cart.quantity_too_large").await;
    check_bad_quantity(&guest, &variant, "4294967295", 422, "cart.quantity_too_large").await;

    let nothing = json!({ "variant_id": variant.id, "quantity": 0 });
    guest
        .post(LINES, nothing)
        .refused(422, "cart.quantity_zero")
        .await;
    let cart = guest.get("/carts/current").ok(200).await;
    let cart = guest
        .patch(&line_path(&cart, 0), json!({ "quantity": 1_000_000 }))
        .ok(200)
        .await;
    assert_eq!(quantities(&cart), [1_000_000]);
    let more = guest.post(LINES, json!({ "variant_id": variant.id }));
    more.refused(422, "cart.quantity_too_large").await;
}

#[tokio::test]
async fn a_name_that_is_given_twice_is_refused() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(1, None).await;
    let guest = shop.guest().await;
    let twice = r#"{"size":"S","size":"XL"}"#;
    let check = async |call: Call<'_>, pointer: &str| {
        let problem = call.refused(400, "request.invalid_fields").await;
        let error = &problem["errors"][0];
        let told = error["message"].as_str().unwrap_or_default();
        let at = error["pointer"].as_str().unwrap_or_default();
        assert!(
            at.starts_with(pointer) && told.contains("size must be given once"),
            "{problem}"
        );
    };
    for field in ["options", "custom_fields"] {
        let line = format!(r#"{{"variant_id":"{}","{field}":{twice}}}"#, variant.id);
        let add = guest.call(reqwest::Method::POST, LINES).text(line);
        check(add, &format!("/{field}")).await;
    }
    let path = format!("/admin/variants/{}", variant.id);
    let change = shop.staff.call(reqwest::Method::PATCH, &path);
    check(change.text(format!(r#"{{"options":{twice}}}"#)), "/options").await;
}

#[tokio::test]
async fn an_unknown_variant_is_named() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let guest = shop.guest().await;
    let id = "var_0192f3a4b5c67d8e9fa0b1c2d3e4f506";
    for (body, name) in [
        (json!({ "variant_id": id }), id),
        (json!({ "variant_id": "junk" }), "junk"),
        (json!({ "sku": "NO-SUCH-SKU" }), "NO-SUCH-SKU"),
    ] {
        let problem = guest.post(LINES, body).refused(404, "variant.not_found").await;
        assert_eq!(problem["details"]["variant"], name);
        assert_eq!(problem["message"], format!("there is no variant {name}"));
    }
    let problem = guest
        .post(LINES, json!({}))
        .refused(400, "request.invalid_fields")
        .await;
    assert_eq!(problem["errors"][0]["pointer"], "/variant_id");
}

#[tokio::test]
async fn the_limits_of_the_settings_hold() {
    let server = Server::fresh();
    let shop = server.shop();
    shop.settings(json!({ "cart_lines_max": 2, "line_units_max": 5 }))
        .await;
    let variants = [
        shop.variant(1, None).await,
        shop.variant(1, None).await,
        shop.variant(1, None).await,
    ];
    let guest = shop.guest().await;
    add(&guest, &variants[0], 5).await;
    let one_more = json!({ "variant_id": variants[0].id });
    let problem = guest
        .post(LINES, one_more)
        .refused(422, "cart.quantity_too_large")
        .await;
    assert_eq!(problem["details"]["quantity_max"], 5);
    add(&guest, &variants[1], 1).await;
    let third = json!({ "variant_id": variants[2].id });
    let problem = guest.post(LINES, third).refused(409, "cart.too_many_lines").await;
    assert_eq!(problem["details"]["lines_max"], 2);
    // What is there can still grow.
    assert_eq!(quantities(&add(&guest, &variants[1], 4).await), [5, 5]);
}

#[tokio::test]
async fn stock_is_checked_over_all_lines_of_the_cart() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(100, Some(5)).await;
    let guest = shop.guest().await;
    add(&guest, &variant, 3).await;
    let before = guest.get("/carts/current").ok(200).await;
    for body in [
        json!({ "variant_id": variant.id, "quantity": 3 }),
        json!({ "variant_id": variant.id, "quantity": 3, "custom_fields": { "gift": "yes" } }),
    ] {
        let problem = guest
            .post(LINES, body)
            .refused(409, "cart.insufficient_stock")
            .await;
        assert_eq!(
            problem["details"],
            json!({ "variant_id": variant.id, "sku": variant.sku, "available": 5 })
        );
    }
    let set = guest.patch(&line_path(&before, 0), json!({ "quantity": 6 }));
    set.refused(409, "cart.insufficient_stock").await;
    assert_eq!(guest.get("/carts/current").ok(200).await, before);
    assert_eq!(quantities(&add(&guest, &variant, 2).await), [5]);
    // A cart reserves nothing.
    assert_eq!(shop.units(&variant).await, (5, 0, 0));
    let other = shop.guest().await;
    assert_eq!(quantities(&add(&other, &variant, 5).await), [5]);

    // What has become short since is flagged on every read.
    shop.set_stock(&variant, 4).await;
    let cart = guest.get("/carts/current").ok(200).await;
    let problem = &cart["lines"][0]["problems"][0];
    assert_eq!(
        (&problem["code"], &problem["available"]),
        (&json!("line.short"), &json!(4))
    );
    // Fewer is never refused.
    assert_eq!(
        quantities(
            &guest
                .patch(&line_path(&cart, 0), json!({ "quantity": 4 }))
                .ok(200)
                .await
        ),
        [4]
    );
}

#[tokio::test]
async fn lines_that_cannot_be_bought_are_flagged() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let (disabled, priceless) = (shop.variant(200, None).await, shop.variant(200, None).await);
    let guest = shop.guest().await;
    add(&guest, &disabled, 1).await;
    add(&guest, &priceless, 1).await;
    let change = json!({ "status": "disabled" });
    shop.staff
        .patch(&format!("/admin/variants/{}", disabled.id), change)
        .ok(200)
        .await;
    let path = format!("/admin/variants/{}/price", priceless.id);
    shop.staff.put(&path, Value::Null).ok(200).await;
    let cart = guest.get("/carts/current").ok(200).await;
    let code = |index: usize| cart["lines"][index]["problems"][0]["code"].clone();
    assert_eq!(
        (code(0), code(1)),
        (json!("line.disabled"), json!("line.no_price"))
    );
}

#[tokio::test]
async fn lines_that_cannot_be_bought_any_more_are_flagged_while_a_started_checkout_holds_them() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let (disabled, short) = (shop.variant(200, Some(1)).await, shop.variant(200, Some(5)).await);
    let guest = shop.guest().await;
    add(&guest, &disabled, 1).await;
    add(&guest, &short, 5).await;
    guest.post("/carts/current/checkout", json!({})).ok(201).await;
    let problems = async || {
        let cart = guest.get("/carts/current").ok(200).await;
        let code = |index: usize| cart["lines"][index]["problems"][0]["code"].clone();
        [code(0), code(1)]
    };
    // What it has reserved is not short for it.
    assert_eq!(problems().await, [Value::Null, Value::Null]);
    let change = json!({ "status": "disabled" });
    let path = format!("/admin/variants/{}", disabled.id);
    shop.staff.patch(&path, change).ok(200).await;
    shop.set_stock(&short, 2).await;
    assert_eq!(problems().await, ["line.disabled", "line.short"]);
}

#[tokio::test]
async fn a_stale_if_match_is_refused_with_the_current_version() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(100, None).await;
    let guest = shop.guest().await;
    let stale = version(&add(&guest, &variant, 1).await);
    let cart = add(&guest, &variant, 1).await;
    let (current, line) = (version(&cart), line_path(&cart, 0));
    for call in [
        guest.post(LINES, json!({ "variant_id": variant.id })),
        guest.patch(&line, json!({ "quantity": 9 })),
        guest.delete(&line),
        guest.delete(LINES),
        guest.patch("/carts/current", json!({ "email": "ada@example.com" })),
    ] {
        let problem = call.if_match(stale).refused(412, "version.stale").await;
        assert_eq!(problem["details"]["version"], current);
    }
    let future = guest.delete(LINES).if_match(current + 1);
    future.refused(412, "version.stale").await;
    for malformed in ["7", "\"x\"", "W/\"1\"", "\"1\", \"2\""] {
        let call = guest.delete(LINES).header("if-match", malformed);
        call.refused(400, "request.if_match_malformed").await;
    }
    let set = guest
        .patch(&line, json!({ "quantity": 9 }))
        .if_match(current)
        .ok(200)
        .await;
    assert_eq!((version(&set), quantities(&set)), (current + 1, vec![9]));
    guest.delete(&line).header("if-match", "*").ok(200).await;
}

#[tokio::test]
async fn somebody_elses_cart_does_not_exist() {
    let OpenShop { shop, server, .. } = OpenShop::shared().await;
    let variant = shop.variant(100, None).await;
    let owner = shop.guest().await;
    let cart = add(&owner, &variant, 1).await;
    let path = format!("/carts/{}", cart["id"].as_str().unwrap_or_default());
    let line = format!(
        "{path}/lines/{}",
        cart["lines"][0]["id"].as_str().unwrap_or_default()
    );
    for thief in [shop.guest().await, server.guest()] {
        for call in [
            thief.get(&path),
            thief.get(&format!("{path}/shipping-options")),
            thief.post(&format!("{path}/lines"), json!({ "variant_id": variant.id })),
            thief.patch(&line, json!({ "quantity": 2 })),
            thief.delete(&line),
            thief.delete(&format!("{path}/lines")),
            thief.patch(&path, json!({ "email": "thief@example.com" })),
            thief.post(&format!("{path}/checkout"), json!({})),
            thief
                .post(&format!("{path}/complete"), json!({}))
                .key(&unique("thief")),
        ] {
            call.refused(404, "cart.not_found").await;
        }
    }
    let unknown = "/carts/cart_0192f3a4b5c67d8e9fa0b1c2d3e4f506";
    let strange = owner.get(unknown).refused(404, "cart.not_found").await;
    let theirs = shop.guest().await.get(&path).refused(404, "cart.not_found").await;
    assert_eq!(
        (&strange["message"], &strange["details"]),
        (&theirs["message"], &theirs["details"])
    );
    owner.get("/carts/junk").refused(404, "cart.not_found").await;
    assert_eq!(owner.get(&path).ok(200).await, cart);
    // Staff sees every cart.
    let seen = shop.staff.get(&format!("/admin{path}")).ok(200).await;
    assert_eq!((&seen["id"], &seen["lines"]), (&cart["id"], &cart["lines"]));
}

#[tokio::test]
async fn details_are_all_or_nothing_and_every_bad_field_is_named() {
    let OpenShop { shop, method, .. } = OpenShop::shared().await;
    let guest = shop.guest().await;
    let before = guest.post("/carts", json!({})).ok(201).await;
    for no_method in ["shm_0192f3a4b5c67d8e9fa0b1c2d3e4f506", "x"] {
        let bad = json!({
            "email": "not an address",
            "shipping_address": { "line1": "", "city": "Leeds", "country": "ZZ" },
            "billing_address": { "line1": "1 High Street" },
            "shipping_method_id": no_method,
        });
        let problem = guest
            .patch("/carts/current", bad)
            .refused(422, "request.invalid_fields")
            .await;
        let errors = problem["errors"].as_array().into_iter().flatten();
        let mut pointers: Vec<&str> = errors.filter_map(|error| error["pointer"].as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(
            pointers,
            [
                "/billing_address/city",
                "/billing_address/country",
                "/email",
                "/shipping_address/country",
                "/shipping_address/line1",
                "/shipping_method_id",
            ]
        );
    }
    assert_eq!(guest.get("/carts/current").ok(200).await, before);

    let good = json!({ "email": "Ada@Example.com", "shipping_address": address("GB"), "shipping_method_id": method });
    let cart = guest.patch("/carts/current", good).ok(200).await;
    assert_eq!(cart["shipping_address"]["city"], "Leeds");
    assert_eq!(
        (&cart["billing_address"], &cart["shipping_method_id"]),
        (&Value::Null, &json!(method))
    );
    let cart = guest
        .patch(
            "/carts/current",
            json!({ "shipping_address": null, "email": null }),
        )
        .ok(200)
        .await;
    assert_eq!(
        (&cart["shipping_address"], &cart["email"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(cart["shipping_method_id"], json!(method));
}

#[tokio::test]
async fn attributes_have_limits() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(100, None).await;
    let guest = shop.guest().await;
    let many: serde_json::Map<String, Value> = (0..1_000).map(|n| (format!("k{n}"), json!("v"))).collect();
    for fields in [
        Value::Object(many),
        json!({ "k": "v".repeat(100_000) }),
        json!({ "k".repeat(10_000): "v" }),
    ] {
        let body = json!({ "variant_id": variant.id, "custom_fields": fields });
        guest
            .post(LINES, body)
            .refused(422, "request.invalid_fields")
            .await;
    }
    let number = json!({ "variant_id": variant.id, "custom_fields": { "row": 1 } });
    let problem = guest
        .post(LINES, number)
        .refused(400, "request.invalid_fields")
        .await;
    assert_eq!(problem["errors"][0]["pointer"], "/custom_fields/row");
}

#[tokio::test]
async fn what_comes_to_too_much_is_refused_and_what_has_become_so_can_be_read_and_emptied() {
    let OpenShop { shop, server, .. } = OpenShop::fresh().await;
    let variant = shop.variant(50_000_000_000, None).await;
    let guest = shop.guest().await;
    let before = add(&guest, &variant, 2_000).await;
    let most = pence(100_000_000_000_000);
    assert_eq!(before["totals"]["subtotal"], most);
    let one_more = || json!({ "variant_id": variant.id });
    for call in [
        guest.post(LINES, one_more()),
        guest.patch(&line_path(&before, 0), json!({ "quantity": 2_001 })),
        shop.guest()
            .await
            .post(LINES, json!({ "variant_id": variant.id, "quantity": 2_001 })),
    ] {
        let problem = call.refused(422, "cart.line_too_much").await;
        assert_eq!(problem["details"]["amount_max"], most);
    }
    assert_eq!(guest.get("/carts/current").ok(200).await, before);

    shop.set_price(&variant, 100_000_000_000).await;
    let cart = guest.get("/carts/current").ok(200).await;
    let line = &cart["lines"][0];
    assert_eq!(
        (
            &line["total"],
            &line["problems"][0]["code"],
            &cart["totals"]["subtotal"]
        ),
        (&most, &json!("line.too_much"), &most)
    );
    let path = format!("/carts/{}", cart["id"].as_str().unwrap_or_default());
    guest.get(&format!("{path}/explain")).ok(200).await;
    assert_eq!(shop.list("/admin/carts").await.len(), 1);
    let free = json!({ "name": "Free", "actions": [{ "type": "order", "percentage": "1" }] });
    let told = shop.staff.post("/admin/promotions/what-if", free).ok(200).await;
    assert_eq!(told["effects"][0]["open"]["carts"], 1);
    guest
        .post(&format!("{path}/checkout"), json!({}))
        .refused(409, "checkout.lines_unavailable")
        .await;
    let email = json!({ "email": "ada@example.com" });
    let changed = guest.patch("/carts/current", email).ok(200).await;
    assert_eq!(version(&changed), version(&cart) + 1);
    assert_eq!(quantities(&guest.delete(LINES).ok(200).await), [0; 0]);
    drop(server);
}

#[tokio::test]
async fn a_first_add_that_is_refused_opens_no_cart() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(100, Some(5)).await;
    let guest = shop.guest().await;
    let units = |quantity: u64| json!({ "variant_id": variant.id, "quantity": quantity });
    guest
        .post(LINES, units(6))
        .refused(409, "cart.insufficient_stock")
        .await;
    let expected = guest.post(LINES, units(1)).if_match(5);
    let problem = expected.refused(412, "version.stale").await;
    assert_eq!(problem["details"]["version"], 0);
    let none = guest.get("/carts/current").refused(404, "cart.not_found").await;
    let told = none["message"].as_str().unwrap_or_default();
    assert!(told.contains("POST /carts"), "{told}");
    assert_eq!(quantities(&add(&guest, &variant, 5).await), [5]);
}

#[tokio::test]
async fn a_list_in_a_body_is_not_read_as_an_object_s_fields() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(100, Some(5)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let cart = format!("/carts/{cart}");
    let before = guest.get(&cart).ok(200).await;
    let staff = guest.clone().with_token(open.server.token());
    let fields: Vec<Value> = before["shipping_address"]
        .as_object()
        .map(|address| address.values().cloned().collect())
        .expect("an address");
    for (call, pointer) in [
        (
            guest
                .call(reqwest::Method::PATCH, &cart)
                .json(&json!({ "shipping_address": fields })),
            "/shipping_address",
        ),
        (
            guest
                .post(&format!("{cart}/complete"), json!({ "payment": ["tok_approve"] }))
                .key(&unique("key")),
            "/payment",
        ),
        (
            staff.post(
                LINES,
                json!({ "variant_id": variant.id, "quantity": 1, "unit_price": [50, null, "GBP"] }),
            ),
            "/unit_price",
        ),
        (
            staff.post(
                "/admin/promotions",
                json!({ "name": "Ten", "actions": [["order", "0.1", null]] }),
            ),
            "/actions/0",
        ),
    ] {
        let problem = call.refused(400, "request.invalid_fields").await;
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        assert_eq!(errors.len(), 1, "{problem}");
        assert_eq!(
            (&errors[0]["pointer"], &errors[0]["message"]),
            (&json!(pointer), &json!("must be an object"))
        );
    }
    let rows = json!({ "rows": [[1, "A", "Title"]] });
    let imported = open.shop.staff.post("/admin/catalog/import", rows).ok(200).await;
    assert_eq!(
        imported["results"][0]["error"], "import.unreadable_row",
        "{imported}"
    );
    assert_eq!(guest.get(&cart).ok(200).await, before);
}
