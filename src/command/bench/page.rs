//! The performance page, generated whole from a report.

use super::figures::{Figures, Side};
use super::goals::{self, Judged};
use super::report::{About, HalfLoad, InTurn, Report, Works};
use super::{page_growth, page_text, warnings};
use crate::cli::Work;
use crate::output::{decimals, thousands};
use clap::ValueEnum;
use std::fmt::Write;

/// Writes the page; `plot` is the name of the file with the plot.
pub(super) fn page(report: &Report, plot: &str) -> String {
    let judged = goals::judge(report);
    let mut page = page_text::opening(report);
    let mut part = |text: String| {
        page.push('\n');
        page.push_str(&text);
    };
    part(machine(report.about.as_ref(), report.rounds.len()));
    part(warned(report) + &goals_of(&judged, plot));
    part(page_text::method());
    if !report.rounds.is_empty() {
        let works = Works::middle(&report.rounds);
        part(works_of(&works));
        part(costs_of(&works));
        part(single_works(&works));
    }
    if let Some(growth) = &report.growth {
        part(page_growth::growth(growth));
    }
    part(page_text::again(report));
    page
}

fn machine(about: Option<&About>, rounds: usize) -> String {
    let Some(about) = about else {
        return "It is not known where these figures were measured.\n".to_owned();
    };
    let About {
        version,
        build,
        date,
        processor,
        cores,
        memory_bytes,
        kernel,
        filesystem,
        seconds_ms,
        program,
        ..
    } = about;
    let program = match program.as_str() {
        "" => String::new(),
        hash => format!(", program {hash}"),
    };
    let (memory, seconds) = (memory_bytes >> 20, decimals(u128::from(*seconds_ms)));
    format!(
        "Measured {date} with version {version} ({build} build{program}), {seconds} s a work, {rounds} rounds, on {processor}, {cores} cores, \
         {memory} MiB of memory, Linux {kernel}, {filesystem}.\n"
    )
}

/// Says above the goals why they say less than they seem to.
fn warned(report: &Report) -> String {
    let warnings = warnings::warnings(report);
    warnings
        .iter()
        .map(|warning| format!("**{warning}**\n\n"))
        .collect()
}

fn goals_of(judged: &[Judged], plot: &str) -> String {
    let mut text = format!("## Goals\n\n![Each goal as a bar against its must]({plot})\n\n");
    text.push_str("| Goal | Measured | In all rounds | Must | | Stretch | |\n| --- | --- | --- | --- | --- | --- | --- |\n");
    let verdict = |met: Option<bool>| match met {
        Some(true) => "met",
        Some(false) => "**not met**",
        None => "not measured",
    };
    for goal in judged {
        let measured = goal
            .measured
            .map_or_else(String::new, |measured| goal.unit.show(measured));
        let range = goal.range.map_or_else(String::new, |(least, most)| {
            format!("{} to {}", goal.unit.show(least), goal.unit.show(most))
        });
        let range = match goal.missing() {
            Some(of) if range.is_empty() => of,
            Some(of) => format!("{range}, {of}"),
            None => range,
        };
        let must = goal.must.map_or_else(String::new, |must| goal.bound(must));
        let stretch = goal
            .stretch
            .map_or_else(String::new, |stretch| goal.bound(stretch));
        let stretch_met = goal.stretch.map_or("", |_| verdict(goal.is_stretch_met()));
        row(
            &mut text,
            &[
                goal.goal,
                &measured,
                &range,
                &must,
                verdict(goal.is_met()),
                &stretch,
                stretch_met,
            ],
        );
    }
    let count =
        |met: fn(&Judged) -> Option<bool>, wanted| judged.iter().filter(|goal| met(goal) == wanted).count();
    let (musts, stretches) = (
        count(Judged::is_met, Some(true)),
        count(Judged::is_stretch_met, Some(true)),
    );
    let (missed, open) = (count(Judged::is_met, Some(false)), count(Judged::is_met, None));
    writeln!(
        text,
        "\n{musts} musts are met, {missed} are not, {open} were not measured; {stretches} stretches are met."
    )
    .expect("writing to a string succeeds");
    text
}

fn works_of(works: &Works) -> String {
    let mut text = "## Works\n\n| Work | What one operation is |\n| --- | --- |\n".to_owned();
    for work in Work::value_variants() {
        row(&mut text, &[&work.name().to_uppercase(), &work.what()]);
    }
    text.push_str(
        "\n| Work | Connections | Operations/s | p50 ms | p99 ms | Bare operations/s | Bare p50 ms | Bare p99 ms | \
         Share of the bare handler | Failed |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for figures in &works.figures {
        let bare = |show: fn(&Side) -> String| figures.bare.as_ref().map_or_else(String::new, show);
        let share = figures.share_of_bare_permille.map(percent).unwrap_or_default();
        row(
            &mut text,
            &[
                &figures.work.to_uppercase(),
                &figures.connections.to_string(),
                &thousands(figures.server.operations_per_second),
                &millis(figures.server.p50_us),
                &millis(figures.server.p99_us),
                &bare(|side| thousands(side.operations_per_second)),
                &bare(|side| millis(side.p50_us)),
                &bare(|side| millis(side.p99_us)),
                &share,
                &thousands(figures.errors),
            ],
        );
    }
    text
}

fn costs_of(works: &Works) -> String {
    let mut text = "### What an operation costs\n\n\
        | Work | Server CPU µs | Bare CPU µs | Over bare | Client CPU µs | fsyncs/s | Raw fdatasync/s | p50 ms | \
        Written bytes | Of them journal | Resident MiB | Request bytes | Response bytes |\n\
        | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    // A purchase is many requests, of whose answers nothing is kept.
    let size = |bytes: usize| {
        if bytes == 0 {
            String::new()
        } else {
            bytes.to_string()
        }
    };
    for figures in &works.figures {
        let Figures {
            work,
            server,
            bare,
            disk,
            fsyncs_per_second,
            write_bytes_per_operation,
            journal_bytes_per_operation,
            resident_bytes,
            cpu_over_bare_permille,
            request_bytes,
            response_bytes,
            ..
        } = figures;
        let bare_cpu = bare.as_ref().map(|bare| micros(bare.cpu_ns_per_operation));
        let over = cpu_over_bare_permille.map(|over| decimals(u128::from(over)));
        row(
            &mut text,
            &[
                &work.to_uppercase(),
                &micros(server.cpu_ns_per_operation),
                &bare_cpu.unwrap_or_default(),
                &over.unwrap_or_default(),
                &micros(server.client_cpu_ns_per_operation),
                &thousands(*fsyncs_per_second),
                &disk
                    .as_ref()
                    .map(|disk| thousands(disk.fdatasyncs_per_second))
                    .unwrap_or_default(),
                &disk.as_ref().map(|disk| millis(disk.p50_us)).unwrap_or_default(),
                &thousands(*write_bytes_per_operation),
                &thousands(*journal_bytes_per_operation),
                &(resident_bytes >> 20).to_string(),
                &size(*request_bytes),
                &size(*response_bytes),
            ],
        );
    }
    text
}

fn single_works(works: &Works) -> String {
    let mut text = String::from("### Of single works\n\n");
    if let Some(waits) = &works.waits {
        let (answered, in_all) = (
            decimals(u128::from(waits.until_answered_thousandths)),
            decimals(u128::from(waits.in_all_thousandths)),
        );
        writeln!(
            text,
            "- A purchase made alone waits for the journal {answered} times until it is answered, on average of {}: so \
             many groups were synced, for all its requests and the steps of its saga. (The sandbox, which stands in \
             the place of a payment provider, syncs its ledger once more before it authorizes.) Until nothing more \
             comes of it, the end of the saga and the cursors of subscribers included, it is {in_all}.",
            waits.purchases
        )
        .expect("writing to a string succeeds");
    }
    if let Some(half) = &works.half_load {
        text.push_str(&half_load(half));
    }
    if let Some(w9) = works.of(Work::W9) {
        let in_turn = works.in_turn(Work::W9).and_then(|both| both.wakes_permille);
        let in_turn = in_turn.map_or_else(String::new, |wakes| format!(", and {wakes} in turn with W2"));
        writeln!(
            text,
            "- W9 takes {} carts in turn, on a server that lets go of what is idle for a tenth of a second: {} in 1,000 \
             operations woke a sleeping cart{in_turn}, as the server's own counters say. Their sessions, one a connection, \
             are awake, and the index has them all in its cache: nothing is read from the disk.",
            thousands(u64::try_from(w9.carts).unwrap_or(u64::MAX)),
            w9.wakes_permille
        )
        .expect("writing to a string succeeds");
    }
    for both in &works.in_turn {
        text.push_str(&in_turn(both));
    }
    if let Some(snapshots) = &works.snapshots {
        writeln!(
            text,
            "- W2 over {} carts put {} MiB of snapshots, and wrote {} MiB until the index held \
             everything, {} MiB of it journal; {} MiB of zeros ahead are not counted.",
            thousands(u64::try_from(snapshots.carts).unwrap_or(u64::MAX)),
            snapshots.snapshot_bytes >> 20,
            snapshots.written_bytes >> 20,
            snapshots.journal_bytes >> 20,
            snapshots.zeroed_bytes >> 20
        )
        .expect("writing to a string succeeds");
    }
    text
}

fn half_load(half: &HalfLoad) -> String {
    format!(
        "- At half load, {} requests a second evenly paced, W2 has p50 {} ms and p99 {} ms; the bare handler at the same pace \
         {} ms and {} ms; the disk, asked for groups as large as then, p50 {} ms. That makes a bound of {} ms for the server's \
         p99; each round has one of its own.\n",
        thousands(half.per_second),
        millis(half.server.p50_us),
        millis(half.server.p99_us),
        millis(half.bare.p50_us),
        millis(half.bare.p99_us),
        millis(half.disk.p50_us),
        millis(half.bound_us())
    )
}

fn in_turn(both: &InTurn) -> String {
    let share = both.over_permille().map(percent).unwrap_or_default();
    let pair = |one: Option<u64>, other: Option<u64>, what: &str| match (one, other) {
        (Some(one), Some(other)) => format!(" {what} {} and {}.", millis(one), millis(other)),
        (None, _) | (_, None) => String::new(),
    };
    let commits = pair(
        both.commits_permille,
        both.over_commits_permille,
        "Commits of an operation:",
    );
    let mails = pair(
        both.mails_permille,
        both.over_mails_permille,
        "Mails of a purchase:",
    );
    format!(
        "- {} and {}, measured in turn {} times each, made {} and {} operations a second: {share}.{commits}{mails}\n",
        both.work.to_uppercase(),
        both.over.to_uppercase(),
        both.turns,
        thousands(both.operations_per_second),
        thousands(both.over_operations_per_second)
    )
}

/// Adds a row of a table.
pub(super) fn row(text: &mut String, cells: &[&str]) {
    writeln!(text, "| {} |", cells.join(" | ")).expect("writing to a string succeeds");
}

/// Writes microseconds as milliseconds.
pub(super) fn millis(micros: u64) -> String {
    decimals(u128::from(micros))
}

/// Writes nanoseconds as microseconds with one decimal.
pub(super) fn micros(nanos: u64) -> String {
    format!("{}.{}", nanos / 1_000, nanos % 1_000 / 100)
}

/// Writes thousandths as percent.
pub(super) fn percent(permille: u64) -> String {
    format!("{}.{}%", permille / 10, permille % 10)
}
