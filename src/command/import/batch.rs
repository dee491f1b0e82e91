//! Rows that go to the server in one call: never more than it takes, in number and in bytes.

use super::RowResult;
use crate::client::{Call, Connection};
use cartwright_actors::import::ROWS_MAX;
use hyper::header::HeaderValue;
use serde::{Deserialize, Serialize};

/// How many bytes of JSON make a call large enough. With one more row it is still well below the 8 MiB that the server
/// takes.
const BYTES_ENOUGH: usize = 1 << 20;

/// The most bytes of JSON that a row may come to: more than the largest that the server has a use for.
const ROW_BYTES_MAX: usize = 2 << 20;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Batch {
    rows: usize,
    /// The rows as JSON, with commas between.
    json: Vec<u8>,
}

impl Batch {
    /// Adds a row as the server takes it.
    ///
    /// # Errors
    /// Why it cannot be sent, in words; the batch is as it was.
    pub(super) fn add(&mut self, row: &impl Serialize) -> Result<(), String> {
        let row = serde_json::to_vec(row).map_err(|error| error.to_string())?;
        if ROW_BYTES_MAX < row.len() {
            let bytes = row.len();
            return Err(format!(
                "it has {bytes} bytes, {ROW_BYTES_MAX} are the most; is a quotation mark closed too late?"
            ));
        }
        if 0 < self.rows {
            self.json.push(b',');
        }
        self.json.extend(row);
        self.rows += 1;
        Ok(())
    }

    /// Tells whether it is to be sent before another row is added.
    pub(super) fn is_full(&self) -> bool {
        ROWS_MAX <= self.rows || BYTES_ENOUGH <= self.json.len()
    }

    /// Returns how many rows it has.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Sends the rows, and returns what became of each.
    ///
    /// # Errors
    /// The call as a whole was refused.
    pub(super) async fn send(
        self,
        path: &str,
        connection: &mut Connection,
        staff: &HeaderValue,
    ) -> anyhow::Result<Vec<RowResult>> {
        #[derive(Deserialize)]
        struct Results {
            results: Vec<RowResult>,
        }
        let body = [br#"{"rows":["#.as_slice(), &self.json, b"]}"].concat();
        let answer = connection.call(Call::post(path).staff(staff).body(body)).await?;
        Ok(answer.json::<Results>()?.results)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a row that is so many bytes of JSON.
    fn row(bytes: usize) -> String {
        "x".repeat(bytes - 2)
    }

    /// Fills a batch with rows of so many bytes and tells how many it took, and their bytes.
    fn filled(bytes: usize) -> (usize, usize) {
        let mut batch = Batch::default();
        while !batch.is_full() {
            batch.add(&row(bytes)).expect("it may be sent");
        }
        (batch.rows(), batch.json.len())
    }

    #[test]
    fn a_batch_is_bounded_in_rows_and_in_bytes() {
        assert_eq!(filled(100), (500, 500 * 101 - 1));
        assert_eq!(filled(10_000), (105, 105 * 10_001 - 1));
        assert_eq!(filled(ROW_BYTES_MAX), (1, ROW_BYTES_MAX));
    }

    #[test]
    fn a_row_that_is_too_large_is_refused_and_the_others_stay() {
        let mut batch = Batch::default();
        batch.add(&7).expect("it may be sent");
        let reason = batch.add(&row(ROW_BYTES_MAX + 1)).expect_err("it is too large");
        assert!(
            reason.starts_with("it has 2097153 bytes, 2097152 are the most"),
            "{reason}"
        );
        batch.add(&8).expect("it may be sent");
        assert_eq!((batch.rows(), &*batch.json), (2, b"7,8".as_slice()));
    }
}
