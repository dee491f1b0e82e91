//! What handlers take from a request.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use super::{Access, Call, IDEMPOTENCY_KEY_LENGTH_MAX, cookie, etag};
use crate::{
    layer,
    router_test::{Edge, Toy, TwoSessions, bearer, edge, refused, request, set_cookie},
};
use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, Request, header},
};
use cartwright_domain::{EntityId, Kind, Revision, Timestamp, caller::Role, id::StockItemId};
use std::sync::Arc;
use uuid::Uuid;

#[tokio::test]
async fn a_body_is_read_or_refused_at_its_field() {
    /// Status, code, and each bad field with its own code.
    type Refusal<'a> = (u16, &'a str, &'a [(&'a str, &'a str)]);
    async fn check(body: &str, expected: Result<&str, Refusal<'_>>) {
        let reply = edge().post("/api/v1/lines", body).await;
        match expected {
            Ok(sku) => assert_eq!(reply.json()["sku"], sku, "{body}"),
            Err((status, code, fields)) => {
                assert_eq!(reply.refusal(), refused(status, code), "{body}");
                let errors = reply.json()["errors"].as_array().cloned().unwrap_or_default();
                let found: Vec<_> = errors
                    .iter()
                    .map(|error| (error["pointer"].as_str(), error["code"].as_str()))
                    .collect();
                let expected: Vec<_> = fields
                    .iter()
                    .map(|(pointer, code)| (Some(*pointer), Some(*code)))
                    .collect();
                assert_eq!(found, expected, "{body}");
            }
        }
    }
    let invalid = "request.invalid_fields";
    check(r#"{"sku":"A","quantity":2}"#, Ok("A")).await;
    check(r#"{"sku":"A","unknown":2}"#, Ok("A")).await;
    check("", Err((400, invalid, &[("/sku", "missing")]))).await;
    check("{}", Err((400, invalid, &[("/sku", "missing")]))).await;
    check("[]", Err((400, invalid, &[("", "wrong_type")]))).await;
    check(r#"{"sku":1}"#, Err((400, invalid, &[("/sku", "wrong_type")]))).await;
    check(
        r#"{"sku":"A","quantity":-1}"#,
        Err((400, invalid, &[("/quantity", "wrong_type")])),
    )
    .await;
    check(
        r#"{"sku":"A","quantity":1.5}"#,
        Err((400, invalid, &[("/quantity", "wrong_type")])),
    )
    .await;
    let second = r#"{"sku":"A","options":[{"value":1},{"value":"x"}]}"#;
    check(second, Err((400, invalid, &[("/options/1/value", "wrong_type")]))).await;
    check(
        r#"{"sku":"A","options":[{}]}"#,
        Err((400, invalid, &[("/options/0/value", "missing")])),
    )
    .await;
    for text in ["{", "nonsense", r#"{"sku":"A"} x"#, r#"{"sku":"A""#] {
        check(text, Err((400, "request.malformed_json", &[]))).await;
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_told_why() {
    let deep = format!(r#"{{"sku":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    let unread = [
        ("{", "EOF while parsing an object, line 1, column 1"),
        (r#"{"quantity":1e400}"#, "number out of range, line 1, column 17"),
        (&deep, "recursion limit exceeded, line 1, column 134"),
    ];
    for (body, why) in unread {
        let reply = edge().post("/api/v1/lines", body).await;
        let message = format!("the body cannot be read as JSON: {why}");
        assert_eq!(reply.json()["message"], message, "{body}");
    }
}

#[tokio::test]
async fn a_field_s_message_is_for_a_person() {
    async fn check(body: &str, expected: &[(&str, &str)]) {
        let reply = edge().post("/api/v1/lines", body).await;
        assert_eq!(reply.refusal(), refused(400, "request.invalid_fields"), "{body}");
        assert_eq!(messages(&reply.json()), expected, "{body}");
    }
    let whole = "must be a whole number from 0 to 4294967295";
    check(r#"{"sku":1}"#, &[("/sku", "must be a text")]).await;
    check(r#"{"sku":"A","quantity":-1}"#, &[("/quantity", whole)]).await;
    check(r#"{"sku":"A","quantity":"x"}"#, &[("/quantity", whole)]).await;
    check(r#"{"sku":"A","options":3}"#, &[("/options", "must be a list")]).await;
    check(
        r#"{"sku":"A","options":[3]}"#,
        &[("/options/0", "must be an object")],
    )
    .await;
    check(
        r#"{"sku":"A","options":[{"value":1},[2]]}"#,
        &[("/options/1", "must be an object")],
    )
    .await;
    check("3", &[("", "must be an object")]).await;
    check(" []", &[("", "must be an object")]).await;
    check(r#"["A"]"#, &[("", "must be an object")]).await;
    check(r#"{"sku":"A","sku":"B"}"#, &[("/sku", "sku must be given once")]).await;
}

#[tokio::test]
async fn every_field_that_cannot_be_read_is_named() {
    async fn check(body: &str, expected: &[&str]) {
        let reply = edge().post("/api/v1/lines", body).await;
        let reply = reply.json();
        let mut pointers: Vec<&str> = messages(&reply).into_iter().map(|(pointer, _)| pointer).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, expected, "{body}");
    }
    check(
        r#"{"quantity":"x","sku":5,"options":3}"#,
        &["/options", "/quantity", "/sku"],
    )
    .await;
    check(r#"{"quantity":"x","sku":5,"unknown":3}"#, &["/quantity", "/sku"]).await;
    check(r#"{"quantity":"x"}"#, &["/quantity", "/sku"]).await;
    check(
        r#"{"options":[{"value":1},{"value":"x"}]}"#,
        &["/options/1/value", "/sku"],
    )
    .await;
}

#[tokio::test]
async fn a_query_that_cannot_be_read_names_its_parameter() {
    let reply = edge().get("/api/v1/page?limit=1&limit=2", &[]).await;
    assert_eq!(reply.refusal(), refused(400, "request.query_malformed"));
    let expected = [("/limit", "limit must be given once")];
    assert_eq!(messages(&reply.json()), expected);
}

/// Returns the bad fields of a refusal, and what is said of each.
fn messages(reply: &serde_json::Value) -> Vec<(&str, &str)> {
    let errors = reply["errors"].as_array().into_iter().flatten();
    errors
        .map(|error| {
            (
                error["pointer"].as_str().unwrap(),
                error["message"].as_str().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_body_must_say_that_it_is_json() {
    async fn check(kind: Option<&str>, expected: u16) {
        let headers: Vec<_> = kind.into_iter().map(|kind| ("content-type", kind)).collect();
        let reply = edge()
            .ask(request("POST", "/api/v1/lines", &headers, r#"{"sku":"A"}"#))
            .await;
        assert_eq!(reply.status.as_u16(), expected, "{kind:?}");
        if expected != 200 {
            assert_eq!(reply.refusal(), refused(415, "request.not_json"));
        }
    }
    check(Some("application/json"), 200).await;
    check(Some("Application/JSON; charset=utf-8"), 200).await;
    check(Some("application/vnd.shop+json"), 200).await;
    check(Some("application/merge-patch+json"), 415).await;
    check(Some("application/json-patch+json; charset=utf-8"), 415).await;
    check(Some("text/plain"), 415).await;
    check(None, 415).await;
    for (header, coding, code) in [
        ("content-encoding", "gzip", "request.encoded"),
        ("content-encoding", "Identity", ""),
        ("transfer-encoding", "Chunked", ""),
        ("transfer-encoding", "gzip, chunked", "request.encoded"),
        ("transfer-encoding", "chunked, chunked", "request.encoded"),
    ] {
        let headers = [("content-type", "application/json"), (header, coding)];
        let body = r#"{"sku":"A"}"#;
        let reply = edge().ask(request("POST", "/api/v1/lines", &headers, body)).await;
        match code {
            "" => assert_eq!(reply.status.as_u16(), 200),
            code => assert_eq!(reply.refusal(), refused(415, code)),
        }
    }
}

#[tokio::test]
async fn ownership_comes_from_the_cookie_and_permission_from_the_token() {
    async fn check(cookie: Option<&str>, with_token: bool, expected: &str) {
        let edge = edge();
        let token = bearer(&edge.token());
        let mut headers: Vec<_> = cookie.into_iter().map(|cookie| ("cookie", cookie)).collect();
        if with_token {
            headers.push(("authorization", token.as_str()));
        }
        assert_eq!(
            edge.get("/api/v1/both", &headers).await.text,
            expected,
            "{cookie:?} {with_token}"
        );
    }
    let (session, staff) = (
        r#"Some("sess_00000000000000000000000000000007")"#,
        r#"Some("ada")"#,
    );
    check(None, false, "None None").await;
    check(Some("cartwright_session=good"), false, &format!("{session} None")).await;
    check(
        Some("theme=dark; cartwright_session=good; x=y"),
        false,
        &format!("{session} None"),
    )
    .await;
    check(Some("xcartwright_session=good"), false, "None None").await;
    check(Some("cartwright_session=ended"), false, "None None").await;
    check(Some("cartwright_session="), false, "None None").await;
    // Of an earlier path or domain, in whatever order the browser sends them.
    let both = "cartwright_session=ended; cartwright_session=good";
    check(Some(both), false, &format!("{session} None")).await;
    check(None, true, &format!("None {staff}")).await;
    check(
        Some("cartwright_session=good"),
        true,
        &format!("{session} {staff}"),
    )
    .await;
}

#[test]
fn a_session_is_found_beside_cookies_of_any_bytes() {
    fn check(line: &[u8], expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
        assert_eq!(
            cookie::sessions(&headers).next(),
            expected,
            "{}",
            line.escape_ascii()
        );
    }
    check("name=Zoë; cartwright_session=good".as_bytes(), Some("good"));
    check(b"cartwright_session=good; name=Zo\xeb", Some("good"));
    check(b"Zo\xeb;cartwright_session=good;x", Some("good"));
    check(b"cartwright_session=a=b", Some("a=b"));
    check(b"cartwright_session=\xeb", None);
    check(b"cartwright_sessions=good; cartwright_session", None);
}

#[tokio::test]
async fn a_session_that_cannot_be_looked_up_is_not_taken_for_none() {
    let reply = edge()
        .get("/api/v1/both", &[("cookie", "cartwright_session=unreadable")])
        .await;
    assert_eq!(reply.refusal(), refused(503, "engine.overloaded"));
}

#[tokio::test]
async fn staff_routes_are_for_valid_tokens_and_a_bad_token_is_refused_everywhere() {
    let edge = edge();
    let valid = bearer(&edge.token());
    let expired = bearer(
        &edge
            .keys
            .issue("ada", Role::Admin, 1, Timestamp::default())
            .unwrap(),
    );
    let other = bearer(&self::edge().token());
    let check = async |path: &str, authorization: Option<&str>, expected: Result<&str, &str>| {
        let headers: Vec<_> = authorization
            .into_iter()
            .map(|value| ("authorization", value))
            .collect();
        let reply = edge.get(path, &headers).await;
        match expected {
            Ok(text) => assert_eq!(reply.text, text, "{path} {authorization:?}"),
            Err(code) => {
                assert_eq!(reply.refusal(), refused(401, code), "{path} {authorization:?}");
                let challenge = match code {
                    "auth.token_expired" | "auth.token_invalid" => {
                        r#"Bearer realm="cartwright", error="invalid_token""#
                    }
                    _ => r#"Bearer realm="cartwright""#,
                };
                assert_eq!(reply.header("www-authenticate"), Some(challenge));
            }
        }
    };
    check("/api/v1/admin/me", Some(&valid), Ok("staff:ada")).await;
    check(
        "/api/v1/admin/me",
        Some(&valid.replace("Bearer", "bearer")),
        Ok("staff:ada"),
    )
    .await;
    check("/api/v1/admin/me", None, Err("auth.token_required")).await;
    check("/api/v1/me", None, Ok("anonymous")).await;
    for path in ["/api/v1/admin/me", "/api/v1/me"] {
        check(path, Some(&expired), Err("auth.token_expired")).await;
        check(path, Some(&other), Err("auth.token_invalid")).await;
        check(path, Some("Bearer nonsense"), Err("auth.token_invalid")).await;
        check(path, Some("Basic YTpi"), Err("auth.not_bearer")).await;
        check(path, Some(""), Err("auth.not_bearer")).await;
    }
    let session = edge
        .get("/api/v1/admin/me", &[("cookie", "cartwright_session=good")])
        .await;
    assert_eq!(session.refusal(), refused(401, "auth.token_required"));
}

#[tokio::test]
async fn a_session_cookie_is_set_renewed_and_cleared() {
    async fn check(public_url: Option<&str>, request: Request<Body>, expected: Option<&str>) {
        let edge = Edge::new(&layer::Options {
            public_url: public_url.map(str::to_owned),
            ..layer::Options::default()
        });
        let reply = edge.ask(request).await;
        assert_eq!(set_cookie(&reply), expected);
    }
    let https = Some("https://shop.example");
    let post = |path: &str| request("POST", path, &[], "");
    let me = |cookie: &str| request("GET", "/api/v1/me", &[("cookie", cookie)], "");
    let fresh = "cartwright_session=fresh; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000";
    let renewed = "cartwright_session=old; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000";
    let cleared = "cartwright_session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0";
    check(None, post("/api/v1/sign-in"), Some(fresh)).await;
    check(https, post("/api/v1/sign-in"), Some(&format!("{fresh}; Secure"))).await;
    check(None, post("/api/v1/sign-out"), Some(cleared)).await;
    check(None, me("cartwright_session=old"), Some(renewed)).await;
    check(None, me("cartwright_session=good"), None).await;
    check(None, me("cartwright_session=ended"), None).await;
}

#[tokio::test]
async fn if_match_holds_one_version_in_quotes() {
    async fn check(value: Option<&str>, expected: Option<Option<u64>>) {
        let headers: Vec<_> = value.into_iter().map(|value| ("if-match", value)).collect();
        // Reading passes over it.
        let read = edge().get("/api/v1/if-match", &headers).await;
        assert_eq!(read.text, "None", "{value:?}");
        let reply = edge().ask(request("PUT", "/api/v1/if-match", &headers, "")).await;
        match expected {
            Some(revision) => assert_eq!(reply.text, format!("{:?}", revision.map(Revision)), "{value:?}"),
            None => assert_eq!(
                reply.refusal(),
                refused(400, "request.if_match_malformed"),
                "{value:?}"
            ),
        }
    }
    check(None, Some(None)).await;
    check(Some("*"), Some(None)).await;
    check(Some("\"7\""), Some(Some(7))).await;
    check(Some("\"0\""), Some(Some(0))).await;
    check(Some("\"18446744073709551615\""), Some(Some(u64::MAX))).await;
    for bad in [
        "7",
        "\"\"",
        "\"x\"",
        "\"+7\"",
        "\"07\"",
        "\"00\"",
        "\"-1\"",
        "W/\"7\"",
        "\"7\", \"8\"",
        "\"18446744073709551616\"",
    ] {
        check(Some(bad), None).await;
    }
    let both = [("if-match", "\"7\""), ("if-none-match", "*")];
    let reply = edge().ask(request("PUT", "/api/v1/if-match", &both, "")).await;
    assert_eq!(reply.refusal(), refused(400, "request.if_none_match_malformed"));
    let twice = [("if-match", "\"7\""), ("if-match", "\"8\"")];
    let reply = edge().ask(request("PUT", "/api/v1/if-match", &twice, "")).await;
    assert_eq!(reply.refusal(), refused(400, "request.if_match_malformed"));
    assert_eq!(etag(Revision(7)), "\"7\"");
}

#[tokio::test]
async fn if_none_match_expects_that_nothing_is_there() {
    async fn check(method: &str, values: &[&str], expected: Result<Option<u64>, &str>) {
        let headers: Vec<_> = values.iter().map(|value| ("if-none-match", *value)).collect();
        let reply = edge()
            .ask(request(method, "/api/v1/if-match", &headers, ""))
            .await;
        match expected {
            Ok(version) => assert_eq!(reply.text, format!("{:?}", version.map(Revision)), "{values:?}"),
            Err(code) => assert_eq!(reply.refusal(), refused(400, code), "{values:?}"),
        }
    }
    check("PUT", &[], Ok(None)).await;
    check("PUT", &["*"], Ok(Some(0))).await;
    for bad in [&["\"7\""] as &[&str], &["*", "*"], &["*, \"7\""], &[""]] {
        check("PUT", bad, Err("request.if_none_match_malformed")).await;
        check("GET", bad, Ok(None)).await;
    }
}

#[tokio::test]
async fn an_idempotency_key_is_bounded_and_where_required_missed() {
    async fn check(path: &str, key: Option<&str>, expected: Result<&str, &str>) {
        let headers: Vec<_> = key.into_iter().map(|key| ("idempotency-key", key)).collect();
        let reply = edge().ask(request("POST", path, &headers, "")).await;
        match expected {
            Ok(text) => assert_eq!(reply.text, text, "{path} {key:?}"),
            Err(code) => assert_eq!(reply.refusal(), refused(400, code), "{path} {key:?}"),
        }
    }
    let longest = "k".repeat(IDEMPOTENCY_KEY_LENGTH_MAX);
    check("/api/v1/key", None, Ok("None")).await;
    check("/api/v1/key", Some("k 1"), Ok(r#"Some("k 1")"#)).await;
    check("/api/v1/required-key", Some("k"), Ok("k")).await;
    check("/api/v1/required-key", Some(&longest), Ok(&longest)).await;
    check("/api/v1/required-key", None, Err("idempotency.key_missing")).await;
    for path in ["/api/v1/key", "/api/v1/required-key"] {
        check(
            path,
            Some(&format!("{longest}k")),
            Err("idempotency.key_too_long"),
        )
        .await;
        check(path, Some(""), Err("idempotency.key_malformed")).await;
        check(path, Some("schlüssel"), Err("idempotency.key_malformed")).await;
        check(path, Some("a\tb"), Err("idempotency.key_malformed")).await;
        let twice = [("idempotency-key", "k"), ("idempotency-key", "l")];
        let reply = edge().ask(request("POST", path, &twice, "")).await;
        assert_eq!(reply.refusal(), refused(400, "idempotency.key_malformed"));
    }
}

#[tokio::test]
async fn a_call_gathers_who_asks_and_ignores_key_and_version_of_a_read() {
    let headers = [
        ("cookie", "cartwright_session=good"),
        ("if-match", "\"3\""),
        ("idempotency-key", "k"),
    ];
    let edge = edge();
    let session = "session:sess_00000000000000000000000000000007";
    let reply = edge.ask(request("POST", "/api/v1/call", &headers, "")).await;
    assert_eq!(reply.text, format!(r#"{session} Some(Revision(3)) Some("k")"#));
    let reply = edge.get("/api/v1/call", &headers).await;
    assert_eq!(reply.text, format!("{session} None None"));
}

#[tokio::test]
async fn a_fingerprint_tells_requests_apart() {
    async fn fingerprint(path: &str, body: &'static [u8]) -> [u8; 32] {
        let access = Access::new(TwoSessions, Arc::clone(&edge().keys));
        let toy = Toy { access };
        let (mut parts, _) = request("POST", path, &[("idempotency-key", "k")], "").into_parts();
        let call = <Call as FromRequestParts<Toy>>::from_request_parts(&mut parts, &toy).await;
        call.unwrap().request(body).idempotency.unwrap().fingerprint
    }
    let first = fingerprint("/carts", b"{}").await;
    assert_eq!(first, fingerprint("/carts", b"{}").await);
    assert_ne!(first, fingerprint("/cart", b"{}").await);
    assert_ne!(first, fingerprint("/carts", b"{ }").await);
}

#[tokio::test]
async fn prefer_minimal_is_heard_among_others() {
    async fn check(value: Option<&str>, expected: &str) {
        let headers: Vec<_> = value.into_iter().map(|value| ("prefer", value)).collect();
        assert_eq!(
            edge().get("/api/v1/prefer", &headers).await.text,
            expected,
            "{value:?}"
        );
    }
    check(None, "Full").await;
    check(Some("return=minimal"), "Minimal").await;
    check(Some("wait=5, Return=Minimal; foo"), "Minimal").await;
    check(Some("return = \"minimal\""), "Minimal").await;
    check(Some("return=representation"), "Full").await;
    check(Some("return=representation, return=minimal"), "Full").await;
    check(Some("foo; return=minimal"), "Full").await;
}

#[tokio::test]
async fn a_page_has_one_to_a_hundred_items() {
    async fn check(query: &str, expected: Result<&str, &str>) {
        let reply = edge().get(&format!("/api/v1/page{query}"), &[]).await;
        match expected {
            Ok(text) => assert_eq!(reply.text, text, "{query}"),
            Err(code) => assert_eq!(reply.refusal(), refused(400, code), "{query}"),
        }
    }
    check("", Ok("20 None")).await;
    check("?limit=1", Ok("1 None")).await;
    let cursor = format!("02{0:02x}{0:02x}{1}", Kind::Cart.tag(), "0".repeat(32));
    check(
        &format!("?limit=100&cursor={cursor}"),
        Ok(&format!("100 Some({cursor:?})")),
    )
    .await;
    for limit in ["0", "101", "-1", "1.5", "many", ""] {
        check(&format!("?limit={limit}"), Err("page.limit_out_of_range")).await;
    }
    check("?limit=1&limit=2", Err("request.query_malformed")).await;
    check(
        &format!("?cursor={}", "c".repeat(2_049)),
        Err("page.invalid_cursor"),
    )
    .await;
}

#[tokio::test]
async fn what_is_no_id_leads_to_nothing_of_that_kind() {
    async fn check(text: &str, expected: Option<StockItemId>) {
        let reply = edge().get(&format!("/api/v1/stock/{text}"), &[]).await;
        match expected {
            Some(id) => assert_eq!(reply.text, id.to_string()),
            None => assert_eq!(reply.refusal(), refused(404, "stock_item.not_found"), "{text}"),
        }
    }
    let id = StockItemId::from_uuid(Uuid::from_u128(9));
    check(&id.to_string(), Some(id)).await;
    check(&id.to_string().replace("stk", "cart"), None).await;
    check("stk_9", None).await;
    check("%2e%2e", None).await;
    check("%ff", None).await;
}
