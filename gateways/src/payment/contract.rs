//! What every provider must keep, whoever it is. A new one runs through [`check`].
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use super::*;
use cartwright_domain::money::Currency;
use std::{path::Path, sync::Arc, time::Duration};

fn key(step: &str) -> OperationKey {
    OperationKey::new("chk_1", step).unwrap()
}

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::of("EUR").unwrap())
}

fn request(amount: Money, token: &str) -> AuthorizeRequest {
    AuthorizeRequest {
        amount,
        token: Token::new(token),
        checkout: "chk_1".to_owned(),
        description: "order of chk_1".to_owned(),
    }
}

fn code<T: fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Declined(Decline { code, .. })) => code,
        other => format!("{other:?}"),
    }
}

/// Runs a provider through the contract. `good` is a token it approves, `bad` one it declines.
async fn check(provider: &dyn Gateway, good: &str, bad: &str) {
    let held = provider
        .authorize(&key("authorize"), request(eur(1_000), good))
        .await
        .unwrap();
    let payment = held.reference.clone();
    assert_eq!(held.amount, eur(1_000));
    let outcome = provider.outcome(&key("authorize")).await;
    assert_eq!(outcome, Ok(Some(Outcome::Approved(held.clone()))));

    // A repeat under the same key returns the first result and does nothing.
    assert_eq!(
        provider
            .authorize(&key("authorize"), request(eur(1_000), good))
            .await,
        Ok(held)
    );
    let other = provider
        .authorize(&key("authorize"), request(eur(999), good))
        .await;
    assert_eq!(code(other), "key_reused");

    // A refusal is final under its key, whatever is asked later.
    let declined = provider.authorize(&key("declined"), request(eur(5), bad)).await;
    assert!(matches!(declined, Err(Error::Declined(_))), "{declined:?}");
    assert_eq!(
        provider.authorize(&key("declined"), request(eur(5), good)).await,
        declined
    );
    assert!(matches!(
        provider.outcome(&key("declined")).await,
        Ok(Some(Outcome::Declined(_)))
    ));
    assert_eq!(provider.outcome(&key("never")).await, Ok(None));

    // Captures never exceed the authorization, together, and a repeated one counts once.
    assert_eq!(
        code(provider.capture(&key("c0"), &payment, eur(1_001)).await),
        "exceeds_authorization"
    );
    let taken = Approval {
        reference: payment.clone(),
        amount: eur(600),
    };
    for _ in 0..2 {
        assert_eq!(
            provider.capture(&key("c1"), &payment, eur(600)).await,
            Ok(taken.clone())
        );
    }
    assert_eq!(
        code(provider.capture(&key("c2"), &payment, eur(401)).await),
        "exceeds_authorization"
    );
    assert_eq!(
        provider
            .capture(&key("c3"), &payment, eur(400))
            .await
            .unwrap()
            .amount,
        eur(400)
    );
    assert_eq!(code(provider.void(&key("v0"), &payment).await), "captured");

    // Refunds never exceed captures.
    assert_eq!(
        code(provider.refund(&key("r0"), &payment, eur(1_001)).await),
        "exceeds_capture"
    );
    assert_eq!(
        provider
            .refund(&key("r1"), &payment, eur(999))
            .await
            .unwrap()
            .amount,
        eur(999)
    );
    assert_eq!(
        code(provider.refund(&key("r2"), &payment, eur(2)).await),
        "exceeds_capture"
    );
    assert_eq!(
        provider
            .refund(&key("r3"), &payment, eur(1))
            .await
            .unwrap()
            .amount,
        eur(1)
    );

    // What is voided is not captured, and voiding it again changes nothing.
    let held = provider
        .authorize(&key("second"), request(eur(70), good))
        .await
        .unwrap();
    assert_ne!(held.reference, payment);
    assert_eq!(
        code(provider.refund(&key("r4"), &held.reference, eur(1)).await),
        "exceeds_capture"
    );
    for again in ["v1", "v1", "v2"] {
        assert_eq!(
            provider.void(&key(again), &held.reference).await,
            Ok(held.clone()),
            "{again}"
        );
    }
    assert_eq!(
        code(provider.capture(&key("c4"), &held.reference, eur(70)).await),
        "voided"
    );

    // Amounts of zero or less, other currencies and unknown payments are refused.
    for amount in [eur(0), eur(-1)] {
        assert_eq!(
            code(
                provider
                    .capture(&key(&format!("c5{amount}").replace(' ', "")), &payment, amount)
                    .await
            ),
            "invalid_amount"
        );
    }
    let yen = Money::new(1, Currency::of("JPY").unwrap());
    assert_eq!(
        code(provider.refund(&key("r5"), &payment, yen).await),
        "currency_mismatch"
    );
    let nobody = Reference::new("nobody's");
    assert_eq!(
        code(provider.capture(&key("c6"), &nobody, eur(1)).await),
        UNKNOWN_PAYMENT
    );
    assert_eq!(code(provider.void(&key("v3"), &nobody).await), UNKNOWN_PAYMENT);
    assert_eq!(
        code(provider.refund(&key("r6"), &nobody, eur(1)).await),
        UNKNOWN_PAYMENT
    );
    // There is nothing to let go of, however often it is asked.
    for _ in 0..2 {
        assert_eq!(void(provider, &key("v3"), &nobody).await, Ok(None));
    }
}

fn sandbox(home: &Path) -> Sandbox {
    Sandbox::open(&home.join("ledger.jsonl"), sandbox::Config::default()).unwrap()
}

#[tokio::test]
async fn the_sandbox_keeps_the_contract() {
    let home = tempfile::tempdir().unwrap();
    check(&sandbox(home.path()), "tok_approve", "tok_decline").await;
}

#[tokio::test(start_paused = true)]
async fn the_sandbox_behind_a_deadline_keeps_the_contract() {
    let home = tempfile::tempdir().unwrap();
    let provider = Deadlined::new(Arc::new(sandbox(home.path())), Duration::from_secs(5));
    assert_eq!(provider.name(), "sandbox");
    check(&provider, "tok_approve", "tok_decline").await;
}

#[tokio::test]
async fn what_was_declined_is_tried_under_another_key_and_done_once() {
    let home = tempfile::tempdir().unwrap();
    let provider = sandbox(home.path());
    let held = provider
        .authorize(&key("authorize"), request(eur(70), "tok_approve"))
        .await;
    let payment = held.unwrap().reference;
    let given_back = async || refund(&provider, &key("refund"), &payment, eur(5)).await;
    // Nothing was taken yet.
    for _ in 0..20 {
        assert_eq!(code(given_back().await), "exceeds_capture");
    }
    for (tries, is_used) in [(20, true), (21, true), (22, false)] {
        let outcome = provider.outcome(&key(&format!("refund-{tries}"))).await;
        assert_eq!(outcome.unwrap().is_some(), is_used, "{tries}");
    }
    assert_eq!(last_outcome(&provider, &key("refund")).await, Ok(None));
    let taken = capture(&provider, &key("capture"), &payment, eur(70)).await;
    assert_eq!(taken.unwrap().amount, eur(70));
    let done = given_back().await.unwrap();
    // Whoever comes again finds what was done.
    assert_eq!(given_back().await, Ok(done.clone()));
    let outcome = last_outcome(&provider, &key("refund")).await;
    assert_eq!(outcome, Ok(Some(Outcome::Approved(done))));
    let ledger = sandbox::Ledger::read(&home.path().join("ledger.jsonl")).unwrap();
    let refunded: Vec<_> = ledger.payments.iter().map(|payment| payment.refunded).collect();
    assert_eq!(refunded, [eur(5)]);
}

#[tokio::test]
async fn fifty_simultaneous_calls_with_one_key_are_one_operation() {
    let home = tempfile::tempdir().unwrap();
    let provider = sandbox(home.path());
    let key = key("authorize");
    let calls = (0..50).map(|_| provider.authorize(&key, request(eur(5), "tok_approve")));
    let answers = futures::future::join_all(calls).await;
    assert!(
        answers
            .iter()
            .all(|answer| *answer == answers[0] && answer.is_ok()),
        "{answers:?}"
    );
    let ledger = sandbox::Ledger::read(&home.path().join("ledger.jsonl")).unwrap();
    assert_eq!(ledger.entries.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_past_its_deadline_is_unknown_and_a_question_unavailable() {
    let home = tempfile::tempdir().unwrap();
    let slow = sandbox::Config {
        latency: Duration::from_secs(6),
        ..sandbox::Config::default()
    };
    let slow = Sandbox::open(&home.path().join("ledger.jsonl"), slow).unwrap();
    let provider = Deadlined::new(Arc::new(slow), Duration::from_secs(5));
    let before = tokio::time::Instant::now();
    let payment = Reference::new("any");
    assert_eq!(
        provider
            .authorize(&key("a"), request(eur(5), "tok_approve"))
            .await,
        Err(Error::Unknown)
    );
    assert_eq!(
        provider.capture(&key("c"), &payment, eur(5)).await,
        Err(Error::Unknown)
    );
    assert_eq!(provider.void(&key("v"), &payment).await, Err(Error::Unknown));
    assert_eq!(
        provider.refund(&key("r"), &payment, eur(5)).await,
        Err(Error::Unknown)
    );
    assert!(matches!(
        provider.outcome(&key("a")).await,
        Err(Error::Unavailable { .. })
    ));
    assert_eq!(before.elapsed(), Duration::from_secs(25));
}

#[test]
fn an_operation_key_is_visible_ascii_of_limited_length() {
    let check = |text: &str, expected: bool| {
        assert_eq!(OperationKey::parse(text.to_owned()).is_ok(), expected, "{text:?}");
    };
    check("chk_1/authorize", true);
    check(&"k".repeat(KEY_LENGTH_MAX), true);
    check(&"k".repeat(KEY_LENGTH_MAX + 1), false);
    for text in ["", "a b", "a\n", "schlüssel"] {
        check(text, false);
    }
    assert_eq!(
        OperationKey::new("chk_1", "capture").unwrap().as_str(),
        "chk_1/capture"
    );
}

#[test]
fn a_token_is_not_shown() {
    assert!(!format!("{:?}", request(eur(5), "tok_secret")).contains("tok_secret"));
}
