//! The edge around a toy API, asked without a socket.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod auth;
mod extract;
mod layers;
mod reference;
mod server;

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
    Router,
    body::Body,
    extract::FromRef,
    http::{HeaderMap, Request, Response, StatusCode, header},
    routing::{get, post},
};
use cartwright_domain::{
    Class, Problem, Timestamp,
    caller::Role,
    id::{SessionId, VariantId},
    inventory::StockItem,
};
use futures::future::BoxFuture;
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{future, sync::Arc};
use tower::ServiceExt;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_500);
const SESSION: SessionId = SessionId(Uuid::from_u128(7));

/// Knows two cookies: `good`, and `old`, which is to be renewed.
struct TwoSessions;

impl Sessions for TwoSessions {
    fn find<'a>(&'a self, cookie: &'a str) -> BoxFuture<'a, Result<Option<FoundSession>, Problem>> {
        let found = match cookie {
            "good" => Ok(Some(FoundSession {
                id: SESSION,
                renew: false,
            })),
            "old" => Ok(Some(FoundSession {
                id: SESSION,
                renew: true,
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

struct Parts(Vec<Part>);

impl Health for Parts {
    fn parts(&self) -> BoxFuture<'_, Vec<Part>> {
        Box::pin(future::ready(self.0.clone()))
    }
}

#[derive(Clone)]
struct Toy {
    access: Access,
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
#[utoipa::path(post, path = "/lines", responses((status = OK, body = Line)))]
async fn lines(Json { value, .. }: Json<Line>) -> axum::Json<Line> {
    axum::Json(value)
}

/// Answers who asks.
#[utoipa::path(get, path = "/admin/me", responses((status = OK, body = String)))]
async fn staff_me(StaffOnly(caller): StaffOnly) -> String {
    caller.name()
}

struct Edge {
    router: Router,
    keys: Arc<StaffKeys>,
    _home: tempfile::TempDir,
}

impl Edge {
    fn new(options: &layer::Options) -> Self {
        Self::with_parts(options, Vec::new())
    }

    fn with_parts(options: &layer::Options, parts: Vec<Part>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (keys, _) = StaffKeys::load_or_create(home.path()).unwrap();
        let keys = Arc::new(keys);
        let access = Access {
            sessions: Arc::new(TwoSessions),
            staff: Arc::clone(&keys),
        };
        let router = router::assemble(api(Toy { access }), Arc::new(Parts(parts)), options).unwrap();
        Self {
            router,
            keys,
            _home: home,
        }
    }

    fn token(&self) -> String {
        self.keys.issue("ada", Role::Admin, 30, NOW).unwrap()
    }

    async fn ask(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        Reply::read(response).await
    }

    /// Asks with the headers given, without a body.
    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.ask(request("GET", path, headers, "")).await
    }

    /// Posts JSON.
    async fn post(&self, path: &str, body: &str) -> Reply {
        self.ask(request(
            "POST",
            path,
            &[("content-type", "application/json")],
            body,
        ))
        .await
    }
}

fn edge() -> Edge {
    Edge::new(&layer::Options::default())
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

/// An answer, read whole.
#[derive(Debug)]
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Reply {
    async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            status: parts.status,
            headers: parts.headers,
            text,
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Returns status and code of a refusal, whose form it checks.
    fn refusal(&self) -> (u16, String) {
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

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// The toy: a route for everything the edge offers to handlers.
fn api(toy: Toy) -> OpenApiRouter {
    let every = OpenApiRouter::new()
        .routes(routes!(lines))
        .routes(routes!(staff_me))
        .route("/import", post(lines).layer(layer::import_body_limit()))
        .route("/me", get(|Anyone(caller): Anyone| async move { caller.name() }))
        .route("/both", get(both))
        .route(
            "/if-match",
            get(|IfMatch(revision): IfMatch| async move { format!("{revision:?}") }),
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
            get(|page: Page| async move { format!("{} {:?}", page.limit, page.cursor) }),
        )
        .route(
            "/stock/{id}",
            get(|Id(id): Id<StockItem>| async move { id.to_string() }),
        )
        .route("/call", post(call).get(call))
        .route(
            "/sign-in",
            post(|cookie: SessionCookie| async move { cookie.set("fresh") }),
        )
        .route(
            "/sign-out",
            post(|cookie: SessionCookie| async move { cookie.clear() }),
        )
        .route("/refuse", get(refuse))
        .route("/panic", get(panics))
        .route("/hang", get(future::pending::<()>));
    every.with_state(toy)
}

async fn both(Anyone(caller): Anyone) -> String {
    let staff = caller.staff.as_ref().map(|staff| staff.subject.clone());
    format!("{:?} {staff:?}", caller.session.map(|id| id.to_string()))
}

async fn call(call: Call) -> String {
    let ask = call.ask();
    let same = call.fingerprint(b"body") == call.fingerprint(b"body");
    format!("{} {:?} {:?} {same}", ask.caller.name(), ask.if_match, call.key)
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

fn part(name: &'static str, status: Condition) -> Part {
    Part {
        name,
        status,
        message: None,
    }
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn set_cookie(reply: &Reply) -> Option<&str> {
    reply.header(header::SET_COOKIE.as_str())
}
