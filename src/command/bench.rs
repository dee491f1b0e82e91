//! stub
use crate::cli::Bench;
use std::process::ExitCode;
pub(crate) async fn run(_arguments: Bench) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
