//! Tables of promotions: one a row, found by its code, or by its name where it has none.

use super::about::About;
use super::columns::{Columns, Values, minor_units};
use super::members::Members;
use rust_decimal::Decimal;
use serde_json::{Value, json};

pub(super) const COLUMNS: Columns = Columns {
    path: "/admin/promotions/import",
    names: &[
        "name",
        "code",
        "requires_code",
        "off",
        "percentage",
        "amount",
        "currency",
        "categories",
        "customer_groups",
        "subtotal_from",
        "quantity_from",
        "starts_at",
        "ends_at",
        "priority",
        "exclusive",
        "usage_limit",
        "usage_limit_per_customer",
        "enabled",
    ],
    needed: &["name"],
    told: &[],
    read: promotion,
    about: |values| {
        vec![match values.get("code") {
            Some(code) => About::once(&["code", &code.to_uppercase()]),
            None => About::once(&["name", values.get_or("name", "")]),
        }]
    },
    shared: None,
};

/// Whether its codes, handles and times are any is the server's to say.
fn promotion(line: u64, values: &mut Values) -> Result<Value, String> {
    let mut promotion = Members::default();
    promotion.put("name", values.needed("name")?);
    promotion.put("code", values.take("code"));
    promotion.put("requires_code", values.choice("requires_code")?);
    let currency = values.take("currency");
    let items = values
        .list("categories")
        .map(|categories| json!({ "categories": categories }));
    let mut money = |name: &str| -> Result<Option<Value>, String> {
        let Some(text) = values.take(name) else {
            return Ok(None);
        };
        let currency = currency
            .as_deref()
            .ok_or_else(|| format!("{name} needs a currency"))?;
        let amount = minor_units(name, &text, currency)?;
        Ok(Some(json!({ "amount": amount, "currency": currency })))
    };
    let (amount, subtotal_from) = (money("amount")?, money("subtotal_from")?);
    let off = values.take("off").unwrap_or_else(|| "order".to_owned());
    if !["order", "lines", "shipping"].contains(&off.as_str()) {
        return Err(format!("off: {off:?} is none of order, lines and shipping"));
    }
    let percentage = values.take("percentage");
    if let Some(text) = percentage
        .as_deref()
        .filter(|text| text.parse::<Decimal>().is_err())
    {
        return Err(format!("percentage: {text:?} is no number; 10 per cent is 0.1"));
    }
    if percentage.is_some() || amount.is_some() {
        promotion.put(
            "actions",
            json!([{ "type": off, "percentage": percentage, "fixed": amount }]),
        );
    }
    let conditions = json!({
        "subtotal_from": subtotal_from,
        "quantity_from": values.number("quantity_from")?,
        "items": items,
        "customer_groups": values.list("customer_groups").unwrap_or_default(),
        "starts_at": values.take("starts_at"),
        "ends_at": values.take("ends_at"),
        "currency": currency,
    });
    promotion.put("conditions", conditions);
    promotion.put("priority", values.number("priority")?);
    promotion.put("exclusive", values.choice("exclusive")?);
    promotion.put("usage_limit", values.number("usage_limit")?);
    promotion.put(
        "usage_limit_per_customer",
        values.number("usage_limit_per_customer")?,
    );
    promotion.put("enabled", values.choice("enabled")?);
    Ok(json!({ "row": line, "promotion": promotion }))
}

#[cfg(test)]
mod tests {
    use super::super::columns::read;
    use super::*;

    #[test]
    fn a_row_is_what_staff_would_send() {
        let row = read(
            &COLUMNS,
            &[
                ("name", "Summer"),
                ("code", "SUMMER-25"),
                ("amount", "5.00"),
                ("currency", "GBP"),
                ("categories", "cups; plates"),
                ("off", "lines"),
                ("enabled", "yes"),
            ],
        );
        let row = row.expect("a row");
        assert_eq!(row["row"], 2);
        let promotion = &row["promotion"];
        assert_eq!(
            (&promotion["code"], &promotion["enabled"]),
            (&json!("SUMMER-25"), &json!(true))
        );
        assert_eq!(
            promotion["conditions"]["items"]["categories"],
            json!(["cups", "plates"])
        );
        let fixed = json!({ "amount": 500, "currency": "GBP" });
        assert_eq!(
            promotion["actions"],
            json!([{ "type": "lines", "percentage": null, "fixed": fixed }])
        );
        assert_eq!(promotion.get("usage_limit"), None);
    }

    #[test]
    fn a_row_that_says_nonsense_says_which() {
        let check = |texts: &[(&str, &str)], reason: &str| {
            assert_eq!(read(&COLUMNS, texts), Err(reason.to_owned()));
        };
        check(&[], "it has no name");
        check(&[("name", "x"), ("amount", "5")], "amount needs a currency");
        check(
            &[("name", "x"), ("off", "tax")],
            "off: \"tax\" is none of order, lines and shipping",
        );
        check(
            &[("name", "x"), ("priority", "high")],
            "priority: \"high\" is no whole number",
        );
        check(
            &[("name", "x"), ("enabled", "si")],
            "enabled: \"si\" is neither yes nor no",
        );
    }
}
