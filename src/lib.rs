//! Cartwright: a commerce engine in one self-contained binary.
//!
//! This crate is the composition root: it reads the configuration, chooses the parts, and starts and stops them.

pub mod config;
pub mod process;
pub mod telemetry;
mod wire;

use crate::config::Config;
use anyhow::Context;
use cartwright_actors::Engine;
use cartwright_actors::runtime::ClockCheck;
use cartwright_domain::caller::Role;
use cartwright_http::auth::{Created, StaffKeys, TOKEN_DAYS_DEFAULT};
use cartwright_http::layer::Around;
use cartwright_http::server::{Ended, Server};
use cartwright_storage::Position;
use std::fs::DirBuilder;
use std::future::Future;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::time::Duration;
use tokio::time::Instant;

/// Whom the token of a start names.
const FIRST_STAFF: &str = "admin";

/// The permissions of a data directory that is made here: it holds customers' addresses and the key of all tokens.
const DATA_DIRECTORY_MODE: u32 = 0o700;

/// The token by a key that this start has made.
#[derive(Clone, Debug)]
pub struct FirstToken {
    /// The token. It is shown once and kept nowhere.
    pub token: String,
    /// Whether the data directory held data, so that the key took the place of another one.
    pub had_data: bool,
}

/// A store that is open for business: the engine, and the server in front of it.
pub struct App {
    engine: Engine,
    server: Server,
    around: Around,
    first_token: Option<FirstToken>,
    drain: Duration,
}

impl App {
    /// Starts everything on the configured data directory. The address is taken first, so that a busy port costs
    /// nothing; connections wait until [`App::run`].
    ///
    /// # Errors
    /// What is in the way, in words for the operator: the port, the directory, damaged or newer data, the clock.
    pub async fn start(config: &Config, clock: ClockCheck) -> anyhow::Result<Self> {
        let server = Server::bind(config.listen, wire::server_options(config)).await?;
        let data = config.data.clone();
        let mut directory = DirBuilder::new();
        directory
            .recursive(true)
            .mode(DATA_DIRECTORY_MODE)
            .create(&data)
            .with_context(|| format!("cannot make the data directory {}", data.display()))?;
        let (parts, found) = wire::parts(config, clock).await?;
        let engine = Engine::start(parts).await?;
        let (staff, created) = StaffKeys::load_or_create(&data)?;
        let first_token = match created {
            Created::New => Some(FirstToken {
                token: staff.issue(FIRST_STAFF, Role::Admin, TOKEN_DAYS_DEFAULT, engine.now())?,
                had_data: Position::default() < found.position,
            }),
            Created::Existing => {
                if found.is_new {
                    tracing::warn!(
                        data = %data.display(),
                        "a key for staff tokens was there and no journal: this is an empty shop; if it was none, stop \
                         it and restore a copy of the data directory"
                    );
                }
                None
            }
        };
        let around = wire::around(config, &engine, staff)?;
        let drain = Duration::from_millis(config.shutdown_timeout_ms);
        Ok(Self {
            engine,
            server,
            around,
            first_token,
            drain,
        })
    }

    /// Returns the address the store listens on, with the port it got.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the staff token of a start that found no key: the first one, and one whose key was taken away.
    pub fn first_token(&self) -> Option<&FirstToken> {
        self.first_token.as_ref()
    }

    /// Returns the engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Serves until `stop`, lets requests and sagas under way come to a point where they can go on later, and closes
    /// the store.
    ///
    /// # Errors
    /// A fault while the store closes. What was acknowledged is safe all the same.
    pub async fn run(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let around = self.around.clone();
        let stop = async {
            stop.await;
            around.close_connections();
        };
        match self.server.serve(self.around, stop, around.ended()).await {
            Ended::Drained => tracing::info!("every request was answered"),
            Ended::Cut { connections } => tracing::warn!(
                connections,
                "requests were cut at the deadline; repeat changes by staff that were not answered, with their keys"
            ),
        }
        self.engine.shutdown(Instant::now() + self.drain).await?;
        tracing::info!("the store is closed");
        Ok(())
    }
}
