//! The feed: committed facts in order, read from the journal, never past what is synced.

use crate::codec::Stored;
use crate::journal::{Catalog, Reading};
use crate::recent::{Wanted, facts_of};
use crate::record::Entry;
use crate::{Fact, Fault, Position};

/// Reads the wanted facts of at most `commits_max` commits after a position, and tells how far was read.
pub(crate) fn read(
    catalog: &Catalog,
    after: Position,
    synced: Position,
    commits_max: usize,
    wanted: Wanted,
) -> Result<(Vec<Fact>, Position), Fault> {
    let mut facts = Vec::new();
    let mut read_to = after;
    let mut commits = 0;
    catalog.read(after, synced, |position, payload| {
        let Entry::Commit(record) = Entry::decode(payload)? else {
            return Ok(Reading::More);
        };
        facts.extend(facts_of(position, &record, wanted));
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
