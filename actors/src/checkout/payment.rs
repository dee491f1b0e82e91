//! The payment and the pivot behind it.

use super::env::{CheckoutEnv, Halt, operation};
use super::{after, before, tenders, uses};
use crate::once::gone;
use crate::runtime::{Performed, Published};
use cartwright_domain::cart::FrozenQuote;
use cartwright_domain::checkout::{Checkout, NotePaymentUnknown, Progress};
use cartwright_domain::settings::Settings;
use cartwright_domain::{Class, Problem};
use cartwright_gateways::payment::{
    self, Approval, AuthorizeRequest, Deadlined, Decline, Gateway, Outcome, Token,
};
use std::sync::Arc;
use std::time::Duration;

/// The names of a checkout's operations at the provider, each after the checkout's id. The provider keeps them: a name
/// that was released stays.
pub(super) const AUTHORIZE: &str = "authorize";
/// Of what was authorized. Undoes [`AUTHORIZE`].
pub(super) const VOID: &str = "void";
/// Of what was authorized: it is taken.
pub(super) const CAPTURE: &str = "capture";
/// Of what was captured before it was known that the order is canceled.
pub(super) const REFUND_LATE_CAPTURE: &str = "refund_late_capture";
/// How long to wait before a provider that has not decided is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Reserves uses of promotions, holds what gift cards and store credit are to pay, asks the provider to authorize the
/// rest of the frozen total, and goes on to the order.
pub(super) async fn authorize(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
) -> Result<Performed<Progress>, Halt> {
    let frozen = frozen_quote(env, saga).await?;
    let settings = env.kinds.current_settings().await?;
    if let Err(halt) = hold_all(env, saga, &frozen).await {
        return Err(turn_back(env, saga, halt).await);
    }
    if frozen.due().is_zero() {
        return place_in_time(env, saga, frozen, None, &settings).await;
    }
    if comes_too_late(env, saga).await? {
        // An earlier run of the step may have asked, before a crash.
        return Err(give_up(env, saga).await);
    }
    let provider = env.provider_in_time(&saga.state, &settings);
    match ask_to_authorize(&provider, saga, &frozen).await {
        Ok(approval) => place_in_time(env, saga, frozen, Some(approval), &settings).await,
        Err(payment::Error::Unknown) => Ok(Performed::record(Progress::PaymentUnknown(NotePaymentUnknown))),
        Err(error) => Err(turn_back(env, saga, refused(error)).await),
    }
}

/// Holds whatever an order needs besides stock and what the provider sets aside.
async fn hold_all(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
    frozen: &FrozenQuote,
) -> Result<(), Halt> {
    uses::reserve(env, saga.id, frozen).await?;
    tenders::hold_all(env, saga, frozen).await
}

/// Places the order of a checkout that is paid, by the provider or by gift cards and store credit alone. Past the checkout's
/// deadline that comes too late: what was set aside is voided and released (section 3.4 of the semantics), also where the
/// process was down meanwhile.
async fn place_in_time(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
    frozen: Arc<FrozenQuote>,
    approval: Option<Approval>,
    settings: &Settings,
) -> Result<Performed<Progress>, Halt> {
    if comes_too_late(env, saga).await? {
        return Err(give_up(env, saga).await);
    }
    after::place(env, saga, frozen, approval, settings).await
}

/// Asks the provider what became of an authorization that was not answered, and only then asks it again.
pub(super) async fn settle(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
) -> Result<Performed<Progress>, Halt> {
    let frozen = frozen_quote(env, saga).await?;
    let settings = env.kinds.current_settings().await?;
    let provider = env.provider_in_time(&saga.state, &settings);
    let outcome = provider.outcome(&operation(saga.id, AUTHORIZE)).await;
    let is_decided = matches!(outcome, Ok(Some(Outcome::Approved(_) | Outcome::Declined(_))));
    if !is_decided && is_overdue(env, saga) {
        return Err(give_up(env, saga).await);
    }
    let authorized = match outcome {
        Ok(Some(Outcome::Approved(approval))) => Ok(approval),
        Ok(Some(Outcome::Declined(decline))) => Err(payment::Error::Declined(decline)),
        Ok(Some(Outcome::Pending)) => Err(payment::Error::Unknown),
        Ok(None) => ask_to_authorize(&provider, saga, &frozen).await,
        Err(error) => return Err(Halt::Again(error.to_string())),
    };
    match authorized {
        Ok(approval) => place_in_time(env, saga, frozen, Some(approval), &settings).await,
        Err(payment::Error::Declined(decline)) => {
            Err(turn_back(env, saga, Halt::Refused(declined(decline))).await)
        }
        Err(error @ (payment::Error::Unknown | payment::Error::Unavailable { .. })) => Ok(Performed::Again {
            reason: error.to_string(),
            after: Some(ASK_AGAIN_AFTER),
            is_past_pivot: false,
        }),
    }
}

async fn ask_to_authorize(
    provider: &Deadlined,
    saga: &Arc<Published<Checkout>>,
    frozen: &FrozenQuote,
) -> Result<Approval, payment::Error> {
    let token = saga
        .state
        .completion
        .as_ref()
        .and_then(|completion| completion.payment_token.clone());
    let request = AuthorizeRequest {
        amount: frozen.due(),
        token: Token::new(token.unwrap_or_default()),
        checkout: saga.id.to_string(),
        description: format!("order of cart {}", saga.state.cart),
    };
    provider.authorize(&operation(saga.id, AUTHORIZE), request).await
}

async fn frozen_quote(env: &CheckoutEnv, saga: &Arc<Published<Checkout>>) -> Result<Arc<FrozenQuote>, Halt> {
    let frozen = before::frozen_quote(env, saga).await?;
    frozen.ok_or_else(|| gone::<FrozenQuote>().into())
}

/// Turns back, unless an earlier run of the step has placed the order: past the pivot there is no way back, whatever
/// the provider says now, and the step is done again until it can go on.
async fn turn_back(env: &CheckoutEnv, saga: &Arc<Published<Checkout>>, halt: Halt) -> Halt {
    match is_placed(env, saga).await {
        Ok(false) => halt,
        Ok(true) => Halt::PastPivot("the order is placed, but its payment cannot be asked for".to_owned()),
        Err(unreadable) => unreadable,
    }
}

/// Turns back because the checkout's deadline has passed.
async fn give_up(env: &CheckoutEnv, saga: &Arc<Published<Checkout>>) -> Halt {
    turn_back(env, saga, Halt::Refused(given_up())).await
}

/// Tells whether an earlier run of the step has placed the order.
async fn is_placed(env: &CheckoutEnv, saga: &Published<Checkout>) -> Result<bool, Halt> {
    env.every_verdict().await;
    let order = env.kinds.orders.read(saga.state.order).await;
    let order = order.map_err(|fault| Halt::Again(fault.to_string()))?;
    Ok(order.is_some())
}

/// Tells whether the checkout's deadline has passed, and no order is placed.
async fn comes_too_late(env: &CheckoutEnv, saga: &Published<Checkout>) -> Result<bool, Halt> {
    Ok(is_overdue(env, saga) && !is_placed(env, saga).await?)
}

fn is_overdue(env: &CheckoutEnv, saga: &Published<Checkout>) -> bool {
    saga.state
        .completion
        .as_ref()
        .is_some_and(|completion| completion.deadline_at <= env.now())
}

fn refused(error: payment::Error) -> Halt {
    match error {
        payment::Error::Declined(decline) => Halt::Refused(declined(decline)),
        payment::Error::Unknown => Halt::Again(error.to_string()),
        payment::Error::Unavailable { .. } => Halt::Refused(unavailable()),
    }
}

/// Refuses what the provider cannot be asked for.
pub(super) fn unavailable() -> Problem {
    let message = "the payment provider cannot be reached; nothing was charged, try again in a moment";
    Problem::new(Class::Unavailable, "payment.unavailable", message)
}

fn declined(decline: Decline) -> Problem {
    let message = format!("the payment was declined: {}", decline.message);
    Problem::new(Class::PaymentDeclined, "payment.declined", message).with("provider_code", decline.code)
}

fn given_up() -> Problem {
    let message =
        "the payment was not settled by the checkout's deadline; nothing was charged, complete again";
    Problem::new(Class::PaymentDeclined, "payment.given_up", message)
}
