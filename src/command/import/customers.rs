//! Tables of customers: one a row, found by what another system calls it, or by its e-mail address.

use super::about::About;
use super::columns::{Columns, Values};
use super::members::Members;
use cartwright_domain::text::Email;
use serde_json::{Value, json};

pub(super) const COLUMNS: Columns = Columns {
    path: "/admin/customers/import",
    names: &["external_id", "email", "groups", "tax_exempt", "vat_number"],
    needed: &[],
    told: &[],
    read: customer,
    about: |values| {
        let id = values.get("external_id").map(|id| About::once(&["id", id]));
        let email = values.get("email").map(Email::compare_key_of);
        let email = email.map(|email| About::once(&["email", &email]));
        id.into_iter().chain(email).collect()
    },
    shared: None,
};

/// Whether they are an address, groups and a number is the server's to say.
fn customer(line: u64, values: &mut Values) -> Result<Value, String> {
    let mut customer = Members::default();
    let (external_id, email) = (values.take("external_id"), values.take("email"));
    if external_id.is_none() && email.is_none() {
        return Err("it has neither external_id nor email, of which one is needed".to_owned());
    }
    customer.put("external_id", external_id);
    customer.put("email", email);
    customer.put("groups", values.list("groups"));
    customer.put("tax_exempt", values.choice("tax_exempt")?);
    customer.put("vat_number", values.take("vat_number"));
    Ok(json!({ "row": line, "customer": customer }))
}

#[cfg(test)]
mod tests {
    use super::super::columns::read;
    use super::*;

    #[test]
    fn a_row_is_what_staff_would_send() {
        let texts = [
            ("email", "ada@example.com"),
            ("groups", "trade; vip"),
            ("tax_exempt", "no"),
        ];
        let expected = json!({
            "row": 2,
            "customer": { "email": "ada@example.com", "groups": ["trade", "vip"], "tax_exempt": false },
        });
        assert_eq!(read(&COLUMNS, &texts), Ok(expected));
        let nobody = "it has neither external_id nor email, of which one is needed";
        assert_eq!(read(&COLUMNS, &texts[1..]), Err(nobody.to_owned()));
    }
}
