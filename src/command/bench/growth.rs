//! What becomes of the works as the shop grows: more carts in store, longer carts, more of them in memory.

mod fill;
mod largest;
pub(super) mod report;

use super::counters::{Counters, ServerCounters};
use super::figures::{Run, whole};
use super::load::{Client, Pace};
use super::own_server::{OwnServer, room_bytes};
use super::report::middle;
use super::turns::{self, ServerTurns};
use super::work::{Buyer, CURRENCY, Load, Shop};
use super::{LARGEST_CART, Settings};
use crate::cli::Work;
use crate::client::{Call, Cart, Connection, Guest};
use crate::latencies::Latencies;
use crate::output;
use anyhow::{Context, bail};
use fill::Filler;
use futures::future::try_join_all;
use report::{Cold, Growth, Idle, Import, Lines, LongCarts, Recovery, Size, Touches};
use std::cmp::Reverse;
use std::collections::HashSet;
use std::fmt::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// The store is looked at each time it has grown by so much.
const STEP: u64 = 10;

/// By how much the store grows in all, unless it stays small.
const GROWTH: u64 = 1_000;

/// The least number of carts it is looked at with.
const FIRST_MIN: u64 = 100;

/// A tenth of the carts may be resident, stay idle, and are as many variants to import.
const TENTH: u64 = 10;

/// How many carts are remembered, to be touched when they are cold.
const REMEMBERED: u64 = 10_000;

/// The carts whose cost is compared, in lines.
const SHORT_CART: u64 = 5;
const LONG_CART: u64 = 500;

/// Small growth has shorter carts: so many times fewer lines than carts in store.
const LINES_DIVISOR: u64 = 5;

/// The index' cache while memory is weighed, so that it does not count as the carts'.
const SMALL_CACHE_BYTES: u64 = 16 << 20;

/// Longer than anything here takes, in milliseconds.
const NEVER_IDLE_MS: u64 = 6 * 60 * 60 * 1000;

/// How far from each other carts are touched: the first of these primes by which their number cannot be divided.
const STRIDES: [usize; 3] = [7_919, 7_907, 7_901];

/// Measures growth.
///
/// # Errors
/// A server cannot be started or refuses to be set up.
pub(super) async fn growth(settings: &Settings) -> anyhow::Result<Growth> {
    let mut growth = Growth {
        carts: u64::from(settings.carts),
        ..Growth::default()
    };
    many_carts(settings, &mut growth).await?;
    let most = growth.carts / LINES_DIVISOR;
    for _ in 0..settings.rounds {
        growth
            .long_carts
            .push(long_carts(settings, LONG_CART.min(most)).await?);
    }
    growth.largest = largest::largest(settings, LARGEST_CART.min(most)).await?;
    growth.idle = idle(settings, growth.carts / TENTH).await?;
    growth.import = import(settings, growth.carts / TENTH).await?;
    Ok(growth)
}

/// Fills a store, looks at W2 on the way, kills it, and touches what is cold then.
///
/// A store of the first size stands beside it and is measured in turn with it, each time: minutes pass while a million carts
/// are opened. That is done once a round, and each size counts as in the round in the middle; of two, the worse.
async fn many_carts(settings: &Settings, growth: &mut Growth) -> anyhow::Result<()> {
    let carts = growth.carts;
    let ceiling = (carts / TENTH).max(1);
    let options = [("residents_max", ceiling.to_string())];
    let mut server = OwnServer::start(settings, &options).await?;
    let small = OwnServer::start(settings, &options).await?;
    let load = Load::of(Work::W2, settings.connections, 0);
    let mut filler = Filler::of(&server, load.connections, (carts / REMEMBERED).max(1)).await?;
    growth.residents.ceiling = ceiling;
    let sizes = sizes(carts);
    let first = sizes.first().copied().unwrap_or(carts);
    let mut small_filler = Filler::of(&small, load.connections, u64::MAX).await?;
    small_filler
        .fill(first, &mut report::Residents::default())
        .await?;
    for size in sizes {
        output::note(format!("w2 with {size} carts in store"));
        filler.fill(size, &mut growth.residents).await?;
        let mut rounds = Vec::new();
        for _ in 0..settings.rounds {
            let time = settings.time;
            let (grown, beside) = (
                at_rest(&server, load, time).await?,
                at_rest(&small, load, time).await?,
            );
            let [grown, beside] = turns::both(grown, beside).await?;
            rounds.push(Size {
                carts: size,
                server: grown.side(),
                small: beside.side(),
            });
        }
        let over_small = |size: &Size| Reverse(size.over_small_permille());
        growth.sizes.extend(middle(rounds.iter(), over_small));
    }
    drop((small_filler, small));
    output::note("killed under load, and started again");
    growth.recovery = Recovery {
        carts,
        ready_us: whole(killed_under(&mut server, load, settings.time).await?.as_micros()),
    };
    output::note("first touches of cold carts");
    growth.cold = cold(&server, filler.remembered()).await?;
    growth.store_bytes = Some(room_bytes(server.folder()));
    Ok(())
}

/// Sets up a server, and waits until the index holds what was written before: what it costs to open carts is W1.
async fn at_rest(server: &OwnServer, load: Load, time: Duration) -> anyhow::Result<ServerTurns> {
    let shop = Shop::set_up(server.server(), load).await?;
    let mut turns = shop.turns(Pace::Closed, time).await?;
    turns.at_rest().await?;
    Ok(turns)
}

/// Returns at how many carts to look.
fn sizes(carts: u64) -> Vec<u64> {
    let mut size = (carts / GROWTH).max(FIRST_MIN);
    let mut sizes = Vec::new();
    while size < carts {
        sizes.push(size);
        size *= STEP;
    }
    sizes.push(carts);
    sizes
}

/// Kills the server under W2, and returns how long its next start took.
async fn killed_under(server: &mut OwnServer, load: Load, time: Duration) -> anyhow::Result<Duration> {
    let clients = Shop::set_up(server.server(), load).await?.clients().await?;
    let work = async |mut client: Buyer| -> anyhow::Result<()> {
        loop {
            client.once().await?;
        }
    };
    let killed = async {
        tokio::time::sleep(time).await;
        server.kill()
    };
    tokio::select! {
        biased;
        killed = killed => killed?,
        worked = try_join_all(clients.into_iter().map(work)) => {
            worked.context("w2 before the kill")?;
        }
    }
    server.start_again().await
}

/// Touches carts for the first time since the start, one after the other: reads half of them, adds to the others.
async fn cold(server: &OwnServer, carts: &[Cart]) -> anyhow::Result<Cold> {
    let mut connection = Connection::open(server.server()).await?;
    let body = fill::body_of_new_variant(&mut connection, server).await?;
    // A session sleeps, too; it is not what is measured.
    let mut awake = HashSet::new();
    let mut asleep = Vec::with_capacity(carts.len());
    let passes_all = |stride: &usize| !carts.len().is_multiple_of(*stride);
    let stride = STRIDES.into_iter().find(passes_all).unwrap_or(1);
    for number in 0..carts.len() {
        let cart = &carts[number * stride % carts.len()];
        if awake.insert(cart.cookie.as_bytes()) {
            let call = Call::post(&cart.lines_path).cookie(&cart.cookie).minimal();
            connection.once(call.body(body.clone())).await?;
        } else {
            asleep.push(cart);
        }
    }
    let (mut read, mut add) = (Latencies::default(), Latencies::default());
    for (number, cart) in asleep.into_iter().enumerate() {
        let began = Instant::now();
        if number % 2 == 0 {
            connection
                .once(Call::get(&cart.path).cookie(&cart.cookie))
                .await?;
            read.record(began.elapsed());
        } else {
            let call = Call::post(&cart.lines_path).cookie(&cart.cookie).minimal();
            connection.once(call.body(body.clone())).await?;
            add.record(began.elapsed());
        }
    }
    let touches = |latencies: &Latencies| Touches {
        count: latencies.count(),
        p50_us: latencies.micros_at(0.5),
        p99_us: latencies.micros_at(0.99),
        max_us: latencies.max_micros(),
    };
    Ok(Cold {
        read: touches(&read),
        add: touches(&add),
    })
}

/// Measures W2 on short carts and on carts of so many lines, in turn.
async fn long_carts(settings: &Settings, long: u64) -> anyhow::Result<LongCarts> {
    output::note(format!("w2 on carts of {SHORT_CART} and of {long} lines in turn"));
    let start = || OwnServer::start(settings, &[]);
    let (at_short, at_long) = (start().await?, start().await?);
    let turns = async |server: &OwnServer, lines| {
        let load = Load {
            lines: usize::try_from(lines)?,
            ..Load::of(Work::W2, settings.connections, 0)
        };
        let shop = Shop::set_up(server.server(), load).await?;
        shop.turns(Pace::Closed, settings.time).await
    };
    let (short_turns, long_turns) = (turns(&at_short, SHORT_CART).await?, turns(&at_long, long).await?);
    let [short_run, long_run] = turns::both(short_turns, long_turns).await?;
    let of = |lines, run: &Run| Lines {
        lines,
        server: run.side(),
    };
    Ok(LongCarts {
        short: of(SHORT_CART, &short_run),
        long: of(long, &long_run),
    })
}

/// Weighs carts that are resident and idle.
async fn idle(settings: &Settings, carts: u64) -> anyhow::Result<Idle> {
    output::note(format!("memory of {carts} idle carts"));
    let options = [
        ("residents_max", (3 * carts).to_string()),
        ("resident_idle_ms", NEVER_IDLE_MS.to_string()),
        ("index_cache_bytes", SMALL_CACHE_BYTES.to_string()),
    ];
    let server = OwnServer::start(settings, &options).await?;
    let load = Load::of(Work::W2, settings.connections, 0);
    let mut filler = Filler::of(&server, load.connections, u64::MAX).await?;
    // As many come before, so that what every server needs is not counted as theirs: above all the newest commits,
    // which are kept for subscribers up to a limit.
    filler.fill(carts, &mut report::Residents::default()).await?;
    let mut counters = ServerCounters::of(server.server()).await?;
    let state_bytes_per_cart = state_bytes(&server, &mut counters).await?;
    let before = counters.at_rest().await?;
    filler.fill(2 * carts, &mut report::Residents::default()).await?;
    let after = counters.at_rest().await?;
    let grown_bytes = after
        .process
        .resident_bytes
        .saturating_sub(before.process.resident_bytes);
    Ok(Idle {
        carts,
        resident: after.carts().resident.saturating_sub(before.carts().resident),
        grown_bytes,
        bytes_per_cart: grown_bytes / carts.max(1),
        state_bytes_per_cart,
    })
}

/// Returns the size of the snapshot of a cart with one line.
async fn state_bytes(server: &OwnServer, counters: &mut ServerCounters) -> anyhow::Result<u64> {
    let mut connection = Connection::open(server.server()).await?;
    let body = fill::body_of_new_variant(&mut connection, server).await?;
    let mut guest = Guest::new(connection);
    let cookie = guest.open_session().await?;
    let cart = guest.open_cart(&cookie, CURRENCY).await?;
    let before = counters.at_rest().await?;
    guest.add_line(&cart, None, body).await?;
    let after = counters.read().await?;
    Ok(after.store.snapshot_bytes - before.store.snapshot_bytes)
}

/// Imports a file of variants with the command that anybody would use.
async fn import(settings: &Settings, variants: u64) -> anyhow::Result<Import> {
    output::note(format!("import of {variants} variants"));
    let server = OwnServer::start(settings, &[]).await?;
    let mut text = "sku,title,price,stock\n".to_owned();
    for number in 0..variants {
        writeln!(text, "import-{number},Import {number},2.55,100")?;
    }
    let file = server.folder().join("catalog.csv");
    std::fs::write(&file, text)?;
    let mut command = server.client("import")?;
    command.arg(&file).stdout(Stdio::null());
    let began = Instant::now();
    let status = tokio::task::spawn_blocking(move || command.status()).await??;
    let took_ms = whole(began.elapsed().as_millis());
    if !status.success() {
        bail!("the import of {variants} variants failed");
    }
    Ok(Import { variants, took_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_looked_at_each_time_it_is_ten_times_larger() {
        assert_eq!(sizes(1_000_000), [1_000, 10_000, 100_000, 1_000_000]);
        assert_eq!(sizes(2_000), [100, 1_000, 2_000]);
        assert_eq!(sizes(100), [100]);
    }
}
