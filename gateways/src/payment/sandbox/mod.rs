//! The sandbox: a payment provider in the binary, for storefront developers and for the crash tests.
//!
//! It keeps the rules of a real provider (captures never exceed the authorization, a key works once) and fails on
//! demand, by the token of the payment or for all of them. What it was asked it writes to a ledger of its own, synced
//! before it answers. It moves no money.

mod book;
mod desk;
mod ledger;
#[cfg(test)]
mod tests;

pub use book::{Entry, Operation, Payment};
pub use ledger::{Error as LedgerError, Ledger};

use super::{
    Approval, AuthorizeRequest, Decline, Error, Gateway, Notification, OperationKey, Outcome, Reference,
    Token,
};
use book::{Request, Step, decline};
use cartwright_domain::money::Money;
use desk::{Answer, Desk};
use futures::future::{self, BoxFuture};
use ledger::Writer;
use std::{
    collections::HashMap,
    path::Path,
    str::FromStr,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::broadcast,
    time::{Instant, sleep, sleep_until},
};

/// The provider's name in orders.
const NAME: &str = "sandbox";
/// What every token of the sandbox starts with.
const TOKEN_PREFIX: &str = "tok_";
/// How many notifications wait for a slow listener before the oldest is lost.
const NOTIFICATIONS_MAX: usize = 1_024;

/// How the sandbox treats an authorization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behavior {
    /// It answers at once, and approves what can be approved.
    #[default]
    Approve,
    /// It declines with the code `card_declined`.
    Decline,
    /// It never answers, and does nothing.
    Hang,
    /// It does it, keeps silent for [`Config::late_after`], and answers then.
    Late,
    /// It does it once and answers, and tells the same again in a notification.
    Twice,
    /// It does it, and the answer is lost.
    Lost,
}

impl Behavior {
    /// Every behavior.
    pub const ALL: [Self; 6] = [
        Self::Approve,
        Self::Decline,
        Self::Hang,
        Self::Late,
        Self::Twice,
        Self::Lost,
    ];

    /// Returns its name in the configuration and, behind `tok_`, in tokens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Decline => "decline",
            Self::Hang => "hang",
            Self::Late => "late",
            Self::Twice => "twice",
            Self::Lost => "lost",
        }
    }
}

impl FromStr for Behavior {
    type Err = UnknownBehavior;
    fn from_str(name: &str) -> Result<Self, UnknownBehavior> {
        Self::ALL
            .into_iter()
            .find(|behavior| behavior.name() == name)
            .ok_or(UnknownBehavior)
    }
}

/// A name that is not one of [`Behavior::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox can approve, decline, hang, late, twice or lost")]
pub struct UnknownBehavior;

/// How the sandbox behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// For every authorization, whatever its token.
    pub behavior: Option<Behavior>,
    /// For a `tok_...` that names no behavior.
    pub otherwise: Behavior,
    /// How long each call is on its way.
    pub latency: Duration,
    /// When a late answer comes: past the deadline of whoever asks.
    pub late_after: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            behavior: None,
            otherwise: Behavior::Approve,
            latency: Duration::ZERO,
            late_after: Duration::from_secs(8),
        }
    }
}

/// The sandbox provider.
#[derive(Debug)]
pub struct Sandbox {
    desk: Desk,
    config: Config,
    /// Operations that are done and not yet told, with when they will be. A restart ends the silence.
    silent: Mutex<HashMap<OperationKey, Instant>>,
    notifications: broadcast::Sender<Notification>,
}

impl Sandbox {
    /// Opens the sandbox on its ledger file, creating it where it is missing. A torn last line is cut.
    ///
    /// # Errors
    /// [`LedgerError`] when the file cannot be used or is damaged.
    pub fn open(ledger: &Path, config: Config) -> Result<Self, LedgerError> {
        Ok(Self {
            desk: Desk::new(Writer::open(ledger)?),
            config,
            silent: Mutex::default(),
            notifications: broadcast::Sender::new(NOTIFICATIONS_MAX),
        })
    }

    /// Waits while a call is on its way. A timer of nothing would still cost a wait for the next millisecond.
    async fn travel(&self) {
        if !self.config.latency.is_zero() {
            sleep(self.config.latency).await;
        }
    }

    fn behavior(&self, token: &Token) -> Result<Behavior, Decline> {
        if let Some(behavior) = self.config.behavior {
            return Ok(behavior);
        }
        let Some(name) = token.as_str().strip_prefix(TOKEN_PREFIX) else {
            return Err(decline(
                "unknown_token",
                "the sandbox takes tokens that begin with tok_, such as tok_approve",
            ));
        };
        Ok(name.parse().unwrap_or(self.config.otherwise))
    }

    async fn authorize_by(&self, key: &OperationKey, request: AuthorizeRequest) -> Result<Approval, Error> {
        self.travel().await;
        let (behavior, refusal) = match self.behavior(&request.token) {
            Ok(Behavior::Decline) => (
                Behavior::Decline,
                Some(decline("card_declined", "the card was declined")),
            ),
            Ok(behavior) => (behavior, None),
            Err(unknown) => (Behavior::Decline, Some(unknown)),
        };
        if behavior == Behavior::Hang {
            return future::pending().await;
        }
        let AuthorizeRequest { amount, checkout, .. } = request;
        let answer = self
            .desk
            .ask(
                key,
                Some(Request::Authorize {
                    amount,
                    checkout,
                    refusal,
                }),
            )
            .await?;
        let first = matches!(answer, Answer::Decided(_));
        match behavior {
            Behavior::Late => {
                let told_at = self.keep_silent(key, first);
                sleep_until(told_at).await;
            }
            Behavior::Twice => self.notify(&answer),
            // Only once: whoever asks again under the same key is told.
            Behavior::Lost if first => return Err(Error::Unknown),
            Behavior::Approve | Behavior::Decline | Behavior::Hang | Behavior::Lost => {}
        }
        approval(answer)
    }

    async fn follow(&self, key: &OperationKey, payment: &Reference, step: Step) -> Result<Approval, Error> {
        self.travel().await;
        let request = Request::Follow {
            payment: payment.clone(),
            step,
        };
        approval(self.desk.ask(key, Some(request)).await?)
    }

    async fn outcome_of(&self, key: &OperationKey) -> Result<Option<Outcome>, Error> {
        self.travel().await;
        let entry = match self.desk.ask(key, None).await? {
            Answer::Decided(entry) | Answer::Repeated(entry) => entry,
            Answer::Refused(_) | Answer::Unseen => return Ok(None),
        };
        Ok(Some(if self.is_silent(key) {
            Outcome::Pending
        } else {
            outcome(entry)
        }))
    }

    /// Returns when an operation done late is told, now if its silence is over.
    fn keep_silent(&self, key: &OperationKey, first: bool) -> Instant {
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        if first {
            silent.insert(key.clone(), Instant::now() + self.config.late_after);
        }
        silent.get(key).copied().unwrap_or_else(Instant::now)
    }

    fn is_silent(&self, key: &OperationKey) -> bool {
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        silent.retain(|_, told_at| now < *told_at);
        silent.contains_key(key)
    }

    fn notify(&self, answer: &Answer) {
        let (Answer::Decided(entry) | Answer::Repeated(entry)) = answer else {
            return;
        };
        let (key, checkout) = (entry.key.clone(), entry.checkout.clone());
        // Nobody has to listen.
        let _ = self.notifications.send(Notification {
            key,
            checkout,
            outcome: outcome(entry.clone()),
        });
    }
}

impl Gateway for Sandbox {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fault(&self) -> Option<String> {
        self.desk.fault()
    }

    fn authorize<'a>(
        &'a self,
        key: &'a OperationKey,
        request: AuthorizeRequest,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        Box::pin(self.authorize_by(key, request))
    }

    fn capture<'a>(
        &'a self,
        key: &'a OperationKey,
        authorization: &'a Reference,
        amount: Money,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        Box::pin(self.follow(key, authorization, Step::Capture(amount)))
    }

    fn void<'a>(
        &'a self,
        key: &'a OperationKey,
        authorization: &'a Reference,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        Box::pin(self.follow(key, authorization, Step::Void))
    }

    fn refund<'a>(
        &'a self,
        key: &'a OperationKey,
        authorization: &'a Reference,
        amount: Money,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        Box::pin(self.follow(key, authorization, Step::Refund(amount)))
    }

    fn outcome<'a>(&'a self, key: &'a OperationKey) -> BoxFuture<'a, Result<Option<Outcome>, Error>> {
        Box::pin(self.outcome_of(key))
    }

    fn notifications(&self) -> broadcast::Receiver<Notification> {
        self.notifications.subscribe()
    }
}

fn approval(answer: Answer) -> Result<Approval, Error> {
    match answer {
        Answer::Decided(entry) | Answer::Repeated(entry) => match outcome(entry) {
            Outcome::Approved(approval) => Ok(approval),
            Outcome::Declined(why) => Err(Error::Declined(why)),
            Outcome::Pending => Err(Error::Unknown),
        },
        Answer::Refused(why) => Err(Error::Declined(why)),
        Answer::Unseen => Err(Error::Unknown),
    }
}

fn outcome(entry: Entry) -> Outcome {
    match entry.declined {
        None => Outcome::Approved(Approval {
            reference: entry.payment,
            amount: entry.amount,
        }),
        Some(why) => Outcome::Declined(why),
    }
}
