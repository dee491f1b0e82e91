//! The answers to whoever asked: to the start once the stock is reserved, to the completion with the last commit of the
//! checkout, which is also the end of every step's receipt.

use super::env::CheckoutEnv;
use super::{steps, tenders};
use crate::inventory::stock_of;
use crate::runtime::{FinalAnswer, Performed, Published};
use cartwright_domain::cart::{Cart, FrozenQuote};
use cartwright_domain::checkout::{
    AwaitCompletion, Checkout, EndCheckout, Ending, NotePlaced, Progress, Step,
};
use cartwright_domain::id::VariantId;
use cartwright_domain::inventory::StockItem;
use cartwright_domain::order::Order;
use cartwright_domain::promotion::UseCounter;
use cartwright_domain::{Class, Entity, Problem};
use cartwright_storage::ReceiptKey;
use std::sync::Arc;

/// Ends the checkout, completed or walked back.
pub(super) fn over(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
    variants: &[VariantId],
    frozen: Option<&FrozenQuote>,
) -> Performed<Progress> {
    Performed::Record {
        command: Progress::Over(EndCheckout),
        deletes: step_receipts(env, saga, variants, frozen),
        answers: answer(saga),
        rests_on: Vec::new(),
        is_past_pivot: false,
    }
}

/// Answers that the stock is reserved.
pub(super) fn reserved(saga: &Published<Checkout>, note: AwaitCompletion) -> Performed<Progress> {
    answered(saga, Progress::Reserved(note))
}

/// Answers that the order stands, while its capture is still owed.
pub(super) fn placed(saga: &Published<Checkout>) -> Performed<Progress> {
    answered(saga, Progress::Placed(NotePlaced))
}

fn answered(saga: &Published<Checkout>, command: Progress) -> Performed<Progress> {
    Performed::Record {
        command,
        deletes: Vec::new(),
        answers: answer(saga),
        rests_on: Vec::new(),
        is_past_pivot: false,
    }
}

/// Tells whether a checkout was refused because the cart had not the revision that its caller expected.
pub(super) fn was_stale(checkout: &Checkout) -> bool {
    let refused = checkout.ending.as_ref().and_then(refusal);
    refused.is_some_and(|refused| refused.class == Class::Stale)
}

/// Returns how a checkout that failed is refused; none for one that led to an order.
pub(super) fn refusal(ending: &Ending) -> Option<Problem> {
    match ending {
        Ending::Completed => None,
        Ending::Refused(problem) => Some(problem.clone()),
        Ending::Expired => Some(Problem::new(
            Class::Conflict,
            "checkout.reservation_expired",
            "the reservation of this checkout has expired; the cart can be checked out again",
        )),
        Ending::Abandoned => Some(Problem::new(
            Class::Conflict,
            "checkout.abandoned",
            "the checkout was abandoned; start another one",
        )),
    }
}

/// Returns the final answer to the request under whose idempotency key the checkout is.
fn answer(saga: &Published<Checkout>) -> Option<FinalAnswer> {
    let answers = saga.state.answers.as_ref()?;
    Some(FinalAnswer::to(
        answers,
        saga.state.ending.as_ref().and_then(refusal),
    ))
}

/// Returns the receipts that this checkout's steps left with their participants: those of the steps it has tried, or, on
/// the way back and where nobody knows what it has tried, every one that there may be.
fn step_receipts(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
    variants: &[VariantId],
    frozen: Option<&FrozenQuote>,
) -> Vec<ReceiptKey> {
    let receipt = |participant, step| ReceiptKey::step(Checkout::key(saga.id), step, participant);
    let back = saga.state.step == Step::WalkBack;
    if !back && let Some(tried) = env.steps_tried(saga.id) {
        let receipts = tried
            .into_iter()
            .map(|(step, participant)| receipt(participant, step));
        return receipts.collect();
    }
    let (of_cart, of_item, of_use): (&[&'static str], &[&'static str], &[&'static str]) = match back {
        true => (
            &[steps::LOCK_CART, steps::LOCK_DETAILS, steps::UNLOCK_CART],
            &[steps::RESERVE_STOCK, steps::PIN_STOCK, steps::RELEASE_STOCK],
            &[steps::RESERVE_USE, steps::RELEASE_USE],
        ),
        false => (
            &[steps::LOCK_CART, steps::LOCK_DETAILS, steps::COMPLETE_CART],
            &[steps::RESERVE_STOCK, steps::PIN_STOCK, steps::ALLOCATE_STOCK],
            &[steps::RESERVE_USE, steps::COMMIT_USE],
        ),
    };
    let mut receipts = Vec::new();
    receipts.extend(
        of_cart
            .iter()
            .map(|step| receipt(Cart::key(saga.state.cart), step)),
    );
    for variant in variants {
        let item = StockItem::key(stock_of(*variant));
        receipts.extend(of_item.iter().map(|step| receipt(item, step)));
    }
    let (uses, tenders) = frozen.map_or_else(Default::default, |frozen| {
        (frozen.uses.as_slice(), frozen.tenders.as_slice())
    });
    receipts.extend(tenders::step_receipts(saga, tenders));
    for held in uses {
        let counter = UseCounter::key(held.counter);
        receipts.extend(of_use.iter().map(|step| receipt(counter, step)));
    }
    if saga.state.total.is_some() || !back {
        let order = Order::key(saga.state.order);
        receipts.extend(
            [
                steps::PLACE_ORDER,
                steps::RECORD_CAPTURE,
                steps::RECORD_LATE_REFUND,
            ]
            .map(|step| receipt(order, step)),
        );
        // An earlier build may have frozen the quote, as an entity of its own.
        receipts.push(receipt(FrozenQuote::key(saga.id), steps::FREEZE_QUOTE));
    }
    receipts
}
