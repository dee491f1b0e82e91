//! Checkouts on the wire.

use crate::answer::versioned;
use crate::dto::{Money, Time};
use crate::problem::json;
use cartwright_actors::Shown;
use cartwright_actors::checkout::{CheckoutView, CompletionDraft};
use cartwright_domain::Problem;
use cartwright_domain::checkout::{self, Ending, Step};
use cartwright_domain::order::Order;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// One attempt to turn a cart into an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Checkout {
    /// Its id.
    #[schema(example = "chk_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    pub(super) id: String,
    /// The cart.
    cart_id: String,
    /// How far it has come.
    state: CheckoutState,
    /// What is to be paid; known once payment begins.
    total: Option<Money>,
    /// When its reservation ends, or ended; `null` before there is one, and from the payment on.
    expires_at: Option<Time>,
    /// Why it led to no order.
    problem: Option<CheckoutProblem>,
    /// The order it led to.
    order: Option<CheckoutOrder>,
    /// Where to ask how it stands.
    pub(super) status_url: String,
    /// When it was started.
    created_at: Time,
    /// How often it was changed.
    version: u64,
}

/// How far a checkout has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckoutState {
    /// Stock is reserved; it waits for its completion.
    Started,
    /// It is at work.
    Processing,
    /// The payment provider has not answered; it is asked what happened.
    PaymentUnknown,
    /// The order is placed.
    Completed,
    /// It was refused; nothing of it remains.
    Refused,
    /// Its reservation ran out.
    Expired,
    /// The shopper gave it up.
    Abandoned,
}

/// Why a checkout led to no order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CheckoutProblem {
    /// The stable code.
    #[schema(example = "payment.declined")]
    error: String,
    /// What a person must know.
    message: String,
    /// The numbers that matter.
    #[schema(value_type = Object)]
    details: Map<String, Value>,
}

/// The order a checkout led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CheckoutOrder {
    /// Its id.
    #[schema(example = "ord_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    id: String,
    /// Its number, without gaps.
    #[schema(example = 1)]
    number: Option<u64>,
    /// What shows the order to whoever has it, besides the number.
    token: String,
    /// What is to be paid.
    total: Money,
    /// How it stands.
    #[schema(example = "confirmed")]
    status: &'static str,
}

/// What a caller says when completing.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct Completion {
    /// How it is paid; not needed where nothing is due.
    payment: Option<PaymentChoice>,
    /// The total the caller agrees to; without it, the one last answered to this caller for this cart.
    expected_total: Option<Money>,
    /// The most the caller agrees to pay at the provider beside gift cards and store credit; without it, what was last
    /// answered together with the total.
    expected_amount_due: Option<Money>,
}

/// How an order is paid.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct PaymentChoice {
    /// The provider's token for the shopper's means of payment.
    #[schema(example = "tok_approve")]
    token: String,
}

versioned!(Checkout);

impl From<&CheckoutView> for Checkout {
    fn from(view: &CheckoutView) -> Self {
        let (id, checkout) = (view.checkout.id, &view.checkout.state);
        Self {
            id: id.to_string(),
            cart_id: checkout.cart.to_string(),
            state: CheckoutState::from(&**checkout),
            total: checkout.total.map(Into::into),
            expires_at: checkout.reserved_until.map(Time),
            problem: view.problem.as_ref().map(CheckoutProblem::from),
            order: view.order.as_ref().map(CheckoutOrder::from),
            status_url: format!("/api/v1/checkouts/{id}"),
            created_at: checkout.created_at.into(),
            version: view.checkout.revision.0,
        }
    }
}

impl From<&checkout::Checkout> for CheckoutState {
    fn from(checkout: &checkout::Checkout) -> Self {
        match checkout.step {
            Step::AwaitCompletion => Self::Started,
            Step::ReserveStock | Step::FreezeQuote | Step::AuthorizePayment | Step::WalkBack => {
                Self::Processing
            }
            Step::SettlePayment => Self::PaymentUnknown,
            Step::CapturePayment => Self::Completed,
            Step::Ended => match checkout.ending {
                Some(Ending::Completed) | None => Self::Completed,
                Some(Ending::Refused(_)) => Self::Refused,
                Some(Ending::Expired) => Self::Expired,
                Some(Ending::Abandoned) => Self::Abandoned,
            },
        }
    }
}

impl From<&Problem> for CheckoutProblem {
    fn from(problem: &Problem) -> Self {
        let details = problem.details.iter();
        Self {
            error: problem.code.clone(),
            message: problem.message.clone(),
            details: details
                .map(|(name, detail)| (name.clone(), json(detail)))
                .collect(),
        }
    }
}

impl From<&Shown<Order>> for CheckoutOrder {
    fn from(shown: &Shown<Order>) -> Self {
        let order = &shown.state;
        Self {
            id: order.id().to_string(),
            number: order.number(),
            token: order.token().to_owned(),
            total: order.quote().quote.total.into(),
            status: order.status().name(),
        }
    }
}

impl From<Completion> for CompletionDraft {
    fn from(completion: Completion) -> Self {
        Self {
            payment_token: completion.payment.map(|payment| payment.token),
            expected_total: completion.expected_total.map(Into::into),
            expected_due: completion.expected_amount_due.map(Into::into),
        }
    }
}
