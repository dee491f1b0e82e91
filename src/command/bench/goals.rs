//! What was set as a goal, and whether it was met.

use super::figures::permille;
use super::growth::report::{Growth, Size};
use super::report::{Report, Works};
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
    pub(super) must: u64,
    pub(super) stretch: Option<u64>,
    /// Absent where it was not measured, or where the goal does not apply to this machine.
    pub(super) measured: Option<u64>,
    /// The least and the most of several rounds.
    pub(super) range: Option<(u64, u64)>,
}

impl Judged {
    /// Tells whether the must is met.
    pub(super) fn is_met(&self) -> Option<bool> {
        self.measured.map(|measured| self.reaches(measured, self.must))
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
        must,
        stretch: Some(stretch),
        measured,
        range: None,
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
fn at_most(goal: &'static str, unit: Unit, must: u64, stretch: Option<u64>, measured: Option<u64>) -> Judged {
    Judged {
        goal,
        unit,
        want: Want::AtMost,
        must,
        stretch,
        measured,
        range: None,
    }
}

/// Holds a report against every goal, in their order.
pub(super) fn judge(report: &Report) -> Vec<Judged> {
    let rounds = report.rounds.iter().map(|round| of_works(round).into_iter());
    let mut rounds: Vec<_> = rounds.collect();
    let mut judged = of_works(&Works::default());
    for goal in &mut judged {
        if let Some(middle) = in_the_middle(rounds.iter_mut().filter_map(Iterator::next).collect()) {
            *goal = middle;
        }
    }
    judged.extend(of_growth(report.growth.as_ref()));
    judged
}

/// Returns a goal as it stands in the middle of its rounds; of two in the middle the worse one.
fn in_the_middle(mut rounds: Vec<Judged>) -> Option<Judged> {
    rounds.retain(|round| round.measured.is_some());
    let measured = || rounds.iter().filter_map(|round| round.measured);
    let range = measured()
        .min()
        .zip(measured().max())
        .filter(|_| 1 < rounds.len());
    // By what it is of its bound, which may be another one in each round.
    rounds.sort_by_key(|round| permille(round.measured.unwrap_or_default(), round.must));
    let middle = match rounds.first()?.want {
        Want::AtLeast => (rounds.len() - 1) / 2,
        Want::AtMost => rounds.len() / 2,
    };
    Some(Judged {
        range,
        ..rounds.swap_remove(middle)
    })
}

fn of_works(works: &Works) -> Vec<Judged> {
    let figures = |work| works.of(work);
    let over = |work| works.in_turn(work)?.over_permille();
    let share = |work| figures(work)?.share_of_bare_permille;
    let is_fast_disk = figures(Work::W4)
        .and_then(|figures| figures.disk.as_ref())
        .is_some_and(|disk| RAW_SYNCS_MIN <= disk.fdatasyncs_per_second);
    // Of carts that were awake nothing was measured.
    let is_woken = figures(Work::W9).is_none_or(|figures| WAKES_PERMILLE_MIN <= figures.wakes_permille);
    // A purchase is over with its mail.
    let purchases = figures(Work::W4).filter(|figures| MAILS_PERMILLE_MIN <= figures.mails_permille);
    let half = works.half_load.as_ref();
    let half_bound = half.map(|half| half.bare.p99_us + 4 * half.disk.p50_us + 1_000);
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
        at_least("W8 over W4", Unit::Permille, 1_000, 1_200, over(Work::W8)),
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
            half_bound.unwrap_or(0),
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
    let ceiling = growth.map(|growth| growth.residents.ceiling + growth.residents.opened_in_two_seconds);
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
            ceiling.unwrap_or(0),
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
    let must = judged.bound(judged.must);
    format!("{verdict:<18}{measured:>12}  {must:<22}{goal}")
}

/// Returns how many operations of growth have failed.
pub(super) fn failed(growth: &Growth) -> u64 {
    let failed = growth.largest.operations.iter().filter(|one| one.error.is_some());
    u64::try_from(failed.count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::bench::figures::{Figures, Side};
    use crate::command::bench::report::InTurn;

    #[test]
    fn a_bound_itself_is_met_and_one_beyond_is_not() {
        let met = |judged: Judged| (judged.is_met(), judged.is_stretch_met());
        let least = |measured| at_least("more", Unit::Count, 10, 20, measured);
        assert_eq!(met(least(Some(9))), (Some(false), Some(false)));
        assert_eq!(met(least(Some(10))), (Some(true), Some(false)));
        assert_eq!(met(least(Some(20))), (Some(true), Some(true)));
        assert_eq!(met(least(None)), (None, None));
        let most = |measured| at_most("less", Unit::Count, 20, Some(10), Some(measured));
        assert_eq!(met(most(21)), (Some(false), Some(false)));
        assert_eq!(met(most(20)), (Some(true), Some(false)));
        assert_eq!(met(most(10)), (Some(true), Some(true)));
    }

    #[test]
    fn a_goal_stands_in_the_middle_of_its_rounds_and_of_two_where_it_is_worse() {
        let middle = |rounds: &[Judged]| {
            let middle = in_the_middle(rounds.to_vec())?;
            Some((middle.measured?, middle.range))
        };
        let more = |measured| at_least("more", Unit::Count, 10, 20, Some(measured));
        let less = |measured| at_most("less", Unit::Count, 10, None, Some(measured));
        assert_eq!(middle(&[more(9), more(30), more(12)]), Some((12, Some((9, 30)))));
        assert_eq!(middle(&[more(9), more(30)]), Some((9, Some((9, 30)))));
        assert_eq!(middle(&[less(9), less(30)]), Some((30, Some((9, 30)))));
        assert_eq!(middle(&[less(9)]), Some((9, None)));
        assert_eq!(middle(&[floor("more", Unit::Count, 10, None)]), None);
        // A bound of its own in each round.
        let slow_machine = Judged {
            must: 100,
            ..less(50)
        };
        assert_eq!(
            middle(&[less(9), slow_machine, less(8)]),
            Some((8, Some((8, 50))))
        );
    }

    #[test]
    fn a_work_held_against_another_is_judged_by_what_both_made_in_turn() {
        let in_turn = |work: Work| InTurn {
            work: work.name(),
            over: Work::W2.name(),
            turns: 2,
            operations_per_second: 1_300,
            over_operations_per_second: 1_000,
        };
        let figures = |work: Work, operations_per_second| Figures {
            work: work.name(),
            server: Side {
                operations_per_second,
                ..Side::default()
            },
            ..Figures::default()
        };
        let works = Works {
            figures: vec![figures(Work::W2, 1_000), figures(Work::W5, 900)],
            in_turn: vec![in_turn(Work::W5)],
            ..Works::default()
        };
        let measured = |works: &Works, goal| {
            let judged = of_works(works);
            judged.iter().find(|judged| judged.goal == goal)?.measured
        };
        assert_eq!(measured(&works, "W5 over W2"), Some(1_300));
        assert_eq!(measured(&works, "W9 over W2"), None);
        // Of carts that slept, and of others.
        for (wakes_permille, expected) in [(1_000, Some(1_300)), (949, None)] {
            let w9 = Figures {
                wakes_permille,
                ..figures(Work::W9, 1_000)
            };
            let works = Works {
                figures: vec![w9],
                in_turn: vec![in_turn(Work::W9)],
                ..Works::default()
            };
            assert_eq!(measured(&works, "W9 over W2"), expected);
        }
    }

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        let judged = judge(&Report::default());
        assert_eq!(judged.len(), 19);
        assert!(judged.iter().all(|judged| judged.is_met().is_none()));
    }
}
