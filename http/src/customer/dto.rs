//! Customers on the wire.

use crate::answer::versioned;
use crate::dto::{Time, nullable};
use crate::extract::{Change, Null};
use cartwright_actors::Shown;
use cartwright_actors::customer::CustomerRef;
use cartwright_domain::customer;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

/// A record that staff keep of somebody who buys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Customer {
    /// Its id.
    #[schema(example = "cus_0192f3a4b5c67d8e9fa0b1c2d3e4f506")]
    pub(super) id: String,
    /// What another system calls it.
    external_id: Option<String>,
    /// The e-mail address.
    email: Option<String>,
    /// The groups it is in.
    #[schema(example = json!(["wholesale"]))]
    groups: Vec<String>,
    /// Is nothing it buys taxed?
    tax_exempt: bool,
    /// Its VAT number in the European Union.
    #[schema(example = "FR40303265045")]
    vat_number: Option<String>,
    /// When the record was made.
    created_at: Time,
    /// How often it was changed.
    version: u64,
}

/// A customer to be made, or changes to one: then, what is absent stays and `null` clears. One of `external_id` and
/// `email` is needed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct CustomerInput {
    /// What another system calls it; unique.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, min_length = 1)]
    external_id: Option<Option<String>>,
    /// The e-mail address; unique, in letters of either case.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, example = "ada@example.com")]
    email: Option<Option<String>>,
    /// All the groups it is in, by their handles.
    #[schema(example = json!(["wholesale"]))]
    groups: Option<Vec<String>>,
    /// Is nothing it buys taxed? No when absent.
    tax_exempt: Option<bool>,
    /// Its VAT number in the European Union. What looks like one is taken.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, example = "FR40303265045")]
    vat_number: Option<Option<String>>,
}

/// Which customer is looked for; every one without either, and with both the one that has both.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ByName {
    /// What another system calls it, exactly.
    external_id: Option<String>,
    /// Its e-mail address, in letters of either case.
    email: Option<String>,
}

impl ByName {
    /// Returns all that a customer is looked for by.
    pub(super) fn names(self) -> impl Iterator<Item = CustomerRef> {
        let external_id = self.external_id.map(CustomerRef::ExternalId);
        external_id.into_iter().chain(self.email.map(CustomerRef::Email))
    }
}

versioned!(Customer);

impl From<&Shown<customer::Customer>> for Customer {
    fn from(shown: &Shown<customer::Customer>) -> Self {
        let customer = &shown.state;
        Self {
            id: customer.id.to_string(),
            external_id: customer.external_id.clone(),
            email: customer.email.as_ref().map(ToString::to_string),
            groups: customer.groups.iter().map(ToString::to_string).collect(),
            tax_exempt: customer.tax.exempt,
            vat_number: customer.tax.vat_number.as_ref().map(ToString::to_string),
            created_at: customer.created_at.into(),
            version: shown.revision.0,
        }
    }
}

impl Change for CustomerInput {
    fn null(field: &str) -> Null {
        match field {
            "groups" => Null::Becomes(json!([])),
            "tax_exempt" => Null::Becomes(json!(false)),
            _ => Null::Read,
        }
    }
}

impl From<CustomerInput> for customer::Draft {
    fn from(input: CustomerInput) -> Self {
        Self {
            external_id: input.external_id,
            email: input.email,
            groups: input.groups,
            tax_exempt: input.tax_exempt,
            vat_number: input.vat_number,
        }
    }
}
