//! Logs: to stderr, as text for people or as JSON for machines.

use crate::config::LogFormat;
use std::io::{self, IsTerminal, Write};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// Starts logging to stderr for the rest of the process.
///
/// `level` is a filter such as `info` or `info,cartwright_storage=debug`. A second call changes nothing, so that
/// tests may start several servers in one process.
///
/// # Errors
/// A sentence when the filter cannot be read.
pub fn start(level: &str, format: LogFormat) -> Result<(), String> {
    let filter = filter(level).map_err(|error| format!("log_level: {error}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Unfailing(io::stderr()));
    let started = match format {
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // Only a subscriber that is already there refuses, and that one goes on logging.
    drop(started);
    Ok(())
}

/// A writer that never fails: what cannot be written is lost. Nothing may depend on whether its log is read, or has room;
/// whoever writes records panics otherwise.
struct Unfailing<W>(W);

impl<W: Write> Write for Unfailing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.0.write(bytes).unwrap_or(bytes.len()))
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

/// Reads which records are written.
///
/// # Errors
/// A sentence when it cannot be read, or names no level at all: a misspelled level would be taken for a module, and
/// silence everything else.
pub(crate) fn filter(level: &str) -> Result<EnvFilter, String> {
    let ending = |directive: &str| directive.rsplit('=').next().unwrap_or_default().trim().to_owned();
    let names_level = |directive: &str| ending(directive).parse::<LevelFilter>().is_ok();
    if !level.split(',').any(names_level) {
        return Err("it names none of off, error, warn, info, debug and trace".to_owned());
    }
    EnvFilter::builder()
        .parse(level)
        .map_err(|error| error.to_string())
}
