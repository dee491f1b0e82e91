//! What changes while a change that shoppers have seen nothing of waits for the disk: nobody is charged for it when nobody
//! remembers any more what they were shown.

use super::{LOOK, PATIENCE, PENDING_BYTES_PLENTY, Pace, SYNC, Shop, add};
use crate::support::{self, id_of, pence, unique, until};
use cartwright_gateways::payment::sandbox::Ledger;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

/// Opens a cart that is shown to cost 10.00, of which a gift card of so much pays its part; returns the cart, and
/// the card's path.
async fn shown_with_card(house: &mut Shop, amount: i64) -> (String, String) {
    let shop = support::Shop::by(&house.staff);
    let method = shop.everywhere().await;
    let variant = shop.variant(1_000, None).await;
    let card = json!({ "amount": pence(amount) });
    let card = house.staff.post("/admin/gift-cards", card).ok(201).await;
    let guest = shop.guest().await;
    let cart = shop.ready_cart(&guest, &method, &[(&variant, 1)]).await;
    let code = json!({ "code": card["code"] });
    let gift_cards = format!("/carts/{cart}/gift-cards");
    let shown = guest.post(&gift_cards, code).ok(200).await;
    assert_eq!(shown["amount_due"], pence(1_000 - amount));
    house.shoppers.push(guest);
    (cart, format!("/admin/gift-cards/{}", id_of(&card)))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_shown_that_a_card_pays_it_all_is_charged_nothing_though_it_is_stopped_and_nobody_remembers()
{
    let mut house = Shop::open(PENDING_BYTES_PLENTY).await;
    let (cart, card) = shown_with_card(&mut house, 1_000).await;
    let mut house = house.restarted().await;
    let guest = house.shoppers.pop().expect("the one with the card");
    let other = house.shoppers.pop().expect("one of many");
    let waiting = async |wanted: u64| {
        let waits = async {
            while house.engine.counters().store.waiting < wanted {
                sleep(LOOK).await;
            }
        };
        timeout(PATIENCE, waits).await.expect("it waits for the disk");
    };

    // The completion is to read the card as it was, and to come behind what stops it.
    house.disk.set(Pace::Stopped);
    let first = tokio::spawn(async move { add(&other, "second").await });
    waiting(1).await;
    let staff = house.staff.clone();
    let stop = tokio::spawn(async move { staff.patch(&card, json!({ "enabled": false })).send().await });
    waiting(2).await;
    let body = json!({ "payment": { "token": "tok_approve" }, "expected_total": pence(1_000) });
    let path = format!("/carts/{cart}/complete");
    let completion = tokio::spawn(async move { guest.post(&path, body).key(&unique("key")).send().await });
    waiting(3).await;
    house.disk.set(Pace::Fast);

    first.await.expect("an answer").expect(200);
    stop.await.expect("an answer").expect(200);
    let answer = completion.await.expect("an answer");
    answer.expect_refused(409, "checkout.amount_due_changed");
    let ledger = Ledger::read(&house.home.path().join("ledger.jsonl")).expect("the ledger reads");
    assert_eq!(ledger.entries, [], "the card was all there was to pay with");
}

/// At which parts of a sync's time after the start it is that something changes: the start is to have read what was before,
/// and to lock the cart behind it.
const PARTS: [u32; 5] = [5, 4, 3, 2, 1];

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_a_checkout_starts_is_not_taken_for_shown_after_a_restart() {
    let mut house = Shop::open(PENDING_BYTES_PLENTY).await;
    let shop = support::Shop::by(&house.staff);
    let method = shop.everywhere().await;
    let pay = json!({ "payment": { "token": "tok_approve" } });
    let mut pay_total = pay.clone();
    pay_total["expected_total"] = pence(1_000);
    let (mut guests, mut asked) = (Vec::new(), Vec::new());
    for part in PARTS {
        for (is_price, body) in [(true, &pay), (false, &pay_total), (false, &pay)] {
            let variant = shop.variant(1_000, None).await;
            let guest = shop.guest().await;
            let cart = shop.ready_cart(&guest, &method, &[(&variant, 1)]).await;
            let card = json!({ "amount": pence(600) });
            let card = house.staff.post("/admin/gift-cards", card).ok(201).await;
            if !is_price {
                let code = json!({ "code": card["code"] });
                let shown = guest
                    .post(&format!("/carts/{cart}/gift-cards"), code)
                    .ok(200)
                    .await;
                assert_eq!(shown["amount_due"], pence(400));
            }
            house.disk.set(Pace::Slow);
            let (shopper, path) = (guest.clone(), format!("/carts/{cart}/checkout"));
            let start =
                tokio::spawn(async move { shopper.post(&path, json!({})).key(&unique("key")).send().await });
            sleep(SYNC / part).await;
            if is_price {
                shop.set_price(&variant, 1_200).await;
            } else {
                let path = format!("/admin/gift-cards/{}", id_of(&card));
                let off = json!({ "enabled": false });
                house.staff.patch(&path, off).ok(200).await;
            }
            start.await.expect("an answer").expect(201);
            house.disk.set(Pace::Fast);
            guests.push(guest);
            asked.push((cart, body.clone(), is_price));
        }
    }
    house.shoppers = guests;
    let house = house.restarted().await;
    for (guest, (cart, body, is_price)) in house.shoppers.iter().zip(asked) {
        let code = if is_price {
            "checkout.total_changed"
        } else {
            "checkout.amount_due_changed"
        };
        let completion = guest
            .post(&format!("/carts/{cart}/complete"), body)
            .key(&unique("key"));
        completion.refused(409, code).await;
    }
    let ledger = Ledger::read(&house.home.path().join("ledger.jsonl")).expect("the ledger reads");
    assert_eq!(ledger.entries, [], "nobody was shown what they would be charged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_nobody_was_answered_tells_nothing() {
    let mut house = Shop::open(PENDING_BYTES_PLENTY).await;
    let (cart, card) = shown_with_card(&mut house, 600).await;
    let house = house.restarted().await;
    let guest = house.shoppers.last().expect("the one with the card");
    let complete = |sums: Value| {
        let mut body = json!({ "payment": { "token": "tok_approve" } });
        body["expected_total"] = sums;
        guest
            .post(&format!("/carts/{cart}/complete"), body)
            .key(&unique("key"))
    };
    house
        .staff
        .patch(&card, json!({ "enabled": false }))
        .ok(200)
        .await;
    house.disk.set(Pace::Stopped);
    let late = complete(Value::Null).send().await;
    assert_eq!(late.status, 504, "{late:?}");
    house.disk.set(Pace::Fast);
    complete(pence(1_000))
        .refused(409, "checkout.amount_due_changed")
        .await;
    let ledger = Ledger::read(&house.home.path().join("ledger.jsonl")).expect("the ledger reads");
    assert_eq!(ledger.entries, [], "4.00 were shown, and never 10.00");
}

/// A repeat may be the first that is heard of a refusal.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_repeat_was_told_is_not_charged_more_than_that() {
    let mut house = Shop::open(PENDING_BYTES_PLENTY).await;
    let (cart, card) = shown_with_card(&mut house, 600).await;
    let guest = house.shoppers.last().expect("the one with the card");
    let shown = guest.get(&format!("/carts/{cart}")).ok(200).await;
    let adjust = async |amount: i64| {
        let change = json!({ "amount": pence(amount), "reason": "counted again" });
        let path = format!("{card}/adjustments");
        house.staff.post(&path, change).ok(200).await;
    };
    let complete = |key: &str, total: Value| {
        let mut body = json!({ "payment": { "token": "tok_approve" } });
        body["expected_total"] = total;
        guest.post(&format!("/carts/{cart}/complete"), body).key(key)
    };
    adjust(400).await;
    let variant = shown["lines"][0]["variant_id"]
        .as_str()
        .expect("a line is of one");
    let price = format!("/admin/variants/{variant}/price");
    house.staff.put(&price, pence(1_500)).ok(200).await;
    house.disk.set(Pace::Stopped);
    let late = complete("late", Value::Null).send().await;
    assert_eq!(late.status, 504, "{late:?}");
    house.disk.set(Pace::Fast);
    let told = until("it is refused", async || {
        let again = complete("late", Value::Null).send().await;
        (again.json["error"] != "idempotency.in_progress").then_some(again)
    })
    .await;
    let told = told.expect_refused(409, "checkout.total_changed");
    assert_eq!(told["details"]["amount_due"], pence(500));
    adjust(-400).await;
    complete(&unique("key"), pence(1_500))
        .refused(409, "checkout.amount_due_changed")
        .await;
    let ledger = Ledger::read(&house.home.path().join("ledger.jsonl")).expect("the ledger reads");
    assert_eq!(ledger.entries, [], "5.00 were told last, and never 9.00");
}
