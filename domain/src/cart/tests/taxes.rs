//! Several taxes on one line, and buyers who are charged none: examples worked by hand, and properties.

use super::promotions::{case, off, promotion};
use super::totals::{Row, Store, inclusive, on_top, stripping, sums, zone};
use super::*;
use crate::cart::Quote;
use crate::country::Country;
use crate::existing::Existing;
use crate::id::TaxZoneId;
use crate::promotion::Action;
use crate::settings::Prices;
use crate::tax::{self, RateDraft, TaxRelief, TaxStatus, VatNumber, Zones};
use crate::territory::TerritoryDraft;
use proptest::prelude::*;
use std::sync::Arc;

/// A zone of one country with standard rates of several taxes, by their names.
fn together(country: &str, rates: &[(&str, &str)]) -> Zones {
    let rate = |(tax, rate): &(&str, &str)| RateDraft {
        category: "standard".to_owned(),
        tax: Some(tax.to_lowercase()),
        name: (*tax).to_owned(),
        rate: (*rate).to_owned(),
        ..RateDraft::default()
    };
    let draft = tax::Draft {
        name: Some("zone".to_owned()),
        territory: TerritoryDraft::of(&[country]),
        rates: Some(rates.iter().map(rate).collect()),
    };
    let create = tax::CreateZone {
        draft,
        existing: Existing::default(),
    };
    let bench = Bench::create(TaxZoneId(Uuid::from_u128(9)), Timestamp::from_millis(0), create);
    Zones::new(
        [Arc::new(bench.expect("a zone of the test").entity)],
        Timestamp::default(),
    )
}

/// The first line's tax, and its parts by name.
fn check_parts(mut store: Store, zones: Zones, country: &str, price: &str, tax: i64, parts: &[(&str, i64)]) {
    store.zones = zones;
    let quote = store.quote(&[(price, 1, "standard")], Some(country), None);
    let quote = quote.expect("the row can be priced");
    let shown = quote.lines[0].tax.as_ref().expect("the line is taxed");
    let found: Vec<(&str, i64)> = shown
        .parts
        .iter()
        .map(|part| (&*part.name, part.amount.amount))
        .collect();
    assert_eq!(
        (shown.amount.amount, found.as_slice()),
        (tax, parts),
        "{price} to {country}"
    );
}

#[test]
fn taxes_that_apply_together_are_rounded_once_and_shown_apart() {
    // Revenu Quebec's example: on 100.00 GST of 5% is 5.00 and QST of 9.975% is 9.98, together 14.98.
    // 100.00 x 14.975% = 14.975, half up 14.98. Of 1,498 units 500.17 and 997.83: 500 and 998.
    let quebec = || together("CA", &[("GST", "0.05"), ("QST", "0.09975")]);
    check_parts(
        on_top(),
        quebec(),
        "CA",
        "100",
        1_498,
        &[("GST", 500), ("QST", 998)],
    );
    // California's statewide base rate of 7.25% is 6% for the state and 1.25% for county and city.
    // 19.99 x 7.25% = 1.449275, so 1.45. Of 145 units 120 and 25.
    let california = || together("US", &[("State", "0.06"), ("County", "0.0125")]);
    check_parts(
        on_top(),
        california(),
        "US",
        "19.99",
        145,
        &[("County", 25), ("State", 120)],
    );
    // Contained: 114.98 / 1.14975 = 100.0043, so net 100.00 and tax 14.98.
    check_parts(
        inclusive(),
        quebec(),
        "CA",
        "114.98",
        1_498,
        &[("GST", 500), ("QST", 998)],
    );
    // One tax is not a sum of parts. HM Revenue and Customs, VAT guide (Notice 700), the VAT fraction: of a price with
    // 20% VAT a sixth is VAT, 120.00 / 6 = 20.00.
    check_parts(
        inclusive(),
        together("GB", &[("VAT", "0.2")]),
        "GB",
        "120",
        2_000,
        &[],
    );
    // With 17.5% it is 7/47: 117.50 x 7 / 47 = 17.50.
    check_parts(
        inclusive(),
        together("GB", &[("VAT", "0.175")]),
        "GB",
        "117.50",
        1_750,
        &[],
    );
}

#[test]
fn what_authorities_have_worked_out_comes_to_the_same() {
    // Germany, Umsatzsteuer-Anwendungserlass 15.4 (2) and (3): of 149.95 with 19% contained, 149.95 x 19 / 119 = 23.94
    // are tax, and 149.95 / 1.19 = 126.01 the consideration.
    check_parts(
        inclusive(),
        together("DE", &[("USt", "0.19")]),
        "DE",
        "149.95",
        2_394,
        &[],
    );
    // Canada Revenue Agency, GST/HST rates and place-of-supply rules: a mattress that a store in British Columbia
    // delivers to Ontario is charged Ontario's HST of 13%, and no PST. 899.99 x 13% = 116.9987, so 117.00.
    let store = || {
        let mut store = on_top();
        store.settings.home_country = Country::of("CA").expect("a country");
        store
    };
    check_parts(
        store(),
        together("CA", &[("HST", "0.13")]),
        "CA",
        "899.99",
        11_700,
        &[],
    );
}

#[test]
fn a_coupon_of_the_retailer_lowers_what_is_taxed() {
    // Connecticut, Department of Revenue Services, answer 480 (sales tax when coupon is used): of an item for 5.00 with
    // a coupon of 0.50 tax is on 4.50, and on 4.00 where the retailer doubles the coupon. At the state's 6.35%:
    // 4.50 x 6.35% = 0.28575, so 0.29; 4.00 x 6.35% = 0.254, so 0.25.
    let check = |coupon: i64, tax: i64| {
        let mut case = case(&[(1, 500, 1, 0)], &[promotion(1, Action::Order(off(coupon)))]);
        case.zones = Zones::new(
            [zone(1, &["GB"], &[("standard", "0.0635")])],
            Timestamp::default(),
        );
        case.settings.prices = Prices::ExcludeTax;
        let quote = case.quote().expect("the row can be priced");
        assert_eq!(quote.tax.map(|tax| tax.amount), Some(tax), "a coupon of {coupon}");
    };
    check(50, 29);
    check(100, 25);
}

fn relieved(mut store: Store, home: &str, destination: &str, status: TaxStatus) -> Quote {
    store.settings.home_country = Country::of(home).expect("a country of the test");
    store.buyer = Some(status);
    let quote = store.quote(&[("120", 1, "standard")], Some(destination), None);
    quote.expect("the row can be priced")
}

fn business() -> TaxStatus {
    TaxStatus {
        exempt: false,
        vat_number: VatNumber::parse("FR40303265045").ok(),
    }
}

fn exempt() -> TaxStatus {
    TaxStatus {
        exempt: true,
        vat_number: None,
    }
}

#[test]
fn an_exempt_buyer_pays_the_net_price_and_no_tax() {
    let check = |store, destination, total| {
        let quote = relieved(store, "GB", destination, exempt());
        assert_eq!(quote.tax_relief, Some(TaxRelief::Exempt));
        assert_eq!(quote.total.amount, total, "{destination}");
    };
    check(on_top(), "GB", 12_000);
    // 120.00 / 1.2 = 100.00.
    check(inclusive(), "GB", 10_000);
    // The tax in a price that stays the same abroad is the zone's: 120.00 / 1.19 = 100.84.
    check(inclusive(), "DE", 10_084);
    // Where the home tax goes, only that goes: 120.00 / 1.2.
    check(stripping(), "DE", 10_000);
    // Nothing is taken out where nothing is contained.
    check(inclusive(), "US", 12_000);
}

#[test]
fn a_business_of_another_member_accounts_for_the_tax_itself() {
    let quote = relieved(on_top(), "IE", "FR", business());
    let relief = quote.tax_relief.as_ref().map(TaxRelief::name);
    assert_eq!(
        (relief, quote.tax.map(|tax| tax.amount), quote.total.amount),
        (Some("reverse_charge"), Some(0), 12_000)
    );
    // At home in France it is charged as anybody: 120.00 x 19% = 22.80.
    let quote = relieved(on_top(), "FR", "FR", business());
    assert_eq!((quote.tax_relief.clone(), quote.total.amount), (None, 14_280));
}

proptest! {
    #[test]
    fn another_zone_and_back_is_the_same_total(
        rows in prop::collection::vec((1..100_000_i64, 1..100_u32), 1..8),
        home in 0..30_i64, there in 0..30_i64, abroad in prop::sample::select(vec!["DE", "US", "FR"]),
    ) {
        let (home, there) = (format!("0.{home:02}"), format!("0.{there:02}"));
        let zones = [zone(1, &["GB"], &[("standard", &home)]), zone(2, &["DE", "FR"], &[("standard", &there)])];
        let prices: Vec<String> = rows.iter().map(|row| format!("{}.{:03}", row.0 / 1_000, row.0 % 1_000)).collect();
        let rows: Vec<Row<'_>> = prices.iter().zip(&rows).map(|(price, row)| (price.as_str(), row.1, "standard")).collect();
        for mut store in [on_top(), inclusive(), stripping()] {
            store.zones = Zones::new(zones.iter().cloned(), Timestamp::default());
            let quote = |destination| store.quote(&rows, Some(destination), None).expect("the rows can be priced");
            let (before, _, after) = (quote("GB"), quote(abroad), quote("GB"));
            prop_assert_eq!(after, before);
        }
    }

    #[test]
    fn parts_sum_to_the_tax_of_the_combined_rate(
        price in 0..10_000_000_i64, rates in prop::collection::vec(0..2_000_u32, 2..5),
    ) {
        let names = ["A", "B", "C", "D", "E"];
        let texts: Vec<String> = rates.iter().map(|rate| format!("0.{rate:05}")).collect();
        let rows: Vec<(&str, &str)> = names.iter().copied().zip(texts.iter().map(String::as_str)).collect();
        let sum: u32 = rates.iter().sum();
        let price = format!("{}.{:02}", price / 100, price % 100);
        for make in [on_top, inclusive] {
            let (mut apart, mut joined) = (make(), make());
            apart.zones = together("GB", &rows);
            joined.zones = together("GB", &[("ALL", &format!("0.{sum:05}"))]);
            let apart = apart.quote(&[(&price, 1, "standard")], Some("GB"), None).expect("it can be priced");
            let joined = joined.quote(&[(&price, 1, "standard")], Some("GB"), None).expect("it can be priced");
            prop_assert_eq!(sums(&apart), sums(&joined));
        }
    }
}
