//! What every reader sees: the index, together with what it does not hold yet.
//!
//! Pending is asked before the index, and entries leave pending only once the index holds them: whatever was there
//! when a read began is found in one or the other.

use crate::Fault;
use crate::index::{EachRow, Range, Rows};
use crate::pending::{Pending, Stretch};
use crate::table::SledTable;
use bytes::Bytes;
use std::cmp::Ordering;
use std::ops::{Bound, ControlFlow};

/// How many rows of pending are looked at together.
const STRETCH_ROWS: usize = 128;

/// See the module.
pub(crate) struct View<'a> {
    pub(crate) pending: &'a Pending,
    pub(crate) index: &'a SledTable,
}

impl Rows for View<'_> {
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
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Map = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

    fn maps() -> impl Strategy<Value = (Map, Map)> {
        let map = || {
            let value = proptest::option::of(Just(vec![1]));
            proptest::collection::btree_map(proptest::collection::vec(0_u8..4, 1..3), value, 0..12)
        };
        (map(), map())
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
