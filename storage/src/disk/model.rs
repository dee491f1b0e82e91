//! A disk in memory that keeps no more than it promised: what was not synced may be gone after a crash.
//!
//! It is harsher than a file system: each unsynced write is kept, dropped or torn for itself, each unsynced name is
//! kept or dropped for itself, and after a failed sync readers may be shown bytes that no later sync writes.
//! Three things are taken for granted: a rename is atomic, the names of one file change in order, and what one call
//! wrote into one block of 512 bytes is there wholly or not at all.

mod calls;

use super::dice::Dice;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a disk tears at best.
const SECTOR_BYTES: usize = 512;
/// What it tears at worst.
const PAGE_BYTES: usize = 4_096;

/// A call that the disk answers and does not do: a way to break what stands on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// None: an honest disk.
    None,
    /// `fdatasync` says yes and does nothing.
    SyncData,
    /// `fsync` of a file says yes and does nothing.
    SyncAll,
    /// `fsync` of a directory says yes and does nothing.
    SyncDirectory,
    /// Zeros over bytes that are not are not written.
    Zeros,
    /// Bytes that readers see already are not written again.
    Unchanged,
    /// A failed sync says that it worked.
    Success,
}

/// How often things go wrong, once in so many times; zero is never.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Odds {
    /// A sync of a file or directory fails.
    pub(crate) sync: u64,
    /// A call that needs room finds none.
    pub(crate) full: u64,
    /// A write or read does less than asked for.
    pub(crate) short: u64,
}

/// What happens to the process and the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The process is killed; the operating system goes on.
    Kill,
    /// The power is cut.
    Power,
}

/// See the module. Clones are the same disk.
#[derive(Clone)]
pub(crate) struct ModelDisk(Arc<Mutex<State>>);

struct State {
    dice: Dice,
    lie: Lie,
    odds: Odds,
    /// Calls that change something until the process ends.
    calls_left: u64,
    /// Whether something was made to go wrong since the last start.
    has_failed: bool,
    files: Vec<Content>,
    /// What processes see.
    names: BTreeMap<PathBuf, Node>,
    /// What is on the disk.
    durable: BTreeMap<PathBuf, Node>,
    unsynced: Vec<Name>,
    /// What happened, for people; nothing while nobody reads it.
    history: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Directory,
    File(usize),
}

/// A name that was given or taken and is not durable.
struct Name {
    directory: PathBuf,
    taken: Option<PathBuf>,
    given: Option<(PathBuf, Node)>,
}

#[derive(Default)]
struct Content {
    /// What processes see.
    seen: Vec<u8>,
    /// What is on the disk.
    durable: Vec<u8>,
    /// What a sync would write, in order. What is seen, and neither here nor durable, a failed sync has lost.
    unsynced: Vec<Write>,
}

enum Write {
    Bytes(usize, Vec<u8>),
    Length(usize),
}

impl Write {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Bytes(at, bytes) => {
                let end = at + bytes.len();
                if to.len() < end {
                    to.resize(end, 0);
                }
                to[*at..end].copy_from_slice(bytes);
            }
            Self::Length(length) => to.resize(*length, 0),
        }
    }

    /// Cuts bytes at the multiples of a block.
    fn pieces(self, block: usize) -> Vec<Self> {
        let Self::Bytes(at, bytes) = self else {
            return vec![self];
        };
        let mut pieces = Vec::new();
        let mut rest = bytes.as_slice();
        let mut from = at;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(block - from % block));
            pieces.push(Self::Bytes(from, piece.to_vec()));
            from += piece.len();
            rest = after;
        }
        pieces
    }
}

/// What a crash makes of a file's unsynced writes.
#[derive(Clone, Copy, Debug)]
enum Mood {
    Keep,
    Drop,
    /// The first so many are kept.
    Prefix,
    /// Each for itself.
    Each,
    /// Each block of each for itself.
    Torn(usize),
}

impl Mood {
    fn draw(dice: &mut Dice) -> Self {
        match dice.below(7) {
            0 => Self::Keep,
            1 => Self::Drop,
            2 => Self::Prefix,
            3 => Self::Each,
            4 => Self::Torn(PAGE_BYTES),
            _ => Self::Torn(SECTOR_BYTES),
        }
    }
}

impl ModelDisk {
    /// An empty disk with a root directory.
    pub(crate) fn new(seed: u64, lie: Lie, is_recorded: bool) -> Self {
        let root = BTreeMap::from([(PathBuf::from("/"), Node::Directory)]);
        Self(Arc::new(Mutex::new(State {
            dice: Dice::new(seed),
            lie,
            odds: Odds::default(),
            calls_left: u64::MAX,
            has_failed: false,
            files: Vec::new(),
            names: root.clone(),
            durable: root,
            unsynced: Vec::new(),
            history: is_recorded.then(Vec::new),
        })))
    }

    /// A disk of its own with the same content, on which nothing goes wrong.
    pub(crate) fn fork(&self) -> Self {
        let state = self.state();
        let files = state.files.iter().map(|file| Content {
            seen: file.seen.clone(),
            durable: file.durable.clone(),
            unsynced: Vec::new(),
        });
        Self(Arc::new(Mutex::new(State {
            dice: state.dice.clone(),
            lie: state.lie,
            odds: Odds::default(),
            calls_left: u64::MAX,
            has_failed: false,
            files: files.collect(),
            names: state.names.clone(),
            durable: state.durable.clone(),
            unsynced: Vec::new(),
            history: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a process, which ends after so many calls that change something.
    pub(crate) fn start(&self, odds: Odds, calls: u64) {
        let mut state = self.state();
        state.odds = odds;
        state.calls_left = calls;
        state.has_failed = false;
    }

    /// Tells whether this process was told of a failure, or is over.
    pub(crate) fn has_failed(&self) -> bool {
        self.state().has_failed
    }

    /// Writes into the history.
    pub(crate) fn note(&self, what: impl FnOnce() -> String) {
        self.state().note(what);
    }

    pub(crate) fn history(&self) -> Vec<String> {
        self.state().history.clone().unwrap_or_default()
    }

    /// Ends the process, and perhaps the machine: what is left is what a start finds.
    pub(crate) fn crash(&self, crash: Crash) {
        let mut state = self.state();
        state.note(|| format!("-- {crash:?} --"));
        match crash {
            Crash::Kill => state.forget_some_lost(),
            Crash::Power => state.cut_power(),
        }
        state.calls_left = u64::MAX;
        state.odds = Odds::default();
    }

    /// Forgets to write what is not synced, as after a sync that failed: readers still see it.
    pub(crate) fn lose_unsynced(&self) {
        for file in &mut self.state().files {
            file.unsynced.clear();
        }
    }

    /// Tells whether a power cut would leave every file as it is seen.
    pub(crate) fn is_synced(&self) -> bool {
        self.state().files.iter().all(|file| file.seen == file.durable)
    }

    /// Changes one byte that is on the disk.
    pub(crate) fn spoil(&self, path: &Path, offset: u64, flip: u8) {
        let mut state = self.state();
        let Some(Node::File(number)) = state.names.get(path).copied() else {
            panic!("{} is not there to be spoiled", path.display());
        };
        state.note(|| format!("spoil {} at {offset}", path.display()));
        let at = usize::try_from(offset).expect("files of a model are small");
        let file = &mut state.files[number];
        file.seen[at] ^= flip;
        file.durable[at] ^= flip;
    }
}

impl State {
    fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(history) = &mut self.history {
            history.push(what());
        }
    }

    /// Counts a call that changes something; an error when the process has ended.
    ///
    /// Tells whether it is the last: what it does is done, but nobody hears of it.
    fn call(&mut self) -> io::Result<bool> {
        if self.calls_left == 0 {
            return Err(io::Error::other("the process is over"));
        }
        self.calls_left -= 1;
        if self.calls_left == 0 {
            self.has_failed = true;
            self.note(|| "the process ends here".to_owned());
            // Half of the last calls do nothing at all.
            if self.dice.one_in(2) {
                return Err(io::Error::other("the process is over"));
            }
            return Ok(true);
        }
        Ok(false)
    }

    fn answer<T>(is_last: bool, value: T) -> io::Result<T> {
        if is_last {
            Err(io::Error::other("the process is over"))
        } else {
            Ok(value)
        }
    }

    /// Whether a call does less than it was asked for: one in so many times as often as the odds say.
    fn falls_short(&mut self, times: u64) -> bool {
        let odds = self.odds.short * times;
        odds != 0 && self.dice.one_in(odds)
    }

    fn goes_wrong(&mut self, odds: impl FnOnce(&Odds) -> u64) -> bool {
        let times = odds(&self.odds);
        let wrong = times != 0 && self.dice.one_in(times);
        self.has_failed |= wrong;
        wrong
    }

    /// A call that needs room: an error when the disk is full.
    fn needs_room(&mut self) -> io::Result<()> {
        if self.goes_wrong(|odds| odds.full) {
            self.note(|| "the disk is full".to_owned());
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn write(&mut self, number: usize, write: Write) {
        let file = &mut self.files[number];
        write.apply(&mut file.seen);
        file.unsynced.push(write);
    }

    /// Whether a lie leaves a write undone.
    fn is_lied_about(&self, number: usize, at: usize, bytes: &[u8]) -> bool {
        let seen = self.files[number].seen.get(at..at + bytes.len());
        match self.lie {
            Lie::Zeros => seen.is_some_and(|seen| seen != bytes) && bytes.iter().all(|byte| *byte == 0),
            Lie::Unchanged => seen == Some(bytes),
            Lie::None | Lie::SyncData | Lie::SyncAll | Lie::SyncDirectory | Lie::Success => false,
        }
    }

    fn sync_file(&mut self, number: usize, is_lie: bool) -> io::Result<()> {
        let is_last = self.call()?;
        if is_lie {
            return Ok(());
        }
        if self.goes_wrong(|odds| odds.sync) {
            self.fail_sync(number);
            if self.lie == Lie::Success {
                return Ok(());
            }
            return Err(io::Error::other("the disk failed to sync"));
        }
        let file = &mut self.files[number];
        for write in file.unsynced.drain(..) {
            write.apply(&mut file.durable);
        }
        Self::answer(is_last, ())
    }

    /// A part of the writes reaches the disk, a part is still to be written, and a part never will be.
    fn fail_sync(&mut self, number: usize) {
        let writes = std::mem::take(&mut self.files[number].unsynced);
        let (mut durable, mut lost) = (0, 0);
        for piece in writes.into_iter().flat_map(|write| write.pieces(SECTOR_BYTES)) {
            match self.dice.below(3) {
                0 => {
                    durable += 1;
                    piece.apply(&mut self.files[number].durable);
                }
                1 => lost += 1,
                _ => self.files[number].unsynced.push(piece),
            }
        }
        self.note(|| {
            format!("a sync of file {number} fails: {durable} pieces durable, {lost} lost, others not yet")
        });
    }

    /// What a failed sync has lost may be seen until the cache is short of room.
    fn forget_some_lost(&mut self) {
        for number in 0..self.files.len() {
            if self.dice.one_in(2) {
                continue;
            }
            let file = &mut self.files[number];
            let mut seen = file.durable.clone();
            for write in &file.unsynced {
                write.apply(&mut seen);
            }
            file.seen = seen;
        }
    }

    fn cut_power(&mut self) {
        for number in 0..self.files.len() {
            self.cut_power_of(number);
        }
        self.cut_power_of_names();
        // What stands in a directory that is gone is gone.
        let mut durable = BTreeMap::new();
        for (path, node) in &self.durable {
            let above = path.parent();
            if above.is_none_or(|above| durable.contains_key(above)) {
                durable.insert(path.clone(), *node);
            }
        }
        self.names = durable.clone();
        self.durable = durable;
    }

    /// Keeps some unsynced names. Those of one file change in order: what was kept implies what was before.
    fn cut_power_of_names(&mut self) {
        let mood = Mood::draw(&mut self.dice);
        let names = std::mem::take(&mut self.unsynced);
        let mut left = self.dice.index(names.len() + 1);
        let mut kept: Vec<bool> = names
            .iter()
            .map(|_| {
                left = left.saturating_sub(1);
                match mood {
                    Mood::Keep => true,
                    Mood::Drop => false,
                    Mood::Prefix => 0 < left,
                    Mood::Each | Mood::Torn(_) => self.dice.one_in(2),
                }
            })
            .collect();
        for (at, name) in names.iter().enumerate().rev() {
            kept[at] |= names[at..]
                .iter()
                .zip(&kept[at..])
                .any(|(later, is_kept)| *is_kept && later.node() == name.node());
        }
        for (name, is_kept) in names.iter().zip(kept) {
            let what = if is_kept { "keeps" } else { "drops" };
            self.note(|| format!("{what} the name: {:?} for {:?}", name.given, name.taken));
            if is_kept {
                name.apply(&mut self.durable);
            }
        }
    }

    fn cut_power_of(&mut self, number: usize) {
        let writes = std::mem::take(&mut self.files[number].unsynced);
        let mood = Mood::draw(&mut self.dice);
        if !writes.is_empty() {
            let count = writes.len();
            self.note(|| format!("file {number} has {count} writes that were not synced: {mood:?}"));
        }
        let mut durable = std::mem::take(&mut self.files[number].durable);
        let mut left = self.dice.index(writes.len() + 1);
        for write in writes {
            left = left.saturating_sub(1);
            let pieces = match mood {
                Mood::Torn(block) => write.pieces(block),
                Mood::Keep | Mood::Drop | Mood::Prefix | Mood::Each => vec![write],
            };
            for piece in pieces {
                let is_kept = match mood {
                    Mood::Keep => true,
                    Mood::Drop => false,
                    Mood::Prefix => 0 < left,
                    Mood::Each | Mood::Torn(_) => self.dice.one_in(2),
                };
                if is_kept {
                    piece.apply(&mut durable);
                } else if let Write::Bytes(at, bytes) = &piece {
                    self.lengthen(&mut durable, at + bytes.len());
                }
            }
        }
        let file = &mut self.files[number];
        file.seen.clone_from(&durable);
        file.durable = durable;
    }

    /// The length of a write may reach the disk without its bytes; then there is whatever was there before.
    fn lengthen(&mut self, durable: &mut Vec<u8>, end: usize) {
        if end <= durable.len() || self.dice.one_in(2) {
            return;
        }
        let from = durable.len();
        durable.resize(end, 0);
        let other = self.dice.index(self.files.len().max(1));
        if let Some(old) = self.files[other].durable.get(from..end) {
            durable[from..].copy_from_slice(old);
        }
    }

    fn name(&mut self, name: Name) {
        name.apply(&mut self.names);
        self.unsynced.push(name);
    }

    fn node(&self, path: &Path) -> io::Result<Node> {
        let node = self.names.get(path).copied();
        node.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Name {
    fn node(&self) -> Option<Node> {
        self.given.as_ref().map(|(_, node)| *node)
    }

    fn apply(&self, to: &mut BTreeMap<PathBuf, Node>) {
        if let Some(taken) = &self.taken {
            to.remove(taken);
        }
        if let Some((path, node)) = &self.given {
            to.insert(path.clone(), *node);
        }
    }
}
