//! Orders: what was bought, for ever, and how far it has come (section 6 of the semantics).
//!
//! An order keeps the quote it was placed with; nothing in it is ever looked up in the catalog again. Status,
//! payments and fulfillment stand beside each other, and only the status machine may refuse a move of the status.

pub mod cancellation;
mod command;
mod entity;
mod error;
mod event;
mod status;
#[cfg(test)]
pub(crate) mod tests;

pub use command::{
    Cancel, PlaceOrder, RecordCapture, RecordCaptureFailure, RecordRefund, RecordUses, RecordVoid,
    RecordVoidFailure,
};
pub use entity::{Order, PromisedStock, StatusChange};
pub use error::Error;
pub use event::Event;
pub use status::{FulfillmentState, Status};

/// The longest reason kept with a change, in characters.
pub const REASON_LENGTH_MAX: usize = 500;
