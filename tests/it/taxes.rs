//! Taxes over HTTP: by place, by time, several at once, and for buyers who are charged none.

use crate::support::{Client, Server, Shop, address, pence};
use serde_json::{Value, json};

/// A shop with net prices and a cart of one unit at 100.00, kept by staff.
struct Taxed {
    shop: Shop,
    guest: Client,
    /// Staff in the guest's session.
    keeper: Client,
    _server: Server,
}

impl Taxed {
    async fn open(settings: Value) -> Self {
        let server = Server::fresh();
        let shop = server.shop();
        shop.staff.patch("/admin/settings", settings).ok(200).await;
        let variant = shop.variant(10_000, None).await;
        let guest = shop.guest().await;
        shop.cart(&guest, &[(&variant, 1)]).await;
        Self {
            keeper: guest.clone().with_token(server.token()),
            shop,
            guest,
            _server: server,
        }
    }

    async fn zone(&self, zone: Value) {
        self.shop.staff.post("/admin/tax/zones", zone).ok(201).await;
    }

    async fn sends_to(&self, country: &str, region: &str, postal_code: &str) -> Value {
        let mut to = address(country);
        to["postal_code"] = json!(postal_code);
        if !region.is_empty() {
            to["region"] = json!(region);
        }
        let body = json!({ "shipping_address": to });
        self.guest.patch("/carts/current", body).ok(200).await
    }
}

fn rate(tax: &str, rate: &str, from: Option<&str>) -> Value {
    let name = format!("{tax} {rate}");
    json!({ "category": "standard", "tax": tax, "name": name, "rate": rate, "valid_from": from })
}

#[track_caller]
fn check_tax(cart: &Value, tax: i64, name: &str) {
    assert_eq!(cart["totals"]["tax"], pence(tax), "{}", cart["totals"]);
    assert_eq!(cart["lines"][0]["tax"]["name"], name, "{}", cart["lines"][0]);
}

#[tokio::test]
async fn the_most_specific_place_is_taxed_and_taxes_that_apply_together_are_shown_apart() {
    let taxed = Taxed::open(json!({ "prices": "exclude_tax" })).await;
    let state = rate("state", "0.06", None);
    taxed
        .zone(json!({ "name": "California", "countries": [], "subdivisions": ["US-CA"], "rates": [state] }))
        .await;
    let rates = [rate("state", "0.06", None), rate("county", "0.0125", None)];
    taxed
        .zone(json!({ "name": "Alameda", "postal_codes": ["US 946*"], "rates": rates }))
        .await;
    for name in ["CA", "us-ca", "California"] {
        let cart = taxed.sends_to("US", name, "90210").await;
        check_tax(&cart, 600, "state 0.06");
        assert_eq!(cart["shipping_address"]["region"], "CA");
    }
    let cart = taxed.sends_to("US", "CA", "94601").await;
    check_tax(&cart, 725, "county 0.0125 + state 0.06");
    let tax = &cart["lines"][0]["tax"];
    assert_eq!((&tax["rate"], &tax["amount"]), (&json!("0.0725"), &pence(725)));
    let parts = json!([
        { "name": "county 0.0125", "rate": "0.0125", "amount": pence(125) },
        { "name": "state 0.06", "rate": "0.06", "amount": pence(600) },
    ]);
    assert_eq!(tax["parts"], parts);
    // Nothing is taxed in Nevada, and back in Oakland everything is as it was.
    assert_eq!(
        taxed.sends_to("US", "NV", "89501").await["totals"]["tax"],
        pence(0)
    );
    assert_eq!(
        taxed.sends_to("US", "CA", "94601").await["totals"],
        cart["totals"]
    );
}

#[tokio::test]
async fn staff_say_when_a_cart_is_priced_and_shoppers_do_not() {
    let taxed = Taxed::open(json!({ "prices": "exclude_tax" })).await;
    let rates = [
        rate("vat", "0.175", Some("2010-01-01")),
        rate("vat", "0.2", Some("2011-01-04T00:00:00Z")),
        rate("vat", "0.25", Some("2999-01-01")),
    ];
    taxed
        .zone(json!({ "name": "Home", "countries": ["GB"], "rates": rates }))
        .await;
    check_tax(&taxed.sends_to("GB", "", "LS1 1AA").await, 2_000, "vat 0.2");
    let dated = |at: Value| json!({ "priced_at": at });
    for sent in [json!("2011-01-03T23:59:59.999Z"), json!(7), json!("never")] {
        let ignored = taxed.guest.patch("/carts/current", dated(sent)).ok(200).await;
        check_tax(&ignored, 2_000, "vat 0.2");
        assert_eq!(ignored["priced_at"], Value::Null);
    }
    for (at, tax, name) in [
        ("2011-01-03T23:59:59.999Z", 1_750, "vat 0.175"),
        ("2011-01-04", 2_000, "vat 0.2"),
        ("2999-01-01", 2_500, "vat 0.25"),
    ] {
        let cart = taxed
            .keeper
            .patch("/carts/current", dated(json!(at)))
            .ok(200)
            .await;
        check_tax(&cart, tax, name);
        check_tax(&taxed.guest.get("/carts/current").ok(200).await, tax, name);
    }
    let before = taxed
        .keeper
        .patch("/carts/current", dated(json!("2009-12-31")))
        .ok(200)
        .await;
    assert_eq!(before["totals"]["tax"], pence(0));
    taxed
        .keeper
        .patch("/carts/current", dated(json!("31.12.2009")))
        .refused(400, "request.invalid_fields")
        .await;
    let cleared = taxed
        .keeper
        .patch("/carts/current", dated(Value::Null))
        .ok(200)
        .await;
    check_tax(&cleared, 2_000, "vat 0.2");
}

#[tokio::test]
async fn who_is_exempt_pays_no_tax_and_a_business_abroad_accounts_for_it_itself() {
    let taxed = Taxed::open(json!({ "prices": "exclude_tax", "home_country": "IE" })).await;
    for (name, country) in [("Ireland", "IE"), ("France", "FR")] {
        let rates = [rate("vat", "0.2", None)];
        taxed
            .zone(json!({ "name": name, "countries": [country], "rates": rates }))
            .await;
    }
    let business =
        json!({ "email": "Ada@Example.com", "groups": ["wholesale"], "vat_number": "FR 40 303265045" });
    let customer = taxed.shop.staff.post("/admin/customers", business).ok(201).await;
    let path = format!("/admin/customers/{}", customer["id"].as_str().unwrap_or_default());
    let found = taxed
        .shop
        .staff
        .get("/admin/customers?email=ada@example.com")
        .ok(200)
        .await;
    assert_eq!(found["items"], json!([customer]));
    let nobody = taxed
        .shop
        .staff
        .get("/admin/customers?external_id=7")
        .ok(200)
        .await;
    assert_eq!(nobody["items"], json!([]));
    let twin = json!({ "email": "ada@example.com" });
    taxed
        .shop
        .staff
        .post("/admin/customers", twin)
        .refused(409, "customer_email.taken")
        .await;

    check_tax(&taxed.sends_to("FR", "", "75001").await, 2_000, "vat 0.2");
    let of = |id: &Value| json!({ "customer_id": id });
    let ignored = taxed
        .guest
        .patch("/carts/current", of(&customer["id"]))
        .ok(200)
        .await;
    assert_eq!(
        (&ignored["customer_id"], &ignored["totals"]["tax"]),
        (&Value::Null, &pence(2_000))
    );
    let unknown = json!("cus_0192f3a4b5c67d8e9fa0b1c2d3e4f506");
    let problem = taxed
        .keeper
        .patch("/carts/current", of(&unknown))
        .refused(422, "request.invalid_fields")
        .await;
    assert_eq!(problem["errors"][0]["code"], "customer.not_found");

    let cart = taxed
        .keeper
        .patch("/carts/current", of(&customer["id"]))
        .ok(200)
        .await;
    let reversed = json!({ "reason": "reverse_charge", "vat_number": "FR40303265045" });
    assert_eq!(cart["customer_id"], customer["id"]);
    assert_eq!(
        (&cart["totals"]["tax"], &cart["totals"]["total"]),
        (&pence(0), &pence(10_000))
    );
    assert_eq!(cart["totals"]["tax_relief"], reversed);
    // At the shop's own door everybody pays.
    let home = taxed.sends_to("IE", "", "D02 AF30").await;
    assert_eq!(
        (&home["totals"]["tax"], &home["totals"]["tax_relief"]),
        (&pence(2_000), &Value::Null)
    );
    // The record changes, and the cart that is read again follows.
    taxed
        .shop
        .staff
        .patch(&path, json!({ "tax_exempt": true }))
        .ok(200)
        .await;
    let exempt = taxed.guest.get("/carts/current").ok(200).await;
    assert_eq!(
        exempt["totals"]["tax_relief"],
        json!({ "reason": "exempt", "vat_number": null })
    );
    assert_eq!(exempt["totals"]["total"], pence(10_000));
    taxed.shop.staff.delete(&path).ok(204).await;
    let gone = taxed.guest.get("/carts/current").ok(200).await;
    assert_eq!(gone["totals"]["tax"], pence(2_000));
}
