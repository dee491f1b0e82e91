//! The API reference and the page that leads to it.

use super::*;
use crate::layer::Options;
use serde_json::json;

#[tokio::test]
async fn the_reference_names_routes_schemas_callers_and_refusals() {
    let reply = edge().get("/api/v1/openapi.json", &[]).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("content-type")),
        (200, Some("application/json"))
    );
    let document = reply.json();
    assert_eq!(document["openapi"], "3.1.0");
    let lines = &document["paths"]["/api/v1/lines"]["post"];
    assert_eq!(lines["security"], json!([{"session": []}, {}]));
    assert_eq!(
        document["paths"]["/api/v1/admin/me"]["get"]["security"],
        json!([{"staff": []}])
    );
    let refusal = &lines["responses"]["default"]["content"]["application/problem+json"]["schema"]["$ref"];
    assert_eq!(refusal, "#/components/schemas/Problem");
    let components = &document["components"];
    assert!(components["schemas"]["Problem"]["properties"]["request_id"].is_object());
    assert!(components["schemas"]["Line"]["properties"]["sku"].is_object());
    let session = &components["securitySchemes"]["session"];
    assert_eq!(
        (&session["type"], &session["in"], &session["name"]),
        (&json!("apiKey"), &json!("cookie"), &json!("cartwright_session"))
    );
    assert_eq!(components["securitySchemes"]["staff"]["scheme"], "bearer");
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    let document = edge().get("/api/v1/openapi.json", &[]).await.json();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(reference) if name == "$ref" => found.push(reference.clone()),
                    other => references(other, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn the_page_leads_to_the_reference_and_loads_nothing() {
    async fn check(host: Option<&str>, shown: &str) {
        let headers: Vec<_> = host.into_iter().map(|host| ("host", host)).collect();
        let reply = Edge::new(&Options::default()).get("/", &headers).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("content-type")),
            (200, Some("text/html; charset=utf-8"))
        );
        assert!(
            reply.text.contains(&format!("http://{shown}/api/v1/carts")),
            "{}",
            reply.text
        );
        assert!(reply.text.contains(r#"href="/api/v1/openapi.json""#) && !reply.text.contains("src="));
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }
    check(Some("shop.example:8080"), "shop.example:8080").await;
    check(Some("[::1]:80"), "[::1]:80").await;
    check(Some("<script>"), "127.0.0.1:8080").await;
    check(None, "127.0.0.1:8080").await;
}
