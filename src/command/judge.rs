//! `cartwright judge`: have a running server judge coupon codes that were tried elsewhere, one after the other, and
//! compare its verdicts with those of the file.
//!
//! Calls in which uses count carry a key made of what is in them, so that a run that was interrupted is run again: what
//! was counted is counted once, and answered as it was.

use super::import::columns::{NamedTable, Values};
use super::import::complete_journey;
use crate::cli::{AttemptsPreset, Judge};
use crate::client::{Call, Connection, Server};
use crate::output;
use anyhow::{Context, bail, ensure};
use cartwright_http::extract::IDEMPOTENT_REPLAYED;
use hyper::header::HeaderValue;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use uuid::Uuid;

/// How many attempts the server judges in one call.
const BATCH_ATTEMPTS_MAX: usize = 500;
/// How many attempts are shown whose verdict is another than the file's.
const DIFFERING_SHOWN_MAX: u64 = 20;
/// How many rows that cannot be read are shown where nothing is sent for them.
const UNREAD_TOLD_MAX: usize = 100;
/// Where the keys of calls come from.
const CALLS: Uuid = Uuid::from_u128(0x3d0b_61f7_24c9_4e58_a7d2_5b9c_8f10_e346);

/// The columns of a file that is about this store.
const COLUMNS: &[&str] = &[
    "id",
    "code",
    "at",
    "external_id",
    "email",
    "sku",
    "redeem",
    "expected",
];
/// The columns of attempts that are made of the "Complete Journey" data set.
const JOURNEY_COLUMNS: &[&str] = &[
    "id",
    "date",
    "household_id",
    "coupon_upc",
    "campaign_id",
    "product_id",
    "verdict",
];
/// What the data set calls a refusal.
const JOURNEY_WORDS: &[(&str, &str)] = &[
    ("coupon.unknown", "unknown_coupon"),
    ("coupon.wrong_customer", "not_targeted"),
    ("coupon.not_started", "not_started"),
    ("coupon.expired", "expired"),
    ("coupon.not_applicable", "wrong_product"),
    ("coupon.limit_reached", "already_used"),
];

/// A row of the file.
#[derive(Debug, PartialEq, Eq)]
struct Attempt {
    /// What the file calls it, or its number.
    id: String,
    /// As the server takes it.
    sent: Value,
    /// The verdict of the file.
    expected: Option<String>,
}

impl Attempt {
    /// Tells whether it is to count as a use where it is good.
    fn redeems(&self) -> bool {
        self.sent["redeem"] == true
    }
}

/// A verdict as the server gives it.
#[derive(Debug, Deserialize)]
struct Verdict {
    error: Option<String>,
}

/// How a file is read, and verdicts are called.
#[derive(Clone, Copy)]
struct Layout {
    columns: &'static [&'static str],
    needed: &'static [&'static str],
    read: fn(&mut Values) -> Result<Value, String>,
    expected: &'static str,
    words: &'static [(&'static str, &'static str)],
}

impl Layout {
    fn of(preset: Option<AttemptsPreset>) -> Self {
        match preset {
            None => Self {
                columns: COLUMNS,
                needed: &["code"],
                read: own,
                expected: "expected",
                words: &[],
            },
            Some(AttemptsPreset::CompleteJourney) => Self {
                columns: JOURNEY_COLUMNS,
                needed: &["date", "household_id", "coupon_upc", "campaign_id", "product_id"],
                read: of_journey,
                expected: "verdict",
                words: JOURNEY_WORDS,
            },
        }
    }

    fn attempt(&self, number: u64, values: &mut Values) -> Result<Attempt, String> {
        Ok(Attempt {
            id: values.take("id").unwrap_or_else(|| number.to_string()),
            sent: (self.read)(values)?,
            expected: values.take(self.expected),
        })
    }

    /// Returns what a verdict is called: `ok`, or why not.
    fn word(&self, verdict: Verdict) -> String {
        let Some(code) = verdict.error else {
            return "ok".to_owned();
        };
        let known = self.words.iter().find(|(own, _)| *own == code);
        known.map_or(code, |(_, word)| (*word).to_owned())
    }
}

fn own(values: &mut Values) -> Result<Value, String> {
    Ok(json!({
        "code": values.needed("code")?,
        "at": values.time("at")?,
        "external_id": values.take("external_id"),
        "email": values.take("email"),
        "sku": values.take("sku"),
        "redeem": values.choice("redeem")?.unwrap_or(false),
    }))
}

/// Every use that is good counts. A coupon without number or campaign is one that nobody knows.
fn of_journey(values: &mut Values) -> Result<Value, String> {
    let (upc, campaign) = (values.take("coupon_upc"), values.take("campaign_id"));
    let code = complete_journey::code(&upc.unwrap_or_default(), &campaign.unwrap_or_default());
    Ok(json!({
        "code": code,
        "at": values.time("date")?.ok_or("it has no date")?,
        "external_id": values.needed("household_id")?,
        "sku": values.needed("product_id")?,
        "redeem": true,
    }))
}

/// Runs the attempts. The exit code is 1 where a verdict is another than the file's, or a row could not be read.
///
/// # Errors
/// What stopped it, and what to do about it.
pub(crate) async fn run(arguments: Judge) -> anyhow::Result<ExitCode> {
    let layout = Layout::of(arguments.preset);
    // What comes through a pipe cannot be read twice.
    if arguments.file.metadata().is_ok_and(|file| file.is_file()) {
        Reading::of(&arguments.file, layout)?.require_countable()?;
    }
    let mut reading = Reading::of(&arguments.file, layout)?;
    let server = Server::new(&arguments.remote)?;
    let staff = server.staff()?.clone();
    let mut connection = Connection::open(&server).await?;
    let mut report: Box<dyn Write> = match &arguments.report {
        Some(path) => Box::new(BufWriter::new(output::report(path, [arguments.file.as_path()])?)),
        None => Box::new(std::io::sink()),
    };
    let size = std::fs::metadata(&arguments.file).map_or(0, |file| file.len());
    let bar = output::progress_bytes(size, "judging");
    let started = Instant::now();
    let mut tally = Tally::default();
    for call in 0_u64.. {
        let batch = reading.next_batch(|line| bar.suspend(|| output::line(line)))?;
        bar.set_position(reading.table.bytes_read());
        if batch.is_empty() {
            break;
        }
        let judged = judge(&mut connection, &staff, call, &batch).await?;
        if judged.replayed {
            tally.judged_before += batch.len() as u64;
        }
        for (attempt, verdict) in batch.iter().zip(judged.verdicts) {
            let verdict = layout.word(verdict);
            writeln!(report, "{}\t{verdict}", output::one_line(&attempt.id))?;
            bar.suspend(|| tally.add(attempt, verdict))?;
        }
    }
    report
        .flush()
        .context("the report could not be written to its end")?;
    bar.finish_and_clear();
    tally.print()?;
    let seconds = output::decimals(started.elapsed().as_millis());
    told("seconds", seconds)?;
    Ok(if tally.differing == 0 && reading.unread == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A file that is being read.
struct Reading {
    table: NamedTable,
    layout: Layout,
    /// How many rows were read.
    number: u64,
    /// How many of them could not be.
    unread: u64,
}

impl Reading {
    /// Begins to read a file.
    fn of(file: &Path, layout: Layout) -> anyhow::Result<Self> {
        Ok(Self {
            table: NamedTable::open(file, layout.columns, layout.needed)?,
            layout,
            number: 0,
            unread: 0,
        })
    }

    /// Returns the next attempts, at most [`BATCH_ATTEMPTS_MAX`], and hands on what is to be said of rows that are none.
    fn next_batch(
        &mut self,
        mut refused: impl FnMut(String) -> std::io::Result<()>,
    ) -> anyhow::Result<Vec<Attempt>> {
        let mut batch = Vec::new();
        while batch.len() < BATCH_ATTEMPTS_MAX {
            let Some((line, values)) = self.table.next_row()? else {
                break;
            };
            self.number += 1;
            match values.and_then(|mut values| self.layout.attempt(self.number, &mut values)) {
                Ok(attempt) => batch.push(attempt),
                Err(reason) => {
                    self.unread += 1;
                    refused(format!("refused\tline {line}\t{reason}"))?;
                }
            }
        }
        Ok(batch)
    }

    /// Reads all of it, before anything is sent: a call in which a use may count is known again by its attempts, and with one
    /// more row, once that is mended, it would be another, and so would all behind it.
    ///
    /// # Errors
    /// A use may count, and there are rows that cannot be read: which.
    fn require_countable(mut self) -> anyhow::Result<()> {
        let (mut redeems, mut told) = (false, Vec::new());
        loop {
            let batch = self.next_batch(|line| {
                if told.len() < UNREAD_TOLD_MAX {
                    told.push(line);
                }
                Ok(())
            })?;
            if batch.is_empty() {
                break;
            }
            redeems |= batch.iter().any(Attempt::redeems);
        }
        if redeems && 0 < self.unread {
            for line in told {
                output::line(line)?;
            }
            bail!(
                "{} of its rows cannot be read, so nothing was judged or counted; mend them, or take them out, and run \
                 the file again",
                self.unread
            );
        }
        Ok(())
    }
}

/// What came of a call.
struct Judged {
    verdicts: Vec<Verdict>,
    /// Whether they were given before under the same key: in an earlier run, or to a call that broke off.
    replayed: bool,
}

/// Returns the key of a call in which a use may count: its number, what the file calls its attempts, and what they are.
/// None where none can: they are judged anew each time.
fn key(call: u64, batch: &[Attempt], body: &str) -> Option<Uuid> {
    let redeems = batch.iter().any(Attempt::redeems);
    redeems.then(|| {
        let ids: Vec<&str> = batch.iter().map(|attempt| attempt.id.as_str()).collect();
        Uuid::new_v5(&CALLS, json!([call, ids, body]).to_string().as_bytes())
    })
}

async fn judge(
    connection: &mut Connection,
    staff: &HeaderValue,
    call: u64,
    batch: &[Attempt],
) -> anyhow::Result<Judged> {
    #[derive(Deserialize)]
    struct Verdicts {
        verdicts: Vec<Verdict>,
    }
    let attempts: Vec<&Value> = batch.iter().map(|attempt| &attempt.sent).collect();
    let body = json!({ "attempts": attempts }).to_string();
    let mut asked = Call::post("/admin/promotions/judge").staff(staff);
    if let Some(key) = key(call, batch, &body) {
        asked = asked.key(HeaderValue::from_str(&key.to_string()).context("an id is no header")?);
    }
    let answer = connection.call(asked.body(body)).await?;
    let verdicts = answer.json::<Verdicts>()?.verdicts;
    ensure!(
        verdicts.len() == batch.len(),
        "{} attempts were sent and {} verdicts came back; are both of the same version?",
        batch.len(),
        verdicts.len()
    );
    Ok(Judged {
        verdicts,
        replayed: answer.headers.contains_key(IDEMPOTENT_REPLAYED),
    })
}

/// How the attempts ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    verdicts: BTreeMap<String, u64>,
    compared: u64,
    differing: u64,
    /// How many verdicts were given before under the same key.
    judged_before: u64,
}

impl Tally {
    fn add(&mut self, attempt: &Attempt, verdict: String) -> std::io::Result<()> {
        if let Some(expected) = &attempt.expected {
            self.compared += 1;
            if *expected != verdict {
                self.differing += 1;
                if self.differing <= DIFFERING_SHOWN_MAX {
                    let id = &attempt.id;
                    output::line(format!(
                        "differs\tattempt {id}\texpected {expected}\tis {verdict}"
                    ))?;
                }
            }
        }
        *self.verdicts.entry(verdict).or_default() += 1;
        Ok(())
    }

    fn print(&self) -> std::io::Result<()> {
        let attempts: u64 = self.verdicts.values().sum();
        told("attempts", attempts)?;
        for (verdict, count) in &self.verdicts {
            told(&format!("  {verdict}"), count)?;
        }
        told("compared", self.compared)?;
        told("differing", self.differing)?;
        match self.judged_before {
            0 => Ok(()),
            before => told("given before", before),
        }
    }
}

fn told(what: &str, how_many: impl std::fmt::Display) -> std::io::Result<()> {
    output::line(format!("{what:<24} {how_many}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(preset: Option<AttemptsPreset>, text: &str) -> Vec<Attempt> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("attempts.csv");
        std::fs::write(&file, text).expect("the folder is writable");
        let layout = Layout::of(preset);
        let mut reading = Reading::of(&file, layout).expect("the file is there");
        reading.next_batch(|_| Ok(())).expect("it reads")
    }

    #[test]
    fn attempts_of_the_data_set_count_and_are_called_in_its_words() {
        let preset = Some(AttemptsPreset::CompleteJourney);
        let read = attempts(
            preset,
            "date,household_id,coupon_upc,campaign_id,product_id,verdict\n\
             2017-03-03,105,10,26,P-1,ok\n\
             ,105,10,26,P-1,ok\n\
             2017-03-04,106,,26,P-1,\n",
        );
        let sent = json!({
            "code": "10-26", "at": "2017-03-03", "external_id": "105", "sku": "P-1", "redeem": true,
        });
        let told: Vec<_> = read
            .iter()
            .map(|attempt| (attempt.id.as_str(), attempt.expected.as_deref()))
            .collect();
        assert_eq!(told, [("1", Some("ok")), ("3", None)]);
        assert_eq!((&read[0].sent, &read[1].sent["code"]), (&sent, &json!("-26")));
        let layout = Layout::of(preset);
        let of = |error: Option<&str>| Verdict {
            error: error.map(str::to_owned),
        };
        assert_eq!(layout.word(of(None)), "ok");
        assert_eq!(layout.word(of(Some("coupon.wrong_customer"))), "not_targeted");
        assert_eq!(layout.word(of(Some("customer.not_found"))), "customer.not_found");
    }

    #[test]
    fn a_file_that_counts_is_sent_only_where_all_of_it_can_be_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("attempts.csv");
        let countable = |rows: &str| {
            std::fs::write(&file, format!("code,at,redeem\n{rows}")).expect("the folder is writable");
            let reading = Reading::of(&file, Layout::of(None)).expect("the file is there");
            reading.require_countable().map_err(|error| error.to_string())
        };
        let bad = "TEN,28.02.2019,yes\n";
        assert_eq!(countable("TEN,2019-02-28,yes\n"), Ok(()));
        assert_eq!(countable("TEN,2019-02-28,no\nTEN,28.02.2019,no\n"), Ok(()));
        let refused = countable(&format!("{bad}TEN,2019-02-28,yes\n"));
        assert!(refused.is_err_and(|error| error.starts_with("1 of its rows cannot be read")));
    }

    #[test]
    fn attempts_of_a_store_have_its_own_columns() {
        let read = attempts(None, "code,email,id\nTEN,ada@example.com,till-7\n");
        assert_eq!(read[0].id, "till-7");
        assert_eq!(key(0, &read, "{}"), None);
        assert_eq!(
            (
                &read[0].sent["email"],
                &read[0].sent["redeem"],
                &read[0].sent["at"]
            ),
            (&json!("ada@example.com"), &json!(false), &Value::Null)
        );
    }

    #[test]
    fn uses_of_another_file_are_others_where_it_calls_them_otherwise() {
        let of = |id: &str| attempts(None, &format!("id,code,redeem\n{id},TEN,yes\n"));
        let (first, second) = (of("till-1"), of("till-2"));
        assert_eq!(first[0].sent, second[0].sent);
        let key = |call, batch: &[Attempt]| key(call, batch, &batch[0].sent.to_string());
        assert!(key(0, &first).is_some());
        assert_eq!(key(0, &first), key(0, &of("till-1")));
        assert_ne!(key(0, &first), key(0, &second));
        assert_ne!(key(0, &first), key(1, &first));
    }

    #[test]
    fn a_time_that_cannot_be_read_refuses_its_row_alone() {
        let rows = [
            "2019-02-30",
            "2019-02-28",
            "28.02.2019",
            "2019-02-28T10:00:00Z",
            "",
        ];
        let text: String = rows.iter().map(|at| format!("TEN,{at}\n")).collect();
        let read = attempts(None, &format!("code,at\n{text}"));
        let read: Vec<_> = read.iter().map(|attempt| attempt.id.as_str()).collect();
        assert_eq!(read, ["2", "4", "5"]);
    }
}
