//! Logs: to stderr, as text for people or as JSON for machines.

use crate::config::LogFormat;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, retry_on_intr, write};
use serde_json::json;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{panic, thread};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// Starts logging to stderr for the rest of the process.
///
/// `level` is a filter such as `info` or `info,cartwright_storage=debug`. A second call changes nothing, so that
/// tests may start several servers in one process.
///
/// # Errors
/// A sentence when the filter cannot be read.
pub fn start(level: &str, format: LogFormat) -> Result<(), String> {
    let filter = filter(level).map_err(|error| format!("log_level: {error}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Record);
    let is_terminal = io::stderr().is_terminal();
    let own = is_terminal.then(own_terminal).flatten();
    {
        let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
        (log.format, log.own) = (format, own);
    }
    let started = match format {
        LogFormat::Text => builder.with_ansi(is_terminal).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // Only a subscriber that is already there refuses, and that one goes on logging.
    drop(started);
    Ok(())
}

/// Has a panic logged as a record, in the place of what Rust writes of it, which is text whatever the format and waits for
/// as long as nobody reads. `RUST_BACKTRACE=1` adds where it came from. Where errors are not logged Rust writes it all the
/// same.
pub fn log_panics() {
    let rusts_own = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        if !tracing::enabled!(tracing::Level::ERROR) {
            return rusts_own(panicked);
        }
        let thread = thread::current();
        let payload = panicked.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let backtrace = Backtrace::capture();
        let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
        tracing::error!(
            panic = text.unwrap_or("it says nothing"),
            location = panicked.location().map(ToString::to_string),
            thread = thread.name(),
            backtrace,
            "a thread panicked"
        );
    }));
}

/// Opens the terminal that stderr is once more: one that has room for a letter has none for a record, and to write there
/// waits. What is set for this way to it is not for the shell that the other one belongs to.
fn own_terminal() -> Option<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    open("/proc/self/fd/2", flags, Mode::empty()).ok()
}

/// Records on their way to where they are read. Nothing may depend on whether a log is read, or has room: whoever writes
/// records panics where that fails, and waits where nobody reads.
static LOG: Mutex<Log> = Mutex::new(Log::NEW);

/// How long a record waits for a reader who is behind. Those after it do not wait, until one is read again.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long it waits before it tries again where there is room, but not for a letter.
const PAUSE: Duration = Duration::from_millis(1);

/// As much as a pipe that has room at all takes at once (POSIX's smallest `PIPE_BUF` is less, Linux' is this).
const PIECE_BYTES: usize = 4_096;

/// A writer that neither fails nor waits for long: what cannot be written is lost, and counted.
struct Log {
    /// Where records go, if not to stderr as it is.
    own: Option<OwnedFd>,
    format: LogFormat,
    /// How many records were lost since the last that was written.
    lost: u64,
    /// Whether the last of what was written is the beginning of a record, whose line has no end.
    is_cut: bool,
}

impl Log {
    const NEW: Self = Self {
        own: None,
        format: LogFormat::Text,
        lost: 0,
        is_cut: false,
    };

    fn record(&mut self, record: &[u8]) {
        let patience = if self.lost == 0 { PATIENCE } else { Duration::ZERO };
        if !self.has_room(patience) {
            self.lost += 1;
            return;
        }
        if 0 < self.lost {
            let end = if self.is_cut { "\n" } else { "" };
            let told = format!("{end}{}", self.told());
            self.lost = match self.write(told.as_bytes(), patience) {
                true => 0,
                false => self.lost,
            };
        }
        self.lost += u64::from(!self.write(record, patience));
    }

    /// Tells whether something would be taken without waiting, or would fail at once.
    fn has_room(&self, patience: Duration) -> bool {
        let stderr = io::stderr();
        let to = self.to(&stderr);
        let patience = Timespec::try_from(patience).unwrap_or_default();
        let mut asked = [PollFd::new(&to, PollFlags::OUT)];
        // What cannot be asked is written to, as ever.
        retry_on_intr(|| poll(&mut asked, Some(&patience))).map_or(true, |ready| 0 < ready)
    }

    /// Writes a record. Tells whether somebody may read it: not where the reader stops in the middle of it. Where writing
    /// fails nobody ever will, and nobody is to be told.
    fn write(&mut self, record: &[u8], patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let mut rest = record;
        while !rest.is_empty() {
            if !self.has_room(until.saturating_duration_since(Instant::now())) {
                return false;
            }
            let piece = &rest[..rest.len().min(PIECE_BYTES)];
            match retry_on_intr(|| write(self.to(&io::stderr()), piece)) {
                Ok(written) => rest = &rest[written..],
                Err(Errno::AGAIN) if Instant::now() < until => thread::sleep(PAUSE),
                Err(Errno::AGAIN) => return false,
                Err(_) => return true,
            }
            self.is_cut = !rest.is_empty();
        }
        true
    }

    fn to<'a>(&'a self, stderr: &'a io::Stderr) -> BorrowedFd<'a> {
        self.own.as_ref().map_or_else(|| stderr.as_fd(), AsFd::as_fd)
    }

    /// Returns the record that tells of those that were lost.
    fn told(&self) -> String {
        let (now, lost) = (jiff::Timestamp::now(), self.lost);
        let (target, message) = (
            module_path!(),
            "records before this one were lost: nobody read the log",
        );
        match self.format {
            LogFormat::Text => format!("{now:.6}  WARN {target}: {message} lost={lost}\n"),
            LogFormat::Json => {
                let record = json!({
                    "timestamp": format!("{now:.6}"),
                    "level": "WARN",
                    "message": message,
                    "lost": lost,
                    "target": target,
                });
                format!("{record}\n")
            }
        }
    }
}

/// One record, which comes in one piece.
struct Record;

impl Write for Record {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).record(record);
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads which records are written.
///
/// # Errors
/// A sentence when it cannot be read, or names no level at all: a misspelled level would be taken for a module, and
/// silence everything else.
pub(crate) fn filter(level: &str) -> Result<EnvFilter, String> {
    let ending = |directive: &str| directive.rsplit('=').next().unwrap_or_default().trim().to_owned();
    let names_level = |directive: &str| ending(directive).parse::<LevelFilter>().is_ok();
    if !level.split(',').any(names_level) {
        return Err("it names none of off, error, warn, info, debug and trace".to_owned());
    }
    EnvFilter::builder()
        .parse(level)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use std::io::{PipeReader, Read, pipe};

    /// Reads until nothing more is there at once.
    fn read_all(reader: &mut PipeReader) -> String {
        let mut text = String::new();
        let mut buffer = [0; 1 << 16];
        loop {
            let mut asked = [PollFd::new(reader, PollFlags::IN)];
            if poll(&mut asked, Some(&Timespec::default())) == Ok(0) {
                return text;
            }
            let read = reader.read(&mut buffer).expect("it can be read");
            text.push_str(std::str::from_utf8(&buffer[..read]).expect("it is text"));
        }
    }

    #[test]
    fn a_log_that_nobody_reads_holds_nobody_up_and_says_what_is_missing() {
        let (mut reader, writer) = pipe().expect("a pipe");
        let own = Some(OwnedFd::from(writer));
        let mut log = Log { own, ..Log::NEW };
        let record = [b"x".repeat(999), b"\n".to_vec()].concat();
        let before = Instant::now();
        for _ in 0..1_000 {
            log.record(&record);
        }
        assert!(before.elapsed() < Duration::from_secs(10), "it waits for each");
        let lost = log.lost;
        assert!(900 < lost && lost < 1_000, "{lost}");
        assert_eq!(
            read_all(&mut reader).len(),
            (1_000 - usize::try_from(lost).expect("few")) * 1_000
        );

        log.record(b"again\n");
        let told = format!("lost: nobody read the log lost={lost}\nagain\n");
        assert!(read_all(&mut reader).ends_with(&told));
        log.format = LogFormat::Json;
        log.lost = lost;
        log.record(b"{}\n");
        let told = read_all(&mut reader);
        let told: serde_json::Value =
            serde_json::from_str(told.lines().next().expect("a record")).expect("JSON");
        assert_eq!((&told["level"], &told["lost"]), (&json!("WARN"), &json!(lost)));
        let long = [b"y".repeat(50_000), b"\n".to_vec()].concat();
        log.record(&long);
        assert_eq!(read_all(&mut reader).as_bytes(), long);

        // Nobody reads on in the middle of a record.
        log.record(&b"z".repeat(200_000));
        assert_eq!((log.lost, log.is_cut), (1, true));
        read_all(&mut reader);
        log.record(b"whole\n");
        let told = read_all(&mut reader);
        assert!(told.starts_with('\n') && told.ends_with("whole\n"), "{told}");
        assert!(!log.is_cut);

        drop(reader);
        log.record(b"to nobody\n");
        assert_eq!(log.lost, 0);
    }

    #[test]
    fn a_panic_is_a_record() {
        let (mut reader, writer) = pipe().expect("a pipe");
        let log = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(Mutex::new(writer));
        log_panics();
        let panicked = tracing::subscriber::with_default(log.finish(), || {
            panic::catch_unwind(|| panic!("{} of it", "enough"))
        });
        // Rust's own again.
        drop(panic::take_hook());
        assert!(panicked.is_err());
        let mut record = String::new();
        reader.read_to_string(&mut record).expect("the writer is gone");
        let record: serde_json::Value = serde_json::from_str(&record).expect("one record");
        assert_eq!(
            (&record["level"], &record["panic"]),
            (&json!("ERROR"), &json!("enough of it"))
        );
        let location = record["location"].as_str().unwrap_or_default();
        assert!(location.contains("telemetry.rs"), "{record}");
    }

    #[test]
    fn a_terminal_that_nobody_reads_holds_nobody_up_either() {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let terminal = openpt(flags).expect("a terminal");
        grantpt(&terminal).expect("it is ours");
        unlockpt(&terminal).expect("it is ours");
        let name = ptsname(&terminal, Vec::new()).expect("it has a name");
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let own = Some(open(&*name, flags, Mode::empty()).expect("its other side"));
        let mut log = Log { own, ..Log::NEW };
        let before = Instant::now();
        for length in 0..20_000 {
            log.record(&[b"x".repeat(length % 300), b"\n".to_vec()].concat());
        }
        assert!(before.elapsed() < Duration::from_secs(10), "it waits for each");
        assert!(10_000 < log.lost, "{}", log.lost);
    }
}
