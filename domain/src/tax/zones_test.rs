//! Which zone a destination belongs to, and which rates are in force when.

use super::*;
use crate::existing::Existing;
use crate::tax::{CreateZone, Draft, RateDraft};
use crate::territory::TerritoryDraft;
use crate::testing::Bench;
use uuid::Uuid;

/// A rate: category, tax, decimal, first and last day.
type Row<'a> = (&'a str, &'a str, &'a str, Option<i64>, Option<i64>);

const DAY: i64 = 86_400_000;

fn day(day: i64) -> Timestamp {
    Timestamp::from_millis(day * DAY)
}

/// Makes a zone of places: `*`, `GB`, `US-CA`, `ES 35*`.
fn zone(id: u128, places: &[&str], rates: &[Row<'_>]) -> Arc<TaxZone> {
    let of_sort = |is_of_sort: fn(&str) -> bool| {
        let found = places.iter().filter(|place| is_of_sort(place));
        Some(found.map(|place| (*place).to_owned()).collect())
    };
    let rate = |(category, tax, rate, from, until): &Row<'_>| RateDraft {
        category: (*category).to_owned(),
        tax: Some((*tax).to_owned()),
        name: format!("{tax} {rate}"),
        rate: (*rate).to_owned(),
        validity: Period {
            from: from.map(day),
            until: until.map(day),
        },
    };
    let draft = Draft {
        name: Some("zone".to_owned()),
        territory: TerritoryDraft {
            countries: of_sort(|place| place.len() <= 2),
            subdivisions: of_sort(|place| place.contains('-')),
            postal_codes: of_sort(|place| place.contains(' ')),
        },
        rates: Some(rates.iter().map(rate).collect()),
    };
    let create = CreateZone {
        draft,
        existing: Existing::default(),
    };
    let bench = Bench::create(TaxZoneId(Uuid::from_u128(id)), day(0), create);
    Arc::new(bench.expect("a zone of the test").entity)
}

fn check_zone(zones: &Zones, country: &str, region: &str, postal_code: &str, expected: Option<u128>) {
    let some = |text: &'static str| Some(text).filter(|text| !text.is_empty());
    let destination = Destination {
        country: Country::of(country).expect("a country of the test"),
        region: some(String::leak(region.to_owned())),
        postal_code: some(String::leak(postal_code.to_owned())),
    };
    let found = zones.of(destination).map(|zone| zone.zone().0.as_u128());
    assert_eq!(found, expected, "{destination:?}");
}

#[test]
fn the_most_specific_zone_wins_and_of_equals_the_older() {
    let mut all = vec![
        zone(1, &["*"], &[]),
        zone(2, &["*"], &[]),
        zone(3, &["DE", "FR", "IE", "ES"], &[]),
        zone(4, &["GB", "IE"], &[]),
        zone(5, &["IE", "XC"], &[]),
        zone(6, &["US-CA", "US-NY"], &[]),
        zone(7, &["US-NY"], &[]),
        zone(8, &["US 10*", "ES 35*", "ES 38*"], &[]),
        zone(9, &["US 100*"], &[]),
        zone(10, &["US 10001", "GB BT1 1AA"], &[]),
        zone(11, &["ES 35*"], &[]),
    ];
    for _ in 0..all.len() {
        all.rotate_left(1);
        let zones = Zones::new(all.iter().cloned(), day(0));
        let check = |country, region, postal_code, expected| {
            check_zone(&zones, country, region, postal_code, Some(expected));
        };
        check("DE", "", "", 3);
        check("IE", "", "", 4);
        check("XC", "", "", 5);
        check("US", "", "", 1);
        check("US", "CA", "", 6);
        check("US", " us-ca ", "", 6);
        check("US", "GB-CA", "", 1);
        check("GB", "CA", "", 4);
        check("US", "NY", "", 7);
        check("US", "NY", "11201", 7);
        check("US", "NY", "10451", 8);
        check("US", "NY", "10099", 9);
        check("US", "NY", "10001", 10);
        check("US", "NY", "10001-1234", 9);
        check("GB", "", "bt11aa", 10);
        check("ES", "", "35 001", 11);
        check("ES", "", "38001", 8);
        check("ES", "", "3", 3);
        check("ES", "", "", 3);
    }
    check_zone(&Zones::default(), "US", "CA", "90210", None);
}

#[test]
fn of_zones_of_the_same_place_the_one_made_first_wins_whatever_its_id() {
    let made = |id, at| {
        let zone = TaxZone::clone(&zone(id, &["GB"], &[]));
        Arc::new(TaxZone {
            created_at: day(at),
            ..zone
        })
    };
    for (older, newer) in [(1, 2), (2, 1)] {
        let zones = [made(newer, 1), made(older, 0)];
        check_zone(&Zones::new(zones, day(0)), "GB", "", "", Some(older));
    }
}

/// The name and rate of a category at a day, and the days around it within which nothing changes.
fn check_rate(
    zones: &[Arc<TaxZone>],
    at: i64,
    expected: Option<(&str, &str)>,
    holds: (Option<i64>, Option<i64>),
) {
    let index = Zones::new(zones.iter().cloned(), day(at));
    let zone = index.of(Country::GB.into()).expect("the zone of the test");
    let rate = zone.rate(&Category::default());
    let found = rate.map(|rate| (rate.name.to_string(), rate.rate.to_string()));
    let expected = expected.map(|(name, rate)| (name.to_owned(), rate.to_owned()));
    assert_eq!(found, expected, "day {at}");
    let (from, until) = (holds.0.map(day), holds.1.map(day));
    assert_eq!(index.holds(), Period { from, until }, "day {at}");
}

#[test]
fn a_rate_holds_until_its_end_or_the_next_of_its_tax() {
    let zones = [zone(
        1,
        &["GB"],
        &[
            ("standard", "vat", "0.15", None, Some(5)),
            ("standard", "vat", "0.175", Some(10), None),
            ("standard", "vat", "0.2", Some(20), Some(30)),
        ],
    )];
    check_rate(&zones, 4, Some(("vat 0.15", "0.15")), (None, Some(5)));
    check_rate(&zones, 5, None, (Some(5), Some(10)));
    check_rate(&zones, 10, Some(("vat 0.175", "0.175")), (Some(10), Some(20)));
    check_rate(&zones, 20, Some(("vat 0.2", "0.2")), (Some(20), Some(30)));
    check_rate(&zones, 30, None, (Some(30), None));
}

#[test]
fn rates_of_different_taxes_apply_together() {
    let zones = [zone(
        1,
        &["GB"],
        &[
            ("standard", "gst", "0.05", None, None),
            ("standard", "pst", "0.07", Some(10), None),
            ("books", "gst", "0.01", None, None),
        ],
    )];
    check_rate(&zones, 9, Some(("gst 0.05", "0.05")), (None, Some(10)));
    check_rate(
        &zones,
        10,
        Some(("gst 0.05 + pst 0.07", "0.12")),
        (Some(10), None),
    );
}
