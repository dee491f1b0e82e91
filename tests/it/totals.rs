//! Shipping options and totals, over HTTP: what a cart costs at home, abroad, and before anybody knows where it goes.

use crate::support::{Client, Server, Shop, address, pence, unique};
use serde_json::{Value, json};

/// A shop with VAT of 20% at home and 19% in Germany, and a method that goes everywhere.
struct Taxed {
    shop: Shop,
    guest: Client,
    _server: Server,
}

impl Taxed {
    /// Opens the shop, and a cart of 1 unit at 10.00 and 3 units at 2.55.
    async fn open() -> Self {
        let server = Server::fresh();
        let shop = server.shop();
        shop.zone("United Kingdom", &["GB"], "0.2").await;
        shop.zone("Germany", &["DE"], "0.19").await;
        let (dear, cheap) = (shop.variant(1000, None).await, shop.variant(255, None).await);
        let guest = shop.guest().await;
        shop.cart(&guest, &[(&dear, 1), (&cheap, 3)]).await;
        Self {
            shop,
            guest,
            _server: server,
        }
    }

    async fn sends_to(&self, country: &str) -> Value {
        let body = json!({ "shipping_address": address(country) });
        self.guest.patch("/carts/current", body).ok(200).await
    }
}

/// What a cart's totals must be, in pence.
struct Expected {
    subtotal: i64,
    shipping: i64,
    /// On top; `None` before a destination is known.
    tax: Option<i64>,
    tax_included: i64,
    tax_estimate: Option<i64>,
    total: i64,
}

#[track_caller]
fn check_totals(cart: &Value, expected: &Expected) {
    let totals = &cart["totals"];
    let or_null = |amount: Option<i64>| amount.map_or(Value::Null, pence);
    let estimate = expected.tax_estimate.map_or(
        Value::Null,
        |amount| json!({ "amount": amount, "currency": "GBP", "estimated": true }),
    );
    for (part, amount) in [
        ("subtotal", pence(expected.subtotal)),
        ("discounts", pence(0)),
        ("shipping", pence(expected.shipping)),
        ("tax", or_null(expected.tax)),
        ("tax_included", pence(expected.tax_included)),
        ("tax_estimate", estimate),
        ("total", pence(expected.total)),
    ] {
        assert_eq!(totals[part], amount, "{part} of {totals}");
    }
}

#[tokio::test]
async fn shipping_options_are_those_that_serve_the_address_cheapest_first() {
    let server = Server::fresh();
    let shop = server.shop();
    let method = async |name: &str, countries: Value, price: i64, free_from: Value| {
        let body = json!({
            "name": name, "countries": countries, "price": pence(price), "free_from": free_from,
            "tax_category": "standard", "enabled": true,
        });
        let made = shop.staff.post("/admin/shipping/methods", body).ok(201).await;
        made["id"].as_str().unwrap_or_default().to_owned()
    };
    let express = method("Express", json!(["GB"]), 995, Value::Null).await;
    let standard = method("Standard", json!(["GB", "IE"]), 395, pence(5000)).await;
    let world = method("World", json!(["*"]), 1500, Value::Null).await;
    let off = method("Pigeon", json!(["*"]), 1, Value::Null).await;
    let path = format!("/admin/shipping/methods/{off}");
    shop.staff.patch(&path, json!({ "enabled": false })).ok(200).await;

    let variant = shop.variant(2500, None).await;
    let guest = shop.guest().await;
    shop.cart(&guest, &[(&variant, 1)]).await;
    let options = "/carts/current/shipping-options";
    guest.get(options).refused(409, "cart.address_missing").await;
    let offered = async |country: &str| {
        let body = json!({ "shipping_address": address(country) });
        guest.patch("/carts/current", body).ok(200).await;
        let found = guest.get(options).ok(200).await;
        let row = |option: &Value| {
            let name = option["name"].as_str().unwrap_or_default().to_owned();
            (
                name,
                option["price"]["amount"].as_i64().unwrap_or(-1),
                option["free"] == json!(true),
            )
        };
        let items = found["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(row).collect::<Vec<_>>()
    };
    let row = |name: &str, price: i64, free: bool| (name.to_owned(), price, free);
    assert_eq!(
        offered("GB").await,
        [
            row("Standard", 395, false),
            row("Express", 995, false),
            row("World", 1500, false)
        ]
    );
    assert_eq!(
        offered("IE").await,
        [row("Standard", 395, false), row("World", 1500, false)]
    );
    assert_eq!(offered("US").await, [row("World", 1500, false)]);

    // At 50.00 of goods, not a penny before, it is free.
    let cart = guest.get("/carts/current").ok(200).await;
    let line = format!(
        "/carts/current/lines/{}",
        cart["lines"][0]["id"].as_str().unwrap_or_default()
    );
    guest.patch(&line, json!({ "quantity": 2 })).ok(200).await;
    assert_eq!(
        offered("IE").await,
        [row("Standard", 0, true), row("World", 1500, false)]
    );
    let choice = json!({ "shipping_method_id": standard });
    assert_eq!(
        guest.patch("/carts/current", choice).ok(200).await["totals"]["total"],
        pence(5000)
    );
    shop.set_price(&variant, 2499).await;
    assert_eq!(
        offered("IE").await,
        [row("Standard", 395, false), row("World", 1500, false)]
    );
    assert_eq!(
        guest.get("/carts/current").ok(200).await["totals"]["total"],
        pence(4998 + 395)
    );

    // A method that does not serve the address is no charge, and no checkout.
    let choice = json!({ "shipping_method_id": express, "email": "ada@example.com" });
    let cart = guest.patch("/carts/current", choice).ok(200).await;
    assert_eq!(cart["totals"]["shipping"], pence(0));
    assert_eq!(cart["totals"]["shipping_unavailable"], true);
    let pay = json!({ "payment": { "token": "tok_approve" } });
    let complete = guest.post("/carts/current/complete", pay).key(&unique("key"));
    let problem = complete.refused(422, "checkout.incomplete").await;
    assert_eq!(problem["errors"][0]["code"], "checkout.shipping_unavailable");
    assert_eq!(problem["errors"].as_array().map(Vec::len), Some(1));
    let message = problem["errors"][0]["message"].as_str().unwrap_or_default();
    assert!(message.contains("Express"), "{message}");
    let choice = json!({ "shipping_method_id": world });
    assert_eq!(
        guest.patch("/carts/current", choice).ok(200).await["totals"]["shipping"],
        pence(1500)
    );
}

#[tokio::test]
async fn a_cart_without_lines_has_no_shipping() {
    let server = Server::fresh();
    let shop = server.shop();
    let method = shop.shipping("Post", &["*"], 395).await;
    let guest = shop.guest().await;
    let cart = guest.post("/carts", json!({})).ok(201).await;
    let cart = shop
        .address(&guest, cart["id"].as_str().unwrap_or_default(), &method, "GB")
        .await;
    assert_eq!(
        (&cart["totals"]["shipping"], &cart["totals"]["total"]),
        (&pence(0), &pence(0))
    );
}

#[tokio::test]
async fn inclusive_prices_contain_the_tax_of_where_goods_go() {
    let taxed = Taxed::open().await;
    let method = taxed.shop.shipping("Post", &["*"], 395).await;
    let cart = taxed.guest.get("/carts/current").ok(200).await;
    let nowhere = Expected {
        subtotal: 1765,
        shipping: 0,
        tax: None,
        tax_included: 294,
        tax_estimate: Some(294),
        total: 1765,
    };
    check_totals(&cart, &nowhere);

    taxed
        .guest
        .patch("/carts/current", json!({ "shipping_method_id": method }))
        .ok(200)
        .await;
    let home = taxed.sends_to("GB").await;
    let expected = Expected {
        subtotal: 1765,
        shipping: 395,
        tax: Some(0),
        tax_included: 167 + 127 + 66,
        tax_estimate: None,
        total: 2160,
    };
    check_totals(&home, &expected);
    let tax = |cart: &Value, index: usize| cart["lines"][index]["tax"].clone();
    let vat = |rate: &str, amount: i64, included: bool| json!({ "name": "VAT", "rate": rate, "amount": pence(amount), "included": included });
    assert_eq!(
        (tax(&home, 0), tax(&home, 1)),
        (vat("0.2", 167, true), vat("0.2", 127, true))
    );

    // Abroad the shopper pays the same, and the tax in it is the other country's.
    let germany = taxed.sends_to("DE").await;
    let expected = Expected {
        tax_included: 160 + 122 + 63,
        ..expected
    };
    check_totals(&germany, &expected);
    assert_eq!(tax(&germany, 1), vat("0.19", 122, true));
    let untaxed = taxed.sends_to("US").await;
    let expected = Expected {
        tax_included: 0,
        ..expected
    };
    check_totals(&untaxed, &expected);
    assert_eq!(tax(&untaxed, 0), Value::Null);

    // There and back again costs what it cost.
    assert_eq!(taxed.sends_to("GB").await["totals"], home["totals"]);
}

#[tokio::test]
async fn a_foreign_zone_can_strip_the_home_tax() {
    let taxed = Taxed::open().await;
    let method = taxed.shop.shipping("Post", &["*"], 395).await;
    taxed
        .shop
        .settings(json!({ "foreign_zone": "strip_home_tax" }))
        .await;
    taxed
        .guest
        .patch("/carts/current", json!({ "shipping_method_id": method }))
        .ok(200)
        .await;
    let home = taxed.sends_to("GB").await;
    let germany = taxed.sends_to("DE").await;
    let expected = Expected {
        subtotal: 833 + 638,
        shipping: 329,
        tax: Some(158 + 121 + 63),
        tax_included: 0,
        tax_estimate: None,
        total: 1471 + 329 + 342,
    };
    check_totals(&germany, &expected);
    let untaxed = taxed.sends_to("US").await;
    let expected = Expected {
        tax: Some(0),
        total: 1471 + 329,
        ..expected
    };
    check_totals(&untaxed, &expected);
    // The listed price is never rewritten; what was taken out of it is told.
    assert_eq!(untaxed["lines"][0]["unit_price"], pence(1000));
    assert_eq!(untaxed["lines"][0]["tax_stripped"], pence(167));
    assert_eq!(home["lines"][0].get("tax_stripped"), None);
    assert_eq!(taxed.sends_to("GB").await["totals"], home["totals"]);
}

#[tokio::test]
async fn exclusive_prices_have_the_tax_on_top_once_it_is_known_where_goods_go() {
    let taxed = Taxed::open().await;
    let method = taxed.shop.shipping("Post", &["*"], 395).await;
    taxed.shop.settings(json!({ "prices": "exclude_tax" })).await;
    let cart = taxed.guest.get("/carts/current").ok(200).await;
    let nowhere = Expected {
        subtotal: 1765,
        shipping: 0,
        tax: None,
        tax_included: 0,
        tax_estimate: Some(200 + 153),
        total: 1765,
    };
    check_totals(&cart, &nowhere);
    taxed
        .guest
        .patch("/carts/current", json!({ "shipping_method_id": method }))
        .ok(200)
        .await;
    let home = taxed.sends_to("GB").await;
    let expected = Expected {
        subtotal: 1765,
        shipping: 395,
        tax: Some(200 + 153 + 79),
        tax_included: 0,
        tax_estimate: None,
        total: 1765 + 395 + 432,
    };
    check_totals(&home, &expected);
    let germany = taxed.sends_to("DE").await;
    let expected = Expected {
        tax: Some(190 + 145 + 75),
        total: 1765 + 395 + 410,
        ..expected
    };
    check_totals(&germany, &expected);

    // The order keeps the quote, and the provider is asked for its total.
    let body = json!({ "email": "ada@example.com" });
    taxed.guest.patch("/carts/current", body).ok(200).await;
    let pay = json!({ "payment": { "token": "tok_approve" } });
    let complete = taxed
        .guest
        .post("/carts/current/complete", pay)
        .key(&unique("key"));
    let number = complete.ok(200).await["order"]["number"].clone();
    taxed.shop.settings(json!({ "prices": "include_tax" })).await;
    let order = taxed.guest.get(&format!("/orders/{number}")).ok(200).await;
    check_totals(&order, &expected);
    assert_eq!(order["lines"][1]["tax"]["rate"], "0.19");
    assert_eq!(order["payments"][0]["authorized"], pence(2570));
    assert_eq!(order["shipping_method"], json!({ "id": method, "name": "Post" }));
}

#[tokio::test]
async fn a_minimal_answer_costs_what_holds_now_however_little_the_change() {
    let server = Server::fresh();
    let shop = server.shop();
    let zone = shop.zone("United Kingdom", &["GB"], "0.2").await;
    let variants = [
        shop.variant(1000, None).await,
        shop.variant(255, None).await,
        shop.variant(33, None).await,
    ];
    let guest = shop.guest().await;
    let cart = shop
        .cart(&guest, &[(&variants[0], 1), (&variants[1], 3), (&variants[2], 7)])
        .await;
    let line = |index: usize| {
        let id = cart["lines"][index]["id"].as_str().unwrap_or_default();
        format!("/carts/current/lines/{id}")
    };
    let check = async |path: String, body: Value, subtotal: i64, tax_included: i64| {
        let changed = guest.patch(&path, body).minimal().ok(200).await;
        let whole = guest.get("/carts/current").ok(200).await;
        assert_eq!(changed["totals"], whole["totals"]);
        assert_eq!(changed["totals"]["subtotal"], pence(subtotal));
        assert_eq!(changed["totals"]["tax_included"], pence(tax_included));
    };
    let units = |quantity: u64| json!({ "quantity": quantity });
    let to = |country: &str| json!({ "shipping_address": address(country) });
    check(line(0), units(2), 2000 + 765 + 231, 333 + 127 + 38).await;
    // Another line's variant costs something else now.
    shop.set_price(&variants[1], 300).await;
    check(line(0), units(1), 1000 + 900 + 231, 167 + 150 + 38).await;
    // The goods go where nothing is taxed, and come back.
    check("/carts/current".to_owned(), to("US"), 2131, 0).await;
    check("/carts/current".to_owned(), to("GB"), 2131, 167 + 150 + 38).await;
    // A line in the middle goes.
    check(line(1), units(0), 1000 + 231, 167 + 38).await;
    // The rate changes.
    let lower = json!({ "rates": [{ "category": "standard", "name": "VAT", "rate": "0.05" }] });
    shop.staff
        .patch(&format!("/admin/tax/zones/{zone}"), lower)
        .ok(200)
        .await;
    check(line(2), units(8), 1000 + 264, 48 + 13).await;
}

#[tokio::test]
async fn zones_and_methods_are_changed_and_deleted() {
    let server = Server::fresh();
    let shop = server.shop();
    let zone = shop.zone("Home", &["GB"], "0.2").await;
    let path = format!("/admin/tax/zones/{zone}");
    let lower = json!({ "rates": [{ "category": "standard", "name": "VAT 5%", "rate": "0.05" }] });
    assert_eq!(
        shop.staff.patch(&path, lower).ok(200).await["rates"][0]["rate"],
        "0.05"
    );
    for (rates, code) in [
        (
            json!([{ "category": "standard", "name": "x", "rate": "-0.1" }]),
            "tax.rate_out_of_range",
        ),
        (
            json!([{ "category": "standard", "name": "x", "rate": "10.1" }]),
            "tax.rate_out_of_range",
        ),
        (
            json!([
                { "category": "standard", "name": "x", "rate": "0" },
                { "category": "standard", "name": "y", "rate": "0" },
            ]),
            "tax.duplicate_rate",
        ),
    ] {
        let problem = shop
            .staff
            .patch(&path, json!({ "rates": rates }))
            .refused(422, "request.invalid_fields")
            .await;
        assert_eq!(problem["errors"][0]["code"], code, "{problem}");
    }
    let none = shop
        .staff
        .patch(&path, json!({ "countries": [] }))
        .refused(422, "request.invalid_fields")
        .await;
    assert_eq!(none["errors"][0]["code"], "address.no_country");
    shop.staff.delete(&path).ok(204).await;
    shop.staff.get(&path).refused(404, "tax_zone.not_found").await;

    let method = shop.shipping("Post", &["*"], 395).await;
    let path = format!("/admin/shipping/methods/{method}");
    let problem = shop
        .staff
        .patch(&path, json!({ "price": pence(-1) }))
        .refused(422, "request.invalid_fields")
        .await;
    assert_eq!(problem["errors"][0]["code"], "shipping.negative_amount");
    shop.staff.delete(&path).ok(204).await;
    assert_eq!(
        shop.staff.get("/admin/shipping/methods").ok(200).await["items"],
        json!([])
    );
}

#[tokio::test]
async fn settings_are_changed_all_or_nothing() {
    let server = Server::fresh();
    let shop = server.shop();
    let before = shop.staff.get("/admin/settings").ok(200).await;
    assert_eq!(
        (&before["currency"], &before["prices"]),
        (&json!("GBP"), &json!("include_tax"))
    );
    assert_eq!(
        (&before["cart_lines_max"], &before["line_units_max"]),
        (&json!(2_000), &json!(1_000_000))
    );
    assert_eq!(
        (&before["reservation_seconds"], &before["provider_seconds"]),
        (&json!(600), &json!(5))
    );
    let bad = json!({ "reservation_seconds": 60, "rounding": "up", "provider_seconds": 0 });
    let problem = shop
        .staff
        .patch("/admin/settings", bad)
        .refused(422, "request.invalid_fields")
        .await;
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    let mut found: Vec<_> = errors
        .iter()
        .map(|error| {
            (
                error["pointer"].as_str().unwrap_or_default(),
                error["code"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("/provider_seconds", "settings.out_of_range"),
            ("/rounding", "settings.unknown_choice")
        ]
    );
    assert_eq!(shop.staff.get("/admin/settings").ok(200).await, before);
    let version = before["version"].as_u64().unwrap_or_default();
    let change = shop
        .staff
        .patch("/admin/settings", json!({ "reservation_seconds": 60 }))
        .if_match(version);
    assert_eq!(change.ok(200).await["reservation_seconds"], 60);
    let stale = shop
        .staff
        .patch("/admin/settings", json!({ "reservation_seconds": 61 }))
        .if_match(version);
    stale.refused(412, "version.stale").await;
}

#[tokio::test]
async fn at_home_nothing_is_stripped_where_only_parts_of_it_are_taxed() {
    let taxed = Taxed::open().await;
    let settings = json!({ "foreign_zone": "strip_home_tax", "home_country": "US" });
    taxed.shop.settings(settings).await;
    let zone = json!({
        "name": "California", "subdivisions": ["US-CA"],
        "rates": [{ "category": "standard", "name": "Sales tax", "rate": "0.25" }],
    });
    taxed.shop.staff.post("/admin/tax/zones", zone).ok(201).await;
    let mut address = address("US");
    address["region"] = json!("CA");
    address["postal_code"] = json!("90210");
    let cart = json!({ "shipping_address": address });
    let cart = taxed.guest.patch("/carts/current", cart).ok(200).await;
    let line = &cart["lines"][0];
    assert_eq!((&line["total"], line.get("tax_stripped")), (&pence(1_000), None));
    assert_eq!(line["tax"]["amount"], pence(200));
    assert_eq!(line["tax"]["included"], true);
}
