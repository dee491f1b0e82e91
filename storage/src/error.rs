//! Why a store does not open. Each says what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process works on the directory.
    #[error(
        "the data directory {} is in use by another cartwright process{}; stop that one, or choose another directory \
         with --data",
        directory.display(),
        process.map(|id| format!(" (process {id})")).unwrap_or_default()
    )]
    InUse {
        /// The data directory, or the index or the journal in it.
        directory: PathBuf,
        /// The process that holds it, if it said so.
        process: Option<u32>,
    },
    /// Bytes that were once synced do not pass their checks, or are gone. Nothing was changed.
    #[error(
        "the journal is damaged: segment {}, offset {offset}: {reason}; nothing was changed, and starting would lose \
         acknowledged changes; restore the data directory from a copy",
        segment.display()
    )]
    Damaged {
        /// The segment.
        segment: PathBuf,
        /// The byte at which the damage begins.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// Journal and index are of two stores, so that one of them was put there by hand. Nothing was changed.
    #[error(
        "the index {} is of another journal than the one beside it; nothing was changed; put back whichever was \
         exchanged, or, where the journal is the right one, remove {} and the file `applied` beside it: the index is \
         then built anew",
        index.display(), index.display()
    )]
    OtherJournal {
        /// The index.
        index: PathBuf,
    },
    /// There is an index of a journal, and no journal. Nothing was changed.
    #[error(
        "there is no journal in {}, and there was one: the index {} says so; restore the data directory from a copy",
        journal.display(), index.display()
    )]
    NoJournal {
        /// Where it should be.
        journal: PathBuf,
        /// The index.
        index: PathBuf,
    },
    /// The data was written by a later release.
    #[error(
        "{what} was written by a newer version; this one knows up to {known}; start a release at least as new"
    )]
    Newer {
        /// Which part of the data.
        what: String,
        /// The highest that this release knows.
        known: u16,
    },
    /// The operating system refused a file.
    #[error("cannot use {}{}", path.display(), cure(source))]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The index does not work even when built anew.
    #[error("the index cannot be built: {0}")]
    Index(String),
    /// An option has a value with which a store cannot work.
    #[error("{0}")]
    Options(String),
}

/// Returns what to do where the operating system refuses a file for a reason that is mostly the same.
fn cure(refused: &io::Error) -> &'static str {
    match refused.kind() {
        io::ErrorKind::PermissionDenied => {
            " (run as the user who owns the data directory, or give it to this one with `chown -R`)"
        }
        io::ErrorKind::ReadOnlyFilesystem => " (its file system takes no writes: mount it so that it does)",
        _ => "",
    }
}

/// Returns the refusal of a file by the operating system.
pub(crate) fn io_at(path: &Path, source: io::Error) -> OpenError {
    OpenError::Io {
        path: path.to_owned(),
        source,
    }
}

/// Says of a file or directory that this process writes that it is not to be found any more, and what to do.
pub(crate) fn removed(path: &Path) -> String {
    format!(
        "{} was removed or replaced while it was in use; stop the server before anything in its directory is changed, and \
         start it again",
        path.display()
    )
}
