//! The process under test: how it is set up, and what is done to it.

use crate::dice::Dice;
use crate::support::{Directory, Server, cartwright};
use rustix::process::{Pid, Signal, kill_process};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};
use tokio::time::sleep;

/// What the line with the address begins with: from here on the process is ready.
const LISTENS: &str = "Cartwright listens on ";
/// A process that is killed while it starts lives so long at most, in milliseconds.
const START_MS_MAX: u64 = 300;
/// How long a stopped process is stopped at most, in milliseconds.
const HOLD_UP_MS_MAX: u64 = 1_000;
/// How long a process is stopped that is stopped for long: longer than a request may take, and than a reservation
/// and a checkout last.
const STOP: Duration = Duration::from_secs(5);
/// A checkpoint that is younger at the last commit tells that the kill fell among checkpoints.
const YOUNG: Duration = Duration::from_millis(100);

/// What was done, for the report.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) kills: u64,
    /// Kills so soon after a checkpoint that most likely another one, or a pass over the index, was at work.
    pub(crate) among_checkpoints: u64,
    /// Kills of a process that was starting.
    pub(crate) starts: u64,
    /// Those that came before it was ready.
    pub(crate) before_ready: u64,
    /// Stops for so long that everything under way ran out meanwhile.
    pub(crate) stops: u64,
}

/// The environment of one process.
#[derive(Clone, Debug)]
pub(crate) struct Setup(Vec<(&'static str, String)>);

impl Setup {
    /// The index is fed and checkpointed without a pause, so that a kill falls among it.
    pub(crate) fn eager(dice: &mut Dice) -> Self {
        Self::of(dice.between(1, 20), dice.between(1, 100))
    }

    /// The index is hardly ever fed, so that the next start has much to replay.
    pub(crate) fn lazy() -> Self {
        Self::of(60_000, 1_000_000)
    }

    fn of(index_after_ms: u64, checkpoint_rows: u64) -> Self {
        Self(vec![
            ("CARTWRIGHT_INDEX_AFTER_MS", index_after_ms.to_string()),
            ("CARTWRIGHT_CHECKPOINT_ROWS", checkpoint_rows.to_string()),
        ])
    }

    /// Requests may take less time than a long stop.
    pub(crate) fn hasty(mut self) -> Self {
        self.0.push(("CARTWRIGHT_REQUEST_TIMEOUT_MS", "3000".to_owned()));
        self
    }

    pub(crate) fn start(&self, directory: &Directory) -> Server {
        let variables: Vec<(&str, &str)> = self
            .0
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        Server::start_with(directory, &[], &variables)
    }

    /// Starts a server and kills it a moment later, whatever it has come to.
    pub(crate) async fn kill_while_starting(
        &self,
        directory: &Directory,
        dice: &mut Dice,
        tally: &mut Tally,
    ) {
        let mut command: Command = cartwright();
        command.arg("serve").arg("--data").arg(directory.data());
        command
            .args(["--listen", "127.0.0.1:0"])
            .envs(self.0.iter().map(|(name, value)| (*name, value.as_str())))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary runs");
        sleep(Duration::from_millis(dice.below(START_MS_MAX))).await;
        child.kill().expect("the server can be killed");
        child.wait().expect("the server can be waited for");
        let mut said = String::new();
        let mut stdout = child.stdout.take().expect("stdout is piped");
        stdout.read_to_string(&mut said).expect("stdout is text");
        tally.starts += 1;
        tally.before_ready += u64::from(!said.contains(LISTENS));
    }
}

/// Kills a server, and looks what it was at.
pub(crate) fn kill(server: Server, tally: &mut Tally) -> Directory {
    let directory = server.kill();
    tally.kills += 1;
    let data = directory.data();
    let segments = std::fs::read_dir(data.join("journal")).expect("there is a journal");
    let written = segments
        .filter_map(|segment| changed_at(&segment.ok()?.path()))
        .max();
    if let (Some(written), Some(checkpoint)) = (written, changed_at(&data.join("applied"))) {
        // One that is younger than the last commit has no age.
        let age = written.duration_since(checkpoint).unwrap_or_default();
        tally.among_checkpoints += u64::from(age < YOUNG);
    }
    directory
}

fn changed_at(file: &Path) -> Option<SystemTime> {
    file.metadata().ok()?.modified().ok()
}

/// Stops the process in the middle of whatever it does, and lets it go on or not.
pub(crate) async fn hold_up(server: &Server, dice: &mut Dice) {
    send(server, Signal::STOP);
    sleep(Duration::from_millis(dice.below(HOLD_UP_MS_MAX))).await;
    if dice.one_in(2) {
        send(server, Signal::CONT);
        sleep(Duration::from_millis(dice.below(HOLD_UP_MS_MAX))).await;
    }
}

/// Stops the process for so long that everything under way runs out, and lets it go on.
pub(crate) async fn stop_for_long(server: &Server, tally: &mut Tally) {
    send(server, Signal::STOP);
    sleep(STOP).await;
    send(server, Signal::CONT);
    tally.stops += 1;
}

fn send(server: &Server, signal: Signal) {
    let id = i32::try_from(server.id()).ok().and_then(Pid::from_raw);
    kill_process(id.expect("a process id"), signal).expect("the server takes a signal");
}
