//! What became of the invoices, and how long the calls took.

use super::plan::{Plan, Step};
use crate::latencies::Latencies;
use crate::output::{self, decimals, per_second};
use anyhow::Context;
use cartwright_domain::country::Country;
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::time::Duration;

/// How many invoices that did not match are printed. The report has all.
const SHOWN_MAX: usize = 20;

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// An order with the total of the invoice's rows.
    Matched { order: String, total: i64 },
    /// An order with another total.
    Mismatched {
        order: String,
        total: i64,
        expected: i64,
    },
    /// No order, or no adjustment.
    Refused { reason: String },
    /// The stock was changed.
    Adjusted,
}

/// A kind of call, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CallKind {
    Session,
    Cart,
    Line,
    Details,
    Date,
    Complete,
    Adjustment,
}

impl CallKind {
    fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Cart => "cart",
            Self::Line => "line",
            Self::Details => "details",
            Self::Date => "date",
            Self::Complete => "complete",
            Self::Adjustment => "adjustment",
        }
    }
}

/// Everything there is to say at the end.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// By the place of the step in the order of play.
    outcomes: BTreeMap<usize, (Step, Outcome)>,
    latencies: BTreeMap<CallKind, Latencies>,
    took: Duration,
}

/// How many invoices ended in which way.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    orders: u64,
    matched: u64,
    mismatched: u64,
    refused: u64,
    adjustments: u64,
    adjustments_refused: u64,
}

impl Report {
    /// Keeps what became of the step at this place.
    pub(super) fn record(&mut self, at: usize, step: Step, outcome: Outcome) {
        self.outcomes.insert(at, (step, outcome));
    }

    /// Keeps how long a call took.
    pub(super) fn took(&mut self, kind: CallKind, time: Duration) {
        self.latencies.entry(kind).or_default().record(time);
    }

    /// Notes that all is played.
    pub(super) fn finish(&mut self, took: Duration) {
        self.took = took;
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (step, outcome) in self.outcomes.values() {
            counts.orders += u64::from(matches!(step, Step::Order(_)));
            match (step, outcome) {
                (_, Outcome::Matched { .. }) => counts.matched += 1,
                (_, Outcome::Mismatched { .. }) => counts.mismatched += 1,
                (_, Outcome::Adjusted) => counts.adjustments += 1,
                (Step::Order(_), Outcome::Refused { .. }) => counts.refused += 1,
                (Step::Adjust { .. }, Outcome::Refused { .. }) => counts.adjustments_refused += 1,
            }
        }
        counts
    }

    /// Tells whether every order was placed with the right total and every adjustment taken.
    pub(super) fn all_matched(&self) -> bool {
        let counts = self.counts();
        counts.orders == counts.matched && counts.adjustments_refused == 0
    }

    /// Prints totals, what did not match, and latencies.
    pub(super) fn print(&self, plan: &Plan) -> std::io::Result<()> {
        for text in self.lines(plan) {
            output::line(text)?;
        }
        Ok(())
    }

    fn lines(&self, plan: &Plan) -> Vec<String> {
        let counts = self.counts();
        let mut lines = Vec::new();
        let number = |step: &Step| match step {
            Step::Order(invoice) | Step::Adjust { invoice, .. } => plan.invoices[*invoice].number.as_str(),
        };
        let mut first_refused = None;
        let mut wrong = 0;
        for (step, outcome) in self.outcomes.values() {
            let text = match outcome {
                Outcome::Matched { .. } | Outcome::Adjusted => continue,
                Outcome::Mismatched {
                    order,
                    total,
                    expected,
                } => {
                    format!(
                        "mismatched\t{}\torder {order} is {total}, the rows are {expected}",
                        number(step)
                    )
                }
                Outcome::Refused { reason } => {
                    first_refused = first_refused.or(Some(number(step)));
                    format!("refused\t{}\t{reason}", number(step))
                }
            };
            wrong += 1;
            if wrong <= SHOWN_MAX {
                lines.push(text);
            }
        }
        if SHOWN_MAX < wrong {
            lines.push(format!(
                "and {} more; --report FILE has them all",
                wrong - SHOWN_MAX
            ));
        }
        lines.push(format!("orders      {}", counts.orders));
        lines.push(format!("matched     {}", counts.matched));
        lines.push(format!("mismatched  {}", counts.mismatched));
        lines.push(format!("refused     {}", counts.refused));
        if counts.adjustments + counts.adjustments_refused != 0 {
            lines.push(format!(
                "adjustments {}, refused {}",
                counts.adjustments, counts.adjustments_refused
            ));
        }
        for (country, tax) in self.taxes(plan) {
            lines.push(format!("tax         {country} {tax}"));
        }
        if let Some(first) = first_refused {
            lines.push(format!("first refused: invoice {first}"));
        }
        let calls: u64 = self.latencies.values().map(Latencies::count).sum();
        lines.push(format!(
            "time        {} s, {} orders/s, {} calls/s",
            decimals(self.took.as_millis()),
            per_second(counts.orders, self.took),
            per_second(calls, self.took)
        ));
        lines.push(format!(
            "{:<12}{:>9}{:>11}{:>11}{:>11}{:>11}",
            "call", "count", "p50 ms", "p90 ms", "p99 ms", "max ms"
        ));
        for (kind, latencies) in &self.latencies {
            let at = |quantile| decimals(u128::from(latencies.micros_at(quantile)));
            let (name, count, max) = (
                kind.name(),
                latencies.count(),
                decimals(u128::from(latencies.max_micros())),
            );
            lines.push(format!(
                "{name:<12}{count:>9}{:>11}{:>11}{:>11}{max:>11}",
                at(0.5),
                at(0.9),
                at(0.99)
            ));
        }
        lines
    }

    /// Returns what the totals of matched orders have in them besides the rows, by country, where there is any.
    fn taxes(&self, plan: &Plan) -> BTreeMap<Country, i64> {
        let mut taxes = BTreeMap::new();
        for (step, outcome) in self.outcomes.values() {
            if let (Step::Order(index), Outcome::Matched { total, .. }) = (step, outcome) {
                let invoice = &plan.invoices[*index];
                let tax = total - invoice.total().unwrap_or(*total);
                if let Some(country) = invoice.country {
                    *taxes.entry(country).or_default() += tax;
                }
            }
        }
        taxes.retain(|_, tax| *tax != 0);
        taxes
    }

    /// Writes invoice, order number, total in minor units and outcome, tab-separated, in the order of play.
    ///
    /// # Errors
    /// The report cannot be written.
    pub(super) fn write(&self, plan: &Plan, out: impl Write) -> anyhow::Result<()> {
        let mut out = BufWriter::new(out);
        let mut write = || -> std::io::Result<()> {
            for (step, outcome) in self.outcomes.values() {
                writeln!(out, "{}", tsv(plan, *step, outcome))?;
            }
            out.flush()
        };
        write().context("the report could not be written to its end")
    }
}

fn tsv(plan: &Plan, step: Step, outcome: &Outcome) -> String {
    let (Step::Order(index) | Step::Adjust { invoice: index, .. }) = step;
    let invoice = &plan.invoices[index];
    let number = output::one_line(&invoice.number);
    match outcome {
        Outcome::Matched { order, total } => format!("{number}\t{order}\t{total}\tmatched"),
        Outcome::Mismatched {
            order,
            total,
            expected,
        } => {
            format!("{number}\t{order}\t{total}\tmismatched: the rows are {expected}")
        }
        Outcome::Refused { reason } => format!("{number}\t\t\trefused: {reason}"),
        Outcome::Adjusted => format!("{number}\t\t\t{}", invoice.kind.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::country::CountryMap;
    use super::*;

    fn plan() -> Plan {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("rows.csv");
        let rows = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n\
                    1,A,T,1,2011-01-01 10:00:00,1.00,,France\n2,A,T,1,2011-01-01 10:01:00,1.00,,France\n\
                    C3,A,T,-1,2011-01-01 10:02:00,1.00,,France\n";
        std::fs::write(&path, rows).expect("the directory is writable");
        Plan::read(&path, &CountryMap::read(None).expect("well formed")).expect("well formed")
    }

    fn report(outcomes: [Outcome; 3]) -> Report {
        let mut report = Report::default();
        let steps = [
            Step::Order(0),
            Step::Order(1),
            Step::Adjust { invoice: 2, line: 0 },
        ];
        for (at, (step, outcome)) in steps.into_iter().zip(outcomes).enumerate().rev() {
            report.record(at, step, outcome);
        }
        report
    }

    fn matched() -> Outcome {
        Outcome::Matched {
            order: "7".to_owned(),
            total: 100,
        }
    }

    #[test]
    fn a_row_of_the_report_has_invoice_order_total_and_outcome() {
        let refused = Outcome::Refused {
            reason: "stock.short: only 0 left".to_owned(),
        };
        let report = report([matched(), refused, Outcome::Adjusted]);
        let mut text = Vec::new();
        report.write(&plan(), &mut text).expect("memory is writable");
        assert_eq!(
            String::from_utf8_lossy(&text),
            "1\t7\t100\tmatched\n2\t\t\trefused: stock.short: only 0 left\nC3\t\t\tcancellation\n"
        );
    }

    #[test]
    fn tax_on_top_of_the_rows_is_told_by_country() {
        let taxed = || Outcome::Matched {
            order: "7".to_owned(),
            total: 120,
        };
        let lines = report([taxed(), taxed(), Outcome::Adjusted]).lines(&plan());
        assert!(lines.iter().any(|line| line == "tax         FR 40"), "{lines:?}");
        let lines = report([matched(), matched(), Outcome::Adjusted]).lines(&plan());
        assert!(!lines.iter().any(|line| line.starts_with("tax")), "{lines:?}");
    }

    #[test]
    fn only_a_replay_without_a_flaw_is_all_matched() {
        let mismatched = Outcome::Mismatched {
            order: "8".to_owned(),
            total: 99,
            expected: 100,
        };
        let refused = Outcome::Refused {
            reason: "x".to_owned(),
        };
        assert!(report([matched(), matched(), Outcome::Adjusted]).all_matched());
        assert!(!report([matched(), mismatched, Outcome::Adjusted]).all_matched());
        assert!(!report([matched(), refused.clone(), Outcome::Adjusted]).all_matched());
        assert!(!report([matched(), matched(), refused]).all_matched());
    }

    #[test]
    fn the_first_refused_invoice_is_named() {
        let refused = Outcome::Refused {
            reason: "x".to_owned(),
        };
        let lines = report([matched(), refused.clone(), refused]).lines(&plan());
        assert!(
            lines.iter().any(|line| line == "first refused: invoice 2"),
            "{lines:?}"
        );
        assert!(
            lines.iter().any(|line| line == "adjustments 0, refused 1"),
            "{lines:?}"
        );
    }
}
