//! Gift cards and store credit on the wire.

use crate::answer::versioned;
use crate::dto::{Money, Time, nullable};
use crate::extract::{Change, Null};
use cartwright_actors::Shown;
use cartwright_domain::stored_value::{self, Cause, StoredValue};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A gift card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct GiftCard {
    /// Its id.
    #[schema(example = "sv_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    pub(super) id: String,
    /// The whole code: a secret. Only in the answer to its issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "7K3M-QW9X-2HTP-ZC4D")]
    code: Option<String>,
    /// The end of its code.
    #[schema(example = "ZC4D")]
    last_characters: String,
    /// What is on it, what checkouts hold included.
    balance: Money,
    /// What checkouts hold of it.
    held: Money,
    /// May it be spent?
    enabled: bool,
    /// When it can no longer be spent.
    expires_at: Option<Time>,
    /// For which customer it was issued.
    customer_id: Option<String>,
    /// An e-mail address that staff noted. Nothing is sent to it.
    email: Option<String>,
    /// What staff noted.
    note: Option<String>,
    /// What changes came to that the ledger no longer shows.
    brought_forward: Money,
    /// The first change of the balance and the newest, in their order. With what is brought forward they sum to it.
    ledger: Vec<LedgerEntry>,
    /// When it was issued.
    created_at: Time,
    /// How often it was changed.
    version: u64,
}

/// A customer's store credit in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct StoreCredit {
    /// Its id.
    #[schema(example = "sv_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    id: String,
    /// Whose it is.
    customer_id: String,
    /// What is on it, what checkouts hold included.
    balance: Money,
    /// What checkouts hold of it.
    held: Money,
    /// May it be spent?
    enabled: bool,
    /// What staff noted.
    note: Option<String>,
    /// What changes came to that the ledger no longer shows.
    brought_forward: Money,
    /// The first change of the balance and the newest, in their order. With what is brought forward they sum to it.
    ledger: Vec<LedgerEntry>,
    /// When it was opened.
    created_at: Time,
    /// How often it was changed.
    version: u64,
}

/// A change of a balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct LedgerEntry {
    /// `issued`, `used`, `given_back` or `adjusted`.
    #[schema(example = "used")]
    kind: &'static str,
    /// How much came or, negative, went.
    amount: Money,
    /// The balance since.
    balance: Money,
    /// The order that was paid with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
    /// Why it was adjusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// When.
    at: Time,
    /// Who.
    by: String,
}

/// A gift card to be issued.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(super) struct NewGiftCard {
    /// Its balance. Needed.
    amount: Option<Money>,
    /// A code of your own, of 8 to 32 letters and digits; blanks, hyphens and case do not matter. One is drawn when
    /// absent.
    code: Option<String>,
    /// When it can no longer be spent; never when absent.
    expires_at: Option<Time>,
    /// What staff note.
    note: Option<String>,
    /// For which customer it is. It is spent by its code all the same.
    customer_id: Option<String>,
    /// An e-mail address that staff note. Nothing is sent to it.
    #[schema(example = "ada@example.com")]
    email: Option<String>,
}

/// Changes to a gift card: what is absent stays and `null` clears.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(super) struct GiftCardChanges {
    /// May it be spent? What checkouts hold already stays held.
    #[schema(nullable = false)]
    enabled: Option<bool>,
    /// When it can no longer be spent.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Time>)]
    expires_at: Option<Option<Time>>,
    /// What staff note.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    note: Option<Option<String>>,
}

/// Changes to store credit: what is absent stays and `null` clears.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(super) struct StoreCreditChanges {
    /// May it be spent? What checkouts hold already stays held.
    #[schema(nullable = false)]
    enabled: Option<bool>,
    /// What staff note.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    note: Option<Option<String>>,
}

/// A change of a balance.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(super) struct BalanceAdjustment {
    /// How much comes or, negative, goes.
    amount: Money,
    /// Why.
    #[schema(example = "goodwill")]
    reason: String,
}

/// Which gift card is looked for; every one without a code.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ByCode {
    /// Its whole code.
    pub(super) code: Option<String>,
}

versioned!(GiftCard, StoreCredit);

impl GiftCard {
    /// Returns it with its code, as whoever issues it is answered.
    pub(super) fn issued(shown: &Shown<StoredValue>) -> Self {
        Self {
            code: shown.state.gift_card().map(|card| card.code.grouped()),
            ..Self::from(shown)
        }
    }
}

impl From<&Shown<StoredValue>> for GiftCard {
    fn from(shown: &Shown<StoredValue>) -> Self {
        let value = &shown.state;
        let card = value.gift_card();
        let customer = card.and_then(|card| card.customer);
        Self {
            id: value.id().to_string(),
            code: None,
            last_characters: card
                .map(|card| card.code.last_characters().to_owned())
                .unwrap_or_default(),
            balance: value.balance().into(),
            held: value.held().into(),
            enabled: value.is_enabled(),
            expires_at: card.and_then(|card| card.expires_at).map(Time::from),
            customer_id: customer.map(|customer| customer.to_string()),
            email: card.and_then(|card| card.email.as_ref()).map(ToString::to_string),
            note: value.note().map(str::to_owned),
            brought_forward: value.brought_forward().into(),
            ledger: value.ledger().iter().map(LedgerEntry::from).collect(),
            created_at: value.created_at().into(),
            version: shown.revision.0,
        }
    }
}

impl From<&Shown<StoredValue>> for StoreCredit {
    fn from(shown: &Shown<StoredValue>) -> Self {
        let value = &shown.state;
        Self {
            id: value.id().to_string(),
            customer_id: value
                .creditor()
                .map(|customer| customer.to_string())
                .unwrap_or_default(),
            balance: value.balance().into(),
            held: value.held().into(),
            enabled: value.is_enabled(),
            note: value.note().map(str::to_owned),
            brought_forward: value.brought_forward().into(),
            ledger: value.ledger().iter().map(LedgerEntry::from).collect(),
            created_at: value.created_at().into(),
            version: shown.revision.0,
        }
    }
}

impl From<&stored_value::Entry> for LedgerEntry {
    fn from(entry: &stored_value::Entry) -> Self {
        let reason = match &entry.cause {
            Cause::Adjusted { reason } => Some(reason.clone()),
            Cause::Issued | Cause::Used { .. } | Cause::GivenBack { .. } => None,
        };
        Self {
            kind: entry.cause.name(),
            amount: entry.amount.into(),
            balance: entry.balance.into(),
            order_id: entry.cause.order().map(|order| order.to_string()),
            reason,
            at: entry.at.into(),
            by: entry.by.clone(),
        }
    }
}

impl From<NewGiftCard> for stored_value::GiftCardDraft {
    fn from(input: NewGiftCard) -> Self {
        Self {
            amount: input.amount.map(Into::into),
            code: input.code,
            expires_at: input.expires_at.map(|at| at.0),
            note: input.note,
            customer: input.customer_id,
            email: input.email,
        }
    }
}

impl Change for GiftCardChanges {
    fn null(field: &str) -> Null {
        match field {
            "enabled" => Null::Refused,
            _ => Null::Read,
        }
    }
}

impl From<GiftCardChanges> for stored_value::Draft {
    fn from(changes: GiftCardChanges) -> Self {
        Self {
            enabled: changes.enabled,
            expires_at: changes.expires_at.map(|at| at.map(|at| at.0)),
            note: changes.note,
        }
    }
}

impl Change for StoreCreditChanges {
    fn null(field: &str) -> Null {
        match field {
            "enabled" => Null::Refused,
            _ => Null::Read,
        }
    }
}

impl From<StoreCreditChanges> for stored_value::Draft {
    fn from(changes: StoreCreditChanges) -> Self {
        Self {
            enabled: changes.enabled,
            note: changes.note,
            ..Self::default()
        }
    }
}

impl From<BalanceAdjustment> for stored_value::Adjust {
    fn from(adjustment: BalanceAdjustment) -> Self {
        Self {
            amount: adjustment.amount.into(),
            reason: adjustment.reason,
        }
    }
}
