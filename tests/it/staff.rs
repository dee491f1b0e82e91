//! Staff: who gets in, and who does not.

use crate::support::{Client, Directory, OpenShop, Server, cartwright};
use cartwright_domain::Timestamp;
use cartwright_domain::caller::Role;
use cartwright_http::auth::StaffKeys;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

/// The header of a token without a signature: `{"alg":"none","typ":"JWT"}` in base64.
const ALG_NONE: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
/// The header of a token signed with a shared secret: `{"alg":"HS256","typ":"JWT"}`.
const ALG_HS256: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
/// A day in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

async fn check_refused(caller: &Client, authorization: &str, code: &str) {
    for path in ["/admin/orders", "/admin/settings", "/admin/actors", "/session"] {
        let answer = caller
            .get(path)
            .header("authorization", authorization)
            .send()
            .await;
        let challenge = match code {
            "auth.not_bearer" => r#"Bearer realm="cartwright""#,
            _ => r#"Bearer realm="cartwright", error="invalid_token""#,
        };
        assert_eq!(
            answer.header("www-authenticate"),
            Some(challenge),
            "{authorization} {path}"
        );
        answer.expect_refused(401, code);
    }
}

#[tokio::test]
async fn only_a_token_of_this_store_gets_in() {
    let OpenShop { server, .. } = OpenShop::shared().await;
    let guest = server.guest();
    guest
        .get("/admin/orders")
        .refused(401, "auth.token_required")
        .await;
    check_refused(&guest, "Basic YWRtaW46YWRtaW4=", "auth.not_bearer").await;
    check_refused(&guest, "Bearer", "auth.not_bearer").await;
    check_refused(&guest, "Bearer nonsense", "auth.token_invalid").await;
    check_refused(&guest, "Bearer a.b.c", "auth.token_invalid").await;

    let parts: Vec<&str> = server.token().split('.').collect();
    let (header, claims, signature) = (parts[0], parts[1], parts[2]);
    for forged in [
        format!("{ALG_NONE}.{claims}."),
        format!("{ALG_NONE}.{claims}.{signature}"),
        format!("{ALG_HS256}.{claims}.{signature}"),
        format!("{header}.{claims}."),
        format!(
            "{header}.{claims}.{}",
            signature.chars().rev().collect::<String>()
        ),
        format!("{header}.{claims}A.{signature}"),
    ] {
        check_refused(&guest, &format!("Bearer {forged}"), "auth.token_invalid").await;
    }
    server.staff().get("/admin/orders").ok(200).await;
    let lower = format!("bearer {}", server.token());
    guest
        .get("/admin/orders")
        .header("authorization", &lower)
        .ok(200)
        .await;
}

#[tokio::test]
async fn an_expired_token_and_one_of_another_store_are_refused() {
    let OpenShop { server, .. } = OpenShop::shared().await;
    let keys = StaffKeys::load(&server.directory().data()).expect("the key is there");
    let now = jiff::Timestamp::now().as_millisecond();
    let issue = |at: i64| {
        let issued = keys.issue("test", Role::Admin, 1, Timestamp::from_millis(at));
        format!("Bearer {}", issued.expect("a token can be issued"))
    };
    let guest = server.guest();
    check_refused(&guest, &issue(now - DAY_MS - 1_000), "auth.token_expired").await;
    let fresh = issue(now - DAY_MS + 60_000);
    guest
        .get("/admin/orders")
        .header("authorization", &fresh)
        .ok(200)
        .await;

    let other = Server::fresh();
    let strange = format!("Bearer {}", other.token());
    check_refused(&guest, &strange, "auth.token_invalid").await;
}

#[tokio::test]
async fn the_first_start_prints_a_token_and_no_other_start_does() {
    let directory = Directory::new();
    let mut server = Server::start(&directory);
    assert!(server.is_first());
    let token = server.token().to_owned();
    server.staff().get("/admin/settings").ok(200).await;
    assert!(!directory.log().contains(&token), "the token stands in the log");
    assert!(server.stop().success());

    let again = Server::start(&directory);
    assert!(again.said_nothing_like_a_token());
    // The old one is still good.
    again
        .guest()
        .with_token(&token)
        .get("/admin/settings")
        .ok(200)
        .await;
}

#[tokio::test]
async fn a_start_that_finds_data_and_no_key_says_that_it_made_a_new_one() {
    let directory = Directory::new();
    let mut server = Server::start(&directory);
    let earlier = server.token().to_owned();
    server.guest().post("/carts", json!({})).ok(201).await;
    assert!(server.stop().success());
    std::fs::remove_dir_all(directory.data().join("keys")).expect("the key can be taken away");

    let again = Server::start(&directory);
    let first = "This is the first start.";
    let new = "A new key for staff tokens was made";
    let said = again.said(|line| [first, new].into_iter().find(|why| line.starts_with(why)));
    assert_eq!(said, Some(new));
    let printed = again.said(|line| line.starts_with("eyJ").then(|| line.to_owned()));
    let printed = again.guest().with_token(&printed.expect("it prints a token"));
    printed.get("/admin/settings").ok(200).await;
    check_refused(&again.guest(), &format!("Bearer {earlier}"), "auth.token_invalid").await;
}

#[tokio::test]
async fn a_start_that_finds_a_key_and_no_journal_says_that_the_shop_is_empty() {
    let told = "a key for staff tokens was there and no journal";
    let directory = Directory::new();
    let directory = Server::start(&directory).kill_and_restart().kill();
    assert!(
        !directory.log().contains(told),
        "the journal was there, and empty"
    );
    for name in ["journal", "index"] {
        std::fs::remove_dir_all(directory.data().join(name)).expect("it can be taken away");
    }
    let _ = std::fs::remove_file(directory.data().join("applied"));
    let _again = Server::start(&directory);
    assert!(directory.log().contains(told), "{}", directory.log());
}

#[tokio::test]
async fn the_token_command_issues_another_while_the_server_runs() {
    let OpenShop { server, .. } = OpenShop::shared().await;
    let token = server.directory().token();
    assert_ne!(token, server.token());
    server
        .guest()
        .with_token(&token)
        .get("/admin/settings")
        .ok(200)
        .await;
    for days in ["0", "3651"] {
        let mut command = cartwright();
        command
            .arg("token")
            .arg("--data")
            .arg(server.directory().data())
            .args(["--days", days]);
        let output = command.output().expect("the binary runs");
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("1 to 3650 days"), "{said}");
    }
}

#[tokio::test]
async fn whoever_has_a_token_of_another_name_has_other_keys_and_is_told_apart_in_histories() {
    let OpenShop { server, shop, .. } = OpenShop::shared().await;
    let variant = shop.variant(1000, Some(5)).await;
    let stock = format!("/admin/variants/{}/stock", variant.id);
    let item = shop.staff.get(&stock).ok(200).await["id"].clone();
    let history = format!("/admin/history/{}?limit=1", item.as_str().unwrap_or_default());
    for (name, on_hand) in [("till-7", 6), ("till-8", 7)] {
        let token = server.directory().token_by(&["--name", name]);
        let till = server.guest().with_token(&token);
        let body = json!({ "delta": 1, "reason": "delivery" });
        for _ in 0..2 {
            let adjust = till.post(&format!("{stock}/adjustments"), body.clone());
            assert_eq!(
                adjust.key("delivery-1").ok(200).await["on_hand"],
                on_hand,
                "{name}"
            );
        }
        let changes = shop.staff.get(&history).ok(200).await;
        assert_eq!(changes["items"][0]["events"][0]["by"], format!("staff:{name}"));
    }
}

#[tokio::test]
async fn the_key_is_for_its_owner_alone_and_one_that_is_not_stops_the_start() {
    let directory = Directory::new();
    let mut server = Server::start(&directory);
    let keys = directory.data().join("keys");
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path)
            .map(|metadata| metadata.permissions().mode() & 0o777)
            .unwrap_or_default()
    };
    let key = keys.join("staff.ed25519");
    assert_eq!((mode(&keys), mode(&key)), (0o700, 0o600));
    assert!(server.stop().success());

    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("the mode can be set");
    let mut command = cartwright();
    command
        .arg("serve")
        .arg("--data")
        .arg(directory.data())
        .args(["--listen", "127.0.0.1:0"]);
    let output = command.output().expect("the binary runs");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("chmod 600"), "{said}");
}

#[tokio::test]
async fn staff_sees_what_is_alive() {
    let OpenShop { shop, server, .. } = OpenShop::shared().await;
    shop.guest().await.post("/carts", json!({})).ok(201).await;
    let actors = shop.staff.get("/admin/actors").ok(200).await;
    let kinds = actors["kinds"].as_array().cloned().unwrap_or_default();
    let cart = kinds
        .iter()
        .find(|kind| kind["kind"] == "cart")
        .cloned()
        .unwrap_or_default();
    assert!(
        cart["resident"].as_u64().is_some_and(|resident| 0 < resident),
        "{actors}"
    );
    server
        .guest()
        .get("/admin/actors")
        .refused(401, "auth.token_required")
        .await;
}
