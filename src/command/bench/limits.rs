//! What this machine allows: a bare handler under the same load, and the disk under the same group writes.

use super::counters::{Actors, Counters, Process};
use super::figures::Run;
use super::load::{Bodies, Client};
use super::said::Said;
use super::turns::{PARTS, ServerTurns};
use crate::cli::Remote;
use crate::client::{Call, Connection, Server};
use anyhow::{Context, bail};
use bytes::Bytes;
use cartwright::process;
use cartwright_storage::{DiskLoad, Preparation, disk_check_of};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How many groups the disk is asked for: one for so many milliseconds of a work, within these bounds.
pub(super) const MILLIS_PER_GROUP: u128 = 10;
pub(super) const GROUPS_MIN: u32 = 50;
pub(super) const GROUPS_MAX: u32 = 1_000;

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

/// Asks the disk for groups of this size, written over zeros as the journal does.
///
/// # Errors
/// The directory cannot be written to.
pub(super) async fn disk(
    directory: PathBuf,
    group_bytes: u64,
    time: Duration,
) -> anyhow::Result<DiskFigures> {
    let writes = u32::try_from(time.as_millis() / MILLIS_PER_GROUP).unwrap_or(GROUPS_MAX);
    let writes = writes.clamp(GROUPS_MIN, GROUPS_MAX);
    let load = DiskLoad {
        writes,
        write_bytes: u32::try_from(group_bytes)?,
    }
    .as_the_journal();
    let named = format!(
        "cannot measure the disk in {}; name a directory with --data-dir",
        directory.display()
    );
    let check = move || disk_check_of(directory, Preparation::Zeros, load);
    let as_the_journal = tokio::task::spawn_blocking(check).await?.context(named)?;
    Ok(DiskFigures {
        group_bytes: load.write_bytes,
        fdatasyncs_per_second: as_the_journal.syncs_per_second,
        p50_us: as_the_journal.p50_us,
        p99_us: as_the_journal.p99_us,
    })
}

/// A bare handler in a process of its own, so that its CPU can be told from the client's.
struct Bare {
    process: Ending,
    server: Server,
}

impl Bare {
    async fn start(response_bytes: usize) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["bench-bare", "--response-bytes", &response_bytes.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("the bare handler does not start")?;
        let stdout = process.stdout.take();
        // It ends with this, whatever comes.
        let process = Ending(process);
        let mut said = Said::by(stdout.context("the bare handler has no output")?)?;
        let mute = "the bare handler did not say where it listens";
        let remote = Remote {
            url: said.next(|line| Some(line.to_owned())).await.context(mute)?,
            token: None,
        };
        let server = Server::new(&remote).context(mute)?;
        Ok(Self { process, server })
    }

    /// Opens so many connections, whose requests have bodies of this size.
    async fn askers(&self, connections: usize, request_bytes: usize) -> anyhow::Result<Vec<Asker>> {
        let body = match request_bytes.checked_sub(r#"{"padding":""}"#.len()) {
            Some(padding) => Bytes::from(format!(r#"{{"padding":"{}"}}"#, "x".repeat(padding))),
            None => Bytes::new(),
        };
        let mut askers = Vec::new();
        for _ in 0..connections {
            askers.push(Asker {
                connection: Connection::open(&self.server).await?,
                body: body.clone(),
            });
        }
        Ok(askers)
    }
}

impl Counters for Bare {
    /// The operating system tells the process' CPU time, and nobody tells more.
    async fn read(&mut self) -> anyhow::Result<Actors> {
        Ok(Actors {
            process: Process {
                user_ms: cpu_ms_of_process(self.process.0.id())?,
                ..Process::default()
            },
            ..Actors::default()
        })
    }
}

/// A process that ends when it is dropped.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        // It has nothing to lose, and is gone either way.
        drop(self.0.kill());
        drop(self.0.wait());
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

/// Measures a server in turn with a bare handler that reads and writes bodies of the same size under the same load, and
/// returns what each of them has done.
///
/// # Errors
/// The bare handler does not start, or fails; or the server's counters cannot be read.
pub(super) async fn beside_bare_handler(mut server: ServerTurns) -> anyhow::Result<[Run; 2]> {
    // The first turn tells the sizes. What a turn leaves to be done is not to slow down the bare handler's.
    server.next().await?;
    server.finish().await?;
    let bodies = server.run().bodies;
    let bare = Bare::start(bodies.response).await?;
    let mut bare = server.beside(bare.askers(server.connections(), bodies.request).await?, bare);
    bare.next().await?;
    for turn in 1..PARTS {
        // Whoever was second is first the next time.
        let is_bare_first = turn % 2 == 1;
        if is_bare_first {
            bare.next().await?;
        }
        server.next().await?;
        server.finish().await?;
        if !is_bare_first {
            bare.next().await?;
        }
    }
    let bare = bare.end();
    if let Some(error) = &bare.first_error {
        bail!("the bare handler failed: {error}");
    }
    Ok([server.end(), bare])
}
