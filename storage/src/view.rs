//! What every reader sees: the index, together with what it does not hold yet.
//!
//! Pending is asked before the index, and entries leave pending only once the index holds them: whatever was there
//! when a read began is found in one or the other.
//!
//! That is so of each row by itself. What moves from one row to another may be seen at both or at neither where the
//! index is told of it in the middle of a walk, so that a scan in which that may have been begins again.

use crate::index::{self, EachRow, Range, Rows};
use crate::pending::{Pending, Stretch};
use crate::table::SledTable;
use crate::{Fault, ListingRow, Scan};
use bytes::Bytes;
use std::cmp::Ordering;
use std::ops::{Bound, ControlFlow};

/// How many rows of pending are looked at together.
const STRETCH_ROWS: usize = 128;
/// How often a scan is read, at most. A pass is longer than a page, so that more than twice is rare.
const SCANS_MAX: u32 = 8;

/// See the module.
pub(crate) struct View<'a, Index: Rows = SledTable> {
    pub(crate) pending: &'a Pending,
    pub(crate) index: &'a Index,
}

impl<Index: Rows> View<'_, Index> {
    /// Reads rows as they stood together, where they are no more than are looked at together.
    ///
    /// # Errors
    /// The index cannot be read, or is damaged.
    pub(crate) fn scan(&self, scan: &Scan) -> Result<Vec<ListingRow>, Fault> {
        let mut passes = self.pending.passes();
        let mut rows = index::scan(self, scan)?;
        for _ in 1..SCANS_MAX {
            let begun = self.pending.passes();
            if begun == passes {
                break;
            }
            passes = begun;
            rows = index::scan(self, scan)?;
        }
        Ok(rows)
    }
}

impl<Index: Rows> Rows for View<'_, Index> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        match self.pending.row(key) {
            Some(value) => Ok(value.map(Bytes::from)),
            None => self.index.get(key),
        }
    }

    fn walk(&self, range: Range, descending: bool, each: &mut EachRow<'_>) -> Result<(), Fault> {
        let (mut start, mut end) = range;
        loop {
            let stretch = self
                .pending
                .stretch(&(start.clone(), end.clone()), descending, STRETCH_ROWS);
            let Stretch { rows, is_all } = stretch;
            // The index is read as far as pending was, and only after it.
            let last = rows.last().map(|(key, _)| key.clone()).filter(|_| !is_all);
            let here = match &last {
                None => (start.clone(), end.clone()),
                Some(last) if descending => (Bound::Included(last.clone()), end.clone()),
                Some(last) => (start.clone(), Bound::Included(last.clone())),
            };
            let merged = merge(rows, descending, each, |each| {
                self.index.walk(here, descending, each)
            })?;
            match last {
                Some(last) if merged.is_continue() && descending => end = Bound::Excluded(last),
                Some(last) if merged.is_continue() => start = Bound::Excluded(last),
                Some(_) | None => return Ok(()),
            }
        }
    }
}

/// Shows rows of two sorted sources as one; where both have a row, that of `over` counts.
fn merge(
    over: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    descending: bool,
    each: &mut EachRow<'_>,
    under: impl FnOnce(&mut EachRow<'_>) -> Result<(), Fault>,
) -> Result<ControlFlow<()>, Fault> {
    let mut over = over.into_iter().peekable();
    let mut flow = ControlFlow::Continue(());
    under(&mut |key, value| {
        loop {
            let order = over.peek().map_or(Ordering::Greater, |(next, _)| {
                let order = next.as_slice().cmp(key);
                if descending { order.reverse() } else { order }
            });
            if order == Ordering::Greater {
                flow = each(key, value);
                return flow;
            }
            if let Some((next, Some(value))) = over.next() {
                flow = each(&next, &value);
            }
            if order == Ordering::Equal || flow.is_break() {
                return flow;
            }
        }
    })?;
    for (key, value) in over {
        if flow.is_break() {
            break;
        }
        if let Some(value) = value {
            flow = each(&key, &value);
        }
    }
    Ok(flow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;
    use crate::{Body, Fence, KeyChange, Position, TimerChange};
    use cartwright_domain::{EntityKey, Kind, Listing, ListingKey, Revision, Timestamp};
    use proptest::prelude::*;
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;
    use uuid::Uuid;

    type Map = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

    fn maps() -> impl Strategy<Value = (Map, Map)> {
        let map = || {
            let value = proptest::option::of(Just(vec![1]));
            proptest::collection::btree_map(proptest::collection::vec(0_u8..4, 1..3), value, 0..12)
        };
        (map(), map())
    }

    /// An index that is told of what is pending in the middle of a walk, once something was committed.
    struct ToldMeanwhile<'a> {
        pending: &'a Pending,
        rows: RefCell<BTreeMap<Vec<u8>, Vec<u8>>>,
        meanwhile: Cell<Option<Record>>,
    }

    impl ToldMeanwhile<'_> {
        fn tell(&self) {
            let Some(record) = self.meanwhile.take() else {
                return;
            };
            commit(self.pending, 9, &record);
            for (row, waiting) in self.pending.begin().waiting() {
                waiting.change(row, |(row, value)| match value {
                    Some(value) => drop(self.rows.borrow_mut().insert(row, value)),
                    None => drop(self.rows.borrow_mut().remove(&row)),
                });
            }
            self.pending.end();
        }
    }

    impl Rows for ToldMeanwhile<'_> {
        fn get(&self, _: &[u8]) -> Result<Option<Bytes>, Fault> {
            Ok(None)
        }

        fn walk(&self, mut range: Range, _: bool, each: &mut EachRow<'_>) -> Result<(), Fault> {
            loop {
                let row = self
                    .rows
                    .borrow()
                    .range(range.clone())
                    .next()
                    .map(|(key, value)| (key.clone(), value.clone()));
                let Some((key, value)) = row else { return Ok(()) };
                if each(&key, &value).is_break() {
                    return Ok(());
                }
                range.0 = Bound::Excluded(key);
                self.tell();
            }
        }
    }

    fn named(id: u128, revision: u64, put: &str, deleted: Option<&str>) -> Record {
        let key = |name: &str| ListingKey::new(Listing::Toy, name);
        let entity = EntityKey {
            kind: Kind::Toy,
            id: Uuid::from_u128(id),
        };
        Record {
            entity,
            revision: Revision(revision),
            fence: Fence::default(),
            at: Timestamp::from_millis(0),
            body: Body::Put(Bytes::from_static(b"a state")),
            keys: KeyChange {
                listing_put: vec![key(put)],
                listing_deleted: deleted.map(key).into_iter().collect(),
                ..KeyChange::default()
            },
            events: Vec::new(),
            timers: TimerChange::default(),
            receipts: Vec::new(),
            receipts_deleted: Vec::new(),
        }
    }

    fn commit(pending: &Pending, position: u64, record: &Record) {
        let group = std::iter::once((Position(position), record));
        pending.insert(group, std::iter::empty(), |_| false);
    }

    #[test]
    fn what_is_renamed_while_a_list_is_read_is_in_it_once() {
        let check = |first: &Record, then: Option<&Record>, meanwhile: Record, expected: &[(&str, u128)]| {
            let pending = Pending::new(1 << 20, Position(0));
            let index = ToldMeanwhile {
                pending: &pending,
                rows: RefCell::default(),
                meanwhile: Cell::new(Some(named(2, 1, "b", None))),
            };
            commit(&pending, 1, first);
            index.tell();
            index.meanwhile.set(Some(meanwhile));
            if let Some(record) = then {
                commit(&pending, 5, record);
            }
            let view = View {
                pending: &pending,
                index: &index,
            };
            let scan = Scan {
                of: Listing::Toy.into(),
                prefix: Vec::new(),
                after: None,
                descending: false,
                limit: 100,
            };
            let rows = view.scan(&scan).expect("memory is read");
            let rows = rows
                .iter()
                .map(|row| (row.sort.as_slice(), row.entity.id.as_u128()));
            let expected = expected.iter().map(|(name, id)| (name.as_bytes(), *id));
            assert!(rows.clone().eq(expected), "{:?}", rows.collect::<Vec<_>>());
        };
        // The reader is past `a` when `m` goes there.
        let renamed = named(1, 2, "a", Some("m"));
        check(
            &named(1, 1, "m", None),
            None,
            renamed.clone(),
            &[("a", 1), ("b", 2)],
        );
        // The reader has copied `a` when it goes on to `z`.
        let again = named(1, 3, "z", Some("a"));
        check(
            &named(1, 1, "m", None),
            Some(&renamed),
            again,
            &[("b", 2), ("z", 1)],
        );
    }

    proptest! {
        #[test]
        fn two_sources_are_shown_as_one((over, under) in maps(), descending: bool, enough in 1_usize..20) {
            let mut expected: Map = under.keys().map(|key| (key.clone(), Some(vec![0]))).collect();
            expected.extend(over.clone());
            let mut expected: Vec<_> = expected
                .into_iter()
                .filter_map(|(key, value)| Some((key, value?)))
                .collect();
            let turn = |rows: &mut Vec<(Vec<u8>, Option<Vec<u8>>)>| if descending { rows.reverse() };
            let mut over: Vec<_> = over.into_iter().collect();
            turn(&mut over);
            let mut under: Vec<_> = under.into_keys().map(|key| (key, Some(vec![0]))).collect();
            turn(&mut under);
            if descending {
                expected.reverse();
            }
            expected.truncate(enough);
            let mut shown = Vec::new();
            let mut each = |key: &[u8], value: &[u8]| {
                shown.push((key.to_vec(), value.to_vec()));
                if shown.len() < enough { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            };
            let flow = merge(over, descending, &mut each, |each| {
                for (key, value) in &under {
                    if each(key, value.as_deref().unwrap_or_default()).is_break() {
                        break;
                    }
                }
                Ok(())
            });
            prop_assert!(flow.is_ok());
            prop_assert_eq!(shown, expected);
        }
    }
}
