//! `cartwright import`: load a catalog file, or a table of something else, into a running server.
//!
//! Every row of a catalog is one product with one variant, found by its SKU, so that a second run changes nothing. A row
//! that cannot be taken is reported with its line and the reason, and does not stop the others.

mod about;
mod batch;
mod codes;
pub(crate) mod columns;
pub(crate) mod complete_journey;
mod customers;
mod gift_cards;
mod mapping;
mod members;
mod price_lists;
mod promotions;
mod rates;
mod store_credit;

use crate::cli::{Import, Preset, Tables};
use crate::client::{Answer, Call, Connection, Server};
use crate::output;
use crate::table::{Others, Row, Table};
use about::{About, Said, Seen};
use anyhow::{Context, anyhow};
use batch::Batch;
use columns::Columns;
use hyper::header::HeaderValue;
use indicatif::ProgressBar;
use mapping::Mapping;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;
use std::process::ExitCode;

/// Where the rows of a catalog go.
const CATALOG: &str = "/admin/catalog/import";

/// A row as the server takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ImportRow {
    /// The line in the file, or another number that tells rows apart.
    pub(crate) row: u64,
    /// The variant's SKU.
    pub(crate) sku: String,
    /// The title; without one it stays, or is the SKU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    /// The variant's price; without one it is not for sale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) price: Option<Price>,
    /// The tax category; without one the server's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tax_category: Option<String>,
    /// The weight of one unit, in grams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) weight_grams: Option<u32>,
    /// Where the picture is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image_url: Option<String>,
    /// The handles of all categories that the product is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) categories: Option<Vec<String>>,
    /// The product's status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<String>,
    /// The stock on hand; without it stock is not tracked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stock: Option<u64>,
}

impl ImportRow {
    /// Returns a row that says nothing but its SKU.
    pub(crate) fn of(row: u64, sku: String) -> Self {
        Self {
            row,
            sku,
            ..Self::default()
        }
    }
}

/// A price in the wire's exact decimal form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Price {
    /// Decimal digits, in the currency's major unit.
    pub(crate) unit_price: String,
    /// The currency's code.
    pub(crate) currency: String,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct RowResult {
    /// The row's number as it was sent.
    pub(crate) row: u64,
    /// What it is about, as it was sent: a SKU, the places of a tax rate, or a code or name.
    #[serde(alias = "sku", alias = "place")]
    pub(crate) subject: String,
    /// What was done.
    pub(crate) outcome: Outcome,
    /// The refusal's stable code.
    pub(crate) error: Option<String>,
    /// The refusal in words.
    pub(crate) message: Option<String>,
}

impl RowResult {
    /// Returns why it was refused.
    pub(crate) fn reason(&self) -> String {
        let code = self.error.as_deref().unwrap_or("refused");
        match self.message.as_deref() {
            Some(message) => format!("{code}: {message}"),
            None => code.to_owned(),
        }
    }
}

/// What was done with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Created,
    Updated,
    Unchanged,
    Refused,
}

/// Sends rows, in as many calls as they need, until one is refused. Returns that one.
///
/// # Errors
/// A call as a whole was refused, or a row cannot be sent.
pub(crate) async fn send(
    connection: &mut Connection,
    staff: &HeaderValue,
    rows: &[ImportRow],
) -> anyhow::Result<Option<RowResult>> {
    let mut batch = Batch::default();
    for (at, row) in rows.iter().enumerate() {
        batch
            .add(row)
            .map_err(|reason| anyhow!("the row of {:?} cannot be sent: {reason}", row.sku))?;
        if batch.is_full() || at + 1 == rows.len() {
            let results = std::mem::take(&mut batch)
                .send(CATALOG, connection, staff)
                .await?;
            let refused = |result: &RowResult| result.outcome == Outcome::Refused;
            if let Some(refused) = results.into_iter().find(refused) {
                return Ok(Some(refused));
            }
        }
    }
    Ok(None)
}

/// How the import went so far.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    created: u64,
    updated: u64,
    unchanged: u64,
    refused: u64,
}

impl Tally {
    fn add(&mut self, results: &[RowResult]) -> std::io::Result<()> {
        for result in results {
            match result.outcome {
                Outcome::Created => self.created += 1,
                Outcome::Updated => self.updated += 1,
                Outcome::Unchanged => self.unchanged += 1,
                Outcome::Refused => self.refuse(result.row, &result.subject, &result.reason())?,
            }
        }
        Ok(())
    }

    fn refuse(&mut self, line: u64, subject: &str, reason: &str) -> std::io::Result<()> {
        self.refused += 1;
        let (subject, reason) = (output::one_line(subject), output::one_line(reason));
        output::line(format!("refused\tline {line}\t{subject}\t{reason}"))
    }

    /// Returns how it went, in words.
    fn told(&self) -> String {
        let Self {
            created,
            updated,
            unchanged,
            refused,
        } = self;
        format!("created {created}, updated {updated}, unchanged {unchanged}, refused {refused}")
    }

    /// Says how it went, also as far as it came. Refused rows make the exit code 1.
    fn finish(&self, sent: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
        output::line(self.told())?;
        sent.map(|()| self.code())
    }

    /// Says how it would go, where nothing is sent.
    fn finish_dry(&self, good: usize) -> std::io::Result<ExitCode> {
        let refused = self.refused;
        output::line(format!(
            "{good} rows could be sent, {refused} are refused; nothing was sent"
        ))?;
        Ok(self.code())
    }

    fn code(&self) -> ExitCode {
        if self.refused == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// Runs the import. Fails where the file or the server cannot be used; refused rows make the exit code 1.
///
/// # Errors
/// What stopped it, and what to do about it.
pub(crate) async fn run(arguments: Import) -> anyhow::Result<ExitCode> {
    if arguments.preset == Some(Preset::CompleteJourney) {
        return complete_journey::run(&arguments).await;
    }
    let layout = Layout::of(&arguments)?;
    let table = layout.open(&arguments.file, &arguments.ignore)?;
    let mut reading = Reading {
        said: Said::of(match &layout {
            Layout::Catalog { .. } => Vec::new(),
            Layout::Table(columns) => columns.of_shared(&table),
        }),
        table,
        layout,
        seen: Seen::default(),
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
    if let Layout::Catalog { currency, .. } = &mut reading.layout
        && currency.is_none()
    {
        *currency = Some(store_currency(&mut connection, &staff).await?);
    }
    let sent = async {
        loop {
            let batch = reading.next_batch(&bar)?;
            if batch.rows() == 0 {
                return Ok(());
            }
            let path = reading.layout.path();
            let results = batch.send(path, &mut connection, &staff).await?;
            bar.suspend(|| reading.tally.add(&results))?;
        }
    };
    let sent = sent.await;
    bar.finish_and_clear();
    reading.tally.finish(sent)
}

/// How a file is laid out.
enum Layout {
    /// Variants, in columns with names of the file's own.
    Catalog {
        mapping: Box<Mapping>,
        /// The currency of the prices, once it is known.
        currency: Option<String>,
    },
    /// A table of something else, whose columns have fixed names.
    Table(Columns),
}

impl Layout {
    fn of(arguments: &Import) -> anyhow::Result<Self> {
        if let Some(columns) = columns_of(arguments.tables) {
            return Ok(Self::Table(columns));
        }
        let mapping = Mapping::of(arguments.preset, arguments.map.as_deref())?;
        let currency = arguments.currency.as_deref().or(mapping.currency);
        Ok(Self::Catalog {
            currency: currency.map(str::to_owned),
            mapping: Box::new(mapping),
        })
    }

    fn open(&self, file: &Path, ignored: &[String]) -> anyhow::Result<Table> {
        match self {
            Self::Catalog { mapping, .. } => {
                let others = Others::passed_over(columns::alike_in_catalog).but(ignored);
                Table::open(file, &mapping.wanted(), others)
            }
            Self::Table(columns) => columns.open(file, ignored),
        }
    }

    /// Returns where its rows go.
    fn path(&self) -> &'static str {
        match self {
            Self::Catalog { .. } => CATALOG,
            Self::Table(columns) => columns.path,
        }
    }

    fn good(&self, row: &Row, said: &mut Said) -> Result<Good, Refused> {
        match self {
            // Before the currency is known no price leaves the process.
            Self::Catalog { mapping, currency } => mapping.good(row, currency.as_deref().unwrap_or_default()),
            Self::Table(columns) => columns.good(row, said),
        }
    }
}

/// A row that can be sent.
struct Good {
    /// The row as the server takes it.
    sent: Value,
    /// What the report calls it.
    subject: String,
    about: Vec<About>,
}

/// A row that is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refused {
    /// What the report calls it, as far as that is known.
    subject: String,
    /// What is wrong with it.
    reason: String,
}

/// Returns the columns of a table; none of a catalog, whose columns have names of the file's own.
fn columns_of(tables: Tables) -> Option<Columns> {
    let known = [
        (tables.rates, rates::COLUMNS),
        (tables.promotions, promotions::COLUMNS),
        (tables.codes, codes::COLUMNS),
        (tables.price_lists, price_lists::COLUMNS),
        (tables.customers, customers::COLUMNS),
        (tables.gift_cards, gift_cards::COLUMNS),
        (tables.store_credit, store_credit::COLUMNS),
    ];
    known
        .into_iter()
        .find_map(|(is_meant, columns)| is_meant.then_some(columns))
}

async fn store_currency(connection: &mut Connection, staff: &HeaderValue) -> anyhow::Result<String> {
    #[derive(Deserialize)]
    struct Settings {
        currency: String,
    }
    let answer: Answer = connection.call(Call::get("/admin/settings").staff(staff)).await?;
    let settings: Settings = answer
        .json()
        .context("the store's settings name no currency; give --currency")?;
    Ok(settings.currency)
}

/// A file that is being read.
struct Reading {
    table: Table,
    layout: Layout,
    seen: Seen,
    said: Said,
    tally: Tally,
}

impl Reading {
    /// Returns the next good rows, as many as one call takes, and reports the refused ones on the way. None are left when
    /// there are none.
    fn next_batch(&mut self, bar: &ProgressBar) -> anyhow::Result<Batch> {
        let mut batch = Batch::default();
        while !batch.is_full() {
            let Some(row) = self.table.next_row()? else { break };
            if let Err(Refused { subject, reason }) = self.accept(&row, &mut batch) {
                bar.suspend(|| self.tally.refuse(row.line, &subject, &reason))?;
            }
        }
        bar.set_position(self.table.bytes_read());
        Ok(batch)
    }

    fn accept(&mut self, row: &Row, batch: &mut Batch) -> Result<(), Refused> {
        let Good { sent, subject, about } = self.layout.good(row, &mut self.said)?;
        let added = self.seen.check(&about).and_then(|()| batch.add(&sent));
        added.map_err(|reason| Refused { subject, reason })?;
        self.seen.add(row.line, about);
        Ok(())
    }
}
