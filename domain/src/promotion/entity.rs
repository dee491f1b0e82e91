//! The promotion itself.

use super::{Action, Code, Combination, Conditions, Error, USES_LIMIT_MAX, Use};
use crate::customer::KnownAs;
use crate::entity::{Context, Entity, Keys, TimerName};
use crate::error::{Broken, ensure};
use crate::event::EventBody;
use crate::id::{PromotionId, UseCounterId};
use crate::kind::{Kind, Listing, ListingKey, Unique, UniqueKey};
use crate::money::Currency;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How many promotions a store may have.
pub const PROMOTIONS_MAX: usize = 10_000;

/// A rule that takes something off what a cart costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Promotion {
    /// Its id.
    pub id: PromotionId,
    /// What shoppers and staff see.
    pub name: Arc<str>,
    /// The code that unlocks it; without one it applies by itself.
    pub code: Option<Code>,
    /// Whether it applies to nobody without a code: its own, or one that is good for one order.
    pub requires_code: bool,
    /// Higher ones apply first; of equal ones the older.
    pub priority: i32,
    /// Whether it goes together with others.
    pub combination: Combination,
    /// When it applies.
    pub conditions: Conditions,
    /// What it takes off, in this order, each seeing what the one before left.
    pub actions: Vec<Action>,
    /// How many orders may carry it.
    pub usage_limit: Option<u64>,
    /// How many orders of one shopper may carry it.
    pub usage_limit_per_customer: Option<u64>,
    /// Whether it is switched on. The dates among its conditions count besides.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Promotion {
    /// Returns the currency of the carts it can apply to: the one it names, or that of its amounts.
    pub fn currency(&self) -> Option<Currency> {
        let conditions = &self.conditions;
        let of_threshold = conditions.subtotal_from.map(|from| from.currency);
        conditions
            .currency
            .or(of_threshold)
            .or_else(|| self.actions.iter().find_map(Action::currency))
    }

    /// Sets the timers for dates that are still to come.
    pub(super) fn schedule(&self, cx: &mut Context<'_, Self>) {
        let conditions = &self.conditions;
        let turns = [
            (Timer::Start, conditions.starts_at),
            (Timer::End, conditions.ends_at),
        ];
        for (timer, at) in turns {
            match at.filter(|at| cx.now() < *at) {
                Some(at) => cx.wake_at(timer, at),
                None => cx.cancel(timer),
            }
        }
    }

    /// Tells whether only a code unlocks it.
    pub fn is_locked(&self) -> bool {
        self.requires_code || self.code.is_some()
    }

    /// Refuses codes that are good for one order where they would unlock nothing.
    ///
    /// # Errors
    /// [`Error::RequiresNoCode`].
    pub fn require_codes(&self) -> Result<(), Error> {
        match self.requires_code {
            true => Ok(()),
            false => Err(Error::RequiresNoCode),
        }
    }

    /// Tells whether anything limits how often it is used.
    pub fn is_limited(&self) -> bool {
        self.usage_limit.is_some() || self.is_limited_by_shopper() || self.requires_code
    }

    /// Tells whether it matters who uses it, and how often.
    pub fn is_limited_by_shopper(&self) -> bool {
        self.usage_limit_per_customer.is_some() || self.conditions.first_order
    }

    /// Returns the uses that an order needs of a shopper who is known so, some maybe twice; nobody can tell whose an unknown
    /// one's are. Of several first orders at once, by whatever promotions, one is the first.
    pub fn uses(&self, known: KnownAs<'_>) -> Vec<Use> {
        let promotion = self.id;
        let counted = |counter, limit| Use {
            counter,
            promotion,
            limit,
        };
        let of_all = self.usage_limit;
        let of_all = of_all.map(|limit| counted(UseCounterId::of_all(promotion), limit));
        let mut uses: Vec<Use> = of_all.into_iter().collect();
        if let Some(limit) = self.usage_limit_per_customer {
            let counter = |shopper| UseCounterId::of_shopper(promotion, &shopper);
            uses.extend(known.limited().map(|shopper| counted(counter(shopper), limit)));
        }
        if self.conditions.first_order {
            let counter = |shopper| UseCounterId::of_first_order(&shopper);
            uses.extend(known.ordering().map(|shopper| counted(counter(shopper), 1)));
        }
        uses
    }

    /// Returns the use of a code that is good for one order; none of its own code.
    pub fn use_of(&self, code: &Code) -> Option<Use> {
        (self.code.as_ref() != Some(code)).then(|| Use::of_code(self.id, code))
    }
}

/// What a promotion waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// To begin.
    Start,
    /// To end.
    End,
}

impl TimerName for Timer {
    const ALL: &'static [Self] = &[Self::Start, Self::End];

    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::End => "end",
        }
    }
}

/// What happened to a promotion. What it says in full is in its snapshot: it may name thousands of products.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// It was made.
    Created {
        /// What it is called.
        name: Arc<str>,
        /// The code that unlocks it.
        code: Option<Code>,
        /// Whether it is switched on.
        enabled: bool,
    },
    /// It was changed, to this.
    Updated {
        /// What it is called.
        name: Arc<str>,
        /// The code that unlocks it.
        code: Option<Code>,
        /// Whether it is switched on.
        enabled: bool,
    },
    /// It was deleted.
    Deleted {
        /// What it was called.
        name: Arc<str>,
        /// The code that unlocked it.
        code: Option<Code>,
    },
    /// It was switched on when its time began.
    Started {
        /// What it is called.
        name: Arc<str>,
        /// The code that unlocks it.
        code: Option<Code>,
    },
    /// It was switched on when its time was over.
    Ended {
        /// What it is called.
        name: Arc<str>,
        /// The code that unlocked it.
        code: Option<Code>,
    },
}

impl EventBody for Event {
    const SCHEMA: u16 = 1;

    fn name(&self) -> &'static str {
        match self {
            Self::Created { .. } => "promotion.created",
            Self::Updated { .. } => "promotion.updated",
            Self::Deleted { .. } => "promotion.deleted",
            Self::Started { .. } => "promotion.started",
            Self::Ended { .. } => "promotion.ended",
        }
    }
}

impl Entity for Promotion {
    const KIND: Kind = Kind::Promotion;
    const SCHEMA: u16 = 1;
    type Id = PromotionId;
    type Event = Event;
    type Timer = Timer;
    type Error = Error;

    fn invariants(&self) -> Result<(), Broken> {
        ensure(!self.name.is_empty(), "a promotion has a name")?;
        ensure(!self.actions.is_empty(), "a promotion does something")?;
        let limits = [self.usage_limit, self.usage_limit_per_customer];
        ensure(
            limits
                .iter()
                .flatten()
                .all(|limit| (1..=USES_LIMIT_MAX).contains(limit)),
            "a promotion can be used at least once",
        )?;
        let own = self.currency();
        let amounts = self.actions.iter().map(Action::currency);
        let mut amounts = amounts.chain([self.conditions.subtotal_from.map(|from| from.currency)]);
        ensure(
            amounts.all(|currency| currency.is_none() || currency == own),
            "the amounts of a promotion are of one currency",
        )
    }

    fn keys(&self) -> Keys {
        let code = self.code.as_ref();
        Keys {
            unique: code
                .map(|code| UniqueKey::new(Unique::PromotionCode, code.as_str()))
                .into_iter()
                .collect(),
            listing: vec![ListingKey::new(Listing::Promotions, self.name.to_lowercase())],
        }
    }

    fn may_rest(&self) -> bool {
        true
    }

    /// Tells that its time begins or ends. Carts go by the dates themselves, exactly.
    fn wake(&mut self, timer: Timer, cx: &mut Context<'_, Self>) -> Result<(), Error> {
        if self.enabled {
            let (name, code) = (Arc::clone(&self.name), self.code.clone());
            cx.emit(match timer {
                Timer::Start => Event::Started { name, code },
                Timer::End => Event::Ended { name, code },
            });
        }
        Ok(())
    }
}
