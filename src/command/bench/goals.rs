//! What was set as a goal, and whether it was met.

use super::figures::permille;
use super::growth::report::{Growth, Size};
use super::report::{HalfLoad, InTurn, Report, Works};
use super::{MAILS_PERMILLE_MIN, WAKES_PERMILLE_MIN};
use crate::cli::Work;
use crate::output::{decimals, thousands};
use serde::Serialize;

/// Below this many raw `fdatasync`s a second no orders a second are asked for.
const RAW_SYNCS_MIN: u64 = 2_000;

const MILLIS_PER_MINUTE: u64 = 60_000;

/// What a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unit {
    /// Thousandths, shown as percent.
    Permille,
    /// Thousandths, shown as a number with decimals.
    Thousandths,
    /// Microseconds, shown as milliseconds.
    Micros,
    /// As many.
    Count,
}

impl Unit {
    /// Writes a value for people.
    pub(super) fn show(self, value: u64) -> String {
        match self {
            Self::Permille => format!("{}.{}%", value / 10, value % 10),
            Self::Thousandths => decimals(u128::from(value)),
            Self::Micros => format!("{} ms", decimals(u128::from(value))),
            Self::Count => thousands(value),
        }
    }
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Want {
    AtLeast,
    AtMost,
}

/// A goal and what was measured of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Judged {
    pub(super) goal: &'static str,
    pub(super) unit: Unit,
    pub(super) want: Want,
    /// Absent where it is of what was measured beside it, and that was not.
    pub(super) must: Option<u64>,
    pub(super) stretch: Option<u64>,
    /// Absent where it was not measured, or where the goal does not apply to this machine.
    pub(super) measured: Option<u64>,
    /// The least and the most of several rounds.
    pub(super) range: Option<(u64, u64)>,
    /// Of a goal that is judged in each round.
    pub(super) rounds: Option<Rounds>,
}

/// In how many of the rounds a goal was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Rounds {
    pub(super) measured: usize,
    pub(super) made: usize,
}

impl Judged {
    /// Tells whether the must is met.
    pub(super) fn is_met(&self) -> Option<bool> {
        let must = self.must?;
        self.measured.map(|measured| self.reaches(measured, must))
    }

    /// Tells whether the stretch is met.
    pub(super) fn is_stretch_met(&self) -> Option<bool> {
        let stretch = self.stretch?;
        self.measured.map(|measured| self.reaches(measured, stretch))
    }

    fn reaches(&self, measured: u64, bound: u64) -> bool {
        match self.want {
            Want::AtLeast => bound <= measured,
            Want::AtMost => measured <= bound,
        }
    }

    /// Says in how many rounds it was measured, where that is some of them.
    pub(super) fn missing(&self) -> Option<String> {
        let Rounds { measured, made } = self.rounds?;
        let is_some = 0 < measured && measured < made;
        is_some.then(|| format!("{measured} of {made} rounds"))
    }

    /// Returns a bound as people write it.
    pub(super) fn bound(&self, bound: u64) -> String {
        let shown = self.unit.show(bound);
        match self.want {
            Want::AtLeast => format!("at least {shown}"),
            Want::AtMost => format!("at most {shown}"),
        }
    }
}

/// Makes a goal that more is better for.
fn at_least(goal: &'static str, unit: Unit, must: u64, stretch: u64, measured: Option<u64>) -> Judged {
    Judged {
        goal,
        unit,
        want: Want::AtLeast,
        must: Some(must),
        stretch: Some(stretch),
        measured,
        range: None,
        rounds: None,
    }
}

/// Makes a goal that more is better for, without a stretch.
fn floor(goal: &'static str, unit: Unit, must: u64, measured: Option<u64>) -> Judged {
    Judged {
        stretch: None,
        ..at_least(goal, unit, must, must, measured)
    }
}

/// Makes a goal that less is better for.
fn at_most(
    goal: &'static str,
    unit: Unit,
    must: impl Into<Option<u64>>,
    stretch: Option<u64>,
    measured: Option<u64>,
) -> Judged {
    Judged {
        goal,
        unit,
        want: Want::AtMost,
        must: must.into(),
        stretch,
        measured,
        range: None,
        rounds: None,
    }
}

/// Holds a report against every goal, in their order.
pub(super) fn judge(report: &Report) -> Vec<Judged> {
    let made = report.rounds.len();
    let rounds = report.rounds.iter().map(|round| of_works(round).into_iter());
    let mut rounds: Vec<_> = rounds.collect();
    let mut judged = of_works(&Works::default());
    for goal in &mut judged {
        if let Some(middle) = in_the_middle(rounds.iter_mut().filter_map(Iterator::next).collect()) {
            *goal = middle;
        }
        goal.rounds.get_or_insert(Rounds { measured: 0, made });
    }
    judged.extend(of_growth(report.growth.as_ref()));
    judged
}

/// Returns a goal as it stands in the middle of its rounds; of two in the middle the worse one.
fn in_the_middle(mut rounds: Vec<Judged>) -> Option<Judged> {
    let made = rounds.len();
    rounds.retain(|round| round.measured.is_some());
    let measured = || rounds.iter().filter_map(|round| round.measured);
    let range = measured()
        .min()
        .zip(measured().max())
        .filter(|_| 1 < rounds.len());
    // By what it is of its bound, which may be another one in each round.
    rounds.sort_by_key(|round| permille(round.measured.unwrap_or_default(), round.must.unwrap_or_default()));
    let middle = match rounds.first()?.want {
        Want::AtLeast => (rounds.len() - 1) / 2,
        Want::AtMost => rounds.len() / 2,
    };
    let measured = rounds.len();
    Some(Judged {
        range,
        rounds: Some(Rounds { measured, made }),
        ..rounds.swap_remove(middle)
    })
}

fn of_works(works: &Works) -> Vec<Judged> {
    // Who refuses some is no server of the others.
    let figures = |work| works.of(work).filter(|figures| figures.errors == 0);
    let over = |work| works.in_turn(work)?.over_permille();
    let share = |work| figures(work)?.share_of_bare_permille;
    let is_fast_disk = figures(Work::W4)
        .and_then(|figures| figures.disk.as_ref())
        .is_some_and(|disk| RAW_SYNCS_MIN <= disk.fdatasyncs_per_second);
    // Of carts that were awake nothing was measured. An earlier version kept only how many slept of W9 alone.
    let wakes_alone = || works.of(Work::W9).map(|figures| figures.wakes_permille);
    let wakes_in_turn = |both: &InTurn| both.wakes_permille.or_else(wakes_alone);
    let is_woken = works
        .in_turn(Work::W9)
        .and_then(wakes_in_turn)
        .is_none_or(|wakes| WAKES_PERMILLE_MIN <= wakes);
    // A purchase is over with its mail. So it is with the mails.
    let mails_alone = |work| works.of(work).map(|figures| figures.mails_permille);
    let mails_in_turn = |both: &InTurn| {
        let mails = [
            both.mails_permille.or_else(|| mails_alone(Work::W8)),
            both.over_mails_permille.or_else(|| mails_alone(Work::W4)),
        ];
        mails.into_iter().flatten().min()
    };
    let is_mailed = works
        .in_turn(Work::W8)
        .and_then(mails_in_turn)
        .is_none_or(|mails| MAILS_PERMILLE_MIN <= mails);
    let purchases = figures(Work::W4).filter(|figures| MAILS_PERMILLE_MIN <= figures.mails_permille);
    let half = works.half_load.as_ref();
    vec![
        at_least(
            "W2, share of the bare handler's operations a second",
            Unit::Permille,
            400,
            550,
            share(Work::W2),
        ),
        at_most(
            "W2, CPU per operation over the bare handler's",
            Unit::Thousandths,
            4_000,
            Some(3_000),
            figures(Work::W2).and_then(|figures| figures.cpu_over_bare_permille),
        ),
        at_least(
            "W3, share of the bare handler's",
            Unit::Permille,
            700,
            850,
            share(Work::W3),
        ),
        at_most(
            "W4, CPU per order",
            Unit::Micros,
            600,
            Some(400),
            purchases.map(|figures| figures.server.cpu_ns_per_operation.div_ceil(1_000)),
        ),
        at_least(
            "W4, orders a second where raw fdatasync is at least 2,000/s",
            Unit::Count,
            2_000,
            3_000,
            purchases
                .filter(|_| is_fast_disk)
                .map(|figures| figures.server.operations_per_second),
        ),
        at_most(
            "W4, sequential durable waits per purchase, requests included",
            Unit::Thousandths,
            16_000,
            Some(12_000),
            works.waits.as_ref().map(|waits| waits.until_answered_thousandths),
        ),
        at_least("W5 over W2", Unit::Permille, 1_200, 2_000, over(Work::W5)),
        at_least(
            "W8 over W4",
            Unit::Permille,
            1_000,
            1_200,
            over(Work::W8).filter(|_| is_mailed),
        ),
        at_least(
            "W9 over W2",
            Unit::Permille,
            500,
            700,
            over(Work::W9).filter(|_| is_woken),
        ),
        at_most(
            "p99 of W2 at half load: the bare handler's at the same rate + 4 x fdatasync p50 + 1 ms",
            Unit::Micros,
            half.map(HalfLoad::bound_us),
            None,
            half.map(|half| half.server.p99_us),
        ),
        at_most(
            "bytes to disk per byte of snapshot, W2 over 10,000 carts, zeros ahead apart",
            Unit::Thousandths,
            3_000,
            Some(2_000),
            works
                .snapshots
                .as_ref()
                .map(|snapshots| snapshots.written_over_snapshots_permille),
        ),
    ]
}

fn of_growth(growth: Option<&Growth>) -> Vec<Judged> {
    let size = |growth: &Growth| growth.sizes.iter().filter_map(Size::over_small_permille).min();
    let long_carts = |over| {
        at_most(
            "CPU to add to a 500-line cart over a 5-line cart, return=minimal",
            Unit::Thousandths,
            6_000,
            None,
            over,
        )
    };
    let rounds = growth.iter().flat_map(|growth| &growth.long_carts);
    let long_cart = in_the_middle(
        rounds
            .map(|round| long_carts(round.long_over_short_permille()))
            .collect(),
    );
    let idle = |growth: &Growth| {
        let idle = &growth.idle;
        let is_resident = idle.carts <= idle.resident;
        is_resident.then(|| idle.bytes_per_cart.saturating_sub(idle.state_bytes_per_cart))
    };
    let ceiling = growth.map(|growth| {
        let opened = growth.residents.opened_in_two_seconds;
        growth.residents.ceiling.saturating_add(opened)
    });
    let imported = |growth: &Growth| {
        let per_minute = growth.import.variants.saturating_mul(MILLIS_PER_MINUTE);
        per_minute.checked_div(growth.import.took_ms)
    };
    vec![
        floor(
            "W2 flat as the store grows: its operations a second over a small store's beside it, at the worst size",
            Unit::Permille,
            850,
            growth.and_then(size),
        ),
        long_cart.unwrap_or_else(|| long_carts(None)),
        at_most(
            "operations that fail at a 2,000-line cart",
            Unit::Count,
            0,
            None,
            growth.map(failed),
        ),
        at_most(
            "bytes of memory per idle resident cart besides its state",
            Unit::Count,
            10 * 1024,
            None,
            growth.and_then(idle),
        ),
        at_most(
            "carts in memory under a crawl: the ceiling and what is opened in two seconds",
            Unit::Count,
            ceiling,
            None,
            growth.map(|growth| growth.residents.most),
        ),
        at_most(
            "ready after kill -9 under W2",
            Unit::Micros,
            2_000_000,
            None,
            growth.map(|growth| growth.recovery.ready_us),
        ),
        at_most(
            "first touch of a cold cart, p99 of reads or of adds, whichever is more",
            Unit::Micros,
            2_000,
            None,
            growth.map(|growth| growth.cold.read.p99_us.max(growth.cold.add.p99_us)),
        ),
        floor(
            "variants imported in a minute",
            Unit::Count,
            100_000,
            growth.and_then(imported),
        ),
    ]
}

/// Returns the goals as a table for people.
pub(super) fn table(judged: &[Judged]) -> String {
    let lines: Vec<String> = judged.iter().map(line).collect();
    lines.join("\n")
}

fn line(judged: &Judged) -> String {
    let verdict = match (judged.is_met(), judged.is_stretch_met()) {
        (None, _) => "not measured",
        (Some(false), _) => "NOT MET",
        (Some(true), Some(true)) => "met, stretch too",
        (Some(true), Some(false)) => "met, stretch not",
        (Some(true), None) => "met",
    };
    let measured = judged
        .measured
        .map_or_else(|| "-".to_owned(), |measured| judged.unit.show(measured));
    let goal = judged.goal;
    let must = judged
        .must
        .map_or_else(|| "-".to_owned(), |must| judged.bound(must));
    let goal = match judged.missing() {
        Some(of) => format!("{goal} ({of})"),
        None => goal.to_owned(),
    };
    format!("{verdict:<18}{measured:>12}  {must:<22}{goal}")
}

/// Returns how many operations of growth have failed.
pub(super) fn failed(growth: &Growth) -> u64 {
    let failed = growth.largest.operations.iter().filter(|one| one.error.is_some());
    u64::try_from(failed.count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
