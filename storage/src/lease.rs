//! The directory lock: an operating system's file lock, so that a kill delays nothing.
//!
//! What is locked is the data directory itself, and not a file in it: a file can be deleted and made again, and would
//! then be locked twice. So is the journal's, which a link may lead to from two of them. The file `lock` only says who
//! holds the directory.

use crate::OpenError;
use crate::error::{io_at, removed};
use crate::recover::JOURNAL;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const LOCK: &str = "lock";

/// Held as long as this process may write to the directory.
#[derive(Debug)]
pub(crate) struct Lease {
    directory: File,
    path: PathBuf,
    /// That of the journal, once there is one.
    journal: Option<File>,
}

impl Lease {
    /// Takes the lock of a data directory, or says which process holds it.
    pub(crate) fn take(directory: &Path) -> Result<Self, OpenError> {
        let name = directory.join(LOCK);
        let held = File::open(directory).map_err(|error| io_at(directory, error))?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                // The number is a courtesy; without it the message still says what to do.
                let process = fs::read_to_string(name).unwrap_or_default();
                return Err(OpenError::InUse {
                    directory: directory.to_owned(),
                    process: process.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(io_at(directory, error)),
        }
        if !is_at(&held, directory).map_err(|error| io_at(directory, error))? {
            let replaced = io::Error::other("another directory took its place meanwhile; start again");
            return Err(io_at(directory, replaced));
        }
        let journal = locked_journal(directory)?;
        fs::write(&name, format!("{}\n", std::process::id())).map_err(|error| io_at(&name, error))?;
        Ok(Self {
            directory: held,
            path: directory.to_owned(),
            journal,
        })
    }

    /// Takes the lock of the journal's directory, if that has been made since.
    pub(crate) fn hold_journal(&mut self) -> Result<(), OpenError> {
        if self.journal.is_none() {
            self.journal = locked_journal(&self.path)?;
        }
        Ok(())
    }

    /// Tells whether no other directory has taken the place of the locked one, into which this process would write from
    /// then on.
    ///
    /// # Errors
    /// Which, and what to do.
    pub(crate) fn check(&self) -> Result<(), String> {
        // Where none is there, or nobody can tell, no other one is harmed.
        match is_at(&self.directory, &self.path) {
            Ok(false) => Err(format!(
                "another directory has taken the place of {}; nothing more is written into it: start again where this \
                 one is now",
                self.path.display()
            )),
            Ok(true) | Err(_) => Ok(()),
        }
    }

    /// Tells whether what this process writes is still to be found, wherever the directory is now: neither it nor the
    /// journal's in it was removed, and the latter not replaced either.
    ///
    /// # Errors
    /// Which, and what to do.
    pub(crate) fn check_kept(&self) -> Result<(), String> {
        if is_at(&self.directory, &self.path).is_err() {
            return match is_removed(&self.directory) {
                true => Err(removed(&self.path)),
                false => Ok(()),
            };
        }
        let (Some(journal), name) = (&self.journal, self.path.join(JOURNAL)) else {
            return Ok(());
        };
        match is_at(journal, &name) {
            Ok(true) => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Ok(()),
            Ok(false) | Err(_) => Err(removed(&name)),
        }
    }
}

/// Tells whether a directory that was opened is nowhere any more.
fn is_removed(opened: &File) -> bool {
    opened.metadata().is_ok_and(|now| now.nlink() == 0)
}

/// Takes the lock of the journal's directory, where there is one. Who holds it does not stand beside it.
fn locked_journal(directory: &Path) -> Result<Option<File>, OpenError> {
    let path = directory.join(JOURNAL);
    let held = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| io_at(&path, error))?,
    };
    match held.try_lock() {
        Ok(()) => Ok(Some(held)),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
            directory: path,
            process: None,
        }),
        Err(TryLockError::Error(error)) => Err(io_at(&path, error)),
    }
}

/// Tells whether what was opened is still what the path names.
fn is_at(opened: &File, path: &Path) -> io::Result<bool> {
    let (opened, named) = (opened.metadata()?, fs::metadata(path)?);
    Ok((opened.dev(), opened.ino()) == (named.dev(), named.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_took_the_place_of_the_locked_one_is_told_apart() {
        let parent = tempfile::tempdir().expect("a directory can be made");
        let [path, moved] = ["data", "moved"].map(|name| parent.path().join(name));
        fs::create_dir(&path).expect("a directory can be made");
        let opened = File::open(&path).expect("it was made");
        assert!(is_at(&opened, &path).expect("it is there"));
        fs::rename(&path, &moved).expect("it is there");
        fs::create_dir(&path).expect("the place is free");
        assert!(!is_at(&opened, &path).expect("it is there"));
    }

    #[test]
    fn a_journal_that_two_directories_lead_to_is_of_one_process() {
        let parent = tempfile::tempdir().expect("a directory can be made");
        let [volume, first, second] = ["volume", "first", "second"].map(|name| parent.path().join(name));
        for directory in [&volume, &first, &second] {
            fs::create_dir(directory).expect("a directory can be made");
        }
        for directory in [&first, &second] {
            std::os::unix::fs::symlink(&volume, directory.join(JOURNAL)).expect("a link can be made");
        }
        let lease = Lease::take(&first).expect("nobody else has it");
        let refused = Lease::take(&second).expect_err("its journal is another's");
        assert!(
            matches!(refused, OpenError::InUse { directory, .. } if directory.ends_with("second/journal"))
        );
        drop(lease);
        Lease::take(&second).expect("nobody else has it any more");

        // Also one that was made after the lock was taken.
        let [own, other] = ["own", "other"].map(|name| parent.path().join(name));
        for directory in [&own, &other] {
            fs::create_dir(directory).expect("a directory can be made");
        }
        let mut lease = Lease::take(&own).expect("nobody else has it");
        fs::create_dir(own.join(JOURNAL)).expect("a directory can be made");
        lease.hold_journal().expect("nobody else has it");
        std::os::unix::fs::symlink(own.join(JOURNAL), other.join(JOURNAL)).expect("a link can be made");
        assert!(matches!(Lease::take(&other), Err(OpenError::InUse { .. })));
    }

    #[test]
    fn a_lease_whose_directory_was_moved_away_says_so_once_another_is_in_its_place() {
        let parent = tempfile::tempdir().expect("a directory can be made");
        let [path, moved] = ["data", "moved"].map(|name| parent.path().join(name));
        fs::create_dir(&path).expect("a directory can be made");
        let lease = Lease::take(&path).expect("nobody else has it");
        assert_eq!(lease.check(), Ok(()));
        fs::rename(&path, &moved).expect("it is there");
        assert_eq!(lease.check(), Ok(()));
        fs::create_dir(&path).expect("the place is free");
        let told = lease.check().expect_err("another is there");
        assert!(told.contains("has taken the place"), "{told}");
    }

    #[test]
    fn a_lease_whose_directory_or_journal_was_removed_says_so() {
        let parent = tempfile::tempdir().expect("a directory can be made");
        let path = parent.path().join("data");
        let journal = path.join(JOURNAL);
        fs::create_dir_all(&journal).expect("a directory can be made");
        let told = |lease: &Lease| lease.check_kept().expect_err("it is gone");
        let lease = Lease::take(&path).expect("nobody else has it");
        assert_eq!(lease.check_kept(), Ok(()));
        // As a copy is put back in place.
        fs::remove_dir(&journal).expect("it is empty");
        assert!(
            told(&lease).contains("data/journal was removed"),
            "{}",
            told(&lease)
        );
        fs::create_dir(&journal).expect("the place is free");
        assert!(
            told(&lease).contains("data/journal was removed"),
            "{}",
            told(&lease)
        );
        drop(lease);
        let lease = Lease::take(&path).expect("nobody else has it any more");
        assert_eq!(lease.check_kept(), Ok(()));
        let moved = parent.path().join("moved");
        fs::rename(&path, &moved).expect("it is there");
        assert_eq!(lease.check_kept(), Ok(()));
        fs::remove_dir_all(&moved).expect("it can be removed");
        assert!(told(&lease).contains("data was removed"), "{}", told(&lease));
    }
}
