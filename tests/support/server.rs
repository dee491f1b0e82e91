//! The real binary, serving a directory: started, stopped, killed, started again.

use super::client::Client;
use super::shop::Shop;
use super::{PATIENCE, POLL};
use cartwright_gateways::payment::sandbox::Ledger;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tempfile::TempDir;

/// What the line with the address begins with.
const LISTENS: &str = "Cartwright listens on ";
/// What every token begins with: a JSON object in base64.
const TOKEN_PREFIX: &str = "eyJ";
/// How much of a log is shown when a test fails.
const LOG_TAIL_LINES: usize = 40;

/// Returns the binary, with nothing of the caller's environment that it would take for an option.
pub(crate) fn cartwright() -> Command {
    unconfigured(Command::new(env!("CARGO_BIN_EXE_cartwright")))
}

/// Returns the binary as [`cartwright`] does, within a limit as `ulimit` takes it.
fn cartwright_within(limit: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit $0 && exec \"$@\"", limit])
        .arg(env!("CARGO_BIN_EXE_cartwright"));
    unconfigured(command)
}

fn unconfigured(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARTWRIGHT_") {
            command.env_remove(name);
        }
    }
    command
}

/// A data directory and the log beside it. They go away with the last holder, unless the test fails.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    folder: Arc<TempDir>,
}

impl Directory {
    /// Makes a place for a store that does not exist yet.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("cartwright-test-")
            .tempdir()
            .expect("a temporary directory");
        Self {
            folder: Arc::new(folder),
        }
    }

    /// Returns the folder that holds everything, which is also where the server runs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// Returns the file that collects what all servers of this directory wrote to stderr.
    pub(crate) fn log_file(&self) -> PathBuf {
        self.folder().join("server.log")
    }

    /// Returns what all servers of this directory wrote to stderr.
    pub(crate) fn log(&self) -> String {
        let bytes = std::fs::read(self.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Reads the sandbox payment provider's own account of what it did. The server may be running or not.
    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::read(&self.data().join("sandbox/ledger.jsonl")).expect("the sandbox's ledger reads")
    }

    /// Returns the text of every mail that was sent, by file name.
    pub(crate) fn mails(&self) -> Vec<String> {
        let Ok(folder) = std::fs::read_dir(self.data().join("mail")) else {
            return Vec::new();
        };
        let mut files: Vec<PathBuf> = folder
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
            .collect();
        files.sort();
        let read = |path: &PathBuf| std::fs::read_to_string(path).expect("a mail reads");
        files.iter().map(read).collect()
    }

    /// Issues a staff token from the data directory's key, as an operator does.
    pub(crate) fn token(&self) -> String {
        self.token_by(&[])
    }

    /// Issues one by further arguments of the command.
    pub(crate) fn token_by(&self, arguments: &[&str]) -> String {
        let mut command = cartwright();
        command
            .arg("token")
            .arg("--data")
            .arg(self.data())
            .args(arguments);
        let output = command.output().expect("the binary runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

/// A running server. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Server {
    directory: Directory,
    child: Child,
    url: String,
    token: String,
    first: bool,
    /// What the server says on stdout after its start.
    stdout: Mutex<Receiver<String>>,
}

impl Server {
    /// Starts a server on a new directory.
    pub(crate) fn fresh() -> Self {
        Self::start(&Directory::new())
    }

    /// Starts a server on a directory.
    pub(crate) fn start(directory: &Directory) -> Self {
        Self::start_with(directory, &[], &[])
    }

    /// Starts a server on a directory, with arguments and environment variables of the test's.
    pub(crate) fn start_with(directory: &Directory, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_as("serve", directory, arguments, variables)
    }

    /// Starts a server by one of the commands that run one: `serve` or `demo`.
    pub(crate) fn start_as(
        name: &str,
        directory: &Directory,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        Self::start_by(cartwright(), name, directory, arguments, variables)
    }

    /// Starts a server within a limit as `ulimit` takes it: `-n 160` for so many open files.
    pub(crate) fn start_within(limit: &str, directory: &Directory, variables: &[(&str, &str)]) -> Self {
        Self::start_by(cartwright_within(limit), "serve", directory, &[], variables)
    }

    fn start_by(
        mut command: Command,
        name: &str,
        directory: &Directory,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let first = !directory.data().exists();
        let log = File::options()
            .create(true)
            .append(true)
            .open(directory.log_file())
            .expect("the log can be written");
        command.arg(name).arg("--data").arg(directory.data());
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command
            .args(arguments)
            .envs(variables.iter().copied())
            .current_dir(directory.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut child = command.spawn().expect("the binary runs");
        let stdout = lines_of(&mut child);
        let mut server = Self {
            directory: directory.clone(),
            child,
            url: String::new(),
            token: String::new(),
            first,
            stdout: Mutex::new(stdout),
        };
        server.url = server
            .said(|line| line.strip_prefix(LISTENS).map(str::to_owned))
            .unwrap_or_else(|| {
                let ended = server.child.try_wait().ok().flatten();
                panic!("the server did not start, ended: {ended:?}:\n{}", directory.log())
            });
        server.token = if first {
            server
                .said(|line| line.starts_with(TOKEN_PREFIX).then(|| line.to_owned()))
                .unwrap_or_else(|| panic!("the first start printed no token:\n{}", directory.log()))
        } else {
            directory.token()
        };
        server
    }

    /// Waits until the server says something on stdout; nothing when it ends or stays silent.
    pub(crate) fn said<T>(&self, wanted: impl Fn(&str) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = stdout.recv_timeout(left).ok()?;
            if let Some(found) = wanted(&line) {
                return Some(found);
            }
        }
    }

    /// Tells whether stdout holds no token up to now. The server has said all it says at its start once it answers.
    pub(crate) fn said_nothing_like_a_token(&self) -> bool {
        let stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        stdout.try_iter().all(|line| !line.contains(TOKEN_PREFIX))
    }

    /// Returns the address, `http://` and all.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns a staff token: the printed one on a first start, else one from the key file.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Tells whether this start found no data directory, and so printed a token.
    pub(crate) fn is_first(&self) -> bool {
        self.first
    }

    /// Returns the process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the directory it serves.
    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Reads the sandbox's ledger.
    pub(crate) fn ledger(&self) -> Ledger {
        self.directory.ledger()
    }

    /// Returns a caller without session or token.
    pub(crate) fn guest(&self) -> Client {
        Client::new(&self.url)
    }

    /// Returns a caller with the staff token.
    pub(crate) fn staff(&self) -> Client {
        Client::new(&self.url).with_token(&self.token)
    }

    /// Returns the shop behind this server, as staff sees it.
    pub(crate) fn shop(&self) -> Shop {
        Shop::new(self)
    }

    /// Kills it with SIGKILL, and returns the directory it leaves.
    pub(crate) fn kill(mut self) -> Directory {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("the server can be waited for");
        self.directory.clone()
    }

    /// Kills it with SIGKILL and starts another on the same directory.
    pub(crate) fn kill_and_restart(self) -> Self {
        Self::start(&self.kill())
    }

    /// Asks it to stop with SIGTERM, without waiting.
    pub(crate) fn ask_to_stop(&self) {
        let sent = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "SIGTERM can be sent");
    }

    /// Asks it to stop with SIGTERM, and returns how it ended.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.ask_to_stop();
        self.ended()
    }

    /// Waits until the process has ended.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the server can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server did not end");
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            let log = self.directory.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(LOG_TAIL_LINES)..];
            let text = format!("the server at {} said:\n{}\n", self.url, tail.join("\n"));
            drop(std::io::stderr().write_all(text.as_bytes()));
        }
    }
}

/// Reads the child's stdout on a thread that ends with it.
fn lines_of(child: &mut Child) -> Receiver<String> {
    let stdout = child.stdout.take().expect("stdout is piped");
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let Ok(line) = line else { return };
            // A test that no longer listens does not stop the server from talking.
            drop(send.send(line));
        }
    });
    receive
}
