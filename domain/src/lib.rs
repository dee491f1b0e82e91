//! The rules of commerce.
//!
//! Everything here is pure: no IO, no `async`, no clock, no randomness, no logging.
//! Time and ids arrive through [`Context`]; a rule that needs a fact receives it as an argument.

pub mod address;
pub mod caller;
pub mod cart;
pub mod catalog;
pub mod checkout;
pub mod country;
pub mod customer;
pub mod entity;
pub mod error;
pub mod event;
pub mod existing;
pub mod id;
pub mod idempotency;
pub mod identity;
pub mod inventory;
pub mod kind;
pub mod money;
pub mod order;
pub mod payment;
pub mod promotion;
pub mod settings;
mod shared;
pub mod shipping;
pub mod stored_value;
pub mod tax;
pub mod territory;
#[cfg(test)]
mod testing;
pub mod text;
pub mod time;

pub use address::Address;
pub use caller::Caller;
pub use country::Country;
pub use entity::{
    BodyWriter, Command, Context, Create, Effects, Entity, Keys, PastBody, Revision, TimerName,
};
pub use error::{Broken, Class, Detail, FieldError, FieldErrors, Problem, Refusal};
pub use event::EventBody;
pub use existing::Existing;
pub use id::{EntityId, EntityKey, Partition, Seed};
pub use kind::{Kind, Listing, ListingKey, Sequence, Unique, UniqueKey};
pub use money::{Currency, Money, Price, Rate, Rounding};
pub use text::Email;
pub use time::{Period, Timestamp};
