//! What carriers and tax calculators answer: kept for a quarter of an hour, silence for a quarter of a minute, and no
//! cart that was priced by it outlives it.

use crate::{engine_with, request, session};
use cartwright_actors::cart::{CartRef, DetailsDraft, LineDraft, VariantRef, View};
use cartwright_actors::catalog::ImportRow;
use cartwright_actors::checkout::CompletionDraft;
use cartwright_actors::runtime::Receipts;
use cartwright_actors::{Engine, Idempotency, PageRequest, Request};
use cartwright_domain::caller::Role;
use cartwright_domain::cart::{Patch, Quote, TaxSource};
use cartwright_domain::country::Country;
use cartwright_domain::id::ShippingMethodId;
use cartwright_domain::money::{Currency, Money, Price, Rate};
use cartwright_domain::shipping::{Charge, PriceSource, Span, Tariff};
use cartwright_domain::territory::TerritoryDraft;
use cartwright_domain::{Caller, Timestamp, address, settings, shipping, tax};
use cartwright_gateways::carrier;
use cartwright_gateways::tax::{Calculator, Error, ItemTax, Request as Taxed};
use futures::future::{BoxFuture, join_all};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::sleep;

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);
/// How long whoever is asked takes.
const THINKS: Duration = Duration::from_millis(100);

/// Somebody outside who says what it is told to, and counts how often it was asked.
#[derive(Default)]
struct Told {
    /// A tax or a price, in minor units; below zero it says nothing.
    says: AtomicI64,
    asked: AtomicU32,
}

impl Told {
    fn to_say(&self, says: i64) {
        self.says.store(says, Ordering::Relaxed);
    }

    fn to_be_silent(&self) {
        self.to_say(-1);
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    async fn answer(&self) -> Option<i64> {
        sleep(THINKS).await;
        self.asked.fetch_add(1, Ordering::Relaxed);
        let says = self.says.load(Ordering::Relaxed);
        (0 <= says).then_some(says)
    }
}

/// A calculator that finds the same tax in everything that costs something.
struct Taxes(Arc<Told>);

impl Calculator for Taxes {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn calculate<'a>(&'a self, request: &'a Taxed) -> BoxFuture<'a, Result<Vec<ItemTax>, Error>> {
        Box::pin(async move {
            let tax = self.0.answer().await.ok_or_else(|| Error::Unavailable {
                reason: "it was told to be silent".to_owned(),
            })?;
            let items = request.items.iter().map(|item| ItemTax {
                reference: item.reference.clone(),
                tax: if item.value == 0 { 0 } else { tax },
            });
            Ok(items.collect())
        })
    }
}

/// A carrier with one service, that asks the same for every parcel.
struct Carrier {
    told: Arc<Told>,
    other: carrier::Fake,
}

impl carrier::Gateway for Carrier {
    fn name(&self) -> &'static str {
        self.other.name()
    }

    fn rates<'a>(
        &'a self,
        parcel: &'a carrier::Parcel,
    ) -> BoxFuture<'a, Result<Vec<carrier::Rate>, carrier::Error>> {
        Box::pin(async move {
            let price = self.told.answer().await.ok_or(carrier::Error::Unknown)?;
            Ok(vec![carrier::Rate {
                service: "express".to_owned(),
                name: "Express".to_owned(),
                price: Money::new(price, parcel.currency),
                transit_days: (1, 1),
            }])
        })
    }

    fn validate<'a>(
        &'a self,
        address: &'a address::Address,
    ) -> BoxFuture<'a, Result<carrier::Validation, carrier::Error>> {
        self.other.validate(address)
    }

    fn buy_label<'a>(
        &'a self,
        key: &'a carrier::OperationKey,
        request: carrier::LabelRequest,
    ) -> BoxFuture<'a, Result<carrier::Label, carrier::Error>> {
        self.other.buy_label(key, request)
    }

    fn void_label<'a>(&'a self, label: &'a carrier::LabelId) -> BoxFuture<'a, Result<(), carrier::Error>> {
        self.other.void_label(label)
    }

    fn track<'a>(
        &'a self,
        number: &'a carrier::TrackingNumber,
    ) -> BoxFuture<'a, Result<carrier::Tracking, carrier::Error>> {
        self.other.track(number)
    }
}

/// A shop that sells cups for 10.00 net, with a table that taxes them with 10%, and free shipping.
struct Shop {
    engine: Engine,
    calculator: Arc<Told>,
    carrier: Arc<Told>,
    staff: Arc<Caller>,
    /// Free, and by the carrier: 7.00 where that is silent.
    methods: [ShippingMethodId; 2],
    _folder: TempDir,
}

impl Shop {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (calculator, carrier) = (Arc::<Told>::default(), Arc::<Told>::default());
        let gateway = Carrier {
            told: Arc::clone(&carrier),
            other: carrier::Fake::new(Arc::new(Timestamp::default)),
        };
        let engine = engine_with(
            &folder,
            Arc::new(gateway),
            Arc::new(Taxes(Arc::clone(&calculator))),
        )
        .await;
        let staff = Arc::new(Caller::of_staff("admin", Role::Admin));
        let net = settings::Draft {
            prices: Some("exclude_tax".to_owned()),
            tax_calculator: Some(Some("fake".to_owned())),
            ..settings::Draft::default()
        };
        engine.update_settings(&request(&staff), net).await.unwrap();
        let zone = tax::Draft {
            name: Some("Home".to_owned()),
            territory: TerritoryDraft::of(&["GB"]),
            rates: Some(vec![tax::RateDraft {
                category: "standard".to_owned(),
                name: "VAT".to_owned(),
                rate: "0.1".to_owned(),
                ..tax::RateDraft::default()
            }]),
        };
        engine.create_tax_zone(&request(&staff), zone).await.unwrap();
        let row = ImportRow {
            row: 1,
            sku: "CUP".to_owned(),
            price: Some(Price::parse("10", Currency::GBP).unwrap()),
            ..ImportRow::default()
        };
        engine.import_catalog(&request(&staff), vec![row]).await.unwrap();
        let method = async |name: &str, charge| {
            let draft = shipping::Draft {
                name: Some(name.to_owned()),
                territory: TerritoryDraft::of(&["GB"]),
                tariffs: Some(vec![Tariff {
                    currency: Currency::GBP,
                    charge,
                    handling_fee: 0,
                    free_from: None,
                    worth: Span::default(),
                }]),
                tax_category: Some("zero".to_owned()),
                ..shipping::Draft::default()
            };
            let made = engine.create_shipping_method(&request(&staff), draft).await;
            made.unwrap().value.id
        };
        let methods = [
            method("Free", Charge::Flat(0)).await,
            method(
                "Express",
                Charge::Carrier {
                    service: "express".to_owned(),
                    markup: Rate::ZERO,
                    fallback: Box::new(Charge::Flat(700)),
                },
            )
            .await,
        ];
        Self {
            engine,
            calculator,
            carrier,
            staff,
            methods,
            _folder: folder,
        }
    }

    /// Opens a cart with a cup that goes by a method.
    async fn shopper(&self, method: usize) -> Arc<Caller> {
        let shopper = Arc::new(Caller::of_session(session(&self.engine, &self.staff).await));
        let line = LineDraft {
            variant: VariantRef::Sku("CUP".to_owned()),
            quantity: 1,
            options: BTreeMap::new(),
            custom_fields: BTreeMap::new(),
            unit_price: None,
        };
        let request = request(&shopper);
        let added = self.engine.add_line(&request, CartRef::Current, line, View::Full);
        added.await.unwrap();
        let to = address::Input::example("Ada", "1 Mill Lane", "Leeds", Country::GB);
        let details = DetailsDraft {
            email: Patch::Set("ada@example.com".to_owned()),
            shipping_address: Patch::Set(to),
            shipping_method_id: Patch::Set(self.methods[method]),
            ..DetailsDraft::default()
        };
        self.give(&shopper, details).await;
        shopper
    }

    /// Gives details, and returns what the short answer says the cart costs.
    async fn give(&self, shopper: &Arc<Caller>, details: DetailsDraft) -> Arc<Quote> {
        let request = request(shopper);
        let given = self
            .engine
            .update_details(&request, CartRef::Current, details, View::Minimal);
        given.await.unwrap().value.priced.quote
    }

    async fn read(&self, shopper: &Arc<Caller>) -> Arc<Quote> {
        let read = self.engine.cart(&request(shopper), CartRef::Current).await;
        Arc::clone(&read.unwrap().view.priced.quote)
    }

    /// Looks at a cart in every way there is: all come to the same.
    async fn look<T: PartialEq + std::fmt::Debug>(
        &self,
        shopper: &Arc<Caller>,
        at: impl Fn(&Quote) -> T,
    ) -> T {
        let seen = at(&*self.read(shopper).await);
        let short = self.give(shopper, DetailsDraft::default()).await;
        assert_eq!(at(&short), seen);
        assert_eq!(at(&*self.read(shopper).await), seen);
        seen
    }

    /// Completes a cart under a key, and returns the quote its order was placed with, or the code of the refusal.
    async fn complete(&self, shopper: &Arc<Caller>, key: &str) -> Result<Quote, String> {
        let draft = CompletionDraft {
            payment_token: Some("tok_approve".to_owned()),
            ..CompletionDraft::default()
        };
        let request = Request {
            idempotency: Some(Idempotency {
                caller: Arc::clone(shopper),
                key: key.to_owned(),
                fingerprint: Receipts::fingerprint(&[key.as_bytes()]),
            }),
            ..request(shopper)
        };
        let completed = self.engine.complete_cart(&request, CartRef::Current, draft);
        completed.await.map_err(|refused| refused.problem.code)?;
        let orders = self.engine.orders(PageRequest::default()).await.unwrap();
        Ok(orders.items[0].state.quote().quote.clone())
    }
}

fn tax(quote: &Quote) -> (i64, TaxSource) {
    (quote.tax.unwrap().amount, quote.tax_source)
}

fn shipping(quote: &Quote) -> (i64, PriceSource) {
    (
        quote.shipping.amount,
        quote.shipping_line.as_ref().unwrap().source,
    )
}

#[tokio::test(start_paused = true)]
async fn a_tax_is_kept_for_a_quarter_of_an_hour_and_asked_for_anew_after_it() {
    let shop = Shop::open().await;
    shop.calculator.to_say(50);
    let shopper = shop.shopper(0).await;
    assert_eq!(shop.look(&shopper, tax).await, (50, TaxSource::Calculator));
    let asked = shop.calculator.asked();
    shop.calculator.to_say(60);
    sleep(15 * MINUTE - SECOND).await;
    assert_eq!(shop.look(&shopper, tax).await, (50, TaxSource::Calculator));
    assert_eq!(shop.calculator.asked(), asked);
    // It was kept since before it was looked at.
    sleep(SECOND).await;
    assert_eq!(shop.look(&shopper, tax).await, (60, TaxSource::Calculator));
    assert_eq!(shop.calculator.asked(), asked + 1);
}

#[tokio::test(start_paused = true)]
async fn a_carriers_price_is_kept_for_a_quarter_of_an_hour_and_asked_for_anew_after_it() {
    let shop = Shop::open().await;
    shop.carrier.to_say(500);
    let shopper = shop.shopper(1).await;
    assert_eq!(shop.look(&shopper, shipping).await, (500, PriceSource::Carrier));
    assert_eq!(shop.carrier.asked(), 1);
    shop.carrier.to_say(600);
    sleep(15 * MINUTE - SECOND).await;
    assert_eq!(shop.look(&shopper, shipping).await, (500, PriceSource::Carrier));
    assert_eq!(shop.carrier.asked(), 1);
    sleep(SECOND).await;
    assert_eq!(shop.look(&shopper, shipping).await, (600, PriceSource::Carrier));
    assert_eq!(shop.carrier.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_carts_that_ask_the_same_at_once_ask_once() {
    let shop = Shop::open().await;
    shop.calculator.to_say(50);
    let opened = (0..100).map(|_| shop.shopper(1));
    let shoppers = join_all(opened).await;
    let asked = || (shop.calculator.asked(), shop.carrier.asked());
    let before = asked();
    sleep(15 * MINUTE).await;
    let read = join_all(shoppers.iter().map(|shopper| shop.read(shopper))).await;
    assert!(read.iter().all(|quote| tax(quote) == (50, TaxSource::Calculator)));
    assert_eq!(asked(), (before.0 + 1, before.1 + 1));
}

#[tokio::test(start_paused = true)]
async fn who_is_silent_is_left_alone_for_a_quarter_of_a_minute_and_asked_again() {
    let shop = Shop::open().await;
    shop.calculator.to_be_silent();
    shop.carrier.to_be_silent();
    let shopper = shop.shopper(1).await;
    let both = |quote: &Quote| (tax(quote), shipping(quote));
    let silent = ((100, TaxSource::Fallback), (700, PriceSource::Fallback));
    assert_eq!(shop.look(&shopper, both).await, silent);
    let asked = || (shop.calculator.asked(), shop.carrier.asked());
    let before = asked();
    sleep(14 * SECOND).await;
    shop.calculator.to_say(50);
    shop.carrier.to_say(500);
    assert_eq!(shop.look(&shopper, both).await, silent);
    assert_eq!(asked(), before);
    sleep(SECOND).await;
    let answered = ((100, TaxSource::Calculator), (500, PriceSource::Carrier));
    assert_eq!(shop.look(&shopper, both).await, answered);
    // Silence did not cost the shop more than a question in fifteen seconds.
    assert_eq!(shop.carrier.asked(), before.1 + 1);
}

#[tokio::test(start_paused = true)]
async fn an_order_after_an_answer_ran_out_has_a_fresh_one_or_the_tables_and_says_which() {
    let shop = Shop::open().await;
    for (says, came_to) in [
        (60, (60, TaxSource::Calculator)),
        (-1, (100, TaxSource::Fallback)),
    ] {
        shop.calculator.to_say(50);
        let shopper = shop.shopper(0).await;
        assert_eq!(shop.look(&shopper, tax).await, (50, TaxSource::Calculator));
        shop.calculator.to_say(says);
        sleep(15 * MINUTE).await;
        let key = |attempt: u8| format!("{attempt} {says}");
        let refused = shop.complete(&shopper, &key(1)).await;
        assert_eq!(refused.unwrap_err(), "checkout.total_changed");
        assert_eq!(shop.look(&shopper, tax).await, came_to);
        let order = shop.complete(&shopper, &key(2)).await.unwrap();
        assert_eq!(tax(&order), came_to);
        sleep(15 * MINUTE).await;
    }
}
