//! The routes over an engine in this process, on a store in memory: what each answers, to the letter.
//!
//! What the real binary promises is tested over there; here it is the edge alone: shapes, headers, refusals.

use crate::support::{Answer, Client, address, pence};
use cartwright_actors::runtime::{EntityOptions, RuntimeOptions};
use cartwright_actors::{Engine, Parts};
use cartwright_domain::Timestamp;
use cartwright_domain::caller::Role;
use cartwright_gateways::carrier::Fake;
use cartwright_gateways::mail::Folder;
use cartwright_gateways::payment::{Sandbox, sandbox};
use cartwright_gateways::tax;
use cartwright_http::auth::StaffKeys;
use cartwright_http::health::{Health, Part};
use cartwright_http::registry::ProcessUsage;
use cartwright_http::router::{self, Api};
use cartwright_http::{layer, server};
use cartwright_storage::MemoryStore;
use futures::future::BoxFuture;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::future;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// The routes, served on a free port.
struct Edge {
    url: String,
    token: String,
    _home: TempDir,
}

struct NoParts;

impl Health for NoParts {
    fn parts(&self) -> BoxFuture<'_, Vec<Part>> {
        Box::pin(future::ready(Vec::new()))
    }
}

/// Serves an engine on a free port, and returns the address and a token for staff.
pub(crate) async fn serve(engine: Engine, home: &Path, options: &layer::Options) -> (String, String) {
    let (keys, _) = StaffKeys::load_or_create(home).expect("the key is made");
    let token = keys
        .issue("ada", Role::Admin, 1, engine.now())
        .expect("a token is issued");
    let api = Api::new(engine, Arc::new(keys), Arc::new(ProcessUsage::default));
    let router =
        router::assemble(router::areas(api), Arc::new(NoParts), options).expect("the routes are described");
    let local = "127.0.0.1:0".parse().expect("an address");
    let server = server::Server::bind(local, server::Options::default());
    let server = server.await.expect("a port is free");
    let url = format!("http://{}", server.address());
    tokio::spawn(server.serve(router, future::pending(), future::ready(())));
    (url, token)
}

impl Edge {
    async fn start() -> Self {
        Self::start_with(&layer::Options::default()).await
    }

    async fn start_with(options: &layer::Options) -> Self {
        let home = tempfile::tempdir().expect("a directory can be made");
        let ledger = home.path().join("ledger.jsonl");
        let payments = Sandbox::open(&ledger, sandbox::Config::default()).expect("the ledger opens");
        let mailer = Folder::open(home.path().join("mail"), "shop@example.com").expect("the folder opens");
        let parts = Parts {
            store: Arc::new(MemoryStore::new()),
            carrier: Arc::new(Fake::new(Arc::new(Timestamp::default))),
            tax_calculator: Arc::new(tax::Fake),
            payments: Arc::new(payments),
            mailer: Arc::new(mailer),
            runtime: RuntimeOptions::default(),
            entities: EntityOptions::default(),
        };
        let engine = Engine::start(parts).await.expect("the engine starts");
        let (url, token) = serve(engine, home.path(), options).await;
        Self {
            url,
            token,
            _home: home,
        }
    }

    fn guest(&self) -> Client {
        Client::new(&self.url)
    }

    fn staff(&self) -> Client {
        self.guest().with_token(&self.token)
    }

    /// Makes a product with one variant, returning the variant's id.
    async fn variant(&self, sku: &str, price: i64) -> String {
        let product = json!({
            "title": "Blue mug", "status": "active",
            "variants": [{"sku": sku, "price": pence(price)}],
        });
        let product = self.staff().post("/admin/products", product).ok(201).await;
        product["variants"][0]["id"]
            .as_str()
            .expect("a variant has an id")
            .to_owned()
    }

    /// Makes a zone with 20% in the price and a method at 3.50, returning the method's id.
    async fn tax_and_shipping(&self) -> String {
        let zone = json!({
            "name": "Home", "countries": ["GB"],
            "rates": [{"category": "standard", "name": "VAT 20%", "rate": "0.20"}],
        });
        self.staff().post("/admin/tax/zones", zone).ok(201).await;
        let method = json!({
            "name": "Post", "countries": ["*"], "price": pence(350), "free_from": pence(5_000),
        });
        let method = self.staff().post("/admin/shipping/methods", method).ok(201).await;
        method["id"].as_str().expect("a method has an id").to_owned()
    }
}

/// Replaces what differs from run to run: ids by their order of appearance, times, secrets and references.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    fn told(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.told(item)).collect(),
            Value::Object(fields) => {
                let mut told = Map::new();
                for (name, value) in fields {
                    let value = match (name.as_str(), value) {
                        ("token" | "reference" | "request_id", Value::String(_)) => {
                            json!(format!("<{name}>"))
                        }
                        _ => self.told(value),
                    };
                    told.insert(name.clone(), value);
                }
                Value::Object(told)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn text(&mut self, text: &str) -> String {
        let parts = text.split_inclusive(['/', ' ', ':']);
        parts.map(|part| self.part(part)).collect::<String>()
    }

    fn part(&mut self, part: &str) -> String {
        let is_id = part.rsplit_once('_').is_some_and(|(prefix, digits)| {
            !prefix.is_empty() && digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        let is_date = part.len() == 14 && part.as_bytes().get(10) == Some(&b'T');
        if is_date {
            return "<time>".to_owned();
        }
        if part.len() == 7 && part.ends_with('Z') || part.len() == 3 && part.ends_with(':') {
            return String::new();
        }
        if !is_id {
            return part.to_owned();
        }
        let prefix = part.split('_').next().unwrap_or_default();
        let count = self
            .0
            .values()
            .filter(|name| name.starts_with(&format!("{prefix}_")))
            .count();
        self.0
            .entry(part.to_owned())
            .or_insert_with(|| format!("{prefix}_{}", count + 1))
            .clone()
    }

    fn answer(&mut self, answer: &Answer) -> Value {
        json!({"status": answer.status, "etag": answer.etag(), "body": self.told(&answer.json)})
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_is_answered_to_the_letter() {
    let edge = Edge::start().await;
    let (guest, staff) = (edge.guest(), edge.staff());
    let mut names = Names::default();
    let mut said: Vec<(&str, Value)> = Vec::new();
    let method = edge.tax_and_shipping().await;
    let variant = edge.variant("MUG", 1_250).await;
    let levels = json!({"tracked": true, "on_hand": 5});
    let stock = staff
        .put(&format!("/admin/variants/{variant}/stock"), levels)
        .send()
        .await;
    said.push(("stock", names.answer(&stock)));
    let product = guest.get("/products/blue-mug").send().await;
    said.push(("product", names.answer(&product)));

    let opened = guest.post("/carts", json!({})).send().await;
    said.push(("opened cart", names.answer(&opened)));
    let cart = opened.json["id"].as_str().expect("a cart has an id").to_owned();
    let at = |rest: &str| format!("/carts/{cart}{rest}");
    let line = json!({"sku": "MUG", "quantity": 2, "options": {"color": "blue"}});
    let added = guest.post(&at("/lines"), line.clone()).send().await;
    said.push(("added", names.answer(&added)));
    let added = guest.post(&at("/lines"), line).minimal().send().await;
    assert_eq!(added.header("preference-applied"), Some("return=minimal"));
    said.push(("added, in short", names.answer(&added)));
    let details = json!({
        "email": "ada@example.com", "shipping_address": address("GB"), "shipping_method_id": method,
    });
    let detailed = guest.patch(&at(""), details).send().await;
    said.push(("details", names.answer(&detailed)));
    let options = guest.get(&at("/shipping-options")).send().await;
    said.push(("shipping options", names.answer(&options)));

    let started = guest.post(&at("/checkout"), json!({})).send().await;
    said.push(("started", names.answer(&started)));
    let checkout = format!("/checkouts/{}", started.json["id"].as_str().expect("an id"));
    assert_eq!(started.header("location"), Some(&*format!("/api/v1{checkout}")));
    let payment = json!({"payment": {"token": "tok_approve"}});
    let completed = guest
        .post(&format!("{checkout}/complete"), payment)
        .key("one")
        .send()
        .await;
    assert_eq!(completed.status, 200, "{}", completed.text);
    said.push(("completed", names.answer(&completed)));
    let order = completed.json["order"]["id"]
        .as_str()
        .expect("an order")
        .to_owned();
    let owned = guest.get("/orders/1").send().await;
    said.push(("order, to its owner", names.answer(&owned)));
    let reason = json!({"reason": "ordered twice"});
    let canceled = staff
        .post(&format!("/admin/orders/{order}/cancel"), reason)
        .send()
        .await;
    said.push(("order, canceled", names.answer(&canceled)));
    let session = guest.get("/session").send().await;
    said.push(("session", names.answer(&session)));
    let said: Map<String, Value> = said
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    insta::assert_json_snapshot!(said);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quantity_that_is_none_is_refused_at_its_field() {
    let edge = Edge::start().await;
    edge.variant("MUG", 100).await;
    let guest = edge.guest();
    for quantity in [
        "-1",
        "1.5",
        "\"3\"",
        "1e3",
        "99999999999",
        "18446744073709551616",
        "true",
        "[]",
        "{}",
    ] {
        let body = format!(r#"{{"sku":"MUG","quantity":{quantity}}}"#);
        let call = guest
            .call(reqwest::Method::POST, "/carts/current/lines")
            .text(body);
        let problem = call.refused(400, "request.invalid_fields").await;
        assert_eq!(problem["errors"][0]["pointer"], "/quantity", "{quantity}");
    }
    let too_many = json!({"sku": "MUG", "quantity": 1_000_001});
    guest
        .post("/carts/current/lines", too_many)
        .refused(422, "cart.quantity_too_large")
        .await;
    let cart = guest
        .post("/carts/current/lines", json!({"sku": "MUG"}))
        .ok(200)
        .await;
    assert_eq!(cart["lines"][0]["quantity"], 1);
    let line = cart["lines"][0]["id"].as_str().expect("a line has an id");
    let path = format!("/carts/current/lines/{line}");
    guest
        .patch(&path, json!({"quantity": null}))
        .refused(400, "request.invalid_fields")
        .await;
    guest
        .patch(&path, json!({}))
        .refused(400, "request.invalid_fields")
        .await;
    let cart = guest.patch(&path, json!({"quantity": 0})).ok(200).await;
    assert_eq!(cart["lines"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_shopper_may_not_set_is_not_even_read() {
    let edge = Edge::start().await;
    edge.variant("MUG", 1_250).await;
    let line = json!({
        "sku": "MUG", "unit_price": "free", "price": 1, "title": ["x"], "tax": {}, "discount": null,
    });
    let cart = edge.guest().post("/carts/current/lines", line).ok(200).await;
    assert_eq!(cart["lines"][0]["unit_price"], pence(1_250));
    assert_eq!(cart["lines"][0]["overridden"], false);

    let fine = json!({"sku": "MUG", "unit_price": {"unit_price": "0.001", "currency": "GBP"}});
    let cart = edge.staff().post("/carts/current/lines", fine).ok(200).await;
    assert_eq!(
        cart["lines"][0]["unit_price"],
        json!({"unit_price": "0.001", "currency": "GBP"})
    );
    assert_eq!(cart["lines"][0]["overridden"], true);
    let free = json!({"sku": "MUG", "unit_price": "free"});
    let staff = edge.staff();
    let problem = staff.post("/carts/current/lines", free);
    let problem = problem.refused(400, "request.invalid_fields").await;
    assert_eq!(problem["errors"][0]["pointer"], "/unit_price");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_version_is_refused_with_the_current_one() {
    let edge = Edge::start().await;
    edge.variant("MUG", 100).await;
    let guest = edge.guest();
    let line = || json!({"sku": "MUG"});
    let cart = guest.post("/carts/current/lines", line()).send().await;
    let version = cart.etag().expect("a cart has a version");
    assert_eq!(cart.json["version"], version);
    let again = guest
        .post("/carts/current/lines", line())
        .if_match(version)
        .send()
        .await;
    assert_eq!((again.status, again.etag()), (200, Some(version + 1)));
    let stale = guest.post("/carts/current/lines", line()).if_match(version);
    let problem = stale.refused(412, "version.stale").await;
    assert_eq!(problem["details"], json!({"version": version + 1}));
    for malformed in ["7", "W/\"7\"", "\"7\", \"8\"", "\"-1\"", "\"\""] {
        let call = guest
            .post("/carts/current/lines", line())
            .header("if-match", malformed);
        call.refused(400, "request.if_match_malformed").await;
    }
    // Reading passes over it.
    for path in ["/carts/current", "/carts/current/explain", "/session"] {
        guest.get(path).header("if-match", "W/\"1\"").ok(200).await;
    }
    let any = guest.post("/carts/current/lines", line()).header("if-match", "*");
    assert_eq!(any.ok(200).await["version"], version + 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_key_is_answered_as_before_and_marked() {
    let edge = Edge::start().await;
    edge.variant("MUG", 100).await;
    let guest = edge.guest();
    guest.post("/session", json!({})).ok(201).await;
    let add = |sku: &str| guest.post("/carts/current/lines", json!({"sku": sku})).key("k");
    let (first, second) = (add("MUG").send().await, add("MUG").send().await);
    assert_eq!((first.is_replayed(), second.is_replayed()), (false, true));
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(first.json["lines"], second.json["lines"]);
    add("JUG").refused(422, "idempotency.key_reused").await;

    let miss = || {
        guest
            .post("/carts/current/lines", json!({"sku": "JUG"}))
            .key("missing")
    };
    let (first, second) = (miss().send().await, miss().send().await);
    assert_eq!((first.is_replayed(), second.is_replayed()), (false, true));
    first.expect_refused(404, "variant.not_found");
    second.expect_refused(404, "variant.not_found");
    let complete = guest.post("/carts/current/complete", json!({}));
    complete.refused(400, "idempotency.key_missing").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_described_route_is_there_and_staff_s_are_for_staff() {
    let edge = Edge::start().await;
    let guest = edge.guest();
    guest.post("/session", json!({})).ok(201).await;
    let document = guest.get("/openapi.json").ok(200).await;
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let path = path.strip_prefix("/api/v1").expect("below the API");
        for method in item.as_object().expect("methods").keys() {
            let method: reqwest::Method = method.to_uppercase().parse().expect("a method");
            let address = path.replace('{', "no-").replace('}', "");
            let answer = guest.call(method.clone(), &address).send().await;
            let code = answer.json["error"].as_str().unwrap_or_default().to_owned();
            assert!(!code.starts_with("route."), "{method} {path}: {code}");
            assert!(answer.status < 500, "{method} {path}: {}", answer.text);
            if path.starts_with("/admin") {
                answer.expect_refused(401, "auth.token_required");
            }
            seen += 1;
        }
    }
    assert!(50 < seen, "{seen} routes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_else_s_cart_and_order_do_not_exist() {
    let edge = Edge::start().await;
    edge.variant("MUG", 100).await;
    let (guest, other) = (edge.guest(), edge.guest());
    other.post("/session", json!({})).ok(201).await;
    let cart = guest
        .post("/carts/current/lines", json!({"sku": "MUG"}))
        .ok(200)
        .await;
    let path = format!("/carts/{}", cart["id"].as_str().expect("an id"));
    other.get(&path).refused(404, "cart.not_found").await;
    other
        .patch(&path, json!({"email": null}))
        .refused(404, "cart.not_found")
        .await;
    guest.stranger().get(&path).refused(404, "cart.not_found").await;
    other.get("/orders/1").refused(404, "order.not_found").await;
    other.get("/carts/cart_1").refused(404, "cart.not_found").await;
    edge.staff().get(&path).ok(200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cookie_is_for_the_server_alone_and_for_https_where_that_is_its_address() {
    async fn check(public_url: Option<&str>, expected: &str) {
        let options = layer::Options {
            public_url: public_url.map(str::to_owned),
            ..layer::Options::default()
        };
        let edge = Edge::start_with(&options).await;
        let opened = edge.guest().post("/carts", json!({})).send().await;
        let cookie = opened.header("set-cookie").expect("a cookie is set").to_owned();
        let (_, attributes) = cookie.split_once("; ").expect("it has attributes");
        assert_eq!(attributes, expected);
        assert_eq!(opened.status, 201);
    }
    let plain = "HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000";
    check(None, plain).await;
    check(Some("http://shop.example"), plain).await;
    check(Some("https://shop.example"), &format!("{plain}; Secure")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_reports_each_row_in_its_place() {
    let edge = Edge::start().await;
    let price = |text: &str| json!({"unit_price": text, "currency": "GBP"});
    let rows = json!({"rows": [
        {"row": 1, "sku": "A", "title": "Apple", "price": price("0.25"), "stock": 3},
        {"row": 2, "sku": "B", "price": price("0.0000001")},
        {"row": 3, "sku": "C", "status": "gone"},
        {"row": 4, "sku": "", "title": "Nameless"},
        {"row": 5, "sku": "D"},
    ]});
    let outcomes = |said: Value| -> Vec<String> {
        let results = said["results"].as_array().expect("results").clone();
        let row = |result: Value| {
            format!(
                "{} {}",
                result["row"],
                result["outcome"].as_str().unwrap_or_default()
            )
        };
        results.into_iter().map(row).collect()
    };
    let first = edge
        .staff()
        .post("/admin/catalog/import", rows.clone())
        .ok(200)
        .await;
    assert_eq!(first["results"][1]["error"], "catalog.unreadable_row");
    let refused = ["2 refused", "3 refused", "4 refused"];
    let expected = |good: &str| {
        let good = |row: u8| format!("{row} {good}");
        [
            good(1),
            refused[0].into(),
            refused[1].into(),
            refused[2].into(),
            good(5),
        ]
    };
    assert_eq!(outcomes(first), expected("created"));
    let second = edge.staff().post("/admin/catalog/import", rows).ok(200).await;
    assert_eq!(outcomes(second), expected("unchanged"));
    let found = edge.guest().get("/variants?sku=D").ok(200).await;
    assert_eq!(found["items"][0]["price"], Value::Null);
    assert_eq!(found["items"][0]["for_sale"], false);
    assert_eq!(found["items"][0]["available"], Value::Null);
}
