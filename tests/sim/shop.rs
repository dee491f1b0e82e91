//! A simulated shop: what outlives a crash, the engine that runs on it, and what it sells.

use crate::bank::{self, Bank};
use crate::dice::Dice;
use crate::disk::{Broken, Disk, Mounted};
use crate::post::Post;
use crate::purse::Purse;
use crate::tags::Tags;
use crate::trace::Trace;
use cartwright_actors::runtime::{ClockCheck, EntityOptions, Randomness, RuntimeOptions};
use cartwright_actors::{Engine, Idempotency, Parts, Request};
use cartwright_domain::caller::Role;
use cartwright_domain::catalog::{
    CreateProduct, ListPrice, PriceChange, PriceListDraft, ProductStatus, VariantDraft,
};
use cartwright_domain::id::{SessionId, ShippingMethodId, VariantId};
use cartwright_domain::inventory::StockLevels;
use cartwright_domain::money::{Currency, Money, Price};
use cartwright_domain::shipping::{Charge, Span, Tariff};
use cartwright_domain::territory::TerritoryDraft;
use cartwright_domain::{Caller, EntityId, Listing, Seed, Timestamp, settings, shipping, tax};
use cartwright_gateways::carrier::Fake;
use cartwright_storage::{Scan, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

/// The wall clock's time when a run begins.
const EPOCH_MS: i64 = 1_700_000_000_000;
/// How long one request waits, and how long one in [`HURRIED_ONE_IN`] does.
const PATIENCE: Duration = Duration::from_secs(8);
const HURRY: Duration = Duration::from_millis(900);
const HURRIED_ONE_IN: u64 = 5;
/// How long an engine that is stopped may take, on a disk that gets stuck several times.
const STOP_MAX: Duration = Duration::from_secs(10 * 60);
/// How long sagas may take to end, past every deadline in the settings.
const SAGAS_MAX: Duration = Duration::from_secs(20 * 60);
/// What it costs to send anything, in pence and in cents.
const SHIPPING: [i64; 2] = [395, 450];
/// From so many units of a line on a price by the list counts.
const MANY: u32 = 3;
/// What the shop sells.
const GOODS: [Good; 4] = [
    Good::sent("CUP", [255, 300], 220, 4),
    Good::sent("POT", [1_999, 2_399], 1_799, 7),
    Good::sent("JUG", [840, 999], 840, 40),
    Good {
        is_digital: true,
        ..Good::sent("SONG", [99, 119], 79, 30)
    },
];

/// Something that the shop sells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Good {
    sku: &'static str,
    /// What a unit costs, in pence and in cents,
    prices: [i64; 2],
    /// and by the list, in pence.
    price_of_many: i64,
    /// How much of it there is at first.
    on_hand: u64,
    pub(crate) is_digital: bool,
}

impl Good {
    const fn sent(sku: &'static str, prices: [i64; 2], price_of_many: i64, on_hand: u64) -> Self {
        Self {
            sku,
            prices,
            price_of_many,
            on_hand,
            is_digital: false,
        }
    }

    /// Returns what a unit costs where a line has so many; none where that is on its tag, which staff change.
    pub(crate) fn fixed_price(&self, currency: Currency, quantity: u32) -> Option<i64> {
        match currency == Currency::GBP {
            true if MANY <= quantity => Some(self.price_of_many),
            true => None,
            false => Some(self.prices[1]),
        }
    }

    /// Returns what a unit costs at first, in pence.
    pub(crate) fn first_price(&self) -> i64 {
        self.prices[0]
    }
}

/// Returns what it costs to send anything.
pub(crate) fn shipping_price(currency: Currency) -> i64 {
    SHIPPING[usize::from(currency != Currency::GBP)]
}

/// Returns the other currency that the shop sells in.
pub(crate) fn euro() -> Currency {
    Currency::of("EUR").expect("euros are known")
}

/// What a sabotaged run has to be found by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sabotage {
    pub(crate) store: Broken,
    pub(crate) line: bank::Broken,
    /// Whoever completes has just been shown what their cart comes to, says the shop: it shows nobody.
    pub(crate) looks_unseen: bool,
}

/// What the shop sells, and how.
#[derive(Clone, Debug)]
pub(crate) struct Goods {
    pub(crate) variants: Vec<(VariantId, Good)>,
    pub(crate) method: ShippingMethodId,
    /// What a unit costs in pence, as staff have it.
    pub(crate) tags: Tags,
    /// Units on hand at first, in the order of the variants.
    pub(crate) on_hand: Vec<u64>,
    /// A cart without activity is abandoned after so long.
    pub(crate) cart_lifetime: Duration,
    /// What shoppers pay and save with.
    pub(crate) purse: Purse,
}

/// What outlives a crash.
pub(crate) struct Shop {
    seed: Uuid,
    pub(crate) trace: Trace,
    disk: Disk,
    pub(crate) bank: Bank,
    pub(crate) post: Post,
    dice: Dice,
    pub(crate) sabotage: Sabotage,
    began: Instant,
    starts: u64,
    seeds: Arc<AtomicU64>,
}

/// An engine on the shop's data.
pub(crate) struct Running {
    pub(crate) engine: Engine,
    pub(crate) store: Mounted,
    is_alive: Arc<AtomicBool>,
}

/// Makes requests, each with a seed of its own.
#[derive(Clone)]
pub(crate) struct Requests {
    seed: Seed,
    drawn: Arc<AtomicU64>,
}

impl Shop {
    pub(crate) fn new(number: u64, sabotage: Sabotage) -> Self {
        let mut dice = Dice::new(number);
        let trace = Trace::new();
        Self {
            seed: Uuid::from_u128(u128::from(number) + 1),
            disk: Disk::new(&trace),
            bank: Bank::new(dice.fork(), &trace),
            post: Post::new(dice.fork(), &trace),
            trace,
            dice,
            sabotage,
            began: Instant::now(),
            starts: 0,
            seeds: Arc::default(),
        }
    }

    pub(crate) fn requests(&self) -> Requests {
        Requests {
            seed: Seed(self.seed).derive(b"requests"),
            drawn: Arc::clone(&self.seeds),
        }
    }

    /// Starts an engine. With `misbehaves`, the disk, the bank and the post do.
    pub(crate) async fn start(&mut self, misbehaves: bool) -> Running {
        self.starts += 1;
        self.bank.misbehave(misbehaves);
        self.post.misbehave(misbehaves);
        let store = self.disk.mount(self.dice.fork(), self.sabotage.store, misbehaves);
        let is_alive = Arc::new(AtomicBool::new(true));
        // The wall clock is set between two starts, now and then, a little ahead or behind.
        let elapsed = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let skew = i64::try_from(self.dice.below(5_000)).unwrap_or(0) - 2_500;
        let randomness = Seed(self.seed).derive(&self.starts.to_be_bytes());
        let parts = Parts {
            store: Arc::new(store.clone()),
            payments: Arc::new(self.bank.line(&is_alive, self.sabotage.line)),
            carrier: Arc::new(Fake::new(Arc::new(Timestamp::default))),
            tax_calculator: Arc::new(cartwright_gateways::tax::Fake),
            mailer: Arc::new(self.post.counter(&is_alive)),
            runtime: RuntimeOptions {
                clock_check: ClockCheck::Strict,
                starts_at: Some(Timestamp::from_millis(EPOCH_MS + elapsed + skew)),
                randomness: Randomness::seeded(randomness),
                // A shop that is up again must send every mail.
                deliveries_max: u32::MAX,
                ..RuntimeOptions::default()
            },
            entities: EntityOptions {
                idle: Duration::from_secs(*self.dice.one_of(&[2, 20, 300])),
                resident_max: *self.dice.one_of(&[3, 20, 1_000]),
                mailbox_max: *self.dice.one_of(&[2, 1_024]),
                roster: None,
            },
        };
        self.trace.line(format_args!("start {}", self.starts));
        let engine = Engine::start(parts).await.expect("the engine starts");
        Running {
            engine,
            store,
            is_alive,
        }
    }

    /// Sets up a fresh shop: what it sells, from where, and for how long things are held.
    pub(crate) async fn furnish(&mut self, running: &Running) -> Goods {
        let (engine, requests) = (&running.engine, self.requests());
        let cart_seconds = *self.dice.one_of(&[15, 90, 3_600]);
        let settings = settings::Draft {
            currency: Some("GBP".to_owned()),
            currencies: Some(vec!["EUR".to_owned()]),
            home_country: Some("GB".to_owned()),
            cart_seconds: Some(cart_seconds),
            reservation_seconds: Some(*self.dice.one_of(&[3, 8, 30])),
            checkout_seconds: Some(*self.dice.one_of(&[10, 25, 60])),
            provider_seconds: Some(*self.dice.one_of(&[2, 5])),
            capture: Some((*self.dice.one_of(&["now", "now", "when_shipped"])).to_owned()),
            ..settings::Draft::default()
        };
        let staff = || requests.staff(None);
        engine
            .update_settings(&staff(), settings)
            .await
            .expect("settings");
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
        engine.create_tax_zone(&staff(), zone).await.expect("a tax zone");
        let method = shipping::Draft {
            name: Some("Royal Mail".to_owned()),
            territory: TerritoryDraft::of(&["GB"]),
            tariffs: Some([Currency::GBP, euro()].map(tariff).into()),
            tax_category: Some("standard".to_owned()),
            enabled: Some(true),
            ..shipping::Draft::default()
        };
        let method = engine
            .create_shipping_method(&staff(), method)
            .await
            .expect("a shipping method")
            .value
            .id;
        let list = PriceListDraft {
            name: Some("Many".to_owned()),
            ..PriceListDraft::default()
        };
        let list = engine.create_price_list(&staff(), list).await.expect("a list");
        let (mut variants, mut stock, tags) = (Vec::new(), Vec::new(), Tags::default());
        for good in GOODS {
            let Good { sku, on_hand, .. } = good;
            let price = |amount, currency| Price::of_money(Money::new(amount, currency)).expect("a price");
            let [pounds, euros] = good.prices;
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
                price: Some(PriceChange::Replace(vec![
                    price(pounds, Currency::GBP),
                    price(euros, euro()),
                ])),
                list_prices: vec![ListPrice {
                    list: list.value.id,
                    from_quantity: MANY,
                    price: price(good.price_of_many, Currency::GBP),
                }],
                digital: good.is_digital,
                ..VariantDraft::default()
            };
            let made = engine.create_product(&staff(), product, vec![draft]).await;
            let made = made.expect("a product");
            let variant = VariantId::from_uuid(made.value.variants[0].variant.id.uuid());
            let levels = StockLevels {
                tracked: Some(true),
                on_hand: Some(on_hand),
                ..StockLevels::default()
            };
            engine
                .set_stock(&staff(), variant, levels)
                .await
                .expect("a stock item");
            tags.ask(variant, pounds);
            variants.push((variant, good));
            stock.push(on_hand);
        }
        Goods {
            variants,
            method,
            tags,
            on_hand: stock,
            cart_lifetime: Duration::from_secs(cart_seconds),
            purse: Purse::fill(engine, &requests).await,
        }
    }

    /// Ends an engine as a kill does: what is not on the disk is lost, and nothing of it works on.
    pub(crate) async fn kill(&self, running: Running) {
        running.store.crash();
        running.is_alive.store(false, Ordering::Relaxed);
        // Only now is the engine let go of, which no kill would wait for.
        let _ = timeout(STOP_MAX, running.engine.shutdown(Instant::now())).await;
        sleep(Duration::from_millis(1)).await;
    }

    /// Ends an engine as an operator does.
    pub(crate) async fn stop(&self, running: Running) {
        self.trace.line("stop");
        let deadline = Instant::now() + PATIENCE;
        let stopped = timeout(STOP_MAX, running.engine.shutdown(deadline)).await;
        stopped.expect("the engine stops").expect("the store closes");
        running.is_alive.store(false, Ordering::Relaxed);
        sleep(Duration::from_millis(1)).await;
    }
}

impl Running {
    /// Waits until no saga is open.
    pub(crate) async fn settle(&self) {
        self.store.behave();
        let deadline = Instant::now() + SAGAS_MAX;
        loop {
            let scan = Scan {
                of: Listing::OpenSagas.into(),
                prefix: Vec::new(),
                after: None,
                descending: false,
                limit: 100,
            };
            let open = self.store.scan(scan).await.expect("the store is read");
            if open.is_empty() {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "sagas do not end: {open:?} {:?}",
                self.engine.counters().checkouts
            );
            sleep(Duration::from_millis(500)).await;
        }
    }
}

impl Requests {
    fn request(&self, caller: Caller, key: Option<&str>) -> Request {
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        let seed = self.seed.derive(&number.to_be_bytes());
        let patience = match u64::from(seed.0.as_bytes()[0]).is_multiple_of(HURRIED_ONE_IN) {
            true => HURRY,
            false => PATIENCE,
        };
        let caller = Arc::new(caller);
        Request {
            idempotency: key.map(|key| Idempotency {
                caller: Arc::clone(&caller),
                key: key.to_owned(),
                fingerprint: cartwright_actors::runtime::Receipts::fingerprint(&[key.as_bytes()]),
            }),
            caller,
            ..Request::internal("sim", seed, patience)
        }
    }

    /// Makes a staff member's request.
    pub(crate) fn staff(&self, key: Option<&str>) -> Request {
        self.request(Caller::of_staff("ada", Role::Admin), key)
    }

    /// Makes a shopper's request.
    pub(crate) fn shopper(&self, session: SessionId, key: Option<&str>) -> Request {
        self.request(Caller::of_session(session), key)
    }

    /// Makes the request of somebody who has no session yet.
    pub(crate) fn anybody(&self) -> Request {
        self.request(Caller::default(), None)
    }
}

/// Plays something on one thread, in simulated time.
pub(crate) fn staged<T>(play: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(play)
}

fn tariff(currency: Currency) -> Tariff {
    Tariff {
        currency,
        charge: Charge::Flat(shipping_price(currency)),
        handling_fee: 0,
        free_from: None,
        worth: Span::default(),
    }
}
