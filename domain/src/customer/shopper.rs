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
#[derive(Clone, Copy, Debug)]
pub struct KnownAs<'a> {
    /// The customer, with their record.
    record: Option<(CustomerId, &'a Customer)>,
    /// The address that is ordered with.
    email: Option<&'a Email>,
}

impl<'a> KnownAs<'a> {
    /// Who has this record and orders with this address; an unknown one has neither.
    pub fn new(record: Option<(CustomerId, &'a Customer)>, email: Option<&'a Email>) -> Self {
        Self { record, email }
    }

    /// Returns whose uses a limit per customer counts: the customer's, and what was ordered as a guest under the address of
    /// their record; without a record the guest's.
    pub fn limited(self) -> impl Iterator<Item = Shopper<'a>> {
        let customer = self.record.map(|(id, _)| Shopper::Customer(id));
        let email = match self.record {
            Some((_, record)) => record.email.as_ref(),
            None => self.email,
        };
        customer.into_iter().chain(email.map(Shopper::Guest))
    }

    /// Returns whose orders come before a first one: theirs, and those to the address that is ordered with. It may be that
    /// of the record.
    pub fn ordering(self) -> impl Iterator<Item = Shopper<'a>> {
        let besides = self.email.filter(|_| self.record.is_some());
        self.limited().chain(besides.map(Shopper::Guest))
    }
}
