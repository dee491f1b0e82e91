//! What staff ask: issue, adjust, disable.

use super::{AMOUNT_MAX, Cause, Error, Event, Form, GiftCard, GiftCardCode, REASON_LENGTH_MAX, StoredValue};
use crate::entity::{Command, Context, Create};
use crate::error::FieldErrors;
use crate::id::{CustomerId, StoredValueId};
use crate::money::Money;
use crate::text::{self, Email};
use crate::time::Timestamp;

/// What a gift card's code is drawn for.
const CODE_PURPOSE: &str = "stored_value/code";

/// A gift card as staff sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GiftCardDraft {
    /// Its first balance. Required.
    pub amount: Option<Money>,
    /// A code of staff's own; one is drawn where nothing is said.
    pub code: Option<String>,
    /// When it can no longer be spent.
    pub expires_at: Option<Timestamp>,
    /// What staff note.
    pub note: Option<String>,
    /// The id of the customer it is for.
    pub customer: Option<String>,
    /// An e-mail address that staff note. Nothing is sent to it.
    pub email: Option<String>,
}

/// Issues a gift card.
#[derive(Clone, Debug)]
pub struct IssueGiftCard {
    /// What was sent.
    pub draft: GiftCardDraft,
    /// The customer that was named, where there is one.
    pub customer: Option<CustomerId>,
}

impl Create<StoredValue> for IssueGiftCard {
    const NAME: &'static str = "stored_value.issue_gift_card";
    type Reply = ();

    fn create(
        self,
        id: StoredValueId,
        cx: &mut Context<'_, StoredValue>,
    ) -> Result<(StoredValue, ()), Error> {
        let draft = self.draft;
        let mut errors = FieldErrors::default();
        let amount = check_issued(draft.amount, &mut errors);
        let code = match draft.code {
            Some(code) => errors.take("/code", GiftCardCode::parse(&code)),
            None => Some(GiftCardCode::drawn(&cx.secret(CODE_PURPOSE))),
        };
        check_expiry(draft.expires_at, cx.now(), &mut errors);
        let note = check_note(draft.note, &mut errors);
        if let Some(named) = draft.customer.filter(|_| self.customer.is_none()) {
            let message = format!("there is no customer {named}");
            errors.add("/customer_id", "customer.not_found", message);
        }
        let email = draft.email.map(|text| Email::parse(&text)).transpose();
        let email = errors.take("/email", email).flatten();
        let (Some(amount), Some(code), true) = (amount, code, errors.is_empty()) else {
            return Err(errors.into());
        };
        let card = GiftCard {
            code,
            expires_at: draft.expires_at,
            customer: self.customer,
            email,
        };
        let mut value = StoredValue::empty(id, Form::GiftCard(card), amount.currency, cx.now());
        value.note = note;
        value.book(amount, Cause::Issued, cx)?;
        cx.emit(Event::Issued { amount });
        Ok((value, ()))
    }
}

/// Opens a customer's store credit in one currency, with its first amount.
#[derive(Clone, Debug)]
pub struct OpenStoreCredit {
    /// Whose.
    pub customer: CustomerId,
    /// What is booked first, in its currency.
    pub first: Adjust,
}

impl Create<StoredValue> for OpenStoreCredit {
    const NAME: &'static str = "stored_value.open_store_credit";
    type Reply = ();

    fn create(
        self,
        id: StoredValueId,
        cx: &mut Context<'_, StoredValue>,
    ) -> Result<(StoredValue, ()), Error> {
        let form = Form::StoreCredit {
            customer: self.customer,
        };
        let currency = self.first.amount.currency;
        let mut value = StoredValue::empty(id, form, currency, cx.now());
        cx.emit(Event::Issued {
            amount: Money::zero(currency),
        });
        self.first.apply(&mut value, cx)?;
        Ok((value, ()))
    }
}

/// Changes a balance, for a reason. Never below what checkouts hold.
#[derive(Clone, Debug)]
pub struct Adjust {
    /// How much comes or, negative, goes.
    pub amount: Money,
    /// Why.
    pub reason: String,
}

impl Command<StoredValue> for Adjust {
    const NAME: &'static str = "stored_value.adjust";
    type Reply = ();

    fn apply(self, value: &mut StoredValue, cx: &mut Context<'_, StoredValue>) -> Result<(), Error> {
        let amount = self.amount;
        let mut errors = FieldErrors::default();
        if amount.is_zero() {
            errors.add(
                "/amount",
                "stored_value.zero",
                "an adjustment of zero adjusts nothing",
            );
        } else if AMOUNT_MAX < amount.amount.saturating_abs() {
            errors.add("/amount", "stored_value.too_much", too_much());
        } else if amount.currency != value.currency() {
            let message = format!("is in {}, the balance in {}", amount.currency, value.currency());
            errors.add("/amount/currency", "stored_value.other_currency", message);
        }
        let reason = errors.take("/reason", text::line(&self.reason, REASON_LENGTH_MAX));
        let (Some(reason), true) = (reason, errors.is_empty()) else {
            return Err(errors.into());
        };
        let (balance, held) = (value.balance, value.held());
        let adjusted = balance.plus(amount)?;
        if adjusted.amount < held.amount {
            return Err(Error::BelowHeld { balance, held });
        }
        if 0 < amount.amount && AMOUNT_MAX < adjusted.amount {
            errors.add("/amount", "stored_value.too_much", too_much());
            return Err(errors.into());
        }
        let cause = Cause::Adjusted {
            reason: reason.clone(),
        };
        value.book(amount, cause, cx)?;
        cx.emit(Event::Adjusted { amount, reason });
        Ok(())
    }
}

/// Brings in what a customer has from elsewhere: the first amount of a balance. The same again changes nothing.
#[derive(Clone, Debug)]
pub struct BringIn {
    /// Whose.
    pub customer: CustomerId,
    /// How much.
    pub amount: Money,
    /// Why.
    pub reason: String,
}

impl Create<StoredValue> for BringIn {
    const NAME: &'static str = "stored_value.open_brought_in";
    type Reply = ();

    fn create(
        self,
        id: StoredValueId,
        cx: &mut Context<'_, StoredValue>,
    ) -> Result<(StoredValue, ()), Error> {
        let Self {
            customer,
            amount,
            reason,
        } = self;
        let first = Adjust { amount, reason };
        OpenStoreCredit { customer, first }.create(id, cx)
    }
}

impl Command<StoredValue> for BringIn {
    const NAME: &'static str = "stored_value.bring_in";
    type Reply = ();

    fn apply(self, value: &mut StoredValue, cx: &mut Context<'_, StoredValue>) -> Result<(), Error> {
        let Some(first) = value.ledger.first() else {
            let Self { amount, reason, .. } = self;
            return Adjust { amount, reason }.apply(value, cx);
        };
        let reason = text::line(&self.reason, REASON_LENGTH_MAX).ok();
        let booked = reason.map(|reason| Cause::Adjusted { reason });
        // Of a ledger that was full in an earlier release the first entry is one in the middle.
        let is_first = first.balance == first.amount;
        if is_first && first.amount == self.amount && Some(&first.cause) == booked.as_ref() {
            return Ok(()); // It was brought in before.
        }
        Err(Error::AlreadyBooked {
            currency: value.currency(),
        })
    }
}

/// What staff change. What is absent stays, `Some(None)` clears.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Whether it may be spent.
    pub enabled: Option<bool>,
    /// When a gift card can no longer be spent.
    pub expires_at: Option<Option<Timestamp>>,
    /// What staff note.
    pub note: Option<Option<String>>,
}

/// Disables or enables, and changes expiry and note. What checkouts hold already stays held.
#[derive(Clone, Debug)]
pub struct Update {
    /// What was sent.
    pub draft: Draft,
}

impl Command<StoredValue> for Update {
    const NAME: &'static str = "stored_value.update";
    type Reply = ();

    fn apply(self, value: &mut StoredValue, cx: &mut Context<'_, StoredValue>) -> Result<(), Error> {
        let mut errors = FieldErrors::default();
        let mut changed = value.clone();
        changed.enabled = self.draft.enabled.unwrap_or(value.enabled);
        if let Some(note) = self.draft.note {
            changed.note = check_note(note, &mut errors);
        }
        match (&mut changed.form, self.draft.expires_at) {
            (_, None) => {}
            (Form::GiftCard(card), Some(expires_at)) => {
                if expires_at != card.expires_at {
                    check_expiry(expires_at, cx.now(), &mut errors);
                }
                card.expires_at = expires_at;
            }
            (Form::StoreCredit { .. }, Some(_)) => {
                let message = "store credit does not expire";
                errors.add("/expires_at", "stored_value.never_expires", message);
            }
        }
        errors.into_result()?;
        if changed.enabled != value.enabled {
            cx.emit(match changed.enabled {
                true => Event::Enabled,
                false => Event::Disabled,
            });
        }
        if (&changed.note, &changed.form) != (&value.note, &value.form) {
            cx.emit(Event::Updated);
        }
        *value = changed;
        Ok(())
    }
}

fn check_issued(amount: Option<Money>, errors: &mut FieldErrors) -> Option<Money> {
    let Some(amount) = amount else {
        errors.add("/amount", "stored_value.amount_missing", "an amount is needed");
        return None;
    };
    if amount.amount <= 0 {
        let message = format!("must be above zero, not {amount}");
        errors.add("/amount", "stored_value.amount_not_positive", message);
        return None;
    }
    if AMOUNT_MAX < amount.amount {
        errors.add("/amount", "stored_value.too_much", too_much());
        return None;
    }
    Some(amount)
}

fn too_much() -> String {
    format!("at most {AMOUNT_MAX} minor units are possible")
}

fn check_expiry(expires_at: Option<Timestamp>, now: Timestamp, errors: &mut FieldErrors) {
    if expires_at.is_some_and(|at| at <= now) {
        let message = "must lie ahead; to stop a card now, disable it";
        errors.add("/expires_at", "stored_value.expiry_past", message);
    }
}

fn check_note(note: Option<String>, errors: &mut FieldErrors) -> Option<String> {
    let read = note.map(|text| text::line(&text, REASON_LENGTH_MAX)).transpose();
    errors.take("/note", read).flatten()
}
