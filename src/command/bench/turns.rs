//! Two measured in turn, for figures of which one is held against the other.
//!
//! A machine's pace changes by more from one minute to the next than what is to be told. So both are there at the same
//! time and are measured for a short while each, the one after the other, again and again: a slow second counts in one
//! turn of many, and a slow minute in those of both.

use super::counters::{Counters, LOOK_EVERY, QUIET, SETTLE_TIMEOUT, ServerCounters, Watch};
use super::figures::Run;
use super::load::{self, Client, Pace};
use super::work::Buyer;
use anyhow::bail;
use std::time::Duration;

/// Into how many turns the time is divided that a work is measured for.
pub(super) const PARTS: u32 = 5;

/// How often each of two works is measured, for such a part of the time: twice as long as a work beside its limits.
pub(super) const TURNS: u32 = 2 * PARTS;

/// How often it is looked in the time of a turn whether what it left is done, and how seldom at most: what a look costs the
/// server counts to the turn.
const LOOKS_IN_A_TURN: u32 = 4;
const LOOK_SELDOM: Duration = Duration::from_millis(200);

/// How long nothing was written where nothing is to follow from what was done before.
const FOLLOWED_UP: Duration = Duration::from_secs(2);

/// One of the two: who puts load on it, and where its counters are read.
pub(super) struct Turns<C, K> {
    clients: Vec<C>,
    counters: K,
    pace: Pace,
    time: Duration,
    /// All its turns.
    run: Run,
    /// The last of them.
    last: Run,
}

/// The turns of a server.
pub(super) type ServerTurns = Turns<Buyer, ServerCounters>;

impl<C: Client, K: Counters> Turns<C, K> {
    /// Makes ready to measure; `time` is what a work is measured for that has no other beside it.
    pub(super) fn new(clients: Vec<C>, counters: K, pace: Pace, time: Duration) -> Self {
        Self {
            clients,
            counters,
            pace,
            time,
            run: Run::new(),
            last: Run::new(),
        }
    }

    /// Measures all the time at once.
    ///
    /// # Errors
    /// The counters cannot be read.
    pub(super) async fn alone(mut self) -> anyhow::Result<Run> {
        self.measure(self.time).await?;
        Ok(self.run)
    }

    /// Measures one turn.
    ///
    /// # Errors
    /// The counters cannot be read.
    pub(super) async fn next(&mut self) -> anyhow::Result<()> {
        self.measure(self.time / PARTS).await
    }

    async fn measure(&mut self, time: Duration) -> anyhow::Result<()> {
        self.last = load::run(&mut self.clients, self.pace, time, &mut self.counters).await?;
        self.run.join(&self.last);
        Ok(())
    }

    /// Makes the other of the two, which is measured at the same pace and as long.
    pub(super) fn beside<D, L>(&self, clients: Vec<D>, counters: L) -> Turns<D, L> {
        Turns {
            clients,
            counters,
            pace: self.pace,
            time: self.time,
            run: Run::new(),
            last: Run::new(),
        }
    }

    /// Returns how many clients put load on it.
    pub(super) fn connections(&self) -> usize {
        self.clients.len()
    }

    /// Returns what was measured so far.
    pub(super) fn run(&self) -> &Run {
        &self.run
    }

    /// Returns all that was measured.
    pub(super) fn end(self) -> Run {
        self.run
    }
}

impl ServerTurns {
    /// Waits until the index holds what was written before.
    ///
    /// # Errors
    /// It takes too long.
    pub(super) async fn at_rest(&mut self) -> anyhow::Result<()> {
        self.counters.at_rest().await?;
        Ok(())
    }

    /// Waits until nothing follows any more from what was set up, so that nobody writes while others only read: subscribers note
    /// once a second how far they are.
    ///
    /// # Errors
    /// It takes too long.
    pub(super) async fn until_quiet(&mut self) -> anyhow::Result<()> {
        let watch = Watch {
            quiet: FOLLOWED_UP,
            every: LOOK_EVERY,
            patience: SETTLE_TIMEOUT,
        };
        self.counters.rested(watch).await?;
        Ok(())
    }

    /// Waits until the server has done what its turn left to be done, though not for longer than the turn took: others may
    /// keep it busy.
    ///
    /// # Errors
    /// The counters cannot be read.
    pub(super) async fn settle(&mut self) -> anyhow::Result<()> {
        let turn = self.time / PARTS;
        self.counters
            .settled(Watch {
                quiet: QUIET.min(turn / 2),
                every: LOOK_EVERY,
                patience: turn,
            })
            .await?;
        Ok(())
    }

    /// Waits until the index holds what the turn changed, and counts what that took to the turn.
    ///
    /// # Errors
    /// It takes too long.
    pub(super) async fn finish(&mut self) -> anyhow::Result<()> {
        let turn = self.time / PARTS;
        let watch = Watch {
            quiet: QUIET.min(turn / 2),
            every: (turn / LOOKS_IN_A_TURN).clamp(LOOK_EVERY, LOOK_SELDOM),
            patience: SETTLE_TIMEOUT,
        };
        let done = self.counters.rested(watch).await?;
        self.run.add_left(&self.last, &done);
        Ok(())
    }
}

/// Measures two works in turn, and returns all that each has done.
///
/// # Errors
/// An operation failed, or the counters of one of them cannot be read.
pub(super) async fn both(mut one: ServerTurns, mut other: ServerTurns) -> anyhow::Result<[Run; 2]> {
    for turn in 0..TURNS {
        // Whoever was second is first the next time.
        let order = match turn % 2 {
            0 => [&mut one, &mut other],
            _ => [&mut other, &mut one],
        };
        for side in order {
            side.next().await?;
            // What it has left to be done is not to slow down the other's.
            side.settle().await?;
        }
    }
    let runs = [one.run, other.run];
    if let Some(error) = runs.iter().find_map(|run| run.first_error.as_ref()) {
        bail!("one of two works measured in turn failed: {error}");
    }
    Ok(runs)
}
