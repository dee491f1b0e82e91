//! What a cart costs follows the rules as they hold now: also where nothing is committed and only time passes.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod outside;

use cartwright_actors::cart::{CartRef, DetailsDraft, LineDraft, VariantRef, View};
use cartwright_actors::catalog::ImportRow;
use cartwright_actors::runtime::{EntityOptions, RuntimeOptions};
use cartwright_actors::{Engine, Parts, Request, new_seed};
use cartwright_domain::caller::Role;
use cartwright_domain::cart::Patch;
use cartwright_domain::country::Country;
use cartwright_domain::id::SessionId;
use cartwright_domain::money::{Currency, Price};
use cartwright_domain::territory::TerritoryDraft;
use cartwright_domain::{Caller, Period, Timestamp, address, settings, tax};
use cartwright_gateways::carrier::{self, Fake};
use cartwright_gateways::mail::Folder;
use cartwright_gateways::payment::{Sandbox, sandbox};
use cartwright_gateways::tax::Calculator;
use cartwright_storage::MemoryStore;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const HOUR: Duration = Duration::from_secs(60 * 60);

async fn engine(folder: &TempDir) -> Engine {
    let carrier = Fake::new(Arc::new(Timestamp::default));
    engine_with(
        folder,
        Arc::new(carrier),
        Arc::new(cartwright_gateways::tax::Fake),
    )
    .await
}

async fn engine_with(
    folder: &TempDir,
    carrier: Arc<dyn carrier::Gateway>,
    tax_calculator: Arc<dyn Calculator>,
) -> Engine {
    let parts = Parts {
        store: Arc::new(MemoryStore::new()),
        carrier,
        tax_calculator,
        payments: Arc::new(Sandbox::open(&folder.path().join("ledger"), sandbox::Config::default()).unwrap()),
        mailer: Arc::new(Folder::open(folder.path().join("mail"), "shop@example.com").unwrap()),
        runtime: RuntimeOptions::default(),
        entities: EntityOptions::default(),
    };
    Engine::start(parts).await.unwrap()
}

fn request(caller: &Arc<Caller>) -> Request {
    Request {
        caller: Arc::clone(caller),
        ..Request::internal("pricing", new_seed(), Duration::from_secs(30))
    }
}

async fn session(engine: &Engine, staff: &Arc<Caller>) -> SessionId {
    let opened = engine.open_session(&request(staff), None).await.unwrap();
    opened.value.session.id
}

/// Opens a shop whose standard rate goes from 17.5% to 20% at a time.
async fn furnish(engine: &Engine, staff: &Arc<Caller>, change: Timestamp) {
    let net = settings::Draft {
        prices: Some("exclude_tax".to_owned()),
        ..settings::Draft::default()
    };
    engine.update_settings(&request(staff), net).await.unwrap();
    let rate = |rate: &str, from| tax::RateDraft {
        category: "standard".to_owned(),
        name: "VAT".to_owned(),
        rate: rate.to_owned(),
        validity: Period { from, until: None },
        ..tax::RateDraft::default()
    };
    let zone = tax::Draft {
        name: Some("Home".to_owned()),
        territory: TerritoryDraft::of(&["GB"]),
        rates: Some(vec![rate("0.175", None), rate("0.2", Some(change))]),
    };
    engine.create_tax_zone(&request(staff), zone).await.unwrap();
    let row = ImportRow {
        row: 1,
        sku: "CUP".to_owned(),
        price: Some(Price::parse("100", Currency::GBP).unwrap()),
        ..ImportRow::default()
    };
    engine.import_catalog(&request(staff), vec![row]).await.unwrap();
}

/// Fills the shopper's cart and says where it goes.
async fn fill(engine: &Engine, shopper: &Arc<Caller>) {
    let line = LineDraft {
        variant: VariantRef::Sku("CUP".to_owned()),
        quantity: 1,
        options: BTreeMap::new(),
        custom_fields: BTreeMap::new(),
        unit_price: None,
    };
    let added = engine
        .add_line(&request(shopper), CartRef::Current, line, View::Full)
        .await;
    added.unwrap();
    let details = DetailsDraft {
        shipping_address: Patch::Set(address::Input::example(
            "Ada",
            "1 Mill Lane",
            "Leeds",
            Country::GB,
        )),
        ..DetailsDraft::default()
    };
    give(engine, shopper, details).await;
}

/// Gives details and returns the tax that the short answer shows.
async fn give(engine: &Engine, caller: &Arc<Caller>, details: DetailsDraft) -> i64 {
    let request = request(caller);
    let given = engine
        .update_details(&request, CartRef::Current, details, View::Minimal)
        .await;
    given.unwrap().value.priced.quote.tax.unwrap().amount
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_begins_is_in_the_next_answer_although_nothing_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(&folder).await;
    let staff = Arc::new(Caller::of_staff("admin", Role::Admin));
    let change = engine.now().after(HOUR);
    furnish(&engine, &staff, change).await;
    let session = Some(session(&engine, &staff).await);
    let shopper = Arc::new(Caller {
        session,
        ..Caller::default()
    });
    let keeper = Arc::new(Caller {
        session,
        ..(*staff).clone()
    });
    fill(&engine, &shopper).await;
    let tax = async || {
        let read = engine.cart(&request(&shopper), CartRef::Current).await.unwrap();
        read.view.priced.quote.tax.unwrap().amount
    };
    let again = async || give(&engine, &shopper, DetailsDraft::default()).await;
    assert_eq!([tax().await, tax().await, again().await], [1_750; 3]);
    tokio::time::sleep(HOUR).await;
    assert_eq!([tax().await, tax().await, again().await], [2_000; 3]);
    // Staff look back: the cart is priced as before the change, until they let it be.
    let at = |priced_at| DetailsDraft {
        priced_at,
        ..DetailsDraft::default()
    };
    let before = Timestamp::from_millis(change.millis() - 1);
    assert_eq!(give(&engine, &keeper, at(Patch::Set(before))).await, 1_750);
    assert_eq!([tax().await, again().await], [1_750; 2]);
    assert_eq!(give(&engine, &keeper, at(Patch::Clear)).await, 2_000);
    assert_eq!([tax().await, again().await], [2_000; 2]);
}
