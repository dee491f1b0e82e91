//! What every tax calculator must keep, whoever it is. A new one runs through [`check`].
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use super::*;
use cartwright_domain::address::Destination;
use std::sync::Arc;
use tokio::time::Instant;

fn request(country: &str, postal_code: Option<&str>, contained: bool) -> Request {
    let item = |reference: &str, category: &str, quantity, value| Item {
        reference: reference.to_owned(),
        category: Category::parse(category).unwrap(),
        quantity,
        value,
    };
    let country: Country = country.parse().unwrap();
    Request {
        currency: Currency::GBP,
        from: Country::GB,
        to: Place {
            postal_code: postal_code.map(str::to_owned),
            ..Place::from(Destination::from(country))
        },
        contained,
        items: vec![
            item("b", "standard", 3, 1_000),
            item("a", "reduced", 1, 999),
            item("c", "zero", 1, 500),
            item("d", "standard", 1, 0),
        ],
    }
}

/// Runs a calculator through the contract.
async fn check(calculator: &dyn Calculator) {
    for contained in [false, true] {
        let asked = request("GB", None, contained);
        let taxes = calculator.calculate(&asked).await.unwrap();
        // Every item is answered once, and nothing else.
        let mut answered: Vec<_> = taxes.iter().map(|tax| tax.reference.as_str()).collect();
        answered.sort_unstable();
        assert_eq!(answered, ["a", "b", "c", "d"]);
        for tax in &taxes {
            let item = asked.items.iter().find(|item| item.reference == tax.reference);
            assert!((0..=item.unwrap().value).contains(&tax.tax), "{tax:?}");
        }
        // The same question has the same answer.
        assert_eq!(calculator.calculate(&asked).await, Ok(taxes));
    }
}

#[tokio::test(start_paused = true)]
async fn the_fake_keeps_the_contract_with_and_without_a_deadline() {
    check(&Fake).await;
    let calculator = Deadlined::new(Arc::new(Fake), Deadlined::DEADLINE_DEFAULT);
    assert_eq!(calculator.name(), "fake");
    check(&calculator).await;
}

#[tokio::test]
async fn the_fake_answers_by_country_and_category_on_top_and_contained() {
    for (country, contained, expected) in [
        ("GB", false, [200, 50, 0, 0]),
        ("GB", true, [167, 48, 0, 0]),
        ("DE", false, [190, 70, 0, 0]),
        ("US", false, [83, 0, 0, 0]),
        ("JP", true, [91, 48, 0, 0]),
    ] {
        let taxes = Fake.calculate(&request(country, None, contained)).await.unwrap();
        let taxes: Vec<_> = taxes.iter().map(|tax| tax.tax).collect();
        assert_eq!(taxes, expected, "{country}, contained: {contained}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_fake_fails_as_a_postal_code_says() {
    let calculator = Deadlined::new(Arc::new(Fake), Deadlined::DEADLINE_DEFAULT);
    let before = Instant::now();
    for (country, code) in [("DE", "99991"), ("GB", "ZE99 1AA"), ("GB", "ZE99 2AA")] {
        let answer = calculator.calculate(&request(country, Some(code), false)).await;
        assert!(matches!(answer, Err(Error::Unavailable { .. })), "{code}");
    }
    assert_eq!(before.elapsed(), Deadlined::DEADLINE_DEFAULT * 2);
    let nonsense = calculator
        .calculate(&request("DE", Some("99996"), false))
        .await
        .unwrap();
    assert!(nonsense.iter().all(|tax| tax.tax < 0));
}
