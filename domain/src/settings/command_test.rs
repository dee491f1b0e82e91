//! Behaviour of the settings.

use super::*;
use crate::error::Refusal;
use crate::id::SETTINGS_ID;
use crate::testing::Bench;
use crate::time::Timestamp;

fn create(draft: Draft) -> Result<Bench<Settings>, Error> {
    Bench::create(SETTINGS_ID, Timestamp::from_millis(0), CreateSettings { draft })
}

fn update(draft: Draft) -> UpdateSettings {
    let calculators = vec!["fake"];
    UpdateSettings { draft, calculators }
}

fn check_refused(draft: Draft, expected: &[(&str, &str)]) {
    let Err(Error::Fields(errors)) = create(draft) else {
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
fn defaults_are_those_of_the_semantics() -> Result<(), Error> {
    let settings = create(Draft::default())?.entity;
    assert_eq!(settings, Settings::default());
    assert_eq!(settings.lifetimes.session, Duration::from_secs(2_592_000));
    assert_eq!(settings.lifetimes.cart, Duration::from_secs(2_592_000));
    assert_eq!(settings.lifetimes.reservation, Duration::from_secs(600));
    assert_eq!(settings.lifetimes.provider, Duration::from_secs(5));
    assert_eq!(
        (settings.limits.cart_lines_max, settings.limits.line_units_max),
        (2_000, 1_000_000)
    );
    assert_eq!(
        (settings.rounding, settings.low_stock_level),
        (Rounding::HalfUp, 10)
    );
    Ok(())
}

#[test]
fn every_bad_setting_is_listed_and_nothing_changes() -> Result<(), Error> {
    let word = |text: &str| Some(text.to_owned());
    let bad = Draft {
        currency: word("XAU"),
        currencies: Some(["EUR", "DEM"].map(str::to_owned).into()),
        home_country: word("UK"),
        rounding: word("bankers"),
        merge: word("smaller"),
        session_seconds: Some(0),
        provider_seconds: Some(LIFETIME_MAX.as_secs() + 1),
        cart_lines_max: Some(2_001),
        low_stock_level: Some(LOW_STOCK_LEVEL_MAX + 1),
        capture: word("when_shipped"),
        ..Draft::default()
    };
    check_refused(
        bad.clone(),
        &[
            ("/currency", "money.unknown_currency"),
            ("/currencies/1", "money.unknown_currency"),
            ("/home_country", "address.unknown_country"),
            ("/rounding", "settings.unknown_choice"),
            ("/merge", "settings.unknown_choice"),
            ("/session_seconds", "settings.out_of_range"),
            ("/provider_seconds", "settings.out_of_range"),
            ("/cart_lines_max", "settings.out_of_range"),
            ("/low_stock_level", "settings.out_of_range"),
        ],
    );
    let mut bench = create(Draft::default())?;
    assert!(bench.run(update(bad)).is_err());
    assert_eq!(bench.entity, Settings::default());
    Ok(())
}

#[test]
fn another_currency_of_the_store_changes_places_with_its_own() -> Result<(), Error> {
    let mut bench = create(Draft::default())?;
    let mut sold_in = |currency: Option<&str>, currencies: Option<&[&str]>| {
        let codes = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect();
        bench.run(update(Draft {
            currency: currency.map(str::to_owned),
            currencies: currencies.map(codes),
            ..Draft::default()
        }))?;
        let others = bench.entity.currencies.iter();
        let sold_in = std::iter::once(&bench.entity.currency).chain(others);
        let sold_in: Vec<&str> = sold_in.map(Currency::code).collect();
        Ok::<_, Error>(sold_in.join(" "))
    };
    assert_eq!(sold_in(None, Some(&["EUR", "JPY"]))?, "GBP EUR JPY");
    assert_eq!(sold_in(Some("EUR"), None)?, "EUR GBP JPY");
    assert_eq!(sold_in(Some("GBP"), None)?, "GBP EUR JPY");
    // One that was not sold in takes the place of the store's own.
    assert_eq!(sold_in(Some("USD"), None)?, "USD EUR JPY");
    assert_eq!(sold_in(Some("EUR"), Some(&["JPY"]))?, "EUR JPY");
    Ok(())
}

#[test]
fn an_update_changes_what_it_names_and_the_same_again_changes_nothing() -> Result<(), Error> {
    let mut bench = create(Draft::default())?;
    let draft = Draft {
        currency: Some("EUR".to_owned()),
        currencies: Some(["USD", "EUR", "JPY", "USD"].map(str::to_owned).into()),
        foreign_zone: Some("strip_home_tax".to_owned()),
        reservation_seconds: Some(1),
        ..Draft::default()
    };
    for _ in 0..2 {
        bench.run(update(draft.clone()))?;
        assert_eq!(bench.events.len(), 2);
    }
    let expected = Settings::default();
    assert_eq!(bench.entity.currency.code(), "EUR");
    let others: Vec<&str> = bench.entity.currencies.iter().map(Currency::code).collect();
    assert_eq!(others, ["JPY", "USD"]);
    let dollar = Currency::of("USD").ok();
    assert_eq!(bench.entity.currency_of_cart(dollar).ok(), dollar);
    assert_eq!(bench.entity.currency_of_cart(None).ok(), Currency::of("EUR").ok());
    let refused = bench.entity.currency_of_cart(Some(Currency::GBP));
    assert_eq!(refused.map_err(|error| error.code()), Err("currency.not_offered"));
    assert_eq!(bench.entity.foreign_zone, ForeignZone::StripHomeTax);
    assert_eq!(bench.entity.lifetimes.reservation, Duration::from_secs(1));
    assert_eq!(
        (bench.entity.prices, bench.entity.merge),
        (expected.prices, expected.merge)
    );
    Ok(())
}

#[test]
fn a_tax_calculator_is_chosen_among_those_there_are() -> Result<(), Error> {
    let mut bench = create(Draft::default())?;
    let choose = |name: Option<&str>| {
        update(Draft {
            tax_calculator: Some(name.map(str::to_owned)),
            ..Draft::default()
        })
    };
    bench.run(choose(Some("fake")))?;
    assert_eq!(bench.entity.tax_calculator.as_deref(), Some("fake"));
    let Err(Error::Fields(errors)) = bench.run(choose(Some("abacus"))) else {
        panic!("there is no such calculator")
    };
    let refused = &errors.as_slice()[0];
    assert_eq!(
        (refused.pointer.as_str(), refused.code.as_str()),
        ("/tax_calculator", "settings.unknown_choice")
    );
    // Absent, it stays.
    bench.run(update(Draft::default()))?;
    assert_eq!(bench.entity.tax_calculator.as_deref(), Some("fake"));
    bench.run(choose(None))?;
    assert_eq!(bench.entity.tax_calculator, None);
    Ok(())
}
