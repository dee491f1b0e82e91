//! The way back: everything that was started is undone, known to have worked or not.

use super::before::frozen_quote;
use super::env::{CheckoutEnv, Halt, operation};
use super::payment::{AUTHORIZE, VOID};
use super::steps::{LOCK_CART, RELEASE_STOCK, RESERVE_STOCK, UNLOCK_CART};
use super::{finish, tenders, uses};
use crate::engine::unreadable;
use crate::inventory::stock_of;
use crate::runtime::{AskError, Performed, Published};
use cartwright_domain::cart::{FrozenQuote, Unlock};
use cartwright_domain::checkout::{Checkout, Progress};
use cartwright_domain::id::VariantId;
use cartwright_domain::inventory::Release;
use cartwright_gateways::payment::{self, Gateway, Outcome};
use futures::future::try_join_all;
use std::sync::Arc;

/// Voids the payment, releases stock, uses of promotions and what is held of gift cards and store credit, and unlocks
/// the cart.
pub(super) async fn walk_back(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
) -> Result<Performed<Progress>, Halt> {
    let frozen = frozen_quote(env, saga).await?;
    let frozen = frozen.as_deref();
    void_payment(env, saga, frozen).await?;
    if let Some(frozen) = frozen {
        tenders::release_all(env, saga, &frozen.tenders).await?;
        uses::release(env, saga.id, &frozen.uses).await?;
    }
    let variants = variants_held(env, saga).await?;
    try_join_all(variants.iter().map(|variant| release(env, saga, *variant))).await?;
    let unlock = Unlock { checkout: saga.id };
    let ask = env.step(saga.id, UNLOCK_CART, Some(LOCK_CART));
    done_or_gone(env.kinds.carts.ask(saga.state.cart, unlock, ask).await)?;
    Ok(finish::over(env, saga, &variants, frozen))
}

/// Lets go of what may have been authorized. A provider that has not decided is asked again until it has.
async fn void_payment(
    env: &CheckoutEnv,
    saga: &Arc<Published<Checkout>>,
    frozen: Option<&FrozenQuote>,
) -> Result<(), Halt> {
    let is_paid = saga.state.total.is_some() && frozen.is_some_and(|frozen| !frozen.due().is_zero());
    if !is_paid {
        return Ok(());
    }
    let settings = env.kinds.current_settings().await?;
    let provider = env.provider(&settings);
    match provider.outcome(&operation(saga.id, AUTHORIZE)).await {
        Ok(Some(Outcome::Approved(approval))) => {
            let voided = payment::void(&provider, &operation(saga.id, VOID), &approval.reference).await;
            if voided.map_err(|error| Halt::Again(error.to_string()))?.is_none() {
                tracing::warn!(
                    alarm = true, checkout = %saga.id, payment = %approval.reference.as_str(),
                    "the provider does not void the payment of a checkout that comes to nothing; look for it there"
                );
            }
            Ok(())
        }
        Ok(Some(Outcome::Declined(_)) | None) => Ok(()),
        Ok(Some(Outcome::Pending)) => Err(Halt::Again("the provider has not decided".to_owned())),
        Err(error) => Err(Halt::Again(error.to_string())),
    }
}

/// Returns the variants of which stock may be held: those noted, and where a step that reserves may not have come to
/// its end, all of the cart this checkout holds.
async fn variants_held(env: &CheckoutEnv, saga: &Arc<Published<Checkout>>) -> Result<Vec<VariantId>, Halt> {
    let checkout = &saga.state;
    let noted = || checkout.reserved.iter().map(|held| held.variant).collect();
    let all_noted = match checkout.completion {
        Some(_) => checkout.total.is_some(),
        None => checkout.reserved_until.is_some(),
    };
    if all_noted {
        return Ok(noted());
    }
    let cart = env.kinds.carts.read(saga.state.cart).await.map_err(unreadable)?;
    let held = cart.filter(|cart| cart.state.state().holder() == Some(saga.id));
    Ok(held
        .map(|cart| cart.state.lines().units_by_variant().into_keys().collect())
        .unwrap_or_else(noted))
}

async fn release(env: &CheckoutEnv, saga: &Arc<Published<Checkout>>, variant: VariantId) -> Result<(), Halt> {
    let ask = env.step(saga.id, RELEASE_STOCK, Some(RESERVE_STOCK));
    let command = Release { checkout: saga.id };
    done_or_gone(env.kinds.stock_items.ask(stock_of(variant), command, ask).await)
}

/// An undo of something that is no longer there is done; nothing else may stop the way back.
pub(super) fn done_or_gone<T, X: cartwright_domain::Refusal>(
    answer: Result<T, AskError<X>>,
) -> Result<(), Halt> {
    match answer {
        Ok(_) | Err(AskError::NotFound { .. }) => Ok(()),
        Err(error) => Err(Halt::Again(error.to_string())),
    }
}
