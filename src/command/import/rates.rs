//! Tables of tax rates: one rate of one zone a row, the zone found by its places.

use super::{BATCH_ROWS_MAX, Tally, send_to};
use crate::cli::Import;
use crate::client::{Connection, Server};
use crate::output;
use crate::table::{Row, Table, Wanted};
use serde::Serialize;
use std::process::ExitCode;

/// The server's path for them.
const PATH: &str = "/admin/tax/import";

/// The columns, in the order [`RateRow::read`] takes them.
const COLUMNS: [&str; 8] = [
    "place",
    "zone",
    "category",
    "tax",
    "name",
    "rate",
    "valid_from",
    "valid_until",
];

/// Those that a file must have.
const NEEDED: [&str; 3] = ["place", "name", "rate"];

/// A row as the server takes it; what is `None` has its default there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct RateRow {
    row: u64,
    place: String,
    zone: Option<String>,
    category: Option<String>,
    tax: Option<String>,
    name: String,
    rate: String,
    valid_from: Option<String>,
    valid_until: Option<String>,
}

impl RateRow {
    /// Reads a row. Whether its places, codes and times are any is the server's to say.
    fn read(row: &Row) -> Result<Self, String> {
        let values: [Option<String>; COLUMNS.len()] = row
            .values
            .clone()?
            .try_into()
            .map_err(|_| "it has another number of columns".to_owned())?;
        let given = |value: Option<String>| {
            value
                .map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty())
        };
        let [place, zone, category, tax, name, rate, valid_from, valid_until] = values.map(given);
        Ok(Self {
            row: row.line,
            place: place.ok_or("it has no place")?,
            zone,
            category,
            tax,
            name: name.ok_or("it has no name")?,
            rate: rate.ok_or("it has no rate")?,
            valid_from,
            valid_until,
        })
    }
}

/// Runs the import of rates. Refused rows make the exit code 1.
///
/// # Errors
/// What stopped it, and what to do about it.
pub(super) async fn run(arguments: &Import) -> anyhow::Result<ExitCode> {
    let wanted = COLUMNS.map(|column| Wanted {
        column: column.to_owned(),
        required: NEEDED.contains(&column),
    });
    let mut table = Table::open(&arguments.file, &wanted)?;
    let server = Server::new(&arguments.remote)?;
    let staff = server.staff()?.clone();
    let mut connection = Connection::open(&server).await?;
    let size = std::fs::metadata(&arguments.file).map_or(0, |file| file.len());
    let bar = output::progress_bytes(size, "importing");
    let mut tally = Tally::default();
    loop {
        let mut batch = Vec::new();
        while batch.len() < BATCH_ROWS_MAX {
            let Some(row) = table.next_row()? else { break };
            match RateRow::read(&row) {
                Ok(rate) => batch.push(rate),
                Err(reason) => bar.suspend(|| tally.refuse(row.line, "", &reason))?,
            }
        }
        bar.set_position(table.bytes_read());
        if batch.is_empty() {
            break;
        }
        let results = send_to(PATH, &mut connection, &staff, &batch).await?;
        bar.suspend(|| tally.add(&results))?;
    }
    bar.finish_and_clear();
    Ok(tally.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_needs_place_name_and_rate() {
        let read = |values: [&str; 8]| {
            let values = values.map(|text| Some(text.to_owned()));
            let row = Row {
                line: 2,
                values: Ok(values.into()),
            };
            RateRow::read(&row).map(|row| (row.place, row.category, row.valid_from))
        };
        let good = read(["ES 35*; ES 38*", "", "", "", "IGIC", "0.07", " 2020-01-01 ", ""]);
        let expected = ("ES 35*; ES 38*".to_owned(), None, Some("2020-01-01".to_owned()));
        assert_eq!(good, Ok(expected));
        assert_eq!(
            read(["", "", "", "", "VAT", "0.2", "", ""]),
            Err("it has no place".to_owned())
        );
        assert_eq!(
            read(["GB", "", "", "", " ", "0.2", "", ""]),
            Err("it has no name".to_owned())
        );
        assert_eq!(
            read(["GB", "", "", "", "VAT", "", "", ""]),
            Err("it has no rate".to_owned())
        );
    }
}
