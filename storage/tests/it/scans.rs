//! What every store promises of scans: pages in both directions.

use crate::contract::check;
use crate::support::{draft, row, toy};
use cartwright_domain::{Listing, ListingKey, Unique, UniqueKey};
use cartwright_storage::{Listed, ListingRow, Scan, Store};

/// Where pages are read, and the sort values of the rows that are there: the first leads to the first toy.
struct Pages<'a> {
    store: &'a dyn Store,
    of: Listed,
    sorts: &'a [&'a [u8]],
}

impl Pages<'_> {
    /// Returns which rows a page has, by their places from 1.
    async fn read(&self, prefix: &[u8], after: Option<usize>, descending: bool, limit: usize) -> Vec<usize> {
        let at = |place: usize| ListingRow {
            sort: self.sorts[place - 1].to_vec(),
            entity: toy(place as u128),
        };
        let scan = Scan {
            of: self.of,
            prefix: prefix.to_vec(),
            after: after.map(at),
            descending,
            limit,
        };
        let rows = self.store.scan(scan).await.unwrap();
        let place = |found: &ListingRow| (1..=self.sorts.len()).find(|place| at(*place) == *found);
        rows.iter().map(|found| place(found).unwrap()).collect()
    }

    /// What holds whatever is read, of rows that begin with `a` up to the third.
    async fn check(&self) {
        let all: Vec<usize> = (1..=self.sorts.len()).collect();
        let back: Vec<usize> = all.iter().rev().copied().collect();
        assert_eq!(self.read(b"", None, false, 10).await, all);
        assert_eq!(self.read(b"", None, true, 10).await, back);
        assert_eq!(self.read(b"", None, false, 2).await, all[..2]);
        assert_eq!(self.read(b"", Some(2), false, 2).await, all[2..4]);
        assert_eq!(self.read(b"", Some(4), true, 2).await, [3, 2]);
        assert_eq!(self.read(b"a", None, false, 10).await, [1, 2, 3]);
        assert_eq!(self.read(b"a", Some(all.len()), true, 10).await, [3, 2, 1]);
        assert_eq!(self.read(b"b", Some(1), false, 10).await, all[3..]);
        assert_eq!(self.read(b"a", Some(4), false, 10).await, [0; 0]);
        assert_eq!(self.read(b"c", None, false, 10).await, [0; 0]);
        assert_eq!(self.read(b"", None, false, 0).await, [0; 0]);
    }
}

#[test]
fn a_scan_pages_through_a_listing_in_both_directions() {
    check(|store| async move {
        let sorts: [&[u8]; 5] = [b"a", b"a\0", b"ab", b"b", b"b"];
        for (number, sort) in (1..).zip(sorts) {
            draft(&*store, toy(number), 0)
                .with(|commit| {
                    let other = ListingKey::new(Listing::Carts, sort);
                    commit.keys.listing_put.extend([row(sort), other]);
                })
                .accepted(&*store)
                .await;
        }
        let pages = Pages {
            store: &*store,
            of: Listing::Toy.into(),
            sorts: &sorts,
        };
        pages.check().await;
        draft(&*store, toy(3), 1)
            .with(|commit| commit.keys.listing_deleted.push(row(b"ab")))
            .accepted(&*store)
            .await;
        assert_eq!(pages.read(b"", None, false, 10).await, [1, 2, 4, 5]);
    });
}

#[test]
fn a_scan_pages_through_whoever_holds_a_key_in_both_directions() {
    check(|store| async move {
        let held: [&[u8]; 4] = [b"a", b"a\0", b"ab", b"b"];
        for (number, key) in (1..).zip(held) {
            draft(&*store, toy(number), 0)
                .with(|commit| {
                    let spaces = [Unique::Toy, Unique::Sku];
                    let keys = spaces.map(|space| UniqueKey::new(space, key));
                    commit.keys.unique_put.extend(keys);
                })
                .accepted(&*store)
                .await;
        }
        let pages = Pages {
            store: &*store,
            of: Unique::Toy.into(),
            sorts: &held,
        };
        pages.check().await;
        draft(&*store, toy(3), 1)
            .with(|commit| {
                let given_up = UniqueKey::new(Unique::Toy, b"ab");
                commit.keys.unique_deleted.push(given_up);
            })
            .accepted(&*store)
            .await;
        assert_eq!(pages.read(b"", None, false, 10).await, [1, 2, 4]);
    });
}
