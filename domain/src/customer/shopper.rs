//! As whom a shopper is known.

use super::Customer;
use crate::id::CustomerId;
use crate::text::Email;

/// As whom a shopper is known: two of one shopper are equal by [`Shopper::compare_key`].
#[derive(Clone, Copy, Debug)]
pub enum Shopper<'a> {
    /// As a customer of whom staff keep a record.
    Customer(CustomerId),
    /// As whoever reads this mailbox.
    Guest(&'a Email),
}

impl Shopper<'_> {
    /// Returns the text that is the same for whatever spelling the shopper is known by.
    pub fn compare_key(&self) -> String {
        match self {
            Self::Customer(customer) => format!("customer/{customer}"),
            Self::Guest(email) => format!("guest/{}", email.compare_key()),
        }
    }
}

/// As whom a shopper is known to what counts orders.
#[derive(Clone, Debug)]
pub struct KnownAs<'a> {
    /// Whose uses a limit per customer counts: the customer's, and what was ordered as a guest under the address of their
    /// record; without a record the guest's.
    pub limited: Vec<Shopper<'a>>,
    /// Whose orders come before a first one: theirs, and those to the address that is ordered with.
    pub ordering: Vec<Shopper<'a>>,
}

impl<'a> KnownAs<'a> {
    /// Who has this record and orders with this address; an unknown one has neither.
    pub fn new(record: Option<(CustomerId, &'a Customer)>, email: Option<&'a Email>) -> Self {
        let guest = email.map(Shopper::Guest);
        let limited: Vec<Shopper<'a>> = match record {
            None => guest.into_iter().collect(),
            Some((id, record)) => {
                let of_record = record.email.as_ref().map(Shopper::Guest);
                [Shopper::Customer(id)].into_iter().chain(of_record).collect()
            }
        };
        let mut ordering = limited.clone();
        let keys: Vec<String> = limited.iter().map(Shopper::compare_key).collect();
        ordering.extend(guest.filter(|guest| !keys.contains(&guest.compare_key())));
        Self { limited, ordering }
    }
}
