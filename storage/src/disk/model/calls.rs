//! The calls that a process makes on the model.

use super::{Content, Lie, ModelDisk, Name, Node, State, Write};
use crate::disk::{Disk, DiskFile, Opening};
use std::io;
use std::path::{Path, PathBuf};

/// The directory in which a name stands.
fn above(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}

impl Disk for ModelDisk {
    fn open(&self, path: &Path, opening: Opening) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        let found = state.node(path);
        let number = match (found, opening) {
            (Ok(Node::Directory), _) => return Err(io::ErrorKind::IsADirectory.into()),
            (Ok(Node::File(number)), Opening::Read | Opening::Write) => number,
            (Ok(Node::File(number)), Opening::Create) => {
                let is_last = state.call()?;
                state.note(|| format!("empty {}", path.display()));
                state.write(number, Write::Length(0));
                State::answer(is_last, number)?
            }
            (Err(error), Opening::Read | Opening::Write) => return Err(error),
            (Err(_), Opening::Create) => {
                state.node(&above(path))?;
                let is_last = state.call()?;
                state.needs_room()?;
                let number = state.files.len();
                state.note(|| format!("make {} as file {number}", path.display()));
                state.files.push(Content::default());
                state.name(Name {
                    directory: above(path),
                    taken: None,
                    given: Some((path.to_owned(), Node::File(number))),
                });
                State::answer(is_last, number)?
            }
        };
        let disk = self.clone();
        Ok(Box::new(ModelFile { disk, number }))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.state();
        if state.node(directory)? != Node::Directory {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let below = state.names.keys().filter(|path| path.parent() == Some(directory));
        Ok(below.cloned().collect())
    }

    fn room(&self, directory: &Path) -> io::Result<u64> {
        self.state().node(directory)?;
        Ok(u64::MAX)
    }

    fn make_directory(&self, directory: &Path) -> io::Result<()> {
        let mut state = self.state();
        if state.node(directory).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.node(&above(directory))?;
        let is_last = state.call()?;
        state.needs_room()?;
        state.note(|| format!("make the directory {}", directory.display()));
        state.name(Name {
            directory: above(directory),
            taken: None,
            given: Some((directory.to_owned(), Node::Directory)),
        });
        State::answer(is_last, ())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let node = state.node(from)?;
        assert!(
            matches!(node, Node::File(_)) && from.parent() == to.parent(),
            "the model renames files within a directory only"
        );
        let is_last = state.call()?;
        state.needs_room()?;
        state.note(|| format!("rename {} to {}", from.display(), to.display()));
        state.name(Name {
            directory: above(to),
            taken: Some(from.to_owned()),
            given: Some((to.to_owned(), node)),
        });
        State::answer(is_last, ())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let Ok(node) = state.node(path) else {
            return Ok(());
        };
        assert!(matches!(node, Node::File(_)), "the model removes files only");
        let is_last = state.call()?;
        state.note(|| format!("remove {}", path.display()));
        state.name(Name {
            directory: above(path),
            taken: Some(path.to_owned()),
            given: None,
        });
        State::answer(is_last, ())
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.node(directory)?;
        let is_last = state.call()?;
        state.note(|| format!("sync the directory {}", directory.display()));
        if state.lie == Lie::SyncDirectory {
            return Ok(());
        }
        // A file system whose own journal fails takes no more writes: nothing of it is lost while it runs.
        let fails = state.goes_wrong(|odds| odds.sync);
        let is_done = !fails || state.dice.one_in(2);
        if is_done {
            for name in std::mem::take(&mut state.unsynced) {
                if name.directory == directory {
                    name.apply(&mut state.durable);
                } else {
                    state.unsynced.push(name);
                }
            }
        }
        if fails {
            state.note(|| "which fails".to_owned());
            return Err(io::Error::other("the disk failed to sync"));
        }
        State::answer(is_last, ())
    }
}

/// A file of the model, open.
struct ModelFile {
    disk: ModelDisk,
    number: usize,
}

impl DiskFile for ModelFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        if state.falls_short(4) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = state.files[self.number].seen.len();
        let at = usize::try_from(offset).unwrap_or(usize::MAX).min(length);
        let mut bytes = buffer.len().min(length - at);
        if 1 < bytes && state.falls_short(4) {
            bytes = 1 + state.dice.index(bytes - 1);
        }
        buffer[..bytes].copy_from_slice(&state.files[self.number].seen[at..at + bytes]);
        Ok(bytes)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        let number = self.number;
        let is_last = state.call()?;
        let mut bytes = bytes;
        let is_full = state.needs_room();
        let is_short = state.falls_short(1);
        if is_full.is_err() || is_last || is_short {
            let some = state.dice.index(bytes.len() + 1);
            bytes = &bytes[..some.max(usize::from(is_short))];
        }
        let at = usize::try_from(offset).map_err(io::Error::other)?;
        state.note(|| format!("write {} bytes to file {number} at {offset}", bytes.len()));
        if !bytes.is_empty() && !state.is_lied_about(number, at, bytes) {
            state.write(number, Write::Bytes(at, bytes.to_vec()));
        }
        if bytes.is_empty() {
            is_full?;
        }
        State::answer(is_last, bytes.len())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.state().files[self.number].seen.len() as u64)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let is_last = state.call()?;
        state.needs_room()?;
        let length = usize::try_from(bytes).map_err(io::Error::other)?;
        let longer = length.max(state.files[self.number].seen.len());
        state.write(self.number, Write::Length(longer));
        State::answer(is_last, ())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let (number, is_lie) = (self.number, state.lie == Lie::SyncData);
        state.note(|| format!("fdatasync file {number}"));
        state.sync_file(number, is_lie)
    }

    fn sync_all(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let (number, is_lie) = (self.number, state.lie == Lie::SyncAll);
        state.note(|| format!("fsync file {number}"));
        state.sync_file(number, is_lie)
    }
}
