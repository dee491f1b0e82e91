//! The cart: its state, its lines, its timers.

use super::past::{Cart1, Cart2, Cart3, Cart4, of_schema_5};
use super::{
    CODES_MAX, Error, Event, Line, LineProblem, Lines, STORED_VALUES_MAX, VariantFacts, line_problems,
};
use crate::address::Address;
use crate::caller::Caller;
use crate::customer::{Customer, KnownAs};
use crate::entity::{BodyWriter, Context, Entity, PastBody, TimerName};
use crate::error::{Broken, ensure};
use crate::id::{
    CartId, CheckoutId, CustomerId, LineId, OrderId, SessionId, ShippingMethodId, StoredValueId, VariantId,
};
use crate::kind::Kind;
use crate::money::{Currency, Money};
use crate::promotion::Code;
use crate::text::Email;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What a shopper intends to buy.
///
/// A copy costs a pointer a page of lines, and copies that share their pages compare at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cart {
    pub(super) id: CartId,
    pub(super) owner: Option<SessionId>,
    pub(super) state: State,
    pub(super) currency: Currency,
    pub(super) lines: Lines,
    pub(super) codes: Vec<Code>,
    pub(super) stored_values: Vec<StoredValueId>,
    pub(super) email: Option<Email>,
    pub(super) shipping_address: Option<Arc<Address>>,
    pub(super) billing_address: Option<Arc<Address>>,
    pub(super) shipping: Option<ShippingChoice>,
    pub(super) pricing_date: Option<Arc<PricingDate>>,
    pub(super) customer: Option<CustomerId>,
    pub(super) lifetimes: IdleLifetimes,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) seen: Seen,
    /// See [`Cart::has_lost_cover`].
    pub(super) has_lost_cover: bool,
}

/// What a cart's shopper was shown of what it comes to, as far as the cart itself knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seen {
    /// Not what it comes to now.
    Nothing,
    /// What it came to when it was last written: by the answer to their own change.
    AsWritten,
    /// This, when a checkout locked it. Prices and gift cards may have changed in that moment.
    Sums(Sums),
}

/// What a cart comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// What it costs.
    pub total: Money,
    /// What of it gift cards and store credit leave for the payment provider.
    pub due: Money,
}

impl Sums {
    /// Returns what is left of a total for the payment provider where as much else pays as of this one; nothing of another
    /// currency.
    pub fn due_of(self, total: Money) -> Option<Money> {
        let covered = self.total.minus(self.due).ok()?;
        let due = total.minus(covered).ok()?;
        Some(if due.amount < 0 {
            Money::zero(total.currency)
        } else {
            due
        })
    }
}

/// Where a cart stands (section 4.1 of the semantics).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Nothing was ever in it.
    Created,
    /// It can be changed and checked out. An emptied cart stays active.
    Active,
    /// A checkout holds it.
    Checkout {
        /// Which one.
        checkout: CheckoutId,
        /// How much of it.
        scope: LockScope,
    },
    /// It became an order, for ever.
    Completed {
        /// By which checkout.
        checkout: CheckoutId,
        /// Which order.
        order: OrderId,
    },
    /// Nobody touched it for its lifetime.
    Abandoned,
    /// Somebody came back to it and has something to look at; active with its next change.
    Recovered,
    /// Its lines went into another cart, for ever.
    Merged {
        /// Which cart.
        survivor: CartId,
    },
}

/// How much of a cart its checkout holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LockScope {
    /// Lines and codes; e-mail, addresses and choices may still be set through the checkout.
    Lines,
    /// Everything: the quote is being frozen.
    Everything,
}

impl State {
    /// Returns the checkout that holds the cart now.
    pub const fn holder(self) -> Option<CheckoutId> {
        match self {
            Self::Checkout { checkout, .. } => Some(checkout),
            Self::Created
            | Self::Active
            | Self::Completed { .. }
            | Self::Abandoned
            | Self::Recovered
            | Self::Merged { .. } => None,
        }
    }

    /// Returns the name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Active => "active",
            Self::Checkout { .. } => "checkout",
            Self::Completed { .. } => "completed",
            Self::Abandoned => "abandoned",
            Self::Recovered => "recovered",
            Self::Merged { .. } => "merged",
        }
    }
}

/// The shipping method that was chosen, with its name then: a method that goes can still be named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingChoice {
    /// Which method.
    pub method: ShippingMethodId,
    /// What it was called.
    pub name: String,
}

/// When a cart is priced, in place of now. Set by staff (section 4.6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricingDate {
    /// The time whose tax rates and rules count.
    pub at: Timestamp,
    /// Who set it, as [`Caller::name`] has it.
    pub by: String,
}

/// How long a cart may lie. A cart keeps the lifetimes that were set when it was opened, because a timer has no
/// settings to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdleLifetimes {
    /// Without activity, until it is abandoned.
    pub until_abandoned: Duration,
    /// Abandoned, until it is deleted.
    pub until_deleted: Duration,
}

/// The durable timers of a cart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Looks whether anybody was here lately. Changes do not move it: it moves itself when it fires.
    Abandonment,
    /// Deletes an abandoned cart.
    Deletion,
}

impl TimerName for Timer {
    const ALL: &'static [Self] = &[Self::Abandonment, Self::Deletion];

    fn name(self) -> &'static str {
        match self {
            Self::Abandonment => "abandonment",
            Self::Deletion => "deletion",
        }
    }
}

impl Cart {
    /// Returns its id.
    pub fn id(&self) -> CartId {
        self.id
    }

    /// Returns the session that opened it.
    pub fn owner(&self) -> Option<SessionId> {
        self.owner
    }

    /// Returns where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Returns the currency of its prices.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// Returns its lines, in the order in which they were added.
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Returns one line.
    pub fn line(&self, id: LineId) -> Option<&Arc<Line>> {
        self.lines.iter().find(|line| line.id == id)
    }

    /// Returns how many units it holds, of everything.
    pub fn units(&self) -> u64 {
        self.lines.iter().map(|line| u64::from(line.quantity)).sum()
    }

    /// Returns how many units of a variant it holds, over all its lines.
    pub fn units_of(&self, variant: VariantId) -> u64 {
        let of_variant = self.lines.iter().filter(|line| line.variant == variant);
        of_variant.map(|line| u64::from(line.quantity)).sum()
    }

    /// Returns its coupon codes, in the order in which they were applied.
    pub fn codes(&self) -> &[Code] {
        &self.codes
    }

    /// Returns the gift cards and the store credit it is to be paid with, in the order in which they were applied.
    pub fn stored_values(&self) -> &[StoredValueId] {
        &self.stored_values
    }

    /// Returns the shopper's e-mail address.
    pub fn email(&self) -> Option<&Email> {
        self.email.as_ref()
    }

    /// Returns where the goods go.
    pub fn shipping_address(&self) -> Option<&Arc<Address>> {
        self.shipping_address.as_ref()
    }

    /// Returns the billing address as it was given; see [`Cart::bill_to`] for the one that counts.
    pub fn billing_address(&self) -> Option<&Arc<Address>> {
        self.billing_address.as_ref()
    }

    /// Returns where the bill goes: to the billing address, which defaults to the shipping address.
    pub fn bill_to(&self) -> Option<&Arc<Address>> {
        self.billing_address.as_ref().or(self.shipping_address.as_ref())
    }

    /// Returns the chosen shipping method.
    pub fn shipping(&self) -> Option<&ShippingChoice> {
        self.shipping.as_ref()
    }

    /// Returns when it is priced; now, where nothing is said.
    pub fn pricing_date(&self) -> Option<&PricingDate> {
        self.pricing_date.as_deref()
    }

    /// Returns for which customer staff keep it.
    pub fn customer(&self) -> Option<CustomerId> {
        self.customer
    }

    /// Returns as whom its shopper is known: as the customer whose record staff have given it; whose record was deleted is
    /// a guest.
    pub fn known_as<'a>(&'a self, record: Option<&'a Customer>) -> KnownAs<'a> {
        KnownAs::new(self.customer.zip(record), self.email.as_ref())
    }

    /// Returns the checkout that holds it or made an order of it.
    pub fn checkout(&self) -> Option<CheckoutId> {
        match self.state {
            State::Checkout { checkout, .. } | State::Completed { checkout, .. } => Some(checkout),
            State::Created | State::Active | State::Abandoned | State::Recovered | State::Merged { .. } => {
                None
            }
        }
    }

    /// Returns the order it became.
    pub fn order(&self) -> Option<OrderId> {
        match self.state {
            State::Completed { order, .. } => Some(order),
            State::Created
            | State::Active
            | State::Checkout { .. }
            | State::Abandoned
            | State::Recovered
            | State::Merged { .. } => None,
        }
    }

    /// Returns when it was opened.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Returns when it was last changed: its last activity.
    pub fn updated_at(&self) -> Timestamp {
        self.updated_at
    }

    /// Tells whether a caller may see and change it: staff may, and the session that opened it.
    pub fn belongs_to(&self, caller: &Caller) -> bool {
        caller.is_staff() || self.is_owned_by(caller)
    }

    /// Returns what its shopper was shown of what it comes to.
    pub fn seen(&self) -> Seen {
        self.seen
    }

    /// Tells whether somebody else has taken out what was to pay a part of it since its shopper last changed it.
    pub fn has_lost_cover(&self) -> bool {
        self.has_lost_cover
    }

    /// Tells whether a caller is the session that opened it.
    pub fn is_owned_by(&self, caller: &Caller) -> bool {
        self.owner.is_some() && self.owner == caller.session
    }

    /// Returns what is wrong with its lines, for a reader: while a checkout that is not yet being completed holds them, with
    /// what it has reserved for them. What is being completed is judged by its checkout, and a completed or merged cart has
    /// nothing left to mend: nothing is wrong then.
    pub fn problems<'a>(&self, facts: impl Fn(VariantId) -> Option<&'a VariantFacts>) -> Vec<LineProblem> {
        match self.state {
            State::Created
            | State::Active
            | State::Abandoned
            | State::Recovered
            | State::Checkout {
                scope: LockScope::Lines,
                ..
            } => line_problems(&self.lines, facts),
            State::Checkout {
                scope: LockScope::Everything,
                ..
            }
            | State::Completed { .. }
            | State::Merged { .. } => Vec::new(),
        }
    }

    /// Refuses a change while a checkout holds the cart, and for ever once it is completed or merged away.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Completed`] or [`Error::Merged`].
    pub fn require_open(&self) -> Result<(), Error> {
        match self.state {
            State::Created | State::Active | State::Abandoned | State::Recovered => Ok(()),
            State::Checkout { checkout, .. } => Err(Error::Locked { checkout }),
            State::Completed { order, .. } => Err(Error::Completed { order }),
            State::Merged { survivor } => Err(Error::Merged { survivor }),
        }
    }

    /// Notes a change that was made, after `require_open`: activity, state and fact.
    pub(super) fn changed(&mut self, event: Event, cx: &mut Context<'_, Self>) {
        let state = match self.state {
            State::Created if self.lines.is_empty() => State::Created,
            State::Created | State::Active | State::Abandoned | State::Recovered => State::Active,
            State::Checkout { .. } | State::Completed { .. } | State::Merged { .. } => self.state,
        };
        self.changed_to(state, event, cx);
    }

    /// Notes a change that leads to a given state.
    pub(super) fn changed_to(&mut self, state: State, event: Event, cx: &mut Context<'_, Self>) {
        self.return_to(state, cx);
        cx.emit(event);
    }

    /// Notes activity that leads to a given state; out of an abandoned cart it is a recovery.
    pub(super) fn return_to(&mut self, state: State, cx: &mut Context<'_, Self>) {
        if self.state == State::Abandoned {
            cx.cancel(Timer::Deletion);
            cx.wake_at(Timer::Abandonment, cx.now().after(self.lifetimes.until_abandoned));
            cx.emit(Event::Recovered);
        }
        if matches!(state, State::Completed { .. } | State::Merged { .. }) {
            // Nobody comes back to it.
            cx.cancel(Timer::Abandonment);
        }
        self.state = state;
        self.updated_at = cx.now();
        if self.is_owned_by(cx.caller()) {
            (self.seen, self.has_lost_cover) = (Seen::AsWritten, false);
        } else {
            self.seen = Seen::Nothing;
        }
    }

    fn look_for_activity(&mut self, cx: &mut Context<'_, Self>) {
        let due = self.updated_at.after(self.lifetimes.until_abandoned);
        self.seen = Seen::Nothing;
        match self.state {
            State::Created | State::Active | State::Recovered if due <= cx.now() => {
                self.state = State::Abandoned;
                cx.emit(Event::Abandoned { units: self.units() });
                cx.wake_at(Timer::Deletion, cx.now().after(self.lifetimes.until_deleted));
            }
            State::Created | State::Active | State::Recovered => cx.wake_at(Timer::Abandonment, due),
            // A checkout gives the cart back or completes it; a cart is never abandoned under it.
            State::Checkout { .. } => {
                cx.wake_at(Timer::Abandonment, cx.now().after(self.lifetimes.until_abandoned));
            }
            State::Abandoned | State::Completed { .. } | State::Merged { .. } => {}
        }
    }
}

impl Entity for Cart {
    const KIND: Kind = Kind::Cart;
    const SCHEMA: u16 = 6;
    type Id = CartId;
    type Event = Event;
    type Timer = Timer;
    type Error = Error;

    fn decode_past<B: PastBody>(schema: u16, body: &B) -> Result<Self, String> {
        match schema {
            1 => body.read::<Cart1>().map(Self::from),
            2 => body.read::<Cart2>().map(Self::from),
            3 => body.read::<Cart3>().map(Self::from),
            4 => body.read::<Cart4>().map(Self::from),
            5 => body.read().map(of_schema_5),
            _ => Err(format!("{} has no schema {schema}", Self::KIND)),
        }
    }

    fn write<B: BodyWriter>(&self, body: &mut B) -> Result<(), B::Error> {
        let Self {
            id,
            owner,
            state,
            currency,
            lines,
            codes,
            stored_values,
            email,
            shipping_address,
            billing_address,
            shipping,
            pricing_date,
            customer,
            lifetimes,
            created_at,
            updated_at,
            seen,
            has_lost_cover,
        } = self;
        body.write(&(id, owner, state, currency))?;
        lines.write(body)?;
        body.write(&(codes, stored_values, email, shipping_address, billing_address))?;
        body.write(&(
            shipping,
            pricing_date,
            customer,
            lifetimes,
            created_at,
            updated_at,
            seen,
            has_lost_cover,
        ))
    }

    fn invariants(&self) -> Result<(), Broken> {
        let (created, locked) = match self.state {
            State::Created => (true, false),
            State::Checkout { .. } | State::Completed { .. } => (false, true),
            State::Active | State::Abandoned | State::Recovered | State::Merged { .. } => (false, false),
        };
        ensure(
            !created || self.lines.is_empty(),
            "a cart with lines is not newly created",
        )?;
        ensure(
            !locked || !self.lines.is_empty(),
            "a checkout holds a cart with lines",
        )?;
        ensure(
            self.created_at <= self.updated_at,
            "a cart is changed after it is opened",
        )?;
        ensure(
            self.codes.len() <= CODES_MAX,
            "a cart holds CODES_MAX coupon codes at most",
        )?;
        ensure(
            self.stored_values.len() <= STORED_VALUES_MAX,
            "a cart is paid with STORED_VALUES_MAX gift cards and store credits at most",
        )?;
        self.lines.check(self.currency)
    }

    fn may_rest(&self) -> bool {
        match self.state {
            State::Completed { .. } | State::Merged { .. } => true,
            State::Created | State::Active | State::Checkout { .. } | State::Abandoned | State::Recovered => {
                false
            }
        }
    }

    fn wake(&mut self, timer: Timer, cx: &mut Context<'_, Self>) -> Result<(), Error> {
        match timer {
            Timer::Abandonment => self.look_for_activity(cx),
            Timer::Deletion => {
                if self.state == State::Abandoned {
                    cx.emit(Event::Deleted);
                    cx.erase();
                }
            }
        }
        Ok(())
    }
}
