//! The index in a play: rows are a function of the commits, so that a mark says all of it.

use crate::disk::dice::Dice;

/// How far an index goes, and which start wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) position: u64,
    pub(super) start: u64,
}

/// An index that keeps what was flushed, usually.
#[derive(Clone, Default)]
pub(super) struct Index {
    /// Every mark that was written, oldest first.
    written: Vec<Mark>,
    /// How many of them were flushed.
    flushed: usize,
    /// The furthest position that was ever flushed: what a checkpoint may claim.
    pub(super) furthest: u64,
}

impl Index {
    /// What processes see.
    pub(super) fn mark(&self) -> Mark {
        self.written.last().copied().unwrap_or_default()
    }

    pub(super) fn write(&mut self, mark: Mark) {
        self.written.push(mark);
    }

    /// Makes durable what was written and returns how far that goes.
    pub(super) fn flush(&mut self) -> u64 {
        self.flushed = self.written.len();
        let position = self.mark().position;
        self.furthest = self.furthest.max(position);
        position
    }

    /// Sets it aside.
    pub(super) fn clear(&mut self) {
        self.written.clear();
        self.flushed = 0;
    }

    /// Cuts the power: what was flushed is there and some of the rest; or all is lost, or it lies and is older.
    pub(super) fn cut_power(&mut self, dice: &mut Dice) {
        let unsure = self.written.len() - self.flushed;
        let left = match dice.below(6) {
            0 => 0,
            1 => dice.index(self.flushed + 1),
            2 => self.flushed,
            _ => self.flushed + dice.index(unsure + 1),
        };
        self.written.truncate(left);
        self.flushed = left;
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.written.is_empty()
    }
}
