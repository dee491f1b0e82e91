//! What the steps of a checkout need, and the words in which they fail.

use super::expected::sums_of;
use crate::cart::{ShownTotal, ShownTotals};
use crate::engine::{Kinds, unreadable};
use crate::once::gone;
use crate::request::Refused;
use crate::runtime::{Ask, AskError, Performed, Runtime, StepKey};
use cartwright_domain::cart::{Cart, Sums};
use cartwright_domain::checkout::{Checkout, Ending, Progress, Reserved, WalkBack};
use cartwright_domain::id::CheckoutId;
use cartwright_domain::money::Money;
use cartwright_domain::settings::Settings;
use cartwright_domain::{Entity, EntityKey, Problem, Refusal, Timestamp};
use cartwright_gateways::payment::{Deadlined, Gateway, OperationKey};
use std::sync::Arc;

/// What the steps of a checkout need.
pub struct CheckoutEnv {
    pub(super) kinds: Kinds,
    runtime: Runtime,
    payments: Arc<dyn Gateway>,
    shown_totals: Arc<ShownTotals>,
}

impl CheckoutEnv {
    pub(crate) fn new(
        kinds: Kinds,
        runtime: Runtime,
        payments: Arc<dyn Gateway>,
        shown_totals: Arc<ShownTotals>,
    ) -> Self {
        Self {
            kinds,
            runtime,
            payments,
            shown_totals,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.runtime.clock().now()
    }

    /// Returns what the shopper was shown with a total, as far as it is remembered.
    pub(super) fn shown_with(&self, total: Money, checkout: &Checkout) -> Option<ShownTotal> {
        let shown = self.shown_totals.last_in(checkout.cart, checkout.session);
        shown.filter(|shown| shown.total == total)
    }

    /// Returns what the shopper was last shown that the cart of a checkout comes to. What a refusal told them does not
    /// count: they may not have seen it.
    pub(super) async fn shown_sums(&self, checkout: &Checkout) -> Result<Option<Sums>, Refused> {
        if let Some(shown) = self.shown_totals.last_in(checkout.cart, checkout.session) {
            return Ok(shown.sums().map(|_| Sums {
                total: shown.total,
                due: shown.due,
            }));
        }
        let cart = self.kinds.carts.read(checkout.cart).await.map_err(unreadable)?;
        let priced = self.kinds.priced(cart.ok_or_else(gone::<Cart>)?).await?;
        let is_known = self.kinds.costs_what_it_did(&priced).await?;
        Ok(is_known.then(|| sums_of(&priced)))
    }

    /// Waits until every commit made before has its verdict: what an earlier run gave up waiting for is then known.
    pub(super) async fn every_verdict(&self) {
        self.runtime.store().barrier().await;
    }

    /// Returns the steps that a checkout has tried and where, undos apart, if it is known to have begun in this process.
    pub(super) fn steps_tried(&self, checkout: CheckoutId) -> Option<Vec<(&'static str, EntityKey)>> {
        self.runtime.steps_tried(Checkout::key(checkout))
    }

    /// Returns the payment provider under the deadline of the settings.
    pub(super) fn provider(&self, settings: &Settings) -> Deadlined {
        Deadlined::new(Arc::clone(&self.payments), settings.lifetimes.provider)
    }

    /// Returns the payment provider under the deadline of the settings or, where that comes first, the checkout's own. One
    /// that has passed is none: what is asked then is what there is to be undone.
    pub(super) fn provider_in_time(&self, checkout: &Checkout, settings: &Settings) -> Deadlined {
        let patience = settings.lifetimes.provider;
        let completion = checkout.completion.as_ref();
        let left = completion.map_or(patience, |completion| completion.deadline_at.since(self.now()));
        let patience = match left.is_zero() {
            true => patience,
            false => patience.min(left),
        };
        Deadlined::new(Arc::clone(&self.payments), patience)
    }

    /// Returns the ask of one step at one participant.
    pub(super) fn step(
        &self,
        checkout: CheckoutId,
        step: &'static str,
        forbids: Option<&'static str>,
    ) -> Ask {
        let key = StepKey {
            saga: Checkout::key(checkout),
            step,
            forbids,
        };
        Ask::step("checkout", self.kinds.randomness.seed(), key)
    }
}

/// Returns the key under which the provider does one operation of this checkout at most once.
pub(super) fn operation(checkout: CheckoutId, step: &str) -> OperationKey {
    OperationKey::new(checkout, step).expect("a checkout's id and a step's name are short and visible")
}

/// Why a step did not get on.
#[derive(Debug)]
pub(super) enum Halt {
    /// Something said no: walk back.
    Refused(Problem),
    /// The reservation is over: walk back.
    Expired,
    /// A technical failure: the step is done again.
    Again(String),
    /// The same, once the order is known to be placed.
    PastPivot(String),
}

impl<X: Refusal> From<AskError<X>> for Halt {
    fn from(error: AskError<X>) -> Self {
        match error {
            // What a participant itself decides is decided, also for now only: whoever waits is told, and nothing is held.
            AskError::Refused(refusal) => Self::Refused(refusal.problem()),
            error if error.is_transient() => Self::Again(error.to_string()),
            error => Self::Refused(error.into()),
        }
    }
}

impl From<Refused> for Halt {
    fn from(refused: Refused) -> Self {
        let problem = refused.problem;
        if problem.class.is_final() {
            Self::Refused(problem)
        } else {
            Self::Again(problem.message)
        }
    }
}

impl Halt {
    /// Returns what comes of the step, noting what may be reserved where it turns back.
    pub(super) fn having_reserved(self, reserved: Vec<Reserved>) -> Performed<Progress> {
        let ending = match self {
            Self::Refused(problem) => Ending::Refused(problem.bounded()),
            Self::Expired => Ending::Expired,
            Self::Again(reason) => return Performed::again(reason),
            Self::PastPivot(reason) => return Performed::again(reason).past_pivot(),
        };
        let reserved = Arc::new(reserved);
        Performed::record(Progress::Failed(WalkBack { ending, reserved }))
    }
}

impl From<Halt> for Performed<Progress> {
    fn from(halt: Halt) -> Self {
        halt.having_reserved(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cartwright_domain::Class;
    use cartwright_domain::inventory::Error;
    use std::time::Duration;

    #[test]
    fn what_a_participant_refuses_for_now_is_refused_and_what_did_not_reach_it_is_tried_again() {
        let full = AskError::Refused(Error::TooManyReservations { max: 3 });
        let Halt::Refused(problem) = Halt::from(full) else {
            panic!("whoever waits would never hear of it");
        };
        assert_eq!(problem.class, Class::TooMany);
        let retry_after = Duration::from_secs(1);
        let again = Halt::from(AskError::<Error>::Retry { retry_after });
        assert!(matches!(again, Halt::Again(_)), "{again:?}");
    }
}
