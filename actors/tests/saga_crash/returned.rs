//! What goes back for a canceled order.

use crate::buyer::{Buyer, ORDERED};
use crate::house::House;
use cartwright_actors::PageRequest;
use cartwright_domain::order::Order;
use cartwright_domain::{Entity, settings};
use std::time::Duration;

/// A provider that knows of no such payment lets nothing go, however often it is asked.
#[tokio::test(start_paused = true)]
async fn that_a_payment_is_not_voided_stands_in_the_history_of_its_order() {
    let house = House::build().await;
    let running = house.start(Duration::ZERO, |_| {}).await;
    let buyer = Buyer::new(&running.engine, &house);
    let later = settings::Draft {
        capture: Some("when_shipped".to_owned()),
        ..settings::Draft::default()
    };
    buyer.settings("capture", later).await;
    let cart = buyer.cart(0, "cart", &[(buyer.goods.untracked, 1)]).await;
    let ended = buyer.complete(0, "complete", cart, "tok_approve", None).await;
    assert_eq!(ended, ORDERED);
    let order = buyer.first_order().await;
    running.kill().await;
    house.lose_ledger();

    let running = house.start(Duration::ZERO, |_| {}).await;
    let buyer = Buyer::new(&running.engine, &house);
    assert_eq!(buyer.cancel("cancel", order).await, "canceled");
    assert_eq!(running.open_sagas().await, 0);
    let everything = PageRequest {
        limit: 100,
        cursor: None,
    };
    let history = running
        .engine
        .history(Order::key(order), everything)
        .await
        .unwrap();
    let told: Vec<_> = history.items.iter().flat_map(|change| &change.events).collect();
    let names: Vec<_> = told.iter().map(|told| &*told.name).collect();
    assert!(names.contains(&"order.payment_void_failed"), "{names:?}");
    running.kill().await;
}
