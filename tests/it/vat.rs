//! A real shop's ten months with VAT, through the pricing pipeline alone: every row, at its invoice's date.
//!
//! The expected figures were made elsewhere, from the same rows, by a program of its own.

use crate::support::Server;
use crate::trade::{client, fixture, shared};
use cartwright_domain::cart::totals::{Buyer, Intent, IntentLine, ListedLine, Outside, Rules, quote};
use cartwright_domain::country::Country;
use cartwright_domain::id::{LineId, ProductId, TaxZoneId, VariantId};
use cartwright_domain::money::{Currency, Price, Rounding};
use cartwright_domain::promotion::{Goods, Promotions};
use cartwright_domain::settings::{Prices, Settings};
use cartwright_domain::tax::{Category, CreateZone, Draft, RateDraft, TaxZone, Zones};
use cartwright_domain::territory::TerritoryDraft;
use cartwright_domain::{Caller, Context, Create, Effects, Existing, Period, Seed, Timestamp};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::sync::Arc;
use uuid::Uuid;

/// Places of the data set that are taxed as the shop's own country: `Unspecified` and `European Community`.
const AS_AT_HOME: [&str; 2] = ["XU", "EU"];

/// Standard rates of countries: from when on, and how much.
type Rates = BTreeMap<String, Vec<(Timestamp, String)>>;

/// One sale.
struct Sale {
    country: String,
    at: Timestamp,
    rows: Vec<(Price, u32)>,
}

/// Which country's rates hold for a sale.
#[derive(Clone, Copy, PartialEq)]
enum Rule {
    /// The shop's own, for everything that goes to a member of the European Union.
    Origin,
    /// Those of where the goods go.
    Destination,
}

/// Reads `2010-12-01` or `2010-12-01 08:26:00`, in UTC.
fn time(text: &str) -> Timestamp {
    let text = if text.len() == 10 {
        format!("{text} 00:00:00")
    } else {
        text.to_owned()
    };
    let local: jiff::civil::DateTime = text.parse().expect("a date of the data set");
    let instant = local
        .to_zoned(jiff::tz::TimeZone::UTC)
        .expect("it exists in UTC")
        .timestamp();
    Timestamp::from_millis(instant.as_millisecond())
}

fn records(path: &str) -> Vec<csv::StringRecord> {
    let file = File::open(path).expect("the file is there");
    let reader: Box<dyn std::io::Read> = if path.ends_with(".zst") {
        Box::new(zstd::Decoder::new(file).expect("it is compressed"))
    } else {
        Box::new(file)
    };
    let records: Result<_, _> = csv::Reader::from_reader(reader).into_records().collect();
    records.expect("it is a table")
}

fn rates(path: &str) -> Rates {
    let mut rates = Rates::new();
    for record in records(path) {
        let of_country = rates.entry(record[0].to_owned()).or_default();
        of_country.push((time(&record[1]), record[2].to_owned()));
    }
    rates
}

/// Reads the sales: invoices with a price, which are neither cancellations nor corrections of the books.
fn sales(path: &str) -> Vec<Sale> {
    let mut invoices: Vec<Sale> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for record in records(path) {
        let (number, at) = (&record[0], time(&record[4]));
        if number.starts_with(['A', 'C']) {
            continue;
        }
        let place = *places.entry(number.to_owned()).or_insert_with(|| {
            invoices.push(Sale {
                country: record[7].to_owned(),
                at,
                rows: Vec::new(),
            });
            invoices.len() - 1
        });
        let price = Price::parse(&record[5], Currency::GBP).expect("a price");
        let invoice = &mut invoices[place];
        invoice.at = invoice.at.min(at);
        // Write-offs have negative quantities and no price: they are sorted out below.
        invoice.rows.push((price, record[3].parse().unwrap_or_default()));
    }
    let free = Price::new(0, Currency::GBP);
    invoices.retain(|invoice| invoice.rows.iter().any(|(price, _)| *price != free));
    invoices
}

fn zone(id: u128, places: Vec<String>, rates: &[(Timestamp, String)]) -> Arc<TaxZone> {
    let rate = |(from, rate): &(Timestamp, String)| RateDraft {
        category: "standard".to_owned(),
        name: "VAT".to_owned(),
        rate: rate.clone(),
        validity: Period {
            from: Some(*from),
            until: None,
        },
        ..RateDraft::default()
    };
    let draft = Draft {
        name: Some(places.join(" ")),
        territory: TerritoryDraft {
            countries: Some(places),
            ..TerritoryDraft::default()
        },
        rates: Some(rates.iter().map(rate).collect()),
    };
    let (caller, mut effects) = (Caller::default(), Effects::default());
    let mut cx = Context::new(
        Timestamp::default(),
        &caller,
        Seed(Uuid::nil()),
        None,
        &mut effects,
    );
    let made = CreateZone {
        draft,
        existing: Existing::default(),
    }
    .create(TaxZoneId(Uuid::from_u128(id)), &mut cx);
    Arc::new(made.expect("the draft is complete").0)
}

fn zones(rates: &Rates, rule: Rule) -> Vec<Arc<TaxZone>> {
    let home = rates.get("GB").expect("the shop's own country has a rate");
    let as_at_home = || AS_AT_HOME.map(str::to_owned).into_iter();
    match rule {
        Rule::Origin => vec![zone(1, rates.keys().cloned().chain(as_at_home()).collect(), home)],
        Rule::Destination => {
            let of_country = rates
                .iter()
                .zip(1..)
                .map(|((country, rates), id)| zone(id, vec![country.clone()], rates));
            of_country
                .chain([zone(99, as_at_home().collect(), home)])
                .collect()
        }
    }
}

/// The tax of every sale in pence, summed by country as the data set names it.
fn taxed(sales: &[Sale], zones: &[Arc<TaxZone>], rounding: Rounding, codes: &Value) -> BTreeMap<String, i64> {
    let settings = Settings {
        prices: Prices::ExcludeTax,
        rounding,
        ..Settings::default()
    };
    let category = Category::default();
    let mut in_force = Zones::new(zones.iter().cloned(), Timestamp::default());
    let mut by_country = BTreeMap::new();
    for sale in sales {
        if !in_force.holds().contains(sale.at) {
            in_force = Zones::new(zones.iter().cloned(), sale.at);
        }
        let rules = Rules {
            settings: &settings,
            zones: &in_force,
            methods: &[],
            promotions: &Promotions::default(),
        };
        let line = |(row, (unit_price, quantity)): (u128, &(Price, u32))| {
            IntentLine::Listed(Box::new(ListedLine {
                line: LineId(Uuid::from_u128(row)),
                quantity: *quantity,
                unit_price: *unit_price,
                minimum_price: None,
                weight_grams: 0,
                digital: false,
                tax_category: &category,
                goods: Goods {
                    variant: VariantId(Uuid::nil()),
                    product: ProductId(Uuid::nil()),
                    categories: Arc::default(),
                },
            }))
        };
        let country = codes[&sale.country].as_str().expect("the country has a code");
        let intent = Intent {
            currency: Currency::GBP,
            lines: (0..).zip(&sale.rows).map(line).collect(),
            destination: Some(Country::of(country).expect("a code").into()),
            shipping: None,
            now: sale.at,
            codes: &[],
            used_up: &[],
            single_codes: &[],
            outside: Outside::default(),
            buyer: Buyer::default(),
        };
        let quote = quote(&intent, &rules, None)
            .expect("the sale can be priced")
            .quote;
        let tax = quote.tax.expect("the destination is known");
        *by_country.entry(sale.country.clone()).or_default() += tax.amount;
    }
    by_country
}

fn check(sales: &[Sale], rates: &Rates, rule: Rule, codes: &Value, expected: &Value) {
    let zones = zones(rates, rule);
    let by_country = taxed(sales, &zones, Rounding::HalfUp, codes);
    let listed = serde_json::json!(by_country);
    assert_eq!(listed, expected["vat_pence_line_half_up_by_country"]);
    assert_eq!(
        by_country.values().sum::<i64>(),
        expected["vat_pence_line_half_up"]
    );
    let half_even: i64 = taxed(sales, &zones, Rounding::HalfEven, codes).values().sum();
    assert_eq!(half_even, expected["vat_pence_line_half_even"]);
}

#[tokio::test]
async fn the_sample_invoices_are_taxed_by_the_running_server_as_by_the_pipeline() {
    let server = Server::fresh();
    let net = json!({ "prices": "exclude_tax" });
    server.staff().patch("/admin/settings", net).ok(200).await;
    let folder = server.directory().folder();
    let table = "country,from,rate\nGB,2010-12-01,0.175\nGB,2011-01-04,0.2\nDE,2010-12-01,0.19\nFR,2010-12-01,0.196\n";
    let rates_file = folder.join("table.csv").display().to_string();
    std::fs::write(&rates_file, table).expect("the folder is writable");
    let rates = rates(&rates_file);
    let mut rows = "place,name,rate,valid_from\n".to_owned();
    for (country, dated) in &rates {
        for (from, rate) in dated {
            let from = jiff::Timestamp::from_millisecond(from.millis()).expect("it is a time");
            let place = if country == "GB" { "GB; XU; EU" } else { country };
            rows.push_str(&format!("{place},VAT,{rate},{from}\n"));
        }
    }
    let import_file = folder.join("rates.csv").display().to_string();
    std::fs::write(&import_file, rows).expect("the folder is writable");
    client(&server, &["import", &import_file, "--rates"])
        .await
        .check(0, &["created 4, updated 0"]);

    let invoices = fixture("transactions.csv");
    let codes = serde_json::from_str(include_str!("../../src/command/replay/countries.json"));
    let codes: Value = codes.expect("it is JSON");
    let zones = zones(&rates, Rule::Destination);
    let mut expected = Vec::new();
    for (country, tax) in taxed(&sales(&invoices), &zones, Rounding::HalfUp, &codes) {
        if tax != 0 {
            expected.push(format!(
                "tax         {} {tax}",
                codes[&country].as_str().unwrap_or_default()
            ));
        }
    }
    assert!(1 < expected.len(), "{expected:?}");
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    let played = client(&server, &["replay", &invoices, "--vat", "--concurrency", "8"]).await;
    played.check(0, &["orders      166", "matched     166"]);
    played.check(0, &expected);
}

#[test]
fn a_real_shops_vat_is_right_to_the_penny_by_origin_and_by_destination() {
    let file = |name| {
        shared(
            "a_real_shops_vat_is_right_to_the_penny_by_origin_and_by_destination",
            name,
        )
    };
    let (Some(rows), Some(expected), Some(table)) = (
        file("online-retail/transactions-2010-12_2011-09.csv.zst"),
        file("online-retail/expected-vat-visible.json"),
        file("reference/vat-standard-2010-12_2011-12.csv"),
    ) else {
        return;
    };
    let (sales, rates) = (sales(&rows), rates(&table));
    let text = std::fs::read_to_string(expected).expect("the file is there");
    let told: Value = serde_json::from_str(&text).expect("it is JSON");
    let (codes, expected) = (&told["rules"]["country_map"], &told["expected"]);
    assert_eq!(sales.len(), expected["sale_invoices"]);
    check(&sales, &rates, Rule::Origin, codes, &expected["origin"]);
    check(&sales, &rates, Rule::Destination, codes, &expected["destination"]);
}
