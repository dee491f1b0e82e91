//! The rules of commerce.
//!
//! Everything here is pure: no IO, no `async`, no clock, no randomness, no logging.
//! Time and ids arrive through [`Context`]; a rule that needs a fact receives it as an argument.

pub mod caller;
pub mod entity;
pub mod error;
pub mod event;
pub mod id;
pub mod inventory;
pub mod kind;
#[cfg(test)]
mod testing;
pub mod time;

pub use caller::Caller;
pub use entity::{Command, Context, Create, Effects, Entity, Keys, PastBody, Revision, TimerName};
pub use error::{Broken, Class, Detail, FieldError, FieldErrors, Problem, Refusal};
pub use event::EventBody;
pub use id::{EntityId, EntityKey, Partition, Seed};
pub use kind::{Kind, Listing, ListingKey, Sequence, Unique, UniqueKey};
pub use time::Timestamp;
