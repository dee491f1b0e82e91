//! Files whose columns have fixed names: each row becomes what the server takes, and the server judges it.

use super::about::{About, Said};
use super::{Good, Refused};
use crate::table::{Others, Row, Table, Wanted, nearly, nearly_or_shortened};
use cartwright_domain::money::{Currency, Price};
use cartwright_http::instant;
use serde_json::{Value, json};
use std::path::Path;

/// A sort of file.
pub(super) struct Columns {
    /// The server's path for its rows.
    pub(super) path: &'static str,
    /// The names of its columns.
    pub(super) names: &'static [&'static str],
    /// Those that a file must have.
    pub(super) needed: &'static [&'static str],
    /// What else an export tells, which is nothing to import.
    pub(super) told: &'static [&'static str],
    /// Makes of a row, its line and its values, what the server takes.
    pub(super) read: fn(u64, &mut Values) -> Result<Value, String>,
    /// Returns what a row is about, as the server finds it. Of two rows that say different things of one each would undo
    /// the other, in every run; nothing where the server takes only the first.
    pub(super) about: fn(&Values) -> Vec<About>,
    /// What several rows may be about, and say something of.
    pub(super) shared: Option<Shared>,
}

/// Spells a value as every other one that says the same.
type Spelled = fn(&str) -> String;

/// Something that several rows of a file are about.
pub(super) struct Shared {
    /// The column that names it.
    pub(super) by: &'static str,
    /// The columns that say something of it, which its first row says for all, and how each is spelled for comparison.
    pub(super) columns: &'static [(&'static str, Spelled)],
}

impl Columns {
    /// Opens a file of this sort.
    ///
    /// # Errors
    /// The file cannot be read, or a needed column is not in its heading, or one is that is neither one of these nor to be
    /// ignored: a condition that is passed over would hold for everybody.
    pub(super) fn open(&self, path: &Path, ignored: &[String]) -> anyhow::Result<Table> {
        let others = Others::refused().but(self.told).but(ignored);
        open(path, self.names, self.needed, others)
    }

    /// Returns the columns of a file in which rows may say something of what several of them are about.
    pub(super) fn of_shared(&self, table: &Table) -> Vec<&'static str> {
        let shared = self.shared.iter().flat_map(|shared| shared.columns);
        shared
            .map(|(column, _)| *column)
            .filter(|column| table.may_have(column))
            .collect()
    }

    /// Makes of a row what is sent.
    ///
    /// # Errors
    /// [`Refused`] with the first thing that is wrong.
    pub(super) fn good(&self, row: &Row, said: &mut Said) -> Result<Good, Refused> {
        let mut good = || {
            let mut values = Values::of(self.names, row).inspect_err(|_| said.miss(row.line))?;
            if let Some(shared) = &self.shared {
                said.fill(row.line, shared, &mut values)?;
            }
            let about = (self.about)(&values);
            let sent = (self.read)(row.line, &mut values)?;
            Ok((sent, about))
        };
        // What it is about a report does not show: it may be a code that is as good as money.
        let subject = String::new();
        match good() {
            Ok((sent, about)) => Ok(Good { sent, about, subject }),
            Err(reason) => Err(Refused { subject, reason }),
        }
    }
}

/// Words in the names of columns that say what a variant's stock is.
const OF_STOCK: [&str; 7] = [
    "stock",
    "inventory",
    "quantity",
    "qty",
    "hand",
    "available",
    "availability",
];
/// What such columns are called where the words stand together.
const JOINED_OF_STOCK: [&str; 10] = [
    "quantity",
    "inventory",
    "inventoryqty",
    "inventoryquantity",
    "onhand",
    "instock",
    "stockqty",
    "stockquantity",
    "stocklevel",
    "stockonhand",
];
/// Words beside them in the names of columns that say something else.
const NOT_OF_STOCK: [&str; 17] = [
    "min",
    "minimum",
    "max",
    "maximum",
    "from",
    "per",
    "pack",
    "low",
    "threshold",
    "reorder",
    "policy",
    "tracker",
    "status",
    "backorder",
    "backorders",
    "sold",
    "location",
];

/// Tells whether a column of a catalog is nearly called as a field. What says a variant's stock elsewhere, or the currency
/// of its price, is known by its words, too: without it the variant never runs out, or costs something else.
pub(super) fn alike_in_catalog(column: &str, name: &str) -> bool {
    let words = words_of(column);
    let has = |of: &[&str]| words.iter().any(|word| of.contains(&&**word));
    let joined = words.concat();
    let is_stock = has(&OF_STOCK) || JOINED_OF_STOCK.iter().any(|other| nearly(&joined, other));
    nearly(column, name)
        || name == "stock" && is_stock && !has(&NOT_OF_STOCK)
        || name == "currency" && has(&["currency"])
}

/// Returns the words of a column's name, in small letters: between other signs, and where a small letter meets a capital.
fn words_of(column: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for char in column.chars() {
        if !char.is_alphanumeric() || was_small && char.is_uppercase() {
            words.push(String::new());
        }
        was_small = char.is_lowercase();
        if let Some(word) = words.last_mut().filter(|_| char.is_alphanumeric()) {
            word.extend(char.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn open(path: &Path, names: &[&str], needed: &[&str], others: Others) -> anyhow::Result<Table> {
    let wanted = |name: &&str| Wanted {
        column: (*name).to_owned(),
        required: needed.contains(name),
    };
    let wanted: Vec<Wanted> = names.iter().map(wanted).collect();
    Table::open(path, &wanted, others)
}

/// A table whose columns have fixed names, read row by row.
pub(crate) struct NamedTable {
    names: &'static [&'static str],
    table: Table,
}

impl NamedTable {
    /// Opens a table and finds its columns.
    ///
    /// # Errors
    /// As of [`Columns::open`].
    pub(crate) fn open(path: &Path, names: &'static [&'static str], needed: &[&str]) -> anyhow::Result<Self> {
        let others = Others::passed_over(nearly_or_shortened);
        let table = open(path, names, needed, others)?;
        Ok(Self { names, table })
    }

    /// Reads the next row: its line, and what stands in it or why it cannot be read. Nothing after the last.
    ///
    /// # Errors
    /// The file cannot be read on.
    pub(crate) fn next_row(&mut self) -> anyhow::Result<Option<(u64, Result<Values, String>)>> {
        let row = self.table.next_row()?;
        Ok(row.map(|row| (row.line, Values::of(self.names, &row))))
    }

    /// Returns how much of the file has been read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.table.bytes_read()
    }
}

/// What stands in a row's columns.
pub(crate) struct Values {
    names: &'static [&'static str],
    texts: Vec<Option<String>>,
}

impl Values {
    /// Reads the values of a row, without blanks around them.
    fn of(names: &'static [&'static str], row: &Row) -> Result<Self, String> {
        let given = |value: Option<String>| {
            let text = value?.trim().to_owned();
            (!text.is_empty()).then_some(text)
        };
        let texts = row.values.clone()?.into_iter().map(given).collect();
        Ok(Self { names, texts })
    }

    /// Returns the value of a column and leaves it there; none where it is blank.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let at = self.names.iter().position(|own| *own == name)?;
        self.texts[at].as_deref()
    }

    /// Returns the value of a column, or another where it is blank.
    pub(super) fn get_or<'a>(&'a self, name: &str, otherwise: &'a str) -> &'a str {
        self.get(name).unwrap_or(otherwise)
    }

    /// Puts a value into a column.
    pub(super) fn put(&mut self, name: &str, value: Option<String>) {
        if let Some(at) = self.names.iter().position(|own| *own == name) {
            self.texts[at] = value;
        }
    }

    /// Takes the value of a column out; none where it is blank.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.names.iter().position(|own| *own == name)?;
        self.texts.get_mut(at)?.take()
    }

    /// Takes out a value that must be there.
    pub(crate) fn needed(&mut self, name: &str) -> Result<String, String> {
        self.take(name).ok_or_else(|| format!("it has no {name}"))
    }

    /// Takes out a value that is a whole number, if it is there.
    pub(crate) fn number(&mut self, name: &str) -> Result<Option<i64>, String> {
        let text = self.take(name);
        let number = text.map(|text| {
            whole(&text)
                .parse()
                .map_err(|_| format!("{name}: {text:?} is no whole number"))
        });
        number.transpose()
    }

    /// Takes out a value that is `yes` or `no`, if it is there.
    pub(crate) fn choice(&mut self, name: &str) -> Result<Option<bool>, String> {
        let Some(text) = self.take(name) else {
            return Ok(None);
        };
        match choice(&text) {
            None => Err(format!("{name}: {text:?} is neither yes nor no")),
            choice => Ok(choice),
        }
    }

    /// Takes out a point in time or a date, if it is there, as the wire has it.
    pub(crate) fn time(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.take(name) {
            Some(text) if instant(&text).is_err() => {
                Err(format!("{name}: {text:?} is neither a point in time nor a date"))
            }
            read => Ok(read),
        }
    }

    /// Takes out an amount in a column that must be there, with its currency, as the wire has it.
    pub(crate) fn money(&mut self, name: &str) -> Result<Value, String> {
        let (text, currency) = (self.needed(name)?, self.needed("currency")?);
        let amount = minor_units(name, &text, &currency)?;
        if amount < 0 {
            return Err(format!("{name}: {text} is less than nothing"));
        }
        Ok(json!({ "amount": amount, "currency": currency }))
    }

    /// Takes out a price in a column that must be there, and the currency that must stand in another.
    pub(crate) fn price(&mut self, name: &str) -> Result<Value, String> {
        let (text, currency) = (self.needed(name)?, self.needed("currency")?);
        // Whether it is a currency is the server's to say.
        if let Ok(currency) = currency.parse::<Currency>() {
            let price = Price::parse(&text, currency).map_err(|error| format!("{name}: {error}"))?;
            if price.decimal().is_sign_negative() {
                return Err(format!("{name}: {text} is less than nothing"));
            }
        }
        Ok(json!({ "unit_price": text, "currency": currency }))
    }

    /// Takes out the parts of a value, with `;` between them, if it is there.
    pub(crate) fn list(&mut self, name: &str) -> Option<Vec<String>> {
        self.take(name).map(|text| parts(&text))
    }
}

fn choice(text: &str) -> Option<bool> {
    match &*text.to_lowercase() {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => None,
    }
}

/// Returns a value spelled as every other one that says the same: times, whole numbers and choices.
pub(super) fn spelled(text: &str) -> String {
    if let Ok(at) = instant(text) {
        return at.millis().to_string();
    }
    if let Ok(number) = whole(text).parse::<i64>() {
        return number.to_string();
    }
    if let Some(choice) = choice(text) {
        return choice.to_string();
    }
    text.to_owned()
}

/// Returns parts spelled as every other value that has the same ones, in any order.
pub(super) fn spelled_parts(text: &str) -> String {
    let mut parts = parts(text);
    parts.sort_unstable();
    parts.dedup();
    parts.join(";")
}

/// Returns a whole number without the noughts behind its point, as spreadsheets and other shops write it. Three of them
/// may be a thousand's.
pub(super) fn whole(text: &str) -> &str {
    let is_whole =
        |(_, behind): &(&str, &str)| behind.len() != 3 && behind.bytes().all(|digit| digit == b'0');
    text.split_once('.')
        .filter(is_whole)
        .map_or(text, |(whole, _)| whole)
}

/// Splits a value into its parts, with `;` between, and maybe one behind the last.
pub(super) fn parts(text: &str) -> Vec<String> {
    let parts = text.strip_suffix(';').unwrap_or(text).split(';');
    parts.map(|part| part.trim().to_owned()).collect()
}

/// Returns an amount that is written in the currency's major unit in its minor ones.
///
/// # Errors
/// Which column says what that is none.
pub(super) fn minor_units(column: &str, text: &str, currency: &str) -> Result<i64, String> {
    let currency: Currency = currency.parse().map_err(|error| format!("currency: {error}"))?;
    let price = Price::parse(text, currency).map_err(|error| format!("{column}: {error}"))?;
    let whole = price.whole().map(|money| money.amount);
    whole.ok_or_else(|| format!("{column}: {text} has more digits than {currency}"))
}

/// Reads a row of texts as a file would hold it.
#[cfg(test)]
pub(super) fn read(columns: &Columns, texts: &[(&str, &str)]) -> Result<Value, String> {
    let of = |name: &&str| {
        let found = texts.iter().find(|(own, _)| own == name);
        found.map(|(_, text)| (*text).to_owned())
    };
    let row = Row {
        line: 2,
        values: Ok(columns.names.iter().map(of).collect()),
    };
    (columns.read)(row.line, &mut Values::of(columns.names, &row)?)
}

#[cfg(test)]
mod tests {
    use super::super::{gift_cards, price_lists, promotions};
    use super::*;

    #[test]
    fn what_says_stock_or_currency_elsewhere_is_known_by_its_words() {
        let check = |column, name, is_alike| {
            assert_eq!(alike_in_catalog(column, name), is_alike, "{column}");
        };
        for column in [
            "stok",
            "Stck",
            "Stock Qty",
            "stock-quantity",
            "In stock",
            "quantity",
            "Inventory",
            "Variant Inventory Qty",
            "count_on_hand",
            "Current Stock",
            "Units in stock",
            "Available",
            "stockQuantity",
            "StockLevel",
            "OnHand",
            "onhand",
            "instock",
            "stockqty",
            "quantitiy",
            "inventroy",
            "INVENTORYQUANTITY",
        ] {
            check(column, "stock", true);
        }
        for column in [
            "store",
            "size",
            "list",
            "min_quantity",
            "in",
            "Variant Inventory Policy",
            "Low stock threshold",
            "handmade",
            "Sock size",
            "Image quality",
            "available_from",
        ] {
            check(column, "stock", false);
        }
        check("currency_code", "currency", true);
        check("currencyCode", "currency", true);
        check("card", "currency", false);
        check("category", "categories", true);
        check("category", "tax_category", false);
        check("enabled", "status", false);
        check("weight", "weight_grams", false);
    }

    #[test]
    fn numbers_that_are_none_are_refused_before_they_are_sent() {
        let check = |columns: &Columns, texts: &[(&str, &str)], reason: &str| {
            assert_eq!(
                read(columns, texts).map_err(|error| error.contains(reason)),
                Err(true),
                "{reason}"
            );
        };
        let price = |price| {
            [
                ("list", "A"),
                ("sku", "CUP"),
                ("price", price),
                ("currency", "GBP"),
            ]
        };
        check(&price_lists::COLUMNS, &price("x"), "price: ");
        check(
            &price_lists::COLUMNS,
            &price("-1"),
            "price: -1 is less than nothing",
        );
        check(&price_lists::COLUMNS, &price("1.12345678"), "price: ");
        let percentage = [("name", "P"), ("percentage", "abc")];
        check(
            &promotions::COLUMNS,
            &percentage,
            "percentage: \"abc\" is no number; 10 per cent is 0.1",
        );
        let balance = [
            ("code", "7K3M-QW9X-2HTP-ZC4D"),
            ("balance", "-1"),
            ("currency", "GBP"),
        ];
        check(&gift_cards::COLUMNS, &balance, "balance: -1 is less than nothing");
    }
}
