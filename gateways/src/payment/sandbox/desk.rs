//! Where operations are decided, one after another, and synced in groups.
//!
//! Whoever finds the desk free works until nobody waits: it takes everything waiting, decides it against the book,
//! writes and syncs it as one line, and answers all. An operation whose caller has gone is done all the same.

use super::super::{Decline, Error, OperationKey};
use super::book::{Entry, Request, decline};
use super::ledger::{Record, Writer};
use crate::gathering::{Gathering, Unworked, lock};
use cartwright_domain::Timestamp;
use std::{
    sync::{Arc, Mutex, OnceLock},
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::sync::oneshot;

/// How many callers may wait for one sync; more are turned away unheard.
const WAITING_MAX: usize = 65_536;

/// What the book says of a key, after a request or a question.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// The key's first use: decided now.
    Decided(Entry),
    /// The key was used before, for the same.
    Repeated(Entry),
    /// It cannot be entered under any payment.
    Refused(Decline),
    /// A question about a key that has not been seen.
    Unseen,
}

/// A ledger with callers in front of it.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    waiting: Gathering<Job>,
    /// Held by the worker only; gone for good when a write or sync has failed.
    writer: Mutex<Option<Writer>>,
    /// Why it has gone.
    fault: OnceLock<String>,
}

#[derive(Debug)]
struct Job {
    key: OperationKey,
    /// Without a request it is a question.
    request: Option<Request>,
    answer: oneshot::Sender<Result<Answer, Error>>,
}

impl Desk {
    pub(super) fn new(writer: Writer) -> Self {
        let shared = Shared {
            waiting: Gathering::of_at_most(WAITING_MAX),
            writer: Mutex::new(Some(writer)),
            fault: OnceLock::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Returns why nothing is taken any more.
    pub(super) fn fault(&self) -> Option<String> {
        self.shared.fault.get().cloned()
    }

    /// Hands a request or, without one, a question in, and returns what the synced ledger says.
    pub(super) async fn ask(&self, key: &OperationKey, request: Option<Request>) -> Result<Answer, Error> {
        let (answer, answered) = oneshot::channel();
        let job = Job {
            key: key.clone(),
            request,
            answer,
        };
        let start = || {
            let shared = Arc::clone(&self.shared);
            tokio::task::spawn_blocking(move || shared.work());
        };
        self.shared.waiting.add(job, start).map_err(|why| match why {
            Unworked::Full => unavailable("too many operations are waiting"),
            Unworked::Unstarted => Error::Unknown,
        })?;
        answered.await.unwrap_or(Err(Error::Unknown))
    }
}

impl Shared {
    fn work(&self) {
        let mut writer = lock(&self.writer);
        self.waiting
            .work(|jobs| work_group(&mut writer, &self.fault, jobs));
    }
}

fn work_group(writer: &mut Option<Writer>, fault: &OnceLock<String>, jobs: Vec<Job>) {
    let Some(open) = writer else {
        for job in jobs {
            // A caller who has gone needs no answer.
            let _ = job
                .answer
                .send(Err(unavailable("its ledger could not be written")));
        }
        return;
    };
    let mut group = Vec::new();
    let at = now();
    let mut answers = Vec::with_capacity(jobs.len());
    for job in jobs {
        answers.push((job.answer, decide(open, &mut group, at, &job.key, job.request)));
    }
    let synced = if group.is_empty() {
        Ok(())
    } else {
        open.append(&group)
    };
    if let Err(error) = &synced {
        tracing::error!(%error, "the sandbox's ledger cannot be written; it takes nothing more until a restart");
        fault.get_or_init(|| {
            format!("the sandbox's ledger cannot be written; it takes nothing more until a restart: {error}")
        });
        *writer = None;
    }
    for (caller, answer) in answers {
        let answer = if synced.is_ok() {
            answer
        } else {
            Err(Error::Unknown)
        };
        let _ = caller.send(answer);
    }
}

fn decide(
    writer: &mut Writer,
    group: &mut Vec<Record>,
    at: Timestamp,
    key: &OperationKey,
    request: Option<Request>,
) -> Result<Answer, Error> {
    let (known, request) = match (writer.book.entry(key), request) {
        (None, None) => return Ok(Answer::Unseen),
        (Some(entry), None) => return Ok(Answer::Repeated(entry.clone())),
        (known, Some(request)) => (known, request),
    };
    if let Some(entry) = known {
        return Ok(if entry.answers(&request) {
            Answer::Repeated(entry.clone())
        } else {
            Answer::Refused(decline(
                "key_reused",
                format!("{key} has been used for something else"),
            ))
        });
    }
    let entry = match writer.book.decide(at, key, request) {
        Ok(entry) => entry,
        Err(refused) => return Ok(Answer::Refused(refused)),
    };
    writer
        .book
        .enter(entry.clone())
        .map_err(|misfit| unavailable(&misfit.to_string()))?;
    group.push(Record::from(&entry));
    Ok(Answer::Decided(entry))
}

fn unavailable(reason: &str) -> Error {
    Error::Unavailable {
        reason: format!("the sandbox takes no operations: {reason}"),
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(0).after(since)
}
