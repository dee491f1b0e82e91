//! Behaviour of tax zones and of zone matching.

use super::*;
use crate::country::Country;
use crate::error::Refusal;
use crate::tax::Zones;
use crate::testing::Bench;
use crate::time::Timestamp;
use std::sync::Arc;
use uuid::Uuid;

type Zone = Bench<TaxZone>;

fn draft(name: &str, countries: &[&str], rates: &[(&str, &str)]) -> Draft {
    let rate = |(category, rate): &(&str, &str)| RateDraft {
        category: (*category).to_owned(),
        name: "VAT".to_owned(),
        rate: (*rate).to_owned(),
    };
    Draft {
        name: Some(name.to_owned()),
        countries: Some(countries.iter().map(|code| (*code).to_owned()).collect()),
        rates: Some(rates.iter().map(rate).collect()),
    }
}

fn zone(id: u128, name: &str, countries: &[&str], rates: &[(&str, &str)]) -> Result<Zone, Error> {
    let draft = draft(name, countries, rates);
    Bench::create(
        TaxZoneId(Uuid::from_u128(id)),
        Timestamp::from_millis(0),
        CreateZone { draft, existing: 0 },
    )
}

fn check_refused(draft: Draft, expected: &[(&str, &str)]) {
    let refused = Zone::create(
        TaxZoneId(Uuid::from_u128(1)),
        Timestamp::from_millis(0),
        CreateZone { draft, existing: 0 },
    );
    let Err(Error::Fields(errors)) = refused else {
        panic!("expected bad fields, got {refused:?}")
    };
    let listed: Vec<(&str, &str)> = errors
        .as_slice()
        .iter()
        .map(|error| (error.pointer.as_str(), error.code.as_str()))
        .collect();
    assert_eq!(listed, expected);
}

#[test]
fn every_bad_field_of_a_zone_is_listed() {
    check_refused(
        draft(
            " ",
            &["UK"],
            &[
                ("Standard", "0.2"),
                ("standard", "-0.1"),
                ("standard", "0.2"),
                ("books", "11"),
            ],
        ),
        &[
            ("/name", "text.empty"),
            ("/countries/0", "address.unknown_country"),
            ("/rates/0/category", "tax.invalid_category"),
            ("/rates/1/rate", "tax.rate_out_of_range"),
            ("/rates/2/category", "tax.duplicate_category"),
            ("/rates/3/rate", "tax.rate_out_of_range"),
        ],
    );
    check_refused(
        Draft::default(),
        &[("/name", "text.empty"), ("/countries", "address.no_country")],
    );
}

#[test]
fn a_store_has_at_most_1000_zones() {
    let create = |existing| {
        let draft = draft("UK", &["GB"], &[]);
        let id = TaxZoneId(Uuid::from_u128(1));
        Zone::create(id, Timestamp::from_millis(0), CreateZone { draft, existing })
            .map_err(|error| error.code())
    };
    assert!(create(999).is_ok());
    assert_eq!(create(1_000).err(), Some("tax.too_many_zones"));
}

#[test]
fn an_update_changes_what_it_names_and_the_same_again_changes_nothing() -> Result<(), Error> {
    let mut zone = zone(1, "UK", &["GB"], &[("standard", "0.175")])?;
    let update = UpdateZone {
        draft: Draft {
            rates: draft("", &[], &[("standard", "0.2")]).rates,
            ..Draft::default()
        },
    };
    zone.run(update.clone())?;
    let standard = zone
        .entity
        .rate(&Category::default())
        .map(|rate| rate.rate.to_string());
    assert_eq!(
        (zone.entity.name(), standard.as_deref(), zone.events.len()),
        ("UK", Some("0.2"), 2)
    );
    zone.run(update)?;
    assert_eq!(zone.events.len(), 2);
    Ok(())
}

#[test]
fn a_deleted_zone_is_erased() -> Result<(), Error> {
    let mut zone = zone(1, "UK", &["GB"], &[])?;
    zone.run(DeleteZone)?;
    assert!(zone.erased);
    Ok(())
}

#[test]
fn the_most_specific_zone_wins_and_of_equals_the_older() -> Result<(), Error> {
    let mut all = Vec::new();
    for (id, name, countries) in [
        (1, "world", &["*"][..]),
        (2, "second world", &["*"]),
        (3, "europe", &["DE", "FR", "IE"]),
        (4, "isles", &["GB", "IE"]),
        (5, "islands", &["IE", "XC"]),
    ] {
        all.push(Arc::new(zone(id, name, countries, &[])?.entity));
    }
    let check = |zones: &Zones, code: &str, expected: Option<&str>| {
        let country = Country::of(code).expect("a country of the test");
        assert_eq!(zones.of(country).map(TaxZone::name), expected, "{code}");
    };
    for turn in 0..all.len() {
        all.rotate_left(turn);
        let zones = Zones::new(all.iter().cloned());
        check(&zones, "DE", Some("europe"));
        check(&zones, "IE", Some("isles"));
        check(&zones, "XC", Some("islands"));
        check(&zones, "US", Some("world"));
    }
    check(&Zones::default(), "US", None);
    Ok(())
}

#[test]
fn a_zone_survives_being_stored_and_a_rate_beyond_bounds_is_not_read() -> Result<(), Error> {
    let zone = zone(1, "UK", &["GB", "XC"], &[("standard", "0.175"), ("books", "0")])?.entity;
    let stored = serde_json::to_string(&zone).expect("a zone can be written");
    assert_eq!(serde_json::from_str::<TaxZone>(&stored).ok(), Some(zone));
    for (good, bad) in [
        ("0.175", "0.0000000000001"),
        ("\"GB\"", "\"UK\""),
        ("standard", "Standard"),
    ] {
        let damaged = stored.replace(good, bad);
        assert_ne!(damaged, stored);
        assert!(serde_json::from_str::<TaxZone>(&damaged).is_err(), "{bad}");
    }
    Ok(())
}
