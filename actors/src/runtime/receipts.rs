//! Idempotency keys: looked up before a command runs, kept in the commit of its effect, answered from on a repeat.

use crate::runtime::ask::{fault_problem, key_reused};
use crate::runtime::clock::Clock;
use aws_lc_rs::digest;
use cartwright_domain::idempotency::AnswersTo;
use cartwright_domain::{Caller, EntityKey, Problem, Timestamp};
use cartwright_storage::{Outcome, Position, Receipt, ReceiptFound, ReceiptKey, Store, codec};
use std::sync::Arc;
use std::time::Duration;

/// How long an answer is kept under its key. Section 5.3 of the semantics.
pub const IDEMPOTENCY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// What is written under a request's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketMode {
    /// The command's own answer, which is final.
    Answer,
    /// That a saga is at work on it. To whoever began it its last commit writes the answer, see [`FinalAnswer`]; to those
    /// who joined later the saga's state tells it.
    Running,
}

/// A request's idempotency key that was found unused, or of which nothing has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Whose key it is, as [`Caller::key_scope`] has it.
    pub caller: String,
    /// The key as sent.
    pub key: String,
    /// A digest of the request.
    pub fingerprint: [u8; 32],
    /// As of where the key was unused.
    pub absent_as_of: Position,
    /// The saga under which the key still stands and of which nothing has come; see [`Ticket::again`].
    pub replaces: Option<EntityKey>,
    /// When the answer stops counting.
    pub expires_at: Timestamp,
    /// What is written under it.
    pub mode: TicketMode,
}

impl Ticket {
    /// Returns the ticket of another try, where a receipt says that a saga is running which has ended without an answer
    /// that is kept; none where it is no request's.
    pub fn again(receipt: &Receipt, mode: TicketMode) -> Option<Self> {
        let ReceiptKey::Caller { caller, key } = &receipt.key else {
            return None;
        };
        Some(Self {
            caller: caller.clone(),
            key: key.clone(),
            fingerprint: receipt.fingerprint,
            absent_as_of: Position::default(),
            replaces: Some(receipt.entity),
            expires_at: receipt.expires_at?,
            mode,
        })
    }

    /// Returns what a saga remembers of it, to answer with its last commit.
    pub fn answers_to(&self) -> AnswersTo {
        AnswersTo {
            caller: self.caller.clone(),
            key: self.key.clone(),
            fingerprint: self.fingerprint,
            expires_at: self.expires_at,
        }
    }

    /// Returns the receipt's key.
    pub fn receipt_key(&self) -> ReceiptKey {
        ReceiptKey::caller(&self.caller, &self.key)
    }
}

/// The answer with which a saga's last commit replaces the receipt that says it is running. Once that key is over it does
/// nothing: another request may stand under it by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalAnswer {
    /// The receipt's key.
    pub key: ReceiptKey,
    /// The fingerprint of the request that began the saga.
    pub fingerprint: [u8; 32],
    /// When the answer stops counting.
    pub expires_at: Timestamp,
    /// The answer. None where it is not for good: the key is forgotten, and the request can be made anew.
    pub outcome: Option<Outcome>,
}

impl FinalAnswer {
    /// Answers the request that began a saga: it was refused, for good or for now, or done.
    pub fn to(answers: &AnswersTo, refusal: Option<Problem>) -> Self {
        Self {
            key: ReceiptKey::caller(&answers.caller, &answers.key),
            fingerprint: answers.fingerprint,
            expires_at: answers.expires_at,
            outcome: match refusal {
                Some(problem) => problem.class.is_final().then_some(Outcome::Refused(problem)),
                None => {
                    let reply = codec::encode_reply(&()).expect("an empty reply is within every limit");
                    Some(Outcome::Done(reply))
                }
            },
        }
    }
}

/// What a look-up of an idempotency key found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// Nothing: the request is to be done. Without a ticket the caller has no session and the key is ignored.
    Fresh(Option<Ticket>),
    /// The same request was made before; answer with [`crate::runtime::Entities::replay`].
    Known(Box<Receipt>),
}

/// Looks up idempotency keys.
#[derive(Clone)]
pub struct Receipts {
    store: Arc<dyn Store>,
    clock: Clock,
}

impl Receipts {
    pub(super) fn new(store: Arc<dyn Store>, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Opens a request's key. Keys of callers without a session or a token are ignored.
    ///
    /// # Errors
    /// `idempotency.key_reused` when the key stands for another request; a fault of the store.
    pub async fn open(
        &self,
        caller: &Caller,
        key: &str,
        fingerprint: [u8; 32],
        mode: TicketMode,
    ) -> Result<Opened, Problem> {
        let Some(caller) = caller.key_scope() else {
            return Ok(Opened::Fresh(None));
        };
        let now = self.clock.now();
        let receipt_key = ReceiptKey::caller(&caller, key);
        let found = self
            .store
            .receipt(receipt_key, now)
            .await
            .map_err(|fault| fault_problem(&fault))?;
        match found {
            ReceiptFound::AbsentAsOf(absent_as_of) => Ok(Opened::Fresh(Some(Ticket {
                caller,
                key: key.to_owned(),
                fingerprint,
                absent_as_of,
                replaces: None,
                expires_at: now.after(IDEMPOTENCY_LIFETIME),
                mode,
            }))),
            ReceiptFound::Present(receipt) if receipt.fingerprint == fingerprint => {
                Ok(Opened::Known(receipt))
            }
            ReceiptFound::Present(_) => Err(key_reused()),
        }
    }

    /// Returns the digest of a request: its route, target and body. Parts keep their bounds.
    pub fn fingerprint(parts: &[&[u8]]) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(context.finish().as_ref());
        fingerprint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_keep_the_bounds_of_parts() {
        assert_eq!(
            Receipts::fingerprint(&[b"ab", b"c"]),
            Receipts::fingerprint(&[b"ab", b"c"])
        );
        assert_ne!(
            Receipts::fingerprint(&[b"ab", b"c"]),
            Receipts::fingerprint(&[b"a", b"bc"])
        );
    }
}
