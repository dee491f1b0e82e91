//! The process: where it listens, who may have its directory, how it stops, and what is there when it comes back.

use crate::support::{Client, Directory, OpenShop, Purchase, Server, cartwright, pence, unique, until};
use serde_json::json;
use std::ffi::OsStr;
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::process::Output;

/// Runs a second server, which must not start, and returns what it said.
fn check_does_not_start(directory: &Directory, listen: &str, parts: &[&str]) -> String {
    let mut command = cartwright();
    command
        .arg("serve")
        .arg("--data")
        .arg(directory.data())
        .args(["--listen", listen]);
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the binary runs");
    let said = String::from_utf8_lossy(&stderr);
    assert!(
        !status.success(),
        "it started: {}",
        String::from_utf8_lossy(&stdout)
    );
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
    said.into_owned()
}

#[tokio::test]
async fn port_0_takes_a_free_port_and_prints_it() {
    let server = Server::fresh();
    let port = server
        .url()
        .rsplit(':')
        .next()
        .and_then(|port| port.parse::<u16>().ok());
    assert!(
        server.url().starts_with("http://127.0.0.1:") && port.is_some_and(|port| 0 < port),
        "{}",
        server.url()
    );
    server.guest().get("//health/ready").ok(200).await;
}

#[tokio::test]
async fn a_busy_port_is_refused_and_leaves_no_directory_locked() {
    let OpenShop { server, .. } = OpenShop::shared().await;
    let listen = server.url().trim_start_matches("http://");
    let directory = Directory::new();
    check_does_not_start(&directory, listen, &[listen, "in use"]);
    server.guest().get("//health/ready").ok(200).await;
    Server::start(&directory)
        .guest()
        .get("//health/ready")
        .ok(200)
        .await;
}

#[tokio::test]
async fn a_second_process_on_the_directory_is_refused() {
    let OpenShop { server, shop, .. } = OpenShop::shared().await;
    let data = server.directory().data().display().to_string();
    check_does_not_start(
        server.directory(),
        "127.0.0.1:0",
        &[&data, "in use by another cartwright process"],
    );
    // The first one goes on.
    shop.guest().await.post("/carts", json!({})).ok(201).await;
}

#[tokio::test]
async fn idle_connections_leave_the_store_the_files_it_needs() {
    let directory = Directory::new();
    // A checkpoint, which opens files, after everything that is written.
    let variables = [
        ("CARTWRIGHT_CHECKPOINT_ROWS", "1"),
        ("CARTWRIGHT_INDEX_AFTER_MS", "20"),
    ];
    let mut server = Server::start_within("-n 160", &directory, &variables);
    assert!(
        directory.log().contains("at most 80 connections are taken"),
        "{}",
        directory.log()
    );
    let guest = server.shop().guest().await;
    let address = server.url().trim_start_matches("http://");
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(TcpStream::connect(address).expect("the system takes the connection"));
    }
    // They are accepted one by one; the guest has a connection already.
    for _ in 0..20 {
        guest.post("/carts", json!({})).ok(201).await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(server.stop().code(), Some(0), "{}", directory.log());
    assert!(
        !directory.log().contains("Too many open files"),
        "{}",
        directory.log()
    );
}

#[tokio::test]
async fn a_file_that_may_not_grow_is_told_and_does_not_end_the_process() {
    let directory = Directory::new();
    // In blocks of 512 or 1,024 bytes: room for the first segment of the journal and not for the second.
    let mut server = Server::start_within("-f 20000", &directory, &[]);
    until("the log says that there is no room for a segment", async || {
        directory.log().contains("File too large").then_some(())
    })
    .await;
    let guest = server.shop().guest().await;
    guest.post("/carts", json!({})).ok(201).await;
    assert_eq!(server.stop().code(), Some(0), "{}", directory.log());
}

#[tokio::test]
async fn a_kill_loses_nothing_that_was_acknowledged() {
    let open = OpenShop::fresh().await;
    let (variant, other) = (
        open.shop.variant(1250, Some(10)).await,
        open.shop.variant(300, None).await,
    );
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 2)]).await;
    let key = unique("key");
    let purchase = Purchase {
        key: &key,
        token: "tok_approve",
    };
    let checkout = open.shop.complete(&guest, &cart, &purchase).await.expect(200);
    let body = json!({ "variant_id": other.id, "quantity": 3 });
    let added = guest.post("/carts/current/lines", body).ok(200).await;
    open.shop.settings(json!({ "low_stock_level": 3 })).await;
    let number = checkout["order"]["number"].clone();

    let (shop, method) = (open.shop.clone(), open.method.clone());
    let server = open.into_server().kill_and_restart();
    let (guest, shop) = (guest.at(server.url()), shop.at(&server));
    assert_eq!(guest.get("/carts/current").ok(200).await, added);
    let order = guest.get(&format!("/orders/{number}")).ok(200).await;
    assert_eq!(
        (&order["id"], &order["totals"]["total"]),
        (&checkout["order"]["id"], &pence(2500))
    );
    let again = shop.complete(&guest, &cart, &purchase).await;
    assert!(again.is_replayed());
    assert_eq!(again.expect(200)["order"]["number"], number);
    until("the checkout is over", async || {
        (shop.units(&variant).await == (10, 0, 2)).then_some(())
    })
    .await;
    assert_eq!(
        shop.staff.get("/admin/settings").ok(200).await["low_stock_level"],
        3
    );
    let product = guest
        .get(&format!("/products/{}", variant.product_id))
        .ok(200)
        .await;
    assert_eq!(product["variants"][0]["available"], 8);
    // And it sells on.
    assert_eq!(
        shop.buy(&shop.guest().await, &method, &[(&variant, 1)]).await["order"]["number"],
        2
    );
    assert_eq!(server.ledger().payments.len(), 2);
}

#[tokio::test]
async fn a_total_that_may_have_changed_over_a_restart_is_shown_before_it_is_paid() {
    let open = OpenShop::fresh().await;
    let (same, before, after) = (
        open.shop.variant(500, None).await,
        open.shop.variant(500, None).await,
        open.shop.variant(500, None).await,
    );
    let mut carts = Vec::new();
    for variant in [&same, &before, &after] {
        let guest = open.shop.guest().await;
        let cart = open.shop.ready_cart(&guest, &open.method, &[(variant, 2)]).await;
        carts.push((guest, cart));
    }
    open.shop.set_price(&before, 600).await;
    for (guest, cart) in &carts {
        // A refusal is kept at the cart, and shows no total.
        let too_many = json!({ "variant_id": before.id, "quantity": 1_000_001 });
        let refused = guest.post(&format!("/carts/{cart}/lines"), too_many).key("many");
        refused.refused(422, "cart.quantity_too_large").await;
    }
    let shop = open.shop.clone();
    let server = open.into_server().kill_and_restart();
    let shop = shop.at(&server);
    shop.set_price(&after, 400).await;
    for ((guest, cart), changed_to) in carts.iter().zip([None, Some(1200), Some(800)]) {
        let guest = guest.at(server.url());
        let (refused, bought) = (unique("key"), unique("key"));
        let purchase = |key| Purchase {
            key,
            token: "tok_approve",
        };
        if let Some(total) = changed_to {
            let answer = shop.complete(&guest, cart, &purchase(&refused)).await;
            let problem = answer.expect_refused(409, "checkout.total_changed");
            assert_eq!(problem["details"]["total"], pence(total));
            let shown = guest.get(&format!("/carts/{cart}")).ok(200).await;
            assert_eq!(shown["totals"]["total"], pence(total));
        }
        let done = shop.complete(&guest, cart, &purchase(&bought)).await.expect(200);
        assert_eq!(done["order"]["total"], pence(changed_to.unwrap_or(1000)));
    }
    assert_eq!(server.ledger().payments.len(), 3);
}

#[tokio::test]
async fn a_started_checkout_whose_total_is_not_known_any_more_gives_its_cart_back() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(500, Some(5)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 2)]).await;
    let path = format!("/carts/{cart}");
    let started = guest.post(&format!("{path}/checkout"), json!({})).ok(201).await;
    let sale =
        json!({ "name": "Sale", "enabled": true, "actions": [{ "type": "order", "percentage": "0.1" }] });
    open.shop.staff.post("/admin/promotions", sale).ok(201).await;
    let shop = open.shop.clone();
    let server = open.into_server().kill_and_restart();
    let (shop, guest) = (shop.at(&server), guest.at(server.url()));
    let purchase = |key| Purchase {
        key,
        token: "tok_approve",
    };
    let refused = shop.complete(&guest, &cart, &purchase("a")).await;
    refused.expect_refused(409, "checkout.total_changed");
    let checkout = format!("/checkouts/{}", started["id"].as_str().unwrap_or_default());
    assert_eq!(guest.get(&checkout).ok(200).await["state"], "refused");
    assert_eq!(shop.units(&variant).await, (5, 0, 0));
    let shown = guest.get(&path).ok(200).await;
    assert_eq!(
        (&shown["state"], &shown["totals"]["total"]),
        (&json!("active"), &pence(900))
    );
    let done = shop.complete(&guest, &cart, &purchase("b")).await.expect(200);
    assert_eq!(done["order"]["total"], pence(900));
}

#[tokio::test]
async fn over_a_restart_only_what_the_shopper_has_seen_is_known() {
    let open = OpenShop::fresh().await;
    let shop = &open.shop;
    shop.settings(json!({ "reservation_seconds": 1 })).await;
    let (same, dearer) = (shop.variant(500, None).await, shop.variant(500, None).await);
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(1_500);
    let brief = json!({ "amount": pence(500), "expires_at": soon.to_string() });
    let brief = shop.staff.post("/admin/gift-cards", brief).ok(201).await;
    let mut carts = Vec::new();
    for variant in [&same, &dearer, &same, &same] {
        let guest = shop.guest().await;
        let cart = shop.ready_cart(&guest, &open.method, &[(variant, 2)]).await;
        carts.push((guest, cart));
    }
    let [staff_added, expired, card_expired, unchanged] = &carts[..] else {
        panic!("four carts were opened")
    };
    let more = json!({ "variant_id": same.id, "quantity": 1 });
    let path = format!("/carts/{}/lines", staff_added.1);
    shop.staff.post(&path, more).ok(200).await;
    let (guest, cart) = expired;
    shop.set_price(&dearer, 600).await;
    let start = guest.post(&format!("/carts/{cart}/checkout"), json!({}));
    start.key(&unique("key")).ok(201).await;
    let (guest, cart) = card_expired;
    let code = json!({ "code": brief["code"] });
    guest
        .post(&format!("/carts/{cart}/gift-cards"), code)
        .ok(200)
        .await;
    until("the checkout and the card have expired", async || {
        let cart = shop
            .staff
            .get(&format!("/admin/carts/{}", expired.1))
            .ok(200)
            .await;
        (cart["state"] != "checkout" && soon < jiff::Timestamp::now()).then_some(())
    })
    .await;
    let (shop, unchanged) = (open.shop.clone(), unchanged.clone());
    let (changed, server) = (
        [staff_added.clone(), expired.clone(), card_expired.clone()],
        open.into_server(),
    );
    let server = server.kill_and_restart();
    let shop = shop.at(&server);
    let complete = async |(guest, cart): &(Client, String)| {
        let purchase = Purchase {
            key: &unique("key"),
            token: "tok_approve",
        };
        shop.complete(&guest.at(server.url()), cart, &purchase).await
    };
    for (cart, total) in changed.iter().zip([1500, 1200, 1000]) {
        let problem = complete(cart).await.expect_refused(409, "checkout.total_changed");
        assert_eq!(problem["details"]["total"], pence(total));
    }
    complete(&unchanged).await.expect(200);
    assert_eq!(server.ledger().payments.len(), 1);
}

#[tokio::test]
async fn a_reservation_expires_on_time_over_a_restart() {
    let open = OpenShop::fresh().await;
    open.shop.settings(json!({ "reservation_seconds": 4 })).await;
    let variant = open.shop.variant(100, Some(3)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 3)]).await;
    let checkout = guest
        .post(&format!("/carts/{cart}/checkout"), json!({}))
        .ok(201)
        .await;
    let due: jiff::Timestamp = checkout["expires_at"]
        .as_str()
        .and_then(|at| at.parse().ok())
        .expect("a time");
    let shop = open.shop.clone();
    let server = open.into_server().kill_and_restart();
    let (guest, shop) = (guest.at(server.url()), shop.at(&server));
    assert_eq!(shop.units(&variant).await, (3, 3, 0));
    let path = format!("/checkouts/{}", checkout["id"].as_str().unwrap_or_default());
    assert_eq!(
        guest.get(&path).ok(200).await["expires_at"],
        checkout["expires_at"]
    );
    until("the reservation is over", async || {
        (shop.units(&variant).await.1 == 0).then_some(())
    })
    .await;
    let late = jiff::Timestamp::now().as_millisecond() - due.as_millisecond();
    assert!((0..2_000).contains(&late), "it ended {late} ms after its time");
}

#[tokio::test]
async fn a_graceful_stop_answers_what_is_under_way() {
    let open = OpenShop::fresh().await;
    open.shop
        .settings(json!({ "provider_seconds": 2, "checkout_seconds": 60 }))
        .await;
    let variant = open.shop.variant(100, Some(3)).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let key = unique("key");
    let purchase = Purchase {
        key: &key,
        token: "tok_hang",
    };
    let stop = async {
        until("the purchase is at work", async || {
            (open.shop.units(&variant).await.1 == 1).then_some(())
        })
        .await;
        open.server.ask_to_stop();
    };
    let (answer, ()) = tokio::join!(open.shop.complete(&guest, &cart, &purchase), stop);
    let checkout = answer.expect(202);
    assert_eq!(checkout["state"], "payment_unknown");

    let method = open.method.clone();
    let mut server = open.into_server();
    assert_eq!(server.ended().code(), Some(0));
    // The purchase goes on where it was.
    let server = Server::start(server.directory());
    let guest = guest.at(server.url());
    let path = format!("/checkouts/{}", checkout["id"].as_str().unwrap_or_default());
    assert_eq!(guest.get(&path).ok(200).await["state"], "payment_unknown");
    assert_eq!(server.shop().units(&variant).await, (3, 1, 0));
    server
        .shop()
        .buy(&server.shop().guest().await, &method, &[(&variant, 1)])
        .await;
}

#[test]
fn a_store_that_is_asked_to_stop_the_moment_it_listens_stops_in_good_order() {
    for name in ["serve", "demo"] {
        let directory = Directory::new();
        for _ in 0..10 {
            let status = Server::start_as(name, &directory, &[], &[]).stop();
            assert_eq!(status.code(), Some(0), "{}", directory.log());
        }
    }
}

#[tokio::test]
async fn many_restarts_keep_everything_once() {
    let mut open = OpenShop::fresh().await;
    let variant = open.shop.variant(100, Some(100)).await;
    let guest = open.shop.guest().await;
    guest.post("/carts", json!({})).ok(201).await;
    let mut guest = guest;
    for round in 1..=5_u64 {
        let add = guest.post(
            "/carts/current/lines",
            json!({ "variant_id": variant.id, "quantity": round }),
        );
        add.ok(200).await;
        let method = open.method.clone();
        let mut server = open.into_server();
        let server = if round % 2 == 0 {
            assert_eq!(server.stop().code(), Some(0));
            Server::start(server.directory())
        } else {
            server.kill_and_restart()
        };
        guest = guest.at(server.url());
        open = OpenShop {
            shop: server.shop(),
            server: server.into(),
            method,
        };
        let units = guest.get("/carts/current").ok(200).await["totals"]["units"].clone();
        assert_eq!(units, json!((1..=round).sum::<u64>()));
    }
}

#[tokio::test]
async fn damage_in_the_journal_stops_the_start_and_is_located() {
    let open = OpenShop::fresh().await;
    let guest = open.shop.guest().await;
    for _ in 0..20 {
        guest.post("/carts", json!({})).ok(201).await;
    }
    let directory = open.into_server().kill();
    let segment = directory.data().join("journal/0000000000000001.journal");
    let mut bytes = std::fs::read(&segment).expect("the first segment is there");
    // Behind the segment's head, in the middle of what was written first.
    for byte in &mut bytes[4096..4104] {
        *byte ^= 0xff;
    }
    std::fs::write(&segment, bytes).expect("the segment can be written");
    check_does_not_start(&directory, "127.0.0.1:0", &["0000000000000001.journal", "offset"]);
}

#[tokio::test]
async fn the_log_says_that_connections_wait_for_others_to_close() {
    let directory = Directory::new();
    let server = Server::start_with(&directory, &[], &[("CARTWRIGHT_CONNECTIONS_MAX", "1")]);
    let _idle = TcpStream::connect(server.url().trim_start_matches("http://")).expect("one may connect");
    until("it is told", async || {
        directory.log().contains("connections_max").then_some(())
    })
    .await;
}

#[test]
fn a_mail_directory_that_is_none_stops_the_start_by_name() {
    let directory = Directory::new();
    let mail = directory.data().join("mail");
    std::fs::create_dir(directory.data()).expect("a directory can be made");
    std::fs::write(&mail, "in the way").expect("a file can be written");
    let named = format!("the mail directory {} cannot be used", mail.display());
    let parts = [named.as_str(), "mail_directory", "Not a directory"];
    let said = check_does_not_start(&directory, "127.0.0.1:0", &parts);
    assert_eq!(said.matches("Not a directory").count(), 1, "{said}");
}

#[test]
fn a_directory_whose_name_is_not_utf_8_is_refused_and_none_is_made() {
    let directory = Directory::new();
    let no_text = OsStr::from_bytes(b"\xff\xfe");
    let [mut by_variable, mut by_argument] = [cartwright(), cartwright()];
    by_variable.arg("serve").env("CARTWRIGHT_DATA", no_text);
    by_argument.arg("serve").arg("--data").arg(no_text);
    for (mut command, source) in [
        (by_variable, "environment variable CARTWRIGHT_DATA"),
        (by_argument, "argument"),
    ] {
        command
            .env("CARTWRIGHT_LISTEN", "127.0.0.1:0")
            .current_dir(directory.folder());
        let Output { status, stderr, .. } = command.output().expect("the binary runs");
        let (said, fault) = (
            String::from_utf8_lossy(&stderr),
            format!(r#"data ({source}): "\xFF\xFE" is not UTF-8"#),
        );
        assert!(
            !status.success() && said.contains(&fault),
            "{fault} is not in\n{said}"
        );
        let made = std::fs::read_dir(directory.folder()).expect("the folder is there");
        assert_eq!(made.count(), 0, "nothing is made");
    }
}

/// Only that it is linked makes mimalloc the allocator.
#[test]
fn memory_comes_from_mimalloc() {
    let mut command = cartwright();
    command.arg("--version").env("MIMALLOC_SHOW_STATS", "1");
    let Output { stderr, .. } = command.output().expect("the binary runs");
    let said = String::from_utf8_lossy(&stderr);
    let pages = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("pages     :"));
    let all = pages.and_then(|pages| pages.split_whitespace().nth(1));
    let all = all.and_then(|all| all.parse::<u32>().ok());
    assert!(
        all.is_some_and(|all| 0 < all),
        "it was not asked for any:\n{said}"
    );
}
