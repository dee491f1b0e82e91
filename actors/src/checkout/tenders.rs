//! What gift cards and store credit do for a checkout: they are held before the provider is asked, used once the order
//! stands, and released on the way back.
//!
//! What each is to pay stands in the frozen quote before any of it is held. A checkout without them does nothing here.

use super::back::done_or_gone;
use super::env::{CheckoutEnv, Halt};
use crate::runtime::Published;
use cartwright_domain::cart::FrozenQuote;
use cartwright_domain::checkout::{Checkout, Step};
use cartwright_domain::order::{Order, RecordCapture, RecordUses};
use cartwright_domain::payment::Payment;
use cartwright_domain::stored_value::{HoldValue, ReleaseValue, StoredValue, Tender, UseValue};
use cartwright_domain::{Entity, Refusal};
use cartwright_storage::{Decision, ReceiptKey};
use futures::future::try_join_all;
use std::sync::Arc;

const HOLD: &str = "hold_value";
const USE: &str = "use_value";
const RELEASE: &str = "release_value";
const RECORD_USES: &str = "record_uses";

/// Holds each part, in ascending order of id, the same for every checkout. The provider is asked next, so that none is
/// answered ahead.
pub(super) async fn hold_all(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
    frozen: &FrozenQuote,
) -> Result<(), Halt> {
    if frozen.tenders.is_empty() {
        return Ok(());
    }
    let cart = env.kinds.carts.read(saga.state.cart).await;
    let cart = cart.map_err(crate::engine::unreadable)?;
    let customer = match cart {
        Some(cart) => env
            .kinds
            .customer_of(&cart.state)
            .await?
            .map(|customer| customer.id),
        None => None,
    };
    let mut tenders: Vec<&Tender> = frozen.tenders.iter().collect();
    tenders.sort_by_key(|tender| tender.value);
    for tender in tenders {
        let command = HoldValue {
            checkout: saga.id,
            amount: tender.amount,
            customer,
        };
        let ask = env.step(saga.id, HOLD, None);
        env.kinds.stored_values.ask(tender.value, command, ask).await?;
    }
    Ok(())
}

/// Returns the parts as payments of the order.
pub(super) fn payments(frozen: &FrozenQuote) -> Result<Vec<Payment>, Halt> {
    let payments = frozen.tenders.iter().map(|tender| {
        let payment = Payment::authorized(tender.provider(), tender.value.to_string(), tender.amount);
        payment.map_err(|error| Halt::Refused(error.problem()))
    });
    payments.collect()
}

/// Uses what is held and notes it on the order; returns what hangs on it while it is on its way.
pub(super) async fn use_all(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
    tenders: &[Tender],
) -> Result<Vec<Decision>, String> {
    if tenders.is_empty() {
        return Ok(Vec::new());
    }
    let uses = tenders.iter().map(|tender| async move {
        let command = UseValue {
            checkout: saga.id,
            order: saga.state.order,
        };
        let ask = env.step(saga.id, USE, None).ahead();
        let answer = env.kinds.stored_values.ask(tender.value, command, ask).await;
        answer
            .map(|answer| answer.decision)
            .map_err(|error| error.to_string())
    });
    let used = try_join_all(uses).await?;
    let uses = tenders.iter().map(|tender| RecordCapture {
        reference: tender.value.to_string(),
        amount: tender.amount,
    });
    let command = RecordUses { uses: uses.collect() };
    let mut ask = env.step(saga.id, RECORD_USES, None).ahead();
    for decision in &used {
        ask = ask.resting_on(decision.clone());
    }
    let noted = env.kinds.orders.ask(saga.state.order, command, ask).await;
    let noted = noted.map_err(|error| error.to_string())?;
    Ok(used.into_iter().flatten().chain(noted.decision).collect())
}

/// Releases each part, held or not.
pub(super) async fn release_all(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
    tenders: &[Tender],
) -> Result<(), Halt> {
    let releases = tenders.iter().map(|tender| async move {
        let ask = env.step(saga.id, RELEASE, Some(HOLD));
        let command = ReleaseValue { checkout: saga.id };
        done_or_gone(env.kinds.stored_values.ask(tender.value, command, ask).await)
    });
    try_join_all(releases).await?;
    Ok(())
}

/// Returns the receipts that these steps left.
pub(super) fn step_receipts(saga: &Arc<Published<Checkout>>, tenders: &[Tender]) -> Vec<ReceiptKey> {
    if tenders.is_empty() {
        return Vec::new();
    }
    let receipt = |participant, step| ReceiptKey::step(Checkout::key(saga.id), step, participant);
    let steps = match saga.state.step == Step::WalkBack {
        true => [HOLD, RELEASE],
        false => [HOLD, USE],
    };
    let mut receipts = vec![receipt(Order::key(saga.state.order), RECORD_USES)];
    for tender in tenders {
        let value = StoredValue::key(tender.value);
        receipts.extend(steps.map(|step| receipt(value, step)));
    }
    receipts
}
