//! What every store promises of scans: pages in both directions.

use crate::contract::check;
use crate::support::{draft, row, toy};
use cartwright_domain::{EntityKey, Kind, Listing, ListingKey, Unique, UniqueKey};
use cartwright_storage::{Body, Commit, Listed, ListingRow, Scan, Store};
use uuid::Uuid;

/// Where pages are read, and the rows that are there.
struct Pages<'a> {
    store: &'a dyn Store,
    of: Listed,
    rows: Vec<ListingRow>,
}

/// Returns rows with these sort values: the first leads to the first toy.
fn rows_of_toys(sorts: &[&[u8]]) -> Vec<ListingRow> {
    let row = |(number, sort): (u128, &&[u8])| ListingRow {
        sort: sort.to_vec(),
        entity: toy(number),
    };
    (1..).zip(sorts).map(row).collect()
}

impl Pages<'_> {
    /// Returns which rows a page has, by their places from 1.
    async fn read(&self, prefix: &[u8], after: Option<usize>, descending: bool, limit: usize) -> Vec<usize> {
        let at = |place: usize| self.rows[place - 1].clone();
        let scan = Scan {
            of: self.of,
            prefix: prefix.to_vec(),
            after: after.map(at),
            descending,
            limit,
        };
        let rows = self.store.scan(scan).await.unwrap();
        let place = |found: &ListingRow| self.rows.iter().position(|row| row == found);
        rows.iter().map(|found| place(found).unwrap() + 1).collect()
    }

    /// What holds whatever is read, of rows that begin with `a` up to the third.
    async fn check(&self) {
        let all: Vec<usize> = (1..=self.rows.len()).collect();
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
            rows: rows_of_toys(&sorts),
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
            rows: rows_of_toys(&held),
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

#[test]
fn a_scan_pages_through_a_kind_in_both_directions() {
    check(|store| async move {
        let toy = |id: [u8; 3]| {
            let mut bytes = [0; 16];
            bytes[..3].copy_from_slice(&id);
            EntityKey {
                kind: Kind::Toy,
                id: Uuid::from_bytes(bytes),
            }
        };
        let toys = [*b"a\0\0", *b"a\0b", *b"ab\0", *b"b\0\0"].map(toy);
        let of_another_kind = EntityKey {
            kind: Kind::Cart,
            ..toys[1]
        };
        let gone = toy(*b"aa\0");
        for entity in toys.into_iter().rev().chain([of_another_kind, gone]) {
            draft(&*store, entity, 0).accepted(&*store).await;
        }
        let erase = |commit: &mut Commit| commit.body = Body::Erase;
        draft(&*store, gone, 1).with(erase).accepted(&*store).await;
        let keep = |commit: &mut Commit| commit.body = Body::Unchanged;
        draft(&*store, toys[1], 1).with(keep).accepted(&*store).await;
        let row = |entity: EntityKey| ListingRow {
            sort: entity.id.into(),
            entity,
        };
        let pages = Pages {
            store: &*store,
            of: Kind::Toy.into(),
            rows: toys.map(row).into(),
        };
        pages.check().await;
        draft(&*store, toys[2], 1).with(erase).accepted(&*store).await;
        assert_eq!(pages.read(b"", None, false, 10).await, [1, 2, 4]);
    });
}
