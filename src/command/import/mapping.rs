//! Which column holds which field, and how its text is read.

use super::about::About;
use super::columns::{parts, whole};
use super::{Good, ImportRow, Price, Refused};
use crate::cli::Preset;
use crate::money::UnitPrice;
use crate::table::{Row, Wanted};
use anyhow::bail;
use std::collections::BTreeMap;

/// The fields a column can be mapped to, as the wire names them.
const FIELDS: [&str; 10] = [
    "sku",
    "title",
    "price",
    "currency",
    "tax_category",
    "weight_grams",
    "image_url",
    "status",
    "stock",
    "categories",
];

/// The field that every row needs.
const SKU: &str = FIELDS[0];

/// The columns of the catalog derived from the "Online Retail" data set.
const ONLINE_RETAIL: &str = "sku=StockCode,title=Description,price=modal_price_gbp";

/// Which column holds which field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    /// The column of each of [`FIELDS`] that has one.
    columns: [Option<Wanted>; FIELDS.len()],
    /// The currency of the file's prices, where the layout fixes it.
    pub(super) currency: Option<&'static str>,
}

impl Mapping {
    /// Reads the arguments. Columns that they do not name have the fields' own names.
    ///
    /// # Errors
    /// The text of `--map` is wrong, and how it should be.
    pub(super) fn of(preset: Option<Preset>, map: Option<&str>) -> anyhow::Result<Self> {
        match (preset, map) {
            (Some(Preset::OnlineRetail), _) => Ok(Self {
                currency: Some("GBP"),
                ..Self::parse(ONLINE_RETAIL)?
            }),
            (_, Some(text)) => Self::parse(text),
            // A set of files, which is read elsewhere.
            (None | Some(Preset::CompleteJourney), None) => Ok(Self::given(&BTreeMap::new())),
        }
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut given = BTreeMap::new();
        for pair in text.split(',') {
            let Some((field, column)) = pair.split_once('=') else {
                bail!("--map: {pair:?} is not FIELD=COLUMN; write for example --map sku=Code,price=Price");
            };
            let (field, column) = (field.trim(), column.trim());
            if !FIELDS.contains(&field) {
                bail!(
                    "--map: there is no field {field:?}; the fields are {}",
                    FIELDS.join(", ")
                );
            }
            if (field, column) == (SKU, "") {
                bail!("--map: name the column of {field}, which every row needs, for example {field}=Column");
            }
            if given.insert(field, column).is_some() {
                bail!("--map: {field} is mapped twice; keep one of them");
            }
        }
        Ok(Self::given(&given))
    }

    /// Returns the mapping by which fields are in the columns given, or in none where that has no name, and those not named
    /// in columns of their own names.
    fn given(given: &BTreeMap<&str, &str>) -> Self {
        let columns = FIELDS.map(|field| match given.get(field) {
            Some(&"") => None,
            Some(column) => Some(Wanted::required(column)),
            None if given.values().any(|column| *column == field) => None,
            None => Some(Wanted {
                column: field.to_owned(),
                required: field == SKU,
            }),
        });
        Self {
            columns,
            currency: None,
        }
    }

    /// Returns the columns to read, in the order [`Mapping::read`] expects them.
    pub(super) fn wanted(&self) -> Vec<Wanted> {
        self.columns.iter().flatten().cloned().collect()
    }

    /// Makes of a row what is sent.
    ///
    /// # Errors
    /// [`Refused`] with the first thing that is wrong.
    pub(super) fn good(&self, row: &Row, currency: &str) -> Result<Good, Refused> {
        let row = self.read(row, currency)?;
        let (subject, about) = (row.sku.clone(), vec![About::once(&[&row.sku])]);
        match serde_json::to_value(row) {
            Ok(sent) => Ok(Good { sent, subject, about }),
            Err(error) => Err(Refused {
                subject,
                reason: error.to_string(),
            }),
        }
    }

    fn read(&self, row: &Row, currency: &str) -> Result<ImportRow, Refused> {
        let values = match &row.values {
            Ok(values) => values,
            Err(reason) => {
                return Err(Refused {
                    subject: String::new(),
                    reason: reason.clone(),
                });
            }
        };
        let mut values = values.iter();
        let mut fields = [const { None }; FIELDS.len()];
        for (field, column) in fields.iter_mut().zip(&self.columns) {
            if column.is_some() {
                *field = values
                    .next()
                    .and_then(Option::as_deref)
                    .map(str::trim)
                    .filter(|text| !text.is_empty());
            }
        }
        let [
            sku,
            title,
            price,
            priced_in,
            tax_category,
            weight_grams,
            image_url,
            status,
            stock,
            categories,
        ] = fields;
        let Some(sku) = sku else {
            return Err(Refused {
                subject: String::new(),
                reason: "it has no SKU; every row needs one".to_owned(),
            });
        };
        let refused = |reason: String| Refused {
            subject: sku.to_owned(),
            reason,
        };
        let text = |field: Option<&str>| field.map(str::to_owned);
        Ok(ImportRow {
            row: row.line,
            sku: sku.to_owned(),
            title: text(title),
            price: price
                .map(|price| read_price(price, priced_in.unwrap_or(currency)))
                .transpose()
                .map_err(refused)?,
            tax_category: text(tax_category),
            weight_grams: weight_grams
                .map(|text| read_number("weight_grams", text))
                .transpose()
                .map_err(refused)?,
            image_url: text(image_url),
            categories: categories.map(parts),
            status: text(status),
            stock: stock
                .map(|text| read_number("stock", text))
                .transpose()
                .map_err(refused)?,
        })
    }
}

fn read_price(text: &str, currency: &str) -> Result<Price, String> {
    let price: UnitPrice = text.parse().map_err(|error| format!("price: {error}"))?;
    if price.is_negative() {
        return Err(format!("price: {text} is below zero; a price is 0 or more"));
    }
    Ok(Price {
        unit_price: price.to_string(),
        currency: currency.to_owned(),
    })
}

fn read_number<T: std::str::FromStr>(field: &str, text: &str) -> Result<T, String> {
    whole(text)
        .parse()
        .map_err(|_| format!("{field}: {text:?} is not a whole number from 0, or is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_map_refused(map: &str, part: &str) {
        let error = Mapping::of(None, Some(map)).expect_err("the mapping is wrong");
        assert!(error.to_string().contains(part), "{error}");
    }

    fn row(values: &[&str]) -> Row {
        let value = |text: &&str| Some((*text).to_owned()).filter(|text| !text.is_empty());
        Row {
            line: 7,
            values: Ok(values.iter().map(value).collect()),
        }
    }

    /// Reads a row that has these values in the columns that are mapped.
    fn read(map: &str, values: &[&str]) -> Result<ImportRow, Refused> {
        let mapping = Mapping::of(None, Some(map)).expect("the mapping is right");
        let mapped = map.split(',').filter_map(|pair| pair.split_once('='));
        let given: Vec<_> = mapped.map(|(_, column)| column).zip(values).collect();
        let value = |wanted: Wanted| {
            let found = given.iter().find(|(column, _)| *column == wanted.column);
            found.map_or("", |(_, value)| value)
        };
        let values: Vec<&str> = mapping.wanted().into_iter().map(value).collect();
        mapping.read(&row(&values), "GBP")
    }

    fn check_row_refused(map: &str, values: &[&str], sku: &str, part: &str) {
        let refused = read(map, values).expect_err("the row is wrong");
        assert_eq!(refused.subject, sku);
        assert!(refused.reason.contains(part), "{}", refused.reason);
    }

    #[test]
    fn a_mapping_that_is_wrong_says_how_it_should_be() {
        check_map_refused("sku", "is not FIELD=COLUMN");
        check_map_refused("sku=A,colour=B", "the fields are sku, title, price");
        check_map_refused("sku=A,sku=B", "mapped twice");
        check_map_refused("sku=", "name the column of sku");
    }

    #[test]
    fn every_field_is_read_from_its_column() {
        let map = "stock=On hand,categories=G,sku=Code,title=T,price=P,tax_category=X,weight_grams=W,image_url=I,status=S";
        let mapping = Mapping::of(None, Some(map)).expect("the mapping is right");
        let columns: Vec<String> = mapping.wanted().into_iter().map(|wanted| wanted.column).collect();
        assert_eq!(
            columns,
            ["Code", "T", "P", "currency", "X", "W", "I", "S", "On hand", "G"]
        );
        let values = [
            "BANK CHARGES",
            " Fee ",
            "15.00",
            "EUR",
            "zero",
            "250",
            "https://i/1.jpg",
            "draft",
            "3",
            "fees; bank",
        ];
        let expected = ImportRow {
            row: 7,
            sku: "BANK CHARGES".to_owned(),
            title: Some("Fee".to_owned()),
            price: Some(Price {
                unit_price: "15".to_owned(),
                currency: "EUR".to_owned(),
            }),
            tax_category: Some("zero".to_owned()),
            weight_grams: Some(250),
            image_url: Some("https://i/1.jpg".to_owned()),
            categories: Some(vec!["fees".to_owned(), "bank".to_owned()]),
            status: Some("draft".to_owned()),
            stock: Some(3),
        };
        assert_eq!(mapping.read(&row(&values), "GBP"), Ok(expected));
    }

    #[test]
    fn what_is_missing_is_left_to_the_server() {
        let read = read("sku=A,title=B,price=C", &["10002", "", ""]).expect("only the SKU is needed");
        assert_eq!((read.sku.as_str(), read.title, read.price), ("10002", None, None));
    }

    #[test]
    fn a_row_that_is_wrong_says_what_would_be_right() {
        check_row_refused("sku=A,title=B", &["", "x"], "", "every row needs one");
        check_row_refused("sku=A,price=B", &["1", "free"], "1", "\"free\" is not a price");
        check_row_refused("sku=A,price=B", &["1", "-1"], "1", "a price is 0 or more");
        check_row_refused(
            "sku=A,weight_grams=B",
            &["1", "1.5"],
            "1",
            "weight_grams: \"1.5\" is not a whole number",
        );
        check_row_refused("sku=A,stock=B", &["1", "many"], "1", "stock: \"many\"");
        check_row_refused("sku=A,stock=B", &["1", "1.05"], "1", "stock: \"1.05\"");
        check_row_refused(
            "sku=A,stock=B",
            &["1", "-1"],
            "1",
            "stock: \"-1\" is not a whole number from 0",
        );
    }

    #[test]
    fn the_preset_reads_the_online_retail_catalog() {
        let mapping = Mapping::of(Some(Preset::OnlineRetail), None).expect("the preset is right");
        assert_eq!(mapping.currency, Some("GBP"));
        let needed = mapping.wanted().into_iter().filter(|wanted| wanted.required);
        let needed: Vec<String> = needed.map(|wanted| wanted.column).collect();
        assert_eq!(needed, ["StockCode", "Description", "modal_price_gbp"]);
    }

    #[test]
    fn what_is_not_mapped_has_a_column_of_its_own_name_or_none() {
        let check = |map: &str, expected: &[(&str, bool)]| {
            let wanted = Mapping::of(None, Some(map))
                .expect("the mapping is right")
                .wanted();
            let wanted: Vec<(&str, bool)> = wanted
                .iter()
                .map(|wanted| (wanted.column.as_str(), wanted.required))
                .filter(|(column, _)| ["Code", "sku", "stock", "price", "On hand"].contains(column))
                .collect();
            assert_eq!(wanted, expected, "{map}");
        };
        check("sku=Code", &[("Code", true), ("price", false), ("stock", false)]);
        check("sku=Code,stock=", &[("Code", true), ("price", false)]);
        check(
            "stock=On hand",
            &[("sku", true), ("price", false), ("On hand", true)],
        );
        check("title=price", &[("sku", true), ("price", true), ("stock", false)]);
    }

    #[test]
    fn without_a_mapping_only_the_sku_must_be_there() {
        let mapping = Mapping::of(None, None).expect("the fields' own names");
        let required: Vec<String> = mapping
            .wanted()
            .into_iter()
            .filter(|wanted| wanted.required)
            .map(|wanted| wanted.column)
            .collect();
        assert_eq!(required, ["sku"]);
    }
}
