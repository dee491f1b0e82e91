//! Everything that a suite measured, as it is kept in JSON.

use super::figures::{Figures, Side, permille};
use super::goals::{self, Judged};
use super::growth::report::Growth;
use super::limits::DiskFigures;
use crate::cli::Work;
use anyhow::{Context, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
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
}

impl About {
    /// Returns what two runs are of, of which one measured what the other did not.
    ///
    /// # Errors
    /// They are of two machines or two programs, or measured for other times: no page is of both.
    pub(super) fn beside(self, later: Self) -> anyhow::Result<Self> {
        let date = format!("{} and {}", self.date, later.date);
        let [before, after] = [self, later].map(|about| Self {
            date: date.clone(),
            ..about
        });
        ensure!(
            before == after,
            "the earlier run is of another machine, program or time: measure everything anew"
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
    goals: Vec<Judged>,
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

    /// Returns each figure of its round in the middle: of a work, by its operations a second.
    pub(super) fn middle(rounds: &[Self]) -> Self {
        let of = |work: &Work| {
            let figures = rounds.iter().filter_map(|round| round.of(*work));
            middle(figures, |figures| figures.server.operations_per_second)
        };
        let in_turn = |work: &Work| {
            let both = rounds.iter().filter_map(|round| round.in_turn(*work));
            middle(both, InTurn::over_permille)
        };
        Self {
            figures: Work::value_variants().iter().filter_map(of).collect(),
            in_turn: Work::value_variants().iter().filter_map(in_turn).collect(),
            half_load: middle(
                rounds.iter().filter_map(|round| round.half_load.as_ref()),
                |half| half.server.p99_us,
            ),
            waits: middle(rounds.iter().filter_map(|round| round.waits.as_ref()), |waits| {
                waits.until_answered_thousandths
            }),
            snapshots: middle(
                rounds.iter().filter_map(|round| round.snapshots.as_ref()),
                |snapshots| snapshots.written_over_snapshots_permille,
            ),
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
            goals: goals::judge(self),
        }
    }

    /// Returns the table for people.
    pub(super) fn table(&self) -> String {
        let works = Works::middle(&self.rounds);
        let mut parts: Vec<String> = works.figures.iter().map(Figures::table).collect();
        parts.push(goals::table(&goals::judge(self)));
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
    }
}
