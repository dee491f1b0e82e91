//! `cartwright serve` and `cartwright demo`: a store that runs until it is told to stop.

use crate::output;
use cartwright::App;
use cartwright::config::{Arguments, Config, Sources};
use cartwright::telemetry;
use cartwright_actors::runtime::ClockCheck;
use std::path::Path;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Serves the configured data directory.
///
/// # Errors
/// What keeps the store from starting or from closing.
pub(crate) async fn run(file: Option<&Path>, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let config = configured(file, arguments)?;
    let app = start(&config, arguments).await?;
    until_stopped(app).await
}

/// Reads the configuration and begins to log by it.
pub(super) fn configured(file: Option<&Path>, arguments: &Arguments) -> anyhow::Result<Config> {
    let config = Sources::of_process(file, arguments)?.load()?;
    telemetry::start(&config.log_level, config.log_format).map_err(anyhow::Error::msg)?;
    Ok(config)
}

/// Starts the store and says where it is. The first token goes to stdout, never to a log.
pub(super) async fn start(config: &Config, arguments: &Arguments) -> anyhow::Result<App> {
    let clock = if arguments.accept_clock {
        ClockCheck::Accept
    } else {
        ClockCheck::Strict
    };
    let app = App::start(config, clock).await?;
    output::line(format!("Cartwright listens on http://{}", app.address()))?;
    if let Some(token) = app.first_token() {
        output::line("This is the first start. The staff token, valid 30 days and shown only once:")?;
        output::line(token)?;
        output::line(format!(
            "Another one: cartwright token --data {}",
            config.data.display()
        ))?;
    }
    Ok(app)
}

/// Serves until SIGINT or SIGTERM.
pub(super) async fn until_stopped(app: App) -> anyhow::Result<ExitCode> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    app.run(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}
