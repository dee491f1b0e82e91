//! Rows: how a record changes the index, and how the index is read, over any sorted map of bytes.

use crate::codec::Stored;
use crate::key::{self, Table};
use crate::record::{EntityRow, LastCommit, Record};
use crate::{Body, DueTimer, Fault, Listed, ListingRow, Loaded, Position, Receipt, ReceiptKey, Scan};
use bytes::Bytes;
use cartwright_domain::{EntityKey, Revision, Sequence, Timestamp, UniqueKey};
use std::ops::{Bound, ControlFlow};

/// A range of keys.
pub(crate) type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// Looks at a row's key and value, and says whether to go on.
pub(crate) type EachRow<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// A sorted map of bytes: sled, or memory.
pub(crate) trait Rows {
    /// Reads a row.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Fault>;

    /// Shows the rows of a range in order, or against it, until told to break.
    fn walk(&self, range: Range, descending: bool, each: &mut EachRow<'_>) -> Result<(), Fault>;
}

/// A row to put, or to delete when it has no value.
pub(crate) type Change = (Vec<u8>, Option<Vec<u8>>);

/// Shows the rows that scans and look-ups read and that a record changes: keys and timers.
pub(crate) fn key_changes(record: &Record, mut each: impl FnMut(Change)) {
    for unique in &record.keys.unique_deleted {
        each((key::unique(unique), None));
    }
    for row in &record.keys.listing_deleted {
        each((key::listing(row, record.entity), None));
    }
    for (name, due) in &record.timers.deleted {
        each((key::timer(*due, record.entity, name), None));
    }
    for unique in &record.keys.unique_put {
        each((key::unique(unique), Some(stored(&record.entity))));
    }
    for row in &record.keys.listing_put {
        each((key::listing(row, record.entity), Some(Vec::new())));
    }
    for (name, due) in &record.timers.put {
        each((key::timer(*due, record.entity, name), Some(Vec::new())));
    }
}

/// Shows the other rows that a record changes: the entity's state and its receipts.
pub(crate) fn state_changes(record: &Record, position: Position, mut each: impl FnMut(Change)) {
    state_change(record.entity, &record.body, record.revision, position, &mut each);
    for deleted in &record.receipts_deleted {
        each((key::receipt(deleted), None));
    }
    for receipt in &record.receipts {
        each((key::receipt(&receipt.key), Some(stored(receipt.as_ref()))));
    }
}

/// Shows the rows of an entity's state.
pub(crate) fn state_change(
    entity: EntityKey,
    body: &Body,
    revision: Revision,
    position: Position,
    mut each: impl FnMut(Change),
) {
    match body {
        Body::Unchanged => {
            each((
                key::last_commit(entity),
                Some(stored(&LastCommit { position, revision })),
            ));
        }
        Body::Put(snapshot) => {
            each((key::entity(entity), Some(state_row(snapshot, revision, position))));
        }
        Body::Erase => {
            each((key::entity(entity), None));
            each((key::last_commit(entity), None));
        }
    }
}

/// The row of an entity's snapshot.
pub(crate) fn state_row(snapshot: &Bytes, revision: Revision, position: Position) -> Vec<u8> {
    stored(&EntityRow {
        position,
        revision,
        snapshot: snapshot.clone(),
    })
}

/// The stored form of a row whose parts were measured when the commit was accepted.
pub(crate) fn stored<T: Stored>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.room());
    value
        .encode(&mut out)
        .expect("the parts of a row were measured when its commit was accepted");
    out
}

/// Loads an entity's newest snapshot.
pub(crate) fn load(rows: &impl Rows, entity: EntityKey) -> Result<Option<Loaded>, Fault> {
    let name_it = |fault| named(entity, fault);
    let Some(row) = rows.get(&key::entity(entity))? else {
        return Ok(None);
    };
    let row = EntityRow::decode(&row).map_err(name_it)?;
    let mut loaded = Loaded {
        snapshot: row.snapshot,
        revision: row.revision,
        position: row.position,
        written_at: row.position,
    };
    if let Some(last) = rows.get(&key::last_commit(entity))? {
        let last = LastCommit::decode(&last).map_err(name_it)?;
        if loaded.position < last.position {
            loaded.position = last.position;
            loaded.revision = last.revision;
        }
    }
    Ok(Some(loaded))
}

fn named(entity: EntityKey, fault: Fault) -> Fault {
    match fault {
        Fault::Damaged { entity: _, reason } => Fault::Damaged {
            entity: entity.to_string(),
            reason,
        },
        other => other,
    }
}

/// Finds who holds a unique key.
pub(crate) fn holder(rows: &impl Rows, unique: &UniqueKey) -> Result<Option<EntityKey>, Fault> {
    rows.get(&key::unique(unique))?
        .map(|row| EntityKey::decode(&row))
        .transpose()
}

/// Finds a receipt, expired or not.
pub(crate) fn receipt(rows: &impl Rows, receipt: &ReceiptKey) -> Result<Option<Receipt>, Fault> {
    rows.get(&key::receipt(receipt))?
        .map(|row| Receipt::decode(&row))
        .transpose()
}

/// Reads a cursor.
pub(crate) fn cursor(rows: &impl Rows, name: &str) -> Result<Position, Fault> {
    let row = rows.get(&key::cursor(name))?;
    row.map_or(Ok(Position::default()), |row| Position::decode(&row))
}

/// Returns the range of every key that starts with `prefix`.
pub(crate) fn prefixed(prefix: Vec<u8>) -> Range {
    let end = key::past(&prefix).map_or(Bound::Unbounded, Bound::Excluded);
    (Bound::Included(prefix), end)
}

/// Reads a page of a listing, of a space of unique keys, or of a kind.
pub(crate) fn scan(rows: &impl Rows, scan: &Scan) -> Result<Vec<ListingRow>, Fault> {
    let after = scan.after.as_ref();
    let (prefix, after) = match scan.of {
        Listed::Listing(listing) => (
            key::listing_prefix(listing, &scan.prefix),
            after.map(|row| key::listing_row(listing, &row.sort, row.entity)),
        ),
        Listed::Unique(space) => (
            key::unique_row(space, &scan.prefix),
            after.map(|row| key::unique_row(space, &row.sort)),
        ),
        Listed::Kind(kind) => (
            key::entities(kind, &scan.prefix),
            after.map(|row| key::entity(row.entity)),
        ),
    };
    let mut range = prefixed(prefix);
    if let Some(after) = after {
        if scan.descending {
            range.1 = lower(range.1, after);
        } else {
            range.0 = higher(range.0, after);
        }
    }
    let mut page = Vec::new();
    if scan.limit == 0 || is_empty(&range) {
        return Ok(page);
    }
    let mut unreadable = None;
    rows.walk(range, scan.descending, &mut |row, value| {
        match listed(scan.of, row, value) {
            Ok(row) => page.push(row),
            Err(fault) => unreadable = Some(fault),
        }
        if unreadable.is_none() && page.len() < scan.limit {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    unreadable.map_or(Ok(page), Err)
}

/// Reads a row that a scan has come by.
fn listed(of: Listed, row: &[u8], value: &[u8]) -> Result<ListingRow, Fault> {
    match of {
        Listed::Listing(listing) => key::read_listing_row(row).ok_or_else(|| unreadable_row(listing.name())),
        Listed::Unique(space) => Ok(ListingRow {
            sort: key::read_unique(row)
                .ok_or_else(|| unreadable_row(space.name()))?
                .to_vec(),
            entity: EntityKey::decode(value)?,
        }),
        Listed::Kind(kind) => {
            let entity = key::read_entity_row(row).ok_or_else(|| unreadable_row(kind.name()))?;
            Ok(ListingRow {
                sort: entity.id.into(),
                entity,
            })
        }
    }
}

fn unreadable_row(table: &str) -> Fault {
    Fault::Damaged {
        entity: format!("a row of {table}"),
        reason: "its key cannot be read".to_owned(),
    }
}

/// The lower of an upper bound and `key`, which is itself excluded.
fn lower(bound: Bound<Vec<u8>>, key: Vec<u8>) -> Bound<Vec<u8>> {
    match bound {
        Bound::Excluded(end) if end <= key => Bound::Excluded(end),
        Bound::Excluded(_) | Bound::Included(_) | Bound::Unbounded => Bound::Excluded(key),
    }
}

/// The higher of a lower bound and `key`, which is itself excluded.
fn higher(bound: Bound<Vec<u8>>, key: Vec<u8>) -> Bound<Vec<u8>> {
    match bound {
        Bound::Included(start) if key < start => Bound::Included(start),
        Bound::Excluded(_) | Bound::Included(_) | Bound::Unbounded => Bound::Excluded(key),
    }
}

/// Tells whether a range that comes from a prefix can hold nothing; sorted maps panic on those.
fn is_empty(range: &Range) -> bool {
    match range {
        (Bound::Included(start), Bound::Excluded(end)) => end <= start,
        (Bound::Excluded(start), Bound::Excluded(end)) => end <= start,
        _ => false,
    }
}

/// Reads timers due at or before `until`, earliest first.
pub(crate) fn timers_due(rows: &impl Rows, until: Timestamp, limit: usize) -> Result<Vec<DueTimer>, Fault> {
    let end = match until.millis().checked_add(1) {
        Some(next) => key::timers_from(Timestamp::from_millis(next)),
        None => vec![Table::Timer.byte() + 1],
    };
    let mut due = Vec::new();
    if limit == 0 {
        return Ok(due);
    }
    let mut unreadable = false;
    let range = (Bound::Included(vec![Table::Timer.byte()]), Bound::Excluded(end));
    rows.walk(range, false, &mut |row, _| {
        let Some(timer) = key::read_timer(row) else {
            unreadable = true;
            return ControlFlow::Break(());
        };
        due.push(timer);
        if due.len() < limit {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    if unreadable {
        Err(unreadable_row("timers"))
    } else {
        Ok(due)
    }
}

/// Reads the last number drawn from a sequence: its last unique row.
pub(crate) fn last_number(rows: &impl Rows, sequence: Sequence) -> Result<u64, Fault> {
    let mut last = 0;
    rows.walk(
        prefixed(key::unique_row(key::sequence_space(sequence), &[])),
        true,
        &mut |row, _| match key::sequence_number(row) {
            Some(number) => {
                last = number;
                ControlFlow::Break(())
            }
            None => ControlFlow::Continue(()),
        },
    )?;
    Ok(last)
}
