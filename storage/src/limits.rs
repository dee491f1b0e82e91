//! The limits of the format, checked before a commit is accepted: writing an accepted one must not fail.

use crate::codec::{self, EVENT_BYTES_MAX, REPLY_BYTES_MAX, SNAPSHOT_BYTES_MAX};
use crate::key::{KEY_BYTES_MAX, NAME_BYTES_MAX, RECEIPT_KEY_BYTES_MAX};
use crate::{Body, Commit, Outcome, ReceiptChange, ReceiptKey, Recorded, Rejected};

/// More than what a part of a commit takes in the journal besides its own bytes.
const PART_BYTES_MAX: usize = 256;

/// Checks the limits of the format, so that writing an accepted commit cannot fail.
pub(crate) fn check_sizes(commit: &Commit, commit_bytes_max: usize) -> Result<(), Rejected> {
    if let Body::Put(snapshot) = &commit.body {
        limit("snapshot", snapshot.len(), SNAPSHOT_BYTES_MAX)?;
    }
    for key in commit.keys.unique_put.iter().chain(&commit.keys.unique_deleted) {
        limit("unique key", key.value.len(), KEY_BYTES_MAX)?;
    }
    for row in commit.keys.listing_put.iter().chain(&commit.keys.listing_deleted) {
        limit("sort value", row.sort.len(), KEY_BYTES_MAX)?;
    }
    for event in &commit.events {
        limit("event", event.payload.len(), EVENT_BYTES_MAX)?;
    }
    for (name, _) in commit.timers.put.iter().chain(&commit.timers.deleted) {
        limit("timer's name", name.len(), NAME_BYTES_MAX)?;
    }
    for put in &commit.receipts.put {
        limit(
            "receipt's key",
            receipt_key_bytes(&put.receipt.key),
            RECEIPT_KEY_BYTES_MAX,
        )?;
        limit("reply", outcome_bytes(&put.receipt.outcome), REPLY_BYTES_MAX)?;
    }
    for key in &commit.receipts.deleted {
        limit("receipt's key", receipt_key_bytes(key), RECEIPT_KEY_BYTES_MAX)?;
    }
    limit("commit", stored_bytes_max(commit), commit_bytes_max)
}

fn limit(what: &str, bytes: usize, max: usize) -> Result<(), Rejected> {
    if bytes <= max {
        return Ok(());
    }
    Err(Rejected::TooLarge(format!(
        "the {what} takes {bytes} bytes, over the {max} it may take"
    )))
}

/// Returns what a commit takes in the journal at most: the bytes of its parts, and for each part more than its
/// tags, lengths, ids and times can take.
pub(crate) fn stored_bytes_max(commit: &Commit) -> usize {
    let snapshot = if let Body::Put(snapshot) = &commit.body {
        snapshot.len()
    } else {
        0
    };
    let keys = commit.keys.unique_put.iter().chain(&commit.keys.unique_deleted);
    let rows = commit.keys.listing_put.iter().chain(&commit.keys.listing_deleted);
    let timers = commit.timers.put.iter().chain(&commit.timers.deleted);
    let mut bytes = PART_BYTES_MAX + snapshot;
    bytes += keys.map(|key| PART_BYTES_MAX + key.value.len()).sum::<usize>();
    bytes += rows.map(|row| PART_BYTES_MAX + row.sort.len()).sum::<usize>();
    bytes += timers.map(|(name, _)| PART_BYTES_MAX + name.len()).sum::<usize>();
    bytes + events_bytes_max(&commit.events) + receipts_bytes_max(&commit.receipts)
}

/// Returns what facts take in the journal at most.
pub fn events_bytes_max(events: &[Recorded]) -> usize {
    let bytes = |event: &Recorded| PART_BYTES_MAX + event.name.len() + event.by.len() + event.payload.len();
    events.iter().map(bytes).sum()
}

/// Returns what receipts take in the journal at most, those that are deleted among them.
pub fn receipts_bytes_max(receipts: &ReceiptChange) -> usize {
    let put = receipts.put.iter().map(|put| &put.receipt);
    let put =
        put.map(|receipt| PART_BYTES_MAX + receipt_key_bytes(&receipt.key) + outcome_bytes(&receipt.outcome));
    let deleted = receipts.deleted.iter();
    let deleted = deleted.map(|key| PART_BYTES_MAX + receipt_key_bytes(key));
    put.chain(deleted).sum()
}

fn receipt_key_bytes(key: &ReceiptKey) -> usize {
    match key {
        ReceiptKey::Caller { caller, key } => caller.len() + key.len(),
        ReceiptKey::Step { step, .. } => step.len(),
    }
}

fn outcome_bytes(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Running | Outcome::Forbidden => 0,
        Outcome::Done(reply) => reply.len(),
        // One that cannot be written is over the limit.
        Outcome::Refused(problem) => {
            codec::encode_reply(problem).map_or(REPLY_BYTES_MAX + 1, |encoded| encoded.len())
        }
    }
}
