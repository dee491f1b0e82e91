//! `cartwright bench`: load on a server, next to what this machine allows in the same run.
//!
//! One work is measured on a running server: every connection sends its next request when the last is answered, unless
//! so many a second are asked for. After a warm-up the server's own counters are read, the load is measured, and the
//! counters are read again. In turn with the server, the same client puts the same load on a bare handler with bodies of
//! the same size; then the disk is asked how many group writes of the same size it makes durable. A suite measures all
//! works, each on a server of its own, and what becomes of them as the shop grows, and judges what it finds by the goals.

mod counters;
mod figures;
mod files;
mod goals;
mod growth;
#[cfg(test)]
mod json_test;
mod limits;
mod load;
mod machine;
mod own_server;
mod page;
mod page_growth;
mod page_text;
mod plot;
mod report;
mod said;
mod suite;
mod turns;
mod warnings;
mod work;

use super::signals::Signals;
use crate::cli::{Bench, Work};
use crate::client::Server;
use crate::output;
use anyhow::{Context, bail, ensure};
use cartwright::process;
use figures::Figures;
use files::{Tried, cannot_write, plot_of};
use limits::Limits;
use load::Pace;
use report::Report;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use turns::PARTS;
use work::{Load, Shop};

/// The scale that the goals are set for: less of it says little about them.
const GOAL_CARTS: u64 = 1_000_000;
const GOAL_TIME: Duration = Duration::from_secs(5);
const GOAL_ROUNDS: usize = 3;

/// The most lines a cart may hold.
const LARGEST_CART: u64 = 2_000;

/// How many files are open for each connection at most: of two servers in turn, or of a server and the bare handler.
const FILES_PER_CONNECTION: u64 = 2;

/// Those beside the connections.
const OTHER_FILES: u64 = 64;

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

    /// Returns how soon the index of a bench's own server is told of a change, where it is not as by default: of a turn shorter
    /// than a goal is about it would otherwise be told long after its end.
    fn index_after_ms(&self) -> Option<u128> {
        let turn = self.time / PARTS;
        (self.time < GOAL_TIME).then(|| (2 * turn).as_millis().max(1))
    }
}

/// Runs a bench. The exit code is 1 when operations failed.
///
/// # Errors
/// The server cannot be used, and what to do about it.
pub(crate) async fn run(arguments: Bench) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::heed()?;
    tokio::select! {
        ended = measure(arguments) => ended,
        // Returning ends the servers and removes their directories.
        () = signals.stop() => bail!("it was interrupted"),
    }
}

async fn measure(arguments: Bench) -> anyhow::Result<ExitCode> {
    let settings = Settings::of(&arguments);
    // What is wrong is told before the work, which may take long.
    let mut report = match &arguments.from {
        Some(file) => Report::read(file)?,
        None => Report::default(),
    };
    let _tried = Tried::all(arguments.json.as_deref(), arguments.page.as_deref())?;
    let is_suite = arguments.all || arguments.growth;
    if is_suite || (arguments.work.is_some() && settings.limits) {
        ensure_usable(&settings.directory)?;
    }
    if is_suite || arguments.work.is_some() {
        ensure_files(arguments.connections, process::raise_open_files())?;
    }
    if let Some(work) = arguments.work {
        let server = Server::new(&arguments.remote)?;
        let measured = one(&server, settings.load(work), &settings).await?;
        let table = measured.figures.table();
        write(arguments.json.as_deref(), &measured.figures, Some(&table))?;
        return Ok(exit_code(measured.figures.errors));
    }
    let began = Instant::now();
    if is_suite {
        let now = machine::about(&settings, arguments.data_dir.is_some())?;
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
    if let Some(about) = report.about.as_mut().filter(|_| is_suite) {
        about.run_ms += u64::try_from(began.elapsed().as_millis())?;
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
            std::fs::write(file, text).with_context(|| cannot_write(file))?;
        }
    }
    if let Some(table) = table.filter(|_| !is_stdout) {
        output::line(table)?;
    }
    Ok(())
}

/// Writes the page, and the plot beside it under the page's name.
fn write_page(file: &Path, report: &Report) -> anyhow::Result<()> {
    let plot = plot_of(file);
    let name = plot.file_name().context("the page's name is a file's")?;
    std::fs::write(&plot, plot::svg(&goals::judge(report))?).with_context(|| cannot_write(&plot))?;
    std::fs::write(file, page::page(report, &name.to_string_lossy())).with_context(|| cannot_write(file))?;
    Ok(())
}

/// Refuses a directory in which nothing can be written.
fn ensure_usable(directory: &Path) -> anyhow::Result<()> {
    let named = || {
        format!(
            "cannot measure in {}; name a directory with --data-dir",
            directory.display()
        )
    };
    tempfile::tempfile_in(directory).with_context(named)?;
    Ok(())
}

/// Refuses more connections than this process may have open.
fn ensure_files(connections: Option<u16>, open_files_max: Option<u64>) -> anyhow::Result<()> {
    let (Some(connections), Some(open_files_max)) = (connections, open_files_max) else {
        return Ok(());
    };
    let needed = FILES_PER_CONNECTION * u64::from(connections) + OTHER_FILES;
    ensure!(
        needed <= open_files_max,
        "{connections} connections take up to {needed} open files, and this process may have {open_files_max}: raise \
         `ulimit -n`, or lower --connections"
    );
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
    let mut turns = shop.turns(pace, time).await?;
    if !load.is_change() {
        turns.until_quiet().await?;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_connections_than_files_may_be_open_are_refused() {
        assert!(ensure_files(Some(480), Some(1_024)).is_ok());
        let refused = ensure_files(Some(481), Some(1_024)).expect_err("that is too many");
        assert!(
            refused
                .to_string()
                .starts_with("481 connections take up to 1026 open files")
        );
        assert!(ensure_files(None, Some(1_024)).is_ok());
        assert!(ensure_files(Some(4_096), None).is_ok());
    }

    #[test]
    fn the_index_is_told_sooner_where_turns_are_shorter_than_the_goals_are_about() {
        let index_after_ms = |time| {
            let settings = Settings {
                time,
                connections: None,
                rounds: 1,
                carts: 100,
                directory: PathBuf::new(),
                limits: true,
                pace: Pace::Closed,
            };
            settings.index_after_ms()
        };
        assert_eq!(index_after_ms(GOAL_TIME), None);
        assert_eq!(index_after_ms(Duration::from_millis(200)), Some(80));
        assert_eq!(index_after_ms(Duration::from_nanos(1)), Some(1));
    }
}
