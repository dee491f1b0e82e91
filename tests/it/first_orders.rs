//! Promotions for first orders, over HTTP: whose order is the first, whoever races for it.

use crate::support::{Client, OpenShop, amount_of, pence, until};
use crate::usage_limits::{ROUNDS, apply, cart_of, complete, promote, set_email};
use futures::future::join_all;
use serde_json::{Value, json};

/// How many orders of a shopper are canceled, and how many others placed, while a cart of theirs is read.
const COMING_AND_GOING: usize = 200;
/// How many read it at a time.
const READERS: usize = 8;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

#[tokio::test]
async fn a_promotion_for_first_orders_is_for_whoever_has_no_order_under_any_spelling_of_the_address() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1000, None).await;
    promote(&open, json!({ "conditions": { "first_order": true } })).await;
    let total = async |guest: &Client, cart: &str| {
        let read = guest.get(&format!("/carts/{cart}")).ok(200).await;
        amount_of(&read["totals"]["total"])
    };
    // Who is not known yet may be new.
    let (first, second) = (open.shop.guest().await, open.shop.guest().await);
    let cart = text(&open.shop.cart(&first, &[(&variant, 1)]).await["id"]).to_owned();
    assert_eq!(total(&first, &cart).await, 900);
    open.shop.address(&first, &cart, &open.method, "GB").await;
    let other = open
        .shop
        .ready_cart(&second, &open.method, &[(&variant, 1)])
        .await;
    set_email(&second, &other, "Ada@EXAMPLE.com").await;
    assert_eq!(total(&second, &other).await, 900);
    let placed = complete(&first, &cart, "tok_approve").await.expect(200);
    assert_eq!(placed["order"]["total"], pence(900));

    // Another cart of the same mailbox follows at its next read, whatever was kept of it.
    assert_eq!(total(&second, &other).await, 1000);
    let why = second.get(&format!("/carts/{other}/explain")).ok(200).await;
    assert_eq!(why["promotions"][0]["reason"], "not_first_order");
    set_email(&second, &other, "bob@example.com").await;
    assert_eq!(total(&second, &other).await, 900);
    set_email(&second, &other, "ada@example.com").await;
    assert_eq!(total(&second, &other).await, 1000);

    // A canceled order was none.
    let cancel = format!("/admin/orders/{}/cancel", text(&placed["order"]["id"]));
    open.shop
        .staff
        .post(&cancel, json!({ "reason": "a mistake" }))
        .key("a")
        .ok(200)
        .await;
    until("it would be the first", async || {
        (total(&second, &other).await == 900).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_customer_who_has_ordered_is_known_whatever_address_the_next_order_has() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1000, None).await;
    promote(
        &open,
        json!({ "code": "HELLO", "conditions": { "first_order": true } }),
    )
    .await;
    let customer = open
        .shop
        .staff
        .post("/admin/customers", json!({ "external_id": "A-1" }))
        .ok(201)
        .await;
    let mut ready = Vec::new();
    for email in ["ada@example.com", "ada@work.example.com"] {
        let guest = open.shop.guest().await;
        let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
        set_email(&guest, &cart, email).await;
        apply(&guest, &cart, "hello").await.expect(200);
        let give = json!({ "customer_id": customer["id"] });
        open.shop
            .staff
            .patch(&format!("/carts/{cart}"), give)
            .ok(200)
            .await;
        ready.push((guest, cart));
    }
    let (guest, cart) = &ready[0];
    let placed = complete(guest, cart, "tok_approve").await.expect(200);
    assert_eq!(placed["order"]["total"], pence(900));
    let (guest, cart) = &ready[1];
    let told = guest.get(&format!("/carts/{cart}")).ok(200).await;
    assert_eq!(told["removed_codes"][0]["error"], "coupon.wrong_customer");
    apply(guest, cart, "hello")
        .await
        .expect_refused(422, "coupon.wrong_customer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_first_orders_at_once_one_is_the_first() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1000, None).await;
    promote(&open, json!({ "conditions": { "first_order": true } })).await;
    let racers = (0..20).map(|_| async {
        let guest = open.shop.guest().await;
        let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
        (guest, cart)
    });
    let racers = join_all(racers).await;
    let buys = racers
        .iter()
        .map(|(guest, cart)| complete(guest, cart, "tok_approve"));
    let answers = join_all(buys).await;
    let placed = answers.iter().filter(|answer| answer.status == 200);
    assert_eq!(placed.count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        let code = text(&answer.json["error"]);
        let fits = ["coupon.limit_reached", "checkout.total_changed"].contains(&code);
        assert!(answer.status == 409 && fits, "{}", answer.text);
    }
}

#[tokio::test]
async fn a_customers_order_under_another_address_is_that_addresss_first_while_it_is_paid() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1000, None).await;
    promote(&open, json!({ "conditions": { "first_order": true } })).await;
    let record = json!({ "external_id": "A-1", "email": "office@example.com" });
    let customer = open.shop.staff.post("/admin/customers", record).ok(201).await;
    let (late, cart) = cart_of(&open, &variant, "ada@example.com", &[]).await;
    let give = json!({ "customer_id": customer["id"] });
    let path = format!("/carts/{cart}");
    open.shop.staff.patch(&path, give).ok(200).await;
    assert_eq!(late.get(&path).ok(200).await["totals"]["total"], pence(900));
    complete(&late, &cart, "tok_late").await.expect(202);
    for (email, total) in [
        ("Ada@Example.com", 1000),
        ("office@example.com", 1000),
        ("bob@example.com", 900),
    ] {
        let (guest, cart) = cart_of(&open, &variant, email, &[]).await;
        let read = guest.get(&format!("/carts/{cart}")).ok(200).await;
        assert_eq!(read["totals"]["total"], pence(total), "{email}");
    }
}

/// Saves two promotions for first orders, each of ten per cent and unlocked by a code.
async fn two_for_first_orders(open: &OpenShop) -> [&'static str; 2] {
    let codes = ["HELLO", "WELCOME"];
    for code in codes {
        let rest = json!({ "code": code, "conditions": { "first_order": true } });
        promote(open, rest).await;
    }
    codes
}

#[tokio::test]
async fn of_two_first_orders_by_two_promotions_at_once_one_is_the_first() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1000, None).await;
    let codes = two_for_first_orders(&open).await;
    for round in 0..ROUNDS {
        let email = format!("round-{round}@example.com");
        let racers = codes.map(|code| {
            let (open, variant, email) = (&open, &variant, &email);
            async move { cart_of(open, variant, email, &[code]).await }
        });
        let racers = join_all(racers).await;
        let buys = racers
            .iter()
            .map(|(guest, cart)| complete(guest, cart, "tok_approve"));
        let answers = join_all(buys).await;
        let (placed, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!((placed.len(), refused.len()), (1, 1), "round {round}");
        assert_eq!(placed[0].json["order"]["total"], pence(900));
        let code = text(&refused[0].json["error"]);
        let fits = ["coupon.limit_reached", "checkout.total_changed"].contains(&code);
        assert!(refused[0].status == 409 && fits, "{}", refused[0].text);
    }
}

#[tokio::test]
async fn an_order_with_two_promotions_for_first_orders_is_one_and_is_given_back_as_one() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1000, None).await;
    let codes = two_for_first_orders(&open).await;
    let email = "ada@example.com";
    let (guest, cart) = cart_of(&open, &variant, email, &codes).await;
    let (other, late) = cart_of(&open, &variant, email, &codes).await;
    let placed = complete(&guest, &cart, "tok_approve").await.expect(200);
    assert_eq!(placed["order"]["total"], pence(810));
    let read = async || other.get(&format!("/carts/{late}")).ok(200).await;
    assert_eq!(read().await["totals"]["total"], pence(1000));

    let cancel = format!("/admin/orders/{}/cancel", text(&placed["order"]["id"]));
    let reason = json!({ "reason": "a mistake" });
    open.shop.staff.post(&cancel, reason).key("a").ok(200).await;
    let (again, cart) = until("it would be the first", async || {
        let (guest, cart) = cart_of(&open, &variant, email, &[]).await;
        let tried = apply(&guest, &cart, codes[0]).await;
        (tried.status == 200).then_some((guest, cart))
    })
    .await;
    apply(&again, &cart, codes[1]).await.expect(200);
    let placed = complete(&again, &cart, "tok_approve").await.expect(200);
    assert_eq!(placed["order"]["total"], pence(810));
    apply(&other, &late, codes[0])
        .await
        .expect_refused(422, "coupon.wrong_customer");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_an_order_that_stands_is_never_taken_for_new_while_others_come_and_go() {
    let open = OpenShop::fresh().await;
    let variant = open.shop.variant(1000, None).await;
    let buy = async || {
        let guest = open.shop.guest().await;
        let placed = open.shop.buy(&guest, &open.method, &[(&variant, 1)]).await;
        text(&placed["order"]["id"]).to_owned()
    };
    buy().await;
    let mut others = Vec::new();
    for _ in 0..COMING_AND_GOING {
        others.push(buy().await);
    }
    promote(&open, json!({ "conditions": { "first_order": true } })).await;
    let guest = open.shop.guest().await;
    let cart = open.shop.ready_cart(&guest, &open.method, &[(&variant, 1)]).await;
    let path = format!("/carts/{cart}");
    let come_and_go = async {
        for order in others.iter().rev() {
            let cancel = format!("/admin/orders/{order}/cancel");
            let reason = json!({ "reason": "a mistake" });
            open.shop.staff.post(&cancel, reason).ok(200).await;
        }
        for _ in 0..COMING_AND_GOING {
            buy().await;
        }
    };
    let readers = (0..READERS).map(|_| async {
        loop {
            // Each answer is priced anew: orders have changed meanwhile.
            let read = guest.get(&path).ok(200).await;
            assert_eq!(read["totals"]["total"], pence(1000));
        }
    });
    tokio::select! {
        biased;
        () = come_and_go => {}
        _ = join_all(readers) => {}
    }
}
