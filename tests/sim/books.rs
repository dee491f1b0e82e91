//! What must be true when everything has come to its end: the shop's books against the oracle's, the bank's and the
//! post's.

use crate::basket::contents_of_order;
use crate::purse::check_tenders;
use crate::shop::{Goods, Running, Shop};
use crate::shopper::{Placed, Shopper};
use crate::staff::Staff;
use cartwright_actors::page::PAGE_LIMIT_MAX;
use cartwright_actors::{PageRequest, Request, Shown};
use cartwright_domain::Seed;
use cartwright_domain::cart::State;
use cartwright_domain::money::Money;
use cartwright_domain::order::{Order, Status};
use cartwright_domain::payment::PaymentState;
use cartwright_domain::settings::Capture;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How long a mail may take, past the longest wait of a subscriber.
const MAIL_MAX: Duration = Duration::from_secs(120);

/// Checks the books; returns how many orders there are.
pub(crate) async fn check(
    shop: &Shop,
    running: &Running,
    goods: &Goods,
    shoppers: &[Shopper],
    staff: &Staff,
) -> usize {
    let page = || PageRequest {
        limit: PAGE_LIMIT_MAX,
        cursor: None,
    };
    let orders = running
        .engine
        .orders(page())
        .await
        .expect("orders are listed")
        .items;
    assert!(orders.len() < PAGE_LIMIT_MAX, "a run has more orders than a page");
    check_orders(&orders, shoppers, staff);
    check_money(shop, &orders);
    goods.purse.check(running, &orders).await;
    check_stock(running, goods, staff, &orders).await;
    check_carts(running, page(), &orders).await;
    check_captures(shop, running, &orders).await;
    check_mails(shop, &orders).await;
    orders.len()
}

/// Every order that was acknowledged is there as it was told, once for its cart, under a number without gap.
fn check_orders(orders: &[Shown<Order>], shoppers: &[Shopper], staff: &Staff) {
    let mut numbers: Vec<Option<u64>> = orders.iter().map(|order| order.state.number()).collect();
    numbers.sort_unstable();
    let expected: Vec<Option<u64>> = (1..).take(orders.len()).map(Some).collect();
    assert_eq!(numbers, expected, "order numbers have no gap");
    let mut of_cart = BTreeMap::new();
    for order in orders {
        let cart = order.state.quote().cart;
        let earlier = of_cart.insert(cart, order.id);
        assert_eq!(earlier, None, "{cart} has two orders");
        let is_canceled = order.state.status() == Status::Canceled;
        assert!(
            is_canceled || !staff.canceled.contains(&order.id),
            "{} was canceled, and is {:?}",
            order.id,
            order.state.status()
        );
        assert!(
            !is_canceled || staff.tried.contains(&order.id),
            "nobody has canceled {}",
            order.id
        );
    }
    let placed: Vec<&Placed> = shoppers.iter().flat_map(|shopper| &shopper.placed).collect();
    assert_eq!(
        placed.len(),
        orders.len(),
        "orders that were acknowledged, and orders there are"
    );
    for placed in placed {
        let found = orders.iter().find(|order| order.id == placed.id);
        let found = found.unwrap_or_else(|| panic!("{placed:?} is lost"));
        assert_eq!(found.state.number(), placed.number, "the number of {placed:?}");
    }
}

/// One payment for each order and none without, as the bank has it.
fn check_money(shop: &Shop, orders: &[Shown<Order>]) {
    let complaints = shop.bank.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
    let payments = shop.bank.payments();
    for order in orders {
        let quote = order.state.quote();
        let checkout = quote.checkout.to_string();
        let due = check_tenders(order);
        let mut of_order = payments.iter().filter(|payment| payment.checkout == checkout);
        if due == 0 {
            assert_eq!(of_order.count(), 0, "nothing of {} is due", order.id);
            continue;
        }
        let (Some(payment), None) = (of_order.next(), of_order.next()) else {
            panic!("{} has not one payment: {payments:?}", order.id);
        };
        assert_eq!(payment.authorized, due, "{payment:?} is for what is due");
        let noted = order.state.payments().last().expect("it was counted");
        let is_voided = noted.state() == PaymentState::Voided;
        let of_shop = (
            noted.reference(),
            noted.captured().amount,
            noted.refunded().amount,
            is_voided,
        );
        let of_bank = (
            payment.payment.as_str(),
            payment.captured,
            payment.refunded,
            payment.voided,
        );
        assert_eq!(
            of_shop, of_bank,
            "the shop's and the bank's books of {}",
            order.id
        );
        match order.state.status() {
            Status::Canceled => {
                assert_eq!(payment.captured, payment.refunded, "{payment:?} is canceled");
                assert!(
                    payment.voided || 0 < payment.captured,
                    "{payment:?} is canceled and held"
                );
            }
            status => {
                assert_eq!(status, Status::Confirmed, "{}", order.id);
                assert!(!payment.voided, "{payment:?} is of an order that stands");
                assert_eq!(payment.refunded, 0, "{payment:?} is of an order that stands");
                let is_sound = payment.captured == due || payment.captured == 0;
                assert!(is_sound, "{payment:?} is captured in part");
            }
        }
    }
    for payment in &payments {
        let is_ordered = orders
            .iter()
            .any(|order| order.state.quote().checkout.to_string() == payment.checkout);
        assert!(
            is_ordered || (payment.voided && payment.captured == 0),
            "money without an order: {payment:?}"
        );
    }
}

/// What was to be captured at once is captured, and nothing else: by the setting when the completion was asked for.
async fn check_captures(shop: &Shop, running: &Running, orders: &[Shown<Order>]) {
    for order in orders {
        let Some(payment) = order.state.payments().last() else {
            continue;
        };
        if order.state.status() == Status::Canceled || payment.stored_value().is_some() {
            continue;
        }
        let request = shop.requests().staff(None);
        let seen = running
            .engine
            .checkout(&request, order.state.quote().checkout)
            .await;
        let checkout = seen.expect("a checkout is read").checkout;
        let completion = checkout.state.completion.as_ref();
        let capture = completion.and_then(|completion| completion.capture);
        let captured = match capture.expect("an order's checkout was completed") {
            Capture::Now => payment.authorized_amount(),
            Capture::WhenShipped => Money::zero(payment.authorized_amount().currency),
        };
        assert_eq!(payment.captured(), captured, "what is captured of {}", order.id);
    }
}

/// On hand is what staff were told, promised is what was ordered, and nothing is held.
async fn check_stock(running: &Running, goods: &Goods, staff: &Staff, orders: &[Shown<Order>]) {
    for (variant, _) in &goods.variants {
        let item = running.engine.stock(*variant).await.expect("stock is read");
        let item = item.expect("there is a stock item").state.clone();
        let standing = orders
            .iter()
            .filter(|order| order.state.status() != Status::Canceled);
        let promised = standing.map(|order| {
            let contents = contents_of_order(&order.state);
            contents.get(variant).copied().map_or(0, u64::from)
        });
        assert_eq!(
            (item.on_hand(), item.reserved(), item.allocated()),
            (staff.on_hand(*variant), 0, promised.sum()),
            "on hand, reserved, allocated of {variant}"
        );
        assert!(item.allocated() <= item.on_hand(), "{variant} is oversold");
    }
}

/// A cart is completed by its order, and free without one.
async fn check_carts(running: &Running, page: PageRequest, orders: &[Shown<Order>]) {
    let reader = Request::internal("books", Seed(Uuid::nil()), MAIL_MAX);
    let carts = running.engine.carts(&reader, page).await;
    let carts = carts.expect("carts are listed").items;
    assert!(carts.len() < PAGE_LIMIT_MAX, "a run has more carts than a page");
    for view in carts {
        let cart = &view.priced.cart.state;
        let order = orders.iter().find(|order| order.state.quote().cart == cart.id());
        let is_sound = match cart.state() {
            State::Completed { order: by, .. } => order.is_some_and(|order| order.id == by),
            State::Created | State::Active | State::Abandoned | State::Recovered => order.is_none(),
            State::Checkout { .. } | State::Merged { .. } => false,
        };
        assert!(
            is_sound,
            "{} is {:?} with order {:?}",
            cart.id(),
            cart.state(),
            order.map(|order| order.id)
        );
    }
}

/// Exactly one confirmation for each order.
async fn check_mails(shop: &Shop, orders: &[Shown<Order>]) {
    let deadline = Instant::now() + MAIL_MAX;
    while shop.post.subjects().len() < orders.len() && Instant::now() < deadline {
        sleep(Duration::from_millis(250)).await;
    }
    sleep(Duration::from_secs(2)).await;
    let subjects = shop.post.subjects();
    assert_eq!(
        subjects.len(),
        orders.len(),
        "one mail for each order: {subjects:?}"
    );
    for order in orders {
        let number = order.state.number().expect("an order has a number");
        let about = subjects.iter().filter(|subject| {
            subject
                .split(|c: char| !c.is_ascii_digit())
                .any(|word| word == number.to_string())
        });
        assert_eq!(about.count(), 1, "one mail for order {number}: {subjects:?}");
    }
}
