//! What becomes of a balance that several want at the same time, over HTTP.

use crate::gift_card_payments::{applied, balance, card_path, complete, issue, text, token, with_code};
use crate::support::{OpenShop, pence};
use futures::future::join_all;
use serde_json::json;

/// A balance for one of twenty tabs, twenty times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_tabs_spend_a_card_once() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(100, None).await;
    let guest = open.shop.guest().await;
    for round in 0..20 {
        let card = issue(&open, 200).await;
        let tabs = (0..20).map(|_| async {
            let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 2)]).await;
            let path = format!("/carts/{cart}/gift-cards");
            let shown = guest.post(&path, with_code(&card)).ok(200).await;
            assert_eq!(shown["amount_due"], pence(0));
            cart
        });
        let carts = join_all(tabs).await;
        let completions = carts.iter().map(|cart| complete(&guest, cart, json!({})));
        let answers = join_all(completions).await;
        let paid = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(paid, 1, "round {round}");
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            let code = text(&answer.json["error"]);
            let fits = ["checkout.amount_due_changed", "gift_card.insufficient_balance"].contains(&code);
            assert!(answer.status == 409 && fits, "{}", answer.text);
        }
        assert_eq!(balance(&open, &card).await, (0, 0), "round {round}");
        let shown = open.shop.staff.get(&card_path(&card)).ok(200).await;
        assert_eq!(shown["ledger"].as_array().map(Vec::len), Some(2), "round {round}");
    }
}

/// After a restart nobody remembers what was shown: that a card pays for everything is all that a shopper has agreed to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_were_shown_that_one_card_pays_it_all_nobody_is_charged_after_a_restart() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1_000, None).await;
    let mut carts: Vec<Vec<_>> = Vec::new();
    for _ in 0..6 {
        let card = issue(&open, 2_000).await;
        let wanted = (0..6).map(|_| async {
            let (guest, cart, shown) = applied(&open, &variant, &card).await;
            assert_eq!(shown["amount_due"], pence(0));
            (guest, cart)
        });
        carts.push(join_all(wanted).await);
    }
    let server = open.into_server().kill_and_restart();
    let mut body = token("tok_approve");
    body["expected_total"] = pence(2_000);
    for of_card in carts {
        let completions = of_card.into_iter().map(|(guest, cart)| {
            let (guest, body) = (guest.at(server.url()), body.clone());
            async move { complete(&guest, &cart, body).await }
        });
        let mut sold = 0;
        for answer in join_all(completions).await {
            match answer.status {
                200 => sold += 1,
                _ => assert_eq!(answer.status, 409, "{}", answer.text),
            }
        }
        assert_eq!(sold, 1);
    }
    assert_eq!(server.ledger().payments, [], "the card pays for what is sold");
}
