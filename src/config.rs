//! The process configuration: where it comes from, what its options are, and what is wrong with it.
//!
//! Defaults, then `cartwright.toml`, then `CARTWRIGHT_…` variables, then arguments; the later source wins. The options
//! and their sentences stand in `cartwright.example.toml`, from which the defaults are read: those that other crates have
//! of the same do not hold in a process, and the help of two arguments repeats theirs. No option is read from the
//! environment elsewhere. What belongs to the store (currency, tax mode, lifetimes) is an entity behind the admin API.

pub use self::variables::ENV_NO_OPTIONS;
use self::variables::{Variables, no_texts, variable};
use crate::telemetry;
use cartwright_gateways::mail;
use cartwright_gateways::payment::sandbox;
use clap::ValueEnum;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::Dict;
use figment::{Figment, Profile, Source};
use reqwest::Url;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

/// The text of `cartwright config default`: every option with its sentence and its default.
pub const EXAMPLE: &str = include_str!("../cartwright.example.toml");

/// The file that is read when none is named. It need not exist; one that is there and cannot be read is a fault.
pub const DEFAULT_FILE: &str = "cartwright.toml";

/// What the environment variable of an option starts with.
pub const ENV_PREFIX: &str = "CARTWRIGHT_";

/// What the command line is called as a source.
const ARGUMENT: &str = "argument";

/// The longest wait that may be configured.
const DURATION_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// The most of anything countable that may be configured.
const COUNT_MAX: u64 = 1_000_000_000;

/// The most threads that may be configured to run actors: more than any machine has cores.
const WORKER_THREADS_MAX: u64 = 4_096;

/// The largest cache that may be configured, in bytes: a thirtieth of it is taken at the start.
const CACHE_BYTES_MAX: u64 = 1 << 36;

/// How log records are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Every option of the process. `cartwright.example.toml` says what each is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Config {
    /// The directory that holds everything.
    pub data: PathBuf,
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address under which shoppers reach the store; empty: nothing is known of it.
    pub public_url: String,
    /// Origins whose pages may call the shop API.
    pub cors_origins: Vec<String>,
    /// How long a request may take, in milliseconds.
    pub request_timeout_ms: u64,
    /// How many connections may be open.
    pub connections_max: u64,
    /// How long a graceful stop waits for requests under way, in milliseconds.
    pub shutdown_timeout_ms: u64,
    /// Which log records are written, in the syntax of `tracing`'s filter.
    pub log_level: String,
    /// How log records are written.
    pub log_format: LogFormat,
    /// How many threads serve requests and run actors; 0: one a core.
    pub worker_threads: u64,
    /// How many entities stay in memory at most.
    pub residents_max: u64,
    /// After how long without use an entity leaves memory, in milliseconds.
    pub resident_idle_ms: u64,
    /// The cache of the index on disk, in bytes.
    pub index_cache_bytes: u64,
    /// After how long the index on disk is told of a change, in milliseconds.
    pub index_after_ms: u64,
    /// After how many rows a checkpoint is made, which bounds what a start replays.
    pub checkpoint_rows: u64,
    /// The sender of the mails.
    pub mail_from: String,
    /// Where mails go as files; empty: `mail` in the data directory.
    pub mail_directory: PathBuf,
    /// What the sandbox payment provider does with every payment; empty: what the payment's token says.
    pub sandbox_behavior: String,
}

impl Default for Config {
    fn default() -> Self {
        Sources::defaults()
            .load()
            .expect("the example file is tested to be free of faults")
    }
}

impl Config {
    /// Returns the address under which shoppers reach the store, if it is said, without a slash at its end.
    pub fn public_url(&self) -> Option<&str> {
        let url = self.public_url.trim_end_matches('/');
        (!url.is_empty()).then_some(url)
    }

    /// Returns how many threads serve requests and run actors: as many as there are cores, unless it is said.
    pub fn worker_threads(&self) -> usize {
        let chosen = usize::try_from(self.worker_threads).ok().and_then(NonZero::new);
        chosen.map_or_else(
            || thread::available_parallelism().map_or(1, NonZero::get),
            NonZero::get,
        )
    }

    /// Returns what the sandbox payment provider does whatever the token says, if anything.
    pub fn sandbox_behavior(&self) -> Option<sandbox::Behavior> {
        self.sandbox_behavior.parse().ok()
    }

    /// Returns the directory that receives mails.
    pub fn mail_directory(&self) -> PathBuf {
        if self.mail_directory.as_os_str().is_empty() {
            return self.data.join("mail");
        }
        self.mail_directory.clone()
    }
}

/// Something wrong with the configuration, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The option, as it stands in the file.
    pub option: String,
    /// Which source said it.
    pub source: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.option.is_empty() {
            return write!(f, "{}: {}", self.source, self.message);
        }
        write!(f, "{} ({}): {}", self.option, self.source, self.message)
    }
}

/// Everything that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} fault(s):", self.0.len())?;
        for fault in &self.0 {
            write!(f, "\n  {fault}")?;
        }
        Ok(())
    }
}

/// What the command line says about the configuration; what is `None` is left to the other sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, clap::Args)]
pub struct Arguments {
    /// The directory that holds everything [default: ./cartwright-data]
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// The address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// The address under which shoppers reach the store
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// How much is logged to stderr, for example "info" or "warn,cartwright_storage=debug"
    #[arg(long, value_name = "LEVEL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<String>,
    /// How it is logged
    #[arg(long, value_name = "FORMAT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<LogFormat>,
    /// Start although the clock is behind the data: time then goes on from the data's last record
    #[arg(long)]
    #[serde(skip)]
    pub accept_clock: bool,
}

/// The sources of a configuration, merged but not yet read.
#[derive(Clone, Debug)]
pub struct Sources {
    figment: Figment,
}

impl Sources {
    /// Returns the defaults alone.
    pub fn defaults() -> Self {
        Self {
            figment: Figment::from(Toml::string(EXAMPLE)),
        }
    }

    /// Returns all sources of a process: defaults, file, environment, arguments.
    ///
    /// `file` is what the caller named; without a name [`DEFAULT_FILE`] is read if it exists.
    ///
    /// # Errors
    /// [`Faults`] when the named file does not exist, and for each variable and argument that is no text.
    pub fn of_process(file: Option<&Path>, arguments: &Arguments) -> Result<Self, Faults> {
        // A link that leads nowhere is there. Of a directory that may not be looked into nobody knows.
        let is_there = |path: &&Path| match fs::symlink_metadata(path) {
            Ok(_) => true,
            Err(error) => !matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
            ),
        };
        let default_file = Some(Path::new(DEFAULT_FILE)).filter(is_there);
        let file = file.or(default_file);
        if let Some(fault) = file.and_then(no_file) {
            return Err(Faults(vec![fault]));
        }
        let no_texts = no_texts(arguments);
        if !no_texts.is_empty() {
            return Err(Faults(no_texts));
        }
        let mut figment = Self::defaults().figment;
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        let figment = figment
            .merge(Variables(Env::prefixed(ENV_PREFIX).ignore(&ENV_NO_OPTIONS)))
            .merge(Serialized::from(arguments, Profile::Default));
        Ok(Self { figment })
    }

    /// Reads every option.
    ///
    /// # Errors
    /// [`Faults`] with everything that is wrong: unknown options, values of the wrong sort, values out of range.
    pub fn load(&self) -> Result<Config, Faults> {
        let merged = match self.figment.extract::<Dict>() {
            Ok(merged) => merged,
            Err(error) => return Err(Faults(error.into_iter().map(|one| unreadable(&one)).collect())),
        };
        let mut reader = Reader {
            sources: self,
            merged,
            known: Vec::new(),
            faults: Vec::new(),
        };
        let config = Config {
            data: reader.path("data"),
            listen: reader.address("listen"),
            public_url: reader.url("public_url"),
            cors_origins: reader.origins("cors_origins"),
            request_timeout_ms: reader.number("request_timeout_ms", 1, DURATION_MS_MAX),
            connections_max: reader.number("connections_max", 1, COUNT_MAX),
            shutdown_timeout_ms: reader.number("shutdown_timeout_ms", 0, DURATION_MS_MAX),
            log_level: reader.log_level("log_level"),
            log_format: reader.log_format("log_format"),
            worker_threads: reader.number("worker_threads", 0, WORKER_THREADS_MAX),
            residents_max: reader.number("residents_max", 1, COUNT_MAX),
            resident_idle_ms: reader.number("resident_idle_ms", 1, DURATION_MS_MAX),
            index_cache_bytes: reader.number("index_cache_bytes", 1 << 20, CACHE_BYTES_MAX),
            index_after_ms: reader.number("index_after_ms", 1, DURATION_MS_MAX),
            checkpoint_rows: reader.number("checkpoint_rows", 1, COUNT_MAX),
            mail_from: reader.mailbox("mail_from"),
            mail_directory: reader
                .text("mail_directory", "name a directory, in quotation marks")
                .unwrap_or_default()
                .into(),
            sandbox_behavior: reader.sandbox_behavior("sandbox_behavior"),
        };
        reader.refuse_unknown();
        if reader.faults.is_empty() {
            Ok(config)
        } else {
            Err(Faults(reader.faults))
        }
    }

    /// Returns every option with its value and the source that set it, for `config show`.
    ///
    /// # Errors
    /// [`Faults`] as [`Sources::load`].
    pub fn explain(&self) -> Result<Vec<Explained>, Faults> {
        let config = self.load()?;
        let merged = toml::Table::try_from(&config).map_err(|error| {
            Faults(vec![Fault {
                option: String::new(),
                source: "show".to_owned(),
                message: error.to_string(),
            }])
        })?;
        let explained = merged.into_iter().map(|(option, value)| Explained {
            source: self.source_of(&option),
            value: value.to_string(),
            option,
        });
        Ok(explained.collect())
    }

    fn source_of(&self, option: &str) -> String {
        let Some(metadata) = self.figment.find_metadata(option) else {
            return "default".to_owned();
        };
        match &metadata.source {
            Some(Source::File(path)) => path.display().to_string(),
            Some(Source::Code(_)) => ARGUMENT.to_owned(),
            _ if metadata.name.contains("environment") => variable(option),
            _ => "default".to_owned(),
        }
    }
}

/// One option as `config show` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The option.
    pub option: String,
    /// Its value, as TOML.
    pub value: String,
    /// Which source set it.
    pub source: String,
}

/// Says why what is named as the configuration file is none. A pipe is one, too.
fn no_file(named: &Path) -> Option<Fault> {
    let source = named.display().to_string();
    let message = match fs::metadata(named) {
        Ok(found) if found.is_dir() => {
            format!("this is a directory; name the file, for example {source}/{DEFAULT_FILE}")
        }
        Ok(_) => return None,
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_symlink() => {
            let leads_to = fs::read_link(named).unwrap_or_default();
            format!("this is a link to {}, which is not there", leads_to.display())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            format!("there is no such file; write one with `cartwright config default > {source}`")
        }
        Err(error) => format!("this file cannot be used: {error}"),
    };
    Some(Fault {
        option: String::new(),
        source,
        message,
    })
}

/// Says that a source could not be read at all.
fn unreadable(error: &figment::Error) -> Fault {
    let source = error
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.source.as_ref());
    Fault {
        option: error.path.join("."),
        source: source.map_or_else(|| "configuration".to_owned(), ToString::to_string),
        message: error.kind.to_string(),
    }
}

/// Reads options one by one, so that one fault does not hide the next.
struct Reader<'a> {
    sources: &'a Sources,
    merged: Dict,
    known: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, option: &str, message: impl Into<String>) {
        let source = self.sources.source_of(option);
        self.faults.push(Fault {
            option: option.to_owned(),
            source,
            message: message.into(),
        });
    }

    /// Reads a value of any sort; what a good one looks like is said where it is none.
    fn any<T: DeserializeOwned>(&mut self, option: &'static str, otherwise: T, cure: &str) -> T {
        self.known.push(option);
        let Some(value) = self.merged.get(option) else {
            self.fault(option, "is missing");
            return otherwise;
        };
        match value.deserialize() {
            Ok(read) => read,
            Err(error) => {
                self.fault(option, format!("{}; {cure}", error.kind));
                otherwise
            }
        }
    }

    /// Reads a text; none where that it is none was said. One with quotation marks around it comes of a variable that
    /// was set as a file is written.
    fn text(&mut self, option: &'static str, cure: &str) -> Option<String> {
        let text: String = self.any(option, None, cure)?;
        let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let Some(inner) = inner else { return Some(text) };
        let message = format!("it has quotation marks of its own; leave them out, as in {inner}");
        self.fault(option, message);
        None
    }

    fn path(&mut self, option: &'static str) -> PathBuf {
        let text = self.text(option, "name a directory, in quotation marks");
        if text.as_deref() == Some("") {
            self.fault(option, "is empty; name a directory");
        }
        text.unwrap_or_default().into()
    }

    fn address(&mut self, option: &'static str) -> SocketAddr {
        let cure = "write for example \"127.0.0.1:8080\"";
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let Some(text) = self.text(option, cure) else {
            return unknown;
        };
        let spelled = text
            .strip_prefix("localhost:")
            .map(|port| format!("127.0.0.1:{port}"));
        spelled
            .unwrap_or_else(|| text.clone())
            .parse()
            .unwrap_or_else(|_| {
                self.fault(option, format!("{text:?} is not an address and a port; {cure}"));
                unknown
            })
    }

    fn url(&mut self, option: &'static str) -> String {
        let cure = "write for example \"https://shop.example.com\"";
        let text = self.text(option, cure).unwrap_or_default();
        if !text.is_empty() && !is_web_address(&text) {
            self.fault(option, format!("{text:?} is no web address; {cure}"));
        }
        text
    }

    fn origins(&mut self, option: &'static str) -> Vec<String> {
        let cure = "write a list, for example [\"https://shop.example.com\"]";
        let origins: Vec<String> = self.any(option, Vec::new(), cure);
        for origin in &origins {
            match origin_of(origin) {
                Some(sent) if sent == *origin => {}
                Some(sent) => {
                    let message = format!("{origin:?} is no origin as browsers send it; write {sent:?}");
                    self.fault(option, message);
                }
                None => {
                    let message = format!(
                        "{origin:?} is no origin; write scheme, host and port only, for example \
                         \"https://shop.example.com\""
                    );
                    self.fault(option, message);
                }
            }
        }
        origins
    }

    fn number(&mut self, option: &'static str, min: u64, max: u64) -> u64 {
        self.known.push(option);
        let read = self
            .merged
            .get(option)
            .and_then(|value| value.deserialize::<u64>().ok());
        let Some(number) = read.filter(|number| min <= *number && *number <= max) else {
            self.fault(option, format!("write a whole number from {min} to {max}"));
            return min;
        };
        number
    }

    fn log_level(&mut self, option: &'static str) -> String {
        let cure = "write for example \"info\"";
        let text = self.text(option, cure);
        if text.as_deref() == Some("") {
            self.fault(option, format!("is empty; {cure}"));
        } else if let Some(text) = &text
            && let Err(error) = telemetry::filter(text)
        {
            self.fault(option, format!("{text:?} is no log filter ({error}); {cure}"));
        }
        text.unwrap_or_default()
    }

    fn log_format(&mut self, option: &'static str) -> LogFormat {
        let cure = "write \"text\" or \"json\"";
        let text = self.text(option, cure);
        let format = text.as_deref().map(|text| LogFormat::from_str(text, false));
        if let Some(Err(_)) = format {
            let text = text.unwrap_or_default();
            self.fault(option, format!("{text:?} is no form of log records; {cure}"));
        }
        format.and_then(Result::ok).unwrap_or_default()
    }

    fn mailbox(&mut self, option: &'static str) -> String {
        let cure =
            "write for example \"My Shop <shop@example.com>\", and a name with a comma in quotation marks";
        let text = self.text(option, cure);
        if let Some(text) = &text
            && mail::check_sender(text).is_err()
        {
            self.fault(option, format!("{text:?} is no sender; {cure}"));
        }
        text.unwrap_or_default()
    }

    fn sandbox_behavior(&mut self, option: &'static str) -> String {
        let cure = "leave it empty to go by the token";
        let text = self.text(option, cure).unwrap_or_default();
        if !text.is_empty()
            && let Err(error) = text.parse::<sandbox::Behavior>()
        {
            self.fault(option, format!("{text:?} is unknown: {error}; {cure}"));
        }
        text
    }

    fn refuse_unknown(&mut self) {
        let unknown: Vec<String> = self
            .merged
            .keys()
            .filter(|key| !self.known.contains(&key.as_str()))
            .cloned()
            .collect();
        for key in unknown {
            let near = nearest(&self.known, &key);
            let advice = near.map_or_else(
                || "`cartwright config default` lists what there is".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            self.fault(&key, format!("there is no option of this name; {advice}"));
        }
    }
}

/// Returns the origin of a web address as browsers send it: in small letters and ASCII, without the scheme's own port.
fn origin_of(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    // No browser sends a wildcard.
    let is_web = ["http", "https"].contains(&url.scheme()) && !text.contains('*');
    is_web.then(|| url.origin().ascii_serialization())
}

fn is_web_address(text: &str) -> bool {
    if Url::parse(text).is_err() {
        return false;
    }
    let Some(rest) = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
    else {
        return false;
    };
    let host = rest.split('/').next().unwrap_or_default();
    let strange = |c: char| c.is_whitespace() || c.is_control() || "?#@".contains(c);
    !host.is_empty() && !rest.contains(strange)
}

/// Returns the option whose name is the written one but for dashes, capitals and a missing or added ending, or else for the
/// fewest mistakes, of which there may be one in four letters.
fn nearest<'a>(known: &[&'a str], written: &str) -> Option<&'a str> {
    let written = written.replace(['-', '.'], "_").to_lowercase();
    let is_near = |known: &&&str| known.starts_with(&written) || written.starts_with(**known);
    let mistakes = |known: &&&str| strsim::damerau_levenshtein(known, &written);
    let nearly = || {
        let few = known.iter().filter(|known| mistakes(known) <= known.len() / 4);
        few.min_by_key(mistakes)
    };
    known.iter().find(is_near).or_else(nearly).copied()
}

#[cfg(test)]
mod tests;
mod variables;
