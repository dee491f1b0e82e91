//! A checkout that is given up before its start has come to its end.

use super::{PENDING_BYTES_PLENTY, Pace, Shop};
use crate::support::{self, unique, until};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_while_the_start_still_reserves_has_left() {
    let house = Shop::open(PENDING_BYTES_PLENTY).await;
    let shop = support::Shop::by(&house.staff);
    let method = shop.everywhere().await;
    let variant = shop.variant(1000, Some(5)).await;
    let guest = shop.guest().await;
    let cart = shop.ready_cart(&guest, &method, &[(&variant, 2)]).await;
    house.disk.set(Pace::Slow);
    let (shopper, path) = (guest.clone(), format!("/carts/{cart}/checkout"));
    let start = tokio::spawn(async move { shopper.post(&path, json!({})).key(&unique("key")).send().await });
    let checkout = until("the cart is locked", async || {
        let cart = guest.get(&format!("/carts/{cart}")).ok(200).await;
        cart["checkout_id"].as_str().map(str::to_owned)
    })
    .await;
    let path = format!("/checkouts/{checkout}/abandon");
    let left = guest.post(&path, json!({})).key("leave").ok(200).await;
    assert_eq!(left["state"], "abandoned", "{left}");
    house.disk.set(Pace::Fast);
    start.await.expect("an answer");
    assert_eq!(shop.units(&variant).await, (5, 0, 0));
    let again = guest.post(&path, json!({})).key("leave").send().await;
    assert!(again.header("idempotent-replayed").is_some(), "{again:?}");
    assert_eq!(
        guest.get(&format!("/carts/{cart}")).ok(200).await["state"],
        "active"
    );
}
