//! What can be asked of a stock item.

use super::{
    DEFAULT_LOCATION, Error, Event, Hold, REASON_LENGTH_MAX, REFERENCE_LENGTH_MAX, RESERVATIONS_MAX,
    StockItem, UNITS_MAX,
};
use crate::entity::{Command, Context, Create};
use crate::error::FieldErrors;
use crate::id::{CheckoutId, OrderId, StockItemId, VariantId};
use crate::text;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Why `on_hand` changed when staff set it.
const REASON_OF_SETTING: &str = "set";

/// How many units a command left held for, or promised to, whoever asked. Zero where stock is not tracked.
///
/// The saga keeps it: what was held at the pivot is what the order is promised, and what [`Deallocate`] brings
/// back, whatever staff do to the item in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Units.
    pub quantity: u64,
}

/// What staff decide about an item. What is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StockLevels {
    /// Is stock counted?
    pub tracked: Option<bool>,
    /// Units in the house.
    pub on_hand: Option<u64>,
    /// Units kept back or, negative, the backorder allowance.
    pub buffer: Option<i64>,
    /// Units on hand at which the stock is low.
    pub low_stock_level: Option<u64>,
}

impl StockLevels {
    fn validate(&self) -> Result<(), FieldErrors> {
        let mut errors = FieldErrors::default();
        let bounds = [
            ("/on_hand", self.on_hand),
            ("/buffer", self.buffer.map(i64::unsigned_abs)),
            ("/low_stock_level", self.low_stock_level),
        ];
        for (pointer, value) in bounds {
            if value.is_some_and(|units| UNITS_MAX < units) {
                errors.add(
                    pointer,
                    "out_of_range",
                    format!("at most {UNITS_MAX} units are possible"),
                );
            }
        }
        errors.into_result()
    }
}

/// Brings the stock of a variant into being. Untracked unless the levels say otherwise.
#[derive(Clone, Copy, Debug)]
pub struct CreateStockItem {
    /// Whose stock.
    pub variant: VariantId,
    /// What is known about it from the start.
    pub levels: StockLevels,
    /// Its low-stock level where the levels say none, a setting of the store.
    pub low_stock_level: u64,
}

impl Create<StockItem> for CreateStockItem {
    const NAME: &'static str = "inventory.create_stock_item";
    type Reply = ();

    fn create(self, id: StockItemId, cx: &mut Context<'_, StockItem>) -> Result<(StockItem, ()), Error> {
        self.levels.validate()?;
        let mut item = StockItem {
            id,
            tracked: false,
            on_hand: 0,
            reserved: 0,
            pinned: 0,
            allocated: 0,
            buffer: 0,
            low_stock_level: self.low_stock_level,
            reservations_made: 0,
            wakes_at: None,
            variant: self.variant,
            location: Arc::from(DEFAULT_LOCATION),
            reservations: Arc::default(),
        };
        cx.emit(Event::StockItemCreated {
            variant: self.variant,
            location: DEFAULT_LOCATION.to_owned(),
        });
        item.set(self.levels, cx)?;
        Ok((item, ()))
    }
}

/// Sets what staff decide about an item.
///
/// Refused when what is then there does not cover what is promised to orders or being paid for; when it does not
/// cover the other reservations, the newest of those are revoked (section 3.5 of the semantics).
#[derive(Clone, Copy, Debug)]
pub struct SetStock {
    /// The new levels.
    pub levels: StockLevels,
}

impl Command<StockItem> for SetStock {
    const NAME: &'static str = "inventory.set_stock";
    type Reply = ();

    fn apply(self, item: &mut StockItem, cx: &mut Context<'_, StockItem>) -> Result<(), Error> {
        self.levels.validate()?;
        item.set(self.levels, cx)
    }
}

/// Changes `on_hand` by a difference, under the rules of [`SetStock`].
#[derive(Clone, Debug)]
pub struct AdjustStock {
    /// Units that came or, negative, went.
    pub delta: i64,
    /// Why: `delivery`, `damaged`.
    pub reason: String,
    /// What it refers to, in another system's words.
    pub reference: Option<String>,
}

impl AdjustStock {
    /// Returns the reason as it is kept.
    fn validate(&self) -> Result<String, FieldErrors> {
        let mut errors = FieldErrors::default();
        if self.delta == 0 {
            errors.add("/delta", "zero", "an adjustment of zero adjusts nothing");
        } else if UNITS_MAX < self.delta.unsigned_abs() {
            errors.add(
                "/delta",
                "out_of_range",
                format!("at most {UNITS_MAX} units are possible"),
            );
        }
        let reason = errors.take("/reason", text::line(&self.reason, REASON_LENGTH_MAX));
        if let Some(reference) = &self.reference {
            errors.take("/reference", text::check_line(reference, REFERENCE_LENGTH_MAX));
        }
        errors.into_result()?;
        Ok(reason.unwrap_or_default())
    }
}

impl Command<StockItem> for AdjustStock {
    const NAME: &'static str = "inventory.adjust_stock";
    type Reply = ();

    fn apply(self, item: &mut StockItem, cx: &mut Context<'_, StockItem>) -> Result<(), Error> {
        let reason = self.validate()?;
        if !item.tracked {
            return Err(Error::Untracked);
        }
        let below_zero = Error::BelowZero {
            on_hand: item.on_hand,
            delta: self.delta,
        };
        let on_hand = item.on_hand.checked_add_signed(self.delta).ok_or(below_zero)?;
        if UNITS_MAX < on_hand {
            let mut errors = FieldErrors::default();
            let message = format!("there would be {on_hand}, and at most {UNITS_MAX} units are possible");
            errors.add("/delta", "out_of_range", message);
            return Err(errors.into());
        }
        let before = item.clone();
        *item = StockItem {
            on_hand,
            ..before.clone()
        }
        .covering()?;
        let Self { delta, reference, .. } = self;
        cx.emit(Event::StockAdjusted {
            delta,
            on_hand,
            reason,
            reference,
        });
        item.revoke_excess(cx);
        item.announce_low(&before, cx);
        Ok(())
    }
}

/// Holds stock for a checkout, for a time, or pinned at once where the payment call follows without a pause. Refused
/// with the available quantity.
///
/// Asking again for the same quantity changes nothing, the expiry included, but may pin; another quantity takes the
/// place of the first, with a new expiry.
#[derive(Clone, Copy, Debug)]
pub struct Reserve {
    /// For whom.
    pub checkout: CheckoutId,
    /// Units; the sum over all lines of the checkout.
    pub quantity: u64,
    /// How long, a setting of the store; without, it is pinned as [`Pin`] does it.
    pub lifetime: Option<Duration>,
}

impl Command<StockItem> for Reserve {
    const NAME: &'static str = "inventory.reserve";
    type Reply = Held;

    fn apply(self, item: &mut StockItem, cx: &mut Context<'_, StockItem>) -> Result<Held, Error> {
        let Self {
            checkout,
            quantity,
            lifetime,
        } = self;
        if quantity == 0 {
            let mut errors = FieldErrors::default();
            errors.add("/quantity", "zero", "a reservation is of one unit or more");
            return Err(errors.into());
        }
        if !item.tracked {
            return Ok(Held::default());
        }
        let earlier = item.reservation(checkout).copied();
        if let Some(earlier) = earlier {
            if earlier.quantity == quantity && !earlier.hold.is_over(cx.now()) {
                if lifetime.is_none() {
                    pin(item, checkout, cx);
                }
                return Ok(Held { quantity });
            }
            if earlier.hold == Hold::Pinned {
                return Err(Error::ReservationPinned {
                    quantity: earlier.quantity,
                });
            }
        }
        let available = item.free_but_for(earlier.map_or(0, |held| held.quantity));
        if available < quantity {
            return Err(Error::Insufficient {
                variant: item.variant,
                requested: quantity,
                available,
            });
        }
        if earlier.is_none() && RESERVATIONS_MAX <= item.reservations.len() {
            return Err(Error::TooManyReservations {
                max: RESERVATIONS_MAX,
            });
        }
        if let Some(earlier) = item.let_go(checkout) {
            cx.emit(Event::StockReleased {
                checkout,
                quantity: earlier.quantity,
            });
        }
        let expires_at = cx.now().after(lifetime.unwrap_or_default());
        item.hold(checkout, quantity, expires_at);
        match lifetime {
            Some(_) => item.arm(expires_at, cx),
            None => {
                item.pin(checkout);
            }
        }
        cx.emit(Event::StockReserved { checkout, quantity });
        Ok(Held { quantity })
    }
}

/// Makes a checkout's reservation hold until it is released or allocated: the first payment call comes next.
///
/// Refused when it has expired or was revoked, with the quantity that can still be had. Pinning twice is pinning
/// once.
#[derive(Clone, Copy, Debug)]
pub struct Pin {
    /// Whose reservation.
    pub checkout: CheckoutId,
}

impl Command<StockItem> for Pin {
    const NAME: &'static str = "inventory.pin";
    type Reply = Held;

    fn apply(self, item: &mut StockItem, cx: &mut Context<'_, StockItem>) -> Result<Held, Error> {
        let Self { checkout } = self;
        let held = item.reservation(checkout).copied();
        let quantity = held.map_or(0, |held| held.quantity);
        if held.map_or(item.tracked, |held| held.hold.is_over(cx.now())) {
            let available = item.free_but_for(quantity);
            return Err(Error::ReservationGone {
                variant: item.variant,
                checkout,
                available,
            });
        }
        pin(item, checkout, cx);
        Ok(Held { quantity })
    }
}

/// Makes what was reserved for a time hold until it is let go.
fn pin(item: &mut StockItem, checkout: CheckoutId, cx: &mut Context<'_, StockItem>) {
    if let Some(quantity) = item.pin(checkout) {
        cx.emit(Event::ReservationPinned { checkout, quantity });
    }
}

/// Lets a checkout's reservation go, pinned or not, and answers what was held. Releasing nothing succeeds.
#[derive(Clone, Copy, Debug)]
pub struct Release {
    /// Whose reservation.
    pub checkout: CheckoutId,
}

impl Command<StockItem> for Release {
    const NAME: &'static str = "inventory.release";
    type Reply = Held;

    fn apply(self, item: &mut StockItem, cx: &mut Context<'_, StockItem>) -> Result<Held, Error> {
        let Self { checkout } = self;
        let quantity = item.let_go(checkout).map_or(0, |held| held.quantity);
        if 0 < quantity {
            cx.emit(Event::StockReleased { checkout, quantity });
        }
        Ok(Held { quantity })
    }
}

/// Turns a checkout's reservation into a promise to its order, and answers how much that is.
///
/// It never refuses, because it runs after the pivot: without a reservation, as of an item that was not tracked
/// yet when the checkout froze its quote, nothing is promised.
#[derive(Clone, Copy, Debug)]
pub struct Allocate {
    /// Whose reservation.
    pub checkout: CheckoutId,
    /// To whom.
    pub order: OrderId,
}

impl Command<StockItem> for Allocate {
    const NAME: &'static str = "inventory.allocate";
    type Reply = Held;

    fn apply(self, item: &mut StockItem, cx: &mut Context<'_, StockItem>) -> Result<Held, Error> {
        let Self { checkout, order } = self;
        let quantity = item.let_go(checkout).map_or(0, |held| held.quantity);
        if 0 < quantity {
            item.allocated += quantity;
            cx.emit(Event::StockAllocated {
                checkout,
                order,
                quantity,
            });
        }
        Ok(Held { quantity })
    }
}

/// Takes back what was promised to an order: as much as [`Allocate`] answered.
#[derive(Clone, Copy, Debug)]
pub struct Deallocate {
    /// To whom it was promised.
    pub order: OrderId,
    /// Units, as the order keeps them.
    pub quantity: u64,
}

impl Command<StockItem> for Deallocate {
    const NAME: &'static str = "inventory.deallocate";
    type Reply = ();

    fn apply(self, item: &mut StockItem, cx: &mut Context<'_, StockItem>) -> Result<(), Error> {
        let Self { order, quantity } = self;
        if item.allocated < quantity {
            return Err(Error::NotAllocated {
                quantity,
                allocated: item.allocated,
            });
        }
        if 0 < quantity {
            item.allocated -= quantity;
            cx.emit(Event::StockDeallocated { order, quantity });
        }
        Ok(())
    }
}

impl StockItem {
    fn set(&mut self, levels: StockLevels, cx: &mut Context<'_, Self>) -> Result<(), Error> {
        let before = self.clone();
        let tracked = levels.tracked.unwrap_or(self.tracked);
        let on_hand = levels.on_hand.unwrap_or(self.on_hand);
        let buffer = levels.buffer.unwrap_or(self.buffer);
        let low_stock_level = levels.low_stock_level.unwrap_or(self.low_stock_level);
        *self = Self {
            tracked,
            on_hand,
            buffer,
            low_stock_level,
            ..before.clone()
        }
        .covering()?;
        if (tracked, buffer, low_stock_level) != (before.tracked, before.buffer, before.low_stock_level) {
            cx.emit(Event::StockLevelsSet {
                tracked,
                buffer,
                low_stock_level,
            });
        }
        if on_hand != before.on_hand {
            let delta = on_hand.wrapping_sub(before.on_hand).cast_signed();
            let reason = REASON_OF_SETTING.to_owned();
            cx.emit(Event::StockAdjusted {
                delta,
                on_hand,
                reason,
                reference: None,
            });
        }
        self.revoke_excess(cx);
        self.announce_low(&before, cx);
        Ok(())
    }

    /// Returns the item if it has what is promised and being paid for.
    fn covering(self) -> Result<Self, Error> {
        let (capacity, allocated, pinned) = (self.capacity(), self.allocated, self.pinned);
        if capacity < allocated + pinned {
            return Err(Error::BelowCommitted {
                capacity,
                allocated,
                pinned,
            });
        }
        Ok(self)
    }
}
