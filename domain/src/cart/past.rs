//! Past stored forms of quotes, which load for ever.

use super::{FrozenLine, FrozenQuote, LineTax, Quote, QuoteLine, QuoteShipping, ShippingChoice};
use crate::address::Address;
use crate::id::{CartId, CheckoutId, LineId, ShippingMethodId, TaxZoneId};
use crate::money::{Currency, Money, Price, Rate};
use crate::text::Email;
use crate::time::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

/// A frozen quote of schema 1: with one rate a line.
#[derive(Deserialize)]
pub(crate) struct FrozenQuote1 {
    checkout: CheckoutId,
    cart: CartId,
    quote: Quote1,
    lines: Vec<FrozenLine>,
    email: Option<Email>,
    shipping_address: Option<Arc<Address>>,
    billing_address: Option<Arc<Address>>,
    shipping_method: Option<ShippingChoice>,
    frozen_at: Timestamp,
}

#[derive(Deserialize)]
struct Quote1 {
    currency: Currency,
    lines: Vec<QuoteLine1>,
    shipping_line: Option<QuoteShipping1>,
    shipping_unavailable: Option<ShippingMethodId>,
    zone: Option<TaxZoneId>,
    estimated: bool,
    subtotal: Money,
    discounts: Money,
    shipping: Money,
    tax: Option<Money>,
    tax_included: Money,
    tax_estimate: Option<Money>,
    total: Money,
}

#[derive(Deserialize)]
struct QuoteLine1 {
    line: LineId,
    quantity: u32,
    unit_price: Price,
    amount: Money,
    tax_stripped: Money,
    discount: Money,
    tax: Option<LineTax1>,
}

#[derive(Deserialize)]
struct QuoteShipping1 {
    method: ShippingMethodId,
    amount: Money,
    tax_stripped: Money,
    tax: Option<LineTax1>,
}

#[derive(Deserialize)]
struct LineTax1 {
    name: Arc<str>,
    rate: Rate,
    net: Money,
    amount: Money,
    included: bool,
}

impl From<FrozenQuote1> for FrozenQuote {
    fn from(past: FrozenQuote1) -> Self {
        Self {
            checkout: past.checkout,
            cart: past.cart,
            quote: past.quote.into(),
            lines: past.lines,
            email: past.email,
            shipping_address: past.shipping_address,
            billing_address: past.billing_address,
            shipping_method: past.shipping_method,
            frozen_at: past.frozen_at,
        }
    }
}

impl From<Quote1> for Quote {
    fn from(past: Quote1) -> Self {
        Self {
            currency: past.currency,
            lines: past.lines.into_iter().map(QuoteLine::from).collect(),
            shipping_line: past.shipping_line.map(QuoteShipping::from),
            shipping_unavailable: past.shipping_unavailable,
            zone: past.zone,
            tax_relief: None,
            estimated: past.estimated,
            subtotal: past.subtotal,
            discounts: past.discounts,
            shipping: past.shipping,
            tax: past.tax,
            tax_included: past.tax_included,
            tax_estimate: past.tax_estimate,
            total: past.total,
        }
    }
}

impl From<QuoteLine1> for QuoteLine {
    fn from(past: QuoteLine1) -> Self {
        Self {
            line: past.line,
            quantity: past.quantity,
            unit_price: past.unit_price,
            amount: past.amount,
            tax_stripped: past.tax_stripped,
            discount: past.discount,
            tax: past.tax.map(LineTax::from),
        }
    }
}

impl From<QuoteShipping1> for QuoteShipping {
    fn from(past: QuoteShipping1) -> Self {
        Self {
            method: past.method,
            amount: past.amount,
            tax_stripped: past.tax_stripped,
            tax: past.tax.map(LineTax::from),
        }
    }
}

impl From<LineTax1> for LineTax {
    fn from(past: LineTax1) -> Self {
        Self {
            name: past.name,
            rate: past.rate,
            net: past.net,
            amount: past.amount,
            included: past.included,
            parts: Vec::new(),
        }
    }
}
