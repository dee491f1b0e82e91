//! Uses of limited promotions: reserved before anything is paid, committed with the order, released on the way back.
//!
//! Which ones a checkout needs stands in its frozen quote, so that whoever reserves them, gives them back or counts them
//! goes by the same list. Checkouts without limited promotions do nothing here.

use super::back::done_or_gone;
use super::env::{CheckoutEnv, Halt};
use super::steps::{COMMIT_USE, RELEASE_USE, RESERVE_USE};
use crate::runtime::AskError;
use cartwright_domain::Refusal;
use cartwright_domain::cart::FrozenQuote;
use cartwright_domain::id::CheckoutId;
use cartwright_domain::promotion::{CommitUse, ReleaseUse, ReserveUse, Use, UseError};
use cartwright_storage::Decision;
use futures::future::try_join_all;

/// Reserves what a frozen quote needs, in ascending order, the same for every checkout: of those who want the last uses
/// somebody gets all of them. They are held until the saga lets go of them. The provider is asked next, so that none is
/// answered ahead.
pub(super) async fn reserve(
    env: &CheckoutEnv,
    checkout: CheckoutId,
    frozen: &FrozenQuote,
) -> Result<(), Halt> {
    for needed in &frozen.uses {
        match reserve_one(env, checkout, *needed).await {
            Ok(()) => {}
            Err(AskError::Refused(error @ UseError::LimitReached { .. })) => {
                return Err(Halt::Refused(limit_reached(frozen, *needed, &error)));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Reserves a use. The first one brings its counter into being.
async fn reserve_one(env: &CheckoutEnv, checkout: CheckoutId, needed: Use) -> Result<(), AskError<UseError>> {
    let counters = &env.kinds.use_counters;
    let command = ReserveUse {
        checkout,
        promotion: needed.promotion,
        limit: needed.limit,
    };
    let ask = || env.step(checkout, RESERVE_USE, None);
    counters
        .ask_or_create(needed.counter, command, ask)
        .await
        .map(|_| ())
}

/// Names the promotion as the shopper knows it.
fn limit_reached(frozen: &FrozenQuote, needed: Use, error: &UseError) -> cartwright_domain::Problem {
    let mut promotions = frozen.quote.promotions.iter();
    let mut problem = error.problem();
    let Some(applied) = promotions.find(|applied| applied.promotion == needed.promotion) else {
        return problem;
    };
    problem.message = match &applied.code {
        // One that somebody else holds stays in the cart.
        Some(code) => format!(
            "the code {code} is used up, or its last use is with somebody who is paying; take it out, or complete again later"
        ),
        None => format!(
            "{} has been used as often as it can be; show the cart and complete again",
            applied.name
        ),
    };
    let problem = problem.with("promotion", &*applied.name);
    match &applied.code {
        Some(code) => problem.with("code", code.as_str()),
        None => problem,
    }
}

/// Counts what was reserved, once the order stands. A counter that is not there counts nothing.
pub(super) async fn commit(
    env: &CheckoutEnv,
    checkout: CheckoutId,
    uses: &[Use],
) -> Result<Vec<Decision>, String> {
    let commits = uses.iter().map(|held| async move {
        let ask = env.step(checkout, COMMIT_USE, None).ahead();
        let commit = CommitUse {
            checkout,
            promotion: held.promotion,
        };
        match env.kinds.use_counters.ask(held.counter, commit, ask).await {
            Ok(answer) => Ok(answer.decision),
            Err(AskError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    });
    Ok(try_join_all(commits).await?.into_iter().flatten().collect())
}

/// Lets go of whatever may be held.
pub(super) async fn release(env: &CheckoutEnv, checkout: CheckoutId, uses: &[Use]) -> Result<(), Halt> {
    let releases = uses.iter().map(|held| async move {
        let ask = env.step(checkout, RELEASE_USE, Some(RESERVE_USE));
        let counters = &env.kinds.use_counters;
        let release = ReleaseUse {
            checkout,
            promotion: held.promotion,
        };
        done_or_gone(counters.ask(held.counter, release, ask).await)
    });
    try_join_all(releases).await?;
    Ok(())
}
