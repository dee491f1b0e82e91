//! What is charged is what was shown, also where nobody remembers what that was.

use crate::POLL;
use crate::buyer::{Buyer, ORDERED};
use crate::house::{House, pence};
use std::time::Duration;
use tokio::time::sleep;

/// A total that is named leaves what gift cards were shown to leave of it, and not of the total of the moment.
#[tokio::test(start_paused = true)]
async fn a_total_that_is_another_for_a_moment_agrees_to_no_other_amount_due() {
    for commits in 1..=5 {
        let house = House::build().await;
        let running = house.start(Duration::ZERO, |_| {}).await;
        let buyer = Buyer::new(&running.engine, &house);
        let cup = buyer.goods.tracked[0];
        let cart = buyer.cart(0, "cart", &[(cup, 1)]).await;
        buyer.gift_card(0, cart, pence(100)).await;
        let shown = buyer.look(0, cart).await;
        running.kill().await;

        // The price counts as it is when the completion is asked for, and again once one commit of that is done anew.
        let running = house
            .start(Duration::ZERO, |faults| faults.fail_nth(1 + commits))
            .await;
        let buyer = Buyer::new(&running.engine, &house);
        buyer.price("more", cup, pence(455)).await;
        let (ended, ()) = tokio::join!(
            buyer.complete(0, "complete", cart, "tok_approve", Some(shown)),
            async {
                sleep(POLL).await;
                buyer.stop_gift_card().await;
                buyer.price("as before", cup, pence(255)).await;
            }
        );
        assert_ne!(ended, ORDERED, "{commits}");
        assert_eq!(house.ledger().entries, [], "{commits}: {ended}");
        running.kill().await;
    }
}
