//! What must be true after a kill: at once, and when every saga has ended.

use crate::shopper::{Closed, Shopper, Told, text};
use crate::staff::Staff;
use crate::support::{Server, Shop, until};
use crate::world::{GIFT_CARD_BALANCES, World};
use cartwright_gateways::payment::sandbox::{Ledger, Operation, Payment};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Checks what holds at every instant, also while sagas are at work.
pub(crate) async fn check_open(server: &Server, world: &World, staff: &Staff) {
    let shop = shop_of(server, staff);
    for (variant, expected) in world.variants.iter().zip(&staff.on_hand) {
        if let Some(expected) = expected {
            let (on_hand, reserved, allocated) = shop.units(variant).await;
            assert_eq!(on_hand, *expected, "units on hand of {variant:?}");
            assert!(
                reserved + allocated <= on_hand,
                "{reserved} reserved and {allocated} allocated of {on_hand}: {variant:?}"
            );
        }
    }
    check_numbers(&shop.orders().await);
}

/// Waits until every saga has ended, and checks everything. Returns how many orders there are.
pub(crate) async fn close(server: &Server, world: &World, staff: &Staff, shoppers: &mut [Shopper]) -> usize {
    let shop = shop_of(server, staff);
    for shopper in shoppers.iter_mut() {
        shopper.settle_attempts(shopper.closed.attempts).await;
    }
    until("every saga has ended", async || {
        let actors = shop.staff.get("/admin/actors").ok(200).await;
        let open = |sagas: &str| actors[sagas]["open"].as_u64().expect("a count");
        (open("checkouts") + open("cancellations") == 0).then_some(())
    })
    .await;

    let orders = shop.orders().await;
    check_numbers(&orders);
    check_open(server, world, staff).await;
    check_stock(&shop, world, &orders).await;
    check_money(&orders, &server.ledger());
    check_gift_cards(&shop, &orders).await;
    for order in &orders {
        let is_canceled = order["status"] == "canceled";
        let expected = is_canceled || !staff.canceled.contains(&text(&order["id"]));
        assert!(expected, "its cancellation was acknowledged: {order}");
    }
    let by_cart: BTreeMap<String, &Value> = orders
        .iter()
        .map(|order| (text(&order["cart_id"]), order))
        .collect();
    assert_eq!(by_cart.len(), orders.len(), "no cart has two orders");
    let mut known = 0;
    for shopper in shoppers.iter_mut() {
        known += check_carts(shopper, world, &by_cart).await;
    }
    assert_eq!(
        known,
        orders.len(),
        "every order is of a cart that somebody completed"
    );
    check_mails(server, &orders).await;
    orders.len()
}

fn shop_of(server: &Server, staff: &Staff) -> Shop {
    Shop::of(&staff.client, server)
}

/// Order numbers have no gap and none comes twice.
fn check_numbers(orders: &[Value]) {
    let numbers: Vec<u64> = orders
        .iter()
        .map(|order| order["number"].as_u64().expect("a number"))
        .collect();
    let expected: Vec<u64> = (1..).take(orders.len()).collect();
    assert_eq!(numbers, expected);
}

/// Nothing is reserved any more, and what is allocated is what the orders hold.
async fn check_stock(shop: &Shop, world: &World, orders: &[Value]) {
    let mut promised = vec![0; world.variants.len()];
    for order in orders.iter().filter(|order| order["status"] != "canceled") {
        for (variant, units) in lines_of(world, order) {
            promised[variant] += units.cast_signed();
        }
    }
    for (variant, promised) in world.variants.iter().zip(promised) {
        if shop.stock(variant).await["tracked"] == true {
            let (_, reserved, allocated) = shop.units(variant).await;
            assert_eq!(
                (reserved, allocated),
                (0, promised),
                "reserved and allocated of {variant:?}"
            );
        }
    }
}

fn lines_of(world: &World, shown: &Value) -> BTreeMap<usize, u64> {
    let lines = shown["lines"].as_array().expect("it has lines");
    let units = lines.iter().map(|line| {
        let units = line["quantity"].as_u64().expect("a quantity");
        (world.number_of(&line["variant_id"]), units)
    });
    units.collect()
}

/// One charge for each order, none without, as the provider has it.
fn check_money(orders: &[Value], ledger: &Ledger) {
    let mut charged: BTreeMap<&str, &Payment> = BTreeMap::new();
    for payment in &ledger.payments {
        charged.insert(payment.payment.as_str(), payment);
    }
    let mut authorized = BTreeSet::new();
    for entry in &ledger.entries {
        if entry.operation == Operation::Authorize {
            assert!(authorized.insert(&entry.checkout), "authorized twice: {entry:?}");
        }
    }
    for order in orders {
        let total = amount(&order["totals"]["total"]);
        let payments = order["payments"].as_array().expect("an order has payments");
        let is_by_card = |noted: &&Value| noted["provider"] == "gift_card";
        let by_card = payments.iter().filter(is_by_card);
        let due = total - by_card.map(|noted| amount(&noted["authorized"])).sum::<i64>();
        let charges: Vec<&Value> = payments.iter().filter(|noted| !is_by_card(noted)).collect();
        if due == 0 {
            assert!(charges.is_empty(), "{order}");
            continue;
        }
        let [noted] = charges.as_slice() else {
            panic!("one charge for one order: {order}");
        };
        let payment = charged.remove(text(&noted["reference"]).as_str());
        let payment = payment.unwrap_or_else(|| panic!("an order without its charge: {order}"));
        let (captured, refunded) = (payment.captured.amount, payment.refunded.amount);
        assert_eq!(payment.authorized.amount, due, "{order}: {payment:?}");
        assert_eq!(
            (amount(&noted["captured"]), amount(&noted["refunded"])),
            (captured, refunded),
            "the order says what the provider says: {order}: {payment:?}"
        );
        if order["status"] == "canceled" {
            assert_eq!(captured, refunded, "{order}: {payment:?}");
            assert!(
                payment.voided || 0 < captured,
                "nothing stays set aside: {order}: {payment:?}"
            );
        } else {
            assert_eq!((captured, refunded), (due, 0), "{order}: {payment:?}");
        }
    }
    for payment in charged.values() {
        assert!(
            payment.voided && payment.captured.is_zero(),
            "money without an order: {payment:?}"
        );
    }
}

/// What left the gift cards is what orders that stand were paid with; nothing is held.
async fn check_gift_cards(shop: &Shop, orders: &[Value]) {
    for card in shop.list("/admin/gift-cards").await {
        let mut kept = 0;
        for order in orders {
            let payments = order["payments"].as_array().into_iter().flatten();
            for noted in payments.filter(|noted| noted["reference"] == card["id"]) {
                let (captured, refunded) = (amount(&noted["captured"]), amount(&noted["refunded"]));
                assert_eq!(captured, amount(&noted["authorized"]), "{order}");
                assert_eq!(captured == refunded, order["status"] == "canceled", "{order}");
                kept += captured - refunded;
            }
        }
        assert_eq!(amount(&card["held"]), 0, "{card}");
        let ledger = || card["ledger"].as_array().into_iter().flatten();
        let mut seen = BTreeSet::new();
        for entry in ledger() {
            let is_new = seen.insert((text(&entry["kind"]), entry["order_id"].as_str()));
            assert!(
                is_new,
                "an order takes from a card once and gives back once, not {entry}: {card}"
            );
        }
        let issued = amount(&card["balance"]) + kept;
        assert!(GIFT_CARD_BALANCES.contains(&issued), "{kept} were spent: {card}");
        let moved: i64 = ledger().map(|entry| amount(&entry["amount"])).sum();
        let came_to = amount(&card["brought_forward"]) + moved;
        assert_eq!(came_to, amount(&card["balance"]), "{card}");
        if let Some(entry) = ledger().find(|entry| entry["kind"] == "issued") {
            assert_eq!(amount(&entry["amount"]), issued, "{card}");
        }
    }
}

fn amount(money: &Value) -> i64 {
    money["amount"]
        .as_i64()
        .unwrap_or_else(|| panic!("{money} is no amount"))
}

/// Every cart is as its writer left it, with its order or free. Returns how many have an order.
async fn check_carts(shopper: &mut Shopper, world: &World, orders: &BTreeMap<String, &Value>) -> usize {
    let ordered = shopper
        .carts
        .iter()
        .filter(|cart| orders.contains_key(&cart.id))
        .count();
    for number in shopper.closed.carts..shopper.carts.len() {
        let shown = shopper.look_at(number).await;
        let cart = &shopper.carts[number];
        let told = shopper.attempts.iter().filter(|attempt| attempt.cart == number);
        let told: Vec<&Told> = told.filter_map(|attempt| attempt.told.as_ref()).collect();
        let Some(order) = orders.get(&cart.id) else {
            let is_free = ["created", "active"].contains(&shown["state"].as_str().expect("a state"));
            assert!(is_free, "a cart without an order is free: {shown}");
            let is_told = told.iter().any(|told| matches!(told, Told::Ordered { .. }));
            assert!(
                !is_told,
                "an order that was acknowledged is missing: {told:?}: {shown}"
            );
            continue;
        };
        let expected = Told::Ordered {
            id: text(&order["id"]),
            number: order["number"].as_u64().expect("a number"),
            total: amount(&order["totals"]["total"]),
        };
        assert!(told.contains(&&expected), "{told:?} was told of {order}");
        assert_eq!(
            (&shown["state"], &shown["order_id"]),
            (&Value::from("completed"), &order["id"]),
            "{shown}"
        );
        assert_eq!(lines_of(world, order), cart.lines, "{order}");
    }
    for checkout in &shopper.checkouts[shopper.closed.checkouts..] {
        shopper.look_at_ended(checkout).await;
    }
    shopper.closed = Closed {
        carts: shopper.carts.len(),
        attempts: shopper.attempts.len(),
        checkouts: shopper.checkouts.len(),
    };
    ordered
}

/// Exactly one confirmation for each order.
async fn check_mails(server: &Server, orders: &[Value]) {
    let directory = server.directory();
    until("every confirmation is sent", async || {
        (orders.len() <= directory.mails().len()).then_some(())
    })
    .await;
    let mut confirmed: BTreeMap<String, usize> = BTreeMap::new();
    for mail in directory.mails() {
        let subject = mail.lines().find_map(|line| line.strip_prefix("Subject: "));
        let subject = subject.unwrap_or_else(|| panic!("a mail without a subject: {mail}"));
        *confirmed.entry(subject.trim().to_owned()).or_default() += 1;
    }
    let expected: BTreeMap<String, usize> = orders
        .iter()
        .map(|order| (format!("Your order {}", order["number"]), 1))
        .collect();
    assert_eq!(confirmed, expected);
}
