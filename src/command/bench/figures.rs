//! What was measured of one work, for people and for machines. Integers only: ratios are in thousandths.

use super::counters::Actors;
use super::limits::{DiskFigures, Limits};
use super::load::{Bodies, Pace};
use super::work::Load;
use crate::cli::Work;
use crate::latencies::Latencies;
use crate::output::{decimals, per_second};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Nanoseconds in a millisecond.
const NANOS_PER_MS: u64 = 1_000_000;

/// One measurement.
#[derive(Debug)]
pub(super) struct Run {
    /// Of what began in the measured time, too.
    latencies: Latencies,
    /// How many operations went well.
    done: u64,
    /// How many operations failed.
    pub(super) errors: u64,
    /// Why the first of them failed.
    pub(super) first_error: Option<String>,
    /// How long it was measured.
    pub(super) took: Duration,
    /// The sizes of the last operation's bodies.
    pub(super) bodies: Bodies,
    /// The CPU time of this process, which sends the requests.
    pub(super) client_cpu_ms: u64,
    cpu_ms: u64,
    write_bytes: u64,
    groups: u64,
    journal_bytes: u64,
    resident_bytes: u64,
    wakes: u64,
    mails: u64,
    commits: u64,
    /// Commits from before the measured time that the index did not hold when it began.
    backlog: u64,
    /// The process' counters when it was over.
    ended: Actors,
}

impl Run {
    /// Starts empty.
    pub(super) fn new() -> Self {
        Self {
            latencies: Latencies::default(),
            done: 0,
            errors: 0,
            first_error: None,
            took: Duration::ZERO,
            bodies: Bodies::default(),
            client_cpu_ms: 0,
            cpu_ms: 0,
            write_bytes: 0,
            groups: 0,
            journal_bytes: 0,
            resident_bytes: 0,
            wakes: 0,
            mails: 0,
            commits: 0,
            backlog: 0,
            ended: Actors::default(),
        }
    }

    /// Counts one operation that has ended, and how long it took, where that is known to be of the measured time alone.
    pub(super) fn add(&mut self, time: Option<Duration>, done: anyhow::Result<Bodies>) {
        match done {
            Ok(bodies) => {
                self.bodies = bodies;
                self.done += 1;
                if let Some(time) = time {
                    self.latencies.record(time);
                }
            }
            Err(error) => {
                self.errors += 1;
                self.first_error.get_or_insert_with(|| format!("{error:#}"));
            }
        }
    }

    /// Takes the difference of the process' counters over the measured time.
    pub(super) fn count(&mut self, before: &Actors, after: &Actors, took: Duration) {
        self.took = took;
        self.cpu_ms = after.cpu_ms().saturating_sub(before.cpu_ms());
        self.write_bytes = after
            .process
            .write_bytes
            .saturating_sub(before.process.write_bytes);
        self.groups = after.store.groups.saturating_sub(before.store.groups);
        self.journal_bytes = after
            .store
            .journal_bytes
            .saturating_sub(before.store.journal_bytes);
        self.resident_bytes = after.process.resident_bytes;
        self.wakes = after
            .carts()
            .activations
            .saturating_sub(before.carts().activations);
        self.mails = after.mails().saturating_sub(before.mails());
        self.commits = after.store.synced.saturating_sub(before.store.synced);
        self.backlog = before.store.synced.saturating_sub(before.store.applied);
        self.ended = after.clone();
    }

    /// Adds what a turn has left to be done, which the process has done by now: of what that took, the share of the turn's
    /// commits among those that the index did not hold when it began.
    pub(super) fn add_left(&mut self, turn: &Self, done: &Actors) {
        let share = |all: u64| {
            let commits = turn.commits.saturating_add(turn.backlog);
            all.saturating_mul(turn.commits).checked_div(commits).unwrap_or(0)
        };
        self.cpu_ms += share(done.cpu_ms().saturating_sub(turn.ended.cpu_ms()));
        let written = done.process.write_bytes;
        self.write_bytes += share(written.saturating_sub(turn.ended.process.write_bytes));
    }

    /// Adds what came after it: as if both had been one, without the time between them.
    pub(super) fn join(&mut self, next: &Self) {
        self.latencies.join(&next.latencies);
        self.done += next.done;
        self.errors += next.errors;
        self.first_error = self.first_error.take().or_else(|| next.first_error.clone());
        self.took += next.took;
        self.bodies = next.bodies;
        self.client_cpu_ms += next.client_cpu_ms;
        self.cpu_ms += next.cpu_ms;
        self.write_bytes += next.write_bytes;
        self.groups += next.groups;
        self.journal_bytes += next.journal_bytes;
        self.resident_bytes = next.resident_bytes;
        self.wakes += next.wakes;
        self.mails += next.mails;
        self.commits += next.commits;
    }

    /// Returns how many operations went well.
    pub(super) fn operations(&self) -> u64 {
        self.done
    }

    /// Tells whether nothing was done from its beginning to its end, well or not.
    pub(super) fn is_empty(&self) -> bool {
        self.latencies.count() == 0 && self.errors == 0
    }

    /// Returns how many carts were made active, in thousandths of the operations.
    pub(super) fn wakes_permille(&self) -> u64 {
        permille(self.wakes, self.operations()).unwrap_or(0)
    }

    /// Returns how many orders were confirmed by mail, in thousandths of the operations.
    pub(super) fn mails_permille(&self) -> u64 {
        permille(self.mails, self.operations()).unwrap_or(0)
    }

    /// Returns how many commits an operation made, in thousandths.
    pub(super) fn commits_permille(&self) -> u64 {
        permille(self.commits, self.operations()).unwrap_or(0)
    }

    /// Returns how many bytes a group had, if groups were written.
    pub(super) fn bytes_per_group(&self) -> Option<u64> {
        self.journal_bytes.checked_div(self.groups)
    }

    /// Returns what callers and the process' CPU saw of it.
    pub(super) fn side(&self) -> Side {
        let operations = self.operations().max(1);
        let micros_at = |quantile| self.latencies.micros_at(quantile);
        let nanos_each = |cpu_ms: u64| cpu_ms.saturating_mul(NANOS_PER_MS) / operations;
        Side {
            operations: self.operations(),
            operations_per_second: whole(per_second(self.operations(), self.took)),
            p50_us: micros_at(0.5),
            p99_us: micros_at(0.99),
            max_us: self.latencies.max_micros(),
            cpu_ns_per_operation: nanos_each(self.cpu_ms),
            client_cpu_ns_per_operation: nanos_each(self.client_cpu_ms),
        }
    }
}

/// Returns a number as large as fits.
pub(super) fn whole(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Returns a part of a whole in thousandths, if there is a whole.
pub(super) fn permille(part: u64, whole: u64) -> Option<u64> {
    part.saturating_mul(1000).checked_div(whole)
}

/// What was measured on one side: the server's, or the bare handler's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Side {
    pub(super) operations: u64,
    pub(super) operations_per_second: u64,
    pub(super) p50_us: u64,
    pub(super) p99_us: u64,
    pub(super) max_us: u64,
    /// User and system time of the server.
    pub(super) cpu_ns_per_operation: u64,
    /// That of the process that sends the requests, from the same cores.
    pub(super) client_cpu_ns_per_operation: u64,
}

/// What a bench says of one work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Figures {
    pub(super) work: String,
    pub(super) connections: u16,
    /// How many operations a second were asked for; none where each connection sent its next when the last was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rate: Option<u64>,
    /// How many carts all connections had together.
    pub(super) carts: usize,
    pub(super) took_ms: u64,
    pub(super) errors: u64,
    pub(super) server: Side,
    pub(super) fsyncs_per_second: u64,
    /// What the process wrote, zeros written ahead and the index included.
    pub(super) write_bytes_per_operation: u64,
    /// What of it are groups in the journal.
    pub(super) journal_bytes_per_operation: u64,
    pub(super) resident_bytes: u64,
    /// How many sleeping carts were woken, in thousandths of the operations; none of works that open carts, which wake, too.
    pub(super) wakes_permille: u64,
    /// How many orders were confirmed by mail, in thousandths of the operations.
    pub(super) mails_permille: u64,
    pub(super) request_bytes: usize,
    pub(super) response_bytes: usize,
    pub(super) bare: Option<Side>,
    pub(super) disk: Option<DiskFigures>,
    /// The server's operations a second, in thousandths of the bare handler's.
    pub(super) share_of_bare_permille: Option<u64>,
    /// The server's CPU for an operation, in thousandths of the bare handler's.
    pub(super) cpu_over_bare_permille: Option<u64>,
}

impl Figures {
    /// Puts a run beside its limits.
    pub(super) fn of(load: Load, pace: Pace, run: &Run, limits: Option<&Limits>) -> Self {
        let server = run.side();
        let bare = limits.and_then(|limits| limits.bare.as_ref()).map(Run::side);
        let share = bare
            .as_ref()
            .and_then(|bare| permille(server.operations_per_second, bare.operations_per_second));
        let cpu = bare
            .as_ref()
            .and_then(|bare| permille(server.cpu_ns_per_operation, bare.cpu_ns_per_operation));
        Self {
            work: load.work.name(),
            connections: load.connections,
            rate: match pace {
                Pace::Closed => None,
                Pace::PerSecond(rate) => Some(rate),
            },
            carts: load.carts(),
            took_ms: whole(run.took.as_millis()),
            errors: run.errors,
            fsyncs_per_second: whole(per_second(run.groups, run.took)),
            write_bytes_per_operation: run.write_bytes / run.operations().max(1),
            journal_bytes_per_operation: run.journal_bytes / run.operations().max(1),
            resident_bytes: run.resident_bytes,
            wakes_permille: if load.opens_carts() {
                0
            } else {
                run.wakes_permille()
            },
            mails_permille: run.mails_permille(),
            request_bytes: run.bodies.request,
            response_bytes: run.bodies.response,
            share_of_bare_permille: share,
            cpu_over_bare_permille: cpu,
            server,
            bare,
            disk: limits.and_then(|limits| limits.disk.clone()),
        }
    }

    /// Returns the table for people.
    pub(super) fn table(&self) -> String {
        let mut rows: Vec<(String, String)> = Vec::new();
        let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
        let seconds = decimals(u128::from(self.took_ms));
        let rate = self
            .rate
            .map_or_else(String::new, |rate| format!(", {rate} a second asked for"));
        row(
            "work",
            format!(
                "{}, {} connections, {seconds} s{rate}",
                self.work, self.connections
            ),
        );
        row("operations/s", self.server.operations_per_second.to_string());
        row("p50, p99, max", times(&self.server));
        row("CPU/operation", cpu(&self.server));
        row("fsyncs/s", self.fsyncs_per_second.to_string());
        let (all, journal) = (self.write_bytes_per_operation, self.journal_bytes_per_operation);
        row(
            "written/operation",
            format!("{all} bytes, of which {journal} are the journal's groups"),
        );
        row("resident memory", format!("{} MiB", self.resident_bytes >> 20));
        if self.work == Work::W9.name() {
            let woken = format!("{} in 1000 operations", self.wakes_permille);
            row("carts woken", woken);
        }
        row("mails", format!("{} in 1000 operations", self.mails_permille));
        row("failed", self.errors.to_string());
        if let Some(bare) = &self.bare {
            let bodies = format!(
                "{} bytes in, {} bytes out",
                self.request_bytes, self.response_bytes
            );
            row(
                "bare handler",
                format!("{} operations/s, {bodies}", bare.operations_per_second),
            );
            row("  p50, p99, max", times(bare));
            row("  CPU/operation", cpu(bare));
        }
        if let (Some(share), Some(over)) = (self.share_of_bare_permille, self.cpu_over_bare_permille) {
            let percent = format!("{}.{}", share / 10, share % 10);
            row(
                "  share",
                format!(
                    "{percent}% of its operations, {} times its CPU",
                    decimals(u128::from(over))
                ),
            );
        }
        if let Some(disk) = &self.disk {
            let DiskFigures {
                group_bytes,
                fdatasyncs_per_second,
                p50_us,
                p99_us,
            } = disk;
            row(
                "this disk",
                format!("{fdatasyncs_per_second} fdatasyncs/s of {group_bytes} bytes"),
            );
            let (p50, p99) = (decimals(u128::from(*p50_us)), decimals(u128::from(*p99_us)));
            row("  p50, p99", format!("{p50} ms, {p99} ms"));
        }
        let lines: Vec<String> = rows
            .iter()
            .map(|(name, value)| format!("{name:<20}{value}"))
            .collect();
        lines.join("\n")
    }
}

fn times(side: &Side) -> String {
    let [p50, p99, max] = [side.p50_us, side.p99_us, side.max_us].map(|micros| decimals(u128::from(micros)));
    format!("{p50} ms, {p99} ms, {max} ms")
}

fn cpu(side: &Side) -> String {
    let [server, client] = [side.cpu_ns_per_operation, side.client_cpu_ns_per_operation]
        .map(|nanos| decimals(u128::from(nanos)));
    format!("{server} us, and {client} us of the client's")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::bench::counters::{Process, Store};

    fn actors(user_ms: u64, groups: u64, write_bytes: u64) -> Actors {
        let process = Process {
            user_ms,
            system_ms: user_ms,
            resident_bytes: 5 << 20,
            write_bytes,
        };
        Actors {
            process,
            store: Store {
                groups,
                journal_bytes: write_bytes / 2,
                ..Store::default()
            },
            ..Actors::default()
        }
    }

    fn run(operations: u64, cpu_ms: u64) -> Run {
        let mut run = Run::new();
        for _ in 0..operations {
            run.add(
                Some(Duration::from_micros(250)),
                Ok(Bodies {
                    request: 10,
                    response: 20,
                }),
            );
        }
        let (before, after) = (actors(100, 10, 1_000), actors(100 + cpu_ms / 2, 30, 21_000));
        run.count(&before, &after, Duration::from_secs(2));
        run
    }

    #[test]
    fn figures_are_per_operation_and_per_second() {
        let limits = Limits {
            bare: Some(run(1000, 10)),
            disk: None,
        };
        let figures = Figures::of(
            Load::of(Work::W2, None, 0),
            Pace::Closed,
            &run(400, 12),
            Some(&limits),
        );
        assert_eq!(figures.server.operations_per_second, 200);
        assert_eq!(figures.server.cpu_ns_per_operation, 30_000);
        assert_eq!(figures.fsyncs_per_second, 10);
        assert_eq!(
            (
                figures.write_bytes_per_operation,
                figures.journal_bytes_per_operation
            ),
            (50, 25)
        );
        assert_eq!(figures.share_of_bare_permille, Some(400));
        assert_eq!(figures.cpu_over_bare_permille, Some(3000));
        assert_eq!(figures.work, "w2");
    }

    #[test]
    fn turns_make_one_run_of_all_their_time() {
        let mut all = Run::new();
        all.join(&run(400, 12));
        all.join(&run(100, 8));
        let figures = Figures::of(Load::of(Work::W2, None, 0), Pace::Closed, &all, None);
        assert_eq!(figures.took_ms, 4_000);
        assert_eq!(figures.server.operations, 500);
        assert_eq!(figures.server.operations_per_second, 125);
        assert_eq!(figures.server.cpu_ns_per_operation, 40_000);
        assert_eq!(figures.server.p50_us, 250);
        assert_eq!(figures.fsyncs_per_second, 10);
        assert_eq!(figures.write_bytes_per_operation, 80);
        assert_eq!((figures.request_bytes, figures.response_bytes), (10, 20));
    }

    #[test]
    fn a_run_without_operations_divides_by_nothing() {
        let figures = Figures::of(Load::of(Work::W4, None, 0), Pace::PerSecond(7), &run(0, 0), None);
        assert_eq!(
            (
                figures.server.operations_per_second,
                figures.server.cpu_ns_per_operation
            ),
            (0, 0)
        );
        assert_eq!(figures.share_of_bare_permille, None);
        let table = figures.table();
        assert!(table.contains("7 a second asked for"), "{table}");
    }

    #[test]
    fn failed_operations_are_counted_apart_and_the_first_is_kept() {
        let mut run = run(1, 0);
        for text in ["first", "second"] {
            run.add(Some(Duration::ZERO), Err(anyhow::anyhow!(text)));
        }
        assert_eq!(
            (run.operations(), run.errors, run.first_error.as_deref()),
            (1, 2, Some("first"))
        );
    }

    #[test]
    fn what_is_done_in_the_time_counts_and_only_what_began_in_it_has_a_latency() {
        let mut run = run(3, 0);
        let bodies = Bodies {
            request: 10,
            response: 20,
        };
        run.add(None, Ok(bodies));
        assert_eq!((run.operations(), run.side().operations_per_second), (4, 2));
        assert_eq!(run.latencies.count(), 3);
        let mut only_begun_before = Run::new();
        only_begun_before.add(None, Ok(bodies));
        assert!(only_begun_before.is_empty());
    }

    #[test]
    fn what_a_turn_leaves_to_the_index_counts_to_it_but_for_what_the_warm_up_left() {
        let at = |synced, applied, cpu_ms: u64, write_bytes| Actors {
            store: Store {
                synced,
                applied,
                ..Store::default()
            },
            ..actors(cpu_ms / 2, 0, write_bytes)
        };
        let mut turn = Run::new();
        let (before, after) = (at(200, 0, 0, 0), at(1_000, 0, 100, 8_000));
        turn.count(&before, &after, Duration::from_secs(1));
        let mut all = Run::new();
        all.join(&turn);
        all.add_left(&turn, &at(1_000, 1_000, 150, 10_000));
        assert_eq!((all.cpu_ms, all.write_bytes), (100 + 40, 8_000 + 1_600));
        // A read leaves nothing.
        let mut reads = Run::new();
        reads.count(&before, &before, Duration::from_secs(1));
        all.add_left(&reads, &after);
        assert_eq!((all.cpu_ms, all.write_bytes), (140, 9_600));
    }

    #[test]
    fn carts_are_called_woken_where_they_slept() {
        let figures = |work| Figures::of(Load::of(work, None, 0), Pace::Closed, &run(4, 0), None);
        let is_told = |work| figures(work).table().contains("carts woken");
        assert_eq!([Work::W1, Work::W2, Work::W9].map(is_told), [false, false, true]);
    }
}
