//! The bulk import of customers: one a row, found by what another system calls it, or by its e-mail address.
//!
//! A second run of the same rows changes nothing. Both names are unique, so that two runs at once make one customer.

use crate::customer::CustomerRef;
use crate::engine::Engine;
use crate::import::{self, ImportedRow, RowOutcome};
use crate::once::Shown;
use crate::request::{Refused, Request};
use crate::runtime::AskError;
use cartwright_domain::customer::{CreateCustomer, Customer, Draft, UpdateCustomer};
use cartwright_domain::id::CustomerId;
use cartwright_domain::text::Email;
use cartwright_domain::{Class, Problem};
use futures::stream::{self, StreamExt};

/// How many customers of a call are at work at once.
const CUSTOMERS_AT_ONCE: usize = 64;

/// A row of customers, as somebody gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerRow {
    /// The row's number, for the report.
    pub row: u64,
    /// The customer. What is absent stays as it is, or gets the default.
    pub draft: Draft,
}

impl CustomerRow {
    fn external_id(&self) -> Option<&str> {
        self.draft.external_id.as_ref()?.as_deref()
    }

    fn email(&self) -> Option<&str> {
        self.draft.email.as_ref()?.as_deref()
    }

    fn subject(&self) -> &str {
        self.external_id().or(self.email()).unwrap_or_default()
    }
}

/// A row, and the customer that it means as things are, so that rows that name one in different ways are about the same.
struct MeantRow {
    row: CustomerRow,
    meant: Result<Option<CustomerId>, Refused>,
}

impl import::Row for MeantRow {
    fn number(&self) -> u64 {
        self.row.row
    }

    fn subject(&self) -> &str {
        self.row.subject()
    }

    fn names(&self) -> Vec<String> {
        let meant = self.meant.as_ref().ok().copied().flatten();
        let meant = meant.map(|customer| format!("customer {customer}"));
        let id = self.row.external_id().map(|id| format!("id {}", id.trim()));
        let email = self.row.email();
        let email = email.map(|email| format!("email {}", Email::compare_key_of(email)));
        meant.into_iter().chain(id).chain(email).collect()
    }
}

impl Engine {
    /// Imports customers. Rows about the same customer are done in their order, others side by side.
    ///
    /// # Errors
    /// `customer.too_many_rows`; a refused row is no error but its outcome.
    pub async fn import_customers(
        &self,
        request: &Request,
        rows: Vec<CustomerRow>,
    ) -> Result<Vec<ImportedRow>, Refused> {
        let rows = stream::iter(rows).map(|row| async {
            let meant = self.customer_of_row(&row).await;
            let meant = meant.map(|found| found.map(|customer| customer.id));
            MeantRow { row, meant }
        });
        let rows = rows.buffered(CUSTOMERS_AT_ONCE).collect().await;
        let import = |MeantRow { row, meant }| async move {
            // Where it is not known whom it means, it may be due behind another row.
            meant?;
            self.import_customer(request, row).await
        };
        import::each(rows, CUSTOMERS_AT_ONCE, import::too_many::CUSTOMER, import).await
    }

    async fn import_customer(&self, request: &Request, row: CustomerRow) -> Result<RowOutcome, Refused> {
        let customers = &self.kinds().customers;
        // Of two rows one may have as its id what the other has as its address.
        let names = format!("{:?} {:?}", row.external_id(), row.email());
        let request = import::request_of(request, &names);
        let found = match self.customer_of_row(&row).await? {
            Some(found) => found,
            None => {
                let (id, draft) = (self.draw(&request, None), row.draft.clone());
                match customers
                    .create(id, CreateCustomer { draft }, request.ask())
                    .await
                {
                    Ok(_) => return Ok(RowOutcome::Created),
                    Err(taken @ AskError::KeyTaken { .. }) => match self.customer_of_row(&row).await? {
                        // Another run was faster.
                        Some(found) => found,
                        None => return Err(taken.into()),
                    },
                    Err(error) => return Err(error.into()),
                }
            }
        };
        let command = UpdateCustomer { draft: row.draft };
        let after = customers.ask(found.id, command, request.ask()).await?;
        let revision = after.state.map(|customer| customer.revision);
        Ok(if revision == Some(found.revision) {
            RowOutcome::Unchanged
        } else {
            RowOutcome::Updated
        })
    }

    /// Returns the customer that a row means. One that is known by its address alone may get another name with it.
    async fn customer_of_row(&self, row: &CustomerRow) -> Result<Option<Shown<Customer>>, Refused> {
        if let Some(id) = row.external_id() {
            let by_id = self
                .find_customer(&CustomerRef::ExternalId(id.to_owned()))
                .await?;
            if by_id.is_some() {
                return Ok(by_id);
            }
        }
        let Some(email) = row.email() else {
            return Ok(None);
        };
        let by_email = self.find_customer(&CustomerRef::Email(email.to_owned())).await?;
        let is_free =
            |found: &Shown<Customer>| found.state.external_id.is_none() || row.external_id().is_none();
        Ok(by_email.filter(is_free))
    }

    /// Finds the customer that somebody means by what another system calls it, or by its e-mail address.
    ///
    /// # Errors
    /// `customer.not_found`.
    pub(crate) async fn customer_named(&self, text: &str) -> Result<Shown<Customer>, Refused> {
        for by in [
            CustomerRef::ExternalId(text.to_owned()),
            CustomerRef::Email(text.to_owned()),
        ] {
            if let Some(found) = self.find_customer(&by).await? {
                return Ok(found);
            }
        }
        let message =
            format!("no customer has the external id or the e-mail address {text:?}; import it first");
        Err(Problem::new(Class::NotFound, "customer.not_found", message).into())
    }
}
