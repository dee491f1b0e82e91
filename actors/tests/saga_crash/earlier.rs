//! What a process of an earlier build left behind: the frozen quote of a checkout as an entity of its own, written
//! before the checkout noted that it was.

use cartwright_domain::cart::FrozenQuote;
use cartwright_domain::checkout::{Checkout, Step};
use cartwright_domain::order::Order;
use cartwright_domain::{Entity, EntityKey, Kind, Listing, Revision, Timestamp};
use cartwright_storage::codec::{decode_snapshot, encode_snapshot};
use cartwright_storage::{
    Body, Commit, Done, Fence, KeyChange, MemoryStore, Outcome, Position, Receipt, ReceiptChange, ReceiptKey,
    ReceiptPut, Scan, Store, TimerChange,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far the earlier build had come when it was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// The quote was written.
    ToTheQuote,
    /// The checkout had noted it, too.
    ToThePayment,
}

/// How many quotes were put beside their checkouts.
pub(crate) static PUT_BESIDE: AtomicU64 = AtomicU64::new(0);

/// Puts the quote of every open checkout beside it.
pub(crate) async fn put_quotes_beside(store: &MemoryStore, came: Came) {
    store.restart();
    let open = Scan {
        of: Listing::OpenSagas.into(),
        prefix: vec![Kind::Checkout.tag()],
        after: None,
        descending: false,
        limit: 10,
    };
    for row in store.scan(open).await.unwrap() {
        let loaded = store.load(row.entity).await.unwrap().unwrap();
        let mut checkout = decode_snapshot::<Checkout>(&loaded.snapshot).unwrap().state;
        let Some(quote) = checkout.quote.take() else {
            continue;
        };
        PUT_BESIDE.fetch_add(1, Ordering::Relaxed);
        let placed = store.load(Order::key(checkout.order)).await.unwrap().is_some();
        if came == Came::ToTheQuote && checkout.step == Step::AuthorizePayment && !placed {
            checkout.step = Step::ReserveStock;
            checkout.total = None;
            checkout.reserved = Arc::default();
        }
        let frozen = FrozenQuote::key(quote.checkout);
        let receipt = Receipt {
            key: ReceiptKey::Step {
                saga: row.entity,
                step: "freeze_quote".into(),
                participant: frozen,
            },
            fingerprint: [0; 32],
            entity: frozen,
            revision: Revision(1),
            outcome: Outcome::Done(Vec::new()),
            expires_at: None,
        };
        let first = (Revision(0), Position(0));
        put(store, frozen, first, &*quote, vec![receipt]);
        put(
            store,
            row.entity,
            (loaded.revision, loaded.position),
            &checkout,
            Vec::new(),
        );
    }
}

fn put<E: Entity>(
    store: &MemoryStore,
    entity: EntityKey,
    (expected, previous): (Revision, Position),
    state: &E,
    receipts: Vec<Receipt>,
) {
    let revision = expected.next();
    let receipts = receipts.into_iter().map(|receipt| ReceiptPut {
        receipt,
        replaces: None,
        absent_as_of: Position(u64::MAX),
    });
    store.submit(Commit {
        entity,
        expected,
        revision,
        previous,
        fence: Fence {
            start: store.start_number(),
            incarnation: 1,
        },
        at: Timestamp::default(),
        body: Body::Put(encode_snapshot(state, revision, &[]).unwrap()),
        keys: KeyChange::default(),
        events: Vec::new(),
        timers: TimerChange::default(),
        receipts: ReceiptChange {
            put: receipts.collect(),
            deleted: Vec::new(),
        },
        numbering: None,
        decision: None,
        rests_on: Vec::new(),
        done: Done(Box::new(|verdict| {
            assert!(verdict.is_ok(), "{verdict:?}");
        })),
    });
}
