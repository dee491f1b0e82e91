//! The checkout saga: which step comes next, and what each does (section 5.1 of the semantics).
//!
//! This file lists the steps; what they do stands in `before.rs`, `payment.rs`, `after.rs` and `back.rs`.

use super::env::{CheckoutEnv, Halt};
use super::{after, back, before, payment};
use crate::runtime::{Action, Next, Performed, Published, Saga, SagaStep};
use cartwright_domain::checkout::{Checkout, Ending, Progress, Step, WalkBack};
use cartwright_domain::{Problem, Timestamp};
use std::sync::Arc;

impl SagaStep for Step {
    fn name(self) -> &'static str {
        Self::name(self)
    }
}

impl Saga for Checkout {
    type Env = CheckoutEnv;
    type Step = Step;
    type Record = Progress;

    fn next(&self, now: Timestamp) -> Next<Step> {
        match self.step {
            Step::AwaitCompletion => match self.reserved_until {
                Some(until) if now < until => Next::Wait(Some(until)),
                Some(_) | None => Next::Act(Action::Run(Step::AwaitCompletion)),
            },
            Step::ReserveStock
            | Step::FreezeQuote
            | Step::AuthorizePayment
            | Step::SettlePayment
            | Step::CapturePayment => Next::Act(Action::Run(self.step)),
            Step::WalkBack => Next::Act(Action::Undo(Step::WalkBack)),
            Step::Ended => Next::Ended,
        }
    }

    fn refused(&self, problem: Problem) -> Option<Progress> {
        match self.step {
            Step::ReserveStock | Step::FreezeQuote => Some(Progress::Failed(WalkBack {
                ending: Ending::Refused(problem.bounded()),
                reserved: Arc::default(),
            })),
            Step::AwaitCompletion
            | Step::AuthorizePayment
            | Step::SettlePayment
            | Step::CapturePayment
            | Step::WalkBack
            | Step::Ended => None,
        }
    }

    fn is_past_pivot(&self) -> bool {
        self.step == Step::CapturePayment
    }

    async fn perform(
        env: Arc<CheckoutEnv>,
        saga: Arc<Published<Self>>,
        action: Action<Step>,
    ) -> Performed<Progress> {
        let step = match action {
            Action::Run(step) | Action::Undo(step) => step,
        };
        let performed = match step {
            Step::ReserveStock => before::reserve_stock(&env, &saga).await,
            // Nobody asked for completion in time.
            Step::AwaitCompletion => Err(Halt::Expired),
            Step::FreezeQuote => before::freeze_quote(&env, &saga).await,
            Step::AuthorizePayment => payment::authorize(&env, &saga).await,
            Step::SettlePayment => payment::settle(&env, &saga).await,
            Step::CapturePayment => after::capture(&env, &saga).await,
            Step::WalkBack => back::walk_back(&env, &saga).await,
            Step::Ended => Err(Halt::Again("the checkout has ended".to_owned())),
        };
        performed.unwrap_or_else(Performed::from)
    }
}
