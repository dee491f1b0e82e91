//! The catalog's rules: forms, bounds, keys, and updates that change nothing.

use super::{
    CreateProduct, CreateVariant, Error, Handle, Image, ListPrice, Options, PRICE_MILLIONTHS_MAX,
    PriceChange, Product, ProductEvent, ProductStatus, SetPrice, Sku, UpdateProduct, UpdateVariant, Variant,
    VariantDraft, VariantEvent, VariantStatus,
};
use crate::entity::Entity;
use crate::error::Refusal;
use crate::id::{PriceListId, ProductId, VariantId};
use crate::kind::{Listing, Unique};
use crate::money::{Currency, Price};
use crate::testing::Bench;
use crate::time::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const PRODUCT: ProductId = ProductId(Uuid::from_u128(0xabc));
const VARIANT: VariantId = VariantId(Uuid::from_u128(0xdef));

fn product() -> CreateProduct {
    CreateProduct {
        title: " White Hanging Heart T-Light Holder ".to_owned(),
        handle: None,
        description: String::new(),
        images: Vec::new(),
        categories: Vec::new(),
        status: ProductStatus::Draft,
    }
}

fn created(command: CreateProduct) -> Result<Bench<Product>, Error> {
    Bench::create(PRODUCT, START, command)
}

fn price(millionths: i64) -> Price {
    Price::new(millionths, Currency::of("GBP").expect("a currency"))
}

fn draft() -> VariantDraft {
    VariantDraft {
        sku: "85123A".to_owned(),
        title: None,
        options: Options::new(),
        price: Some(PriceChange::Set(price(2_550_000))),
        compare_at_prices: Vec::new(),
        minimum_prices: Vec::new(),
        list_prices: Vec::new(),
        digital: false,
        tax_category: None,
        weight_grams: 120,
        status: VariantStatus::Active,
    }
}

fn variant(draft: VariantDraft) -> Result<Bench<Variant>, Error> {
    Bench::create(
        VARIANT,
        START,
        CreateVariant {
            product: PRODUCT,
            draft,
        },
    )
}

#[track_caller]
fn check_fields<T: std::fmt::Debug>(outcome: Result<T, Error>, expected: &[(&str, &str)]) {
    let Err(Error::Fields(errors)) = outcome else {
        panic!("bad fields were expected, not {outcome:?}")
    };
    let listed: Vec<(&str, &str)> = errors
        .as_slice()
        .iter()
        .map(|error| (error.pointer.as_str(), error.code.as_str()))
        .collect();
    assert_eq!(listed, expected);
}

#[test]
fn a_sku_is_read_as_it_is_or_refused() {
    let check = |text: &str, is_sku: bool| {
        let read = Sku::parse(text);
        assert_eq!(
            read.as_ref().map(Sku::as_str).ok(),
            is_sku.then_some(text),
            "{text:?}"
        );
        assert!(
            is_sku || read.is_err_and(|error| error.code() == "catalog.invalid_sku"),
            "{text:?}"
        );
    };
    for text in [
        "85123A",
        "85123a",
        "BANK CHARGES",
        "gift_0001_20",
        "M",
        "\u{e4}\u{f6} \u{a3}",
        &"x".repeat(64),
    ] {
        check(text, true);
    }
    for text in [
        "",
        " ",
        " 85123A",
        "85123A ",
        "a\tb",
        "a\nb",
        "a\u{a0}b",
        "a\u{200b}b",
        "\u{feff}a",
        &"x".repeat(65),
    ] {
        check(text, false);
    }
    assert_ne!(Sku::parse("85123A"), Sku::parse("85123a"));
}

#[test]
fn a_handle_is_derived_from_a_title() {
    let check = |title: &str, handle: Option<&str>| {
        assert_eq!(
            Handle::derive(title).as_ref().map(Handle::as_str),
            handle,
            "{title}"
        );
    };
    check(
        " White Hanging Heart T-Light Holder ",
        Some("white-hanging-heart-t-light-holder"),
    );
    check("Lamp (60 W) -- \"Ada's\"!", Some("lamp-60-w-adas"));
    check("\u{706f}\u{7c60}", None);
    check("", None);
    let longest = "x".repeat(128);
    check(&"x".repeat(129), Some(&longest));
    check(&format!("{} y", "x".repeat(127)), Some(&longest[1..]));
}

#[test]
fn a_handle_given_must_be_one() {
    for text in ["lamp", "lamp-60-w", "7"] {
        assert_eq!(
            Handle::parse(text).map(|handle| handle.to_string()),
            Ok(text.to_owned())
        );
    }
    for text in [
        "",
        "-lamp",
        "lamp-",
        "la--mp",
        "Lamp",
        "la mp",
        "l\u{e4}mp",
        &"x".repeat(129),
    ] {
        assert_eq!(Handle::parse(text), Err(Error::InvalidHandle), "{text}");
    }
}

#[test]
fn a_suffix_tells_handles_of_one_title_apart() {
    let check = |handle: &str, suffix: &str, expected: &str| {
        assert_eq!(
            Handle::parse(handle).map(|handle| handle.with_suffix(suffix).to_string()),
            Ok(expected.to_owned())
        );
    };
    check("lamp", "85123A", "lamp-85123a");
    check("lamp", "!", "lamp");
    check(&"x".repeat(128), "85123A", &format!("{}-85123a", "x".repeat(121)));
    check("lamp", &"y".repeat(200), &"y".repeat(128));
}

#[test]
fn a_product_gets_its_handle_from_its_title_or_else_its_id() -> Result<(), Error> {
    let bench = created(product())?;
    assert_eq!(bench.entity.title, "White Hanging Heart T-Light Holder");
    assert_eq!(bench.entity.handle.as_str(), "white-hanging-heart-t-light-holder");
    let unnamed = created(CreateProduct {
        title: "\u{706f}".to_owned(),
        ..product()
    })?;
    assert_eq!(
        unnamed.entity.handle.as_str(),
        "prod-00000000000000000000000000000abc"
    );
    Ok(())
}

#[test]
fn every_bad_field_of_a_product_is_listed() {
    let image = |url: &str| Image {
        url: url.to_owned(),
        alt: "x".repeat(501),
    };
    let command = CreateProduct {
        title: " ".to_owned(),
        handle: Some("No Handle".to_owned()),
        description: "x".repeat(20_001),
        images: vec![image("javascript:alert(1)"), image("https://example.com/a.png")],
        categories: Vec::new(),
        status: ProductStatus::Active,
    };
    let expected = [
        ("/title", "text.empty"),
        ("/handle", "catalog.invalid_handle"),
        ("/description", "text.too_long"),
        ("/images/0/url", "catalog.invalid_image_url"),
        ("/images/0/alt", "text.too_long"),
        ("/images/1/alt", "text.too_long"),
    ];
    check_fields(created(command), &expected);
}

#[test]
fn only_an_active_product_is_listed_for_shoppers() -> Result<(), Error> {
    let mut bench = created(product())?;
    let listings = |product: &Product| -> Vec<Listing> {
        product.keys().listing.iter().map(|key| key.listing).collect()
    };
    assert_eq!(listings(&bench.entity), [Listing::Products]);
    for (status, published) in [
        (ProductStatus::Active, true),
        (ProductStatus::Archived, false),
        (ProductStatus::Draft, false),
    ] {
        bench.run(UpdateProduct {
            status: Some(status),
            ..UpdateProduct::default()
        })?;
        assert_eq!(
            listings(&bench.entity).contains(&Listing::PublishedProducts),
            published
        );
    }
    let unique: Vec<Unique> = bench.entity.keys().unique.iter().map(|key| key.space).collect();
    assert_eq!(unique, [Unique::ProductHandle]);
    Ok(())
}

#[test]
fn an_update_that_changes_nothing_is_no_change() -> Result<(), Error> {
    let mut bench = created(product())?;
    let before = bench.entity.clone();
    bench.events.clear();
    bench.run(UpdateProduct::default())?;
    bench.run(UpdateProduct {
        title: Some(before.title.clone()),
        ..UpdateProduct::default()
    })?;
    assert_eq!((&bench.entity, bench.events.len()), (&before, 0));
    bench.run(UpdateProduct {
        title: Some("Lamp".to_owned()),
        ..UpdateProduct::default()
    })?;
    assert_eq!(
        bench.entity,
        Product {
            title: "Lamp".to_owned(),
            ..before.clone()
        }
    );
    let updated = ProductEvent::ProductUpdated {
        handle: before.handle,
        status: ProductStatus::Draft,
    };
    assert_eq!(bench.events, [updated]);
    check_fields(
        bench.run(UpdateProduct {
            handle: Some(String::new()),
            ..UpdateProduct::default()
        }),
        &[("/handle", "catalog.invalid_handle")],
    );
    Ok(())
}

#[test]
fn a_variant_without_a_title_has_its_sku_and_without_a_price_is_not_for_sale() -> Result<(), Error> {
    let mut bench = variant(VariantDraft {
        price: None,
        ..draft()
    })?;
    assert_eq!(bench.entity.title, "85123A");
    assert!(!bench.entity.is_for_sale(|_| true, || false));
    assert!(bench.entity.is_for_sale(|_| true, || true), "by a list");
    bench.run(SetPrice {
        price: PriceChange::Set(price(0)),
    })?;
    assert!(bench.entity.is_for_sale(|_| true, || false), "free is a price");
    assert!(
        !bench.entity.is_for_sale(|_| false, || false),
        "in a currency nobody can pay in"
    );
    bench.run(UpdateVariant {
        status: Some(VariantStatus::Disabled),
        ..UpdateVariant::default()
    })?;
    assert!(!bench.entity.is_for_sale(|_| true, || true));
    Ok(())
}

#[test]
fn a_variant_with_another_sku_goes_on_being_named_by_its_product() -> Result<(), Error> {
    let renamed = |sku: &str, title: Option<&str>| UpdateVariant {
        sku: Some(sku.to_owned()),
        title: title.map(ToOwned::to_owned),
        ..UpdateVariant::default()
    };
    let mut bench = variant(draft())?;
    for (sku, title, expected) in [
        ("85123B", None, "85123B"),
        ("85123C", Some("85123B"), "85123B"),
        ("85123D", None, "85123B"),
        ("85123E", Some("85123E"), "85123E"),
        ("85123F", None, "85123F"),
    ] {
        bench.run(renamed(sku, title))?;
        assert_eq!(bench.entity.title, expected, "{sku}");
        assert_eq!(bench.entity.is_named_by_its_product(), sku == expected);
    }
    Ok(())
}

#[test]
fn a_price_is_set_once_and_told_once() -> Result<(), Error> {
    let mut bench = variant(draft())?;
    bench.events.clear();
    let (first, second) = (price(2_550_000), price(1_000));
    bench.run(SetPrice {
        price: PriceChange::Set(first),
    })?;
    bench.run(UpdateVariant {
        price: Some(PriceChange::Set(second)),
        ..UpdateVariant::default()
    })?;
    bench.run(UpdateVariant {
        weight_grams: Some(120),
        ..UpdateVariant::default()
    })?;
    bench.run(UpdateVariant {
        price: Some(PriceChange::Replace(Vec::new())),
        ..UpdateVariant::default()
    })?;
    let set = |from, to| VariantEvent::PriceSet { from, to };
    assert_eq!(
        bench.events,
        [set(Some(first), Some(second)), set(Some(second), None)]
    );
    check_fields(
        bench.run(SetPrice {
            price: PriceChange::Set(price(-1)),
        }),
        &[("", "catalog.price_out_of_range")],
    );
    bench.run(SetPrice {
        price: PriceChange::Set(price(PRICE_MILLIONTHS_MAX)),
    })?;
    check_fields(
        bench.run(SetPrice {
            price: PriceChange::Set(price(PRICE_MILLIONTHS_MAX + 1)),
        }),
        &[("", "catalog.price_out_of_range")],
    );
    Ok(())
}

#[test]
fn a_variant_has_one_price_in_each_currency() -> Result<(), Error> {
    let [pounds, euros, dearer] = [("GBP", 2), ("EUR", 3), ("EUR", 4)].map(|(code, units)| {
        let currency = Currency::of(code).expect("an active currency");
        Price::new(units * 1_000_000, currency)
    });
    let mut bench = variant(VariantDraft {
        price: Some(PriceChange::Replace(vec![pounds, euros])),
        ..draft()
    })?;
    bench.events.clear();
    let of = |bench: &Bench<Variant>, price: Price| bench.entity.prices.of(price.currency);
    assert_eq!(
        (of(&bench, pounds), of(&bench, euros)),
        (Some(pounds), Some(euros))
    );
    bench.run(SetPrice {
        price: PriceChange::Set(dearer),
    })?;
    assert_eq!(
        (of(&bench, pounds), of(&bench, euros)),
        (Some(pounds), Some(dearer))
    );
    bench.run(SetPrice {
        price: PriceChange::Replace(vec![dearer]),
    })?;
    assert_eq!((of(&bench, pounds), of(&bench, euros)), (None, Some(dearer)));
    let set = |from, to| VariantEvent::PriceSet { from, to };
    assert_eq!(
        bench.events,
        [set(Some(euros), Some(dearer)), set(Some(pounds), None)]
    );
    check_fields(
        bench.run(SetPrice {
            price: PriceChange::Replace(vec![pounds, euros, dearer]),
        }),
        &[("/prices/2", "catalog.duplicate_price")],
    );
    Ok(())
}

#[test]
fn no_minimum_price_is_above_the_price() -> Result<(), Error> {
    let mut bench = variant(VariantDraft {
        minimum_prices: vec![price(1_000_000)],
        ..draft()
    })?;
    let at = |pointer| [(pointer, "catalog.minimum_above_price")];
    let below = || PriceChange::Set(price(999_999));
    check_fields(bench.run(SetPrice { price: below() }), &at(""));
    // It points at what was sent.
    check_fields(
        bench.run(UpdateVariant {
            price: Some(below()),
            ..UpdateVariant::default()
        }),
        &at("/price"),
    );
    check_fields(
        bench.run(UpdateVariant {
            minimum_prices: Some(vec![price(2_550_001)]),
            ..UpdateVariant::default()
        }),
        &at("/minimum_prices"),
    );
    bench.run(UpdateVariant {
        price: Some(PriceChange::Set(price(900_000))),
        minimum_prices: Some(vec![price(900_000)]),
        ..UpdateVariant::default()
    })?;
    Ok(())
}

#[test]
fn every_bad_field_of_a_variant_is_listed() {
    let option = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let bad = VariantDraft {
        sku: " 1".to_owned(),
        title: Some("x".repeat(256)),
        options: [option("a/b", " "), option("size", "L"), option("size ", "M")].into(),
        price: Some(PriceChange::Set(price(-1))),
        compare_at_prices: vec![price(1), price(2)],
        minimum_prices: vec![price(PRICE_MILLIONTHS_MAX + 1)],
        list_prices: [(0, 1), (2, -1), (2, 2)]
            .map(|(from_quantity, millionths)| ListPrice {
                list: PriceListId(Uuid::from_u128(1)),
                from_quantity,
                price: price(millionths),
            })
            .into(),
        digital: true,
        tax_category: Some(String::new()),
        weight_grams: u32::MAX,
        status: VariantStatus::Active,
    };
    let expected = [
        ("/sku", "catalog.invalid_sku"),
        ("/title", "text.too_long"),
        ("/options/a~1b", "text.empty"),
        ("/options/size ", "catalog.duplicate_option"),
        ("/price", "catalog.price_out_of_range"),
        ("/compare_at_prices/1", "catalog.duplicate_price"),
        ("/minimum_prices/0", "catalog.price_out_of_range"),
        ("/minimum_prices", "catalog.minimum_above_price"),
        ("/list_prices/0/from_quantity", "catalog.quantity_zero"),
        ("/list_prices/1/price", "catalog.price_out_of_range"),
        ("/list_prices/2", "catalog.duplicate_price"),
        ("/tax_category", "tax.invalid_category"),
        ("/weight_grams", "catalog.weight_out_of_range"),
    ];
    check_fields(bad.check().map_err(Error::from), &expected);
    check_fields(variant(bad), &expected);
    assert_eq!(draft().check(), Ok(()));
}

#[test]
fn variants_of_one_product_have_skus_of_their_own() {
    let named = |sku: &str| VariantDraft {
        sku: sku.to_owned(),
        ..draft()
    };
    let check = |skus: &[&str], expected: &[(&str, &str)]| {
        let drafts: Vec<_> = skus.iter().map(|sku| named(sku)).collect();
        check_fields(VariantDraft::check_all(&drafts).map_err(Error::from), expected);
    };
    let twice = |pointer| (pointer, "catalog.duplicate_sku");
    check(
        &["A", "B", "A", "A"],
        &[twice("/variants/2/sku"), twice("/variants/3/sku")],
    );
    check(
        &[" A", "B", "B"],
        &[
            ("/variants/0/sku", "catalog.invalid_sku"),
            twice("/variants/2/sku"),
        ],
    );
    // Case matters.
    assert_eq!(VariantDraft::check_all(&[named("A"), named("a")]), Ok(()));
    assert_eq!(VariantDraft::check_all(&[]), Ok(()));
}

#[test]
fn variants_are_listed_within_their_product_by_creation() -> Result<(), Error> {
    let earlier = variant(draft())?.entity;
    let later = Variant {
        created_at: Timestamp::from_millis(START.millis() + 1),
        ..earlier.clone()
    };
    let other = Variant {
        product: ProductId(Uuid::from_u128(0xabd)),
        ..earlier.clone()
    };
    let sort = |variant: &Variant| {
        variant
            .keys()
            .listing
            .into_iter()
            .map(|key| key.sort)
            .collect::<Vec<_>>()
    };
    assert!(sort(&earlier) < sort(&later) && sort(&later) < sort(&other));
    assert_eq!(
        earlier
            .keys()
            .unique
            .iter()
            .map(|key| key.value.as_slice())
            .collect::<Vec<_>>(),
        [b"85123A"]
    );
    Ok(())
}

proptest! {
    #[test]
    fn what_is_derived_is_a_handle(title in ".{0,300}", suffix in ".{0,300}") {
        if let Some(handle) = Handle::derive(&title) {
            prop_assert_eq!(Handle::parse(handle.as_str()), Ok(handle.clone()));
            let suffixed = handle.with_suffix(&suffix);
            prop_assert_eq!(Handle::parse(suffixed.as_str()), Ok(suffixed));
        }
    }
}
