//! What happens to every request around its handler.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use super::{
    Around, BODY_BYTES_MAX, BODY_TOO_LARGE, Leftover, Options, REQUEST_TIMEOUT, STAFF_BODY_BYTES_MAX,
    UnderWay, end,
};
use crate::{
    health::{Condition, Part},
    problem::{self, Refused},
    router_test::{Edge, Reply, edge, part, refused, request},
};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Version};
use axum::response::Response;
use cartwright_domain::{Class, Detail, Problem, error::FieldErrors};
use futures::StreamExt;
use serde_json::json;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::Instant;

#[test]
fn every_class_has_its_status() {
    let check =
        |class: Class, expected: u16| assert_eq!(problem::status(class).0.as_u16(), expected, "{class:?}");
    check(Class::Malformed, 400);
    check(Class::Unauthenticated, 401);
    check(Class::PaymentDeclined, 402);
    check(Class::Forbidden, 403);
    check(Class::NotFound, 404);
    check(Class::Conflict, 409);
    check(Class::Stale, 412);
    check(Class::TooLarge, 413);
    check(Class::Invalid, 422);
    check(Class::TooMany, 429);
    check(Class::Internal, 500);
    check(Class::Unavailable, 503);
    check(Class::Timeout, 504);
    check(Class::InProgress, 409);
}

#[tokio::test]
async fn a_refusal_is_problem_json_with_its_numbers_and_when_to_try_again() {
    let reply = edge().get("/api/v1/refuse", &[("x-request-id", "r-1")]).await;
    let expected = json!({
        "type": "urn:cartwright:problem:cart.locked",
        "title": "The current state is in the way",
        "status": 409,
        "error": "cart.locked",
        "message": "the cart is being checked out",
        "details": {"checkout": "var_00000000000000000000000000000000", "retry_after": 3},
        "request_id": "r-1",
    });
    assert_eq!(reply.json(), expected);
    assert_eq!(reply.refusal(), refused(409, "cart.locked"));
    assert_eq!(reply.header("retry-after"), Some("3"));
}

#[tokio::test]
async fn what_passes_says_when_to_try_again_even_if_its_problem_does_not() {
    async fn check(refused: Refused, expected: Option<&str>) {
        let reply = Reply::read(refused.render("r")).await;
        assert_eq!(reply.header("retry-after"), expected, "{reply:?}");
    }
    let of = |class| Refused::new(class, "a.b", "text");
    check(of(Class::Unavailable), Some("1")).await;
    check(of(Class::TooMany), Some("1")).await;
    check(of(Class::Timeout), Some("1")).await;
    check(of(Class::InProgress), Some("1")).await;
    check(of(Class::Conflict), None).await;
    check(of(Class::Internal), None).await;
    check(
        Problem::new(Class::TooMany, "a.b", "text")
            .with("retry_after", 30_u64)
            .into(),
        Some("30"),
    )
    .await;
}

#[tokio::test]
async fn details_become_plain_json_and_bad_fields_stand_apart() {
    let mut fields = FieldErrors::default();
    fields.add("/sku", "too_long", "a SKU has at most 64 characters");
    let reply = Reply::read(Refused::from(fields).render("r")).await;
    let errors =
        json!([{"pointer": "/sku", "code": "too_long", "message": "a SKU has at most 64 characters"}]);
    assert_eq!((reply.status.as_u16(), &reply.json()["errors"]), (422, &errors));
    assert_eq!(reply.json()["details"], json!({}));

    let list = Detail::List(vec![Detail::Int(-1), Detail::Bool(true), "x".into()]);
    let nested = Detail::Object(vec![("list".to_owned(), list)]);
    let reply = Reply::read(
        Refused::from(Problem::new(Class::Conflict, "a.b", "text").with("now", nested)).render("r"),
    );
    assert_eq!(
        reply.await.json()["details"],
        json!({"now": {"list": [-1, true, "x"]}})
    );
}

#[tokio::test]
async fn what_axum_refuses_is_a_problem_too() {
    let edge = edge();
    assert_eq!(
        edge.get("/nowhere", &[]).await.refusal(),
        refused(404, "route.not_found")
    );
    assert_eq!(
        edge.get("/api/v1/nowhere", &[]).await.refusal(),
        refused(404, "route.not_found")
    );
    let reply = edge.ask(request("DELETE", "/api/v1/lines", &[], "")).await;
    assert_eq!(reply.refusal(), refused(405, "route.method_not_allowed"));
    assert_eq!(reply.header("allow"), Some("POST"));
}

#[tokio::test]
async fn a_page_of_another_origin_changes_nothing_unless_it_is_named() {
    const SHOP: &str = "https://www.example.com";
    let edge = Edge::new(&Options {
        origins: vec![HeaderValue::from_static(SHOP)],
        public_url: Some("https://api.example.com/shop".to_owned()),
        ..Options::default()
    });
    let check = async |method: &str, site: Option<&str>, origin: Option<&str>, is_refused: bool| {
        let headers = [("sec-fetch-site", site), ("origin", origin)];
        let headers = headers
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let headers: Vec<_> = headers.collect();
        let path = if method == "GET" {
            "/api/v1/me"
        } else {
            "/api/v1/lines"
        };
        let reply = edge.ask(request(method, path, &headers, "")).await;
        let is_told = reply.status.as_u16() == 403 && reply.refusal() == refused(403, "request.cross_site");
        assert_eq!(
            is_told, is_refused,
            "{method} {site:?} {origin:?}: {}",
            reply.status
        );
    };
    check("POST", None, None, false).await;
    // What a browser says that does not say more, be it old or the address one of plain HTTP.
    for (origin, is_refused) in [
        ("https://evil.example", true),
        ("null", true),
        (SHOP, false),
        ("https://api.example.com", false),
        ("https://api.example.com.evil.example", true),
        ("https://api", true),
        ("http://shop.example", false),
        ("http://shop.example:3000", true),
        ("https://API.example.com", false),
        ("http://shop.example:80", true),
    ] {
        check("POST", None, Some(origin), is_refused).await;
        check("GET", None, Some(origin), false).await;
    }
    // What stands in front may name the port that an origin leaves out.
    let headers = [("origin", "http://shop.example"), ("host", "shop.example:80")];
    let reply = edge.ask(request("POST", "/api/v1/lines", &headers, "")).await;
    assert_ne!(reply.status.as_u16(), 403);
    check(
        "POST",
        Some("same-origin"),
        Some("https://api.example.com"),
        false,
    )
    .await;
    check("POST", Some("none"), None, false).await;
    check("POST", Some("cross-site"), Some("https://evil.example"), true).await;
    check("POST", Some("cross-site"), Some("null"), true).await;
    check("POST", Some("same-site"), Some("https://blog.example.com"), true).await;
    check("POST", Some("same-site"), None, true).await;
    check("POST", Some("same-site"), Some(SHOP), false).await;
    check("POST", Some("cross-site"), Some(SHOP), false).await;
    check("GET", Some("cross-site"), None, false).await;
}

#[tokio::test]
async fn a_request_names_its_host_once() {
    let edge = edge();
    let ask = async |hosts: &[&str], version: Version| {
        let headers: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
        let mut request = request("GET", "/api/v1/me", &headers, "");
        if hosts.is_empty() {
            request.headers_mut().remove("host");
        }
        *request.version_mut() = version;
        edge.ask(request).await
    };
    for host in [
        "",
        "shop.example",
        "127.0.0.1:8080",
        "[::1]:80",
        "xn--mller-kva.example",
    ] {
        assert_eq!(ask(&[host], Version::HTTP_11).await.text, "anonymous", "{host}");
    }
    for hosts in [
        &[] as &[&str],
        &["a.example", "a.example"],
        &["a b/c"],
        &["ada@a.example"],
    ] {
        let reply = ask(hosts, Version::HTTP_11).await;
        assert_eq!(
            reply.refusal(),
            refused(400, "request.host_malformed"),
            "{hosts:?}"
        );
    }
    assert_eq!(ask(&[], Version::HTTP_10).await.text, "anonymous");
}

#[tokio::test]
async fn a_panic_answers_500_without_its_text() {
    let reply = edge().get("/api/v1/panic", &[]).await;
    assert_eq!(reply.refusal(), refused(500, "engine.internal"));
    assert!(!reply.text.contains("secret"), "{}", reply.text);
}

#[tokio::test(start_paused = true)]
async fn a_request_past_its_time_answers_504() {
    let began = Instant::now();
    let reply = edge().get("/api/v1/hang", &[]).await;
    assert_eq!(reply.refusal(), refused(504, "request.timeout"));
    assert_eq!(began.elapsed(), REQUEST_TIMEOUT);
    let short = Options {
        request_timeout: Duration::from_secs(2),
        ..Options::default()
    };
    let began = Instant::now();
    assert_eq!(
        Edge::new(&short).get("/api/v1/hang", &[]).await.status.as_u16(),
        504
    );
    assert_eq!(began.elapsed(), Duration::from_secs(2));
}

#[tokio::test]
async fn what_a_refusal_leaves_of_a_body_ends_its_connection() {
    let check = async |method: &str, path: &str, body: &str, status: u16, closes: Option<&str>| {
        let headers = [("content-type", "application/json")];
        let reply = edge().ask(request(method, path, &headers, body)).await;
        assert_eq!(reply.status.as_u16(), status, "{method} {path}");
        assert_eq!(reply.header("connection"), closes, "{method} {path} {body}");
    };
    let line = r#"{"sku":"A"}"#;
    check("POST", "/api/v1/lines", line, 200, None).await;
    check("POST", "/api/v1/lines", "{", 400, None).await;
    check("POST", "/api/v1/nothing", line, 404, Some("close")).await;
    check("POST", "/api/v1/nothing", "", 404, None).await;
    check("DELETE", "/api/v1/lines", line, 405, Some("close")).await;
    // Many clients send a body to whoever wants none.
    check("GET", "/api/v1/me", line, 200, None).await;
    check("GET", "/api/v1/me", "", 200, None).await;
}

#[tokio::test]
async fn a_body_may_be_as_large_as_its_route_takes() {
    async fn check(path: &str, bytes: usize, expected: u16) {
        let frame = r#"{"sku":""}"#.len();
        let body = format!(r#"{{"sku":"{}"}}"#, "x".repeat(bytes - frame));
        assert_eq!(body.len(), bytes);
        let reply = edge().post(path, &body).await;
        assert_eq!(reply.status.as_u16(), expected, "{path} {bytes}");
        if expected != 200 {
            assert_eq!(reply.refusal(), refused(413, "request.too_large"));
        }
        // Of what is refused it may not all have been read.
        let closes = (expected != 200).then_some("close");
        assert_eq!(reply.header("connection"), closes);
    }
    for most in [BODY_BYTES_MAX, STAFF_BODY_BYTES_MAX] {
        assert!(BODY_TOO_LARGE.contains(&format!("{} MiB", most >> 20)));
    }
    check("/api/v1/lines", BODY_BYTES_MAX, 200).await;
    check("/api/v1/lines", BODY_BYTES_MAX + 1, 413).await;
    check("/api/v1/admin/lines", BODY_BYTES_MAX + 1, 200).await;
    check("/api/v1/admin/lines", STAFF_BODY_BYTES_MAX, 200).await;
    check("/api/v1/admin/lines", STAFF_BODY_BYTES_MAX + 1, 413).await;
}

#[tokio::test]
async fn a_plain_request_id_is_kept_and_any_other_replaced() {
    async fn check(given: &str, kept: bool) {
        let reply = edge().get("/health/live", &[("x-request-id", given)]).await;
        let answered = reply.header("x-request-id").unwrap();
        if kept {
            assert_eq!(answered, given);
        } else {
            assert!(
                answered.len() == 32 && answered.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{answered}"
            );
        }
    }
    check("a-B_9.:", true).await;
    check(&"x".repeat(128), true).await;
    check(&"x".repeat(129), false).await;
    check("", false).await;
    check("a b", false).await;
    check("\"a\"", false).await;
    let edge = edge();
    let first = edge.get("/health/live", &[]).await;
    let second = edge.get("/health/live", &[]).await;
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

#[tokio::test]
async fn pages_of_configured_origins_may_call_and_no_others() {
    async fn check(origins: &[&'static str], origin: &str, expected: Option<&str>) {
        let origins = origins.iter().copied().map(HeaderValue::from_static).collect();
        let edge = Edge::new(&Options {
            origins,
            ..Options::default()
        });
        let asks = ("access-control-request-method", "POST");
        let preflight = edge
            .ask(request(
                "OPTIONS",
                "/api/v1/lines",
                &[("origin", origin), asks],
                "",
            ))
            .await;
        assert_eq!(
            preflight.header("access-control-allow-origin"),
            expected,
            "{origin}"
        );
        let reply = edge.get("/api/v1/refuse", &[("origin", origin)]).await;
        assert_eq!(reply.header("access-control-allow-origin"), expected, "{origin}");
        if expected.is_some() {
            assert_eq!(reply.header("access-control-allow-credentials"), Some("true"));
            let exposed = reply.header("access-control-expose-headers").unwrap();
            assert!(exposed.split(',').any(|name| name == "etag"), "{exposed}");
        }
    }
    let shop = "https://shop.example";
    check(&[shop], shop, Some(shop)).await;
    check(
        &[shop, "https://other.example"],
        "https://other.example",
        Some("https://other.example"),
    )
    .await;
    check(&[shop], "https://evil.example", None).await;
    check(&[], shop, None).await;
}

#[tokio::test(start_paused = true)]
async fn pages_of_configured_origins_can_read_what_is_answered_in_place_of_a_handler() {
    async fn check(path: &str, expected: (u16, String)) {
        let shop = "https://shop.example";
        let edge = Edge::new(&Options {
            origins: vec![HeaderValue::from_static(shop)],
            ..Options::default()
        });
        let reply = edge.get(path, &[("origin", shop)]).await;
        assert_eq!(reply.refusal(), expected);
        assert_eq!(reply.header("access-control-allow-origin"), Some(shop), "{path}");
    }
    check("/api/v1/hang", refused(504, "request.timeout")).await;
    check("/api/v1/panic", refused(500, "engine.internal")).await;
}

#[tokio::test]
async fn every_answer_tells_browsers_what_not_to_do() {
    let plain = edge();
    for path in ["/health/live", "/nowhere", "/api/v1/panic"] {
        let reply = plain.get(path, &[]).await;
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(reply.header("strict-transport-security"), None, "{path}");
    }
    let https = Edge::new(&Options {
        public_url: Some("https://shop.example".to_owned()),
        ..Options::default()
    });
    let stays = https.get("/health/live", &[]).await;
    assert_eq!(
        stays.header("strict-transport-security"),
        Some("max-age=63072000")
    );
}

#[tokio::test]
async fn health_is_as_its_worst_part() {
    async fn check(parts: &[Part], status: u16, expected: &str) {
        let edge = Edge::with_parts(&Options::default(), parts.to_vec());
        let reply = edge.get("/health/ready", &[]).await;
        assert_eq!(
            (reply.status.as_u16(), reply.json()["status"].as_str()),
            (status, Some(expected))
        );
        let named = reply.json()["parts"].as_array().map(Vec::len);
        assert_eq!(named, Some(parts.len()));
        assert_eq!(edge.get("/health/live", &[]).await.status.as_u16(), 200);
    }
    let (store, mail) = (part("store", Condition::Ok), part("mail", Condition::Degraded));
    check(&[], 200, "ok").await;
    check(std::slice::from_ref(&store), 200, "ok").await;
    check(&[store, mail.clone()], 200, "degraded").await;
    let silent = Part {
        message: Some("the disk is full".to_owned()),
        ..part("store", Condition::Unhealthy)
    };
    check(&[mail, silent.clone()], 503, "unhealthy").await;
    let edge = Edge::with_parts(&Options::default(), vec![silent, part("mail", Condition::Ok)]);
    let expected = json!({"status": "unhealthy", "parts": [
        {"name": "store", "status": "unhealthy", "message": "the disk is full"},
        {"name": "mail", "status": "ok"},
    ]});
    assert_eq!(edge.get("/health/ready", &[]).await.json(), expected);
}

#[tokio::test]
async fn what_staff_change_comes_to_its_end_though_nobody_waits_for_it() {
    let is_owed = |method: &str, path: &str| end::is_owed(&request(method, path, &[], ""));
    assert!(is_owed("POST", "/api/v1/admin/customers"));
    assert!(is_owed("DELETE", "/api/v1/admin/price-lists/1"));
    assert!(!is_owed("GET", "/api/v1/admin/customers"));
    assert!(!is_owed("POST", "/api/v1/carts/current/lines"), "one commit");
    let by_staff = request(
        "POST",
        "/api/v1/carts/current/lines",
        &[("authorization", "Bearer x")],
        "",
    );
    assert!(end::is_owed(&by_staff), "a cart and its line");
    let (told, heard) = tokio::sync::oneshot::channel();
    let handler = async move {
        tokio::task::yield_now().await;
        told.send(()).expect("somebody hears it");
        Response::default()
    };
    let under_way = UnderWay::default();
    let mut waited_for = Box::pin(under_way.clone().reach(handler));
    assert!(futures::poll!(&mut waited_for).is_pending());
    drop(waited_for);
    under_way.ended().await;
    heard.await.expect("it came to its end");
    let refused = under_way.reach(async { Response::default() }).await;
    assert_eq!(refused.status().as_u16(), 503, "nothing is begun any more");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_coming_is_cut_off_and_no_other() {
    let in_a_second = || Instant::now() + Duration::from_secs(1);
    let pieces = || {
        futures::stream::iter(
            ["{", "}"].map(|piece| Ok::<_, Infallible>(Bytes::from_static(piece.as_bytes()))),
        )
    };
    let whole = end::in_time(Body::from_stream(pieces()), in_a_second());
    assert_eq!(axum::body::to_bytes(whole, 2).await.unwrap(), "{}");
    let cut = pieces().chain(futures::stream::pending());
    let cut = end::in_time(Body::from_stream(cut), in_a_second());
    let error = axum::body::to_bytes(cut, 2).await.unwrap_err();
    assert!(error.to_string().contains("elapsed"), "{error}");
}

#[test]
fn what_is_around_a_handler_takes_little_room() {
    const BYTES_MAX: usize = 2_048;
    let around = Around::new(Router::new(), &Options::default());
    let (leftover, body) = Leftover::watch(Body::empty());
    let bytes = size_of_val(&around.answer(Request::new(Body::new(body)), leftover));
    let where_from = "every request has it copied into a box, and holds it while it waits for the disk";
    assert!(bytes <= BYTES_MAX, "{bytes} bytes: {where_from}");
}
