//! What counts as told to a shopper of what their cart comes to, and so as expected when they complete it, over HTTP.

use crate::support::{Answer, Client, OpenShop, Variant, id_of, pence, unique};
use futures::future::join_all;
use serde_json::{Value, json};

/// Asks for the completion of a cart, with the sums that are named.
async fn complete(caller: &Client, cart: &str, sums: Value) -> Answer {
    let mut body = json!({ "payment": { "token": "tok_approve" } });
    for (name, sum) in sums.as_object().into_iter().flatten() {
        body[name] = sum.clone();
    }
    let path = format!("/carts/{cart}/complete");
    caller.post(&path, body).key(&unique("key")).send().await
}

async fn refused(caller: &Client, cart: &str, sums: Value) {
    let answer = complete(caller, cart, sums).await;
    answer.expect_refused(409, "checkout.total_changed");
}

/// Starts the checkout of a cart; returns its path.
async fn start(guest: &Client, cart: &str) -> String {
    let start = guest.post(&format!("/carts/{cart}/checkout"), json!({}));
    let started = start.key(&unique("key")).ok(201).await;
    format!("/checkouts/{}", id_of(&started))
}

/// Opens a cart that is shown to cost 10.00.
async fn shown(open: &OpenShop) -> (Variant, Client, String) {
    let variant = open.shop.variant(500, None).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 2)]).await;
    (variant, guest, cart)
}

#[tokio::test]
async fn either_sum_that_a_refusal_told_agrees_to_both() {
    let open = OpenShop::shared().await;
    let card = async |amount: i64| {
        let body = json!({ "amount": pence(amount) });
        open.shop.staff.post("/admin/gift-cards", body).ok(201).await
    };
    for (amount, price, due) in [(600, 650, 700), (600, 450, 300), (2_000, 450, 0), (2_000, 650, 0)] {
        let sums = [
            json!({ "expected_total": pence(2 * price) }),
            json!({ "expected_amount_due": pence(due) }),
        ];
        for named in sums {
            let (variant, guest, cart) = shown(&open).await;
            let code = json!({ "code": card(amount).await["code"] });
            let cards = format!("/carts/{cart}/gift-cards");
            guest.post(&cards, code).ok(200).await;
            open.shop.set_price(&variant, price).await;
            let told = complete(&guest, &cart, json!({})).await;
            let told = told.expect_refused(409, "checkout.total_changed");
            assert_eq!(
                (&told["details"]["total"], &told["details"]["amount_due"]),
                (&pence(2 * price), &pence(due))
            );
            // Whoever names nothing may not have looked.
            refused(&guest, &cart, json!({})).await;
            let done = complete(&guest, &cart, named).await.expect(200);
            assert_eq!(done["order"]["total"], pence(2 * price));
        }
    }
}

#[tokio::test]
async fn an_amount_due_that_was_not_told_agrees_to_nothing() {
    let open = OpenShop::shared().await;
    let staff = &open.shop.staff;
    let card = staff.post("/admin/gift-cards", json!({ "amount": pence(600) }));
    let card = card.ok(201).await;
    let (variant, guest, cart) = shown(&open).await;
    let code = json!({ "code": card["code"] });
    guest
        .post(&format!("/carts/{cart}/gift-cards"), code)
        .ok(200)
        .await;
    open.shop.set_price(&variant, 1_000).await;
    let more = json!({ "amount": pence(1_400), "reason": "a present" });
    let adjustments = format!("/admin/gift-cards/{}/adjustments", id_of(&card));
    staff.post(&adjustments, more).ok(200).await;
    // 4.00 were shown, and of 20.00 now nothing is left.
    let old = json!({ "expected_amount_due": pence(400) });
    refused(&guest, &cart, old.clone()).await;
    refused(&guest, &cart, old).await;
    let told = json!({ "expected_amount_due": pence(0) });
    let done = complete(&guest, &cart, told).await.expect(200);
    assert_eq!(done["order"]["total"], pence(2_000));
}

#[tokio::test]
async fn starting_a_checkout_does_not_show_what_a_refusal_told() {
    let open = OpenShop::shared().await;
    let (variant, guest, cart) = shown(&open).await;
    open.shop.set_price(&variant, 650).await;
    refused(&guest, &cart, json!({})).await;
    let path = format!("{}/complete", start(&guest, &cart).await);
    let body = json!({ "payment": { "token": "tok_approve" } });
    let answer = guest.post(&path, body).key(&unique("key")).send().await;
    answer.expect_refused(409, "checkout.total_changed");
    let done = complete(&guest, &cart, json!({ "expected_total": pence(1_300) })).await;
    assert_eq!(done.expect(200)["order"]["total"], pence(1_300));
}

#[tokio::test]
async fn what_staff_are_refused_does_not_change_what_the_shopper_was_shown() {
    let open = OpenShop::shared().await;
    let (_, guest, cart) = shown(&open).await;
    refused(&open.shop.staff, &cart, json!({ "expected_total": pence(500) })).await;
    let done = complete(&guest, &cart, json!({})).await.expect(200);
    assert_eq!(done["order"]["total"], pence(1_000));
}

#[tokio::test]
async fn the_list_of_carts_shows_them_to_staff() {
    let open = OpenShop::fresh().await;
    let (variant, _, cart) = shown(&open).await;
    let staff = &open.shop.staff;
    staff.get(&format!("/carts/{cart}")).ok(200).await;
    open.shop.set_price(&variant, 250).await;
    staff.get("/admin/carts").ok(200).await;
    open.shop.set_price(&variant, 500).await;
    refused(staff, &cart, json!({})).await;
}

#[tokio::test]
async fn only_what_a_caller_gets_to_see_counts_as_shown() {
    let open = OpenShop::shared().await;
    let (variant, guest, cart) = shown(&open).await;
    let path = format!("/carts/{cart}");
    open.shop.set_price(&variant, 750).await;
    let session = guest.session().expect("a guest has a session");
    let head = reqwest::Client::new()
        .head(format!("{}/api/v1{path}", open.server.url()))
        .header("cookie", format!("cartwright_session={session}"));
    let head = head.send().await.expect("an answer");
    assert_eq!(head.status(), 200);
    refused(&guest, &cart, json!({})).await;
}

#[tokio::test]
async fn an_explanation_tells_a_total_too() {
    let open = OpenShop::shared().await;
    let (variant, guest, cart) = shown(&open).await;
    open.shop.set_price(&variant, 250).await;
    guest.get(&format!("/carts/{cart}/explain")).ok(200).await;
    open.shop.set_price(&variant, 500).await;
    refused(&guest, &cart, json!({})).await;
}

#[tokio::test]
async fn staff_are_expected_to_pay_what_they_were_told_last_as_well() {
    let open = OpenShop::shared().await;
    let (variant, _, cart) = shown(&open).await;
    let staff = &open.shop.staff;
    staff.get(&format!("/carts/{cart}")).ok(200).await;
    open.shop.set_price(&variant, 250).await;
    refused(staff, &cart, json!({})).await;
    open.shop.set_price(&variant, 500).await;
    refused(staff, &cart, json!({})).await;
    let done = complete(staff, &cart, json!({})).await.expect(200);
    assert_eq!(done["order"]["total"], pence(1_000));
}

#[tokio::test]
async fn a_shops_own_server_pays_for_a_shopper_what_the_shopper_was_shown() {
    let open = OpenShop::fresh().await;
    let token = open.server.token().to_owned();
    let (variant, guest, cart) = shown(&open).await;
    let path = format!("/carts/{cart}");
    let shop = guest.clone().with_token(&token);
    open.shop.set_price(&variant, 600).await;
    refused(&shop, &cart, json!({})).await;
    // Either is shown what the other is.
    shop.get(&path).ok(200).await;
    open.shop.set_price(&variant, 700).await;
    for caller in [&guest, &shop] {
        refused(caller, &cart, json!({})).await;
    }
    guest.get(&path).ok(200).await;
    let staff = open.shop.clone();
    let server = open.into_server().kill_and_restart();
    staff.at(&server).set_price(&variant, 800).await;
    let shop = shop.at(server.url());
    refused(&shop, &cart, json!({})).await;
    shop.get(&path).ok(200).await;
    let done = complete(&shop, &cart, json!({})).await.expect(200);
    assert_eq!(done["order"]["total"], pence(1_600));
}

#[tokio::test]
async fn what_a_shops_own_server_has_changed_is_known_after_a_restart() {
    let open = OpenShop::fresh().await;
    let token = open.server.token().to_owned();
    let (_, guest, cart) = shown(&open).await;
    let shop = guest.with_token(&token);
    let change = json!({ "email": "grace@example.com" });
    shop.patch(&format!("/carts/{cart}"), change).ok(200).await;
    let server = open.into_server().kill_and_restart();
    let done = complete(&shop.at(server.url()), &cart, json!({})).await;
    assert_eq!(done.expect(200)["order"]["total"], pence(1_000));
}

#[tokio::test]
async fn a_rule_that_was_deleted_is_missed_over_a_restart() {
    let open = OpenShop::fresh().await;
    let staff = &open.shop.staff;
    let sale =
        json!({ "name": "Sale", "enabled": true, "actions": [{ "type": "order", "percentage": "0.1" }] });
    let sale = staff.post("/admin/promotions", sale).ok(201).await;
    let rule = format!("/admin/promotions/{}", id_of(&sale));
    let mut carts = Vec::new();
    for _ in 0..3 {
        let (_, guest, cart) = shown(&open).await;
        carts.push((guest, cart));
    }
    let shop = open.shop.clone();
    let server = open.into_server().kill_and_restart();
    let [after_a_start, before_one, shown_again] =
        [&carts[0], &carts[1], &carts[2]].map(|(guest, cart)| (guest.at(server.url()), cart));
    shop.at(&server).staff.delete(&rule).ok(204).await;
    refused(&after_a_start.0, after_a_start.1, json!({})).await;
    let (guest, cart) = &shown_again;
    let change = json!({ "email": "grace@example.com" });
    guest.patch(&format!("/carts/{cart}"), change).ok(200).await;
    let server = server.kill_and_restart();
    let (guest, cart) = before_one;
    refused(&guest.at(server.url()), cart, json!({})).await;
    let (guest, cart) = shown_again;
    let done = complete(&guest.at(server.url()), cart, json!({}))
        .await
        .expect(200);
    assert_eq!(done["order"]["total"], pence(1_000));
    assert_eq!(server.ledger().payments.len(), 1);
}

#[tokio::test]
async fn a_started_checkout_that_was_refused_is_over() {
    let open = OpenShop::shared().await;
    let (variant, guest, cart) = shown(&open).await;
    let checkout = start(&guest, &cart).await;
    open.shop.set_price(&variant, 650).await;
    let path = format!("{checkout}/complete");
    let body = || json!({ "payment": { "token": "tok_approve" } });
    let ask = guest.post(&path, body()).key(&unique("key"));
    ask.refused(409, "checkout.total_changed").await;
    let mut agreed = body();
    agreed["expected_total"] = pence(1_300);
    let again = guest.post(&path, agreed).key(&unique("key"));
    again.refused(409, "checkout.ended").await;
    assert_eq!(guest.get(&checkout).ok(200).await["state"], "refused");
    let agreed = json!({ "expected_total": pence(1_300) });
    complete(&guest, &cart, agreed).await.expect(200);
}

/// Shows a cart, and completes it after a restart: whoever does not say what they expect is asked.
async fn check_asked_after_a_restart(open: OpenShop, change: impl AsyncFnOnce(&OpenShop, &Client, &str)) {
    let (_, guest, cart) = shown(&open).await;
    change(&open, &guest, &cart).await;
    let server = open.into_server().kill_and_restart();
    let guest = guest.at(server.url());
    refused(&guest, &cart, json!({})).await;
    let shown = guest.get(&format!("/carts/{cart}")).ok(200).await;
    let agreed = json!({ "expected_total": shown["totals"]["total"] });
    complete(&guest, &cart, agreed).await.expect(200);
    assert_eq!(server.ledger().payments.len(), 1);
}

#[tokio::test]
async fn what_a_calculator_said_nobody_knows_after_a_restart() {
    let open = OpenShop::fresh().await;
    open.shop.settings(json!({ "tax_calculator": "fake" })).await;
    check_asked_after_a_restart(open, async |_, _, _| {}).await;
}

#[tokio::test]
async fn what_a_carrier_asked_nobody_knows_after_a_restart() {
    let carried = async |open: &OpenShop, guest: &Client, cart: &str| {
        let tariff =
            json!({ "currency": "GBP", "carrier": { "service": "express", "fallback": { "flat": 700 } } });
        let method = json!({ "name": "Express", "countries": ["GB"], "tariffs": [tariff] });
        let method = open
            .shop
            .staff
            .post("/admin/shipping/methods", method)
            .ok(201)
            .await;
        let choose = json!({ "shipping_method_id": id_of(&method) });
        guest.patch(&format!("/carts/{cart}"), choose).ok(200).await;
    };
    check_asked_after_a_restart(OpenShop::fresh().await, carried).await;
}

#[tokio::test]
async fn a_code_that_is_another_promotions_by_now_is_noticed_over_a_restart() {
    let moved = async |open: &OpenShop, guest: &Client, cart: &str| {
        let staff = &open.shop.staff;
        let mut promotions = Vec::new();
        for percentage in ["0.2", "0.05"] {
            let actions = json!([{ "type": "order", "percentage": percentage }]);
            let promotion =
                json!({ "name": percentage, "enabled": true, "requires_code": true, "actions": actions });
            let made = staff.post("/admin/promotions", promotion).ok(201).await;
            promotions.push(format!("/admin/promotions/{}/codes", id_of(&made)));
        }
        let codes = json!({ "codes": ["LETTER-1"] });
        staff.post(&promotions[0], codes.clone()).ok(200).await;
        let code = json!({ "codes": ["LETTER-1"] });
        let shown = guest.post(&format!("/carts/{cart}/codes"), code).ok(200).await;
        assert_eq!(shown["totals"]["total"], pence(800));
        staff.delete(&format!("{}/LETTER-1", promotions[0])).ok(204).await;
        staff.post(&promotions[1], codes).ok(200).await;
    };
    check_asked_after_a_restart(OpenShop::fresh().await, moved).await;
}

/// An order that stood when the total was shown leaves no trace once it is canceled.
#[tokio::test]
async fn after_a_restart_nobody_is_taken_for_new_who_was_not_when_they_were_shown_the_total() {
    let open = OpenShop::fresh().await;
    let (_, before, first) = shown(&open).await;
    let ordered = complete(&before, &first, json!({})).await.expect(200);
    let staff = &open.shop.staff;
    for promotion in [
        json!({
            "name": "Everybody", "enabled": true,
            "actions": [{ "type": "order", "percentage": "0.1" }],
        }),
        json!({
            "name": "New ones", "enabled": true, "exclusive": true, "conditions": { "first_order": true },
            "actions": [{ "type": "order", "percentage": "0.05" }],
        }),
    ] {
        staff.post("/admin/promotions", promotion).ok(201).await;
    }
    let mut carts = Vec::new();
    for _ in 0..3 {
        let (_, guest, cart) = shown(&open).await;
        let seen = guest.get(&format!("/carts/{cart}")).ok(200).await;
        assert_eq!(seen["totals"]["total"], pence(900));
        carts.push((guest, cart));
    }
    let cancel = format!("/admin/orders/{}/cancel", id_of(&ordered["order"]));
    staff
        .post(&cancel, json!({ "reason": "wanted otherwise" }))
        .ok(200)
        .await;
    let server = open.into_server().kill_and_restart();
    let mut guests = carts
        .into_iter()
        .map(|(guest, cart)| (guest.at(server.url()), cart));
    let mut next = || guests.next().expect("there are three");
    let (guest, cart) = next();
    refused(&guest, &cart, json!({})).await;
    // Nor where the checkout was started after the restart, and was told no total.
    let (guest, cart) = next();
    let path = format!("{}/complete", start(&guest, &cart).await);
    let body = json!({ "payment": { "token": "tok_approve" } });
    let answer = guest.post(&path, body).key(&unique("key")).send().await;
    answer.expect_refused(409, "checkout.total_changed");
    let (guest, cart) = next();
    let looked = guest.get(&format!("/carts/{cart}")).ok(200).await;
    assert_eq!(looked["totals"]["total"], pence(950));
    let done = complete(&guest, &cart, json!({})).await.expect(200);
    assert_eq!(done["order"]["total"], pence(950));
}

/// What a started checkout keeps is not believed where the shopper may have been shown something else since.
#[tokio::test]
async fn after_a_restart_a_started_checkout_does_not_agree_to_what_was_shown_before_the_last_look() {
    let open = OpenShop::fresh().await;
    let mut started = Vec::new();
    for is_changed in [true, false] {
        let (variant, guest, cart) = shown(&open).await;
        let path = format!("{}/complete", start(&guest, &cart).await);
        if is_changed {
            open.shop.set_price(&variant, 450).await;
            let looked = guest.get(&format!("/carts/{cart}")).ok(200).await;
            assert_eq!(looked["totals"]["total"], pence(900));
            open.shop.set_price(&variant, 500).await;
        }
        started.push((guest, path, is_changed));
    }
    let server = open.into_server().kill_and_restart();
    for (guest, path, is_changed) in started {
        let guest = guest.at(server.url());
        let body = json!({ "payment": { "token": "tok_approve" } });
        let answer = guest.post(&path, body).key(&unique("key")).send().await;
        if is_changed {
            answer.expect_refused(409, "checkout.total_changed");
        } else {
            assert_eq!(answer.expect(200)["order"]["total"], pence(1_000));
        }
    }
}

/// Opens a cart that is shown to cost 10.00, of which a gift card pays 6.00; returns the card's id, too.
async fn shown_with_card(open: &OpenShop) -> (Variant, Client, String, String) {
    let card = json!({ "amount": pence(600) });
    let card = open.shop.staff.post("/admin/gift-cards", card).ok(201).await;
    let (variant, guest, cart) = shown(open).await;
    let code = json!({ "code": card["code"] });
    let seen = guest
        .post(&format!("/carts/{cart}/gift-cards"), code)
        .ok(200)
        .await;
    assert_eq!(seen["amount_due"], pence(400));
    (variant, guest, cart, id_of(&card))
}

/// Has an explanation tell that a cart costs so much.
async fn explained(guest: &Client, cart: &str, total: i64) {
    let why = guest.get(&format!("/carts/{cart}/explain")).ok(200).await;
    assert_eq!(why["totals"]["total"], pence(total));
}

#[tokio::test]
async fn an_explanation_agrees_to_no_amount_due() {
    let open = OpenShop::shared().await;
    let (variant, guest, cart, card) = shown_with_card(&open).await;
    let removed = format!("/carts/{cart}/payments/{card}");
    open.shop.staff.delete(&removed).ok(200).await;
    let refused = complete(&guest, &cart, json!({})).await;
    refused.expect_refused(409, "checkout.amount_due_changed");
    open.shop.set_price(&variant, 550).await;
    explained(&guest, &cart, 1_100).await;
    let mut sums = json!({ "expected_total": pence(1_100) });
    let refused = complete(&guest, &cart, sums.clone()).await;
    let refused = refused.expect_refused(409, "checkout.amount_due_changed");
    assert_eq!(refused["details"]["amount_due"], pence(1_100));
    sums["expected_amount_due"] = pence(1_100);
    complete(&guest, &cart, sums).await.expect(200);
}

/// What a refusal told of one total is no agreement to another that an explanation told.
#[tokio::test]
async fn an_amount_due_of_before_agrees_to_no_total_of_an_explanation() {
    let open = OpenShop::shared().await;
    let (variant, guest, cart, card) = shown_with_card(&open).await;
    let adjust = async |amount: i64| {
        let change = json!({ "amount": pence(amount), "reason": "counted again" });
        let path = format!("/admin/gift-cards/{card}/adjustments");
        open.shop.staff.post(&path, change).ok(200).await;
    };
    adjust(-600).await;
    let refused = complete(&guest, &cart, json!({})).await;
    let refused = refused.expect_refused(409, "checkout.amount_due_changed");
    assert_eq!(refused["details"]["amount_due"], pence(1_000));
    open.shop.set_price(&variant, 750).await;
    explained(&guest, &cart, 1_500).await;
    adjust(600).await;
    self::refused(&guest, &cart, json!({ "expected_amount_due": pence(1_000) })).await;
}

/// Whoever joins a completion is refused with it, and asks again under a key of their own.
#[tokio::test]
async fn a_refusal_that_is_told_again_takes_the_place_of_nothing_that_was_shown_since() {
    let open = OpenShop::shared().await;
    let (_, guest, cart, card) = shown_with_card(&open).await;
    let let_pay = async |enabled: bool| {
        let path = format!("/admin/gift-cards/{card}");
        let change = json!({ "enabled": enabled });
        open.shop.staff.patch(&path, change).ok(200).await;
    };
    let other = open.shop.variant(1_000, None).await;
    let line = json!({ "variant_id": other.id, "quantity": 1 });
    let shown = guest.post(&format!("/carts/{cart}/lines"), line).ok(200).await;
    assert_eq!(shown["amount_due"], pence(1_400));
    let lines = shown["lines"].as_array().expect("a cart has lines");
    let line = lines.iter().find(|line| line["variant_id"] == other.id.as_str());
    let line = format!("/carts/{cart}/lines/{}", id_of(line.expect("it was added")));
    let_pay(false).await;
    open.shop.set_price(&other, 1_500).await;
    let keys = [(); 10].map(|()| unique("key"));
    let ask = async |key: &String| {
        let body = json!({ "payment": { "token": "tok_approve" } });
        let path = format!("/carts/{cart}/complete");
        guest.post(&path, body).key(key).send().await
    };
    for answer in join_all(keys.iter().map(ask)).await {
        let told = answer.expect_refused(409, "checkout.total_changed");
        assert_eq!(told["details"]["amount_due"], pence(2_500));
    }
    let_pay(true).await;
    let shown = guest.delete(&line).ok(200).await;
    assert_eq!(shown["amount_due"], pence(400));
    for key in &keys {
        let again = ask(key).await;
        assert!(again.is_replayed(), "{again:?}");
        again.expect_refused(409, "checkout.total_changed");
    }
    let_pay(false).await;
    let answer = complete(&guest, &cart, json!({ "expected_total": pence(1_000) })).await;
    answer.expect_refused(409, "checkout.amount_due_changed");
}
