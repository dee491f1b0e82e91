//! What goes into one commit besides the state.
//!
//! Nothing here knows of which kind the entity is: there is one copy of it, and not one for each of the five kinds that a
//! purchase changes. Hence no inlining either.

use crate::runtime::core::Inner;
use crate::runtime::envelope::{Settled, Waiter};
use cartwright_domain::{EntityKey, Keys, Revision, Timestamp};
use cartwright_storage::{
    Body, Commit, Decision, Done, Fence, KeyChange, Numbering, Position, ReceiptChange, ReceiptKey, Recorded,
    TimerChange, events_bytes_max, receipts_bytes_max,
};
use std::sync::Arc;

/// How many bytes of facts and receipts are enough for one commit. With a snapshot and one more command's it is still below
/// what a commit may take.
const BYTES_ENOUGH: usize = 1 << 20;

/// What becomes of the snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Writes {
    #[default]
    Nothing,
    State,
}

/// What one command brings to a commit, or several that share it.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) writes: Writes,
    pub(super) erases: bool,
    pub(super) creates: bool,
    /// How many changing commands.
    pub(super) changes: u64,
    pub(super) events: Vec<Recorded>,
    pub(super) receipts: ReceiptChange,
    pub(super) rests_on: Vec<Decision>,
    pub(super) waiters: Vec<Waiter>,
    /// What its facts and receipts take in the journal at most.
    pub(super) bytes: usize,
}

impl Contents {
    /// Adds what a later command brings.
    #[inline(never)]
    pub(super) fn add(&mut self, more: Self) {
        self.writes = match (more.erases, more.writes) {
            (true, _) => Writes::Nothing,
            (false, Writes::State) => Writes::State,
            (false, Writes::Nothing) => self.writes,
        };
        self.erases |= more.erases;
        self.creates |= more.creates;
        self.changes += more.changes;
        self.bytes += events_bytes_max(&more.events) + receipts_bytes_max(&more.receipts);
        add_all(&mut self.events, more.events);
        add_all(&mut self.receipts.put, more.receipts.put);
        add_all(&mut self.receipts.deleted, more.receipts.deleted);
        add_all(&mut self.rests_on, more.rests_on);
        add_all(&mut self.waiters, more.waiters);
    }

    /// Tells whether it is to go before another command brings anything: each is within the limits of a commit, all that
    /// gather while a sync lasts need not be.
    pub(super) fn is_full(&self) -> bool {
        BYTES_ENOUGH <= self.bytes
    }

    /// Returns the keys of the receipts that it writes.
    #[inline(never)]
    pub(super) fn receipt_keys(&self) -> Vec<ReceiptKey> {
        self.receipts
            .put
            .iter()
            .map(|put| put.receipt.key.clone())
            .collect()
    }

    /// Takes out who is answered as soon as the commit is on its way.
    #[inline(never)]
    pub(super) fn take_ahead(&mut self) -> Vec<Waiter> {
        self.waiters.extract_if(.., |waiter| waiter.is_ahead()).collect()
    }
}

/// Adds values to others. Most commits have those of one command, which are then kept as they are: the store keeps the
/// newest commits, and room to grow with them.
fn add_all<T>(all: &mut Vec<T>, more: Vec<T>) {
    if all.is_empty() {
        *all = more;
    } else {
        all.extend(more);
    }
}

/// Tells everyone who waits how the commit has ended.
#[inline(never)]
pub(super) fn settle_all(waiters: Vec<Waiter>, settled: &Settled) {
    for waiter in waiters {
        waiter.settle(settled);
    }
}

/// A commit in the making.
pub(super) struct Draft {
    pub(super) entity: EntityKey,
    pub(super) incarnation: u64,
    pub(super) expected: Revision,
    pub(super) revision: Revision,
    pub(super) previous: Position,
    pub(super) body: Body,
    pub(super) keys: KeyChange,
    pub(super) timers: TimerChange,
    pub(super) numbering: Option<Numbering>,
    pub(super) decision: Option<Decision>,
    pub(super) done: Done,
}

impl Draft {
    /// Hands it to the store.
    #[inline(never)]
    pub(super) fn submit(self, contents: Contents, runtime: &Inner) {
        let commit = Commit {
            entity: self.entity,
            expected: self.expected,
            revision: self.revision,
            previous: self.previous,
            fence: Fence {
                start: runtime.start_number,
                incarnation: self.incarnation,
            },
            at: runtime.clock.now(),
            body: self.body,
            keys: self.keys,
            events: contents.events,
            timers: self.timers,
            receipts: contents.receipts,
            numbering: self.numbering,
            decision: self.decision,
            rests_on: contents.rests_on,
            done: self.done,
        };
        Arc::clone(&runtime.store).submit(commit);
    }
}

/// Returns the rows that come and go between two states.
#[inline(never)]
pub(super) fn key_change(before: &Keys, after: &Keys) -> KeyChange {
    if before == after {
        return KeyChange::default();
    }
    KeyChange {
        unique_put: without(&after.unique, &before.unique),
        unique_deleted: without(&before.unique, &after.unique),
        listing_put: without(&after.listing, &before.listing),
        listing_deleted: without(&before.listing, &after.listing),
    }
}

/// Returns the timers that come and go between two states.
#[inline(never)]
pub(super) fn timer_change(before: &[(String, Timestamp)], after: &[(String, Timestamp)]) -> TimerChange {
    TimerChange {
        put: without(after, before),
        deleted: without(before, after),
    }
}

fn without<T: Clone + PartialEq>(all: &[T], others: &[T]) -> Vec<T> {
    all.iter().filter(|one| !others.contains(one)).cloned().collect()
}
