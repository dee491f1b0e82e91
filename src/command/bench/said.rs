//! What a process of the bench's own says on its stdout, awaited no longer than a start may take.

use anyhow::{Context, bail};
use std::io::{BufRead, BufReader};
use std::process::ChildStdout;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How long a start may take.
pub(super) const START_MAX: Duration = Duration::from_secs(600);

/// How many lines may wait to be listened to; those beyond are dropped. A start says a handful.
const LINES_MAX: usize = 64;

/// A process' lines. They are read on a thread that ends with the process, so that it can always write on.
pub(super) struct Said {
    lines: mpsc::Receiver<String>,
    /// Until when it is listened to.
    until: Instant,
}

impl Said {
    /// Listens to what a process says, from now on until a start would be too long.
    ///
    /// # Errors
    /// No thread can be started.
    pub(super) fn by(stdout: ChildStdout) -> anyhow::Result<Self> {
        Self::within(stdout, START_MAX)
    }

    fn within(stdout: ChildStdout, patience: Duration) -> anyhow::Result<Self> {
        let (heard, lines) = mpsc::channel(LINES_MAX);
        let listen = move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Where nobody listens any more it is read on, so that the process is not stopped by a full pipe.
                drop(heard.try_send(line));
            }
        };
        let named = std::thread::Builder::new().name("bench-said".to_owned());
        named.spawn(listen).context("no thread can be started")?;
        Ok(Self {
            lines,
            until: Instant::now() + patience,
        })
    }

    /// Returns the first of the next lines that is wanted.
    ///
    /// # Errors
    /// The process has ended without it, or says nothing for too long.
    pub(super) async fn next<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> anyhow::Result<T> {
        loop {
            let line = tokio::time::timeout_at(self.until.into(), self.lines.recv());
            let Some(line) = line.await.context("it said nothing for too long")? else {
                bail!("it ended before it said so");
            };
            if let Some(found) = wanted(&line) {
                return Ok(found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command, Stdio};

    fn shell(script: &str) -> Child {
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command.spawn().expect("a shell starts")
    }

    /// Returns what is made of the first line with an equals sign, or why there is none.
    fn check(script: &str, patience: Duration) -> Result<String, String> {
        let mut process = shell(script);
        let stdout = process.stdout.take().expect("its stdout is a pipe");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let found = runtime.expect("a runtime starts").block_on(async {
            let mut said = Said::within(stdout, patience).expect("a thread starts");
            said.next(|line| line.strip_prefix("at=").map(str::to_owned))
                .await
        });
        process.kill().expect("it can be ended");
        process.wait().expect("it has ended");
        found.map_err(|error| error.to_string())
    }

    #[test]
    fn a_process_that_says_nothing_is_not_waited_for_for_ever() {
        let (long, short) = (Duration::from_secs(60), Duration::from_millis(50));
        assert_eq!(
            check("echo first; echo at=here; echo at=there", long),
            Ok("here".to_owned())
        );
        assert_eq!(
            check("echo first", long),
            Err("it ended before it said so".to_owned())
        );
        assert_eq!(
            check("exec sleep 60", short),
            Err("it said nothing for too long".to_owned())
        );
    }
}
