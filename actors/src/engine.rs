//! The engine: every kind of entity, the gateways, and the sagas and subscribers on them.
//!
//! It only holds the parts together. What they are for stands in the areas, each of which adds its use cases.

use crate::cart::{CartReads, KeptPrices, PriceBook, ShownTotals};
use crate::checkout::CheckoutEnv;
use crate::notification::Confirmations;
use crate::order::CancellationEnv;
use crate::promotion::LeftCodes;
use crate::request::{Refused, Request};
use crate::runtime::{
    Entities, EntityOptions, KindCounters, Opened, Randomness, Runtime, RuntimeCounters, RuntimeOptions,
    SagaCounters, Sagas, StartError, SubscriberCounters, TicketMode, fault_problem,
};
use crate::shipping::CarrierDesk;
use crate::tax::TaxDesk;
use crate::turns::Turns;
use cartwright_domain::cart::{Cart, FrozenQuote};
use cartwright_domain::catalog::{PriceList, Product, Variant};
use cartwright_domain::checkout::Checkout;
use cartwright_domain::customer::Customer;
use cartwright_domain::identity::Session;
use cartwright_domain::inventory::StockItem;
use cartwright_domain::order::Order;
use cartwright_domain::order::cancellation::Cancellation;
use cartwright_domain::promotion::{CouponCode, Promotion, UseCounter};
use cartwright_domain::settings::Settings;
use cartwright_domain::shipping::ShippingMethod;
use cartwright_domain::stored_value::StoredValue;
use cartwright_domain::tax::TaxZone;
use cartwright_domain::{EntityId, Listing, Problem, Seed, Timestamp};
use cartwright_gateways::carrier;
use cartwright_gateways::mail::Mailer;
use cartwright_gateways::payment::Gateway;
use cartwright_gateways::tax;
use cartwright_storage::{Fault, Statistics, Store};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long closing the store may take: it writes what the index does not hold yet, and a disk may be slow.
const CLOSE_MAX: Duration = Duration::from_secs(60);

/// What an engine is made of.
pub struct Parts {
    /// Where commits become durable.
    pub store: Arc<dyn Store>,
    /// The payment provider.
    pub payments: Arc<dyn Gateway>,
    /// The carrier.
    pub carrier: Arc<dyn carrier::Gateway>,
    /// The tax calculator, which a store may choose.
    pub tax_calculator: Arc<dyn tax::Calculator>,
    /// Where mail goes.
    pub mailer: Arc<dyn Mailer>,
    /// The runtime's limits.
    pub runtime: RuntimeOptions,
    /// How long entities stay in memory, and how many.
    pub entities: EntityOptions,
}

/// Why the engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The clock is too far behind the data.
    #[error(transparent)]
    Clock(#[from] StartError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] Fault),
    /// The store's settings could not be made.
    #[error("the store's settings could not be made: {0}")]
    Settings(Problem),
}

/// The engine. Cheap to clone; every use case is a method of it.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) runtime: Runtime,
    pub(crate) kinds: Kinds,
    pub(crate) shown_totals: Arc<ShownTotals>,
    pub(crate) cart_reads: CartReads,
    /// Whose turn it is to take a SKU.
    pub(crate) sku_turns: Turns,
    /// Whose turn it is to make one more of a kind of which there may be only so many.
    pub(crate) kind_turns: Turns,
    /// Whose turn it is to open a session's cart.
    pub(crate) session_turns: Turns,
    /// Whose turn it is to owe a customer more, or to delete one who is owed nothing.
    pub(crate) credit_turns: Turns,
    pub(crate) checkout_sagas: Sagas<Checkout>,
    pub(crate) cancellation_sagas: Sagas<Cancellation>,
    payments: Arc<dyn Gateway>,
}

/// The entities of every kind. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Kinds {
    pub(crate) settings: Entities<Settings>,
    pub(crate) sessions: Entities<Session>,
    pub(crate) products: Entities<Product>,
    pub(crate) variants: Entities<Variant>,
    pub(crate) stock_items: Entities<StockItem>,
    pub(crate) tax_zones: Entities<TaxZone>,
    pub(crate) shipping_methods: Entities<ShippingMethod>,
    pub(crate) promotions: Entities<Promotion>,
    pub(crate) use_counters: Entities<UseCounter>,
    pub(crate) coupon_codes: Entities<CouponCode>,
    pub(crate) price_lists: Entities<PriceList>,
    pub(crate) carts: Entities<Cart>,
    pub(crate) checkouts: Entities<Checkout>,
    pub(crate) frozen_quotes: Entities<FrozenQuote>,
    pub(crate) orders: Entities<Order>,
    pub(crate) cancellations: Entities<Cancellation>,
    pub(crate) customers: Entities<Customer>,
    pub(crate) stored_values: Entities<StoredValue>,
    pub(crate) price_book: PriceBook,
    pub(crate) kept_prices: KeptPrices,
    pub(crate) carrier: CarrierDesk,
    pub(crate) tax: TaxDesk,
    pub(crate) randomness: Randomness,
}

impl Kinds {
    fn register(
        runtime: &Runtime,
        options: &EntityOptions,
        carrier: Arc<dyn carrier::Gateway>,
        calculator: Arc<dyn tax::Calculator>,
    ) -> Self {
        let roster = |listing| EntityOptions {
            roster: Some(listing),
            ..options.clone()
        };
        let carts = Entities::new(runtime, options.clone());
        let kept_prices = KeptPrices::new();
        // Woken it has other lines in memory, and to tell that they are the same takes as long as to price them.
        let kept = kept_prices.clone();
        carts.when_forgotten(move |cart| kept.forget(cart));
        Self {
            settings: Entities::new(runtime, options.clone()),
            sessions: Entities::new(runtime, options.clone()),
            products: Entities::new(runtime, options.clone()),
            variants: Entities::new(runtime, options.clone()),
            stock_items: Entities::new(runtime, options.clone()),
            tax_zones: Entities::new(runtime, roster(Listing::TaxZones)),
            shipping_methods: Entities::new(runtime, roster(Listing::ShippingMethods)),
            promotions: Entities::new(runtime, roster(Listing::Promotions)),
            use_counters: Entities::new(runtime, options.clone()),
            coupon_codes: Entities::new(runtime, options.clone()),
            price_lists: Entities::new(runtime, roster(Listing::PriceLists)),
            carts,
            checkouts: Entities::new(runtime, options.clone()),
            frozen_quotes: Entities::new(runtime, options.clone()),
            orders: Entities::new(runtime, options.clone()),
            cancellations: Entities::new(runtime, options.clone()),
            customers: Entities::new(runtime, options.clone()),
            stored_values: Entities::new(runtime, options.clone()),
            price_book: PriceBook::new(runtime.clock()),
            kept_prices,
            carrier: CarrierDesk::new(carrier, runtime.clock()),
            tax: TaxDesk::new(calculator, runtime.clock()),
            randomness: runtime.randomness().clone(),
        }
    }
}

/// What the engine does, for administrators and the bench.
#[derive(Clone, Debug)]
pub struct Counters {
    /// One entry a kind.
    pub kinds: Vec<KindCounters>,
    /// The runtime as a whole.
    pub runtime: RuntimeCounters,
    /// Checkouts at work.
    pub checkouts: SagaCounters,
    /// Cancellations at work.
    pub cancellations: SagaCounters,
    /// Subscribers.
    pub subscribers: Vec<SubscriberCounters>,
    /// The store.
    pub store: Statistics,
}

impl Engine {
    /// Starts the engine on its parts: loads what every quote needs, resumes open sagas, fires due timers.
    ///
    /// # Errors
    /// [`Error`] when the clock is behind the data or the store cannot be read or written.
    pub async fn start(parts: Parts) -> Result<Self, Error> {
        let runtime = Runtime::start(parts.store, parts.runtime)?;
        let kinds = Kinds::register(&runtime, &parts.entities, parts.carrier, parts.tax_calculator);
        let shown_totals = Arc::new(ShownTotals::new());
        let checkout_env = Arc::new(CheckoutEnv::new(
            kinds.clone(),
            runtime.clone(),
            parts.payments.clone(),
            Arc::clone(&shown_totals),
        ));
        let checkout_sagas = Sagas::new(&runtime, &kinds.checkouts, checkout_env);
        let cancellation_env = Arc::new(CancellationEnv::new(kinds.clone(), parts.payments.clone()));
        let cancellation_sagas = Sagas::new(&runtime, &kinds.cancellations, cancellation_env);
        runtime.subscribe(Arc::new(Confirmations::new(
            kinds.clone(),
            Arc::clone(runtime.store()),
            parts.mailer,
        )));
        runtime.subscribe(Arc::new(LeftCodes::new(kinds.clone())));
        let inner = Inner {
            runtime,
            kinds,
            shown_totals,
            cart_reads: CartReads::new(),
            sku_turns: Turns::new(),
            kind_turns: Turns::new(),
            session_turns: Turns::new(),
            credit_turns: Turns::new(),
            checkout_sagas,
            cancellation_sagas,
            payments: parts.payments,
        };
        let engine = Self {
            inner: Arc::new(inner),
        };
        engine.ensure_settings().await.map_err(Error::Settings)?;
        engine.inner.runtime.open().await?;
        Ok(engine)
    }

    /// Lets nothing new in, waits for what is at work until the deadline, and closes the store.
    ///
    /// # Errors
    /// A fault while the store closes, or a disk that does not let it.
    pub async fn shutdown(&self, deadline: Instant) -> Result<(), Fault> {
        self.inner.runtime.shutdown(deadline).await;
        let closed = timeout(CLOSE_MAX, self.inner.runtime.store().close()).await;
        closed.unwrap_or_else(|_| {
            let reason =
                format!("the store could not be closed in {CLOSE_MAX:?}; what was acknowledged is safe");
            Err(Fault::Io(reason))
        })
    }

    /// Returns the time by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.inner.runtime.clock().now()
    }

    /// Tells whether the store takes new work.
    ///
    /// # Errors
    /// [`Fault::Busy`] while it does not.
    pub fn admit(&self) -> Result<(), Fault> {
        self.inner.runtime.store().admit()
    }

    /// Returns for how long the disk has been writing what it has to write now.
    pub fn writing_for(&self) -> Duration {
        self.inner.runtime.store().statistics().writing_for
    }

    /// Returns for how long the read of the store that lasts longest has lasted.
    pub fn reading_for(&self) -> Duration {
        self.inner.runtime.store().statistics().reading_for
    }

    /// Returns how long ago the store could not be read, if that was so since the start.
    pub fn unread_ago(&self) -> Option<Duration> {
        self.inner.runtime.store().statistics().unread_ago
    }

    /// Tells whether the store's last checkpoint could not be noted.
    pub fn is_checkpoint_unnoted(&self) -> bool {
        self.inner.runtime.store().statistics().is_checkpoint_unnoted
    }

    /// Returns what each subscriber has done.
    pub fn subscribers(&self) -> Vec<SubscriberCounters> {
        self.inner.runtime.subscribers()
    }

    /// Returns why the payment provider takes nothing at all, as far as that is known without asking it.
    pub fn payment_fault(&self) -> Option<String> {
        self.inner.payments.fault()
    }

    /// Returns why the carrier is not asked for its rates, or was not heard when it last was.
    pub fn carrier_fault(&self) -> Option<String> {
        self.inner.kinds.carrier.fault()
    }

    /// Returns why the tax calculator is not asked, or was not heard when it last was.
    pub fn tax_calculator_fault(&self) -> Option<String> {
        self.inner.kinds.tax.fault()
    }

    /// Returns what the engine does. Walks over everything that is in memory.
    pub fn counters(&self) -> Counters {
        let inner = &self.inner;
        Counters {
            kinds: inner.runtime.kind_counters(),
            runtime: inner.runtime.counters(),
            checkouts: inner.checkout_sagas.counters(),
            cancellations: inner.cancellation_sagas.counters(),
            subscribers: inner.runtime.subscribers(),
            store: inner.runtime.store().statistics(),
        }
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(crate) fn kinds(&self) -> &Kinds {
        &self.inner.kinds
    }

    /// Looks up the request's idempotency key, where it has one.
    pub(crate) async fn open(&self, request: &Request, mode: TicketMode) -> Result<Opened, Refused> {
        let Some(idempotency) = &request.idempotency else {
            return Ok(Opened::Fresh(None));
        };
        let receipts = self.inner.runtime.receipts();
        let opened = receipts
            .open(
                &idempotency.caller,
                &idempotency.key,
                idempotency.fingerprint,
                mode,
            )
            .await?;
        Ok(opened)
    }

    /// Draws an id of the request, for an entity it creates.
    pub(crate) fn draw<I: EntityId>(
        &self,
        request: &Request,
        beside: Option<cartwright_domain::Partition>,
    ) -> I {
        I::from_uuid(
            request
                .seed
                .derive(I::PREFIX.as_bytes())
                .id(0, self.now(), beside),
        )
    }
}

/// Returns a fault of the store as a refusal.
pub(crate) fn unreadable(fault: Fault) -> Refused {
    Refused::from(fault_problem(&fault))
}

/// Draws the randomness of one request.
pub fn new_seed() -> Seed {
    Randomness::Machine.seed()
}
