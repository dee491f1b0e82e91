//! The newest commits, in memory, so that subscribers who keep up read no file and decode nothing.

use crate::commit::Body;
use crate::record::Record;
use crate::{Fact, Position};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// How many bytes of commits are kept.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// What a commit takes besides its snapshot and its events.
const COMMIT_BYTES: usize = 512;

/// See the module.
#[derive(Default)]
pub(crate) struct Recent {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    commits: VecDeque<(Position, Arc<Record>)>,
    bytes: usize,
}

impl Recent {
    /// Takes in a synced group, in order.
    pub(crate) fn add(&self, group: &[(Position, Arc<Record>)]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for (position, record) in group {
            kept.bytes += bytes_of(record);
            kept.commits.push_back((*position, Arc::clone(record)));
        }
        while BYTES_MAX < kept.bytes {
            let Some((_, oldest)) = kept.commits.pop_front() else {
                break;
            };
            kept.bytes -= bytes_of(&oldest);
        }
    }

    /// Returns at most so many commits after a position; none where the first of them is no longer here.
    pub(crate) fn after(&self, after: Position, commits_max: usize) -> Option<Vec<(Position, Arc<Record>)>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (oldest, _) = kept.commits.front()?;
        if after.0 + 1 < oldest.0 {
            return None;
        }
        // Positions have no gaps.
        let skipped = usize::try_from(after.0 + 1 - oldest.0).ok()?;
        Some(
            kept.commits
                .iter()
                .skip(skipped)
                .take(commits_max)
                .cloned()
                .collect(),
        )
    }
}

fn bytes_of(record: &Record) -> usize {
    let snapshot = match &record.body {
        Body::Put(snapshot) => snapshot.len(),
        Body::Unchanged | Body::Erase => 0,
    };
    COMMIT_BYTES
        + snapshot
        + record
            .events
            .iter()
            .map(|event| event.payload.len())
            .sum::<usize>()
}

/// Adds the facts of a commit.
pub(crate) fn facts_of(position: Position, record: &Record, facts: &mut Vec<Fact>) {
    for (index, recorded) in (0_u16..).zip(&record.events) {
        facts.push(Fact {
            position,
            index,
            entity: record.entity,
            revision: record.revision,
            recorded: recorded.clone(),
        });
    }
}
