//! Requests of one session that come at once, before it has a cart: the session decides which is its own.

use crate::support::{Client, OpenShop, id_of, unique, until};
use futures::future::join_all;
use serde_json::{Value, json};

const LINES: &str = "/carts/current/lines";
/// How many requests come at once.
const AT_ONCE: usize = 16;
/// How often each is tried.
const ROUNDS: usize = 8;

async fn current(guest: &Client) -> Value {
    guest.get("/carts/current").ok(200).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_adds_at_once_are_all_in_one_cart() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(100, None).await;
    let body = json!({ "variant_id": variant.id, "quantity": 1 });
    for _ in 0..ROUNDS {
        let guest = open.shop.guest().await;
        let add = || guest.post(LINES, body.clone()).ok(200);
        let carts = join_all((0..AT_ONCE).map(|_| add())).await;
        let cart = current(&guest).await;
        assert!(carts.iter().all(|answered| answered["id"] == cart["id"]));
        assert_eq!(cart["totals"]["units"], AT_ONCE);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn next_adds_at_once_after_an_order_are_all_in_one_cart() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(100, None).await;
    let body = json!({ "variant_id": variant.id, "quantity": 1 });
    let guest = open.shop.guest().await;
    for _ in 0..ROUNDS {
        let bought = open.shop.buy(&guest, &open.method, &[(&variant, 1)]).await;
        let add = || guest.post(LINES, body.clone()).ok(200);
        join_all((0..AT_ONCE).map(|_| add())).await;
        let cart = current(&guest).await;
        assert_ne!(cart["id"], bought["cart_id"]);
        assert_eq!(cart["totals"]["units"], AT_ONCE);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_first_add_that_is_sent_several_times_at_once_is_one() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(100, None).await;
    let body = json!({ "variant_id": variant.id, "quantity": 1 });
    for _ in 0..ROUNDS {
        let (guest, key) = (open.shop.guest().await, unique("key"));
        let add = || guest.post(LINES, body.clone()).key(&key).send();
        for answer in join_all((0..4).map(|_| add())).await {
            let status = answer.status;
            assert!([200, 409].contains(&status), "{}", answer.text);
        }
        assert_eq!(current(&guest).await["totals"]["units"], 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_opening_that_is_sent_several_times_at_once_opens_the_current_cart() {
    let open = OpenShop::shared().await;
    for _ in 0..ROUNDS {
        let (guest, key) = (open.shop.guest().await, unique("key"));
        let cart = || guest.post("/carts", json!({})).key(&key).ok(201);
        let carts = join_all((0..4).map(|_| cart())).await;
        let cart = current(&guest).await;
        assert!(carts.iter().all(|answered| answered["id"] == cart["id"]));
    }
}

#[tokio::test]
async fn a_first_add_may_expect_that_there_is_no_cart() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(100, None).await;
    let guest = open.shop.guest().await;
    let add = |version: u64| {
        let body = json!({ "variant_id": variant.id, "quantity": 1 });
        guest.post(LINES, body).if_match(version)
    };
    add(1).refused(412, "version.stale").await;
    let cart = add(0).ok(200).await;
    let stale = add(0).refused(412, "version.stale").await;
    assert_eq!(stale["details"]["version"], cart["version"]);
}

#[tokio::test]
async fn a_cart_that_was_deleted_is_not_opened_again_under_its_name() {
    let open = OpenShop::fresh().await;
    let short = json!({ "cart_seconds": 1, "abandoned_cart_seconds": 1 });
    open.shop.settings(short).await;
    let variant = open.shop.variant(100, None).await;
    let body = json!({ "variant_id": variant.id, "quantity": 1 });
    let guest = open.shop.guest().await;
    let first = guest.post(LINES, body.clone()).ok(200).await;
    until("the cart is deleted", async || {
        // Its shopper's look would bring it back.
        let cart = open.shop.staff.get(&format!("/admin/carts/{}", id_of(&first)));
        (cart.send().await.status == 404).then_some(())
    })
    .await;
    let next = guest.post(LINES, body).ok(200).await;
    assert_ne!(next["id"], first["id"]);
    assert_eq!(current(&guest).await["id"], next["id"]);
}
