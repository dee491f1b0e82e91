//! Damage to bytes that were synced: it is told, or it changes nothing.

use super::{End, Play};
use crate::journal::segment::{HEADER_BYTES, Listed, Segment};
use crate::journal::{Journal, Opened};
use crate::{Fault, OpenError};

/// How far behind the last frame bytes are spoiled, too.
const BEYOND_BYTES: u64 = 1_024;

impl Play {
    /// Spoils one byte under a journal that is open, reads everything, and mends it.
    pub(super) fn spoil_while_open(&mut self, journal: &Journal) -> Result<(), End> {
        let segment = journal.segment.clone();
        let offset = HEADER_BYTES as u64 + self.dice.below(journal.offset - HEADER_BYTES as u64);
        let flip = 1 << self.dice.below(8);
        self.disk.spoil(&segment.path, offset, flip);
        self.figures.bytes_spoiled += 1;
        self.read_spoiled(journal).map_err(End::Broken)?;
        self.disk.spoil(&segment.path, offset, flip);
        Ok(())
    }

    /// Spoils some byte of a journal that lacks nothing.
    pub(super) fn spoil(&mut self) -> Result<(), String> {
        let Listed { segments, .. } = self.listed()?;
        let segment = &segments[self.dice.index(segments.len())];
        let (last_segment, last_frame) = self.truth.last_frame;
        let is_last = segment.number == last_segment;
        let end = if is_last {
            last_frame + BEYOND_BYTES
        } else {
            segment.bytes
        };
        let offset = self.dice.below(end.min(segment.bytes));
        let flip = 1 << self.dice.below(8);
        self.check_spoiled(segment, offset, flip)
    }

    /// Spoils one byte of a segment, starts and reads everything.
    pub(super) fn check_spoiled(&mut self, segment: &Segment, offset: u64, flip: u8) -> Result<(), String> {
        self.disk.spoil(&segment.path, offset, flip);
        self.figures.bytes_spoiled += 1;
        let (last_segment, last_frame) = self.truth.last_frame;
        let is_last = segment.number == last_segment;
        // What was acknowledged last cannot be told from a torn tail, unless the index or a checkpoint knows of it.
        let is_last_group = is_last && last_frame <= offset;
        let before = self.truth.acknowledged.len() as u64;
        let claimed = self.claimed().map_err(why)?;
        if self.index.mark().position < claimed {
            self.index.clear();
        }
        let known = claimed.max(self.index.mark().position);
        let (opened, shown) = self.read_journal(claimed);
        let Opened {
            journal,
            position,
            cut,
            ..
        } = match opened {
            Ok(opened) => opened,
            Err(OpenError::Damaged { .. } | OpenError::Newer { .. }) => {
                self.figures.damage_refused += 1;
                return Ok(());
            }
            Err(error) => return Err(format!("damage at {offset} is told as something else: {error}")),
        };
        match cut {
            Some(_) if is_last_group && position.0 < before => {
                if position.0 < known {
                    return Err(format!(
                        "a group was cut that is known to have been acknowledged: {known}"
                    ));
                }
                self.figures.last_groups_spoiled += 1;
                return Ok(());
            }
            Some(cut) if !is_last_group => {
                return Err(format!("damage at {offset} is taken for a torn tail: {cut:?}"));
            }
            Some(_) | None => {}
        }
        if position.0 != before {
            return Err(format!(
                "damage at {offset} took commits from {} on in silence",
                position.0 + 1
            ));
        }
        self.check_shown(&shown).map_err(why)?;
        self.read_spoiled(&journal)
    }

    pub(super) fn read_spoiled(&mut self, journal: &Journal) -> Result<(), String> {
        match self.read(&journal.catalog(), 0) {
            Ok(()) => self.figures.damage_harmless += 1,
            Err(Fault::Damaged { .. }) => self.figures.damage_told_by_the_feed += 1,
            Err(fault) => return Err(format!("damage leads to a wrong answer: {fault}")),
        }
        Ok(())
    }
}

pub(super) fn why(end: End) -> String {
    match end {
        End::Stopped => "it stopped although nothing went wrong".to_owned(),
        End::Broken(why) => why,
    }
}
