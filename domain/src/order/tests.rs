//! Orders: the status machine, what is paid, who may see them.

use super::{
    Cancel, Error, Event, FulfillmentState, Order, PlaceOrder, PromisedStock, RecordCapture,
    RecordCaptureFailure, RecordRefund, RecordUses, RecordVoid, RecordVoidFailure, Status, StatusChange,
};
use crate::caller::{Caller, Role};
use crate::cart::{Attributes, FrozenLine, FrozenQuote, Quote, QuoteLine, TaxSource};
use crate::customer::Shopper;
use crate::entity::{Command, Context, Effects, Entity, Keys};
use crate::error::{Class, Detail, Refusal};
use crate::id::{CartId, CheckoutId, LineId, OrderId, ProductId, Seed, SessionId, StoredValueId, VariantId};
use crate::kind::{Listing, ListingKey, Unique, UniqueKey};
use crate::money::{Currency, Money, Price};
use crate::payment::{Payment, PaymentState};
use crate::testing::Bench;
use crate::text::Email;
use crate::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

pub(crate) const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
pub(crate) const CHECKOUT: CheckoutId = CheckoutId(Uuid::from_u128(0xc0));
pub(crate) const CART: CartId = CartId(Uuid::from_u128(0xca));
const VARIANT: VariantId = VariantId(Uuid::from_u128(0x7a));
const SESSION: SessionId = SessionId(Uuid::from_u128(0x5e));

fn money(amount: i64) -> Money {
    Money::new(amount, Currency::of("EUR").expect("a currency"))
}

fn email(text: &str) -> Email {
    Email::parse(text).expect("an address")
}

/// What was agreed on: one unit of something for the whole total, without tax or shipping.
pub(crate) fn frozen(total: i64) -> Arc<FrozenQuote> {
    let line = LineId(Uuid::from_u128(0x11));
    let (total, zero) = (money(total), money(0));
    let quote_line = QuoteLine {
        line,
        quantity: 1,
        unit_price: Price::of_money(total).expect("a price"),
        amount: total,
        tax_stripped: zero,
        discount: zero,
        tax: None,
    };
    let quote = Quote {
        currency: total.currency,
        lines: vec![quote_line],
        shipping_line: None,
        shipping_unavailable: None,
        zone: None,
        tax_relief: None,
        tax_source: TaxSource::Table,
        estimated: false,
        subtotal: total,
        discounts: zero,
        shipping: zero,
        tax: Some(zero),
        tax_included: zero,
        tax_estimate: None,
        total,
        promotions: Vec::new(),
        codes: Vec::new(),
    };
    let frozen_line = FrozenLine {
        line,
        variant: VARIANT,
        product: ProductId(Uuid::from_u128(0xab)),
        sku: "85123A".into(),
        title: "Lamp".into(),
        options: Attributes::new(),
        custom_fields: Attributes::new(),
        price_override: None,
    };
    Arc::new(FrozenQuote {
        checkout: CHECKOUT,
        cart: CART,
        quote,
        looked: Vec::new(),
        tenders: Vec::new(),
        lines: vec![frozen_line],
        email: Some(email("Ada@example.com")),
        shipping_address: None,
        billing_address: None,
        shipping_method: None,
        customer: None,
        uses: Vec::new(),
        frozen_at: START,
    })
}

fn authorized(amount: i64) -> Payment {
    Payment::authorized("sandbox", "pay_1", money(amount)).expect("a positive amount")
}

fn place(total: i64, payment: Option<Payment>) -> Result<Bench<Order>, Error> {
    place_paid(total, payment.into_iter().collect())
}

fn place_paid(total: i64, payments: Vec<Payment>) -> Result<Bench<Order>, Error> {
    let stock = vec![PromisedStock {
        variant: VARIANT,
        quantity: 1,
    }];
    let command = PlaceOrder {
        quote: frozen(total),
        session: Some(SESSION),
        payments,
        stock,
    };
    let mut bench = Bench::create(OrderId(Uuid::from_u128(0x0d)), START, command)?;
    bench.entity.assign_number(42);
    Ok(bench)
}

fn paid() -> Bench<Order> {
    place(1_000, Some(authorized(1_000))).unwrap_or_else(|error| panic!("{error}"))
}

fn reference() -> String {
    "pay_1".to_owned()
}

fn capture(amount: i64) -> RecordCapture {
    RecordCapture {
        reference: reference(),
        amount: money(amount),
    }
}

fn refund(amount: i64) -> RecordRefund {
    RecordRefund {
        reference: reference(),
        amount: money(amount),
    }
}

fn cancel() -> Cancel {
    Cancel {
        by: "staff:ada".to_owned(),
        reason: "called off by phone".to_owned(),
    }
}

/// The legal moves, as section 6.1 of the semantics has them.
const LEGAL: [(Status, Status); 8] = [
    (Status::Pending, Status::Confirmed),
    (Status::Pending, Status::Failed),
    (Status::Pending, Status::Canceled),
    (Status::Confirmed, Status::Processing),
    (Status::Confirmed, Status::Canceled),
    (Status::Processing, Status::Shipped),
    (Status::Processing, Status::Canceled),
    (Status::Shipped, Status::Delivered),
];

#[test]
fn every_pair_of_statuses_is_legal_or_refused_with_the_legal_next_ones() {
    for from in Status::ALL.iter().copied() {
        let legal_next: Vec<Detail> = LEGAL
            .iter()
            .filter(|(start, _)| *start == from)
            .map(|(_, end)| end.name().into())
            .collect();
        for to in Status::ALL.iter().copied() {
            let moved = from.require_next(to);
            if LEGAL.contains(&(from, to)) {
                assert_eq!(moved, Ok(()), "{from} to {to}");
                continue;
            }
            let Err(error) = moved else {
                panic!("{from} to {to} was expected to be refused")
            };
            let canceled_twice = from == Status::Canceled && to == Status::Canceled;
            let code = if canceled_twice {
                "order.already_canceled"
            } else {
                "order.illegal_move"
            };
            assert_eq!(
                (error.code(), error.class()),
                (code, Class::Conflict),
                "{from} to {to}"
            );
            let details = error.details();
            assert_eq!(
                details[1],
                ("next".to_owned(), Detail::List(legal_next.clone())),
                "{from} to {to}"
            );
        }
    }
}

#[test]
fn an_order_is_canceled_where_its_status_allows_it_and_nowhere_else() {
    for from in Status::ALL.iter().copied() {
        let mut bench = paid();
        bench.entity.status = from;
        // The bench would find the history broken; the refusal or the move is what counts here.
        let mut order = bench.entity.clone();
        let mut effects = Effects::default();
        let caller = Caller::engine("cancellation");
        let mut cx = Context::new(START, &caller, Seed(Uuid::nil()), None, &mut effects);
        let canceled = cancel().apply(&mut order, &mut cx);
        if LEGAL.contains(&(from, Status::Canceled)) {
            assert_eq!((canceled, order.status()), (Ok(()), Status::Canceled));
        } else {
            assert!(canceled.is_err(), "{from}");
            assert_eq!((order, effects.events), (bench.entity, vec![]), "{from}");
        }
    }
}

#[test]
fn an_authorized_order_and_one_of_nothing_are_confirmed_at_once() -> Result<(), Error> {
    let check = |bench: &Bench<Order>, status, state, moves: &[(&str, Status)]| {
        assert_eq!(
            (bench.entity.status(), bench.entity.payment_state()),
            (status, state)
        );
        let history: Vec<(&str, Status)> = bench
            .entity
            .history()
            .iter()
            .map(|change| (change.reason.as_str(), change.to))
            .collect();
        assert_eq!(history, moves);
        let placed = Event::OrderPlaced {
            checkout: CHECKOUT,
            cart: CART,
            total: bench.entity.quote().quote.total,
        };
        let confirmed = (status == Status::Confirmed).then_some(Event::OrderConfirmed);
        assert_eq!(
            bench.events,
            [placed].into_iter().chain(confirmed).collect::<Vec<_>>()
        );
    };
    let placed = ("placed", Status::Pending);
    let by_payment = [placed, ("payment authorized", Status::Confirmed)];
    check(
        &place(1_000, Some(authorized(1_000)))?,
        Status::Confirmed,
        Some(PaymentState::Authorized),
        &by_payment,
    );
    check(
        &place(0, None)?,
        Status::Confirmed,
        None,
        &[placed, ("nothing to pay", Status::Confirmed)],
    );
    check(&place(1_000, None)?, Status::Pending, None, &[placed]);
    Ok(())
}

#[test]
fn exactly_the_total_must_be_authorized() {
    for amount in [999, 1_001] {
        let refused = place(1_000, Some(authorized(amount)))
            .map(|_| ())
            .map_err(|error| error.code());
        assert_eq!(refused, Err("order.total_not_authorized"));
    }
}

#[test]
fn canceling_twice_changes_nothing_and_says_so() {
    let mut bench = paid();
    bench.now = START.after(Duration::from_secs(60));
    assert_eq!(bench.run(cancel()), Ok(()));
    let last = bench.entity.history().last().cloned();
    let expected = StatusChange {
        at: bench.now,
        by: "staff:ada".to_owned(),
        from: Some(Status::Confirmed),
        to: Status::Canceled,
        reason: "called off by phone".to_owned(),
    };
    assert_eq!(last, Some(expected));
    assert_eq!(bench.run(cancel()), Err(Error::AlreadyCanceled));
    let canceled = Event::OrderCanceled {
        reason: "called off by phone".to_owned(),
    };
    assert_eq!(bench.events.iter().filter(|event| **event == canceled).count(), 1);
    // What it was promised stays known: the cancellation gives it back.
    assert_eq!(
        bench.entity.stock(),
        [PromisedStock {
            variant: VARIANT,
            quantity: 1
        }]
    );
}

#[test]
fn a_cancellation_needs_a_reason_within_its_bounds() {
    for (reason, code) in [(" ".to_owned(), "text.empty"), ("x".repeat(501), "text.too_long")] {
        let Err(Error::Fields(errors)) = paid().run(Cancel { reason, ..cancel() }) else {
            panic!("a refusal was expected")
        };
        assert_eq!(
            (
                errors.as_slice()[0].pointer.as_str(),
                errors.as_slice()[0].code.as_str()
            ),
            ("/reason", code)
        );
    }
    assert_eq!(
        paid().run(Cancel {
            reason: "x".repeat(500),
            ..cancel()
        }),
        Ok(())
    );
}

#[test]
fn money_taken_and_given_back_is_told_once() {
    let mut bench = paid();
    bench.events.clear();
    let failure = RecordCaptureFailure {
        reference: reference(),
        reason: "no".repeat(400),
    };
    assert_eq!(bench.run(failure.clone()), Ok(()));
    assert_eq!(bench.run(failure), Ok(()));
    assert_eq!(bench.entity.payment_state(), Some(PaymentState::CaptureFailed));
    assert_eq!(bench.run(capture(1_000)), Ok(()));
    assert_eq!(bench.run(cancel()), Ok(()));
    assert_eq!(bench.run(refund(1_000)), Ok(()));
    assert_eq!(
        bench.run(refund(1)).map_err(|error| error.code()),
        Err("payment.exceeds_captured")
    );
    assert_eq!(bench.entity.payment_state(), Some(PaymentState::Refunded));
    let told = [
        Event::PaymentCaptureFailed {
            reference: reference(),
            reason: "no".repeat(250),
        },
        Event::PaymentCaptured {
            reference: reference(),
            amount: money(1_000),
        },
        Event::OrderCanceled {
            reason: "called off by phone".to_owned(),
        },
        Event::PaymentRefunded {
            reference: reference(),
            amount: money(1_000),
        },
    ];
    assert_eq!(bench.events, told);
}

#[test]
fn what_is_not_voided_stays_authorized_and_is_told() {
    let mut bench = paid();
    bench.events.clear();
    let before = bench.entity.clone();
    let failure = RecordVoidFailure {
        reference: reference(),
    };
    assert_eq!(bench.run(failure.clone()), Ok(()));
    assert_eq!(bench.entity, before);
    assert_eq!(
        bench.events,
        [Event::PaymentVoidFailed {
            reference: reference()
        }]
    );
    // Nothing is to be let go of what was captured meanwhile.
    assert_eq!(bench.run(capture(1_000)), Ok(()));
    bench.events.clear();
    assert_eq!(bench.run(failure), Ok(()));
    assert_eq!(bench.events, []);
    let other = RecordVoidFailure {
        reference: "pay_2".to_owned(),
    };
    assert_eq!(
        bench.run(other),
        Err(Error::UnknownPayment {
            reference: "pay_2".to_owned()
        })
    );
}

#[test]
fn voiding_twice_is_voiding_once() {
    let mut bench = paid();
    bench.events.clear();
    assert_eq!(
        bench.run(RecordVoid {
            reference: reference()
        }),
        Ok(())
    );
    assert_eq!(
        bench.run(RecordVoid {
            reference: reference()
        }),
        Ok(())
    );
    assert_eq!(
        bench.events,
        [Event::PaymentVoided {
            reference: reference()
        }]
    );
    assert_eq!(
        bench.run(capture(1)).map_err(|error| error.code()),
        Err("payment.voided")
    );
    let other = RecordVoid {
        reference: "pay_2".to_owned(),
    };
    assert_eq!(
        bench.run(other),
        Err(Error::UnknownPayment {
            reference: "pay_2".to_owned()
        })
    );
}

#[test]
fn an_order_is_found_by_its_number_once_it_has_one() -> Result<(), Error> {
    let numbered = place(0, None)?.entity;
    let by_number = UniqueKey::new(Unique::OrderNumber, 42_u64.to_be_bytes());
    let email = numbered.quote.email.clone();
    let email = email.expect("whoever orders has an address");
    let mut of_shopper = Order::listed_by(&Shopper::Guest(&email));
    of_shopper.extend(42_u64.to_be_bytes());
    let of_shopper = ListingKey::new(Listing::OrdersByShopper, of_shopper);
    assert_eq!(
        numbered.keys(),
        Keys {
            unique: vec![by_number],
            listing: vec![of_shopper]
        }
    );
    let unnumbered = Order {
        number: None,
        ..numbered
    };
    assert_eq!(unnumbered.keys(), Keys::default());
    Ok(())
}

#[test]
fn only_staff_its_session_its_token_and_its_address_open_an_order() {
    let order = paid().entity;
    assert!(order.belongs_to(&Caller::of_session(SESSION)));
    assert!(order.belongs_to(&Caller::of_staff("ada", Role::Admin)));
    assert!(!order.belongs_to(&Caller::of_session(SessionId(Uuid::from_u128(1)))));
    let sessionless = Order {
        session: None,
        ..order.clone()
    };
    assert!(!sessionless.belongs_to(&Caller::default()));
    assert_eq!(order.token().len(), 32);
    assert!(order.has_token(order.token()));
    for wrong in ["", &order.token()[1..], &"0".repeat(32)] {
        assert!(!order.has_token(wrong), "{wrong}");
    }
    assert!(order.has_email("ada@EXAMPLE.com"));
    assert!(!order.has_email("eve@example.com"));
}

#[test]
fn fulfillment_follows_the_status() {
    for status in Status::ALL.iter().copied() {
        let expected = match status.name() {
            "shipped" => FulfillmentState::Shipped,
            "delivered" => FulfillmentState::Delivered,
            _ => FulfillmentState::Unfulfilled,
        };
        assert_eq!(status.fulfillment(), expected, "{status}");
    }
}

#[test]
fn several_payments_sum_to_the_total_and_gift_cards_are_noted_together() {
    let card = |n: u128, amount| {
        let id = StoredValueId(Uuid::from_u128(n));
        Payment::authorized("gift_card", id.to_string(), money(amount)).expect("a positive amount")
    };
    let payments = |rest| vec![card(1, 300), card(2, 200), authorized(rest)];
    for rest in [499, 501] {
        let refused = place_paid(1_000, payments(rest)).map_err(|error| error.code());
        assert_eq!(refused.err(), Some("order.total_not_authorized"));
    }
    let mut order = place_paid(1_000, payments(500)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(order.entity.status(), Status::Confirmed);
    let of = |payment: &Payment, amount| RecordCapture {
        reference: payment.reference().to_owned(),
        amount: money(amount),
    };
    // One that cannot be noted leaves the other as it was.
    let uses = vec![of(&card(1, 300), 300), of(&card(2, 200), 201)];
    let refused = order.run(RecordUses { uses }).map_err(|error| error.code());
    assert_eq!(refused, Err("payment.exceeds_authorization"));
    let uses = vec![of(&card(1, 300), 300), of(&card(2, 200), 200)];
    assert_eq!(order.run(RecordUses { uses }), Ok(()));
    let states: Vec<(bool, PaymentState)> = order
        .entity
        .payments()
        .iter()
        .map(|payment| (payment.stored_value().is_some(), payment.state()))
        .collect();
    use PaymentState::{Authorized, Captured};
    assert_eq!(states, [(true, Captured), (true, Captured), (false, Authorized)]);
}
