//! A flipped bit in every byte of every file, one after the other.
//!
//! The ordinary run takes the beginning of every block, where headers are, and a part of the rest;
//! `CARTWRIGHT_FLIPS=all` takes every byte.

use super::index::Mark;
use super::spoil::why;
use super::{DATA, End, Figures, JOURNAL, Play, Shown};
use crate::checkpoint::Checkpoint;
use crate::disk::model::Lie;
use crate::disk::{Opening, read_all};
use crate::journal::frame::ALIGNMENT;
use crate::journal::segment::{self, Listed};
use crate::journal::{Journal, Opened};
use crate::{Disk, Fault, OpenError};
use std::path::Path;
use std::sync::Arc;

/// Enough groups for a second segment.
const GROUPS: u64 = 14;

/// What the index and the last checkpoint know of a journal that is flipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Nothing,
    Half,
    All,
}

/// Flips every byte of a journal of two segments, of the one made ahead and of the file `applied`, each on a disk of its own.
pub(crate) fn flip_every_byte() -> Result<Figures, String> {
    let mut figures = Figures::default();
    for known in [Known::Nothing, Known::Half, Known::All] {
        let play = Play::still_life(known).map_err(why)?;
        let mut flipped = play.flip_segments()?;
        flipped.add(&play.flip_made_ahead()?);
        if known != Known::Nothing {
            flipped.add(&play.flip_checkpoint()?);
        }
        figures.add(&flipped);
    }
    Ok(figures)
}

impl Play {
    fn still_life(known: Known) -> Result<Self, End> {
        let mut play = Self::new(3, Lie::None, false);
        let mut journal = play.open()?;
        for group in 0..GROUPS {
            play.move_cursor(&mut journal)?;
            play.append(&mut journal)?;
            let is_noted = match known {
                Known::Nothing => false,
                Known::Half => group == GROUPS / 2,
                Known::All => group + 1 == GROUPS,
            };
            if is_noted {
                play.index.write(Mark {
                    position: play.truth.acknowledged.len() as u64,
                    start: play.truth.start,
                });
                play.checkpoint()?;
            }
        }
        // Nobody has waited for a segment that is not there.
        let next = journal.segment.number + 1;
        journal
            .spares
            .make_ahead(next)
            .map_err(|error| play.stopped(error))?;
        Ok(play)
    }

    /// The same on a disk of its own.
    fn fork(&self) -> Self {
        let disk = self.disk.fork();
        let mut options = self.options.clone();
        options.disk = Arc::new(disk.clone());
        Self {
            disk,
            dice: self.dice.clone(),
            options,
            truth: self.truth.clone(),
            index: self.index.clone(),
            figures: Figures::default(),
        }
    }

    fn flip_segments(&self) -> Result<Figures, String> {
        let mut figures = Figures::default();
        let Listed { segments, .. } = self.listed()?;
        assert!(1 < segments.len(), "there are segments before the last");
        for segment in segments {
            for offset in offsets(segment.bytes, 7) {
                let mut play = self.fork();
                play.check_spoiled(&segment, offset, bit(offset))
                    .map_err(|why| format!("{} at {offset}: {why}", segment.name()))?;
                figures.add(&play.figures);
            }
        }
        Ok(figures)
    }

    pub(super) fn listed(&self) -> Result<Listed, String> {
        segment::list(&self.disk, Path::new(JOURNAL)).map_err(|error| error.to_string())
    }

    /// What was made ahead holds nothing yet, but what is wrong in it may show once it is begun.
    fn flip_made_ahead(&self) -> Result<Figures, String> {
        let mut figures = Figures::default();
        let ahead = self.listed()?.ahead.ok_or("nothing was made ahead")?;
        for offset in offsets(ahead.bytes, 101) {
            let mut play = self.fork();
            play.disk.spoil(&ahead.path, offset, bit(offset));
            play.figures.bytes_spoiled += 1;
            let named = |why| format!("{} at {offset}: {why}", ahead.name());
            if offset < segment::HEADER_BYTES as u64 {
                play.check_told().map_err(named)?;
                figures.add(&play.figures);
                continue;
            }
            // It looks like what a group has left that was torn.
            play.truth.is_in_doubt = true;
            let mut journal = play.open().map_err(why).map_err(named)?;
            let segment = journal.segment.number;
            while journal.segment.number < segment + 2 {
                play.append(&mut journal).map_err(why).map_err(named)?;
            }
            drop(journal);
            play.check_told().map_err(named)?;
            figures.add(&play.figures);
        }
        Ok(figures)
    }

    /// Starts and reads everything: all is right, or the damage is told.
    fn check_told(&mut self) -> Result<(), String> {
        let (opened, shown) = self.read_journal(0);
        let Opened {
            journal, position, ..
        } = match opened {
            Ok(opened) => opened,
            Err(OpenError::Damaged { .. }) => {
                self.figures.damage_refused += 1;
                return Ok(());
            }
            Err(error) => return Err(error.to_string()),
        };
        self.check_whole(&journal, position.0, &shown)
    }

    fn check_whole(&mut self, journal: &Journal, position: u64, shown: &Shown) -> Result<(), String> {
        let acknowledged = self.truth.acknowledged.len() as u64;
        if position != acknowledged {
            return Err(format!(
                "the journal ends with {position} instead of {acknowledged}"
            ));
        }
        self.check_shown(shown).map_err(why)?;
        self.read_spoiled(journal)
    }

    /// A checkpoint that is not what was written is not believed; the index is built anew.
    fn flip_checkpoint(&self) -> Result<Figures, String> {
        let mut figures = Figures::default();
        let applied = Path::new(DATA).join("applied");
        for offset in 0..self.bytes(&applied)? {
            let mut play = self.fork();
            play.disk.spoil(&applied, offset, bit(offset));
            play.figures.bytes_spoiled += 1;
            match Checkpoint::read(&play.disk, Path::new(DATA)) {
                Ok(Err(Fault::Damaged { .. } | Fault::Newer { .. })) => play.figures.damage_refused += 1,
                read => return Err(format!("applied at {offset} is read as {read:?}")),
            }
            play.index.clear();
            play.check_told()?;
            figures.add(&play.figures);
        }
        Ok(figures)
    }

    fn bytes(&self, path: &Path) -> Result<u64, String> {
        let file = self.disk.open(path, Opening::Read);
        let bytes = file.and_then(|file| read_all(&*file));
        Ok(bytes.map_err(|error| error.to_string())?.len() as u64)
    }
}

/// The bytes that are flipped: of an ordinary run one in so many, beginnings of blocks apart.
fn offsets(bytes: u64, one_in: u64) -> impl Iterator<Item = u64> {
    let is_all = std::env::var("CARTWRIGHT_FLIPS").is_ok_and(|flips| flips == "all");
    let beginning = if one_in < 64 { 64 } else { 0 };
    (0..bytes).filter(move |at| is_all || at % ALIGNMENT as u64 <= beginning || at % one_in == 0)
}

/// Another bit in each byte.
fn bit(offset: u64) -> u8 {
    1 << (offset % 8)
}
