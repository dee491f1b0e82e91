//! What the simulation has found, each played on purpose.

use crate::shop::{Sabotage, Shop, staged};
use cartwright_actors::Engine;
use cartwright_actors::cart::{CartRef, LineDraft, VariantRef, View};
use cartwright_actors::checkout::CompletionDraft;
use cartwright_domain::Kind;
use cartwright_domain::inventory::AdjustStock;
use std::time::Duration;
use tokio::time::sleep;

/// How long the checkout's first commit is on its way: longer than a hurried shopper waits.
const STALL: Duration = Duration::from_secs(2);
/// How long the engine is given to come to an end.
const AFTERWARDS: Duration = Duration::from_secs(60);

/// A completion was under way when its shopper gave up waiting and asked again, under the same key. By then the stock
/// was gone, and the second try was told so for good; the first went on all the same, to an order if stock came back.
#[test]
fn a_refusal_is_told_only_when_no_earlier_try_is_under_way() {
    let mut held_up = 0;
    // Between a completion that comes too early to see the stock go, and one too late to begin.
    for ahead in 0..8 {
        let outcome = staged(async {
            let mut shop = Shop::new(1, Sabotage::default());
            let running = shop.start(false).await;
            let goods = shop.furnish(&running).await;
            let (engine, requests): (&Engine, _) = (&running.engine, shop.requests());
            let session = engine.open_session(&requests.anybody(), None).await;
            let session = session.expect("a session").value.session.id;
            let cart = engine.open_cart(&requests.shopper(session, None), None).await;
            let cart = CartRef::Id(cart.expect("a cart").value.priced.cart.id);
            let (cup, _) = goods.variants[0];
            let draft = LineDraft {
                variant: VariantRef::Id(cup),
                quantity: 3,
                options: Default::default(),
                custom_fields: Default::default(),
                unit_price: None,
            };
            let request = requests.shopper(session, None);
            let added = engine.add_line(&request, cart, draft, View::Full).await;
            added.expect("a line");
            let details = crate::shopper::details(&goods);
            let detailed = engine.update_details(&request, cart, details, View::Full).await;
            detailed.expect("details");

            running.store.stall(Kind::Checkout, STALL);
            let adjust = async |delta| {
                let adjustment = AdjustStock {
                    delta,
                    reason: "counted".to_owned(),
                    reference: None,
                };
                // Staff wait as long as it takes.
                let mut request = requests.staff(None);
                request.deadline = tokio::time::Instant::now() + STALL * 4;
                let adjusted = engine.adjust_stock(&request, cup, adjustment).await;
                adjusted.expect("there are enough");
            };
            let complete = async |patience| {
                let mut request = requests.shopper(session, Some("key"));
                request.deadline = tokio::time::Instant::now() + patience;
                let draft = CompletionDraft {
                    payment_token: Some("card".to_owned()),
                    expected_total: None,
                    expected_due: None,
                };
                engine.complete_cart(&request, cart, draft).await
            };
            let hurried = async {
                sleep(Duration::from_millis(ahead)).await;
                complete(STALL / 4).await
            };
            let ((), first) = tokio::join!(adjust(-3), hurried);
            let was_held_up = first.is_err_and(|refused| !refused.problem.class.is_final());
            // Found again, the cups are there when the first try gets on.
            let (mut told, ()) = tokio::join!(complete(STALL / 4), adjust(3));
            while let Err(refused) = &told
                && !crate::shopper::is_final(&refused.problem)
            {
                sleep(STALL / 4).await;
                told = complete(STALL * 4).await;
            }
            running.settle().await;
            sleep(AFTERWARDS).await;
            let told = told.map(|done| done.value.order.is_some());
            let told = told.map_err(|refused| refused.problem);
            let again = complete(STALL).await.map(|done| done.value.order.is_some());
            assert_eq!(
                told,
                again.map_err(|refused| refused.problem),
                "one key, one answer"
            );
            was_held_up
        });
        held_up += u32::from(outcome);
    }
    assert!(0 < held_up, "no completion was held up");
}
