//! What is tried again until it is done, although it was declined: the reason may have passed, and a key never forgets.
//!
//! Each try that follows a decline has a key of its own. The provider remembers how often it has declined, so that nobody
//! else has to, and a process that knows nothing of earlier tries finds the same key.

use super::{Approval, Error, Gateway, OperationKey, Outcome, Reference, UNKNOWN_PAYMENT};
use cartwright_domain::money::Money;

/// How often a provider may decline to let go of a payment until that is final. An authorization ends by itself in time, and
/// one that has ended is declined for ever.
const VOIDS_MAX: u32 = 8;

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
            let Tried { key, .. } = last_try(gateway, first).await?;
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
            let Tried { key, .. } = last_try(gateway, first).await?;
            gateway.refund(&key, authorization, amount).await
        }
        answered => answered,
    }
}

/// Lets go of what was authorized, as [`Gateway::void`], under the first key that was not declined; nothing once it was
/// declined as often as it is tried, eight times, or where the provider knows of no such payment.
///
/// # Errors
/// As [`Gateway::void`]; a decline is of this try.
pub async fn void(
    gateway: &dyn Gateway,
    first: &OperationKey,
    authorization: &Reference,
) -> Result<Option<Approval>, Error> {
    let void = async |key| match gateway.void(key, authorization).await {
        Err(Error::Declined(decline)) if decline.code == UNKNOWN_PAYMENT => Ok(None),
        answered => answered.map(Some),
    };
    match void(first).await {
        Err(Error::Declined(_)) => {
            let Tried { declined, key, .. } = last_try(gateway, first).await?;
            match declined < VOIDS_MAX {
                true => void(&key).await,
                false => Ok(None),
            }
        }
        answered => answered,
    }
}

/// Asks what has become of an operation, as [`Gateway::outcome`], over all its tries.
///
/// # Errors
/// As [`Gateway::outcome`].
pub async fn last_outcome(gateway: &dyn Gateway, first: &OperationKey) -> Result<Option<Outcome>, Error> {
    Ok(last_try(gateway, first).await?.outcome)
}

/// The first of an operation's tries that was not declined.
struct Tried {
    /// How many were.
    declined: u32,
    key: OperationKey,
    /// What has become of it.
    outcome: Option<Outcome>,
}

/// Returns the first try that was not declined.
///
/// Those before it were all declined and none behind it was made, so that a few questions find it among many.
async fn last_try(gateway: &dyn Gateway, first: &OperationKey) -> Result<Tried, Error> {
    let ask = async |declined: u32| {
        let key = first.after(declined);
        let outcome = gateway.outcome(&key).await?;
        Ok::<_, Error>(Tried {
            declined,
            key,
            outcome,
        })
    };
    let is_declined = |tried: &Tried| matches!(tried.outcome, Some(Outcome::Declined(_)));
    let (mut declined, mut reach) = (0, 0);
    let mut last = ask(reach).await?;
    while is_declined(&last) {
        declined = reach + 1;
        // Nobody has tried as often: whoever says so of keys that were never used says nothing.
        reach = reach.checked_mul(2).ok_or(Error::Unknown)? + 1;
        last = ask(reach).await?;
    }
    while declined < reach {
        let middle = declined + (reach - declined) / 2;
        let between = ask(middle).await?;
        if is_declined(&between) {
            declined = middle + 1;
        } else {
            (reach, last) = (middle, between);
        }
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payment::{AuthorizeRequest, Decline, Notification};
    use cartwright_domain::Currency;
    use futures::future::{BoxFuture, FutureExt};
    use std::sync::{Mutex, PoisonError};
    use tokio::sync::broadcast;

    /// A provider that declines its first operations, each under its own key for ever.
    struct Unwilling {
        declines: usize,
        /// The keys it was asked under, in order.
        keys: Mutex<Vec<String>>,
    }

    impl Unwilling {
        fn new(declines: usize) -> Self {
            Self {
                declines,
                keys: Mutex::default(),
            }
        }

        /// Decides as often as it is asked under a key for the first time.
        fn decide(&self, key: &OperationKey, asked: bool) -> Option<Outcome> {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            let known = keys.iter().position(|known| known == key.as_str());
            let at = known.or_else(|| asked.then_some(keys.len()))?;
            if known.is_none() {
                keys.push(key.as_str().to_owned());
            }
            Some(match at < self.declines {
                true => Outcome::Declined(Decline {
                    code: "not_now".to_owned(),
                    message: "not now".to_owned(),
                }),
                false => Outcome::Approved(Approval {
                    reference: Reference::new("pay_1"),
                    amount: amount(),
                }),
            })
        }

        fn act(&self, key: &OperationKey) -> Result<Approval, Error> {
            match self.decide(key, true) {
                Some(Outcome::Approved(approval)) => Ok(approval),
                Some(Outcome::Declined(decline)) => Err(Error::Declined(decline)),
                Some(Outcome::Pending) | None => Err(Error::Unknown),
            }
        }

        fn asked(&self) -> Vec<String> {
            self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone()
        }
    }

    impl Gateway for Unwilling {
        fn name(&self) -> &'static str {
            "unwilling"
        }

        fn authorize<'a>(
            &'a self,
            key: &'a OperationKey,
            _request: AuthorizeRequest,
        ) -> BoxFuture<'a, Result<Approval, Error>> {
            async { self.act(key) }.boxed()
        }

        fn capture<'a>(
            &'a self,
            key: &'a OperationKey,
            _authorization: &'a Reference,
            _amount: Money,
        ) -> BoxFuture<'a, Result<Approval, Error>> {
            async { self.act(key) }.boxed()
        }

        fn void<'a>(
            &'a self,
            key: &'a OperationKey,
            _authorization: &'a Reference,
        ) -> BoxFuture<'a, Result<Approval, Error>> {
            async { self.act(key) }.boxed()
        }

        fn refund<'a>(
            &'a self,
            key: &'a OperationKey,
            _authorization: &'a Reference,
            _amount: Money,
        ) -> BoxFuture<'a, Result<Approval, Error>> {
            async { self.act(key) }.boxed()
        }

        fn outcome<'a>(&'a self, key: &'a OperationKey) -> BoxFuture<'a, Result<Option<Outcome>, Error>> {
            async { Ok(self.decide(key, false)) }.boxed()
        }

        fn notifications(&self) -> broadcast::Receiver<Notification> {
            broadcast::channel(1).1
        }
    }

    fn amount() -> Money {
        Money::new(700, Currency::of("EUR").expect("it is a currency"))
    }

    /// Asks again and again, as a saga does, until it is told something else than that it is declined.
    async fn until_decided<T>(mut act: impl AsyncFnMut() -> Result<T, Error>) -> (u32, T) {
        for tries in 1..100 {
            match act().await {
                Err(Error::Declined(_)) => {}
                decided => return (tries, decided.expect("it is decided")),
            }
        }
        panic!("it is never decided");
    }

    #[tokio::test]
    async fn what_is_declined_is_tried_again_under_a_key_of_its_own() {
        let (first, payment) = (
            OperationKey::parse("chk_1/capture".to_owned()).expect("a key"),
            Reference::new("pay_1"),
        );
        let bank = Unwilling::new(3);
        let (tries, taken) = until_decided(async || capture(&bank, &first, &payment, amount()).await).await;
        assert_eq!((tries, taken.amount), (3, amount()), "the first makes two tries");
        let keys = [
            "chk_1/capture",
            "chk_1/capture-2",
            "chk_1/capture-3",
            "chk_1/capture-4",
        ];
        assert_eq!(bank.asked(), keys);
        let outcome = last_outcome(&bank, &first).await.expect("it says");
        assert!(matches!(outcome, Some(Outcome::Approved(_))), "{outcome:?}");
        // Whoever asks again is told of the same.
        let again = capture(&bank, &first, &payment, amount()).await;
        assert_eq!((again.ok(), bank.asked().len()), (Some(taken), 4));
    }

    #[tokio::test]
    async fn a_void_is_tried_again_and_final_once_it_was_declined_often() {
        let first = OperationKey::parse("can_1/void".to_owned()).expect("a key");
        let payment = Reference::new("pay_1");
        for (declines, is_voided, asked) in [(0, true, 1), (3, true, 4), (100, false, 8)] {
            let bank = Unwilling::new(declines);
            let (_, voided) = until_decided(async || void(&bank, &first, &payment).await).await;
            assert_eq!(
                (voided.is_some(), bank.asked().len()),
                (is_voided, asked),
                "{declines}"
            );
        }
    }
}
