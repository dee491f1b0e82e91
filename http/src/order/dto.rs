//! Orders on the wire.

use crate::answer::versioned;
use crate::cart::{AppliedPromotion, Totals};
use crate::dto::{Address, Money, Price, Tax, Time, unless_zero};
use cartwright_actors::Shown;
use cartwright_domain::Caller;
use cartwright_domain::cart::{FrozenLine, QuoteLine, ShippingChoice};
use cartwright_domain::order::{self, StatusChange};
use cartwright_domain::payment::{Payment, PaymentState};
use cartwright_domain::stored_value::Tender;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// What was bought, as it was when it was bought, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Order {
    /// Its id.
    #[schema(example = "ord_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    id: String,
    /// Its number, without gaps.
    #[schema(example = 1)]
    number: Option<u64>,
    /// `pending`, `confirmed`, `processing`, `shipped`, `delivered`, `canceled` or `failed`.
    #[schema(example = "confirmed")]
    status: &'static str,
    /// `authorized`, `captured`, `capture_failed`, `partially_refunded`, `refunded` or `voided`; `null` without a
    /// payment.
    #[schema(example = "captured")]
    payment_state: Option<&'static str>,
    /// `unfulfilled`, `shipped` or `delivered`.
    #[schema(example = "unfulfilled")]
    fulfillment_state: &'static str,
    /// The shopper's e-mail address.
    email: Option<String>,
    /// Where the goods go.
    shipping_address: Option<Address>,
    /// Where the bill goes.
    billing_address: Option<Address>,
    /// How the goods go.
    shipping_method: Option<OrderShipping>,
    /// What was bought.
    lines: Vec<OrderLine>,
    /// What it costs.
    totals: Totals,
    /// The promotions that applied, in the order in which they did, with what each really gave.
    promotions: Vec<AppliedPromotion>,
    /// How it is paid: gift cards and store credit in the order in which they paid, then the payment provider.
    payments: Vec<OrderPayment>,
    /// Who moved its status, when and why.
    history: Vec<OrderStatusChange>,
    /// When it was placed.
    placed_at: Time,
    /// The cart it was made of.
    cart_id: String,
    /// How often it was changed.
    version: u64,
    /// What shows the order to whoever has it, besides the number. Only for who ordered.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// The shipping method an order was placed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct OrderShipping {
    /// Its id then.
    id: String,
    /// Its name then.
    name: String,
}

/// Some units of one variant, as they were bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct OrderLine {
    /// Its id, the one it had in the cart.
    #[schema(example = "line_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    id: String,
    /// What was bought.
    variant_id: String,
    /// Its SKU then.
    sku: String,
    /// Its title then.
    title: String,
    /// What the shopper chose.
    options: BTreeMap<String, String>,
    /// What the storefront noted.
    custom_fields: BTreeMap<String, String>,
    /// How many units.
    quantity: u32,
    /// What a unit cost.
    unit_price: Price,
    /// Unit price times quantity, rounded once, less `tax_stripped`.
    total: Money,
    /// The tax that its price included and the buyer was not charged; absent where that was nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_stripped: Option<Money>,
    /// The line's share of the discounts.
    discount: Money,
    /// The tax on total less discount; `null` where it was not taxed.
    tax: Option<Tax>,
}

/// A payment of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct OrderPayment {
    /// Who takes the money: a payment provider, `gift_card` or `store_credit`.
    #[schema(example = "sandbox")]
    provider: String,
    /// The provider's name for it; the id of a gift card or store credit.
    reference: String,
    /// The end of a gift card's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ZC4D")]
    last_characters: Option<String>,
    /// How it stands.
    #[schema(example = "captured")]
    state: &'static str,
    /// How much was set aside.
    authorized: Money,
    /// How much was taken.
    captured: Money,
    /// How much was given back.
    refunded: Money,
}

/// A move of an order's status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct OrderStatusChange {
    /// When.
    at: Time,
    /// Who; shoppers are told of staff, and not of whom.
    #[schema(example = "staff:admin")]
    by: String,
    /// The status before; `null` when it was placed.
    from: Option<&'static str>,
    /// The status since.
    to: &'static str,
    /// Why; what staff have written is told to staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// A cancellation.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct OrderCancellation {
    /// Why, kept with the order and told to staff only.
    pub(super) reason: String,
}

/// What shows that an order is the caller's, besides its session.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OrderProof {
    /// The order's token.
    pub(super) token: Option<String>,
    /// The e-mail address it was placed with; only together with its number.
    pub(super) email: Option<String>,
}

versioned!(Order);

impl Order {
    /// Writes an order for whoever ordered: with its token.
    pub(super) fn for_owner(shown: &Shown<order::Order>) -> Self {
        Self {
            token: Some(shown.state.token().to_owned()),
            ..Self::for_shopper(shown)
        }
    }

    /// Writes an order for who is not of staff: without who of them moved it and why, which they write for each other.
    pub(super) fn for_shopper(shown: &Shown<order::Order>) -> Self {
        let mut order = Self::from(shown);
        for change in &mut order.history {
            if Caller::names_staff(&change.by) {
                (change.by, change.reason) = ("staff".to_owned(), None);
            }
        }
        order
    }
}

/// Writes an order for staff: without its token.
impl From<&Shown<order::Order>> for Order {
    fn from(shown: &Shown<order::Order>) -> Self {
        let order = &shown.state;
        let frozen = order.quote();
        Self {
            id: order.id().to_string(),
            number: order.number(),
            status: order.status().name(),
            payment_state: order.payment_state().map(PaymentState::name),
            fulfillment_state: order.fulfillment_state().name(),
            email: frozen.email.as_ref().map(ToString::to_string),
            shipping_address: frozen.shipping_address.as_deref().map(Address::from),
            billing_address: frozen.billing_address.as_deref().map(Address::from),
            shipping_method: frozen.shipping_method.as_ref().map(OrderShipping::from),
            lines: frozen
                .lines
                .iter()
                .zip(&frozen.quote.lines)
                .map(OrderLine::from)
                .collect(),
            totals: Totals::from(&frozen.quote),
            promotions: frozen
                .quote
                .promotions
                .iter()
                .map(AppliedPromotion::from)
                .collect(),
            payments: order
                .payments()
                .iter()
                .map(|payment| OrderPayment::of(payment, &frozen.tenders))
                .collect(),
            history: order.history().iter().map(OrderStatusChange::from).collect(),
            placed_at: order.placed_at().into(),
            cart_id: frozen.cart.to_string(),
            version: shown.revision.0,
            token: None,
        }
    }
}

impl From<&ShippingChoice> for OrderShipping {
    fn from(ShippingChoice { method, name }: &ShippingChoice) -> Self {
        Self {
            id: method.to_string(),
            name: name.clone(),
        }
    }
}

impl From<(&FrozenLine, &QuoteLine)> for OrderLine {
    fn from((line, quoted): (&FrozenLine, &QuoteLine)) -> Self {
        Self {
            id: line.line.to_string(),
            variant_id: line.variant.to_string(),
            sku: line.sku.to_string(),
            title: line.title.to_string(),
            options: line.options.clone(),
            custom_fields: line.custom_fields.clone(),
            quantity: quoted.quantity,
            unit_price: quoted.unit_price.into(),
            total: quoted.amount.into(),
            tax_stripped: unless_zero(quoted.tax_stripped),
            discount: quoted.discount.into(),
            tax: quoted.tax.as_ref().map(Tax::from),
        }
    }
}

impl OrderPayment {
    fn of(payment: &Payment, tenders: &[Tender]) -> Self {
        let value = payment.stored_value();
        let tender = tenders.iter().find(|tender| Some(tender.value) == value);
        Self {
            last_characters: tender.and_then(|tender| tender.last_characters.clone()),
            provider: payment.provider().to_owned(),
            reference: payment.reference().to_owned(),
            state: payment.state().name(),
            authorized: payment.authorized_amount().into(),
            captured: payment.captured().into(),
            refunded: payment.refunded().into(),
        }
    }
}

impl From<&StatusChange> for OrderStatusChange {
    fn from(change: &StatusChange) -> Self {
        Self {
            at: change.at.into(),
            by: change.by.clone(),
            from: change.from.map(order::Status::name),
            to: change.to.name(),
            reason: Some(change.reason.clone()),
        }
    }
}
