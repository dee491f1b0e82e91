//! What the commands say: results to stdout, complaints and progress to stderr.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, Write};

/// Writes one line to stdout. A reader that has gone away is not a fault.
///
/// # Errors
/// What writing to stdout met with, but for a closed pipe.
pub(crate) fn line(text: impl AsRef<str>) -> io::Result<()> {
    let written = writeln!(io::stdout().lock(), "{}", text.as_ref());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes one line to stderr, for a person who watches.
pub(crate) fn note(text: impl AsRef<str>) {
    // Nobody can be told that stderr is gone.
    drop(writeln!(io::stderr().lock(), "{}", text.as_ref()));
}

/// Writes an error with its causes to stderr.
pub(crate) fn complain(error: &anyhow::Error) {
    note(format!("error: {error:#}"));
}

/// Returns a progress bar of so many steps on stderr; it is silent when that is not a terminal.
pub(crate) fn progress(steps: u64, what: &'static str) -> ProgressBar {
    bar(
        steps,
        what,
        "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}",
    )
}

/// Returns a progress bar of so many bytes on stderr; it is silent when that is not a terminal.
pub(crate) fn progress_bytes(bytes: u64, what: &'static str) -> ProgressBar {
    bar(bytes, what, "{msg} {wide_bar} {bytes}/{total_bytes} {eta}")
}

fn bar(length: u64, what: &'static str, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("the templates of this module are well formed");
    ProgressBar::new(length).with_style(style).with_message(what)
}
