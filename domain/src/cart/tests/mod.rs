//! Behavior of carts, their totals and their merging.

mod codes;
mod dearest;
mod frozen;
mod history;
mod lines;
mod merging;
mod pages;
mod problems;
mod promotions;
mod promotions_codes;
mod promotions_properties;
mod promotions_sets;
mod promotions_shipping;
mod states;
mod sums;
mod taxes;
mod tenders;
mod totals;
mod totals_properties;

use super::{AddLine, Attributes, Cart, IdleLifetimes, LockForCheckout, LockScope, OpenCart, VariantFacts};
use crate::address::{self, Address};
use crate::caller::{Caller, Role};
use crate::catalog::CurrencyPrices;
use crate::error::{FieldErrors, Refusal};
use crate::id::{CartId, CheckoutId, LineId, OrderId, ProductId, VariantId};
use crate::money::{Currency, Price};
use crate::settings::Limits;
use crate::tax::Category;
use crate::testing::Bench;
use crate::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const CHECKOUT: CheckoutId = CheckoutId(Uuid::from_u128(0xC));
const OTHER_CHECKOUT: CheckoutId = CheckoutId(Uuid::from_u128(0xD));
const ORDER: OrderId = OrderId(Uuid::from_u128(0xE));

/// A cart opened at day zero, that may lie 30 days and, abandoned, 20 more.
fn open(id: u128) -> Bench<Cart> {
    let command = OpenCart {
        currency: Currency::GBP,
        lifetimes: IdleLifetimes {
            until_abandoned: 30 * DAY,
            until_deleted: 20 * DAY,
        },
    };
    Bench::create(CartId(Uuid::from_u128(id)), Timestamp::from_millis(0), command)
        .expect("a cart can be opened")
}

fn gbp(price: &str) -> Price {
    Price::parse(price, Currency::GBP).expect("a price of the test")
}

/// A variant of 2.55 GBP whose stock is not tracked.
fn variant(n: u128) -> VariantFacts {
    VariantFacts {
        variant_id: VariantId(Uuid::from_u128(n)),
        product_id: ProductId(Uuid::from_u128(1_000 + n)),
        sku: format!("SKU-{n}").into(),
        title: format!("Title {n}").into(),
        prices: Some(gbp("2.55")).into(),
        list_prices: Vec::new(),
        minimum_prices: CurrencyPrices::default(),
        weight_grams: 0,
        digital: false,
        tax_category: Category::default(),
        categories: Arc::default(),
        for_sale: true,
        available: None,
    }
}

fn priced(n: u128, price: &str) -> VariantFacts {
    VariantFacts {
        prices: Some(gbp(price)).into(),
        ..variant(n)
    }
}

fn stocked(n: u128, available: i64) -> VariantFacts {
    VariantFacts {
        available: Some(available),
        ..variant(n)
    }
}

fn add(facts: &VariantFacts, quantity: u32) -> AddLine {
    AddLine {
        facts: facts.clone(),
        quantity,
        options: Attributes::new(),
        custom_fields: Attributes::new(),
        unit_price: None,
        limits: Limits::default(),
    }
}

/// The same, kept apart by the custom field `row`.
fn add_row(facts: &VariantFacts, quantity: u32, row: &str) -> AddLine {
    AddLine {
        custom_fields: Attributes::from([("row".to_owned(), row.to_owned())]),
        ..add(facts, quantity)
    }
}

fn filled(id: u128, lines: &[(&VariantFacts, u32)]) -> Bench<Cart> {
    let mut cart = open(id);
    for (facts, quantity) in lines {
        cart.run(add(facts, *quantity)).expect("the line fits");
    }
    cart
}

/// A lock of lines and codes.
fn lock(checkout: CheckoutId) -> LockForCheckout {
    LockForCheckout {
        checkout,
        scope: LockScope::Lines,
        shown: None,
    }
}

fn staff() -> Caller {
    Caller::of_staff("ada", Role::Admin)
}

fn address(country: &str) -> Address {
    let country = country.parse().expect("a country of the test");
    address::Input::example("Ada", "1 High Street", "London", country)
        .check("", &mut FieldErrors::default())
        .expect("an address of the test")
}

fn code<T>(result: Result<T, super::Error>) -> Result<T, &'static str> {
    result.map_err(|error| error.code())
}

/// The units of each line, in order.
fn quantities(cart: &Bench<Cart>) -> Vec<u32> {
    cart.entity.lines().iter().map(|line| line.quantity).collect()
}

fn first_line(cart: &Bench<Cart>) -> LineId {
    cart.entity.lines()[0].id
}
