//! What an add to a cart costs without network and disk: use case, runtime, pricing.

use cartwright_actors::cart::{CartRef, LineDraft, VariantRef, View};
use cartwright_actors::catalog::ImportRow;
use cartwright_actors::runtime::{EntityOptions, RuntimeOptions};
use cartwright_actors::{Engine, Parts, Request, new_seed};
use cartwright_domain::Caller;
use cartwright_domain::money::{Currency, Price};
use cartwright_gateways::carrier::Fake;
use cartwright_gateways::mail::Folder;
use cartwright_gateways::payment::{Sandbox, sandbox};
use cartwright_gateways::tax;
use cartwright_storage::MemoryStore;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn request(caller: &Arc<Caller>) -> Request {
    Request {
        caller: Arc::clone(caller),
        ..Request::internal("bench", new_seed(), Duration::from_secs(30))
    }
}

/// Opens a shop with so many variants; its cart settles at as many lines.
async fn shop(directory: &Path, variants: u64) -> (Engine, Arc<Caller>) {
    let payments = Sandbox::open(&directory.join("ledger.jsonl"), sandbox::Config::default());
    let parts = Parts {
        store: Arc::new(MemoryStore::new()),
        carrier: Arc::new(Fake::new(Arc::new(cartwright_domain::Timestamp::default))),
        tax_calculator: Arc::new(tax::Fake),
        payments: Arc::new(payments.expect("an empty ledger opens")),
        mailer: Arc::new(
            Folder::open(directory.join("mail"), "shop@example.com").expect("an empty folder opens"),
        ),
        runtime: RuntimeOptions::default(),
        entities: EntityOptions::default(),
    };
    let engine = Engine::start(parts).await.expect("the engine starts on nothing");
    let row = |n: u64| ImportRow {
        row: n,
        sku: n.to_string(),
        price: Some(Price::parse("2.55", Currency::GBP).expect("a price")),
        ..ImportRow::default()
    };
    let staff = Arc::new(Caller::engine("bench"));
    engine
        .import_catalog(&request(&staff), (0..variants).map(row).collect())
        .await
        .expect("the rows are good");
    let session = engine
        .open_session(&request(&staff), None)
        .await
        .expect("a session opens")
        .value;
    let caller = Arc::new(Caller::of_session(session.session.id));
    engine
        .open_cart(&request(&caller), None)
        .await
        .expect("a cart opens");
    (engine, caller)
}

fn adds(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut group = criterion.benchmark_group("add_line");
    for (name, view, lines) in [
        ("full", View::Full, 5),
        ("full", View::Full, 500),
        ("minimal", View::Minimal, 5),
        ("minimal", View::Minimal, 500),
    ] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (engine, caller) = runtime.block_on(shop(directory.path(), lines));
        let mut n = 0;
        group.bench_function(BenchmarkId::new(name, lines), |bencher| {
            bencher.iter(|| {
                n += 1;
                let draft = LineDraft {
                    variant: VariantRef::Sku((n % lines).to_string()),
                    quantity: 1,
                    options: Default::default(),
                    custom_fields: Default::default(),
                    unit_price: None,
                };
                let added =
                    runtime.block_on(engine.add_line(&request(&caller), CartRef::Current, draft, view));
                added.expect("the line is added");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, adds);
criterion_main!(benches);
