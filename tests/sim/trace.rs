//! What happened in a run, line by line: the same seed must give the same lines.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// How many lines are kept to be shown when a run fails.
const LINES_KEPT: usize = 60;
/// Set to anything, every line is printed as it comes.
const PRINT: &str = "CARTWRIGHT_SIM_TRACE";

/// The lines of one run. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Trace(Arc<Mutex<Lines>>);

struct Lines {
    started: Instant,
    digest: DefaultHasher,
    count: u64,
    last: VecDeque<String>,
    prints: bool,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Lines {
            started: Instant::now(),
            digest: DefaultHasher::new(),
            count: 0,
            last: VecDeque::with_capacity(LINES_KEPT),
            prints: std::env::var_os(PRINT).is_some(),
        })))
    }

    /// Notes what happens now.
    #[expect(clippy::print_stderr, reason = "a trace is asked for to be read")]
    pub(crate) fn line(&self, text: impl fmt::Display) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = format!("{:>9} {text}", lines.started.elapsed().as_millis());
        if lines.prints {
            eprintln!("{line}");
        }
        line.hash(&mut lines.digest);
        lines.count += 1;
        if lines.last.len() == LINES_KEPT {
            lines.last.pop_front();
        }
        lines.last.push_back(line);
    }

    /// Returns how many lines there are, and what they come to.
    pub(crate) fn digest(&self) -> (u64, u64) {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (lines.count, lines.digest.finish())
    }

    /// Returns the last lines.
    pub(crate) fn tail(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.last.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// Returns a short digest of a value, for a line.
pub(crate) fn digest_of(value: impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:08x}", hasher.finish() >> 32)
}
