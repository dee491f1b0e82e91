//! A server of the bench's own: this binary, on a new directory that goes away with it.

use super::Settings;
use super::said::{START_MAX, Said};
use crate::cli::Remote;
use crate::client::Server;
use crate::command::serve::LISTENS;
use crate::output;
use anyhow::{Context, bail};
use cartwright::config::ENV_PREFIX;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What every token begins with: a JSON object in base64.
const TOKEN_PREFIX: &str = "eyJ";

/// How often it is asked whether it is ready.
const READY_POLL: Duration = Duration::from_millis(2);

/// How long that answer may take.
const READY_ANSWER_MAX: Duration = Duration::from_secs(10);

/// The bytes of a block, as the kernel tells how many blocks a file has.
const BLOCK_BYTES: u64 = 512;

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
    said: Said,
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
    /// Starts one below the directory to measure, with options as in `cartwright.example.toml`.
    ///
    /// # Errors
    /// It does not start, and what it wrote to its log.
    pub(super) async fn start(
        settings: &Settings,
        options: &[(&'static str, String)],
    ) -> anyhow::Result<Self> {
        let parent = settings.directory.as_path();
        let mut options = options.to_vec();
        if let Some(index_after_ms) = settings.index_after_ms() {
            options.push(("index_after_ms", index_after_ms.to_string()));
        }
        let folder = tempfile::Builder::new()
            .prefix("cartwright-bench-")
            .tempdir_in(parent)
            .with_context(|| format!("cannot make a directory in {}", parent.display()))?;
        // What others have left in the page cache goes to the disk now, and not half a minute later in the middle of what
        // is measured.
        rustix::fs::syncfs(File::open(parent)?)?;
        let mut process = spawn(folder.path(), &options)?;
        let said = async { anyhow::Ok((process.url().await?, process.token().await?)) };
        let said = said.await;
        let failed = || format!("the server did not start: {}", read_log(&process.log));
        let (url, token) = said.with_context(failed)?;
        let server = server_at(&url, &token)?;
        Ok(Self {
            process,
            folder,
            options,
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
        let url = self.process.url().await;
        let failed = || format!("the server did not start again: {}", read_log(&self.process.log));
        let url = url.with_context(failed)?;
        let client = reqwest::Client::builder().timeout(READY_ANSWER_MAX).build()?;
        let ready = format!("{url}/health/ready");
        loop {
            let answer = client.get(&ready).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                break;
            }
            if START_MAX <= began.elapsed() {
                bail!("the server was not ready after {START_MAX:?}");
            }
            tokio::time::sleep(READY_POLL).await;
        }
        let took = began.elapsed();
        self.server = server_at(&url, &self.token)?;
        Ok(took)
    }
}

impl Process {
    async fn url(&mut self) -> anyhow::Result<String> {
        let url = |line: &str| line.strip_prefix(LISTENS).map(str::to_owned);
        self.said.next(url).await
    }

    async fn token(&mut self) -> anyhow::Result<String> {
        let token = |line: &str| line.starts_with(TOKEN_PREFIX).then(|| line.to_owned());
        self.said.next(token).await
    }
}

/// Returns how much room a folder takes on the disk. What goes meanwhile is not counted.
pub(super) fn room_bytes(folder: &Path) -> u64 {
    let mut room = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(about) = entry.metadata() else { continue };
        room += if about.is_dir() {
            room_bytes(&entry.path())
        } else {
            about.blocks() * BLOCK_BYTES
        };
    }
    room
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
    let said = Said::by(stdout).inspect_err(|_| {
        // Nobody would end it later.
        drop(child.kill());
        drop(child.wait());
    })?;
    Ok(Process {
        child,
        log,
        is_killed: false,
        said,
    })
}
