//! The API reference of the areas' routes: whole, and nothing in it leads nowhere.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::{openapi, router};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use utoipa_axum::router::OpenApiRouter;

/// Every route of this release.
const ROUTES: &[&str] = &[
    "DELETE /admin/customers/{customer}",
    "DELETE /admin/price-lists/{list}",
    "DELETE /admin/promotions/{promotion}",
    "DELETE /admin/promotions/{promotion}/codes/{code}",
    "DELETE /admin/shipping/methods/{method}",
    "DELETE /admin/tax/zones/{zone}",
    "DELETE /carts/{cart}/codes/{code}",
    "DELETE /carts/{cart}/lines",
    "DELETE /carts/{cart}/lines/{line}",
    "DELETE /carts/{cart}/payments/{payment}",
    "DELETE /session",
    "GET /admin/actors",
    "GET /admin/carts",
    "GET /admin/carts/{cart}",
    "GET /admin/customers",
    "GET /admin/customers/{customer}",
    "GET /admin/customers/{customer}/store-credit",
    "GET /admin/customers/{customer}/store-credit/{currency}",
    "GET /admin/gift-cards",
    "GET /admin/gift-cards/{gift_card}",
    "GET /admin/history/{id}",
    "GET /admin/orders",
    "GET /admin/orders/{order}",
    "GET /admin/price-lists",
    "GET /admin/price-lists/{list}",
    "GET /admin/products",
    "GET /admin/products/{product}",
    "GET /admin/promotions",
    "GET /admin/promotions/{promotion}",
    "GET /admin/promotions/{promotion}/codes",
    "GET /admin/settings",
    "GET /admin/shipping/methods",
    "GET /admin/shipping/methods/{method}",
    "GET /admin/tax/zones",
    "GET /admin/tax/zones/{zone}",
    "GET /admin/variants",
    "GET /admin/variants/{variant}",
    "GET /admin/variants/{variant}/stock",
    "GET /carts/{cart}",
    "GET /carts/{cart}/explain",
    "GET /carts/{cart}/shipping-options",
    "GET /checkouts/{checkout}",
    "GET /orders/{order}",
    "GET /orders/{order}/explain",
    "GET /products",
    "GET /products/{product}",
    "GET /session",
    "GET /variants",
    "GET /variants/{variant}",
    "PATCH /admin/customers/{customer}",
    "PATCH /admin/customers/{customer}/store-credit/{currency}",
    "PATCH /admin/gift-cards/{gift_card}",
    "PATCH /admin/price-lists/{list}",
    "PATCH /admin/products/{product}",
    "PATCH /admin/promotions/{promotion}",
    "PATCH /admin/settings",
    "PATCH /admin/shipping/methods/{method}",
    "PATCH /admin/tax/zones/{zone}",
    "PATCH /admin/variants/{variant}",
    "PATCH /carts/{cart}",
    "PATCH /carts/{cart}/lines/{line}",
    "PATCH /checkouts/{checkout}",
    "POST /admin/catalog/import",
    "POST /admin/customers",
    "POST /admin/customers/import",
    "POST /admin/customers/{customer}/store-credit/adjustments",
    "POST /admin/gift-cards",
    "POST /admin/gift-cards/import",
    "POST /admin/gift-cards/{gift_card}/adjustments",
    "POST /admin/orders/{order}/cancel",
    "POST /admin/price-lists",
    "POST /admin/price-lists/import",
    "POST /admin/products",
    "POST /admin/products/{product}/variants",
    "POST /admin/promotions",
    "POST /admin/promotions/codes/import",
    "POST /admin/promotions/import",
    "POST /admin/promotions/judge",
    "POST /admin/promotions/what-if",
    "POST /admin/promotions/{promotion}/codes",
    "POST /admin/promotions/{promotion}/codes/generate",
    "POST /admin/promotions/{promotion}/what-if",
    "POST /admin/shipping/address-checks",
    "POST /admin/shipping/carrier-rates",
    "POST /admin/shipping/methods",
    "POST /admin/store-credit/import",
    "POST /admin/tax/import",
    "POST /admin/tax/zones",
    "POST /admin/variants/{variant}/stock/adjustments",
    "POST /carts",
    "POST /carts/{cart}/checkout",
    "POST /carts/{cart}/codes",
    "POST /carts/{cart}/complete",
    "POST /carts/{cart}/gift-cards",
    "POST /carts/{cart}/lines",
    "POST /carts/{cart}/store-credit",
    "POST /checkouts/{checkout}/abandon",
    "POST /checkouts/{checkout}/complete",
    "POST /session",
    "PUT /admin/variants/{variant}/price",
    "PUT /admin/variants/{variant}/stock",
];

fn document() -> Value {
    let whole = OpenApiRouter::with_openapi(openapi::base()).merge(router::described());
    let (_, document) = whole.split_for_parts();
    serde_json::to_value(openapi::complete(document)).unwrap()
}

/// An operation with its method and path.
struct Described {
    name: String,
    operation: Map<String, Value>,
}

fn operations() -> Vec<Described> {
    let document = document();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/api/v1").unwrap();
        for (method, operation) in item.as_object().unwrap() {
            found.push(Described {
                name: format!("{} {path}", method.to_uppercase()),
                operation: operation.as_object().unwrap().clone(),
            });
        }
    }
    found
}

#[test]
fn the_reference_has_every_route_and_no_other() {
    let found: BTreeSet<String> = operations().into_iter().map(|described| described.name).collect();
    let expected: BTreeSet<String> = ROUTES.iter().map(|route| (*route).to_owned()).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_operation_says_what_it_is_and_how_it_ends() {
    let mut ids = BTreeSet::new();
    for Described { name, operation } in operations() {
        let text = |field: &str| operation.get(field).and_then(Value::as_str).unwrap_or_default();
        assert!(text("summary").ends_with('.'), "{name} has no summary");
        assert!(
            ids.insert(text("operationId").to_owned()),
            "{name}: its operation id is taken"
        );
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name}");
        assert!(responses.contains_key("default"), "{name}");
        let is_open = operation["tags"][0] == "catalog";
        assert_eq!(responses.contains_key("401"), !is_open, "{name}");
        let names_something =
            name.contains('{') || ["GET /session", "DELETE /session"].contains(&name.as_str());
        assert_eq!(responses.contains_key("404"), names_something, "{name}");
    }
}

#[test]
fn who_is_asked_who_they_are_is_said() {
    let check = |route: &str, expected: &[&str], conflicts: bool| {
        let described = operations().into_iter().find(|described| described.name == route);
        let operation = described.unwrap().operation;
        let requirements = operation["security"].as_array().unwrap().iter();
        let names = requirements.map(|one| one.as_object().unwrap().keys().next().map_or("", String::as_str));
        assert_eq!(names.collect::<Vec<_>>(), expected, "{route}");
        assert_eq!(operation["responses"].get("409").is_some(), conflicts, "{route}");
    };
    check("GET /products", &[""], false);
    check("GET /carts/{cart}", &["session", "staff", ""], false);
    check("POST /carts/{cart}/lines", &["session", "staff", ""], true);
    check("DELETE /session", &["session", "staff", ""], true);
    check("PATCH /admin/settings", &["staff"], true);
    check("POST /admin/promotions/what-if", &["staff"], false);
    check("POST /admin/shipping/address-checks", &["staff"], false);
}

#[test]
fn every_parameter_of_a_path_is_described() {
    for Described { name, operation } in operations() {
        let in_path: BTreeSet<&str> = name
            .split(['/', ' '])
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        let none = Vec::new();
        let described: BTreeSet<&str> = operation
            .get("parameters")
            .and_then(Value::as_array)
            .unwrap_or(&none)
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        assert_eq!(described, in_path, "{name}");
    }
}

#[test]
fn answers_with_a_version_have_an_etag_and_keys_are_replayed() {
    let check = |route: &str, status: &str, expected: &[&str]| {
        let described = operations().into_iter().find(|described| described.name == route);
        let responses = &described.unwrap().operation["responses"];
        let headers = responses[status].get("headers").and_then(Value::as_object);
        let found: Vec<&str> = headers
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(found, expected, "{route}");
    };
    check("GET /carts/{cart}", "200", &["ETag", "Set-Cookie"]);
    check("GET /products", "200", &[]);
    check(
        "POST /carts",
        "201",
        &[
            "ETag",
            "Idempotent-Replayed",
            "Location",
            "Preference-Applied",
            "Set-Cookie",
        ],
    );
    check(
        "PATCH /carts/{cart}",
        "200",
        &["ETag", "Preference-Applied", "Set-Cookie"],
    );
    check(
        "POST /carts/{cart}/complete",
        "202",
        &[
            "ETag",
            "Idempotent-Replayed",
            "Location",
            "Retry-After",
            "Set-Cookie",
        ],
    );
    check(
        "POST /carts/{cart}/complete",
        "402",
        &["Idempotent-Replayed", "Set-Cookie"],
    );
    check(
        "POST /carts/{cart}/lines",
        "412",
        &["Idempotent-Replayed", "Set-Cookie"],
    );
    check("POST /carts/{cart}/complete", "503", &["Retry-After"]);
    check("DELETE /session", "204", &["Set-Cookie"]);
    check("POST /admin/promotions", "401", &["WWW-Authenticate"]);
    check("GET /admin/tax/zones/{zone}", "200", &["ETag"]);
    check("GET /admin/shipping/methods/{method}", "200", &["ETag"]);
    check("GET /admin/tax/zones", "200", &[]);
}

#[test]
fn a_body_that_needs_no_field_may_be_left_out() {
    let check = |route: &str, expected: bool| {
        let described = operations().into_iter().find(|described| described.name == route);
        let body = &described.unwrap().operation["requestBody"];
        assert_eq!(body["required"].as_bool(), Some(expected), "{route}");
    };
    check("PATCH /admin/settings", false);
    check("PATCH /admin/tax/zones/{zone}", false);
    check("PATCH /admin/shipping/methods/{method}", false);
    check("POST /admin/products", true);
    check("PUT /admin/variants/{variant}/price", true);
}

#[test]
fn completing_needs_a_key_and_other_posts_may_have_one() {
    let check = |route: &str, expected: Option<bool>| {
        let described = operations().into_iter().find(|described| described.name == route);
        let operation = described.unwrap().operation;
        let parameters = operation["parameters"].as_array().unwrap();
        let key = parameters
            .iter()
            .find(|parameter| parameter["name"] == "Idempotency-Key");
        assert_eq!(key.and_then(|key| key["required"].as_bool()), expected, "{route}");
    };
    check("POST /carts/{cart}/complete", Some(true));
    check("POST /checkouts/{checkout}/complete", Some(true));
    check("POST /carts/{cart}/lines", Some(false));
    check("PATCH /carts/{cart}", None);
}

/// What staff look for by name, and is one at most.
const WITHOUT_PAGES: &[&str] = &["GET /admin/variants"];

#[test]
fn what_staff_list_change_and_make_has_pages_versions_and_keys() {
    let document = document();
    for Described { name, operation } in operations() {
        let Some((method, _)) = name.split_once(" /admin/") else {
            continue;
        };
        let parameters = operation.get("parameters").and_then(Value::as_array);
        let takes = |wanted: &str| {
            parameters.is_some_and(|all| all.iter().any(|parameter| parameter["name"] == wanted))
        };
        let responses = &operation["responses"];
        match method {
            "PATCH" | "PUT" | "DELETE" => assert!(takes("If-Match"), "{name}"),
            "POST" if responses.get("201").is_some() => {
                assert!(takes("Idempotency-Key"), "{name}");
            }
            "POST" if name.ends_with("/import") => {
                assert!(responses.get("413").is_some(), "{name}");
            }
            "GET" => {
                let schema = &responses["200"]["content"]["application/json"]["schema"];
                let pointer = schema["$ref"].as_str().and_then(|text| text.strip_prefix('#'));
                let body = pointer
                    .and_then(|pointer| document.pointer(pointer))
                    .unwrap_or(schema);
                let is_list = body["properties"].get("next_cursor").is_some();
                let has_pages = is_list && !WITHOUT_PAGES.contains(&name.as_str());
                assert_eq!(takes("cursor") && takes("limit"), has_pages, "{name}");
            }
            _ => {}
        }
    }
}

#[test]
fn no_count_is_read_into_a_number_of_half_its_range() {
    let document = document();
    let priority = &document["components"]["schemas"]["PriceList"]["properties"]["priority"];
    assert_eq!(priority["format"], "int32", "it has a sign");
    let mut left = vec![&document];
    while let Some(value) = left.pop() {
        let is_count = value["minimum"] == 0;
        assert!(!is_count || value["format"] != "int32", "{value}");
        match value {
            Value::Object(fields) => left.extend(fields.values()),
            Value::Array(items) => left.extend(items),
            _ => {}
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(20 < found.len(), "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(reference) if name == "$ref" => {
                        found.insert(reference.clone());
                    }
                    other => references(other, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
