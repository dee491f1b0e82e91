//! The bytes of every type that storage itself writes.

use crate::checkpoint::Checkpoint;
use crate::codec::{Stored, golden};
use crate::journal::FrameBuffer;
use crate::record::{CursorMove, EntityRow, Entry, LastCommit, Record, Start};
use crate::table::Mark;
use crate::{
    Body, Fence, KeyChange, Outcome, Position, Receipt, ReceiptKey, Recorded, TimerChange, index, key,
};
use bytes::Bytes;
use cartwright_domain::{
    Class, EntityKey, Kind, Listing, ListingKey, Problem, Revision, Timestamp, Unique, UniqueKey,
};
use std::fmt::Debug;
use std::sync::Arc;
use uuid::Uuid;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

fn check<T: Stored + PartialEq + Debug>(name: &str, value: &T) {
    let mut bytes = Vec::new();
    value.encode(&mut bytes).expect("it is small");
    golden::check(GOLDEN, name, &bytes);
    assert_eq!(
        &T::decode(&golden::read(GOLDEN, name)).expect("it was written"),
        value
    );
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(
            T::decode(&bytes).is_err(),
            "{name} decodes with bit {bit} flipped"
        );
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

fn cart() -> EntityKey {
    EntityKey {
        kind: Kind::Cart,
        id: Uuid::from_u128(0x0123_4567_89ab_cdef),
    }
}

fn receipts() -> [Receipt; 4] {
    let of = |outcome| Receipt {
        key: ReceiptKey::Caller {
            caller: "session:sess_1".to_owned(),
            key: "k-1".to_owned(),
        },
        fingerprint: [9; 32],
        entity: cart(),
        revision: Revision(3),
        outcome,
        expires_at: Some(Timestamp::from_millis(1_700_000_086_400)),
    };
    let step = ReceiptKey::Step {
        saga: cart(),
        step: "reserve_stock".into(),
        participant: cart(),
    };
    let refused = Problem::new(Class::Conflict, "cart.locked", "the cart is locked").with("lines", 2_u64);
    [
        of(Outcome::Running),
        of(Outcome::Done(vec![1, 2, 3])),
        of(Outcome::Refused(refused)),
        Receipt {
            key: step,
            expires_at: None,
            ..of(Outcome::Forbidden)
        },
    ]
}

fn record() -> Record {
    let key = |value: &str| UniqueKey::new(Unique::Sku, value);
    let row = |sort: u8| ListingKey::new(Listing::Carts, [sort, 0]);
    let timer = |name: &str| (name.to_owned(), Timestamp::from_millis(1_700_000_000_000));
    let [running, _, _, step] = receipts();
    Record {
        entity: cart(),
        revision: Revision(300),
        fence: Fence {
            start: 2,
            incarnation: 7,
        },
        at: Timestamp::from_millis(1_700_000_000_001),
        body: Body::Put(Bytes::from_static(b"a snapshot")),
        keys: KeyChange {
            unique_put: vec![key("A")],
            unique_deleted: vec![key("B")],
            listing_put: vec![row(1)],
            listing_deleted: vec![row(2)],
        },
        events: vec![Recorded {
            name: "cart.line_added".into(),
            at: Timestamp::from_millis(1_700_000_000_000),
            by: "session:sess_1".to_owned(),
            payload: Bytes::from_static(b"an event"),
        }],
        timers: TimerChange {
            put: vec![timer("abandon")],
            deleted: vec![timer("delete")],
        },
        receipts: vec![Arc::new(running)],
        receipts_deleted: vec![step.key],
    }
}

#[test]
fn receipts_keep_their_bytes() {
    let [running, done, refused, forbidden] = receipts();
    check("receipt-running-schema-1", &running);
    check("receipt-done-schema-1", &done);
    check("receipt-refused-schema-1", &refused);
    check("receipt-forbidden-schema-1", &forbidden);
}

#[test]
fn journal_entries_keep_their_bytes() {
    check(
        "entry-start-schema-1",
        &Entry::Start(Start {
            number: 3,
            at: Timestamp::from_millis(5),
        }),
    );
    let moved = CursorMove {
        subscriber: "mail".to_owned(),
        to: Position(70_000),
    };
    check("entry-cursor-schema-1", &Entry::Cursor(moved));
    check("entry-commit-schema-1", &Entry::Commit(Arc::new(record())));
    let erased = Record {
        body: Body::Erase,
        ..record()
    };
    check("entry-erase-schema-1", &Entry::Commit(Arc::new(erased)));
    let unchanged = Record {
        body: Body::Unchanged,
        ..record()
    };
    check("entry-unchanged-schema-1", &Entry::Commit(Arc::new(unchanged)));
}

#[test]
fn rows_of_the_index_keep_their_bytes() {
    let (position, revision) = (Position(70_000), Revision(300));
    let snapshot = Bytes::from_static(b"a snapshot");
    check(
        "entity-row-schema-1",
        &EntityRow {
            position,
            revision,
            snapshot,
        },
    );
    check("last-commit-schema-1", &LastCommit { position, revision });
    check("holder-schema-1", &cart());
    check("cursor-schema-1", &position);
    let rows = vec![1, 0, 300, 4, 5, 6, 70_000];
    let at = Timestamp::from_millis(1_700_000_000_000);
    check(
        "mark-schema-1",
        &Mark {
            position,
            start: 2,
            at,
            rows: rows.clone(),
        },
    );
    check("checkpoint-schema-1", &Checkpoint { position, rows });
}

#[test]
fn keys_of_the_index_keep_their_bytes() {
    let mut keys = Vec::new();
    index::key_changes(&record(), |(key, _)| keys.push(key));
    index::state_changes(&record(), Position(1), |(key, _)| keys.push(key));
    keys.extend([key::last_commit(cart()), key::cursor("mail"), key::mark()]);
    let mut bytes = Vec::new();
    for key in keys {
        bytes.push(u8::try_from(key.len()).expect("these keys are short"));
        bytes.extend(key);
    }
    golden::check(GOLDEN, "index-keys", &bytes);
}

#[test]
fn a_frame_keeps_its_bytes() {
    let mut buffer = FrameBuffer::new();
    for position in [7, 8] {
        let write = |out: &mut Vec<u8>| Entry::Commit(Arc::new(record())).encode(out);
        buffer
            .push(Position(position), Position(position - 3), write)
            .expect("it is small");
    }
    golden::check(GOLDEN, "frame", buffer.finish(0x0102_0304_0506_0708, Position(7)));
}
