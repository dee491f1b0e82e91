//! `0 <= held <= balance`, the ledger sums to the balance, and what is refused says why.

use super::*;
use crate::entity::Entity;
use crate::error::Refusal;
use crate::id::{CheckoutId, CustomerId, OrderId, StoredValueId};
use crate::money::{Currency, Money};
use crate::testing::Bench;
use crate::time::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

fn euros(amount: i64) -> Money {
    Money::new(amount, Currency::of("EUR").expect("a currency"))
}

fn issue(draft: GiftCardDraft) -> Result<Bench<StoredValue>, Error> {
    let id = StoredValueId(Uuid::from_u128(1));
    let command = IssueGiftCard {
        draft,
        customer: None,
    };
    Bench::create(id, Timestamp::from_millis(1_000), command)
}

fn card(balance: i64) -> Bench<StoredValue> {
    let draft = GiftCardDraft {
        amount: Some(euros(balance)),
        expires_at: Some(Timestamp::from_millis(2_000)),
        ..GiftCardDraft::default()
    };
    issue(draft).expect("a gift card")
}

fn checkout(n: u8) -> CheckoutId {
    CheckoutId(Uuid::from_u128(n.into()))
}

fn order(n: u8) -> OrderId {
    OrderId(Uuid::from_u128(n.into()))
}

#[derive(Clone, Debug)]
enum Move {
    Hold(u8, i64),
    Release(u8),
    Use(u8),
    GiveBack(u8, i64),
    Adjust(i64),
    Enable(bool),
    Wait,
}

fn make(card: &mut Bench<StoredValue>, step: &Move) -> Result<(), Error> {
    match *step {
        Move::Hold(n, amount) => card.run(HoldValue {
            checkout: checkout(n),
            amount: euros(amount),
            customer: None,
        }),
        Move::Release(n) => card.run(ReleaseValue {
            checkout: checkout(n),
        }),
        Move::Use(n) => card.run(UseValue {
            checkout: checkout(n),
            order: order(n),
        }),
        Move::GiveBack(n, amount) => card.run(GiveBack {
            order: order(n),
            amount: euros(amount),
        }),
        Move::Adjust(amount) => card.run(Adjust {
            amount: euros(amount),
            reason: "goodwill".to_owned(),
        }),
        Move::Enable(enabled) => card.run(Update {
            draft: Draft {
                enabled: Some(enabled),
                ..Draft::default()
            },
        }),
        Move::Wait => {
            card.now = Timestamp::from_millis(2_000);
            Ok(())
        }
    }
}

/// Checks what the last of some moves on a card of 10 euros comes to: balance and held, or a refusal's code.
#[track_caller]
fn check(moves: &[Move], expected: Result<(i64, i64), &str>) {
    let mut card = card(1_000);
    let (last, first) = moves.split_last().expect("a move");
    for step in first {
        assert_eq!(make(&mut card, step), Ok(()), "{step:?}");
    }
    let outcome = make(&mut card, last)
        .map(|()| (card.entity.balance().amount, card.entity.held().amount))
        .map_err(|error| error.code());
    assert_eq!(outcome, expected, "{moves:?}");
}

#[test]
fn what_is_held_is_there_for_its_checkout_alone() {
    use Move::{Adjust, Enable, GiveBack, Hold, Release, Use, Wait};
    let short = Err("gift_card.insufficient_balance");
    check(&[Hold(1, 1_000)], Ok((1_000, 1_000)));
    check(&[Hold(1, 1_001)], short);
    check(&[Hold(1, 0)], short);
    check(&[Hold(1, -1)], short);
    check(&[Hold(1, 600), Hold(2, 400)], Ok((1_000, 1_000)));
    check(&[Hold(1, 600), Hold(2, 401)], short);
    check(&[Hold(1, 600), Hold(1, 600)], Ok((1_000, 600)));
    check(&[Hold(1, 600), Hold(1, 1_000)], Ok((1_000, 1_000)));
    check(&[Hold(1, 600), Release(1), Hold(2, 1_000)], Ok((1_000, 1_000)));
    check(&[Release(1)], Ok((1_000, 0)));
    check(&[Hold(1, 600), Use(1)], Ok((400, 0)));
    check(&[Hold(1, 600), Use(1), Use(1)], Ok((400, 0)));
    check(&[Hold(1, 600), Use(2)], Ok((1_000, 600)));
    check(&[Hold(1, 600), Use(1), Hold(2, 401)], short);
    check(&[Hold(1, 600), Use(1), GiveBack(1, 600)], Ok((1_000, 0)));
    // Once held it is paid, and given back, whatever becomes of the card.
    check(&[Enable(false), Hold(1, 1)], short);
    check(&[Enable(false), Enable(true), Hold(1, 1)], Ok((1_000, 1)));
    check(&[Hold(1, 600), Enable(false), Wait, Use(1)], Ok((400, 0)));
    check(
        &[Hold(1, 600), Use(1), Enable(false), Wait, GiveBack(1, 600)],
        Ok((1_000, 0)),
    );
    check(&[Wait, Hold(1, 1)], short);
    check(&[Hold(1, 600), Adjust(-400)], Ok((600, 600)));
    check(&[Hold(1, 600), Adjust(-401)], Err("stored_value.below_held"));
    check(&[Adjust(-1_000)], Ok((0, 0)));
    check(&[Adjust(0)], Err("request.invalid_fields"));
    check(&[Adjust(AMOUNT_MAX)], Err("request.invalid_fields"));
    check(&[Adjust(AMOUNT_MAX - 1_000)], Ok((AMOUNT_MAX, 0)));
}

#[test]
fn no_more_checkouts_hold_than_may() {
    let mut card = card(1_000_000);
    for n in 0..u8::try_from(HOLDS_MAX).expect("a small bound") {
        assert_eq!(make(&mut card, &Move::Hold(n, 1)), Ok(()));
    }
    let refused = make(&mut card, &Move::Hold(200, 1)).map_err(|error| error.code());
    assert_eq!(refused, Err("stored_value.too_many_holds"));
    assert_eq!(make(&mut card, &Move::Hold(0, 2)), Ok(()));
}

#[test]
fn every_bad_field_of_a_gift_card_is_listed() {
    let draft = GiftCardDraft {
        amount: Some(euros(0)),
        code: Some("short".to_owned()),
        expires_at: Some(Timestamp::from_millis(1_000)),
        note: Some(" ".to_owned()),
        customer: Some("cus_x".to_owned()),
        email: Some("ada".to_owned()),
    };
    let Err(Error::Fields(errors)) = issue(draft) else {
        panic!("expected bad fields")
    };
    let listed = errors.as_slice().iter();
    let listed: Vec<(&str, &str)> = listed
        .map(|error| (error.pointer.as_str(), error.code.as_str()))
        .collect();
    let expected = [
        ("/amount", "stored_value.amount_not_positive"),
        ("/code", "gift_card.invalid_code"),
        ("/expires_at", "stored_value.expiry_past"),
        ("/note", "text.empty"),
        ("/customer_id", "customer.not_found"),
        ("/email", "text.not_an_email"),
    ];
    assert_eq!(listed, expected);
}

#[test]
fn a_code_is_drawn_of_plain_characters_and_shown_by_its_end_alone() {
    let card = card(1);
    let code = &card.entity.gift_card().expect("a gift card").code;
    assert_eq!(code.as_str().len(), 16);
    assert!(code.as_str().bytes().all(|byte| !b"01IO".contains(&byte)));
    let spelled = format!(" {} ", code.grouped().to_lowercase());
    assert_eq!(GiftCardCode::parse(&spelled).as_ref(), Ok(code));
    assert_eq!(code.to_string(), format!("…{}", code.last_characters()));
    assert_eq!(format!("{code:?}"), code.to_string());
    for text in ["", "1234567", "1234 567-", "ÄBCDEFGH", &"A".repeat(33)] {
        assert_eq!(GiftCardCode::parse(text), Err(Error::InvalidCode), "{text}");
    }
}

#[test]
fn a_total_is_covered_in_the_order_of_application() {
    let (few, many) = (card(300), card(1_000));
    let both = || [&few.entity, &many.entity];
    let now = Timestamp::from_millis(1_000);
    let check = |total: i64, expected: (&[i64], i64)| {
        let coverage = cover(euros(total), both(), None, None, now);
        let amounts: Vec<i64> = coverage
            .parts
            .iter()
            .map(|part| part.tender.amount.amount)
            .collect();
        assert_eq!((amounts.as_slice(), coverage.due.amount), expected, "{total}");
    };
    check(0, (&[0, 0], 0));
    check(299, (&[299, 0], 0));
    check(301, (&[300, 1], 0));
    check(1_500, (&[300, 1_000], 200));
    let late = cover(euros(500), both(), None, None, Timestamp::from_millis(2_000));
    assert_eq!(late.due, euros(500));
    assert_eq!(late.parts[0].unusable, Some(Unusable::Expired));
    let other = Money::new(500, Currency::GBP);
    let other = cover(other, both(), None, None, now);
    assert_eq!(other.parts[1].unusable, Some(Unusable::OtherCurrency));
}

#[test]
fn store_credit_is_its_customers_alone() {
    let customer = CustomerId(Uuid::from_u128(7));
    let id = StoredValueId::of_credit(customer, euros(0).currency);
    let open = |amount| OpenStoreCredit {
        customer,
        first: Adjust {
            amount: euros(amount),
            reason: "goodwill".to_owned(),
        },
    };
    for amount in [0, -1] {
        assert!(Bench::create(id, Timestamp::from_millis(0), open(amount)).is_err());
    }
    let mut credit = Bench::create(id, Timestamp::from_millis(0), open(500)).expect("store credit");
    assert_eq!(credit.entity.balance(), euros(500));
    let hold = |customer| HoldValue {
        checkout: checkout(1),
        amount: euros(500),
        customer,
    };
    let refused = credit.run(hold(None)).map_err(|error| error.code());
    assert_eq!(refused, Err("store_credit.insufficient_balance"));
    assert_eq!(credit.run(hold(Some(customer))), Ok(()));
    let covered = cover(euros(500), [&credit.entity], Some(customer), None, credit.now);
    assert_eq!(covered.parts[0].unusable, Some(Unusable::Empty));
    let covered = cover(
        euros(500),
        [&credit.entity],
        Some(customer),
        Some(checkout(1)),
        credit.now,
    );
    assert!(covered.due.is_zero());
}

fn any_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        4 => (0..6_u8, -10..700_i64).prop_map(|(n, amount)| Move::Hold(n, amount)),
        2 => (0..6_u8).prop_map(Move::Release),
        2 => (0..6_u8).prop_map(Move::Use),
        1 => (0..6_u8, 0..300_i64).prop_map(|(n, amount)| Move::GiveBack(n, amount)),
        1 => (-500..500_i64).prop_map(Move::Adjust),
        1 => any::<bool>().prop_map(Move::Enable),
    ]
}

proptest! {
    /// Whatever commands come in whatever order: what is held never exceeds the balance, and the events sum to it.
    #[test]
    fn holds_never_exceed_the_balance(moves in proptest::collection::vec(any_move(), 1..200)) {
        let mut card = card(1_000);
        for step in &moves {
            let _ = make(&mut card, step);
            let (balance, held) = (card.entity.balance().amount, card.entity.held().amount);
            prop_assert!(0 <= held && held <= balance, "{held} of {balance}");
            prop_assert_eq!(card.entity.invariants(), Ok(()));
        }
        let mut sum = 0;
        let mut held = 0;
        for event in &card.events {
            match event {
                Event::Issued { amount } | Event::GivenBack { amount, .. } | Event::Adjusted { amount, .. } => {
                    sum += amount.amount;
                }
                Event::Held { amount, .. } => held += amount.amount,
                Event::Released { amount, .. } => held -= amount.amount,
                Event::Used { amount, .. } => {
                    held -= amount.amount;
                    sum -= amount.amount;
                }
                Event::Disabled | Event::Enabled | Event::Updated => {}
            }
        }
        prop_assert_eq!((sum, held), (card.entity.balance().amount, card.entity.held().amount));
    }
}

#[test]
fn what_is_brought_in_is_booked_once_and_never_beside_other_bookings() {
    let (customer, currency) = (CustomerId(Uuid::from_u128(7)), euros(0).currency);
    let id = StoredValueId::of_credit(customer, currency);
    let bring = |amount, reason: &str| BringIn {
        customer,
        amount: euros(amount),
        reason: reason.to_owned(),
    };
    let now = Timestamp::from_millis(1_000);
    let mut credit = Bench::create(id, now, bring(300, "moved")).expect("store credit");
    assert_eq!(credit.entity.balance(), euros(300));
    for (again, expected) in [
        (bring(300, " moved "), Ok(())),
        (bring(301, "moved"), Err(Error::AlreadyBooked { currency })),
        (bring(300, "goodwill"), Err(Error::AlreadyBooked { currency })),
    ] {
        assert_eq!(credit.run(again), expected);
    }
    let goodwill = |amount| Adjust {
        amount: euros(amount),
        reason: "goodwill".to_owned(),
    };
    credit.run(goodwill(-100)).expect("it is there");
    assert_eq!(credit.run(bring(300, "moved")), Ok(()));
    assert_eq!(credit.entity.balance(), euros(200));

    // Earlier versions opened store credit with nothing on it.
    let mut opened = Bench::create(id, now, bring(1, "moved")).expect("store credit");
    opened.entity = StoredValue::empty(id, Form::StoreCredit { customer }, currency, now);
    opened.run(bring(300, "moved")).expect("nothing was booked");
    assert_eq!(opened.entity.balance(), euros(300));
    assert!(Bench::create(id, now, bring(0, "moved")).is_err());
    assert!(Bench::create(id, now, bring(-1, "moved")).is_err());
}

#[test]
fn a_card_tells_its_issue_however_much_was_booked_since() {
    let mut card = card(500);
    for amount in 1..=2 * LEDGER_MAX as i64 {
        make(&mut card, &Move::Adjust(amount)).expect("it is an adjustment");
        card.entity.invariants().expect("the ledger sums to the balance");
    }
    let value = &card.entity;
    assert_eq!(value.issued(), Some(euros(500)));
    assert_eq!(value.ledger().len(), LEDGER_MAX);
    // Beside the issue stand the newest 99 of 200 adjustments.
    assert_eq!(value.brought_forward(), euros((1..=101).sum()));
    assert_eq!(value.ledger()[1].amount, euros(102));
}

#[test]
fn what_was_brought_in_first_is_known_however_much_was_booked_since() {
    let (customer, currency) = (CustomerId(Uuid::from_u128(7)), euros(0).currency);
    let id = StoredValueId::of_credit(customer, currency);
    let adjust = |amount, reason: &str| Adjust {
        amount: euros(amount),
        reason: reason.to_owned(),
    };
    let moved = |amount| BringIn {
        customer,
        amount: euros(amount),
        reason: "moved".to_owned(),
    };
    let mut credit = Bench::create(id, Timestamp::from_millis(1_000), moved(5)).expect("store credit");
    // What comes after bookings that canceled out was not brought in.
    for (amount, reason) in [(-5, "undone"), (300, "moved")] {
        credit.run(adjust(amount, reason)).expect("it is an adjustment");
    }
    for _ in 0..2 * LEDGER_MAX {
        credit.run(adjust(1, "bonus")).expect("it is an adjustment");
        credit
            .entity
            .invariants()
            .expect("the ledger sums to the balance");
    }
    let value = &credit.entity;
    assert_eq!(value.ledger().len(), LEDGER_MAX);
    assert_eq!(
        (value.ledger()[0].amount, value.ledger()[1].amount),
        (euros(5), euros(1))
    );
    assert_eq!(value.brought_forward(), euros(-5 + 300 + 101));
    let before = credit.entity.clone();
    credit.run(moved(5)).expect("it was brought in before");
    assert_eq!(credit.entity, before);
    assert_eq!(credit.run(moved(300)), Err(Error::AlreadyBooked { currency }));
}
