//! The committer: one thread that takes everything waiting, decides, writes one frame, syncs, publishes, and hands on
//! what is to be told.
//!
//! It never reads the index except for a unique key or a receipt that memory cannot tell of, and never waits for
//! it except when pending is full.

use crate::applier::ToApplier;
use crate::codec::Stored;
use crate::index;
use crate::journal::{FrameBuffer, Journal};
use crate::limits::stored_bytes_max;
use crate::options::GROUP_COMMITS_MAX;
use crate::record::{CursorMove, Entry, Record};
use crate::shared::Shared;
use crate::table::SledTable;
use crate::teller::{News, Teller};
use crate::verdict::{Behind, Judge, Ready, Refused};
use crate::view::View;
use crate::{Accepted, Body, Commit, Fault, Position, Receipt, ReceiptKey, Rejected};
use cartwright_domain::{EntityKey, Revision, Sequence, Timestamp, UniqueKey};
use crossbeam_channel::{Receiver, Sender};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::{io, mem};
use tokio::sync::oneshot;

/// What comes through the committer's queue. A commit is in a box: it would be copied at each step of its way, from the
/// queue's own blocks on, which are of many items.
pub(crate) enum Item {
    Commit(Box<Commit>),
    Retire(EntityKey, u64),
    Barrier(oneshot::Sender<()>),
    Cursor(CursorMove, oneshot::Sender<()>),
    Close(oneshot::Sender<Result<(), Fault>>),
}

/// What the judge asks: pending, then the index.
struct Known<'a> {
    shared: &'a Shared,
    index: &'a SledTable,
}

impl Known<'_> {
    /// Asks the index, which may have to ask the disk.
    fn asked<T>(&self, ask: impl FnOnce() -> T) -> T {
        self.shared.counters.writing.during(ask)
    }
}

impl Behind for Known<'_> {
    fn revision(&self, entity: EntityKey) -> Option<Revision> {
        let newest = self.shared.pending.entity(entity)?;
        Some(if newest.body == Body::Erase {
            Revision::default()
        } else {
            newest.revision
        })
    }

    fn holder(&self, key: &UniqueKey) -> Result<Option<EntityKey>, Fault> {
        let view = View {
            pending: &self.shared.pending,
            index: self.index,
        };
        self.asked(|| index::holder(&view, key))
    }

    fn receipt(&self, key: &ReceiptKey, absent_as_of: Position) -> Result<Option<Arc<Receipt>>, Fault> {
        match self.shared.pending.receipt(key) {
            Some(newest) => Ok(newest),
            // Whatever was written since is in pending.
            None if self.shared.pending.since() <= absent_as_of => Ok(None),
            None => Ok(self.asked(|| index::receipt(self.index, key))?.map(Arc::new)),
        }
    }
}

/// See the module.
pub(crate) struct Committer {
    pub(crate) items: Receiver<Item>,
    pub(crate) judge: Judge,
    pub(crate) journal: Journal,
    pub(crate) shared: Arc<Shared>,
    pub(crate) index: Arc<SledTable>,
    pub(crate) applier: Sender<ToApplier>,
    pub(crate) teller: Teller,
    pub(crate) group_bytes_max: usize,
    /// Rows after which the applier is told that a checkpoint is due.
    pub(crate) checkpoint_rows: u64,
}

/// What is taken together, and what becomes of it.
#[derive(Default)]
struct Group {
    taken: usize,
    at: Timestamp,
    rows: u64,
    snapshot_bytes: u64,
    accepted: Vec<(Position, Arc<Record>)>,
    cursors: Vec<CursorMove>,
    news: News,
    close: Option<oneshot::Sender<Result<(), Fault>>>,
}

/// A write that failed: it is not known what is on the disk.
struct Unknown(String);

impl Committer {
    /// Works until the store is closed or let go of.
    pub(crate) fn run(mut self) {
        let mut buffer = FrameBuffer::new();
        let mut group = Group::default();
        let mut carried = None;
        let close = loop {
            let Some(first) = carried.take().or_else(|| self.items.recv().ok()) else {
                break None;
            };
            carried = self.take(first, &mut group, &mut buffer);
            while carried.is_none() && group.close.is_none() && self.has_room(&group, &buffer) {
                let Ok(next) = self.items.try_recv() else { break };
                carried = self.take(next, &mut group, &mut buffer);
            }
            if let Err(Unknown(why)) = self.complete(&mut group, &mut buffer) {
                (self.shared.abort)(&why);
                return;
            }
            if group.close.is_some() {
                break group.close.take();
            }
        };
        self.close(carried, close);
    }

    fn has_room(&self, group: &Group, buffer: &FrameBuffer) -> bool {
        group.taken < GROUP_COMMITS_MAX && buffer.len() < self.group_bytes_max
    }

    /// Takes one item into the group; hands back a commit for which the group has no room.
    fn take(&mut self, item: Item, group: &mut Group, buffer: &mut FrameBuffer) -> Option<Item> {
        match item {
            Item::Commit(commit) => {
                let bytes = stored_bytes_max(&commit) + FrameBuffer::OVERHEAD;
                if !buffer.is_empty() && self.group_bytes_max < buffer.len() + bytes {
                    return Some(Item::Commit(commit));
                }
                group.taken += 1;
                self.decide(commit, group, buffer);
            }
            Item::Retire(entity, incarnation) => self.judge.retire(entity, incarnation),
            Item::Barrier(told) => group.news.passed.push(told),
            Item::Cursor(moved, told) => {
                group.taken += 1;
                group.rows += 1;
                let entry = Entry::Cursor(moved);
                let at = self.judge.position();
                buffer
                    .push(at, Position::default(), |out| entry.encode(out))
                    .expect("the name of a cursor was measured");
                if let Entry::Cursor(moved) = entry {
                    group.cursors.push(moved);
                    group.news.passed.push(told);
                }
            }
            Item::Close(told) => group.close = Some(told),
        }
        None
    }

    fn decide(&mut self, commit: Box<Commit>, group: &mut Group, buffer: &mut FrameBuffer) {
        let known = Known {
            shared: &self.shared,
            index: &self.index,
        };
        let Ready {
            position,
            previous,
            number,
            record,
            done,
        } = match self.judge.decide(commit, &known) {
            Ok(ready) => ready,
            Err(refused) => {
                group.news.refused.push(refused);
                return;
            }
        };
        let entry = Entry::Commit(Arc::clone(&record));
        buffer
            .push(position, previous, |out| entry.encode(out))
            .expect("the parts of a commit were measured before it was accepted");
        group.at = group.at.max(record.at);
        group.rows += record.rows();
        group.snapshot_bytes += record.snapshot_bytes();
        let accepted = Accepted { position, number };
        group.news.accepted.push((done, accepted));
        group.accepted.push((position, record));
    }

    /// Makes the group durable, publishes it, hands on what is to be told, and empties the group.
    fn complete(&mut self, group: &mut Group, buffer: &mut FrameBuffer) -> Result<(), Unknown> {
        let counters = &self.shared.counters;
        let position = self.judge.position();
        if !buffer.is_empty() {
            let first = group
                .accepted
                .first()
                .map_or(Position(position.0 + 1), |(first, _)| *first);
            let (journal, shared) = (&mut self.journal, &self.shared);
            let written = counters.writing.during(|| {
                kept(shared, || journal.check_kept(false))?;
                let written = journal.append(buffer, first)?;
                kept(shared, || journal.check_there())?;
                Ok(written)
            });
            let written = written
                .map_err(|error: io::Error| Unknown(format!("writing the journal failed: {error}")))?;
            buffer.clear();
            counters.groups.fetch_add(1, Ordering::Relaxed);
            counters.journal_bytes.fetch_add(written, Ordering::Relaxed);
            counters
                .commits
                .fetch_add(group.accepted.len() as u64, Ordering::Relaxed);
            counters
                .snapshot_bytes
                .fetch_add(group.snapshot_bytes, Ordering::Relaxed);
        }
        let rows = counters.rows.fetch_add(group.rows, Ordering::AcqRel);
        let is_checkpoint_due = rows < self.checkpoint_rows && self.checkpoint_rows <= rows + group.rows;
        self.shared.pending.insert(
            group
                .accepted
                .iter()
                .map(|(position, record)| (*position, record.as_ref())),
            group.cursors.iter(),
            |row| self.index.surely_lacks(row),
        );
        self.judge.published();
        // Published before any verdict is told.
        if !group.accepted.is_empty() {
            for sequence in Sequence::ALL {
                if let Some(number) = counters.number(*sequence) {
                    number.store(self.judge.last_number(*sequence), Ordering::Release);
                }
            }
            counters
                .recorded_at
                .fetch_max(group.at.millis(), Ordering::AcqRel);
            self.shared.recent.add(&group.accepted);
            group.news.synced = Some(position);
        }
        // Only now: whoever reads this finds everything up to it in pending or in the index.
        counters.announced.store(position.0, Ordering::Release);
        self.teller.bring(mem::take(&mut group.news));
        group.accepted.clear();
        group.cursors.clear();
        group.taken = 0;
        group.rows = 0;
        group.snapshot_bytes = 0;
        if self.shared.pending.is_full() {
            self.poke();
            self.shared.pending.wait_for_room();
        } else if is_checkpoint_due || self.shared.pending.is_half_full() {
            self.poke();
        }
        Ok(())
    }

    fn poke(&self) {
        // The applier ends before the committer only when the process aborts.
        let _ = self.applier.send(ToApplier::Poke);
    }

    /// Closes the journal, lets the applier close the rest once all is told, and refuses what still comes.
    fn close(mut self, carried: Option<Item>, told: Option<oneshot::Sender<Result<(), Fault>>>) {
        // In what has been put in its place nothing is noted.
        if let Err(error) = kept(&self.shared, || self.journal.check_kept(true)) {
            (self.shared.abort)(&format!("closing the journal failed: {error}"));
            return;
        }
        let Self {
            items,
            journal,
            index,
            applier,
            teller,
            ..
        } = self;
        drop(journal);
        drop(index);
        teller.bring(News {
            close: Some((applier, told)),
            ..News::default()
        });
        for item in carried.into_iter().chain(items) {
            let mut news = News::default();
            match item {
                Item::Commit(commit) => {
                    let done = commit.done;
                    let why = Rejected::closed();
                    news.refused.push(Refused { done, why });
                }
                Item::Barrier(told) => news.passed.push(told),
                Item::Close(told) => {
                    let _ = told.send(Ok(()));
                }
                // Dropping the sender tells the caller.
                Item::Retire(..) | Item::Cursor(..) => {}
            }
            teller.bring(news);
        }
    }
}

/// Does a check that what is written is still to be found, as long as anybody wants the store.
fn kept(shared: &Shared, check: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    if shared.is_let_go_of.load(Ordering::Acquire) {
        return Ok(());
    }
    check().inspect_err(|_| {
        // Where the whole directory was exchanged that is what is to be told.
        let _ = shared.check_place();
    })
}
