//! The post office of a simulated shop: takes mails over, sometimes at the second try, and counts them.

use crate::dice::Dice;
use crate::trace::Trace;
use cartwright_gateways::mail::{Error, Mail, Mailer};
use futures::future::{BoxFuture, FutureExt, pending};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// The post office, which outlives every process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Post {
    shared: Arc<Mutex<State>>,
    trace: Trace,
}

/// The post office as one process sees it.
pub(crate) struct Counter {
    post: Post,
    is_alive: Arc<AtomicBool>,
}

struct State {
    dice: Dice,
    misbehaves: bool,
    /// Subjects by message id: a repeat is the same mail.
    taken: BTreeMap<String, String>,
}

impl Post {
    pub(crate) fn new(dice: Dice, trace: &Trace) -> Self {
        let state = State {
            dice,
            misbehaves: false,
            taken: BTreeMap::new(),
        };
        Self {
            shared: Arc::new(Mutex::new(state)),
            trace: trace.clone(),
        }
    }

    /// Connects a process.
    pub(crate) fn counter(&self, is_alive: &Arc<AtomicBool>) -> Counter {
        Counter {
            post: self.clone(),
            is_alive: Arc::clone(is_alive),
        }
    }

    pub(crate) fn misbehave(&self, misbehaves: bool) {
        self.state().misbehaves = misbehaves;
    }

    /// Returns the subject of every mail.
    pub(crate) fn subjects(&self) -> Vec<String> {
        self.state().taken.values().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mailer for Counter {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            sleep(Duration::from_millis(1)).await;
            if !self.is_alive.load(Ordering::Relaxed) {
                return pending().await;
            }
            let (fails_before, fails_after) = {
                let mut state = self.post.state();
                let fails = state.misbehaves && state.dice.one_in(5);
                (fails && state.dice.one_in(2), fails)
            };
            let failed = || Error::Failed(io::Error::other("the post is closed"));
            if fails_before {
                return Err(failed());
            }
            self.post.trace.line(format_args!("mail {}", mail.subject));
            self.post
                .state()
                .taken
                .insert(mail.message_id.to_string(), mail.subject);
            match fails_after {
                true => Err(failed()),
                false => Ok(()),
            }
        }
        .boxed()
    }
}
