//! The stored value itself: its balance, what is held of it, and its ledger.

use super::{Error, Event, GiftCardCode, Unusable};
use crate::entity::{Context, Entity, Keys, NoTimer};
use crate::error::{Broken, ensure};
use crate::id::{CheckoutId, CustomerId, EntityId, OrderId, StoredValueId};
use crate::kind::{Kind, Listing, ListingKey, Unique, UniqueKey};
use crate::money::{Currency, Money};
use crate::text::Email;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The most, in minor units, that can be issued or adjusted at once, and that staff can make a balance.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000;
/// How many checkouts may hold something at the same time.
pub const HOLDS_MAX: usize = 100;
/// How many entries the ledger shows; what those between the first and the newest came to is brought forward.
pub const LEDGER_MAX: usize = 100;
/// The longest note, and the longest reason of an adjustment.
pub const REASON_LENGTH_MAX: usize = 500;

/// Money that the store owes: a gift card's, or a customer's store credit in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredValue {
    pub(super) id: StoredValueId,
    pub(super) form: Form,
    pub(super) balance: Money,
    /// By checkout, in ascending order.
    pub(super) holds: Arc<Vec<Hold>>,
    pub(super) enabled: bool,
    pub(super) note: Option<String>,
    /// What the entries came to that the ledger no longer shows.
    pub(super) brought_forward: Money,
    pub(super) ledger: Arc<Vec<Entry>>,
    pub(super) created_at: Timestamp,
}

/// Who may spend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// Whoever has the code.
    GiftCard(GiftCard),
    /// One customer.
    StoreCredit {
        /// Which.
        customer: CustomerId,
    },
}

/// What a gift card has besides its balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiftCard {
    /// The secret that spends it.
    pub code: GiftCardCode,
    /// When it can no longer be spent; never, where nothing is said.
    pub expires_at: Option<Timestamp>,
    /// For which customer it was issued, for staff: it is spent by its code.
    pub customer: Option<CustomerId>,
    /// An e-mail address that staff noted. Nothing is sent to it.
    pub email: Option<Email>,
}

/// What is held for a checkout until its order stands or it turns back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// For which checkout.
    pub checkout: CheckoutId,
    /// How much.
    pub amount: Money,
}

/// A change of the balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Who, as [`crate::Caller::name`] has it.
    pub by: String,
    /// How much came or, negative, went.
    pub amount: Money,
    /// The balance since.
    pub balance: Money,
    /// Why.
    pub cause: Cause,
}

/// Why a balance changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// It was issued.
    Issued,
    /// An order was paid.
    Used {
        /// Which order.
        order: OrderId,
    },
    /// Money that an order was paid with came back.
    GivenBack {
        /// Which order.
        order: OrderId,
    },
    /// Staff wanted it so.
    Adjusted {
        /// Why.
        reason: String,
    },
}

impl Cause {
    /// Returns the stable name on the wire.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Used { .. } => "used",
            Self::GivenBack { .. } => "given_back",
            Self::Adjusted { .. } => "adjusted",
        }
    }

    /// Returns the order it is about.
    pub const fn order(&self) -> Option<OrderId> {
        match self {
            Self::Used { order } | Self::GivenBack { order } => Some(*order),
            Self::Issued | Self::Adjusted { .. } => None,
        }
    }
}

impl StoredValue {
    /// Makes one without a balance.
    pub(super) fn empty(id: StoredValueId, form: Form, currency: Currency, now: Timestamp) -> Self {
        Self {
            id,
            form,
            balance: Money::zero(currency),
            holds: Arc::default(),
            enabled: true,
            note: None,
            brought_forward: Money::zero(currency),
            ledger: Arc::default(),
            created_at: now,
        }
    }

    /// Returns its id.
    pub fn id(&self) -> StoredValueId {
        self.id
    }

    /// Returns who may spend it.
    pub fn form(&self) -> &Form {
        &self.form
    }

    /// Returns what a gift card has besides; nothing for store credit.
    pub fn gift_card(&self) -> Option<&GiftCard> {
        match &self.form {
            Form::GiftCard(card) => Some(card),
            Form::StoreCredit { .. } => None,
        }
    }

    /// Returns the customer whose store credit it is; nobody's for a gift card.
    pub fn creditor(&self) -> Option<CustomerId> {
        match &self.form {
            Form::GiftCard(_) => None,
            Form::StoreCredit { customer } => Some(*customer),
        }
    }

    /// Returns its currency.
    pub fn currency(&self) -> Currency {
        self.balance.currency
    }

    /// Returns what is on it, what is held of it included.
    pub fn balance(&self) -> Money {
        self.balance
    }

    /// Returns what checkouts hold of it.
    pub fn held(&self) -> Money {
        self.held_but_for(None)
    }

    /// Returns what a checkout could have of it now, its own hold included; what anybody could have without one.
    pub fn available_to(&self, checkout: Option<CheckoutId>) -> Money {
        let held = self.held_but_for(checkout);
        Money::new(self.balance.amount.saturating_sub(held.amount), self.currency())
    }

    /// Returns what is held, by checkout.
    pub fn holds(&self) -> &[Hold] {
        &self.holds
    }

    /// Tells whether it may be spent, as far as staff say so.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Returns what staff noted.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Returns what entries came to that the ledger no longer shows.
    pub fn brought_forward(&self) -> Money {
        self.brought_forward
    }

    /// Returns the first change of the balance and the newest, in their order.
    pub fn ledger(&self) -> &[Entry] {
        &self.ledger
    }

    /// Returns what a gift card was issued with; nothing for store credit, nor where an earlier version let that entry go.
    pub fn issued(&self) -> Option<Money> {
        let issue = self.ledger.iter().find(|entry| entry.cause == Cause::Issued);
        issue.map(|entry| entry.amount)
    }

    /// Returns when it was issued or opened.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Says why nothing of it can be spent on a cart at all, whatever its balance; nothing where it can.
    pub fn unusable(
        &self,
        currency: Currency,
        customer: Option<CustomerId>,
        now: Timestamp,
    ) -> Option<Unusable> {
        let is_expired = |until: Timestamp| until <= now;
        if !self.enabled {
            return Some(Unusable::Disabled);
        }
        match &self.form {
            Form::GiftCard(card) if card.expires_at.is_some_and(is_expired) => {
                return Some(Unusable::Expired);
            }
            Form::StoreCredit { customer: own } if customer != Some(*own) => {
                return Some(Unusable::OtherCustomer);
            }
            Form::GiftCard(_) | Form::StoreCredit { .. } => {}
        }
        (self.currency() != currency).then_some(Unusable::OtherCurrency)
    }

    fn held_but_for(&self, checkout: Option<CheckoutId>) -> Money {
        let others = self.holds.iter().filter(|hold| Some(hold.checkout) != checkout);
        let amount = others.map(|hold| hold.amount.amount).sum();
        Money::new(amount, self.currency())
    }

    /// Changes the balance, with its entry in the ledger.
    pub(super) fn book(&mut self, amount: Money, cause: Cause, cx: &Context<'_, Self>) -> Result<(), Error> {
        self.balance = self.balance.plus(amount)?;
        let ledger = Arc::make_mut(&mut self.ledger);
        ledger.push(Entry {
            at: cx.now(),
            by: cx.caller().name(),
            amount,
            balance: self.balance,
            cause,
        });
        if LEDGER_MAX < ledger.len() {
            // The first stays: an import asks for it, however much was booked since.
            self.brought_forward = self.brought_forward.plus(ledger.remove(1).amount)?;
        }
        Ok(())
    }
}

impl Entity for StoredValue {
    const KIND: Kind = Kind::StoredValue;
    const SCHEMA: u16 = 1;
    type Id = StoredValueId;
    type Event = Event;
    type Timer = NoTimer;
    type Error = Error;

    fn invariants(&self) -> Result<(), Broken> {
        let currency = self.currency();
        let holds = || self.holds.iter();
        ensure(
            holds().all(|hold| hold.amount.currency == currency && 0 < hold.amount.amount),
            "a hold is of something, in the currency of the balance",
        )?;
        ensure(self.held().amount <= self.balance.amount, "0 <= held <= balance")?;
        ensure(
            self.holds
                .windows(2)
                .all(|pair| pair[0].checkout < pair[1].checkout),
            "a checkout holds once, and holds are in ascending order",
        )?;
        ensure(
            self.holds.len() <= HOLDS_MAX && self.ledger.len() <= LEDGER_MAX,
            "holds and ledger are bounded",
        )?;
        let booked = Money::sum(currency, self.ledger.iter().map(|entry| entry.amount));
        let sum = booked.and_then(|sum| self.brought_forward.plus(sum));
        ensure(
            sum == Ok(self.balance),
            "what is brought forward and the ledger sum to the balance",
        )
    }

    fn keys(&self) -> Keys {
        match &self.form {
            Form::GiftCard(card) => Keys {
                unique: vec![UniqueKey::new(Unique::GiftCardCode, card.code.as_str())],
                listing: vec![ListingKey::new(Listing::GiftCards, self.created_at.sort_key())],
            },
            Form::StoreCredit { customer } => Keys {
                unique: Vec::new(),
                listing: vec![ListingKey::new(Listing::StoreCreditByCustomer, customer.uuid())],
            },
        }
    }

    fn may_rest(&self) -> bool {
        self.holds.is_empty()
    }

    fn wake(&mut self, timer: NoTimer, _: &mut Context<'_, Self>) -> Result<(), Error> {
        match timer {}
    }
}
