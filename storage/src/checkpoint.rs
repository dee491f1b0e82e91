//! Checkpoints: from when on the journal need not be replayed.
//!
//! sled's own `flush` asks for `sync_file_range`, which is no promise, and never syncs its `conf`, its blobs or
//! its directory. A checkpoint does, and says so only afterwards: it notes the mark, flushes, syncs every file
//! and directory, and then replaces the file `applied`.

use crate::codec::{Stored, Tag};
use crate::index::stored;
use crate::journal::{io_at, sync_directory};
use crate::table::SledTable;
use crate::{Fault, OpenError, Position};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const APPLIED: &str = "applied";
const APPLIED_NEW: &str = "applied.new";

/// What the index held for certain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// Every commit up to here was in the index, on the disk.
    pub(crate) position: Position,
    /// Rows by table.
    pub(crate) rows: Vec<u64>,
}

impl Stored for Checkpoint {
    const TAG: Tag = Tag::Checkpoint;
    const SCHEMA: u16 = 1;
}

impl Checkpoint {
    /// Reads the last checkpoint of a data directory. One that does not pass its checks is a [`Fault::Damaged`].
    pub(crate) fn read(directory: &Path) -> Result<Option<Self>, Fault> {
        match std::fs::read(directory.join(APPLIED)) {
            Ok(bytes) => Self::decode(&bytes).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Fault::Io(format!("{APPLIED}: {error}"))),
        }
    }

    fn write(&self, directory: &Path) -> io::Result<()> {
        let new = directory.join(APPLIED_NEW);
        let mut file = File::create(&new)?;
        file.write_all(&stored(self))?;
        file.sync_all()?;
        std::fs::rename(&new, directory.join(APPLIED))?;
        sync_directory(directory)
    }
}

/// Makes checkpoints of one index.
pub(crate) struct Checkpointer {
    directory: PathBuf,
    index: PathBuf,
    /// Opened at the start, so that a failed write-back since then is reported to this handle.
    db: File,
}

impl Checkpointer {
    /// Opens what is needed to sync the index that stands in `index`.
    pub(crate) fn open(directory: &Path, index: &Path) -> Result<Self, OpenError> {
        let db = index.join("db");
        let db = File::open(&db).map_err(|error| io_at(&db, error))?;
        Ok(Self {
            directory: directory.to_owned(),
            index: index.to_owned(),
            db,
        })
    }

    /// Makes a checkpoint and returns its position.
    pub(crate) fn run(&self, table: &SledTable) -> Result<Position, Fault> {
        let mark = table.mark()?;
        table.flush()?;
        self.sync()
            .map_err(|error| Fault::Io(format!("syncing the index: {error}")))?;
        let checkpoint = Checkpoint {
            position: mark.position,
            rows: mark.rows,
        };
        checkpoint
            .write(&self.directory)
            .map_err(|error| Fault::Io(format!("{APPLIED}: {error}")))?;
        Ok(checkpoint.position)
    }

    fn sync(&self) -> io::Result<()> {
        self.db.sync_all()?;
        sync_if_there(&self.index.join("conf"))?;
        let blobs = self.index.join("blobs");
        match std::fs::read_dir(&blobs) {
            Ok(entries) => {
                for entry in entries {
                    sync_if_there(&entry?.path())?;
                }
                sync_directory(&blobs)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        sync_directory(&self.index)?;
        sync_directory(&self.directory)
    }
}

/// Syncs a file that sled may remove at any time.
fn sync_if_there(path: &Path) -> io::Result<()> {
    match File::open(path) {
        Ok(file) => file.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
