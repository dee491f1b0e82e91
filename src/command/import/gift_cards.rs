//! Tables of gift cards that were issued elsewhere: one a row, found by its code, which no report shows.

use super::columns::{Columns, Values};
use serde_json::{Value, json};

pub(super) const COLUMNS: Columns = Columns {
    path: "/admin/gift-cards/import",
    names: &[
        "code",
        "balance",
        "currency",
        "expires_at",
        "customer",
        "email",
        "note",
    ],
    needed: &["code", "balance", "currency"],
    told: &[],
    read: gift_card,
    about: |_| Vec::new(),
    shared: None,
};

/// Whether it is a code, and how much may be on a card, is the server's to say.
fn gift_card(line: u64, values: &mut Values) -> Result<Value, String> {
    let gift_card = json!({
        "code": values.needed("code")?,
        "amount": values.money("balance")?,
        "expires_at": values.take("expires_at"),
        "email": values.take("email"),
        "note": values.take("note"),
    });
    Ok(json!({ "row": line, "gift_card": gift_card, "customer": values.take("customer") }))
}

#[cfg(test)]
mod tests {
    use super::super::columns::read;
    use super::*;

    #[test]
    fn a_row_is_a_card_with_its_balance_and_no_reason_names_its_code() {
        let check = |code, balance, currency, expected: Result<i64, &str>| {
            let texts = [("code", code), ("balance", balance), ("currency", currency)];
            let row = read(&COLUMNS, &texts).map(|row| row["gift_card"]["amount"]["amount"].clone());
            assert_eq!(row, expected.map(Value::from).map_err(str::to_owned));
        };
        check("OLD-CARD-0001", "12.5", "GBP", Ok(1250));
        check("OLD-CARD-0001", "500", "JPY", Ok(500));
        check("", "12.50", "GBP", Err("it has no code"));
        check("OLD-CARD-0001", "", "GBP", Err("it has no balance"));
        check(
            "OLD-CARD-0001",
            "12.505",
            "GBP",
            Err("balance: 12.505 has more digits than GBP"),
        );
        check("OLD-CARD-0001", "12.50", "", Err("it has no currency"));
    }
}
