//! The pivot and everything behind it: from here on the checkout only goes forward.

use super::env::{CheckoutEnv, Halt, operation};
use super::payment::{CAPTURE, REFUND_LATE_CAPTURE};
use super::steps::{ALLOCATE_STOCK, COMPLETE_CART, PLACE_ORDER, RECORD_CAPTURE, RECORD_LATE_REFUND};
use super::{finish, tenders, uses};
use crate::engine::unreadable;
use crate::inventory::stock_of;
use crate::once::gone;
use crate::runtime::{Ask, AskError, Performed, Published};
use cartwright_domain::Refusal;
use cartwright_domain::cart::{Complete, FrozenQuote};
use cartwright_domain::checkout::{Checkout, Progress};
use cartwright_domain::id::VariantId;
use cartwright_domain::inventory::Allocate;
use cartwright_domain::order::{
    Order, PlaceOrder, PromisedStock, RecordCapture, RecordCaptureFailure, RecordRefund, Status,
};
use cartwright_domain::payment::{Payment, PaymentState};
use cartwright_domain::settings::{Capture, Settings};
use cartwright_gateways::payment::{self, Approval, Gateway, Outcome, Reference};
use cartwright_storage::Decision;
use futures::future::try_join_all;
use std::sync::Arc;

/// Places the order, which is the pivot, and does what it promises.
pub(super) async fn place(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
    frozen: Arc<FrozenQuote>,
    approval: Option<Approval>,
    settings: &Settings,
) -> Result<Performed<Progress>, Halt> {
    let mut payments = tenders::payments(&frozen)?;
    if let Some(approval) = &approval {
        let provider = env.provider(settings);
        let payment = Payment::authorized(provider.name(), approval.reference.as_str(), approval.amount);
        payments.push(payment.map_err(|error| Halt::Refused(error.problem()))?);
    }
    let held = saga.state.reserved.iter().filter(|held| 0 < held.quantity);
    let stock = held.map(|held| PromisedStock {
        variant: held.variant,
        quantity: held.quantity,
    });
    let agreed = Arc::clone(&frozen);
    let command = PlaceOrder {
        quote: frozen,
        session: saga.state.session,
        payments,
        stock: stock.collect(),
    };
    match env
        .kinds
        .orders
        .create(
            saga.state.order,
            command,
            env.step(saga.id, PLACE_ORDER, None).fresh(),
        )
        .await
    {
        // An earlier run of this step got so far.
        Ok(_) | Err(AskError::AlreadyExists { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let delivered = deliver(env, saga, &agreed, approval, settings).await;
    Ok(delivered.unwrap_or_else(Performed::again).past_pivot())
}

/// Allocates the stock, counts the uses of promotions, uses what is held of gift cards and store credit, completes the
/// cart and captures the payment, side by side: none needs another, and each is done until it is done. Nothing here may
/// turn back.
async fn deliver(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
    frozen: &FrozenQuote,
    approval: Option<Approval>,
    settings: &Settings,
) -> Result<Performed<Progress>, String> {
    let variants = variants_of(saga);
    let complete = Complete {
        checkout: saga.id,
        order: saga.state.order,
    };
    // Every run does the same, whatever the setting has become: the provider may have captured in an earlier one.
    let asked_for = saga
        .state
        .completion
        .as_ref()
        .and_then(|completion| completion.capture);
    let approval = approval.filter(|_| asked_for.unwrap_or(settings.capture) == Capture::Now);
    let captures = async {
        match &approval {
            Some(approval) => take(env, saga, approval, settings).await,
            None => Ok(None),
        }
    };
    let (allocated, counted, used, completed, captured) = tokio::join!(
        try_join_all(variants.iter().map(|variant| allocate(env, saga, *variant))),
        uses::commit(env, saga.id, &frozen.uses),
        tenders::use_all(env, saga, &frozen.tenders),
        env.kinds.carts.ask(
            saga.state.cart,
            complete,
            env.step(saga.id, COMPLETE_CART, None).ahead()
        ),
        captures,
    );
    let mut rests_on: Vec<_> = allocated?.into_iter().flatten().collect();
    rests_on.extend(counted?);
    rests_on.extend(used?);
    rests_on.extend(completed.map_err(|error| error.to_string())?.decision);
    env.kinds.kept_prices.forget(saga.state.cart);
    let outcome = match (captured, &approval) {
        (Err(reason), Some(approval)) => {
            note_failure(env, saga, approval, reason).await;
            finish::placed(saga)
        }
        (captured, _) => {
            rests_on.extend(captured.ok().flatten());
            finish::over(env, saga, &variants, Some(frozen))
        }
    };
    Ok(outcome.resting_on(rests_on))
}

/// Tries the capture again until it works, or the order is called off.
pub(super) async fn capture(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
) -> Result<Performed<Progress>, Halt> {
    let settings = env.kinds.current_settings().await?;
    let order = env
        .kinds
        .orders
        .read(saga.state.order)
        .await
        .map_err(unreadable)?
        .ok_or_else(gone::<Order>)?;
    let over = || finish::over(env, saga, &variants_of(saga), Some(order.state.quote()));
    let mut payments = order.state.payments().iter();
    let Some(payment) = payments.find(|payment| payment.stored_value().is_none()) else {
        return Ok(over());
    };
    let approval = Approval {
        reference: Reference::new(payment.reference()),
        amount: payment.authorized_amount(),
    };
    match take(env, saga, &approval, &settings).await {
        Ok(noted) => Ok(over().resting_on(noted)),
        Err(reason) => {
            // It was, unless the first try was cut off before it got so far.
            if payment.state() == PaymentState::Authorized {
                note_failure(env, saga, &approval, reason.clone()).await;
            }
            Err(Halt::Again(reason))
        }
    }
}

/// Captures the payment and notes it on the order; returns what the note hangs on while it is on its way.
///
/// An order that was called off is not captured any more. But what was captured before that became known, by this
/// run or by one that a crash cut off, is noted and given back: only the provider knows, so it is asked.
async fn take(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
    approval: &Approval,
    settings: &Settings,
) -> Result<Option<Decision>, String> {
    let provider = env.provider(settings);
    let key = operation(saga.id, CAPTURE);
    let canceled = {
        let order = env
            .kinds
            .orders
            .read(saga.state.order)
            .await
            .map_err(|fault| fault.to_string())?;
        order.is_some_and(|order| order.state.status() == Status::Canceled)
    };
    let answered = match canceled {
        true => Err(payment::Error::Unknown),
        false => payment::capture(&provider, &key, &approval.reference, approval.amount).await,
    };
    let taken = match answered {
        Ok(taken) => taken,
        Err(payment::Error::Unknown) => match payment::last_outcome(&provider, &key).await {
            Ok(Some(Outcome::Approved(taken))) => taken,
            Ok(None | Some(Outcome::Declined(_))) if canceled => return Ok(None),
            Ok(_) => return Err("the capture is not decided yet".to_owned()),
            Err(error) => return Err(error.to_string()),
        },
        Err(error) => return Err(error.to_string()),
    };
    let orders = &env.kinds.orders;
    let command = RecordCapture {
        reference: taken.reference.as_str().to_owned(),
        amount: taken.amount,
    };
    let answer = orders
        .ask(
            saga.state.order,
            command,
            env.step(saga.id, RECORD_CAPTURE, None).ahead(),
        )
        .await;
    let answer = answer.map_err(|error| error.to_string())?;
    let order = answer.state.ok_or("the order is gone")?;
    if order.state.status() != Status::Canceled {
        return Ok(answer.decision);
    }
    // Money moves on what is durable only.
    env.every_verdict().await;
    if !answer.decision.as_ref().is_none_or(Decision::is_accepted) {
        return Err("that the payment was captured could not be noted".to_owned());
    }
    let reference = taken.reference.as_str();
    let payment = order
        .state
        .payments()
        .iter()
        .find(|payment| payment.reference() == reference);
    let Some(owed) = payment.map(Payment::refundable).filter(|owed| !owed.is_zero()) else {
        return Ok(None);
    };
    let key = operation(saga.id, REFUND_LATE_CAPTURE);
    let refunded = payment::refund(&provider, &key, &taken.reference, owed).await;
    refunded.map_err(|error| error.to_string())?;
    let command = RecordRefund {
        reference: reference.to_owned(),
        amount: owed,
    };
    let answer = orders
        .ask(
            saga.state.order,
            command,
            env.step(saga.id, RECORD_LATE_REFUND, None),
        )
        .await;
    answer.map(|_| None).map_err(|error| error.to_string())
}

async fn note_failure(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
    approval: &Approval,
    reason: String,
) {
    let command = RecordCaptureFailure {
        reference: approval.reference.as_str().to_owned(),
        reason,
    };
    // Noted for staff; the capture itself is tried again either way.
    let _ = env
        .kinds
        .orders
        .ask(
            saga.state.order,
            command,
            Ask::internal("checkout", env.kinds.randomness.seed()),
        )
        .await;
}

async fn allocate(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
    variant: VariantId,
) -> Result<Option<Decision>, String> {
    let command = Allocate {
        checkout: saga.id,
        order: saga.state.order,
    };
    let ask = env.step(saga.id, ALLOCATE_STOCK, None).ahead();
    let answer = env.kinds.stock_items.ask(stock_of(variant), command, ask).await;
    answer
        .map(|answer| answer.decision)
        .map_err(|error| error.to_string())
}

fn variants_of(saga: &Arc<Published<Checkout>>) -> Vec<VariantId> {
    saga.state.reserved.iter().map(|held| held.variant).collect()
}
