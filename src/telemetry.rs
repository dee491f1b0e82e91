//! Logs: to stderr, as text for people or as JSON for machines.

use crate::config::LogFormat;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use serde_json::json;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};
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
    LOG.lock().unwrap_or_else(PoisonError::into_inner).format = format;
    let started = match format {
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // Only a subscriber that is already there refuses, and that one goes on logging.
    drop(started);
    Ok(())
}

/// Records on their way to where they are read. Nothing may depend on whether a log is read, or has room: whoever writes
/// records panics where that fails, and waits where nobody reads.
static LOG: Mutex<Log<io::Stderr>> = Mutex::new(Log::of(io::stderr));

/// How long a record waits for a reader who is behind. Those after it do not wait, until one is read again.
const PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// As much as a pipe that has room at all takes at once (POSIX's smallest `PIPE_BUF` is less, Linux' is this).
const PIECE_BYTES: usize = 4_096;

/// A writer that neither fails nor waits for long: what cannot be written is lost, and counted.
struct Log<W> {
    open: fn() -> W,
    format: LogFormat,
    /// How many records were lost since the last that was written.
    lost: u64,
}

impl<W: Write + AsFd> Log<W> {
    const fn of(open: fn() -> W) -> Self {
        Self {
            open,
            format: LogFormat::Text,
            lost: 0,
        }
    }

    fn record(&mut self, record: &[u8]) {
        let mut to = (self.open)();
        let patience = if self.lost == 0 {
            PATIENCE
        } else {
            Timespec::default()
        };
        if !is_taken(&to, &patience) {
            self.lost += 1;
            return;
        }
        if 0 < self.lost {
            let told = self.told();
            self.lost = u64::from(!write_in_pieces(&mut to, told.as_bytes()));
        }
        self.lost += u64::from(!write_in_pieces(&mut to, record));
    }
}

impl<W> Log<W> {
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

/// Writes a record. Tells whether somebody may read it: not where the reader stops in the middle of it. Where writing
/// fails nobody ever will, and nobody is to be told.
fn write_in_pieces(to: &mut (impl Write + AsFd), record: &[u8]) -> bool {
    for piece in record.chunks(PIECE_BYTES) {
        if !is_taken(to, &PATIENCE) {
            return false;
        }
        if to.write_all(piece).is_err() {
            return true;
        }
    }
    true
}

/// Tells whether a piece would be taken without waiting, or would fail at once.
fn is_taken(to: &impl AsFd, patience: &Timespec) -> bool {
    let mut asked = [PollFd::new(to, PollFlags::OUT)];
    // What cannot be asked is written to, as ever.
    retry_on_intr(|| poll(&mut asked, Some(patience))).map_or(true, |ready| 0 < ready)
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
    use std::io::{PipeReader, PipeWriter, Read, pipe};
    use std::sync::OnceLock;
    use std::time::{Duration, Instant};

    static PIPE: OnceLock<PipeWriter> = OnceLock::new();

    fn open() -> PipeWriter {
        let writer = PIPE.get().expect("the pipe is open");
        writer.try_clone().expect("another end of it")
    }

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
        PIPE.set(writer).expect("it is the only one");
        let mut log = Log::of(open);
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

        drop(reader);
        log.record(b"to nobody\n");
        assert_eq!(log.lost, 0);
    }
}
