//! The order: what it keeps, who may see it, and its keys.

use super::{Error, Event, FulfillmentState, Status};
use crate::caller::Caller;
use crate::cart::{FrozenQuote, FrozenQuote1, FrozenQuote2, FrozenQuote3};
use crate::customer::Shopper;
use crate::entity::{Context, Entity, Keys, NoTimer, PastBody};
use crate::error::{Broken, ensure};
use crate::id::{OrderId, SessionId, VariantId};
use crate::kind::{Kind, Listing, ListingKey, Sequence, Unique, UniqueKey};
use crate::payment::{Payment, PaymentState};
use crate::text::Email;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub(super) id: OrderId,
    /// Drawn by the commit that places it.
    pub(super) number: Option<u64>,
    pub(super) status: Status,
    pub(super) session: Option<SessionId>,
    /// With the number it opens the order to whoever has it.
    pub(super) token: String,
    pub(super) placed_at: Timestamp,
    pub(super) payments: Vec<Payment>,
    pub(super) history: Vec<StatusChange>,
    pub(super) stock: Arc<Vec<PromisedStock>>,
    pub(super) quote: Arc<FrozenQuote>,
}

/// Units that the stock of a variant promised to the order when it was placed. What is not tracked has no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromisedStock {
    /// Of which variant.
    pub variant: VariantId,
    /// How many units: what a cancellation gives back.
    pub quantity: u64,
}

/// A move of the status: who, when, why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChange {
    /// When.
    pub at: Timestamp,
    /// Who, as [`Caller::name`] has it.
    pub by: String,
    /// The status before; none when it was placed.
    pub from: Option<Status>,
    /// The status since.
    pub to: Status,
    /// Why.
    pub reason: String,
}

impl Order {
    /// Returns its id.
    pub fn id(&self) -> OrderId {
        self.id
    }

    /// Returns its number, gap-free and counted from one. Every committed order has one.
    pub fn number(&self) -> Option<u64> {
        self.number
    }

    /// Returns how far it has come.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Returns how much of it is on its way or has arrived.
    pub fn fulfillment_state(&self) -> FulfillmentState {
        self.status.fulfillment()
    }

    /// Returns how it is paid: of several payments the state that most needs a person. None without payments.
    pub fn payment_state(&self) -> Option<PaymentState> {
        let has = |state: &PaymentState| self.payments.iter().any(|payment| payment.state() == *state);
        PaymentState::BY_URGENCY.iter().copied().find(has)
    }

    /// Returns the session that ordered.
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// Returns the secret that opens the order together with its number. Shown to its owner only.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns when it was placed.
    pub fn placed_at(&self) -> Timestamp {
        self.placed_at
    }

    /// Returns its payments, the oldest first.
    pub fn payments(&self) -> &[Payment] {
        &self.payments
    }

    /// Returns every move of its status, the oldest first.
    pub fn history(&self) -> &[StatusChange] {
        &self.history
    }

    /// Returns what stock promised to it when it was placed.
    pub fn stock(&self) -> &[PromisedStock] {
        &self.stock
    }

    /// Returns what it was placed with: lines, amounts, addresses, cart and checkout. It never changes.
    pub fn quote(&self) -> &Arc<FrozenQuote> {
        &self.quote
    }

    /// Tells whether a caller may see it without further proof: staff, and the session that ordered.
    pub fn belongs_to(&self, caller: &Caller) -> bool {
        caller.is_staff() || (self.session.is_some() && self.session == caller.session)
    }

    /// Tells whether this is its token. Takes the same time wherever they differ.
    pub fn has_token(&self, token: &str) -> bool {
        let pairs = self.token.bytes().zip(token.bytes());
        let differences = pairs.fold(0, |sum, (left, right)| sum | (left ^ right));
        self.token.len() == token.len() && differences == 0
    }

    /// Returns as whom its shopper is known.
    fn shoppers(&self) -> impl Iterator<Item = Shopper<'_>> {
        let customer = self.quote.customer.map(Shopper::Customer);
        let guest = self.quote.email.as_ref().map(Shopper::Guest);
        customer.into_iter().chain(guest)
    }

    /// Returns what the rows of a shopper's orders begin with in [`Listing::OrdersByShopper`]. It tells nobody who that
    /// is.
    pub fn listed_by(shopper: &Shopper<'_>) -> Vec<u8> {
        let digest = Uuid::new_v5(&Uuid::NAMESPACE_OID, shopper.compare_key().as_bytes());
        digest.as_bytes().to_vec()
    }

    /// Tells whether it was ordered with this e-mail address, in whatever spelling.
    pub fn has_email(&self, text: &str) -> bool {
        self.quote
            .email
            .as_ref()
            .is_some_and(|own| own.compare_key() == Email::compare_key_of(text))
    }
}

impl Entity for Order {
    const KIND: Kind = Kind::Order;
    const SCHEMA: u16 = 4;
    const SEQUENCE: Option<Sequence> = Some(Sequence::Order);
    type Id = OrderId;
    type Event = Event;
    type Timer = NoTimer;
    type Error = Error;

    fn decode_past<B: PastBody>(schema: u16, body: &B) -> Result<Self, String> {
        match schema {
            1 => body.read::<PastOrder<FrozenQuote1>>().map(Self::from),
            2 => body.read::<PastOrder<FrozenQuote2>>().map(Self::from),
            3 => body.read::<PastOrder<FrozenQuote3>>().map(Self::from),
            _ => Err(format!("{} has no schema {schema}", Self::KIND)),
        }
    }

    fn invariants(&self) -> Result<(), Broken> {
        let currency = self.quote.quote.currency;
        for payment in &self.payments {
            payment.invariants()?;
            ensure(
                payment.authorized_amount().currency == currency,
                "an order is paid in its own currency",
            )?;
        }
        let mut before = None;
        for change in &self.history {
            let legal = before.map_or(change.to == Status::Pending, |from: Status| {
                from.next().contains(&change.to)
            });
            ensure(
                change.from == before && legal,
                "the history is of legal moves, from pending on",
            )?;
            before = Some(change.to);
        }
        ensure(before == Some(self.status), "the status is the history's last")?;
        ensure(!self.token.is_empty(), "an order has a token")?;
        ensure(
            self.stock.iter().all(|promised| 0 < promised.quantity),
            "no promise is empty",
        )?;
        self.quote.check()
    }

    fn keys(&self) -> Keys {
        let mut keys = Keys::default();
        if let Some(number) = self.number {
            keys.unique
                .push(UniqueKey::new(Unique::OrderNumber, number.to_be_bytes()));
            if self.status != Status::Canceled {
                for shopper in self.shoppers() {
                    let mut sort = Self::listed_by(&shopper);
                    sort.extend(number.to_be_bytes());
                    keys.listing.push(ListingKey::new(Listing::OrdersByShopper, sort));
                }
            }
        }
        keys
    }

    /// Once its payment is captured it waits for people.
    fn may_rest(&self) -> bool {
        let is_authorized = |payment: &Payment| payment.state() == PaymentState::Authorized;
        self.status != Status::Pending && !self.payments.iter().any(is_authorized)
    }

    fn wake(&mut self, timer: NoTimer, _: &mut Context<'_, Self>) -> Result<(), Error> {
        match timer {}
    }

    fn assign_number(&mut self, number: u64) {
        self.number = Some(number);
    }
}

/// An order of a past schema: with a quote of the same.
#[derive(Deserialize)]
struct PastOrder<Q> {
    id: OrderId,
    number: Option<u64>,
    status: Status,
    session: Option<SessionId>,
    token: String,
    placed_at: Timestamp,
    payments: Vec<Payment>,
    history: Vec<StatusChange>,
    stock: Arc<Vec<PromisedStock>>,
    quote: Q,
}

impl<Q: Into<FrozenQuote>> From<PastOrder<Q>> for Order {
    fn from(past: PastOrder<Q>) -> Self {
        Self {
            id: past.id,
            number: past.number,
            status: past.status,
            session: past.session,
            token: past.token,
            placed_at: past.placed_at,
            payments: past.payments,
            history: past.history,
            stock: past.stock,
            quote: Arc::new(past.quote.into()),
        }
    }
}
