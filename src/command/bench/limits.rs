//! What this machine allows: a bare handler under the same load, and the disk under the same group writes.

use super::figures::Run;
use super::{Actors, Bodies, Client, Counters, measure as measure_load};
use crate::cli::{Bench, Remote, Work};
use crate::client::{Call, Connection, Server};
use anyhow::{Context, bail};
use bytes::Bytes;
use cartwright_storage::{DiskLoad, DiskTimes, Preparation, disk_check};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How many clock ticks the kernel's process accounting has in a second, on every Linux platform in use.
const TICKS_PER_SECOND: u64 = 100;

/// How many groups the disk is asked for.
const GROUPS: u32 = 1_000;

/// The machine's limits.
#[derive(Debug)]
pub(super) struct Limits {
    /// The bare handler. A purchase has none: it is many requests.
    pub(super) bare: Option<Run>,
    /// The disk, writing groups as large as the server's. A read writes none.
    pub(super) disk: Option<Disk>,
}

/// What the disk makes durable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Disk {
    /// How large each group was.
    pub(super) group_bytes: u32,
    /// How long they took.
    pub(super) times: DiskTimes,
}

/// Measures the limits that belong to a run.
///
/// # Errors
/// The bare handler does not start, or the directory cannot be written to.
pub(super) async fn measure(
    arguments: &Bench,
    connections: u16,
    time: Duration,
    run: &Run,
) -> anyhow::Result<Limits> {
    let purchase = matches!(arguments.work, Work::W4 | Work::W8);
    let bare = if purchase {
        None
    } else {
        Some(bare_handler(connections, time, run.bodies).await?)
    };
    let disk = match run.bytes_per_group() {
        Some(group_bytes) => Some(disk(arguments.data_dir.clone(), group_bytes).await?),
        None => None,
    };
    Ok(Limits { bare, disk })
}

/// Asks the disk for groups of this size, written over zeros as the journal does.
async fn disk(directory: Option<PathBuf>, group_bytes: u64) -> anyhow::Result<Disk> {
    let directory = directory.unwrap_or_else(std::env::temp_dir);
    let group_bytes = u32::try_from(group_bytes)?.max(1);
    let load = DiskLoad {
        writes: GROUPS,
        write_bytes: group_bytes,
    };
    let named = format!(
        "cannot measure the disk in {}; name a directory with --data-dir",
        directory.display()
    );
    let measured = tokio::task::spawn_blocking(move || disk_check(directory, load))
        .await?
        .context(named)?;
    let as_the_journal = measured
        .into_iter()
        .find(|times| times.preparation == Preparation::Zeros);
    Ok(Disk {
        group_bytes,
        times: as_the_journal.context("every way of writing is measured")?,
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

    /// Returns its user and system time so far, in milliseconds.
    fn cpu_ms(&self) -> anyhow::Result<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        cpu_ms_of(&stat).context("the kernel's figures of the bare handler cannot be read")
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It has nothing to lose, and is gone either way.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Reads user and system time from the text of `/proc/PID/stat`, where they are the 14th and 15th field.
fn cpu_ms_of(stat: &str) -> Option<u64> {
    // The second field is a name in parentheses that may hold blanks.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) * 1000 / TICKS_PER_SECOND)
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
async fn bare_handler(connections: u16, time: Duration, bodies: Bodies) -> anyhow::Result<Run> {
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
    let mut run = measure_load(clients, time, &mut BareCounters { bare: &bare }).await?;
    if let Some(error) = run.first_error.take() {
        bail!("the bare handler failed: {error}");
    }
    Ok(run)
}

struct BareCounters<'a> {
    bare: &'a Bare,
}

impl Counters for BareCounters<'_> {
    async fn read(&mut self) -> anyhow::Result<Actors> {
        Ok(Actors::of_cpu(self.bare.cpu_ms()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_a_name_with_blanks() {
        let stat = "4242 (cart) wright) S 1 4242 4242 0 -1 4194304 500 0 0 0 123 45 0 0 20 0 4 0 999 1 2 3";
        assert_eq!(cpu_ms_of(stat), Some(1680));
        assert_eq!(cpu_ms_of("nonsense"), None);
    }
}
