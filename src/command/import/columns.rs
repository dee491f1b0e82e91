//! Files whose columns have fixed names: each row becomes what the server takes, and the server judges it.

use super::Tally;
use super::batch::Batch;
use crate::cli::Import;
use crate::client::{Connection, Server};
use crate::output;
use crate::table::{Row, Table, Wanted};
use anyhow::bail;
use cartwright_domain::money::{Currency, Price};
use cartwright_http::instant;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;

/// How long the beginning of a column's name must be to be taken for that column.
const SHORTENED_MIN: usize = 3;
/// How long another name must be to be taken for a misspelled one.
const MISSPELLED_MIN: usize = 5;
/// How many of its letters may then be others, too many, missing or exchanged.
const MISTAKES_MAX: usize = 2;

/// A sort of file.
pub(super) struct Columns {
    /// The server's path for its rows.
    pub(super) path: &'static str,
    /// The names of its columns.
    pub(super) names: &'static [&'static str],
    /// Those that a file must have.
    pub(super) needed: &'static [&'static str],
    /// Makes of a row, its line and its values, what the server takes.
    pub(super) read: fn(u64, &mut Values) -> Result<Value, String>,
    /// Returns what a row is about, as the server finds it. Of two rows that say different things of one each would undo
    /// the other, in every run; nothing where the server takes only the first.
    pub(super) about: fn(&Values) -> Vec<About>,
}

/// Something that a row is about.
pub(super) struct About {
    /// What it is, spelled as one spells it who compares.
    what: String,
    /// What the row says of it, where several rows may say the same.
    says: Option<String>,
}

impl About {
    /// Something that one row may be about.
    pub(super) fn once(parts: &[&str]) -> Self {
        Self {
            what: together(parts),
            says: None,
        }
    }

    /// Something of which each row must say the same.
    pub(super) fn agreed(parts: &[&str], says: &str) -> Self {
        Self {
            what: together(parts),
            says: Some(says.to_owned()),
        }
    }

    /// Says why a row cannot be about this when an earlier one was.
    fn contradicts(&self, (line, said): &(u64, Option<String>)) -> Option<String> {
        match (&self.says, said) {
            (Some(says), Some(said)) if says == said => None,
            (Some(says), Some(_)) => Some(format!(
                "it says {says:?} where line {line} says something else of the same; say it once, or each run would \
                 change it twice"
            )),
            _ => Some(format!(
                "it is about the same as line {line}; keep one of the two, or each run would change it twice"
            )),
        }
    }
}

fn together(parts: &[&str]) -> String {
    parts.join("\u{1f}")
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
    /// The file cannot be read, or a needed column is not in its heading, or what is in its place is misspelled: a
    /// condition that is passed over would hold for everybody.
    pub(crate) fn open(path: &Path, names: &'static [&'static str], needed: &[&str]) -> anyhow::Result<Self> {
        let wanted = |name: &&'static str| Wanted {
            column: (*name).to_owned(),
            required: needed.contains(name),
        };
        let wanted: Vec<Wanted> = names.iter().map(wanted).collect();
        let table = Table::open(path, &wanted)?;
        if let Some((column, name)) = misspelled(&table.heading, names) {
            bail!(
                "cannot read {}: it has a column {column:?}, which is none of its columns; call it {name:?} if that is \
                 meant, or remove it",
                path.display()
            );
        }
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

/// Returns a column of a heading that has no meaning, and what it is nearly called, if that is not there.
fn misspelled<'a>(heading: &'a [String], names: &'static [&'static str]) -> Option<(&'a str, &'static str)> {
    let missing = || {
        names
            .iter()
            .filter(|name| !heading.iter().any(|column| column == *name))
    };
    let unknown = heading.iter().filter(|column| !names.contains(&column.as_str()));
    let alike = |column: &str, name: &str| {
        let column = column.trim().to_lowercase();
        let is_short = SHORTENED_MIN <= column.len() && name.starts_with(&column);
        is_short
            || MISSPELLED_MIN <= column.len() && strsim::damerau_levenshtein(&column, name) <= MISTAKES_MAX
    };
    let mut pairs = unknown.flat_map(|column| missing().map(move |name| (column.as_str(), *name)));
    pairs.find(|(column, name)| alike(column, name))
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
            text.parse()
                .map_err(|_| format!("{name}: {text:?} is no whole number"))
        });
        number.transpose()
    }

    /// Takes out a value that is `yes` or `no`, if it is there.
    pub(crate) fn choice(&mut self, name: &str) -> Result<Option<bool>, String> {
        match self.take(name).as_deref() {
            None => Ok(None),
            Some("yes" | "true") => Ok(Some(true)),
            Some("no" | "false") => Ok(Some(false)),
            Some(other) => Err(format!("{name}: {other:?} is neither yes nor no")),
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
        let amount = minor_units(&text, &currency).map_err(|reason| format!("{name}: {reason}"))?;
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

/// Returns a value spelled as every other one that says the same: times, whole numbers, and parts in any order.
pub(super) fn spelled(text: &str) -> String {
    if let Ok(at) = instant(text) {
        return at.millis().to_string();
    }
    if let Ok(number) = text.parse::<i64>() {
        return number.to_string();
    }
    let mut parts = parts(text);
    parts.sort_unstable();
    parts.join(";")
}

/// Splits a value into its parts, with `;` between.
pub(super) fn parts(text: &str) -> Vec<String> {
    text.split(';').map(|part| part.trim().to_owned()).collect()
}

/// Returns an amount that is written in the currency's major unit in its minor ones.
pub(super) fn minor_units(text: &str, currency: &str) -> Result<i64, String> {
    let currency: Currency = currency.parse().map_err(|error| format!("{error}"))?;
    let price = Price::parse(text, currency).map_err(|error| error.to_string())?;
    let whole = price.whole().map(|money| money.amount);
    whole.ok_or_else(|| format!("{text} has more digits than {currency}"))
}

/// Runs an import. Refused rows make the exit code 1.
///
/// # Errors
/// What stopped it, and what to do about it.
pub(super) async fn run(arguments: &Import, columns: &Columns) -> anyhow::Result<ExitCode> {
    let mut reading = Reading {
        table: NamedTable::open(&arguments.file, columns.names, columns.needed)?,
        columns,
        seen: HashMap::new(),
        tally: Tally::default(),
    };
    let size = std::fs::metadata(&arguments.file).map_or(0, |file| file.len());
    let bar = output::progress_bytes(size, "importing");
    if arguments.dry_run {
        let mut good = 0;
        loop {
            let batch = reading.next_batch(&bar)?;
            if batch.rows() == 0 {
                bar.finish_and_clear();
                return Ok(reading.tally.finish_dry(good)?);
            }
            good += batch.rows();
        }
    }
    let server = Server::new(&arguments.remote)?;
    let staff = server.staff()?.clone();
    let mut connection = Connection::open(&server).await?;
    let sent = async {
        loop {
            let batch = reading.next_batch(&bar)?;
            if batch.rows() == 0 {
                return Ok(());
            }
            let results = batch.send(columns.path, &mut connection, &staff).await?;
            bar.suspend(|| reading.tally.add(&results))?;
        }
    };
    let sent = sent.await;
    bar.finish_and_clear();
    reading.tally.finish(sent)
}

/// A table that is being read.
struct Reading<'a> {
    table: NamedTable,
    columns: &'a Columns,
    /// Where the first row about each thing stood, and what it said of it.
    seen: HashMap<String, (u64, Option<String>)>,
    tally: Tally,
}

impl Reading<'_> {
    /// Returns the next good rows, as many as one call takes, and reports the refused ones on the way. None are left when
    /// there are none.
    fn next_batch(&mut self, bar: &ProgressBar) -> anyhow::Result<Batch> {
        let mut batch = Batch::default();
        while !batch.is_full() {
            let Some((line, read)) = self.table.next_row()? else {
                break;
            };
            let accepted = read.and_then(|values| self.accept(line, values, &mut batch));
            if let Err(reason) = accepted {
                bar.suspend(|| self.tally.refuse(line, "", &reason))?;
            }
        }
        bar.set_position(self.table.bytes_read());
        Ok(batch)
    }

    fn accept(&mut self, line: u64, mut values: Values, batch: &mut Batch) -> Result<(), String> {
        let about = (self.columns.about)(&values);
        let row = (self.columns.read)(line, &mut values)?;
        let contradicts = |about: &About| about.contradicts(self.seen.get(&about.what)?);
        if let Some(reason) = about.iter().find_map(contradicts) {
            return Err(reason);
        }
        batch.add(&row)?;
        for About { what, says } in about {
            self.seen.entry(what).or_insert((line, says));
        }
        Ok(())
    }
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
    use super::super::{customers, gift_cards, price_lists, promotions, rates};
    use super::*;

    /// Reads a file of two rows; returns why the second is refused.
    fn second(columns: &Columns, heading: &str, rows: [&str; 2]) -> Option<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("table.csv");
        std::fs::write(&path, [heading, rows[0], rows[1]].join("\n")).expect("a file");
        let mut reading = Reading {
            table: NamedTable::open(&path, columns.names, columns.needed).expect("a table"),
            columns,
            seen: HashMap::new(),
            tally: Tally::default(),
        };
        let mut batch = Batch::default();
        let mut next = || {
            let (line, values) = reading.table.next_row().expect("a row").expect("another row");
            let values = values.expect("values");
            reading.accept(line, values, &mut batch)
        };
        assert_eq!(next(), Ok(()));
        next().err()
    }

    #[test]
    fn of_two_rows_about_the_same_the_second_is_refused() {
        let check = |columns: &Columns, heading, rows, is_refused| {
            let reason = second(columns, heading, rows);
            let named = |reason: &String| {
                let starts = ["it is about the same as line 2; keep one", "it says "];
                starts.iter().any(|start| reason.starts_with(start))
            };
            assert_eq!(
                reason.as_ref().is_some_and(named),
                is_refused,
                "{rows:?}: {reason:?}"
            );
        };
        let rates = |rows, is_refused| {
            check(
                &rates::COLUMNS,
                "place,name,rate,category,valid_from",
                rows,
                is_refused,
            );
        };
        rates(["FR,VAT,0.2,,", "fr ,VAT2,0.1,,"], true);
        rates(["FR; BE,VAT,0.2,,", "BE;fr,VAT2,0.1,standard,"], true);
        rates(
            ["FR,VAT,0.2,,2020-01-01", "FR,VAT,0.1,,2020-01-01T01:00:00+01:00"],
            true,
        );
        rates(["FR,VAT,0.2,,", "FR,VAT,0.1,books,"], false);
        rates(["FR,VAT,0.2,,", "FR,VAT,0.1,,2020-01-01"], false);
        let prices = |rows, is_refused| {
            let heading = "list,sku,price,currency,from_quantity";
            check(&price_lists::COLUMNS, heading, rows, is_refused);
        };
        prices(["A,CUP,1,GBP,", "A,CUP,2,GBP,1"], true);
        prices(["A,CUP,1,GBP,", "A,CUP,2,GBP,10"], false);
        prices(["A,CUP,1,GBP,", "A,CUP,2,EUR,"], false);
        prices(["A,CUP,1,GBP,010", "A,CUP,2,GBP,+10"], true);
        let lists = |rows, is_refused| {
            let heading = "list,sku,price,currency,groups";
            check(&price_lists::COLUMNS, heading, rows, is_refused);
        };
        lists(["A,CUP,1,GBP,trade", "A,POT,2,GBP,vip"], true);
        lists(["A,CUP,1,GBP,trade", "B,POT,2,GBP,vip"], false);
        lists(["A,CUP,1,GBP,trade", "A,POT,2,GBP,trade"], false);
        lists(["A,CUP,1,GBP,trade", "A,POT,2,GBP,"], false);
        lists(["A,CUP,1,GBP,trade; vip", "A,POT,2,GBP,vip;trade"], false);
        let promotions = |rows, is_refused| {
            check(&promotions::COLUMNS, "name,code,percentage", rows, is_refused);
        };
        promotions(["P,dup,0.1", "Q,DUP,0.2"], true);
        promotions(["P,ONE,0.1", "P,TWO,0.1"], false);
        promotions(["P,,0.1", "P,,0.2"], true);
        let customers = |rows, is_refused| {
            check(&customers::COLUMNS, "external_id,email", rows, is_refused);
        };
        customers(["A-1,a@example.com", "A-1,b@example.com"], true);
        customers([",a@example.com", ",b@example.com"], false);
        customers([",ada@example.com", ",Ada@Example.com"], true);
        customers(["A-1,ada@example.com", ",ada@example.com"], true);
        let heading = "code,balance,currency";
        // The first counts, in every run.
        check(
            &gift_cards::COLUMNS,
            heading,
            ["7K3M-QW9X-2HTP-ZC4D,1,GBP"; 2],
            false,
        );
    }

    #[test]
    fn a_misspelled_column_is_none_that_is_passed_over() {
        let names = promotions::COLUMNS.names;
        let check = |column: &str, name: Option<&str>| {
            let heading = ["name".to_owned(), column.to_owned()];
            assert_eq!(misspelled(&heading, names), name.map(|name| (column, name)));
        };
        check("customer_group", Some("customer_groups"));
        check("usage_limt", Some("usage_limit"));
        check("Code", Some("code"));
        check("ends", Some("ends_at"));
        check("comment", None);
        check("used", None);
        check("id", None);
        let rates = ["valid_form".to_owned()];
        assert_eq!(
            misspelled(&rates, rates::COLUMNS.names),
            Some(("valid_form", "valid_from"))
        );
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
            "percentage: \"abc\" is no number",
        );
        let balance = [
            ("code", "7K3M-QW9X-2HTP-ZC4D"),
            ("balance", "-1"),
            ("currency", "GBP"),
        ];
        check(&gift_cards::COLUMNS, &balance, "balance: -1 is less than nothing");
    }
}
