//! The customer: who it is elsewhere, and what bears on what it pays.

use super::Error;
use crate::catalog::Handle;
use crate::entity::{Context, Entity, Keys, NoTimer};
use crate::error::{Broken, ensure};
use crate::event::EventBody;
use crate::id::CustomerId;
use crate::kind::{Kind, Listing, ListingKey, Unique, UniqueKey};
use crate::tax::TaxStatus;
use crate::text::Email;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The longest id of a customer in another system.
pub const EXTERNAL_ID_LENGTH_MAX: usize = 128;
/// How many groups a customer may be in.
pub const GROUPS_MAX: usize = 100;

/// A record that staff keep of somebody who buys. A cart that staff keep may be for one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
    /// What another system calls it; unique in the store.
    pub external_id: Option<String>,
    /// The e-mail address; one mailbox belongs to one customer.
    pub email: Option<Email>,
    /// The groups it is in: sorted, each once.
    pub groups: Vec<Handle>,
    /// What bears on tax.
    pub tax: TaxStatus,
    /// When the record was made.
    pub created_at: Timestamp,
}

/// What happened to a customer's record. What is personal stands in the record alone, and goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// It was made.
    Created,
    /// It was changed.
    Updated,
    /// It was deleted.
    Deleted,
}

impl EventBody for Event {
    const SCHEMA: u16 = 1;

    fn name(&self) -> &'static str {
        match self {
            Self::Created => "customer.created",
            Self::Updated => "customer.updated",
            Self::Deleted => "customer.deleted",
        }
    }
}

impl Entity for Customer {
    const KIND: Kind = Kind::Customer;
    const SCHEMA: u16 = 1;
    type Id = CustomerId;
    type Event = Event;
    type Timer = NoTimer;
    type Error = Error;

    fn invariants(&self) -> Result<(), Broken> {
        let is_named = self.external_id.is_some() || self.email.is_some();
        ensure(is_named, "a customer has an external id or an e-mail address")?;
        ensure(
            self.groups.is_sorted_by(|left, right| left < right),
            "a customer's groups are sorted, each once",
        )?;
        ensure(
            self.groups.len() <= GROUPS_MAX,
            "a customer is in at most 100 groups",
        )
    }

    fn keys(&self) -> Keys {
        let external_id = self.external_id.as_ref();
        let email = self.email.as_ref();
        let unique = [
            external_id.map(|id| UniqueKey::new(Unique::CustomerExternalId, id)),
            email.map(|email| UniqueKey::new(Unique::CustomerEmail, email.compare_key())),
        ];
        Keys {
            unique: unique.into_iter().flatten().collect(),
            listing: vec![ListingKey::new(Listing::Customers, self.created_at.sort_key())],
        }
    }

    fn wake(&mut self, timer: NoTimer, _: &mut Context<'_, Self>) -> Result<(), Error> {
        match timer {}
    }
}
