//! Quotation marks that do not do what whoever wrote them meant.
//!
//! The parser takes text behind a closing mark for more of the value (`"Big" pan` is read as `Big pan`), so that a mark
//! too many may take in whole rows up to the next one without a word. RFC 4180 has nothing there but a separator or the
//! end of the line.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::Read;
use std::rc::Rc;

/// Where text stands behind closing marks, as far as the table was read: how many bytes are before it. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Misplaced(Rc<RefCell<VecDeque<u64>>>);

impl Misplaced {
    /// Tells whether any stands before a place, and forgets what does.
    pub(super) fn is_before(&self, place: u64) -> bool {
        let mut places = self.0.borrow_mut();
        let before = places.iter().take_while(|at| **at < place).count();
        places.drain(..before);
        before > 0
    }
}

/// Where a parser of separated values is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a value's first byte.
    Start,
    /// In a value that is not quoted, or behind one that was.
    Plain,
    /// In a quoted value.
    Quoted,
    /// Behind a mark in one: the first of two, or the closing one.
    Mark,
    /// Behind blanks behind the closing one.
    Behind,
}

/// A reader of a table that notes where text stands behind closing marks.
pub(super) struct Watched<R> {
    reader: R,
    delimiter: u8,
    state: State,
    read: u64,
    misplaced: Misplaced,
}

impl<R> Watched<R> {
    /// Watches what is read of a table with this separator.
    pub(super) fn of(reader: R, delimiter: u8, misplaced: Misplaced) -> Self {
        Self {
            reader,
            delimiter,
            state: State::Start,
            read: 0,
            misplaced,
        }
    }

    fn note(&mut self, byte: u8) {
        let is_end = byte == self.delimiter || byte == b'\n';
        self.state = match (self.state, byte) {
            (State::Quoted, b'"') => State::Mark,
            (State::Quoted, _) | (State::Start | State::Mark, b'"') => State::Quoted,
            _ if is_end => State::Start,
            // Blanks change nothing that anybody means.
            (State::Mark | State::Behind, b' ') => State::Behind,
            (State::Mark | State::Behind, _) => {
                self.misplaced.0.borrow_mut().push_back(self.read);
                State::Plain
            }
            (State::Start | State::Plain, _) => State::Plain,
        };
        self.read += 1;
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer)?;
        for byte in &buffer[..read] {
            self.note(*byte);
        }
        Ok(read)
    }
}
