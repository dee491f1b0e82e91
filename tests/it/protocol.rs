//! Protocol manners: problems, request ids, limits, CORS, the API reference, the page, health, logs.

use crate::support::{Directory, OpenShop, Purchase, Server, unique};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Every route of the contract, by method.
const ROUTES: &[(&str, &[&str])] = &[
    ("/session", &["get", "post", "delete"]),
    ("/products", &["get"]),
    ("/products/{product}", &["get"]),
    ("/variants", &["get"]),
    ("/variants/{variant}", &["get"]),
    ("/carts", &["post"]),
    ("/carts/{cart}", &["get", "patch"]),
    ("/carts/{cart}/lines", &["post", "delete"]),
    ("/carts/{cart}/lines/{line}", &["patch", "delete"]),
    ("/carts/{cart}/shipping-options", &["get"]),
    ("/carts/{cart}/checkout", &["post"]),
    ("/carts/{cart}/complete", &["post"]),
    ("/checkouts/{checkout}", &["get", "patch"]),
    ("/checkouts/{checkout}/complete", &["post"]),
    ("/checkouts/{checkout}/abandon", &["post"]),
    ("/orders/{order}", &["get"]),
    ("/admin/products", &["get", "post"]),
    ("/admin/products/{product}", &["get", "patch"]),
    ("/admin/products/{product}/variants", &["post"]),
    ("/admin/variants", &["get"]),
    ("/admin/variants/{variant}", &["get", "patch"]),
    ("/admin/variants/{variant}/price", &["put"]),
    ("/admin/variants/{variant}/stock", &["get", "put"]),
    ("/admin/variants/{variant}/stock/adjustments", &["post"]),
    ("/admin/catalog/import", &["post"]),
    ("/admin/tax/import", &["post"]),
    ("/admin/tax/zones", &["get", "post"]),
    ("/admin/tax/zones/{zone}", &["get", "patch", "delete"]),
    ("/admin/customers", &["get", "post"]),
    ("/admin/customers/{customer}", &["get", "patch", "delete"]),
    ("/admin/shipping/methods", &["get", "post"]),
    ("/admin/shipping/methods/{method}", &["get", "patch", "delete"]),
    ("/admin/settings", &["get", "patch"]),
    ("/admin/orders", &["get"]),
    ("/admin/orders/{order}", &["get"]),
    ("/admin/orders/{order}/cancel", &["post"]),
    ("/admin/carts", &["get"]),
    ("/admin/carts/{cart}", &["get"]),
    ("/admin/actors", &["get"]),
];

#[tokio::test]
async fn what_is_refused_before_a_handler_is_a_problem_too() {
    let OpenShop { server, shop, .. } = OpenShop::shared().await;
    let guest = shop.guest().await;
    guest.get("/nothing/here").refused(404, "route.not_found").await;
    guest.get("//nothing").refused(404, "route.not_found").await;
    guest
        .delete("/products")
        .refused(405, "route.method_not_allowed")
        .await;
    guest
        .call(Method::PUT, "//health/live")
        .refused(405, "route.method_not_allowed")
        .await;

    let add = "/carts/current/lines";
    let post = || guest.call(Method::POST, add);
    post().text("{").refused(400, "request.malformed_json").await;
    post().text("{} {}").refused(400, "request.malformed_json").await;
    post().text("\u{0}").refused(400, "request.malformed_json").await;
    for list in ["[]", r#"[null,"A",2,{},{},null]"#] {
        let refusal = post().text(list).refused(400, "request.invalid_fields").await;
        assert_eq!(refusal["message"], "must be an object");
    }
    post().bytes("{}").refused(415, "request.not_json").await;
    let form = post()
        .bytes("sku=A")
        .header("content-type", "application/x-www-form-urlencoded");
    form.refused(415, "request.not_json").await;
    post()
        .bytes(vec![0xff, 0xfe])
        .header("content-type", "application/json")
        .refused(400, "request.malformed_json")
        .await;
    guest
        .get("/products?limit=many")
        .refused(400, "page.limit_out_of_range")
        .await;
    let refusal = server
        .guest()
        .get("/variants")
        .refused(400, "request.query_malformed")
        .await;
    let missing = json!([{"pointer": "/sku", "code": "missing", "message": "this parameter must be given"}]);
    assert_eq!(refusal["errors"], missing);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let guest = shop.guest().await;
    let of_size = |bytes: usize| format!(r#"{{"sku":"{}"}}"#, "x".repeat(bytes - r#"{"sku":""}"#.len()));
    let post = |bytes: usize| {
        guest
            .call(Method::POST, "/carts/current/lines")
            .text(of_size(bytes))
    };
    post((1 << 20) + 1).refused(413, "request.too_large").await;
    // At the limit it is read, and then there is no such SKU.
    post(1 << 20).refused(404, "variant.not_found").await;
    let deep = format!(r#"{{"junk":{}"#, "[".repeat(100_000));
    guest
        .call(Method::POST, "/carts/current/lines")
        .text(deep)
        .refused(400, "request.malformed_json")
        .await;
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let OpenShop { server, .. } = OpenShop::shared().await;
    let guest = server.guest();
    let named = guest
        .get("/nothing")
        .header("x-request-id", "storefront-7.a:b_C")
        .send()
        .await;
    assert_eq!(named.header("x-request-id"), Some("storefront-7.a:b_C"));
    assert_eq!(named.json["request_id"], "storefront-7.a:b_C");
    let longest = "i".repeat(128);
    let answer = guest
        .get("/products")
        .header("x-request-id", &longest)
        .send()
        .await;
    assert_eq!(answer.header("x-request-id"), Some(longest.as_str()));
    let mut seen = BTreeSet::new();
    for bad in ["", "a b", "<script>", "i".repeat(129).as_str()] {
        let answer = guest.get("/nothing").header("x-request-id", bad).send().await;
        let id = answer.header("x-request-id").unwrap_or_default().to_owned();
        assert_eq!(answer.json["request_id"], id.as_str());
        assert!(
            id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{id}"
        );
        seen.insert(id);
    }
    assert_eq!(seen.len(), 4);
}

#[tokio::test]
async fn only_configured_origins_may_call_from_a_browser() {
    let directory = Directory::new();
    let variables = [("CARTWRIGHT_CORS_ORIGINS", r#"["https://shop.example.com"]"#)];
    let server = Server::start_with(&directory, &[], &variables);
    let guest = server.guest();
    let preflight = |origin: &'static str| {
        guest
            .call(Method::OPTIONS, "/carts/current/lines")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "content-type,idempotency-key,if-match",
            )
    };
    let allowed = preflight("https://shop.example.com").send().await;
    assert_eq!(allowed.status, 200);
    assert_eq!(
        allowed.header("access-control-allow-origin"),
        Some("https://shop.example.com")
    );
    assert_eq!(allowed.header("access-control-allow-credentials"), Some("true"));
    let headers = allowed.header("access-control-allow-headers").unwrap_or_default();
    assert!(
        headers.contains("idempotency-key") && headers.contains("if-match"),
        "{headers}"
    );
    let strange = preflight("https://evil.example.com").send().await;
    assert_eq!(strange.header("access-control-allow-origin"), None);
    let read = guest
        .get("/products")
        .header("origin", "https://shop.example.com")
        .send()
        .await;
    assert_eq!(
        read.header("access-control-allow-origin"),
        Some("https://shop.example.com")
    );
    let exposed = read.header("access-control-expose-headers").unwrap_or_default();
    assert!(
        exposed.contains("etag") && exposed.contains("idempotent-replayed"),
        "{exposed}"
    );
    let strange = guest
        .get("/products")
        .header("origin", "https://evil.example.com")
        .send()
        .await;
    assert_eq!(strange.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_request_has_a_deadline() {
    let directory = Directory::new();
    let variables = [("CARTWRIGHT_REQUEST_TIMEOUT_MS", "1000")];
    let open = OpenShop::on(Server::start_with(&directory, &[], &variables)).await;
    let variant = open.shop.variant(100, None).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let key = unique("key");
    let purchase = Purchase {
        key: &key,
        token: "tok_hang",
    };
    // The provider has five seconds, the request one.
    let began = std::time::Instant::now();
    let answer = open.shop.complete(&guest, &cart, &purchase).await;
    let took = began.elapsed();
    assert!(took < std::time::Duration::from_secs(4), "{took:?}");
    match answer.status {
        202 => assert_eq!(answer.json["state"], "processing"),
        _ => {
            assert_eq!(answer.header("retry-after"), Some("1"));
            answer.expect_refused(504, "request.timeout");
        }
    }
}

#[tokio::test]
async fn the_api_reference_is_openapi_3_1_and_lists_every_route() {
    let OpenShop { server, .. } = OpenShop::shared().await;
    let answer = server.guest().get("/openapi.json").send().await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let document = answer.expect(200);
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1."))
    );
    let paths = document["paths"].as_object().expect("the document has paths");
    let shape = |path: &str| {
        path.split('/')
            .map(|part| if part.starts_with('{') { "{}" } else { part })
            .collect::<Vec<_>>()
            .join("/")
    };
    let mut listed = BTreeSet::new();
    for (path, item) in paths {
        for method in item.as_object().into_iter().flat_map(|item| item.keys()) {
            if ["get", "put", "post", "delete", "patch"].contains(&method.as_str()) {
                listed.insert((shape(path), method.clone()));
            }
        }
    }
    let mut expected = BTreeSet::new();
    for (path, methods) in ROUTES {
        expected.extend(
            methods
                .iter()
                .map(|method| (shape(&format!("/api/v1{path}")), (*method).to_owned())),
        );
    }
    let missing: Vec<_> = expected.difference(&listed).collect();
    assert!(missing.is_empty(), "not in the document: {missing:?}");

    // Every reference within it leads somewhere.
    let text = document.to_string();
    for reference in text.split(r##""$ref":"#"##).skip(1) {
        let pointer = reference.split('"').next().unwrap_or_default();
        assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
}

#[tokio::test]
async fn the_page_says_what_this_is_and_where_the_reference_lies() {
    let OpenShop { server, .. } = OpenShop::shared().await;
    let page = server.guest().get("//").send().await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    for part in [
        "Cartwright",
        env!("CARGO_PKG_VERSION"),
        "/api/v1/openapi.json",
        "/health/ready",
    ] {
        assert!(page.text.contains(part), "{part} is not on the page");
    }
    assert!(
        !page.text.contains('{') || !page.text.contains("{version}"),
        "a placeholder is left"
    );
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn health_names_each_part() {
    let OpenShop { server, .. } = OpenShop::shared().await;
    let guest = server.guest();
    assert_eq!(guest.get("//health/live").ok(200).await["status"], "ok");
    let ready = guest.get("//health/ready").ok(200).await;
    assert_eq!(ready["status"], "ok");
    let parts: Vec<&str> = ready["parts"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|part| part["name"].as_str())
        .collect();
    let expected = [
        "store",
        "payments",
        "mail",
        "background",
        "carrier",
        "tax_calculator",
    ];
    assert_eq!(parts, expected);
}

#[tokio::test]
async fn logs_are_json_where_asked_for_and_hold_no_secrets() {
    let directory = Directory::new();
    let open = OpenShop::on(Server::start_with(&directory, &["--log-format", "json"], &[])).await;
    let variant = open.shop.variant(100, None).await;
    let guest = open.shop.guest().await;
    let checkout = open.shop.buy(&guest, &open.method, &[(&variant, 1)]).await;
    let token = checkout["order"]["token"].as_str().unwrap_or_default().to_owned();
    let path = format!("/orders/{}?token={token}", checkout["order"]["number"]);
    guest
        .stranger()
        .get(&path)
        .header("x-request-id", "look-here")
        .ok(200)
        .await;
    guest.get("/nothing").refused(404, "route.not_found").await;
    let (staff_token, session) = (
        open.server.token().to_owned(),
        guest.session().unwrap_or_default(),
    );
    let mut server = open.into_server();
    assert!(server.stop().success());

    let log = directory.log();
    let mut records = Vec::new();
    for line in log.lines() {
        let record: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(
            record["timestamp"].is_string() && record["level"].is_string(),
            "{line}"
        );
        records.push(record);
    }
    let of_request = records.iter().find(|record| record["request_id"] == "look-here");
    let of_request = of_request.unwrap_or_else(|| panic!("no record of the request in\n{log}"));
    assert_eq!(
        (&of_request["method"], &of_request["status"]),
        (&json!("GET"), &json!(200))
    );
    assert_eq!(
        of_request["path"],
        format!("/api/v1/orders/{}", checkout["order"]["number"])
    );
    for secret in [&token, &staff_token, &session] {
        assert!(
            !secret.is_empty() && !log.contains(secret.as_str()),
            "a secret stands in the log"
        );
    }
    assert!(records.iter().all(|record| record["level"] != "ERROR"), "{log}");
}
