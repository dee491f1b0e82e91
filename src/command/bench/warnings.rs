//! Why figures say less than they seem to: of a small or a short run, of a debug build, of works that have failed.

use super::report::{About, Report};
use super::{GOAL_CARTS, GOAL_ROUNDS, GOAL_TIME, LARGEST_CART};
use crate::cli::Work;
use crate::output::{decimals, thousands};
use clap::ValueEnum;

/// Returns them as sentences, for the page, the table and the JSON.
pub(super) fn warnings(report: &Report) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(about) = &report.about {
        of_run(about, &mut warnings);
    }
    let carts = report.growth.as_ref().map(|growth| growth.carts);
    let carts = carts.or_else(|| Some(u64::from(report.about.as_ref()?.asked.carts)));
    // Of a run of an earlier version it is not known.
    if let Some(carts) = carts.filter(|carts| (1..GOAL_CARTS).contains(carts)) {
        warnings.push(format!(
            "This is a small run, with {} carts: the goals are set for {}, and the figures say little about them.",
            thousands(carts),
            thousands(GOAL_CARTS)
        ));
    }
    if let Some(growth) = report
        .growth
        .as_ref()
        .filter(|growth| growth.largest.lines < LARGEST_CART)
    {
        let long = growth.long_carts.iter().map(|carts| carts.long.lines).max();
        warnings.push(format!(
            "What is called a {}-line cart had {} lines, and a 500-line cart {}.",
            thousands(LARGEST_CART),
            thousands(growth.largest.lines),
            thousands(long.unwrap_or(0))
        ));
    }
    let works = (!report.rounds.is_empty()).then_some(report.rounds.len());
    let growth = report.growth.as_ref().map(|growth| growth.long_carts.len());
    if let Some(rounds) = works
        .into_iter()
        .chain(growth)
        .min()
        .filter(|made| *made < GOAL_ROUNDS)
    {
        let made = match rounds {
            1 => "one round".to_owned(),
            several => format!("{several} rounds"),
        };
        warnings.push(format!(
            "Measured in {made}, where the goals are about the one in the middle of {GOAL_ROUNDS}: a machine is not as fast in \
             one minute as in the next."
        ));
    }
    for work in Work::value_variants() {
        let figures = report.rounds.iter().filter_map(|round| round.of(*work));
        let failed: Vec<u64> = figures
            .map(|figures| figures.errors)
            .filter(|errors| 0 < *errors)
            .collect();
        if !failed.is_empty() {
            warnings.push(format!(
                "{}: {} operations failed, and nothing is said of its goals in {} of {} rounds.",
                work.name().to_uppercase(),
                thousands(failed.iter().sum()),
                failed.len(),
                report.rounds.len()
            ));
        }
    }
    warnings
}

fn of_run(about: &About, warnings: &mut Vec<String>) {
    let About {
        build, seconds_ms, ..
    } = about;
    if build != "release" {
        warnings.push(format!("This is a {build} build: these figures say nothing."));
    }
    if u128::from(*seconds_ms) < GOAL_TIME.as_millis() {
        warnings.push(format!(
            "Measured for {} s a work, where the goals are about {} s at least; the index is told of changes sooner than it is \
             by default.",
            decimals(u128::from(*seconds_ms)),
            GOAL_TIME.as_secs()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::bench::figures::Figures;
    use crate::command::bench::growth::report::{Growth, Largest, LongCarts};
    use crate::command::bench::report::{Asked, Works};

    /// As large and long as the goals are about.
    fn whole() -> Report {
        let w2 = Figures {
            work: Work::W2.name(),
            ..Figures::default()
        };
        let round = Works {
            figures: vec![w2],
            ..Works::default()
        };
        Report {
            about: Some(About {
                build: "release".to_owned(),
                seconds_ms: 5_000,
                asked: Asked {
                    rounds: 3,
                    carts: 1_000_000,
                    ..Asked::default()
                },
                ..About::default()
            }),
            rounds: vec![round; 3],
            growth: Some(Growth {
                carts: 1_000_000,
                long_carts: vec![LongCarts::default(); 3],
                largest: Largest {
                    lines: 2_000,
                    ..Largest::default()
                },
                ..Growth::default()
            }),
        }
    }

    /// Checks how the one warning begins of a run that is whole but for this.
    #[track_caller]
    fn check(but: impl FnOnce(&mut Report), begins: &str) {
        let mut report = whole();
        but(&mut report);
        let warnings = warnings(&report);
        assert!(
            warnings.len() == 1 && warnings[0].starts_with(begins),
            "{begins}: {warnings:?}"
        );
    }

    fn about(report: &mut Report) -> &mut About {
        report.about.as_mut().expect("it is there")
    }

    fn growth(report: &mut Report) -> &mut Growth {
        report.growth.as_mut().expect("it is there")
    }

    #[test]
    fn a_run_that_is_less_than_the_goals_are_about_says_so() {
        assert_eq!(warnings(&whole()), Vec::<String>::new());
        check(
            |report| "debug".clone_into(&mut about(report).build),
            "This is a debug build",
        );
        check(
            |report| about(report).seconds_ms = 4_999,
            "Measured for 4.999 s a work",
        );
        check(
            |report| growth(report).carts = 999_999,
            "This is a small run, with 999,999 carts",
        );
        check(
            |report| growth(report).largest.lines = 1_999,
            "What is called a 2,000-line cart had 1,999 lines",
        );
        check(|report| report.rounds.truncate(2), "Measured in 2 rounds");
        check(
            |report| growth(report).long_carts.truncate(1),
            "Measured in one round,",
        );
        let works_alone = |report: &mut Report| {
            report.growth = None;
            about(report).asked.carts = 100;
        };
        check(works_alone, "This is a small run, with 100 carts");
    }

    #[test]
    fn operations_that_failed_are_told_with_their_rounds() {
        let failed = |report: &mut Report| report.rounds[1].figures[0].errors = 5_000;
        check(
            failed,
            "W2: 5,000 operations failed, and nothing is said of its goals in 1 of 3 rounds.",
        );
    }

    #[test]
    fn of_a_run_that_did_not_keep_what_was_asked_for_no_size_is_told() {
        let mut report = whole();
        (report.growth, about(&mut report).asked) = (None, Asked::default());
        assert_eq!(warnings(&report), Vec::<String>::new());
    }
}
