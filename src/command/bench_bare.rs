//! `cartwright bench-bare`: a handler that does nothing but read and write JSON, to compare with.

use super::as_server;
use crate::cli::BenchBare;
use crate::output;
use axum::extract::State;
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use cartwright::config::Config;
use serde::Serialize;
use std::process::ExitCode;
use tokio::net::TcpListener;

#[derive(Clone, Serialize)]
struct Padding {
    padding: String,
}

/// Serves until it is killed, on as many threads as the servers that the bench starts. Prints its address first.
///
/// # Errors
/// No address to listen on.
pub(crate) fn run(arguments: &BenchBare) -> anyhow::Result<ExitCode> {
    as_server(&Config::default(), serve(arguments))
}

async fn serve(arguments: &BenchBare) -> anyhow::Result<ExitCode> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    output::line(format!("http://{}", listener.local_addr()?))?;
    let size = arguments.response_bytes.saturating_sub(r#"{"padding":""}"#.len());
    let state = Padding {
        padding: "x".repeat(size),
    };
    let answer = async |State(padding): State<Padding>| Json(padding);
    let read_and_answer = async |State(padding): State<Padding>, Json(read): Json<serde_json::Value>| {
        drop(read);
        Json(padding)
    };
    let router = Router::new()
        .fallback(get(answer).post(read_and_answer))
        .with_state(state);
    // As the real server does; where it fails, answers only come a little later.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router).await?;
    Ok(ExitCode::SUCCESS)
}
