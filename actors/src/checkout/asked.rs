//! What callers ask of an attempt, and what its answer to them is.

use super::finish;
use crate::runtime::Answer;
use cartwright_domain::Problem;
use cartwright_domain::checkout::{Checkout, Step};
use cartwright_domain::id::CheckoutId;

/// What a caller asks of an attempt, which decides when it is answered, and with what.
#[derive(Clone, Copy)]
pub(super) enum Asked {
    /// That the stock is reserved.
    Start,
    /// That there is an order.
    Completion,
}

impl Asked {
    pub(super) fn is_answered(self, checkout: &Checkout) -> bool {
        match self {
            Self::Start => checkout.has_reserved() || checkout.is_ended(),
            Self::Completion => matches!(checkout.step, Step::CapturePayment | Step::Ended),
        }
    }

    /// Returns how an attempt that has ended refuses it. What has been started stays so, whatever becomes of it.
    pub(super) fn refusal(self, checkout: &Checkout) -> Option<Problem> {
        let is_kept = matches!(self, Self::Start) && checkout.has_reserved();
        let ending = checkout.ending.as_ref().filter(|_| checkout.is_ended());
        ending.filter(|_| !is_kept).and_then(finish::refusal)
    }
}

/// The attempt that keeps a caller's key.
#[derive(Clone, Copy)]
pub(super) struct Attempt {
    pub(super) id: CheckoutId,
    /// Was it asked for before, under the same key?
    pub(super) replayed: bool,
}

impl Attempt {
    /// Returns the attempt that has answered: another one than was asked where the same request was faster.
    pub(super) fn of(answer: &Answer<(), Checkout>, asked: CheckoutId) -> Self {
        Self {
            id: answer.state.as_ref().map_or(asked, |checkout| checkout.id),
            replayed: answer.replayed,
        }
    }
}
