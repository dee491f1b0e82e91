//! How the store is broken on purpose: an oracle that holds its promises must find each.

use super::Mounted;
use cartwright_domain::id::CheckoutId;
use cartwright_domain::inventory::{Held, StockItem};
use cartwright_domain::{EntityId, EntityKey, Kind, Revision};
use cartwright_storage::{
    Accepted, Body, Commit, Done, Fault, KeyChange, Loaded, Numbering, Outcome, Position, Receipt,
    ReceiptKey, Store, codec,
};
use std::sync::{Arc, Mutex, PoisonError};

/// How the store is broken on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Broken {
    /// It is as it should be.
    #[default]
    Not,
    /// It answers simple changes when it takes them, before their sync.
    AnswersEarly,
    /// It accepts what rests on a commit that it refused.
    AcceptsUnfounded,
    /// It says of this step of a checkout that it was done, whenever it is asked: so it is never done.
    Forgets(&'static str),
    /// A crash takes the order with it that was told last.
    LosesOrders,
}

impl Mounted {
    /// The store answers for what it has not synced, as if it were sure to come.
    pub(super) fn answer_early(&self, commit: &mut Commit) {
        let is_simple = commit.keys.unique_put.is_empty()
            && commit.numbering.is_none()
            && commit.receipts.is_empty()
            && 0 < commit.expected.0;
        if !is_simple {
            return;
        }
        let before = {
            let state = self.shared.state();
            state.gathering.len() + state.syncing.len()
        };
        let position = self.inner.statistics().synced.0 + u64::try_from(before).unwrap_or(0) + 1;
        let Done(done) = std::mem::replace(&mut commit.done, Done(Box::new(|_| {})));
        done(Ok(Accepted {
            position: Position(position),
            number: None,
        }));
    }

    /// Prepares to lose the order that a commit is about, once it is told, in a crash.
    pub(super) fn lose_later(&self, commit: &mut Commit) {
        if commit.entity.kind != Kind::Order {
            return;
        }
        let earlier = self.shared.state().loses.take();
        let earlier = earlier.filter(|earlier| earlier.entity == commit.entity);
        let mut gone = earlier.map(|earlier| earlier.keys).unwrap_or_default();
        let (entity, revision, fence, at) = (commit.entity, commit.revision, commit.fence, commit.at);
        undo(&mut gone, &commit.keys);
        let keys = Arc::new(Mutex::new(gone));
        if let Some(numbering) = commit.numbering.take() {
            let (finish, keys) = (numbering.finish, Arc::clone(&keys));
            commit.numbering = Some(Numbering {
                sequence: numbering.sequence,
                finish: Box::new(move |number| {
                    let finished = finish(number);
                    undo(
                        &mut keys.lock().unwrap_or_else(PoisonError::into_inner),
                        &finished.keys,
                    );
                    finished
                }),
            });
        }
        let Done(done) = std::mem::replace(&mut commit.done, Done(Box::new(|_| {})));
        let shared = Arc::clone(&self.shared);
        commit.done = Done(Box::new(move |verdict| {
            if verdict.is_ok() {
                let keys = keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
                shared.state().loses = Some(Commit {
                    entity,
                    expected: revision,
                    revision: Revision(revision.0 + 1),
                    previous: Position(0),
                    fence,
                    at,
                    body: Body::Erase,
                    keys,
                    events: Vec::new(),
                    timers: Default::default(),
                    receipts: Default::default(),
                    numbering: None,
                    decision: None,
                    rests_on: Vec::new(),
                    done: Done(Box::new(|_| {})),
                });
            }
            done(verdict);
        }));
    }
}

/// Adds to what takes keys away again those that a commit brings.
fn undo(gone: &mut KeyChange, keys: &KeyChange) {
    gone.unique_deleted.extend(keys.unique_put.iter().cloned());
    gone.listing_deleted
        .retain(|row| !keys.listing_deleted.contains(row));
    gone.listing_deleted.extend(keys.listing_put.iter().cloned());
}

/// Returns what a checkout holds of a stock item; nothing of anything else.
pub(super) fn held_by(
    saga: EntityKey,
    participant: EntityKey,
    loaded: Option<Loaded>,
) -> Result<Held, Fault> {
    let Some(loaded) = loaded.filter(|_| participant.kind == Kind::StockItem) else {
        return Ok(Held::default());
    };
    let item = codec::decode_snapshot::<StockItem>(&loaded.snapshot)?;
    let reservation = item.state.reservation(CheckoutId::from_uuid(saga.id));
    let quantity = reservation.map_or(0, |reservation| reservation.quantity);
    Ok(Held { quantity })
}

/// A receipt of a step that was never taken, which says what the step would have.
pub(super) fn false_receipt(key: ReceiptKey, participant: EntityKey, held: Held) -> Receipt {
    let reply = match participant.kind {
        Kind::StockItem => codec::encode_reply(&held),
        _ => codec::encode_reply(&()),
    };
    Receipt {
        key,
        fingerprint: [0; 32],
        entity: participant,
        revision: Default::default(),
        outcome: Outcome::Done(reply.expect("a small reply")),
        expires_at: None,
    }
}
