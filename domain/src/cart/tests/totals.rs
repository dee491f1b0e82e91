//! The pricing pipeline: tables worked by hand, and properties.

use super::*;
use crate::cart::totals::{Buyer, Error, Intent, IntentLine, ListedLine, Outside, Rules, Worksheet, quote};
use crate::cart::{Patch, Quote, RemoveLine, ShippingChoice, UpdateDetails};
use crate::country::Country;
use crate::existing::Existing;
use crate::id::{ShippingMethodId, TaxZoneId};
use crate::money::{Money, Rounding};
use crate::promotion::{Goods, Promotions};
use crate::settings::{ForeignZone, Prices, Settings};
use crate::shipping::{self, ShippingMethod};
use crate::tax::{self, TaxStatus, TaxZone, Zones};
use crate::territory::TerritoryDraft;
use std::sync::Arc;

pub(super) const POST: ShippingMethodId = ShippingMethodId(Uuid::from_u128(31));
const HOME_ONLY: ShippingMethodId = ShippingMethodId(Uuid::from_u128(32));
const DISABLED: ShippingMethodId = ShippingMethodId(Uuid::from_u128(33));

pub(super) struct Store {
    pub(super) settings: Settings,
    pub(super) buyer: Option<TaxStatus>,
    pub(super) zones: Zones,
    pub(super) methods: Vec<Arc<ShippingMethod>>,
    promotions: Promotions,
}

/// A line of the variant and product of the same number.
fn listed(n: u128, unit_price: Price, quantity: u32, tax_category: &Category) -> IntentLine<'_> {
    IntentLine::Listed(Box::new(ListedLine {
        line: LineId(Uuid::from_u128(n)),
        quantity,
        unit_price,
        minimum_price: None,
        weight_grams: 0,
        digital: false,
        tax_category,
        goods: Goods {
            variant: VariantId(Uuid::from_u128(n)),
            product: ProductId(Uuid::from_u128(n)),
            categories: Arc::default(),
        },
    }))
}

pub(super) fn zone(id: u128, countries: &[&str], rates: &[(&str, &str)]) -> Arc<TaxZone> {
    let rate = |(category, rate): &(&str, &str)| tax::RateDraft {
        category: (*category).to_owned(),
        name: "VAT".to_owned(),
        rate: (*rate).to_owned(),
        ..tax::RateDraft::default()
    };
    let draft = tax::Draft {
        name: Some("zone".to_owned()),
        territory: TerritoryDraft::of(countries),
        rates: Some(rates.iter().map(rate).collect()),
    };
    let create = tax::CreateZone {
        draft,
        existing: Existing::default(),
    };
    let bench = Bench::create(TaxZoneId(Uuid::from_u128(id)), Timestamp::from_millis(0), create);
    Arc::new(bench.expect("a zone of the test").entity)
}

fn method(id: ShippingMethodId, countries: &[&str], enabled: bool) -> Arc<ShippingMethod> {
    let money = |amount| Money::new(amount, Currency::GBP);
    let draft = shipping::Draft {
        territory: TerritoryDraft::of(countries),
        price: Some(money(395)),
        free_from: Some(Some(money(5_000))),
        enabled: Some(enabled),
        ..shipping::Draft::default()
    };
    drafted(id, draft)
}

pub(super) fn drafted(id: ShippingMethodId, draft: shipping::Draft) -> Arc<ShippingMethod> {
    let draft = shipping::Draft {
        name: Some("Post".to_owned()),
        tax_category: Some("carriage".to_owned()),
        ..draft
    };
    let create = shipping::CreateMethod { draft, existing: 0 };
    let bench = Bench::create(id, Timestamp::from_millis(0), create);
    Arc::new(bench.expect("a method of the test").entity)
}

/// A British store: 20% at home, 5% on books, 10% on carriage; 19%, 7% and 19% in DE and FR; no tax elsewhere.
fn store(prices: Prices, foreign_zone: ForeignZone) -> Store {
    let home = zone(
        1,
        &["GB"],
        &[("standard", "0.2"), ("books", "0.05"), ("carriage", "0.1")],
    );
    let europe = zone(
        2,
        &["DE", "FR"],
        &[("standard", "0.19"), ("books", "0.07"), ("carriage", "0.19")],
    );
    Store {
        settings: Settings {
            prices,
            foreign_zone,
            ..Settings::default()
        },
        buyer: None,
        zones: Zones::new([home, europe], Timestamp::default()),
        methods: vec![
            method(POST, &["*"], true),
            method(HOME_ONLY, &["GB"], true),
            method(DISABLED, &["*"], false),
        ],
        promotions: Promotions::default(),
    }
}

pub(super) fn on_top() -> Store {
    store(Prices::ExcludeTax, ForeignZone::KeepGross)
}

pub(super) fn inclusive() -> Store {
    store(Prices::IncludeTax, ForeignZone::KeepGross)
}

pub(super) fn stripping() -> Store {
    store(Prices::IncludeTax, ForeignZone::StripHomeTax)
}

/// A line to be priced: unit price, quantity, tax category.
pub(super) type Row<'a> = (&'a str, u32, &'a str);

impl Store {
    fn rules(&self) -> Rules<'_> {
        Rules {
            settings: &self.settings,
            zones: &self.zones,
            methods: &self.methods,
            promotions: &self.promotions,
        }
    }

    pub(super) fn quote(
        &self,
        rows: &[Row<'_>],
        destination: Option<&str>,
        shipping: Option<ShippingMethodId>,
    ) -> Result<Quote, Error> {
        let categories: Vec<Category> = rows
            .iter()
            .map(|row| Category::parse(row.2).expect("a category"))
            .collect();
        let mut lines = Vec::new();
        for ((n, row), tax_category) in (1..).zip(rows).zip(&categories) {
            lines.push(listed(n, gbp(row.0), row.1, tax_category));
        }
        let worksheet = self.worksheet(lines, destination, shipping, None)?;
        // Every line may be taken over into the next quote.
        let again = (0..rows.len()).map(IntentLine::Quoted).collect();
        let again = self.worksheet(again, destination, shipping, Some(worksheet.clone()))?;
        assert_eq!(again.quote, worksheet.quote);
        Ok(Arc::unwrap_or_clone(worksheet.quote))
    }

    fn worksheet(
        &self,
        lines: Vec<IntentLine<'_>>,
        destination: Option<&str>,
        shipping: Option<ShippingMethodId>,
        before: Option<Worksheet>,
    ) -> Result<Worksheet, Error> {
        let intent = Intent {
            currency: Currency::GBP,
            lines,
            destination: destination.map(|code| Country::of(code).expect("a country of the test").into()),
            shipping,
            now: Timestamp::default(),
            codes: &[],
            used_up: &[],
            single_codes: &[],
            outside: Outside::default(),
            buyer: Buyer {
                tax: self.buyer.as_ref(),
                ..Buyer::default()
            },
        };
        quote(&intent, &self.rules(), before)
    }
}

/// The sums of a quote, in pence.
#[derive(Debug, PartialEq)]
pub(super) struct Sums {
    pub(super) subtotal: i64,
    pub(super) shipping: i64,
    pub(super) tax: Option<i64>,
    pub(super) tax_included: i64,
    pub(super) tax_estimate: Option<i64>,
    pub(super) total: i64,
}

pub(super) fn sums(quote: &Quote) -> Sums {
    Sums {
        subtotal: quote.subtotal.amount,
        shipping: quote.shipping.amount,
        tax: quote.tax.map(|tax| tax.amount),
        tax_included: quote.tax_included.amount,
        tax_estimate: quote.tax_estimate.map(|tax| tax.amount),
        total: quote.total.amount,
    }
}

/// The tax of each line, in pence, then of shipping.
fn line_taxes(quote: &Quote) -> Vec<Option<i64>> {
    let lines = quote.lines.iter().map(|line| line.tax.as_ref());
    let shipping = quote.shipping_line.iter().map(|line| line.tax.as_ref());
    lines
        .chain(shipping)
        .map(|tax| tax.map(|tax| tax.amount.amount))
        .collect()
}

#[test]
fn tax_on_top_is_rounded_once_a_line_and_then_summed() -> Result<(), Error> {
    // 0.13 x 20% = 0.026, rounded 0.03 three times: 0.09. On the sum it would be 0.39 x 20% = 0.078, so 0.08.
    let quote = on_top().quote(&[("0.13", 1, "standard"); 3], Some("GB"), None)?;
    assert_eq!(line_taxes(&quote), [Some(3), Some(3), Some(3)]);
    let expected = Sums {
        subtotal: 39,
        shipping: 0,
        tax: Some(9),
        tax_included: 0,
        tax_estimate: None,
        total: 48,
    };
    assert_eq!(sums(&quote), expected);
    Ok(())
}

#[test]
fn each_line_is_taxed_at_its_own_rate() -> Result<(), Error> {
    // 3 x 0.335 = 1.005, half up 1.01; 20% of it 0.202, so 0.20.
    // 2 x 4.99 = 9.98; 5% of it 0.499, so 0.50. Food has no rate: no tax. Sum 0.70.
    let rows = [("0.335", 3, "standard"), ("4.99", 2, "books"), ("7", 1, "food")];
    let quote = on_top().quote(&rows, Some("GB"), None)?;
    assert_eq!(line_taxes(&quote), [Some(20), Some(50), None]);
    let expected = Sums {
        subtotal: 101 + 998 + 700,
        shipping: 0,
        tax: Some(70),
        tax_included: 0,
        tax_estimate: None,
        total: 1869,
    };
    assert_eq!(sums(&quote), expected);
    Ok(())
}

#[test]
fn contained_tax_never_changes_the_gross() -> Result<(), Error> {
    // 12.34 / 1.2 = 10.2833, so net 10.28 and tax 2.06. 4.99 / 1.05 = 4.7524, so net 4.75 and tax 0.24.
    let quote = inclusive().quote(
        &[("12.34", 1, "standard"), ("4.99", 1, "books")],
        Some("GB"),
        None,
    )?;
    assert_eq!(line_taxes(&quote), [Some(206), Some(24)]);
    let net = quote.lines[0]
        .tax
        .as_ref()
        .map(|tax| (tax.net.amount, tax.included));
    assert_eq!(net, Some((1028, true)));
    let expected = Sums {
        subtotal: 1733,
        shipping: 0,
        tax: Some(0),
        tax_included: 230,
        tax_estimate: None,
        total: 1733,
    };
    assert_eq!(sums(&quote), expected);
    Ok(())
}

#[test]
fn abroad_an_inclusive_price_keeps_its_gross_or_loses_the_home_tax() -> Result<(), Error> {
    let rows = [("12.00", 1, "standard")];
    // Kept: 12.00 / 1.19 = 10.084, so net 10.08 and tax 1.92.
    let kept = inclusive().quote(&rows, Some("DE"), None)?;
    assert_eq!(
        (line_taxes(&kept), sums(&kept).tax_included, kept.total.amount),
        (vec![Some(192)], 192, 1200)
    );
    // Stripped: 12.00 / 1.2 = 10.00; 19% on top is 1.90.
    let stripped = stripping().quote(&rows, Some("DE"), None)?;
    let line = &stripped.lines[0];
    assert_eq!((line.amount.amount, line.tax_stripped.amount), (1000, 200));
    assert_eq!(
        line.unit_price,
        gbp("12.00"),
        "the listed price is never rewritten"
    );
    assert_eq!(
        (stripped.tax, stripped.total.amount),
        (Some(Money::new(190, Currency::GBP)), 1190)
    );
    // Where nobody taxes, kept stays 12.00 and stripped is 10.00.
    assert_eq!(inclusive().quote(&rows, Some("US"), None)?.total.amount, 1200);
    let untaxed = stripping().quote(&rows, Some("US"), None)?;
    assert_eq!(
        (
            untaxed.tax.map(|tax| tax.amount),
            untaxed.total.amount,
            untaxed.zone
        ),
        (Some(0), 1000, None)
    );
    // At home both are the same.
    assert_eq!(
        stripping().quote(&rows, Some("GB"), None),
        inclusive().quote(&rows, Some("GB"), None)
    );
    Ok(())
}

#[test]
fn without_an_address_tax_is_an_estimate_in_no_sum() -> Result<(), Error> {
    let rows = [("10.00", 1, "standard")];
    // Home zone: 20% of 10.00 and 10% of 3.95 = 0.395, so 2.00 + 0.40.
    let outside = on_top().quote(&rows, None, Some(POST))?;
    let expected = Sums {
        subtotal: 1000,
        shipping: 395,
        tax: None,
        tax_included: 0,
        tax_estimate: Some(240),
        total: 1395,
    };
    assert_eq!(
        (sums(&outside), outside.estimated, line_taxes(&outside)),
        (expected, true, vec![None, None])
    );
    // 10.00 / 1.2 = 8.33, tax 1.67; 3.95 / 1.1 = 3.5909, tax 0.36.
    let inside = inclusive().quote(&rows, None, Some(POST))?;
    let expected = Sums {
        subtotal: 1000,
        shipping: 395,
        tax: None,
        tax_included: 203,
        tax_estimate: Some(203),
        total: 1395,
    };
    assert_eq!(
        (sums(&inside), inside.estimated, line_taxes(&inside)),
        (expected, true, vec![Some(167), Some(36)])
    );
    Ok(())
}

#[test]
fn shipping_is_taxed_in_its_own_category_and_free_from_its_threshold() -> Result<(), Error> {
    let check = |price, shipping, taxes: &[Option<i64>], total| {
        let quote = on_top().quote(&[(price, 1, "books")], Some("GB"), Some(POST))?;
        assert_eq!(
            (quote.shipping.amount, line_taxes(&quote), quote.total.amount),
            (shipping, taxes.to_vec(), total)
        );
        Ok::<(), Error>(())
    };
    // 49.99 x 5% = 2.4995, so 2.50; 3.95 x 10% = 0.395, so 0.40.
    check("49.99", 395, &[Some(250), Some(40)], 4999 + 395 + 290)?;
    check("50.00", 0, &[Some(250), Some(0)], 5250)?;
    // Stripped in Germany: 3.95 / 1.1 = 3.5909, so 3.59 and 19% of it 0.6821, so 0.68.
    let stripped = stripping().quote(&[("1.05", 1, "books")], Some("DE"), Some(POST))?;
    let shipping = stripped
        .shipping_line
        .as_ref()
        .map(|line| (line.amount.amount, line.tax_stripped.amount));
    assert_eq!(
        (shipping, line_taxes(&stripped)),
        (Some((359, 36)), vec![Some(7), Some(68)])
    );
    Ok(())
}

#[test]
fn a_shipping_method_that_cannot_be_used_costs_nothing_and_is_named() -> Result<(), Error> {
    let rows = [("1.00", 1, "standard")];
    let check = |destination, chosen, shipped: bool| {
        let quote = on_top().quote(&rows, destination, Some(chosen))?;
        let unavailable = Some(chosen).filter(|_| !shipped);
        assert_eq!(
            (quote.shipping_line.is_some(), quote.shipping_unavailable),
            (shipped, unavailable)
        );
        assert_eq!(quote.shipping.amount, if shipped { 395 } else { 0 });
        Ok::<(), Error>(())
    };
    check(Some("GB"), HOME_ONLY, true)?;
    check(Some("DE"), HOME_ONLY, false)?;
    check(Some("US"), POST, true)?;
    check(Some("GB"), DISABLED, false)?;
    check(Some("GB"), ShippingMethodId(Uuid::from_u128(404)), false)?;
    // Until an address is known the home country stands in.
    check(None, HOME_ONLY, true)
}

#[test]
fn a_cart_without_lines_costs_nothing() -> Result<(), Error> {
    for store in [on_top(), inclusive(), stripping()] {
        for destination in [None, Some("GB"), Some("DE")] {
            let quote = store.quote(&[], destination, Some(POST))?;
            let tax = destination.map(|_| 0);
            let expected = Sums {
                subtotal: 0,
                shipping: 0,
                tax,
                tax_included: 0,
                tax_estimate: None,
                total: 0,
            };
            assert_eq!((sums(&quote), quote.shipping_unavailable), (expected, None));
        }
    }
    Ok(())
}

#[test]
fn free_lines_and_a_total_of_zero_are_legal() -> Result<(), Error> {
    let quote = on_top().quote(
        &[("0", 1_000_000, "standard"), ("0", 1, "food")],
        Some("GB"),
        None,
    )?;
    assert_eq!(
        (line_taxes(&quote), quote.total.amount, quote.units()),
        (vec![Some(0), None], 0, 1_000_001)
    );
    Ok(())
}

#[test]
fn seventy_four_thousand_units_at_a_tenth_of_a_penny() -> Result<(), Error> {
    // 74,215 x 0.001 = 74.215, half up 74.22, otherwise 74.22 (even) and 74.21 (down).
    for (rounding, expected) in [
        (Rounding::HalfUp, 7422),
        (Rounding::HalfEven, 7422),
        (Rounding::HalfDown, 7421),
    ] {
        let mut store = on_top();
        store.settings.rounding = rounding;
        assert_eq!(
            store
                .quote(&[("0.001", 74_215, "food")], Some("GB"), None)?
                .total
                .amount,
            expected
        );
    }
    Ok(())
}

#[test]
fn rounding_of_tax_follows_the_setting() -> Result<(), Error> {
    // Ties: 5% of 0.10 is 0.005, 5% of 0.30 is 0.015.
    let taxes = |rounding| {
        let mut store = on_top();
        store.settings.rounding = rounding;
        store
            .quote(&[("0.10", 1, "books"), ("0.30", 1, "books")], Some("GB"), None)
            .map(|quote| line_taxes(&quote))
    };
    assert_eq!(taxes(Rounding::HalfUp)?, [Some(1), Some(2)]);
    assert_eq!(taxes(Rounding::HalfEven)?, [Some(0), Some(2)]);
    assert_eq!(taxes(Rounding::HalfDown)?, [Some(0), Some(1)]);
    Ok(())
}

#[test]
fn a_price_of_another_currency_is_refused() {
    let category = Category::default();
    let euro = Currency::of("EUR").expect("in the table");
    let line = listed(1, Price::new(1, euro), 1, &category);
    let refused = on_top().worksheet(vec![line], None, None, None);
    assert_eq!(
        refused.expect_err("the price is in euros").code(),
        "money.mixed_currencies"
    );
}

fn cart_quote(store: &Store, cart: &Bench<Cart>, facts: &[VariantFacts]) -> Quote {
    let find = |id| facts.iter().find(|facts| facts.variant_id == id);
    let worksheet = quote(
        &Intent::of_cart(&cart.entity, cart.now, Buyer::default(), find),
        &store.rules(),
        None,
    );
    Arc::unwrap_or_clone(worksheet.expect("the cart can be priced").quote)
}

#[test]
fn a_line_whose_variant_is_gone_stays_in_the_sums_at_what_it_cost() {
    let cart = filled(1, &[(&priced(1, "2.00"), 3), (&priced(2, "5.00"), 1)]);
    let books = VariantFacts {
        tax_category: Category::parse("books").expect("a category"),
        ..priced(1, "1.50")
    };
    let quote = cart_quote(&on_top(), &cart, &[books]);
    // 3 x 1.50 as it costs now, and 5.00 as it cost; as an estimate 5% of 4.50 = 0.225 and 20% of 5.00.
    assert_eq!(
        (quote.subtotal.amount, quote.tax_estimate.map(|tax| tax.amount)),
        (950, Some(123))
    );
}

#[test]
fn going_to_another_zone_and_back_gives_identical_totals() {
    for store in [on_top(), inclusive(), stripping()] {
        let facts = [priced(1, "12.34"), priced(2, "0.335")];
        let mut cart = filled(1, &[(&facts[0], 3), (&facts[1], 7)]);
        let choice = ShippingChoice {
            method: POST,
            name: "Post".to_owned(),
        };
        let shipping = UpdateDetails {
            shipping: Patch::Set(choice),
            ..UpdateDetails::default()
        };
        assert!(cart.run(shipping).is_ok());
        let mut quote_in = |country| {
            let shipping_address = Patch::Set(address(country));
            assert!(
                cart.run(UpdateDetails {
                    shipping_address,
                    ..UpdateDetails::default()
                })
                .is_ok()
            );
            cart_quote(&store, &cart, &facts)
        };
        let (home, abroad, untaxed) = (quote_in("GB"), quote_in("DE"), quote_in("US"));
        assert_eq!(quote_in("GB"), home);
        assert_eq!(quote_in("DE"), abroad);
        assert_eq!(quote_in("US"), untaxed);
        assert_ne!(home, abroad);
    }
}

#[test]
fn adding_and_removing_a_line_gives_the_same_totals() {
    let facts = [priced(1, "2.55"), priced(2, "0.001")];
    let mut cart = filled(1, &[(&facts[0], 6)]);
    let before = cart_quote(&inclusive(), &cart, &facts);
    let line = cart.run(add(&facts[1], 74_215)).expect("the line fits");
    assert_eq!(cart_quote(&inclusive(), &cart, &facts).total.amount, 1530 + 7422);
    assert!(cart.run(RemoveLine { line }).is_ok());
    assert_eq!(cart_quote(&inclusive(), &cart, &facts), before);
}
