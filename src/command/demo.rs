//! `cartwright demo`: `serve` with a real catalog loaded, and what to try next.

use super::{as_server, serve};
use crate::output;
use anyhow::Context;
use cartwright::config::Arguments;
use cartwright_actors::catalog::{ImportRow, Visibility};
use cartwright_actors::import::{ROWS_MAX, RowOutcome};
use cartwright_actors::{Engine, PAGE_LIMIT_MAX, Page, PageRequest, Request, new_seed};
use cartwright_domain::money::{Currency, Money, Price};
use cartwright_domain::territory::TerritoryDraft;
use cartwright_domain::{shipping, tax};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// A sample of a real shop's catalog; see `src/demo/ATTRIBUTION.md`.
const CATALOG: &str = include_str!("../demo/catalog.csv");
/// How long loading it may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// What standard shipping costs, and from which value of goods it is free, in pence.
const SHIPPING_PENCE: (i64, i64) = (395, 5_000);

/// Serves a store with the demo's catalog.
///
/// # Errors
/// What keeps the store from starting, being filled, or closing.
pub(crate) fn run(file: Option<&Path>, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let config = serve::configured(file, arguments)?;
    let filled = serve::serve(&config, arguments, async |app| {
        let filled = fill(app.engine()).await;
        match filled.context("the demo's catalog could not be loaded")? {
            true => explain(app.address()),
            false => Ok(output::line(
                "This directory holds a shop with other products or another currency: the demo's catalog was not loaded. \
                 Give the demo a directory of its own, for example --data ./demo-data.",
            )?),
        }
    });
    as_server(&config, filled)
}

/// Fills an empty store, and goes on with one that it had begun to fill. What is there is left alone: its stock has been
/// sold from, and a store that lacks some of the demo's products and has others is no demo. Tells whether it is one.
async fn fill(engine: &Engine) -> anyhow::Result<bool> {
    let rows = rows()?;
    let mut missing = Vec::new();
    for row in &rows {
        if !is_loaded(engine, &row.sku).await? {
            missing.push(row.clone());
        }
    }
    if missing.is_empty() {
        return Ok(true);
    }
    let currency = engine.settings().await?.state.currency;
    if currency != Currency::GBP || !has_begun_at_most(engine, &rows).await? {
        return Ok(false);
    }
    let request = || Request::internal("demo", new_seed(), PATIENCE);
    if !has_any(engine.tax_zones(first()).await?) {
        engine.create_tax_zone(&request(), tax_zone()).await?;
    }
    if !has_any(engine.shipping_methods(first()).await?) {
        engine
            .create_shipping_method(&request(), shipping_method())
            .await?;
    }
    let bar = output::progress(u64::try_from(missing.len())?, "loading the catalog");
    for batch in missing.chunks(ROWS_MAX) {
        for done in engine.import_catalog(&request(), batch.to_vec()).await? {
            if let RowOutcome::Refused(problem) = done.outcome {
                anyhow::bail!("{}: {problem}", done.subject);
            }
        }
        bar.inc(u64::try_from(batch.len())?);
    }
    bar.finish_and_clear();
    Ok(true)
}

/// Tells whether a row was loaded to its end, which is its stock.
async fn is_loaded(engine: &Engine, sku: &str) -> anyhow::Result<bool> {
    Ok(match engine.variant_by_sku(sku).await? {
        Some(variant) => engine.stock(variant).await?.is_some(),
        None => false,
    })
}

/// Tells whether there are no products but those that loading the rows makes.
async fn has_begun_at_most(engine: &Engine, rows: &[ImportRow]) -> anyhow::Result<bool> {
    let own: HashSet<&str> = rows.iter().filter_map(|row| row.title.as_deref()).collect();
    let mut page = first();
    page.limit = PAGE_LIMIT_MAX;
    loop {
        let found = engine.products(Visibility::All, page.clone()).await?;
        let mut titles = found.items.iter().map(|found| found.product.state.title.as_str());
        if titles.any(|title| !own.contains(title)) {
            return Ok(false);
        }
        page.cursor = found.next;
        if page.cursor.is_none() {
            return Ok(true);
        }
    }
}

fn first() -> PageRequest {
    PageRequest {
        limit: 1,
        cursor: None,
    }
}

fn has_any<T>(page: Page<T>) -> bool {
    !page.items.is_empty()
}

fn tax_zone() -> tax::Draft {
    let rates = [tax::RateDraft {
        category: "standard".to_owned(),
        name: "VAT 20%".to_owned(),
        rate: "0.2".to_owned(),
        ..tax::RateDraft::default()
    }];
    tax::Draft {
        name: Some("United Kingdom".to_owned()),
        territory: TerritoryDraft::of(&["GB"]),
        rates: Some(rates.into()),
    }
}

fn shipping_method() -> shipping::Draft {
    let pence = |amount| Money {
        amount,
        currency: Currency::GBP,
    };
    shipping::Draft {
        name: Some("Standard".to_owned()),
        territory: TerritoryDraft::of(&["*"]),
        price: Some(pence(SHIPPING_PENCE.0)),
        free_from: Some(Some(pence(SHIPPING_PENCE.1))),
        ..shipping::Draft::default()
    }
}

fn rows() -> anyhow::Result<Vec<ImportRow>> {
    let mut rows = Vec::new();
    for (index, record) in csv::Reader::from_reader(CATALOG.as_bytes())
        .deserialize()
        .enumerate()
    {
        let (sku, title, price, stock): (String, String, String, u64) = record?;
        rows.push(ImportRow {
            row: u64::try_from(index)? + 1,
            sku,
            title: Some(title),
            price: Some(Price::parse(&price, Currency::GBP)?),
            stock: Some(stock),
            ..ImportRow::default()
        });
    }
    Ok(rows)
}

fn explain(address: SocketAddr) -> anyhow::Result<()> {
    let base = format!("http://{address}");
    output::line(format!(
        "\nThe demo shop is open. Try, in another terminal:\n\n  \
         curl '{base}/api/v1/products?limit=3'\n  \
         curl -c jar -X POST {base}/api/v1/session\n  \
         curl -b jar -X POST {base}/api/v1/carts/current/lines -H 'content-type: application/json' \\\n    \
         -d '{{\"sku\":\"15036\",\"quantity\":2}}'\n\n\
         The rest of a purchase is in docs/book/guide/first-purchase.md; the API reference is at {base}/.\n\
         Stop with Ctrl-C."
    ))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_demo_catalog_can_be_read() {
        let rows = rows().unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(rows.len(), 300);
    }
}
