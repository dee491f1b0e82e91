//! Behaviour of shipping methods.

use super::*;
use crate::country::Country;
use crate::error::Refusal;
use crate::shipping::offers;
use crate::testing::Bench;
use crate::time::Timestamp;
use std::sync::Arc;
use uuid::Uuid;

type Method = Bench<ShippingMethod>;

fn gbp(amount: i64) -> Money {
    Money::new(amount, Currency::GBP)
}

fn draft(name: &str, countries: &[&str], price: i64, free_from: Option<i64>) -> Draft {
    Draft {
        name: Some(name.to_owned()),
        countries: Some(countries.iter().map(|code| (*code).to_owned()).collect()),
        price: Some(gbp(price)),
        free_from: Some(free_from.map(gbp)),
        ..Draft::default()
    }
}

fn method(id: u128, draft: Draft) -> Result<Method, Error> {
    let id = ShippingMethodId(Uuid::from_u128(id));
    Bench::create(id, Timestamp::from_millis(0), CreateMethod { draft, existing: 0 })
}

fn check_refused(draft: Draft, expected: &[(&str, &str)]) {
    let Err(Error::Fields(errors)) = method(1, draft) else {
        panic!("expected bad fields {expected:?}")
    };
    let listed: Vec<(&str, &str)> = errors
        .as_slice()
        .iter()
        .map(|error| (error.pointer.as_str(), error.code.as_str()))
        .collect();
    assert_eq!(listed, expected);
}

#[test]
fn every_bad_field_of_a_method_is_listed() -> Result<(), crate::money::Error> {
    check_refused(
        Draft::default(),
        &[
            ("/price", "shipping.price_missing"),
            ("/name", "text.empty"),
            ("/countries", "address.no_country"),
        ],
    );
    let euro = Money::new(-1, Currency::of("EUR")?);
    check_refused(
        Draft {
            free_from: Some(Some(euro)),
            tax_category: Some("A b".to_owned()),
            ..draft("Post", &["*"], -1, None)
        },
        &[
            ("/tax_category", "tax.invalid_category"),
            ("/price", "shipping.negative_amount"),
            ("/free_from", "shipping.negative_amount"),
            ("/free_from", "money.mixed_currencies"),
        ],
    );
    Ok(())
}

#[test]
fn a_store_has_at_most_1000_methods() {
    let create = |existing| {
        let command = CreateMethod {
            draft: draft("Post", &["*"], 0, None),
            existing,
        };
        let id = ShippingMethodId(Uuid::from_u128(1));
        Method::create(id, Timestamp::from_millis(0), command).map_err(|error| error.code())
    };
    assert!(create(999).is_ok());
    assert_eq!(create(1_000).err(), Some("shipping.too_many_methods"));
}

#[test]
fn an_update_changes_what_it_names_and_null_takes_free_from_away() -> Result<(), Error> {
    let mut post = method(1, draft("Post", &["GB"], 395, Some(5_000)))?;
    let clear = UpdateMethod {
        draft: Draft {
            free_from: Some(None),
            ..Draft::default()
        },
    };
    for _ in 0..2 {
        post.run(clear.clone())?;
        assert_eq!(
            (post.entity.free_from(), post.entity.price(), post.events.len()),
            (None, gbp(395), 2)
        );
    }
    post.run(DeleteMethod)?;
    assert!(post.erased);
    Ok(())
}

#[test]
fn shipping_is_free_from_exactly_its_threshold() -> Result<(), Error> {
    let post = method(1, draft("Post", &["*"], 395, Some(5_000)))?.entity;
    let check = |goods, price| assert_eq!(post.price_for(gbp(goods)), gbp(price), "goods worth {goods}");
    check(4_999, 395);
    check(5_000, 0);
    check(5_001, 0);
    Ok(())
}

#[test]
fn offers_are_the_enabled_methods_of_country_and_currency_cheapest_first() -> Result<(), Error> {
    let euro = Money::new(1, Currency::of("EUR").expect("in the table"));
    let disabled = Draft {
        enabled: Some(false),
        ..draft("Van", &["*"], 0, None)
    };
    let other_currency = Draft {
        price: Some(euro),
        ..draft("Poste", &["*"], 0, None)
    };
    let mut methods = Vec::new();
    for (id, draft) in (1..).zip([
        draft("Courier", &["*"], 995, None),
        draft("Post", &["GB"], 395, Some(2_000)),
        draft("Airmail", &["XC", "IE"], 395, None),
        draft("Boat", &["GB"], 395, None),
        disabled,
        other_currency,
    ]) {
        methods.push(Arc::new(method(id, draft)?.entity));
    }
    let check = |country: &str, goods, expected: &[(&str, i64)]| {
        let country = Country::of(country).expect("a country of the test");
        let offers = offers(&methods, country, gbp(goods));
        let listed: Vec<(&str, i64)> = offers
            .iter()
            .map(|offer| (offer.method.name(), offer.price.amount))
            .collect();
        assert_eq!(listed, expected);
    };
    check("GB", 1_999, &[("Boat", 395), ("Post", 395), ("Courier", 995)]);
    check("GB", 2_000, &[("Post", 0), ("Boat", 395), ("Courier", 995)]);
    check("XC", 0, &[("Airmail", 395), ("Courier", 995)]);
    check("US", 0, &[("Courier", 995)]);
    Ok(())
}
