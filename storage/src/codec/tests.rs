//! What an entity writes by itself is what serde would write of it, and can be read.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use super::*;
use cartwright_domain::cart::{AddLine, Attributes, Cart, IdleLifetimes, OpenCart, VariantFacts};
use cartwright_domain::catalog::CurrencyPrices;
use cartwright_domain::id::{CartId, ProductId, VariantId};
use cartwright_domain::settings::Limits;
use cartwright_domain::{
    Caller, Class, Command, Context, Create, Currency, Detail, Effects, EntityId, Price, Problem, Seed,
};
use std::time::Duration;
use uuid::Uuid;

fn run<R>(of: CartId, n: u128, change: impl FnOnce(&mut Context<'_, Cart>) -> R) -> R {
    let (caller, seed) = (Caller::engine("test"), Seed(Uuid::from_u128(n)));
    let mut effects = Effects::default();
    let partition = Some(of.partition());
    change(&mut Context::new(
        Timestamp::default(),
        &caller,
        seed,
        partition,
        &mut effects,
    ))
}

fn opened() -> Cart {
    let command = OpenCart {
        currency: Currency::GBP,
        lifetimes: IdleLifetimes {
            until_abandoned: Duration::from_secs(1),
            until_deleted: Duration::from_secs(1),
        },
    };
    let id = CartId(Uuid::from_u128(1));
    run(id, 0, |cx| command.create(id, cx).unwrap().0)
}

fn add(cart: &mut Cart, n: u128) {
    let price = Price::parse("2.55", Currency::GBP).unwrap();
    let facts = VariantFacts {
        variant_id: VariantId(Uuid::from_u128(n)),
        product_id: ProductId(Uuid::from_u128(n)),
        sku: format!("SKU-{n}").into(),
        title: format!("Title {n}").into(),
        prices: Some(price).into(),
        list_prices: Vec::new(),
        minimum_prices: CurrencyPrices::default(),
        weight_grams: 0,
        digital: false,
        tax_category: Default::default(),
        categories: Default::default(),
        for_sale: true,
        available: None,
    };
    let command = AddLine {
        facts,
        quantity: 1,
        options: Attributes::new(),
        custom_fields: Attributes::new(),
        unit_price: None,
        limits: Limits {
            cart_lines_max: u32::MAX,
            ..Limits::default()
        },
    };
    run(cart.id(), n, |cx| command.apply(cart, cx).unwrap());
}

fn check(cart: &Cart) {
    let (revision, timers) = (Revision(7), [("look".to_owned(), Timestamp::default())]);
    let mut by_serde = Vec::new();
    let header = Header {
        tag: Cart::KIND.tag(),
        schema: Cart::SCHEMA,
    };
    let value = &(revision, &timers[..], cart);
    encode_into(&mut by_serde, header, "cart", usize::MAX, value).unwrap();
    let written = encode_snapshot(cart, revision, &timers).unwrap();
    assert!(written == by_serde, "{} lines", cart.lines().len());
    let read: Snapshot<Cart> = decode_snapshot(&written).unwrap();
    assert!(read.state == *cart, "{} lines", cart.lines().len());
}

#[test]
fn a_cart_is_written_as_serde_would_however_many_lines_were_written_before() {
    let mut cart = opened();
    check(&cart);
    for n in 1..=100 {
        add(&mut cart, n);
        check(&cart);
        let before = cart.clone();
        // One unit more of a line in the middle: in the end of one on the second of four pages.
        add(&mut cart, n.div_ceil(2));
        check(&cart);
        check(&before);
    }
}

/// More than there is room for in the scratch, so that it is written into a vector.
#[test]
fn a_large_cart_is_written_as_serde_would() {
    let mut cart = opened();
    for n in 1..=3_000 {
        add(&mut cart, n);
    }
    check(&cart);
    assert!(SCRATCH_BYTES < encode_snapshot(&cart, Revision(1), &[]).unwrap().len());
    add(&mut cart, 1_500);
    check(&cart);
}

#[test]
fn a_bounded_refusal_fits_into_a_receipt() {
    for lines in [0, 1, 30, 300, 3_000] {
        for characters in [0, 1, 250, 251, 70_000] {
            let line = |index: usize| {
                let sku = ("sku".to_owned(), Detail::from("s".repeat(index % 260)));
                let available = ("available".to_owned(), Detail::from(u64::MAX));
                let gone = ("gone".to_owned(), Detail::Bool(true));
                Detail::Object(vec![sku, available, gone])
            };
            let lines = (0..lines).map(line).collect();
            let message = "é".repeat(characters);
            let problem = Problem::new(Class::Conflict, "checkout.lines_unavailable", message)
                .with("total", i64::MIN)
                .with("lines", Detail::List(lines));
            encode_reply(&problem.bounded()).expect("it fits");
        }
    }
}

#[test]
fn bytes_of_a_value_are_those_it_is_written_in() {
    let cart = opened();
    let alone = bincode::serde::encode_to_vec(&cart, CONFIG).expect("a cart can be written");
    assert_eq!(bytes_of(&cart), Ok(alone.len()));
}
