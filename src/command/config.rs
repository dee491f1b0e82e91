//! `cartwright config`: print, check and explain the configuration.

use crate::cli::ConfigAction;
use crate::output;
use cartwright::config::{EXAMPLE, Sources};
use std::path::Path;
use std::process::ExitCode;

/// Runs one of the configuration's actions.
///
/// # Errors
/// Every fault of the configuration.
pub(crate) fn run(file: Option<&Path>, action: &ConfigAction) -> anyhow::Result<ExitCode> {
    match action {
        ConfigAction::Default => output::line(EXAMPLE.trim_end())?,
        ConfigAction::Check(arguments) => {
            Sources::of_process(file, arguments)?.load()?;
            output::line("the configuration is fine")?;
        }
        ConfigAction::Show(arguments) => {
            for explained in Sources::of_process(file, arguments)?.explain()? {
                output::line(format!(
                    "{} = {}  # {}",
                    explained.option, explained.value, explained.source
                ))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
