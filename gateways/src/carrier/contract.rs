//! What every carrier must keep, whoever it is. A new one runs through [`check`].
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use super::*;
use cartwright_domain::address::{Destination, Input};
use cartwright_domain::country::Country;
use cartwright_domain::error::FieldErrors;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

fn key(step: &str) -> OperationKey {
    OperationKey::new("ful_1", step).unwrap()
}

fn address(country: Country, postal_code: Option<&str>) -> Address {
    let mut input = Input::example("Ada", "1 Mill Lane", "Leeds", country);
    if let Some(code) = postal_code {
        input.postal_code = Some(code.to_owned());
    }
    input.check("", &mut FieldErrors::default()).unwrap()
}

fn parcel(to: &Address, weight_grams: u64) -> Parcel {
    Parcel {
        from: Place::from(Destination::from(Country::GB)),
        to: Place::from(Destination::from(to)),
        weight_grams,
        size_mm: None,
        currency: Currency::GBP,
    }
}

fn label_request(service: &str, to: &Address) -> LabelRequest {
    LabelRequest {
        service: service.to_owned(),
        from: Place::from(Destination::from(Country::GB)),
        to: to.clone(),
        weight_grams: 900,
        currency: Currency::GBP,
    }
}

#[track_caller]
fn code<T: fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Refused { code, .. }) => code,
        other => format!("{other:?}"),
    }
}

/// Runs a carrier through the contract. `good` is an address it goes to, `bad` one it does not.
async fn check(carrier: &dyn Gateway, good: &Address, bad: &Address) {
    // Rates are in the currency that was asked for, not negative, cheapest first, and the same when asked again.
    let asked = parcel(good, 900);
    let rates = carrier.rates(&asked).await.unwrap();
    assert!(!rates.is_empty());
    assert!(rates.is_sorted_by_key(|rate| rate.price.amount));
    for rate in &rates {
        assert_eq!(rate.price.currency, Currency::GBP);
        assert!(
            0 <= rate.price.amount && rate.transit_days.0 <= rate.transit_days.1,
            "{rate:?}"
        );
    }
    assert_eq!(carrier.rates(&asked).await, Ok(rates.clone()));
    // What is heavier is not cheaper.
    let heavier = carrier.rates(&parcel(good, 9_000)).await.unwrap();
    for rate in &heavier {
        let lighter = rates.iter().find(|lighter| lighter.service == rate.service);
        assert!(
            lighter.is_none_or(|lighter| lighter.price.amount <= rate.price.amount),
            "{rate:?}"
        );
    }

    assert_eq!(carrier.validate(good).await, Ok(Validation::Deliverable));
    assert!(matches!(
        carrier.validate(bad).await,
        Ok(Validation::Undeliverable { .. })
    ));

    // A key buys one label, whatever is asked under it later.
    let cheapest = &rates[0];
    let first = carrier
        .buy_label(&key("label"), label_request(&cheapest.service, good))
        .await
        .unwrap();
    assert_eq!(first.price, cheapest.price);
    let again = carrier
        .buy_label(&key("label"), label_request(&cheapest.service, good))
        .await;
    assert_eq!(again, Ok(first.clone()));
    let mut other = label_request(&cheapest.service, good);
    other.weight_grams = 901;
    assert_eq!(code(carrier.buy_label(&key("label"), other).await), "key_reused");
    let second = carrier
        .buy_label(&key("second"), label_request(&cheapest.service, good))
        .await
        .unwrap();
    assert_ne!(second.id, first.id);
    assert_ne!(second.tracking_number, first.tracking_number);
    let unknown = carrier
        .buy_label(&key("service"), label_request("by pigeon", good))
        .await;
    assert_eq!(code(unknown), "unknown_service");
    let unreachable = carrier
        .buy_label(&key("bad"), label_request(&cheapest.service, bad))
        .await;
    assert_eq!(code(unreachable), "undeliverable");

    let announced = carrier.track(&first.tracking_number).await.unwrap();
    assert_eq!(announced.state, TrackingState::Announced);
    assert_eq!(
        announced.events.last().map(|event| event.state),
        Some(announced.state)
    );
    assert_eq!(
        code(carrier.track(&TrackingNumber::new("nobody's")).await),
        "unknown_parcel"
    );

    for _ in 0..2 {
        assert_eq!(carrier.void_label(&second.id).await, Ok(()));
    }
    let voided = carrier.track(&second.tracking_number).await.unwrap();
    assert_eq!(voided.state, TrackingState::Voided);
    assert_eq!(
        code(carrier.void_label(&LabelId::new("nobody's")).await),
        "unknown_label"
    );
}

fn fake() -> (Fake, Arc<AtomicI64>) {
    let now = Arc::new(AtomicI64::new(0));
    let clock = Arc::clone(&now);
    let fake = Fake::new(Arc::new(move || {
        Timestamp::from_millis(clock.load(Ordering::Relaxed))
    }));
    (fake, now)
}

#[tokio::test]
async fn the_fake_keeps_the_contract() {
    let (fake, _) = fake();
    check(
        &fake,
        &address(Country::GB, None),
        &address(Country::GB, Some("ZE99 4AA")),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_fake_behind_a_deadline_keeps_the_contract() {
    let carrier = Deadlined::new(Arc::new(fake().0), Deadlined::DEADLINE_DEFAULT);
    assert_eq!(carrier.name(), "fake");
    check(
        &carrier,
        &address(Country::GB, None),
        &address(Country::GB, Some("ZE994AA")),
    )
    .await;
}

#[tokio::test]
async fn the_fake_prices_by_zone_weight_and_size() {
    let (fake, _) = fake();
    let price = async |country: &str, grams: u64, side: u32| {
        let to = address(country.parse().unwrap(), None);
        let parcel = Parcel {
            size_mm: Some([10, side, 10]),
            ..parcel(&to, grams)
        };
        let rates = fake.rates(&parcel).await.unwrap();
        rates
            .iter()
            .map(|rate| (rate.service.clone(), rate.price.amount))
            .collect::<Vec<_>>()
    };
    let both = |ground, express| vec![("ground".to_owned(), ground), ("express".to_owned(), express)];
    assert_eq!(price("GB", 1_000, 1_000).await, both(390, 890));
    assert_eq!(price("GB", 1_001, 1_000).await, both(490, 1_090));
    assert_eq!(price("GB", 1_000, 1_001).await, both(1_890, 2_390));
    assert_eq!(price("GB", 1_000, 2_001).await, []);
    assert_eq!(price("DE", 1, 1).await, both(990, 2_490));
    assert_eq!(price("JP", 1, 1).await, [("express".to_owned(), 3_990)]);
    let heavy = fake.rates(&parcel(&address(Country::GB, None), 30_001)).await;
    assert_eq!(code(heavy), "too_heavy");
}

#[tokio::test(start_paused = true)]
async fn the_fake_fails_as_a_postal_code_says() {
    let carrier = Deadlined::new(Arc::new(fake().0), Deadlined::DEADLINE_DEFAULT);
    let germany = "DE".parse().unwrap();
    let ask = async |country, code: &str| carrier.rates(&parcel(&address(country, Some(code)), 1)).await;
    let before = tokio::time::Instant::now();
    for (country, code) in [(germany, "99991"), (Country::GB, "ZE99 1AA")] {
        assert!(matches!(ask(country, code).await, Err(Error::Unavailable { .. })));
    }
    assert_eq!(before.elapsed(), Deadlined::DEADLINE_DEFAULT * 2);
    assert!(matches!(
        ask(germany, "99992").await,
        Err(Error::Unavailable { .. })
    ));
    assert!(matches!(
        ask(germany, "99993").await,
        Err(Error::RateLimited { .. })
    ));
    assert_eq!(code(ask(germany, "99994").await), "undeliverable");
}

#[tokio::test(start_paused = true)]
async fn a_label_whose_answer_is_lost_is_bought_once() {
    let fake = Arc::new(fake().0);
    let carrier = Deadlined::new(fake.clone(), Deadlined::DEADLINE_DEFAULT);
    let lossy = address(Country::GB, Some("ZE99 5AA"));
    let silent = address(Country::GB, Some("ZE99 1AA"));
    let buy =
        async |step: &str, to: &Address| carrier.buy_label(&key(step), label_request("ground", to)).await;
    assert_eq!(buy("lost", &lossy).await, Err(Error::Unknown));
    assert!(buy("lost", &lossy).await.is_ok());
    assert_eq!(buy("slow", &silent).await, Err(Error::Unknown));
    assert_eq!(fake.labels_sold(), 1);
}

#[tokio::test]
async fn a_parcel_goes_its_way_by_the_clock() {
    let (fake, now) = fake();
    let to = address(Country::GB, None);
    let label = fake
        .buy_label(&key("label"), label_request("ground", &to))
        .await
        .unwrap();
    let hour = 60 * 60 * 1_000;
    for (hours, expected) in [
        (0, TrackingState::Announced),
        (4, TrackingState::InTransit),
        (89, TrackingState::InTransit),
        (90, TrackingState::OutForDelivery),
        (96, TrackingState::Delivered),
        (1_000, TrackingState::Delivered),
    ] {
        now.store(hours * hour, Ordering::Relaxed);
        let tracking = fake.track(&label.tracking_number).await.unwrap();
        assert_eq!(tracking.state, expected, "after {hours} hours");
        assert!(tracking.events.is_sorted_by_key(|event| event.at));
    }
    assert_eq!(code(fake.void_label(&label.id).await), "in_transit");
}
