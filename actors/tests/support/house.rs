//! What outlives a kill: the rows, the provider's ledger, the mails. And the engine that runs on them.

use super::outage::Outage;
use cartwright_actors::cart::DetailsDraft;
use cartwright_actors::runtime::{ClockCheck, EntityOptions, Receipts, RuntimeOptions};
use cartwright_actors::{Engine, Idempotency, Parts, Request, new_seed};
use cartwright_domain::caller::Role;
use cartwright_domain::cart::Patch;
use cartwright_domain::catalog::{CreateProduct, PriceChange, ProductStatus, VariantDraft};
use cartwright_domain::country::Country;
use cartwright_domain::id::{SessionId, ShippingMethodId, VariantId};
use cartwright_domain::inventory::StockLevels;
use cartwright_domain::money::{Currency, Money, Price};
use cartwright_domain::territory::TerritoryDraft;
use cartwright_domain::{Caller, EntityId, Listing, Timestamp, address, settings, shipping, tax};
use cartwright_gateways::carrier::Fake;
use cartwright_gateways::mail::Folder;
use cartwright_gateways::payment::sandbox::{Config, Ledger, Sandbox};
use cartwright_storage::{FaultStore, MemoryStore, Scan, Store};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;

/// How long one request waits.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How long stock is reserved.
pub(crate) const RESERVATION: Duration = Duration::from_secs(60);
/// Units on hand of each tracked variant.
pub(crate) const ON_HAND: u64 = 10;

/// The shop's data, its provider and its mail, with or without an engine.
pub(crate) struct House {
    store: MemoryStore,
    folder: TempDir,
    pub(crate) goods: Goods,
}

/// What the shop sells, and to whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goods {
    /// Two variants of which [`ON_HAND`] are there.
    pub(crate) tracked: [VariantId; 2],
    /// One that is not counted.
    pub(crate) untracked: VariantId,
    pub(crate) method: ShippingMethodId,
    /// A shipping method that costs nothing.
    pub(crate) free_method: ShippingMethodId,
    /// Two shoppers.
    pub(crate) sessions: [SessionId; 2],
}

/// An engine on the house's data.
pub(crate) struct Running {
    pub(crate) engine: Engine,
    pub(crate) faults: FaultStore<MemoryStore>,
}

impl House {
    /// Builds a shop with two shoppers.
    pub(crate) async fn build() -> Self {
        let (store, folder) = (MemoryStore::new(), tempfile::tempdir().unwrap());
        let running = start(&store, &folder, (Duration::ZERO, false), |_| {}).await;
        let goods = furnish(&running.engine).await;
        running.kill().await;
        Self { store, folder, goods }
    }

    /// Starts an engine whose commits go as ordered, and which cannot reach the provider for a while.
    pub(crate) async fn start(
        &self,
        outage: Duration,
        order: impl FnOnce(&FaultStore<MemoryStore>),
    ) -> Running {
        self.store.restart();
        start(&self.store, &self.folder, (outage, false), order).await
    }

    /// Starts an engine whose provider is known to take nothing for a while.
    pub(crate) async fn start_without_provider(&self, outage: Duration) -> Running {
        self.store.restart();
        start(&self.store, &self.folder, (outage, true), |_| {}).await
    }

    pub(crate) fn store(&self) -> &MemoryStore {
        &self.store
    }

    /// Reads what the provider did.
    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::read(&self.folder.path().join("ledger.jsonl")).unwrap()
    }

    /// Has the provider forget what it did.
    pub(crate) fn lose_ledger(&self) {
        std::fs::remove_file(self.folder.path().join("ledger.jsonl")).unwrap();
    }

    /// Returns the names of the mails that were sent.
    pub(crate) fn mails(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.folder.path().join("mail")).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        let mails =
            paths.filter(|path: &PathBuf| path.extension().is_some_and(|extension| extension == "eml"));
        mails
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect()
    }
}

async fn start(
    store: &MemoryStore,
    folder: &TempDir,
    (outage, is_known): (Duration, bool),
    order: impl FnOnce(&FaultStore<MemoryStore>),
) -> Running {
    let faults = FaultStore::new(store.clone());
    order(&faults);
    let sandbox = Sandbox::open(&folder.path().join("ledger.jsonl"), Config::default()).unwrap();
    let mailer = Folder::open(folder.path().join("mail"), "The Shop <shop@example.com>").unwrap();
    let parts = Parts {
        store: Arc::new(faults.clone()),
        carrier: Arc::new(Fake::new(Arc::new(Timestamp::default))),
        tax_calculator: Arc::new(cartwright_gateways::tax::Fake),
        payments: Arc::new(Outage {
            sandbox,
            until: Instant::now() + outage,
            is_known,
        }),
        mailer: Arc::new(mailer),
        // Paused time runs ahead of the wall clock, and a restart begins from the last record.
        runtime: RuntimeOptions {
            clock_check: ClockCheck::Accept,
            ..RuntimeOptions::default()
        },
        entities: EntityOptions::default(),
    };
    let engine = Engine::start(parts).await.unwrap();
    Running { engine, faults }
}

impl Running {
    /// Ends the engine as a kill does: what is not written is lost, and nothing of it works on.
    pub(crate) async fn kill(self) {
        self.faults.cut_off_after(0);
        self.engine.shutdown(Instant::now()).await.unwrap();
        // Paused time stands still while a thread of the provider's or the mailer's is at work.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// Counts the sagas that are open by what is written.
    pub(crate) async fn open_sagas(&self) -> usize {
        let scan = Scan {
            of: Listing::OpenSagas.into(),
            prefix: Vec::new(),
            after: None,
            descending: false,
            limit: 1_000,
        };
        self.faults.inner().scan(scan).await.unwrap().len()
    }
}

/// Makes a staff member's request.
pub(crate) fn staff() -> Request {
    Request {
        caller: Arc::new(Caller::of_staff("ada", Role::Admin)),
        ..Request::internal("test", new_seed(), PATIENCE)
    }
}

/// Returns all that a cart needs besides its lines.
pub(crate) fn details(method: ShippingMethodId) -> DetailsDraft {
    DetailsDraft {
        email: Patch::Set("ada@example.com".to_owned()),
        shipping_address: Patch::Set(address::Input::example(
            "Ada",
            "1 Mill Lane",
            "Leeds",
            Country::GB,
        )),
        shipping_method_id: Patch::Set(method),
        ..DetailsDraft::default()
    }
}

/// Puts a request under an idempotency key.
pub(crate) fn keyed(request: Request, key: &str) -> Request {
    Request {
        idempotency: Some(Idempotency {
            caller: Arc::clone(&request.caller),
            key: key.to_owned(),
            fingerprint: Receipts::fingerprint(&[key.as_bytes()]),
        }),
        ..request
    }
}

async fn furnish(engine: &Engine) -> Goods {
    let settings = settings::Draft {
        currency: Some("GBP".to_owned()),
        home_country: Some("GB".to_owned()),
        reservation_seconds: Some(RESERVATION.as_secs()),
        checkout_seconds: Some(20),
        provider_seconds: Some(5),
        ..settings::Draft::default()
    };
    engine.update_settings(&staff(), settings).await.unwrap();
    let zone = tax::Draft {
        name: Some("United Kingdom".to_owned()),
        territory: TerritoryDraft::of(&["GB"]),
        rates: Some(vec![tax::RateDraft {
            category: "standard".to_owned(),
            name: "VAT".to_owned(),
            rate: "0.2".to_owned(),
            ..tax::RateDraft::default()
        }]),
    };
    engine.create_tax_zone(&staff(), zone).await.unwrap();
    let (cup, pot, wrap) = (
        variant(engine, "CUP", 255).await,
        variant(engine, "POT", 1_999).await,
        variant(engine, "WRAP", 100).await,
    );
    for tracked in [cup, pot] {
        let levels = StockLevels {
            tracked: Some(true),
            on_hand: Some(ON_HAND),
            ..StockLevels::default()
        };
        engine.set_stock(&staff(), tracked, levels).await.unwrap();
    }
    Goods {
        tracked: [cup, pot],
        untracked: wrap,
        method: method(engine, "Royal Mail", 395).await,
        free_method: method(engine, "Collect", 0).await,
        sessions: [session(engine).await, session(engine).await],
    }
}

pub(crate) fn pence(amount: i64) -> Money {
    Money::new(amount, Currency::of("GBP").unwrap())
}

async fn session(engine: &Engine) -> SessionId {
    let request = Request::internal("test", new_seed(), PATIENCE);
    engine
        .open_session(&request, None)
        .await
        .unwrap()
        .value
        .session
        .id
}

async fn method(engine: &Engine, name: &str, price: i64) -> ShippingMethodId {
    let draft = shipping::Draft {
        name: Some(name.to_owned()),
        territory: TerritoryDraft::of(&["GB"]),
        price: Some(pence(price)),
        tax_category: Some("standard".to_owned()),
        enabled: Some(true),
        ..shipping::Draft::default()
    };
    engine
        .create_shipping_method(&staff(), draft)
        .await
        .unwrap()
        .value
        .id
}

async fn variant(engine: &Engine, sku: &str, price: i64) -> VariantId {
    let product = CreateProduct {
        title: sku.to_owned(),
        handle: None,
        description: String::new(),
        images: Vec::new(),
        categories: Vec::new(),
        status: ProductStatus::Active,
    };
    let draft = VariantDraft {
        sku: sku.to_owned(),
        price: Some(PriceChange::Set(Price::of_money(pence(price)).unwrap())),
        ..VariantDraft::default()
    };
    let made = engine
        .create_product(&staff(), product, vec![draft])
        .await
        .unwrap();
    VariantId::from_uuid(made.value.variants[0].variant.id.uuid())
}
