//! The feed: committed facts in order, read from the journal, never past what is synced.

use crate::codec::Stored;
use crate::journal::{Catalog, Reading};
use crate::record::Entry;
use crate::{Fact, Fault, Position};
use std::sync::Arc;

/// Reads the facts of at most `commits_max` commits after a position, and tells how far was read.
pub(crate) fn read(
    catalog: &Catalog,
    after: Position,
    synced: Position,
    commits_max: usize,
) -> Result<(Vec<Fact>, Position), Fault> {
    let mut facts = Vec::new();
    let mut read_to = after;
    let mut commits = 0;
    catalog.read(after, synced, |position, payload| {
        let Entry::Commit(record) = Entry::decode(payload)? else {
            return Ok(Reading::More);
        };
        let record = Arc::unwrap_or_clone(record);
        for (index, recorded) in (0_u16..).zip(record.events) {
            facts.push(Fact {
                position,
                index,
                entity: record.entity,
                revision: record.revision,
                recorded,
            });
        }
        read_to = position;
        commits += 1;
        Ok(if commits < commits_max {
            Reading::More
        } else {
            Reading::Enough
        })
    })?;
    Ok((facts, read_to))
}
