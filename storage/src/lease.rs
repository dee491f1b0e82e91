//! The directory lock: an operating system's file lock, so that a kill delays nothing.

use crate::OpenError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

const LOCK: &str = "lock";

/// Held as long as this process may write to the directory.
#[derive(Debug)]
pub(crate) struct Lease {
    _file: File,
}

impl Lease {
    /// Takes the lock of a data directory, or says which process holds it.
    pub(crate) fn take(directory: &Path) -> Result<Self, OpenError> {
        let path: PathBuf = directory.join(LOCK);
        let io = |source| OpenError::Io {
            path: path.clone(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                // The number is a courtesy; without it the message still says what to do.
                let _ = file.read_to_string(&mut process);
                return Err(OpenError::InUse {
                    directory: directory.to_owned(),
                    process: process.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Self { _file: file })
    }
}
