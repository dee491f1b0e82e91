//! `cartwright token`: issue a staff token from the data directory's key, without asking or stopping the server.

use crate::cli::Token;
use crate::output;
use anyhow::Context;
use cartwright::config::{Arguments, Sources};
use cartwright_domain::Timestamp;
use cartwright_domain::caller::Role;
use cartwright_http::auth::StaffKeys;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Prints a token to stdout.
///
/// # Errors
/// There is no key, it may be read by others, or time or name are none that a token may have.
pub(crate) fn run(file: Option<&Path>, arguments: &Token) -> anyhow::Result<ExitCode> {
    let overrides = Arguments {
        data: arguments.data.clone(),
        ..Arguments::default()
    };
    let data = Sources::of_process(file, &overrides)?.load()?.data;
    let advice = || {
        format!(
            "no token can be issued from {}; name the data directory of a server that was started once with --data DIR",
            data.display()
        )
    };
    let keys = StaffKeys::load(&data).with_context(advice)?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    let now = Timestamp::from_millis(i64::try_from(now.as_millis())?);
    output::line(keys.issue(&arguments.name, Role::Admin, arguments.days, now)?)?;
    Ok(ExitCode::SUCCESS)
}
