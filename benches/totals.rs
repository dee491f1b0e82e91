//! What a quote costs: the pricing pipeline over 3 to 3,000 lines.

use cartwright_domain::cart::totals::{Intent, IntentLine, Rules, quote};
use cartwright_domain::id::{LineId, TaxZoneId};
use cartwright_domain::money::{Currency, Price};
use cartwright_domain::settings::Settings;
use cartwright_domain::tax::{Category, CreateZone, Draft, RateDraft, TaxZone, TerritoryDraft, Zones};
use cartwright_domain::{Caller, Context, Country, Create, Effects, Seed, Timestamp};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;
use uuid::Uuid;

fn zone() -> TaxZone {
    let rate = RateDraft {
        category: "standard".to_owned(),
        name: "VAT".to_owned(),
        rate: "0.2".to_owned(),
        ..RateDraft::default()
    };
    let draft = Draft {
        name: Some("Home".to_owned()),
        territory: TerritoryDraft::of(&["GB"]),
        rates: Some(vec![rate]),
    };
    let (caller, mut effects) = (Caller::default(), Effects::default());
    let mut cx = Context::new(
        Timestamp::default(),
        &caller,
        Seed(Uuid::nil()),
        None,
        &mut effects,
    );
    let made = CreateZone { draft, existing: 0 }.create(TaxZoneId(Uuid::nil()), &mut cx);
    made.expect("the draft is complete").0
}

fn totals(criterion: &mut Criterion) {
    let (settings, zones, category) = (
        Settings::default(),
        Zones::new([Arc::new(zone())], Timestamp::default()),
        Category::default(),
    );
    let rules = Rules {
        settings: &settings,
        zones: &zones,
        methods: &[],
    };
    let price = Price::parse("2.55", Currency::GBP).expect("a price");
    let mut group = criterion.benchmark_group("totals");
    for lines in [3_u64, 30, 300, 3_000] {
        let line = |n| IntentLine::Listed {
            line: LineId(Uuid::from_u64_pair(0, n)),
            quantity: 3,
            unit_price: price,
            tax_category: &category,
        };
        let intent = Intent {
            currency: Currency::GBP,
            lines: (0..lines).map(line).collect(),
            destination: Some(Country::GB.into()),
            buyer: None,
            shipping: None,
        };
        group.throughput(Throughput::Elements(lines));
        group.bench_with_input(BenchmarkId::from_parameter(lines), &intent, |bencher, intent| {
            bencher.iter(|| quote(black_box(intent), &rules, None));
        });
    }
    group.finish();
}

criterion_group!(benches, totals);
criterion_main!(benches);
