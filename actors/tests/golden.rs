//! Golden files of every entity and event: what this release has written must load for ever.
//!
//! `GOLDEN=accept` plays one purchase and its cancellation on a real engine and keeps the bytes of what has no file
//! yet; an existing file is never changed. A file is named for what it holds and its schema, `cart-2.hex`; events of
//! schema 1 have no number. Every other run reads the files: each must decode, and come out the same when it is
//! written again, or in today's form where its schema is past.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use cartwright_actors::cart::{CartRef, DetailsDraft, LineDraft, VariantRef, View};
use cartwright_actors::catalog::ImportRow;
use cartwright_actors::checkout::CompletionDraft;
use cartwright_actors::runtime::{EntityOptions, RuntimeOptions};
use cartwright_actors::{Engine, Idempotency, Parts, Request, new_seed};
use cartwright_domain::cart::{Cart, FrozenQuote, Patch};
use cartwright_domain::catalog::{PriceList, PriceListDraft, Product, Variant};
use cartwright_domain::checkout::Checkout;
use cartwright_domain::customer::{self, Customer};
use cartwright_domain::id::CustomerId;
use cartwright_domain::identity::Session;
use cartwright_domain::inventory::StockItem;
use cartwright_domain::money::{Currency, Money, Price};
use cartwright_domain::order::Order;
use cartwright_domain::order::cancellation::Cancellation;
use cartwright_domain::promotion::{
    self, ActionDraft, ConditionsDraft, CouponCode, Promotion, ReductionDraft, UseCounter,
};
use cartwright_domain::settings::Settings;
use cartwright_domain::shipping::{self, ShippingMethod};
use cartwright_domain::stored_value::{Draft, GiftCardDraft, StoredValue};
use cartwright_domain::tax::{self, TaxZone};
use cartwright_domain::territory::TerritoryDraft;
use cartwright_domain::{Caller, Entity, EntityKey, EventBody, Kind, Period, Timestamp, address};
use cartwright_gateways::carrier::Fake;
use cartwright_gateways::mail::Folder;
use cartwright_gateways::payment::{Sandbox, sandbox};
use cartwright_storage::codec::{self, golden};
use cartwright_storage::{Fact, MemoryStore, Position, Store, Wanted};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Reads and writes the stored forms of one kind.
struct Stored {
    kind: Kind,
    schema: u16,
    event_schema: u16,
    snapshot: fn(&[u8]) -> Vec<u8>,
    event: fn(&[u8]) -> (&'static str, Vec<u8>),
}

fn stored<E: Entity>() -> Stored {
    Stored {
        kind: E::KIND,
        schema: E::SCHEMA,
        event_schema: E::Event::SCHEMA,
        snapshot: |bytes| {
            let read = codec::decode_snapshot::<E>(bytes).unwrap();
            codec::encode_snapshot(&read.state, read.revision, &read.timers)
                .unwrap()
                .to_vec()
        },
        event: |bytes| {
            let read: E::Event = codec::decode_event(bytes).unwrap();
            (read.name(), codec::encode_event(&read).unwrap().to_vec())
        },
    }
}

fn every_kind() -> Vec<Stored> {
    vec![
        stored::<Settings>(),
        stored::<Session>(),
        stored::<Product>(),
        stored::<Variant>(),
        stored::<StockItem>(),
        stored::<TaxZone>(),
        stored::<ShippingMethod>(),
        stored::<Promotion>(),
        stored::<UseCounter>(),
        stored::<CouponCode>(),
        stored::<PriceList>(),
        stored::<Cart>(),
        stored::<Checkout>(),
        stored::<FrozenQuote>(),
        stored::<Order>(),
        stored::<Cancellation>(),
        stored::<Customer>(),
        stored::<StoredValue>(),
    ]
}

fn request(caller: &Arc<Caller>, key: &str) -> Request {
    let idempotency = Idempotency {
        caller: Arc::clone(caller),
        key: key.to_owned(),
        fingerprint: [7; 32],
    };
    Request {
        caller: Arc::clone(caller),
        idempotency: Some(idempotency),
        ..Request::internal("golden", new_seed(), Duration::from_secs(30))
    }
}

async fn shop(engine: &Engine, staff: &Arc<Caller>) {
    let pence = |amount| Money {
        amount,
        currency: Currency::GBP,
    };
    let rate = tax::RateDraft {
        category: "standard".to_owned(),
        name: "VAT 20%".to_owned(),
        rate: "0.2".to_owned(),
        validity: Period {
            from: Some(Timestamp::from_millis(1_294_099_200_000)),
            until: None,
        },
        ..tax::RateDraft::default()
    };
    let zone = tax::Draft {
        name: Some("Home".to_owned()),
        territory: TerritoryDraft {
            subdivisions: Some(vec!["GB-SCT".to_owned()]),
            postal_codes: Some(vec!["GB BT*".to_owned()]),
            ..TerritoryDraft::of(&["GB"])
        },
        rates: Some(vec![rate]),
    };
    engine
        .create_tax_zone(&request(staff, "zone"), zone)
        .await
        .unwrap();
    let method = shipping::Draft {
        name: Some("Post".to_owned()),
        territory: TerritoryDraft::of(&["*"]),
        except: Some(TerritoryDraft {
            subdivisions: Some(vec!["US-AK".to_owned()]),
            postal_codes: Some(vec!["GB BT*".to_owned()]),
            ..TerritoryDraft::default()
        }),
        price: Some(pence(395)),
        free_from: Some(Some(pence(5_000))),
        ..shipping::Draft::default()
    };
    engine
        .create_shipping_method(&request(staff, "method"), method)
        .await
        .unwrap();
    let promotion = promotion::Draft {
        name: Some("Ten".to_owned()),
        code: Some(Some("ten".to_owned())),
        conditions: Some(ConditionsDraft {
            subtotal_from: Some(pence(100)),
            quantity_from: Some(2),
            ..ConditionsDraft::default()
        }),
        actions: Some(vec![
            ActionDraft::Order(ReductionDraft {
                percentage: Some("0.1".to_owned()),
                fixed: None,
            }),
            ActionDraft::Shipping(ReductionDraft {
                percentage: None,
                fixed: Some(pence(95)),
            }),
        ]),
        requires_code: Some(true),
        usage_limit: Some(Some(100)),
        usage_limit_per_customer: Some(Some(1)),
        enabled: Some(true),
        ..promotion::Draft::default()
    };
    let made = engine
        .create_promotion(&request(staff, "promotion"), promotion)
        .await
        .unwrap();
    let codes = vec!["ten-0001".to_owned()];
    engine
        .add_codes(&request(staff, "codes"), made.value.promotion.id, codes)
        .await
        .unwrap();
    let list = PriceListDraft {
        name: Some("Trade".to_owned()),
        priority: Some(3),
        groups: Some(vec!["trade".to_owned()]),
        valid_from: Some(Some(Timestamp::from_millis(1_700_000_000_000))),
        ..PriceListDraft::default()
    };
    engine
        .create_price_list(&request(staff, "list"), list)
        .await
        .unwrap();
    let row = ImportRow {
        row: 1,
        sku: "85123A".to_owned(),
        title: Some("WHITE HANGING HEART".to_owned()),
        price: Some(Price::parse("2.555", Currency::GBP).unwrap()),
        image_url: Some("/heart.jpg".to_owned()),
        stock: Some(12),
        ..ImportRow::default()
    };
    engine
        .import_catalog(&request(staff, "import"), vec![row])
        .await
        .unwrap();
}

async fn gift_card(engine: &Engine, staff: &Arc<Caller>) {
    let draft = GiftCardDraft {
        amount: Some(Money {
            amount: 100,
            currency: Currency::GBP,
        }),
        code: Some("GIFT-0001".to_owned()),
        expires_at: Some(Timestamp::from_millis(4_000_000_000_000)),
        note: Some("for a friend".to_owned()),
        email: Some("ada@example.com".to_owned()),
        ..GiftCardDraft::default()
    };
    let issued = engine.issue_gift_card(&request(staff, "card"), draft).await;
    let draft = Draft {
        note: Some(Some("for a good friend".to_owned())),
        ..Draft::default()
    };
    engine
        .update_gift_card(&request(staff, "card-note"), issued.unwrap().value.id, draft)
        .await
        .unwrap();
}

async fn customer(engine: &Engine, staff: &Arc<Caller>) -> CustomerId {
    let draft = customer::Draft {
        external_id: Some(Some("A-1".to_owned())),
        email: Some(Some("ada@example.com".to_owned())),
        groups: Some(vec!["wholesale".to_owned()]),
        vat_number: Some(Some("FR40303265045".to_owned())),
        ..customer::Draft::default()
    };
    let made = engine.create_customer(&request(staff, "customer"), draft).await;
    made.unwrap().value.id
}

/// Plays a purchase that is declined once, and its cancellation.
async fn play(engine: &Engine) {
    let staff = Arc::new(Caller::of_staff("admin", cartwright_domain::caller::Role::Admin));
    shop(engine, &staff).await;
    gift_card(engine, &staff).await;
    let customer = customer(engine, &staff).await;
    let opened = engine
        .open_session(&request(&staff, "session"), Some("golden/1".to_owned()))
        .await;
    let shopper = Arc::new(Caller {
        session: Some(opened.unwrap().value.session.id),
        ..(*staff).clone()
    });
    let draft = LineDraft {
        variant: VariantRef::Sku("85123A".to_owned()),
        quantity: 3,
        options: BTreeMap::from([("wrap".to_owned(), "gift".to_owned())]),
        custom_fields: BTreeMap::from([("row".to_owned(), "1".to_owned())]),
        unit_price: Some(Price::parse("2.5", Currency::GBP).unwrap()),
    };
    engine
        .add_line(&request(&shopper, "add"), CartRef::Current, draft, View::Full)
        .await
        .unwrap();
    let codes = vec!["TEN".to_owned()];
    engine
        .apply_codes(&request(&shopper, "codes"), CartRef::Current, codes, View::Full)
        .await
        .unwrap();
    let text = |text: &str| Some(text.to_owned());
    let address = address::Input {
        name: text("Ada"),
        line1: text("12 St James Square"),
        city: text("London"),
        postal_code: text("SW1Y 4JH"),
        country: text("GB"),
        ..address::Input::default()
    };
    let details = DetailsDraft {
        email: Patch::Set("ada@example.com".to_owned()),
        shipping_address: Patch::Set(address),
        priced_at: Patch::Set(Timestamp::from_millis(1_300_000_000_000)),
        ..DetailsDraft::default()
    };
    engine
        .update_details(
            &request(&shopper, "details-1"),
            CartRef::Current,
            details,
            View::Full,
        )
        .await
        .unwrap();
    let offers = engine
        .shipping_options(&request(&shopper, "details-2"), CartRef::Current)
        .await
        .unwrap();
    let details = DetailsDraft {
        shipping_method_id: Patch::Set(offers[0].method.id()),
        customer_id: Patch::Set(customer),
        ..DetailsDraft::default()
    };
    engine
        .update_details(
            &request(&shopper, "details-3"),
            CartRef::Current,
            details,
            View::Full,
        )
        .await
        .unwrap();
    engine
        .apply_gift_card(
            &request(&shopper, "pay"),
            CartRef::Current,
            "GIFT-0001",
            View::Full,
        )
        .await
        .unwrap();
    let paid_with = |token| CompletionDraft {
        payment_token: text(token),
        expected_total: None,
        expected_due: None,
    };
    let declined = paid_with("tok_decline");
    engine
        .complete_cart(&request(&shopper, "decline"), CartRef::Current, declined)
        .await
        .unwrap_err();
    engine
        .start_checkout(&request(&shopper, "start"), CartRef::Current)
        .await
        .unwrap();
    let completion = paid_with("tok_approve");
    let completed = engine
        .complete_cart(&request(&shopper, "complete"), CartRef::Current, completion)
        .await
        .unwrap();
    let order = completed.value.order.unwrap().id;
    engine
        .cancel_order(&request(&staff, "cancel"), order, "golden".to_owned())
        .await
        .unwrap();
}

async fn facts(store: &MemoryStore) -> Vec<Fact> {
    let (mut all, mut after) = (Vec::new(), Position::default());
    loop {
        let (facts, read_to) = store.events_after(after, 1_000, Wanted::Every).await.unwrap();
        if read_to == after {
            return all;
        }
        all.extend(facts);
        after = read_to;
    }
}

/// Writes the files that are missing.
async fn accept() {
    let scratch = tempfile::tempdir().unwrap();
    let store = Arc::new(MemoryStore::new());
    let parts = Parts {
        store: Arc::clone(&store) as Arc<dyn Store>,
        carrier: Arc::new(Fake::new(Arc::new(Timestamp::default))),
        tax_calculator: Arc::new(cartwright_gateways::tax::Fake),
        payments: Arc::new(
            Sandbox::open(&scratch.path().join("ledger"), sandbox::Config::default()).unwrap(),
        ),
        mailer: Arc::new(Folder::open(scratch.path().join("mail"), "shop@example.com").unwrap()),
        runtime: RuntimeOptions::default(),
        entities: EntityOptions::default(),
    };
    let engine = Engine::start(parts).await.unwrap();
    play(&engine).await;
    let mut newest: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut entities: BTreeSet<EntityKey> = BTreeSet::new();
    for fact in facts(&store).await {
        let name = event_file(&fact.recorded.name, stored_as(fact.entity.kind).event_schema);
        newest.insert(name, fact.recorded.payload.to_vec());
        entities.insert(fact.entity);
    }
    // Of several of a kind, the one of which the most is known.
    for entity in entities {
        let loaded = store.load(entity).await.unwrap().unwrap();
        let name = format!("{}-{}", entity.kind, stored_as(entity.kind).schema);
        let kept = newest.entry(name).or_default();
        if kept.len() < loaded.snapshot.len() {
            *kept = loaded.snapshot.to_vec();
        }
    }
    for (name, bytes) in newest {
        if !directory().join(format!("{name}.hex")).exists() {
            golden::check(directory(), &name, &bytes);
        }
    }
}

#[tokio::test]
async fn what_this_release_has_written_loads_for_ever() {
    if std::env::var_os("GOLDEN").is_some_and(|value| value == "accept") {
        accept().await;
    }
    let mut events = 0;
    for stored in every_kind() {
        for schema in 1..=stored.schema {
            let name = format!("{}-{schema}", stored.kind);
            let bytes = golden::read(directory(), &name);
            check_read(&name, schema < stored.schema, &bytes, stored.snapshot);
        }
    }
    for file in std::fs::read_dir(directory()).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        let name = file.strip_suffix(".hex").unwrap();
        let Some(event) = name.strip_prefix("event-") else {
            continue;
        };
        let (event, schema) = event.split_once('-').unwrap_or((event, "1"));
        let stored = every_kind()
            .into_iter()
            .find(|stored| owns(stored.kind, event))
            .unwrap();
        let is_past = schema.parse::<u16>().unwrap() < stored.event_schema;
        check_read(name, is_past, &golden::read(directory(), name), |bytes| {
            let (read, bytes) = (stored.event)(bytes);
            assert_eq!(read, event);
            bytes
        });
        events += 1;
    }
    assert!(
        20 < events,
        "the events of a purchase are kept, {events} were found"
    );
}

/// Reads what was written and writes it again. What was written in a past form comes out in today's, and stays so.
fn check_read(name: &str, is_past: bool, bytes: &[u8], again: impl Fn(&[u8]) -> Vec<u8>) {
    let written = again(bytes);
    if is_past {
        assert_ne!(written, bytes, "{name}");
        assert_eq!(again(&written), written, "{name}");
    } else {
        assert_eq!(written, bytes, "{name}");
    }
}

fn stored_as(kind: Kind) -> Stored {
    let mut kinds = every_kind().into_iter();
    kinds.find(|stored| stored.kind == kind).unwrap()
}

/// The file of an event that was written under a schema.
fn event_file(event: &str, schema: u16) -> String {
    match schema {
        1 => format!("event-{event}"),
        later => format!("event-{event}-{later}"),
    }
}

/// Tells whether events of this name are a kind's: by its area, and the catalog's by their noun.
fn owns(kind: Kind, event: &str) -> bool {
    let area = match kind {
        Kind::Session => "identity.",
        Kind::Product => "catalog.product",
        Kind::PriceList => "catalog.price_list",
        Kind::Variant => return event == "catalog.price_set" || event.starts_with("catalog.variant"),
        Kind::StockItem => "inventory.",
        Kind::TaxZone => "tax.",
        Kind::ShippingMethod => "shipping.",
        Kind::Settings
        | Kind::Promotion
        | Kind::UseCounter
        | Kind::CouponCode
        | Kind::Cart
        | Kind::Checkout
        | Kind::FrozenQuote
        | Kind::Order
        | Kind::Cancellation
        | Kind::Customer
        | Kind::StoredValue
        | Kind::Toy
        | Kind::ToySaga => return event.split_once('.').is_some_and(|(noun, _)| noun == kind.name()),
    };
    event.starts_with(area)
}
