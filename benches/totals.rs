//! What a quote costs: the pricing pipeline over 3 to 3,000 lines, with 0 to 1,000 active promotions.

use cartwright_domain::cart::totals::{Buyer, Intent, IntentLine, ListedLine, Outside, Rules, quote};
use cartwright_domain::id::{LineId, ProductId, PromotionId, TaxZoneId, VariantId};
use cartwright_domain::money::{Currency, Money, Price};
use cartwright_domain::promotion::{
    self, ActionDraft, ConditionsDraft, CreatePromotion, Goods, Promotion, Promotions, ReductionDraft,
    SelectionDraft, Spread,
};
use cartwright_domain::settings::Settings;
use cartwright_domain::tax::{self, Category, CreateZone, RateDraft, TaxZone, Zones};
use cartwright_domain::territory::TerritoryDraft;
use cartwright_domain::{Caller, Context, Country, Create, Effects, Entity, Existing, Seed, Timestamp};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;
use uuid::Uuid;

/// As many products as the largest coupon of a real shop names.
const PRODUCTS_OF_A_LARGE_COUPON: u64 = 14_477;

fn made<E: Entity, C: Create<E>>(id: E::Id, command: C) -> E {
    let (caller, mut effects) = (Caller::default(), Effects::default());
    let mut cx = Context::new(
        Timestamp::default(),
        &caller,
        Seed(Uuid::nil()),
        None,
        &mut effects,
    );
    let made = command.create(id, &mut cx);
    made.map_err(|error| error.to_string())
        .expect("the draft is complete")
        .0
}

fn zone() -> TaxZone {
    let rate = RateDraft {
        category: "standard".to_owned(),
        name: "VAT".to_owned(),
        rate: "0.2".to_owned(),
        ..RateDraft::default()
    };
    let draft = tax::Draft {
        name: Some("Home".to_owned()),
        territory: TerritoryDraft::of(&["GB"]),
        rates: Some(vec![rate]),
    };
    made(
        TaxZoneId(Uuid::nil()),
        CreateZone {
            draft,
            existing: Existing::default(),
        },
    )
}

fn product(n: u64) -> ProductId {
    ProductId(Uuid::from_u64_pair(7, n))
}

fn products(numbers: impl Iterator<Item = u64>) -> SelectionDraft {
    SelectionDraft {
        products: numbers.map(|n| product(n).to_string()).collect(),
        ..SelectionDraft::default()
    }
}

fn tenth() -> ReductionDraft {
    ReductionDraft {
        percentage: Some("0.1".to_owned()),
        fixed: None,
    }
}

fn promotion(
    n: u64,
    conditions: ConditionsDraft,
    action: ActionDraft,
    code: Option<String>,
) -> Arc<Promotion> {
    let draft = promotion::Draft {
        name: Some(format!("Promotion {n}")),
        code: Some(code),
        conditions: Some(conditions),
        actions: Some(vec![action]),
        enabled: Some(true),
        ..promotion::Draft::default()
    };
    let id = PromotionId(Uuid::from_u64_pair(8, n));
    Arc::new(made(
        id,
        CreatePromotion {
            draft,
            existing: Existing::default(),
        },
    ))
}

/// Promotions of every sort, as a store has them at one time. Three apply to any cart of these benches: one off the
/// order, one off its first product, one that a code unlocks; the others are for other goods, groups, codes and for
/// larger carts.
fn promotions(count: u64) -> Promotions {
    let mut all = Vec::new();
    for n in 0..count {
        let mut conditions = ConditionsDraft::default();
        let mut code = None;
        let mut action = ActionDraft::Order(tenth());
        match (n, n % 4) {
            (0, _) => {}
            (1, _) => action = lines(products(0..1)),
            (2, _) => {
                code = Some("TEN".to_owned());
                conditions.items = Some(products(0..PRODUCTS_OF_A_LARGE_COUPON));
            }
            (_, 0) => action = lines(products(1_000_000 + 10 * n..1_000_010 + 10 * n)),
            (_, 1) => conditions.groups = vec![format!("group-{n}")],
            (_, 2) => code = Some(format!("CODE-{n}")),
            (_, _) => {
                let from = 100_000_000 + i64::try_from(n).expect("few promotions");
                conditions.subtotal_from = Some(Money::new(from, Currency::GBP));
            }
        }
        all.push(promotion(n, conditions, action, code));
    }
    Promotions::new(all)
}

fn lines(items: SelectionDraft) -> ActionDraft {
    ActionDraft::Lines {
        items: Some(items),
        reduction: tenth(),
        spread: Spread::Across,
    }
}

fn totals(criterion: &mut Criterion) {
    let (settings, zones, category) = (
        Settings::default(),
        Zones::new([Arc::new(zone())], Timestamp::default()),
        Category::default(),
    );
    let price = Price::parse("2.55", Currency::GBP).expect("a price");
    let codes = ["TEN".parse().expect("a code")];
    let line = |n| {
        IntentLine::Listed(Box::new(ListedLine {
            line: LineId(Uuid::from_u64_pair(0, n)),
            quantity: 3,
            unit_price: price,
            minimum_price: None,
            weight_grams: 0,
            digital: false,
            tax_category: &category,
            goods: Goods {
                variant: VariantId(Uuid::from_u64_pair(6, n)),
                product: product(n),
                categories: Arc::default(),
            },
        }))
    };
    let mut group = criterion.benchmark_group("totals");
    for count in [0, 10, 1_000] {
        let promotions = promotions(count);
        let rules = Rules {
            settings: &settings,
            zones: &zones,
            methods: &[],
            promotions: &promotions,
        };
        for lines in [3_u64, 10, 30, 300, 3_000] {
            let intent = Intent {
                currency: Currency::GBP,
                lines: (0..lines).map(line).collect(),
                destination: Some(Country::GB.into()),
                shipping: None,
                now: Timestamp::default(),
                codes: if count == 0 { &[] } else { &codes },
                used_up: &[],
                single_codes: &[],
                outside: Outside::default(),
                buyer: Buyer::default(),
            };
            let id = BenchmarkId::new(format!("{count} promotions"), lines);
            group.throughput(Throughput::Elements(lines));
            group.bench_with_input(id, &intent, |bencher, intent| {
                bencher.iter(|| quote(black_box(intent), &rules, None));
            });
        }
    }
    group.finish();

    let mut group = criterion.benchmark_group("totals of a coupon");
    for named in [10, PRODUCTS_OF_A_LARGE_COUPON] {
        let conditions = ConditionsDraft {
            items: Some(products(0..named)),
            ..ConditionsDraft::default()
        };
        let all = [promotion(
            0,
            conditions,
            ActionDraft::Order(tenth()),
            Some("TEN".to_owned()),
        )];
        let promotions = Promotions::new(all);
        let rules = Rules {
            settings: &settings,
            zones: &zones,
            methods: &[],
            promotions: &promotions,
        };
        let intent = Intent {
            currency: Currency::GBP,
            lines: (0..10).map(line).collect(),
            destination: Some(Country::GB.into()),
            shipping: None,
            now: Timestamp::default(),
            codes: &codes,
            used_up: &[],
            single_codes: &[],
            outside: Outside::default(),
            buyer: Buyer::default(),
        };
        group.bench_with_input(BenchmarkId::from_parameter(named), &intent, |bencher, intent| {
            bencher.iter(|| quote(black_box(intent), &rules, None));
        });
    }
    group.finish();
}

criterion_group!(benches, totals);
criterion_main!(benches);
