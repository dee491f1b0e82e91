//! Opening and closing stock.

use super::plan::Plan;
use crate::client::{Call, Connection};
use crate::output;
use crate::table::{Others, Table, Wanted, nearly};
use anyhow::{Context, bail};
use hyper::header::HeaderValue;
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;
use std::path::Path;

/// How many differences are printed.
const SHOWN_MAX: usize = 20;

/// What a stock file says about one code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Figures {
    /// Which of the plan's codes.
    code: usize,
    /// What can be sold before the first row.
    opening: i64,
    /// What can be sold after the last.
    closing: i64,
}

/// A stock item, as far as it matters here.
#[derive(Debug, Deserialize)]
struct StockItem {
    reserved: i64,
    allocated: i64,
    buffer: i64,
    available: Option<i64>,
}

impl StockItem {
    /// Returns how many units are on hand where so many are available: what orders and checkouts hold, and the buffer, come
    /// on top, also of stock that was not counted so far.
    ///
    /// `None` when they do not fit.
    fn on_hand(&self, available: i64) -> Option<i64> {
        let mut on_hand = available;
        for held in [self.reserved, self.allocated, self.buffer] {
            on_hand = on_hand.checked_add(held)?;
        }
        Some(on_hand.max(0))
    }
}

/// Reads a stock file: code, opening and closing stock.
///
/// # Errors
/// The file cannot be read, or the line that is wrong.
pub(super) fn read(path: &Path, plan: &mut Plan) -> anyhow::Result<Vec<Figures>> {
    let wanted = ["StockCode", "min_opening", "closing"].map(Wanted::required);
    let mut table = Table::open(path, &wanted, Others::passed_over(nearly))?;
    let mut figures: Vec<Figures> = Vec::new();
    let mut lines = HashMap::new();
    let mut places = HashMap::new();
    while let Some(row) = table.next_row()? {
        let at = || format!("{}, line {}", path.display(), row.line);
        let values = row.values.clone().map_err(anyhow::Error::msg).with_context(at)?;
        let [Some(sku), Some(opening), Some(closing)] = values.as_slice() else {
            bail!("{}: each row needs StockCode, min_opening and closing", at());
        };
        let number = |text: &str| {
            text.trim()
                .parse::<i64>()
                .with_context(|| format!("{text:?} is not a whole number"))
                .with_context(at)
        };
        let (opening, closing) = (number(opening)?, number(closing)?);
        if let Some(line) = lines.insert(sku.clone(), row.line) {
            bail!(
                "{}: {sku:?} stands in line {line} already; say its stock once",
                at()
            );
        }
        let code = plan.code(sku.trim());
        let place = *places.entry(code).or_insert_with(|| {
            figures.push(Figures {
                code,
                opening: 0,
                closing: 0,
            });
            figures.len() - 1
        });
        // Codes that differ by blanks around them are one.
        let one = &mut figures[place];
        let sum = |one: i64, other| {
            one.checked_add(other)
                .with_context(|| format!("{}: too many units", at()))
        };
        (one.opening, one.closing) = (sum(one.opening, opening)?, sum(one.closing, closing)?);
    }
    Ok(figures)
}

/// Sets the opening stock, so that exactly so many units are available, whatever earlier orders hold.
///
/// # Errors
/// The server refuses, or there are more units than can be counted.
pub(super) async fn open(
    connection: &mut Connection,
    staff: &HeaderValue,
    figures: &[Figures],
    plan: &Plan,
    variant_ids: &[String],
) -> anyhow::Result<()> {
    let bar = output::progress(u64::try_from(figures.len())?, "opening stock");
    for Figures { code, opening, .. } in figures {
        let path = format!("/admin/variants/{}/stock", variant_ids[*code]);
        let item: StockItem = connection.call(Call::get(&path).staff(staff)).await?.json()?;
        let too_many = || {
            let sku = &plan.codes[*code].sku;
            format!("{sku:?}: an opening stock of {opening} beside what is held is too many units")
        };
        let on_hand = item.on_hand(*opening).with_context(too_many)?;
        let body = json!({"tracked": true, "on_hand": on_hand});
        connection
            .call(Call::put(&path).staff(staff).body(body.to_string()))
            .await?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Compares the closing stock with what is available, and prints what differs. Tells whether nothing does.
///
/// # Errors
/// The server refuses.
pub(super) async fn compare(
    connection: &mut Connection,
    staff: &HeaderValue,
    figures: &[Figures],
    plan: &Plan,
    variant_ids: &[String],
) -> anyhow::Result<bool> {
    let bar = output::progress(u64::try_from(figures.len())?, "comparing stock");
    let mut different = 0;
    for Figures { code, closing, .. } in figures {
        let path = format!("/admin/variants/{}/stock", variant_ids[*code]);
        let item: StockItem = connection.call(Call::get(&path).staff(staff)).await?.json()?;
        if item.available != Some(*closing) {
            different += 1;
            if different <= SHOWN_MAX {
                let available = item
                    .available
                    .map_or_else(|| "untracked".to_owned(), |units| units.to_string());
                let text = format!(
                    "stock\t{}\tavailable {available}, the file says {closing}",
                    plan.codes[*code].sku
                );
                bar.suspend(|| output::line(text))?;
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    output::line(format!(
        "closing stock: {} codes compared, {different} differ",
        figures.len()
    ))?;
    Ok(different == 0)
}

#[cfg(test)]
mod tests {
    use super::super::country::CountryMap;
    use super::*;

    fn read_stock(stock: &str) -> anyhow::Result<(Vec<Figures>, Plan)> {
        let directory = tempfile::tempdir()?;
        let rows = directory.path().join("rows.csv");
        let heading = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
        std::fs::write(
            &rows,
            format!("{heading}\n1,A,T,1,2011-01-01 10:00:00,1.00,,France\n"),
        )?;
        let mut plan = Plan::read(&rows, &CountryMap::read(None)?)?;
        let path = directory.path().join("stock.csv");
        std::fs::write(&path, stock)?;
        Ok((read(&path, &mut plan)?, plan))
    }

    #[test]
    fn codes_that_were_never_sold_are_added_to_the_plan() {
        let text = "StockCode,min_opening,closing,peak_row\nA,3,2,1\nB,0,5,\n";
        let (figures, plan) = read_stock(text).unwrap_or_else(|error| panic!("{error:#}"));
        let expected = [
            Figures {
                code: 0,
                opening: 3,
                closing: 2,
            },
            Figures {
                code: 1,
                opening: 0,
                closing: 5,
            },
        ];
        assert_eq!(figures, expected);
        assert_eq!(plan.codes[1].sku, "B");
    }

    #[test]
    fn codes_that_differ_by_blanks_are_one_and_none_stands_there_twice() {
        let text = "StockCode,min_opening,closing\nA,3,2\nB,1,1\n\"A \",4,0\n";
        let (figures, _) = read_stock(text).unwrap_or_else(|error| panic!("{error:#}"));
        let read: Vec<_> = figures
            .iter()
            .map(|one| (one.code, one.opening, one.closing))
            .collect();
        assert_eq!(read, [(0, 7, 2), (1, 1, 1)]);
        let twice = read_stock("StockCode,min_opening,closing\nA,3,2\nA,3,2\n").err();
        let said = twice.map(|error| format!("{error:#}")).unwrap_or_default();
        assert!(said.contains("line 3: \"A\" stands in line 2 already"), "{said}");
    }

    #[test]
    fn an_opening_stock_that_does_not_fit_beside_what_is_held_is_none() {
        let item = StockItem {
            reserved: 1,
            allocated: 2,
            buffer: 3,
            available: None,
        };
        for (available, on_hand) in [
            (4, Some(10)),
            (-7, Some(0)),
            (i64::MIN, Some(0)),
            (i64::MAX - 6, Some(i64::MAX)),
            (i64::MAX - 5, None),
            (i64::MAX, None),
        ] {
            assert_eq!(item.on_hand(available), on_hand, "{available}");
        }
    }

    #[test]
    fn figures_of_one_code_that_do_not_fit_together_are_told() {
        let twice = format!("StockCode,min_opening,closing\nA,{},0\n\"A \",1,0\n", i64::MAX);
        let said = read_stock(&twice).err().map(|error| format!("{error:#}"));
        assert!(
            said.as_deref()
                .is_some_and(|said| said.ends_with("line 3: too many units")),
            "{said:?}"
        );
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (row, part) in [
            ("A,3,", "each row needs"),
            ("A,x,2", "\"x\" is not a whole number"),
        ] {
            let error = read_stock(&format!("StockCode,min_opening,closing\n{row}\n")).err();
            let text = error.map(|error| format!("{error:#}")).unwrap_or_default();
            assert!(text.contains(part) && text.contains("line 2"), "{text}");
        }
    }
}
