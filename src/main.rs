//! The `cartwright` binary: a server, and the clients of a running one.

mod cli;
mod client;
mod command;
mod latencies;
mod money;
mod output;
mod table;

use clap::Parser;
// Linked for its `malloc`, which Rust's allocator asks.
use mimalloc as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match command::run(cli) {
        Ok(code) => code,
        Err(error) => {
            output::complain(&error);
            ExitCode::FAILURE
        }
    }
}
