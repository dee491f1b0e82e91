//! Checkpoints: from when on the journal need not be replayed.
//!
//! sled's own `flush` asks for `sync_file_range`, which is no promise, and never syncs its `conf`, its blobs or
//! its directory. A checkpoint does, and says so only afterwards: it notes the mark, flushes, syncs every file
//! and directory, and then replaces the file `applied`.

use crate::codec::{Stored, Tag};
use crate::disk::{DiskFile, Opening, read_all, write_all_at};
use crate::error::io_at;
use crate::index::stored;
use crate::table::SledTable;
use crate::{Disk, Fault, OpenError, Position};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const APPLIED: &str = "applied";
const APPLIED_NEW: &str = "applied.new";
/// In the index: it is being built anew, and the last checkpoint is not about it.
const BEING_BUILT: &str = "being-built";

/// Notes in an index that is built anew that the last checkpoint is about another, until there is one about this.
///
/// Without the note, which an index does not need to be used, a build that is broken off is begun anew.
pub(crate) fn note_being_built(index: &Path) {
    if let Err(error) = std::fs::write(index.join(BEING_BUILT), "") {
        tracing::warn!(%error, "that the index is being built cannot be noted; a start that is broken off begins anew");
    }
}

/// Whether the last checkpoint is about another index.
pub(crate) fn is_being_built(index: &Path) -> bool {
    index.join(BEING_BUILT).exists()
}

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
    /// Returns where the last checkpoint of a data directory stands.
    pub(crate) fn path(directory: &Path) -> PathBuf {
        directory.join(APPLIED)
    }

    /// Reads the last checkpoint of a data directory. One that does not pass its checks is a [`Fault::Damaged`].
    ///
    /// # Errors
    /// Whatever the disk says, which says nothing about the checkpoint.
    pub(crate) fn read(disk: &dyn Disk, directory: &Path) -> io::Result<Result<Option<Self>, Fault>> {
        let opened = disk.open(&Self::path(directory), Opening::Read);
        match opened.and_then(|file| read_all(&*file)) {
            Ok(bytes) => Ok(Self::decode(&bytes).map(Some)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Ok(None)),
            Err(error) => Err(error),
        }
    }

    /// Replaces the last checkpoint of a data directory.
    pub(crate) fn write(&self, disk: &dyn Disk, directory: &Path) -> io::Result<()> {
        let new = directory.join(APPLIED_NEW);
        let file = disk.open(&new, Opening::Create)?;
        write_all_at(&*file, &stored(self), 0)?;
        file.sync_all()?;
        disk.rename(&new, &Self::path(directory))?;
        disk.sync_directory(directory)
    }
}

/// Makes checkpoints of one index.
pub(crate) struct Checkpointer {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    index: PathBuf,
    /// Opened at the start, so that a failed write-back since then is reported to this handle.
    db: Box<dyn DiskFile>,
}

impl Checkpointer {
    /// Opens what is needed to sync the index that stands in `index`.
    pub(crate) fn open(disk: Arc<dyn Disk>, directory: &Path, index: &Path) -> Result<Self, OpenError> {
        let db = index.join("db");
        let db = disk.open(&db, Opening::Read).map_err(|error| io_at(&db, error))?;
        Ok(Self {
            disk,
            directory: directory.to_owned(),
            index: index.to_owned(),
            db,
        })
    }

    /// Puts the index on the disk, and returns what it then holds for certain.
    pub(crate) fn sync(&self, table: &SledTable) -> Result<Checkpoint, Fault> {
        let mark = table.mark()?;
        table.flush()?;
        self.sync_files()
            .map_err(|error| Fault::Io(format!("syncing the index: {error}")))?;
        Ok(Checkpoint {
            position: mark.position,
            rows: mark.rows,
        })
    }

    /// Notes a checkpoint in place of the last.
    ///
    /// # Errors
    /// Whatever the disk says. Nothing is lost by it: the last one is still true.
    pub(crate) fn note(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        checkpoint.write(&*self.disk, &self.directory)?;
        self.disk.remove(&self.index.join(BEING_BUILT))
    }

    fn sync_files(&self) -> io::Result<()> {
        self.db.sync_all()?;
        self.sync_if_there(&self.index.join("conf"))?;
        let blobs = self.index.join("blobs");
        match self.disk.list(&blobs) {
            Ok(paths) => {
                for path in paths {
                    self.sync_if_there(&path)?;
                }
                self.disk.sync_directory(&blobs)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        self.disk.sync_directory(&self.index)?;
        self.disk.sync_directory(&self.directory)
    }

    /// Syncs a file that sled may remove at any time.
    fn sync_if_there(&self, path: &Path) -> io::Result<()> {
        match self.disk.open(path, Opening::Read) {
            Ok(file) => file.sync_all(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}
