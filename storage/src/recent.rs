//! The newest commits, in memory, so that subscribers who keep up read no file and decode nothing.

use crate::commit::Body;
use crate::record::Record;
use crate::{Fact, Position, Recorded};
use cartwright_domain::Kind;
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
    commits: VecDeque<Recalled>,
    bytes: usize,
}

/// A commit. Its kind stands here, too: most readers pass over most kinds, and the record lies in memory that their
/// core has not touched before.
struct Recalled {
    position: Position,
    kind: Kind,
    record: Arc<Record>,
}

impl Recent {
    /// Takes in a synced group, in order.
    pub(crate) fn add(&self, group: &[(Position, Arc<Record>)]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for (position, record) in group {
            kept.bytes += bytes_of(record);
            kept.commits.push_back(Recalled {
                position: *position,
                kind: record.entity.kind,
                record: Arc::clone(record),
            });
        }
        while BYTES_MAX < kept.bytes {
            let Some(oldest) = kept.commits.pop_front() else {
                break;
            };
            kept.bytes -= bytes_of(&oldest.record);
        }
    }

    /// Returns the wanted facts of at most so many commits after a position and up to a synced one, and how far was
    /// read; none where the first of those commits is no longer here.
    pub(crate) fn facts_after(
        &self,
        after: Position,
        synced: Position,
        commits_max: usize,
        wanted: Wanted,
    ) -> Option<(Vec<Fact>, Position)> {
        let mut read_to = after;
        let mut concerned = Vec::new();
        {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let oldest = kept.commits.front()?.position;
            // Positions have no gaps.
            let skipped = usize::try_from((after.0 + 1).checked_sub(oldest.0)?).ok()?;
            for commit in kept.commits.iter().skip(skipped).take(commits_max) {
                if synced < commit.position {
                    break;
                }
                read_to = commit.position;
                if wanted.concerns(commit.kind) {
                    concerned.push((commit.position, Arc::clone(&commit.record)));
                }
            }
        }
        let mut facts = Vec::new();
        for (position, record) in &concerned {
            facts_of(*position, record, wanted, &mut facts);
        }
        Some((facts, read_to))
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

/// Which facts a reader of the feed wants; it is not shown others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    Every,
    /// Those of such a kind and stable name.
    Only(&'static [(Kind, &'static str)]),
}

impl Wanted {
    fn concerns(self, kind: Kind) -> bool {
        match self {
            Self::Every => true,
            Self::Only(names) => names.iter().any(|(of, _)| *of == kind),
        }
    }

    fn takes(self, kind: Kind, name: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Only(names) => names.contains(&(kind, name)),
        }
    }

    /// Returns those of a commit's events that are wanted, each with its index.
    pub(crate) fn of(self, kind: Kind, events: &[Recorded]) -> impl Iterator<Item = (u16, &Recorded)> {
        (0_u16..)
            .zip(events)
            .filter(move |(_, event)| self.takes(kind, &event.name))
    }
}

/// Adds the wanted facts of a commit.
pub(crate) fn facts_of(position: Position, record: &Record, wanted: Wanted, facts: &mut Vec<Fact>) {
    for (index, recorded) in wanted.of(record.entity.kind, &record.events) {
        facts.push(Fact {
            position,
            index,
            entity: record.entity,
            revision: record.revision,
            recorded: recorded.clone(),
        });
    }
}
