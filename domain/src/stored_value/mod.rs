//! Stored value: money that a store owes to somebody who may spend it there. A gift card is paid out by its code to
//! whoever has it; store credit belongs to a customer.
//!
//! Both are means of payment and no discounts: they never change what something costs. What is promised to a checkout
//! is held until the order stands; then it is used. `0 <= held <= balance`, whatever happens side by side.

mod code;
mod command;
mod cover;
mod entity;
mod error;
mod event;
mod hold;
#[cfg(test)]
mod tests;

/// The name that payments by gift card go by, as a provider's.
pub(crate) const GIFT_CARD: &str = "gift_card";
/// The name that payments by store credit go by, as a provider's.
pub(crate) const STORE_CREDIT: &str = "store_credit";

pub use code::{GIFT_CARD_CODE_LENGTH_MAX, GIFT_CARD_CODE_LENGTH_MIN, GiftCardCode};
pub use command::{Adjust, BringIn, Draft, GiftCardDraft, IssueGiftCard, OpenStoreCredit, Update};
pub use cover::{Coverage, Covered, Tender, cover};
pub use entity::{
    AMOUNT_MAX, Cause, Entry, Form, GiftCard, HOLDS_MAX, Hold, LEDGER_MAX, REASON_LENGTH_MAX, StoredValue,
};
pub use error::{Error, Unusable};
pub use event::Event;
pub use hold::{GiveBack, HoldValue, ReleaseValue, UseValue};
