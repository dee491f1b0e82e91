//! Files whose columns have fixed names: each row becomes what the server takes, and the server judges it.

use super::Tally;
use super::batch::Batch;
use crate::cli::Import;
use crate::client::{Connection, Server};
use crate::output;
use crate::table::{Row, Table, Wanted};
use cartwright_domain::money::{Currency, Price};
use indicatif::ProgressBar;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;

/// How long a date is, such as `2024-05-06`.
const DATE_LENGTH: usize = 10;

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
    /// The file cannot be read, or a needed column is not in its heading.
    pub(crate) fn open(path: &Path, names: &'static [&'static str], needed: &[&str]) -> anyhow::Result<Self> {
        let wanted = |name: &&'static str| Wanted {
            column: (*name).to_owned(),
            required: needed.contains(name),
        };
        let wanted: Vec<Wanted> = names.iter().map(wanted).collect();
        let table = Table::open(path, &wanted)?;
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
        let is_date = |text: &str| text.len() == DATE_LENGTH && text.parse::<Date>().is_ok();
        let is_time = |text: &str| is_date(text) || text.parse::<Timestamp>().is_ok();
        match self.take(name) {
            Some(text) if !is_time(&text) => {
                Err(format!("{name}: {text:?} is neither a point in time nor a date"))
            }
            read => Ok(read),
        }
    }

    /// Takes out an amount in a column that must be there, with its currency, as the wire has it.
    pub(crate) fn money(&mut self, name: &str) -> Result<Value, String> {
        let (text, currency) = (self.needed(name)?, self.needed("currency")?);
        let amount = minor_units(&text, &currency).map_err(|reason| format!("{name}: {reason}"))?;
        Ok(json!({ "amount": amount, "currency": currency }))
    }

    /// Takes out the parts of a value, with `;` between them, if it is there.
    pub(crate) fn list(&mut self, name: &str) -> Option<Vec<String>> {
        self.take(name).map(|text| parts(&text))
    }
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
            let row = read.and_then(|mut values| (self.columns.read)(line, &mut values));
            if let Err(reason) = row.and_then(|row| batch.add(&row)) {
                bar.suspend(|| self.tally.refuse(line, "", &reason))?;
            }
        }
        bar.set_position(self.table.bytes_read());
        Ok(batch)
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
