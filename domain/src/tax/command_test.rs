//! Behaviour of tax zones.

use super::*;
use crate::error::Refusal;
use crate::testing::Bench;
use crate::time::{Period, Timestamp};
use uuid::Uuid;

type Zone = Bench<TaxZone>;

fn draft(name: &str, countries: &[&str], rates: &[(&str, &str)]) -> Draft {
    let rate = |(category, rate): &(&str, &str)| RateDraft {
        category: (*category).to_owned(),
        name: "VAT".to_owned(),
        rate: (*rate).to_owned(),
        ..RateDraft::default()
    };
    Draft {
        name: Some(name.to_owned()),
        territory: TerritoryDraft::of(countries),
        rates: Some(rates.iter().map(rate).collect()),
    }
}

fn zone(id: u128, name: &str, countries: &[&str], rates: &[(&str, &str)]) -> Result<Zone, Error> {
    let draft = draft(name, countries, rates);
    Bench::create(
        TaxZoneId(Uuid::from_u128(id)),
        Timestamp::from_millis(0),
        CreateZone {
            draft,
            existing: Existing::default(),
        },
    )
}

/// Standard rates: tax, first and last millisecond.
fn dated(rates: &[(&str, i64, i64)]) -> Draft {
    let rate = |(tax, from, until): &(&str, i64, i64)| RateDraft {
        category: "standard".to_owned(),
        tax: Some((*tax).to_owned()),
        name: "VAT".to_owned(),
        rate: "0.2".to_owned(),
        validity: Period {
            from: Some(Timestamp::from_millis(*from)),
            until: Some(Timestamp::from_millis(*until)),
        },
    };
    Draft {
        rates: Some(rates.iter().map(rate).collect()),
        ..draft("UK", &["GB"], &[])
    }
}

fn check_refused(draft: Draft, expected: &[(&str, &str)]) {
    let refused = Zone::create(
        TaxZoneId(Uuid::from_u128(1)),
        Timestamp::from_millis(0),
        CreateZone {
            draft,
            existing: Existing::default(),
        },
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
            ("/rates/3/rate", "tax.rate_out_of_range"),
            ("/rates/2/category", "tax.duplicate_rate"),
        ],
    );
    check_refused(
        dated(&[("vat", 0, 20), ("vat", 10, 10), ("gst", 10, 30), ("gst", 10, 40)]),
        &[
            ("/rates/1/valid_until", "tax.empty_period"),
            ("/rates/3/category", "tax.duplicate_rate"),
            ("/rates/0/valid_until", "tax.overlapping_rates"),
        ],
    );
    let parts = Draft {
        territory: TerritoryDraft {
            countries: Some(Vec::new()),
            subdivisions: Some(vec![
                "US-CA".to_owned(),
                "us-ny".to_owned(),
                "California".to_owned(),
            ]),
            postal_codes: Some(vec![
                "ES 35*".to_owned(),
                "35*".to_owned(),
                "ES *".to_owned(),
                "ES 3*5".to_owned(),
            ]),
        },
        ..draft("parts", &[], &[])
    };
    check_refused(
        parts,
        &[
            ("/subdivisions/1", "territory.unknown_subdivision"),
            ("/subdivisions/2", "territory.unknown_subdivision"),
            ("/postal_codes/1", "territory.invalid_postal_codes"),
            ("/postal_codes/2", "territory.invalid_postal_codes"),
            ("/postal_codes/3", "territory.invalid_postal_codes"),
        ],
    );
    check_refused(
        Draft::default(),
        &[("/name", "text.empty"), ("/countries", "address.no_country")],
    );
}

#[test]
fn a_store_has_at_most_1000_zones() {
    let create = |count| {
        let existing = Existing { count, newest: None };
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
    let standard = zone.entity.rates().first().map(|rate| rate.rate.to_string());
    assert_eq!(
        (zone.entity.name(), standard.as_deref(), zone.events.len()),
        ("UK", Some("0.2"), 2)
    );
    zone.run(update)?;
    assert_eq!(zone.events.len(), 2);
    Ok(())
}

#[test]
fn a_rate_is_put_once_and_never_over_another_that_holds() -> Result<(), Error> {
    let mut zone = zone(1, "UK", &["GB"], &[])?;
    let mut check = |rate: &str, from: i64, until: Option<i64>, expected: Result<RatePut, &str>| {
        let rate = RateDraft {
            category: "standard".to_owned(),
            name: "VAT".to_owned(),
            rate: rate.to_owned(),
            validity: Period {
                from: Some(Timestamp::from_millis(from)),
                until: until.map(Timestamp::from_millis),
            },
            ..RateDraft::default()
        };
        let put = zone.run(PutRate { rate }).map_err(|error| match error {
            Error::Fields(errors) => errors.as_slice()[0].code.clone(),
            other => other.code().to_owned(),
        });
        assert_eq!(put, expected.map_err(str::to_owned), "{from} {until:?}");
    };
    check("0.2", 20, None, Ok(RatePut::Added));
    check("0.175", 10, Some(20), Ok(RatePut::Added));
    check("0.175", 10, Some(20), Ok(RatePut::Unchanged));
    check("0.17", 10, None, Ok(RatePut::Changed));
    check("0.15", 0, Some(11), Err("tax.overlapping_rates"));
    check("0.15", 0, Some(10), Ok(RatePut::Added));
    check("11", 30, None, Err("tax.rate_out_of_range"));
    assert_eq!((zone.entity.rates().len(), zone.events.len()), (3, 5));
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
