//! The payment provider of a simulated shop, and its books, which are the witness for the money.
//!
//! It answers late, not at all, twice or with a decline, is away for a while, and does what it was asked at its own
//! time, whether or not anybody still waits. It keeps the rules of a provider: a key works once, captures stay within
//! the authorization, refunds within the captures.

use crate::dice::Dice;
use crate::trace::Trace;
use cartwright_domain::money::Money;
use cartwright_gateways::payment::{
    Approval, AuthorizeRequest, Decline, Error, Gateway, Notification, OperationKey, Outcome, Reference,
};
use futures::future::{BoxFuture, FutureExt, pending};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep};

/// How long it is away at most, in milliseconds.
const AWAY_MS_MAX: u64 = 15_000;

/// How slow it is at most, in milliseconds: past the deadline of many a checkout.
const SLOW_MS_MAX: u64 = 25_000;

/// The provider, which outlives every process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Bank {
    shared: Arc<Shared>,
}

/// How an engine's line to the provider is broken on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Broken {
    /// It is as it should be.
    #[default]
    Not,
    /// Voids are answered and not done: a saga that forgets them could not do worse.
    ForgetsVoids,
    /// Each call goes under a key of its own: a saga that draws another at each try could not do worse.
    DrawsKeys,
}

/// The provider as one process sees it.
pub(crate) struct Line {
    bank: Bank,
    is_alive: Arc<AtomicBool>,
    broken: Broken,
}

struct Shared {
    book: Mutex<Book>,
    notifications: broadcast::Sender<Notification>,
    trace: Trace,
}

struct Book {
    dice: Dice,
    misbehaves: bool,
    away_until: Instant,
    done: BTreeMap<String, Entry>,
    /// Operations on their way; one that is called off is never done.
    under_way: BTreeMap<String, u64>,
    ways: u64,
    payments: BTreeMap<String, Payment>,
    complaints: Vec<String>,
}

#[derive(Clone)]
struct Entry {
    operation: Operation,
    result: Result<Approval, Decline>,
}

/// What the provider was asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Operation {
    Authorize { checkout: String, amount: Money },
    Capture { payment: Reference, amount: Money },
    Void { payment: Reference },
    Refund { payment: Reference, amount: Money },
}

/// A payment in the provider's books.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    /// The provider's name for it.
    pub(crate) payment: String,
    /// The checkout it is for.
    pub(crate) checkout: String,
    pub(crate) authorized: i64,
    pub(crate) captured: i64,
    pub(crate) refunded: i64,
    pub(crate) voided: bool,
}

/// What becomes of one call.
struct Plan {
    /// How long it is on its way; without it, it never gets there.
    done_after: Option<Duration>,
    /// How long the answer takes from there; without it, it never comes.
    told_after: Option<Duration>,
    declines: bool,
}

impl Bank {
    pub(crate) fn new(dice: Dice, trace: &Trace) -> Self {
        let book = Book {
            dice,
            misbehaves: false,
            away_until: Instant::now(),
            done: BTreeMap::new(),
            under_way: BTreeMap::new(),
            ways: 0,
            payments: BTreeMap::new(),
            complaints: Vec::new(),
        };
        Self {
            shared: Arc::new(Shared {
                book: Mutex::new(book),
                notifications: broadcast::Sender::new(16),
                trace: trace.clone(),
            }),
        }
    }

    /// Connects a process.
    pub(crate) fn line(&self, is_alive: &Arc<AtomicBool>, broken: Broken) -> Line {
        Line {
            bank: self.clone(),
            is_alive: Arc::clone(is_alive),
            broken,
        }
    }

    pub(crate) fn misbehave(&self, misbehaves: bool) {
        let mut book = self.book();
        book.misbehaves = misbehaves;
        // What takes the shop down may take the line down too.
        let is_away = misbehaves && book.dice.one_in(3);
        let away = if is_away {
            book.dice.between(100, AWAY_MS_MAX)
        } else {
            0
        };
        book.away_until = Instant::now() + Duration::from_millis(away);
    }

    /// Returns every payment there ever was.
    pub(crate) fn payments(&self) -> Vec<Payment> {
        self.book().payments.values().cloned().collect()
    }

    /// Returns what was ever set aside for a checkout.
    pub(crate) fn authorized(&self, checkout: &str) -> i64 {
        let book = self.book();
        let payments = book.payments.values();
        let of_checkout = payments.filter(|payment| payment.checkout == checkout);
        of_checkout.map(|payment| payment.authorized).sum()
    }

    /// Returns what was asked of it that must never be asked.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.book().complaints.clone()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.shared.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dispatch(&self, key: &OperationKey, operation: Operation) -> Result<Plan, Error> {
        let mut book = self.book();
        if book.is_away() {
            return Err(unavailable());
        }
        let plan = book.plan();
        let Some(wait) = plan.done_after else {
            return Ok(plan);
        };
        book.ways += 1;
        let way = book.ways;
        book.under_way.insert(key.as_str().to_owned(), way);
        let (bank, key, declines) = (self.clone(), key.clone(), plan.declines);
        tokio::spawn(async move {
            sleep(wait).await;
            bank.arrive(&key, way, operation, declines);
        });
        Ok(plan)
    }

    /// Does an operation when it has arrived, unless it was called off.
    fn arrive(&self, key: &OperationKey, way: u64, operation: Operation, declines: bool) {
        let mut book = self.book();
        if book.under_way.get(key.as_str()) != Some(&way) {
            return;
        }
        book.under_way.remove(key.as_str());
        if book.known(key, &operation).is_some() {
            return;
        }
        let result = match declines {
            true => Err(decline("card_declined")),
            false => book.carry_out(&operation),
        };
        self.shared
            .trace
            .line(format_args!("bank: {key} {operation:?}: {result:?}"));
        let outcome = outcome_of(&result);
        book.done
            .insert(key.as_str().to_owned(), Entry { operation, result });
        let twice = book.dice.one_in(4);
        drop(book);
        for _ in 0..if twice { 2 } else { 1 } {
            let notification = Notification {
                key: key.clone(),
                checkout: String::new(),
                outcome: outcome.clone(),
            };
            // Nobody has to listen.
            let _ = self.shared.notifications.send(notification);
        }
    }
}

impl Book {
    /// Returns what came of a key that was used before.
    fn known(&mut self, key: &OperationKey, operation: &Operation) -> Option<Result<Approval, Decline>> {
        let entry = self.done.get(key.as_str())?;
        if entry.operation != *operation {
            self.complaints.push(format!(
                "{key} was {:?} and is now {operation:?}",
                entry.operation
            ));
        }
        Some(entry.result.clone())
    }

    fn is_away(&mut self) -> bool {
        let now = Instant::now();
        if self.misbehaves && self.away_until <= now && self.dice.one_in(40) {
            self.away_until = now + Duration::from_millis(self.dice.between(50, AWAY_MS_MAX));
        }
        now < self.away_until
    }

    fn plan(&mut self) -> Plan {
        let prompt = |dice: &mut Dice| Some(Duration::from_millis(dice.between(1, 40)));
        let mut plan = Plan {
            done_after: prompt(&mut self.dice),
            told_after: prompt(&mut self.dice),
            declines: false,
        };
        if !self.misbehaves {
            return plan;
        }
        match self.dice.below(20) {
            0 | 1 => plan.declines = true,
            // Slow, on the way or with the answer; past the deadline too.
            2 => plan.done_after = Some(Duration::from_millis(self.dice.between(500, SLOW_MS_MAX))),
            3 => plan.told_after = Some(Duration::from_millis(self.dice.between(500, SLOW_MS_MAX))),
            // It is done, and the answer is lost; or the call is lost.
            4 | 5 => plan.told_after = None,
            6 => plan.done_after = None,
            _ => {}
        }
        plan
    }

    fn carry_out(&mut self, operation: &Operation) -> Result<Approval, Decline> {
        match operation {
            Operation::Authorize { checkout, amount } => {
                let payment = format!("pay_{}", self.payments.len() + 1);
                let opened = Payment {
                    payment: payment.clone(),
                    checkout: checkout.clone(),
                    authorized: amount.amount,
                    captured: 0,
                    refunded: 0,
                    voided: false,
                };
                self.payments.insert(payment.clone(), opened);
                Ok(approval(&Reference::new(payment), *amount))
            }
            Operation::Capture { payment, amount } => {
                let held = self.payment(payment)?;
                if held.voided || held.authorized < held.captured + amount.amount {
                    return Err(decline("not_capturable"));
                }
                held.captured += amount.amount;
                Ok(approval(payment, *amount))
            }
            Operation::Void { payment } => {
                let held = self.payment(payment)?;
                if 0 < held.captured {
                    return Err(decline("captured"));
                }
                held.voided = true;
                Ok(approval(payment, Money::new(held.authorized, gbp())))
            }
            Operation::Refund { payment, amount } => {
                let held = self.payment(payment)?;
                if held.captured < held.refunded + amount.amount {
                    return Err(decline("not_refundable"));
                }
                held.refunded += amount.amount;
                Ok(approval(payment, *amount))
            }
        }
    }

    fn payment(&mut self, payment: &Reference) -> Result<&mut Payment, Decline> {
        self.payments
            .get_mut(payment.as_str())
            .ok_or_else(|| decline("no_such_payment"))
    }
}

impl Line {
    async fn operate(&self, key: &OperationKey, operation: Operation) -> Result<Approval, Error> {
        if !self.is_alive.load(Ordering::Relaxed) {
            return pending().await;
        }
        let drawn;
        let key = match self.broken {
            Broken::Not | Broken::ForgetsVoids => key,
            Broken::DrawsKeys => {
                drawn =
                    OperationKey::new(key, &self.bank.book().ways.to_string()).expect("a key with a number");
                &drawn
            }
        };
        let known = self.bank.book().known(key, &operation);
        if let Some(result) = known {
            sleep(Duration::from_millis(1)).await;
            return result.map_err(Error::Declined);
        }
        let plan = self.bank.dispatch(key, operation)?;
        let (Some(done), Some(told)) = (plan.done_after, plan.told_after) else {
            return pending().await;
        };
        sleep(done + told).await;
        let book = self.bank.book();
        match book.done.get(key.as_str()).cloned() {
            Some(entry) => entry.result.map_err(Error::Declined),
            None => Err(Error::Unknown),
        }
    }
}

impl Gateway for Line {
    fn name(&self) -> &'static str {
        "bank"
    }

    fn authorize<'a>(
        &'a self,
        key: &'a OperationKey,
        request: AuthorizeRequest,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        let AuthorizeRequest { checkout, amount, .. } = request;
        self.operate(key, Operation::Authorize { checkout, amount })
            .boxed()
    }

    fn capture<'a>(
        &'a self,
        key: &'a OperationKey,
        authorization: &'a Reference,
        amount: Money,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        let payment = authorization.clone();
        self.operate(key, Operation::Capture { payment, amount }).boxed()
    }

    fn void<'a>(
        &'a self,
        key: &'a OperationKey,
        authorization: &'a Reference,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        let payment = authorization.clone();
        if self.broken == Broken::ForgetsVoids {
            let said = Ok(approval(&payment, Money::zero(gbp())));
            return std::future::ready(said).boxed();
        }
        self.operate(key, Operation::Void { payment }).boxed()
    }

    fn refund<'a>(
        &'a self,
        key: &'a OperationKey,
        authorization: &'a Reference,
        amount: Money,
    ) -> BoxFuture<'a, Result<Approval, Error>> {
        let payment = authorization.clone();
        self.operate(key, Operation::Refund { payment, amount }).boxed()
    }

    fn outcome<'a>(&'a self, key: &'a OperationKey) -> BoxFuture<'a, Result<Option<Outcome>, Error>> {
        async move {
            if !self.is_alive.load(Ordering::Relaxed) {
                return pending().await;
            }
            let wait = self.bank.book().dice.between(1, 40);
            sleep(Duration::from_millis(wait)).await;
            let mut book = self.bank.book();
            if book.is_away() {
                return Err(unavailable());
            }
            if let Some(entry) = book.done.get(key.as_str()) {
                return Ok(Some(outcome_of(&entry.result)));
            }
            if book.under_way.contains_key(key.as_str()) && book.dice.one_in(2) {
                return Ok(Some(Outcome::Pending));
            }
            // Whoever is told so may let go: what is still on its way is never done.
            book.under_way.remove(key.as_str());
            Ok(None)
        }
        .boxed()
    }

    fn notifications(&self) -> broadcast::Receiver<Notification> {
        self.bank.shared.notifications.subscribe()
    }
}

fn outcome_of(result: &Result<Approval, Decline>) -> Outcome {
    match result {
        Ok(approval) => Outcome::Approved(approval.clone()),
        Err(decline) => Outcome::Declined(decline.clone()),
    }
}

fn approval(payment: &Reference, amount: Money) -> Approval {
    Approval {
        reference: payment.clone(),
        amount,
    }
}

fn decline(code: &str) -> Decline {
    Decline {
        code: code.to_owned(),
        message: code.replace('_', " "),
    }
}

fn unavailable() -> Error {
    Error::Unavailable {
        reason: "the bank is away".to_owned(),
    }
}

fn gbp() -> cartwright_domain::money::Currency {
    cartwright_domain::money::Currency::of("GBP").expect("pounds are known")
}
