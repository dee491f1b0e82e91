//! What an invoice file says: its invoices, of which kind each is, and in which order to play them.
//!
//! The file is read whole, into a compact form, so that everything that is wrong with it is said before the first
//! call. An invoice's rows need not stand together: it is known by its number.

use super::country::CountryMap;
use crate::money::UnitPrice;
use crate::table::{Others, Table, Wanted, nearly};
use anyhow::{Context, bail};
use cartwright_domain::catalog::TITLE_LENGTH_MAX;
use cartwright_domain::country::Country;
use cartwright_domain::text;
use cartwright_http::instant;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// The columns of the "Online Retail" layout, in the order [`Plan::read`] takes them.
const COLUMNS: [&str; 8] = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
];

/// How many faults of a file are shown before the rest is only counted.
const FAULTS_SHOWN_MAX: usize = 10;

/// What an invoice records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Goods sold: what becomes an order.
    Sale,
    /// Goods brought back: the number starts with C.
    Cancellation,
    /// A correction in the books: the number starts with A.
    Adjustment,
    /// Nothing has a price, and it is no write-off: found stock, samples.
    Unpriced,
    /// Nothing has a price and every quantity is below zero: goods damaged or lost.
    StockWriteOff,
}

impl Kind {
    /// Tells the kind of an invoice from its number and rows.
    fn of(number: &str, lines: &[Line]) -> Self {
        if number.starts_with(['C', 'c']) {
            return Self::Cancellation;
        }
        if number.starts_with(['A', 'a']) {
            return Self::Adjustment;
        }
        if lines.iter().any(|line| line.price != UnitPrice::FREE) {
            return Self::Sale;
        }
        if lines.iter().all(|line| line.quantity < 0) {
            Self::StockWriteOff
        } else {
            Self::Unpriced
        }
    }

    /// Returns what a row of this kind does to the stock of its code.
    ///
    /// Sold goods leave, and a negative quantity comes back; in unpriced rows and write-offs the sign is the other
    /// way round. `None` when it does not fit.
    pub(super) fn stock_change(self, quantity: i64) -> Option<i64> {
        match self {
            Self::Sale | Self::Cancellation | Self::Adjustment => quantity.checked_neg(),
            Self::Unpriced | Self::StockWriteOff => Some(quantity),
        }
    }

    /// Returns the name in reports and in the stock ledger.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Cancellation => "cancellation",
            Self::Adjustment => "adjustment",
            Self::Unpriced => "unpriced",
            Self::StockWriteOff => "stock_writeoff",
        }
    }
}

/// One row of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The row in the file, from 1, not counting the heading.
    pub(super) row: u32,
    /// The line of the file it begins in, from 1.
    pub(super) file_line: u64,
    /// Which of [`Plan::codes`].
    pub(super) code: usize,
    /// How many units.
    pub(super) quantity: i64,
    /// The price of one.
    pub(super) price: UnitPrice,
}

/// One invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Invoice {
    /// Its number, which is a text.
    pub(super) number: String,
    /// What it records.
    pub(super) kind: Kind,
    /// The earliest time of its rows, as written.
    date: String,
    /// The customer's number, of the first row that has one.
    pub(super) customer: Option<String>,
    /// What the file calls its country, in the first row that names one.
    country_name: String,
    /// Its country. Always known where it is a sale.
    pub(super) country: Option<Country>,
    /// Its rows in the file's order.
    pub(super) lines: Vec<Line>,
}

impl Invoice {
    /// Returns when its order is priced, as the wire has times: the file's, taken for UTC.
    pub(super) fn priced_at(&self) -> String {
        as_instant(&self.date)
    }

    /// Returns the sum of the row amounts in minor units, each rounded half up to the penny.
    ///
    /// `None` when it does not fit.
    pub(super) fn total(&self) -> Option<i64> {
        let mut total: i64 = 0;
        for line in &self.lines {
            total = total.checked_add(line.price.times(line.quantity)?)?;
        }
        Some(total)
    }
}

/// A stock code, and what the file says about it in case the catalog does not have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Code {
    /// The code, whose case matters.
    pub(super) sku: String,
    /// The first description that is not empty.
    pub(super) title: Option<String>,
    /// The first price above zero.
    pub(super) price: Option<UnitPrice>,
}

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Place the order of this invoice.
    Order(usize),
    /// Change the stock as this line of this invoice says.
    Adjust { invoice: usize, line: usize },
}

/// An invoice file, read.
#[derive(Debug)]
pub(super) struct Plan {
    /// Every code in the file.
    pub(super) codes: Vec<Code>,
    /// Every invoice, in the order of its first row.
    pub(super) invoices: Vec<Invoice>,
    code_index: HashMap<String, usize>,
}

impl Plan {
    /// Reads an invoice file of the "Online Retail" layout.
    ///
    /// # Errors
    /// The file cannot be read, or everything that is wrong with it, by line or country name.
    pub(super) fn read(path: &Path, countries: &CountryMap) -> anyhow::Result<Self> {
        let wanted: Vec<Wanted> = COLUMNS.iter().map(|column| Wanted::required(column)).collect();
        let mut table = Table::open(path, &wanted, Others::passed_over(nearly))?;
        let mut builder = Builder::default();
        while let Some(row) = table.next_row()? {
            if let Err(fault) = row.values.and_then(|values| builder.add(row.line, values)) {
                builder.faults.push(format!("line {}: {fault}", row.line));
            }
        }
        let named = || format!("{} cannot be played", path.display());
        builder.finish(countries).with_context(named)
    }

    /// Returns which code this is, adding it where the file does not have it.
    pub(super) fn code(&mut self, sku: &str) -> usize {
        if let Some(index) = self.code_index.get(sku) {
            return *index;
        }
        let index = self.codes.len();
        self.codes.push(Code {
            sku: sku.to_owned(),
            title: None,
            price: None,
        });
        self.code_index.insert(sku.to_owned(), index);
        index
    }

    /// Returns the sales' orders in the order of time.
    pub(super) fn orders(&self) -> Vec<Step> {
        let mut sales: Vec<usize> = (0..self.invoices.len())
            .filter(|index| self.invoices[*index].kind == Kind::Sale)
            .collect();
        sales.sort_by(|left, right| self.invoices[*left].date.cmp(&self.invoices[*right].date));
        sales.into_iter().map(Step::Order).collect()
    }

    /// Returns everything that moves stock in the file's order: a sale at its last row, any other row at its place.
    ///
    /// Where another invoice stands between the rows of a sale, the last row is the first place at which everything
    /// the file brings in before has been brought in.
    pub(super) fn movements(&self) -> Vec<Step> {
        let mut placed: Vec<(u32, Step)> = Vec::new();
        for (index, invoice) in self.invoices.iter().enumerate() {
            match (invoice.kind, invoice.lines.last()) {
                (Kind::Sale, Some(last)) => placed.push((last.row, Step::Order(index))),
                _ => placed.extend(
                    invoice
                        .lines
                        .iter()
                        .enumerate()
                        .map(|(line, row)| (row.row, Step::Adjust { invoice: index, line })),
                ),
            }
        }
        placed.sort_by_key(|(row, _)| *row);
        placed.into_iter().map(|(_, step)| step).collect()
    }

    /// Returns how many invoices there are of each kind but sales, which only move stock.
    pub(super) fn besides_sales(&self) -> BTreeMap<Kind, usize> {
        let mut counts = BTreeMap::new();
        for invoice in &self.invoices {
            *counts.entry(invoice.kind).or_default() += 1;
        }
        counts.remove(&Kind::Sale);
        counts
    }

    /// Keeps only the first invoices, of sales only or of every kind.
    pub(super) fn limit(&mut self, most: usize, only_sales: bool) {
        let mut kept = 0;
        self.invoices.retain(|invoice| {
            let counts = !only_sales || invoice.kind == Kind::Sale;
            kept += usize::from(counts);
            counts && kept <= most
        });
    }
}

/// Returns a time of the file as the wire has times, taken for UTC.
fn as_instant(date: &str) -> String {
    format!("{}Z", date.replace(' ', "T"))
}

#[derive(Default)]
struct Builder {
    rows: u32,
    codes: Vec<Code>,
    code_index: HashMap<String, usize>,
    invoices: Vec<Invoice>,
    invoice_index: HashMap<String, usize>,
    faults: Vec<String>,
}

impl Builder {
    fn add(&mut self, file_line: u64, values: Vec<Option<String>>) -> Result<(), String> {
        self.rows += 1;
        let values: [Option<String>; COLUMNS.len()] = values
            .try_into()
            .map_err(|_| "it has another number of columns".to_owned())?;
        let [number, sku, title, quantity, date, price, customer, country] = values.map(|value| {
            value
                .map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty())
        });
        let number = number.ok_or("it has no InvoiceNo")?;
        let sku = sku.ok_or("it has no StockCode")?;
        let quantity = quantity.ok_or("it has no Quantity")?;
        let quantity = quantity
            .parse()
            .map_err(|_| format!("Quantity {quantity:?} is not a whole number"))?;
        let price: UnitPrice = price
            .ok_or("it has no UnitPrice")?
            .parse()
            .map_err(|error| format!("UnitPrice: {error}"))?;

        // Nothing is compared with a title: what of it has room is one.
        let title = title.map(|title| text::fitted(&title, TITLE_LENGTH_MAX));
        let title = title.filter(|title| !title.is_empty());
        let code = self.code(sku, title, price);
        let line = Line {
            row: self.rows,
            file_line,
            code,
            quantity,
            price,
        };
        let date = date.unwrap_or_default();
        if !date.is_empty() && (!date.contains(' ') || instant(&as_instant(&date)).is_err()) {
            return Err(format!(
                "InvoiceDate: {date:?} is no time such as 2010-12-01 08:26:00"
            ));
        }
        match self.invoice_index.get(&number) {
            Some(index) => {
                let invoice = &mut self.invoices[*index];
                invoice.lines.push(line);
                invoice.customer = invoice.customer.take().or(customer);
                if let Some(country) = country.filter(|_| invoice.country_name.is_empty()) {
                    invoice.country_name = country;
                }
                if !date.is_empty() && (invoice.date.is_empty() || date < invoice.date) {
                    invoice.date = date;
                }
            }
            None => {
                self.invoice_index.insert(number.clone(), self.invoices.len());
                self.invoices.push(Invoice {
                    number,
                    kind: Kind::Unpriced,
                    date,
                    customer,
                    country_name: country.unwrap_or_default(),
                    country: None,
                    lines: vec![line],
                });
            }
        }
        Ok(())
    }

    fn code(&mut self, sku: String, title: Option<String>, price: UnitPrice) -> usize {
        let price = Some(price).filter(|price| UnitPrice::FREE < *price);
        if let Some(index) = self.code_index.get(&sku) {
            let known = &mut self.codes[*index];
            known.title = known.title.take().or(title);
            known.price = known.price.or(price);
            return *index;
        }
        let index = self.codes.len();
        self.code_index.insert(sku.clone(), index);
        self.codes.push(Code { sku, title, price });
        index
    }

    /// Tells each invoice's kind, now that all its rows are known, and its country's code.
    fn finish(mut self, countries: &CountryMap) -> anyhow::Result<Plan> {
        let mut unknown = BTreeSet::new();
        for invoice in &mut self.invoices {
            invoice.kind = Kind::of(&invoice.number, &invoice.lines);
            invoice.country = countries.country(&invoice.country_name);
            if invoice.date.is_empty() {
                self.faults
                    .push(format!("invoice {} has no InvoiceDate", invoice.number));
            }
            if invoice.country.is_none() && invoice.kind == Kind::Sale {
                unknown.insert(invoice.country_name.clone());
            }
        }
        for name in unknown {
            self.faults.push(format!(
                "the country {name:?} is not known; give --country-map FILE with a JSON object that names it, for \
                 example {{{name:?}: \"XA\"}}"
            ));
        }
        if self.invoices.is_empty() && self.faults.is_empty() {
            bail!("it holds no invoice");
        }
        if !self.faults.is_empty() {
            let more = self.faults.len().saturating_sub(FAULTS_SHOWN_MAX);
            self.faults.truncate(FAULTS_SHOWN_MAX);
            let more = if more == 0 {
                String::new()
            } else {
                format!("\n  and {more} more")
            };
            bail!("\n  {}{more}", self.faults.join("\n  "));
        }
        Ok(Plan {
            codes: self.codes,
            invoices: self.invoices,
            code_index: self.code_index,
        })
    }
}

#[cfg(test)]
mod tests;
