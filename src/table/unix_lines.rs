//! Lines as Unix ends them.

use std::io::{BufRead, Read};

/// Reads each `\r\n` as `\n`, so that a line is counted where it ends.
pub(super) struct UnixLines {
    reader: Box<dyn BufRead>,
    /// A `\r` was read, and not yet what follows it.
    is_return_held: bool,
}

impl UnixLines {
    /// Reads so from a reader.
    pub(super) fn of(reader: Box<dyn BufRead>) -> Self {
        Self {
            reader,
            is_return_held: false,
        }
    }
}

impl Read for UnixLines {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let there = self.reader.fill_buf()?;
            if self.is_return_held {
                self.is_return_held = false;
                if there.first() != Some(&b'\n') {
                    buffer[0] = b'\r';
                    return Ok(1);
                }
            }
            let plain = there
                .iter()
                .position(|byte| *byte == b'\r')
                .unwrap_or(there.len());
            let taken = plain.min(buffer.len());
            if 0 < taken || there.is_empty() {
                buffer[..taken].copy_from_slice(&there[..taken]);
                self.reader.consume(taken);
                return Ok(taken);
            }
            self.reader.consume(1);
            self.is_return_held = true;
        }
    }
}
