//! The stock item: its state, what it knows about itself, and its one timer.

use super::{Error, Event, UNITS_MAX};
use crate::entity::{Context, Entity, TimerName};
use crate::error::{Broken, ensure};
use crate::id::{CheckoutId, StockItemId, VariantId};
use crate::kind::Kind;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The stock of one variant at one location.
///
/// The totals stand before the reservations, so that comparing two states that differ ends early.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockItem {
    pub(super) id: StockItemId,
    pub(super) tracked: bool,
    pub(super) on_hand: u64,
    pub(super) reserved: u64,
    /// The part of `reserved` that does not expire.
    pub(super) pinned: u64,
    pub(super) allocated: u64,
    pub(super) buffer: i64,
    pub(super) low_stock_level: u64,
    /// How many reservations were ever made: the number of the next one.
    pub(super) reservations_made: u64,
    /// When the timer is set to fire: at or before the earliest expiry, see [`StockItem::arm`].
    pub(super) wakes_at: Option<Timestamp>,
    pub(super) variant: VariantId,
    pub(super) location: Arc<str>,
    /// In order of their checkouts' ids.
    pub(super) reservations: Arc<Vec<Reservation>>,
}

/// Stock held for one checkout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// For whom. A checkout holds at most one reservation of an item.
    pub checkout: CheckoutId,
    /// How many units; never zero.
    pub quantity: u64,
    /// Which reservation of this item it is, counted from zero: the larger, the newer.
    pub number: u64,
    /// Until when.
    pub hold: Hold,
}

/// How long a reservation holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hold {
    /// Until this time.
    Until(Timestamp),
    /// Until the checkout's saga lets go: a payment is being made.
    Pinned,
}

impl Hold {
    /// Tells whether the time is up.
    pub fn is_over(self, now: Timestamp) -> bool {
        match self {
            Self::Until(expires_at) => expires_at <= now,
            Self::Pinned => false,
        }
    }
}

/// A stock item's durable timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The earliest reservation may have expired.
    Expiry,
}

impl TimerName for Timer {
    const ALL: &'static [Self] = &[Self::Expiry];
    fn name(self) -> &'static str {
        match self {
            Self::Expiry => "expiry",
        }
    }
}

impl StockItem {
    /// Returns its id.
    pub fn id(&self) -> StockItemId {
        self.id
    }

    /// Returns whose stock it is.
    pub fn variant(&self) -> VariantId {
        self.variant
    }

    /// Returns where it lies.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Tells whether stock is counted at all. What is untracked never runs out and never moves.
    pub fn is_tracked(&self) -> bool {
        self.tracked
    }

    /// Returns how many units are in the house, promised ones included.
    pub fn on_hand(&self) -> u64 {
        self.on_hand
    }

    /// Returns how many units are held for checkouts.
    pub fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Returns how many of the reserved units do not expire.
    pub fn pinned(&self) -> u64 {
        self.pinned
    }

    /// Returns how many units are promised to orders.
    pub fn allocated(&self) -> u64 {
        self.allocated
    }

    /// Returns how many units are kept back when positive, or may be sold beyond those on hand when negative.
    pub fn buffer(&self) -> i64 {
        self.buffer
    }

    /// Returns at how many units on hand the stock counts as low.
    pub fn low_stock_level(&self) -> u64 {
        self.low_stock_level
    }

    /// Returns the open reservations, in order of their checkouts' ids.
    pub fn reservations(&self) -> &[Reservation] {
        &self.reservations
    }

    /// Returns what a shopper may still have: `on_hand - reserved - allocated - buffer`, or nothing when the item
    /// is not tracked. Negative when more was sold or held than the buffer leaves.
    pub fn available(&self) -> Option<i64> {
        self.tracked
            .then(|| signed(self.capacity()) - signed(self.committed() + self.kept_back()))
    }

    /// Returns what a checkout may have: what it holds already, also where the buffer has been raised over it since,
    /// and what is available beside that.
    pub fn available_to(&self, checkout: CheckoutId) -> Option<i64> {
        let held = self
            .reservation(checkout)
            .map_or(0, |reservation| reservation.quantity);
        self.available().map(|available| signed(held) + available.max(0))
    }

    /// Returns the reservation of a checkout.
    pub fn reservation(&self, checkout: CheckoutId) -> Option<&Reservation> {
        self.place_of(checkout)
            .ok()
            .map(|index| &self.reservations[index])
    }

    /// Returns how many units could be reserved if `released` of the reserved ones were not.
    pub(super) fn free_but_for(&self, released: u64) -> u64 {
        self.capacity()
            .saturating_sub(self.committed() - released + self.kept_back())
    }

    /// Returns how many units may be held and promised together.
    pub(super) fn capacity(&self) -> u64 {
        self.on_hand
            + if self.buffer < 0 {
                self.buffer.unsigned_abs()
            } else {
                0
            }
    }

    fn kept_back(&self) -> u64 {
        u64::try_from(self.buffer).unwrap_or(0)
    }

    fn committed(&self) -> u64 {
        self.reserved + self.allocated
    }

    fn is_low(&self) -> bool {
        self.on_hand <= self.low_stock_level
    }

    fn place_of(&self, checkout: CheckoutId) -> Result<usize, usize> {
        self.reservations
            .binary_search_by_key(&checkout, |reservation| reservation.checkout)
    }

    /// Takes up a reservation of a checkout that has none.
    pub(super) fn hold(&mut self, checkout: CheckoutId, quantity: u64, expires_at: Timestamp) {
        let (Ok(index) | Err(index)) = self.place_of(checkout);
        let number = self.reservations_made;
        let hold = Hold::Until(expires_at);
        Arc::make_mut(&mut self.reservations).insert(
            index,
            Reservation {
                checkout,
                quantity,
                number,
                hold,
            },
        );
        self.reservations_made += 1;
        self.reserved += quantity;
    }

    /// Lets a reservation go and returns it.
    pub(super) fn let_go(&mut self, checkout: CheckoutId) -> Option<Reservation> {
        let index = self.place_of(checkout).ok()?;
        let reservation = Arc::make_mut(&mut self.reservations).remove(index);
        self.reserved -= reservation.quantity;
        if reservation.hold == Hold::Pinned {
            self.pinned -= reservation.quantity;
        }
        Some(reservation)
    }

    /// Makes a reservation hold until it is let go. Returns the units that did not before.
    pub(super) fn pin(&mut self, checkout: CheckoutId) -> Option<u64> {
        let index = self.place_of(checkout).ok()?;
        let reservation = &mut Arc::make_mut(&mut self.reservations)[index];
        if reservation.hold == Hold::Pinned {
            return None;
        }
        reservation.hold = Hold::Pinned;
        self.pinned += reservation.quantity;
        Some(reservation.quantity)
    }

    /// Sets the timer for an expiry, unless it already fires by then.
    ///
    /// It is not moved when the earliest reservation is pinned or released: it then fires for nothing and looks
    /// again. A change of timers is two rows of the index, so that a best-seller must not change them on every
    /// command; and as it never fires late, every expiry is exact.
    pub(super) fn arm(&mut self, expires_at: Timestamp, cx: &mut Context<'_, Self>) {
        if self.wakes_at.is_none_or(|set| expires_at < set) {
            self.wakes_at = Some(expires_at);
            cx.wake_at(Timer::Expiry, expires_at);
        }
    }

    /// Revokes the newest reservations that may expire, until what is left fits what there is (section 3.5).
    pub(super) fn revoke_excess(&mut self, cx: &mut Context<'_, Self>) {
        if self.committed() <= self.capacity() {
            return;
        }
        let mut unpinned: Vec<Reservation> = self
            .reservations
            .iter()
            .filter(|held| held.hold != Hold::Pinned)
            .copied()
            .collect();
        unpinned.sort_unstable_by_key(|held| held.number);
        let mut revoked = Vec::new();
        while self.capacity() < self.committed() {
            let Some(newest) = unpinned.pop() else { break };
            revoked.extend(self.let_go(newest.checkout));
        }
        let available = self.free_but_for(0);
        for Reservation {
            checkout, quantity, ..
        } in revoked
        {
            cx.emit(Event::ReservationRevoked {
                variant: self.variant,
                checkout,
                quantity,
                available,
            });
        }
    }

    /// Says once that stock has become low: in `before` there was more, above its level, and now it no longer is (section
    /// 3.6). Who raises the level knows that it is low.
    pub(super) fn announce_low(&self, before: &Self, cx: &mut Context<'_, Self>) {
        let went_down = self.on_hand < before.on_hand;
        if went_down && !before.is_low() && self.tracked && self.is_low() {
            let (variant, on_hand, low_stock_level) = (self.variant, self.on_hand, self.low_stock_level);
            cx.emit(Event::StockRanLow {
                variant,
                on_hand,
                low_stock_level,
            });
        }
    }
}

impl Entity for StockItem {
    const KIND: Kind = Kind::StockItem;
    const SCHEMA: u16 = 1;
    type Id = StockItemId;
    type Event = Event;
    type Timer = Timer;
    type Error = Error;

    fn invariants(&self) -> Result<(), Broken> {
        let mut reserved = 0;
        let mut pinned = 0;
        let mut earliest = None;
        for held in self.reservations.iter() {
            reserved += held.quantity;
            match held.hold {
                Hold::Pinned => pinned += held.quantity,
                Hold::Until(at) => earliest = Some(earliest.map_or(at, |so_far: Timestamp| so_far.min(at))),
            }
        }
        let in_order = self
            .reservations
            .is_sorted_by(|left, right| left.checkout < right.checkout);
        ensure(
            self.id == StockItemId::of(self.variant, &self.location),
            "the id is that of variant and location",
        )?;
        ensure(
            self.committed() <= self.capacity(),
            "reserved + allocated <= on_hand + backorder allowance",
        )?;
        ensure(
            self.reserved == reserved,
            "reserved is the sum of the reservations",
        )?;
        ensure(
            self.pinned == pinned,
            "pinned is the sum of the pinned reservations",
        )?;
        ensure(in_order, "a checkout holds at most one reservation")?;
        ensure(
            self.reservations.iter().all(|held| 0 < held.quantity),
            "no reservation is empty",
        )?;
        ensure(
            earliest.is_none_or(|expiry| self.wakes_at.is_some_and(|set| set <= expiry)),
            "the timer fires by the earliest expiry",
        )?;
        ensure(
            self.on_hand <= UNITS_MAX && self.buffer.unsigned_abs() <= UNITS_MAX,
            "on_hand and buffer are within UNITS_MAX",
        )
    }

    fn wake(&mut self, timer: Timer, cx: &mut Context<'_, Self>) -> Result<(), Error> {
        match timer {
            Timer::Expiry => self.expire(cx),
        }
        Ok(())
    }
}

impl StockItem {
    fn expire(&mut self, cx: &mut Context<'_, Self>) {
        let now = cx.now();
        let expired: Vec<CheckoutId> = self
            .reservations
            .iter()
            .filter(|held| held.hold.is_over(now))
            .map(|held| held.checkout)
            .collect();
        for checkout in expired {
            if let Some(Reservation { quantity, .. }) = self.let_go(checkout) {
                cx.emit(Event::ReservationExpired {
                    variant: self.variant,
                    checkout,
                    quantity,
                });
            }
        }
        let expiries = self.reservations.iter().filter_map(|held| match held.hold {
            Hold::Until(at) => Some(at),
            Hold::Pinned => None,
        });
        let next = expiries.min();
        self.wakes_at = None;
        if let Some(expires_at) = next {
            self.arm(expires_at, cx);
        }
    }
}

/// Widens a quantity; all of them are far below the limit.
fn signed(quantity: u64) -> i64 {
    i64::try_from(quantity).unwrap_or(i64::MAX)
}
