//! The steps before anything is paid: lock, reserve, freeze.
//!
//! Participants answer ahead of their verdicts, and the outcome of a step rests on all of them: what a step needs of
//! the disk is one wait, and nobody outside hears of it before.

use super::env::{CheckoutEnv, Halt};
use super::steps::{LOCK_CART, LOCK_DETAILS, PIN_STOCK, RESERVE_STOCK};
use super::{finish, validate};
use crate::cart::Priced;
use crate::engine::unreadable;
use crate::inventory::stock_of;
use crate::once::gone;
use crate::runtime::{Answer, AskError, Performed, Published};
use cartwright_domain::cart::totals::Trace;
use cartwright_domain::cart::{Cart, FrozenQuote, LockForCheckout, LockScope};
use cartwright_domain::checkout::{AwaitCompletion, BeginAuthorization, Checkout, Progress, Reserved};
use cartwright_domain::id::{CheckoutId, VariantId};
use cartwright_domain::inventory::{self, Hold, Pin, Reserve, StockItem};
use cartwright_domain::{Problem, Refusal, Timestamp};
use cartwright_storage::Decision;
use futures::future::try_join_all;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Locks the cart, checks its lines, and reserves stock. With completion asked for it goes on to the quote at once.
pub(super) async fn reserve_stock(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
) -> Result<Performed<Progress>, Halt> {
    let scope = match saga.state.completion {
        Some(_) => LockScope::Everything,
        None => LockScope::Lines,
    };
    let (cart, lock) = lock_cart(env, saga, scope, LOCK_CART).await?;
    let done = match saga.state.completion {
        // The payment call comes next.
        Some(_) => reserve_and_freeze(env, saga, Arc::clone(&cart), lock).await,
        None => reserve_for_a_time(env, saga, Arc::clone(&cart), lock).await,
    };
    Ok(done.unwrap_or_else(|halt| halt.having_reserved(all_of(&cart.state))))
}

/// Closes the cart's details, re-reads prices, rates and methods, reserves what has come to be tracked since the start,
/// and freezes what it all comes to.
pub(super) async fn freeze_quote(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
) -> Result<Performed<Progress>, Halt> {
    let (cart, lock) = lock_cart(env, saga, LockScope::Everything, LOCK_DETAILS).await?;
    let done = pin_and_freeze(env, saga, Arc::clone(&cart), lock).await;
    Ok(done.unwrap_or_else(|halt| halt.having_reserved(all_of(&cart.state))))
}

async fn lock_cart(
    env: &CheckoutEnv,
    saga: &Published<Checkout>,
    scope: LockScope,
    step: &'static str,
) -> Result<(Arc<Published<Cart>>, Option<Decision>), Halt> {
    let shown = match scope {
        LockScope::Lines => env.shown_sums(&saga.state).await?,
        // What is expected was said with the completion.
        LockScope::Everything => None,
    };
    let command = LockForCheckout {
        checkout: saga.id,
        scope,
        shown,
    };
    let ask = env
        .step(saga.id, step, None)
        .if_match(saga.state.cart_revision)
        .ahead();
    let locked = env.kinds.carts.ask(saga.state.cart, command, ask).await?;
    let cart = locked.state.ok_or_else(|| Halt::from(gone::<Cart>()))?;
    Ok((cart, locked.decision))
}

async fn reserve_and_freeze(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
    cart: Arc<Published<Cart>>,
    lock: Option<Decision>,
) -> Result<Performed<Progress>, Halt> {
    let (priced, trace) = env.kinds.priced_with_reasons(cart).await?;
    validate::lines(&priced)?;
    validate::details(&priced, &saga.state)?;
    let demand = priced.cart.state.lines().units_by_variant();
    let held = reserve_all(env, saga.id, demand, None, lock.as_ref()).await?;
    validate::total(env, &priced, &saga.state)?;
    let frozen = freeze(env, saga, (priced, trace), Arc::new(held.reserved)).await?;
    Ok(frozen.resting_on(held.decisions).resting_on(lock))
}

async fn reserve_for_a_time(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
    cart: Arc<Published<Cart>>,
    lock: Option<Decision>,
) -> Result<Performed<Progress>, Halt> {
    let priced = env.kinds.priced(cart).await?;
    validate::lines(&priced)?;
    let lifetime = env.kinds.current_settings().await?.lifetimes.reservation;
    let demand = priced.cart.state.lines().units_by_variant();
    let held = reserve_all(env, saga.id, demand, Some(lifetime), lock.as_ref()).await?;
    // Before any of the stock is free again, also where it was reserved by an earlier run of this step, for as long as was
    // set then.
    let lasts_until = saga.state.created_at.after(lifetime);
    let outcome = finish::reserved(
        saga,
        AwaitCompletion {
            reserved_until: held.until.map_or(lasts_until, |until| until.min(lasts_until)),
            reserved: Arc::new(held.reserved),
        },
    );
    Ok(outcome.resting_on(held.decisions).resting_on(lock))
}

async fn pin_and_freeze(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
    cart: Arc<Published<Cart>>,
    lock: Option<Decision>,
) -> Result<Performed<Progress>, Halt> {
    let (priced, trace) = env.kinds.priced_with_reasons(cart).await?;
    let is_over = saga.state.reserved_until.is_some_and(|until| until <= env.now());
    match validate::lines(&priced) {
        // What was held for this checkout may be somebody else's by now.
        Err(_) if is_over => return Err(Halt::Expired),
        judged => judged?,
    }
    validate::details(&priced, &saga.state)?;
    validate::total(env, &priced, &saga.state)?;
    let (mut reserved, pinned) = pin(env, saga).await?;
    let late = reserve_all(env, saga.id, unreserved(saga, &priced), None, lock.as_ref()).await?;
    reserved.extend(late.reserved);
    reserved.sort_unstable();
    let frozen = freeze(env, saga, (priced, trace), Arc::new(reserved)).await?;
    let frozen = frozen.resting_on(pinned).resting_on(late.decisions);
    Ok(frozen.resting_on(lock))
}

/// Returns what the cart demands of variants that were not tracked when stock was reserved. They may be by now, or an
/// earlier run of this step may have found them so.
fn unreserved(saga: &Published<Checkout>, priced: &Priced) -> BTreeMap<VariantId, u64> {
    let mut demand = priced.cart.state.lines().units_by_variant();
    demand.retain(|variant, _| reserved_of(&saga.state.reserved, *variant).is_none());
    demand
}

/// Returns what has been reserved of a variant; they are in its order.
fn reserved_of(reserved: &[Reserved], variant: VariantId) -> Option<&Reserved> {
    let found = reserved.binary_search_by_key(&variant, |held| held.variant);
    found.ok().map(|at| &reserved[at])
}

/// Freezes the quote, before the provider may hear of it.
async fn freeze(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
    (priced, trace): (Priced, Trace),
    reserved: Arc<Vec<Reserved>>,
) -> Result<Performed<Progress>, Halt> {
    none_unheld(env, saga.id, &priced.cart.state, &reserved).await?;
    let quote = match frozen_quote(env, saga).await? {
        // An earlier build got so far with this step. What it wrote stands.
        Some(quote) => quote,
        None => {
            let mut quote = FrozenQuote::of_cart(
                saga.id,
                &priced.cart.state,
                Arc::unwrap_or_clone(priced.quote),
                priced.uses,
                |variant| priced.facts.get(&variant),
                env.now(),
            )
            .sent_by(|method| {
                let methods = env.kinds.shipping_methods.roster();
                let now = methods.iter().find(|known| known.id == method);
                now.map(|method| method.state.name().to_owned())
            })
            .explained_by(trace)
            .paid_with(priced.coverage.tenders());
            if validate::size(&quote).is_err() {
                // Of many lines, why each promotion applied to each may be most of it. What it came to is kept in any case.
                quote.looked = Vec::new();
                validate::size(&quote)?;
            }
            Arc::new(quote)
        }
    };
    Ok(Performed::record(Progress::Frozen(BeginAuthorization {
        quote,
        reserved,
    })))
}

/// Lets nothing be frozen of which nothing is held though it is tracked. An item may have come to be tracked since it was
/// passed over: then it is reserved in another run. Where it was asked, in a moment in which it was not tracked, the step has
/// that answer for ever: then this checkout has failed.
async fn none_unheld(
    env: &CheckoutEnv,
    checkout: CheckoutId,
    cart: &Cart,
    reserved: &[Reserved],
) -> Result<(), Halt> {
    if reserved.iter().any(|held| held.quantity == 0) {
        // What came before the reservation is then known.
        env.every_verdict().await;
    }
    for variant in cart.lines().units_by_variant().into_keys() {
        let asked = reserved_of(reserved, variant);
        if asked.is_some_and(|held| 0 < held.quantity) {
            continue;
        }
        let item = env.kinds.stock_items.read(stock_of(variant)).await;
        let Some(available) = item.map_err(unreadable)?.and_then(|item| item.state.available()) else {
            continue;
        };
        if asked.is_none() {
            return Err(Halt::Again(format!("the stock of {variant} is counted now")));
        }
        return Err(Halt::Refused(gone_of(variant, checkout, available)));
    }
    Ok(())
}

/// Refuses what nobody holds any more for a checkout, with what can be had.
fn gone_of(variant: VariantId, checkout: CheckoutId, available: i64) -> Problem {
    let gone = inventory::Error::ReservationGone {
        variant,
        checkout,
        available: u64::try_from(available).unwrap_or_default(),
    };
    gone.problem()
}

/// Returns the quote this checkout froze, if it has. Earlier builds wrote it beside the checkout, under the same id.
pub(super) async fn frozen_quote(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
) -> Result<Option<Arc<FrozenQuote>>, Halt> {
    if saga.state.quote.is_some() || env.steps_tried(saga.id).is_some() {
        return Ok(saga.state.quote.clone());
    }
    let frozen = env.kinds.frozen_quotes.read(saga.id).await.map_err(unreadable)?;
    Ok(frozen.map(|frozen| Arc::clone(&frozen.state)))
}

/// Pins what was reserved, and returns what is held of it: nothing where a reservation went while its stock was not
/// tracked any more.
async fn pin(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
) -> Result<(Vec<Reserved>, Vec<Decision>), Halt> {
    let until = saga.state.reserved_until;
    let pins = saga.state.reserved.iter().map(|held| async move {
        let ask = env.step(saga.id, PIN_STOCK, None).ahead();
        match env
            .kinds
            .stock_items
            .ask(stock_of(held.variant), Pin { checkout: saga.id }, ask)
            .await
        {
            Ok(answer) => {
                let quantity = answer.reply.quantity;
                Ok((Reserved { quantity, ..*held }, answer.decision))
            }
            Err(AskError::Refused(inventory::Error::ReservationGone { .. }))
                if until.is_some_and(|until| until <= env.now()) =>
            {
                Err(Halt::Expired)
            }
            Err(error) => Err(Halt::from(error)),
        }
    });
    let (reserved, decisions): (_, Vec<_>) = try_join_all(pins).await?.into_iter().unzip();
    Ok((reserved, decisions.into_iter().flatten().collect()))
}

/// What has been reserved.
#[derive(Default)]
struct Reservations {
    reserved: Vec<Reserved>,
    /// What the reservations hang on.
    decisions: Vec<Decision>,
    /// When the first of those that are for a time is over.
    until: Option<Timestamp>,
}

/// Reserves what a cart demands: variant by variant in ascending order, the same for every checkout, so that of those
/// who want the last units somebody gets all of them. Each rests on the one before: what is not kept of one is kept of
/// none after it.
///
/// Without the lock nothing is reserved: the way back finds what is held by what the cart holds.
async fn reserve_all(
    env: &CheckoutEnv,
    checkout: CheckoutId,
    demand: BTreeMap<VariantId, u64>,
    lifetime: Option<Duration>,
    lock: Option<&Decision>,
) -> Result<Reservations, Halt> {
    let mut all = Reservations::default();
    let mut last = lock.cloned();
    for (variant, quantity) in demand {
        let Some(answer) = reserve(env, checkout, variant, quantity, lifetime, last.as_ref()).await? else {
            continue;
        };
        let item = answer.state.as_ref().map(|item| &*item.state);
        let reservation = item.and_then(|item| item.reservation(checkout));
        let quantity = match (reservation, item.and_then(StockItem::available)) {
            (Some(reservation), _) => {
                if let Hold::Until(until) = reservation.hold {
                    all.until = Some(all.until.map_or(until, |first| first.min(until)));
                }
                answer.reply.quantity
            }
            // What an earlier run was given is over, or was revoked; the step answers so for ever.
            (None, Some(available)) if 0 < answer.reply.quantity => {
                return Err(Halt::Refused(gone_of(variant, checkout, available)));
            }
            // Nothing was held, because the item has come to be untracked since it was read, and were it tracked again, a later
            // run would sell what nobody holds. The quote is not frozen then.
            (None, _) => 0,
        };
        all.reserved.push(Reserved { variant, quantity });
        last = answer.decision.clone().or(last);
        all.decisions.extend(answer.decision);
    }
    Ok(all)
}

/// Reserves stock of one variant, for a time or pinned; none where it is not tracked, unless an earlier run of the step
/// has reserved it already.
async fn reserve(
    env: &CheckoutEnv,
    checkout: CheckoutId,
    variant: VariantId,
    quantity: u64,
    lifetime: Option<Duration>,
    rests_on: Option<&Decision>,
) -> Result<Option<Answer<inventory::Held, StockItem>>, Halt> {
    let items = &env.kinds.stock_items;
    let item = items.read(stock_of(variant)).await.map_err(unreadable)?;
    if !item.is_some_and(|item| item.state.is_tracked() || item.state.reservation(checkout).is_some()) {
        return Ok(None);
    }
    let command = Reserve {
        checkout,
        quantity,
        lifetime,
    };
    let answer = items
        .ask(
            stock_of(variant),
            command,
            env.step(checkout, RESERVE_STOCK, None)
                .ahead()
                .resting_on(rests_on.cloned()),
        )
        .await?;
    Ok(Some(answer))
}

/// Returns all that may be reserved for a cart: once it is unlocked nobody can tell any more.
fn all_of(cart: &Cart) -> Vec<Reserved> {
    let demand = cart.lines().units_by_variant();
    demand
        .into_iter()
        .map(|(variant, quantity)| Reserved { variant, quantity })
        .collect()
}
