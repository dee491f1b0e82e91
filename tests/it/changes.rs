//! What `null` does in a `PATCH`: it clears a field, or is refused at it, and never passes unheard.

use crate::support::{Client, OpenShop, address, id_of, pence, unique};
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A route that changes something.
struct Change {
    /// As the API reference writes it, below `/api/v1`.
    route: &'static str,
    /// Where the thing lies that is changed.
    path: String,
    /// Who changes it.
    caller: Client,
    /// A body with every field.
    all: Value,
    /// What the thing is where nothing of that was said.
    bare: Value,
}

/// What the API reference says of the routes that change something.
struct Reference(Value);

impl Reference {
    async fn of(caller: &Client) -> Self {
        Self(caller.get("//api/v1/openapi.json").ok(200).await)
    }

    fn routes(&self) -> BTreeSet<&str> {
        let paths = self.0["paths"].as_object().into_iter().flatten();
        let changing = paths.filter(|(_, item)| item.get("patch").is_some());
        changing
            .filter_map(|(path, _)| path.strip_prefix("/api/v1"))
            .collect()
    }

    /// Returns the fields of a route's body, and whether each may be `null`.
    fn fields(&self, route: &str) -> BTreeMap<String, bool> {
        let operation = &self.0["paths"][format!("/api/v1{route}")]["patch"];
        let mut fields = BTreeMap::new();
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        self.add_fields(body, &mut fields);
        fields
    }

    fn add_fields(&self, schema: &Value, fields: &mut BTreeMap<String, bool>) {
        if let Some(named) = schema["$ref"].as_str().and_then(|name| name.strip_prefix('#')) {
            self.add_fields(&self.0.pointer(named).cloned().unwrap_or_default(), fields);
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.add_fields(part, fields);
        }
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            fields.insert(name.clone(), takes_null(field));
        }
    }
}

fn takes_null(schema: &Value) -> bool {
    let mut forms = ["oneOf", "anyOf"]
        .into_iter()
        .filter_map(|of| schema[of].as_array());
    let names_null = |kind: &Value| {
        kind == "null"
            || kind
                .as_array()
                .is_some_and(|kinds| kinds.contains(&json!("null")))
    };
    names_null(&schema["type"]) || forms.any(|forms| forms.iter().any(takes_null))
}

/// Returns a value in which some fields are others.
fn with(value: &Value, others: Value) -> Value {
    let mut changed = value.clone();
    if let (Value::Object(changed), Value::Object(others)) = (&mut changed, others) {
        changed.extend(others);
    }
    changed
}

impl Change {
    fn of(caller: &Client, route: &'static str, bare: &Value, all: Value) -> Self {
        let collection = route.rsplit_once('/').map_or(route, |(collection, _)| collection);
        Self {
            route,
            path: format!("{collection}/{}", id_of(bare)),
            caller: caller.clone(),
            all,
            bare: bare.clone(),
        }
    }

    /// Sends `null` for each field by itself, where every field has a value of its own.
    async fn check(self, reference: &Reference) {
        let Self {
            route,
            path,
            caller,
            all,
            bare,
        } = self;
        let fields = reference.fields(route);
        let given: BTreeSet<&String> = all.as_object().into_iter().flat_map(Map::keys).collect();
        assert_eq!(
            given,
            fields.keys().collect(),
            "{route}: the body has every field"
        );
        for (field, takes_null) in &fields {
            let before = caller.patch(&path, all.clone()).ok(200).await;
            let null = Map::from_iter([(field.clone(), Value::Null)]);
            let answer = caller.patch(&path, Value::Object(null)).send().await;
            let said = format!("{route}, {field}: {}", answer.text);
            if *takes_null {
                let after = answer.expect(200);
                assert_ne!(before[field], bare[field], "{said}: there is nothing to clear");
                assert_eq!(after[field], bare[field], "{said}");
            } else {
                let refused = answer.expect_refused(400, "request.invalid_fields");
                assert_eq!(refused["errors"][0]["pointer"], format!("/{field}"), "{said}");
            }
        }
    }
}

/// Returns a change of each kind of thing in the catalog, with what it was before.
async fn catalog(staff: &Client) -> Vec<Change> {
    let list = json!({ "name": unique("list") });
    let list = staff.post("/admin/price-lists", list).ok(201).await;
    let product = json!({ "title": unique("Product"), "status": "draft" });
    let product = staff.post("/admin/products", product).ok(201).await;
    let variants = format!("/admin/products/{}/variants", id_of(&product));
    let variant = json!({ "sku": unique("BARE") });
    let variant = staff.post(&variants, variant).ok(201).await;
    vec![
        Change::of(
            staff,
            "/admin/price-lists/{list}",
            &list,
            json!({
                "name": unique("list"), "priority": 3, "groups": ["trade"], "enabled": false,
                "valid_from": "2011-01-04T00:00:00.000Z", "valid_until": "2031-01-04T00:00:00.000Z",
            }),
        ),
        Change::of(
            staff,
            "/admin/products/{product}",
            &product,
            json!({
                "title": "Mug", "handle": unique("mug"), "description": "Blue.", "status": "active",
                "images": [{ "url": "/mug.png" }], "categories": ["mugs"],
            }),
        ),
        Change::of(
            staff,
            "/admin/variants/{variant}",
            &variant,
            json!({
                "sku": unique("MUG"), "title": "Blue", "price": pence(500), "prices": [{ "amount": 600, "currency": "EUR" }],
                "compare_at_prices": [pence(700)], "minimum_prices": [pence(100)], "digital": true,
                "list_prices": [{ "price_list_id": id_of(&list), "price": pence(400) }], "tax_category": "reduced",
                "weight_grams": 300, "options": { "color": "blue" }, "status": "disabled",
            }),
        ),
    ]
}

/// Returns a change of each thing that decides what a cart costs besides the catalog.
async fn rules(staff: &Client) -> Vec<Change> {
    let actions = json!([{ "type": "order", "percentage": "0.1" }]);
    let promotion = json!({ "name": "Ten", "actions": actions });
    let promotion = staff.post("/admin/promotions", promotion).ok(201).await;
    let zone = json!({ "name": unique("zone"), "countries": ["IS"] });
    let zone = staff.post("/admin/tax/zones", zone).ok(201).await;
    let method = json!({ "name": unique("method"), "countries": ["IS"], "price": pence(100) });
    let method = staff.post("/admin/shipping/methods", method).ok(201).await;
    // What has a place of one sort needs none of the others.
    let nowhere = json!({ "countries": [], "subdivisions": [], "postal_codes": [] });
    let places = json!({ "countries": ["FR"], "subdivisions": ["US-CA"], "postal_codes": ["ES 35*"] });
    vec![
        Change::of(
            staff,
            "/admin/promotions/{promotion}",
            &promotion,
            json!({
                "name": "Twenty", "code": unique("TWENTY"), "requires_code": true, "priority": 3, "exclusive": true,
                "conditions": { "quantity_from": 2 }, "actions": actions, "usage_limit": 5,
                "usage_limit_per_customer": 1, "enabled": true,
            }),
        ),
        Change::of(
            staff,
            "/admin/tax/zones/{zone}",
            &with(&zone, nowhere.clone()),
            with(
                &places,
                json!({
                    "name": "Some", "rates": [{ "category": "standard", "name": "VAT 20%", "rate": "0.2" }],
                }),
            ),
        ),
        Change::of(
            staff,
            "/admin/shipping/methods/{method}",
            &with(&method, nowhere),
            with(
                &places,
                json!({
                    "name": "Some", "except": { "countries": ["GB"] }, "price": pence(200), "free_from": pence(5_000),
                    "tariffs": [{ "currency": "GBP", "flat": 300, "free_from": 5_000 }], "conditions": { "quantity": { "to": 5 } },
                    "delivery_days": { "from": 1, "to": 3 }, "tax_category": "reduced", "enabled": false,
                }),
            ),
        ),
    ]
}

/// Returns a change of each record about who buys, and of what they pay with.
async fn customers(staff: &Client) -> Vec<Change> {
    let name = unique("A");
    let customer = json!({ "external_id": name });
    let customer = staff.post("/admin/customers", customer).ok(201).await;
    let card = json!({ "amount": pence(100) });
    let card = staff.post("/admin/gift-cards", card).ok(201).await;
    let credits = format!("/admin/customers/{}/store-credit", id_of(&customer));
    let credit = json!({ "amount": pence(100), "reason": "goodwill" });
    let credit = staff
        .post(&format!("{credits}/adjustments"), credit)
        .ok(200)
        .await;
    vec![
        Change::of(
            staff,
            "/admin/customers/{customer}",
            &with(&customer, json!({ "external_id": null })),
            json!({
                "external_id": name, "email": format!("{name}@example.com"), "groups": ["trade"], "tax_exempt": true,
                "vat_number": "FR40303265045",
            }),
        ),
        Change::of(
            staff,
            "/admin/gift-cards/{gift_card}",
            &card,
            json!({ "enabled": false, "expires_at": "2100-01-01T00:00:00.000Z", "note": "birthday" }),
        ),
        Change {
            path: format!("{credits}/GBP"),
            ..Change::of(
                staff,
                "/admin/customers/{customer}/store-credit/{currency}",
                &credit,
                json!({ "enabled": false, "note": "goodwill" }),
            )
        },
    ]
}

/// Returns a change of a cart, of a line of it, and of one through its checkout, by staff who shop.
async fn carts(OpenShop { shop, method, .. }: &OpenShop) -> Vec<Change> {
    let caller = shop
        .guest()
        .await
        .with_token(shop.staff.token().unwrap_or_default());
    let variant = shop.variant(500, None).await;
    let customer = json!({ "external_id": unique("A") });
    let customer = shop.staff.post("/admin/customers", customer).ok(201).await;
    let bare = shop.cart(&caller, &[(&variant, 1)]).await;
    let all = json!({
        "email": "ada@example.com", "shipping_address": address("GB"), "billing_address": address("FR"),
        "shipping_method_id": method, "priced_at": "2011-01-04T00:00:00.000Z", "customer_id": id_of(&customer),
    });
    let cart = Change::of(&caller, "/carts/{cart}", &bare, all.clone());
    let line = Change {
        path: format!("{}/lines/{}", cart.path, id_of(&bare["lines"][0])),
        ..Change::of(
            &caller,
            "/carts/{cart}/lines/{line}",
            &bare,
            json!({ "quantity": 2 }),
        )
    };
    let started = shop.ready_cart(&caller, method, &[(&variant, 1)]).await;
    let checkout = caller.post(&format!("/carts/{started}/checkout"), json!({}));
    let checkout = Change {
        bare,
        ..Change::of(&caller, "/checkouts/{checkout}", &checkout.ok(201).await, all)
    };
    vec![cart, line, checkout]
}

/// Returns a change of the settings.
async fn settings(staff: &Client) -> Change {
    Change {
        route: "/admin/settings",
        path: "/admin/settings".to_owned(),
        caller: staff.clone(),
        all: json!({
            "currency": "EUR", "currencies": ["USD"], "prices": "exclude_tax", "rounding": "half_even",
            "home_country": "FR", "foreign_zone": "strip_home_tax", "session_seconds": 1_000, "cart_seconds": 1_001,
            "abandoned_cart_seconds": 1_002, "reservation_seconds": 1_003, "checkout_seconds": 1_004,
            "provider_seconds": 4, "cart_lines_max": 100, "line_units_max": 101, "capture": "when_shipped",
            "merge": "sum", "low_stock_level": 3, "keep_used_on_cancel": true, "tax_calculator": "fake",
        }),
        bare: staff.get("/admin/settings").ok(200).await,
    }
}

#[tokio::test]
async fn null_clears_each_field_of_each_change_or_is_refused_at_it() {
    let open = OpenShop::fresh().await;
    let staff = &open.shop.staff;
    let reference = Reference::of(staff).await;
    let mut changes = catalog(staff).await;
    changes.extend(rules(staff).await);
    changes.extend(customers(staff).await);
    changes.extend(carts(&open).await);
    changes.push(settings(staff).await);
    let routes: BTreeSet<&str> = changes.iter().map(|change| change.route).collect();
    assert_eq!(routes, reference.routes());
    for change in changes {
        change.check(&reference).await;
    }
}

#[tokio::test]
async fn a_change_lists_what_cannot_be_cleared_among_the_other_bad_fields() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let body = json!({ "name": "Ten", "actions": [{ "type": "order", "percentage": "0.1" }] });
    let promotion = shop.staff.post("/admin/promotions", body.clone()).ok(201).await;
    let path = format!("/admin/promotions/{}", id_of(&promotion));
    let sent = json!({ "name": null, "unknown": null, "priority": "x", "enabled": null });
    let refused = shop.staff.patch(&path, sent);
    let refused = refused.refused(400, "request.invalid_fields").await;
    let errors = refused["errors"].as_array().into_iter().flatten();
    let errors: BTreeSet<(&str, &str)> = errors
        .filter_map(|error| Some((error["pointer"].as_str()?, error["code"].as_str()?)))
        .collect();
    let expected = [("/name", "not_clearable"), ("/priority", "wrong_type")];
    assert_eq!(errors, BTreeSet::from(expected));
    let unchanged = shop.staff.patch(&path, json!({ "unknown": null })).ok(200).await;
    assert_eq!(unchanged, promotion);
    // What is passed over is not looked into; where it cannot be told what is cleared, nothing is done.
    let unread = r#""unknown": "\ud83d", "other": 1e999"#;
    let sent = shop
        .staff
        .call(Method::PATCH, &path)
        .text(format!("{{{unread}}}"));
    assert_eq!(sent.ok(200).await, promotion);
    let sent = shop
        .staff
        .call(Method::PATCH, &path)
        .text(format!("{{\"usage_limit\": null, {unread}}}"));
    sent.refused(400, "request.malformed_json").await;
}

#[tokio::test]
async fn null_is_as_good_as_absent_where_something_is_made_or_imported() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let made = json!({ "name": unique("list"), "priority": null, "groups": null, "enabled": null });
    let list = shop.staff.post("/admin/price-lists", made).ok(201).await;
    let found = (&list["priority"], &list["groups"], &list["enabled"]);
    assert_eq!(found, (&json!(0), &json!([]), &json!(true)));
    let nameless = shop.staff.post("/admin/price-lists", json!({ "name": null }));
    let refused = nameless.refused(422, "request.invalid_fields").await;
    assert_eq!(refused["errors"][0]["pointer"], "/name");

    let id = unique("A");
    let row = |customer: Value| json!({ "rows": [{ "row": 1, "customer": customer }] });
    let email = format!("{}@example.com", unique("ada"));
    let known = row(
        json!({ "external_id": id, "email": email, "groups": ["trade"], "tax_exempt": true, "vat_number": "DE123456789" }),
    );
    let nothing = row(
        json!({ "external_id": id, "email": null, "groups": null, "tax_exempt": null, "vat_number": null }),
    );
    for (rows, outcome) in [(known, "created"), (nothing, "unchanged")] {
        let imported = shop.staff.post("/admin/customers/import", rows).ok(200).await;
        assert_eq!(imported["results"][0]["outcome"], outcome, "{imported}");
    }
}

#[tokio::test]
async fn a_zone_that_has_gone_since_stays_where_it_was_named() {
    let open = OpenShop::fresh().await;
    let staff = &open.shop.staff;
    let zone = json!({ "name": "Gone", "countries": ["FR"], "rates": [] });
    let zone = id_of(&staff.post("/admin/tax/zones", zone).ok(201).await);
    let actions = json!([{ "type": "order", "percentage": "0.1" }]);
    let promotion = json!({ "name": "Abroad", "actions": actions, "conditions": { "zones": [zone] } });
    let made = staff.post("/admin/promotions", promotion.clone()).ok(201).await;
    staff.delete(&format!("/admin/tax/zones/{zone}")).ok(204).await;
    let path = format!("/admin/promotions/{}", id_of(&made));
    let shown = staff.get(&path).ok(200).await;
    let back = json!({ "name": "Renamed", "conditions": shown["conditions"] });
    assert_eq!(staff.patch(&path, back.clone()).ok(200).await["name"], "Renamed");
    let another = staff.post("/admin/promotions", promotion);
    another.refused(422, "request.invalid_fields").await;
    staff.delete(&path).ok(204).await;
    staff.patch(&path, back).refused(404, "promotion.not_found").await;
}

#[tokio::test]
async fn a_product_has_no_more_variants_than_it_is_shown_with() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let named = unique("V");
    let variants = |count: usize| {
        let variant = |at: usize| json!({ "sku": format!("{named}-{at}") });
        (0..count).map(variant).collect::<Vec<_>>()
    };
    let product = |count| json!({ "title": "Many", "status": "active", "variants": variants(count) });
    let refused = shop.staff.post("/admin/products", product(501));
    let refused = refused.refused(422, "request.invalid_fields").await;
    assert_eq!(refused["errors"][0]["code"], "catalog.too_many_variants");
    let made = shop.staff.post("/admin/products", product(500)).ok(201).await;
    assert_eq!(made["variants"].as_array().map(Vec::len), Some(500));
    let path = format!("/admin/products/{}/variants", id_of(&made));
    let one_more = shop.staff.post(&path, json!({ "sku": format!("{named}-more") }));
    one_more.refused(409, "catalog.too_many_variants").await;
}
