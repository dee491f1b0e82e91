//! Commands of customers.

use super::entity::{EXTERNAL_ID_LENGTH_MAX, GROUPS_MAX};
use super::{Customer, Error, Event};
use crate::catalog::Handle;
use crate::entity::{Command, Context, Create};
use crate::error::FieldErrors;
use crate::id::CustomerId;
use crate::tax::{TaxStatus, VatNumber};
use crate::text::{self, Email};

/// A customer as staff sent it. When it changes one, what is absent stays and `Some(None)` clears.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// What another system calls it.
    pub external_id: Option<Option<String>>,
    /// The e-mail address.
    pub email: Option<Option<String>>,
    /// The groups it is in, all of them.
    pub groups: Option<Vec<String>>,
    /// Whether nothing it buys is taxed.
    pub tax_exempt: Option<bool>,
    /// Its VAT number in the European Union.
    pub vat_number: Option<Option<String>>,
}

/// Makes a customer. An external id or an e-mail address is required.
#[derive(Clone, Debug)]
pub struct CreateCustomer {
    /// What was sent.
    pub draft: Draft,
}

impl Create<Customer> for CreateCustomer {
    const NAME: &'static str = "customer.create";
    type Reply = ();

    fn create(self, id: CustomerId, cx: &mut Context<'_, Customer>) -> Result<(Customer, ()), Error> {
        let blank = Customer {
            id,
            external_id: None,
            email: None,
            groups: Vec::new(),
            tax: TaxStatus::default(),
            created_at: cx.now(),
        };
        let customer = self.draft.applied_to(blank)?;
        cx.emit(Event::Created);
        Ok((customer, ()))
    }
}

/// Changes a customer. Carts that are for it are quoted with it from their next read.
#[derive(Clone, Debug)]
pub struct UpdateCustomer {
    /// What was sent.
    pub draft: Draft,
}

impl Command<Customer> for UpdateCustomer {
    const NAME: &'static str = "customer.update";
    type Reply = ();

    fn apply(self, customer: &mut Customer, cx: &mut Context<'_, Customer>) -> Result<(), Error> {
        let changed = self.draft.applied_to(customer.clone())?;
        if changed != *customer {
            *customer = changed;
            cx.emit(Event::Updated);
        }
        Ok(())
    }
}

/// Deletes a customer's record. Carts that were for it are nobody's in particular; orders keep their quote.
#[derive(Clone, Debug)]
pub struct DeleteCustomer;

impl Command<Customer> for DeleteCustomer {
    const NAME: &'static str = "customer.delete";
    type Reply = ();

    fn apply(self, _: &mut Customer, cx: &mut Context<'_, Customer>) -> Result<(), Error> {
        cx.emit(Event::Deleted);
        cx.erase();
        Ok(())
    }
}

impl Draft {
    fn applied_to(self, mut customer: Customer) -> Result<Customer, FieldErrors> {
        let mut errors = FieldErrors::default();
        if let Some(sent) = self.external_id {
            let read = sent
                .map(|text| text::line(&text, EXTERNAL_ID_LENGTH_MAX))
                .transpose();
            customer.external_id = errors.take("/external_id", read).flatten();
        }
        if let Some(sent) = self.email {
            let read = sent.map(|text| Email::parse(&text)).transpose();
            customer.email = errors.take("/email", read).flatten();
        }
        if let Some(sent) = self.vat_number {
            let read = sent.map(|text| VatNumber::parse(&text)).transpose();
            customer.tax.vat_number = errors.take("/vat_number", read).flatten();
        }
        if let Some(groups) = self.groups {
            customer.groups = read_groups(&groups, &mut errors);
        }
        customer.tax.exempt = self.tax_exempt.unwrap_or(customer.tax.exempt);
        if errors.is_empty() && customer.external_id.is_none() && customer.email.is_none() {
            let message = "a customer needs an external id or an e-mail address, to be told from others";
            errors.add("/external_id", "customer.without_name", message);
        }
        errors.into_result()?;
        Ok(customer)
    }
}

fn read_groups(groups: &[String], errors: &mut FieldErrors) -> Vec<Handle> {
    if GROUPS_MAX < groups.len() {
        let message = format!("at most {GROUPS_MAX} groups are allowed");
        errors.add("/groups", "customer.too_many_groups", message);
        return Vec::new();
    }
    let mut read = Vec::with_capacity(groups.len());
    for (index, group) in groups.iter().enumerate() {
        read.extend(errors.take(&format!("/groups/{index}"), Handle::parse(group)));
    }
    read.sort_unstable();
    read.dedup();
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;
    use crate::time::Timestamp;
    use uuid::Uuid;

    fn create(draft: Draft) -> Result<Bench<Customer>, Error> {
        let id = CustomerId(Uuid::from_u128(1));
        Bench::create(id, Timestamp::from_millis(0), CreateCustomer { draft })
    }

    fn draft(email: &str, groups: &[&str], vat_number: &str) -> Draft {
        Draft {
            email: Some(Some(email.to_owned())),
            groups: Some(groups.iter().map(|group| (*group).to_owned()).collect()),
            vat_number: Some(Some(vat_number.to_owned())),
            ..Draft::default()
        }
    }

    fn check_refused(draft: Draft, expected: &[(&str, &str)]) {
        let Err(Error::Fields(errors)) = create(draft) else {
            panic!("expected bad fields")
        };
        let listed = errors.as_slice().iter();
        let listed: Vec<(&str, &str)> = listed
            .map(|error| (error.pointer.as_str(), error.code.as_str()))
            .collect();
        assert_eq!(listed, expected);
    }

    #[test]
    fn every_bad_field_of_a_customer_is_listed() {
        check_refused(
            draft("ada", &["vip", "Very Important"], "GB123"),
            &[
                ("/email", "text.not_an_email"),
                ("/vat_number", "tax.invalid_vat_number"),
                ("/groups/1", "catalog.invalid_handle"),
            ],
        );
        check_refused(Draft::default(), &[("/external_id", "customer.without_name")]);
        let crowded = Draft {
            groups: Some(vec!["vip".to_owned(); GROUPS_MAX + 1]),
            ..draft("ada@example.com", &[], "FR40303265045")
        };
        check_refused(crowded, &[("/groups", "customer.too_many_groups")]);
    }

    #[test]
    fn an_update_changes_what_it_names_and_the_same_again_changes_nothing() -> Result<(), Error> {
        let mut customer = create(draft(
            "Ada@Example.com",
            &["vip", "b2b", "vip"],
            "fr 40 303265045",
        ))?;
        let groups: Vec<&str> = customer.entity.groups.iter().map(Handle::as_str).collect();
        assert_eq!(groups, ["b2b", "vip"]);
        let update = UpdateCustomer {
            draft: Draft {
                external_id: Some(Some("A-1".to_owned())),
                email: Some(None),
                tax_exempt: Some(true),
                ..Draft::default()
            },
        };
        customer.run(update.clone())?;
        let Customer {
            email,
            external_id,
            tax,
            ..
        } = &customer.entity;
        assert_eq!(
            (email.is_none(), external_id.as_deref(), tax.exempt),
            (true, Some("A-1"), true)
        );
        let number = tax.vat_number.as_ref().map(VatNumber::as_str);
        assert_eq!((number, customer.events.len()), (Some("FR40303265045"), 2));
        customer.run(update)?;
        assert_eq!(customer.events.len(), 2);
        customer.run(DeleteCustomer)?;
        assert!(customer.erased);
        Ok(())
    }
}
