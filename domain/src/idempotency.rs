//! What a saga remembers of the request that started it.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// An idempotency key whose receipt says *running* until the saga replaces it with its answer
/// (section 5.3 of the semantics).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswersTo {
    /// Whose key it is, as [`crate::Caller::key_scope`] has it.
    pub caller: String,
    /// The key as sent.
    pub key: String,
    /// The request's digest.
    pub fingerprint: [u8; 32],
    /// When the receipt stops counting.
    pub expires_at: Timestamp,
}
