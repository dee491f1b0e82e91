//! Carts: what a shopper intends to buy, and what it would cost.
//!
//! A cart holds intent only: variants and quantities, where they go, how. What it costs is computed from that
//! intent by [`totals::quote`] whenever somebody asks, and kept for ever only as an order's [`FrozenQuote`].
//! A cart reserves nothing.

mod codes;
mod command;
mod entity;
mod error;
mod event;
mod frozen_quote;
mod line;
pub mod lines;
mod lock;
pub mod merge;
mod past;
mod problem;
mod quote;
mod stored_values;
pub mod totals;

pub use codes::{ApplyCodes, CODES_MAX, CodeRefused, RemoveCodes};
pub use command::{AddLine, ClearLines, OpenCart, Patch, RemoveLine, SetQuantity, UpdateDetails};
pub use entity::{Cart, IdleLifetimes, LockScope, PricingDate, Seen, ShippingChoice, State, Sums, Timer};
pub use error::Error;
pub use event::Event;
pub use frozen_quote::{FrozenEvent, FrozenLine, FrozenQuote};
pub use line::{
    ATTRIBUTE_NAME_LENGTH_MAX, ATTRIBUTE_VALUE_LENGTH_MAX, ATTRIBUTES_MAX, Attributes, Line, PriceOverride,
    VariantFacts,
};
pub use lines::Lines;
pub use lock::{Complete, LockForCheckout, MergeInto, Recover, Unlock};
pub(crate) use past::{FrozenQuote1, FrozenQuote2, FrozenQuote3};
pub use problem::{LineProblem, ProblemKind, line_problems};
pub use quote::{
    AppliedPromotion, LineTax, LineTaxPart, Quote, QuoteLine, QuoteShipping, QuotedCode, Share, TaxSource,
    Unmet,
};
pub use stored_values::{ApplyStoredValue, RemoveStoredValue, STORED_VALUES_MAX};

#[cfg(test)]
mod tests;
