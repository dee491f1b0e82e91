//! The edge around a toy API, asked without a socket.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::{
    auth::StaffKeys,
    extract::{
        Access, Anyone, Call, FoundSession, Id, IdempotencyKey, IfMatch, Json, Page, Prefer,
        RequiredIdempotencyKey, SessionCookie, Sessions, StaffOnly,
    },
    health::{Condition, Health, Part},
    layer,
    problem::Refused,
    router,
};
use axum::{
    body::Body,
    extract::FromRef,
    http::{HeaderMap, Request, Response, StatusCode, header},
    routing::{any, get, post},
};
use cartwright_domain::{
    Class, Problem, Timestamp,
    caller::Role,
    id::{SessionId, VariantId},
    inventory::StockItem,
};
use futures::future::BoxFuture;
use http_body_util::BodyExt;
use hyper::service::Service;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{future, sync::Arc, time::Duration};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_500);
pub(crate) const SESSION: SessionId = SessionId(Uuid::from_u128(7));

/// How long a browser keeps a session's cookie: 30 days.
const LIFETIME: Duration = Duration::from_secs(2_592_000);

/// Knows two cookies: `good`, and `old`, which is to be renewed.
pub(crate) struct TwoSessions;

impl Sessions for TwoSessions {
    fn find<'a>(&'a self, cookie: &'a str) -> BoxFuture<'a, Result<Option<FoundSession>, Problem>> {
        let found = match cookie {
            "good" => Ok(Some(FoundSession {
                id: SESSION,
                renew: None,
            })),
            "old" => Ok(Some(FoundSession {
                id: SESSION,
                renew: Some(LIFETIME),
            })),
            "unreadable" => Err(Problem::new(Class::Unavailable, "engine.overloaded", "not now")),
            _ => Ok(None),
        };
        Box::pin(future::ready(found))
    }

    fn now(&self) -> Timestamp {
        NOW
    }
}

pub(crate) struct Parts(Vec<Part>);

impl Health for Parts {
    fn parts(&self) -> BoxFuture<'_, Vec<Part>> {
        Box::pin(future::ready(self.0.clone()))
    }
}

#[derive(Clone)]
pub(crate) struct Toy {
    pub(crate) access: Access,
}

impl FromRef<Toy> for Access {
    fn from_ref(toy: &Toy) -> Self {
        toy.access.clone()
    }
}

#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
struct Line {
    sku: String,
    #[serde(default)]
    quantity: u32,
    #[serde(default)]
    options: Vec<Opt>,
}

#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
struct Opt {
    value: u8,
}

/// Answers what it was sent.
#[utoipa::path(post, path = "/api/v1/lines", responses((status = OK, body = Line)))]
async fn lines(Json { value, .. }: Json<Line>) -> axum::Json<Line> {
    axum::Json(value)
}

/// Answers who asks.
#[utoipa::path(get, path = "/api/v1/admin/me", responses((status = OK, body = String)))]
async fn staff_me(StaffOnly(caller): StaffOnly) -> String {
    caller.name()
}

pub(crate) struct Edge {
    around: layer::Around,
    pub(crate) keys: Arc<StaffKeys>,
    _home: tempfile::TempDir,
}

impl Edge {
    pub(crate) fn new(options: &layer::Options) -> Self {
        Self::with_parts(options, Vec::new())
    }

    pub(crate) fn with_parts(options: &layer::Options, parts: Vec<Part>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (keys, _) = StaffKeys::load_or_create(home.path()).unwrap();
        let keys = Arc::new(keys);
        let access = Access::new(TwoSessions, Arc::clone(&keys));
        let around = router::assemble(api(Toy { access }), Arc::new(Parts(parts)), options).unwrap();
        Self {
            around,
            keys,
            _home: home,
        }
    }

    pub(crate) fn token(&self) -> String {
        self.keys.issue("ada", Role::Admin, 30, NOW).unwrap()
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Reply {
        let response = self.around.call(request).await.unwrap();
        Reply::read(response).await
    }

    /// Asks with the headers given, without a body.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.ask(request("GET", path, headers, "")).await
    }

    /// Posts JSON.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Reply {
        self.ask(request(
            "POST",
            path,
            &[("content-type", "application/json")],
            body,
        ))
        .await
    }
}

pub(crate) fn edge() -> Edge {
    Edge::new(&layer::Options::default())
}

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "shop.example");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            status: parts.status,
            headers: parts.headers,
            text,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Returns status and code of a refusal, whose form it checks.
    pub(crate) fn refusal(&self) -> (u16, String) {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let json = self.json();
        assert_eq!(json["status"], self.status.as_u16(), "{self:?}");
        let code = json["error"].as_str().unwrap();
        assert_eq!(json["type"], format!("urn:cartwright:problem:{code}"));
        assert_eq!(
            json["request_id"].as_str(),
            self.header("x-request-id"),
            "{self:?}"
        );
        assert!(json["title"].is_string() && json["message"].is_string() && json["details"].is_object());
        (self.status.as_u16(), code.to_owned())
    }
}

pub(crate) fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// The toy: a route for everything the edge offers to handlers.
fn api(toy: Toy) -> OpenApiRouter {
    let undescribed = OpenApiRouter::new()
        .route("/admin/lines", post(lines))
        .route("/me", get(|Anyone(caller): Anyone| async move { caller.name() }))
        .route("/both", get(both))
        .route(
            "/if-match",
            any(|IfMatch(revision): IfMatch| async move { format!("{revision:?}") }),
        )
        .route(
            "/key",
            post(|IdempotencyKey(key): IdempotencyKey| async move { format!("{key:?}") }),
        )
        .route(
            "/required-key",
            post(|RequiredIdempotencyKey(key): RequiredIdempotencyKey| async move { key }),
        )
        .route(
            "/prefer",
            get(|prefer: Prefer| async move { format!("{prefer:?}") }),
        )
        .route(
            "/page",
            get(|Page(page): Page| async move {
                format!(
                    "{} {:?}",
                    page.limit,
                    page.cursor.map(|cursor| cursor.to_string())
                )
            }),
        )
        .route(
            "/stock/{id}",
            get(|Id(id): Id<StockItem>| async move { id.to_string() }),
        )
        .route("/call", post(call).get(call))
        .route(
            "/sign-in",
            post(|cookie: SessionCookie| async move { cookie.set("fresh", LIFETIME) }),
        )
        .route(
            "/sign-out",
            post(|cookie: SessionCookie| async move { cookie.clear() }),
        )
        .route("/refuse", get(refuse))
        .route("/panic", get(panics))
        .route("/hang", get(future::pending::<()>));
    let every = OpenApiRouter::new()
        .routes(routes!(lines))
        .routes(routes!(staff_me))
        .nest("/api/v1", undescribed);
    every.with_state(toy)
}

async fn both(Anyone(caller): Anyone) -> String {
    let staff = caller.staff.as_ref().map(|staff| staff.subject.clone());
    format!("{:?} {staff:?}", caller.session.map(|id| id.to_string()))
}

async fn call(call: Call) -> String {
    let request = call.request(b"body");
    let key = request.idempotency.map(|idempotency| idempotency.key);
    format!("{} {:?} {key:?}", request.caller.name(), request.if_match)
}

async fn refuse() -> Result<(), Refused> {
    Err(
        Problem::new(Class::Conflict, "cart.locked", "the cart is being checked out")
            .with("checkout", VariantId(Uuid::nil()).to_string())
            .with("retry_after", 3_u64)
            .into(),
    )
}

async fn panics() {
    panic!("the secret of {}", "the house");
}

pub(crate) fn part(name: &'static str, status: Condition) -> Part {
    Part {
        name,
        status,
        message: None,
    }
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

pub(crate) fn set_cookie(reply: &Reply) -> Option<&str> {
    reply.header(header::SET_COOKIE.as_str())
}

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
    assert_eq!(lines["security"], json!([{"session": []}, {"staff": []}, {}]));
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
    async fn check(host: &str, shown: &str) {
        let reply = edge().get("/", &[("host", host)]).await;
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
    check("shop.example:8080", "shop.example:8080").await;
    check("[::1]:80", "[::1]:80").await;
    check("shop.example&'", "127.0.0.1:8080").await;
    check("", "127.0.0.1:8080").await;
    let refused = edge().get("/", &[("host", "<script>")]).await;
    assert_eq!(refused.refusal(), self::refused(400, "request.host_malformed"));
}

#[tokio::test]
async fn the_page_shows_addresses_below_the_public_one_where_there_is_one() {
    let edge = Edge::new(&layer::Options {
        public_url: Some("https://shop.example/a&b".to_owned()),
        ..layer::Options::default()
    });
    let reply = edge.get("/", &[("host", "127.0.0.1:8080")]).await;
    for shown in [
        "-X POST https://shop.example/a&amp;b/api/v1/carts\n",
        "curl https://shop.example/a&amp;b/api/v1/products<",
        r#"href="https://shop.example/a&amp;b/api/v1/openapi.json""#,
    ] {
        assert!(reply.text.contains(shown), "{}", reply.text);
    }
    assert!(!reply.text.contains("127.0.0.1"), "{}", reply.text);
}
