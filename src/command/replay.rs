//! `cartwright replay`: play a real shop's invoices through a running server, as its guests would.
//!
//! Each sale becomes an order of its own: a new session, a cart with a line per row at the row's price, an address in
//! the row's country, a checkout with the sandbox. Its total is compared with the sum of the rows, computed here with
//! integers. With a stock file, the other rows are played too, as stock adjustments, serially and in the file's order.

mod country;
mod plan;
mod play;
mod report;
mod stock;

use super::import::{self, ImportRow, Price};
use super::shop_setup;
use super::signals::Signals;
use crate::cli::Replay;
use crate::client::{Connection, Guest, Server};
use crate::output;
use anyhow::{Context, bail};
use country::CountryMap;
use futures::future::try_join_all;
use hyper::header::HeaderValue;
use plan::{Plan, Step};
use play::{Scene, Tax};
use report::Report;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// The currency of the "Online Retail" layout.
const CURRENCY: &str = "GBP";

/// How many connections look up variants.
const LOOK_UPS_AT_ONCE: usize = 8;

/// How many added codes are named.
const ADDED_SHOWN_MAX: usize = 20;

/// Runs the replay. The exit code is 1 unless every order matched and every closing figure is right.
///
/// # Errors
/// What stopped it, and what to do about it.
pub(crate) async fn run(arguments: Replay) -> anyhow::Result<ExitCode> {
    if arguments.stock.is_some() && 1 < arguments.concurrency {
        bail!("--stock plays the file in its order, one invoice after the other: leave --concurrency out");
    }
    let countries = CountryMap::read(arguments.country_map.as_deref())?;
    let mut plan = Plan::read(&arguments.file, &countries)?;
    let left_out = match arguments.stock {
        Some(_) => BTreeMap::new(),
        None => plan.besides_sales(),
    };
    if let Some(most) = arguments.limit {
        plan.limit(most, arguments.stock.is_none());
    }
    let figures = match &arguments.stock {
        Some(path) => stock::read(path, &mut plan)?,
        None => Vec::new(),
    };
    let steps = match arguments.stock {
        Some(_) => plan.movements(),
        None => plan.orders(),
    };
    if steps.is_empty() {
        bail!(
            "nothing of {} is to be played: it holds no sale, or --limit leaves none",
            arguments.file.display()
        );
    }

    let server = Server::new(&arguments.remote)?;
    let staff = server.staff()?.clone();
    let mut connection = Connection::open(&server).await?;
    let read = [
        Some(&arguments.file),
        arguments.stock.as_ref(),
        arguments.country_map.as_ref(),
    ];
    let report = |path| output::report(path, read.into_iter().flatten().map(PathBuf::as_path));
    let report_file = arguments.report.as_deref().map(report).transpose()?;
    let tax = if arguments.vat {
        shop_setup::require_net_prices(&mut connection, &staff).await?;
        Tax::AtInvoiceDate
    } else {
        shop_setup::ensure_no_tax(&mut connection, &staff).await?;
        Tax::None
    };
    let shipping_method_id = shop_setup::ensure_free_shipping(&mut connection, &staff, CURRENCY).await?;
    let variant_ids = resolve(&server, &mut connection, &staff, &plan).await?;
    stock::open(&mut connection, &staff, &figures, &plan, &variant_ids).await?;

    if !left_out.is_empty() {
        let kinds: Vec<String> = left_out
            .iter()
            .map(|(kind, count)| format!("{} {count}", kind.name()))
            .collect();
        output::line(format!(
            "not played: what is no sale ({}); --stock plays it as changes of stock",
            kinds.join(", ")
        ))?;
    }
    let report = RefCell::new(Report::default());
    let scene = Scene {
        plan: &plan,
        staff: &staff,
        variant_ids: &variant_ids,
        shipping_method_id,
        tax,
        report: &report,
    };
    let stopped = play_all(&server, &scene, &steps, usize::from(arguments.concurrency)).await?;
    let report = report.into_inner();
    report.print(&plan)?;
    if let Some(file) = report_file {
        report.write(&plan, file)?;
    }
    if let Some(error) = stopped {
        return Err(error.context("the replay stopped before its end"));
    }
    let stock_is_right = match (&arguments.stock, arguments.limit) {
        (None, _) => true,
        (Some(_), Some(_)) => {
            output::line("closing stock: not compared, as not all invoices were played")?;
            true
        }
        (Some(_), None) => stock::compare(&mut connection, &staff, &figures, &plan, &variant_ids).await?,
    };
    Ok(if report.all_matched() && stock_is_right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Plays the steps over so many connections, and returns what stopped it, if anything did.
async fn play_all(
    server: &Server,
    scene: &Scene<'_>,
    steps: &[Step],
    at_once: usize,
) -> anyhow::Result<Option<anyhow::Error>> {
    let mut signals = Signals::heed()?;
    let bar = output::progress(u64::try_from(steps.len())?, "playing");
    let next = Cell::new(0);
    let mut guests = Vec::new();
    for _ in 0..at_once.min(steps.len()) {
        guests.push(Guest::new(Connection::open(server).await?));
    }
    let started = Instant::now();
    let play = async |mut guest: Guest| -> anyhow::Result<()> {
        loop {
            let at = next.get();
            let Some(step) = steps.get(at) else { return Ok(()) };
            next.set(at + 1);
            let outcome = scene.play(&mut guest, *step).await?;
            scene.report.borrow_mut().record(at, *step, outcome);
            bar.inc(1);
        }
    };
    let playing = try_join_all(guests.into_iter().map(play));
    let stopped = tokio::select! {
        played = playing => played.err(),
        () = signals.stop() => Some(anyhow::anyhow!("it was interrupted")),
    };
    bar.finish_and_clear();
    scene.report.borrow_mut().finish(started.elapsed());
    Ok(stopped)
}

/// Finds the variant of every code, and adds the codes that the catalog does not have.
async fn resolve(
    server: &Server,
    connection: &mut Connection,
    staff: &HeaderValue,
    plan: &Plan,
) -> anyhow::Result<Vec<String>> {
    let found = look_up(server, staff, plan).await?;
    let missing: Vec<usize> = (0..found.len()).filter(|index| found[*index].is_none()).collect();
    if missing.is_empty() {
        return found
            .into_iter()
            .map(|id| id.context("every code was found"))
            .collect();
    }

    let mut rows = Vec::with_capacity(missing.len());
    for index in &missing {
        let code = &plan.codes[*index];
        let price = code.price.map(|price| Price {
            unit_price: price.to_string(),
            currency: CURRENCY.to_owned(),
        });
        rows.push(ImportRow {
            title: code.title.clone(),
            price,
            ..ImportRow::of(u64::try_from(*index)?, code.sku.clone())
        });
    }
    if let Some(refused) = import::send(connection, staff, &rows).await? {
        bail!(
            "the code {:?} is not in the catalog and cannot be added: {}",
            refused.subject,
            refused
                .message
                .as_deref()
                .or(refused.error.as_deref())
                .unwrap_or("no reason given")
        );
    }
    let named: Vec<&str> = missing
        .iter()
        .take(ADDED_SHOWN_MAX)
        .map(|index| plan.codes[*index].sku.as_str())
        .collect();
    let more = if ADDED_SHOWN_MAX < missing.len() {
        ", …"
    } else {
        ""
    };
    output::line(format!(
        "added {} codes that the catalog did not have: {}{more}",
        missing.len(),
        named.join(", ")
    ))?;
    let found = look_up(server, staff, plan).await?;
    let mut ids = Vec::with_capacity(found.len());
    for (id, code) in found.into_iter().zip(&plan.codes) {
        ids.push(id.with_context(|| format!("the code {:?} was added but is not found", code.sku))?);
    }
    Ok(ids)
}

async fn look_up(server: &Server, staff: &HeaderValue, plan: &Plan) -> anyhow::Result<Vec<Option<String>>> {
    let bar = output::progress(u64::try_from(plan.codes.len())?, "finding variants");
    let next = Cell::new(0);
    let found = RefCell::new(vec![None; plan.codes.len()]);
    let look_up = async || -> anyhow::Result<()> {
        let mut connection = Connection::open(server).await?;
        loop {
            let at = next.get();
            let Some(code) = plan.codes.get(at) else {
                return Ok(());
            };
            next.set(at + 1);
            let id = shop_setup::find_variant(&mut connection, staff, &code.sku).await?;
            found.borrow_mut()[at] = id;
            bar.inc(1);
        }
    };
    try_join_all((0..LOOK_UPS_AT_ONCE).map(|_| look_up())).await?;
    bar.finish_and_clear();
    Ok(found.into_inner())
}
