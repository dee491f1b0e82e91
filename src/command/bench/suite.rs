//! Every work, each on a server of its own that starts empty, and what belongs to single works.

use super::counters::{Counters, ServerCounters};
use super::figures::{Figures, Run, permille};
use super::limits;
use super::load::{Client, Pace};
use super::own_server::{OwnServer, room_bytes};
use super::report::{HalfLoad, InTurn, Snapshots, Waits, Works};
use super::turns::{self, TURNS};
use super::work::{Load, Shop};
use super::{Measured, Settings, load, one, warn_if_other};
use crate::cli::Work;
use crate::output;
use anyhow::{Context, bail};
use clap::ValueEnum;
use tempfile::TempDir;

/// How many purchases are made one after the other to count what each waits for.
const LONE_PURCHASES: u64 = 20;

/// Those before, of which nothing is counted.
const LONE_PURCHASES_WARM_UP: u64 = 3;

/// Over how many carts W2 is spread where its snapshots are weighed, where the growth goes up to a million.
const SNAPSHOT_CARTS_DIVISOR: u32 = 100;

/// How many requests are sent at half load at least, however slow the server is.
const PACED_LEAST: u64 = 5;

/// The works whose goal is another work: what the one makes a second is to be so much of what the other makes.
const IN_TURN: [(Work, Work); 3] = [(Work::W5, Work::W2), (Work::W8, Work::W4), (Work::W9, Work::W2)];

/// How soon an idle entity leaves memory where every request must find its cart asleep.
const SLEEPY_IDLE_MS: u64 = 100;

/// Measures all works, as often as is asked for: a machine is not as fast in one minute as in the next.
///
/// # Errors
/// A server cannot be started or refuses to be set up.
pub(super) async fn rounds(settings: &Settings) -> anyhow::Result<Vec<Works>> {
    // Those with mails are kept to the end: a file system that looks for a free file number passes those of files deleted a
    // moment ago one by one, and every order's mail is a file.
    let mut folders = Vec::new();
    let mut rounds = Vec::with_capacity(settings.rounds.into());
    for round in 1..=settings.rounds {
        output::note(format!("round {round} of {}", settings.rounds));
        let (works, kept) = works(settings).await?;
        rounds.push(works);
        folders.extend(kept);
    }
    Ok(rounds)
}

/// Measures all works once, and returns with their figures the folders that are to be kept.
async fn works(settings: &Settings) -> anyhow::Result<(Works, Vec<TempDir>)> {
    let mut folders = Vec::new();
    let mut works = Works {
        waits: Some(waits(settings).await?),
        ..Works::default()
    };
    for work in Work::value_variants() {
        let load = settings.load(*work);
        output::note(format!(
            "{}: {}, {} connections",
            work.name(),
            work.what(),
            load.connections
        ));
        let server = start(*work, settings).await?;
        let measured = one(server.server(), load, settings).await?;
        if *work == Work::W2 && settings.limits {
            works.half_load = Some(half_load(&measured, settings).await?);
        }
        works.figures.push(measured.figures);
        if load.is_purchase() {
            folders.push(server.end());
        }
    }
    for (work, over) in IN_TURN {
        works
            .in_turn
            .push(in_turn(work, over, settings, &mut folders).await?);
    }
    works.snapshots = Some(snapshots(settings).await?);
    let kept = folders.iter().map(|folder| room_bytes(folder.path()));
    works.kept_bytes = Some(kept.sum());
    Ok((works, folders))
}

/// Starts a server for a work, on an empty directory.
async fn start(work: Work, settings: &Settings) -> anyhow::Result<OwnServer> {
    let options = match work {
        Work::W9 => vec![("resident_idle_ms", SLEEPY_IDLE_MS.to_string())],
        _ => Vec::new(),
    };
    OwnServer::start(settings, &options).await
}

/// Measures two works in turn, each on a server of its own.
async fn in_turn(
    work: Work,
    over: Work,
    settings: &Settings,
    folders: &mut Vec<TempDir>,
) -> anyhow::Result<InTurn> {
    output::note(format!("{} and {} in turn", work.name(), over.name()));
    let servers = [start(work, settings).await?, start(over, settings).await?];
    let ready = async |work, server: &OwnServer| {
        let shop = Shop::set_up(server.server(), settings.load(work)).await?;
        shop.turns(Pace::Closed, settings.time).await
    };
    let [one, other] = [ready(work, &servers[0]).await?, ready(over, &servers[1]).await?];
    let [measured, beside] = turns::both(one, other).await?;
    for (work, run) in [(work, &measured), (over, &beside)] {
        let load = settings.load(work);
        warn_if_other(load, &Figures::of(load, Pace::Closed, run, None));
    }
    let is_purchase = settings.load(work).is_purchase();
    if is_purchase {
        folders.extend(servers.map(OwnServer::end));
    }
    let mails = |run: &Run| is_purchase.then(|| run.mails_permille());
    Ok(InTurn {
        work: work.name(),
        over: over.name(),
        turns: TURNS,
        operations_per_second: measured.side().operations_per_second,
        over_operations_per_second: beside.side().operations_per_second,
        wakes_permille: (work == Work::W9).then(|| measured.wakes_permille()),
        mails_permille: mails(&measured),
        over_mails_permille: mails(&beside),
        commits_permille: Some(measured.commits_permille()),
        over_commits_permille: Some(beside.commits_permille()),
    })
}

/// Buys alone, and counts how many groups were synced for each purchase: alone, each wait for the disk is a group.
async fn waits(settings: &Settings) -> anyhow::Result<Waits> {
    output::note("single purchases on an otherwise idle server");
    let server = OwnServer::start(settings, &[]).await?;
    let load = Load::of(Work::W4, Some(1), 0);
    let shop = Shop::set_up(server.server(), load).await?;
    let mut buyer = shop
        .clients()
        .await?
        .pop()
        .context("one connection, one client")?;
    let mut counters = ServerCounters::of(server.server()).await?;
    for _ in 0..LONE_PURCHASES_WARM_UP {
        buyer.once().await?;
    }
    let (mut until_answered, mut in_all) = (0, 0);
    for _ in 0..LONE_PURCHASES {
        let before = counters.groups_at_rest().await?;
        buyer.once().await?;
        let answered = counters.read().await?.store.groups;
        until_answered += answered - before;
        in_all += counters.groups_at_rest().await? - before;
    }
    let each = |groups: u64| groups * 1000 / LONE_PURCHASES;
    Ok(Waits {
        purchases: LONE_PURCHASES,
        until_answered_thousandths: each(until_answered),
        in_all_thousandths: each(in_all),
    })
}

/// Sends half as many requests as the server can answer, evenly, to the server and to the bare handler.
async fn half_load(measured: &Measured, settings: &Settings) -> anyhow::Result<HalfLoad> {
    let least = PACED_LEAST * 1000 / u64::try_from(settings.time.as_millis())?.max(1);
    let per_second = (measured.figures.server.operations_per_second / 2).max(least);
    output::note(format!(
        "{} at half load, {per_second} requests a second",
        measured.figures.work
    ));
    let pace = Pace::PerSecond(per_second);
    let turns = measured.shop.turns(pace, settings.time).await?;
    let [run, bare] = limits::beside_bare_handler(turns).await?;
    if let Some(error) = &run.first_error {
        bail!("half load failed: {error}");
    }
    let group_bytes = run.bytes_per_group().context("half load wrote nothing")?;
    Ok(HalfLoad {
        per_second,
        server: run.side(),
        bare: bare.side(),
        disk: limits::disk(settings.directory.clone(), group_bytes, settings.time).await?,
    })
}

/// Weighs what reaches the disk against the snapshots that were put, with W2 over many carts.
async fn snapshots(settings: &Settings) -> anyhow::Result<Snapshots> {
    let carts = usize::try_from(settings.carts / SNAPSHOT_CARTS_DIVISOR)?;
    let load = Load::of(Work::W2, settings.connections, 0).over_carts(carts);
    output::note(format!("w2 over {} carts, bytes written", load.carts()));
    let server = OwnServer::start(settings, &[]).await?;
    let shop = Shop::set_up(server.server(), load).await?;
    let mut clients = shop.clients().await?;
    let mut counters = ServerCounters::of(server.server()).await?;
    let before = counters.at_rest().await?;
    let run = load::run(&mut clients, Pace::Closed, settings.time, &mut counters).await?;
    if let Some(error) = &run.first_error {
        bail!("w2 over many carts failed: {error}");
    }
    let after = counters.at_rest().await?;
    let snapshot_bytes = after.store.snapshot_bytes - before.store.snapshot_bytes;
    let written_bytes = after.written_bytes().saturating_sub(before.written_bytes());
    Ok(Snapshots {
        carts: load.carts(),
        snapshot_bytes,
        written_bytes,
        journal_bytes: after.store.journal_bytes - before.store.journal_bytes,
        zeroed_bytes: after.store.zeroed_bytes - before.store.zeroed_bytes,
        written_over_snapshots_permille: permille(written_bytes, snapshot_bytes).unwrap_or(0),
    })
}
