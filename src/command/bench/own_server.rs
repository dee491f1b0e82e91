//! A server of the bench's own: this binary, on a new directory that goes away with it.

use crate::cli::Remote;
use crate::client::Server;
use crate::output;
use anyhow::{Context, bail};
use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What the line with the address begins with.
const LISTENS: &str = "Cartwright listens on ";

/// What every token begins with: a JSON object in base64.
const TOKEN_PREFIX: &str = "eyJ";

/// The prefix of variables that the server would take for options.
const ENV_PREFIX: &str = "CARTWRIGHT_";

/// How long a start may take.
const READY_TIMEOUT: Duration = Duration::from_secs(600);

/// How often it is asked whether it is ready.
const READY_POLL: Duration = Duration::from_millis(2);

/// See the module.
pub(super) struct OwnServer {
    process: Process,
    folder: TempDir,
    options: Vec<(&'static str, String)>,
    server: Server,
    token: String,
}

/// A process that is killed when it is dropped. Should it have ended by itself, that is told.
struct Process {
    child: Child,
    /// What it writes its log to.
    log: PathBuf,
    is_killed: bool,
    /// Read no further than the address, and kept open so that the server can write on.
    said: Lines<BufReader<ChildStdout>>,
}

impl Drop for Process {
    fn drop(&mut self) {
        if let (false, Ok(Some(status))) = (self.is_killed, self.child.try_wait()) {
            output::note(format!(
                "a server has ended by itself, {status}: {}",
                read_log(&self.log)
            ));
        }
        // What it has acknowledged is on the disk, and it is gone either way.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl OwnServer {
    /// Starts one below a directory, with options as in `cartwright.example.toml`.
    ///
    /// # Errors
    /// It does not start, and what it wrote to its log.
    pub(super) fn start(parent: &Path, options: &[(&'static str, String)]) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("cartwright-bench-")
            .tempdir_in(parent)
            .with_context(|| format!("cannot make a directory in {}", parent.display()))?;
        // What others have left in the page cache goes to the disk now, and not half a minute later in the middle of what
        // is measured.
        rustix::fs::syncfs(File::open(parent)?)?;
        let mut process = spawn(folder.path(), options)?;
        let (url, token) = (process.url(), process.token());
        let (Some(url), Some(token)) = (url, token) else {
            bail!("the server did not start: {}", read_log(&process.log));
        };
        let server = server_at(&url, &token)?;
        Ok(Self {
            process,
            folder,
            options: options.to_vec(),
            server,
            token,
        })
    }

    /// Returns where it is and its token.
    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// Returns the folder that holds its data, and may hold more.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns another command of this binary that speaks to it.
    ///
    /// # Errors
    /// The binary is gone.
    pub(super) fn client(&self, command: &str) -> anyhow::Result<Command> {
        let mut client = Command::new(std::env::current_exe()?);
        client
            .arg(command)
            .env("CARTWRIGHT_URL", self.server.url())
            .env("CARTWRIGHT_TOKEN", &self.token);
        Ok(client)
    }

    /// Ends it, and leaves what it wrote until the folder is let go of.
    pub(super) fn end(self) -> TempDir {
        self.folder
    }

    /// Kills it.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.process.is_killed = self.process.child.try_wait()?.is_none();
        self.process.child.kill()?;
        self.process.child.wait()?;
        Ok(())
    }

    /// Starts it again on what is on the disk, and returns how long it took until it was ready.
    ///
    /// # Errors
    /// It does not start.
    pub(super) async fn start_again(&mut self) -> anyhow::Result<Duration> {
        let began = Instant::now();
        self.process = spawn(self.folder.path(), &self.options)?;
        let url = self.process.url();
        let failed = || format!("the server did not start again: {}", read_log(&self.process.log));
        let url = url.with_context(failed)?;
        let client = reqwest::Client::new();
        let ready = format!("{url}/health/ready");
        loop {
            let answer = client.get(&ready).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                break;
            }
            if READY_TIMEOUT <= began.elapsed() {
                bail!("the server was not ready after {READY_TIMEOUT:?}");
            }
            tokio::time::sleep(READY_POLL).await;
        }
        let took = began.elapsed();
        self.server = server_at(&url, &self.token)?;
        Ok(took)
    }
}

impl Process {
    fn said_next(&mut self, mut wanted: impl FnMut(&str) -> Option<String>) -> Option<String> {
        self.said
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| wanted(&line))
    }

    fn url(&mut self) -> Option<String> {
        self.said_next(|line| line.strip_prefix(LISTENS).map(str::to_owned))
    }

    fn token(&mut self) -> Option<String> {
        self.said_next(|line| line.starts_with(TOKEN_PREFIX).then(|| line.to_owned()))
    }
}

fn server_at(url: &str, token: &str) -> anyhow::Result<Server> {
    Server::new(&Remote {
        url: url.to_owned(),
        token: Some(token.to_owned()),
    })
}

fn read_log(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}

fn spawn(folder: &Path, options: &[(&'static str, String)]) -> anyhow::Result<Process> {
    let mut command = Command::new(std::env::current_exe()?);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with(ENV_PREFIX) {
            command.env_remove(name);
        }
    }
    for (option, value) in options {
        command.env(format!("{ENV_PREFIX}{}", option.to_uppercase()), value);
    }
    let log = folder.join("server.log");
    let errors = File::options().create(true).append(true).open(&log)?;
    let mut child = command
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--log-level",
            "warn",
            "--data",
        ])
        .arg(folder.join("data"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .context("the server cannot be started")?;
    let stdout = child.stdout.take().context("the server has no output")?;
    Ok(Process {
        child,
        log,
        is_killed: false,
        said: BufReader::new(stdout).lines(),
    })
}
