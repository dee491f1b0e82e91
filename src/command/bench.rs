//! `cartwright bench`: closed-loop load on a running server, next to what this machine allows in the same run.
//!
//! Every connection sends its next request when the last is answered. After a warm-up the server's own counters are
//! read, the load is measured for the asked time, and the counters are read again. Then the same client puts the same
//! load on a bare handler with bodies of the same size, and the disk is asked how many group writes of the same size
//! it makes durable.

mod figures;
mod limits;
mod work;

use super::shop_setup;
use crate::cli::{Bench, Work};
use crate::client::{Call, Connection, Server};
use crate::output;
use anyhow::Context;
use figures::{Figures, Run};
use futures::future::try_join_all;
use hyper::header::HeaderValue;
use serde::Deserialize;
use std::cell::{Cell, RefCell};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use work::Shop;

/// How many connections a purchase is measured with, where nothing is said.
const CONNECTIONS_PURCHASE: u16 = 16;

/// How many connections anything else is measured with, where nothing is said.
const CONNECTIONS: u16 = 64;

/// Which part of the measured time is warmed up before.
const WARM_UP_DIVISOR: u32 = 5;

/// What the server says about its own process and store, which `bench` reads before and after.
#[derive(Clone, Debug, Default, Deserialize)]
struct Actors {
    process: Process,
    #[serde(default)]
    store: Store,
}

/// The server's process, as the operating system counts it.
#[derive(Clone, Debug, Default, Deserialize)]
struct Process {
    user_ms: u64,
    system_ms: u64,
    resident_bytes: u64,
    write_bytes: u64,
}

/// The server's committer.
#[derive(Clone, Debug, Default, Deserialize)]
struct Store {
    /// Groups written since the start, each with one `fdatasync`.
    #[serde(default)]
    groups: u64,
    /// Bytes of those groups.
    #[serde(default)]
    journal_bytes: u64,
}

impl Actors {
    /// Returns counters of which only the CPU time is known.
    fn of_cpu(cpu_ms: u64) -> Self {
        Self {
            process: Process {
                user_ms: cpu_ms,
                ..Process::default()
            },
            ..Self::default()
        }
    }
}

/// Runs a bench. The exit code is 1 when operations failed.
///
/// # Errors
/// The server cannot be used, and what to do about it.
pub(crate) async fn run(arguments: Bench) -> anyhow::Result<ExitCode> {
    let server = Server::new(&arguments.remote)?;
    let staff = server.staff()?.clone();
    let mut connection = Connection::open(&server).await?;
    let purchase = matches!(arguments.work, Work::W4 | Work::W8);
    let usual = if purchase {
        CONNECTIONS_PURCHASE
    } else {
        CONNECTIONS
    };
    let connections = arguments.connections.unwrap_or(usual);
    let seconds = Duration::from_secs(u64::from(arguments.seconds));

    let method_id = if purchase {
        shop_setup::ensure_no_tax(&mut connection, &staff).await?;
        Some(shop_setup::ensure_free_shipping(&mut connection, &staff, work::CURRENCY).await?)
    } else {
        None
    };
    let shop = Shop::set_up(&mut connection, &staff, arguments.work, method_id).await?;
    let mut clients = Vec::new();
    for number in 0..usize::from(connections) {
        clients.push(shop.client(Connection::open(&server).await?, number).await?);
    }

    let mut counters = ServerCounters {
        connection: &mut connection,
        staff: &staff,
    };
    let measured = measure(clients, seconds, &mut counters).await?;
    let limits = if arguments.no_limits {
        None
    } else {
        Some(limits::measure(&arguments, connections, seconds, &measured).await?)
    };
    let figures = Figures::of(arguments.work, connections, &measured, limits.as_ref());
    if arguments.json {
        output::line(serde_json::to_string(&figures)?)?;
    } else {
        output::line(figures.table())?;
    }
    if let Some(error) = &measured.first_error {
        output::note(format!(
            "{} operations failed, the first: {error}",
            measured.errors
        ));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Something that can be done again and again over one connection.
trait Client {
    /// Does it once, and returns the body sizes of its main request.
    async fn once(&mut self) -> anyhow::Result<Bodies>;
}

/// The sizes of a request's and its answer's bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bodies {
    request: usize,
    response: usize,
}

/// Where a process' counters are read.
trait Counters {
    /// Reads them as they are now.
    async fn read(&mut self) -> anyhow::Result<Actors>;
}

/// The counters of the server, which it tells itself.
struct ServerCounters<'a> {
    connection: &'a mut Connection,
    staff: &'a HeaderValue,
}

impl Counters for ServerCounters<'_> {
    async fn read(&mut self) -> anyhow::Result<Actors> {
        let answer = self
            .connection
            .call(Call::get("/admin/actors").staff(self.staff))
            .await?;
        answer.json().context("the server's counters")
    }
}

/// Where a measurement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Measuring,
    Over,
}

/// Lets all clients work for a warm-up and then the given time.
async fn measure<C: Client>(
    clients: Vec<C>,
    time: Duration,
    counters: &mut impl Counters,
) -> anyhow::Result<Run> {
    let phase = Cell::new(Phase::WarmUp);
    let run = RefCell::new(Run::new());
    let work = async |mut client: C| -> anyhow::Result<()> {
        while phase.get() != Phase::Over {
            let started_in = phase.get();
            let sent = Instant::now();
            let done = client.once().await;
            if started_in == Phase::Measuring && phase.get() == Phase::Measuring {
                run.borrow_mut().add(sent.elapsed(), done);
            }
        }
        Ok(())
    };
    let clock = async {
        tokio::time::sleep(time / WARM_UP_DIVISOR).await;
        let before = counters.read().await?;
        phase.set(Phase::Measuring);
        let started = Instant::now();
        tokio::time::sleep(time).await;
        let took = started.elapsed();
        let after = counters.read().await?;
        phase.set(Phase::Over);
        anyhow::Ok((before, after, took))
    };
    let (_, counted) = futures::try_join!(try_join_all(clients.into_iter().map(work)), clock)?;
    let (before, after, took) = counted;
    let mut run = run.into_inner();
    run.count(&before, &after, took);
    Ok(run)
}
