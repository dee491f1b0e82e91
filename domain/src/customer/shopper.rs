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

impl<'a> Shopper<'a> {
    /// Returns as whom a customer is known: what was ordered as a guest, under the address of the record, is theirs, too.
    pub fn of_customer(id: CustomerId, record: &'a Customer) -> Vec<Self> {
        let email = record.email.as_ref();
        [Self::Customer(id)]
            .into_iter()
            .chain(email.map(Self::Guest))
            .collect()
    }

    /// Returns the text that is the same for whatever spelling the shopper is known by.
    pub fn compare_key(&self) -> String {
        match self {
            Self::Customer(customer) => format!("customer/{customer}"),
            Self::Guest(email) => format!("guest/{}", email.compare_key()),
        }
    }
}
