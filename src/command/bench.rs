//! `cartwright bench`: load on a server, next to what this machine allows in the same run.
//!
//! One work is measured on a running server: every connection sends its next request when the last is answered, unless
//! so many a second are asked for. After a warm-up the server's own counters are read, the load is measured, and the
//! counters are read again. In turn with the server, the same client puts the same load on a bare handler with bodies of
//! the same size; then the disk is asked how many group writes of the same size it makes durable. A suite measures all
//! works, each on a server of its own, and what becomes of them as the shop grows, and judges what it finds by the goals.

mod counters;
mod figures;
mod goals;
mod growth;
mod limits;
mod load;
mod machine;
mod own_server;
mod page;
mod page_growth;
mod plot;
mod report;
mod suite;
mod turns;
mod work;

use crate::cli::{Bench, Work};
use crate::client::Server;
use crate::output;
use anyhow::{Context, bail};
use figures::Figures;
use limits::Limits;
use load::Pace;
use report::Report;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use work::{Load, Shop};

/// W9 has so many times fewer carts than the growth goes up to.
const SLEEPING_DIVISOR: u32 = 100;

/// Fewer would come round before they sleep.
const SLEEPING_MIN: u32 = 400;

/// How many sleeping carts must be woken in a thousand operations of W9.
const WAKES_PERMILLE_MIN: u64 = 950;

/// How many mails must be written while a thousand purchases are made: those of others may still be to come.
const MAILS_PERMILLE_MIN: u64 = 950;

/// What holds for everything that is measured.
#[derive(Clone, Debug)]
struct Settings {
    time: Duration,
    connections: Option<u16>,
    /// How often works are measured that goals are about.
    rounds: u8,
    /// How many carts the growth goes up to.
    carts: u32,
    /// A directory on the disk to measure.
    directory: PathBuf,
    limits: bool,
    pace: Pace,
}

impl Settings {
    fn of(arguments: &Bench) -> Self {
        Self {
            time: arguments.seconds,
            connections: arguments.connections,
            rounds: arguments.rounds,
            carts: arguments.carts,
            directory: arguments.data_dir.clone().unwrap_or_else(std::env::temp_dir),
            limits: !arguments.no_limits,
            pace: arguments.rate.map_or(Pace::Closed, Pace::PerSecond),
        }
    }

    fn load(&self, work: Work) -> Load {
        let sleeping =
            usize::try_from((self.carts / SLEEPING_DIVISOR).max(SLEEPING_MIN)).unwrap_or(usize::MAX);
        Load::of(work, self.connections, sleeping)
    }
}

/// Runs a bench. The exit code is 1 when operations failed.
///
/// # Errors
/// The server cannot be used, and what to do about it.
pub(crate) async fn run(arguments: Bench) -> anyhow::Result<ExitCode> {
    tokio::select! {
        ended = measure(arguments) => ended,
        // Returning ends the servers and removes their directories.
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    }
}

async fn measure(arguments: Bench) -> anyhow::Result<ExitCode> {
    let settings = Settings::of(&arguments);
    if let Some(file) = arguments
        .json
        .as_deref()
        .filter(|file| *file != Path::new(output::STDOUT))
    {
        // Told before the work, which may take long.
        let opened = std::fs::File::options().create(true).append(true).open(file);
        opened.with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(work) = arguments.work {
        let server = Server::new(&arguments.remote)?;
        let measured = one(&server, settings.load(work), &settings).await?;
        let table = measured.figures.table();
        write(arguments.json.as_deref(), &measured.figures, Some(&table))?;
        return Ok(exit_code(measured.figures.errors));
    }
    let mut report = match &arguments.from {
        Some(file) => Report::read(file)?,
        None => Report::default(),
    };
    if arguments.all || arguments.growth {
        let now = machine::about(&settings)?;
        let before = report.about.filter(|_| !(arguments.all && arguments.growth));
        report.about = Some(match before {
            Some(before) => before.beside(now)?,
            None => now,
        });
    }
    if arguments.all {
        report.rounds = suite::rounds(&settings).await?;
    }
    if arguments.growth {
        report.growth = Some(growth::growth(&settings).await?);
    }
    let table = report.table();
    write(arguments.json.as_deref(), &report.judged(), Some(&table))?;
    if let Some(file) = &arguments.page {
        write_page(file, &report)?;
    }
    let of_works = report.rounds.iter().flat_map(|round| &round.figures);
    let of_growth = report.growth.as_ref().map_or(0, goals::failed);
    Ok(exit_code(
        of_works.map(|figures| figures.errors).sum::<u64>() + of_growth,
    ))
}

/// Writes JSON where it is wanted, and the table unless the JSON takes its place.
fn write(json: Option<&Path>, figures: &impl serde::Serialize, table: Option<&str>) -> anyhow::Result<()> {
    let is_stdout = json.is_some_and(|file| file == Path::new(output::STDOUT));
    match json {
        None => {}
        Some(_) if is_stdout => output::line(serde_json::to_string(figures)?)?,
        Some(file) => {
            let text = serde_json::to_string_pretty(figures)? + "\n";
            std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
        }
    }
    if let Some(table) = table.filter(|_| !is_stdout) {
        output::line(table)?;
    }
    Ok(())
}

/// Writes the page, and the plot beside it under the page's name.
fn write_page(file: &Path, report: &Report) -> anyhow::Result<()> {
    let plot = file.with_extension("svg");
    let name = plot.file_name().context("the page's name is a file's")?;
    let wrote = |file: &Path| format!("cannot write {}", file.display());
    std::fs::write(&plot, plot::svg(&goals::judge(report))?).with_context(|| wrote(&plot))?;
    std::fs::write(file, page::page(report, &name.to_string_lossy())).with_context(|| wrote(file))?;
    Ok(())
}

fn exit_code(failed: u64) -> ExitCode {
    match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// One work's figures, and what they were made of.
struct Measured {
    figures: Figures,
    shop: Shop,
}

/// Measures one work on a server, and its limits.
async fn one(server: &Server, load: Load, settings: &Settings) -> anyhow::Result<Measured> {
    let Settings { time, pace, .. } = *settings;
    let shop = Shop::set_up(server, load).await?;
    let turns = shop.turns(pace, time).await?;
    let (run, limits) = if settings.limits {
        // A purchase is many requests, and there is no bare handler of many.
        let (run, bare) = if load.is_purchase() {
            (turns.alone().await?, None)
        } else {
            let [run, bare] = limits::beside_bare_handler(turns).await?;
            (run, Some(bare))
        };
        let disk = match run.bytes_per_group() {
            Some(group_bytes) => Some(limits::disk(settings.directory.clone(), group_bytes, time).await?),
            None => None,
        };
        (run, Some(Limits { bare, disk }))
    } else {
        (turns.alone().await?, None)
    };
    let figures = Figures::of(load, pace, &run, limits.as_ref());
    if let Some(error) = &run.first_error {
        output::note(format!(
            "{}: {} operations failed, the first: {error}",
            figures.work, run.errors
        ));
    }
    warn_if_other(load, &figures);
    Ok(Measured { figures, shop })
}

/// Says so where what was measured is not the work: where W9 has found carts that did not sleep, and where mails are later
/// than the purchases that they belong to.
fn warn_if_other(load: Load, figures: &Figures) {
    let Figures {
        wakes_permille,
        mails_permille,
        ..
    } = figures;
    if load.work == Work::W9 && *wakes_permille < WAKES_PERMILLE_MIN {
        output::note(format!(
            "w9: only {wakes_permille} in 1000 operations woke a sleeping cart; start the server with \
             CARTWRIGHT_RESIDENT_IDLE_MS=100, and raise --carts"
        ));
    }
    if load.is_purchase() && *mails_permille < MAILS_PERMILLE_MIN {
        output::note(format!(
            "{}: only {mails_permille} mails were written while 1000 purchases were made, so that a part of their cost is \
             not in these figures",
            load.work.name()
        ));
    }
}
