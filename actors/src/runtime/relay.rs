//! Subscribers: what merely follows from a committed fact, behind a durable cursor.

use cartwright_storage::{Fact, Position};
use futures::future::BoxFuture;

/// Something that follows from facts: a mail, a search index.
pub trait Subscriber: Send + Sync + 'static {
    /// Returns the stable name under which its cursor is kept.
    fn name(&self) -> &'static str;

    /// Handles a fact. Every fact comes at least once and in order; be idempotent by its position and index.
    ///
    /// # Errors
    /// A sentence for the log; the fact comes again, and is given up after [`crate::runtime::RuntimeOptions::deliveries_max`].
    fn on<'a>(&'a self, fact: &'a Fact) -> BoxFuture<'a, Result<(), String>>;
}

/// A fact that a subscriber could not handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The fact.
    pub fact: Fact,
    /// The last failure.
    pub reason: String,
}

/// What a subscriber has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriberCounters {
    /// Its name.
    pub name: &'static str,
    /// Up to where it has handled facts.
    pub position: Position,
    /// Facts handled since the start.
    pub delivered: u64,
    /// Failures since the start.
    pub failed: u64,
    /// Facts given up since the start, the last 1,000 of them.
    pub dead: Vec<DeadLetter>,
}
