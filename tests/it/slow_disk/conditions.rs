//! What is asked for at a version: beside what another asks for at none, and again when it broke off.

use super::{PENDING_BYTES_PLENTY, Pace, SYNC, Shop};
use crate::support::{self, unique, until};
use serde_json::json;
use tokio::time::sleep;

/// How often one of two completions is to be refused for the version that it has named.
const STALE_WANTED: u32 = 3;
/// How many rounds that may take.
const ROUNDS_MAX: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_completion_is_not_refused_for_a_version_that_another_one_has_named() {
    let house = Shop::open(PENDING_BYTES_PLENTY).await;
    let shop = support::Shop::by(&house.staff);
    let method = shop.everywhere().await;
    let variant = shop.variant(1000, None).await;
    // A change is to come between a completion and its lock: as often as it takes, and never without it.
    let mut stale = 0;
    for part in [4, 3, 2].into_iter().cycle().take(ROUNDS_MAX) {
        let guest = shop.guest().await;
        let cart = shop.ready_cart(&guest, &method, &[(&variant, 1)]).await;
        let version = guest.get(&format!("/carts/{cart}")).ok(200).await["version"].as_u64();
        let version = version.expect("a version");
        let complete = |if_match: Option<u64>, key: String| {
            let (guest, path) = (guest.clone(), format!("/carts/{cart}/complete"));
            tokio::spawn(async move {
                let body = json!({ "payment": { "token": "tok_approve" } });
                let call = guest.post(&path, body).key(&key);
                match if_match {
                    Some(version) => call.if_match(version).send().await,
                    None => call.send().await,
                }
            })
        };
        house.disk.set(Pace::Slow);
        let at_version = complete(Some(version), unique("key"));
        sleep(SYNC / part).await;
        let (shopper, path) = (guest.clone(), format!("/carts/{cart}"));
        let change = json!({ "email": "eve@example.com" });
        let change = tokio::spawn(async move { shopper.patch(&path, change).send().await });
        sleep(SYNC / part).await;
        let key = unique("key");
        let mut at_none = complete(None, key.clone()).await.expect("an answer");
        stale += u32::from(at_version.await.expect("an answer").status == 412);
        change.await.expect("an answer");
        house.disk.set(Pace::Fast);
        for _ in 0..100 {
            if ![409, 504].contains(&at_none.status) {
                break;
            }
            assert!(at_none.header("retry-after").is_some(), "{at_none:?}");
            sleep(SYNC).await;
            at_none = complete(None, key.clone()).await.expect("an answer");
        }
        assert_eq!(at_none.expect(200)["state"], "completed");
        if stale == STALE_WANTED {
            return;
        }
    }
    panic!("a change came between a completion and its lock {stale} times in {ROUNDS_MAX} rounds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_line_that_expects_no_cart_is_not_refused_for_the_one_that_it_has_opened() {
    let house = Shop::open(PENDING_BYTES_PLENTY).await;
    let guest = support::Shop::by(&house.staff).guest().await;
    let add = |key: &str| {
        let line = json!({ "sku": "CUP", "quantity": 1 });
        guest.post("/carts/current/lines", line).key(key).if_match(0)
    };
    house.disk.set(Pace::Stopped);
    let broken_off = add("first").send().await;
    assert_eq!(broken_off.status, 504, "{broken_off:?}");
    house.disk.set(Pace::Fast);
    until("its cart is there", async || {
        let cart = guest.get("/carts/current").send().await;
        (cart.status == 200).then_some(())
    })
    .await;
    assert_eq!(add("first").ok(200).await["totals"]["units"], 1);
    add("second").refused(412, "version.stale").await;
}
