//! Logs: to stderr, as text for people or as JSON for machines.

use crate::config::LogFormat;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts logging to stderr for the rest of the process.
///
/// `level` is a filter such as `info` or `info,cartwright_storage=debug`. A second call changes nothing, so that
/// tests may start several servers in one process.
///
/// # Errors
/// A sentence when the filter cannot be read.
pub fn start(level: &str, format: LogFormat) -> Result<(), String> {
    let filter = EnvFilter::builder()
        .parse(level)
        .map_err(|error| format!("log_level: {error}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // Only a subscriber that is already there refuses, and that one goes on logging.
    drop(started);
    Ok(())
}
