//! Stock that staff stops counting while a shopper starts to buy it, and counts again before anybody pays.

use super::{PENDING_BYTES_PLENTY, Pace, SYNC, Shop};
use crate::support::{self, Client, Purchase, unique};
use serde_json::json;
use tokio::time::sleep;

/// At which parts of a sync's time after the start it is that the stock stops to be counted: the reservation is to read
/// what was before, and to come behind it.
const PARTS: [u32; 5] = [5, 4, 3, 2, 1];

#[tokio::test(flavor = "multi_thread")]
async fn stock_that_was_not_counted_for_the_moment_of_a_start_is_not_oversold() {
    let house = Shop::open(PENDING_BYTES_PLENTY).await;
    let shop = support::Shop::by(&house.staff);
    let method = shop.everywhere().await;
    for part in PARTS {
        let variant = shop.variant(1000, Some(100)).await;
        let (first, second) = (shop.guest().await, shop.guest().await);
        let started = shop.ready_cart(&first, &method, &[(&variant, 1)]).await;
        let other = shop.ready_cart(&second, &method, &[(&variant, 1)]).await;

        house.disk.set(Pace::Slow);
        let (shopper, path) = (first.clone(), format!("/carts/{started}/checkout"));
        let start =
            tokio::spawn(async move { shopper.post(&path, json!({})).key(&unique("key")).send().await });
        sleep(SYNC / part).await;
        let path = format!("/admin/variants/{}/stock", variant.id);
        house.staff.put(&path, json!({ "tracked": false })).ok(200).await;
        start.await.expect("an answer").expect(201);
        house.disk.set(Pace::Fast);
        shop.set_stock(&variant, 1).await;

        let buy = async |guest: &Client, cart: &str| {
            let (key, token) = (unique("key"), "tok_approve");
            shop.complete(guest, cart, &Purchase { key: &key, token })
                .await
                .status
        };
        let answers = [buy(&first, &started).await, buy(&second, &other).await];
        let bought = answers.iter().filter(|status| **status == 200).count();
        assert_eq!(bought, 1, "one of two has the only unit, told {answers:?}");
        support::until("the unit is promised", async || {
            (shop.units(&variant).await == (1, 0, 1)).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_that_stops_to_be_counted_while_a_shopper_starts_to_buy_it_is_sold() {
    let house = Shop::open(PENDING_BYTES_PLENTY).await;
    let shop = support::Shop::by(&house.staff);
    let method = shop.everywhere().await;
    for part in PARTS {
        let variant = shop.variant(1000, Some(1)).await;
        let guest = shop.guest().await;
        let cart = shop.ready_cart(&guest, &method, &[(&variant, 1)]).await;
        house.disk.set(Pace::Slow);
        let (shopper, path) = (guest.clone(), format!("/carts/{cart}/complete"));
        let body = json!({ "payment": { "token": "tok_approve" } });
        let completion =
            tokio::spawn(async move { shopper.post(&path, body).key(&unique("key")).send().await });
        sleep(SYNC / part).await;
        let path = format!("/admin/variants/{}/stock", variant.id);
        house.staff.put(&path, json!({ "tracked": false })).ok(200).await;
        let done = completion.await.expect("an answer").expect(200);
        assert_eq!(done["state"], "completed");
        house.disk.set(Pace::Fast);
    }
}
