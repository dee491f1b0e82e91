//! The machine's disk under watch: what is asked of it is heard, and refused where a test wants it.

use crate::left::{contents, fill, reopen, run};
use crate::support::{open, small};
use cartwright_storage::{Disk, DiskFile, Opening, Options, RealDisk, Store};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What is asked of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    SyncData,
    SyncAll,
    SyncDirectory,
    /// With the new name.
    Rename,
}

type Hear = dyn Fn(Call, &Path) -> io::Result<()> + Send + Sync;

/// Hears calls before they are done; one that it refuses is not done.
pub(crate) struct Watched(Arc<Hear>);

impl Watched {
    pub(crate) fn by(hear: impl Fn(Call, &Path) -> io::Result<()> + Send + Sync + 'static) -> Arc<dyn Disk> {
        Arc::new(Self(Arc::new(hear)))
    }
}

struct File {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    hear: Arc<Hear>,
}

impl Disk for Watched {
    fn open(&self, path: &Path, opening: Opening) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File {
            file: RealDisk.open(path, opening)?,
            path: path.to_owned(),
            hear: Arc::clone(&self.0),
        }))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        RealDisk.list(directory)
    }

    fn make_directory(&self, directory: &Path) -> io::Result<()> {
        RealDisk.make_directory(directory)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        (self.0)(Call::Rename, to)?;
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        (self.0)(Call::SyncDirectory, directory)?;
        RealDisk.sync_directory(directory)
    }
}

impl DiskFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.file.allocate(bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        (self.hear)(Call::SyncData, &self.path)?;
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        (self.hear)(Call::SyncAll, &self.path)?;
        self.file.sync_all()
    }
}

#[test]
fn a_checkpoint_claims_nothing_before_every_file_of_the_index_is_synced() {
    let directory = tempfile::tempdir().unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    let options = Options {
        disk: Watched::by(move |call, path| {
            hears.lock().unwrap().push((call, path.to_owned()));
            Ok(())
        }),
        ..small()
    };
    let store = open(directory.path(), &options);
    run(fill(&store, 1..=8));
    heard.lock().unwrap().clear();
    run(store.close()).unwrap();
    let heard = heard.lock().unwrap();
    let at = |call, name: &str| {
        let path = directory.path().join(name);
        let found = heard.iter().position(|one| *one == (call, path.clone()));
        found.unwrap_or_else(|| panic!("{call:?} of {name} is not among {heard:?}"))
    };
    let claimed = at(Call::Rename, "applied");
    for (call, name) in [
        (Call::SyncAll, "index/db"),
        (Call::SyncAll, "index/conf"),
        (Call::SyncDirectory, "index"),
        (Call::SyncAll, "applied.new"),
    ] {
        assert!(at(call, name) < claimed, "{name}");
    }
    let data = (Call::SyncDirectory, directory.path().to_owned());
    assert!(heard[..claimed].contains(&data) && heard[claimed..].contains(&data));
}

#[test]
fn a_checkpoint_is_not_made_of_an_index_that_cannot_be_synced() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        disk: Watched::by(|call, path| match call {
            Call::SyncAll if path.ends_with("index/db") => Err(io::Error::other("the disk is gone")),
            Call::SyncData | Call::SyncAll | Call::SyncDirectory | Call::Rename => Ok(()),
        }),
        ..small()
    };
    let store = open(directory.path(), &options);
    let before = run(async {
        fill(&store, 1..=8).await;
        contents(&store, 8).await
    });
    let told = run(store.close()).unwrap_err();
    assert!(told.to_string().contains("the disk is gone"), "{told}");
    assert!(!directory.path().join("applied").exists());
    drop(store);
    let (store, _) = reopen(directory.path());
    assert_eq!(run(contents(&store, 8)), before);
}
