//! Past stored forms of carts and quotes, which load for ever.

use super::{
    Cart, FrozenLine, FrozenQuote, IdleLifetimes, Line, LineTax, Lines, PricingDate, Quote, QuoteLine,
    QuoteShipping, Seen, ShippingChoice, State, TaxSource,
};
use crate::address::Address;
use crate::id::{
    CartId, CheckoutId, CustomerId, LineId, SessionId, ShippingMethodId, StoredValueId, TaxZoneId,
};
use crate::money::{Currency, Money, Price, Rate};
use crate::promotion::{Code, Use};
use crate::shipping::PriceSource;
use crate::stored_value::Tender;
use crate::tax::TaxRelief;
use crate::text::Email;
use crate::time::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

/// A cart of schema 1: priced as of now, for nobody in particular.
#[derive(Deserialize)]
pub(super) struct Cart1 {
    id: CartId,
    owner: Option<SessionId>,
    state: State,
    currency: Currency,
    lines: Vec<Arc<Line>>,
    email: Option<Email>,
    shipping_address: Option<Arc<Address>>,
    billing_address: Option<Arc<Address>>,
    shipping: Option<ShippingChoice>,
    lifetimes: IdleLifetimes,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A cart of schema 2: without coupon codes.
#[derive(Deserialize)]
pub(super) struct Cart2 {
    id: CartId,
    owner: Option<SessionId>,
    state: State,
    currency: Currency,
    lines: Vec<Arc<Line>>,
    email: Option<Email>,
    shipping_address: Option<Arc<Address>>,
    billing_address: Option<Arc<Address>>,
    shipping: Option<ShippingChoice>,
    pricing_date: Option<Arc<PricingDate>>,
    customer: Option<CustomerId>,
    lifetimes: IdleLifetimes,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A cart of schema 3: without whether its shopper was shown what it came to.
#[derive(Deserialize)]
pub(super) struct Cart3 {
    id: CartId,
    owner: Option<SessionId>,
    state: State,
    currency: Currency,
    lines: Lines,
    codes: Vec<Code>,
    stored_values: Vec<StoredValueId>,
    email: Option<Email>,
    shipping_address: Option<Arc<Address>>,
    billing_address: Option<Arc<Address>>,
    shipping: Option<ShippingChoice>,
    pricing_date: Option<Arc<PricingDate>>,
    customer: Option<CustomerId>,
    lifetimes: IdleLifetimes,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A cart of schema 4: without whether somebody else took out what was to pay a part of it.
#[derive(Deserialize)]
pub(super) struct Cart4 {
    id: CartId,
    owner: Option<SessionId>,
    state: State,
    currency: Currency,
    lines: Lines,
    codes: Vec<Code>,
    stored_values: Vec<StoredValueId>,
    email: Option<Email>,
    shipping_address: Option<Arc<Address>>,
    billing_address: Option<Arc<Address>>,
    shipping: Option<ShippingChoice>,
    pricing_date: Option<Arc<PricingDate>>,
    customer: Option<CustomerId>,
    lifetimes: IdleLifetimes,
    created_at: Timestamp,
    updated_at: Timestamp,
    is_shown: bool,
}

/// Returns a cart that was written as one of schema 5, which had a flag where `seen` is, of the same bytes as its first two.
/// What the lock of a checkout said of it was not always true, nor what it took for known of what had paid a part.
pub(super) fn of_schema_5(cart: Cart) -> Cart {
    let seen = match cart.state.holder() {
        Some(_) => Seen::Nothing,
        None => cart.seen,
    };
    let may_have_lost = seen != Seen::AsWritten && cart.stored_values.is_empty();
    Cart {
        seen,
        has_lost_cover: cart.has_lost_cover || may_have_lost,
        ..cart
    }
}

impl From<Cart1> for Cart {
    fn from(past: Cart1) -> Self {
        Self::from(Cart2 {
            id: past.id,
            owner: past.owner,
            state: past.state,
            currency: past.currency,
            lines: past.lines,
            email: past.email,
            shipping_address: past.shipping_address,
            billing_address: past.billing_address,
            shipping: past.shipping,
            pricing_date: None,
            customer: None,
            lifetimes: past.lifetimes,
            created_at: past.created_at,
            updated_at: past.updated_at,
        })
    }
}

impl From<Cart2> for Cart {
    fn from(past: Cart2) -> Self {
        let cart = Self::from(Cart3 {
            id: past.id,
            owner: past.owner,
            state: past.state,
            currency: past.currency,
            lines: past.lines.into(),
            codes: Vec::new(),
            stored_values: Vec::new(),
            email: past.email,
            shipping_address: past.shipping_address,
            billing_address: past.billing_address,
            shipping: past.shipping,
            pricing_date: past.pricing_date,
            customer: past.customer,
            lifetimes: past.lifetimes,
            created_at: past.created_at,
            updated_at: past.updated_at,
        });
        // No gift card ever paid a part of it.
        Self {
            has_lost_cover: false,
            ..cart
        }
    }
}

impl From<Cart3> for Cart {
    fn from(past: Cart3) -> Self {
        Self::from(Cart4 {
            id: past.id,
            owner: past.owner,
            state: past.state,
            currency: past.currency,
            lines: past.lines,
            codes: past.codes,
            stored_values: past.stored_values,
            email: past.email,
            shipping_address: past.shipping_address,
            billing_address: past.billing_address,
            shipping: past.shipping,
            pricing_date: past.pricing_date,
            customer: past.customer,
            lifetimes: past.lifetimes,
            created_at: past.created_at,
            updated_at: past.updated_at,
            is_shown: false,
        })
    }
}

impl From<Cart4> for Cart {
    fn from(past: Cart4) -> Self {
        // Where nothing pays a part of it and its shopper has not seen that, something may have been taken out.
        let has_lost_cover = !past.is_shown && past.stored_values.is_empty();
        Self {
            id: past.id,
            owner: past.owner,
            state: past.state,
            currency: past.currency,
            lines: past.lines,
            codes: past.codes,
            stored_values: past.stored_values,
            email: past.email,
            shipping_address: past.shipping_address,
            billing_address: past.billing_address,
            shipping: past.shipping,
            pricing_date: past.pricing_date,
            customer: past.customer,
            lifetimes: past.lifetimes,
            created_at: past.created_at,
            updated_at: past.updated_at,
            seen: if past.is_shown {
                Seen::AsWritten
            } else {
                Seen::Nothing
            },
            has_lost_cover,
        }
    }
}

/// A frozen quote of schema 1: with one rate a line.
pub(crate) type FrozenQuote1 = PastFrozenQuote<Quote1>;
/// A frozen quote of schema 2: without promotions.
pub(crate) type FrozenQuote2 = PastFrozenQuote<Quote2>;

/// A frozen quote around a past quote.
#[derive(Deserialize)]
pub(crate) struct PastFrozenQuote<Q> {
    checkout: CheckoutId,
    cart: CartId,
    quote: Q,
    lines: Vec<FrozenLine>,
    email: Option<Email>,
    shipping_address: Option<Arc<Address>>,
    billing_address: Option<Arc<Address>>,
    shipping_method: Option<ShippingChoice>,
    frozen_at: Timestamp,
}

/// A frozen quote of schema 3: without why promotions did or did not apply.
#[derive(Deserialize)]
pub(crate) struct FrozenQuote3 {
    checkout: CheckoutId,
    cart: CartId,
    quote: Quote,
    tenders: Vec<Tender>,
    lines: Vec<FrozenLine>,
    email: Option<Email>,
    shipping_address: Option<Arc<Address>>,
    billing_address: Option<Arc<Address>>,
    shipping_method: Option<ShippingChoice>,
    customer: Option<CustomerId>,
    uses: Vec<Use>,
    frozen_at: Timestamp,
}

#[derive(Deserialize)]
pub(crate) struct Quote1 {
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

#[derive(Deserialize)]
pub(crate) struct Quote2 {
    currency: Currency,
    lines: Vec<QuoteLine>,
    shipping_line: Option<QuoteShipping2>,
    shipping_unavailable: Option<ShippingMethodId>,
    zone: Option<TaxZoneId>,
    tax_relief: Option<TaxRelief>,
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
struct QuoteShipping2 {
    method: ShippingMethodId,
    amount: Money,
    tax_stripped: Money,
    tax: Option<LineTax>,
}

impl<Q: Into<Quote>> From<PastFrozenQuote<Q>> for FrozenQuote {
    fn from(past: PastFrozenQuote<Q>) -> Self {
        Self::from(FrozenQuote3 {
            checkout: past.checkout,
            cart: past.cart,
            quote: past.quote.into(),
            tenders: Vec::new(),
            lines: past.lines,
            email: past.email,
            shipping_address: past.shipping_address,
            billing_address: past.billing_address,
            shipping_method: past.shipping_method,
            customer: None,
            uses: Vec::new(),
            frozen_at: past.frozen_at,
        })
    }
}

impl From<FrozenQuote3> for FrozenQuote {
    fn from(past: FrozenQuote3) -> Self {
        Self {
            checkout: past.checkout,
            cart: past.cart,
            quote: past.quote,
            looked: Vec::new(),
            tenders: past.tenders,
            lines: past.lines,
            email: past.email,
            shipping_address: past.shipping_address,
            billing_address: past.billing_address,
            shipping_method: past.shipping_method,
            customer: past.customer,
            uses: past.uses,
            frozen_at: past.frozen_at,
        }
    }
}

impl From<Quote1> for Quote {
    fn from(past: Quote1) -> Self {
        Self::from(Quote2 {
            currency: past.currency,
            lines: past.lines.into_iter().map(QuoteLine::from).collect(),
            shipping_line: past.shipping_line.map(QuoteShipping2::from),
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
        })
    }
}

impl From<Quote2> for Quote {
    fn from(past: Quote2) -> Self {
        Self {
            currency: past.currency,
            lines: past.lines,
            shipping_line: past.shipping_line.map(QuoteShipping::from),
            shipping_unavailable: past.shipping_unavailable,
            zone: past.zone,
            tax_relief: past.tax_relief,
            tax_source: TaxSource::Table,
            estimated: past.estimated,
            subtotal: past.subtotal,
            discounts: past.discounts,
            shipping: past.shipping,
            tax: past.tax,
            tax_included: past.tax_included,
            tax_estimate: past.tax_estimate,
            total: past.total,
            promotions: Vec::new(),
            codes: Vec::new(),
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

impl From<QuoteShipping2> for QuoteShipping {
    fn from(past: QuoteShipping2) -> Self {
        Self {
            method: past.method,
            source: PriceSource::Tariff,
            amount: past.amount,
            tax_stripped: past.tax_stripped,
            discount: Money::zero(past.amount.currency),
            tax: past.tax,
        }
    }
}

impl From<QuoteShipping1> for QuoteShipping2 {
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
