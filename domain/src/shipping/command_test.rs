//! Behaviour of shipping methods.

use super::*;
use crate::address::Destination;
use crate::country::Country;
use crate::error::Refusal;
use crate::money::Rounding;
use crate::shipping::{CarrierRates, Measure, Parcel, PriceSource, Step, offers};
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
        territory: TerritoryDraft::of(countries),
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
            ("/price", "shipping.negative_amount"),
            ("/free_from", "shipping.negative_amount"),
            ("/free_from", "money.mixed_currencies"),
            ("/tax_category", "tax.invalid_category"),
        ],
    );
    let steps = [(5, 1), (5, -1), (9, 1)].map(|(from, price)| Step { from, price });
    let tables = Charge::Table {
        by: Measure::Quantity,
        steps: steps.into(),
    };
    let share = Charge::Percentage {
        rate: "-0.1".parse()?,
        at_least: Some(3),
        at_most: Some(2),
    };
    let tariff = |charge| Tariff {
        charge,
        handling_fee: -1,
        ..Tariff::flat(gbp(0), None)
    };
    let span = |from, to| Span {
        from: Some(from),
        to: Some(to),
    };
    let conditions = ConditionsDraft {
        weight_grams: span(2, 1),
        not_categories: vec!["ok".to_owned(), "Not a handle".to_owned()],
        ..ConditionsDraft::default()
    };
    check_refused(
        Draft {
            price: None,
            free_from: None,
            tariffs: Some(vec![tariff(tables), tariff(share)]),
            conditions: Some(conditions),
            delivery_days: Some(Some(span(4, 3))),
            ..draft("Post", &["*"], 0, None)
        },
        &[
            ("/tariffs/0/handling_fee", "shipping.negative_amount"),
            ("/tariffs/0/table/steps/1/price", "shipping.negative_amount"),
            ("/tariffs/0/table/steps/1/from", "shipping.bad_table"),
            ("/tariffs/1/handling_fee", "shipping.negative_amount"),
            ("/tariffs/1/percentage/rate", "shipping.negative_amount"),
            ("/tariffs/1/percentage/at_most", "shipping.empty_span"),
            ("/tariffs/1/currency", "shipping.duplicate_tariff"),
            ("/conditions/weight_grams/to", "shipping.empty_span"),
            ("/conditions/not_categories/1", "catalog.invalid_handle"),
            ("/delivery_days/to", "shipping.empty_span"),
        ],
    );
    Ok(())
}

#[test]
fn no_price_of_shipping_is_above_what_a_variant_may_cost() -> Result<(), crate::money::Error> {
    let most = 100_000_000_000;
    assert!(method(1, draft("Post", &["*"], most, Some(most))).is_ok());
    check_refused(
        draft("Post", &["*"], most + 1, Some(most + 1)),
        &[
            ("/price", "shipping.amount_too_large"),
            ("/free_from", "shipping.amount_too_large"),
        ],
    );
    let dear = |charge, currency| Tariff {
        charge,
        handling_fee: most * 10,
        free_from: Some(i64::MAX),
        ..Tariff::flat(Money::zero(currency), None)
    };
    let price = i64::MAX;
    let steps = vec![Step { from: 0, price }];
    let by = Measure::Weight;
    let share = Charge::Percentage {
        rate: "0.1".parse()?,
        at_least: Some(price),
        at_most: Some(price),
    };
    let carrier = Charge::Carrier {
        service: "express".to_owned(),
        markup: "0.1".parse()?,
        fallback: Box::new(Charge::Flat(price)),
    };
    let tariffs = vec![
        dear(Charge::Table { by, steps }, Currency::GBP),
        // A dinar has ten times as many minor units: the fee is just what it may be.
        dear(share, Currency::of("KWD")?),
        dear(carrier, Currency::of("EUR")?),
    ];
    // What earlier builds let in is read as before.
    assert!(tariffs.iter().all(Tariff::is_sound));
    let pointers = [
        "/tariffs/0/handling_fee",
        "/tariffs/0/free_from",
        "/tariffs/0/table/steps/0/price",
        "/tariffs/1/free_from",
        "/tariffs/1/percentage/at_least",
        "/tariffs/1/percentage/at_most",
        "/tariffs/2/handling_fee",
        "/tariffs/2/free_from",
        "/tariffs/2/carrier/fallback/flat",
    ];
    check_refused(
        Draft {
            price: None,
            free_from: None,
            tariffs: Some(tariffs),
            ..draft("Post", &["*"], 0, None)
        },
        &pointers.map(|pointer| (pointer, "shipping.amount_too_large")),
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
            (post.entity.tariffs(), post.events.len()),
            ([Tariff::flat(gbp(395), None)].as_slice(), 2)
        );
    }
    post.run(DeleteMethod)?;
    assert!(post.erased);
    Ok(())
}

/// One line of goods: what it is worth, units, grams of one, and its categories.
fn parcel<'a>(worth: i64, units: u32, grams: u32, categories: &'a [Handle]) -> Parcel<'a> {
    let mut parcel = Parcel::new(gbp(worth));
    parcel.add(units, grams, categories);
    parcel
}

fn price(method: &ShippingMethod, parcel: &Parcel<'_>) -> Option<i64> {
    let price = method.price_for(Country::GB.into(), parcel, Rounding::HalfUp);
    price.map(|charged| charged.price.amount)
}

#[test]
fn shipping_is_free_from_exactly_its_threshold() -> Result<(), Error> {
    let post = method(1, draft("Post", &["*"], 395, Some(5_000)))?.entity;
    for (goods, expected) in [(4_999, 395), (5_000, 0), (5_001, 0)] {
        let found = price(&post, &parcel(goods, 1, 0, &[]));
        assert_eq!(found, Some(expected), "goods worth {goods}");
    }
    Ok(())
}

fn with(charge: Charge) -> Result<ShippingMethod, Error> {
    let tariff = Tariff {
        charge,
        handling_fee: 50,
        free_from: Some(100_000),
        worth: Span {
            from: Some(100),
            to: Some(200_000),
        },
        currency: Currency::GBP,
    };
    let draft = Draft {
        price: None,
        free_from: None,
        tariffs: Some(vec![tariff]),
        ..draft("Post", &["*"], 0, None)
    };
    Ok(method(1, draft)?.entity)
}

#[test]
fn a_table_goes_by_the_last_step_that_is_reached_and_handling_comes_on_top() -> Result<(), Error> {
    let steps = [(500, 300), (1_000, 450), (5_000, 990)].map(|(from, price)| Step { from, price });
    let table = |by| {
        with(Charge::Table {
            by,
            steps: steps.into(),
        })
    };
    // Two units of 250 g weigh 500 g: the first step, 3.00, and 0.50 of handling.
    let by_weight = table(Measure::Weight)?;
    let of = |units, grams| price(&by_weight, &parcel(1_000, units, grams, &[]));
    assert_eq!(of(2, 250), Some(350));
    assert_eq!(of(1, 499), None, "below the first step it is not taken");
    assert_eq!((of(1, 999), of(1, 1_000)), (Some(350), Some(500)));
    assert_eq!(of(1_000_000, 4_000_000), Some(1_040));
    // Goods that are worth enough to be sent for nothing are not taken for that.
    let of = |units| price(&by_weight, &parcel(100_000, units, 250, &[]));
    assert_eq!((of(1), of(2)), (None, Some(0)));
    let by_worth = table(Measure::Worth)?;
    let of = |worth| price(&by_worth, &parcel(worth, 1, 1, &[]));
    assert_eq!((of(499), of(500), of(5_000)), (None, Some(350), Some(1_040)));
    // Outside of what the goods must be worth it is not offered; from 1,000.00 it is free.
    assert_eq!((of(99), of(100_000), of(200_001)), (None, Some(0), None));
    let by_quantity = table(Measure::Quantity)?;
    assert_eq!(price(&by_quantity, &parcel(1_000, 5_000, 0, &[])), Some(1_040));
    Ok(())
}

#[test]
fn a_percentage_is_rounded_once_and_kept_within_its_bounds() -> Result<(), crate::money::Error> {
    let share = Charge::Percentage {
        rate: "0.125".parse()?,
        at_least: Some(200),
        at_most: Some(1_000),
    };
    let post = with(share).expect("a method");
    let of = |worth| price(&post, &parcel(worth, 1, 1, &[]));
    // 12.5% of 10.00 is 1.25, raised to 2.00; of 20.04 it is 2.505, rounded to 2.51; of 100.00 it is 12.50, cut to
    // 10.00. Each time 0.50 of handling comes on top.
    assert_eq!(
        (of(1_000), of(2_004), of(10_000)),
        (Some(250), Some(301), Some(1_050))
    );
    Ok(())
}

#[test]
fn conditions_ask_for_weight_quantity_and_categories() -> Result<(), Error> {
    let handle = |name: &str| Handle::parse(name).expect("a handle");
    let (bulky, books) = ([handle("bulky")], [handle("books"), handle("paper")]);
    let up_to = |to| Span {
        from: None,
        to: Some(to),
    };
    let conditions = ConditionsDraft {
        weight_grams: up_to(1_000),
        quantity: up_to(3),
        only_categories: vec!["paper".to_owned(), "cups".to_owned()],
        not_categories: vec!["bulky".to_owned()],
    };
    let post = Draft {
        conditions: Some(conditions),
        ..draft("Book post", &["GB"], 100, None)
    };
    let post = method(1, post)?.entity;
    assert_eq!(price(&post, &parcel(0, 3, 333, &books)), Some(100));
    assert_eq!(price(&post, &parcel(0, 3, 334, &books)), None, "too heavy");
    assert_eq!(price(&post, &parcel(0, 4, 1, &books)), None, "too many");
    assert_eq!(price(&post, &parcel(0, 1, 1, &[])), None, "something else");
    let mut mixed = parcel(0, 1, 1, &books);
    let with_bulky = [bulky[0].clone(), books[1].clone()];
    mixed.add(1, 1, &with_bulky);
    assert_eq!(price(&post, &mixed), None, "something bulky");
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
    let all_of = |_: &ShippingMethod, price| Ok(price);
    let check = |country: &str, goods, expected: &[(&str, i64)]| {
        let country = Country::of(country).expect("a country of the test");
        let parcel = parcel(goods, 1, 1, &[]);
        let offers = offers(&methods, country.into(), &parcel, Rounding::HalfUp, all_of);
        let offers = offers.expect("prices can be counted");
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
    let nothing = Parcel::new(gbp(10));
    assert_eq!(
        offers(&methods, Country::GB.into(), &nothing, Rounding::HalfUp, all_of),
        Ok(Vec::new())
    );
    Ok(())
}

#[test]
fn a_method_goes_where_its_territory_is_and_not_where_it_is_excepted() -> Result<(), Error> {
    let places = |texts: &[&str]| TerritoryDraft::of_places(&texts.join("; "));
    let made = |territory: &[&str], except: &[&str]| {
        let draft = Draft {
            territory: places(territory),
            except: Some(if except.is_empty() {
                TerritoryDraft::default()
            } else {
                places(except)
            }),
            ..draft("Post", &[], 395, None)
        };
        method(1, draft)
    };
    let mainland = made(&["US", "CA-QC", "ES 35*"], &["US-AK", "US-HI", "US 00501"])?.entity;
    let check = |place: (&str, Option<&str>, Option<&str>), goes: bool| {
        let destination = Destination {
            country: Country::of(place.0).expect("a country of the test"),
            region: place.1,
            postal_code: place.2,
        };
        let price = mainland.price_for(destination, &parcel(100, 1, 1, &[]), Rounding::HalfUp);
        assert_eq!(price.is_some(), goes, "{place:?}");
    };
    check(("US", None, None), true);
    check(("US", Some("CA"), Some("90210")), true);
    check(("US", Some("us-ak"), Some("99501")), false);
    check(("US", Some("HI"), None), false);
    check(("US", Some("NY"), Some("00501")), false);
    check(("CA", Some("QC"), None), true);
    check(("CA", Some("ON"), None), false);
    check(("ES", None, Some("35 001")), true);
    check(("ES", None, Some("28001")), false);
    check(("GB", None, None), false);

    let codes = |made: Result<Method, Error>| match made {
        Err(Error::Fields(errors)) => {
            let errors = errors.as_slice().iter();
            let code = errors.map(|error| (error.pointer.clone(), error.code.clone()));
            code.collect::<Vec<_>>()
        }
        _ => Vec::new(),
    };
    let refused = |pointer: &str, code: &str| vec![(pointer.to_owned(), code.into())];
    assert_eq!(
        codes(made(&["US"], &["*"])),
        refused("/except/countries", "shipping.goes_nowhere")
    );
    assert_eq!(
        codes(made(&["US"], &["US-ALASKA"])),
        refused("/except/subdivisions/0", "territory.unknown_subdivision")
    );
    Ok(())
}

#[test]
fn a_carriers_price_has_a_markup_and_a_fallback_while_it_is_silent() -> Result<(), Error> {
    let express = Charge::Carrier {
        service: "express".to_owned(),
        markup: "0.125".parse().expect("a rate"),
        fallback: Box::new(Charge::Flat(700)),
    };
    let post = with(express)?;
    let charged = |rates: Option<&CarrierRates>, worth| {
        let parcel = Parcel {
            rates,
            ..parcel(worth, 1, 1, &[])
        };
        let charged = post.price_for(Country::GB.into(), &parcel, Rounding::HalfUp);
        charged.map(|charged| (charged.price.amount, charged.source))
    };
    let rates = |service: &str, amount| CarrierRates::new([(service.to_owned(), gbp(amount))]);
    // 5.00 and 12.5% are 5.625, rounded to 5.63; with 0.50 of handling 6.13.
    let asked = rates("express", 500);
    assert_eq!(charged(Some(&asked), 1_000), Some((613, PriceSource::Carrier)));
    assert_eq!(charged(None, 1_000), Some((750, PriceSource::Fallback)));
    // It answered, and not for this service, or with nonsense: it does not take the parcel.
    assert_eq!(charged(Some(&rates("ground", 500)), 1_000), None);
    assert_eq!(charged(Some(&rates("express", -1)), 1_000), None);
    assert_eq!(charged(Some(&asked), 100_000), Some((0, PriceSource::Tariff)));
    Ok(())
}

#[test]
fn a_carriers_tariff_names_a_service_and_a_fallback_of_its_own() -> Result<(), crate::money::Error> {
    let carrier = |service: &str, fallback| Charge::Carrier {
        service: service.to_owned(),
        markup: "-0.1".parse().expect("a rate"),
        fallback: Box::new(fallback),
    };
    let tariff = |charge, currency| Tariff {
        charge,
        ..Tariff::flat(Money::zero(currency), None)
    };
    let draft = Draft {
        price: None,
        tariffs: Some(vec![
            tariff(carrier(" ", Charge::Flat(-1)), Currency::GBP),
            tariff(carrier("x", carrier("y", Charge::Flat(0))), Currency::of("EUR")?),
        ]),
        free_from: None,
        ..draft("Post", &["*"], 0, None)
    };
    check_refused(
        draft,
        &[
            ("/tariffs/0/carrier/markup", "shipping.negative_amount"),
            ("/tariffs/0/carrier/service", "text.empty"),
            ("/tariffs/0/carrier/fallback/flat", "shipping.negative_amount"),
            ("/tariffs/1/carrier/markup", "shipping.negative_amount"),
            ("/tariffs/1/carrier/fallback", "shipping.bad_fallback"),
        ],
    );
    Ok(())
}

#[test]
fn what_weighs_more_than_can_be_counted_weighs_as_much_as_can() {
    let mut parcel = Parcel::new(gbp(1));
    for _ in 0..3 {
        parcel.add(u32::MAX, u32::MAX, &[]);
    }
    assert_eq!(parcel.weight_grams, u64::MAX);
}
