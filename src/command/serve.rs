//! `cartwright serve` and `cartwright demo`: a store that runs until it is told to stop.

use super::as_server;
use super::signals::Signals;
use crate::output;
use cartwright::config::{Arguments, Config, Sources};
use cartwright::telemetry;
use cartwright::{App, FirstToken};
use cartwright_actors::runtime::ClockCheck;
use cartwright_http::auth::TOKEN_DAYS_DEFAULT;
use std::path::Path;
use std::process::ExitCode;

/// What the line with the address begins with.
pub(super) const LISTENS: &str = "Cartwright listens on ";

/// Serves the configured data directory.
///
/// # Errors
/// What keeps the store from starting or from closing.
pub(crate) fn run(file: Option<&Path>, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let config = configured(file, arguments)?;
    as_server(&config, serve(&config, arguments, async |_| Ok(())))
}

/// Reads the configuration and begins to log by it.
pub(super) fn configured(file: Option<&Path>, arguments: &Arguments) -> anyhow::Result<Config> {
    let config = Sources::of_process(file, arguments)?.load()?;
    telemetry::start(&config.log_level, config.log_format).map_err(anyhow::Error::msg)?;
    telemetry::log_panics();
    Ok(config)
}

/// Starts the store, prepares it, and serves it until SIGINT or SIGTERM. Whoever asks it to stop is heard from the
/// first moment on: what is not yet open is left as it is, as a crash would leave it.
pub(super) async fn serve(
    config: &Config,
    arguments: &Arguments,
    prepare: impl AsyncFnOnce(&App) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::heed()?;
    let open = async {
        let app = start(config, arguments).await?;
        prepare(&app).await?;
        anyhow::Ok(app)
    };
    let app = tokio::select! {
        app = open => app?,
        () = signals.stop() => {
            tracing::info!("stopped before the store was open");
            return Ok(ExitCode::SUCCESS);
        }
    };
    app.run(async move {
        signals.stop().await;
        tracing::info!("stopping");
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}

/// Starts the store and says where it is. The first token goes to stdout, never to a log.
async fn start(config: &Config, arguments: &Arguments) -> anyhow::Result<App> {
    let clock = if arguments.accept_clock {
        ClockCheck::Accept
    } else {
        ClockCheck::Strict
    };
    let app = App::start(config, clock).await?;
    output::line(format!("{LISTENS}http://{}", app.address()))?;
    if let Some(FirstToken { token, had_data }) = app.first_token() {
        let why = if *had_data {
            "A new key for staff tokens was made: there was data and no key, and earlier tokens are refused."
        } else {
            "This is the first start."
        };
        output::line(format!(
            "{why} The staff token, valid {TOKEN_DAYS_DEFAULT} days and shown only once:"
        ))?;
        output::line(token)?;
    }
    // Also where the first start was killed before it had told its own.
    output::line(format!(
        "Another staff token: cartwright token --data {}",
        config.data.display()
    ))?;
    Ok(app)
}
