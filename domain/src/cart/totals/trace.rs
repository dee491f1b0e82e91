//! What was looked at on the way to a quote, and why it did or did not count. Made only for who asks, and for orders.

use crate::cart::Unmet;
use crate::id::{LineId, PromotionId};
use crate::money::Money;
use crate::promotion::Code;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Every promotion that was looked at, in the order in which they apply; none that a code unlocks which was not entered,
/// because that is a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// One entry a promotion.
    pub looked: Vec<Looked>,
}

/// A promotion that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// Which one.
    pub promotion: PromotionId,
    /// What it was called.
    pub name: Arc<str>,
    /// The code in the cart that it goes by.
    pub code: Option<Code>,
    /// Why it does not apply; nothing where it does.
    pub unmet: Option<Unmet>,
    /// What each of its actions came to.
    pub steps: Vec<Step>,
}

/// What one action came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which of the promotion's actions.
    pub action: usize,
    /// The value it acted on.
    pub base: Money,
    /// What that comes to, rounded once.
    pub asked: Money,
    /// What was really given: floors may have left less room.
    pub given: Money,
    /// The lines that it was split over.
    pub shares: Vec<StepShare>,
}

/// What one line got of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepShare {
    /// Which line.
    pub line: LineId,
    /// The value of the line by which it was split.
    pub base: Money,
    /// Its share.
    pub amount: Money,
}

impl Trace {
    /// Notes what an action of a promotion that was looked at came to.
    pub(super) fn add(&mut self, promotion: PromotionId, step: Step) {
        let looked = self
            .looked
            .iter_mut()
            .find(|looked| looked.promotion == promotion);
        if let Some(looked) = looked {
            looked.steps.push(step);
        }
    }
}
