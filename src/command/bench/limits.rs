//! What this machine allows: a bare handler under the same load, and the disk under the same group writes.

use super::counters::CpuCounters;
use super::figures::Run;
use super::load::{self, Bodies, Client, Pace};
use crate::cli::Remote;
use crate::client::{Call, Connection, Server};
use anyhow::{Context, bail};
use bytes::Bytes;
use cartwright::process;
use cartwright_storage::{DiskLoad, Preparation, disk_check_of};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How many groups the disk is asked for: one for so many milliseconds of a work, within these bounds.
const MILLIS_PER_GROUP: u128 = 10;
const GROUPS_MIN: u32 = 50;
const GROUPS_MAX: u32 = 1_000;

/// The machine's limits.
#[derive(Debug)]
pub(super) struct Limits {
    /// The bare handler. A purchase has none: it is many requests.
    pub(super) bare: Option<Run>,
    /// The disk, writing groups as large as the server's. A read writes none.
    pub(super) disk: Option<DiskFigures>,
}

/// What the disk makes durable, of groups of one size, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DiskFigures {
    pub(super) group_bytes: u32,
    pub(super) fdatasyncs_per_second: u64,
    pub(super) p50_us: u64,
    pub(super) p99_us: u64,
}

/// Measures the limits that belong to a run.
///
/// # Errors
/// The bare handler does not start, or the directory cannot be written to.
pub(super) async fn measure(
    load: super::work::Load,
    pace: Pace,
    time: Duration,
    run: &Run,
    directory: &Path,
) -> anyhow::Result<Limits> {
    let bare = if load.is_purchase() {
        None
    } else {
        Some(bare_handler(load.connections, pace, time, run.bodies).await?)
    };
    let disk = match run.bytes_per_group() {
        Some(group_bytes) => Some(disk(directory.to_owned(), group_bytes, time).await?),
        None => None,
    };
    Ok(Limits { bare, disk })
}

/// Asks the disk for groups of this size, written over zeros as the journal does.
async fn disk(directory: PathBuf, group_bytes: u64, time: Duration) -> anyhow::Result<DiskFigures> {
    let group_bytes = u32::try_from(group_bytes)?.max(1);
    let writes = u32::try_from(time.as_millis() / MILLIS_PER_GROUP).unwrap_or(GROUPS_MAX);
    let writes = writes.clamp(GROUPS_MIN, GROUPS_MAX);
    let load = DiskLoad {
        writes,
        write_bytes: group_bytes,
    };
    let named = format!(
        "cannot measure the disk in {}; name a directory with --data-dir",
        directory.display()
    );
    let check = move || disk_check_of(directory, Preparation::Zeros, load);
    let as_the_journal = tokio::task::spawn_blocking(check).await?.context(named)?;
    Ok(DiskFigures {
        group_bytes,
        fdatasyncs_per_second: as_the_journal.syncs_per_second,
        p50_us: as_the_journal.p50_us,
        p99_us: as_the_journal.p99_us,
    })
}

/// A bare handler in a process of its own, so that its CPU can be told from the client's. Ends when dropped.
struct Bare {
    process: Child,
    server: Server,
}

impl Bare {
    fn start(response_bytes: usize) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["bench-bare", "--response-bytes", &response_bytes.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("the bare handler does not start")?;
        let mut said = String::new();
        let stdout = process.stdout.take().context("the bare handler has no output")?;
        BufReader::new(stdout).read_line(&mut said)?;
        let remote = Remote {
            url: said.trim().to_owned(),
            token: None,
        };
        let server = Server::new(&remote).context("the bare handler did not say where it listens")?;
        Ok(Self { process, server })
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It has nothing to lose, and is gone either way.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Returns a process' user and system time so far, in milliseconds.
///
/// # Errors
/// There is no such process.
pub(super) fn cpu_ms_of_process(process: u32) -> anyhow::Result<u64> {
    let times = process::cpu_ms(process).context("the kernel's figures of a process cannot be read")?;
    Ok(times.0 + times.1)
}

/// Asks the bare handler again and again.
struct Asker {
    connection: Connection,
    body: Bytes,
}

impl Client for Asker {
    async fn once(&mut self) -> anyhow::Result<Bodies> {
        let path = "/bare";
        let call = if self.body.is_empty() {
            Call::get(path)
        } else {
            Call::post(path).body(self.body.clone())
        };
        let answer = self.connection.once(call).await?;
        Ok(Bodies {
            request: self.body.len(),
            response: answer.body.len(),
        })
    }
}

/// Puts the same load on a bare handler that reads and writes bodies of the same size.
///
/// # Errors
/// It does not start, or fails.
pub(super) async fn bare_handler(
    connections: u16,
    pace: Pace,
    time: Duration,
    bodies: Bodies,
) -> anyhow::Result<Run> {
    let bare = Bare::start(bodies.response)?;
    let body = match bodies.request.checked_sub(r#"{"padding":""}"#.len()) {
        Some(padding) => Bytes::from(format!(r#"{{"padding":"{}"}}"#, "x".repeat(padding))),
        None => Bytes::new(),
    };
    let mut clients = Vec::new();
    for _ in 0..connections {
        clients.push(Asker {
            connection: Connection::open(&bare.server).await?,
            body: body.clone(),
        });
    }
    let mut counters = CpuCounters {
        process: bare.process.id(),
    };
    let mut run = load::run(&mut clients, pace, time, &mut counters).await?;
    if let Some(error) = run.first_error.take() {
        bail!("the bare handler failed: {error}");
    }
    Ok(run)
}
