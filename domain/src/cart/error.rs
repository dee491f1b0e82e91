//! How a cart refuses.

use crate::error::{Class, Detail, FieldErrors, Refusal};
use crate::id::{CartId, CheckoutId, LineId, OrderId, VariantId};
use crate::money::{self, Currency, Money};
use std::sync::Arc;

/// How a cart refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It has become an order and refuses every change.
    #[error("the cart has become the order {order}")]
    Completed {
        /// The order.
        order: OrderId,
    },
    /// A checkout holds it.
    #[error("the cart is held by the checkout {checkout}")]
    Locked {
        /// The checkout.
        checkout: CheckoutId,
    },
    /// It was merged away.
    #[error("the cart was merged into {survivor}")]
    Merged {
        /// The cart that took its lines.
        survivor: CartId,
    },
    /// There is nothing to check out.
    #[error("the cart has no lines")]
    Empty,
    /// The checkout that acts on the cart does not hold it.
    #[error("the cart is not held by the checkout {checkout}")]
    NotHeld {
        /// The checkout that acted.
        checkout: CheckoutId,
    },
    /// There is no such line.
    #[error("the cart has no line {line}")]
    LineNotFound {
        /// The line asked for.
        line: LineId,
    },
    /// The whole cart would hold more of a variant than can be had.
    #[error("only {available} of {sku} are available")]
    InsufficientStock {
        /// The variant.
        variant: VariantId,
        /// Its SKU.
        sku: Arc<str>,
        /// How many can be had.
        available: i64,
    },
    /// The catalog offers the variant, in other currencies than the cart's.
    #[error("{sku} has no price in {currency}, the cart's currency")]
    NoPrice {
        /// Which variant.
        variant: VariantId,
        /// Its SKU.
        sku: Arc<str>,
        /// The cart's.
        currency: Currency,
    },
    /// The variant is gone, disabled or without a price.
    #[error("{sku} is not for sale")]
    NotForSale {
        /// The variant.
        variant: VariantId,
        /// Its SKU.
        sku: Arc<str>,
    },
    /// A shopper wants more units at a price that staff have set for those that the line holds.
    #[error(
        "staff have set the price of {sku} for {quantity} in this line; add the others as a line of their own"
    )]
    PriceOverridden {
        /// Its SKU.
        sku: Arc<str>,
        /// How many units it holds.
        quantity: u32,
    },
    /// Another line would be one too many.
    #[error("the cart holds {max} lines, the most it may hold")]
    TooManyLines {
        /// The most.
        max: u32,
    },
    /// Another coupon code would be one too many.
    #[error("a cart holds at most {max} coupon codes")]
    TooManyCodes {
        /// The most.
        max: usize,
    },
    /// Another gift card or store credit would be one too many.
    #[error("a cart is paid with at most {max} gift cards and store credits")]
    TooManyStoredValues {
        /// The most.
        max: usize,
    },
    /// A line would hold too many units.
    #[error("a line may hold at most {max} units")]
    QuantityTooLarge {
        /// The most.
        max: u32,
    },
    /// A line would come to more than can be counted together with others.
    #[error("a line may come to at most {max}")]
    TooMuch {
        /// The most.
        max: Money,
    },
    /// Nothing was to be added.
    #[error("at least one unit must be added")]
    QuantityZero,
    /// An overridden price below zero.
    #[error("a unit price must not be below zero")]
    NegativePrice,
    /// An overridden price above what a variant may cost.
    #[error("a unit price is at most {max}")]
    PriceTooHigh {
        /// The most.
        max: Money,
    },
    /// A price of another currency than the cart's.
    #[error("the cart is in {cart}, the price in {price}")]
    OtherCurrency {
        /// The cart's.
        cart: Currency,
        /// The price's.
        price: Currency,
    },
    /// Options or custom fields that are not valid.
    #[error(transparent)]
    Fields(#[from] FieldErrors),
    /// An amount that cannot be counted.
    #[error(transparent)]
    Money(#[from] money::Error),
}

impl Refusal for Error {
    fn class(&self) -> Class {
        match self {
            Self::Completed { .. }
            | Self::Locked { .. }
            | Self::Merged { .. }
            | Self::Empty
            | Self::NotHeld { .. }
            | Self::InsufficientStock { .. }
            | Self::NotForSale { .. }
            | Self::NoPrice { .. }
            | Self::PriceOverridden { .. }
            | Self::TooManyLines { .. }
            | Self::TooManyCodes { .. }
            | Self::TooManyStoredValues { .. } => Class::Conflict,
            Self::LineNotFound { .. } => Class::NotFound,
            Self::QuantityTooLarge { .. }
            | Self::TooMuch { .. }
            | Self::QuantityZero
            | Self::NegativePrice
            | Self::PriceTooHigh { .. }
            | Self::OtherCurrency { .. } => Class::Invalid,
            Self::Fields(errors) => errors.class(),
            Self::Money(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Completed { .. } => "cart.completed",
            Self::Locked { .. } => "cart.locked",
            Self::Merged { .. } => "cart.merged",
            Self::Empty => "cart.empty",
            Self::NotHeld { .. } => "cart.not_held",
            Self::LineNotFound { .. } => "cart.line_not_found",
            Self::InsufficientStock { .. } => "cart.insufficient_stock",
            Self::NotForSale { .. } => "cart.not_for_sale",
            Self::NoPrice { .. } => "cart.no_price",
            Self::PriceOverridden { .. } => "cart.price_overridden",
            Self::TooManyLines { .. } => "cart.too_many_lines",
            Self::TooManyCodes { .. } => "cart.too_many_codes",
            Self::TooManyStoredValues { .. } => "cart.too_many_gift_cards",
            Self::QuantityTooLarge { .. } => "cart.quantity_too_large",
            Self::TooMuch { .. } => "cart.line_too_much",
            Self::QuantityZero => "cart.quantity_zero",
            Self::NegativePrice => "cart.negative_price",
            Self::PriceTooHigh { .. } => "cart.price_too_high",
            Self::OtherCurrency { .. } => "cart.other_currency",
            Self::Fields(errors) => errors.code(),
            Self::Money(error) => error.code(),
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        let detail = |name: &str, value: Detail| (name.to_owned(), value);
        match self {
            Self::Completed { order } => vec![detail("order_id", order.to_string().into())],
            Self::Locked { checkout } | Self::NotHeld { checkout } => {
                vec![detail("checkout_id", checkout.to_string().into())]
            }
            Self::Merged { survivor } => vec![detail("survivor", survivor.to_string().into())],
            Self::LineNotFound { line } => vec![detail("line_id", line.to_string().into())],
            Self::InsufficientStock {
                variant,
                sku,
                available,
            } => vec![
                detail("variant_id", variant.to_string().into()),
                detail("sku", (**sku).into()),
                detail("available", (*available).into()),
            ],
            Self::NotForSale { variant, sku } => vec![
                detail("variant_id", variant.to_string().into()),
                detail("sku", (**sku).into()),
            ],
            Self::NoPrice {
                variant,
                sku,
                currency,
            } => vec![
                detail("variant_id", variant.to_string().into()),
                detail("sku", (**sku).into()),
                detail("currency", currency.code().into()),
            ],
            Self::PriceOverridden { sku, quantity } => {
                vec![
                    detail("sku", (**sku).into()),
                    detail("quantity", (*quantity).into()),
                ]
            }
            Self::TooManyLines { max } => vec![detail("lines_max", (*max).into())],
            Self::TooManyCodes { max } => vec![detail("codes_max", (*max).into())],
            Self::TooManyStoredValues { max } => vec![detail("gift_cards_max", (*max).into())],
            Self::QuantityTooLarge { max } => vec![detail("quantity_max", (*max).into())],
            Self::TooMuch { max } => vec![detail("amount_max", (*max).into())],
            Self::PriceTooHigh { max } => vec![detail("unit_price_max", (*max).into())],
            Self::OtherCurrency { cart, price } => vec![
                detail("cart_currency", cart.code().into()),
                detail("price_currency", price.code().into()),
            ],
            Self::Fields(errors) => errors.details(),
            Self::Money(error) => error.details(),
            Self::Empty | Self::QuantityZero | Self::NegativePrice => Vec::new(),
        }
    }
}
