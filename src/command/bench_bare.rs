//! stub
use crate::cli::BenchBare;
use std::process::ExitCode;
pub(crate) async fn run(_arguments: BenchBare) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
