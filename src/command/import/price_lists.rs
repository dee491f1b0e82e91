//! Tables of prices by lists: one price of one variant a row. The list is found by its name, the variant by its SKU.

use super::about::About;
use super::columns::{Columns, Shared, Values, spelled, spelled_parts};
use super::members::Members;
use serde_json::{Value, json};

pub(super) const COLUMNS: Columns = Columns {
    path: "/admin/price-lists/import",
    names: &[
        "list",
        "sku",
        "price",
        "currency",
        "from_quantity",
        "groups",
        "priority",
        "valid_from",
        "valid_until",
        "enabled",
    ],
    needed: &["list", "sku", "price", "currency"],
    told: &[],
    read: list_price,
    about: |values| {
        vec![About::once(&[
            values.get_or("list", ""),
            values.get_or("sku", ""),
            values.get_or("currency", ""),
            &spelled(values.get_or("from_quantity", "1")),
        ])]
    },
    shared: Some(Shared {
        by: "list",
        columns: &[
            ("groups", spelled_parts),
            ("priority", spelled),
            ("valid_from", spelled),
            ("valid_until", spelled),
            ("enabled", spelled),
        ],
    }),
};

/// Whether its SKU, currency and times are any is the server's to say.
fn list_price(line: u64, values: &mut Values) -> Result<Value, String> {
    let mut list = Members::default();
    list.put("name", values.needed("list")?);
    list.put("groups", values.list("groups"));
    list.put("priority", values.number("priority")?);
    list.put("valid_from", values.take("valid_from"));
    list.put("valid_until", values.take("valid_until"));
    list.put("enabled", values.choice("enabled")?);
    Ok(json!({
        "row": line,
        "price_list": list,
        "sku": values.needed("sku")?,
        "from_quantity": values.number("from_quantity")?,
        "price": values.price("price")?,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::columns::read;
    use super::*;

    #[test]
    fn a_row_names_list_variant_and_price() {
        let texts = [
            ("list", "Trade"),
            ("sku", "CUP-1"),
            ("price", "3.50"),
            ("currency", "GBP"),
            ("groups", "trade"),
        ];
        let expected = json!({
            "row": 2,
            "price_list": { "name": "Trade", "groups": ["trade"] },
            "sku": "CUP-1",
            "from_quantity": null,
            "price": { "unit_price": "3.50", "currency": "GBP" },
        });
        assert_eq!(read(&COLUMNS, &texts), Ok(expected));
        assert_eq!(read(&COLUMNS, &texts[1..]), Err("it has no list".to_owned()));
    }
}
