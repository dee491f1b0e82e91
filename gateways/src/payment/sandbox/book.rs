//! What the sandbox knows of its payments, and what it decides: pure, folded from the ledger's entries.

use super::super::{Decline, OperationKey, Reference, UNKNOWN_PAYMENT};
use cartwright_domain::{
    Timestamp,
    money::{self, Money},
};
use std::collections::HashMap;
use uuid::Uuid;

/// The namespace in which payment references are derived from operation keys. Never changes.
const PAYMENTS: Uuid = Uuid::from_u128(0x5e0f_6c53_24c5_4b0c_9a0e_0d5a_7e3b_91d4);

/// What kind of operation an entry records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Money set aside.
    Authorize,
    /// Money taken.
    Capture,
    /// An authorization let go.
    Void,
    /// Money given back.
    Refund,
}

/// One operation and what became of it: one line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When the provider decided.
    pub at: Timestamp,
    /// The caller's key.
    pub key: OperationKey,
    /// What was asked.
    pub operation: Operation,
    /// The payment it belongs to.
    pub payment: Reference,
    /// The checkout that pays by it, by its id.
    pub checkout: String,
    /// How much was asked for; of a void, how much was authorized.
    pub amount: Money,
    /// Why it was refused, or nothing when it was done.
    pub declined: Option<Decline>,
}

/// A payment as the provider sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The provider's name for it.
    pub payment: Reference,
    /// The checkout that pays by it, by its id.
    pub checkout: String,
    /// How much was set aside.
    pub authorized: Money,
    /// How much of it was taken.
    pub captured: Money,
    /// How much of that was given back.
    pub refunded: Money,
    /// Whether the authorization was let go.
    pub voided: bool,
}

/// What a caller asks for.
#[derive(Clone, Debug)]
pub(super) enum Request {
    /// A new payment, which the shopper's token may make the sandbox refuse.
    Authorize {
        amount: Money,
        checkout: String,
        refusal: Option<Decline>,
    },
    /// Something about a payment that is there.
    Follow { payment: Reference, step: Step },
}

/// What can be done with a payment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Capture(Money),
    Void,
    Refund(Money),
}

/// Every payment and every key the provider has seen.
#[derive(Debug, Default)]
pub(super) struct Book {
    entries: HashMap<OperationKey, Entry>,
    payments: HashMap<Reference, Payment>,
}

impl Book {
    pub(super) fn entry(&self, key: &OperationKey) -> Option<&Entry> {
        self.entries.get(key)
    }

    pub(super) fn payments(&self) -> impl Iterator<Item = &Payment> {
        self.payments.values()
    }

    /// Returns what becomes of a request under a key that has not been seen, or that it cannot be meant: there is
    /// no payment to enter it under.
    pub(super) fn decide(
        &self,
        at: Timestamp,
        key: &OperationKey,
        request: Request,
    ) -> Result<Entry, Decline> {
        let key = key.clone();
        let (payment, step) = match request {
            Request::Authorize {
                amount,
                checkout,
                refusal,
            } => {
                let payment = payment_of(&key);
                let declined = refusal.or_else(|| refuse_amount(amount));
                let operation = Operation::Authorize;
                return Ok(Entry {
                    at,
                    key,
                    operation,
                    payment,
                    checkout,
                    amount,
                    declined,
                });
            }
            Request::Follow { payment, step } => (payment, step),
        };
        let Some(known) = self.payments.get(&payment) else {
            return Err(decline(UNKNOWN_PAYMENT, format!("there is no payment {payment}")));
        };
        let (operation, amount, declined) = match step {
            Step::Capture(amount) => (Operation::Capture, amount, known.refuse_capture(amount)),
            Step::Void => (Operation::Void, known.authorized, known.refuse_void()),
            Step::Refund(amount) => (Operation::Refund, amount, known.refuse_refund(amount)),
        };
        Ok(Entry {
            at,
            key,
            operation,
            payment,
            checkout: known.checkout.clone(),
            amount,
            declined,
        })
    }

    /// Takes an entry in.
    ///
    /// # Errors
    /// When it does not fit what was entered before: the ledger is damaged.
    pub(super) fn enter(&mut self, entry: Entry) -> Result<(), Misfit> {
        if entry.declined.is_none() {
            self.apply(&entry)?;
        }
        self.entries.insert(entry.key.clone(), entry);
        Ok(())
    }

    fn apply(&mut self, entry: &Entry) -> Result<(), Misfit> {
        if entry.operation == Operation::Authorize {
            let nothing = Money::zero(entry.amount.currency);
            let payment = Payment {
                payment: entry.payment.clone(),
                checkout: entry.checkout.clone(),
                authorized: entry.amount,
                captured: nothing,
                refunded: nothing,
                voided: false,
            };
            self.payments.insert(entry.payment.clone(), payment);
            return Ok(());
        }
        let payment = self
            .payments
            .get_mut(&entry.payment)
            .ok_or(Misfit::UnknownPayment)?;
        match entry.operation {
            Operation::Authorize => {}
            Operation::Capture => payment.captured = payment.captured.plus(entry.amount)?,
            Operation::Void => payment.voided = true,
            Operation::Refund => payment.refunded = payment.refunded.plus(entry.amount)?,
        }
        Ok(())
    }
}

/// An entry that does not fit those before it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Misfit {
    #[error("it follows no payment")]
    UnknownPayment,
    #[error(transparent)]
    Amount(#[from] money::Error),
}

impl Entry {
    /// Tells whether a request under this entry's key is the one that was decided. Nobody may ask for one thing and
    /// be told of another.
    pub(super) fn answers(&self, request: &Request) -> bool {
        match request {
            Request::Authorize {
                amount,
                checkout,
                refusal: _,
            } => {
                self.operation == Operation::Authorize && self.amount == *amount && self.checkout == *checkout
            }
            Request::Follow { payment, step } => {
                let same = match step {
                    Step::Capture(amount) => self.operation == Operation::Capture && self.amount == *amount,
                    Step::Void => self.operation == Operation::Void,
                    Step::Refund(amount) => self.operation == Operation::Refund && self.amount == *amount,
                };
                same && self.payment == *payment
            }
        }
    }
}

impl Payment {
    fn refuse_capture(&self, amount: Money) -> Option<Decline> {
        if self.voided {
            return Some(decline("voided", "the authorization has been let go"));
        }
        let left = self
            .authorized
            .minus(self.captured)
            .unwrap_or(Money::zero(amount.currency));
        refuse_amount(amount).or_else(|| refuse_above(amount, left, "exceeds_authorization"))
    }

    fn refuse_void(&self) -> Option<Decline> {
        let captured = 0 < self.captured.amount;
        captured.then(|| {
            decline(
                "captured",
                format!("{} has been captured, refund it", self.captured),
            )
        })
    }

    fn refuse_refund(&self, amount: Money) -> Option<Decline> {
        let left = self
            .captured
            .minus(self.refunded)
            .unwrap_or(Money::zero(amount.currency));
        refuse_amount(amount).or_else(|| refuse_above(amount, left, "exceeds_capture"))
    }
}

fn payment_of(key: &OperationKey) -> Reference {
    Reference::new(format!(
        "sbx_{}",
        Uuid::new_v5(&PAYMENTS, key.as_str().as_bytes()).simple()
    ))
}

fn refuse_amount(amount: Money) -> Option<Decline> {
    let refused = amount.amount <= 0;
    refused.then(|| decline("invalid_amount", format!("{amount} is not more than zero")))
}

fn refuse_above(amount: Money, left: Money, code: &str) -> Option<Decline> {
    if amount.currency != left.currency {
        let message = format!("the payment is in {}, not in {}", left.currency, amount.currency);
        return Some(decline("currency_mismatch", message));
    }
    let above = left.amount < amount.amount;
    above.then(|| decline(code, format!("{amount} is more than the {left} that are left")))
}

pub(super) fn decline(code: &str, message: impl Into<String>) -> Decline {
    Decline {
        code: code.to_owned(),
        message: message.into(),
    }
}
