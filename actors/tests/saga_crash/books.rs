//! What must be true in the end, whatever happened on the way.

use crate::house::{House, ON_HAND, Running, staff};
use crate::scenarios::Scenario;
use cartwright_actors::PageRequest;
use cartwright_actors::page::PAGE_LIMIT_MAX;
use cartwright_domain::cart::{Cart, FrozenQuote, State};
use cartwright_domain::checkout::Checkout;
use cartwright_domain::id::{CheckoutId, StockItemId, UseCounterId, VariantId};
use cartwright_domain::inventory::{DEFAULT_LOCATION, StockItem};
use cartwright_domain::money::Money;
use cartwright_domain::order::{Order, Status};
use cartwright_domain::payment::{Payment as Noted, PaymentState};
use cartwright_domain::promotion::{Use, UseCounter};
use cartwright_domain::stored_value::StoredValue;
use cartwright_domain::{Entity, EntityId, EntityKey, Kind};
use cartwright_gateways::payment::sandbox::{Ledger, Operation, Payment};
use cartwright_storage::{Listed, ReceiptFound, ReceiptKey, Scan, Store, codec};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a mail may take.
const MAIL_MAX: Duration = Duration::from_secs(60);
/// How long it is watched that no mail comes twice: past the time between two moves of a cursor.
const MAIL_AGAIN: Duration = Duration::from_secs(3);

/// Checks the books.
pub(crate) async fn check(running: &Running, house: &House, scenario: &Scenario, told: &str) {
    let page = PageRequest {
        limit: PAGE_LIMIT_MAX,
        cursor: None,
    };
    let mut orders: Vec<Arc<Order>> = Vec::new();
    for order in running.engine.orders(page.clone()).await.unwrap().items {
        orders.push(Arc::clone(&order.state));
    }
    orders.sort_by_key(|order| order.number());
    let statuses: Vec<Status> = orders.iter().map(|order| order.status()).collect();
    assert_eq!(statuses, scenario.orders, "{told}");
    let numbers: Vec<Option<u64>> = orders.iter().map(|order| order.number()).collect();
    let expected: Vec<Option<u64>> = (1..).take(orders.len()).map(Some).collect();
    assert_eq!(numbers, expected, "{told}: numbers have no gap");

    let ledger = house.ledger();
    check_money(&orders, &ledger, told);
    check_gift_cards(running, &orders, page.clone(), told).await;
    check_stock(running, house, &orders, told).await;
    let mut carts: Vec<Arc<Cart>> = Vec::new();
    for view in running.engine.carts(&staff(), page).await.unwrap().items {
        carts.push(Arc::clone(&view.priced.cart.state));
    }
    check_carts(&orders, &carts, told);
    let counters = check_uses(running, &orders, told).await;
    check_mails(house, &orders, told).await;
    let checkouts = Scan {
        of: Listed::Kind(Kind::Checkout),
        prefix: Vec::new(),
        after: None,
        descending: false,
        limit: PAGE_LIMIT_MAX,
    };
    for row in house.store().scan(checkouts).await.unwrap() {
        let checkout = CheckoutId::from_uuid(row.entity.id);
        check_receipts(running, house, checkout, (&carts, &orders, &counters), told).await;
    }
}

/// One charge for each order and none without, as the provider has it.
fn check_money(orders: &[Arc<Order>], ledger: &Ledger, told: &str) {
    assert_eq!(ledger.torn_bytes, 0, "{told}");
    for order in orders {
        let quote = order.quote();
        let checkout = quote.checkout.to_string();
        let of_checkout = |payment: &&Payment| payment.checkout == checkout;
        let payments: Vec<&Payment> = ledger.payments.iter().filter(of_checkout).collect();
        let at_provider = |noted: &&Noted| noted.stored_value().is_none();
        let noted: Vec<&Noted> = order.payments().iter().filter(at_provider).collect();
        if quote.due().is_zero() {
            assert!(payments.is_empty() && noted.is_empty(), "{told}: {payments:?}");
            continue;
        }
        let ([payment], [noted]) = (payments.as_slice(), noted.as_slice()) else {
            panic!("{told}: {payments:?} for one order with {:?}", order.payments());
        };
        assert_eq!(payment.payment.as_str(), noted.reference(), "{told}");
        assert_eq!(
            payment.authorized,
            quote.due(),
            "{told}: authorized is what is due"
        );
        let kept = payment.captured.minus(payment.refunded).unwrap();
        let expected = if order.status() == Status::Canceled {
            Money::zero(quote.due().currency)
        } else {
            quote.due()
        };
        assert_eq!(kept, expected, "{told}: {payment:?}");
        assert!(
            !payment.voided || payment.captured.is_zero(),
            "{told}: nobody voids what is captured: {payment:?}"
        );
        assert!(
            payment.voided || !payment.captured.is_zero(),
            "{told}: nothing stays set aside: {payment:?}"
        );
        // The order says what the provider says.
        assert_eq!(
            (
                noted.captured(),
                noted.refunded(),
                noted.state() == PaymentState::Voided
            ),
            (payment.captured, payment.refunded, payment.voided),
            "{told}"
        );
    }
    for payment in &ledger.payments {
        let is_ordered = orders
            .iter()
            .any(|order| order.quote().checkout.to_string() == payment.checkout);
        assert!(
            is_ordered || (payment.voided && payment.captured.is_zero()),
            "{told}: money without an order: {payment:?}"
        );
    }
    let mut authorized = BTreeSet::new();
    for entry in &ledger.entries {
        if entry.operation == Operation::Authorize {
            assert!(
                authorized.insert(entry.checkout.clone()),
                "{told}: {} was authorized twice",
                entry.checkout
            );
        }
    }
}

/// What left each gift card is what orders that stand were paid with, nothing is held, and the orders say so.
async fn check_gift_cards(running: &Running, orders: &[Arc<Order>], page: PageRequest, told: &str) {
    for card in running.engine.gift_cards(page).await.unwrap().items {
        let card = &card.state;
        let issued = card.ledger()[0].amount.amount;
        let mut spent = 0;
        for order in orders {
            let own = |noted: &&Noted| noted.stored_value() == Some(card.id());
            for noted in order.payments().iter().filter(own) {
                assert_eq!(noted.captured(), noted.authorized_amount(), "{told}");
                let kept = noted.captured().minus(noted.refunded()).unwrap();
                assert_eq!(kept.is_zero(), order.status() == Status::Canceled, "{told}");
                spent += kept.amount;
            }
        }
        let left = (card.balance().amount, card.held().amount);
        assert_eq!(left, (issued - spent, 0), "{told}: balance and held");
    }
}

async fn check_stock(running: &Running, house: &House, orders: &[Arc<Order>], told: &str) {
    for variant in house.goods.tracked {
        let shown = running.engine.stock(variant).await.unwrap().unwrap();
        let item = &shown.state;
        let promised: u64 = orders
            .iter()
            .filter(|order| order.status() != Status::Canceled)
            .map(|order| units_of(order, variant))
            .sum();
        assert_eq!(
            (item.on_hand(), item.reserved(), item.allocated()),
            (ON_HAND, 0, promised),
            "{told}: on hand, reserved, allocated"
        );
    }
}

/// What is limited was used by the orders that stand, and nobody holds a use. Returns where that is counted.
async fn check_uses(running: &Running, orders: &[Arc<Order>], told: &str) -> Vec<UseCounterId> {
    let standing = orders.iter().filter(|order| order.status() != Status::Canceled);
    let uses: Vec<Use> = standing.flat_map(|order| order.quote().uses.clone()).collect();
    let mut counters: Vec<UseCounterId> = orders
        .iter()
        .flat_map(|order| order.quote().uses.iter().map(|used| used.counter))
        .collect();
    let promotions = running.engine.promotions(PageRequest::default()).await.unwrap();
    for view in &promotions.items {
        counters.push(UseCounterId::of_all(view.promotion.id));
    }
    for counter in &counters {
        let key = UseCounter::key(*counter);
        let loaded = running.faults.inner().load(key).await.unwrap().unwrap();
        let state = codec::decode_snapshot::<UseCounter>(&loaded.snapshot)
            .unwrap()
            .state;
        let used = uses.iter().filter(|used| used.counter == *counter).count() as u64;
        assert_eq!(
            (state.used(), state.held()),
            (used, &[][..]),
            "{told}: used and held"
        );
    }
    counters
}

fn units_of(order: &Order, variant: VariantId) -> u64 {
    let quote = order.quote();
    let lines = quote.lines.iter().zip(&quote.quote.lines);
    lines
        .filter(|(line, _)| line.variant == variant)
        .map(|(_, quoted)| u64::from(quoted.quantity))
        .sum()
}

/// A cart is completed by its order, and free without one.
fn check_carts(orders: &[Arc<Order>], carts: &[Arc<Cart>], told: &str) {
    for cart in carts {
        let mut of_cart = orders.iter().filter(|order| order.quote().cart == cart.id());
        let order = of_cart.next();
        assert!(of_cart.next().is_none(), "{told}: a cart with two orders");
        match (cart.state(), order) {
            (State::Completed { order, checkout }, Some(placed)) => {
                assert_eq!(
                    (order, checkout),
                    (placed.id(), placed.quote().checkout),
                    "{told}"
                );
            }
            (State::Active, None) => {}
            (state, order) => panic!(
                "{told}: a cart is {} with order {:?}",
                state.name(),
                order.map(|order| order.number())
            ),
        }
    }
}

/// Exactly one confirmation for each order.
async fn check_mails(house: &House, orders: &[Arc<Order>], told: &str) {
    let deadline = Instant::now() + MAIL_MAX;
    while house.mails().len() < orders.len() && Instant::now() < deadline {
        sleep(Duration::from_millis(100)).await;
    }
    sleep(MAIL_AGAIN).await;
    let mut mails = house.mails();
    mails.sort();
    assert_eq!(mails.len(), orders.len(), "{told}: {mails:?}");
    for (order, mail) in orders.iter().zip(&mails) {
        let name = format!("order-{}.", order.number().unwrap());
        assert!(mail.starts_with(&name), "{told}: {mails:?}");
    }
}

/// Steps leave no receipt behind when their saga has ended.
async fn check_receipts(
    running: &Running,
    house: &House,
    checkout: CheckoutId,
    (carts, orders, counters): (&[Arc<Cart>], &[Arc<Order>], &[UseCounterId]),
    told: &str,
) {
    let mut participants: Vec<(EntityKey, &[&str])> = Vec::new();
    for cart in carts {
        let steps = &["lock_cart", "lock_details", "unlock_cart", "complete_cart"];
        participants.push((Cart::key(cart.id()), steps));
    }
    for variant in house.goods.tracked {
        let item = StockItem::key(StockItemId::of(variant, DEFAULT_LOCATION));
        let steps = &["reserve_stock", "pin_stock", "release_stock", "allocate_stock"];
        participants.push((item, steps));
    }
    for counter in counters {
        let steps = &["reserve_use", "release_use", "commit_use"];
        participants.push((UseCounter::key(*counter), steps));
    }
    participants.push((FrozenQuote::key(checkout), &["freeze_quote"]));
    for order in orders {
        participants.push((
            Order::key(order.id()),
            &[
                "place_order",
                "record_capture",
                "record_late_refund",
                "record_uses",
            ],
        ));
    }
    let cards = running.engine.gift_cards(PageRequest::default()).await.unwrap();
    for card in cards.items {
        let steps = &["hold_value", "use_value", "release_value"];
        participants.push((StoredValue::key(card.id), steps));
    }
    for (participant, steps) in participants {
        for step in steps {
            let key = ReceiptKey::Step {
                saga: Checkout::key(checkout),
                step: (*step).into(),
                participant,
            };
            let found = house.store().receipt(key, running.engine.now()).await.unwrap();
            assert!(
                matches!(found, ReceiptFound::AbsentAsOf(_)),
                "{told}: {step} left its receipt at {participant}"
            );
        }
    }
}
