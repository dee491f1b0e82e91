//! Mail: one confirmation for each order, whatever happens between.

use crate::support::{Directory, OpenShop, Purchase, Server, address, unique, until};
use serde_json::json;

#[tokio::test]
async fn each_order_is_confirmed_by_exactly_one_mail_also_after_kills() {
    let mut open = OpenShop::fresh().await;
    let variant = open.shop.variant(1250, None).await;
    let directory = open.server.directory().clone();
    let mut placed = 0;
    for _ in 0..3 {
        for _ in 0..2 {
            open.shop
                .buy(&open.shop.guest().await, &open.method, &[(&variant, 2)])
                .await;
            placed += 1;
        }
        // Killed before, while or after the mails are written.
        let method = open.method.clone();
        let server = open.into_server().kill_and_restart();
        open = OpenShop {
            shop: server.shop(),
            server: server.into(),
            method,
        };
    }
    // Mails go in the order of the orders: with the last one there, none is still to come.
    open.shop
        .buy(&open.shop.guest().await, &open.method, &[(&variant, 2)])
        .await;
    placed += 1;
    let last = format!("Subject: Your order {placed}\r\n");
    until("the last mail is written", async || {
        directory
            .mails()
            .iter()
            .any(|mail| mail.contains(&last))
            .then_some(())
    })
    .await;
    let mails = directory.mails();
    assert_eq!(mails.len(), placed);
    for number in 1..=placed {
        let subject = format!("Subject: Your order {number}\r\n");
        let of_order: Vec<_> = mails.iter().filter(|mail| mail.contains(&subject)).collect();
        assert_eq!(of_order.len(), 1, "order {number}");
        assert!(of_order[0].contains("To: ada@example.com\r\n"), "{}", of_order[0]);
        assert!(of_order[0].contains("Total: 25.00 GBP"), "{}", of_order[0]);
    }
}

#[tokio::test]
async fn a_mail_directory_that_is_gone_does_not_stop_selling() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1250, None).await;
    let mail = open.server.directory().data().join("mail");
    let away = open.server.directory().data().join("away");
    std::fs::rename(&mail, &away).expect("the mail directory can be moved");
    std::fs::write(&mail, "in the way").expect("a file can be put there");
    let checkout = open
        .shop
        .buy(&open.shop.guest().await, &open.method, &[(&variant, 1)])
        .await;
    assert_eq!(checkout["order"]["number"], json!(1));
    let guest = open.server.guest();
    let mail_is = async |status: &str| {
        let health = guest.get("//health/ready").ok(200).await;
        let part = &health["parts"][2];
        (part["name"] == "mail" && part["status"] == status && health["status"] == status).then_some(())
    };
    until("health says that no mail can be written", async || {
        mail_is("degraded").await
    })
    .await;
    // Once the way is free the mail is sent after all.
    std::fs::remove_file(&mail).expect("the file can be removed");
    std::fs::rename(&away, &mail).expect("the mail directory can be moved back");
    until("the mail is written", async || {
        (open.server.directory().mails().len() == 1).then_some(())
    })
    .await;
    until("health says that mails can be written", async || {
        mail_is("ok").await
    })
    .await;
}

/// Takes mails away, as whoever sends them does.
fn take_mails(directory: &Directory) {
    let mail = directory.data().join("mail");
    for file in std::fs::read_dir(&mail).expect("the mails can be listed") {
        let path = file.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "eml") {
            std::fs::remove_file(path).expect("a mail can be taken");
        }
    }
}

#[tokio::test]
async fn what_was_mailed_before_an_orderly_stop_is_not_mailed_again() {
    let mut open = OpenShop::fresh().await;
    let variant = open.shop.variant(1250, None).await;
    let directory = open.server.directory().clone();
    for round in 1..=3 {
        open.shop
            .buy(&open.shop.guest().await, &open.method, &[(&variant, 2)])
            .await;
        // Stopped at once: the mail is written, and that it is so is noted.
        let (shop, method) = (open.shop.clone(), open.method.clone());
        let mut server = open.into_server();
        assert!(server.stop().success());
        assert_eq!(directory.mails().len(), 1, "round {round}");
        take_mails(&directory);
        let server = Server::start(&directory);
        open = OpenShop {
            shop: shop.at(&server),
            server: server.into(),
            method,
        };
        // Mails go out in the order of their orders: what would come again is there before the mail of a later one.
        let later = open.shop.guest().await;
        open.shop.buy(&later, &open.method, &[(&variant, 1)]).await;
        let mails = until("the later order is mailed", async || {
            Some(directory.mails()).filter(|mails| !mails.is_empty())
        });
        assert_eq!(mails.await.len(), 1, "round {round}");
        take_mails(&directory);
    }
}

#[tokio::test]
async fn a_confirmation_says_what_was_chosen_and_for_which_firm() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1_250, None).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[]).await;
    for name in ["Ada", "Bob"] {
        let line = json!({ "sku": variant.sku, "quantity": 1, "options": { "engraving": name } });
        guest.post(&format!("/carts/{cart}/lines"), line).ok(200).await;
    }
    let mut to = address("GB");
    to["company"] = json!("Lovelace Ltd");
    let details = json!({ "shipping_address": to });
    guest.patch(&format!("/carts/{cart}"), details).ok(200).await;
    let key = unique("key");
    let purchase = Purchase {
        key: &key,
        token: "tok_approve",
    };
    open.shop.complete(&guest, &cart, &purchase).await.expect(200);
    let directory = open.server.directory();
    let mail = until("the mail is written", async || directory.mails().pop()).await;
    for part in [
        "    engraving: Ada\r\n",
        "    engraving: Bob\r\n",
        "\r\nLovelace Ltd\r\n",
    ] {
        assert!(mail.contains(part), "{part:?} is not in\n{mail}");
    }
}
