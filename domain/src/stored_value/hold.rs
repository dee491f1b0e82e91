//! What checkouts and cancellations ask: hold, release, use, give back.

use super::{Cause, Error, Event, HOLDS_MAX, Hold, StoredValue, error::Insufficient};
use crate::entity::{Command, Context};
use crate::id::{CheckoutId, CustomerId, OrderId};
use crate::money::Money;
use std::sync::Arc;

/// Holds an amount for a checkout. Refused with what is left where that is less, which is nothing where it can no
/// longer be spent.
///
/// Holding the same again changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct HoldValue {
    /// For which checkout.
    pub checkout: CheckoutId,
    /// How much.
    pub amount: Money,
    /// The customer whom the cart is for.
    pub customer: Option<CustomerId>,
}

impl Command<StoredValue> for HoldValue {
    const NAME: &'static str = "stored_value.hold";
    type Reply = ();

    fn apply(self, value: &mut StoredValue, cx: &mut Context<'_, StoredValue>) -> Result<(), Error> {
        let Self {
            checkout,
            amount,
            customer,
        } = self;
        let held = value.holds.binary_search_by_key(&checkout, |hold| hold.checkout);
        if held.is_ok_and(|at| value.holds[at].amount == amount) {
            return Ok(());
        }
        let unusable = value.unusable(amount.currency, customer, cx.now());
        let left = match unusable {
            None => value.available_to(Some(checkout)),
            Some(_) => Money::zero(value.currency()),
        };
        if left.currency != amount.currency || left.amount < amount.amount || amount.amount <= 0 {
            return Err(Insufficient::new(value, amount, left).into());
        }
        if held.is_err() && HOLDS_MAX <= value.holds.len() {
            return Err(Error::TooManyHolds { max: HOLDS_MAX });
        }
        value.let_go(checkout, cx);
        let holds = Arc::make_mut(&mut value.holds);
        let at = holds.partition_point(|hold| hold.checkout < checkout);
        holds.insert(at, Hold { checkout, amount });
        cx.emit(Event::Held { checkout, amount });
        Ok(())
    }
}

/// Lets go of what a checkout holds. Releasing nothing succeeds.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseValue {
    /// Which checkout.
    pub checkout: CheckoutId,
}

impl Command<StoredValue> for ReleaseValue {
    const NAME: &'static str = "stored_value.release";
    type Reply = ();

    fn apply(self, value: &mut StoredValue, cx: &mut Context<'_, StoredValue>) -> Result<(), Error> {
        value.let_go(self.checkout, cx);
        Ok(())
    }
}

/// Pays an order with what its checkout holds, also where it has expired or was disabled meanwhile.
///
/// It never refuses, because it runs after the pivot; without a hold it changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct UseValue {
    /// Which checkout.
    pub checkout: CheckoutId,
    /// Its order.
    pub order: OrderId,
}

impl Command<StoredValue> for UseValue {
    const NAME: &'static str = "stored_value.use";
    type Reply = ();

    fn apply(self, value: &mut StoredValue, cx: &mut Context<'_, StoredValue>) -> Result<(), Error> {
        let Self { checkout, order } = self;
        let Some(amount) = value.take_out(checkout) else {
            return Ok(());
        };
        value.book(amount.negated()?, Cause::Used { order }, cx)?;
        cx.emit(Event::Used {
            checkout,
            order,
            amount,
        });
        Ok(())
    }
}

/// Gives back what an order was paid with, also where it has expired or was disabled meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct GiveBack {
    /// Which order.
    pub order: OrderId,
    /// How much of what it was paid with.
    pub amount: Money,
}

impl Command<StoredValue> for GiveBack {
    const NAME: &'static str = "stored_value.give_back";
    type Reply = ();

    fn apply(self, value: &mut StoredValue, cx: &mut Context<'_, StoredValue>) -> Result<(), Error> {
        let Self { order, amount } = self;
        if amount.amount <= 0 {
            return Ok(());
        }
        value.book(amount, Cause::GivenBack { order }, cx)?;
        cx.emit(Event::GivenBack { order, amount });
        Ok(())
    }
}

impl StoredValue {
    fn take_out(&mut self, checkout: CheckoutId) -> Option<Money> {
        let at = self.holds.binary_search_by_key(&checkout, |hold| hold.checkout);
        let hold = Arc::make_mut(&mut self.holds).remove(at.ok()?);
        Some(hold.amount)
    }

    fn let_go(&mut self, checkout: CheckoutId, cx: &mut Context<'_, Self>) {
        if let Some(amount) = self.take_out(checkout) {
            cx.emit(Event::Released { checkout, amount });
        }
    }
}
