//! Stock: what is on hand, what is held for checkouts, what is promised to orders (section 3 of the semantics).
//!
//! A *reservation* is stock held for a checkout, an *allocation* is stock promised to an order. At every instant
//! `reserved + allocated <= on_hand + backorder allowance`; nothing here may ever let that go.
//!
//! What an item remembers, and why:
//! - **Reservations one by one**, because each expires, is pinned or is revoked by itself. They are few (those of
//!   the last minutes), plain and small, so that the copy a command works on is one short `memcpy`.
//! - **Allocations only as their sum.** Orders are for ever and reservations are not: a row an order would make
//!   every commit of a best-seller longer than the one before. Which order was promised how much stands in the
//!   order, from where [`Deallocate`] brings it, and in the ledger; step receipts make both happen once. A sum
//!   also does not care when a cancellation overtakes the allocation it takes back.
//! - **The ledger not at all.** Every movement is an [`Event`] of its commit.

mod command;
mod error;
mod event;
mod stock_item;
#[cfg(test)]
mod tests;

pub use command::{
    AdjustStock, Allocate, CreateStockItem, Deallocate, Held, Pin, Release, Reserve, SetStock, StockLevels,
};
pub use error::Error;
pub use event::Event;
pub use stock_item::{Hold, Reservation, StockItem, Timer};

/// The one location of this release.
pub const DEFAULT_LOCATION: &str = "default";
/// The largest quantity on hand, buffer, backorder allowance or adjustment. Sums of a few stay exact.
pub const UNITS_MAX: u64 = 1_000_000_000_000;
/// The most reservations an item holds at a time, so that its snapshot stays well below the store's limit.
pub const RESERVATIONS_MAX: usize = 10_000;
/// The longest reason of an adjustment, in characters.
pub const REASON_LENGTH_MAX: usize = 200;
/// The longest reference of an adjustment, in characters.
pub const REFERENCE_LENGTH_MAX: usize = 200;
