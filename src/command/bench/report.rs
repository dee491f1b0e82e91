//! Everything that a suite measured, as it is kept in JSON.

use super::figures::{Figures, Side, permille};
use super::goals::{self, Judged};
use super::growth::report::Growth;
use super::limits::DiskFigures;
use super::warnings;
use crate::cli::Work;
use anyhow::{Context, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::path::Path;

/// What was measured. Parts that were not are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) about: Option<About>,
    /// The works, as often as they were measured.
    pub(super) rounds: Vec<Works>,
    pub(super) growth: Option<Growth>,
}

/// The machine and the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) version: String,
    /// `release`, or `debug`, whose figures say nothing.
    pub(super) build: String,
    pub(super) date: String,
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) memory_bytes: u64,
    pub(super) kernel: String,
    pub(super) filesystem: String,
    /// How long each work was measured.
    pub(super) seconds_ms: u64,
    #[serde(default)]
    pub(super) asked: Asked,
    /// A hash of the program: of two builds of one version, too, no page is made.
    #[serde(default)]
    pub(super) program: String,
    /// How long all of it took, set-ups and pauses included.
    #[serde(default)]
    pub(super) run_ms: u64,
}

/// What was asked for, as on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    /// None: as many as each work has by default.
    pub(super) connections: Option<u16>,
    pub(super) rounds: u8,
    pub(super) carts: u32,
    /// Neither a bare handler nor the disk was asked.
    pub(super) no_limits: bool,
    /// A directory was named, and it was not the temporary one.
    pub(super) data_dir: bool,
}

impl About {
    /// Returns what two runs are of, of which one measured what the other did not.
    ///
    /// # Errors
    /// They are of two machines or two programs, or other things were asked for: no page is of both.
    pub(super) fn beside(self, later: Self) -> anyhow::Result<Self> {
        let date = format!("{} and {}", self.date, later.date);
        let run_ms = self.run_ms.saturating_add(later.run_ms);
        let [before, after] = [self, later].map(|about| Self {
            date: date.clone(),
            run_ms,
            ..about
        });
        ensure!(
            before == after,
            "the earlier run is of another machine or program, or was asked for something else (--seconds, --rounds, \
             --carts, --connections, --no-limits, --data-dir): measure everything anew"
        );
        Ok(after)
    }
}

/// The works, and what belongs to single ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Works {
    pub(super) figures: Vec<Figures>,
    /// Works whose goal is another work, measured in turn with that.
    pub(super) in_turn: Vec<InTurn>,
    pub(super) half_load: Option<HalfLoad>,
    pub(super) waits: Option<Waits>,
    pub(super) snapshots: Option<Snapshots>,
    /// The room on the disk that is kept of the round until all are over: what servers with mails wrote.
    #[serde(default)]
    pub(super) kept_bytes: Option<u64>,
}

/// Two works, measured in turn on servers side by side: in the same minute, and each as long as the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InTurn {
    /// The name of the work that is judged.
    pub(super) work: String,
    /// The name of the work that it is held against.
    pub(super) over: String,
    /// How often each was measured.
    pub(super) turns: u32,
    pub(super) operations_per_second: u64,
    pub(super) over_operations_per_second: u64,
    /// Of both, as in [`Figures`]. Figures of an earlier version have none of these.
    #[serde(default)]
    pub(super) wakes_permille: Option<u64>,
    #[serde(default)]
    pub(super) mails_permille: Option<u64>,
    #[serde(default)]
    pub(super) over_mails_permille: Option<u64>,
    /// How many commits an operation made, in thousandths.
    #[serde(default)]
    pub(super) commits_permille: Option<u64>,
    #[serde(default)]
    pub(super) over_commits_permille: Option<u64>,
}

impl InTurn {
    /// Returns how many operations the one made for a thousand of the other.
    pub(super) fn over_permille(&self) -> Option<u64> {
        permille(self.operations_per_second, self.over_operations_per_second)
    }
}

/// W2 and the bare handler at half of what the server can answer of W2, evenly paced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HalfLoad {
    pub(super) per_second: u64,
    pub(super) server: Side,
    pub(super) bare: Side,
    /// The disk, writing groups as large as those of half load.
    pub(super) disk: DiskFigures,
}

impl HalfLoad {
    /// Returns what the goal allows the server's p99, by what this machine allows.
    pub(super) fn bound_us(&self) -> u64 {
        let disk = self.disk.p50_us.saturating_mul(4);
        self.bare.p99_us.saturating_add(disk).saturating_add(1_000)
    }
}

/// How often one purchase waits for the disk, one wait after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waits {
    pub(super) purchases: u64,
    /// Groups synced until the purchase was answered, in thousandths.
    pub(super) until_answered_thousandths: u64,
    /// Groups synced until nothing more came of it: the end of its saga, its mail, cursors.
    pub(super) in_all_thousandths: u64,
}

/// What W2 over many carts wrote, until the index held everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshots {
    pub(super) carts: usize,
    /// The snapshots of all commits.
    pub(super) snapshot_bytes: u64,
    /// Everything the process wrote, but for zeros written ahead.
    pub(super) written_bytes: u64,
    /// What of it are groups in the journal.
    pub(super) journal_bytes: u64,
    /// Zeros written ahead meanwhile.
    pub(super) zeroed_bytes: u64,
    pub(super) written_over_snapshots_permille: u64,
}

/// A report with the goals it was held against, which is what JSON shows.
#[derive(Debug, Serialize)]
pub(super) struct WithGoals<'a> {
    #[serde(flatten)]
    report: &'a Report,
    goals: Vec<WithVerdict>,
    /// Why the figures say less than they seem to.
    warnings: Vec<String>,
}

/// A goal with whether it was met; neither where it was not measured.
#[derive(Debug, Serialize)]
struct WithVerdict {
    #[serde(flatten)]
    judged: Judged,
    met: Option<bool>,
    stretch_met: Option<bool>,
}

impl Works {
    /// Returns the figures of a work.
    pub(super) fn of(&self, work: Work) -> Option<&Figures> {
        self.figures.iter().find(|figures| figures.work == work.name())
    }

    /// Returns how a work compares with the one that it was measured in turn with.
    pub(super) fn in_turn(&self, work: Work) -> Option<&InTurn> {
        self.in_turn.iter().find(|both| both.work == work.name())
    }

    /// Returns each figure of its round in the middle: of a work by its operations a second, otherwise by what is judged. Of
    /// two in the middle the worse one, as its goal. What is kept is kept of all.
    pub(super) fn middle(rounds: &[Self]) -> Self {
        let of = |work: &Work| {
            let figures = rounds.iter().filter_map(|round| round.of(*work));
            middle(figures, |figures| Reverse(figures.server.operations_per_second))
        };
        let in_turn = |work: &Work| {
            let both = rounds.iter().filter_map(|round| round.in_turn(*work));
            middle(both, |both| Reverse(both.over_permille()))
        };
        Self {
            figures: Work::value_variants().iter().filter_map(of).collect(),
            in_turn: Work::value_variants().iter().filter_map(in_turn).collect(),
            half_load: middle(
                rounds.iter().filter_map(|round| round.half_load.as_ref()),
                |half| permille(half.server.p99_us, half.bound_us()),
            ),
            waits: middle(rounds.iter().filter_map(|round| round.waits.as_ref()), |waits| {
                waits.until_answered_thousandths
            }),
            snapshots: middle(
                rounds.iter().filter_map(|round| round.snapshots.as_ref()),
                |snapshots| snapshots.written_over_snapshots_permille,
            ),
            kept_bytes: rounds.iter().map(|round| round.kept_bytes).sum(),
        }
    }
}

/// Returns what is in the middle when all are in order.
pub(super) fn middle<'a, T: Clone + 'a, K: Ord>(
    all: impl Iterator<Item = &'a T>,
    key: impl Fn(&T) -> K,
) -> Option<T> {
    let mut all: Vec<&T> = all.collect();
    all.sort_by_key(|one| key(one));
    all.get(all.len() / 2).map(|one| T::clone(one))
}

impl Report {
    /// Reads what an earlier run wrote.
    ///
    /// # Errors
    /// The file is not there, or is of another version.
    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_slice(&text).with_context(|| {
            format!(
                "{} is not what `bench --all` or `bench --growth` of this version writes with --json",
                file.display()
            )
        })
    }

    /// Returns it with the goals it was held against.
    pub(super) fn judged(&self) -> WithGoals<'_> {
        WithGoals {
            report: self,
            goals: goals::judge(self)
                .into_iter()
                .map(|judged| WithVerdict {
                    met: judged.is_met(),
                    stretch_met: judged.is_stretch_met(),
                    judged,
                })
                .collect(),
            warnings: warnings::warnings(self),
        }
    }

    /// Returns the table for people.
    pub(super) fn table(&self) -> String {
        let works = Works::middle(&self.rounds);
        let mut parts: Vec<String> = works.figures.iter().map(Figures::table).collect();
        parts.push(goals::table(&goals::judge(self)));
        parts.extend(warnings::warnings(self));
        parts.join("\n\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_are_one_page_where_they_are_of_one_machine_and_program() {
        let at = |date: &str, cores| About {
            date: date.to_owned(),
            cores,
            ..About::default()
        };
        let both = at("then", 2).beside(at("now", 2));
        assert_eq!(both.ok(), Some(at("then and now", 2)));
        assert!(at("then", 2).beside(at("now", 4)).is_err());
        let asked = |rounds| About {
            asked: Asked {
                rounds,
                ..Asked::default()
            },
            ..at("then", 2)
        };
        assert!(asked(3).beside(asked(1)).is_err());
        assert!(asked(3).beside(asked(3)).is_ok());
        let program = |program: &str| About {
            program: program.to_owned(),
            ..at("then", 2)
        };
        assert!(program("one").beside(program("other")).is_err());
        let took = |run_ms| About {
            run_ms,
            ..at("then", 2)
        };
        let both = took(60_000).beside(took(1_000)).expect("they are of one machine");
        assert_eq!(both.run_ms, 61_000);
    }

    #[test]
    fn half_load_stands_in_the_round_that_its_goal_stands_in() {
        let half = |p99_us, bare_p99_us| Works {
            half_load: Some(HalfLoad {
                server: Side {
                    p99_us,
                    ..Side::default()
                },
                bare: Side {
                    p99_us: bare_p99_us,
                    ..Side::default()
                },
                ..HalfLoad::default()
            }),
            ..Works::default()
        };
        // Of its bound 2,000, 9,000 and 1,500: a half, a third and all of it.
        let rounds = vec![half(1_000, 1_000), half(3_000, 8_000), half(1_500, 500)];
        let shown = Works::middle(&rounds).half_load.expect("it was measured");
        let report = Report {
            rounds,
            ..Report::default()
        };
        let judged = goals::judge(&report);
        let goal = judged
            .iter()
            .find(|judged| judged.goal.starts_with("p99 of W2 at half load"));
        let goal = goal.expect("there is such a goal");
        assert_eq!((goal.measured, goal.must), (Some(1_000), Some(2_000)));
        assert_eq!((shown.server.p99_us, shown.bound_us()), (1_000, 2_000));
    }

    #[test]
    fn figures_of_works_in_turn_without_what_was_counted_beside_them_are_read() {
        let text = r#"{"work":"w8","over":"w4","turns":10,"operations_per_second":9,"over_operations_per_second":6}"#;
        let both: InTurn = serde_json::from_str(text).expect("an earlier version wrote it");
        assert_eq!((both.over_permille(), both.mails_permille), (Some(1_500), None));
    }
}
