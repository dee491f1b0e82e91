//! Lines as Unix ends them.

use std::io::{BufRead, Read};

/// Reads each `\r\n`, and each `\r` alone, as `\n`, so that a line is counted where it ends.
pub(super) struct UnixLines {
    reader: Box<dyn BufRead>,
    /// A `\r` was read: a `\n` behind it belongs to it.
    is_behind_return: bool,
}

impl UnixLines {
    /// Reads so from a reader.
    pub(super) fn of(reader: Box<dyn BufRead>) -> Self {
        Self {
            reader,
            is_behind_return: false,
        }
    }
}

impl Read for UnixLines {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if std::mem::take(&mut self.is_behind_return) && self.reader.fill_buf()?.first() == Some(&b'\n') {
            self.reader.consume(1);
        }
        let there = self.reader.fill_buf()?;
        let plain = there.iter().position(|byte| *byte == b'\r');
        let taken = plain.unwrap_or(there.len()).min(buffer.len());
        if taken == 0 && !there.is_empty() {
            self.reader.consume(1);
            self.is_behind_return = true;
            buffer[0] = b'\n';
            return Ok(1);
        }
        buffer[..taken].copy_from_slice(&there[..taken]);
        self.reader.consume(taken);
        Ok(taken)
    }
}
