//! Use cases of customers, for staff.

mod import;

pub use import::CustomerRow;

use crate::engine::{Engine, unreadable};
use crate::once::{Shown, gone};
use crate::page::{Order, Page, PageRequest};
use crate::request::{Done, Outcome, Refused, Request};
use cartwright_domain::customer::{CreateCustomer, Customer, DeleteCustomer, Draft, UpdateCustomer};
use cartwright_domain::id::CustomerId;
use cartwright_domain::text::Email;
use cartwright_domain::{EntityId, Listing, Unique, UniqueKey};

/// How a customer is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomerRef {
    /// By what another system calls it.
    ExternalId(String),
    /// By its mailbox, however it is spelled.
    Email(String),
}

impl Engine {
    /// Lists the customers, the newest first.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn customers(&self, page: PageRequest) -> Result<Page<Shown<Customer>>, Refused> {
        let customers = &self.kinds().customers;
        self.page(customers, Listing::Customers, b"", Order::Descending, page)
            .await
    }

    /// Finds a customer; none where there is none.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn find_customer(&self, by: &CustomerRef) -> Result<Option<Shown<Customer>>, Refused> {
        let key = match by {
            CustomerRef::ExternalId(id) => UniqueKey::new(Unique::CustomerExternalId, id.trim()),
            CustomerRef::Email(text) => UniqueKey::new(Unique::CustomerEmail, Email::compare_key_of(text)),
        };
        let found = self
            .inner()
            .runtime
            .store()
            .lookup(key)
            .await
            .map_err(unreadable)?;
        let Some(entity) = found else { return Ok(None) };
        let id = CustomerId::from_uuid(entity.id);
        self.kinds().customers.read(id).await.map_err(unreadable)
    }

    /// Shows a customer.
    ///
    /// # Errors
    /// `customer.not_found`.
    pub async fn customer(&self, id: CustomerId) -> Result<Shown<Customer>, Refused> {
        let read = self.kinds().customers.read(id).await.map_err(unreadable)?;
        read.ok_or_else(gone::<Customer>)
    }

    /// Makes a customer.
    ///
    /// # Errors
    /// Every bad field; `customer_external_id.taken`, `customer_email.taken`.
    pub async fn create_customer(&self, request: &Request, draft: Draft) -> Outcome<Shown<Customer>> {
        let (customers, id) = (&self.kinds().customers, self.draw(request, None));
        self.make(customers, id, CreateCustomer { draft }, request).await
    }

    /// Changes a customer. Quotes of its carts follow from the next read.
    ///
    /// # Errors
    /// `customer.not_found`; every bad field; `customer_external_id.taken`, `customer_email.taken`.
    pub async fn update_customer(
        &self,
        request: &Request,
        id: CustomerId,
        draft: Draft,
    ) -> Outcome<Shown<Customer>> {
        self.run(&self.kinds().customers, id, UpdateCustomer { draft }, request)
            .await
    }

    /// Deletes a customer's record. Orders keep their quote. What the store owes them is booked out before.
    ///
    /// # Errors
    /// `customer.not_found`; `customer.has_store_credit`.
    pub async fn delete_customer(&self, request: &Request, id: CustomerId) -> Outcome<()> {
        let _turn = self.inner().credit_turns.take(request, [id]).await?;
        if let Some(owed) = self.owed_to(id).await? {
            return Err(owed.into());
        }
        let answer = self
            .kinds()
            .customers
            .ask(id, DeleteCustomer, request.ask())
            .await?;
        Ok(Done {
            value: (),
            replayed: answer.replayed,
        })
    }
}
