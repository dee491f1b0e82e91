//! Two works measured in turn, for figures of which one is held against the other.
//!
//! A machine's pace changes by more from one minute to the next than what is to be told. So both servers are there at the
//! same time and are measured for a short while each, the one after the other, again and again: a slow second counts in
//! one turn of many, and a slow minute in those of both.

use super::counters::ServerCounters;
use super::figures::{Figures, Run, Side};
use super::load::{self, Pace};
use super::work::{Buyer, Load, Shop};
use super::{Settings, warn_if_awake};
use crate::client::Server;
use anyhow::bail;

/// How often each of the two is measured.
pub(super) const TURNS: u32 = 10;

/// By how much a turn is shorter than a work that is measured by itself.
const TURN_DIVISOR: u32 = 5;

/// One of the two.
pub(super) struct Turns {
    load: Load,
    clients: Vec<Buyer>,
    counters: ServerCounters,
    /// All its turns.
    run: Run,
}

impl Turns {
    /// Sets up a server for its work.
    ///
    /// # Errors
    /// The server refuses to be set up.
    pub(super) async fn begin(server: &Server, load: Load) -> anyhow::Result<Self> {
        let shop = Shop::set_up(server, load).await?;
        Ok(Self {
            load,
            clients: shop.clients().await?,
            counters: ServerCounters::of(server).await?,
            run: Run::new(),
        })
    }

    /// Waits until the index holds what was written before.
    ///
    /// # Errors
    /// It takes too long.
    pub(super) async fn at_rest(&mut self) -> anyhow::Result<()> {
        self.counters.at_rest().await?;
        Ok(())
    }

    /// Measures one turn.
    async fn next(&mut self, settings: &Settings) -> anyhow::Result<()> {
        let time = settings.time / TURN_DIVISOR;
        let run = load::run(&mut self.clients, Pace::Closed, time, &mut self.counters).await?;
        if let Some(error) = &run.first_error {
            bail!("{} in turn failed: {error}", self.load.work.name());
        }
        let figures = Figures::of(self.load, Pace::Closed, &run, None);
        warn_if_awake(self.load.work, figures.wakes_permille);
        self.run.join(&run);
        Ok(())
    }
}

/// Measures two in turn, and returns all that each has done.
///
/// # Errors
/// An operation failed.
pub(super) async fn measure(
    mut one: Turns,
    mut other: Turns,
    settings: &Settings,
) -> anyhow::Result<[Side; 2]> {
    for turn in 0..TURNS {
        // Whoever was second is first the next time.
        let order = match turn % 2 {
            0 => [&mut one, &mut other],
            _ => [&mut other, &mut one],
        };
        for side in order {
            side.next(settings).await?;
        }
    }
    Ok([one.run.side(), other.run.side()])
}
