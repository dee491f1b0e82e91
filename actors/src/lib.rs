//! The entity runtime, the use cases on it, sagas and subscribers.
//!
//! An [`Engine`] is every kind of entity with its gateways; each area adds its use cases as methods. A use case
//! gathers what one command needs and runs it; a saga moves several entities and the outside world; a subscriber
//! follows from committed facts.

mod answers;
pub mod cart;
pub mod catalog;
pub mod checkout;
pub mod customer;
pub mod engine;
pub mod history;
mod identity;
pub mod import;
mod inventory;
mod kept;
mod notification;
mod once;
pub mod order;
pub mod page;
pub mod promotion;
pub mod request;
pub mod runtime;
mod settings;
pub mod shipping;
pub mod stored_value;
pub mod tax;
mod turns;

pub use engine::{Engine, Parts, new_seed};
pub use identity::OpenedSession;
pub use notification::CONFIRMATIONS;
pub use once::Shown;
pub use page::{Cursor, PAGE_LIMIT_MAX, Page, PageRequest};
pub use request::{Done, Idempotency, Outcome, Refused, Request};
