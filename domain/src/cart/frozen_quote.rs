//! The frozen quote: what a checkout agreed on, written once and kept by the order for ever.

use super::totals::{Looked, Trace};
use super::{
    Attributes, Cart, Error, FrozenQuote1, FrozenQuote2, FrozenQuote3, PriceOverride, Quote, ShippingChoice,
    VariantFacts,
};
use crate::address::Address;
use crate::entity::{Context, Entity, NoTimer, PastBody};
use crate::error::{Broken, ensure};
use crate::event::EventBody;
use crate::id::{CartId, CheckoutId, CustomerId, LineId, ProductId, ShippingMethodId, VariantId};
use crate::kind::Kind;
use crate::money::Money;
use crate::promotion::Use;
use crate::shared;
use crate::stored_value::{Coverage, Covered, Tender};
use crate::text::Email;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How many promotions are kept that did not apply, the first of them.
const NOT_APPLIED_MAX: usize = 100;

/// A quote with everything an order keeps: names, SKUs, addresses, whatever the catalog does later. It is part of its
/// checkout until the order has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenQuote {
    /// The checkout that froze it.
    pub checkout: CheckoutId,
    /// The cart it is of.
    pub cart: CartId,
    /// What it costs.
    pub quote: Quote,
    /// Why promotions did or did not apply, and what each of their actions came to. Nothing in what was frozen before
    /// this was kept.
    pub looked: Vec<Looked>,
    /// What gift cards and store credit pay of it, in the order in which they do.
    pub tenders: Vec<Tender>,
    /// What is bought, line by line as in the quote.
    pub lines: Vec<FrozenLine>,
    /// The shopper's e-mail address.
    pub email: Option<Email>,
    /// Where the goods go.
    pub shipping_address: Option<Arc<Address>>,
    /// Where the bill goes.
    pub billing_address: Option<Arc<Address>>,
    /// How the goods go.
    pub shipping_method: Option<ShippingChoice>,
    /// The customer it is for, where staff keep a record.
    pub customer: Option<CustomerId>,
    /// The uses of limited promotions that the order needs, in the order in which they are reserved.
    pub uses: Vec<Use>,
    /// When it was frozen.
    pub frozen_at: Timestamp,
}

/// What one line was, as it was bought. Quantity and amounts are in the quote's line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenLine {
    /// Which line.
    pub line: LineId,
    /// Of which variant.
    pub variant: VariantId,
    /// Of which product.
    pub product: ProductId,
    /// Its SKU.
    #[serde(deserialize_with = "shared::text")]
    pub sku: Arc<str>,
    /// Its title.
    #[serde(deserialize_with = "shared::text")]
    pub title: Arc<str>,
    /// What the shopper chose.
    pub options: Attributes,
    /// What the storefront noted.
    pub custom_fields: Attributes,
    /// The unit price that staff set, with who set it.
    pub price_override: Option<PriceOverride>,
}

impl FrozenQuote {
    /// Freezes a cart's quote: with the uses it needs, and under the names that variants go by now.
    pub fn of_cart<'a>(
        checkout: CheckoutId,
        cart: &Cart,
        quote: Quote,
        uses: Vec<Use>,
        facts: impl Fn(VariantId) -> Option<&'a VariantFacts>,
        frozen_at: Timestamp,
    ) -> Self {
        let mut lines = Vec::with_capacity(cart.lines().len());
        for line in cart.lines() {
            let facts = facts(line.variant);
            lines.push(FrozenLine {
                line: line.id,
                variant: line.variant,
                product: line.product,
                sku: Arc::clone(facts.map_or(&line.sku, |facts| &facts.sku)),
                title: Arc::clone(facts.map_or(&line.title, |facts| &facts.title)),
                options: line.options.clone(),
                custom_fields: line.custom_fields.clone(),
                price_override: line.price_override.as_deref().cloned(),
            });
        }
        // One that was chosen before there was nothing left to send is not how anything goes.
        let shipping = cart.shipping().filter(|_| quote.shipping_line.is_some());
        Self {
            checkout,
            cart: cart.id(),
            quote,
            looked: Vec::new(),
            tenders: Vec::new(),
            lines,
            email: cart.email().cloned(),
            shipping_address: cart.shipping_address().cloned(),
            billing_address: cart.bill_to().cloned(),
            shipping_method: shipping.cloned(),
            customer: cart.customer(),
            uses,
            frozen_at,
        }
    }

    /// Names how it goes by the name that the method has now, where it is known; else it keeps that of when it was chosen.
    #[must_use]
    pub fn sent_by(mut self, name_of: impl FnOnce(ShippingMethodId) -> Option<String>) -> Self {
        if let Some(choice) = &mut self.shipping_method
            && let Some(name) = name_of(choice.method)
        {
            choice.name = name;
        }
        self
    }

    /// Notes what gift cards and store credit are to pay.
    #[must_use]
    pub fn paid_with(self, tenders: Vec<Tender>) -> Self {
        Self { tenders, ..self }
    }

    /// Notes why promotions did or did not apply.
    #[must_use]
    pub fn explained_by(self, trace: Trace) -> Self {
        let mut looked = trace.looked;
        let mut left = NOT_APPLIED_MAX;
        looked.retain(|looked| {
            let is_kept = looked.unmet.is_none() || 0 < left;
            left -= usize::from(looked.unmet.is_some() && is_kept);
            is_kept
        });
        Self { looked, ..self }
    }

    /// Returns what is left for the payment provider.
    pub fn due(&self) -> Money {
        let total = self.quote.total;
        let paid: i64 = self.tenders.iter().map(|tender| tender.amount.amount).sum();
        Money::new(total.amount - paid, total.currency)
    }

    /// Returns how the total is paid.
    pub fn coverage(&self) -> Coverage {
        let tenders = self.tenders.iter().cloned();
        let covered = tenders.map(|tender| Covered {
            tender,
            unusable: None,
        });
        Coverage {
            parts: covered.collect(),
            due: self.due(),
        }
    }

    /// Checks what holds of every frozen quote.
    ///
    /// # Errors
    /// The sentence that is not true.
    pub(crate) fn check(&self) -> Result<(), Broken> {
        let quoted = self.quote.lines.iter().map(|line| line.line);
        let same_lines = quoted.eq(self.lines.iter().map(|line| line.line));
        ensure(same_lines, "a frozen quote names every line it prices, in order")?;
        ensure(!self.quote.estimated, "a frozen quote is not an estimate")?;
        ensure(
            self.uses.is_sorted_by(|left, right| left.counter < right.counter),
            "uses are in ascending order of counter",
        )?;
        let currency = self.quote.total.currency;
        let pays = |tender: &Tender| tender.amount.currency == currency && 0 < tender.amount.amount;
        ensure(
            self.tenders.iter().all(pays) && 0 <= self.due().amount,
            "gift cards and store credit pay some of the total, and no more",
        )?;
        self.quote.check()
    }
}

/// What happened to a frozen quote, while it was an entity of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FrozenEvent {
    /// It was frozen.
    Frozen {
        /// Of which cart.
        cart: CartId,
        /// What is to be paid.
        total: Money,
    },
}

impl EventBody for FrozenEvent {
    const SCHEMA: u16 = 1;

    fn name(&self) -> &'static str {
        match self {
            Self::Frozen { .. } => "frozen_quote.frozen",
        }
    }
}

/// Earlier builds wrote it as an entity of its own, under the checkout's id. What they wrote is read for ever.
impl Entity for FrozenQuote {
    const KIND: Kind = Kind::FrozenQuote;
    const SCHEMA: u16 = 4;
    type Id = CheckoutId;
    type Event = FrozenEvent;
    type Timer = NoTimer;
    type Error = Error;

    fn decode_past<B: PastBody>(schema: u16, body: &B) -> Result<Self, String> {
        match schema {
            1 => body.read::<FrozenQuote1>().map(Self::from),
            2 => body.read::<FrozenQuote2>().map(Self::from),
            3 => body.read::<FrozenQuote3>().map(Self::from),
            _ => Err(format!("{} has no schema {schema}", Self::KIND)),
        }
    }

    fn invariants(&self) -> Result<(), Broken> {
        self.check()
    }

    fn wake(&mut self, timer: NoTimer, _: &mut Context<'_, Self>) -> Result<(), Error> {
        match timer {}
    }
}
