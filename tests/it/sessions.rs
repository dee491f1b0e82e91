//! Sessions: the cookie, who it speaks for, and how long.

use crate::support::{Directory, OpenShop, Server};
use serde_json::json;
use std::time::Duration;

/// How long a session lives unless the settings say otherwise.
const MONTH_SECONDS: i64 = 30 * 24 * 60 * 60;

/// Returns how many seconds lie between now and a time on the wire.
fn seconds_until(time: &serde_json::Value) -> i64 {
    let time: jiff::Timestamp = time
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("{time} is no time"));
    time.as_second() - jiff::Timestamp::now().as_second()
}

#[tokio::test]
async fn opening_a_session_sets_a_cookie_that_scripts_cannot_read() {
    let OpenShop { server, .. } = OpenShop::shared().await;
    let guest = server.guest();
    let opened = guest.post("/session", json!({})).send().await;
    let cookie = opened.header("set-cookie").expect("a cookie is set").to_owned();
    let value = guest.session().expect("the cookie has a value");
    assert_eq!(
        cookie,
        format!("cartwright_session={value}; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000")
    );
    assert_eq!(opened.header("location"), Some("/api/v1/session"));
    let session = opened.expect(201);
    let id = session["id"].as_str().unwrap_or_default();
    assert!(id.starts_with("sess_"), "{id}");
    let by_id = format!("cartwright_session={id}");
    let stranger = guest.stranger();
    let call = stranger.get("/session").header("cookie", &by_id);
    call.refused(404, "session.not_found").await;
    assert_eq!(session["cart_id"], json!(null));
    let lives = seconds_until(&session["expires_at"]);
    assert!((MONTH_SECONDS - 60..=MONTH_SECONDS).contains(&lives), "{lives}");

    let shown = guest.get("/session").ok(200).await;
    assert_eq!(
        (&shown["id"], &shown["expires_at"]),
        (&session["id"], &session["expires_at"])
    );
}

#[tokio::test]
async fn the_cookie_is_secure_where_the_public_address_is_https() {
    let directory = Directory::new();
    let server = Server::start_with(&directory, &["--public-url", "https://shop.example.com"], &[]);
    let opened = server.guest().post("/session", json!({})).send().await;
    let cookie = opened.header("set-cookie").unwrap_or_default();
    assert!(
        cookie.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000; Secure"),
        "{cookie}"
    );
}

#[tokio::test]
async fn the_cookie_is_kept_as_long_as_its_session() {
    let server = Server::fresh();
    let shop = server.shop();
    shop.settings(json!({ "session_seconds": 7_776_000 })).await;
    let opened = server.guest().post("/session", json!({})).send().await;
    let cookie = opened.header("set-cookie").unwrap_or_default();
    assert!(cookie.contains("; Max-Age=7776000"), "{cookie}");
    let lives = seconds_until(&opened.expect(201)["expires_at"]);
    assert!((7_776_000 - 60..=7_776_000).contains(&lives), "{lives}");
}

#[tokio::test]
async fn without_a_session_nothing_of_a_session_is_shown() {
    let OpenShop { server, .. } = OpenShop::shared().await;
    let guest = server.guest();
    guest.get("/session").refused(404, "session.not_found").await;
    let refused = guest.get("/carts/current").send().await;
    // No token was sent.
    let challenge = refused.header("www-authenticate");
    assert_eq!(challenge, Some(r#"Bearer realm="cartwright""#));
    refused.expect_refused(401, "session.required");
    for cookie in [
        "cartwright_session=",
        "cartwright_session=made-up",
        "cartwright_session=sess_0.1",
    ] {
        let call = guest.get("/session").header("cookie", cookie);
        call.refused(404, "session.not_found").await;
    }
}

#[tokio::test]
async fn a_cookie_with_one_character_changed_opens_nothing() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let guest = shop.guest().await;
    let value = guest.session().expect("a session");
    let stranger = guest.stranger();
    for (at, character) in value.char_indices() {
        let other = if character == 'a' { "b" } else { "a" };
        let mut changed = value.clone();
        changed.replace_range(at..at + character.len_utf8(), other);
        let cookie = format!("cartwright_session={changed}");
        let call = stranger.get("/session").header("cookie", &cookie);
        call.refused(404, "session.not_found").await;
    }
}

#[tokio::test]
async fn opening_a_cart_without_a_session_opens_one() {
    let OpenShop { server, .. } = OpenShop::shared().await;
    let guest = server.guest();
    let cart = guest.post("/carts", json!({})).ok(201).await;
    assert!(guest.session().is_some());
    let session = guest.get("/session").ok(200).await;
    assert_eq!(session["cart_id"], cart["id"]);
}

#[tokio::test]
async fn ending_a_session_takes_the_cookie_away_and_the_cart_out_of_reach() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let guest = shop.guest().await;
    let cart = guest.post("/carts", json!({})).ok(201).await;
    let path = format!("/carts/{}", cart["id"].as_str().unwrap_or_default());
    let kept = format!("cartwright_session={}", guest.session().unwrap_or_default());

    let ended = guest.delete("/session").send().await;
    assert_eq!(
        ended.header("set-cookie"),
        Some("cartwright_session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0")
    );
    ended.expect(204);
    guest.get("/session").refused(404, "session.not_found").await;
    let call = guest.get(&path).header("cookie", &kept);
    call.refused(404, "cart.not_found").await;
}

#[tokio::test]
async fn a_session_slides_while_it_is_used_and_ends_when_it_is_not() {
    let server = Server::fresh();
    let shop = server.shop();
    shop.settings(json!({ "session_seconds": 6 })).await;
    let guest = shop.guest().await;
    let first = guest.get("/session").ok(200).await;
    // Longer than its lifetime, in steps that are shorter by far.
    let mut renewed = 0;
    for _ in 0..7 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let shown = guest.get("/session").send().await;
        renewed += u32::from(shown.header("set-cookie").is_some());
        shown.expect(200);
    }
    let last = guest.get("/session").ok(200).await;
    assert!(first["expires_at"].as_str() < last["expires_at"].as_str());
    assert!(0 < renewed, "the browser's cookie was never renewed");

    tokio::time::sleep(Duration::from_millis(6_500)).await;
    guest.get("/session").refused(404, "session.not_found").await;
}

#[tokio::test]
async fn reading_does_not_write_the_session_each_time() {
    let OpenShop { shop, .. } = OpenShop::shared().await;
    let guest = shop.guest().await;
    let first = guest.get("/session").ok(200).await;
    for _ in 0..20 {
        assert_eq!(guest.get("/session").ok(200).await["version"], first["version"]);
    }
}
