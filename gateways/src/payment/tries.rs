//! What is tried again until it is done, although it was declined: the reason may have passed, and a key never forgets.
//!
//! Each try that follows a decline has a key of its own. The provider remembers how often it has declined, so that nobody
//! else has to, and a process that knows nothing of earlier tries finds the same key.

use super::{Approval, Error, Gateway, OperationKey, Outcome, Reference};
use cartwright_domain::money::Money;

/// Takes what was authorized, as [`Gateway::capture`], under the first key that was not declined.
///
/// # Errors
/// As [`Gateway::capture`]; a decline is of this try.
pub async fn capture(
    gateway: &dyn Gateway,
    first: &OperationKey,
    authorization: &Reference,
    amount: Money,
) -> Result<Approval, Error> {
    match gateway.capture(first, authorization, amount).await {
        Err(Error::Declined(_)) => {
            let (key, _) = last_try(gateway, first).await?;
            gateway.capture(&key, authorization, amount).await
        }
        answered => answered,
    }
}

/// Gives back what was captured, as [`Gateway::refund`], under the first key that was not declined.
///
/// # Errors
/// As [`Gateway::refund`]; a decline is of this try.
pub async fn refund(
    gateway: &dyn Gateway,
    first: &OperationKey,
    authorization: &Reference,
    amount: Money,
) -> Result<Approval, Error> {
    match gateway.refund(first, authorization, amount).await {
        Err(Error::Declined(_)) => {
            let (key, _) = last_try(gateway, first).await?;
            gateway.refund(&key, authorization, amount).await
        }
        answered => answered,
    }
}

/// Asks what has become of an operation, as [`Gateway::outcome`], over all its tries.
///
/// # Errors
/// As [`Gateway::outcome`].
pub async fn last_outcome(gateway: &dyn Gateway, first: &OperationKey) -> Result<Option<Outcome>, Error> {
    Ok(last_try(gateway, first).await?.1)
}

/// Returns the first key that was not declined, and what has become of it.
///
/// Those before it were all declined and none behind it was used, so that a few questions find it among many.
async fn last_try(
    gateway: &dyn Gateway,
    first: &OperationKey,
) -> Result<(OperationKey, Option<Outcome>), Error> {
    let ask = async |tries: u32| {
        let key = first.after(tries);
        let outcome = gateway.outcome(&key).await?;
        Ok::<_, Error>((key, outcome))
    };
    let is_declined = |outcome: &Option<Outcome>| matches!(outcome, Some(Outcome::Declined(_)));
    let (mut declined, mut reach) = (0, 0);
    let mut last = ask(reach).await?;
    while is_declined(&last.1) {
        declined = reach + 1;
        reach = 2 * reach + 1;
        last = ask(reach).await?;
    }
    while declined < reach {
        let middle = declined + (reach - declined) / 2;
        let between = ask(middle).await?;
        if is_declined(&between.1) {
            declined = middle + 1;
        } else {
            (reach, last) = (middle, between);
        }
    }
    Ok(last)
}
