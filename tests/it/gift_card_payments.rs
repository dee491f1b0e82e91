//! What is paid with gift cards and store credit, over HTTP: beside the payment provider, without it, and when several
//! want the same balance. The sandbox's own ledger is the witness of what was charged.

use crate::support::{Answer, Client, OpenShop, Variant, address, amount_of, pence, unique, until};
use futures::future::join_all;
use serde_json::{Value, json};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

async fn issue(open: &OpenShop, amount: i64) -> Value {
    let body = json!({ "amount": pence(amount) });
    open.shop.staff.post("/admin/gift-cards", body).ok(201).await
}

fn card_path(card: &Value) -> String {
    format!("/admin/gift-cards/{}", text(&card["id"]))
}

/// Returns what is on a gift card, and what of it is held.
async fn balance(open: &OpenShop, card: &Value) -> (i64, i64) {
    let card = open.shop.staff.get(&card_path(card)).ok(200).await;
    (amount_of(&card["balance"]), amount_of(&card["held"]))
}

fn with_code(card: &Value) -> Value {
    json!({ "code": card["code"] })
}

/// A guest whose cart of one variant is to be paid with a gift card, as far as it goes.
async fn applied(open: &OpenShop, variant: &Variant, card: &Value) -> (Client, String, Value) {
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(variant, 2)]).await;
    let path = format!("/carts/{cart}/gift-cards");
    let shown = guest.post(&path, with_code(card)).ok(200).await;
    (guest, cart, shown)
}

async fn complete(guest: &Client, cart: &str, body: Value) -> Answer {
    let path = format!("/carts/{cart}/complete");
    guest.post(&path, body).key(&unique("key")).send().await
}

fn token(token: &str) -> Value {
    json!({ "payment": { "token": token } })
}

/// Returns what the sandbox has of a checkout: authorized, captured, refunded.
fn charged(open: &OpenShop, checkout: &Value) -> Vec<(i64, i64, i64)> {
    let payments = open.server.ledger().payments.into_iter();
    let own = payments.filter(|payment| payment.checkout == text(&checkout["id"]) && !payment.voided);
    own.map(|payment| {
        let amounts = [payment.authorized, payment.captured, payment.refunded];
        let [authorized, captured, refunded] = amounts.map(|money| money.amount);
        (authorized, captured, refunded)
    })
    .collect()
}

/// Returns the payments of an order: who takes the money, how it stands, how much.
fn payments(order: &Value) -> Vec<(&str, &str, i64)> {
    let payments = order["payments"].as_array().into_iter().flatten();
    payments
        .map(|payment| {
            let amount = amount_of(&payment["authorized"]);
            (text(&payment["provider"]), text(&payment["state"]), amount)
        })
        .collect()
}

#[tokio::test]
async fn a_card_pays_its_part_the_provider_the_rest_and_a_cancellation_gives_both_back() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(1_000, Some(10)).await;
    let card = issue(&open, 500).await;
    let (guest, cart, shown) = applied(&open, &variant, &card).await;
    assert_eq!(
        (&shown["totals"]["total"], &shown["amount_due"]),
        (&pence(2_000), &pence(1_500))
    );
    let payment = &shown["payments"][0];
    assert_eq!(
        (&payment["type"], &payment["amount"]),
        (&json!("gift_card"), &pence(500))
    );
    assert_eq!(payment["last_characters"], card["last_characters"]);
    assert!(!shown.to_string().contains(text(&card["code"])), "{shown}");

    let checkout = complete(&guest, &cart, token("tok_approve")).await.expect(200);
    let id = text(&checkout["order"]["id"]);
    until("everything is captured", async || {
        let order = open.shop.order(id).await;
        (order["payment_state"] == "captured").then_some(())
    })
    .await;
    let order = open.shop.order(id).await;
    let paid = [("gift_card", "captured", 500), ("sandbox", "captured", 1_500)];
    assert_eq!(payments(&order), paid);
    assert_eq!(order["payments"][0]["last_characters"], card["last_characters"]);
    assert_eq!(charged(&open, &checkout), [(1_500, 1_500, 0)]);
    assert_eq!(balance(&open, &card).await, (0, 0));
    let said = format!(
        "Paid with the gift card ending in {}: 5.00 GBP",
        text(&card["last_characters"])
    );
    let mails = open.server.directory();
    until("the confirmation says how it was paid", async || {
        mails
            .mails()
            .iter()
            .any(|mail| mail.contains(&said))
            .then_some(())
    })
    .await;

    // Also to a card that was disabled meanwhile.
    let off = json!({ "enabled": false });
    open.shop.staff.patch(&card_path(&card), off).ok(200).await;
    let path = format!("/admin/orders/{id}/cancel");
    let canceled = open
        .shop
        .staff
        .post(&path, json!({ "reason": "changed her mind" }));
    let canceled = canceled.key(&unique("cancel")).ok(200).await;
    let back = [("gift_card", "refunded", 500), ("sandbox", "refunded", 1_500)];
    assert_eq!(payments(&canceled), back);
    assert_eq!(charged(&open, &checkout), [(1_500, 1_500, 1_500)]);
    assert_eq!(balance(&open, &card).await, (500, 0));
    let shown = open.shop.staff.get(&card_path(&card)).ok(200).await;
    let ledger: Vec<&str> = shown["ledger"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| text(&entry["kind"]))
        .collect();
    assert_eq!(ledger, ["issued", "used", "given_back"]);
    assert_eq!(shown["ledger"][1]["order_id"], checkout["order"]["id"]);
}

#[tokio::test]
async fn what_a_card_covers_wholly_needs_no_token_and_asks_no_provider() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(1_000, Some(10)).await;
    let card = issue(&open, 5_000).await;
    let (guest, cart, shown) = applied(&open, &variant, &card).await;
    assert_eq!(
        (&shown["totals"]["total"], &shown["amount_due"]),
        (&pence(2_000), &pence(0))
    );
    let checkout = complete(&guest, &cart, json!({})).await.expect(200);
    let order = open.shop.order(text(&checkout["order"]["id"])).await;
    assert_eq!(payments(&order), [("gift_card", "captured", 2_000)]);
    assert_eq!(
        (&order["status"], charged(&open, &checkout)),
        (&json!("confirmed"), Vec::new())
    );
    assert_eq!(balance(&open, &card).await, (3_000, 0));
}

#[tokio::test]
async fn a_declined_payment_gives_the_hold_back() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(1_000, Some(10)).await;
    let card = issue(&open, 500).await;
    let (guest, cart, _) = applied(&open, &variant, &card).await;
    let declined = complete(&guest, &cart, token("tok_decline")).await;
    assert_eq!(
        (declined.status, &declined.json["error"]),
        (402, &json!("payment.declined"))
    );
    assert_eq!(balance(&open, &card).await, (500, 0));
    let shown = guest.get(&format!("/carts/{cart}")).ok(200).await;
    assert_eq!(
        (&shown["state"], &shown["amount_due"]),
        (&json!("active"), &pence(1_500))
    );
    let removed = format!("/carts/{cart}/payments/{}", text(&card["id"]));
    let shown = guest.delete(&removed).ok(200).await;
    assert_eq!(
        (&shown["payments"], &shown["amount_due"]),
        (&json!([]), &pence(2_000))
    );
    guest.delete(&removed).ok(200).await;
}

#[tokio::test]
async fn a_card_that_covers_less_than_was_shown_refuses_the_checkout_before_anything_is_charged() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(1_000, Some(10)).await;
    let card = issue(&open, 500).await;
    let (guest, cart, _) = applied(&open, &variant, &card).await;
    let less = json!({ "amount": pence(-200), "reason": "paid out" });
    let adjustments = format!("{}/adjustments", card_path(&card));
    open.shop.staff.post(&adjustments, less).ok(200).await;
    let refused = complete(&guest, &cart, token("tok_approve")).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert_eq!(refused.json["error"], "checkout.amount_due_changed");
    let details = &refused.json["details"];
    assert_eq!(
        (&details["expected_amount_due"], &details["amount_due"]),
        (&pence(1_500), &pence(1_700))
    );
    assert_eq!(details["payments"][0]["id"], card["id"]);
    assert_eq!(details["payments"][0]["amount"], pence(300));
    // Whoever has seen it may agree.
    let agreed = json!({ "payment": { "token": "tok_approve" }, "expected_amount_due": pence(1_700) });
    let checkout = complete(&guest, &cart, agreed).await.expect(200);
    until("the rest is captured", async || {
        (charged(&open, &checkout) == [(1_700, 1_700, 0)]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_reason_why_a_card_cannot_be_spent_has_a_code_of_its_own() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(1_000, Some(10)).await;
    let guest = open.shop.guest().await;
    open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let path = "/carts/current/gift-cards";
    let good = issue(&open, 500).await;
    let end = json!({ "code": good["last_characters"] });
    guest.post(path, end).refused(422, "gift_card.unknown").await;
    let off = issue(&open, 500).await;
    open.shop
        .staff
        .patch(&card_path(&off), json!({ "enabled": false }))
        .ok(200)
        .await;
    guest
        .post(path, with_code(&off))
        .refused(422, "gift_card.disabled")
        .await;
    let empty = issue(&open, 500).await;
    let adjustments = format!("{}/adjustments", card_path(&empty));
    let all = json!({ "amount": pence(-500), "reason": "paid out" });
    open.shop.staff.post(&adjustments, all).ok(200).await;
    guest
        .post(path, with_code(&empty))
        .refused(422, "gift_card.empty")
        .await;
    let euros = json!({ "amount": { "amount": 500, "currency": "EUR" } });
    let euros = open.shop.staff.post("/admin/gift-cards", euros).ok(201).await;
    guest
        .post(path, with_code(&euros))
        .refused(422, "gift_card.other_currency")
        .await;

    // One that expires in the cart stays there, covers nothing any more, and says why.
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(700);
    let brief = json!({ "amount": pence(500), "expires_at": soon.to_string() });
    let brief = open.shop.staff.post("/admin/gift-cards", brief).ok(201).await;
    guest.post(path, with_code(&brief)).ok(200).await;
    let cart = until("the card has expired", async || {
        let cart = guest.get("/carts/current").ok(200).await;
        (cart["payments"][0]["reason"] == "expired").then_some(cart)
    })
    .await;
    assert_eq!(cart["amount_due"], cart["totals"]["total"]);
    guest
        .post(path, with_code(&brief))
        .refused(422, "gift_card.expired")
        .await;
    for _ in 0..4 {
        let card = issue(&open, 100).await;
        guest.post(path, with_code(&card)).ok(200).await;
    }
    guest
        .post(path, with_code(&good))
        .refused(409, "cart.too_many_gift_cards")
        .await;
}

#[tokio::test]
async fn store_credit_pays_for_carts_of_its_customer() {
    let open = OpenShop::shared().await;
    let (shop, variant) = (&open.shop, open.shop.variant(1_000, Some(10)).await);
    let customer = json!({ "external_id": unique("paying") });
    let customer = shop.staff.post("/admin/customers", customer).ok(201).await;
    let guest = shop.guest().await;
    let cart = shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let path = format!("/carts/{cart}/store-credit");
    guest
        .post(&path, json!({}))
        .refused(422, "store_credit.none")
        .await;
    let own = json!({ "customer_id": customer["id"] });
    shop.staff.patch(&format!("/carts/{cart}"), own).ok(200).await;
    guest
        .post(&path, json!({}))
        .refused(422, "store_credit.none")
        .await;
    let adjustments = format!(
        "/admin/customers/{}/store-credit/adjustments",
        text(&customer["id"])
    );
    let credit = json!({ "amount": pence(300), "reason": "goodwill" });
    shop.staff.post(&adjustments, credit).ok(200).await;
    let shown = guest.post(&path, json!({})).ok(200).await;
    assert_eq!(shown["amount_due"], pence(700));
    let checkout = complete(&guest, &cart, token("tok_approve")).await.expect(200);
    let order = shop.order(text(&checkout["order"]["id"])).await;
    let (provider, _, amount) = payments(&order)[0];
    assert_eq!((provider, amount), ("store_credit", 300));
}

#[tokio::test]
async fn a_card_that_covers_less_than_was_shown_refuses_a_started_checkout_too() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(1_000, Some(10)).await;
    let card = issue(&open, 9_000).await;
    let (guest, cart, shown) = applied(&open, &variant, &card).await;
    assert_eq!(shown["amount_due"], pence(0));
    guest
        .post(&format!("/carts/{cart}/checkout"), json!({}))
        .ok(201)
        .await;
    let less = json!({ "amount": pence(-8_500), "reason": "paid out" });
    let adjustments = format!("{}/adjustments", card_path(&card));
    open.shop.staff.post(&adjustments, less).ok(200).await;
    let refused = complete(&guest, &cart, json!({})).await;
    let refused = refused.expect_refused(409, "checkout.amount_due_changed");
    assert_eq!(refused["details"]["amount_due"], pence(1_500));
    let shown = guest.get(&format!("/carts/{cart}")).ok(200).await;
    assert_eq!(
        (&shown["state"], &shown["amount_due"]),
        (&json!("active"), &pence(1_500))
    );
    complete(&guest, &cart, token("tok_approve")).await.expect(200);
}

#[tokio::test]
async fn a_card_that_covers_less_is_told_also_beside_another_total() {
    let open = OpenShop::shared().await;
    // The price becomes another, and what is left of the card is not what it was shown to pay.
    for price in [1_300, 900, 1_001] {
        let variant = open.shop.variant(1_000, Some(10)).await;
        let card = issue(&open, 600).await;
        let (guest, cart, shown) = applied(&open, &variant, &card).await;
        assert_eq!(shown["amount_due"], pence(1_400));
        let less = json!({ "amount": pence(-500), "reason": "paid out" });
        let adjustments = format!("{}/adjustments", card_path(&card));
        open.shop.staff.post(&adjustments, less).ok(200).await;
        open.shop.set_price(&variant, price).await;
        let total = 2 * price;

        let refused = complete(&guest, &cart, token("tok_approve")).await;
        let refused = refused.expect_refused(409, "checkout.total_changed");
        let details = &refused["details"];
        assert_eq!(
            (&details["total"], &details["amount_due"]),
            (&pence(total), &pence(total - 100))
        );
        // To agree to the total is to agree to what was told to be left of it, and to no more.
        open.shop
            .staff
            .patch(&card_path(&card), json!({ "enabled": false }))
            .ok(200)
            .await;
        let mut body = token("tok_approve");
        body["expected_total"] = pence(total);
        let refused = complete(&guest, &cart, body.clone()).await;
        let refused = refused.expect_refused(409, "checkout.amount_due_changed");
        assert_eq!(refused["details"]["amount_due"], pence(total));
        // The total is no news, and may be sent without having looked.
        let again = complete(&guest, &cart, body.clone()).await;
        again.expect_refused(409, "checkout.amount_due_changed");
        let due = total;
        body["expected_amount_due"] = pence(due);
        let checkout = complete(&guest, &cart, body).await.expect(200);
        assert_eq!(charged(&open, &checkout), [(due, due, 0)]);
    }
}

/// A guest with a cart of 20.00, shown with a gift card of 6.00 that staff have taken out since.
async fn taken_out(open: &OpenShop, variant: &Variant) -> (Client, String) {
    let card = issue(open, 600).await;
    let (guest, cart, _) = applied(open, variant, &card).await;
    let removed = format!("/carts/{cart}/payments/{}", text(&card["id"]));
    open.shop.staff.delete(&removed).ok(200).await;
    (guest, cart)
}

#[tokio::test]
async fn that_staff_have_taken_the_last_card_out_is_told_until_it_was_seen() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(1_000, Some(10)).await;
    let (guest, cart) = taken_out(&open, &variant).await;
    let mut body = token("tok_approve");
    body["expected_total"] = pence(2_000);
    for _ in 0..3 {
        let refused = complete(&guest, &cart, body.clone()).await;
        let refused = refused.expect_refused(409, "checkout.amount_due_changed");
        assert_eq!(refused["details"]["amount_due"], pence(2_000));
    }
    let shown = guest.get(&format!("/carts/{cart}")).ok(200).await;
    assert_eq!(shown["amount_due"], pence(2_000));
    let checkout = complete(&guest, &cart, body).await.expect(200);
    assert_eq!(charged(&open, &checkout), [(2_000, 2_000, 0)]);
}

#[tokio::test]
async fn that_staff_have_taken_the_last_card_out_is_told_after_a_restart() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1_000, Some(10)).await;
    let (guest, cart) = taken_out(&open, &variant).await;
    let server = open.into_server().kill_and_restart();
    let guest = guest.at(server.url());
    let mut body = token("tok_approve");
    body["expected_total"] = pence(2_000);
    for _ in 0..2 {
        let refused = complete(&guest, &cart, body.clone()).await;
        refused.expect_refused(409, "checkout.amount_due_changed");
    }
    guest.get(&format!("/carts/{cart}")).ok(200).await;
    complete(&guest, &cart, body).await.expect(200);
}

#[tokio::test]
async fn that_staff_have_taken_the_last_card_out_is_told_beside_another_total() {
    let open = OpenShop::shared().await;
    let variant = open.shop.variant(1_000, Some(10)).await;
    let (guest, cart) = taken_out(&open, &variant).await;
    open.shop.set_price(&variant, 1_050).await;
    let refused = complete(&guest, &cart, token("tok_approve")).await;
    let refused = refused.expect_refused(409, "checkout.total_changed");
    let details = &refused["details"];
    assert_eq!(
        (&details["total"], &details["amount_due"]),
        (&pence(2_100), &pence(2_100))
    );
}

#[tokio::test]
async fn what_a_card_was_shown_to_pay_is_not_taken_for_granted_after_a_restart() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1_000, Some(10)).await;
    let (spoiled, same) = (issue(&open, 600).await, issue(&open, 600).await);
    let (guest, cart, _) = applied(&open, &variant, &spoiled).await;
    let (other, other_cart, _) = applied(&open, &variant, &same).await;
    let shop = open.shop.clone();
    let server = open.into_server().kill_and_restart();
    let (shop, guest, other) = (shop.at(&server), guest.at(server.url()), other.at(server.url()));
    let disabled = json!({ "enabled": false });
    shop.staff.patch(&card_path(&spoiled), disabled).ok(200).await;
    let mut body = token("tok_approve");
    body["expected_total"] = pence(2_000);
    let refused = complete(&guest, &cart, body.clone()).await;
    let refused = refused.expect_refused(409, "checkout.amount_due_changed");
    assert_eq!(refused["details"]["amount_due"], pence(2_000));
    let done = complete(&other, &other_cart, body).await.expect(200);
    let order = shop.order(text(&done["order"]["id"])).await;
    assert_eq!(
        payments(&order),
        [("gift_card", "captured", 600), ("sandbox", "captured", 1_400)]
    );
}

#[tokio::test]
async fn what_cards_pay_in_full_is_given_up_past_the_deadline_too() {
    let open = OpenShop::fresh().await;
    // The calculator keeps silent about this place, so that the quote takes longer than the checkout may.
    let settings = json!({ "checkout_seconds": 1, "tax_calculator": "fake" });
    open.shop.settings(settings).await;
    let variant = open.shop.variant(1_000, Some(10)).await;
    let card = issue(&open, 9_000).await;
    let (guest, cart, _) = applied(&open, &variant, &card).await;
    let mut address = address("GB");
    address["postal_code"] = json!("ZE99 1AA");
    let details = json!({ "shipping_address": address });
    let shown = guest.patch(&format!("/carts/{cart}"), details).ok(200).await;
    assert_eq!(shown["amount_due"], pence(0));
    // What was said of another price is no answer any more: it is asked again.
    open.shop.set_price(&variant, 1_100).await;
    let refused = complete(&guest, &cart, json!({ "expected_total": pence(2_200) })).await;
    refused.expect_refused(402, "payment.given_up");
    assert_eq!(balance(&open, &card).await, (9_000, 0));
    assert_eq!(open.shop.units(&variant).await, (10, 0, 0));
    assert_eq!(open.shop.orders().await.len(), 0);
}

#[tokio::test]
async fn a_customer_to_whom_the_store_owes_credit_stays() {
    let open = OpenShop::shared().await;
    let (shop, variant) = (&open.shop, open.shop.variant(1_000, Some(10)).await);
    let customer = json!({ "external_id": unique("leaving") });
    let customer = shop.staff.post("/admin/customers", customer).ok(201).await;
    let record = format!("/admin/customers/{}", text(&customer["id"]));
    let (credit, adjustments) = (
        format!("{record}/store-credit"),
        format!("{record}/store-credit/adjustments"),
    );
    let adjust = |amount: i64| json!({ "amount": pence(amount), "reason": "goodwill" });
    shop.staff.post(&adjustments, adjust(1_000)).ok(200).await;
    let guest = shop.guest().await;
    let cart = shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let own = json!({ "customer_id": customer["id"] });
    shop.staff.patch(&format!("/carts/{cart}"), own).ok(200).await;
    let path = format!("/carts/{cart}/store-credit");
    let shown = guest.post(&path, json!({})).ok(200).await;
    assert_eq!(shown["amount_due"], pence(0));

    let refused = shop.staff.delete(&record);
    let refused = refused.refused(409, "customer.has_store_credit").await;
    assert_eq!(refused["details"]["balances"], json!([pence(1_000)]));
    let checkout = complete(&guest, &cart, json!({})).await.expect(200);
    // All of it is spent: nothing is owed any more, until the order is canceled.
    shop.staff.delete(&record).ok(204).await;
    shop.staff.get(&record).refused(404, "customer.not_found").await;
    let cancel = format!("/admin/orders/{}/cancel", text(&checkout["order"]["id"]));
    shop.staff
        .post(&cancel, json!({ "reason": "sent back" }))
        .key(&unique("cancel"))
        .ok(200)
        .await;
    let owed = until("the credit is given back", async || {
        let owed = shop.staff.get(&credit).ok(200).await;
        (owed["items"][0]["balance"] == pence(1_000)).then_some(owed)
    });
    owed.await;
    let refused = shop.staff.post(&adjustments, adjust(-1_001));
    let refused = refused.refused(409, "stored_value.below_held").await;
    let message = "the balance is 10.00 GBP, and no more than that can be taken off";
    assert_eq!(refused["message"], message);
    let more = shop.staff.post(&adjustments, adjust(1));
    more.refused(404, "customer.not_found").await;
    let paid_out = shop.staff.post(&adjustments, adjust(-1_000)).ok(200).await;
    assert_eq!(paid_out["balance"], pence(0));
}

#[tokio::test]
async fn a_customer_goes_or_is_owed_more_and_never_both() {
    let shop = &OpenShop::shared().await.shop;
    for round in 0..20 {
        let name = unique("owed");
        let customer = shop
            .staff
            .post("/admin/customers", json!({ "external_id": name }));
        let record = format!("/admin/customers/{}", text(&customer.ok(201).await["id"]));
        let adjustments = format!("{record}/store-credit/adjustments");
        let more = shop
            .staff
            .post(&adjustments, json!({ "amount": pence(100), "reason": "a gift" }));
        let row = json!({ "row": 1, "customer": name, "amount": pence(100), "reason": "a gift" });
        let rows = shop
            .staff
            .post("/admin/store-credit/import", json!({ "rows": [row] }));
        let delete = shop.staff.delete(&record);
        let (gone, owed) = match round % 2 {
            0 => tokio::join!(delete.send(), async { more.send().await.status == 200 }),
            _ => tokio::join!(delete.send(), async {
                let imported = rows.send().await.expect(200);
                imported["results"][0]["outcome"] == "created"
            }),
        };
        match owed {
            true => drop(gone.expect_refused(409, "customer.has_store_credit")),
            false => assert_eq!(gone.status, 204, "round {round}"),
        }
    }
}

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
