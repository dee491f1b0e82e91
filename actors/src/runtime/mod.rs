//! The machine under every entity: one mailbox each, commands on working copies, durable commits, published states.
//!
//! It knows the shapes of `domain` and the contract of `storage`, and no area. It must never answer before the
//! commit, never let two activations of one entity write, and never queue without a bound.

mod actor;
mod ask;
mod births;
mod clock;
mod contents;
mod core;
mod deadlines;
mod directory;
mod entities;
mod envelope;
mod exchange;
mod flight;
mod head;
mod keeper;
mod keeping;
mod kind;
mod passivation;
mod published;
mod randomness;
mod receipts;
mod relay;
mod runner;
mod saga;
mod stand;
mod steps;
mod supervision;
mod tasks;
mod timers;

/// A map that many use at once.
type DashMap<K, V> = dashmap::DashMap<K, V, foldhash::fast::RandomState>;

pub use ask::{
    Answer, Ask, AskError, INTERNAL, INTERNAL_DEADLINE, Lane, Overload, StepKey, fault_problem,
    internal_problem,
};
pub use clock::{ACCEPT_CLOCK_FLAG, Clock, ClockCheck, StartError, WALL_CLOCK_BEHIND_MAX};
pub use core::{Runtime, RuntimeCounters, RuntimeOptions};
pub use deadlines::{Deadlines, Due};
pub use entities::{Entities, EntityOptions, KindCounters};
pub use published::{Page, Published};
pub use randomness::Randomness;
pub use receipts::{FinalAnswer, IDEMPOTENCY_LIFETIME, Opened, Receipts, Ticket, TicketMode};
pub use relay::{DEAD_LETTERS_MAX, DeadLetter, Subscriber, SubscriberCounters, Unhandled};
pub use saga::{Action, Next, Performed, READING, Saga, SagaCounters, SagaStep, Sagas, StepAge, WAITING};
pub use tasks::TaskEnd;

#[cfg(test)]
mod tests;
