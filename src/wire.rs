//! Which parts the store is made of, given its configuration.

use crate::config::Config;
use crate::process;
use anyhow::Context;
use axum::http::HeaderValue;
use cartwright_actors::runtime::{ClockCheck, EntityOptions, RuntimeOptions, SubscriberCounters};
use cartwright_actors::{CONFIRMATIONS, Engine, Parts};
use cartwright_domain::Timestamp;
use cartwright_gateways::carrier::Fake;
use cartwright_gateways::mail::Folder;
use cartwright_gateways::payment::{Sandbox, sandbox};
use cartwright_gateways::tax;
use cartwright_http::auth::StaffKeys;
use cartwright_http::health::{Condition, Health, Part};
use cartwright_http::router::{self, Api};
use cartwright_http::{layer, server};
use cartwright_storage::{Options, Progress, RecoveryReport, SledStore};
use futures::future::BoxFuture;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::Handle;

/// How long the disk may take for one group, or one read, before the store counts as one that cannot be written, or read.
const DISK_TAKES_MAX: Duration = Duration::from_secs(5);

/// For how long it is told that the store could not be read.
const UNREAD_TOLD: Duration = Duration::from_secs(60);

/// Where the sandbox keeps its ledger in the data directory: beside the engine's store, never in it.
const SANDBOX_LEDGER: &str = "sandbox/ledger.jsonl";

/// Opens store, payment provider and mail. Tells what the start of the store found.
///
/// # Errors
/// What is in the way, in words for the operator.
pub(crate) async fn parts(config: &Config, clock: ClockCheck) -> anyhow::Result<(Parts, RecoveryReport)> {
    let (store, found) = open_store(config).await?;
    let ledger = config.data.join(SANDBOX_LEDGER);
    if let Some(directory) = ledger.parent() {
        std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    }
    let behavior = sandbox::Config {
        behavior: config.sandbox_behavior(),
        ..sandbox::Config::default()
    };
    let payments = Sandbox::open(&ledger, behavior)?;
    let mailer = Folder::open(config.mail_directory(), &config.mail_from)?;
    let parts = Parts {
        store: Arc::new(store),
        payments: Arc::new(payments),
        carrier: Arc::new(Fake::new(Arc::new(wall_clock))),
        tax_calculator: Arc::new(tax::Fake),
        mailer: Arc::new(mailer),
        runtime: RuntimeOptions {
            clock_check: clock,
            ..RuntimeOptions::default()
        },
        entities: EntityOptions {
            idle: Duration::from_millis(config.resident_idle_ms),
            resident_max: count(config.residents_max),
            ..EntityOptions::default()
        },
    };
    Ok((parts, found))
}

fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::default().after(since.unwrap_or_default())
}

/// Opens the store on a thread that may block, and tells how far a long start has come.
async fn open_store(config: &Config) -> anyhow::Result<(SledStore, RecoveryReport)> {
    let data: PathBuf = config.data.clone();
    let options = Options {
        cache_bytes: config.index_cache_bytes,
        index_after: Duration::from_millis(config.index_after_ms),
        checkpoint_rows: config.checkpoint_rows,
        runtime: Some(Handle::current()),
        progress: Some(Arc::new(|progress| match progress {
            Progress::Checking { rows } => tracing::info!(rows, "checking the index"),
            Progress::Replaying { position } => {
                tracing::info!(position = position.0, "replaying the journal");
            }
        })),
        ..Options::default()
    };
    // The store says itself, in the log, what it found.
    let opened = tokio::task::spawn_blocking(move || SledStore::open(data, &options)).await;
    // What sled cannot say otherwise it panics with.
    Ok(opened
        .context("the index cannot be used; mostly a disk is full or fails: mend that and start again")??)
}

/// Returns the bounds of the server, as far as the process may have files open.
pub(crate) fn server_options(config: &Config) -> server::Options {
    let connections_max = process::connections_within(config.connections_max, process::raise_open_files());
    server::Options {
        connections_max: count(connections_max),
        drain_timeout: Duration::from_millis(config.shutdown_timeout_ms),
        ..server::Options::default()
    }
}

/// Puts the API, health and the layers before the engine.
///
/// # Errors
/// An origin that is no header value; a route whose description cannot be rendered.
pub(crate) fn around(config: &Config, engine: &Engine, staff: StaffKeys) -> anyhow::Result<layer::Around> {
    let mut origins = Vec::with_capacity(config.cors_origins.len());
    for origin in &config.cors_origins {
        origins.push(HeaderValue::from_str(origin).with_context(|| format!("{origin} is no origin"))?);
    }
    let options = layer::Options {
        origins,
        request_timeout: Duration::from_millis(config.request_timeout_ms),
        public_url: config.public_url().map(str::to_owned),
    };
    let api = Api::new(engine.clone(), Arc::new(staff), Arc::new(process::usage));
    Ok(router::assemble(
        router::areas(api),
        Arc::new(Parted {
            engine: engine.clone(),
        }),
        &options,
    )?)
}

/// Says how the engine's parts are.
struct Parted {
    engine: Engine,
}

impl Health for Parted {
    fn parts(&self) -> BoxFuture<'_, Vec<Part>> {
        Box::pin(async {
            let busy = || self.engine.admit().err().map(|fault| fault.to_string());
            let down = disk_fault(self.engine.writing_for()).or_else(busy);
            let store = match down {
                Some(_) => part("store", Condition::Unhealthy, down),
                None => {
                    let unread = || read_fault(self.engine.unread_ago());
                    let fault = hang_fault(self.engine.reading_for()).or_else(unread);
                    let fault = fault.or_else(|| note_fault(self.engine.is_checkpoint_unnoted()));
                    part("store", Condition::Degraded, fault)
                }
            };
            let subscribers = self.engine.subscribers();
            let optional = [
                ("payments", self.engine.payment_fault()),
                ("mail", mail_fault(&subscribers)),
                ("background", background_fault(&subscribers)),
                ("carrier", self.engine.carrier_fault()),
                ("tax_calculator", self.engine.tax_calculator_fault()),
            ];
            let optional = optional.map(|(name, fault)| part(name, Condition::Degraded, fault));
            std::iter::once(store).chain(optional).collect()
        })
    }
}

/// Says that the disk does not write, if it does not.
fn disk_fault(writing_for: Duration) -> Option<String> {
    let seconds = writing_for.as_secs();
    (DISK_TAKES_MAX <= writing_for).then(|| format!("the disk has not answered for {seconds} s"))
}

/// Says that what is not in memory is waited for, if it is.
fn hang_fault(reading_for: Duration) -> Option<String> {
    let seconds = reading_for.as_secs();
    (DISK_TAKES_MAX <= reading_for).then(|| {
        format!("a read of the store has lasted for {seconds} s; what is in memory is served meanwhile")
    })
}

/// Says that what is not in memory cannot be read, if that was so a moment ago.
fn read_fault(ago: Option<Duration>) -> Option<String> {
    let ago = ago.filter(|ago| *ago < UNREAD_TOLD)?.as_secs();
    Some(format!("the store could not be read {ago} s ago; see the log"))
}

/// Says that how far the index is cannot be noted, if it cannot.
fn note_fault(is_unnoted: bool) -> Option<String> {
    let told =
        "a checkpoint cannot be noted in the file applied, and the next start may be refused; see the log";
    is_unnoted.then(|| told.to_owned())
}

/// Says what is wrong with the mails that follow from orders, if anything is.
fn mail_fault(subscribers: &[SubscriberCounters]) -> Option<String> {
    let mails = subscribers.iter().find(|mails| mails.name == CONFIRMATIONS)?;
    let unwritten = mails.waits.as_ref().or(mails.unsettled.as_ref());
    match (&mails.unread, unwritten, mails.dead.len()) {
        (Some(reason), _, _) => Some(format!(
            "mails wait until the orders can be read that they are about: {reason}"
        )),
        (None, Some(reason), _) => Some(format!("mails wait until they can be written: {reason}")),
        (None, None, 0) => None,
        (None, None, dead) => Some(format!("{dead} mails could not be handed over; see the log")),
    }
}

/// Says what is wrong with what else follows from facts, if anything is.
fn background_fault(subscribers: &[SubscriberCounters]) -> Option<String> {
    let mut others = subscribers.iter().filter(|other| other.name != CONFIRMATIONS);
    others.find_map(|other| {
        let (name, waits) = (other.name, other.waits.as_ref().or(other.unsettled.as_ref()));
        match (other.unread.as_ref().or(waits), other.dead.len()) {
            (Some(reason), _) => Some(format!("{name} waits: {reason}")),
            (None, 0) => None,
            (None, dead) => Some(format!("{name} has given up {dead} facts; see the log")),
        }
    })
}

/// Says how a part is, given what is wrong with it and how bad that is.
fn part(name: &'static str, at_worst: Condition, fault: Option<String>) -> Part {
    Part {
        name,
        status: if fault.is_some() { at_worst } else { Condition::Ok },
        message: fault,
    }
}

fn count(configured: u64) -> usize {
    usize::try_from(configured).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_does_not_answer_is_told() {
        assert_eq!(disk_fault(Duration::from_millis(4_999)), None);
        let told = disk_fault(Duration::from_secs(7));
        assert_eq!(told.as_deref(), Some("the disk has not answered for 7 s"));
        assert_eq!(hang_fault(Duration::from_millis(4_999)), None);
        let told = hang_fault(Duration::from_secs(7));
        let expected = "a read of the store has lasted for 7 s; what is in memory is served meanwhile";
        assert_eq!(told.as_deref(), Some(expected));
    }

    #[test]
    fn mails_that_wait_are_told_whether_they_cannot_be_read_or_written() {
        let check = |unread: Option<&str>, unsettled: Option<&str>, expected: Option<&str>| {
            let stopped = SubscriberCounters {
                name: CONFIRMATIONS,
                unread: unread.map(str::to_owned),
                unsettled: unsettled.map(str::to_owned),
                ..SubscriberCounters::default()
            };
            let subscribers = [SubscriberCounters::default(), stopped];
            assert_eq!(mail_fault(&subscribers).as_deref(), expected);
            assert_eq!(background_fault(&subscribers), None);
        };
        check(None, None, None);
        check(
            None,
            Some("full"),
            Some("mails wait until they can be written: full"),
        );
        let unread = "mails wait until the orders can be read that they are about: damaged";
        check(Some("damaged"), None, Some(unread));
        check(Some("damaged"), Some("full"), Some(unread));
    }

    #[test]
    fn a_read_that_failed_is_told_for_a_while() {
        let seconds = |seconds| read_fault(Some(Duration::from_secs(seconds)));
        assert_eq!((read_fault(None), seconds(60)), (None, None));
        let told = "the store could not be read 59 s ago; see the log";
        assert_eq!(seconds(59).as_deref(), Some(told));
    }

    #[test]
    fn what_else_waits_is_no_mail() {
        let other = SubscriberCounters {
            name: "other",
            waits: Some("busy".to_owned()),
            ..SubscriberCounters::default()
        };
        let told = background_fault(std::slice::from_ref(&other));
        assert_eq!(told.as_deref(), Some("other waits: busy"));
        let mails = SubscriberCounters {
            name: CONFIRMATIONS,
            ..SubscriberCounters::default()
        };
        assert_eq!(mail_fault(&[other, mails]), None);
    }
}
