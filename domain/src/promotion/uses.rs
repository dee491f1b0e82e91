//! How often a promotion has been used, where that is limited (section 2.7 of the semantics).
//!
//! Uses are counted beside the promotion and not in it: the promotion is in the price book, which is indexed anew when
//! it changes. A limit has a counter of its own, found by an id that is made of what it counts.

use super::Code;
use crate::customer::Shopper;
use crate::entity::{Command, Context, Create, Entity, NoTimer};
use crate::error::{Broken, Class, Detail, Refusal, ensure};
use crate::event::EventBody;
use crate::id::{CheckoutId, PromotionId, UseCounterId};
use crate::kind::Kind;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// The highest limit.
pub const USES_LIMIT_MAX: u64 = 1_000_000_000;
/// Where ids of counters of first orders come from.
const FIRST_ORDERS: Uuid = Uuid::from_u128(0x7d1b_9c40_2f6e_4a83_8e05_b3d7_61ca_f492);
/// How many checkouts may hold a use at a time.
const HOLDERS_MAX: usize = 10_000;

/// How often one limited thing was used, and by which checkouts it is about to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UseCounter {
    /// For which promotion it was opened. That of a shopper's first order is there for all of them.
    promotion: PromotionId,
    used: u64,
    /// In ascending order.
    held: Arc<Vec<CheckoutId>>,
}

/// A use that a checkout needs: of which counter, and how many it allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Use {
    /// Where it is counted. Uses are reserved in this order.
    pub counter: UseCounterId,
    /// Of which promotion.
    pub promotion: PromotionId,
    /// At most so many.
    pub limit: u64,
}

impl UseCounterId {
    /// Returns the id of the counter of all uses of a promotion.
    pub fn of_all(promotion: PromotionId) -> Self {
        Self(Uuid::new_v5(&promotion.0, b"all"))
    }

    /// Returns the id of the counter of one shopper's uses of a promotion.
    pub fn of_shopper(promotion: PromotionId, shopper: &Shopper<'_>) -> Self {
        Self(Uuid::new_v5(&promotion.0, shopper.compare_key().as_bytes()))
    }

    /// Returns the id of the counter of one shopper's first order, whichever promotions it carries.
    pub fn of_first_order(shopper: &Shopper<'_>) -> Self {
        Self(Uuid::new_v5(&FIRST_ORDERS, shopper.compare_key().as_bytes()))
    }
}

impl Use {
    /// Returns the use of a code that is good for one order.
    pub fn of_code(promotion: PromotionId, code: &Code) -> Self {
        Self {
            counter: UseCounterId::of_code(promotion, code),
            promotion,
            limit: 1,
        }
    }
}

impl UseCounter {
    fn new(promotion: PromotionId) -> Self {
        Self {
            promotion,
            used: 0,
            held: Arc::default(),
        }
    }

    /// Returns how many orders have used it.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Returns how many are used or about to be used, but for what a checkout holds itself.
    pub fn taken(&self, itself: Option<CheckoutId>) -> u64 {
        let others = self.held.iter().filter(|holder| Some(**holder) != itself);
        self.used + others.count() as u64
    }

    /// Returns the checkouts that hold a use, in ascending order of their ids.
    pub fn held(&self) -> &[CheckoutId] {
        &self.held
    }

    /// Tells whether one more may be used.
    pub fn has_room(&self, limit: u64) -> bool {
        self.used + (self.held.len() as u64) < limit
    }

    fn require_below(&self, limit: u64, promotion: PromotionId) -> Result<(), Error> {
        if !self.has_room(limit) {
            return Err(Error::LimitReached { promotion, limit });
        }
        if HOLDERS_MAX <= self.held.len() {
            return Err(Error::TooManyHolders { max: HOLDERS_MAX });
        }
        Ok(())
    }

    fn let_go(&mut self, checkout: CheckoutId) -> bool {
        let Ok(index) = self.held.binary_search(&checkout) else {
            return false;
        };
        Arc::make_mut(&mut self.held).remove(index);
        true
    }
}

/// Holds a use for a checkout, until it is committed or released. The first one brings the counter into being.
#[derive(Clone, Copy, Debug)]
pub struct ReserveUse {
    /// Whose.
    pub checkout: CheckoutId,
    /// Of which promotion.
    pub promotion: PromotionId,
    /// At most so many may be used and held.
    pub limit: u64,
}

impl Create<UseCounter> for ReserveUse {
    const NAME: &'static str = "use_counter.open";
    type Reply = ();

    fn create(self, _: UseCounterId, cx: &mut Context<'_, UseCounter>) -> Result<(UseCounter, ()), Error> {
        let mut counter = UseCounter::new(self.promotion);
        self.apply(&mut counter, cx)?;
        Ok((counter, ()))
    }
}

impl Command<UseCounter> for ReserveUse {
    const NAME: &'static str = "use_counter.reserve_use";
    type Reply = ();

    fn apply(self, counter: &mut UseCounter, cx: &mut Context<'_, UseCounter>) -> Result<(), Error> {
        let Err(index) = counter.held.binary_search(&self.checkout) else {
            return Ok(()); // It holds one.
        };
        counter.require_below(self.limit, self.promotion)?;
        Arc::make_mut(&mut counter.held).insert(index, self.checkout);
        cx.emit(Event::Reserved {
            promotion: self.promotion,
            checkout: self.checkout,
        });
        Ok(())
    }
}

/// Counts a held use: its order is placed.
#[derive(Clone, Copy, Debug)]
pub struct CommitUse {
    /// Whose.
    pub checkout: CheckoutId,
    /// Of which promotion.
    pub promotion: PromotionId,
}

impl Command<UseCounter> for CommitUse {
    const NAME: &'static str = "use_counter.commit_use";
    type Reply = ();

    fn apply(self, counter: &mut UseCounter, cx: &mut Context<'_, UseCounter>) -> Result<(), Error> {
        if counter.let_go(self.checkout) {
            counter.used += 1;
            cx.emit(Event::Committed {
                promotion: self.promotion,
                checkout: self.checkout,
            });
        }
        Ok(())
    }
}

/// Lets a held use go: the next checkout may take it.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseUse {
    /// Whose.
    pub checkout: CheckoutId,
    /// Of which promotion.
    pub promotion: PromotionId,
}

impl Command<UseCounter> for ReleaseUse {
    const NAME: &'static str = "use_counter.release_use";
    type Reply = ();

    fn apply(self, counter: &mut UseCounter, cx: &mut Context<'_, UseCounter>) -> Result<(), Error> {
        if counter.let_go(self.checkout) {
            cx.emit(Event::Released {
                promotion: self.promotion,
                checkout: self.checkout,
            });
        }
        Ok(())
    }
}

/// Counts a use at once, without a checkout. The first one brings the counter into being.
#[derive(Clone, Copy, Debug)]
pub struct SpendUse {
    /// Of which promotion.
    pub promotion: PromotionId,
    /// At most so many may be used and held.
    pub limit: u64,
}

impl Create<UseCounter> for SpendUse {
    const NAME: &'static str = "use_counter.open_spent";
    type Reply = ();

    fn create(self, _: UseCounterId, cx: &mut Context<'_, UseCounter>) -> Result<(UseCounter, ()), Error> {
        let mut counter = UseCounter::new(self.promotion);
        self.apply(&mut counter, cx)?;
        Ok((counter, ()))
    }
}

impl Command<UseCounter> for SpendUse {
    const NAME: &'static str = "use_counter.spend_use";
    type Reply = ();

    fn apply(self, counter: &mut UseCounter, cx: &mut Context<'_, UseCounter>) -> Result<(), Error> {
        counter.require_below(self.limit, self.promotion)?;
        counter.used += 1;
        cx.emit(Event::Spent {
            promotion: self.promotion,
        });
        Ok(())
    }
}

/// Notes that what is good for one order was used elsewhere, also where a checkout holds it: that it was used is a fact.
/// Tells whether that was new. The first one brings the counter into being.
#[derive(Clone, Copy, Debug)]
pub struct NoteUsed {
    /// Of which promotion.
    pub promotion: PromotionId,
}

impl Create<UseCounter> for NoteUsed {
    const NAME: &'static str = "use_counter.open_used";
    type Reply = bool;

    fn create(self, _: UseCounterId, cx: &mut Context<'_, UseCounter>) -> Result<(UseCounter, bool), Error> {
        let mut counter = UseCounter::new(self.promotion);
        let is_new = self.apply(&mut counter, cx)?;
        Ok((counter, is_new))
    }
}

impl Command<UseCounter> for NoteUsed {
    const NAME: &'static str = "use_counter.note_used";
    type Reply = bool;

    fn apply(self, counter: &mut UseCounter, cx: &mut Context<'_, UseCounter>) -> Result<bool, Error> {
        let is_new = counter.used == 0;
        if is_new {
            counter.used = 1;
            cx.emit(Event::Spent {
                promotion: self.promotion,
            });
        }
        Ok(is_new)
    }
}

/// Takes back a use that was counted: its order is canceled.
#[derive(Clone, Copy, Debug)]
pub struct GiveBackUse {
    /// Of which promotion.
    pub promotion: PromotionId,
}

impl Command<UseCounter> for GiveBackUse {
    const NAME: &'static str = "use_counter.give_back_use";
    type Reply = ();

    fn apply(self, counter: &mut UseCounter, cx: &mut Context<'_, UseCounter>) -> Result<(), Error> {
        let Some(fewer) = counter.used.checked_sub(1) else {
            return Ok(());
        };
        counter.used = fewer;
        cx.emit(Event::GivenBack {
            promotion: self.promotion,
        });
        Ok(())
    }
}

/// What happened to a counter. Whose uses it counts is not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A checkout holds a use.
    Reserved {
        /// Of which promotion.
        promotion: PromotionId,
        /// Which checkout.
        checkout: CheckoutId,
    },
    /// Its order is placed: the use counts.
    Committed {
        /// Of which promotion.
        promotion: PromotionId,
        /// Which checkout.
        checkout: CheckoutId,
    },
    /// The checkout let go of it.
    Released {
        /// Of which promotion.
        promotion: PromotionId,
        /// Which checkout.
        checkout: CheckoutId,
    },
    /// An order that had used it was canceled.
    GivenBack {
        /// Of which promotion.
        promotion: PromotionId,
    },
    /// A use counts that no checkout held.
    Spent {
        /// Of which promotion.
        promotion: PromotionId,
    },
}

impl EventBody for Event {
    const SCHEMA: u16 = 1;

    fn name(&self) -> &'static str {
        match self {
            Self::Reserved { .. } => "use_counter.reserved",
            Self::Committed { .. } => "use_counter.committed",
            Self::Released { .. } => "use_counter.released",
            Self::GivenBack { .. } => "use_counter.given_back",
            Self::Spent { .. } => "use_counter.spent",
        }
    }
}

/// How a counter refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// All uses are used or held.
    #[error("the promotion has been used as often as it can be")]
    LimitReached {
        /// Which promotion.
        promotion: PromotionId,
        /// How often it can be used.
        limit: u64,
    },
    /// Too many checkouts use it at a time.
    #[error("{max} checkouts use this promotion, the most there may be at a time; try again in a moment")]
    TooManyHolders {
        /// The most.
        max: usize,
    },
}

impl Refusal for Error {
    fn class(&self) -> Class {
        match self {
            Self::LimitReached { .. } => Class::Conflict,
            Self::TooManyHolders { .. } => Class::TooMany,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::LimitReached { .. } => "coupon.limit_reached",
            Self::TooManyHolders { .. } => "promotion.too_many_checkouts",
        }
    }

    fn details(&self) -> Vec<(String, Detail)> {
        match self {
            Self::LimitReached { promotion, limit } => vec![
                ("promotion_id".to_owned(), promotion.to_string().into()),
                ("limit".to_owned(), (*limit).into()),
            ],
            Self::TooManyHolders { max } => vec![("checkouts_max".to_owned(), (*max).into())],
        }
    }
}

impl Entity for UseCounter {
    const KIND: Kind = Kind::UseCounter;
    const SCHEMA: u16 = 1;
    type Id = UseCounterId;
    type Event = Event;
    type Timer = NoTimer;
    type Error = Error;

    fn invariants(&self) -> Result<(), Broken> {
        let in_order = self.held.is_sorted_by(|left, right| left < right);
        ensure(in_order, "a checkout holds at most one use")
    }

    fn may_rest(&self) -> bool {
        self.held.is_empty()
    }

    fn wake(&mut self, timer: NoTimer, _: &mut Context<'_, Self>) -> Result<(), Error> {
        match timer {}
    }
}

#[cfg(test)]
#[path = "uses_test.rs"]
mod tests;
