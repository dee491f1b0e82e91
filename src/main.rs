//! The `cartwright` binary: a server, and the clients of a running one.

mod cli;
mod client;
mod command;
mod latencies;
mod money;
mod output;
mod table;

use anyhow::Context;
use clap::Parser;
// Linked for its `malloc`, which Rust's allocator asks.
use mimalloc as _;
use rustix::process::Signal;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match outlive_file_limits().and_then(|()| command::run(cli)) {
        Ok(code) => code,
        Err(error) => {
            output::complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// From now on a write past the limit of the size of files fails and is told, where it would end the process without a
/// word. Whoever heeds the signal is gone at once; that it was heeded stays.
fn outlive_file_limits() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let _entered = runtime.enter();
    let heeded = signal(SignalKind::from_raw(Signal::XFSZ.as_raw()));
    heeded.map(drop).context("the signal SIGXFSZ cannot be heeded")
}
