//! Shipping methods: tariffs, conditions, digital goods.

use crate::support::{
    Client, OpenShop, Purchase, Server, Shop, Variant, address, id_of, pence, unique, until,
};
use serde_json::{Value, json};

/// Creates a product with one variant: price in pence, weight in grams, digital or not, categories.
async fn goods(shop: &Shop, price: i64, grams: u32, digital: bool, categories: &[&str]) -> Variant {
    let sku = unique("SKU");
    let body = json!({
        "title": format!("Product {sku}"),
        "status": "active",
        "categories": categories,
        "variants": [{ "sku": sku, "price": pence(price), "weight_grams": grams, "digital": digital }],
    });
    let product = shop.staff.post("/admin/products", body).ok(201).await;
    assert_eq!(product["variants"][0]["digital"], json!(digital));
    Variant {
        id: id_of(&product["variants"][0]),
        product_id: id_of(&product),
        sku,
    }
}

async fn send_to(guest: &Client, cart: &str, country: &str) {
    let details = json!({ "email": "ada@example.com", "shipping_address": address(country) });
    guest.patch(&format!("/carts/{cart}"), details).ok(200).await;
}

/// Returns names and prices of what a cart may choose.
async fn options(guest: &Client, cart: &str) -> Vec<(String, i64)> {
    let options = guest
        .get(&format!("/carts/{cart}/shipping-options"))
        .ok(200)
        .await;
    let options = options["items"].as_array().expect("a list").clone();
    let read = |option: &Value| {
        let name = option["name"].as_str().expect("a name").to_owned();
        (name, option["price"]["amount"].as_i64().expect("an amount"))
    };
    options.iter().map(read).collect()
}

#[tokio::test]
async fn methods_are_offered_and_priced_by_what_is_sent() {
    let OpenShop {
        server: _server,
        shop,
        ..
    } = OpenShop::fresh().await;
    let make = async |body: Value| shop.staff.post("/admin/shipping/methods", body).ok(201).await;
    let by_weight = make(json!({
        "name": "Parcel",
        "countries": ["GB"],
        "tariffs": [
            { "currency": "GBP", "handling_fee": 25, "free_from": 10_000,
              "table": { "by": "weight_grams", "steps": [{ "from": 0, "price": 300 }, { "from": 2_000, "price": 750 }] } },
            { "currency": "EUR", "percentage": { "rate": "0.1", "at_least": 500 } },
        ],
        "conditions": { "weight_grams": { "to": 30_000 }, "not_categories": ["bulky"] },
        "delivery_days": { "from": 2, "to": 4 },
    }))
    .await;
    assert_eq!(by_weight["price"], Value::Null);
    assert_eq!(by_weight["tariffs"][0]["percentage"]["rate"], "0.1");
    assert_eq!(by_weight["tariffs"][1]["table"]["steps"][1]["price"], 750);
    let both = json!({ "currency": "GBP", "flat": 1, "percentage": { "rate": "0.1" } });
    let body = json!({ "name": "Both", "countries": ["GB"], "tariffs": [both] });
    let refused = shop.staff.post("/admin/shipping/methods", body);
    let refused = refused.refused(400, "request.invalid_fields").await;
    assert_eq!(refused["errors"][0]["pointer"], "/tariffs/0");
    for rate in ["1_0", "0._2", "1e-2", "1E1", "abc"] {
        let share = json!({ "percentage": { "rate": rate } });
        let carrier = json!({ "carrier": { "service": "express", "fallback": share } });
        for mut tariff in [share, carrier] {
            tariff["currency"] = json!("GBP");
            let body = json!({ "name": "Share", "countries": ["GB"], "tariffs": [tariff] });
            let refused = shop.staff.post("/admin/shipping/methods", body);
            let refused = refused.refused(400, "request.invalid_fields").await;
            let message = refused["errors"][0]["message"].as_str().unwrap_or_default();
            assert!(message.contains("decimal number"), "{refused}");
        }
    }
    make(json!({ "name": "Van", "countries": ["GB"], "price": pence(4_000) })).await;

    let cup = goods(&shop, 1_000, 900, false, &["cups"]).await;
    let sofa = goods(&shop, 9_000, 20_000, false, &["bulky"]).await;
    let song = goods(&shop, 100, 0, true, &[]).await;
    let guest = shop.guest().await;
    let cart = shop.cart(&guest, &[(&cup, 1), (&song, 1)]).await;
    let cart_id = id_of(&cart);
    assert_eq!(cart["requires_shipping"], json!(true));
    send_to(&guest, &cart_id, "GB").await;
    let named = |options: &[(&str, i64)]| -> Vec<(String, i64)> {
        options
            .iter()
            .map(|(name, price)| ((*name).to_owned(), *price))
            .collect()
    };
    let three = named(&[("Post", 0), ("Parcel", 325), ("Van", 4_000)]);
    assert_eq!(options(&guest, &cart_id).await, three);
    let choose = json!({ "shipping_method_id": by_weight["id"] });
    let chosen = guest.patch(&format!("/carts/{cart_id}"), choose).ok(200).await;
    assert_eq!(chosen["totals"]["shipping"], pence(325));
    // Three cups weigh 2,700 g: the second step.
    let add = |variant: &Variant, quantity: u64| json!({ "variant_id": variant.id, "quantity": quantity });
    let path = format!("/carts/{cart_id}/lines");
    let heavier = guest.post(&path, add(&cup, 2)).ok(200).await;
    assert_eq!(heavier["totals"]["shipping"], pence(775));
    // A sofa does not go by parcel.
    let minimal = guest
        .post(&path, add(&sofa, 1))
        .header("Prefer", "return=minimal")
        .ok(200)
        .await;
    assert_eq!(minimal["totals"]["shipping"], pence(0));
    let bulky = guest.get(&format!("/carts/{cart_id}")).ok(200).await;
    assert_eq!(bulky["totals"]["shipping"], pence(0));
    assert_eq!(
        options(&guest, &cart_id).await,
        named(&[("Post", 0), ("Van", 4_000)])
    );
}

#[tokio::test]
async fn what_is_digital_is_bought_without_shipping() {
    let OpenShop { server, shop, method } = OpenShop::fresh().await;
    let song = goods(&shop, 100, 0, true, &[]).await;
    let guest = shop.guest().await;
    let cart = shop.cart(&guest, &[(&song, 2)]).await;
    let cart_id = id_of(&cart);
    assert_eq!(cart["requires_shipping"], json!(false));
    send_to(&guest, &cart_id, "GB").await;
    assert_eq!(options(&guest, &cart_id).await, []);
    // One that is chosen all the same is not how it goes.
    let choice = json!({ "shipping_method_id": method });
    let chosen = guest.patch(&format!("/carts/{cart_id}"), choice).ok(200).await;
    assert_eq!(chosen["shipping_method_id"], method.as_str());
    let key = unique("key");
    let purchase = Purchase {
        key: &key,
        token: "tok_approve",
    };
    let checkout = shop.complete(&guest, &cart_id, &purchase).await.expect(200);
    let order = shop.order(&id_of(&checkout["order"])).await;
    assert_eq!(order["totals"]["total"], pence(200));
    assert_eq!(order["totals"]["shipping"], pence(0));
    assert_eq!(order["shipping_method"], Value::Null);
    let directory = server.directory();
    let mail = until("the confirmation is written", async || directory.mails().pop()).await;
    assert!(mail.contains("Total: 2.00") && !mail.contains("Ship"), "{mail}");
}

#[tokio::test]
async fn a_method_is_offered_in_its_territory_and_nowhere_else() {
    let OpenShop {
        server: _server,
        shop,
        ..
    } = OpenShop::fresh().await;
    let body = json!({
        "name": "Ground", "countries": ["US"], "subdivisions": ["CA-QC"], "price": pence(995),
        "except": { "subdivisions": ["US-AK"], "postal_codes": ["US 967*"] },
    });
    let made = shop.staff.post("/admin/shipping/methods", body).ok(201).await;
    assert_eq!(made["subdivisions"], json!(["CA-QC"]));
    assert_eq!(made["except"]["countries"], json!([]));
    let cup = goods(&shop, 1_000, 900, false, &[]).await;
    let guest = shop.guest().await;
    let cart = shop.cart(&guest, &[(&cup, 1)]).await;
    let cart = id_of(&cart);
    let check = async |country: &str, region: &str, postal_code: &str, is_offered: bool| {
        let mut place = address(country);
        place["region"] = json!(region);
        place["postal_code"] = json!(postal_code);
        let details = json!({ "shipping_address": place });
        guest.patch(&format!("/carts/{cart}"), details).ok(200).await;
        let offered = options(&guest, &cart)
            .await
            .iter()
            .any(|(name, _)| name == "Ground");
        assert_eq!(offered, is_offered, "{country} {region} {postal_code}");
    };
    check("US", "CA", "90210", true).await;
    check("US", "AK", "99501", false).await;
    check("US", "HI", "96701", false).await;
    check("CA", "QC", "H2Y 1C6", true).await;
    check("CA", "ON", "M5V 2T6", false).await;

    // What a change does not name stays; `except` is changed whole.
    let path = format!("/admin/shipping/methods/{}", id_of(&made));
    let changed = shop.staff.patch(&path, json!({ "except": {} })).ok(200).await;
    assert_eq!(changed["except"]["subdivisions"], json!([]));
    assert_eq!(changed["subdivisions"], json!(["CA-QC"]));
    check("US", "AK", "99501", true).await;
    let nowhere = json!({ "except": { "countries": ["*"] } });
    let refused = shop
        .staff
        .patch(&path, nowhere)
        .refused(422, "request.invalid_fields")
        .await;
    assert_eq!(refused["errors"][0]["code"], "shipping.goes_nowhere");
}

#[tokio::test]
async fn an_option_costs_what_the_cart_is_charged_for_it() {
    let server = Server::fresh();
    let shop = server.shop();
    shop.settings(json!({ "foreign_zone": "strip_home_tax" })).await;
    shop.zone("Home", &["GB"], "0.2").await;
    shop.zone("Germany", &["DE"], "0.19").await;
    let method = shop.shipping("Post", &["*"], 600).await;
    let cup = goods(&shop, 1_000, 900, false, &[]).await;
    let guest = shop.guest().await;
    let cart = id_of(&shop.cart(&guest, &[(&cup, 1)]).await);
    let check = async |country: &str, price: i64| {
        send_to(&guest, &cart, country).await;
        let path = format!("/carts/{cart}/shipping-options");
        let option = guest.get(&path).ok(200).await["items"][0].clone();
        assert_eq!(
            (&option["price"], &option["free"]),
            (&pence(price), &json!(price == 0))
        );
        let choose = json!({ "shipping_method_id": method });
        let chosen = guest.patch(&format!("/carts/{cart}"), choose).ok(200).await;
        assert_eq!(chosen["totals"]["shipping"], option["price"], "{country}");
    };
    check("GB", 600).await;
    // The tax of home is taken out of the price.
    check("DE", 500).await;
    let promote = async |name: &str, reduction: Value| {
        let mut action = reduction;
        action["type"] = json!("shipping");
        let body = json!({ "name": name, "enabled": true, "actions": [action] });
        shop.staff.post("/admin/promotions", body).ok(201).await;
    };
    promote("A tenth", json!({ "percentage": "0.1" })).await;
    check("GB", 540).await;
    check("DE", 450).await;
    promote("Free", json!({ "percentage": "1" })).await;
    check("GB", 0).await;
}

#[tokio::test]
async fn goods_are_worth_what_they_are_listed_at_also_where_tax_is_taken_out() {
    let server = Server::fresh();
    let shop = server.shop();
    shop.settings(json!({ "foreign_zone": "strip_home_tax" })).await;
    shop.zone("Home", &["GB"], "0.2").await;
    let cup = goods(&shop, 12_000, 900, false, &[]).await;
    let guest = shop.guest().await;
    let cart = id_of(&shop.cart(&guest, &[(&cup, 1)]).await);
    let tariff = async |mut tariff: Value| {
        tariff["currency"] = json!("GBP");
        let method = json!({ "name": unique("method"), "countries": ["*"], "tariffs": [tariff] });
        let made = shop.staff.post("/admin/shipping/methods", method).ok(201).await;
        id_of(&made)
    };
    let share = tariff(json!({ "percentage": { "rate": "0.1" } })).await;
    let free = tariff(json!({ "flat": 600, "free_from": 11_000 })).await;
    let costs = async |country: &str, method: &str| {
        send_to(&guest, &cart, country).await;
        let choose = json!({ "shipping_method_id": method });
        let chosen = guest.patch(&format!("/carts/{cart}"), choose).ok(200).await;
        chosen["totals"]["shipping"].clone()
    };
    assert_eq!(costs("GB", &share).await, pence(1_200));
    // A tenth of 100.00: what is left of 120.00, and of 12.00, once.
    assert_eq!(costs("US", &share).await, pence(1_000));
    assert_eq!(costs("GB", &free).await, pence(0));
    assert_eq!(costs("US", &free).await, pence(0));
    // Discounts are in proportion: half of 100.00 is half of 120.00.
    let half = json!({ "type": "order", "percentage": "0.5" });
    let promotion = json!({ "name": "Half", "enabled": true, "actions": [half] });
    shop.staff.post("/admin/promotions", promotion).ok(201).await;
    assert_eq!(costs("GB", &share).await, pence(600));
    assert_eq!(costs("US", &share).await, pence(500));
    assert_eq!(costs("US", &free).await, pence(500));
}

#[tokio::test]
async fn a_method_is_sent_back_as_it_was_shown_with_its_tariffs_changed() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let check = async |tariff: Value, field: &str, changed: Value| {
        let mut tariff = tariff;
        tariff["currency"] = json!("GBP");
        let method = json!({ "name": unique("method"), "countries": ["*"], "tariffs": [tariff] });
        let made = shop.staff.post("/admin/shipping/methods", method).ok(201).await;
        let path = format!("/admin/shipping/methods/{}", id_of(&made));
        let mut shown = shop.staff.get(&path).ok(200).await;
        if shown["price"].is_null() {
            // It cannot be cleared.
            shown.as_object_mut().expect("an object").remove("price");
        }
        let same = shop.staff.patch(&path, shown.clone()).ok(200).await;
        assert_eq!(same["version"], shown["version"]);
        shown["tariffs"][0][field] = changed;
        let now = shop.staff.patch(&path, shown.clone()).ok(200).await;
        assert_eq!(now["tariffs"], shown["tariffs"]);
    };
    check(json!({ "flat": 300, "free_from": 1_000 }), "flat", json!(400)).await;
    check(
        json!({ "flat": 300, "free_from": 1_000 }),
        "free_from",
        json!(2_000),
    )
    .await;
    check(json!({ "flat": 300 }), "free_from", json!(1_000)).await;
    let steps = json!({ "by": "quantity", "steps": [{ "from": 1, "price": 300 }] });
    check(
        json!({ "table": steps, "free_from": 1_000 }),
        "handling_fee",
        json!(25),
    )
    .await;
}
