//! Where a process' counters are read: before and after what is measured.

use crate::client::{Call, Connection, Server};
use anyhow::{Context, bail};
use cartwright_actors::CONFIRMATIONS;
use hyper::header::HeaderValue;
use serde::Deserialize;
use std::time::{Duration, Instant};

/// How long the index may take to hold everything.
pub(super) const SETTLE_TIMEOUT: Duration = Duration::from_secs(120);

/// A store is at rest when nothing was written for so long.
pub(super) const QUIET: Duration = Duration::from_millis(500);

/// What a purchase leads to has ended when nothing was synced for so long.
const SYNCS_QUIET: Duration = Duration::from_millis(100);

/// How often that is looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How a server is watched that has something left to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    /// For how long nothing must have been written.
    pub(super) quiet: Duration,
    /// How often that is looked at.
    pub(super) every: Duration,
    /// How long that may take.
    pub(super) patience: Duration,
}

/// What the server says about its own process, entities and store.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Actors {
    pub(super) process: Process,
    #[serde(default)]
    pub(super) store: Store,
    #[serde(default)]
    pub(super) kinds: Vec<Kind>,
    #[serde(default)]
    pub(super) subscribers: Vec<Subscriber>,
}

/// A process, as the operating system counts it.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Process {
    pub(super) user_ms: u64,
    pub(super) system_ms: u64,
    pub(super) resident_bytes: u64,
    pub(super) write_bytes: u64,
}

/// The server's committer and index.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Store {
    /// The last durable commit's place.
    pub(super) synced: u64,
    /// The last place the index holds.
    pub(super) applied: u64,
    /// Groups written since the start, each with one `fdatasync`.
    pub(super) groups: u64,
    /// Bytes of those groups.
    pub(super) journal_bytes: u64,
    /// Zeros written ahead of them.
    pub(super) zeroed_bytes: u64,
    /// Bytes of the snapshots that were put.
    pub(super) snapshot_bytes: u64,
}

/// The entities of one kind.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Kind {
    kind: String,
    pub(super) resident: u64,
    pub(super) resting: u64,
    /// Actors started.
    pub(super) activations: u64,
}

/// What follows from facts.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Subscriber {
    name: String,
    /// Facts handled.
    delivered: u64,
}

impl Actors {
    /// Returns how many orders were confirmed by mail.
    pub(super) fn mails(&self) -> u64 {
        let confirmations = self
            .subscribers
            .iter()
            .find(|subscriber| subscriber.name == CONFIRMATIONS);
        confirmations.map_or(0, |subscriber| subscriber.delivered)
    }

    /// Returns the counters of the carts.
    pub(super) fn carts(&self) -> Kind {
        let carts = self.kinds.iter().find(|kind| kind.kind == "cart");
        carts.cloned().unwrap_or_default()
    }

    /// Returns user and system time together.
    pub(super) fn cpu_ms(&self) -> u64 {
        self.process.user_ms + self.process.system_ms
    }

    /// Returns what was written, but for zeros written ahead.
    pub(super) fn written_bytes(&self) -> u64 {
        self.process.write_bytes.saturating_sub(self.store.zeroed_bytes)
    }
}

/// Where a process' counters are read.
pub(super) trait Counters {
    /// Reads them as they are now.
    async fn read(&mut self) -> anyhow::Result<Actors>;
}

/// The counters of the server, which it tells itself.
pub(super) struct ServerCounters {
    connection: Connection,
    staff: HeaderValue,
}

impl ServerCounters {
    /// Opens a connection of its own.
    ///
    /// # Errors
    /// Nobody listens, or there is no staff token.
    pub(super) async fn of(server: &Server) -> anyhow::Result<Self> {
        Ok(Self {
            connection: Connection::open(server).await?,
            staff: server.staff()?.clone(),
        })
    }

    /// Waits until nothing is synced any more, and returns how many groups were.
    ///
    /// # Errors
    /// It takes too long.
    pub(super) async fn groups_at_rest(&mut self) -> anyhow::Result<u64> {
        let began = Instant::now();
        let mut last = self.read().await?.store.groups;
        let mut since = Instant::now();
        while since.elapsed() < SYNCS_QUIET {
            if SETTLE_TIMEOUT <= began.elapsed() {
                bail!("the server still synced {SETTLE_TIMEOUT:?} after the last request");
            }
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.read().await?.store.groups;
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
        Ok(last)
    }

    /// Waits until the index holds everything and nothing is written any more, and returns the counters.
    ///
    /// # Errors
    /// It takes too long.
    pub(super) async fn at_rest(&mut self) -> anyhow::Result<Actors> {
        let watch = Watch {
            quiet: QUIET,
            every: LOOK_EVERY,
            patience: SETTLE_TIMEOUT,
        };
        self.rested(watch).await
    }

    /// Waits as [`Self::at_rest`] does, watching in another way.
    ///
    /// # Errors
    /// It takes too long.
    pub(super) async fn rested(&mut self, watch: Watch) -> anyhow::Result<Actors> {
        let settled = self.settled(watch).await?;
        let late = || {
            format!(
                "the server still wrote, or its index did not hold everything, {:?} after the last request; is anybody else \
                 at work there, or its index_after_ms long?",
                watch.patience
            )
        };
        settled.with_context(late)
    }

    /// Waits until the index holds everything and nothing was written for a while, and returns the counters; or none where
    /// that is not so in time.
    ///
    /// # Errors
    /// The counters cannot be read.
    pub(super) async fn settled(&mut self, watch: Watch) -> anyhow::Result<Option<Actors>> {
        let Watch {
            quiet,
            every,
            patience,
        } = watch;
        let began = Instant::now();
        let mut last = self.read().await?;
        let mut since = Instant::now();
        while since.elapsed() < quiet {
            if patience <= began.elapsed() {
                return Ok(None);
            }
            tokio::time::sleep(every).await;
            let now = self.read().await?;
            let is_same = now.process.write_bytes == last.process.write_bytes;
            if !is_same || now.store.applied < now.store.synced {
                since = Instant::now();
            }
            last = now;
        }
        Ok(Some(last))
    }
}

impl Counters for ServerCounters {
    async fn read(&mut self) -> anyhow::Result<Actors> {
        let answer = self
            .connection
            .call(Call::get("/admin/actors").staff(&self.staff))
            .await?;
        answer.json().context("the server's counters")
    }
}
