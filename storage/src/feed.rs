//! The feed: committed facts in order, read from the journal, never past what is synced; and an entity's own, backwards.

use crate::codec::Stored;
use crate::journal::{Catalog, Reading};
use crate::recent::{Wanted, facts_of};
use crate::record::Entry;
use crate::{Fact, Fault, Past, Position};
use cartwright_domain::EntityKey;

/// Reads the wanted facts of at most `commits_max` commits after a position, and tells how far was read. What cannot be read
/// ends that: whoever goes on from there hears of it.
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
    let walked = catalog.read(after, synced, |position, payload| {
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
    });
    match walked {
        Err(_) if after < read_to => Ok((facts, read_to)),
        walked => walked.map(|()| (facts, read_to)),
    }
}

/// Reads at most so many commits of an entity, from one of them back; nothing where that one is another's. Damage ends
/// what is read: whoever goes on from there hears of it.
pub(crate) fn history(
    catalog: &Catalog,
    entity: EntityKey,
    from: Position,
    commits_max: usize,
) -> Result<Vec<Past>, Fault> {
    let mut commits = Vec::new();
    let mut others = None;
    let walked = catalog.walk_back(from, |position, previous, payload| {
        let Entry::Commit(record) = Entry::decode(payload)? else {
            return Err(Fault::Damaged {
                entity: entity.to_string(),
                reason: format!("what stands at {} is no commit", position.0),
            });
        };
        if record.entity != entity {
            return match commits.is_empty() {
                true => Ok(Reading::Enough),
                false => {
                    others = Some(Fault::Damaged {
                        entity: entity.to_string(),
                        reason: format!("commit {} is of {}", position.0, record.entity),
                    });
                    Ok(Reading::Enough)
                }
            };
        }
        commits.push(Past {
            position,
            previous,
            revision: record.revision,
            at: record.at,
            events: record.events.clone(),
        });
        Ok(if commits.len() < commits_max {
            Reading::More
        } else {
            Reading::Enough
        })
    });
    if let Some(others) = others {
        // Whoever goes on from there would only hear that nothing is there.
        return Err(others);
    }
    match walked {
        Err(Fault::Damaged { .. }) if !commits.is_empty() => Ok(commits),
        walked => walked.map(|()| commits),
    }
}
