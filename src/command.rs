//! One module a subcommand.

mod bench;
mod bench_bare;
mod config;
mod demo;
mod disk_check;
mod export;
mod import;
mod judge;
mod replay;
mod serve;
mod shop_setup;
mod signals;
mod token;

use crate::cli::{Cli, Command};
use cartwright::config::{Config, LogFormat};
use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;
use tracing::Level;

/// How many tasks a worker runs before it looks at what came from outside the runtime: above all verdicts, which the
/// committer hands on from a thread of its own, and for which everybody waits who asks of one busy entity. Left alone, a
/// busy worker looks every 0.2 ms. See ADR 0015.
const TASKS_BETWEEN_LOOKS: u32 = 8;

/// How long the end of a server waits for threads that are at work and that nobody asks any more.
const UNFINISHED_MAX: Duration = Duration::from_millis(500);

/// Runs what the command line asks for.
///
/// # Errors
/// What stopped it, in words for the person at the keyboard.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let file = cli.config.as_deref();
    match cli.command {
        Command::Serve(arguments) => serve::run(file, &arguments),
        Command::Demo(arguments) => demo::run(file, &arguments),
        Command::Import(arguments) => as_client(import::run(arguments)),
        Command::Export(arguments) => as_client(export::run(arguments)),
        Command::Judge(arguments) => as_client(judge::run(arguments)),
        Command::Replay(arguments) => as_client(replay::run(arguments)),
        Command::Bench(arguments) => as_client(bench::run(arguments)),
        Command::BenchBare(arguments) => bench_bare::run(&arguments),
        Command::DiskCheck(arguments) => disk_check::run(file, &arguments),
        Command::Token(arguments) => token::run(file, &arguments),
        Command::Config { action } => config::run(file, &action),
    }
}

/// Runs a client. One thread is enough to keep a server busy, and leaves it the other cores.
fn as_client(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

/// Runs a server, on as many threads as the configuration says. A thread that has nothing left to do lets whoever waits
/// for its core go first: what that hands it, a verdict or a request, it then finds without having slept.
///
/// Where logs are for machines, what ends it is a log record, too: every line of theirs is one.
fn as_server(
    config: &Config,
    work: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.worker_threads())
        .global_queue_interval(TASKS_BETWEEN_LOOKS)
        .on_thread_park(std::thread::yield_now)
        .enable_all()
        .build()?;
    let ended = runtime.block_on(work);
    // A store that is still being opened is left as it is; what else goes on would come again after a crash.
    runtime.shutdown_timeout(UNFINISHED_MAX);
    let is_logged = config.log_format == LogFormat::Json && tracing::enabled!(Level::ERROR);
    match ended {
        Err(error) if is_logged => {
            tracing::error!("{error:#}");
            Ok(ExitCode::FAILURE)
        }
        ended => ended,
    }
}
