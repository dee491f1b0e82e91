//! Tables of store credit that customers have from elsewhere: one customer and currency a row.

use super::about::About;
use super::columns::{Columns, Values};
use cartwright_domain::text::Email;
use serde_json::{Value, json};

pub(super) const COLUMNS: Columns = Columns {
    path: "/admin/store-credit/import",
    names: &["customer", "amount", "currency", "reason"],
    needed: &["customer", "amount", "currency", "reason"],
    told: &[],
    read: credit,
    about: |values| {
        let customer = values.get_or("customer", "");
        let address = customer.contains('@').then(|| Email::compare_key_of(customer));
        let customer = address.as_deref().unwrap_or(customer);
        vec![About::once(&[customer, values.get_or("currency", "")])]
    },
    shared: None,
};

/// Whether there is such a customer is the server's to say.
fn credit(line: u64, values: &mut Values) -> Result<Value, String> {
    Ok(json!({
        "row": line,
        "customer": values.needed("customer")?,
        "amount": values.money("amount")?,
        "reason": values.needed("reason")?,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::columns::read;
    use super::*;

    #[test]
    fn a_row_is_an_amount_for_a_reason() {
        let texts = [
            ("customer", "A-1"),
            ("amount", "3.50"),
            ("currency", "GBP"),
            ("reason", "moved"),
        ];
        let expected = json!({
            "row": 2, "customer": "A-1", "amount": { "amount": 350, "currency": "GBP" }, "reason": "moved",
        });
        assert_eq!(read(&COLUMNS, &texts), Ok(expected));
        assert_eq!(read(&COLUMNS, &texts[..3]), Err("it has no reason".to_owned()));
    }
}
